// Slow subscribers make their publishers wait, for as long as they read at all; rate limits make a
// client wait for itself. Either way nobody reads from a socket, and the network does the rest.
#include "mqtt/broker/state.hpp"

#include <algorithm>

namespace causeway::mqtt {

void Broker::State::drained(const Drained& in) {
    Connection* const found = connection(in.id);
    if (found == nullptr) return;
    Connection& c = *found;
    const std::uint64_t octets = std::min<std::uint64_t>(in.octets, c.unsent);
    c.unsent -= octets;
    stats.unsent_octets -= octets;
    if (c.phase == Connection::Phase::closing) return;
    if (octets > 0) progress(c);
    if (!c.blocked || c.unsent >= settings.unsent_octets_low) return;
    c.blocked = false;
    pause(c, Connection::by_itself, false);
    if (c.ready()) pump(*c.session);
}

void Broker::State::progress(Connection& c) {
    if (c.session != nullptr && c.session->out != nullptr) c.session->out->progress_at = now;
}

/// After a change of its queue: from half full its publishers wait, until it is below a quarter.
void Broker::State::congestion(Session& s) {
    if (s.out == nullptr) return;
    Outbound& out = *s.out;
    const std::uint64_t messages = out.queued - out.queued_bursts;
    if (messages * 4 <= settings.queue_messages_max &&
        out.queued_octets * 4 <= settings.queue_octets_max) {
        out.dropping = out.stalled = false;
        if (std::exchange(out.congested, false)) let_go(s);
        return;
    }
    if (!out.congested) {
        const bool half = messages * 2 >= settings.queue_messages_max ||
                          out.queued_octets * 2 >= settings.queue_octets_max;
        if (!half || s.connection == nullptr || !s.connection->ready()) return;
        out.congested = true;
        out.progress_at = now;  // nobody is stalled for what was before
        arm(*s.connection);
    }
    if (!out.stalled && publisher != nullptr) hold_back(*publisher, s);
}

void Broker::State::hold_back(Connection& from, Session& s) {
    if (from.phase != Connection::Phase::open) return;
    // Of itself it could not hear the acknowledgements that it waits for.
    if (from.session == &s && s.out->in_flight > 0) return;
    std::vector<SubscriberId>& held_by = from.more().held_by;
    if (std::ranges::find(held_by, s.id) != held_by.end()) return;
    held_by.push_back(s.id);
    s.out->holding.emplace_back(std::to_underlying(from.id), from.generation);
    if ((from.paused & Connection::by_subscriber) == 0) ++stats.publishers_paused;
    pause(from, Connection::by_subscriber, true);
}

void Broker::State::let_go(Session& s) {
    if (s.out == nullptr) return;
    for (const auto& [number, generation] : std::exchange(s.out->holding, {})) {
        Connection* const c = connection(ConnectionId{number});
        if (c == nullptr || c->generation != generation || c->extras == nullptr) continue;
        std::erase(c->extras->held_by, s.id);
        if (!c->extras->held_by.empty()) continue;
        pause(*c, Connection::by_subscriber, false);
        if (!c->extras->late.empty()) let_on.emplace_back(number, generation);
    }
}

/// It has read nothing for too long: it holds back nobody any more, until it has caught up.
void Broker::State::stall(Connection& c) {
    Session& s = *c.session;
    s.out->stalled = true;
    ++stats.subscribers_stalled;
    note(Note::Kind::stalled, &s, &c, Reason::success, "it reads nothing");
    let_go(s);
    if (settings.slow == BrokerSettings::Slow::disconnect) doom(c);
}

/// Ends it once the call that found it out is done.
void Broker::State::doom(Connection& c) {
    if (std::exchange(c.doomed, true)) return;
    doomed.emplace_back(std::to_underlying(c.id), c.generation);
}

/// A second's worth may come at once; who has used up more than that is not read from for a while.
void Broker::State::charge(Connection& c, std::size_t octets, std::size_t publishes) {
    if (settings.publishes_per_second_max == 0 && settings.octets_per_second_max == 0) return;
    constexpr Duration second = std::chrono::seconds(1);
    ConnectionExtras& more = c.more();
    const auto spend = [&](Instant& paid, std::size_t count, std::uint64_t rate) {
        if (rate == 0) return;
        const auto cost = static_cast<double>(count) / static_cast<double>(rate);
        const auto capped = std::min(cost, 3600.0);
        paid = std::max(paid, now) + Duration(static_cast<std::int64_t>(capped * 1e9));
    };
    spend(more.publishes_paid, publishes, settings.publishes_per_second_max);
    spend(more.octets_paid, octets, settings.octets_per_second_max);
    const bool over = std::max(more.publishes_paid, more.octets_paid) - now > second;
    const bool was = (c.paused & Connection::by_rate) != 0;
    if (over == was) return;
    pause(c, Connection::by_rate, over);
    if (!over) return;
    ++stats.rate_pauses;
    arm(c);
}

bool Broker::State::connect_rate_exceeded() {
    if (settings.connects_per_second_max == 0) return false;
    constexpr Duration second = std::chrono::seconds(1);
    const Instant paid = std::max(connects_paid, now) + second / settings.connects_per_second_max;
    if (paid - now > second) return true;
    connects_paid = paid;
    return false;
}

}  // namespace causeway::mqtt
