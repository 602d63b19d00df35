// What a sound file becomes.
#include "site/build.hpp"

#include "sim/layout.hpp"
#include "site/read.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include <cmath>

namespace causeway::site::build_test {
namespace {

using namespace std::chrono_literals;

std::filesystem::path repository() {
    return std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
}

Site sound(std::string_view text) {
    auto site = read_text(text, "folder/site.toml");
    EXPECT_TRUE(site) << to_text(site.error());
    return site ? *std::move(site) : Site{};
}

Site example(const char* name) {
    auto site = read_file(repository() / "examples" / name);
    EXPECT_TRUE(site) << to_text(site.error());
    return site ? *std::move(site) : Site{};
}

std::uint32_t deepest(const Site& site) {
    const auto depths = sim::depths(site.mesh);
    return *std::ranges::max_element(depths);  // unreachable is more than any depth
}

TEST(Build, ANamelessSiteIsNamedAfterItsFile) {
    EXPECT_EQ(sound("").name, "site");
    EXPECT_EQ(read_text("", "my plant.v2.toml")->name, "my-plant.v2");
    EXPECT_EQ(read_text("", ".toml")->name, "site.toml");
    EXPECT_EQ(read_text("", "")->name, "site");
    EXPECT_EQ(sound("name = \"plant\"").name, "plant");
    EXPECT_EQ(sound("name = \"plant\"").mesh.name, "plant");
}

TEST(Build, ANodesNumberIsInItsNameItsAddressAndItsPlaceInTheList) {
    const Site site = sound(
        "[[mesh.nodes]]\ncount = 24\n[[mesh.nodes]]\nname = \"meter\"\n"
        "at = [0, 400]\ncount = 1\n");
    ASSERT_EQ(site.mesh.nodes.size(), 26u);
    EXPECT_EQ(site.mesh.nodes[0].name, "border-router");
    EXPECT_EQ(site.mesh.nodes[0].config.eui64, 0x0200'0000'0000'1000u);
    EXPECT_TRUE(site.mesh.nodes[0].config.root);
    EXPECT_EQ(site.mesh.nodes[0].config.prefix.to_text(), "fd00:ca5e::/64");
    EXPECT_EQ(site.mesh.nodes[24].name, "node-24");
    EXPECT_EQ(site.mesh.nodes[24].config.eui64, 0x0200'0000'0000'1024u);
    EXPECT_FALSE(site.mesh.nodes[24].config.root);
    EXPECT_EQ(site.mesh.nodes[25].name, "meter-25");
    EXPECT_EQ(eui64_of(9999), 0x0200'0000'0001'0999u);
}

TEST(Build, ANodeAnswersAtItsNumberBehindThePrefix) {
    const ip::Prefix prefix = *ip::Prefix::from_text("fd00:ca5e::/64");
    EXPECT_EQ(prefix.with(interface_id_of(eui64_of(24))).to_text(), "fd00:ca5e::1024");
}

TEST(Build, TheHostHasAnAddressThatTheBorderRouterKnows) {
    const Site site = sound("mesh.prefix = \"fd00:1::/64\"");
    EXPECT_EQ(site.uplink.host_address.to_text(), "fd00:1::1");
    EXPECT_EQ(site.mesh.nodes[0].config.host_addresses,
              std::vector<ip::Address>{site.uplink.host_address});
    const Site other = sound("uplink.address = \"fd00:ca5e::7\"");
    EXPECT_EQ(other.uplink.host_address.to_text(), "fd00:ca5e::7");
}

TEST(Build, AGridBeginsBesideTheBorderRouterAndIsAsSquareAsItGets) {
    const Site site = sound("mesh.root.at = [5, 6]\n[[mesh.nodes]]\ncount = 5\nspacing = 10\n");
    const auto& nodes = site.mesh.nodes;
    EXPECT_EQ(nodes[1].at, (sim::Position{15, 6}));
    EXPECT_EQ(nodes[3].at, (sim::Position{35, 6}));
    EXPECT_EQ(nodes[4].at, (sim::Position{15, 16}));
}

TEST(Build, PlacesInADiskFollowFromTheSeed) {
    const std::string_view text =
        "[[mesh.nodes]]\nlayout = \"disk\"\ncount = 30\nat = [1000, 0]\nradius = 10\n"
        "boot_spread = \"1s\"\n";
    const Site site = sound(text);
    const Site again = sound(text);
    const auto other = read_text(text, "folder/site.toml", std::vector<std::string>{"mesh.seed=2"});
    for (std::size_t i = 1; i < site.mesh.nodes.size(); ++i) {
        const sim::NodePlan& node = site.mesh.nodes[i];
        EXPECT_LE(std::hypot(node.at.x - 1000, node.at.y), 10.0 + 1e-9);
        EXPECT_EQ(node.at, again.mesh.nodes[i].at);
        EXPECT_NE(node.at, other->mesh.nodes[i].at);
        EXPECT_LT(node.boot, 1s);
        EXPECT_EQ(node.boot, again.mesh.nodes[i].boot);
    }
}

TEST(Build, APatchHangsTogether) {
    const Site site = sound("[[mesh.nodes]]\nlayout = \"patch\"\ncount = 300\nreach = 35\n");
    EXPECT_EQ(site.mesh.nodes.size(), 301u);
    EXPECT_LT(deepest(site), 100u);
}

TEST(Build, TheLargestMeshIsTaken) {
    const Site site = sound("[[mesh.nodes]]\nlayout = \"disk\"\nradius = 1\ncount = 10000\n");
    EXPECT_EQ(site.mesh.nodes.size(), 10'001u);
    EXPECT_EQ(site.mesh.nodes[0].config.rpl.routes_max, 10'000u);
}

TEST(Build, EverySettingArrivesWhereItBelongs) {
    const Site site = sound(R"(
        [mesh]
        seed = 9
        pan = 0x1234
        radio_channel = 11
        [mesh.channel]
        loss = [0, 0.5]
        [mesh.radio]
        volts = 1.5
        [mesh.mac]
        max_frame_retries = 2
        [mesh.rpl]
        objective = "of0"
        rpi = 0x63
        lifetime_unit = "2m"
        dao_ack = false
        parents = 1
        [[mesh.nodes]]
        names = ["pump"]
        positions = [[3, 4]]
        class = 1
        confirmable = true
        [[mesh.nodes.sensors]]
        name = "flow"
        unit = "m3/s"
        every = "10s"
        mean = 3
        swing = 0.5
        [[mesh.faults]]
        kind = "link-cut"
        at = "10m"
        node = "pump"
        other = "border-router"
        lasts = "1m"
        [[external]]
        name = "guest"
        at = [1, 1]
        local = "127.0.0.1:17754"
        remote = "127.0.0.1:17755"
        [proxy]
        listen = "127.0.0.1:0"
    )");
    ASSERT_EQ(site.mesh.nodes.size(), 2u);
    const sim::NodePlan& pump = site.mesh.nodes[1];
    EXPECT_EQ(site.mesh.seed, 9u);
    EXPECT_EQ(static_cast<unsigned>(pump.config.pan), 0x1234u);
    EXPECT_EQ(site.mesh.radio_channel, 11);
    EXPECT_EQ(site.mesh.channel.loss_min, 0.0);
    EXPECT_EQ(site.mesh.channel.loss_max, 0.5);
    EXPECT_EQ(site.mesh.radio.volts, 1.5);
    EXPECT_EQ(pump.config.mac.max_frame_retries, 2);
    EXPECT_EQ(pump.config.rpl.objective, rpl::ObjectiveCode::of0);
    EXPECT_EQ(pump.config.rpl.rpi_option_type, 0x63);
    EXPECT_EQ(pump.config.rpl.lifetime_unit_seconds, 120);
    EXPECT_FALSE(pump.config.rpl.dao_ack);
    EXPECT_EQ(pump.config.rpl.parents_max, 1u);
    EXPECT_EQ(pump.name, "pump");
    EXPECT_EQ(pump.at, (sim::Position{3, 4}));
    EXPECT_EQ(site.classes, (std::vector<std::uint8_t>{2, 1}));
    EXPECT_TRUE(pump.config.confirmable_readings);
    ASSERT_EQ(pump.config.sensors.size(), 1u);
    EXPECT_EQ(pump.config.sensors[0], (node::Sensor{"flow", "m3/s", 10s, 3.0, 0.5}));
    ASSERT_EQ(site.mesh.faults.size(), 1u);
    EXPECT_EQ(site.mesh.faults[0].kind, sim::FaultPlan::Kind::link_cut);
    EXPECT_EQ(site.mesh.faults[0].at, Instant(10min));
    EXPECT_EQ(site.mesh.faults[0].node, 1u);
    EXPECT_EQ(site.mesh.faults[0].other, 0u);
    EXPECT_EQ(site.mesh.faults[0].lasts, Duration(1min));
    ASSERT_EQ(site.mesh.externals.size(), 1u);
    EXPECT_EQ(site.mesh.externals[0].name, "guest");
    EXPECT_EQ(site.mesh.externals[0].remote, "127.0.0.1:17755");
    EXPECT_EQ(site.proxy.listen, "127.0.0.1:0");
}

TEST(Examples, FirstLightIsTwentyFourThermometersAndDeep) {
    const Site site = example("first-light.toml");
    EXPECT_EQ(site.name, "first-light");
    ASSERT_EQ(site.mesh.nodes.size(), 25u);
    EXPECT_GE(deepest(site), 5u);
    EXPECT_LT(deepest(site), 25u);
    for (std::size_t i = 1; i < site.mesh.nodes.size(); ++i) {
        const auto& sensors = site.mesh.nodes[i].config.sensors;
        ASSERT_EQ(sensors.size(), 1u);
        EXPECT_EQ(sensors[0].name, "temperature");
        EXPECT_EQ(sensors[0].every, Duration(60s));
    }
}

TEST(Examples, TheLineIsTenHopsLong) {
    EXPECT_EQ(deepest(example("line.toml")), 10u);
}

TEST(Examples, FaultsStrikeARouterAndLeaveWaysAroundIt) {
    Site site = example("faults.toml");
    ASSERT_EQ(site.mesh.faults.size(), 3u);
    const sim::FaultPlan& death = site.mesh.faults[0];
    EXPECT_EQ(death.kind, sim::FaultPlan::Kind::node_dies);
    const auto before = sim::depths(site.mesh);
    EXPECT_EQ(before[death.node], 1u);
    site.mesh.nodes[death.node].at = {1e6, 1e6};  // as good as dead
    const auto after = sim::depths(site.mesh);
    for (std::size_t i = 0; i < after.size(); ++i) {
        if (i == death.node) continue;
        EXPECT_NE(after[i], sim::unreachable) << site.mesh.nodes[i].name;
    }
}

TEST(Examples, TheExternalNodeIsWithinReachOfTheLastOne) {
    const Site site = example("external.toml");
    ASSERT_EQ(site.mesh.externals.size(), 1u);
    const sim::Position guest = site.mesh.externals[0].at;
    const sim::Position last = site.mesh.nodes.back().at;
    EXPECT_LE(std::hypot(guest.x - last.x, guest.y - last.y),
              sim::solid_distance(site.mesh.channel, site.mesh.radio));
}

}  // namespace
}  // namespace causeway::site::build_test
