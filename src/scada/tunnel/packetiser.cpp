#include "scada/tunnel/packetiser.hpp"

#include "base/tap.hpp"

#include <algorithm>

namespace causeway::scada::tunnel {

static_assert(Stats<Packetiser::Stats>);

Packetiser::Packetiser(const PacketRules& rules) : rules_(rules) {
    rules_.octets_max = std::min(rules_.octets_max, PacketRules::packet_octets_limit);
    rules_.wait_max = std::max<Duration>(rules_.wait_max, std::chrono::milliseconds(1));
}

std::vector<Octets> Packetiser::put(Instant now, Bytes octets) {
    std::vector<Octets> made;
    if (octets.empty()) return made;
    stats_.octets_in += octets.size();
    if (rules_.none()) {
        stats_.octets_out += octets.size();
        ++stats_.at_once;
        made.push_back(to_octets(octets));
        return made;
    }
    // The pause before these octets ended a packet, although nobody looked at the time.
    if (!open_.empty() && rules_.idle != Duration{} && now - last_at_ >= rules_.idle)
        close(made, stats_.by_idle);
    const std::size_t most =
        rules_.octets_max != 0 ? rules_.octets_max : PacketRules::packet_octets_limit;
    for (const std::byte octet : octets) {
        if (open_.empty()) first_at_ = now;
        open_.push_back(octet);
        ++stats_.octets_waiting;
        if (marked_) {
            if (--after_mark_ == 0) close(made, stats_.by_mark);
        } else if (ends_in_mark()) {
            if (!rules_.mark_sent) {
                open_.resize(open_.size() - rules_.mark.size());
                stats_.marks_octets += rules_.mark.size();
                stats_.octets_waiting -= rules_.mark.size();
            }
            marked_ = true;
            after_mark_ = rules_.octets_after_mark;
            if (after_mark_ == 0) close(made, stats_.by_mark);
        } else if (open_.size() >= most) {
            close(made, stats_.by_length);
        }
    }
    last_at_ = now;
    return made;
}

bool Packetiser::ends_in_mark() const noexcept {
    const Bytes mark = rules_.mark.bytes();
    return !mark.empty() && open_.size() >= mark.size() &&
           same(Bytes(open_).last(mark.size()), mark);
}

void Packetiser::close(std::vector<Octets>& made, std::uint64_t& why) {
    marked_ = false;
    after_mark_ = 0;
    stats_.octets_out += open_.size();
    stats_.octets_waiting = 0;
    if (open_.empty()) return;  // nothing but a mark, and that is taken away
    ++why;
    made.push_back(std::exchange(open_, {}));
}

std::vector<Octets> Packetiser::handle_timeout(Instant now) {
    std::vector<Octets> made;
    if (open_.empty() || next_deadline() > now) return made;
    const bool idle = rules_.idle != Duration{} && after(last_at_, rules_.idle) <= now;
    close(made, idle ? stats_.by_idle : stats_.by_wait);
    return made;
}

Instant Packetiser::next_deadline() const noexcept {
    if (open_.empty()) return never;
    const Instant late = after(first_at_, rules_.wait_max);
    return rules_.idle != Duration{} ? std::min(late, after(last_at_, rules_.idle)) : late;
}

std::size_t Packetiser::clear() noexcept {
    const std::size_t octets = open_.size();
    open_.clear();
    marked_ = false;
    after_mark_ = 0;
    stats_.octets_in -= octets;
    stats_.octets_waiting = 0;
    return octets;
}

}  // namespace causeway::scada::tunnel
