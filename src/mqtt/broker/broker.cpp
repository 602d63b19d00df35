#include "mqtt/broker/broker.hpp"

#include "mqtt/broker/state.hpp"

#include <algorithm>

namespace causeway::mqtt {

Broker::Broker(const BrokerSettings& settings, Random random, Instant now, UnixMillis unix_now,
               Recovered recovered, Teller teller)
    : state_(
          std::make_unique<State>(settings, random, now, unix_now, std::move(recovered), teller)) {}
Broker::Broker(Broker&&) noexcept = default;
Broker& Broker::operator=(Broker&&) noexcept = default;
Broker::~Broker() = default;

void Broker::handle(Instant now, Input in) {
    state_->handle(now, in);
}
void Broker::handle_timeout(Instant now) {
    state_->handle_timeout(now);
}
std::optional<Broker::Output> Broker::poll_output() {
    return state_->poll();
}
Instant Broker::next_deadline() const noexcept {
    return state_->next_deadline();
}
const BrokerStats& Broker::stats() const noexcept {
    return state_->stats;
}
const BrokerSettings& Broker::settings() const noexcept {
    return state_->settings;
}
bool Broker::knows(std::string_view client_id) const noexcept {
    return state_->session_of.find(client_id) != nullptr;
}
std::optional<ClientReport> Broker::client(Instant now, std::string_view client_id) const {
    const std::uint32_t* const slot = state_->session_of.find(client_id);
    if (slot == nullptr) return std::nullopt;
    return state_->report_of(now, *state_->sessions[*slot]);
}
std::vector<ClientReport> Broker::clients(Instant now, std::string_view after,
                                          std::size_t max) const {
    return state_->clients(now, after, max);
}

// A seed for each table, so that what is learnt of one tells nothing of the others.
Broker::State::State(const BrokerSettings& the_settings, Random the_random, Instant start,
                     UnixMillis unix_start, Recovered recovered, Teller the_teller)
    : settings(the_settings),
      random(the_random),
      teller(the_teller),
      now(start),
      epoch(start),
      unix_epoch(std::to_underlying(unix_start)),
      session_of(the_random.fork(1).next()),
      subscriptions(the_settings.subscriptions_max, the_random.fork(2).next()),
      retained(the_random.fork(3).next()),
      shared_framer(the_settings.packet_octets_max),
      encoder(the_random.fork(4).next()) {
    for (const std::string& prefix : settings.counted_prefixes)
        stats.prefixes.push_back({.prefix = prefix});
    recover(recovered);
    sys.last = now;
    if (settings.sys_interval > Duration{}) sys.next = now;
}

void Broker::State::handle(Instant at, BrokerInput& in) {
    now = std::max(now, at);
    std::visit(Overloaded{
                   [&](const BytesReceived& e) { received(e); },
                   [&](const Drained& e) { drained(e); },
                   [&](ConnectionOpened& e) { open(e); },
                   [&](const ConnectionClosed& e) { closed(e.id); },
                   [&](Authenticated& e) { authenticated(e); },
                   [&](const Committed& e) { committed(e.sequence); },
                   [&](const CommitFailed& e) { commit_failed(e.sequence); },
                   [&](RulesReplaced& e) { rules = std::move(e.rules); },
                   [&](const Kick& e) { kick(e); },
                   [&](PublishHere& e) { publish_here(std::move(e.message)); },
                   [&](const ShutDown&) { shut_down(); },
               },
               in);
    settle();
}

void Broker::State::handle_timeout(Instant at) {
    now = std::max(now, at);
    while (Timed* const due = timers.next_due(now)) {
        if (due->is_session)
            session_due(static_cast<Session&>(*due));
        else
            connection_due(static_cast<Connection&>(*due));
        settle();
    }
    if (sys.next <= now) publish_sys();
    settle();
}

Instant Broker::State::next_deadline() const noexcept {
    return std::min(timers.next(), sys.next);
}

/// What follows from what was done: it ends, because every will and connection ends once.
void Broker::State::settle() {
    while (!wills_due.empty() || !doomed.empty() || !let_on.empty()) {
        for (const auto& [number, generation] : std::exchange(let_on, {})) {
            Connection* const c = connection(ConnectionId{number});
            if (c != nullptr && c->generation == generation) resume_late(*c);
        }
        auto wills = std::exchange(wills_due, {});
        for (auto& will : wills) publish_will(*will);
        auto ends = std::exchange(doomed, {});
        for (const auto& [number, generation] : ends) {
            Connection* const c = connection(ConnectionId{number});
            if (c == nullptr || c->generation != generation) continue;
            if (c->phase != Connection::Phase::open) continue;
            ++stats.slow_disconnected;
            end_connection(*c, Reason::quota_exceeded, "too slow a subscriber");
        }
    }
}

std::optional<BrokerOutput> Broker::State::poll() {
    if (!facts.empty()) {
        stats.facts_journalled += facts.size();
        return Journal{++emitted, std::exchange(facts, {})};
    }
    while (outbox.empty()) {
        if (dirty_next == dirty.size()) {
            dirty.clear();
            dirty_next = 0;
            return std::nullopt;
        }
        Connection* const c = connection(dirty[dirty_next++]);
        // Its number may have been given again since.
        if (c != nullptr && c->dirty) poll_connection(*c);
    }
    return outbox.poll();
}

void Broker::State::poll_connection(Connection& c) {
    c.dirty = false;
    if (c.parts != nullptr) {
        for (Connection::Part& part : *c.parts)
            outbox.push(Send{c.id, std::move(part.octets), std::move(part.body_of)});
        c.parts.reset();
    }
    if (!c.out.empty()) {
        c.out_hint = static_cast<std::uint8_t>(std::bit_width(c.out.size()));
        outbox.push(Send{c.id, std::exchange(c.out, {}), nullptr});
    }
    if (c.phase == Connection::Phase::closing) {
        outbox.push(Close{c.id, c.close_at_once});
        drop_connection(c);
        return;
    }
    const bool paused = c.paused != 0;
    if (paused == c.pause_told) return;
    c.pause_told = paused;
    outbox.push(PauseReading{c.id, paused});
}

void Broker::State::note(Note::Kind kind, const Session* s, const Connection* c, Reason reason,
                         std::string_view what) {
    outbox.push(Note{kind, std::string(s == nullptr ? std::string_view{} : s->name()),
                     std::string(c == nullptr ? std::string_view{} : c->peer.view()), reason,
                     std::string(what)});
}

UnixMillis Broker::State::to_unix(Instant at) const noexcept {
    if (at == never) return UnixMillis::forever;
    const auto passed = std::chrono::floor<std::chrono::milliseconds>(at - epoch).count();
    return UnixMillis{unix_epoch + passed};
}

Instant Broker::State::from_unix(UnixMillis at) const noexcept {
    if (at == UnixMillis::forever) return never;
    // Stored times are not trusted to be near: a century is enough for each side.
    constexpr std::int64_t century = std::int64_t{100} * 366 * 86'400 * 1000;
    const std::int64_t then = std::to_underlying(at);
    if (then > unix_epoch && then - unix_epoch > century) return never;
    if (then < unix_epoch && (then < 0 || unix_epoch - then > century)) return epoch;
    return after(epoch, std::chrono::milliseconds(then - unix_epoch));
}

Connection* Broker::State::connection(ConnectionId id) noexcept {
    const auto number = std::to_underlying(id);
    return number < connections.size() ? connections[number].get() : nullptr;
}

void Broker::State::kick(const Kick& in) {
    const std::uint32_t* const slot = session_of.find(in.client_id);
    if (slot == nullptr) return;
    Session* s = sessions[*slot].get();
    const std::uint32_t generation = s->generation;
    ++stats.kicked;
    note(Note::Kind::kicked, s, s->connection, Reason::administrative_action, {});
    if (s->connection != nullptr)
        end_connection(*s->connection, Reason::administrative_action, "an administrator's wish");
    const std::uint32_t* const still = session_of.find(in.client_id);
    if (still == nullptr || sessions[*still]->generation != generation) return;
    if (in.session_too) end_session(*sessions[*still]);
}

void Broker::State::shut_down() {
    shut = true;
    for (std::size_t i = 0; i < connections.size(); ++i) {
        Connection* const c = connections[i].get();
        if (c == nullptr || c->phase == Connection::Phase::closing) continue;
        c->will_stays_unsaid = true;
        end_connection(*c, Reason::server_shutting_down, "the server is shutting down");
    }
}

}  // namespace causeway::mqtt
