#pragma once
// RPL as an engine: joins a DODAG, keeps its place in it and tells the root of it, or is the root.
// [RFC 6550, non-storing mode and mode 0; RFC 6206, 6552, 6719; RFC 9008 §4.1]
// Left out: storing modes, secure messages (counted and dropped), leaves, floating roots, more than
// one instance. What RPL does to data packets is in data_plane.hpp.
#include "base/engine.hpp"
#include "base/outbox.hpp"
#include "base/tap.hpp"
#include "rpl/registration.hpp"
#include "rpl/router_stats.hpp"
#include "rpl/routes.hpp"
#include "rpl/trickle.hpp"

#include <memory>
#include <variant>

namespace causeway::rpl {

/// A node without a DODAG asks for one after about this long, then after twice as long, and so on.
inline constexpr Duration solicit_first = std::chrono::seconds(2);
inline constexpr Duration solicit_max = std::chrono::seconds(60);
/// Links are probed this often, and faster for the first few probes under a new parent.
inline constexpr Duration probe_interval = std::chrono::seconds(60);
inline constexpr Duration probe_interval_fast = std::chrono::seconds(2);
inline constexpr unsigned probes_fast_max = 6;
/// A parent over whose link a transmission has just gone badly is probed after this long, and again
/// for as long as it gets worse: whether it is gone is then known in seconds.
inline constexpr Duration probe_suspicion = std::chrono::milliseconds(500);
/// Unicast answers (to DIS, and DIS of our own to strangers) in one second.
inline constexpr unsigned answers_per_second_max = 8;
/// MAX_RPL_OPTION_RANK_ERRORS: Trickle resets on rank errors in one hour. [RFC 6553 §5.1]
inline constexpr unsigned rank_errors_per_hour_max = 20;
/// DAO-ACKs that the root keeps back until it has a route to send them along.
inline constexpr std::size_t pending_acks_max = 256;
/// Between two of them: when one node's DAO opens the way to a hundred others, their answers do not
/// leave at once. Each takes about half of this from the air around the root.
inline constexpr Duration ack_spacing = std::chrono::milliseconds(60);

class Router {
public:
    struct Config {
        bool root = false;
        ip::Address link_local;
        ip::InterfaceId interface_id{};
        std::optional<ip::Prefix> prefix;  // root only, /64
        Settings settings;
    };

    /// An RPL control message: `body` is what follows the ICMPv6 checksum, which was right.
    struct MessageReceived {
        ip::Address source;
        ip::Address target;
        std::uint8_t code = 0;
        Octets body;
        std::int8_t rssi_dbm = 0;  // 0: not known
    };
    /// What the link layer makes of its attempts towards a neighbour (link-local).
    struct LinkMeasured {
        ip::Address neighbour;
        std::uint16_t etx_128 = 128;
        bool fresh = false;  // from enough transmissions, recent enough
    };
    /// Every attempt failed, repeatedly: the neighbour (link-local) is to be left.
    struct NeighbourUnreachable {
        ip::Address neighbour;
    };
    /// The data plane dropped a packet as looping. [RFC 6550 §11.2.2.2]
    struct RankErrorSeen {};
    /// Root: an ICMPv6 "error in source routing header" came back. Global addresses; the reporter
    /// is the hop that could not go on, unspecified where it is not known.
    struct SourceRouteFailed {
        ip::Address unreachable;
        ip::Address reporter;
    };
    /// Root: a new DODAG Version. [RFC 6550 §3.2.2]
    struct GlobalRepair {};
    /// Not the root: leave all parents and look again. Root: have all DAOs sent again, by its DTSN.
    struct LocalRepair {};

    using Input = std::variant<MessageReceived, LinkMeasured, NeighbourUnreachable, RankErrorSeen,
                               SourceRouteFailed, GlobalRepair, LocalRepair>;

    /// To be sent in ICMPv6 type 155, with hop limit 255 when the target is link-local.
    struct SendMessage {
        ip::Address target;
        std::uint8_t code = 0;
        Octets body;
        bool from_global = false;  // from the global address; otherwise from the link-local one
    };
    /// Hosts and routers form addresses from it: prefix and interface identifier.
    struct PrefixAnnounced {
        ip::Prefix prefix;
    };
    struct ParentChanged {
        std::optional<ip::Address> parent;  // link-local; the default route
    };
    using Output = std::variant<SendMessage, PrefixAnnounced, ParentChanged>;

    Router(Config config, Random random, Teller teller, Instant now);

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output() { return out_.poll(); }
    [[nodiscard]] Instant next_deadline() const noexcept { return deadline_; }

    [[nodiscard]] bool is_root() const noexcept { return config_.root; }
    /// infinite_rank while there is no parent.
    [[nodiscard]] std::uint16_t rank() const noexcept { return dodag_.rank(); }
    [[nodiscard]] bool joined() const noexcept { return dodag_.attached(); }
    /// As far as this node knows, the root has a route to it.
    [[nodiscard]] bool reachable() const noexcept;
    /// Link-local.
    [[nodiscard]] const std::optional<ip::Address>& preferred_parent() const noexcept {
        return dodag_.preferred();
    }
    [[nodiscard]] std::optional<ip::Address> dodag_id() const noexcept;
    [[nodiscard]] std::uint8_t instance() const noexcept { return config_.settings.instance; }
    [[nodiscard]] std::uint8_t version() const noexcept { return dodag_.version().value(); }
    /// This node's, once there is a prefix.
    [[nodiscard]] const std::optional<ip::Address>& global() const noexcept { return global_; }
    [[nodiscard]] const Settings& settings() const noexcept { return dodag_.settings(); }
    [[nodiscard]] const Dodag& dodag() const noexcept { return dodag_; }
    /// What check_option() wants to know.
    [[nodiscard]] std::uint16_t min_hop_rank_increase() const noexcept {
        return dodag_.settings().min_hop_rank_increase;
    }
    /// Root only: global addresses from the first hop to the last; see Routes.
    [[nodiscard]] std::optional<SourceRoute> source_route(const ip::Address& target) const;
    /// Root only, or null.
    [[nodiscard]] const Routes* routes() const noexcept { return root_ ? &root_->routes : nullptr; }
    [[nodiscard]] const RouterStats& stats() const noexcept { return stats_; }

private:
    enum class Timer { solicit, probe, answers, count };
    struct PendingAck {
        ip::Address target;
        DaoAck ack;
    };
    struct Root {
        Routes routes;
        std::vector<PendingAck> pending;  // in the order they were asked for
        Instant next_ack;
    };

    // router.cpp
    void reselect(Instant now);
    void announce_prefix();
    void start_trickle(Instant now);
    void reset_trickle(Instant now);
    void send_dio(Instant now, const ip::Address& target, bool bare);
    void send_dao(Instant now);
    void solicit(Instant now);
    void probe(Instant now);
    void arm_solicit(Instant now, Duration around);
    void arm_probe(Instant now);
    void on_link(Instant now, const LinkMeasured& link);
    [[nodiscard]] bool may_answer(Instant now) noexcept;
    template <Repr Message>
    void send(const ip::Address& target, Code code, const Message& message, bool from_global);
    void set_deadline() noexcept;

    // router_messages.cpp
    void on_message(Instant now, const MessageReceived& in);
    void on_dis(Instant now, const MessageReceived& in, const Dis& dis);
    void on_dio(Instant now, const MessageReceived& in, const Dio& dio);
    void on_dao_ack(Instant now, const DaoAck& ack);
    void on_rank_error(Instant now);
    void on_local_repair(Instant now);

    // router_root.cpp
    void on_own_dio(Instant now, const Dio& dio);
    void on_dao(Instant now, const MessageReceived& in, const Dao& dao);
    [[nodiscard]] std::uint8_t take_routes(Instant now, const Dao& dao);
    void acknowledge(const ip::Address& target, const DaoAck& ack);
    void send_pending_acks(Instant now);
    void global_repair(Instant now, Sequence version);

    Config config_;
    Random random_;
    Teller teller_;
    Dodag dodag_;
    std::optional<ip::Address> global_;
    std::optional<ip::Prefix> announced_;
    std::optional<Trickle> trickle_;
    Registration registration_;
    std::unique_ptr<Root> root_;
    Timers<Timer> timers_;
    Outbox<Output> out_;
    Instant deadline_ = never;
    Duration solicit_wait_ = solicit_first;
    Instant answers_until_;
    Instant rank_errors_until_;
    unsigned answers_ = 0;
    unsigned rank_errors_ = 0;
    unsigned probes_fast_ = 0;
    bool suspicious_ = false;  // the next probe is for the preferred parent
    Sequence dtsn_;
    RouterStats stats_;
};

static_assert(Engine<Router>);

}  // namespace causeway::rpl
