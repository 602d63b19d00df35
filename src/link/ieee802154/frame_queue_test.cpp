#include "link/ieee802154/frame_queue.hpp"

#include <gtest/gtest.h>

namespace causeway::link::ieee802154::frame_queue_test {
namespace {

TEST(FrameQueue, KeepsTheOrderThroughGrowthAndWrapping) {
    FrameQueue queue(7);
    std::uint32_t in = 0;
    std::uint32_t out = 0;
    for (int round = 0; round < 50; ++round) {
        while (!queue.full()) queue.push().handle = in++;
        EXPECT_EQ(queue.size(), 7u);
        for (int i = 0; i < 1 + round % 7; ++i) {
            EXPECT_EQ(queue.front().handle, out++);
            queue.pop();
        }
    }
    while (!queue.empty()) {
        EXPECT_EQ(queue.front().handle, out++);
        queue.pop();
    }
    EXPECT_EQ(in, out);
}

TEST(FrameQueue, GrowingKeepsFramesThatWereWrapped) {
    FrameQueue queue(16);
    queue.push().handle = 0;
    queue.push().handle = 1;
    queue.pop();
    queue.push().handle = 2;  // wraps
    queue.push().handle = 3;  // grows
    for (std::uint32_t i = 1; i <= 3; ++i) {
        EXPECT_EQ(queue.front().handle, i);
        queue.pop();
    }
}

}  // namespace
}  // namespace causeway::link::ieee802154::frame_queue_test
