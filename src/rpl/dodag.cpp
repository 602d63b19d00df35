#include "rpl/dodag.hpp"

#include <algorithm>

namespace causeway::rpl {

namespace {

bool routable(const ip::Address& address) noexcept {
    return !address.is_multicast() && !address.is_link_local() && !address.is_loopback() &&
           !address.is_unspecified();
}

/// Until transmissions say better: a strong signal is taken for 1.5 transmissions, a weak one for
/// three. Deviates: "the path cost ... SHOULD be set to MAX_PATH_COST" where the link's metric is
/// not available [RFC 6719 §3.1]; then nobody could join before having probed everybody.
std::uint16_t assumed_etx(std::int8_t rssi_dbm) noexcept {
    if (rssi_dbm == 0) return 2 * etx_unit;  // not told
    const int below = std::clamp(-70 - int{rssi_dbm}, 0, 20);
    return static_cast<std::uint16_t>(192 + 192 * below / 20);
}

Settings announced(Settings local, const Dio& dio, const Configuration& configuration) {
    local.mode = dio.mode;
    local.objective = ObjectiveCode(configuration.objective);
    local.dio_interval_min = configuration.dio_interval_min;
    local.dio_interval_doublings = configuration.dio_interval_doublings;
    local.dio_redundancy = configuration.dio_redundancy;
    local.min_hop_rank_increase = configuration.min_hop_rank_increase;
    local.max_rank_increase = configuration.max_rank_increase;
    local.lifetime_default = configuration.lifetime_default;
    local.lifetime_unit_seconds = configuration.lifetime_unit_seconds;
    local.path_control_size = configuration.path_control_size;
    // "If the flag is received with a value of 1, then the value for the RPL Option MUST be set to
    // 0x23", otherwise 0x63. [RFC 9008 §4.1.3]
    local.rpi_option_type = configuration.rpi_0x23 ? 0x23 : 0x63;
    return local;
}

/// Storing modes ask their routers for tables this node has not. [RFC 6550 §9.2, rule 1]
bool can_join(const Dio& dio, const Configuration& configuration) noexcept {
    return (dio.mode == ModeOfOperation::no_downward_routes ||
            dio.mode == ModeOfOperation::non_storing) &&
           configuration.objective <= std::to_underlying(ObjectiveCode::mrhof) &&
           configuration.min_hop_rank_increase != 0;
}

std::optional<std::uint8_t> advertised_hops(const Dio& dio) noexcept {
    const auto* container = dio.options.find<MetricContainer>();
    if (container == nullptr) return std::nullopt;
    for (const MetricObject& object : container->objects)
        if (!object.constraint && !object.recorded)
            if (const auto hops = object.hop_count()) return hops;
    return std::nullopt;
}

}  // namespace

Dodag::Dodag(const Settings& local, const ip::Address& self)
    : self_(self), local_(local), settings_(local), neighbours_(local.neighbours_max) {}

Dodag::Dodag(const Settings& settings, const ip::Address& self, const ip::Address& self_global,
             const ip::Prefix& prefix)
    : self_(self),
      id_(self_global),
      local_(settings),
      settings_(settings),
      objective_(settings.objective, settings.min_hop_rank_increase),
      neighbours_(0),
      rank_(settings.min_hop_rank_increase),  // ROOT_RANK [RFC 6550 §17]
      phase_(Phase::attached),
      mode_(settings.mode),
      grounded_(true),
      root_(true) {
    configuration_ = {
        .rpi_0x23 = settings.rpi_option_type == 0x23,
        .path_control_size = settings.path_control_size,
        .dio_interval_doublings = settings.dio_interval_doublings,
        .dio_interval_min = settings.dio_interval_min,
        .dio_redundancy = settings.dio_redundancy,
        .max_rank_increase = settings.max_rank_increase,
        .min_hop_rank_increase = settings.min_hop_rank_increase,
        .objective = std::to_underlying(settings.objective),
        .lifetime_default = settings.lifetime_default,
        .lifetime_unit_seconds = settings.lifetime_unit_seconds,
    };
    prefix_ = PrefixInformation{.address = self_global,
                                .length = prefix.length,
                                .autonomous = true,
                                .router_address = true};
}

DioVerdict Dodag::hear(Instant now, const ip::Address& from, std::int8_t rssi_dbm, const Dio& dio) {
    DioVerdict verdict;
    const bool was_known = known() && dio.dodag == id_;
    verdict.fate = consider_dodag(from, dio);
    if (verdict.fate != DioFate::taken) return verdict;
    verdict.version_joined = !was_known;

    Neighbour* neighbour = place_for(now, from, dio);
    if (neighbour == nullptr) {
        verdict.fate = DioFate::table_full;
        return verdict;
    }
    const bool is_new = neighbour->heard == Instant{};
    const Sequence dtsn(dio.dtsn);
    verdict.dtsn_moved = neighbour->place != 0 && dtsn.newer_than(neighbour->dtsn);
    if (is_new || neighbour->place == 0 || verdict.dtsn_moved ||
        dtsn.order(neighbour->dtsn) == SequenceOrder::incomparable)
        neighbour->dtsn = dtsn;
    neighbour->heard = std::max(now, Instant(Duration(1)));
    neighbour->version = Sequence(dio.version);
    neighbour->way.rank = dio.rank;
    neighbour->way.hop_count = advertised_hops(dio);
    if (!neighbour->estimated) {
        const std::uint16_t guess = assumed_etx(rssi_dbm);
        neighbour->way.etx_128 =
            is_new ? guess : static_cast<std::uint16_t>((3u * neighbour->way.etx_128 + guess) / 4);
    }
    if (const auto* info = dio.options.find<PrefixInformation>()) learn_prefix(*neighbour, *info);
    if (neighbour->global.is_unspecified() && prefix_ && prefix_->length == 64)
        neighbour->global = prefix_->prefix().with(from.interface_id());

    switch (neighbour->version.order(version_)) {
        case SequenceOrder::same:
            break;
        case SequenceOrder::older:
            verdict.sender_is_behind = true;
            break;
        case SequenceOrder::incomparable:
            // "Precedence to the sequence number that has most recently been observed to
            // increment": only those nearer to the root are believed. [RFC 6550 §7.2, rule 4]
            if (neighbour->place != 1 && dio.rank != settings_.min_hop_rank_increase) break;
            [[fallthrough]];
        case SequenceOrder::newer:
            // "A node MAY ... migrate to the next DODAG Version" after hearing it "from suitable
            // DODAG parents". [RFC 6550 §8.2.2.4, rule 5]
            if (dio.rank != infinite_rank && !neighbour->shunned(now) &&
                objective_.path_usable(neighbour->way)) {
                join_version(now, neighbour->version);
                verdict.version_joined = true;
            }
            break;
    }
    if (neighbour->place == 1 || verdict.version_joined) follow(dio);
    return verdict;
}

void Dodag::follow(const Dio& dio) {
    // "A node that is not a DODAG root MUST advertise the same values as its preferred DODAG
    // parent" [RFC 6550 §8.1]; what the root configured may have changed with them.
    grounded_ = dio.grounded;
    preference_ = dio.preference;
    const auto* configuration = dio.options.find<Configuration>();
    if (configuration == nullptr || *configuration == configuration_ ||
        !can_join(dio, *configuration))
        return;
    configuration_ = *configuration;
    settings_ = announced(local_, dio, configuration_);
    objective_ = Objective(settings_.objective, settings_.min_hop_rank_increase);
}

DioFate Dodag::consider_dodag(const ip::Address& from, const Dio& dio) {
    if (from == self_ || root_) return DioFate::other_dodag;
    const bool ours = known() && dio.dodag == id_;
    if (ours) {
        if (dio.rank < settings_.min_hop_rank_increase || dio.mode != mode_)
            return DioFate::unusable;
        return DioFate::taken;
    }
    // "The node will generally seek to join the more preferred DODAG": grounded first, then the
    // root's preference; "all metrics being equal, nodes SHOULD keep their previous selection".
    // [RFC 6550 §8.2.2.3, §8.4]
    const bool better = dio.grounded != grounded_ ? dio.grounded : dio.preference > preference_;
    if (phase_ == Phase::repairing || (attached() && !better)) return DioFate::other_dodag;
    if (dio.rank == infinite_rank || !routable(dio.dodag)) return DioFate::unusable;
    const auto* configuration = dio.options.find<Configuration>();
    if (configuration == nullptr) return DioFate::needs_configuration;
    if (!can_join(dio, *configuration) || dio.rank < configuration->min_hop_rank_increase)
        return DioFate::unusable;
    const Objective objective(ObjectiveCode(configuration->objective),
                              configuration->min_hop_rank_increase);
    if (!objective.path_usable({.rank = dio.rank, .etx_128 = 3 * etx_unit, .hop_count = {}}))
        return DioFate::unusable;
    adopt(dio, *configuration);
    return DioFate::taken;
}

void Dodag::adopt(const Dio& dio, const Configuration& configuration) {
    neighbours_.clear();
    preferred_.reset();
    prefix_.reset();
    id_ = dio.dodag;
    version_ = Sequence(dio.version);
    mode_ = dio.mode;
    grounded_ = dio.grounded;
    preference_ = dio.preference;
    configuration_ = configuration;
    settings_ = announced(local_, dio, configuration);
    objective_ = Objective(settings_.objective, settings_.min_hop_rank_increase);
    rank_ = last_advertised_ = lowest_ = floor_ = infinite_rank;
    phase_ = Phase::detached;
    detached_at_ = Instant{};
    phase_ends_ = never;
}

void Dodag::join_version(Instant now, Sequence version) noexcept {
    version_ = version;
    // A new version knows nothing of the Ranks in the one before.
    lowest_ = floor_ = last_advertised_ = infinite_rank;
    if (phase_ == Phase::repairing) {
        // Whoever advertises it "is certain not to be in that original node's sub-DODAG".
        phase_ = Phase::detached;
        phase_ends_ = after(now, detached_memory);
    }
}

Neighbour* Dodag::place_for(Instant now, const ip::Address& from, const Dio& dio) {
    if (Neighbour* known_one = neighbours_.find(from)) return known_one;
    if (!neighbours_.full()) return &neighbours_.insert(from);
    // Full: whoever is of no use goes first, then the worst of those that are worse.
    const auto uselessness = [&](const Neighbour& n) -> std::uint32_t {
        if (n.place != 0) return 0;
        if (n.shunned(now) || n.way.rank == infinite_rank || n.version != version_)
            return 0xffffffff;
        return objective_.cost(n.way);
    };
    Neighbour* worst = nullptr;
    for (Neighbour& n : neighbours_.all())
        if (worst == nullptr || uselessness(n) > uselessness(*worst)) worst = &n;
    if (worst == nullptr || dio.rank == infinite_rank) return nullptr;
    const Way way{.rank = dio.rank, .etx_128 = 2 * etx_unit, .hop_count = advertised_hops(dio)};
    if (uselessness(*worst) <= objective_.cost(way)) return nullptr;
    return &Neighbours::replace(*worst, from);
}

void Dodag::learn_prefix(Neighbour& neighbour, const PrefixInformation& info) {
    const ip::Prefix prefix = info.prefix();
    if (!routable(prefix.address)) return;
    // "The address of a parent used in the transit option MUST be taken from a PIO from that parent
    // with the 'R' flag set." [RFC 6550 §9.4] A parent that sends none is given the address it
    // formed from the prefix it announces.
    if (info.router_address && routable(info.address))
        neighbour.global = info.address;
    else if (info.autonomous && info.length == 64)
        neighbour.global = prefix.with(neighbour.link_local.interface_id());
    if (!prefix_ || neighbour.place == 1) prefix_ = info;
}

Dodag::LinkNews Dodag::measured(Instant now, const ip::Address& address, std::uint16_t etx_128,
                                bool fresh) {
    Neighbour* neighbour = neighbours_.find(address);
    if (neighbour == nullptr) return {};
    const std::uint16_t etx = std::max(etx_128, etx_unit);
    const bool first = !neighbour->estimated;
    const int change = int{etx} - int{neighbour->way.etx_128};
    neighbour->estimated = true;
    if (fresh) neighbour->measured = now;
    if (fresh && etx <= mrhof::link_metric_max) {  // it works after all
        neighbour->failures = 0;
        neighbour->shunned_until = Instant{};
    }
    // An eighth of a transmission is noise: neither taken nor worth another selection.
    if (!first && change > -16 && change < 16) return {};
    neighbour->way.etx_128 = etx;
    return {.changed = true, .suspicious = neighbour->place == 1 && change >= etx_unit / 4};
}

bool Dodag::unreachable(Instant now, const ip::Address& address) {
    Neighbour* neighbour = neighbours_.find(address);
    if (neighbour == nullptr) return false;
    // "A RPL node MUST NOT consider this node in the candidate neighbor set ... until it determines
    // that it is again reachable" [RFC 6550 §8.2.1]: by a DIO once the shunning is over.
    neighbour->shunned_until = after(now, shun_first * (1 << neighbour->failures));
    if (neighbour->failures < shun_doublings_max) ++neighbour->failures;
    neighbour->way.rank = infinite_rank;
    neighbour->way.etx_128 = mrhof::link_metric_max;
    neighbour->estimated = true;
    neighbour->measured = never;
    return true;
}

}  // namespace causeway::rpl
