#include "sim/network.hpp"

#include "base/assert.hpp"
#include "sim/counters.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace causeway::sim {

using link::ieee802154::Frame;
using link::ieee802154::FrameReceived;
using link::ieee802154::TransmitEnded;
using link::ieee802154::TransmitFrame;

namespace {

constexpr std::uint64_t crystal_stream = 0x63727973;
constexpr std::uint64_t node_stream = 0x6e6f6465;
/// An engine whose deadline never moves on would stop time; that is our bug.
constexpr std::uint32_t spins_max = 10'000;

MediumPlan medium_plan(const Scenario& scenario) {
    MediumPlan plan{.radio_channel = scenario.radio_channel,
                    .channel = scenario.channel,
                    .radio = scenario.radio,
                    .interferers = scenario.interferers,
                    .radios = {}};
    plan.radios.reserve(scenario.nodes.size() + scenario.externals.size());
    for (const NodePlan& node : scenario.nodes)
        plan.radios.push_back({.at = node.at, .eui64 = node.config.eui64});
    for (const ExternalPlan& external : scenario.externals)
        plan.radios.push_back({.at = external.at, .external = true});
    return plan;
}

Crystal crystal_for(const World& world, std::uint32_t index, double ppm) {
    const auto most = static_cast<std::uint64_t>(std::lround(std::abs(ppm) * 1000.0));
    Random random = world.random_for(crystal_stream).fork(index);
    const auto drawn = static_cast<std::int64_t>(random.below(2 * most + 1));
    return Crystal(drawn - static_cast<std::int64_t>(most));
}

}  // namespace

void Network::Relay::saw(const Happening& happening) noexcept {
    if (sink_ == nullptr) return;
    Happening at_world_time = happening;
    at_world_time.at = world_.now();
    sink_->saw(at_world_time);
}

Network::Network(Scenario scenario, Tap* tap)
    : scenario_(std::move(scenario)),
      world_(scenario_.seed),
      relay_(world_, tap),
      self_(world_.admit(*this)),
      medium_(world_, medium_plan(scenario_), *this, tap),
      flashes_(scenario_.nodes.size()),
      nodes_(scenario_.nodes.size()),
      dead_(scenario_.nodes.size(), 0) {
    for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
        nodes_[i].crystal = crystal_for(world_, i, scenario_.crystal_ppm);
        world_.at(Instant(std::max(scenario_.nodes[i].boot, Duration{})), self_, power_on, i);
    }
    for (std::uint32_t i = 0; i < scenario_.faults.size(); ++i) {
        const FaultPlan& fault = scenario_.faults[i];
        CAUSEWAY_ASSERT(fault.node < nodes_.size() && fault.other < nodes_.size());
        world_.at(std::max(fault.at, Instant{}), self_, fault_begins, i);
    }
}

Network::~Network() {
    relay_.silence();  // the end of the run is not a fault that nodes should tell of
}

// ---- the world's side --------------------------------------------------------------------------

void Network::act(Instant now, std::uint16_t what, std::uint32_t whom) {
    switch (what) {
        case power_on:
            return start_node(whom);
        case deadline:
            return wake(now, whom);
        case fault_begins:
            return begin_fault(whom);
        case fault_ends:
            return end_fault(whom);
        default:
            CAUSEWAY_ASSERT(false);
    }
}

void Network::start_node(std::uint32_t index) {
    Member& member = nodes_[index];
    if (member.node || dead_[index] != 0) return;
    // Another life, other chances: or a rebooted node would repeat itself.
    const Random random = world_.random_for(node_stream).fork(index).fork(member.lives++);
    const Teller teller = relay_.listened_to() ? Teller(&relay_, NodeId{index}) : Teller();
    member.node.emplace(scenario_.nodes[index].config, random, teller, local_now(member),
                        &flashes_[index]);
    member.awaited = never;
    medium_.set_power(index, true);
    drain(index);
}

void Network::stop_node(std::uint32_t index) {
    Member& member = nodes_[index];
    if (!member.node) return;
    if (member.earlier == nullptr) member.earlier = std::make_unique<node::Counters>();
    medium_.set_power(index, false);
    member.node->power_off(local_now(member));
    add(*member.earlier, member.node->counters());
    member.node.reset();
    member.awaited = never;
}

void Network::wake(Instant now, std::uint32_t index) {
    Member& member = nodes_[index];
    if (!member.node || member.awaited != now) return;
    member.awaited = never;
    const Instant local = local_now(member);
    if (member.node->next_deadline() <= local) {
        if (std::exchange(member.spun_at, now) != now) member.spins = 0;
        CAUSEWAY_ASSERT(++member.spins < spins_max);
        member.node->handle_timeout(local);
    }
    drain(index);
}

void Network::drain(std::uint32_t index) {
    Member& member = nodes_[index];
    while (std::optional<node::Node::Output> out = member.node->poll_output()) {
        if (const TransmitFrame* frame = std::get_if<TransmitFrame>(&*out))
            medium_.transmit(index, *frame);
        else if (auto* datagram = std::get_if<node::DatagramToHost>(&*out))
            to_host(std::move(*datagram));
        else
            to_host(std::move(std::get<node::PacketToHost>(*out).packet));
    }
    const Instant next = member.crystal.world(member.node->next_deadline());
    const Instant due = std::max(next, world_.now());
    // An earlier act that is under way looks again when it comes: cheaper than to queue another.
    if (due >= member.awaited) return;
    member.awaited = due;
    world_.at(due, self_, deadline, index);
}

// ---- the medium's side -------------------------------------------------------------------------

void Network::frame_received(std::uint32_t radio, const FrameReceived& frame) {
    if (radio >= nodes_.size()) {
        ++stats_.frames_to_external;
        if (to_external_.size() >= waiting_max) {
            ++stats_.frames_to_external_dropped;
            return;
        }
        to_external_.push_back({.external = radio - nodes_.size(),
                                .frame = frame.frame,
                                .rssi_dbm = frame.rssi_dbm,
                                .lqi = frame.lqi});
        return;
    }
    Member& member = nodes_[radio];
    member.node->handle(local_now(member), frame);
    drain(radio);
}

void Network::transmit_ended(std::uint32_t radio, bool channel_was_clear) {
    Member& member = nodes_[radio];
    member.node->handle(local_now(member), TransmitEnded{channel_was_clear});
    drain(radio);
}

// ---- host and externals ------------------------------------------------------------------------

void Network::packet_from_host(Octets packet) {
    ++stats_.packets_from_host;
    if (nodes_.empty() || !nodes_[0].node) return void(++stats_.packets_from_host_refused);
    nodes_[0].node->handle(local_now(nodes_[0]), node::PacketFromHost{std::move(packet)});
    drain(0);
}

void Network::to_host(Octets packet) {
    ++stats_.packets_to_host;
    if (to_host_.size() >= waiting_max) return void(++stats_.packets_to_host_dropped);
    to_host_.push_back(std::move(packet));
}

std::optional<Octets> Network::poll_packet_to_host() {
    if (to_host_.empty()) return std::nullopt;
    std::optional<Octets> packet(std::move(to_host_.front()));
    to_host_.pop_front();
    return packet;
}

void Network::datagram_from_host(node::DatagramFromHost datagram) {
    ++stats_.datagrams_from_host;
    if (nodes_.empty() || !nodes_[0].node) return void(++stats_.datagrams_from_host_refused);
    nodes_[0].node->handle(local_now(nodes_[0]), std::move(datagram));
    drain(0);
}

void Network::to_host(node::DatagramToHost datagram) {
    ++stats_.datagrams_to_host;
    if (datagrams_to_host_.size() >= waiting_max) return void(++stats_.datagrams_to_host_dropped);
    datagrams_to_host_.push_back(std::move(datagram));
}

std::optional<node::DatagramToHost> Network::poll_datagram_to_host() {
    if (datagrams_to_host_.empty()) return std::nullopt;
    std::optional<node::DatagramToHost> datagram(std::move(datagrams_to_host_.front()));
    datagrams_to_host_.pop_front();
    return datagram;
}

void Network::frame_from_external(std::size_t external, const Frame& frame) {
    CAUSEWAY_ASSERT(external < scenario_.externals.size());
    ++stats_.frames_from_external;
    medium_.transmit_external(static_cast<std::uint32_t>(nodes_.size() + external), frame);
}

std::optional<FrameToExternal> Network::poll_frame_to_external() {
    if (to_external_.empty()) return std::nullopt;
    std::optional<FrameToExternal> frame(to_external_.front());
    to_external_.pop_front();
    return frame;
}

// ---- faults ------------------------------------------------------------------------------------

void Network::begin_fault(std::uint32_t index) {
    const FaultPlan& fault = scenario_.faults[index];
    const auto node = static_cast<std::uint32_t>(fault.node);
    const auto other = static_cast<std::uint32_t>(fault.other);
    tell(node, "fault.happened", index);
    if (relay_.listened_to()) tell_who_is_affected(fault, index);
    switch (fault.kind) {
        case FaultPlan::Kind::node_dies:
            dead_[node] = 1;
            stop_node(node);
            return;
        case FaultPlan::Kind::node_reboots:
            stop_node(node);
            break;
        case FaultPlan::Kind::link_cut:
            medium_.set_cut(node, other, true);
            if (fault.lasts <= Duration{}) return;  // for ever
            break;
    }
    world_.at(after(world_.now(), std::max(fault.lasts, Duration{})), self_, fault_ends, index);
}

void Network::end_fault(std::uint32_t index) {
    const FaultPlan& fault = scenario_.faults[index];
    const auto node = static_cast<std::uint32_t>(fault.node);
    if (fault.kind == FaultPlan::Kind::link_cut)
        medium_.set_cut(node, static_cast<std::uint32_t>(fault.other), false);
    else
        start_node(node);
    tell(node, "fault.ended", index);
}

void Network::tell_who_is_affected(const FaultPlan& fault, std::uint32_t index) {
    const auto node = static_cast<std::uint32_t>(fault.node);
    const auto other = static_cast<std::uint32_t>(fault.other);
    const auto parent = parents();
    const auto leads_there = [&](std::uint32_t from) {
        for (std::size_t hops = 0; parent[from] && hops < parent.size(); ++hops) {
            const std::uint32_t next = *parent[from];
            if (fault.kind != FaultPlan::Kind::link_cut) {
                if (next == node) return true;
            } else if ((from == node && next == other) || (from == other && next == node)) {
                return true;
            }
            from = next;
        }
        return false;
    };
    for (std::uint32_t i = 0; i < nodes_.size(); ++i)
        if (leads_there(i)) tell(i, "fault.route_affected", index);
}

void Network::tell(std::uint32_t node, std::string_view what, std::uint64_t value) {
    relay_.saw({world_.now(), NodeId{node}, what, value, {}});
}

// ---- how it stands -----------------------------------------------------------------------------

const node::Node* Network::node(std::size_t index) const {
    return nodes_[index].node ? &*nodes_[index].node : nullptr;
}

node::Status Network::status(std::size_t index) const {
    const Member& member = nodes_[index];
    if (!member.node) return {};
    node::Status status = member.node->status();
    status.joined_at = member.crystal.world(status.joined_at);
    return status;
}

node::Counters Network::counters(std::size_t index) const {
    const Member& member = nodes_[index];
    node::Counters sum = member.earlier != nullptr ? *member.earlier : node::Counters{};
    if (member.node) add(sum, member.node->counters());
    return sum;
}

std::vector<std::optional<std::uint32_t>> Network::parents() const {
    std::vector<std::pair<ip::Address, std::uint32_t>> by_address;
    std::vector<std::optional<ip::Address>> parent_address(nodes_.size());
    for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
        if (!nodes_[i].node) continue;
        const node::Status status = nodes_[i].node->status();
        by_address.emplace_back(status.link_local, i);
        parent_address[i] = status.parent;
    }
    std::ranges::sort(by_address);
    std::vector<std::optional<std::uint32_t>> parents(nodes_.size());
    for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
        if (!parent_address[i]) continue;
        const auto at = std::ranges::lower_bound(by_address, *parent_address[i], {},
                                                 [](const auto& entry) { return entry.first; });
        if (at != by_address.end() && at->first == *parent_address[i]) parents[i] = at->second;
    }
    return parents;
}

}  // namespace causeway::sim
