#include "mqtt/properties.hpp"

#include "mqtt/packet_testing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <string>
#include <vector>

namespace causeway::mqtt::properties_test {
namespace {

using testing::octets_of;

constexpr std::array places{
    PropertyPlace::connect,     PropertyPlace::connack,   PropertyPlace::publish,
    PropertyPlace::puback,      PropertyPlace::pubrec,    PropertyPlace::pubrel,
    PropertyPlace::pubcomp,     PropertyPlace::subscribe, PropertyPlace::suback,
    PropertyPlace::unsubscribe, PropertyPlace::unsuback,  PropertyPlace::disconnect,
    PropertyPlace::auth,        PropertyPlace::will};

/// With the length put in front. What `out` borrows stays to the end of all tests.
std::optional<Refused> parse(Bytes content, PropertyPlace place, Properties& out) {
    static std::deque<Octets> kept;
    Octets& whole = kept.emplace_back(
        variable_int_size(static_cast<std::uint32_t>(content.size())) + content.size());
    ByteWriter writer(whole);
    write_variable_int(writer, static_cast<std::uint32_t>(content.size()));
    writer.put(content);
    ByteReader in(whole);
    auto refused = parse_properties(in, place, out);
    EXPECT_TRUE(refused || !in.more());
    return refused;
}

struct Row {
    std::string_view hex;  // identifier and value
    std::vector<PropertyPlace> places;
};

/// [MQTT 5.0 §2.2.2.2 table 2-4]; user properties may stand everywhere.
const std::vector<Row>& rows() {
    using enum PropertyPlace;
    static const std::vector<Row> all{
        {"01 01", {publish, will}},
        {"02 00 00 00 3c", {publish, will}},
        {"03 <text/plain>", {publish, will}},
        {"08 <re/ply>", {publish, will}},
        {"09 00 03 00 ff 01", {publish, will}},
        {"0b ff ff ff 7f", {publish, subscribe}},
        {"11 ff ff ff ff", {connect, connack, disconnect}},
        {"12 <auto-1>", {connack}},
        {"13 00 00", {connack}},
        {"15 <SCRAM-SHA-1>", {connect, connack, auth}},
        {"16 00 02 00 80", {connect, connack, auth}},
        {"17 00", {connect}},
        {"18 00 00 00 05", {will}},
        {"19 01", {connect}},
        {"1a <resp/>", {connack}},
        {"1c <other:1883>", {connack, disconnect}},
        {"1f <why>",
         {connack, puback, pubrec, pubrel, pubcomp, suback, unsuback, disconnect, auth}},
        {"21 00 01", {connect, connack}},
        {"22 00 00", {connect, connack}},
        {"23 00 01", {publish}},
        {"24 01", {connack}},
        {"25 00", {connack}},
        {"26 <name> <value>", {places.begin(), places.end()}},
        {"27 00 00 00 01", {connect, connack}},
        {"28 00", {connack}},
        {"29 01", {connack}},
        {"2a 00", {connack}},
    };
    return all;
}

TEST(Properties, StandOnlyWhereTheirTableSays) {
    for (const Row& row : rows()) {
        for (const PropertyPlace place : places) {
            const bool allowed = std::ranges::find(row.places, place) != row.places.end();
            Properties out;
            const Octets content = octets_of(row.hex);
            const auto refused = parse(content, place, out);
            EXPECT_EQ(!refused, allowed) << row.hex << " in " << static_cast<int>(place);
            if (refused) {
                EXPECT_EQ(refused->reason, Reason::malformed_packet);
            } else {
                EXPECT_TRUE(fits(out, place));
                EXPECT_FALSE(is_empty(out));
            }
        }
    }
}

TEST(Properties, FitWhereTheyMayStand) {
    for (const Row& row : rows()) {
        Properties one;
        const Octets content = octets_of(row.hex);
        ASSERT_FALSE(parse(content, row.places.front(), one));
        for (const PropertyPlace place : places) {
            const bool allowed = std::ranges::find(row.places, place) != row.places.end();
            EXPECT_EQ(fits(one, place), allowed) << row.hex;
        }
    }
}

TEST(Properties, AreEmittedAsTheyWereRead) {
    for (const Row& row : rows()) {
        Properties one;
        const Octets content = octets_of(row.hex);
        ASSERT_FALSE(parse(content, row.places.front(), one)) << row.hex;
        Octets out(wire_size(one));
        ByteWriter writer(out);
        emit(one, writer);
        EXPECT_EQ(writer.room(), 0u);
        EXPECT_EQ(to_hex(Bytes(out).subspan(1)), to_hex(content));
    }
}

TEST(Properties, AreNeverThereTwice) {
    // "It is a Protocol Error to include ... more than once", but for two of them.
    for (const Row& row : rows()) {
        Octets twice = octets_of(row.hex);
        const Octets once = twice;
        twice.insert(twice.end(), once.begin(), once.end());
        Properties out;
        const auto refused = parse(twice, row.places.front(), out);
        if (row.hex.starts_with("26") || row.hex.starts_with("0b")) {
            EXPECT_FALSE(refused) << row.hex;
        } else {
            ASSERT_TRUE(refused) << row.hex;
            EXPECT_EQ(refused->reason, Reason::protocol_error);
            EXPECT_EQ(refused->what, "a property stands there twice");
        }
    }
}

TEST(Properties, ManySubscriptionIdentifiersStandInAPublishAlone) {
    // [MQTT 5.0 §3.8.2.1.2]
    const Octets two = octets_of("0b 01 0b 80 01");
    Properties out;
    EXPECT_FALSE(parse(two, PropertyPlace::publish, out));
    EXPECT_EQ(out.subscription_identifiers, (std::vector<std::uint32_t>{1, 128}));
    Properties other;
    const auto refused = parse(two, PropertyPlace::subscribe, other);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->reason, Reason::protocol_error);
}

TEST(Properties, KeepTheOrderOfUserProperties) {
    Properties out;
    const Octets content = octets_of("26 <b> <1> 26 <a> <2> 26 <b> <>");
    ASSERT_FALSE(parse(content, PropertyPlace::publish, out));
    EXPECT_EQ(out.user, (std::vector<UserProperty>{{"b", "1"}, {"a", "2"}, {"b", ""}}));
}

struct BadProperty {
    PropertyPlace place;
    std::string_view hex;
    Reason reason;
    std::string_view what;
};

TEST(Properties, WithAForbiddenValueAreProtocolErrors) {
    using enum PropertyPlace;
    constexpr auto zero = "a property that must not be zero is zero";
    constexpr auto neither = "a property is neither 0 nor 1";
    const BadProperty table[] = {
        {publish, "01 02", Reason::protocol_error, neither},
        {publish, "0b 00", Reason::protocol_error, "the subscription identifier is zero"},
        {subscribe, "0b 00", Reason::protocol_error, "the subscription identifier is zero"},
        {connect, "17 02", Reason::protocol_error, neither},
        {connect, "19 ff", Reason::protocol_error, neither},
        {connect, "21 00 00", Reason::protocol_error, zero},
        {connack, "24 02", Reason::protocol_error, "the maximum QoS is neither 0 nor 1"},
        {connack, "25 02", Reason::protocol_error, neither},
        {connect, "27 00 00 00 00", Reason::protocol_error, zero},
        {connack, "28 02", Reason::protocol_error, neither},
        {connack, "29 02", Reason::protocol_error, neither},
        {connack, "2a 02", Reason::protocol_error, neither},
    };
    for (const BadProperty& bad : table) {
        Properties out;
        const auto refused = parse(octets_of(bad.hex), bad.place, out);
        ASSERT_TRUE(refused) << bad.hex;
        EXPECT_EQ(refused->reason, bad.reason) << bad.hex;
        EXPECT_EQ(refused->what, bad.what) << bad.hex;
    }
}

TEST(Properties, ATopicAliasIsNotZero) {
    // [MQTT-3.3.2-8]; answered as [MQTT 5.0 §3.3.4] says.
    Properties out;
    const auto refused = parse("23 00 00"_hex, PropertyPlace::publish, out);
    ASSERT_TRUE(refused);
    EXPECT_EQ(*refused, (Refused{Reason::topic_alias_invalid, "the topic alias is zero"}));
}

TEST(Properties, AResponseTopicIsATopicName) {
    // [MQTT-3.3.2-13] [MQTT-3.3.2-14]
    for (const PropertyPlace place : {PropertyPlace::publish, PropertyPlace::will}) {
        Properties out;
        auto refused = parse(octets_of("08 <re/#>"), place, out);
        ASSERT_TRUE(refused);
        EXPECT_EQ(refused->reason, Reason::topic_name_invalid);
        EXPECT_EQ(refused->what, "the response topic has a wildcard");
        Properties other;
        refused = parse(octets_of("08 <>"), place, other);
        ASSERT_TRUE(refused);
        EXPECT_EQ(refused->what, "the response topic is empty");
        Properties third;
        refused = parse(octets_of("08 00 02 c3 28"), place, third);
        ASSERT_TRUE(refused);
        EXPECT_EQ(refused->reason, Reason::malformed_packet);
    }
}

TEST(Properties, TextsAreUtf8) {
    // [MQTT-1.5.4-1] [MQTT-1.5.4-2] [MQTT-1.5.7-1] [MQTT-3.3.2-13] [MQTT-3.3.2-19]
    using enum PropertyPlace;
    const std::pair<PropertyPlace, const char*> table[] = {
        {publish, "03 00 01 ff"},         {publish, "08 00 03 ed a0 80"},
        {connack, "12 00 01 00"},         {connect, "15 00 02 c0 80"},
        {connack, "1a 00 01 80"},         {disconnect, "1c 00 01 80"},
        {puback, "1f 00 04 f4 90 80 80"}, {publish, "26 00 01 ff <v>"},
        {publish, "26 <n> 00 01 ff"},     {publish, "26 <n> 00 03 61 00 62"},
        {publish, "26 00 01 00 <v>"},
    };
    for (const auto& [place, hex] : table) {
        Properties out;
        const auto refused = parse(octets_of(hex), place, out);
        ASSERT_TRUE(refused) << hex;
        EXPECT_EQ(refused->reason, Reason::malformed_packet);
        EXPECT_EQ(refused->what, "a property's text is no UTF-8");
    }
}

TEST(Properties, OctetsAreAnything) {
    Properties out;
    ASSERT_FALSE(parse(octets_of("09 00 04 00 ff c0 80"), PropertyPlace::publish, out));
    EXPECT_EQ(out.correlation_data->size(), 4u);
    Properties empty;
    ASSERT_FALSE(parse(octets_of("09 00 00"), PropertyPlace::publish, empty));
    EXPECT_EQ(empty.correlation_data, "");
}

TEST(Properties, ThatAreCutShortAreMalformed) {
    for (const Row& row : rows()) {
        const Octets whole = octets_of(row.hex);
        for (std::size_t size = 1; size < whole.size(); ++size) {
            Properties out;
            const auto refused = parse(Bytes(whole).first(size), row.places.front(), out);
            ASSERT_TRUE(refused) << row.hex << " at " << size;
            EXPECT_EQ(refused->reason, Reason::malformed_packet) << row.hex << " at " << size;
            EXPECT_EQ(refused->what, "a property ends too early") << row.hex << " at " << size;
        }
    }
}

TEST(Properties, OfNoKnownIdentifierAreMalformed) {
    // [MQTT 5.0 §2.2.2.2]; and identifiers are variable byte integers [MQTT-1.5.5-1].
    for (const char* hex : {"00", "04 01", "2b 01", "7f", "80 01", "81 00 01", "ff ff ff ff"}) {
        for (const PropertyPlace place : places) {
            Properties out;
            const auto refused = parse(octets_of(hex), place, out);
            ASSERT_TRUE(refused) << hex;
            EXPECT_EQ(refused->reason, Reason::malformed_packet);
        }
    }
}

TEST(Properties, LengthIsAVariableByteIntegerOfWhatIsThere) {
    // [MQTT-2.2.2-1] [MQTT-1.5.5-1]
    Properties none;
    EXPECT_EQ(wire_size(none), 1u);
    Octets out(1);
    ByteWriter writer(out);
    emit(none, writer);
    EXPECT_EQ(to_hex(out), "00");
    for (const char* hex : {"", "01", "80", "80 00", "ff ff ff ff 01", "03 26 00"}) {
        const Octets octets = octets_of(hex);
        ByteReader in(octets);
        Properties into;
        const auto refused = parse_properties(in, PropertyPlace::publish, into);
        ASSERT_TRUE(refused) << hex;
        EXPECT_EQ(refused->reason, Reason::malformed_packet) << hex;
    }
}

TEST(Properties, AreReadUpToTheirLengthAndNoFurther) {
    const Octets octets = octets_of("02 01 01 01 00");
    ByteReader in(octets);
    Properties out;
    EXPECT_FALSE(parse_properties(in, PropertyPlace::publish, out));
    EXPECT_EQ(in.remaining(), 2u);
}

TEST(Properties, AreNotMoreThanAPacketMayHave) {
    const auto many = [](std::string_view one, std::size_t count) {
        const Octets octets = octets_of(one);
        Octets out;
        for (std::size_t i = 0; i < count; ++i) out.insert(out.end(), octets.begin(), octets.end());
        return out;
    };
    for (const char* one : {"26 00 00 00 00", "0b 01"}) {
        Properties fits_in;
        EXPECT_FALSE(parse(many(one, entries_max), PropertyPlace::publish, fits_in));
        Properties out;
        const auto refused = parse(many(one, entries_max + 1), PropertyPlace::publish, out);
        ASSERT_TRUE(refused);
        EXPECT_EQ(refused->reason, Reason::quota_exceeded);
    }
}

TEST(Properties, AreEmittedInTheOrderOfTheirIdentifiers) {
    Properties p;
    p.user = {{"k", "v"}};
    p.topic_alias = std::uint16_t{7};
    p.payload_is_text = true;
    p.subscription_identifiers = {300, 1};
    p.message_expiry_seconds = 60u;
    Octets out(wire_size(p));
    ByteWriter writer(out);
    emit(p, writer);
    EXPECT_EQ(to_hex(out, " "),
              "16 01 01 02 00 00 00 3c 0b ac 02 0b 01 23 00 07 26 00 01 6b 00 01 76");
}

}  // namespace
}  // namespace causeway::mqtt::properties_test
