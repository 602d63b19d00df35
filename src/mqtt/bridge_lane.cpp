#include "mqtt/bridge_lane.hpp"

#include "mqtt/reasons.hpp"
#include "mqtt/topic.hpp"

#include <algorithm>
#include <utility>

namespace causeway::mqtt {

void BridgeEnd::answer(PacketType type, std::uint16_t packet_id, Reason reason) {
    // What came over the other connection may be of another packet, or of nothing 5.0 allows here.
    if (!may_carry(type, reason))
        reason = is_error(reason) ? Reason::implementation_specific_error : Reason::success;
    send(Ack{.type = type, .packet_id = packet_id, .reason = reason, .properties = {}});
}

BridgeLane::Flight BridgeLane::Flight::of(Phase phase, Qos from, Qos to, bool counted) {
    return {static_cast<std::uint8_t>(int(phase) | int(from) << 3 | int(to) << 5 |
                                      (counted ? 0x80 : 0))};
}

BridgeLane::BridgeLane(const BridgeTopics& topics, BridgeWay way, BridgeEnd& from, BridgeEnd& to,
                       BridgeLaneStats& stats)
    : topics_(topics), way_(way), from_(from), to_(to), stats_(stats) {}

void BridgeLane::begin(std::uint16_t window) {
    window_ = careful() ? 1 : window;
    // A broker that lost the session numbers its messages from the beginning. The other one may
    // hold such a number of a QoS 2 message of before, and would take the new one for that.
    if (!to_.resumed)
        stale_.clear();
    else if (!from_.resumed)
        stale_.assign(0x10000, true);
}

void BridgeLane::end(bool blame) {
    if (blame && under_way_ > 0) {
        if (!careful()) {
            careful_left_ = under_way_;
        } else if (last_.packet_id == suspect_.packet_id && last_.print == suspect_.print) {
            ++suspect_.strikes;
        } else {
            suspect_ = {last_.packet_id, last_.print, 1};
        }
    }
    std::ranges::fill(flights_, Flight{});
    under_way_ = 0;
    deferring_ = refused_full_ = progressed_ = careful_over_ = false;
}

// ---- from `from` -------------------------------------------------------------------------------

void BridgeLane::published(Publish& publish) {
    ++stats_.received;
    const Qos from_qos = publish.qos;
    const std::uint16_t id = publish.packet_id;
    const bool acknowledged = from_qos != Qos::at_most_once;
    if (acknowledged && must_defer(id)) {
        ++stats_.deferred;
        return;
    }
    const std::uint64_t print = acknowledged && careful() ? print_of(publish) : 0;
    if (print != 0 && suspect_.strikes >= strikes_max && id == suspect_.packet_id &&
        print == suspect_.print) {
        suspect_ = {};
        progressed_ = true;
        if (--careful_left_ == 0) careful_over_ = true;
        ++stats_.given_up;
        given_up_ = std::string(publish.topic);
        return settle(publish, Reason::implementation_specific_error);
    }
    if (!topics_.translate(way_, publish.topic, topic_)) {
        ++stats_.unrouted;
        return settle(publish, Reason::no_matching_subscribers);
    }
    if (auto& response = publish.properties.response_topic) {
        // Who answers there publishes there, and that comes back the other way.
        if (topics_.translate_response(way_, *response, response_)) response = response_;
    }
    publish.topic = topic_;
    publish.qos = std::min(from_qos, to_.qos_max);
    publish.retain = publish.retain && to_.retain_available;
    publish.properties.subscription_identifiers.clear();  // [MQTT-3.3.4-6]
    if (acknowledged) release_stale(id);
    if (!write(publish)) {
        ++stats_.too_large;
        publish.qos = from_qos;
        return settle(publish, Reason::implementation_specific_error);
    }
    ++stats_.sent;
    if (!acknowledged) return;
    if (publish.qos == Qos::at_most_once) {  // all that there is to be waited for
        publish.qos = from_qos;
        ++stats_.finished;
        progressed_ = true;
        return settle(publish, Reason::success);
    }
    Flight& it = flight(id);
    if (!it.counted()) ++under_way_;
    it = Flight::of(Phase::published, from_qos, publish.qos, true);
    if (careful()) last_ = {id, print, 0};
}

/// Once one is left, so are all behind it: they come again in their order.
bool BridgeLane::must_defer(std::uint16_t packet_id) {
    const bool again = flight(packet_id).counted();
    if (!again && (under_way_ >= window_ || packet_id == to_.subscribe_id)) deferring_ = true;
    return deferring_;
}

/// False when it is larger than `to` takes.
bool BridgeLane::write(const Publish& publish) {
    constexpr std::size_t head_octets_max = 16;  // fixed header, lengths, packet identifier
    const std::size_t about = head_octets_max + publish.topic.size() + publish.payload.size() +
                              wire_size(publish.properties);
    if (about > 268'435'455) return false;
    const std::size_t before = to_.out.size();
    append_publish_head(publish, to_.version, to_.out);
    if (to_.out.size() - before + publish.payload.size() > to_.packet_octets_max) {
        to_.out.resize(before);
        return false;
    }
    to_.out.insert(to_.out.end(), publish.payload.begin(), publish.payload.end());
    return true;
}

/// Answers without `to`.
void BridgeLane::settle(const Publish& publish, Reason reason) {
    const std::uint16_t id = publish.packet_id;
    if (publish.qos == Qos::at_least_once) return from_.answer(PacketType::puback, id, reason);
    if (publish.qos != Qos::exactly_once) return;
    if (publish.dup) {  // `to` may have seen it before
        if (stale_.empty()) stale_.assign(0x10000, false);
        stale_[id] = true;
    }
    from_.answer(PacketType::pubrec, id, reason);
    if (from_.version != Version::v5 || !is_error(reason))
        flight(id) = Flight::of(Phase::answered_here, publish.qos, publish.qos, false);
}

/// Ends what `to` may hold under a number that `from` does not know to be in use.
void BridgeLane::release_stale(std::uint16_t packet_id) {
    if (stale_.empty() || !stale_[packet_id]) return;
    stale_[packet_id] = false;
    if (to_.qos_max == Qos::exactly_once) to_.answer(PacketType::pubrel, packet_id);
}

void BridgeLane::released(std::uint16_t packet_id) {
    Flight& it = flight(packet_id);
    const bool unknown_there = it.phase() == Phase::none && !to_.resumed;
    if (it.phase() == Phase::answered_here || unknown_there || to_.qos_max < Qos::exactly_once) {
        from_.answer(PacketType::pubcomp, packet_id);
        return clear(packet_id);
    }
    to_.answer(PacketType::pubrel, packet_id);
    it.go(Phase::released);
}

// ---- from `to` ---------------------------------------------------------------------------------

void BridgeLane::answered(const Ack& ack) {
    const std::uint16_t id = ack.packet_id;
    Flight& it = flight(id);
    const bool refused = is_error(ack.reason);
    const bool both_2 = it.to_qos() == Qos::exactly_once;
    if (ack.type == PacketType::pubcomp && it.phase() == Phase::released) {
        // That it is not found is well: it was released before [MQTT 5.0 §4.3.3].
        from_.answer(PacketType::pubcomp, id);
        return finish(id, Reason::success);
    }
    if (ack.type == PacketType::pubrec && it.phase() == Phase::none && !refused)
        return from_.answer(PacketType::pubrec, id);  // of before: `from` knows what it is
    if (it.phase() != Phase::published || ack.type == PacketType::pubcomp ||
        both_2 != (ack.type == PacketType::pubrec)) {
        ++stats_.strays;
        return;
    }
    if (ack.reason == Reason::quota_exceeded && way_ == BridgeWay::in) {
        refused_full_ = true;  // our own disk is full: the other broker keeps it meanwhile
        return;
    }
    if (both_2 && !refused) {
        from_.answer(PacketType::pubrec, id, ack.reason);
        return it.go(Phase::received);
    }
    const bool release_follows =
        it.from_qos() == Qos::exactly_once && !(refused && from_.version == Version::v5);
    from_.answer(it.from_qos() == Qos::exactly_once ? PacketType::pubrec : PacketType::puback, id,
                 ack.reason);
    finish(id, ack.reason);
    if (release_follows)
        flight(id) = Flight::of(Phase::answered_here, Qos::exactly_once, Qos::exactly_once, false);
}

void BridgeLane::finish(std::uint16_t packet_id, Reason reason) {
    progressed_ = true;
    // Also one that was only to be released: it was under way when it was decided to be careful.
    if (careful_left_ > 0 && --careful_left_ == 0) careful_over_ = true;
    if (flight(packet_id).counted()) {
        ++(is_error(reason) ? stats_.refused : stats_.finished);
        if (suspect_.packet_id == packet_id) suspect_ = {};
    }
    clear(packet_id);
}

void BridgeLane::clear(std::uint16_t packet_id) {
    if (flight(packet_id).counted()) --under_way_;
    flight(packet_id) = {};
}

BridgeLane::Flight& BridgeLane::flight(std::uint16_t packet_id) {
    // Brokers number from 1 upwards and use few numbers at a time.
    if (packet_id >= flights_.size()) flights_.resize(packet_id < 1024 ? 1024 : 0x10000);
    return flights_[packet_id];
}

std::uint64_t BridgeLane::print_of(const Publish& publish) const {
    const TextHash hash(0);  // for likeness, not against forgery; the same in every run
    return hash.joined(hash(as_text(publish.payload)), hash(publish.topic)) | 1;
}

std::optional<std::string> BridgeLane::take_given_up() {
    return std::exchange(given_up_, std::nullopt);
}

}  // namespace causeway::mqtt
