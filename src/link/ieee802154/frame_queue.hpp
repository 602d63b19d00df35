#pragma once
// The frames that wait for the channel: a bounded ring, first in first out, that owns no memory
// until it is first used and grows by doubling up to its limit.
#include "link/ieee802154/address.hpp"
#include "link/ieee802154/radio.hpp"

#include <cstdint>
#include <vector>

namespace causeway::link::ieee802154 {

struct QueuedFrame {
    Address destination = {};
    std::uint32_t handle = 0;
    std::uint8_t sequence = 0;
    bool ack_requested = false;
    bool is_data = true;  // false: our own beacon, whose end nobody asked to be told
    Frame frame = {};
};

class FrameQueue {
public:
    explicit FrameQueue(std::size_t frames_max) noexcept : frames_max_(frames_max) {}

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] bool full() const noexcept { return size_ >= frames_max_; }
    [[nodiscard]] QueuedFrame& front() noexcept { return ring_[head_]; }

    /// A slot at the end, to be filled by the caller: what an earlier frame left may be in it.
    [[nodiscard]] QueuedFrame& push();
    void pop() noexcept;

private:
    void grow();

    std::size_t frames_max_;
    std::size_t head_ = 0;
    std::size_t size_ = 0;
    std::vector<QueuedFrame> ring_;
};

}  // namespace causeway::link::ieee802154
