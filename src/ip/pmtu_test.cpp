#include "ip/pmtu.hpp"

#include "ip/icmp_errors.hpp"
#include "ip/udp.hpp"

#include <gtest/gtest.h>

namespace causeway::ip::pmtu_test {
namespace {

using namespace std::chrono_literals;
using Outcome = PathMtu::Outcome;

const Address own = *Address::from_text("fd00::1");
const Address far = *Address::from_text("2001:db8::1");

Address numbered(unsigned number) {
    Address address = far;
    address.octets[15] = static_cast<std::byte>(number);
    return address;
}

TEST(PathMtu, StartsAtTheLinks) {
    EXPECT_EQ(PathMtu({}).mtu(Instant{}, far), 1280u);
    EXPECT_EQ(PathMtu({.link_mtu = 1500}).mtu(Instant{}, far), 1500u);
}

TEST(PathMtu, OnlyEverDecreases) {  // [RFC 8201 §4]
    PathMtu paths({.link_mtu = 1500});
    EXPECT_EQ(paths.learn(Instant{}, far, 1400), Outcome::learnt);
    EXPECT_EQ(paths.learn(Instant{}, far, 1450), Outcome::no_decrease);
    EXPECT_EQ(paths.learn(Instant{}, far, 1400), Outcome::no_decrease);
    EXPECT_EQ(paths.mtu(Instant{}, far), 1400u);
    EXPECT_EQ(paths.learn(Instant{}, far, 1300), Outcome::learnt);
    EXPECT_EQ(paths.mtu(Instant{}, far), 1300u);
    EXPECT_EQ(paths.mtu(Instant{}, numbered(2)), 1500u);
    EXPECT_EQ(paths.learn(Instant{}, numbered(2), 9000), Outcome::no_decrease);
    EXPECT_EQ(paths.size(), 1u);
}

TEST(PathMtu, NeverBelowTheMinimum) {  // [RFC 8201 §4]
    PathMtu paths({.link_mtu = 1500});
    EXPECT_EQ(paths.learn(Instant{}, far, 1279), Outcome::below_minimum);
    EXPECT_EQ(paths.learn(Instant{}, far, 0), Outcome::below_minimum);
    EXPECT_EQ(paths.mtu(Instant{}, far), 1500u);
    EXPECT_EQ(paths.learn(Instant{}, far, 1280), Outcome::learnt);
    EXPECT_EQ(paths.stats().below_minimum, 2u);
}

TEST(PathMtu, ForgetsWithAge) {  // [RFC 8201 §5.3]
    PathMtu paths({.link_mtu = 1500, .age_max = 10min});
    paths.learn(Instant{}, far, 1300);
    EXPECT_EQ(paths.mtu(Instant{} + 10min - 1ns, far), 1300u);
    EXPECT_EQ(paths.mtu(Instant{} + 10min, far), 1500u);
    EXPECT_EQ(paths.learn(Instant{} + 10min, far, 1400), Outcome::learnt);
    EXPECT_EQ(paths.size(), 1u);
}

TEST(PathMtu, TheOldestMakesRoom) {
    PathMtu paths({.link_mtu = 1500});
    for (unsigned i = 0; i <= PathMtu::paths_max; ++i) paths.learn(Instant{}, numbered(i), 1300);
    EXPECT_EQ(paths.size(), PathMtu::paths_max);
    EXPECT_EQ(paths.stats().evicted, 1u);
    EXPECT_EQ(paths.mtu(Instant{}, numbered(0)), 1500u);
    EXPECT_EQ(paths.mtu(Instant{}, numbered(1)), 1300u);
    EXPECT_EQ(paths.mtu(Instant{}, numbered(PathMtu::paths_max)), 1300u);
}

TEST(PathMtu, ReadsTheMessage) {
    PathMtu paths({.link_mtu = 1500});
    IcmpErrors errors({}, Instant{});
    const Octets ours = make_udp_packet({own, far, 1, 2, {}}, 64);
    const auto packet = errors.make(Instant{}, far, IcmpError::too_big(1300), ours);
    ASSERT_TRUE(packet);
    const auto view = parse_icmpv6(far, own, Bytes(*packet).subspan(40));
    ASSERT_TRUE(view);
    EXPECT_EQ(paths.learn(Instant{}, *view, numbered(9)), Outcome::not_ours);
    EXPECT_EQ(paths.learn(Instant{}, *view, own), Outcome::learnt);
    EXPECT_EQ(paths.mtu(Instant{}, far), 1300u);
    Icmpv6View cut = *view;
    cut.body = cut.body.first(43);
    EXPECT_EQ(paths.learn(Instant{}, cut, own), Outcome::malformed);
    Icmpv6View other = *view;
    other.type = 1;
    EXPECT_EQ(paths.learn(Instant{}, other, own), Outcome::malformed);
    EXPECT_TRUE(paths.stats().balanced());
    EXPECT_EQ(paths.stats().heard, 4u);
}

}  // namespace
}  // namespace causeway::ip::pmtu_test
