#include "net/dtls_host.hpp"

#include "base/tap.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <gnutls/crypto.h>

#include <bit>

namespace causeway::net {

static_assert(causeway::Stats<DtlsHost::Stats>);

DtlsHost::Stats& DtlsHost::Stats::operator+=(const Stats& other) noexcept {
    using Fields = std::array<std::uint64_t, sizeof(Stats) / sizeof(std::uint64_t)>;
    auto sum = std::bit_cast<Fields>(*this);
    const auto more = std::bit_cast<Fields>(other);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += more[i];
    return *this = std::bit_cast<Stats>(sum);
}

DtlsHost::DtlsHost(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
DtlsHost::DtlsHost(DtlsHost&&) noexcept = default;
DtlsHost& DtlsHost::operator=(DtlsHost&&) noexcept = default;
DtlsHost::~DtlsHost() = default;

Opened<DtlsHost> DtlsHost::open(Io& io, const Endpoint& local, std::optional<DtlsServer> server,
                                Options options, Events events) {
    DtlsCredentials::Shared credentials;
    if (server) {
        auto made = DtlsCredentials::server(*server);
        if (!made) return std::unexpected(std::move(made.error()));
        credentials = std::move(*made);
    }
    auto socket = UdpSocket::open(
        io, local,
        {.kernel_buffer_octets = options.kernel_buffer_octets, .dual_stack = options.dual_stack});
    if (!socket) return std::unexpected(std::move(socket.error()));
    auto state = std::make_unique<State>(io, std::move(*socket), options, std::move(events));
    state->server = std::move(credentials);
    state->start();
    return DtlsHost(std::move(state));
}

std::expected<std::uint32_t, Trouble> DtlsHost::connect(const Endpoint& to, const DtlsClient& as) {
    return state_->connect(to, as);
}
bool DtlsHost::send(std::uint32_t channel, Bytes octets) {
    return state_->send(channel, octets);
}
void DtlsHost::close(std::uint32_t channel) {
    state_->close(channel);
}
std::optional<Trouble> DtlsHost::reload(const DtlsServer& server) {
    return state_->reload(server);
}
const Endpoint& DtlsHost::local() const noexcept {
    return state_->socket.local();
}
const DtlsHost::Stats& DtlsHost::stats() const noexcept {
    return state_->stats;
}

DtlsHost::State::Hash::Hash() : seed(0) {
    gnutls_rnd(GNUTLS_RND_RANDOM, &seed, sizeof seed);
}

std::size_t DtlsHost::State::Hash::operator()(const Endpoint& endpoint) const noexcept {
    const auto words = std::bit_cast<std::array<std::uint64_t, 2>>(endpoint.address);
    std::uint64_t hash = seed;
    for (const std::uint64_t word :
         {words[0], words[1], std::uint64_t{endpoint.port} << 32 | endpoint.scope}) {
        hash = (hash ^ word) * 0x9e3779b97f4a7c15;
        hash ^= std::rotr(hash, 29) ^ seed;
    }
    return hash;
}

// ---- the table ---------------------------------------------------------------------------------

auto DtlsHost::State::find(std::uint32_t channel) -> Session* {
    const auto found = sessions.find(channel);
    return found == sessions.end() ? nullptr : &found->second;
}

auto DtlsHost::State::find(const Endpoint& peer) -> Session* {
    const auto found = by_peer.find(peer);
    return found == by_peer.end() ? nullptr : found->second;
}

auto DtlsHost::State::insert(std::unique_ptr<DtlsSession> dtls) -> Session& {
    // Round and round, so that a number is not met again before all others were.
    const auto advance = [this] {
        next_channel = next_channel >= channel_max ? 1 : next_channel + 1;
    };
    while (sessions.contains(next_channel)) advance();
    Session& session = sessions[next_channel];
    session.channel = next_channel;
    advance();
    session.dtls = std::move(dtls);
    session.handshake = std::make_unique<Handshake>();
    session.handshake->deadline = Clock::Steady::now() + options.handshake_within;
    by_peer.emplace(session.dtls->peer, &session);
    ++stats.handshakes_started;
    ++stats.half_open;
    if (session.dtls->accepted()) ++accepting;
    return session;
}

void DtlsHost::State::stop_shaking(Session& session) {
    flights.erase({session.handshake->due, session.channel});
    session.handshake.reset();
    --stats.half_open;
    if (session.dtls->accepted()) --accepting;
}

void DtlsHost::State::remove(Session& session) {
    if (session.handshake) {
        stop_shaking(session);
    } else {
        quiet.erase(session.place);
        --stats.sessions;
    }
    by_peer.erase(session.dtls->peer);
    sessions.erase(session.channel);
}

bool DtlsHost::State::make_room() {
    if (sessions.size() < std::max(options.sessions_max, 1u)) return true;
    if (quiet.empty()) return false;
    Session& oldest = sessions.at(quiet.front());
    ++stats.evicted;
    tell_closed(oldest.channel, Trouble{"the DTLS session with " + oldest.dtls->peer.text() +
                                            " made room for another",
                                        {}});
    oldest.dtls->goodbye();
    remove(oldest);
    return true;
}

void DtlsHost::State::touch(Session& session) {
    session.last = Clock::Steady::now();
    quiet.splice(quiet.end(), quiet, session.place);
}

void DtlsHost::State::set_flight(Session& session) {
    Handshake& handshake = *session.handshake;
    flights.erase({handshake.due, session.channel});
    // Zero: it is for the peer to repeat its flight, and to look now and then is enough.
    const auto wait = session.dtls->retransmit_in();
    handshake.due = std::min(handshake.deadline,
                             Clock::Steady::now() + (wait.count() != 0 ? wait : look_again));
    flights.emplace(handshake.due, session.channel);
}

// ---- time --------------------------------------------------------------------------------------

void DtlsHost::State::arm() {
    Time due = flights.empty() ? Time::max() : flights.begin()->first;
    if (options.idle_after.count() != 0 && !quiet.empty())
        due = std::min(due, sessions.at(quiet.front()).last + options.idle_after);
    // A timer that is early looks again; only one that is late has to be set anew.
    if (due >= armed_for) return;
    armed_for = due;
    timer.expires_at(due);
    timer.async_wait(
        [this, living = std::weak_ptr(alive)](const boost::system::error_code& superseded) {
            if (superseded || living.expired()) return;
            armed_for = Time::max();
            on_timer();
        });
}

void DtlsHost::State::on_timer() {
    const Time now = Clock::Steady::now();
    socket.hold();
    while (!flights.empty() && flights.begin()->first <= now) {
        Session& session = sessions.at(flights.begin()->second);
        if (now < session.handshake->deadline) {
            shake(session, nullptr);
            continue;
        }
        ++stats.handshake_late;
        std::string reason = "it did not finish the handshake within " +
                             std::to_string(options.handshake_within.count()) + " ms";
        if (session.dtls->credentials().has_psk() && session.dtls->waits_for_finished())
            reason += " (is the pre-shared key right?)";
        end_handshake(session, reason);
    }
    if (options.idle_after.count() != 0) expire_idle(now);
    tell();
    socket.release();
    arm();
}

void DtlsHost::State::expire_idle(Time now) {
    while (!quiet.empty()) {
        Session& session = sessions.at(quiet.front());
        if (session.last + options.idle_after > now) return;
        ++stats.idle;
        session.dtls->goodbye();
        tell_closed(session.channel, {});
        remove(session);
    }
}

// ---- what is told ------------------------------------------------------------------------------

void DtlsHost::State::tell_closed(std::uint32_t channel, std::optional<Trouble> trouble) {
    closed.push_back({channel, std::move(trouble)});
    tell_later();
}

void DtlsHost::State::tell() {
    for (std::size_t i = 0; i < closed.size(); ++i) {
        const Closed next = std::move(closed[i]);
        told = true;
        events.closed(next.channel, next.trouble ? &*next.trouble : nullptr);
    }
    closed.clear();
    if (!told) return;
    told = false;
    if (events.batch) events.batch();
}

void DtlsHost::State::tell_later() {
    if (telling_soon) return;
    telling_soon = true;
    boost::asio::post(io, [this, living = std::weak_ptr(alive)] {
        if (living.expired()) return;
        telling_soon = false;
        socket.hold();
        tell();
        socket.release();
    });
}

}  // namespace causeway::net
