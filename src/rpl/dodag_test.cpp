#include "rpl/dodag.hpp"

#include <gtest/gtest.h>

namespace causeway::rpl::dodag_test {
namespace {

using namespace std::chrono_literals;

ip::Address on_link(std::uint8_t n) {
    ip::InterfaceId id{};
    id[7] = std::byte{n};
    return ip::link_local(id);
}

/// A node and what it hears.
struct Listener {
    Settings settings;
    Dodag dodag;
    Instant now{1s};

    explicit Listener(Settings with = {}) : settings(with), dodag(with, on_link(99)) {}

    Dio dio(std::uint16_t rank, std::uint8_t version = 240) const {
        const ip::Address root = *ip::Address::from_text("fd00::1");
        Dio said = Dodag(settings, on_link(1), root, *ip::Prefix::from_text("fd00::/64"))
                       .describe(root, false);
        said.rank = rank;
        said.version = version;
        return said;
    }
    DioVerdict hear(std::uint8_t from, std::uint16_t rank, std::uint8_t version = 240) {
        return dodag.hear(now, on_link(from), 0, dio(rank, version));
    }
    Selection hear_and_select(std::uint8_t from, std::uint16_t rank, std::uint8_t version = 240) {
        (void)hear(from, rank, version);
        return dodag.select(now);
    }
    void measure(std::uint8_t n, std::uint16_t etx_128) {
        (void)dodag.measured(now, on_link(n), etx_128, true);
    }
};

TEST(Dodag, ARootStandsAtMinHopRankIncrease) {  // [RFC 6550 §17, ROOT_RANK]
    const ip::Address root = *ip::Address::from_text("fd00::1");
    const Dodag dodag({}, on_link(1), root, *ip::Prefix::from_text("fd00::/64"));
    EXPECT_EQ(dodag.rank(), 256);
    EXPECT_TRUE(dodag.attached());
    EXPECT_EQ(dodag.id(), root);
    const Dio dio = dodag.describe(root, false);
    EXPECT_EQ(dio.version, 240);
    EXPECT_TRUE(dio.grounded);
    EXPECT_TRUE(dio.options.find<PrefixInformation>()->router_address);
    EXPECT_FALSE(dio.options.find<PrefixInformation>()->on_link);
    EXPECT_TRUE(dio.options.find<Configuration>()->rpi_0x23);
}

TEST(Dodag, HysteresisKeepsAParentThatIsNearlyAsGood) {  // [RFC 6719 §3.2.2]
    Listener node;
    node.hear_and_select(1, 512);
    node.measure(1, 256);
    node.hear(2, 512);
    node.measure(2, 128);
    EXPECT_FALSE(node.dodag.select(node.now).preferred_changed);
    node.measure(1, 330);
    EXPECT_TRUE(node.dodag.select(node.now).preferred_changed);
    EXPECT_EQ(node.dodag.preferred(), on_link(2));
}

TEST(Dodag, TheRankIsAboveAllParents) {  // [RFC 6550 §8.2.1, rule 5]
    Listener node;
    for (std::uint8_t n = 1; n <= 6; ++n) {
        node.hear(n, static_cast<std::uint16_t>(256 + n * 100));
        node.measure(n, 160);
    }
    (void)node.dodag.select(node.now);
    std::size_t parents = 0;
    for (const Neighbour& n : node.dodag.neighbours()) {
        if (n.place == 0) continue;
        ++parents;
        EXPECT_LT(dag_rank(n.way.rank, 256), dag_rank(node.dodag.rank(), 256));
    }
    EXPECT_GE(parents, 2u);
    EXPECT_LE(parents, parent_set_max);
}

TEST(Dodag, BackupParentsAreThoseWhoseLinksAreKnown) {
    Listener node;
    for (std::uint8_t n = 1; n <= 3; ++n) node.hear_and_select(n, 256);
    EXPECT_EQ(node.dodag.parent(2), nullptr);
    node.measure(2, 200);
    EXPECT_TRUE(node.dodag.select(node.now).set_changed);
    ASSERT_NE(node.dodag.parent(2), nullptr);
    EXPECT_EQ(node.dodag.parent(2)->link_local, on_link(2));
}

TEST(Dodag, AnExcludedLinkIsTheLastResort) {  // [RFC 6719 §3.2.2]
    Listener node;
    node.hear_and_select(1, 256);
    node.measure(1, 600);
    (void)node.dodag.select(node.now);
    EXPECT_EQ(node.dodag.preferred(), on_link(1));
    node.hear_and_select(2, 512);  // dearer all in all, but its link is good
    EXPECT_EQ(node.dodag.preferred(), on_link(2));
}

TEST(Dodag, APoisonedParentIsLeft) {  // [RFC 6550 §8.2.2.5]
    Listener node;
    node.hear_and_select(1, 512);
    const Selection selection = node.hear_and_select(1, infinite_rank);
    EXPECT_TRUE(selection.lost);
    EXPECT_EQ(node.dodag.rank(), infinite_rank);
    EXPECT_FALSE(node.dodag.preferred());
}

TEST(Dodag, APossibleChildIsNoParent) {  // [RFC 6550 §8.2.2.4]
    Listener node;
    node.hear_and_select(1, 512);
    node.measure(1, 128);
    (void)node.dodag.select(node.now);
    node.dodag.advertised(node.now, node.dodag.rank());  // 768
    node.hear_and_select(2, 1024);                       // may have chosen us
    EXPECT_TRUE(node.hear_and_select(1, infinite_rank).lost);
    // Only when everybody had time to hear of it, and by a fresh word.
    node.now = node.dodag.phase_ends();
    node.dodag.end_phase(node.now);
    (void)node.dodag.select(node.now);
    EXPECT_FALSE(node.dodag.attached());
    node.now += 100ms;
    node.hear_and_select(2, 1024);
    EXPECT_EQ(node.dodag.preferred(), on_link(2));
}

TEST(Dodag, ASiblingMayBecomeTheParentAtOnce) {
    Listener node;
    node.hear_and_select(1, 512);
    node.measure(1, 128);
    (void)node.dodag.select(node.now);
    node.dodag.advertised(node.now, node.dodag.rank());
    node.hear_and_select(2, 900);  // below 768 + 256: it cannot have chosen us
    const Selection selection = node.hear_and_select(1, infinite_rank);
    EXPECT_FALSE(selection.lost);
    EXPECT_EQ(node.dodag.preferred(), on_link(2));
}

TEST(Dodag, RanksBeyondMaxRankIncreaseAreNotTaken) {  // [RFC 6550 §8.2.2.4, rule 3]
    Listener node;
    node.hear_and_select(1, 512);
    node.measure(1, 128);
    (void)node.dodag.select(node.now);
    node.dodag.advertised(node.now, 768);  // L
    EXPECT_FALSE(node.hear_and_select(1, 768 + 7 * 256 - 256).lost);
    EXPECT_TRUE(node.hear_and_select(1, 768 + 7 * 256 - 255).lost);
    // The memory of L ends with that of the DODAG.
    node.now = node.dodag.phase_ends();
    node.dodag.end_phase(node.now);
    node.now += 1s;
    node.hear_and_select(1, 768 + 7 * 256);
    EXPECT_FALSE(node.dodag.attached());
    node.now = node.dodag.phase_ends();
    node.dodag.end_phase(node.now);
    EXPECT_FALSE(node.dodag.known());
    node.hear_and_select(1, 768 + 7 * 256);
    EXPECT_TRUE(node.dodag.attached());
}

TEST(Dodag, ANewVersionIsJoinedAndAnOldOneTold) {  // [RFC 6550 §8.2.2.1]
    Listener node;
    node.hear_and_select(1, 512, 240);
    node.hear_and_select(2, 512, 240);
    EXPECT_TRUE(node.hear(2, 512, 241).version_joined);
    (void)node.dodag.select(node.now);
    EXPECT_EQ(node.dodag.version().value(), 241);
    EXPECT_EQ(node.dodag.preferred(), on_link(2));  // 1 is of the version before
    EXPECT_TRUE(node.hear(1, 256, 240).sender_is_behind);
    EXPECT_FALSE(node.dodag.select(node.now).preferred_changed);
}

TEST(Dodag, ANewVersionEndsARepairAtOnce) {  // [RFC 6550 §8.2.2.1]
    Listener node;
    node.hear_and_select(1, 512);
    node.dodag.detach(node.now);
    EXPECT_TRUE(node.dodag.repairing());
    node.hear_and_select(2, 2000, 241);
    EXPECT_TRUE(node.dodag.attached());
}

TEST(Dodag, AnUnreachableNeighbourIsShunnedLongerEachTime) {  // [RFC 6550 §8.2.1, rule 6]
    Listener node;
    node.hear_and_select(1, 512);
    node.hear_and_select(2, 700);
    Duration last{};
    for (int i = 0; i < 4; ++i) {
        EXPECT_TRUE(node.dodag.unreachable(node.now, on_link(1)));
        (void)node.dodag.select(node.now);
        EXPECT_EQ(node.dodag.preferred(), on_link(2));
        node.hear_and_select(1, 256);  // still talking, but we do not get through
        EXPECT_EQ(node.dodag.preferred(), on_link(2));
        const Duration shunned = node.dodag.neighbour(on_link(1))->shunned_until - node.now;
        EXPECT_GT(shunned, last);
        last = shunned;
        node.now += shunned;
    }
    node.hear(1, 256);
    node.measure(1, 128);
    (void)node.dodag.select(node.now);
    EXPECT_EQ(node.dodag.preferred(), on_link(1));
}

TEST(Dodag, HopCountsArePassedOnPlusOne) {  // [RFC 6551 §3.3, RFC 6719 §3.4]
    Listener node;
    Dio dio = node.dio(512);
    dio.options.add(MetricContainer{{MetricObject::of_hop_count(2)}});
    (void)node.dodag.hear(node.now, on_link(1), 0, dio);
    (void)node.dodag.select(node.now);
    const Dio said = node.dodag.describe(*ip::Address::from_text("fd00::99"), false);
    const auto* container = said.options.find<MetricContainer>();
    ASSERT_NE(container, nullptr);
    EXPECT_EQ(container->objects[0].hop_count(), 3);
}

TEST(Dodag, AParentsAddressComesFromItsPrefixOption) {  // [RFC 6550 §9.4, rule 1]
    Listener node;
    node.hear_and_select(1, 512);
    EXPECT_EQ(node.dodag.parent(1)->global, *ip::Address::from_text("fd00::1"));
    Dio plain = node.dio(512);  // without R: what it formed from the prefix
    for (Option& option : plain.options.list)
        if (auto* info = std::get_if<PrefixInformation>(&option.data))
            *info = {.address = *ip::Address::from_text("fd00::"), .autonomous = true};
    (void)node.dodag.hear(node.now, on_link(7), 0, plain);
    EXPECT_EQ(node.dodag.neighbour(on_link(7))->global, *ip::Address::from_text("fd00::7"));
}

TEST(Dodag, WeakSignalsCountAsWeakLinks) {
    Listener node;
    (void)node.dodag.hear(node.now, on_link(1), -95, node.dio(512));
    (void)node.dodag.hear(node.now, on_link(2), -50, node.dio(512));
    EXPECT_EQ(node.dodag.neighbour(on_link(1))->way.etx_128, 384);
    EXPECT_EQ(node.dodag.neighbour(on_link(2))->way.etx_128, 192);
}

TEST(Dodag, ProbesGoToTheParentFirstAndThenWherePromiseIs) {
    Listener node;
    node.hear(1, 1024);
    node.hear(2, 512);
    node.hear(3, 768);
    (void)node.dodag.select(node.now);
    std::vector<ip::Address> probed;
    while (Neighbour* neighbour = node.dodag.worth_probing(node.now)) {
        probed.push_back(neighbour->link_local);
        neighbour->probed = node.now;
        node.measure(static_cast<std::uint8_t>(probed.back().octets[15]), 128);
        ASSERT_LE(probed.size(), 3u);
    }
    EXPECT_EQ(probed, (std::vector{on_link(2), on_link(3), on_link(1)}));
}

TEST(Dodag, ImpossibleRanksAndAddressesAreUnusable) {
    Listener node;
    EXPECT_EQ(node.hear(1, 0).fate, DioFate::unusable);
    EXPECT_EQ(node.hear(1, 255).fate, DioFate::unusable);
    Dio dio = node.dio(512);
    dio.dodag = on_link(1);
    EXPECT_EQ(node.dodag.hear(node.now, on_link(1), 0, dio).fate, DioFate::unusable);
    EXPECT_EQ(node.dodag.hear(node.now, on_link(99), 0, node.dio(512)).fate,
              DioFate::other_dodag);  // our own address
}

}  // namespace
}  // namespace causeway::rpl::dodag_test
