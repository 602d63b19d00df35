// The general frame format, held to frames derived field by field from the standard and checked
// against an independent dissector, in both directions.
#include "link/ieee802154/frame.hpp"

#include "base/hex.hpp"
#include "link/ieee802154/ie.hpp"

#include <gtest/gtest.h>

namespace causeway::link::ieee802154::frame_test {
namespace {

constexpr Address no_address{};
constexpr Address short_1 = Address::short_address(0x0001);
constexpr Address short_2 = Address::short_address(0x0002);
constexpr Address extended_1 = Address::extended(0xc0ffee0000000001);
constexpr Address extended_2 = Address::extended(0xc0ffee0000000002);
constexpr PanId pan_a{0xabcd};
constexpr PanId pan_b{0x1234};

void expect_both_ways(const Octets& wire, const MacFrame& frame) {
    const auto parsed = parse_as<MacFrame>(wire);
    ASSERT_TRUE(parsed.has_value()) << to_hex(wire);
    EXPECT_EQ(*parsed, frame) << to_hex(wire);
    EXPECT_EQ(to_hex(emitted(frame)), to_hex(wire));
    EXPECT_EQ(frame.wire_size(), wire.size());
}

Fault fault_of(const Octets& wire) {
    const auto parsed = FrameView::parse(wire);
    return parsed ? Fault::none : parsed.error().fault;
}

TEST(MacFrame, ImmediateAcknowledgement) {
    expect_both_ways("02 00 6a"_hex,
                     {.header = {.type = FrameType::ack, .sequence = std::uint8_t{0x6a}}});
    expect_both_ways("12 00 6a"_hex, {.header = {.type = FrameType::ack,
                                                 .frame_pending = true,
                                                 .sequence = std::uint8_t{0x6a}}});
}

TEST(MacFrame, DataBetweenShortAddresses) {
    expect_both_ways("61 88 2a cd ab 01 00 02 00 de ad"_hex,
                     {.header = {.ack_request = true,
                                 .sequence = std::uint8_t{0x2a},
                                 .destination_pan = pan_a,
                                 .destination = short_1,
                                 .source = short_2},
                      .payload = "de ad"_hex});
}

TEST(MacFrame, DataBetweenExtendedAddressesOf2006) {
    expect_both_ways("61 dc 07 cd ab 02 00 00 00 00 ee ff c0 01 00 00 00 00 ee ff c0 41 42"_hex,
                     {.header = {.version = FrameVersion::v2006,
                                 .ack_request = true,
                                 .sequence = std::uint8_t{7},
                                 .destination_pan = pan_a,
                                 .destination = extended_2,
                                 .source = extended_1},
                      .payload = "41 42"_hex});
}

TEST(MacFrame, BeaconRequestToEveryPan) {
    expect_both_ways("03 08 99 ff ff ff ff 07"_hex,
                     {.header = {.type = FrameType::command,
                                 .sequence = std::uint8_t{0x99},
                                 .destination_pan = broadcast_pan,
                                 .destination = Address::broadcast()},
                      .payload = "07"_hex});
}

TEST(MacFrame, BeaconHasASourceOnly) {
    expect_both_ways("00 80 05 cd ab 34 12 ff cf 00 00"_hex,
                     {.header = {.type = FrameType::beacon,
                                 .sequence = std::uint8_t{5},
                                 .source_pan = pan_a,
                                 .source = Address::short_address(0x1234)},
                      .payload = "ff cf 00 00"_hex});
}

TEST(MacFrame, SecuredDataOf2006KeepsItsHeaderAndCiphertext) {
    expect_both_ways("69 98 2a cd ab 01 00 02 00 0d 04 03 02 01 07 de ad be ef 01 02"_hex,
                     {.header = {.version = FrameVersion::v2006,
                                 .security_enabled = true,
                                 .ack_request = true,
                                 .sequence = std::uint8_t{0x2a},
                                 .destination_pan = pan_a,
                                 .destination = short_1,
                                 .source = short_2,
                                 .security = {.level = 5,
                                              .key_id_mode = KeyIdMode::index,
                                              .frame_counter = 0x01020304,
                                              .key_index = 7}},
                      .payload = "de ad be ef 01 02"_hex});
}

TEST(MacFrame, SecurityOf2003HasNoAuxiliaryHeader) {
    expect_both_ways("69 88 2a cd ab 01 00 02 00 04 03 02 01 07 de ad"_hex,
                     {.header = {.security_enabled = true,
                                 .ack_request = true,
                                 .sequence = std::uint8_t{0x2a},
                                 .destination_pan = pan_a,
                                 .destination = short_1,
                                 .source = short_2},
                      .payload = "04 03 02 01 07 de ad"_hex});
}

TEST(MacFrame, ReservedSecurityBitsOf2006AreRefused) {
    EXPECT_EQ(fault_of("69 98 2a cd ab 01 00 02 00 2d 04 03 02 01 07 de"_hex), Fault::bad_value);
    EXPECT_EQ(fault_of("69 98 2a cd ab 01 00 02 00 4d 04 03 02 01 07 de"_hex), Fault::bad_value);
}

// ---- PAN id compression ------------------------------------------------------------------------

struct CompressionRow {
    FrameVersion version;
    Address destination;
    Address source;
    bool compression;
    PanIdsPresent present;
};

constexpr auto v2015 = FrameVersion::v2015;
// [IEEE 802.15.4-2015 Table 7-2], row by row, then what the older versions allow.
const CompressionRow compression_rows[] = {
    {v2015, no_address, no_address, false, {false, false}},
    {v2015, no_address, no_address, true, {true, false}},
    {v2015, short_1, no_address, false, {true, false}},
    {v2015, extended_1, no_address, false, {true, false}},
    {v2015, short_1, no_address, true, {false, false}},
    {v2015, extended_1, no_address, true, {false, false}},
    {v2015, no_address, short_2, false, {false, true}},
    {v2015, no_address, extended_2, false, {false, true}},
    {v2015, no_address, short_2, true, {false, false}},
    {v2015, no_address, extended_2, true, {false, false}},
    {v2015, extended_1, extended_2, false, {true, false}},
    {v2015, extended_1, extended_2, true, {false, false}},
    {v2015, short_1, short_2, false, {true, true}},
    {v2015, short_1, extended_2, false, {true, true}},
    {v2015, extended_1, short_2, false, {true, true}},
    {v2015, short_1, extended_2, true, {true, false}},
    {v2015, extended_1, short_2, true, {true, false}},
    {v2015, short_1, short_2, true, {true, false}},
    {FrameVersion::v2003, no_address, no_address, false, {false, false}},
    {FrameVersion::v2003, short_1, no_address, false, {true, false}},
    {FrameVersion::v2003, extended_1, no_address, false, {true, false}},
    {FrameVersion::v2003, no_address, short_2, false, {false, true}},
    {FrameVersion::v2003, no_address, extended_2, false, {false, true}},
    {FrameVersion::v2006, short_1, short_2, false, {true, true}},
    {FrameVersion::v2006, short_1, short_2, true, {true, false}},
    {FrameVersion::v2006, short_1, extended_2, false, {true, true}},
    {FrameVersion::v2006, short_1, extended_2, true, {true, false}},
    {FrameVersion::v2006, extended_1, short_2, false, {true, true}},
    {FrameVersion::v2006, extended_1, short_2, true, {true, false}},
    {FrameVersion::v2006, extended_1, extended_2, false, {true, true}},
    {FrameVersion::v2006, extended_1, extended_2, true, {true, false}},
};

Octets wire_of(const CompressionRow& row) {
    const unsigned control = 1u | (row.compression ? 0x40u : 0u) |
                             unsigned{std::to_underlying(row.destination.mode())} << 10 |
                             unsigned{std::to_underlying(row.version)} << 12 |
                             unsigned{std::to_underlying(row.source.mode())} << 14;
    Octets wire{std::byte(control & 0xff), std::byte(control >> 8), std::byte{0x2a}};
    const auto add = [&](const Octets& more) { wire.insert(wire.end(), more.begin(), more.end()); };
    if (row.present.destination) add("cd ab"_hex);
    if (row.destination.is_short()) add("01 00"_hex);
    if (row.destination.is_extended()) add("01 00 00 00 00 ee ff c0"_hex);
    if (row.present.source) add("34 12"_hex);
    if (row.source.is_short()) add("02 00"_hex);
    if (row.source.is_extended()) add("02 00 00 00 00 ee ff c0"_hex);
    add("55"_hex);
    return wire;
}

TEST(MacFrame, EveryRowOfPanIdCompressionGoesBothWays) {
    for (const CompressionRow& row : compression_rows) {
        EXPECT_EQ(pan_ids_present(row.version, row.destination.mode(), row.source.mode(),
                                  row.compression),
                  row.present);
        MacFrame frame{.header = {.version = row.version,
                                  .sequence = std::uint8_t{0x2a},
                                  .destination = row.destination,
                                  .source = row.source},
                       .payload = "55"_hex};
        if (row.present.destination) frame.header.destination_pan = pan_a;
        if (row.present.source) frame.header.source_pan = pan_b;
        expect_both_ways(wire_of(row), frame);
    }
}

TEST(MacFrame, ASharedPanIdNeedsTwoAddressesBefore2015) {  // [IEEE 802.15.4-2006 §7.2.1.1.5]
    EXPECT_EQ(fault_of("41 08 2a cd ab 01 00"_hex), Fault::bad_value);
    EXPECT_EQ(fault_of("41 90 2a cd ab 02 00"_hex), Fault::bad_value);
    EXPECT_EQ(fault_of("42 00 2a"_hex), Fault::bad_value);
}

TEST(MacFrame, AnElidedSourcePanIsTheDestinations) {
    const auto frame = FrameView::parse("61 88 2a cd ab 01 00 02 00"_hex);
    ASSERT_TRUE(frame.has_value());
    EXPECT_EQ(frame->header.pan_of_source(), pan_a);
}

TEST(MacFrame, PanIdsThatNoCompressionBitExpressesAreNotExpressible) {
    FrameHeader header{.destination = short_1, .source = short_2};
    EXPECT_FALSE(header.expressible());
    header.source_pan = pan_b;
    EXPECT_FALSE(header.expressible());
    header.destination_pan = pan_a;
    EXPECT_TRUE(header.expressible());
    header.version = FrameVersion::v2015;
    header.destination = extended_1;
    header.source = extended_2;
    EXPECT_FALSE(header.expressible());  // two extended addresses never carry two PAN ids in 2015
}

// ---- versions, modes, sequence numbers ---------------------------------------------------------

TEST(MacFrame, SequenceNumberSuppressionIsOf2015Only) {
    expect_both_ways("41 a9 cd ab 01 00 02 00 55"_hex, {.header = {.version = FrameVersion::v2015,
                                                                   .sequence = std::nullopt,
                                                                   .destination_pan = pan_a,
                                                                   .destination = short_1,
                                                                   .source = short_2},
                                                        .payload = "55"_hex});
    // The same bit is reserved before, and ignored.
    const auto old = FrameView::parse("41 99 2a cd ab 01 00 02 00 55"_hex);
    ASSERT_TRUE(old.has_value());
    EXPECT_EQ(old->header.sequence, 0x2a);
}

TEST(MacFrame, WhatTheStandardReservesIsRefused) {
    EXPECT_EQ(fault_of("41 b8 2a cd ab 01 00 02 00"_hex), Fault::bad_version);
    EXPECT_EQ(fault_of("41 84 2a cd ab 01 02 00"_hex), Fault::bad_value);  // destination mode 1
    EXPECT_EQ(fault_of("41 48 2a cd ab 01 00 02"_hex), Fault::bad_value);  // source mode 1
    for (const unsigned type : {4u, 5u, 6u, 7u})
        EXPECT_EQ(fault_of({std::byte(type), std::byte{0}, std::byte{0}}), Fault::unsupported);
}

TEST(MacFrame, EveryTruncationOfAHeaderIsRefused) {
    const Octets whole =
        "69 dc 07 cd ab 02 00 00 00 00 ee ff c0 01 00 00 00 00 ee ff c0 1f 04 03 02 01 88 77 66 "
        "55 44 33 22 11 07"_hex;
    EXPECT_EQ(fault_of(whole), Fault::none);
    for (std::size_t n = 0; n < whole.size(); ++n) {
        const auto parsed = FrameView::parse(Bytes(whole).first(n));
        ASSERT_FALSE(parsed.has_value()) << n;
        EXPECT_EQ(parsed.error().fault, Fault::truncated) << n;
    }
}

TEST(MacFrame, AViewBorrowsFromTheWire) {
    const Octets wire = "61 88 2a cd ab 01 00 02 00 de ad"_hex;
    const auto frame = FrameView::parse(wire);
    ASSERT_TRUE(frame.has_value());
    EXPECT_EQ(frame->payload.data(), wire.data() + 9);
    EXPECT_EQ(frame->payload.size(), 2u);
}

// ---- information elements ----------------------------------------------------------------------

FrameHeader enhanced_beacon_header() {
    return {.type = FrameType::beacon,
            .version = FrameVersion::v2015,
            .sequence = std::nullopt,
            .destination_pan = pan_a,
            .destination = Address::broadcast(),
            .source = extended_1};
}

TEST(MacFrame, EnhancedBeaconOf6tisch) {  // the IEs of [RFC 8180 Appendix A.1]
    const MacFrame beacon{
        .header = enhanced_beacon_header(),
        .header_ies = "00 3f"_hex,
        .payload_ies =
            "1a 88 06 1a 05 00 00 00 00 01 01 1c 00 01 c8 00 0a 1b 01 00 65 00 01 00 "
            "00 00 00 0f"_hex};
    expect_both_ways(
        "40 eb cd ab ff ff 01 00 00 00 00 ee ff c0 00 3f 1a 88 06 1a 05 00 00 00 00 01 01 1c 00 "
        "01 c8 00 0a 1b 01 00 65 00 01 00 00 00 00 0f"_hex,
        beacon);
}

TEST(MacFrame, EnhancedAcknowledgementWithTimeCorrection) {  // [RFC 8180 Appendix A.3]
    expect_both_ways("02 2e 2a cd ab 01 00 00 00 00 ee ff c0 02 0f 10 80"_hex,
                     {.header = {.type = FrameType::ack,
                                 .version = FrameVersion::v2015,
                                 .sequence = std::uint8_t{0x2a},
                                 .destination_pan = pan_a,
                                 .destination = extended_1},
                      .header_ies = "02 0f 10 80"_hex});
}

TEST(MacFrame, HeaderTermination2StandsBeforeAPayload) {  // [IEEE 802.15.4-2015 Table 7-6]
    expect_both_ways("41 aa 2a cd ab 01 00 02 00 02 0f 10 80 80 3f de ad"_hex,
                     {.header = {.version = FrameVersion::v2015,
                                 .sequence = std::uint8_t{0x2a},
                                 .destination_pan = pan_a,
                                 .destination = short_1,
                                 .source = short_2},
                      .header_ies = "02 0f 10 80 80 3f"_hex,
                      .payload = "de ad"_hex});
}

TEST(MacFrame, PayloadTerminationStandsBetweenPayloadIesAndAPayload) {
    expect_both_ways("41 aa 2a cd ab 01 00 02 00 00 3f 02 90 aa bb 00 f8 de ad"_hex,
                     {.header = {.version = FrameVersion::v2015,
                                 .sequence = std::uint8_t{0x2a},
                                 .destination_pan = pan_a,
                                 .destination = short_1,
                                 .source = short_2},
                      .header_ies = "00 3f"_hex,
                      .payload_ies = "02 90 aa bb 00 f8"_hex,
                      .payload = "de ad"_hex});
}

TEST(MacFrame, SecuredPayloadIesStayClosed) {
    // Level 5 encrypts them: what looks like none of ours is kept with the rest.
    const Octets wire = "49 aa 2a cd ab 01 00 02 00 6d 01 00 3f 99 98 97 96 95"_hex;
    const auto frame = parse_as<MacFrame>(wire);
    ASSERT_TRUE(frame.has_value());
    EXPECT_EQ(frame->header_ies, "00 3f"_hex);
    EXPECT_TRUE(frame->payload_ies.empty());
    EXPECT_EQ(frame->payload, "99 98 97 96 95"_hex);
    EXPECT_EQ(emitted(*frame), wire);
}

TEST(MacFrame, BrokenElementListsAreRefused) {
    const auto with_ies = [](const Octets& ies) {
        Octets wire = "41 aa 2a cd ab 01 00 02 00"_hex;
        wire.insert(wire.end(), ies.begin(), ies.end());
        return wire;
    };
    EXPECT_EQ(fault_of(with_ies({})), Fault::truncated);                       // promised, missing
    EXPECT_EQ(fault_of(with_ies("02"_hex)), Fault::truncated);                 // half a descriptor
    EXPECT_EQ(fault_of(with_ies("02 0f 10"_hex)), Fault::truncated);           // half an element
    EXPECT_EQ(fault_of(with_ies("02 90 aa bb"_hex)), Fault::bad_value);        // payload IE first
    EXPECT_EQ(fault_of(with_ies("01 3f aa"_hex)), Fault::bad_length);          // HT1 with content
    EXPECT_EQ(fault_of(with_ies("81 3f aa"_hex)), Fault::bad_length);          // HT2 with content
    EXPECT_EQ(fault_of(with_ies("00 3f 02 0f aa bb"_hex)), Fault::bad_value);  // header IE second
    EXPECT_EQ(fault_of(with_ies("00 3f 03 90 aa bb"_hex)), Fault::truncated);
    EXPECT_EQ(fault_of(with_ies("00 3f 01 f8 aa"_hex)), Fault::bad_length);  // PT with content
}

TEST(InformationElements, WhatIsPutIsTakenAgain) {
    std::array<std::byte, 64> buffer{};
    ByteWriter out(buffer);
    const Octets content = "01 02 03"_hex;
    put_header_ie(out, {0x1e, content});
    put_header_ie(out, {header_termination_1, {}});
    put_payload_ie(out, {1, content});
    put_payload_ie(out, {payload_termination, {}});
    EXPECT_EQ(to_hex(Bytes(buffer).first(out.written()), " "),
              "03 0f 01 02 03 00 3f 03 88 01 02 03 00 f8");

    ByteReader in(Bytes(buffer).first(out.written()));
    const InformationElement first = take_header_ie(in);
    EXPECT_EQ(first.id, 0x1e);
    EXPECT_TRUE(same(first.content, content));
    EXPECT_EQ(take_header_ie(in).id, header_termination_1);
    const InformationElement second = take_payload_ie(in);
    EXPECT_EQ(second.id, 1);
    EXPECT_TRUE(same(second.content, content));
    EXPECT_EQ(take_payload_ie(in).id, payload_termination);
    EXPECT_TRUE(in.ok());
    EXPECT_FALSE(in.more());
}

}  // namespace
}  // namespace causeway::link::ieee802154::frame_test
