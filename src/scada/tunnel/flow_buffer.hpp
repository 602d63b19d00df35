#pragma once
// Octets on their way to somebody who takes them at his own pace: those that wait, and those that
// were handed over and have not left yet. When he goes away between, the latter can be taken back.
#include "base/bytes.hpp"

#include <algorithm>
#include <cstddef>
#include <deque>

namespace causeway::scada::tunnel {

class FlowBuffer {
public:
    [[nodiscard]] std::size_t size() const noexcept { return octets_.size() - head_; }
    [[nodiscard]] std::size_t waiting() const noexcept { return octets_.size() - sent_; }
    /// Handed over, as they are on the wire.
    [[nodiscard]] std::size_t in_flight() const noexcept { return in_flight_; }

    void put(Bytes octets) { octets_.insert(octets_.end(), octets.begin(), octets.end()); }
    /// What comes next, so much at most.
    [[nodiscard]] Bytes next(std::size_t most) const noexcept {
        return Bytes(octets_).subspan(sent_, std::min(most, waiting()));
    }
    /// So many were handed over, as so many on the wire.
    void sent(std::size_t octets, std::size_t on_wire) {
        sent_ += octets;
        in_flight_ += on_wire;
        flights_.push_back({octets, on_wire, 0});
    }
    /// Octets on the wire left; how many of ours are done with.
    std::size_t drained(std::size_t on_wire) {
        std::size_t done = 0;
        on_wire = std::min(on_wire, in_flight_);
        in_flight_ -= on_wire;
        while (!flights_.empty()) {
            Flight& first = flights_.front();
            const std::size_t some = std::min(on_wire, first.on_wire - first.gone);
            first.gone += some;
            on_wire -= some;
            if (first.gone != first.on_wire) break;
            done += first.octets;
            flights_.pop_front();
        }
        head_ += done;
        if (head_ == octets_.size()) {
            octets_.clear();
            head_ = sent_ = 0;
        } else if (head_ >= compact_octets && head_ * 2 >= octets_.size()) {
            octets_.erase(octets_.begin(), octets_.begin() + static_cast<std::ptrdiff_t>(head_));
            sent_ -= head_;
            head_ = 0;
        }
        return done;
    }
    /// What was handed over and has not left waits again; how many of ours had left. `cost` is what
    /// an octet is on the wire.
    template <class Cost>
    std::size_t take_back(Cost cost) {
        std::size_t done = 0;
        if (!flights_.empty()) {
            std::size_t gone = flights_.front().gone;
            while (done < flights_.front().octets && gone >= cost(octets_[head_])) {
                gone -= cost(octets_[head_]);
                ++head_;
                ++done;
            }
        }
        sent_ = head_;
        in_flight_ = 0;
        flights_.clear();
        return done;
    }
    /// All that has not left, in order; it is empty then.
    [[nodiscard]] Octets take_all() {
        Octets all(octets_.begin() + static_cast<std::ptrdiff_t>(head_), octets_.end());
        clear();
        return all;
    }
    void clear() noexcept {
        octets_.clear();
        flights_.clear();
        head_ = sent_ = in_flight_ = 0;
    }
    /// Of what waits, and was not handed over; how many that was.
    std::size_t clear_waiting() noexcept {
        const std::size_t octets = waiting();
        octets_.resize(sent_);
        return octets;
    }

private:
    struct Flight {
        std::size_t octets;
        std::size_t on_wire;
        std::size_t gone;  // on the wire
    };
    static constexpr std::size_t compact_octets = 16 << 10;

    Octets octets_;
    std::size_t head_ = 0;  // gone
    std::size_t sent_ = 0;  // handed over
    std::size_t in_flight_ = 0;
    std::deque<Flight> flights_;
};

}  // namespace causeway::scada::tunnel
