// RPL's messages and options against octets written out by hand from the figures of RFC 6550.
#include "rpl/messages.hpp"

#include "base/hex.hpp"

#include <gtest/gtest.h>

namespace causeway::rpl::messages_test {
namespace {

ip::Address address(std::string_view text) {
    return *ip::Address::from_text(text);
}
ip::Prefix prefix(std::string_view text) {
    return *ip::Prefix::from_text(text);
}

template <Repr T>
void both_ways(const Octets& octets, const T& value) {
    const Result<T> parsed = parse_as<T>(octets);
    ASSERT_TRUE(parsed) << name_of(parsed.error().fault) << " at " << parsed.error().offset;
    EXPECT_EQ(*parsed, value);
    EXPECT_EQ(to_hex(emitted(value), " "), to_hex(octets, " "));
}

TEST(Messages, ADioOfARootReadsAsItsFigures) {  // [RFC 6550 §6.3.1, §6.7.6, §6.7.10]
    Dio dio{.instance = 0,
            .version = 240,
            .rank = 256,
            .grounded = true,
            .mode = ModeOfOperation::non_storing,
            .preference = 0,
            .dtsn = 240,
            .dodag = address("fd00:ca5e::ff:fe00:1"),
            .options = {}};
    dio.options.add(Configuration{.rpi_0x23 = true,
                                  .authenticated = false,
                                  .path_control_size = 7,
                                  .dio_interval_doublings = 11,
                                  .dio_interval_min = 9,
                                  .dio_redundancy = 10,
                                  .max_rank_increase = 1792,
                                  .min_hop_rank_increase = 256,
                                  .objective = 1,
                                  .lifetime_default = 30,
                                  .lifetime_unit_seconds = 60});
    dio.options.add(PrefixInformation{.address = address("fd00:ca5e::ff:fe00:1"),
                                      .length = 64,
                                      .on_link = false,
                                      .autonomous = true,
                                      .router_address = true});
    both_ways(
        "00 f0 01 00 88 f0 00 00  fd 00 ca 5e 00 00 00 00 00 00 00 ff fe 00 00 01"
        "04 0e 17 0b 09 0a 07 00 01 00 00 01 00 1e 00 3c"
        "08 1e 40 60 ff ff ff ff ff ff ff ff 00 00 00 00"
        "fd 00 ca 5e 00 00 00 00 00 00 00 ff fe 00 00 01"_hex,
        dio);
}

TEST(Messages, ADaoWithTwoTargetsAndThreeTransitsKeepsTheirOrder) {  // [RFC 6550 §6.7.8, example]
    Dao dao{.instance = 0, .ack_wanted = true, .sequence = 241, .dodag = {}, .options = {}};
    dao.options.add(Target{prefix("fd00::5/128")});
    dao.options.add(TargetDescriptor{0xdeadbeef});
    dao.options.add(Target{prefix("2001:db8:1000::/36")});
    for (const char* parent : {"fd00::1", "fd00::2", "fd00::3"})
        dao.options.add(Transit{.external = parent[6] == '3',
                                .path_control = 0xc0,
                                .path_sequence = 242,
                                .path_lifetime = 30,
                                .parent = address(parent)});
    both_ways(
        "00 80 00 f1"
        "05 12 00 80 fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 05"
        "09 04 de ad be ef"
        "05 07 00 24 20 01 0d b8 10"
        "06 14 00 c0 f2 1e fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01"
        "06 14 00 c0 f2 1e fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 02"
        "06 14 80 c0 f2 1e fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 03"_hex,
        dao);
}

TEST(Messages, ADodagIdIsThereWithItsFlagOnly) {  // [RFC 6550 §6.4.1, §6.5.1]
    both_ways("81 40 00 05 fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01"_hex,
              Dao{.instance = 0x81,
                  .ack_wanted = false,
                  .sequence = 5,
                  .dodag = address("fd00::1"),
                  .options = {}});
    both_ways("00 00 05 80"_hex,
              DaoAck{.instance = 0, .sequence = 5, .status = 128, .dodag = {}, .options = {}});
    both_ways("81 80 05 00 fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01"_hex,
              DaoAck{.instance = 0x81,
                     .sequence = 5,
                     .status = 0,
                     .dodag = address("fd00::1"),
                     .options = {}});
}

TEST(Messages, ADisMaySayWhomItMeans) {  // [RFC 6550 §6.2.1, §6.7.9]
    both_ways("00 00"_hex, Dis{});
    Dis dis;
    dis.options.add(SolicitedInformation{
        .instance = 3, .dodag = address("fd00::1"), .version = std::uint8_t{240}});
    both_ways("00 00 07 13 03 e0 fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01 f0"_hex, dis);
}

TEST(Messages, FieldsWithoutTheirPredicateAreNotKept) {  // [RFC 6550 §6.7.9]
    const auto dis =
        parse_as<Dis>("00 00 07 13 03 40 fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01 f0"_hex);
    ASSERT_TRUE(dis);
    EXPECT_EQ(*dis->options.find<SolicitedInformation>(),
              (SolicitedInformation{.instance = 3, .dodag = {}, .version = {}}));
}

TEST(Messages, AConsistencyCheckReadsAsItsFigure) {  // [RFC 6550 §6.6.1]
    both_ways("00 80 12 34 fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00 01 00"_hex,
              ConsistencyCheck{.instance = 0,
                               .response = true,
                               .nonce = 0x1234,
                               .dodag = address("fd00::1"),
                               .destination_counter = 256,
                               .options = {}});
}

TEST(Options, PaddingIsOneOctetOrMore) {  // [RFC 6550 §6.7.2, §6.7.3]
    both_ways("00"_hex, Option{Padding{1}});
    both_ways("01 00"_hex, Option{Padding{2}});
    both_ways("01 05 00 00 00 00 00"_hex, Option{Padding{7}});
}

TEST(Options, UnknownOnesAreKeptAndSkipped) {  // [RFC 6550 §6.7.1]
    Dis dis;
    dis.options.add(UnknownOption{0x0a, "01 02 03"_hex});
    dis.options.add(SolicitedInformation{});
    both_ways(
        "00 00 0a 03 01 02 03 07 13 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "
        "00"_hex,
        dis);
}

TEST(Options, ARouteInformationCarriesAsMuchPrefixAsItNeeds) {  // [RFC 6550 §6.7.5]
    both_ways(
        "03 0e 40 08 00 00 0e 10 20 01 0d b8 00 00 00 01"_hex,
        Option{RouteInformation{
            .prefix = prefix("2001:db8:0:1::/64"), .preference = 1, .lifetime_seconds = 3600}});
    // More prefix octets than bits: the rest is ignored.
    const auto route = parse_as<Option>("03 0e 20 18 ff ff ff ff 20 01 0d b8 ff ff ff ff"_hex);
    ASSERT_TRUE(route);
    EXPECT_EQ(std::get<RouteInformation>(route->data).prefix, prefix("2001:db8::/32"));
    EXPECT_EQ(std::get<RouteInformation>(route->data).preference, 3);
}

TEST(Options, BitsPastAPrefixLengthAreIgnored) {
    const auto target = parse_as<Option>("05 04 00 0c 20 0f"_hex);
    ASSERT_TRUE(target);
    EXPECT_EQ(std::get<Target>(target->data).prefix, prefix("2000::/12"));
}

TEST(Options, AMetricContainerHoldsObjects) {  // [RFC 6551 §2.1, §3.3, §4.3.2]
    MetricObject etx;
    etx.type = MetricType::link_etx;
    etx.precedence = 1;
    etx.body = "01 c9"_hex;  // "if ETX = 3.569, the object value will be 457"
    MetricObject limit;
    limit.type = MetricType::hop_count;
    limit.constraint = true;
    limit.body = "00 0a"_hex;
    both_ways("02 12 03 00 00 02 00 04 07 00 01 02 01 c9 03 02 00 02 00 0a"_hex,
              Option{MetricContainer{{MetricObject::of_hop_count(4), etx, limit}}});
    EXPECT_EQ(MetricObject::of_hop_count(4).hop_count(), 4);
    EXPECT_EQ(etx.etx_128(), 457);
    EXPECT_EQ(etx.hop_count(), std::nullopt);
    EXPECT_EQ(limit.etx_128(), std::nullopt);
}

TEST(Options, FlagsOfAMetricObjectHaveTheirPlaces) {  // [RFC 6551 §2.1, figure 1]
    MetricObject object;
    object.type = MetricType(200);
    object.partial = true;
    object.optional = true;
    object.recorded = true;
    object.aggregation = Aggregation::multiplicative;
    object.precedence = 15;
    both_ways("c8 05 bf 00"_hex, object);
}

TEST(Options, WhatIsTooShortIsMalformed) {
    for (const Octets& octets :
         {"04 0d 00 00 00 00 00 00 00 00 00 00 00 00 00"_hex, "05 03 00 80 20"_hex,
          "06 03 00 00 00"_hex, "06 05 00 00 00 00 fd"_hex,
          "08 10 40 60 00 00 00 00 00 00 00 00 00 00 00 00 00 00"_hex, "07 02 00 00"_hex,
          "09 03 00 00 00"_hex, "02 03 07 00 00"_hex, "05 02 00 81"_hex, "04 0e 00"_hex, "04"_hex})
        EXPECT_FALSE(parse_as<Option>(octets)) << to_hex(octets);
}

TEST(Options, AnErrorSaysWhereInTheMessageItIs) {
    const auto dis = parse_as<Dis>("00 00 00 05 03 00 ff 20"_hex);
    ASSERT_FALSE(dis);
    EXPECT_EQ(dis.error(), (WireError{Fault::bad_value, 7}));
}

TEST(Options, MoreThanAnyHonestMessageHasAreRefused) {
    Octets octets(2 + options_max);
    EXPECT_TRUE(parse_as<Dis>(octets));
    octets.push_back(std::byte{0});
    const auto dis = parse_as<Dis>(octets);
    ASSERT_FALSE(dis);
    EXPECT_EQ(dis.error().fault, Fault::unsupported);
}

TEST(Messages, EveryCutOfAMessageIsRefusedOrShorter) {
    Dao dao{.instance = 0, .ack_wanted = true, .sequence = 1, .dodag = {}, .options = {}};
    dao.options.add(Target{prefix("fd00::5/128")});
    dao.options.add(Transit{.external = false,
                            .path_control = 0xc0,
                            .path_sequence = 242,
                            .path_lifetime = 30,
                            .parent = address("fd00::1")});
    const Octets whole = emitted(dao);
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
        const auto parsed = parse_as<Dao>(Bytes(whole).first(cut));
        EXPECT_TRUE(!parsed || parsed->options.list.size() < dao.options.list.size()) << cut;
    }
}

}  // namespace
}  // namespace causeway::rpl::messages_test
