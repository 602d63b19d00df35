#include "net/out_queue.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace causeway::net::out_queue_test {
namespace {

Outgoing piece(std::string_view octets) {
    return {to_octets(as_octets(octets)), {}, {}};
}

std::string gathered(const OutQueue& queue, std::size_t pieces = 64) {
    std::vector<iovec> into(pieces);
    const std::size_t used = queue.gather(into);
    std::string text;
    for (std::size_t i = 0; i < used; ++i)
        text.append(static_cast<const char*>(into[i].iov_base), into[i].iov_len);
    return text;
}

TEST(OutQueue, GivesOctetsAndBodiesInOrderFromWhereverItStands) {
    const auto body = std::make_shared<std::string>(1'000, 'b');
    std::string all;
    OutQueue queue;
    for (int i = 0; i < 5; ++i) {
        queue.push({to_octets(as_octets("head" + std::to_string(i))), as_octets(*body), body});
        all += "head" + std::to_string(i) + *body;
    }
    for (std::size_t at = 0; at < all.size(); at += 17) {
        ASSERT_EQ(gathered(queue), all.substr(at)) << at;
        queue.take(std::min<std::size_t>(17, all.size() - at));
    }
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(body.use_count(), 1);
}

TEST(OutQueue, ABodyIsLetGoAsSoonAsItHasLeft) {
    const auto body = std::make_shared<std::string>(1'000, 'b');
    OutQueue queue;
    queue.push({{}, as_octets(*body), body});
    queue.push({{}, as_octets(*body), body});
    queue.take(1'000);
    EXPECT_EQ(body.use_count(), 2);
    queue.take(999);
    EXPECT_EQ(body.use_count(), 2);
    queue.take(1);
    EXPECT_EQ(body.use_count(), 1);
    queue.push({{}, as_octets(*body), body});
    queue.clear();
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(body.use_count(), 1);
}

TEST(OutQueue, SmallPiecesBecomeOne) {
    const auto body = std::make_shared<std::string>("small body");
    OutQueue queue;
    std::string all;
    for (int i = 0; i < 100; ++i) {
        queue.push({to_octets(as_octets("piece ")), as_octets(*body), body});
        all += "piece small body";
    }
    EXPECT_EQ(body.use_count(), 1);
    EXPECT_EQ(gathered(queue, 4), all);
    queue.push({});
    EXPECT_EQ(gathered(queue, 4), all);
}

TEST(OutQueue, MovesOutWhatFits) {
    const auto body = std::make_shared<std::string>(700, 'b');
    OutQueue queue;
    queue.push({to_octets(as_octets("head")), as_octets(*body), body});
    queue.push(piece("tail"));
    std::string text;
    std::array<std::byte, 100> some;
    while (!queue.empty()) text += as_text(Bytes(some).first(queue.move_to(some)));
    EXPECT_EQ(text, "head" + *body + "tail");
    EXPECT_EQ(queue.move_to(some), 0u);
}

TEST(OutQueue, ALongQueueForgetsWhatHasLeft) {
    OutQueue queue;
    const std::string big(600, 'x');
    for (int i = 0; i < 1'000; ++i) queue.push(piece(big + std::to_string(i)));
    for (int i = 0; i < 1'000; ++i) {
        const std::string expected = big + std::to_string(i);
        ASSERT_TRUE(gathered(queue, 2).starts_with(expected)) << i;
        queue.take(expected.size());
    }
    EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace causeway::net::out_queue_test
