// When DAOs are sent, and how much they say: what keeps a mesh of a thousand nodes from drowning in
// them.
#include "rpl/registration.hpp"
#include "rpl/bus_test.hpp"

#include <sstream>

namespace causeway::rpl::registration_test {
namespace {

using namespace std::chrono_literals;
using testing::Bus;

struct Said {
    Instant at;
    std::size_t node = 0;
    unsigned code = 0;
    std::size_t octets = 0;
};

std::vector<Said> daos_of(const Bus& bus) {
    std::vector<Said> daos;
    std::istringstream log(bus.log());
    std::int64_t at = 0;
    for (Said said; log >> at >> said.node >> said.code >> said.octets;) {
        said.at = Instant(Duration(at));
        if (said.code == std::to_underlying(Code::dao)) daos.push_back(said);
    }
    return daos;
}

TEST(Registration, PatienceGrowsWithTheDistanceAndEnds) {
    EXPECT_EQ(dao_patience(0), dao_delay);
    EXPECT_EQ(dao_patience(1), dao_delay);
    for (unsigned hops = 1; hops < 30; ++hops)
        EXPECT_LT(dao_patience(hops), dao_patience(hops + 1)) << hops;
    EXPECT_EQ(dao_patience(65535), dao_patience_max);
}

TEST(Registration, ThoseFartherOutLeaveTheWayToThoseBefore) {
    Bus bus(13, 1);
    bus.line();
    bus.run_for(120s);
    std::vector<Instant> first(bus.size(), never);
    for (const Said& dao : daos_of(bus)) first[dao.node] = std::min(first[dao.node], dao.at);
    EXPECT_LE(first[1], Instant(10s));
    EXPECT_GE(first[12], Instant(dao_patience(11) / 2));
    EXPECT_TRUE(bus.all_reachable());
}

TEST(Registration, ADaoFitsAFrame) {
    Bus bus(24, 2);
    bus.grid(4, 80);
    bus.traffic(5s);
    bus.run_for(600s);
    const auto daos = daos_of(bus);
    ASSERT_GE(daos.size(), 24u);
    // Base object, one target and two transits. With the headers before it, some 103 octets of 116.
    for (const Said& dao : daos) EXPECT_LE(dao.octets, 4u + 20u + 2u * 22u);
}

TEST(Registration, AMeshWhoseLinksKeepChangingTellsOfFewOfTheChanges) {
    Bus bus(16, 3);
    bus.grid(4, 60);
    bus.traffic(1s);
    bus.run_for(1200s);
    std::uint64_t changes = 0;
    std::uint64_t told = 0;
    for (std::size_t n = 1; n < bus.size(); ++n) {
        const RouterStats& stats = bus.router(n).stats();
        changes += stats.parent_changes;
        told += stats.dao_sent - stats.dao_retries;
    }
    EXPECT_LE(told * 3, changes) << told << " of " << changes;
}

}  // namespace
}  // namespace causeway::rpl::registration_test
