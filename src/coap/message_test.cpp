#include "coap/message.hpp"

#include "base/hex.hpp"
#include "coap/content_format.hpp"
#include "coap/text.hpp"

#include <gtest/gtest.h>

namespace causeway::coap::message_test {
namespace {

Message message(Type type, Code code, std::uint16_t id) {
    Message m;
    m.type = type;
    m.code = code;
    m.id = id;
    return m;
}

Octets text(std::string_view s) {
    return to_octets(as_octets(s));
}

void expect_both_ways(const Message& m, const Octets& wire) {
    EXPECT_EQ(to_hex(emitted(m)), to_hex(wire));
    const auto parsed = parse_as<Message>(wire);
    ASSERT_TRUE(parsed.has_value()) << name_of(parsed.error().fault);
    EXPECT_EQ(*parsed, m);
}

Fault fault_of(const Octets& wire) {
    const auto parsed = parse_as<Message>(wire);
    return parsed ? Fault::none : parsed.error().fault;
}

// ---- RFC 7252 Appendix A -----------------------------------------------------------------------

TEST(Message, Figure16RequestIsSixteenOctets) {
    Message m = message(Type::confirmable, Code::get, 0x7d34);
    m.options.add_text(OptionNumber::uri_path, "temperature");
    expect_both_ways(m, "40 01 7d 34 bb 74 65 6d 70 65 72 61 74 75 72 65"_hex);
    EXPECT_EQ(m.wire_size(), 16u);
}

TEST(Message, Figure16ResponseIsElevenOctets) {
    Message m = message(Type::acknowledgement, Code::content, 0x7d34);
    m.payload = text("22.3 C");
    expect_both_ways(m, "60 45 7d 34 ff 32 32 2e 33 20 43"_hex);
    EXPECT_EQ(m.wire_size(), 11u);
}

TEST(Message, Figure17HasATokenInBothDirections) {
    Message request = message(Type::confirmable, Code::get, 0x7d35);
    request.token = Token("20"_hex);
    request.options.add_text(OptionNumber::uri_path, "temperature");
    expect_both_ways(request, "41 01 7d 35 20 bb 74 65 6d 70 65 72 61 74 75 72 65"_hex);
    Message response = message(Type::acknowledgement, Code::content, 0x7d35);
    response.token = Token("20"_hex);
    response.payload = text("22.3 C");
    expect_both_ways(response, "61 45 7d 35 20 ff 32 32 2e 33 20 43"_hex);
    EXPECT_EQ(request.wire_size(), 17u);
    EXPECT_EQ(response.wire_size(), 12u);
}

TEST(Message, Figure20SeparateResponseAndItsEmptyAcknowledgements) {
    expect_both_ways(empty_message(Type::acknowledgement, 0x7d38), "60 00 7d 38"_hex);
    Message response = message(Type::confirmable, Code::content, 0xad7b);
    response.token = Token("53"_hex);
    response.payload = text("22.3 C");
    expect_both_ways(response, "41 45 ad 7b 53 ff 32 32 2e 33 20 43"_hex);
    expect_both_ways(empty_message(Type::acknowledgement, 0xad7b), "60 00 ad 7b"_hex);
}

TEST(Message, Figure21IsRejectedByAReset) {
    expect_both_ways(empty_message(Type::reset, 0xad7c), "70 00 ad 7c"_hex);
}

TEST(Message, Figure22IsNonConfirmableBothWays) {
    Message request = message(Type::non_confirmable, Code::get, 0x7d40);
    request.token = Token("75"_hex);
    request.options.add_text(OptionNumber::uri_path, "temperature");
    expect_both_ways(request, "51 01 7d 40 75 bb 74 65 6d 70 65 72 61 74 75 72 65"_hex);
    Message response = message(Type::non_confirmable, Code::content, 0xad7d);
    response.token = Token("75"_hex);
    response.payload = text("22.3 C");
    expect_both_ways(response, "51 45 ad 7d 75 ff 32 32 2e 33 20 43"_hex);
}

TEST(Message, Figure23ErrorHasNoPayloadMarker) {
    Message response = message(Type::non_confirmable, Code::not_found, 0x952a);
    response.token = Token("86"_hex);
    expect_both_ways(response, "51 84 95 2a 86"_hex);
}

// ---- format errors [RFC 7252 §3, §4.1] ---------------------------------------------------------

TEST(Message, AnotherVersionIsToldApartFromAFormatError) {
    EXPECT_EQ(fault_of("80 01 00 01"_hex), Fault::bad_version);
    EXPECT_FALSE(peek_header("80 01 00 01"_hex).has_value());
    EXPECT_FALSE(peek_header("40 01 00"_hex).has_value());
    EXPECT_EQ(peek_header("49 01 12 34"_hex)->id, 0x1234);
}

TEST(Message, TokensOfEveryLengthComeBackAsTheyWere) {  // [RFC 8974 §2.1]
    for (const std::size_t octets : {0u, 8u, 9u, 12u, 13u, 14u, 268u, 269u, 270u, 65804u}) {
        Message message;
        message.code = Code::get;
        message.token = Token(Octets(octets, std::byte{0x2a}));
        message.payload = Octets(3, std::byte{7});
        const Octets wire = emitted(message);
        EXPECT_EQ(wire.size(), 4 + (octets < 13 ? 0u : octets < 269 ? 1u : 2u) + octets + 4);
        EXPECT_EQ(*parse_as<Message>(wire), message) << octets;
        EXPECT_EQ(fault_of(to_octets(Bytes(wire).first(4 + octets / 2))),
                  octets / 2 == octets ? Fault::none : Fault::truncated);
    }
}

TEST(Message, TheTokenLengthFifteenIsAFormatError) {  // [RFC 8974 §2.1]
    EXPECT_EQ(fault_of("4f 01 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"_hex),
              Fault::bad_length);
    EXPECT_EQ(fault_of("4d 01 00 01"_hex), Fault::truncated);
    EXPECT_EQ(fault_of("4e 01 00 01 00"_hex), Fault::truncated);
    EXPECT_EQ(fault_of("4d 00 00 01 00"_hex), Fault::bad_length);  // Empty, and yet not
}

TEST(Message, APayloadMarkerWithoutPayloadIsAFormatError) {
    EXPECT_EQ(fault_of("40 01 00 01 ff"_hex), Fault::bad_length);
    EXPECT_EQ(fault_of("40 01 00 01 ff 00"_hex), Fault::none);
}

TEST(Message, AnEmptyMessageHasNothingBehindItsId) {
    EXPECT_EQ(fault_of("40 00 00 01"_hex), Fault::none);
    EXPECT_EQ(fault_of("40 00 00 01 00"_hex), Fault::bad_length);
    EXPECT_EQ(fault_of("41 00 00 01 aa"_hex), Fault::bad_length);
    EXPECT_EQ(fault_of("60 00 00 01 ff 01"_hex), Fault::bad_length);
}

TEST(Message, ReservedNibblesAreFormatErrors) {
    EXPECT_EQ(fault_of("40 01 00 01 f1 00"_hex), Fault::bad_value);  // delta 15, not a marker
    EXPECT_EQ(fault_of("40 01 00 01 1f 00"_hex), Fault::bad_value);  // length 15
}

TEST(Message, ATruncatedOptionIsAFormatError) {
    EXPECT_EQ(fault_of("40 01 00 01 b3 61 62"_hex), Fault::truncated);
    EXPECT_EQ(fault_of("40 01 00 01 d0"_hex), Fault::truncated);
    EXPECT_EQ(fault_of("40 01 00 01 e0 00"_hex), Fault::truncated);
    EXPECT_EQ(fault_of("42 01 00 01 aa"_hex), Fault::truncated);
    EXPECT_EQ(fault_of("40 01 00"_hex), Fault::truncated);
}

TEST(Message, OptionNumbersEndAt65535) {
    EXPECT_EQ(fault_of("40 01 00 01 e0 fe f2"_hex), Fault::none);  // 65535
    EXPECT_EQ(fault_of("40 01 00 01 e0 fe f2 10"_hex), Fault::bad_value);
    EXPECT_EQ(fault_of("40 01 00 01 e0 ff ff"_hex), Fault::bad_value);  // 65804
}

// ---- text --------------------------------------------------------------------------------------

TEST(MessageText, SaysWhatAPersonWantsToKnow) {
    Message m = message(Type::confirmable, Code::get, 0x7d35);
    m.token = Token("20"_hex);
    m.options.add_text(OptionNumber::uri_path, "temperature");
    m.options.add_uint(OptionNumber::accept, 110);
    m.options.add_uint(OptionNumber::block2, 0x3e);
    EXPECT_EQ(to_text(m),
              "CON 0.01 GET id 7d35 token 20 [Uri-Path: temperature, Accept: "
              "application/senml+json, Block2: 3/1/1024]");
    Message r = message(Type::acknowledgement, Code::content, 1);
    r.payload = text("22.3 C");
    r.options.add(OptionNumber{65001}, "c0 ff ee"_hex);
    EXPECT_EQ(to_text(r), "ACK 2.05 Content id 0001 [option 65001: c0ffee] payload 6: 22.3 C");
    EXPECT_EQ(to_text(Code{0x9e}), "4.30");
    EXPECT_EQ(to_text(empty_message(Type::reset, 2)), "RST 0.00 Empty id 0002");
}

TEST(ContentFormatText, ReadsNamesShortNamesAndNumbers) {
    EXPECT_EQ(content_format_from_text("application/json"), ContentFormat::json);
    EXPECT_EQ(content_format_from_text("senml+cbor"), ContentFormat::senml_cbor);
    EXPECT_EQ(content_format_from_text("plain"), ContentFormat::text_plain);
    EXPECT_EQ(content_format_from_text("11542"), ContentFormat{11542});
    EXPECT_EQ(content_format_from_text("65536"), std::nullopt);
    EXPECT_EQ(content_format_from_text(""), std::nullopt);
    EXPECT_EQ(to_text(ContentFormat{9999}), "9999");
}

}  // namespace
}  // namespace causeway::coap::message_test
