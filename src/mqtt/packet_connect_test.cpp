#include "mqtt/packet_testing.hpp"

#include <gtest/gtest.h>

#include <string>

namespace causeway::mqtt::packet_connect_test {
namespace {

using testing::Bad;
using testing::octets_of;
using testing::refusal;
using testing::v3;
using testing::v5;

// ---- CONNECT -----------------------------------------------------------------------------------

TEST(Connect, In311IsReadAsItIsWritten) {
    // [MQTT-3.1.2-1] [MQTT-3.1.3-1] [MQTT-3.1.3-3] [MQTT-2.1.3-1]
    Connect small;
    small.client_id = "dev1";
    small.keep_alive_seconds = 60;
    EXPECT_SAYS("10 10 <MQTT> 04 02 00 3c <dev1>", v3, small);

    Connect full = small;
    full.clean_start = false;
    const Octets bye = octets_of("'bye'");
    full.will.emplace();
    full.will->topic = "w/t";
    full.will->payload = bye;
    full.will->qos = Qos::at_least_once;
    full.will->retain = true;
    full.user_name = "me";
    const Octets secret = octets_of("00 ff");
    full.password = secret;
    EXPECT_SAYS("10 22 <MQTT> 04 ec 00 3c <dev1> <w/t> <bye> <me> 00 02 00 ff", v3, full);
}

TEST(Connect, In5HasPropertiesAndTheWillItsOwn) {
    // [MQTT-3.1.3-1] [MQTT-2.2.2-1] [MQTT-3.1.2-9]
    Connect small;
    small.version = v5;
    EXPECT_SAYS("10 0d <MQTT> 05 02 00 00 00 <>", v5, small);

    Connect full;
    full.version = v5;
    full.clean_start = false;
    full.keep_alive_seconds = 65'535;
    full.properties.session_expiry_seconds = 0xffffffffu;
    full.properties.receive_maximum = std::uint16_t{20};
    full.properties.user = {{"k", "v"}};
    full.client_id = "id";
    const Octets bye = octets_of("'bye'");
    full.will.emplace();
    full.will->topic = "w";
    full.will->payload = bye;
    full.will->qos = Qos::exactly_once;
    full.will->properties.will_delay_seconds = 5u;
    const Octets token = octets_of("'token'");
    full.password = token;
    EXPECT_SAYS(
        "10 33 <MQTT> 05 54 ff ff 0f 11 ff ff ff ff 21 00 14 26 <k> <v> <id> 05 18 00 00 00 05 <w> "
        "<bye> <token>",
        v5, full);
}

TEST(Connect, CarriesItsOwnVersion) {
    // Whatever the connection is thought to speak.
    const Octets octets = octets_of("10 0d <MQTT> 05 02 00 00 00 <>");
    const auto parsed = parse_packet(octets, v3);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(std::get<Connect>(*parsed).version, v5);
    EXPECT_EQ(emitted(*parsed, v3), octets);
}

TEST(Connect, Of31IsSpokenAs311Is) {
    Connect old;
    old.version = Version::v3_1;
    old.client_id = "a";
    old.user_name = "u";
    EXPECT_SAYS("10 12 <MQIsdp> 03 82 00 00 <a> <u>", Version::v3_1, old);
    // A user name that was announced may be missing; the reserved bit means nothing.
    for (const char* body : {"<MQIsdp> 03 c2 00 00 <a>", "<MQIsdp> 03 03 00 00 <a>"}) {
        const Octets octets = testing::packet(0x10, body);
        const auto parsed = parse_packet(octets, v3);
        ASSERT_TRUE(parsed) << body;
        EXPECT_FALSE(std::get<Connect>(*parsed).user_name);
        EXPECT_FALSE(std::get<Connect>(*parsed).password);
    }
}

TEST(Connect, OfABridgeIsToldByTheLevelsHighestBit) {
    Connect bridge;
    bridge.bridge = true;
    bridge.client_id = "b";
    EXPECT_SAYS("10 0d <MQTT> 84 02 00 00 <b>", v3, bridge);
    bridge.version = v5;
    EXPECT_SAYS("10 0e <MQTT> 85 02 00 00 00 <b>", v5, bridge);
}

TEST(Connect, OfAnotherProtocolIsNotProcessed) {
    // [MQTT-3.1.2-1] [MQTT 3.1.1 MQTT-3.1.2-1]
    constexpr auto no = Reason::unsupported_protocol_version;
    constexpr auto name = "the protocol's name is not MQTT";
    constexpr auto level = "an unknown protocol version";
    const Bad table[] = {
        {v3, 0x10, "<mqtt> 04 02 00 00 <a>", no, name},
        {v3, 0x10, "<HTTP> 04 02 00 00 <a>", no, name},
        {v3, 0x10, "<> 04 02 00 00 <a>", no, name},
        {v3, 0x10, "<MQTT5> 05 02 00 00 00 <a>", no, name},
        {v3, 0x10, "<MQTT> 03 02 00 00 <a>", no, level},
        {v3, 0x10, "<MQTT> 06 'whatever there may be in it'", no, level},
        {v3, 0x10, "<MQTT> 00 02 00 00 <a>", no, level},
        {v3, 0x10, "<MQIsdp> 04 02 00 00 <a>", no, level},
        {v3, 0x10, "<MQIsdp> 05 02 00 00 00 <a>", no, level},
        {v3, 0x10, "<MQTT> ff 02 00 00 <a>", no, level},
    };
    for (const Bad& bad : table) EXPECT_REFUSED(bad);
}

TEST(Connect, TellsInWhichVersionToAnswer) {
    const auto answer = [](std::string_view body) {
        return version_to_answer(testing::packet(0x10, body));
    };
    EXPECT_EQ(answer("<MQTT> 04 01 00 00 <a>"), v3);
    EXPECT_EQ(answer("<MQTT> 05 01"), v5);
    EXPECT_EQ(answer("<MQTT> 85 01"), v5);
    EXPECT_EQ(answer("<MQTT> 06 01"), v5);
    EXPECT_EQ(answer("<MQTT> 01 01"), v3);
    EXPECT_EQ(answer("<MQIsdp> 03 01"), Version::v3_1);
    EXPECT_EQ(answer("<MQ"
                     "> 05"),
              v5);
    EXPECT_EQ(answer("00"), v3);
    EXPECT_EQ(version_to_answer({}), v3);
}

TEST(Connect, WithFlagsThatContradictEachOtherIsMalformed) {
    // [MQTT-3.1.2-3] [MQTT-3.1.2-11] [MQTT-3.1.2-12] [MQTT-3.1.2-13]
    // [MQTT 3.1.1 MQTT-3.1.2-3] [MQTT 3.1.1 MQTT-3.1.2-11] [MQTT 3.1.1 MQTT-3.1.2-14]
    constexpr auto bad_ = Reason::malformed_packet;
    constexpr auto half_will = "QoS or retain of a will, and no will";
    const Bad table[] = {
        {v3, 0x10, "<MQTT> 04 03 00 00 <a>", bad_, "the reserved connect flag is set"},
        {v3, 0x10, "<MQTT> 05 03 00 00 00 <a>", bad_, "the reserved connect flag is set"},
        {v3, 0x10, "<MQTT> 04 1e 00 00 <a> <w> <p>", bad_, "the will's QoS is 3"},
        {v3, 0x10, "<MQTT> 05 1e 00 00 00 <a> 00 <w> <p>", bad_, "the will's QoS is 3"},
        {v3, 0x10, "<MQTT> 04 0a 00 00 <a>", bad_, half_will},
        {v3, 0x10, "<MQTT> 04 12 00 00 <a>", bad_, half_will},
        {v3, 0x10, "<MQTT> 05 22 00 00 00 <a>", bad_, half_will},
    };
    for (const Bad& bad : table) EXPECT_REFUSED(bad);
}

TEST(Connect, In311HasNoPasswordWithoutUserName) {
    // [MQTT 3.1.1 MQTT-3.1.2-22]
    const Bad bad{v3, 0x10, "<MQTT> 04 42 00 00 <a> <pw>", Reason::malformed_packet,
                  "a password without a user name"};
    EXPECT_REFUSED(bad);
    Connect connect;
    connect.client_id = "a";
    const Octets secret = octets_of("'pw'");
    connect.password = secret;
    EXPECT_EQ(to_hex(emitted(connect, v3)), to_hex(octets_of("10 0d <MQTT> 04 02 00 00 <a>")));
}

TEST(Connect, HasTheFieldsThatItsFlagsSayAndNoOthers) {
    // [MQTT-3.1.2-9] [MQTT-3.1.2-16] [MQTT-3.1.2-17] [MQTT-3.1.2-18] [MQTT-3.1.2-19]
    // [MQTT-3.1.3-3] [MQTT 3.1.1 MQTT-3.1.2-11]
    constexpr auto bad_ = Reason::malformed_packet;
    constexpr auto early = "the packet ends too early";
    constexpr auto behind = "octets behind the end of the packet";
    const Bad table[] = {
        {v3, 0x10, "<MQTT> 04 02 00 00", bad_, early},
        {v3, 0x10, "<MQTT> 04 02 00 00 <a> <user>", bad_, behind},
        {v3, 0x10, "<MQTT> 04 82 00 00 <a>", bad_, early},
        {v3, 0x10, "<MQTT> 04 c2 00 00 <a> <user>", bad_, early},
        {v3, 0x10, "<MQTT> 04 82 00 00 <a> <user> <password>", bad_, behind},
        {v3, 0x10, "<MQTT> 04 06 00 00 <a>", bad_, early},
        {v3, 0x10, "<MQTT> 04 06 00 00 <a> <w>", bad_, early},
        {v3, 0x10, "<MQTT> 05 06 00 00 00 <a> 00 <w>", bad_, early},
        {v3, 0x10, "<MQTT> 05 06 00 00 00 <a>", bad_,
         "the length of the properties is no variable byte integer"},
        {v3, 0x10, "<MQTT> 05 02 00 00", bad_,
         "the length of the properties is no variable byte integer"},
    };
    for (const Bad& bad : table) EXPECT_REFUSED(bad);
}

TEST(Connect, HasTextsInUtf8) {
    // [MQTT-3.1.3-4] [MQTT-3.1.3-11] [MQTT-3.1.3-12] [MQTT-1.5.4-1] [MQTT-1.5.4-2]
    constexpr auto bad_ = Reason::malformed_packet;
    const Bad table[] = {
        {v3, 0x10, "<MQTT> 04 02 00 00 00 01 ff", bad_, "the client identifier is no UTF-8"},
        {v3, 0x10, "<MQTT> 05 02 00 00 00 00 01 00", bad_, "the client identifier is no UTF-8"},
        {v3, 0x10, "<MQTT> 04 06 00 00 <a> 00 03 ed a0 80 <p>", bad_,
         "the will's topic is no UTF-8"},
        {v3, 0x10, "<MQTT> 04 82 00 00 <a> 00 01 80", bad_, "the user name is no UTF-8"},
    };
    for (const Bad& bad : table) EXPECT_REFUSED(bad);
}

TEST(Connect, HasAWillWithATopicName) {
    // [MQTT-4.7.0-1] [MQTT-4.7.3-1]
    constexpr auto no = Reason::topic_name_invalid;
    const Bad table[] = {
        {v3, 0x10, "<MQTT> 04 06 00 00 <a> <w/#> <p>", no, "the will's topic has a wildcard"},
        {v3, 0x10, "<MQTT> 05 06 00 00 00 <a> 00 <+> <p>", no, "the will's topic has a wildcard"},
        {v3, 0x10, "<MQTT> 04 06 00 00 <a> <> <p>", no, "the will's topic is empty"},
    };
    for (const Bad& bad : table) EXPECT_REFUSED(bad);
}

TEST(Connect, In311WithoutAnIdentifierWantsACleanSession) {
    // [MQTT 3.1.1 MQTT-3.1.3-7]
    const Bad bad{v3, 0x10, "<MQTT> 04 00 00 00 <>", Reason::client_identifier_not_valid,
                  "no client identifier, and a session to be kept"};
    EXPECT_REFUSED(bad);
    EXPECT_EQ(refusal(testing::packet(0x10, "<MQTT> 04 02 00 00 <>"), v3).what, "accepted");
    EXPECT_EQ(refusal(testing::packet(0x10, "<MQTT> 05 00 00 00 00 <>"), v3).what, "accepted");
}

TEST(Connect, AllowsEveryClientIdentifierOfTheStandard) {
    // [MQTT 5.0 §3.1.3.1]
    Connect connect;
    connect.client_id = "0123456789abcdefghijklm";
    EXPECT_SAYS("10 23 <MQTT> 04 02 00 00 <0123456789abcdefghijklm>", v3, connect);
    connect.client_id = "nopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    EXPECT_SAYS("10 33 <MQTT> 04 02 00 00 <nopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ>", v3, connect);
}

TEST(Connect, ProvesNothingWithoutAMethod) {
    // [MQTT 5.0 §3.1.2.11.10]
    const Bad bad{v3, 0x10, "<MQTT> 05 02 00 00 05 16 00 02 00 01 <a>", Reason::protocol_error,
                  "authentication data without a method"};
    EXPECT_REFUSED(bad);
}

TEST(Connect, HasReservedBitsClear) {
    // [MQTT-2.1.3-1] [MQTT 3.1.1 MQTT-2.2.2-1]
    for (unsigned flags = 1; flags < 16; ++flags) {
        const Bad bad{v3, 0x10 | flags, "<MQTT> 04 02 00 00 <a>", Reason::malformed_packet,
                      "reserved bits of the fixed header"};
        EXPECT_REFUSED(bad);
    }
}

// ---- CONNACK -----------------------------------------------------------------------------------

TEST(Connack, IsReadAsItIsWritten) {
    // [MQTT-3.2.2-1] [MQTT-2.2.2-1]
    EXPECT_SAYS("20 02 00 00", v3, Connack{});
    EXPECT_SAYS("20 02 01 00", v3, Connack{.session_present = true});
    EXPECT_SAYS("20 02 00 05", v3, Connack{.reason = Reason::not_authorized});
    EXPECT_SAYS("20 03 00 00 00", v5, Connack{});
    Connack full{.session_present = true};
    full.properties.assigned_client_id = "auto";
    full.properties.maximum_qos = std::uint8_t{1};
    full.properties.retain_available = false;
    EXPECT_SAYS("20 0e 01 00 0b 12 <auto> 24 01 25 00", v5, full);
}

TEST(Connack, In311SaysTheNearestReturnCode) {
    const std::pair<Reason, const char*> table[] = {
        {Reason::unsupported_protocol_version, "20020001"},
        {Reason::client_identifier_not_valid, "20020002"},
        {Reason::server_busy, "20020003"},
        {Reason::bad_user_name_or_password, "20020004"},
        {Reason::banned, "20020005"},
        {Reason::unspecified_error, "20020003"},
    };
    for (const auto& [reason, hex] : table) {
        EXPECT_EQ(to_hex(emitted(Connack{.reason = reason}, v3)), hex);
    }
}

TEST(Connack, ThatRefusesHasNoSession) {
    // [MQTT-3.2.2-6] [MQTT 3.1.1 MQTT-3.2.2-4]
    const Connack both{.session_present = true, .reason = Reason::banned};
    EXPECT_EQ(to_hex(emitted(both, v3)), "20020005");
    EXPECT_EQ(to_hex(emitted(both, v5)), "2003008a00");
    constexpr auto what = "a session is present, and the connection refused";
    const Bad table[] = {{v3, 0x20, "01 05", Reason::protocol_error, what},
                         {v5, 0x20, "01 8a 00", Reason::protocol_error, what}};
    for (const Bad& bad : table) EXPECT_REFUSED(bad);
}

TEST(Connack, WithReservedValuesIsMalformed) {
    // [MQTT-3.2.2-1] [MQTT-3.2.2-8]
    constexpr auto bad_ = Reason::malformed_packet;
    const Bad table[] = {
        {v3, 0x20, "02 00", bad_, "reserved acknowledge flags are set"},
        {v5, 0x20, "80 00 00", bad_, "reserved acknowledge flags are set"},
        {v3, 0x20, "00 06", bad_, "a reserved return code"},
        {v3, 0x20, "00 80", bad_, "a reserved return code"},
        {v5, 0x20, "00 01 00", bad_, "no reason code of a CONNACK"},
        {v5, 0x20, "00 8e 00", bad_, "no reason code of a CONNACK"},
        {v5, 0x20, "00 00", bad_, "the length of the properties is no variable byte integer"},
        {v3, 0x20, "00 00 00", bad_, "octets behind the end of the packet"},
        {v3, 0x20, "00", bad_, "the packet ends too early"},
        {v3, 0x20, "", bad_, "the packet ends too early"},
        {v3, 0x21, "00 00", bad_, "reserved bits of the fixed header"},
    };
    for (const Bad& bad : table) EXPECT_REFUSED(bad);
}

TEST(Connack, Of31HasNoFlags) {
    const Connack both{.session_present = true};
    EXPECT_EQ(to_hex(emitted(both, Version::v3_1)), "20020000");
    EXPECT_SAYS("20 02 00 00", Version::v3_1, Connack{});
}

// ---- DISCONNECT --------------------------------------------------------------------------------

TEST(Disconnect, IsEmptyWhenItHasNothingToSay) {
    EXPECT_SAYS("e0 00", v3, Disconnect{});
    EXPECT_SAYS("e0 00", v5, Disconnect{});
    // 3.1.1 has no reasons.
    EXPECT_EQ(to_hex(emitted(Disconnect{.reason = Reason::server_busy}, v3)), "e000");
}

TEST(Disconnect, In5HasAReasonAndProperties) {
    EXPECT_SAYS("e0 02 04 00", v5, Disconnect{.reason = Reason::disconnect_with_will});
    Disconnect full{.reason = Reason::server_moved};
    full.properties.server_reference = "other";
    full.properties.reason_string = "moved";
    EXPECT_SAYS("e0 12 9d 10 1c <other> 1f <moved>", v5, full);
    // Without the properties' length [MQTT 5.0 §3.14.2.2.1].
    const Octets octets = "e0 01 04"_hex;
    const auto parsed = parse_packet(octets, v5);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(std::get<Disconnect>(*parsed), Disconnect{.reason = Reason::disconnect_with_will});
}

TEST(Disconnect, ThatIsNoneIsMalformed) {
    // [MQTT-3.14.1-1] [MQTT-3.14.2-1] [MQTT 3.1.1 MQTT-3.14.1-1]
    constexpr auto bad_ = Reason::malformed_packet;
    const Bad table[] = {
        {v3, 0xe1, "", bad_, "reserved bits of the fixed header"},
        {v5, 0xe8, "", bad_, "reserved bits of the fixed header"},
        {v3, 0xe0, "00", bad_, "octets behind the end of the packet"},
        {v5, 0xe0, "84 00", bad_, "no reason code of a DISCONNECT"},
        {v5, 0xe0, "01", bad_, "no reason code of a DISCONNECT"},
        {v5, 0xe0, "00 01", bad_, "the properties are longer than their packet"},
        {v5, 0xe0, "00 00 00", bad_, "octets behind the end of the packet"},
    };
    for (const Bad& bad : table) EXPECT_REFUSED(bad);
}

// ---- AUTH --------------------------------------------------------------------------------------

TEST(Auth, IsReadAsItIsWritten) {
    // [MQTT-3.15.1-1] [MQTT-3.15.2-1]
    Auth auth{.reason = Reason::continue_authentication};
    auth.properties.authentication_method = "M";
    auth.properties.authentication_data = std::string_view("\0\1", 2);
    EXPECT_SAYS("f0 0b 18 09 15 <M> 16 00 02 00 01", v5, auth);
    auth.reason = Reason::success;
    EXPECT_SAYS("f0 0b 00 09 15 <M> 16 00 02 00 01", v5, auth);
    EXPECT_SAYS("f0 00", v5, Auth{});
}

TEST(Auth, ThatIsNoneIsRefused) {
    // [MQTT-3.15.1-1] [MQTT-3.15.2-1]
    constexpr auto bad_ = Reason::malformed_packet;
    const Bad table[] = {
        {v5, 0xf1, "18 04 15 <M>", bad_, "reserved bits of the fixed header"},
        {v5, 0xf0, "01 04 15 <M>", bad_, "no reason code of an AUTH"},
        {v5, 0xf0, "87 04 15 <M>", bad_, "no reason code of an AUTH"},
        {v5, 0xf0, "18", bad_, "the length of the properties is no variable byte integer"},
        {v5, 0xf0, "18 00", Reason::protocol_error, "an AUTH without its method"},
        {v5, 0xf0, "19 05 16 00 02 00 01", Reason::protocol_error, "an AUTH without its method"},
        {v5, 0xf0, "00 05 16 00 02 00 01", Reason::protocol_error, "an AUTH without its method"},
        {v3, 0xf0, "", bad_, "AUTH is a packet of MQTT 5.0"},
        {v3, 0xf0, "18 04 15 <M>", bad_, "AUTH is a packet of MQTT 5.0"},
    };
    for (const Bad& bad : table) EXPECT_REFUSED(bad);
}

}  // namespace
}  // namespace causeway::mqtt::packet_connect_test
