#include "site/coap_host.hpp"

#include "net/descriptor_limit.hpp"
#include "net/lookup.hpp"
#include "site/coap_streams.hpp"
#include "site/coap_udp.hpp"
#include "site/kept_oscore.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <deque>
#include <unordered_map>

namespace causeway::site {
namespace {

using coap::Peer;
using coap::Transport;

/// Of a DTLS peer's channel: which of our sockets, and which of its sessions.
constexpr unsigned session_bits = 27;
constexpr std::uint32_t session_mask = (1u << session_bits) - 1;
static_assert(session_mask == net::DtlsHost::channel_max);
constexpr std::size_t dtls_sockets_max = 1u << (32 - session_bits);

CoapIdentity identity_of(const net::DtlsHost::Facts& facts) {
    if (facts.psk_identity) return {facts.peer.text(), *facts.psk_identity, "psk"};
    if (facts.certificate_name) return {facts.peer.text(), *facts.certificate_name, "certificate"};
    if (facts.raw_key_sha256)
        return {facts.peer.text(), "sha256:" + *facts.raw_key_sha256, "rawpublickey"};
    return {facts.peer.text(), {}, {}};
}

}  // namespace

struct CoapHost::State {
    struct Listener {
        CoapListen plan;
        std::size_t index = 0;  // among those of its kind
    };
    struct Session {
        Peer peer;
        CoapIdentity identity;
    };

    State(net::Io& io_loop, Options given, Events told)
        : io(io_loop),
          options(std::move(given)),
          events(std::move(told)),
          endpoint(options.settings, unpredictable(), options.clock.now(), {}, options.protection),
          timer(io_loop),
          udp(io_loop, udp_events()) {
        net::raise_descriptor_limit();
    }

    [[nodiscard]] Instant now() const { return options.clock.now(); }

    // ---- the engine ----------------------------------------------------------------------------

    void input(coap::EndpointInput in) {
        if (pumping) return waiting.push_back(std::move(in));
        endpoint.handle(now(), std::move(in));
        pump();
    }

    void pump() {
        pumping = true;
        for (;;) {
            while (auto out = endpoint.poll_output()) act(*std::move(out));
            if (waiting.empty()) break;
            coap::EndpointInput next = std::move(waiting.front());
            waiting.pop_front();
            endpoint.handle(now(), std::move(next));
        }
        pumping = false;
        arm();
    }

    void act(coap::EndpointOutput&& output) {
        std::visit(Overloaded{
                       [&](const coap::SendDatagram& out) { send(out.peer, out.datagram); },
                       [&](const coap::SendMessage& out) {
                           if (events.trace) events.trace(true, out.peer, out.message);
                           if (streams) streams->send(out.peer, out.message);
                       },
                       [&](coap::RequestArrived& out) {
                           if (events.request)
                               events.request(std::move(out));
                           else
                               waiting.push_back(coap::Decline{out.exchange});
                       },
                       [&](coap::ResponseArrived& out) {
                           if (events.response) events.response(std::move(out));
                       },
                       [&](coap::RequestFailed& out) {
                           if (events.failed) events.failed(std::move(out));
                       },
                       [&](coap::ObserverGone& out) {
                           if (events.observer_gone) events.observer_gone(std::move(out));
                       },
                   },
                   output);
    }

    /// One timer for everything. A deadline that moved on is noticed when the old one comes.
    void arm() {
        const Instant due =
            std::min(endpoint.next_deadline(), streams ? streams->next_deadline() : never);
        if (due >= armed_for) return;
        armed_for = due;
        timer.expires_at(options.clock.real(due));
        timer.async_wait([this, life = std::weak_ptr<const char>(alive)](
                             const boost::system::error_code& superseded) {
            if (superseded || life.expired()) return;
            armed_for = never;
            if (streams) streams->handle_timeout(now());
            if (endpoint.next_deadline() <= now()) endpoint.handle_timeout(now());
            turn_over();
        });
    }

    void turn_over() {
        pump();
        if (events.batch) events.batch();
    }

    // ---- datagrams -----------------------------------------------------------------------------

    CoapUdp::Events udp_events() {
        return {.heard = [this](const Peer& peer, Bytes datagram,
                                bool multicast) { heard(peer, datagram, multicast); },
                .unreachable = [this](const Peer& peer) { input(coap::PeerUnreachable{peer}); },
                .batch = [this] { turn_over(); }};
    }

    void trace(bool sent, const Peer& peer, Bytes datagram) const {
        if (!events.trace) return;
        if (const auto message = parse_as<coap::Message>(datagram))
            events.trace(sent, peer, *message);
    }

    void heard(const Peer& peer, Bytes datagram, bool multicast) {
        trace(false, peer, datagram);
        endpoint.handle(now(), coap::DatagramReceived{peer, to_octets(datagram), multicast});
        pump();
    }

    void send(const Peer& peer, Bytes datagram) {
        trace(true, peer, datagram);
        if (peer.transport == Transport::udp) {
            // To others, a full buffer is a loss like any other; a request of ours that cannot
            // leave is not going to be answered.
            if (!udp.send(peer, datagram) && peer.channel == 0)
                waiting.push_back(coap::PeerUnreachable{peer});
            return;
        }
        const std::size_t socket = peer.channel >> session_bits;
        if (socket < dtls.size()) dtls[socket]->send(peer.channel & session_mask, datagram);
    }

    // ---- DTLS ----------------------------------------------------------------------------------

    static std::uint32_t channel_of(std::size_t socket, std::uint32_t session) {
        return static_cast<std::uint32_t>(socket << session_bits) | (session & session_mask);
    }

    std::expected<std::size_t, net::Trouble> open_dtls(
        const net::Endpoint& local, const std::optional<net::DtlsServer>& server) {
        const std::size_t index = dtls.size();
        if (index >= dtls_sockets_max)
            return std::unexpected(net::Trouble{"too many DTLS sockets", {}});
        net::DtlsHost::Events told;
        told.opened = [this, index](std::uint32_t session, const net::DtlsHost::Facts& facts) {
            const std::uint32_t channel = channel_of(index, session);
            const Peer peer{.address = facts.peer.octets16(),
                            .port = facts.peer.port,
                            .transport = Transport::dtls,
                            .channel = channel};
            sessions[channel] = {peer, identity_of(facts)};
        };
        told.received = [this, index](std::uint32_t session, Bytes octets) {
            const auto known = sessions.find(channel_of(index, session));
            if (known != sessions.end()) heard(known->second.peer, octets, false);
        };
        told.closed = [this, index](std::uint32_t session, const net::Trouble* trouble) {
            const std::uint32_t channel = channel_of(index, session);
            Peer peer{.transport = Transport::dtls, .channel = channel};
            if (const auto known = sessions.find(channel); known != sessions.end()) {
                peer = known->second.peer;
                sessions.erase(known);
            }
            if (trouble != nullptr && events.trouble) events.trouble(peer, *trouble);
            if (events.closed) events.closed(peer);
            input(coap::ChannelClosed{Transport::dtls, channel});
        };
        told.batch = [this] { turn_over(); };
        auto opened = net::DtlsHost::open(io, local, server, options.dtls, std::move(told));
        if (!opened) return std::unexpected(opened.error());
        dtls.push_back(std::make_unique<net::DtlsHost>(*std::move(opened)));
        return index;
    }

    // ---- streams -------------------------------------------------------------------------------

    CoapStreams& all_streams() {
        if (streams) return *streams;
        streams = std::make_unique<CoapStreams>(
            io, options,
            CoapStreams::Events{
                .input = [this](coap::EndpointInput in) { waiting.push_back(std::move(in)); },
                .trouble = events.trouble,
                .closed = events.closed,
                .pong = events.pong,
                .received =
                    [this](const Peer& peer, const coap::Message& message) {
                        if (events.trace) events.trace(false, peer, message);
                    },
                .batch = [this] { turn_over(); },
                .deadline_changed =
                    [this] {
                        if (!pumping) arm();
                    }});
        return *streams;
    }

    net::Io& io;
    Options options;
    Events events;
    coap::Endpoint endpoint;
    boost::asio::steady_timer timer;
    Instant armed_for = never;
    bool pumping = false;
    std::deque<coap::EndpointInput> waiting;
    std::shared_ptr<const char> alive = std::make_shared<const char>();

    std::vector<Listener> listeners;
    std::unordered_map<std::uint32_t, Session> sessions;
    std::array<std::optional<std::size_t>, 2> own_dtls;  // for IPv4 and IPv6
    // Last: their callbacks use all of the above.
    CoapUdp udp;
    std::vector<std::unique_ptr<net::DtlsHost>> dtls;
    std::unique_ptr<CoapStreams> streams;
};

CoapHost::CoapHost(net::Io& io, Options options, Events events)
    : state_(std::make_unique<State>(io, std::move(options), std::move(events))) {}
CoapHost::~CoapHost() = default;

std::expected<std::size_t, net::Trouble> CoapHost::listen(const CoapListen& plan) {
    State& state = *state_;
    std::expected<std::size_t, net::Trouble> index = 0;
    if (plan.transport == Transport::udp) {
        index = state.udp.listen(plan);
    } else if (plan.transport == Transport::dtls) {
        const auto local = net::Endpoint::parse(plan.address);
        if (!local) return std::unexpected(net::Trouble{local.error(), {}});
        index = state.open_dtls(*local, plan.dtls);
    } else {
        index = state.all_streams().listen(plan);
    }
    if (!index) return index;
    state.listeners.push_back({plan, *index});
    return state.listeners.size() - 1;
}

std::string CoapHost::listening_on(std::size_t listener) const {
    const auto& [plan, index] = state_->listeners.at(listener);
    if (plan.transport == Transport::udp) return state_->udp.listening_on(index);
    if (plan.transport == Transport::dtls) return state_->dtls[index]->local().text();
    return state_->streams->listening_on(index);
}

std::optional<net::Trouble> CoapHost::reload(std::size_t listener, const CoapListen& plan) {
    auto& one = state_->listeners.at(listener);
    one.plan = plan;
    if (plan.dtls) return state_->dtls[one.index]->reload(*plan.dtls);
    if (plan.tls) return state_->streams->reload(one.index, *plan.tls);
    return std::nullopt;
}

std::expected<Peer, net::Trouble> CoapHost::open(const CoapTarget& target) {
    State& state = *state_;
    Peer peer{.transport = target.transport};
    if (peer.is_reliable()) {
        peer = state.all_streams().connect(target);
        peer.context = target.context;
        return peer;
    }
    auto to = net::look_up(target.host, target.port);
    if (!to) return std::unexpected(to.error());
    if (target.scope != 0) to->scope = target.scope;
    peer.address = to->octets16();
    peer.port = to->port;
    peer.context = target.context;
    if (target.transport == Transport::udp) {
        const auto channel = state.udp.channel_to(*to);
        if (!channel) return std::unexpected(channel.error());
        peer.channel = *channel;
        return peer;
    }
    auto& own = state.own_dtls[to->v6 ? 1 : 0];
    if (!own) {
        const auto index = state.open_dtls(net::Endpoint{.v6 = to->v6}, std::nullopt);
        if (!index) return std::unexpected(index.error());
        own = *index;
    }
    const auto session = state.dtls[*own]->connect(*to, target.dtls);
    if (!session) return std::unexpected(session.error());
    peer.channel = State::channel_of(*own, *session);
    return peer;
}

void CoapHost::close(const Peer& peer) {
    State& state = *state_;
    if (peer.is_reliable()) {
        if (state.streams) state.streams->close(peer);
    } else if (peer.transport == Transport::dtls) {
        const std::size_t socket = peer.channel >> session_bits;
        if (socket < state.dtls.size()) state.dtls[socket]->close(peer.channel & session_mask);
        state.sessions.erase(peer.channel);
        state.input(coap::ChannelClosed{Transport::dtls, peer.channel});
    }
    if (!state.pumping) state.pump();
}

bool CoapHost::ping(const Peer& peer) {
    return state_->streams && peer.is_reliable() && state_->streams->ping(peer);
}

void CoapHost::input(coap::EndpointInput in) {
    state_->input(std::move(in));
}

Instant CoapHost::now() const {
    return state_->now();
}

const coap::Endpoint& CoapHost::endpoint() const {
    return state_->endpoint;
}

std::optional<CoapIdentity> CoapHost::identity(const Peer& peer) const {
    if (peer.transport == Transport::dtls) {
        const auto known = state_->sessions.find(peer.channel);
        if (known != state_->sessions.end()) return known->second.identity;
        return std::nullopt;
    }
    const bool stream = peer.is_reliable() && state_->streams;
    const CoapIdentity* known = stream ? state_->streams->identity(peer) : nullptr;
    return known == nullptr ? std::nullopt : std::optional(*known);
}

net::DtlsHost::Stats CoapHost::dtls_stats() const {
    net::DtlsHost::Stats all;
    for (const auto& host : state_->dtls) all += host->stats();
    return all;
}

net::StreamHost::Stats CoapHost::stream_stats() const {
    return state_->streams ? state_->streams->stats() : net::StreamHost::Stats{};
}

}  // namespace causeway::site
