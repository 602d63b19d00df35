#include "link/ieee802154/frame_queue.hpp"

#include <algorithm>

namespace causeway::link::ieee802154 {

QueuedFrame& FrameQueue::push() {
    CAUSEWAY_ASSERT(!full());
    if (size_ == ring_.size()) grow();
    std::size_t at = head_ + size_++;
    if (at >= ring_.size()) at -= ring_.size();
    return ring_[at];
}

void FrameQueue::pop() noexcept {
    CAUSEWAY_ASSERT(!empty());
    if (++head_ == ring_.size()) head_ = 0;
    if (--size_ == 0) head_ = 0;  // a lone frame always finds the same, warm slot
}

void FrameQueue::grow() {
    std::vector<QueuedFrame> larger;
    const std::size_t wanted = std::min(frames_max_, std::max<std::size_t>(2, 2 * size_));
    larger.reserve(wanted);
    for (std::size_t i = 0; i < size_; ++i) larger.push_back(ring_[(head_ + i) % ring_.size()]);
    larger.resize(wanted);
    ring_ = std::move(larger);
    head_ = 0;
}

}  // namespace causeway::link::ieee802154
