#include "mqtt/client_flights.hpp"

#include <algorithm>
#include <utility>

namespace causeway::mqtt::client {

std::uint16_t PacketIds::take() noexcept {
    if (count_ == 65535) return 0;
    while (next_ == 0 || used_[next_]) ++next_;
    used_[next_] = true;
    ++count_;
    return next_++;
}

void PacketIds::give_back(std::uint16_t id) noexcept {
    if (id == 0 || !used_[id]) return;
    used_[id] = false;
    --count_;
}

void Flight::number(std::uint16_t id) noexcept {
    packet_id = id;
    packet[id_at] = static_cast<std::byte>(id >> 8);
    packet[id_at + 1] = static_cast<std::byte>(id);
}

void Flight::mark_duplicate(bool duplicate) noexcept {
    constexpr std::byte dup{0x08};
    if (duplicate)
        packet[0] |= dup;
    else
        packet[0] &= ~dup;
}

Flight& Flights::launch(Flight flight) {
    CAUSEWAY_ASSERT(unsent_ == 0);
    return published_.emplace_back(std::move(flight));
}

Flight* Flights::resend() noexcept {
    if (unsent_ == 0) return nullptr;
    return &published_[published_.size() - unsent_--];
}

std::optional<Flight> Flights::land(std::uint16_t packet_id, Qos qos) {
    const auto found = std::ranges::find_if(published_, [&](const Flight& flight) {
        return flight.packet_id == packet_id && flight.qos == qos;
    });
    if (found == published_.end()) return std::nullopt;
    if (static_cast<std::size_t>(published_.end() - found) <= unsent_) --unsent_;
    std::optional<Flight> landed(std::move(*found));
    published_.erase(found);
    return landed;
}

std::optional<Flights::Released> Flights::complete(std::uint16_t packet_id) {
    const auto found = std::ranges::find(released_, packet_id, &Released::packet_id);
    if (found == released_.end()) return std::nullopt;
    const Released done = *found;
    released_.erase(found);
    return done;
}

bool Flights::is_released(std::uint16_t packet_id) const noexcept {
    return std::ranges::find(released_, packet_id, &Released::packet_id) != released_.end();
}

std::deque<Flight> Flights::take_published() {
    unsent_ = 0;
    return std::exchange(published_, {});
}

std::deque<Flights::Released> Flights::take_released() {
    return std::exchange(released_, {});
}

bool Receipts::arrived(std::uint16_t packet_id, Qos qos) {
    if (qos != Qos::exactly_once) {
        waiting_.push_back({packet_id, qos, Reason::success, false});
        return true;
    }
    if (exactly_once_.empty()) exactly_once_.resize(65536);
    Known& known = exactly_once_[packet_id];
    if (known == Known::no) {
        known = Known::arrived;
        waiting_.push_back({packet_id, qos, Reason::success, false});
        return true;
    }
    // Once more: acknowledged again, in its turn, and never handed out.
    const bool waits = std::ranges::any_of(waiting_, [&](const Waiting& waiting) {
        return waiting.qos == qos && waiting.packet_id == packet_id;
    });
    if (!waits) waiting_.push_back({packet_id, qos, Reason::success, known == Known::acknowledged});
    return false;
}

bool Receipts::acknowledge(std::uint16_t packet_id, Reason reason) {
    const auto found = std::ranges::find_if(waiting_, [&](const Waiting& waiting) {
        return !waiting.acknowledged && waiting.packet_id == packet_id;
    });
    if (found != waiting_.end()) {
        found->acknowledged = true;
        found->reason = reason;
        return true;
    }
    // A QoS 2 message of an earlier connection: its PUBREC leaves when it comes again.
    if (exactly_once_.empty() || exactly_once_[packet_id] != Known::arrived) return false;
    exactly_once_[packet_id] = is_error(reason) ? Known::no : Known::acknowledged;
    return true;
}

std::optional<Receipts::Due> Receipts::next_due() {
    if (waiting_.empty() || !waiting_.front().acknowledged) return std::nullopt;
    const Waiting done = waiting_.front();
    waiting_.pop_front();
    if (done.qos == Qos::exactly_once) {
        // "If PUBREC contains a Reason Code of 0x80 or greater" that is the end of it, and the
        // identifier is free [MQTT 5.0 §4.3.3].
        const bool over = is_error(done.reason);
        exactly_once_[done.packet_id] = over ? Known::no : Known::acknowledged;
        if (!over) ++unreleased_;
    }
    return Due{done.packet_id, done.qos, done.reason};
}

bool Receipts::release(std::uint16_t packet_id) noexcept {
    if (unreleased_ > 0) --unreleased_;
    if (exactly_once_.empty()) return false;
    return std::exchange(exactly_once_[packet_id], Known::no) != Known::no;
}

void Receipts::connection_lost() noexcept {
    waiting_.clear();
    unreleased_ = 0;
}

void Receipts::forget() noexcept {
    connection_lost();
    std::ranges::fill(exactly_once_, Known::no);
}

}  // namespace causeway::mqtt::client
