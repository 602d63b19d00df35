// The schema against what it speaks for: the engines' own Settings, and docs/site-file.md.
#include "site/schema.hpp"

#include "site/read.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

namespace causeway::site::schema_test {
namespace {

std::filesystem::path repository() {
    return std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
}

/// The reference rows of the document by table, in its order.
std::map<std::string, std::vector<std::string>> documented() {
    std::ifstream in(repository() / "docs/site-file.md");
    std::map<std::string, std::vector<std::string>> rows;
    std::string table;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("## ")) {
            const std::size_t open = line.find_first_not_of("# `[");
            const std::size_t close = line.find(']');
            table = close == std::string::npos ? "" : line.substr(open, close - open);
        } else if (line.starts_with("| `")) {
            rows[table].push_back(line);
        }
    }
    return rows;
}

TEST(Schema, EveryKeyAndNoOtherIsDocumentedWithItsTypePresetAndRange) {
    std::map<std::string, std::vector<std::string>> wanted;
    for (const Key& key : schema_keys()) {
        wanted[std::string(key.table())].push_back(document_row(key));
    }
    const auto found = documented();
    ASSERT_FALSE(found.empty()) << "docs/site-file.md has no rows";
    for (const auto& [table, rows] : wanted) {
        const auto at = found.find(table);
        EXPECT_TRUE(at != found.end() && at->second == rows) << "in [" << table << "], want\n"
                                                             << [&] {
                                                                    std::string all;
                                                                    for (const auto& row : rows) {
                                                                        all += row + '\n';
                                                                    }
                                                                    return all;
                                                                }();
    }
    for (const auto& [table, rows] : found) {
        EXPECT_TRUE(wanted.contains(table)) << "[" << table << "] is documented and does not exist";
    }
}

TEST(Schema, NamesEveryKeyOnceAndInATableThatExists) {
    std::set<std::string_view> paths;
    for (const Key& key : schema_keys()) {
        EXPECT_TRUE(paths.insert(key.path).second) << key.path;
        EXPECT_TRUE(key.table().empty() || find_table(key.table())) << key.path;
        EXPECT_NE(key.preset.empty(), key.otherwise.empty()) << key.path;
        EXPECT_FALSE(key.about.empty()) << key.path;
        EXPECT_FALSE(allowed(key).empty()) << key.path;
    }
    for (const TableRule& rule : schema_tables()) {
        EXPECT_TRUE(paths.insert(rule.path).second) << rule.path;
    }
}

TEST(Schema, WhatAnEmptyFileGivesIsWhatTheEnginesStartFrom) {
    const auto site = read_text("", "empty.toml");
    ASSERT_TRUE(site) << to_text(site.error());
    const sim::Scenario plain;
    const sim::Scenario& mesh = site->mesh;
    EXPECT_EQ(mesh.seed, plain.seed);
    EXPECT_EQ(mesh.radio_channel, plain.radio_channel);
    EXPECT_EQ(mesh.crystal_ppm, plain.crystal_ppm);
    EXPECT_EQ(mesh.channel.exponent, plain.channel.exponent);
    EXPECT_EQ(mesh.channel.reference_loss_db, plain.channel.reference_loss_db);
    EXPECT_EQ(mesh.channel.shadowing_db, plain.channel.shadowing_db);
    EXPECT_EQ(mesh.channel.asymmetry_db, plain.channel.asymmetry_db);
    EXPECT_EQ(mesh.channel.noise_floor_dbm, plain.channel.noise_floor_dbm);
    EXPECT_EQ(mesh.channel.capture_db, plain.channel.capture_db);
    EXPECT_EQ(mesh.channel.cca_threshold_dbm, plain.channel.cca_threshold_dbm);
    EXPECT_EQ(mesh.channel.carrier_sense, plain.channel.carrier_sense);
    EXPECT_EQ(mesh.channel.loss_min, plain.channel.loss_min);
    EXPECT_EQ(mesh.channel.loss_max, plain.channel.loss_max);
    EXPECT_EQ(mesh.radio.transmit_power_dbm, plain.radio.transmit_power_dbm);
    EXPECT_EQ(mesh.radio.sensitivity_dbm, plain.radio.sensitivity_dbm);
    EXPECT_EQ(mesh.radio.volts, plain.radio.volts);
    EXPECT_EQ(mesh.radio.transmit_milliamperes, plain.radio.transmit_milliamperes);
    EXPECT_EQ(mesh.radio.receive_milliamperes, plain.radio.receive_milliamperes);
    EXPECT_EQ(mesh.radio.off_milliamperes, plain.radio.off_milliamperes);
    ASSERT_EQ(mesh.nodes.size(), 1u);
    const node::Config config = mesh.nodes[0].config;
    EXPECT_EQ(config.pan, node::Config{}.pan);
    EXPECT_EQ(config.mac, link::ieee802154::MacSettings{});
    EXPECT_EQ(config.rpl, rpl::Settings{});
    EXPECT_EQ(site->uplink.tun, Uplink{}.tun);
    EXPECT_EQ(site->proxy.listen, Proxy{}.listen);
}

TEST(Schema, SensorsAndInterferersStartFromTheirOwnStructs) {
    const auto site = read_text(
        "[[mesh.channel.interference]]\nat = [1, 2]\n"
        "[[mesh.nodes]]\ncount = 1\n[[mesh.nodes.sensors]]\nname = \"t\"\n",
        "one.toml");
    ASSERT_TRUE(site) << to_text(site.error());
    const node::Sensor& sensor = site->mesh.nodes[1].config.sensors.at(0);
    EXPECT_EQ(sensor.unit, node::Sensor{}.unit);
    EXPECT_EQ(sensor.mean, node::Sensor{}.mean);
    EXPECT_EQ(sensor.swing, node::Sensor{}.swing);
    const sim::InterfererPlan& plan = site->mesh.interferers.at(0);
    EXPECT_EQ(plan.power_dbm, sim::InterfererPlan{}.power_dbm);
    EXPECT_EQ(plan.period, sim::InterfererPlan{}.period);
    EXPECT_EQ(plan.busy, sim::InterfererPlan{}.busy);
    EXPECT_EQ(plan.start, sim::InterfererPlan{}.start);
    EXPECT_EQ(plan.stop, sim::InterfererPlan{}.stop);
}

/// A file in which `path` has the value and every table around it has what it requires.
std::string file_with(const Key& key, std::string_view value) {
    std::string text;
    const std::string table(key.table());
    // Tables around it that repeat have to be begun first.
    for (std::size_t dot = table.find('.'); !table.empty(); dot = table.find('.', dot + 1)) {
        const std::string outer = table.substr(0, dot);
        const TableRule* const rule = find_table(outer);
        const bool many = rule != nullptr && rule->many_max != 0;
        if (many) text += "[[" + outer + "]]\n";
        if (dot != std::string::npos) continue;
        if (!many) text += "[" + outer + "]\n";
        break;
    }
    return text + std::string(key.leaf()) + " = " + std::string(value) + "\n";
}

TEST(Schema, EveryKeyRefusesAValueOfAnotherKind) {  // so every key is read, and held to its type
    for (const Key& key : schema_keys()) {
        const auto site = read_text(file_with(key, "1979-05-27"), "date.toml");
        ASSERT_FALSE(site) << key.path;
        const auto said = std::ranges::any_of(site.error(), [&](const Mistake& mistake) {
            return mistake.what == std::string(key.path) + " has to be " +
                                       std::string(name_of(key.type)) + ", not a date or a time" &&
                   mistake.allowed == allowed(key);
        });
        EXPECT_TRUE(said) << to_text(site.error());
    }
}

TEST(Schema, EveryNumberRefusesWhatIsJustOutsideItsRange) {
    for (const Key& key : schema_keys()) {
        if (key.type != Type::whole || !key.words.empty() || key.path == "mesh.seed") continue;
        for (const std::int64_t outside :
             {std::stoll(std::string(key.least)) - 1, std::stoll(std::string(key.most)) + 1}) {
            const auto site = read_text(file_with(key, std::to_string(outside)), "range.toml");
            ASSERT_FALSE(site) << key.path;
            EXPECT_NE(to_text(site.error())
                          .find(std::string(key.path) + ": " + std::to_string(outside) +
                                " is out of range"),
                      std::string::npos)
                << to_text(site.error());
        }
    }
}

}  // namespace
}  // namespace causeway::site::schema_test
