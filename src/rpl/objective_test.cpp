#include "rpl/objective.hpp"

#include <gtest/gtest.h>

namespace causeway::rpl::objective_test {
namespace {

TEST(DagRank, IsTheIntegerPartOfTheRank) {  // [RFC 6550 §3.5.1]
    EXPECT_EQ(dag_rank(27, 16), 1);
    EXPECT_EQ(dag_rank(256, 256), 1);
    EXPECT_EQ(dag_rank(767, 256), 2);
}

TEST(Of0, TheExampleNetworkOf6TischGetsItsRanks) {  // [RFC 8180 §5.1.2]
    // numTx = 100, numTxAck = 75 on all links.
    constexpr std::uint16_t etx = 100 * etx_unit / 75;
    const Objective of0(ObjectiveCode::of0, 256);
    std::uint16_t rank = 256;
    for (const int expected : {768, 1280, 1792, 2304, 2816}) {
        rank = static_cast<std::uint16_t>(
            of0.rank_through({.rank = rank, .etx_128 = etx, .hop_count = {}}));
        EXPECT_EQ(rank, expected);
    }
}

TEST(Of0, TheStepStaysBetweenOneAndNine) {  // [RFC 6552 §4.1]
    EXPECT_EQ(of0::step_of_rank(0), 1u);
    EXPECT_EQ(of0::step_of_rank(128), 1u);
    EXPECT_EQ(of0::step_of_rank(256), 4u);
    EXPECT_EQ(of0::step_of_rank(384), 7u);
    EXPECT_EQ(of0::step_of_rank(65535), 9u);
}

TEST(Of0, RankIncreaseFollowsTheFormula) {  // [RFC 6552 §4.1]
    EXPECT_EQ(of0::rank_increase(of0::step_default, 256), 768u);
    EXPECT_EQ(of0::rank_increase(3, 256, {.rank_factor = 2, .stretch = 1}), (2 * 3 + 1) * 256u);
    EXPECT_EQ(of0::rank_increase(3, 256, {.rank_factor = 9, .stretch = 9}), (4 * 3 + 5) * 256u);
    EXPECT_EQ(of0::rank_increase(3, 256, {.rank_factor = 0, .stretch = 0}), 3 * 256u);
}

TEST(Of0, PrefersTheLesserResultingRank) {  // [RFC 6552 §4.2.1, 8 and 10]
    const Objective of0(ObjectiveCode::of0, 256);
    const Way good{.rank = 512, .etx_128 = 128, .hop_count = {}};
    const Way far{.rank = 768, .etx_128 = 128, .hop_count = {}};
    EXPECT_TRUE(of0.worth_switching(far, good));
    EXPECT_FALSE(of0.worth_switching(good, far));
    EXPECT_FALSE(of0.worth_switching(good, good));
    EXPECT_FALSE(of0.link_usable({.rank = 512, .etx_128 = 385, .hop_count = {}}));
}

TEST(Mrhof, WithoutAContainerTheRankIsThePathCost) {  // [RFC 6719 §3.5]
    const Objective mrhof(ObjectiveCode::mrhof, 256);
    const Way way{.rank = 512, .etx_128 = 300, .hop_count = {}};
    EXPECT_EQ(mrhof::path_cost(way), 812u);
    EXPECT_EQ(mrhof.rank_through(way), 812u);
}

TEST(Mrhof, AGoodLinkStillCostsMinHopRankIncrease) {  // [RFC 6719 §3.3]
    const Objective mrhof(ObjectiveCode::mrhof, 256);
    EXPECT_EQ(mrhof.rank_through({.rank = 512, .etx_128 = 128, .hop_count = {}}), 768u);
}

TEST(Mrhof, LinksWorseThanFourTransmissionsAreExcluded) {  // [RFC 6719 §5]
    const Objective mrhof(ObjectiveCode::mrhof, 256);
    EXPECT_TRUE(mrhof.link_usable({.rank = 256, .etx_128 = 512, .hop_count = {}}));
    EXPECT_FALSE(mrhof.link_usable({.rank = 256, .etx_128 = 513, .hop_count = {}}));
}

TEST(Mrhof, PathsWorseThan256TransmissionsAreExcluded) {  // [RFC 6719 §5]
    const Objective mrhof(ObjectiveCode::mrhof, 256);
    EXPECT_TRUE(mrhof.path_usable({.rank = 32640, .etx_128 = 128, .hop_count = {}}));
    EXPECT_FALSE(mrhof.path_usable({.rank = 32641, .etx_128 = 128, .hop_count = {}}));
    EXPECT_FALSE(mrhof.path_usable({.rank = infinite_rank, .etx_128 = 128, .hop_count = {}}));
}

TEST(Mrhof, LeavesAParentOnlyForOneAndAHalfTransmissions) {  // [RFC 6719 §3.2.2, §5]
    const Objective mrhof(ObjectiveCode::mrhof, 256);
    const Way current{.rank = 512, .etx_128 = 400, .hop_count = {}};
    EXPECT_FALSE(mrhof.worth_switching(current, {.rank = 512, .etx_128 = 209, .hop_count = {}}));
    EXPECT_TRUE(mrhof.worth_switching(current, {.rank = 512, .etx_128 = 208, .hop_count = {}}));
}

TEST(Mrhof, CountsHopsWhereThatIsTheSelectedMetric) {  // [RFC 6719 §3.3, table 1]
    const Objective mrhof(ObjectiveCode::mrhof, 1);
    const Way way{.rank = 2, .etx_128 = 400, .hop_count = 3};
    EXPECT_EQ(mrhof::path_cost(way), 4u);
    EXPECT_EQ(mrhof.rank_through(way), 4u);
    EXPECT_TRUE(mrhof.worth_switching(way, {.rank = 2, .etx_128 = 400, .hop_count = 2}));
}

}  // namespace
}  // namespace causeway::rpl::objective_test
