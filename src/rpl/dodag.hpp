#pragma once
// Membership of one DODAG: which DODAG and version, which parents, what Rank. [RFC 6550 §8.2]
// Decides only; messages and timers are the router's. One RPL instance; a node that cannot honour
// the mode of operation or the objective does not join at all, rather than as a leaf [§8.5, §18.6].
// Left out: floating DODAGs [§8.2.2.6], route information options, constraints of RFC 6551.
#include "base/random.hpp"
#include "rpl/messages.hpp"
#include "rpl/neighbours.hpp"

namespace causeway::rpl {

/// For how long a lower Rank that was advertised may still stand in some child's table.
inline constexpr Duration rank_memory = std::chrono::seconds(30);
/// How long a node without parents remembers the DODAG Version it left and the Rank it had there:
/// RPL's "implementation-specific local timer". [RFC 6550 §8.2.2.1] Until then it keeps telling
/// whoever still believes in it that it is gone, and honours MaxRankIncrease.
inline constexpr Duration detached_memory = std::chrono::seconds(30);
/// A link that failed keeps its neighbour out for this long, twice as long each time.
inline constexpr Duration shun_first = std::chrono::seconds(4);
inline constexpr std::uint8_t shun_doublings_max = 5;
/// The most parents anybody has. [RFC 6719 §5, PARENT_SET_SIZE]
inline constexpr std::size_t parent_set_max = 3;

/// What a DIO turned out to be.
enum class DioFate : std::uint8_t {
    taken,
    other_dodag,          // not ours, and not better
    unusable,             // a mode, objective or field that this node cannot join by
    needs_configuration,  // we would join, but do not know the rules yet: ask
    table_full,           // and the sender is no better than those in it
};

struct DioVerdict {
    DioFate fate = DioFate::taken;
    bool sender_is_behind = false;  // it is in an older version, and should hear of ours
    bool dtsn_moved = false;        // a DAO parent asks for DAOs [RFC 6550 §9.6]
    bool version_joined = false;    // a new DODAG, or a new version of it
};

/// What a selection changed.
struct Selection {
    bool preferred_changed = false;
    bool set_changed = false;  // among the others
    bool lost = false;         // no parent is left: poison and repair
};

class Dodag {
public:
    /// A node that has not heard of any DODAG yet.
    Dodag(const Settings& local, const ip::Address& self);
    /// The root of its own. `prefix` is /64 at most; the DODAGID is `self_global`.
    Dodag(const Settings& settings, const ip::Address& self, const ip::Address& self_global,
          const ip::Prefix& prefix);

    DioVerdict hear(Instant now, const ip::Address& from, std::int8_t rssi_dbm, const Dio& dio);
    /// Whether a selection might now come out differently, and whether the preferred parent has
    /// suddenly become so much worse that it may be gone.
    struct LinkNews {
        bool changed = false;
        bool suspicious = false;
    };
    LinkNews measured(Instant now, const ip::Address& neighbour, std::uint16_t etx_128, bool fresh);
    bool unreachable(Instant now, const ip::Address& neighbour);
    [[nodiscard]] Selection select(Instant now);

    /// The preferred parent and all others given up: local repair. [RFC 6550 §3.2.2]
    /// Nobody is chosen before repair_ends(): those below need time to hear of it.
    void detach(Instant now);
    /// When the repair, or the memory of the DODAG, ends; never while attached.
    [[nodiscard]] Instant phase_ends() const noexcept { return phase_ends_; }
    /// Past phase_ends(): the hold-down is over, or all is forgotten.
    void end_phase(Instant now);

    /// A DIO with `rank` went out to everybody.
    void advertised(Instant now, std::uint16_t rank) noexcept;
    /// Root: a global repair. [RFC 6550 §8.2.2.1]
    void set_version(Sequence version) noexcept { version_ = version; }

    /// The neighbour whose link a probe would say most about; null when none is worth it.
    [[nodiscard]] Neighbour* worth_probing(Instant now) noexcept;
    [[nodiscard]] Neighbour* preferred_neighbour() noexcept;

    [[nodiscard]] bool is_root() const noexcept { return root_; }
    [[nodiscard]] bool known() const noexcept { return phase_ != Phase::unattached; }
    [[nodiscard]] bool attached() const noexcept { return phase_ == Phase::attached; }
    [[nodiscard]] bool repairing() const noexcept { return phase_ == Phase::repairing; }
    [[nodiscard]] std::uint16_t rank() const noexcept { return rank_; }
    [[nodiscard]] std::uint16_t last_advertised() const noexcept { return last_advertised_; }
    [[nodiscard]] const std::optional<ip::Address>& preferred() const noexcept {
        return preferred_;
    }
    [[nodiscard]] const ip::Address& id() const noexcept { return id_; }
    [[nodiscard]] Sequence version() const noexcept { return version_; }
    /// What holds here: the local settings, with what the root announced in their place.
    [[nodiscard]] const Settings& settings() const noexcept { return settings_; }
    [[nodiscard]] const std::optional<PrefixInformation>& prefix() const noexcept {
        return prefix_;
    }
    [[nodiscard]] std::span<const Neighbour> neighbours() const noexcept {
        return neighbours_.all();
    }
    [[nodiscard]] const Neighbour* neighbour(const ip::Address& link_local) const noexcept;
    /// The parent at `place` (1 is preferred), or null.
    [[nodiscard]] const Neighbour* parent(std::size_t place) const noexcept;

    /// The DIO that this node sends, but for its DTSN. `global` goes into the prefix option;
    /// `bare` leaves all options out.
    [[nodiscard]] Dio describe(const std::optional<ip::Address>& global, bool bare) const;

private:
    enum class Phase : std::uint8_t {
        unattached,  // no DODAG known
        attached,    // a member, with a parent (or the root)
        repairing,   // poisoned, waiting until everybody knows
        detached,    // free to take a parent again
    };

    [[nodiscard]] DioFate consider_dodag(const ip::Address& from, const Dio& dio);
    void adopt(const Dio& dio, const Configuration& configuration);
    void follow(const Dio& dio);
    void join_version(Instant now, Sequence version) noexcept;
    Neighbour* place_for(Instant now, const ip::Address& from, const Dio& dio);
    void learn_prefix(Neighbour& neighbour, const PrefixInformation& info);
    [[nodiscard]] bool eligible(Instant now, const Neighbour& neighbour) const noexcept;
    [[nodiscard]] bool may_precede(Instant now, const Neighbour& neighbour) const noexcept;
    [[nodiscard]] Neighbour* choose_preferred(Instant now) noexcept;
    [[nodiscard]] bool choose_others(Instant now) noexcept;

    ip::Address self_;
    ip::Address id_;
    std::optional<ip::Address> preferred_;
    Settings local_;
    Settings settings_;
    Configuration configuration_;
    std::optional<PrefixInformation> prefix_;
    Objective objective_;
    Neighbours neighbours_;
    Instant phase_ends_ = never;
    Instant detached_at_;
    Instant floor_until_;
    std::uint16_t rank_ = infinite_rank;
    std::uint16_t last_advertised_ = infinite_rank;
    std::uint16_t lowest_ = infinite_rank;  // L: within this version [RFC 6550 §8.2.2.4]
    std::uint16_t floor_ = infinite_rank;   // the lowest advertised of late
    Sequence version_;
    Phase phase_ = Phase::unattached;
    ModeOfOperation mode_{};
    std::uint8_t preference_ = 0;
    bool grounded_ = false;
    bool root_ = false;
};

}  // namespace causeway::rpl
