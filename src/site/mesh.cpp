// [mesh] but for its nodes and faults: what all nodes share, and what lies between them.
#include "site/build.hpp"
#include "site/values.hpp"

#include <algorithm>

namespace causeway::site {
namespace {

using Mac = link::ieee802154::MacSettings;

/// The schema's range is the field's own or within it.
template <class Field>
Setting<std::int64_t> fill(const Section& section, std::string_view leaf, Field& field) {
    const auto setting = section.take<std::int64_t>(leaf);
    field = static_cast<Field>(setting.value);
    return setting;
}

Mac mac_settings(const Section& section) {
    Mac mac;
    const auto min_be = fill(section, "min_be", mac.min_be);
    const auto max_be = fill(section, "max_be", mac.max_be);
    fill(section, "max_csma_backoffs", mac.max_csma_backoffs);
    fill(section, "max_frame_retries", mac.max_frame_retries);
    fill(section, "queue_frames_max", mac.queue_frames_max);
    fill(section, "neighbours_max", mac.neighbours_max);
    if (min_be.sound && max_be.sound && min_be.value > max_be.value) {
        section.complain(std::max(min_be.at, max_be.at),
                         "mesh.mac: min_be is " + std::to_string(min_be.value) + " and max_be is " +
                             std::to_string(max_be.value),
                         "min_be up to max_be");
    }
    return mac;
}

rpl::Settings rpl_settings(const Section& section) {
    rpl::Settings rpl;
    fill(section, "instance", rpl.instance);
    (void)section.take<std::string>("mode");  // the schema knows one
    rpl.mode = rpl::ModeOfOperation::non_storing;
    rpl.objective = section.take<std::string>("objective").value == "of0"
                        ? rpl::ObjectiveCode::of0
                        : rpl::ObjectiveCode::mrhof;
    fill(section, "dio_interval_min", rpl.dio_interval_min);
    fill(section, "dio_interval_doublings", rpl.dio_interval_doublings);
    fill(section, "dio_redundancy", rpl.dio_redundancy);
    const auto step = fill(section, "min_hop_rank_increase", rpl.min_hop_rank_increase);
    const auto room = fill(section, "max_rank_increase", rpl.max_rank_increase);
    if (step.sound && room.sound && room.value != 0 && room.value < step.value) {
        section.complain(std::max(step.at, room.at),
                         "mesh.rpl: max_rank_increase is " + std::to_string(room.value) +
                             " and min_hop_rank_increase is " + std::to_string(step.value),
                         "max_rank_increase 0, or min_hop_rank_increase and more");
    }
    fill(section, "lifetime_default", rpl.lifetime_default);
    const auto unit = section.take<Duration>("lifetime_unit");
    rpl.lifetime_unit_seconds =
        static_cast<std::uint16_t>(std::chrono::floor<std::chrono::seconds>(unit.value).count());
    if (unit.sound && unit.value != std::chrono::seconds(rpl.lifetime_unit_seconds)) {
        section.complain(
            unit.at,
            "mesh.rpl.lifetime_unit: " + to_text(unit.value) + " is not a whole number of seconds",
            "1s to 65535s");
    }
    fill(section, "path_control_size", rpl.path_control_size);
    rpl.dao_ack = section.take<bool>("dao_ack").value;
    fill(section, "parents", rpl.parents_max);
    fill(section, "neighbours_max", rpl.neighbours_max);
    fill(section, "rpi", rpl.rpi_option_type);
    return rpl;
}

}  // namespace

node::Config common_config(const Section& mesh) {
    node::Config config;
    config.pan = static_cast<link::ieee802154::PanId>(mesh.take<std::int64_t>("pan").value);
    config.mac = mac_settings(mesh.section("mac"));
    config.rpl = rpl_settings(mesh.section("rpl"));
    return config;
}

sim::ChannelPlan channel_plan(const Section& section) {
    (void)section.take<std::string>("model");  // the schema knows one
    sim::ChannelPlan channel;
    channel.exponent = section.take<double>("exponent").value;
    channel.reference_loss_db = section.take<double>("reference_loss_db").value;
    channel.shadowing_db = section.take<double>("shadowing_db").value;
    channel.asymmetry_db = section.take<double>("asymmetry_db").value;
    channel.noise_floor_dbm = section.take<double>("noise_floor_dbm").value;
    channel.capture_db = section.take<double>("capture_db").value;
    channel.cca_threshold_dbm = section.take<double>("cca_threshold_dbm").value;
    channel.carrier_sense = section.take<bool>("carrier_sense").value;
    const Fractions loss = section.take<Fractions>("loss").value;
    channel.loss_min = loss.least;
    channel.loss_max = loss.most;
    return channel;
}

std::vector<sim::InterfererPlan> interferer_plans(const Section& channel) {
    std::vector<sim::InterfererPlan> plans;
    for (const Section& section : channel.sections("interference")) {
        sim::InterfererPlan plan;
        plan.at = section.take_required<sim::Position>("at").value;
        plan.power_dbm = section.take<double>("power_dbm").value;
        const auto period = section.take<Duration>("period");
        const auto busy = section.take<Duration>("busy");
        const auto start = section.take<Duration>("start");
        const auto stop = section.take<Duration>("stop");
        plan.period = period.value;
        plan.busy = busy.value;
        plan.start = Instant(start.value);
        if (stop.usable()) plan.stop = Instant(stop.value);
        if (period.sound && busy.sound && busy.value > period.value) {
            section.complain(std::max(period.at, busy.at),
                             "mesh.channel.interference: busy for " + to_text(busy.value) +
                                 " in a period of " + to_text(period.value),
                             "busy up to the period");
        }
        if (stop.usable() && start.sound && stop.value <= start.value) {
            section.complain(stop.at,
                             "mesh.channel.interference: it stops at " + to_text(stop.value) +
                                 " and starts at " + to_text(start.value),
                             "stop after start");
        }
        plans.push_back(plan);
    }
    return plans;
}

sim::RadioPlan radio_plan(const Section& section) {
    sim::RadioPlan radio;
    radio.transmit_power_dbm = section.take<double>("transmit_power_dbm").value;
    radio.sensitivity_dbm = section.take<double>("sensitivity_dbm").value;
    radio.volts = section.take<double>("volts").value;
    radio.transmit_milliamperes = section.take<double>("transmit_milliamperes").value;
    radio.receive_milliamperes = section.take<double>("receive_milliamperes").value;
    radio.off_milliamperes = section.take<double>("off_milliamperes").value;
    return radio;
}

}  // namespace causeway::site
