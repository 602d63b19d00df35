#include "ip/icmpv6.hpp"

#include "base/hex.hpp"
#include "ip/endpoint.hpp"

#include <gtest/gtest.h>

namespace causeway::ip::icmpv6_test {
namespace {

const Address loopback = *Address::from_text("::1");
const Address node = *Address::from_text("fe80::1");

// What Linux said to itself: a request, its reply, and an error about a datagram to a closed port.
const Octets request = "800020f7 beef0007 6361757365776179"_hex;
const Octets reply = "81001ff7 beef0007 6361757365776179"_hex;
const Octets unreachable =
    "01042e21 00000000"
    "60033521000a114000000000000000000000000000000001 00000000000000000000000000000001"
    "c15a0009000a001d 6869"_hex;

TEST(Icmpv6, ChecksumsOfLinuxAreRight) {
    EXPECT_TRUE(parse_icmpv6(loopback, loopback, request));
    EXPECT_TRUE(parse_icmpv6(loopback, loopback, reply));
    EXPECT_TRUE(parse_icmpv6(loopback, loopback, unreachable));
    EXPECT_EQ(parse_icmpv6(loopback, node, request).error(), (WireError{Fault::bad_checksum, 2}));
}

TEST(Icmpv6, MakesTheSamePacketsAsLinux) {
    const auto echo = parse_as<Echo>(request);
    ASSERT_TRUE(echo);
    EXPECT_EQ(to_hex(Bytes(make_icmpv6_packet(loopback, loopback, 64, *echo)).subspan(40)),
              to_hex(request));
    const auto error = parse_as<DestinationUnreachable>(unreachable);
    ASSERT_TRUE(error);
    EXPECT_EQ(to_hex(Bytes(make_icmpv6_packet(loopback, loopback, 64, *error)).subspan(40)),
              to_hex(unreachable));
    const auto view = parse_icmpv6(loopback, loopback, reply);
    EXPECT_EQ(
        to_hex(Bytes(make_icmpv6_packet(loopback, loopback, 64, view->type, view->code, view->body))
                   .subspan(40)),
        to_hex(reply));
}

TEST(Icmpv6, HeaderOfAMadePacket) {
    const Octets packet = make_icmpv6_packet(node, all_rpl_nodes(), 255, 155, 1, "0102"_hex);
    const auto header = parse_as<Ipv6Header>(packet);
    ASSERT_TRUE(header);
    EXPECT_EQ(*header, (Ipv6Header{.payload_length = 6,
                                   .next_header = 58,
                                   .hop_limit = 255,
                                   .source = node,
                                   .target = all_rpl_nodes()}));
    const auto view = parse_icmpv6(node, all_rpl_nodes(), Bytes(packet).subspan(40));
    ASSERT_TRUE(view);
    EXPECT_EQ(view->type, Icmpv6Type::rpl_control);
    EXPECT_EQ(view->code, 1);
    EXPECT_EQ(to_hex(view->body), "0102");
    EXPECT_EQ(view->message.size(), 6u);
}

TEST(Icmpv6, RefusesEveryChangedBitAndShortMessages) {
    Octets message = request;
    for (std::size_t bit = 0; bit < message.size() * 8; ++bit) {
        message[bit / 8] ^= std::byte(1u << bit % 8);
        EXPECT_FALSE(parse_icmpv6(loopback, loopback, message)) << bit;
        message[bit / 8] ^= std::byte(1u << bit % 8);
    }
    for (std::size_t size = 0; size < 4; ++size)
        EXPECT_EQ(parse_icmpv6(loopback, loopback, Bytes(request).first(size)).error().fault,
                  Fault::truncated);
}

TEST(Icmpv6, ReadsEcho) {  // [RFC 4443 §4.1, §4.2]
    const auto echo = parse_as<Echo>(reply);
    ASSERT_TRUE(echo);
    EXPECT_TRUE(echo->reply);
    EXPECT_EQ(echo->identifier, 0xbeef);
    EXPECT_EQ(echo->sequence, 7);
    EXPECT_EQ(as_text(echo->data), "causeway");
    EXPECT_FALSE(parse_as<Echo>(unreachable));
    EXPECT_FALSE(parse_as<Echo>(Bytes(request).first(7)));
}

template <class Message>
void round_trips(const Message& message, std::string_view hex) {
    EXPECT_EQ(to_hex(emitted(message)), hex);
    const auto octets = from_hex(hex);
    const auto read = parse_as<Message>(*octets);
    ASSERT_TRUE(read) << hex;
    EXPECT_EQ(*read, message) << hex;
    EXPECT_FALSE(parse_as<Message>(Bytes(*octets).first(7))) << hex;
}

TEST(Icmpv6, ErrorsRoundTrip) {  // [RFC 4443 §3.1, §3.2, §3.3, §3.4]
    round_trips(DestinationUnreachable{UnreachableCode::source_routing_header, "6a"_hex},
                "01070000000000006a");  // [RFC 6550 §20.18]
    round_trips(PacketTooBig{1280, "6a"_hex}, "02000000000005006a");
    round_trips(TimeExceeded{TimeExceededCode::reassembly, {}}, "0301000000000000");
    round_trips(ParameterProblem{ParameterProblemCode::unknown_option, 42, "6a"_hex},
                "040200000000002a6a");
    const Icmpv6Message any{155, 2, "0102"_hex};
    EXPECT_EQ(to_hex(emitted(any)), "9b0200000102");
    EXPECT_EQ(*parse_as<Icmpv6Message>("9b02ffff0102"_hex), any);
    EXPECT_FALSE(parse_as<Icmpv6Message>("9b02ff"_hex));
}

TEST(Icmpv6, ReceiverIgnoresWhatItIsToldToIgnore) {
    // Code and unused fields. [RFC 4443 §3.1, §3.2]
    EXPECT_EQ(parse_as<PacketTooBig>("02ff000000000500"_hex)->mtu, 1280u);
    EXPECT_TRUE(parse_as<DestinationUnreachable>("01040000ffffffff"_hex));
    EXPECT_EQ(parse_as<DestinationUnreachable>("01c80000ffffffff"_hex)->code, UnreachableCode{200});
}

// ---- answer_echo --------------------------------------------------------------------------------

Ipv6Header from_to(const Address& source, const Address& target) {
    return {.next_header = 58, .source = source, .target = target};
}

TEST(AnswerEcho, RepliesAsLinuxDoes) {
    const auto packet = answer_echo(from_to(loopback, loopback), request);
    ASSERT_TRUE(packet);
    EXPECT_EQ(to_hex(Bytes(*packet).subspan(40)), to_hex(reply));
}

TEST(AnswerEcho, AnswersFromTheAddressThatWasAsked) {  // [RFC 4443 §4.2]
    const Address asked = *Address::from_text("fd00::2");
    const Octets ping = make_icmpv6_packet(node, asked, 3, Echo{.data = "01"_hex});
    const auto packet =
        answer_echo(from_to(node, asked), Bytes(ping).subspan(40), *Address::from_text("fd00::9"));
    ASSERT_TRUE(packet);
    const auto header = parse_as<Ipv6Header>(*packet);
    EXPECT_EQ(header->source, asked);
    EXPECT_EQ(header->target, node);
    EXPECT_EQ(header->hop_limit, hop_limit_default);
    EXPECT_TRUE(parse_icmpv6(asked, node, Bytes(*packet).subspan(40)));
}

TEST(AnswerEcho, AnswersForAGroupFromItsOwnAddress) {
    const Octets ping = make_icmpv6_packet(node, all_nodes(), 1, Echo{});
    const Bytes message = Bytes(ping).subspan(40);
    EXPECT_FALSE(answer_echo(from_to(node, all_nodes()), message));
    const Address own = *Address::from_text("fe80::2");
    const auto packet = answer_echo(from_to(node, all_nodes()), message, own);
    ASSERT_TRUE(packet);
    EXPECT_EQ(parse_as<Ipv6Header>(*packet)->source, own);
}

TEST(AnswerEcho, IsSilentAboutAllElse) {
    EXPECT_FALSE(answer_echo(from_to(loopback, loopback), reply));
    EXPECT_FALSE(answer_echo(from_to(loopback, loopback), unreachable));
    EXPECT_FALSE(answer_echo(from_to(loopback, node), request));  // the checksum is wrong there
    EXPECT_FALSE(answer_echo(from_to(loopback, loopback), {}));
    for (const Address& nobody : {Address{}, all_nodes()}) {
        const Octets ping = make_icmpv6_packet(nobody, node, 1, Echo{});
        EXPECT_FALSE(answer_echo(from_to(nobody, node), Bytes(ping).subspan(40)));
    }
    const Octets odd_code = make_icmpv6_packet(loopback, node, 1, 128, 1, "00000000"_hex);
    EXPECT_FALSE(answer_echo(from_to(loopback, node), Bytes(odd_code).subspan(40)));
    const Octets too_short = make_icmpv6_packet(loopback, node, 1, 128, 0, "000000"_hex);
    EXPECT_FALSE(answer_echo(from_to(loopback, node), Bytes(too_short).subspan(40)));
}

}  // namespace
}  // namespace causeway::ip::icmpv6_test
