#include "sim/scenario.hpp"

#include <bit>
#include <string_view>

namespace causeway::sim {

namespace {

/// FNV-1a over 64-bit words, each mixed octet by octet, so that byte order does not matter.
class Digest {
public:
    void word(std::uint64_t value) noexcept {
        for (int i = 0; i < 8; ++i) octet(static_cast<std::uint8_t>(value >> (8 * i)));
    }
    void real(double value) noexcept { word(std::bit_cast<std::uint64_t>(value)); }
    void span(Duration value) noexcept { word(static_cast<std::uint64_t>(value.count())); }
    void instant(Instant value) noexcept { span(value.time_since_epoch()); }
    void text(std::string_view value) noexcept {
        word(value.size());
        for (const char c : value) octet(static_cast<std::uint8_t>(c));
    }
    void place(const Position& p) noexcept {
        real(p.x);
        real(p.y);
    }
    void address(const ip::Address& value) noexcept {
        for (const std::byte b : value.octets) octet(std::to_integer<std::uint8_t>(b));
    }
    [[nodiscard]] std::uint64_t value() const noexcept { return state_; }

private:
    void octet(std::uint8_t value) noexcept { state_ = (state_ ^ value) * 0x100000001b3u; }
    std::uint64_t state_ = 0xcbf29ce484222325u;
};

void add(Digest& digest, const node::Config& config) {
    digest.word(config.eui64);
    digest.word(static_cast<std::uint64_t>(config.pan));
    digest.word(config.mac.min_be);
    digest.word(config.mac.max_be);
    digest.word(config.mac.max_csma_backoffs);
    digest.word(config.mac.max_frame_retries);
    digest.word(config.mac.queue_frames_max);
    digest.word(config.mac.neighbours_max);
    digest.word(config.rpl.instance);
    digest.word(static_cast<std::uint64_t>(config.rpl.mode));
    digest.word(static_cast<std::uint64_t>(config.rpl.objective));
    digest.word(config.rpl.dio_interval_min);
    digest.word(config.rpl.dio_interval_doublings);
    digest.word(config.rpl.dio_redundancy);
    digest.word(config.rpl.min_hop_rank_increase);
    digest.word(config.rpl.max_rank_increase);
    digest.word(config.rpl.lifetime_default);
    digest.word(config.rpl.lifetime_unit_seconds);
    digest.word(config.rpl.dao_ack ? 1 : 0);
    digest.word(config.rpl.parents_max);
    digest.word(config.rpl.neighbours_max);
    digest.word(config.rpl.routes_max);
    digest.word(config.rpl.rpi_option_type);
    digest.word(config.root ? 1 : 0);
    digest.address(config.prefix.address);
    digest.word(config.prefix.length);
    digest.word(config.host_addresses.size());
    for (const ip::Address& address : config.host_addresses) digest.address(address);
    digest.word(config.sensors.size());
    for (const node::Sensor& sensor : config.sensors) {
        digest.text(sensor.name);
        digest.text(sensor.unit);
        digest.span(sensor.every);
        digest.real(sensor.mean);
        digest.real(sensor.swing);
    }
    digest.word(config.confirmable_readings ? 1 : 0);
    // What is not there leaves the hash as it was before there was such a thing.
    for (const std::uint16_t port : config.host_ports) digest.word(port);
    // The keys stay out: a report shows the hash, and they change nothing that it could tell.
    if (config.oscore) digest.word(config.oscore->required ? 2 : 1);
    if (config.directory) {
        digest.text(config.directory->name);
        digest.address(config.directory->address);
    }
    if (!config.mqtt_sn) return;
    const node::MqttSn& sn = *config.mqtt_sn;
    digest.word(sn.gateway ? 2 : 1);
    if (sn.gateway) digest.address(*sn.gateway);
    digest.word(sn.port);
    digest.text(sn.topic_prefix);
    digest.text(sn.name);
    digest.word(static_cast<std::uint64_t>(sn.qos));
    digest.word(sn.keep_alive_seconds);
    digest.word(sn.sleep_seconds);
}

void add(Digest& digest, const ChannelPlan& plan) {
    for (const double value : {plan.exponent, plan.reference_loss_db, plan.shadowing_db,
                               plan.asymmetry_db, plan.noise_floor_dbm, plan.capture_db,
                               plan.cca_threshold_dbm, plan.loss_min, plan.loss_max})
        digest.real(value);
}

void add(Digest& digest, const RadioPlan& plan) {
    for (const double value :
         {plan.transmit_power_dbm, plan.sensitivity_dbm, plan.volts, plan.transmit_milliamperes,
          plan.receive_milliamperes, plan.off_milliamperes})
        digest.real(value);
}

}  // namespace

std::uint64_t scenario_hash(const Scenario& scenario) {
    Digest digest;
    digest.text(scenario.name);
    digest.word(scenario.seed);
    digest.word(scenario.radio_channel);
    digest.real(scenario.crystal_ppm);
    add(digest, scenario.channel);
    add(digest, scenario.radio);
    digest.word(scenario.interferers.size());
    for (const InterfererPlan& plan : scenario.interferers) {
        digest.place(plan.at);
        digest.real(plan.power_dbm);
        digest.span(plan.period);
        digest.span(plan.busy);
        digest.instant(plan.start);
        digest.instant(plan.stop);
    }
    digest.word(scenario.nodes.size());
    for (const NodePlan& plan : scenario.nodes) {
        digest.text(plan.name);
        digest.place(plan.at);
        add(digest, plan.config);
        digest.span(plan.boot);
    }
    digest.word(scenario.externals.size());
    for (const ExternalPlan& plan : scenario.externals) {
        digest.text(plan.name);
        digest.place(plan.at);
        digest.text(plan.local);
        digest.text(plan.remote);
    }
    digest.word(scenario.faults.size());
    for (const FaultPlan& plan : scenario.faults) {
        digest.word(static_cast<std::uint64_t>(plan.kind));
        digest.instant(plan.at);
        digest.word(plan.node);
        digest.word(plan.other);
        digest.span(plan.lasts);
    }
    return digest.value();
}

}  // namespace causeway::sim
