// [mesh.root] and [[mesh.nodes]]: who is there, where, and with what sensors.
#include "base/random.hpp"
#include "sim/layout.hpp"
#include "site/build.hpp"
#include "site/oscore_keys.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

namespace causeway::site {
namespace {

/// The layouts that a key means something to; the others refuse it.
struct LayoutKey {
    std::string_view leaf;
    std::string_view layouts;
};

template <class T>
void refuse_elsewhere(const Section& group, const Setting<T>& setting, const LayoutKey& key,
                      const Setting<std::string>& layout) {
    if (!setting.given || !layout.sound) return;
    if (key.layouts.find(layout.value) != std::string_view::npos) return;
    group.complain(setting.at,
                   group.path_of(key.leaf) + ": means nothing to layout \"" + layout.value + '"',
                   std::string(key.leaf) + " with layout " + std::string(key.layouts));
}

class NodesBuilder {
public:
    NodesBuilder(const Section& mesh, const node::Config& common, const std::filesystem::path& file,
                 Site& site)
        : mesh_(mesh),
          common_(common),
          file_(file),
          site_(site),
          chance_(Random(site.mesh.seed).fork(label)) {}

    NodeNames build() {
        add_root();
        for (const Section& group : mesh_.sections("nodes")) add_group(group);
        set_routes();
        return sound_ ? std::move(names_) : NodeNames{};
    }

private:
    static constexpr std::uint64_t label = 0x6e6f646573;  // "nodes"

    void add_root() {
        const Section root = mesh_.section("root");
        const auto name = root.take<std::string>("name");
        const auto at = root.take<sim::Position>("at");
        sound_ = name.sound && at.sound;
        node::Config config = common_;
        config.root = true;
        config.prefix = mesh_.take<ip::Prefix>("prefix").value;
        add(root, name.at, name.value, at.value, std::move(config), false, {}, 2);
    }

    /// The border router remembers the way to everybody.
    void set_routes() {
        const std::size_t nodes = site_.mesh.nodes.size() - 1;
        std::size_t& routes_max = site_.mesh.nodes.front().config.rpl.routes_max;
        const Section rpl = mesh_.section("rpl");
        const auto routes = rpl.take<std::int64_t>("routes_max");
        routes_max =
            routes.usable() ? static_cast<std::size_t>(routes.value) : std::max(routes_max, nodes);
        if (routes_max < nodes) {
            rpl.complain(routes.at,
                         "mesh.rpl.routes_max: " + std::to_string(routes_max) + " routes for " +
                             std::to_string(nodes) + " nodes",
                         "one for each node, and more");
        }
    }

    /// How many nodes the group has; nothing where that cannot be told.
    std::optional<std::size_t> count_of(const Section& group,
                                        const Setting<std::vector<std::string>>& names,
                                        const Setting<std::vector<sim::Position>>& positions) {
        const auto count = group.take<std::int64_t>("count");
        if (!count.sound || !names.sound || !positions.sound) return std::nullopt;
        if (!count.given && !names.given && !positions.given) {
            return refuse(group, group.at(), "mesh.nodes.count is missing",
                          "1 to " + std::to_string(nodes_max) + ", or names, or positions");
        }
        const std::size_t nodes = count.given   ? static_cast<std::size_t>(count.value)
                                  : names.given ? names.value.size()
                                                : positions.value.size();
        const auto agree = [&](bool given, std::size_t size, Place at, std::string_view leaf) {
            if (!given || size == nodes) return true;
            refuse(group, at,
                   group.path_of(leaf) + ": " + std::to_string(size) + " for " +
                       std::to_string(nodes) + " nodes",
                   "one for each node");
            return false;
        };
        if (!agree(names.given, names.value.size(), names.at, "names")) return std::nullopt;
        if (!agree(positions.given, positions.value.size(), positions.at, "positions")) {
            return std::nullopt;
        }
        const std::size_t before = site_.mesh.nodes.size() - 1;
        if (before + nodes > nodes_max) {
            const Place at = count.given ? count.at : group.at();
            return refuse(
                group, at,
                "mesh.nodes: " + std::to_string(before + nodes) + " nodes with this group",
                "up to " + std::to_string(nodes_max) + " in all");
        }
        return nodes;
    }

    std::vector<sim::Position> positions_of(const Section& group, std::size_t count,
                                            const Setting<std::vector<sim::Position>>& positions) {
        auto layout = group.take<std::string>("layout");
        if (!layout.given) layout.value = positions.given ? "positions" : "grid";
        const auto at = group.take<sim::Position>("at");
        const auto spacing = group.take<double>("spacing");
        const auto columns = group.take<std::int64_t>("columns");
        const auto radius = group.take<double>("radius");
        const auto reach = group.take<double>("reach");
        const auto separation = group.take<double>("separation");
        refuse_elsewhere(group, at, {"at", "grid, line or disk"}, layout);
        refuse_elsewhere(group, spacing, {"spacing", "grid or line"}, layout);
        refuse_elsewhere(group, columns, {"columns", "grid"}, layout);
        refuse_elsewhere(group, radius, {"radius", "disk"}, layout);
        refuse_elsewhere(group, reach, {"reach", "patch"}, layout);
        refuse_elsewhere(group, separation, {"separation", "disk or patch"}, layout);
        refuse_elsewhere(group, positions, {"positions", "positions"}, layout);

        const sim::Position root = site_.mesh.nodes.front().at;
        const Random chance = chance_.fork(names_.size());
        if (layout.value == "positions") {
            if (!positions.given && layout.sound) {
                refuse(group, layout.at, "mesh.nodes.positions is missing", "[[x, y], ...]");
            }
            return positions.value;
        }
        if (layout.value == "disk") {
            const double roomy = radius.value / std::sqrt(static_cast<double>(count));
            if (separation.usable() && radius.sound && separation.value > roomy) {
                refuse(group, std::max(separation.at, radius.at),
                       "mesh.nodes: no room for " + std::to_string(count) +
                           " nodes that far apart in that disk",
                       "separation up to radius / sqrt(count)");
            }
            const double apart = separation.given ? separation.value : 1.0;
            return sim::disk({.middle = at.given ? at.value : root,
                              .radius = radius.value,
                              .separation_min = std::min(apart, roomy)},
                             count, chance);
        }
        if (layout.value == "patch") {
            if (separation.usable() && reach.sound && separation.value > reach.value / 2) {
                refuse(group, std::max(separation.at, reach.at),
                       "mesh.nodes: a patch with too little between separation and reach",
                       "separation up to half of reach");
            }
            const double apart = separation.given ? separation.value : 10.0;
            return sim::patch({.root = root,
                               .reach = reach.value,
                               .separation_min = std::min(apart, reach.value / 2),
                               .radius = 2 * reach.value},
                              count, chance);
        }
        const sim::Position first =
            at.given ? at.value : sim::Position{root.x + spacing.value, root.y};
        return layout.value == "line"
                   ? sim::line(first, count, spacing.value)
                   : sim::grid(first, count, spacing.value,
                               columns.given ? static_cast<std::size_t>(columns.value) : 0);
    }

    void add_group(const Section& group) {
        const auto name = group.take<std::string>("name");
        const auto names = group.take<std::vector<std::string>>("names");
        const auto positions = group.take<std::vector<sim::Position>>("positions");
        const auto constrained = group.take<std::int64_t>("class");
        const auto boot_spread = group.take<Duration>("boot_spread");
        node::Config config = common_;
        config.confirmable_readings = group.take<bool>("confirmable").value;
        config.sensors = sensors_of(group);
        config.mqtt_sn = mqtt_sn_of(group);
        config.dnp3 = dnp3_of(group);
        config.oscore = oscore_of(group);
        const bool registers = group.take<bool>("register").value;
        const auto count = count_of(group, names, positions);
        // Without a count the other keys are still looked at, as for one node.
        const auto places = positions_of(group, count.value_or(1), positions);
        if (!count || places.size() != *count || !name.sound) {
            sound_ = false;
            return;
        }
        for (std::size_t i = 0; i < *count; ++i) {
            const std::size_t number = site_.mesh.nodes.size();
            Random own = chance_.fork(number);
            const Duration boot = own.within(boot_spread.value);
            add(group, names.given ? names.at : group.at(),
                names.given ? names.value[i] : name.value + '-' + std::to_string(number), places[i],
                config, registers, boot, static_cast<std::uint8_t>(constrained.value));
        }
    }

    /// Nothing where the group's readings are posted by CoAP.
    static std::optional<node::MqttSn> mqtt_sn_of(const Section& group) {
        const Section section = group.section("mqtt_sn");
        const auto seconds = [&](std::string_view leaf) {
            return static_cast<std::uint16_t>(
                std::chrono::duration_cast<std::chrono::seconds>(section.take<Duration>(leaf).value)
                    .count());
        };
        node::MqttSn client;
        const auto prefix = section.take<std::string>("topic_prefix");
        client.topic_prefix = prefix.value;
        if (prefix.usable() && prefix.value.find_first_of("+#") != std::string::npos) {
            section.complain(prefix.at, section.path_of("topic_prefix") + ": has a wildcard",
                             "levels of a topic, without + and #");
        }
        client.qos = static_cast<mqtt::sn::Quality>(section.take<std::int64_t>("qos").value);
        client.keep_alive_seconds = seconds("keep_alive");
        client.sleep_seconds = seconds("sleep");
        client.port = static_cast<std::uint16_t>(section.take<std::int64_t>("port").value);
        if (const auto gateway = section.take<ip::Address>("gateway"); gateway.usable()) {
            client.gateway = gateway.value;
        }
        if (!group.has("mqtt_sn")) return std::nullopt;
        return client;
    }

    /// The link address comes with the node's number.
    static std::optional<node::Dnp3> dnp3_of(const Section& group) {
        const Section section = group.section("dnp3");
        node::Dnp3 station;
        set(station.master, section, "master");
        set(station.port, section, "port");
        station.unsolicited = section.take<bool>("unsolicited").value;
        station.deadband = section.take<double>("deadband").value;
        if (!group.has("dnp3")) return std::nullopt;
        if (station.port == coap::default_port)
            section.complain(section.take<std::int64_t>("port").at,
                             section.path_of("port") + ": the node speaks CoAP there",
                             "any other port");
        return station;
    }

    std::optional<node::ObjectSecurity> oscore_of(const Section& group) const {
        const auto required = group.take<bool>("oscore_required");
        const auto file = group.take<std::string>("oscore");
        if (!file.usable()) {
            if (required.value)
                group.complain(required.at, "mesh.nodes.oscore_required: with which keys?",
                               "`oscore`, a file, beside it");
            return std::nullopt;
        }
        auto keys = read_node_keys(file_beside(group, "oscore", file_));
        if (!keys) {
            group.complain(file.at, "mesh.nodes.oscore: " + keys.error(),
                           "master_secret and master_salt in hexadecimal");
            return std::nullopt;
        }
        keys->required = required.value;
        return *std::move(keys);
    }

    std::vector<node::Sensor> sensors_of(const Section& group) {
        std::vector<node::Sensor> sensors;
        std::set<std::string> names;
        for (const Section& section : group.sections("sensors")) {
            node::Sensor sensor;
            const auto name = section.take_required<std::string>("name");
            sensor.name = name.value;
            sensor.unit = section.take<std::string>("unit").value;
            sensor.every = section.take<Duration>("every").value;
            sensor.mean = section.take<double>("mean").value;
            sensor.swing = section.take<double>("swing").value;
            if (name.usable() && !names.insert(name.value).second) {
                refuse(section, name.at, "mesh.nodes.sensors.name: \"" + name.value + "\" is taken",
                       "a name of its own for each sensor of a node");
            }
            sensors.push_back(std::move(sensor));
        }
        return sensors;
    }

    void add(const Section& section, Place at, std::string name, sim::Position where,
             node::Config config, bool registers, Duration boot, std::uint8_t constrained) {
        const std::size_t number = site_.mesh.nodes.size();
        config.eui64 = eui64_of(number);
        if (config.mqtt_sn) config.mqtt_sn->name = name;
        if (config.dnp3) config.dnp3->address = static_cast<std::uint16_t>(1000 + number);
        if (registers) config.directory = {.name = name};
        if (!names_.emplace(name, number).second) {
            refuse(section, at, section.path_of("name") + ": \"" + name + "\" is taken",
                   "a name of its own for each node");
        }
        if (const auto [other, fresh] = places_.emplace(std::pair(where.x, where.y), number);
            !fresh) {
            refuse(section, section.at(),
                   section.path_of("at") + ": " + name + " stands where " +
                       site_.mesh.nodes[other->second].name + " stands",
                   "a place of its own for each node");
        }
        site_.mesh.nodes.push_back({std::move(name), where, std::move(config), boot});
        site_.classes.push_back(constrained);
    }

    /// A mistake that leaves the mesh's nodes uncertain. A group of many makes one alike only once.
    std::nullopt_t refuse(const Section& section, Place at, std::string what, std::string allowed) {
        sound_ = false;
        const auto kind = std::tuple(section.at(), at, allowed);
        if (refused_.insert(kind).second) section.complain(at, std::move(what), std::move(allowed));
        return std::nullopt;
    }

    const Section& mesh_;
    const node::Config& common_;
    const std::filesystem::path& file_;
    Site& site_;
    Random chance_;
    NodeNames names_;
    std::map<std::pair<double, double>, std::size_t> places_;
    std::set<std::tuple<Place, Place, std::string>> refused_;
    bool sound_ = true;
};

}  // namespace

std::uint64_t eui64_of(std::size_t number) {
    std::uint64_t digits = 0;
    int shift = 0;
    for (std::size_t rest = 1000 + number; rest != 0; rest /= 10, shift += 4) {
        digits |= static_cast<std::uint64_t>(rest % 10) << shift;
    }
    return 0x02'00'00'00'00'00'00'00u | digits;
}

NodeNames build_nodes(const Section& mesh, const node::Config& common,
                      const std::filesystem::path& file, Site& site) {
    return NodesBuilder(mesh, common, file, site).build();
}

}  // namespace causeway::site
