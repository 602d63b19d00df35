// The half of the DODAG that chooses: parents, Rank, repair, probes.
#include "rpl/dodag.hpp"

#include <algorithm>

namespace causeway::rpl {

namespace {

/// An estimate older than this is worth a probe.
constexpr Duration estimate_age_max = std::chrono::minutes(5);
/// The same neighbour is not probed more often than this.
constexpr Duration probe_gap = std::chrono::seconds(30);

}  // namespace

/// Whether a path through `neighbour` may be considered at all.
bool Dodag::eligible(Instant now, const Neighbour& neighbour) const noexcept {
    // "Every element of a node's DODAG parent set ... MUST belong to the same DODAG Version."
    // "A node MUST NOT have any nodes with a Rank of INFINITE_RANK in its parent set."
    // [RFC 6550 §8.2.2.1, §8.2.2.5]
    if (neighbour.version != version_ || neighbour.way.rank == infinite_rank) return false;
    if (neighbour.shunned(now) || !objective_.path_usable(neighbour.way)) return false;
    // "That node MUST NOT advertise an effective Rank higher than L + DAGMaxRankIncrease."
    // [RFC 6550 §8.2.2.4, rule 3]
    if (settings_.max_rank_increase != 0 && lowest_ != infinite_rank &&
        objective_.rank_through(neighbour.way) >
            std::uint32_t{lowest_} + settings_.max_rank_increase)
        return false;
    return may_precede(now, neighbour);
}

/// Whether `neighbour` cannot be below this node, as far as Ranks tell.
bool Dodag::may_precede(Instant now, const Neighbour& neighbour) const noexcept {
    if (neighbour.place == 1) return true;  // following a parent is bounded by MaxRankIncrease
    if (phase_ != Phase::attached) return neighbour.heard >= detached_at_;
    if (last_advertised_ == infinite_rank) return true;  // nobody has chosen us yet
    // Whoever chose us stands MinHopRankIncrease above a Rank that we advertised, of late or now.
    // Anybody lower is safe; for more, a node has to poison first. [RFC 6550 §8.2.2.4]
    const std::uint32_t lowest_known =
        now < floor_until_ ? std::min(floor_, last_advertised_) : last_advertised_;
    return neighbour.way.rank < lowest_known + settings_.min_hop_rank_increase;
}

Neighbour* Dodag::choose_preferred(Instant now) noexcept {
    Neighbour* best = nullptr;
    Neighbour* last_resort = nullptr;  // over a link that the objective excludes
    Neighbour* current = nullptr;
    const auto better = [&](const Neighbour& a, const Neighbour* b) {
        if (b == nullptr) return true;
        const std::uint32_t cost_a = objective_.cost(a.way);
        const std::uint32_t cost_b = objective_.cost(b->way);
        if (cost_a != cost_b) return cost_a < cost_b;
        if (a.place == 1 || b->place == 1) return a.place == 1;
        return a.way.rank < b->way.rank;
    };
    for (Neighbour& neighbour : neighbours_.all()) {
        if (!eligible(now, neighbour)) continue;
        Neighbour*& rival = objective_.link_usable(neighbour.way) ? best : last_resort;
        if (better(neighbour, rival)) rival = &neighbour;
        if (neighbour.place == 1) current = &neighbour;
    }
    // Deviates: links worse than MAX_LINK_METRIC are excluded [RFC 6719 §3.2.2] only while there is
    // another. A bad link to the only router in reach still beats none, and cutting off a subtree
    // because of a burst of losses would cost far more messages than the burst.
    if (best == nullptr) best = last_resort;
    if (current == nullptr || best == nullptr) return best;
    const bool current_excluded = !objective_.link_usable(current->way);
    if (current_excluded && objective_.link_usable(best->way)) return best;
    return objective_.worth_switching(current->way, best->way) ? best : current;
}

/// Fills the places after the first; whether their holders changed.
bool Dodag::choose_others(Instant now) noexcept {
    const std::size_t wanted = std::min(local_.parents_max, parent_set_max);
    std::array<Neighbour*, parent_set_max> chosen{};
    const std::uint16_t min_hop = settings_.min_hop_rank_increase;
    for (std::size_t place = 2; place <= wanted; ++place) {
        Neighbour* best = nullptr;
        std::uint32_t best_cost = 0;
        for (Neighbour& n : neighbours_.all()) {
            if (n.place == 1 || std::ranges::find(chosen, &n) != chosen.end()) continue;
            // Only over links that are known, and only if nothing about our Rank has to change for
            // it: all parents stand lower, and no path through one exceeds it by more than
            // MaxRankIncrease. [RFC 6550 §8.2.1, rule 5; RFC 6719 §3.3]
            if (!n.estimated || !eligible(now, n) || !objective_.link_usable(n.way)) continue;
            if (dag_rank(n.way.rank, min_hop) >= dag_rank(rank_, min_hop)) continue;
            if (settings_.max_rank_increase != 0 &&
                objective_.rank_through(n.way) > std::uint32_t{rank_} + settings_.max_rank_increase)
                continue;
            // Whoever has a place keeps it against the slightly better.
            const std::uint32_t cost =
                objective_.cost(n.way) + (n.place == 0 ? mrhof::parent_switch_threshold : 0);
            if (best != nullptr && cost >= best_cost) continue;
            best = &n;
            best_cost = cost;
        }
        if (best == nullptr) break;
        chosen[place - 2] = best;
    }
    bool changed = false;
    for (Neighbour& n : neighbours_.all()) {
        if (n.place == 1) continue;
        const auto* const at = std::ranges::find(chosen, &n);
        const auto place =
            static_cast<std::uint8_t>(at == chosen.end() ? 0 : at - chosen.begin() + 2);
        changed |= (place == 0) != (n.place == 0);
        n.place = place;
    }
    return changed;
}

Selection Dodag::select(Instant now) {
    Selection selection;
    if (root_ || phase_ == Phase::unattached || phase_ == Phase::repairing) return selection;
    Neighbour* best = choose_preferred(now);
    if (best == nullptr) {
        if (phase_ != Phase::attached) return selection;
        detach(now);
        selection.lost = selection.preferred_changed = true;
        return selection;
    }
    selection.preferred_changed = !preferred_ || *preferred_ != best->link_local;
    if (selection.preferred_changed)
        for (Neighbour& n : neighbours_.all())
            if (n.place == 1) n.place = 0;
    best->place = 1;
    preferred_ = best->link_local;
    rank_ = static_cast<std::uint16_t>(objective_.rank_through(best->way));
    phase_ = Phase::attached;
    phase_ends_ = never;
    selection.set_changed = choose_others(now);
    return selection;
}

void Dodag::detach(Instant now) {
    if (root_ || phase_ == Phase::unattached) return;
    for (Neighbour& n : neighbours_.all()) n.place = 0;
    preferred_.reset();
    rank_ = infinite_rank;
    floor_ = infinite_rank;
    phase_ = Phase::repairing;
    detached_at_ = now;
    // Long enough for about three poisoning DIOs at the shortest Trickle interval.
    const Duration shortest =
        std::chrono::milliseconds(std::int64_t{1} << std::min<int>(settings_.dio_interval_min, 13));
    phase_ends_ = after(now, std::max<Duration>(shortest * 6, std::chrono::seconds(2)));
}

void Dodag::end_phase(Instant now) {
    if (now < phase_ends_) return;
    if (phase_ == Phase::repairing) {
        phase_ = Phase::detached;
        phase_ends_ = after(detached_at_, detached_memory);
        // Only what is said from now on counts: those below had until now to hear the poison.
        detached_at_ = now;
        if (phase_ends_ > now) return;
    }
    if (phase_ == Phase::attached) return;
    phase_ = Phase::unattached;
    phase_ends_ = never;
    lowest_ = last_advertised_ = infinite_rank;
    grounded_ = false;
    preference_ = 0;
    neighbours_.clear();
}

void Dodag::advertised(Instant now, std::uint16_t rank) noexcept {
    last_advertised_ = rank;
    if (rank == infinite_rank) return;
    lowest_ = std::min(lowest_, rank);
    if (now >= floor_until_ || rank <= floor_) {
        floor_ = rank;
        floor_until_ = after(now, rank_memory);
    }
}

Neighbour* Dodag::worth_probing(Instant now) noexcept {
    if (root_ || phase_ != Phase::attached) return nullptr;
    Neighbour* best = nullptr;
    std::uint32_t best_cost = 0;
    for (Neighbour& n : neighbours_.all()) {
        if (n.measured != never && now - n.measured < estimate_age_max) continue;
        if (n.probed != Instant{} && now - n.probed < probe_gap) continue;
        if (!eligible(now, n)) continue;
        // The preferred parent first, as everything hangs on it; then whoever promises most.
        const std::uint32_t cost = n.place == 1 ? 0 : objective_.cost(n.way);
        if (best != nullptr && cost >= best_cost) continue;
        best = &n;
        best_cost = cost;
    }
    return best;
}

Neighbour* Dodag::preferred_neighbour() noexcept {
    return preferred_ ? neighbours_.find(*preferred_) : nullptr;
}

const Neighbour* Dodag::neighbour(const ip::Address& link_local) const noexcept {
    for (const Neighbour& n : neighbours_.all())
        if (n.link_local == link_local) return &n;
    return nullptr;
}

const Neighbour* Dodag::parent(std::size_t place) const noexcept {
    for (const Neighbour& n : neighbours_.all())
        if (n.place == place) return &n;
    return nullptr;
}

Dio Dodag::describe(const std::optional<ip::Address>& global, bool bare) const {
    Dio dio;
    dio.instance = settings_.instance;
    dio.version = version_.value();
    dio.rank = rank_;
    dio.grounded = grounded_;
    dio.mode = mode_;
    dio.preference = preference_;
    dio.dodag = id_;
    if (bare) return dio;
    dio.options.list.reserve(3);
    dio.options.add(configuration_);
    // "A non-storing node SHOULD refrain from advertising a prefix till it owns an address of that
    // prefix, and then it SHOULD advertise its full address in this field, with the 'R' flag set."
    // "A RPL node acting as a router MUST NOT propagate a PIO with the 'L' flag set."
    // [RFC 6550 §6.7.10]
    if (prefix_ && global && !prefix_->on_link) {
        PrefixInformation info = *prefix_;
        info.router_address = true;
        info.address = *global;
        dio.options.add(info);
    }
    const Neighbour* chosen = parent(1);
    if (chosen != nullptr && chosen->way.hop_count && *chosen->way.hop_count < 255)
        dio.options.add(MetricContainer{
            {MetricObject::of_hop_count(static_cast<std::uint8_t>(*chosen->way.hop_count + 1))}});
    return dio;
}

}  // namespace causeway::rpl
