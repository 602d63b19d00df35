#include "sim/recorder.hpp"

#include "sim/reading_key.hpp"

#include <algorithm>
#include <numeric>

namespace causeway::sim {

namespace {
constexpr std::size_t recent_first = 16;
constexpr std::size_t recent_max = 65536;  // as many as there are sequence numbers
constexpr std::uint32_t nobody = 0xffff'ffffu;
/// A copy may still turn up for so long after its reading was sent.
constexpr Duration lingering = std::chrono::minutes(10);
}  // namespace

std::uint64_t ReadingCounts::lost_in_all() const noexcept {
    return std::accumulate(lost.begin(), lost.end(), lost_unexplained);
}

void ReadingCounts::add(const ReadingCounts& more) noexcept {
    sent += more.sent;
    delivered += more.delivered;
    in_flight += more.in_flight;
    for (std::size_t i = 0; i < lost.size(); ++i) lost[i] += more.lost[i];
    lost_unexplained += more.lost_unexplained;
    duplicates += more.duplicates;
}

std::optional<Duration> Recorder::Fault::healed_after() const {
    Duration longest{};
    for (const Affected& one : affected) {
        if (one.healed_at == never) return std::nullopt;
        longest = std::max(longest, one.healed_at - at);
    }
    return longest;
}

Recorder::Recorder(std::size_t nodes, Tap* next) : next_(next), nodes_(nodes) {}

void Recorder::saw(const Happening& happening) noexcept {
    if (next_ != nullptr) next_->saw(happening);
    const std::string_view what = happening.what;
    const auto node = static_cast<std::uint32_t>(happening.node);
    const auto key = static_cast<std::uint32_t>(happening.value);
    if (what == "reading.sent") {
        if (node < nodes_.size()) sent(happening.at, node, key);
    } else if (what == "reading.received") {
        received(happening.at, key);
    } else if (what == "packet.lost") {
        if (const auto carried = reading_key(happening.octets)) lost(*carried, happening.value);
    } else if (what == "fault.happened") {
        faults_.push_back(
            {.index = happening.value, .node = node, .at = happening.at, .affected = {}});
    } else if (what == "fault.route_affected") {
        if (node >= nodes_.size() || faults_.empty()) return;
        faults_.back().affected.push_back({.node = node});
        ++nodes_[node].waiting;
    }
}

bool Recorder::worth_keeping(const Reading& reading, Instant now) noexcept {
    return reading.state != State::none && now - reading.sent < lingering;
}

void Recorder::grow(Node& node) {
    std::vector<Reading> wider(std::max(node.recent.size() * 2, recent_first));
    for (const Reading& reading : node.recent)
        if (reading.state != State::none) wider[reading.key & (wider.size() - 1)] = reading;
    node.recent = std::move(wider);
}

void Recorder::sent(Instant at, std::uint32_t node, std::uint32_t key) {
    const std::size_t sender = key >> 16;
    if (sender >= node_of_.size()) node_of_.resize(sender + 1, nobody);
    node_of_[sender] = node;

    Node& self = nodes_[node];
    const auto slot = [&]() -> Reading& {
        return self.recent[(key & 0xffff) & (self.recent.size() - 1)];
    };
    if (self.recent.empty()) grow(self);
    while (worth_keeping(slot(), at) && slot().key != key && self.recent.size() < recent_max)
        grow(self);
    Reading& reading = slot();
    if (reading.state == State::in_flight) {
        --self.counts.in_flight;
        ++self.counts.lost_unexplained;
    }
    reading = {.sent = at, .key = key, .state = State::in_flight, .reason = {}};
    ++self.counts.sent;
    ++self.counts.in_flight;
}

Recorder::Reading* Recorder::find(std::uint32_t key, Node*& node) {
    const std::size_t sender = key >> 16;
    if (sender >= node_of_.size() || node_of_[sender] == nobody) return nullptr;
    node = &nodes_[node_of_[sender]];
    Reading& reading = node->recent[(key & 0xffff) & (node->recent.size() - 1)];
    return reading.key == key && reading.state != State::none ? &reading : nullptr;
}

void Recorder::received(Instant at, std::uint32_t key) {
    Node* node = nullptr;
    Reading* reading = find(key, node);
    if (reading == nullptr) return void(++strangers_);
    switch (reading->state) {
        case State::delivered:
            ++node->counts.duplicates;
            return;
        case State::lost:
            --node->counts.lost[std::to_underlying(reading->reason)];
            break;
        default:
            --node->counts.in_flight;
            break;
    }
    reading->state = State::delivered;
    ++node->counts.delivered;
    node->latencies.add(at - reading->sent);
    if (node->waiting > 0) heal(node_of_[key >> 16], reading->sent, at);
}

void Recorder::lost(std::uint32_t key, std::uint64_t reason) {
    Node* node = nullptr;
    Reading* reading = find(key, node);
    if (reading == nullptr || reading->state != State::in_flight) return;
    if (reason >= node->counts.lost.size()) return;
    reading->state = State::lost;
    reading->reason = static_cast<node::LossReason>(reason);
    --node->counts.in_flight;
    ++node->counts.lost[reason];
}

void Recorder::heal(std::uint32_t node, Instant reading_sent, Instant at) {
    for (Fault& fault : faults_) {
        if (fault.at > reading_sent) continue;
        for (Affected& one : fault.affected) {
            if (one.node != node || one.healed_at != never) continue;
            one.healed_at = at;
            --nodes_[node].waiting;
        }
    }
}

}  // namespace causeway::sim
