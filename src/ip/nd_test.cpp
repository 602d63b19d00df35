#include "ip/nd.hpp"

#include "base/hex.hpp"

#include <gtest/gtest.h>

namespace causeway::ip::nd::nd_test {
namespace {

const Address router = *Address::from_text("fe80::1");
const Address host = *Address::from_text("fe80::212:4b00:616:1");
const Address global = *Address::from_text("fd00:ca5e::212:4b00:616:1");

template <std::size_t N>
InplaceBytes<N> octets_of(std::string_view hex) {
    return InplaceBytes<N>(*from_hex(hex));
}

LinkAddress eui64(bool of_target = false) {
    return {of_target, octets_of<8>("00124b0006160001")};
}

template <class Format>
void round_trips(const Format& message, std::string_view spaced_hex) {
    const auto octets = from_hex(spaced_hex);
    EXPECT_EQ(to_hex(emitted(message)), to_hex(*octets));
    const auto read = parse_as<Format>(*octets);
    ASSERT_TRUE(read) << spaced_hex;
    EXPECT_EQ(*read, message) << spaced_hex;
}

/// Options, tried in the message with nothing else in it.
void option_round_trips(const Option& option, std::string_view hex) {
    round_trips(RouterSolicitation{{option}}, "8500000000000000" + std::string(hex));
}

/// The one option that `hex` reads as.
Option option_in(std::string_view hex) {
    const auto octets = from_hex("8500000000000000" + std::string(hex));
    const auto read = parse_as<RouterSolicitation>(*octets);
    EXPECT_TRUE(read) << hex;
    if (!read || read->options.size() != 1) return Unknown{};
    return read->options[0];
}

// ---- formats ------------------------------------------------------------------------------------

TEST(Nd, RouterSolicitationRoundTrips) {  // [RFC 4861 §4.1]
    round_trips(RouterSolicitation{}, "8500000000000000");
    round_trips(RouterSolicitation{{eui64()}},
                "85000000 00000000 0102 00124b0006160001 000000000000");
}

TEST(Nd, RouterAdvertisementRoundTrips) {  // [RFC 4861 §4.2]
    round_trips(RouterAdvertisement{.hop_limit = 64,
                                    .managed = true,
                                    .other = false,
                                    .router_lifetime_seconds = 1800,
                                    .reachable_ms = 0x01020304,
                                    .retransmit_ms = 0x05060708,
                                    .options = {Mtu{1280}}},
                "86000000 40 80 0708 01020304 05060708 0501000000000500");
    EXPECT_TRUE(parse_as<RouterAdvertisement>("860000000040000000000000000000 00"_hex)->other);
}

TEST(Nd, NeighbourSolicitationRoundTrips) {  // [RFC 4861 §4.3]
    round_trips(NeighbourSolicitation{global, {}},
                "87000000 00000000 fd00ca5e0000000002124b0006160001");
}

TEST(Nd, NeighbourAdvertisementRoundTrips) {  // [RFC 4861 §4.4]
    round_trips(NeighbourAdvertisement{true, false, true, router, {}},
                "88000000 a0000000 fe800000000000000000000000000001");
    round_trips(NeighbourAdvertisement{false, true, false, router, {}},
                "88000000 40000000 fe800000000000000000000000000001");
}

TEST(Nd, RedirectRoundTrips) {  // [RFC 4861 §4.5]
    round_trips(Redirect{router, global, {RedirectedHeader{"0102030405060708"_hex}}},
                "89000000 00000000 fe800000000000000000000000000001"
                "fd00ca5e0000000002124b0006160001 0402000000000000 0102030405060708");
}

TEST(Nd, DuplicateAddressRoundTrips) {  // [RFC 6775 §4.4, RFC 8505 §4.2]
    DuplicateAddress message{.confirmation = false,
                             .lifetime_minutes = 5,
                             .owner = octets_of<32>("00124b0006160001"),
                             .registered = global};
    round_trips(message, "9d000000 00 00 0005 00124b0006160001 fd00ca5e0000000002124b0006160001");
    message.confirmation = true;
    message.status = RegistrationStatus::duplicate_address;
    message.transaction = 9;
    round_trips(message, "9e010000 01 09 0005 00124b0006160001 fd00ca5e0000000002124b0006160001");
    message.owner = octets_of<32>("00112233445566778899aabbccddeeff");
    round_trips(message,
                "9e020000 01 09 0005 00112233445566778899aabbccddeeff"
                "fd00ca5e0000000002124b0006160001");
}

TEST(Nd, DuplicateAddressIgnoresTheCodesPrefixAndKnowsFourSizes) {  // [RFC 8505 §4.2]
    const std::string rest = "0000 00 09 0005 00124b0006160001 fd00ca5e0000000002124b0006160001";
    EXPECT_EQ(parse_as<DuplicateAddress>(*from_hex("9df1" + rest))->transaction, 9);
    // Without the extension, the transaction's octet is reserved. [RFC 6775 §4.4]
    EXPECT_FALSE(parse_as<DuplicateAddress>(*from_hex("9d00" + rest))->transaction);
    EXPECT_EQ(parse_as<DuplicateAddress>(*from_hex("9d05" + rest)).error().fault,
              Fault::unsupported);
    EXPECT_EQ(parse_as<DuplicateAddress>(*from_hex("9d02" + rest)).error().fault, Fault::truncated);
    EXPECT_EQ(parse_as<DuplicateAddress>(*from_hex("8800" + rest)).error().fault, Fault::bad_value);
}

TEST(Nd, OtherTypesAndCodesAreNotTheMessage) {
    EXPECT_FALSE(parse_as<RouterSolicitation>("8600000000000000"_hex));
    EXPECT_FALSE(parse_as<RouterSolicitation>("8501000000000000"_hex));
    EXPECT_FALSE(parse_as<RouterSolicitation>("85000000000000"_hex));
}

// ---- options ------------------------------------------------------------------------------------

TEST(NdOptions, LinkAddressesOfRadiosAndWires) {  // [RFC 4861 §4.6.1, RFC 4944 §8]
    option_round_trips(eui64(false), "0102 00124b0006160001 000000000000");
    option_round_trips(eui64(true), "0202 00124b0006160001 000000000000");
    option_round_trips(LinkAddress{false, octets_of<8>("beef")}, "0101 beef 00000000");
    option_round_trips(LinkAddress{true, octets_of<8>("0200000000ab")}, "0201 0200000000ab");
    EXPECT_TRUE(std::holds_alternative<Unknown>(option_in("0103" + std::string(44, '0'))));
}

TEST(NdOptions, PrefixInformation) {  // [RFC 4861 §4.6.2]
    option_round_trips(PrefixInformation{.prefix = *Prefix::from_text("fd00:ca5e::/64"),
                                         .on_link = false,
                                         .autonomous = true,
                                         .valid_seconds = forever,
                                         .preferred_seconds = 3600},
                       "0304 40 40 ffffffff 00000e10 00000000 fd00ca5e000000000000000000000000");
    // Bits past the length and reserved ones are ignored.
    const auto option =
        option_in("0304 40 bf 00000001 00000001 ffffffff fd00ca5e000000000000000000000001");
    ASSERT_TRUE(std::holds_alternative<PrefixInformation>(option));
    EXPECT_EQ(std::get<PrefixInformation>(option).prefix.to_text(), "fd00:ca5e::/64");
    EXPECT_TRUE(std::get<PrefixInformation>(option).on_link);
    EXPECT_FALSE(std::get<PrefixInformation>(option).autonomous);
}

TEST(NdOptions, APrefixLongerThanAnAddressIsUnknown) {
    const std::string hex = "0304 81 40" + std::string(56, '0');
    EXPECT_TRUE(std::holds_alternative<Unknown>(option_in(hex)));
}

TEST(NdOptions, RedirectedHeaderIsPadded) {  // [RFC 4861 §4.6.3]
    EXPECT_EQ(to_hex(emitted(RouterSolicitation{{RedirectedHeader{"0102"_hex}}})),
              "8500000000000000"
              "0402000000000000"
              "0102000000000000");
}

TEST(NdOptions, AddressRegistration) {  // [RFC 6775 §4.1]
    option_round_trips(AddressRegistration{.status = RegistrationStatus::neighbour_cache_full,
                                           .lifetime_minutes = 60,
                                           .owner = octets_of<32>("00124b0006160001")},
                       "2102 02 00 0000 003c 00124b0006160001");
    // Reserved fields are ignored where no transaction makes something of them.
    const auto option = option_in("2102 00 ff fe ff 003c 00124b0006160001");
    ASSERT_TRUE(std::holds_alternative<AddressRegistration>(option));
    EXPECT_FALSE(std::get<AddressRegistration>(option).extended);
}

TEST(NdOptions, ExtendedAddressRegistration) {  // [RFC 8505 §4.1]
    AddressRegistration option{
        .status = RegistrationStatus::moved,
        .lifetime_minutes = 60,
        .owner = octets_of<32>("00124b0006160001"),
        .extended = AddressRegistration::Extended{
            .transaction = 0xf1, .opaque = 7, .opaque_kind = 0, .wants_reachability = true}};
    option_round_trips(option, "2102 03 07 03 f1 003c 00124b0006160001");
    option.owner = octets_of<32>("00112233445566778899aabbccddeeff");
    option_round_trips(option, "2103 03 07 03 f1 003c 00112233445566778899aabbccddeeff");
    EXPECT_TRUE(std::holds_alternative<Unknown>(option_in("2106" + std::string(92, '0'))));
    EXPECT_TRUE(std::holds_alternative<Unknown>(option_in("2101000000000000")));
}

TEST(NdOptions, Context) {  // [RFC 6775 §4.2]
    option_round_trips(Context{3, true, 60, *Prefix::from_text("fd00:ca5e::/64")},
                       "2202 40 13 0000 003c fd00ca5e00000000");
    option_round_trips(Context{15, false, 0, *Prefix::from_text("fd00:ca5e::1/128")},
                       "2203 80 0f 0000 0000 fd00ca5e000000000000000000000001");
    // The long form may hold a short prefix, the short form no long one.
    EXPECT_EQ(option_in("2203 40 13 0000 003c fd00ca5e000000000000000000000001"),
              Option(Context{3, true, 60, *Prefix::from_text("fd00:ca5e::/64")}));
    EXPECT_TRUE(
        std::holds_alternative<Unknown>(option_in("2202 41 13 0000 003c fd00ca5e00000000")));
    EXPECT_TRUE(std::holds_alternative<Unknown>(
        option_in("2203 81 13 0000 003c fd00ca5e000000000000000000000001")));
}

TEST(NdOptions, BorderRouter) {  // [RFC 6775 §4.3]
    option_round_trips(BorderRouter{0x00010002, 10000, global},
                       "2303 0002 0001 2710 fd00ca5e0000000002124b0006160001");
}

TEST(NdOptions, UnknownOnesAreKeptVerbatim) {
    option_round_trips(Unknown{25, "000000000708fd000000000000000000000000000035"_hex},
                       "1903 0000 00000708 fd000000000000000000000000000035");
    option_round_trips(Unknown{5, Octets(14)}, "0502" + std::string(28, '0'));  // no MTU's length
}

TEST(NdOptions, LengthZeroIsMalformed) {  // [RFC 4861 §4.6]
    EXPECT_EQ(parse_as<RouterSolicitation>("8500000000000000 0100000000000000"_hex).error(),
              (WireError{Fault::bad_length, 10}));
}

TEST(NdOptions, EndWithinTheMessage) {
    for (const std::string_view hex : {"01", "0101", "0101beef000000", "0102beef00000000"})
        EXPECT_EQ(parse_as<RouterSolicitation>(*from_hex("8500000000000000" + std::string(hex)))
                      .error()
                      .fault,
                  Fault::truncated)
            << hex;
}

TEST(NdOptions, HaveALimit) {
    RouterSolicitation message;
    message.options.assign(options_max, Mtu{1280});
    EXPECT_TRUE(parse_as<RouterSolicitation>(emitted(message)));
    message.options.push_back(Mtu{1280});
    EXPECT_EQ(parse_as<RouterSolicitation>(emitted(message)).error().fault, Fault::unsupported);
}

TEST(NdOptions, AreFoundByKind) {
    const Options options{Mtu{1280}, eui64(true), LinkAddress{false, octets_of<8>("beef")}};
    EXPECT_EQ(find<Mtu>(options)->octets, 1280u);
    EXPECT_EQ(find<Context>(options), nullptr);
    EXPECT_EQ(find_link_address(options, false)->octets.size(), 2u);
    EXPECT_EQ(find_link_address(options, true)->octets.size(), 8u);
    EXPECT_EQ(find_link_address({}, true), nullptr);
}

// ---- validity -----------------------------------------------------------------------------------

template <class Format>
std::expected<Message, Refusal> received(const Envelope& envelope, const Format& message) {
    const Octets packet =
        make_icmpv6_packet(envelope.source, envelope.target, envelope.hop_limit, message);
    const auto view = parse_icmpv6(envelope.source, envelope.target, Bytes(packet).subspan(40));
    EXPECT_TRUE(view);
    return receive(envelope, *view);
}

template <class Format>
std::optional<Refusal> refusal(const Envelope& envelope, const Format& message) {
    const auto result = received(envelope, message);
    return result ? std::nullopt : std::optional(result.error());
}

TEST(NdReceive, HandsOutTheMessage) {
    const auto message = received({host, all_routers(), 255}, RouterSolicitation{{eui64()}});
    ASSERT_TRUE(message);
    EXPECT_EQ(std::get<RouterSolicitation>(*message), RouterSolicitation{{eui64()}});
}

TEST(NdReceive, OnlyFromTheLinkItself) {  // [RFC 4861 §6.1.1, §6.1.2, §7.1.1, §7.1.2, §8.1]
    EXPECT_EQ(refusal({host, all_routers(), 254}, RouterSolicitation{}), Refusal::hop_limit);
    EXPECT_EQ(refusal({router, all_nodes(), 64}, RouterAdvertisement{}), Refusal::hop_limit);
    EXPECT_EQ(refusal({host, router, 254}, NeighbourSolicitation{router, {}}), Refusal::hop_limit);
    EXPECT_EQ(refusal({host, router, 254}, NeighbourAdvertisement{.target = host}),
              Refusal::hop_limit);
    EXPECT_EQ(refusal({router, host, 254}, Redirect{global, global, {}}), Refusal::hop_limit);
}

TEST(NdReceive, RouterSolicitations) {  // [RFC 4861 §6.1.1]
    EXPECT_FALSE(refusal({Address{}, all_routers(), 255}, RouterSolicitation{}));
    EXPECT_EQ(refusal({Address{}, all_routers(), 255}, RouterSolicitation{{eui64()}}),
              Refusal::source_link_address);
}

TEST(NdReceive, RouterAdvertisements) {  // [RFC 4861 §6.1.2]
    EXPECT_FALSE(refusal({router, all_nodes(), 255}, RouterAdvertisement{}));
    EXPECT_EQ(refusal({global, all_nodes(), 255}, RouterAdvertisement{}), Refusal::source);
}

TEST(NdReceive, NeighbourSolicitations) {  // [RFC 4861 §7.1.1]
    const Address group = solicited_node(global);
    EXPECT_FALSE(refusal({host, global, 255}, NeighbourSolicitation{global, {eui64()}}));
    EXPECT_FALSE(refusal({Address{}, group, 255}, NeighbourSolicitation{global, {}}));
    EXPECT_EQ(refusal({host, group, 255}, NeighbourSolicitation{all_nodes(), {}}), Refusal::target);
    EXPECT_EQ(refusal({Address{}, global, 255}, NeighbourSolicitation{global, {}}),
              Refusal::not_solicited_node);
    EXPECT_EQ(refusal({Address{}, all_nodes(), 255}, NeighbourSolicitation{global, {}}),
              Refusal::not_solicited_node);
    EXPECT_EQ(refusal({Address{}, group, 255}, NeighbourSolicitation{global, {eui64()}}),
              Refusal::source_link_address);
}

TEST(NdReceive, NeighbourAdvertisements) {  // [RFC 4861 §7.1.2]
    EXPECT_FALSE(
        refusal({host, router, 255}, NeighbourAdvertisement{.solicited = true, .target = host}));
    EXPECT_FALSE(refusal({host, all_nodes(), 255}, NeighbourAdvertisement{.target = host}));
    EXPECT_EQ(refusal({host, all_nodes(), 255},
                      NeighbourAdvertisement{.solicited = true, .target = host}),
              Refusal::solicited_group);
    EXPECT_EQ(refusal({host, router, 255}, NeighbourAdvertisement{.target = all_nodes()}),
              Refusal::target);
}

TEST(NdReceive, Redirects) {  // [RFC 4861 §8.1]
    EXPECT_FALSE(refusal({router, host, 255}, Redirect{router, global, {}}));
    EXPECT_FALSE(refusal({router, host, 255}, Redirect{global, global, {}}));
    EXPECT_EQ(refusal({global, host, 255}, Redirect{router, global, {}}), Refusal::source);
    EXPECT_EQ(refusal({router, host, 255}, Redirect{router, all_nodes(), {}}), Refusal::target);
    EXPECT_EQ(refusal({router, host, 255}, Redirect{*Address::from_text("fd00::9"), global, {}}),
              Refusal::target);
}

TEST(NdReceive, DuplicateAddressMessagesMayTravel) {  // [RFC 6775 §4.4]
    EXPECT_FALSE(
        refusal({global, global, 3},
                DuplicateAddress{.owner = octets_of<32>("0102030405060708"), .registered = host}));
}

TEST(NdReceive, NamesWhatElseIsWrong) {
    EXPECT_EQ(refusal({host, router, 255}, Echo{}), Refusal::other_type);
    EXPECT_EQ(refusal({host, router, 255}, Icmpv6Message{133, 1, Octets(4)}), Refusal::code);
    EXPECT_EQ(refusal({host, router, 255}, Icmpv6Message{133, 0, Octets(3)}), Refusal::malformed);
    EXPECT_EQ(refusal({host, router, 255}, Icmpv6Message{133, 0, Octets(8)}), Refusal::malformed);
    EXPECT_EQ(refusal({host, router, 255}, Icmpv6Message{157, 0, Octets(3)}), Refusal::malformed);
    EXPECT_EQ(name_of(Refusal::solicited_group), "solicited group");
}

}  // namespace
}  // namespace causeway::ip::nd::nd_test
