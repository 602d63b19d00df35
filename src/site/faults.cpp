// [[mesh.faults]]: what goes wrong, and when.
#include "site/build.hpp"

#include <algorithm>

namespace causeway::site {
namespace {

constexpr std::size_t names_shown_max = 8;

/// "border-router, node-1, node-2 ... (25 in all)", in the order of the mesh.
std::string shown(const NodeNames& names) {
    std::vector<std::string_view> list(names.size());
    for (const auto& [name, index] : names) list[index] = name;
    std::string text;
    for (std::size_t i = 0; i < std::min(list.size(), names_shown_max); ++i) {
        text += (i == 0 ? "" : ", ") + std::string(list[i]);
    }
    if (list.size() > names_shown_max) text += " ... (" + std::to_string(list.size()) + " in all)";
    return text;
}

/// `names` is empty where the mesh's nodes have mistakes of their own: then nobody is unknown.
std::size_t node_named(const Section& section, const Setting<std::string>& setting,
                       std::string_view leaf, const NodeNames& names) {
    if (!setting.usable() || names.empty()) return 0;
    const auto found = names.find(setting.value);
    if (found != names.end()) return found->second;
    std::vector<std::string_view> known;
    for (const auto& [name, index] : names) known.push_back(name);
    std::string what = section.path_of(leaf) + ": no node is called \"" + setting.value + '"';
    if (const auto meant = nearest(setting.value, known); !meant.empty()) {
        what += " (did you mean " + std::string(meant) + "?)";
    }
    section.complain(setting.at, std::move(what), shown(names));
    return 0;
}

sim::FaultPlan fault_plan(const Section& section, const NodeNames& names) {
    using Kind = sim::FaultPlan::Kind;
    const auto kind = section.take_required<std::string>("kind");
    const auto at = section.take_required<Duration>("at");
    const auto node = section.take_required<std::string>("node");
    const auto lasts = section.take<Duration>("lasts");
    const bool cut = kind.value == "link-cut";
    const auto other =
        cut ? section.take_required<std::string>("other") : section.take<std::string>("other");

    sim::FaultPlan plan;
    plan.kind = cut                            ? Kind::link_cut
                : kind.value == "node-reboots" ? Kind::node_reboots
                                               : Kind::node_dies;
    plan.at = Instant(at.value);
    plan.lasts = lasts.value;
    plan.node = node_named(section, node, "node", names);
    if (!kind.sound) return plan;
    if (cut) {
        plan.other = node_named(section, other, "other", names);
        if (other.usable() && node.usable() && other.value == node.value) {
            section.complain(other.at,
                             "mesh.faults.other: " + other.value + " has no link to itself",
                             "another node");
        }
    } else if (other.given) {
        section.complain(other.at, "mesh.faults.other: " + kind.value + " has no far end",
                         "other with link-cut only");
    }
    if (plan.kind == Kind::node_dies && lasts.given) {
        section.complain(lasts.at, "mesh.faults.lasts: a node that dies stays dead",
                         "lasts with link-cut and node-reboots only");
    }
    return plan;
}

}  // namespace

std::vector<sim::FaultPlan> fault_plans(const Section& mesh, const NodeNames& names) {
    std::vector<sim::FaultPlan> plans;
    for (const Section& section : mesh.sections("faults")) {
        plans.push_back(fault_plan(section, names));
    }
    return plans;
}

}  // namespace causeway::site
