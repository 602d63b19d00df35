#pragma once
// A scenario come to life: world, medium and nodes, with the faults that the scenario asks for. A
// simulation runs it to the end; a run in real time moves it along in small steps.
//
// Three ways in and out, all optional: the border router's host (IPv6 packets, and UDP datagrams
// for programs that listen behind Config::host_ports of the border router), external nodes
// (frames), and one tap that hears everything that anybody tells, at the world's time. Besides what
// nodes and medium tell, a network tells
//   fault.happened         value: index into Scenario::faults; node: the one that it befalls
//   fault.route_affected   value: the same; node: one whose way to the root led through that one
//   fault.ended            value: the same; node: back again
// in this order, before the fault has had any effect.
#include "node/node.hpp"
#include "sim/crystal.hpp"
#include "sim/medium.hpp"
#include "sim/scenario.hpp"
#include "sim/world.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace causeway::sim {

/// A frame for an external node, by index into Scenario::externals.
struct FrameToExternal {
    std::size_t external = 0;
    link::ieee802154::Frame frame;
    std::int8_t rssi_dbm = 0;
    std::uint8_t lqi = 0;
};

class Network final : Actor, Medium::Listener {
public:
    /// What waits to be polled by a host or by externals that may not be there, at most.
    static constexpr std::size_t waiting_max = 4096;

    struct Stats {
        std::uint64_t packets_from_host = 0;
        std::uint64_t packets_from_host_refused = 0;  // the border router was down
        std::uint64_t packets_to_host = 0;
        std::uint64_t packets_to_host_dropped = 0;  // nobody polled
        std::uint64_t datagrams_from_host = 0;
        std::uint64_t datagrams_from_host_refused = 0;  // the border router was down
        std::uint64_t datagrams_to_host = 0;
        std::uint64_t datagrams_to_host_dropped = 0;  // nobody polled
        std::uint64_t frames_from_external = 0;
        std::uint64_t frames_to_external = 0;
        std::uint64_t frames_to_external_dropped = 0;

        void visit(auto&& named) const;
        [[nodiscard]] bool balanced() const noexcept {
            return packets_from_host_refused <= packets_from_host &&
                   packets_to_host_dropped <= packets_to_host &&
                   datagrams_from_host_refused <= datagrams_from_host &&
                   datagrams_to_host_dropped <= datagrams_to_host &&
                   frames_to_external_dropped <= frames_to_external;
        }
    };

    /// `tap` outlives the network.
    explicit Network(Scenario scenario, Tap* tap = nullptr);
    ~Network();
    Network(const Network&) = delete;
    Network& operator=(const Network&) = delete;

    [[nodiscard]] Instant now() const noexcept { return world_.now(); }
    [[nodiscard]] Instant next_event() const noexcept { return world_.next_event(); }
    void run_until(Instant end) { world_.run_until(end); }

    /// What the host routed into the mesh; it enters the border router now.
    void packet_from_host(Octets packet);
    [[nodiscard]] std::optional<Octets> poll_packet_to_host();

    /// From the border router's own address to a node, as if a program on it had sent it: an
    /// MQTT-SN gateway does, with port 1884 as its own. Lost, and told so, over the mesh's MTU.
    void datagram_from_host(node::DatagramFromHost datagram);
    [[nodiscard]] std::optional<node::DatagramToHost> poll_datagram_to_host();

    /// The last octet of a frame from `external` arrives now; see medium.hpp. An acknowledgement to
    /// it can be polled as soon as this returns: virtual time does not have to move.
    void frame_from_external(std::size_t external, const link::ieee802154::Frame& frame);
    [[nodiscard]] std::optional<FrameToExternal> poll_frame_to_external();

    /// What the node remembers without power; to be given back before it starts, where it was kept
    /// longer than this network lives.
    [[nodiscard]] node::Flash& flash(std::size_t index) noexcept { return flashes_[index]; }

    [[nodiscard]] const Scenario& scenario() const noexcept { return scenario_; }
    [[nodiscard]] std::size_t size() const noexcept { return nodes_.size(); }
    /// Null while it has no power.
    [[nodiscard]] const node::Node* node(std::size_t index) const;
    /// The node's own, with joined_at in the world's time; empty while it has no power.
    [[nodiscard]] node::Status status(std::size_t index) const;
    /// Of all its lives.
    [[nodiscard]] node::Counters counters(std::size_t index) const;
    [[nodiscard]] RadioTimes radio_times(std::size_t index) const {
        return medium_.times(static_cast<std::uint32_t>(index));
    }
    /// Who has which parent now: index of the preferred parent, or none.
    [[nodiscard]] std::vector<std::optional<std::uint32_t>> parents() const;
    [[nodiscard]] const Medium& medium() const noexcept { return medium_; }
    [[nodiscard]] const Stats& stats() const noexcept { return stats_; }
    [[nodiscard]] std::uint64_t acts_done() const noexcept { return world_.acts_done(); }

private:
    enum What : std::uint16_t { power_on, deadline, fault_begins, fault_ends };

    /// Puts the world's time on what nodes tell at their own.
    class Relay final : public Tap {
    public:
        Relay(const World& world, Tap* sink) noexcept : world_(world), sink_(sink) {}
        void saw(const Happening& happening) noexcept override;
        void silence() noexcept { sink_ = nullptr; }
        [[nodiscard]] bool listened_to() const noexcept { return sink_ != nullptr; }

    private:
        const World& world_;
        Tap* sink_;
    };

    struct Member {
        std::optional<node::Node> node;
        Crystal crystal;
        Instant awaited = never;  // the deadline act that counts; others are stale
        Instant spun_at = never;
        std::uint32_t spins = 0;  // timeouts at one and the same instant
        std::uint32_t lives = 0;
        std::unique_ptr<node::Counters> earlier;  // of lives past
    };

    void act(Instant now, std::uint16_t what, std::uint32_t whom) override;
    void frame_received(std::uint32_t radio, const link::ieee802154::FrameReceived& frame) override;
    void transmit_ended(std::uint32_t radio, bool channel_was_clear) override;

    void start_node(std::uint32_t index);
    void stop_node(std::uint32_t index);
    void begin_fault(std::uint32_t index);
    void end_fault(std::uint32_t index);
    void tell_who_is_affected(const FaultPlan& fault, std::uint32_t index);
    void wake(Instant now, std::uint32_t index);
    void drain(std::uint32_t index);
    void to_host(Octets packet);
    void to_host(node::DatagramToHost datagram);
    void tell(std::uint32_t node, std::string_view what, std::uint64_t value);
    [[nodiscard]] Instant local_now(const Member& member) const {
        return member.crystal.local(world_.now());
    }

    Scenario scenario_;
    World world_;
    Relay relay_;
    ActorId self_;
    Medium medium_;
    std::vector<node::Flash> flashes_;  // before the nodes, which write there
    std::vector<Member> nodes_;
    std::vector<std::uint8_t> dead_;  // by node: a fault took it for good
    std::deque<Octets> to_host_;
    std::deque<node::DatagramToHost> datagrams_to_host_;
    std::deque<FrameToExternal> to_external_;
    Stats stats_;
};

void Network::Stats::visit(auto&& named) const {
    named(std::string_view("packets_from_host"), packets_from_host);
    named(std::string_view("packets_from_host_refused"), packets_from_host_refused);
    named(std::string_view("packets_to_host"), packets_to_host);
    named(std::string_view("packets_to_host_dropped"), packets_to_host_dropped);
    named(std::string_view("datagrams_from_host"), datagrams_from_host);
    named(std::string_view("datagrams_from_host_refused"), datagrams_from_host_refused);
    named(std::string_view("datagrams_to_host"), datagrams_to_host);
    named(std::string_view("datagrams_to_host_dropped"), datagrams_to_host_dropped);
    named(std::string_view("frames_from_external"), frames_from_external);
    named(std::string_view("frames_to_external"), frames_to_external);
    named(std::string_view("frames_to_external_dropped"), frames_to_external_dropped);
}

}  // namespace causeway::sim
