#include "ip/icmp_errors.hpp"

#include "base/hex.hpp"
#include "ip/extension.hpp"
#include "ip/udp.hpp"

#include <gtest/gtest.h>

namespace causeway::ip::icmp_errors_test {
namespace {

using namespace std::chrono_literals;

const Address own = *Address::from_text("fd00::1");
const Address peer = *Address::from_text("fd00::2");
const Address far = *Address::from_text("2001:db8::1");
constexpr IcmpError no_route = IcmpError::unreachable(UnreachableCode::no_route);

class IcmpErrorsTest : public testing::Test {
protected:
    std::optional<Octets> about(const Octets& offending, IcmpError error = no_route) {
        return errors_.make(now_, own, error, offending);
    }
    Octets udp(const Address& source, const Address& target, std::size_t size = 4) {
        const Octets payload(size, std::byte{0x5a});
        return make_udp_packet({source, target, 1, 2, payload}, 1);
    }

    Instant now_{};
    IcmpErrors errors_{{}, Instant{}};
};

TEST_F(IcmpErrorsTest, GoesToTheSourceWithThePacketInIt) {
    const Octets offending = udp(peer, far);
    const auto packet = about(offending, IcmpError::time_exceeded(TimeExceededCode::hop_limit));
    ASSERT_TRUE(packet);
    const auto whole = parse_ipv6(*packet);
    ASSERT_TRUE(whole);
    EXPECT_EQ(whole->header.source, own);
    EXPECT_EQ(whole->header.target, peer);
    EXPECT_EQ(whole->header.hop_limit, hop_limit_default);
    const auto view = parse_icmpv6(own, peer, whole->payload);
    ASSERT_TRUE(view);
    EXPECT_EQ(*parse_as<TimeExceeded>(view->message),
              (TimeExceeded{TimeExceededCode::hop_limit, offending}));
    EXPECT_EQ(errors_.stats().sent, 1u);
}

TEST_F(IcmpErrorsTest, ValueIsTheMtuOrThePointer) {
    const auto too_big = about(udp(peer, far), IcmpError::too_big(1280));
    EXPECT_EQ(parse_as<PacketTooBig>(Bytes(*too_big).subspan(40))->mtu, 1280u);
    const auto problem =
        about(udp(peer, far),
              IcmpError::parameter_problem(ParameterProblemCode::unknown_next_header, 0x01020304));
    EXPECT_EQ(parse_as<ParameterProblem>(Bytes(*problem).subspan(40))->pointer, 0x01020304u);
}

TEST_F(IcmpErrorsTest, FillsTheMinimumMtuAndNoMore) {  // [RFC 4443 §2.4 (c)]
    const auto packet = about(udp(peer, far, 3000));
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->size(), mtu_min);
    EXPECT_TRUE(parse_icmpv6(own, peer, Bytes(*packet).subspan(40)));
    EXPECT_EQ(about(udp(peer, far, 1280 - 48 - 48))->size(), mtu_min);
    EXPECT_EQ(about(udp(peer, far, 1280 - 48 - 48 - 1))->size(), mtu_min - 1);
}

TEST_F(IcmpErrorsTest, NeverAboutAnError) {  // [RFC 4443 §2.4 (e.1)]
    EXPECT_FALSE(about(make_icmpv6_packet(peer, far, 1, 1, 0, "00000000"_hex)));
    EXPECT_FALSE(about(make_icmpv6_packet(peer, far, 1, 100, 0, "00000000"_hex)));
    EXPECT_EQ(errors_.stats().about_icmp_error, 2u);
    EXPECT_TRUE(about(make_icmpv6_packet(peer, far, 1, Echo{})));
}

TEST_F(IcmpErrorsTest, NeverAboutAnErrorBehindExtensionHeaders) {
    const Octets hidden = make_ipv6_packet({.next_header = 0, .source = peer, .target = far},
                                           "3a00010400000000 0100000000000000"_hex);
    EXPECT_FALSE(about(hidden));
    // Nor about the tail of some ICMPv6 message, which may be one.
    const Octets tail = make_ipv6_packet({.next_header = 44, .source = peer, .target = far},
                                         "3a00000800000001 8000000000000000"_hex);
    EXPECT_FALSE(about(tail));
    EXPECT_EQ(errors_.stats().about_icmp_error, 2u);
}

TEST_F(IcmpErrorsTest, NeverAboutARedirect) {  // [RFC 4443 §2.4 (e.2)]
    EXPECT_FALSE(about(make_icmpv6_packet(peer, own, 255, 137, 0, Octets(36))));
    EXPECT_EQ(errors_.stats().about_redirect, 1u);
}

TEST_F(IcmpErrorsTest, ToAGroupOnlyTwoErrors) {  // [RFC 4443 §2.4 (e.3)]
    EXPECT_FALSE(about(udp(peer, all_nodes())));
    EXPECT_TRUE(about(udp(peer, all_nodes()), IcmpError::too_big(1280)));

    const auto with_option = [&](std::string_view option) {
        return make_ipv6_packet(
            {.next_header = 60, .source = peer, .target = all_nodes()},
            *from_hex(std::string("3b00") + std::string(option) + "0400000000"));
    };
    const auto unknown_option =
        IcmpError::parameter_problem(ParameterProblemCode::unknown_option, 42);
    EXPECT_TRUE(about(with_option("9e"), unknown_option));   // 10
    EXPECT_FALSE(about(with_option("de"), unknown_option));  // 11
    EXPECT_FALSE(about(with_option("9e"),
                       IcmpError::parameter_problem(ParameterProblemCode::unknown_option, 9999)));
    EXPECT_FALSE(about(with_option("9e"),
                       IcmpError::parameter_problem(ParameterProblemCode::erroneous_field, 42)));
    EXPECT_EQ(errors_.stats().to_a_group, 4u);
}

TEST_F(IcmpErrorsTest, LinkGroupsCountAsGroups) {  // [RFC 4443 §2.4 (e.4), (e.5)]
    const Octets offending = udp(peer, own);
    EXPECT_FALSE(errors_.make(now_, own, no_route, offending, IcmpErrors::Arrival::link_group));
    EXPECT_TRUE(errors_.make(now_, own, IcmpError::too_big(1280), offending,
                             IcmpErrors::Arrival::link_group));
}

TEST_F(IcmpErrorsTest, NeverToNobodyOrToAGroup) {  // [RFC 4443 §2.4 (e.6)]
    EXPECT_FALSE(about(udp(Address{}, own)));
    EXPECT_FALSE(about(udp(all_nodes(), own), IcmpError::too_big(1280)));
    EXPECT_EQ(errors_.stats().from_nobody, 2u);
}

TEST_F(IcmpErrorsTest, NothingAboutWhatIsNoPacket) {
    EXPECT_FALSE(about({}));
    EXPECT_FALSE(about(Octets(39, std::byte{0x60})));
    EXPECT_FALSE(about(Octets(40, std::byte{0x40})));
    EXPECT_EQ(errors_.stats().unreadable, 3u);
}

TEST_F(IcmpErrorsTest, BurstThenTheAverage) {  // [RFC 4443 §2.4 (f)]
    const Octets offending = udp(peer, far);
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(about(offending)) << i;
    EXPECT_FALSE(about(offending));
    now_ += 99ms;
    EXPECT_FALSE(about(offending));
    now_ += 1ms;
    EXPECT_TRUE(about(offending));
    EXPECT_FALSE(about(offending));
    now_ += std::chrono::hours(24 * 365);  // idle time is worth one burst, not more
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(about(offending)) << i;
    EXPECT_FALSE(about(offending));
    now_ -= 1h;  // a late caller does no harm
    EXPECT_FALSE(about(offending));
    EXPECT_EQ(errors_.stats().sent, 21u);
    EXPECT_EQ(errors_.stats().rate_limited, 5u);
}

TEST_F(IcmpErrorsTest, RefusedOnesCostNoToken) {
    for (int i = 0; i < 100; ++i) EXPECT_FALSE(about(udp(Address{}, own)));
    EXPECT_TRUE(about(udp(peer, far)));
}

TEST_F(IcmpErrorsTest, MayBeSwitchedOff) {
    IcmpErrors none({.burst = 10, .per_second = 0}, now_);
    EXPECT_FALSE(none.make(now_ + 1h, own, no_route, udp(peer, far)));
    IcmpErrors no_burst({.burst = 0, .per_second = 10}, now_);
    EXPECT_FALSE(no_burst.make(now_ + 1h, own, no_route, udp(peer, far)));
}

TEST_F(IcmpErrorsTest, EveryQuestionIsCountedOnce) {
    for (int i = 0; i < 20; ++i) about(udp(peer, far));
    about({});
    about(udp(Address{}, own));
    about(udp(peer, all_nodes()));
    EXPECT_EQ(errors_.stats().asked, 23u);
    EXPECT_TRUE(errors_.stats().balanced());
}

}  // namespace
}  // namespace causeway::ip::icmp_errors_test
