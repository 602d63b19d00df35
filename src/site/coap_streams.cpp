#include "site/coap_streams.hpp"

#include <fmt/format.h>

namespace causeway::site {
namespace {

using coap::Peer;
using coap::Transport;
using net::StreamId;

constexpr const char* websocket_path = "/.well-known/coap";  // [RFC 8323 §8.3]

/// Channel 0 is nobody's.
constexpr std::uint32_t channel_of(StreamId id) {
    return static_cast<std::uint32_t>(id) + 1;
}

bool over_websocket(Transport transport) {
    return transport == Transport::ws || transport == Transport::wss;
}

}  // namespace

CoapStreams::CoapStreams(net::Io& io, const CoapHost::Options& options, Events events)
    : options_(options),
      events_(std::move(events)),
      streams_(io, options.streams,
               {.opened = [this](StreamId id, const net::StreamFacts& facts) { opened(id, facts); },
                .received = [this](StreamId id, Bytes octets) { received(id, octets); },
                .drained = [](StreamId, std::size_t) {},
                .closed = [this](StreamId id, const net::Trouble* trouble) { closed(id, trouble); },
                .batch = [this] { events_.batch(); },
                .refused = {}}) {}

std::expected<std::size_t, net::Trouble> CoapStreams::listen(const CoapListen& plan) {
    net::ListenSpec spec;
    spec.name = plan.name;
    spec.address = plan.address;
    spec.streams_max = options_.connections_max;
    spec.websocket = over_websocket(plan.transport);
    spec.subprotocol = "coap";
    spec.path = websocket_path;
    spec.whole_messages = spec.websocket;
    spec.message_octets_max = options_.stream.message_octets_max;
    spec.tls = plan.tls;
    if (spec.tls && !spec.websocket) spec.tls->alpn = {"coap"};  // [RFC 8323 §8.2]
    const auto index = streams_.listen(spec);
    if (!index) return index;
    listeners_.resize(*index + 1);
    listeners_[*index] = plan.transport;
    return index;
}

std::string CoapStreams::listening_on(std::size_t listener) const {
    return streams_.listening_on(listener);
}

std::optional<net::Trouble> CoapStreams::reload(std::size_t listener, const net::TlsServer& tls) {
    return streams_.reload(listener, tls);
}

Peer CoapStreams::connect(const CoapTarget& target) {
    net::ConnectSpec spec;
    spec.host = target.host;
    spec.port = target.port;
    spec.websocket = over_websocket(target.transport);
    spec.path = websocket_path;
    spec.subprotocol = "coap";
    spec.whole_messages = spec.websocket;
    spec.message_octets_max = options_.stream.message_octets_max;
    if (target.transport == Transport::tls || target.transport == Transport::wss) {
        spec.tls = target.tls;
        if (!spec.websocket) spec.tls->alpn = {"coap"};
    }
    const StreamId id = streams_.connect(spec);
    // A name's address is known to the resolver on its way, and to nobody else.
    Peer peer{.port = target.port, .transport = target.transport, .channel = channel_of(id)};
    if (const auto literal = coap::address_from_literal(target.host)) peer.address = *literal;
    add(id, peer);
    return peer;
}

CoapStreams::Connection* CoapStreams::find(StreamId id) const {
    const auto found = connections_.find(static_cast<std::uint32_t>(id));
    return found == connections_.end() ? nullptr : found->second.get();
}

CoapStreams::Connection* CoapStreams::find(const Peer& peer) const {
    return peer.channel == 0 ? nullptr : find(StreamId{peer.channel - 1});
}

CoapStreams::Connection& CoapStreams::add(StreamId id, const Peer& peer) {
    auto& place = connections_[static_cast<std::uint32_t>(id)];
    place = std::make_unique<Connection>(Connection{.peer = peer, .stream = id});
    return *place;
}

void CoapStreams::opened(StreamId id, const net::StreamFacts& facts) {
    Connection* c = find(id);
    const bool ours = c != nullptr;
    if (!ours) {
        Peer peer{.transport = listeners_.at(facts.listener), .channel = channel_of(id)};
        if (const auto from = net::Endpoint::parse(facts.peer)) {
            peer.address = from->octets16();
            peer.port = from->port;
        }
        c = &add(id, peer);
    }
    c->identity = {facts.peer, {}, {}};
    if (facts.certificate_name) {
        c->identity = {facts.peer, *facts.certificate_name, "certificate"};
    } else if (facts.psk_identity) {
        c->identity = {facts.peer, *facts.psk_identity, "psk"};
    }
    coap::StreamConfig config = options_.stream;
    config.token_octets_max = options_.settings.token_octets_max;
    config.client = ours;
    config.framing =
        over_websocket(c->peer.transport) ? coap::Framing::websocket : coap::Framing::tcp;
    c->engine.emplace(config, options_.clock.now());
    for (const coap::Message& message : std::exchange(c->early, {}))
        c->engine->send(options_.clock.now(), message);
    drain(*c);
}

void CoapStreams::received(StreamId id, Bytes octets) {
    Connection* c = find(id);
    if (c == nullptr || !c->engine) return;
    c->engine->received(options_.clock.now(), octets);
    drain(*c);
}

void CoapStreams::closed(StreamId id, const net::Trouble* trouble) {
    const Connection* c = find(id);
    if (c == nullptr) return;
    const Peer peer = c->peer;
    deadlines_.erase({c->armed, id});
    connections_.erase(static_cast<std::uint32_t>(id));
    if (trouble != nullptr && events_.trouble) events_.trouble(peer, *trouble);
    if (events_.closed) events_.closed(peer);
    events_.input(coap::ChannelClosed{peer.transport, peer.channel});
}

void CoapStreams::send(const Peer& peer, const coap::Message& message) {
    Connection* c = find(peer);
    if (c == nullptr) return;
    if (!c->engine) {
        if (c->early.size() < early_max) c->early.push_back(message);
        return;
    }
    c->engine->send(options_.clock.now(), message);
    drain(*c);
}

bool CoapStreams::ping(const Peer& peer) {
    Connection* c = find(peer);
    if (c == nullptr || !c->engine) return false;
    c->engine->ping(options_.clock.now());
    drain(*c);
    return true;
}

void CoapStreams::close(const Peer& peer) {
    Connection* c = find(peer);
    if (c == nullptr) return;
    if (c->engine) {
        c->engine->release(options_.clock.now());
        return drain(*c);
    }
    const StreamId id = c->stream;
    streams_.close(id);
    closed(id, nullptr);
}

void CoapStreams::handle_timeout(Instant now) {
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
        Connection* c = find(deadlines_.begin()->second);
        deadlines_.erase(deadlines_.begin());
        if (c == nullptr) continue;
        c->armed = never;
        c->engine->handle_timeout(now);
        drain(*c);
    }
}

void CoapStreams::drain(Connection& c) {
    const StreamId id = c.stream;
    while (auto out = c.engine->poll_output()) {
        if (const auto* close = std::get_if<coap::Close>(&*out)) {
            streams_.close(id);
            const net::Trouble trouble{
                fmt::format("{}: {}{}{}", coap::to_text(c.peer), coap::name_of(close->reason),
                            close->diagnostic.empty() ? "" : ": ", close->diagnostic),
                {}};
            return closed(id, close->orderly ? nullptr : &trouble);
        }
        act(c, *std::move(out));
    }
    const Instant due = c.engine->next_deadline();
    if (due == c.armed) return;
    deadlines_.erase({c.armed, id});
    c.armed = due;
    if (due != never) deadlines_.insert({due, id});
    events_.deadline_changed();
}

void CoapStreams::act(const Connection& c, coap::StreamOutput&& output) {
    if (auto* send = std::get_if<coap::SendOctets>(&output))
        streams_.send(c.stream, {.octets = std::move(send->octets), .body = {}, .body_owner = {}});
    if (auto* arrived = std::get_if<coap::MessageArrived>(&output)) {
        if (events_.received) events_.received(c.peer, arrived->message);
        events_.input(coap::MessageReceived{c.peer, std::move(arrived->message)});
    }
    if (const auto* learnt = std::get_if<coap::SettingsLearnt>(&output))
        events_.input(coap::StreamSettings{c.peer, learnt->message_octets_max, learnt->blocks});
    if (std::holds_alternative<coap::PongArrived>(output) && events_.pong) events_.pong(c.peer);
}

const CoapIdentity* CoapStreams::identity(const Peer& peer) const {
    const Connection* c = find(peer);
    return c == nullptr ? nullptr : &c->identity;
}

}  // namespace causeway::site
