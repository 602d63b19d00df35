#include "link/ieee802154/command.hpp"

#include "base/hex.hpp"

#include <gtest/gtest.h>

namespace causeway::link::ieee802154::command_test {
namespace {

struct Case {
    Octets wire;
    Command command;
};

std::vector<Case> cases() {
    return {
        {"01 8e"_hex,
         {AssociationRequest{.full_function = true,
                             .mains_powered = true,
                             .receiver_on_when_idle = true,
                             .allocate_address = true}}},
        {"01 51"_hex,
         {AssociationRequest{.alternate_pan_coordinator = true,
                             .fast_association = true,
                             .security_capable = true}}},
        {"02 34 12 00"_hex, {AssociationResponse{.short_address = 0x1234}}},
        {"02 ff ff 02"_hex,
         {AssociationResponse{.short_address = 0xffff,
                              .status = AssociationStatus::access_denied}}},
        {"03 01"_hex, {Disassociation{DisassociationReason::coordinator_wishes}}},
        {"04"_hex, {DataRequest{}}},
        {"05"_hex, {PanIdConflict{}}},
        {"06"_hex, {OrphanNotification{}}},
        {"07"_hex, {BeaconRequest{}}},
        {"08 cd ab 00 00 0f 34 12"_hex,
         {CoordinatorRealignment{.pan = PanId{0xabcd}, .channel = 15, .short_address = 0x1234}}},
        {"08 cd ab 00 00 0f 34 12 02"_hex,
         {CoordinatorRealignment{.pan = PanId{0xabcd},
                                 .channel = 15,
                                 .short_address = 0x1234,
                                 .channel_page = std::uint8_t{2}}}},
        {"09 32"_hex, {GtsRequest{.slots = 2, .receive_only = true, .allocate = true}}},
        {"1f de ad"_hex, {OtherCommand{0x1f, "de ad"_hex}}},
        {"00"_hex, {OtherCommand{0, {}}}},
    };
}

TEST(Command, EveryOneGoesBothWays) {
    for (const Case& c : cases()) {
        const auto parsed = parse_as<Command>(c.wire);
        ASSERT_TRUE(parsed.has_value()) << to_hex(c.wire);
        EXPECT_EQ(*parsed, c.command) << to_hex(c.wire);
        EXPECT_EQ(to_hex(emitted(c.command)), to_hex(c.wire));
        EXPECT_EQ(c.command.id(), std::to_integer<unsigned>(c.wire[0]));
    }
}

TEST(Command, EveryTruncationIsRefused) {
    for (const Octets& whole :
         {"01 8e"_hex, "02 34 12 00"_hex, "03 01"_hex, "08 cd ab 00 00 0f 34 12"_hex, "09 32"_hex})
        for (std::size_t n = 0; n < whole.size(); ++n)
            EXPECT_FALSE(parse_as<Command>(Bytes(whole).first(n)).has_value()) << n;
}

TEST(Command, FieldsThatLaterEditionsAddAreLeftUnread) {
    EXPECT_EQ(parse_as<Command>("02 34 12 00 00"_hex),
              (Command{AssociationResponse{.short_address = 0x1234}}));
}

TEST(Command, UnknownReasonsAndStatusesAreKept) {
    EXPECT_EQ(emitted(*parse_as<Command>("02 34 12 99"_hex)), "02 34 12 99"_hex);
    EXPECT_EQ(emitted(*parse_as<Command>("03 77"_hex)), "03 77"_hex);
}

}  // namespace
}  // namespace causeway::link::ieee802154::command_test
