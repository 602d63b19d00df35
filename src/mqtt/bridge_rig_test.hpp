#pragma once
// For the tests of the bridge: a broker with one client, as small as it can be and still keep a
// session, and a rig that joins two of them by a bridge, a packet at a time.
#include "mqtt/bridge.hpp"
#include "mqtt/framer.hpp"
#include "mqtt/packet.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace causeway::mqtt::rig {

struct Seen {
    std::string topic;
    std::string payload;
    Qos qos;
    bool retain = false;
    bool dup = false;
    std::optional<std::string> response_topic = {};
};

/// A server for one client. It passes on at PUBLISH, and keeps receipts until PUBREL.
class Peer {
public:
    explicit Peer(Version version) : version_(version) {}

    // ---- habits
    Properties allows;  // of CONNACK
    Reason greeting = Reason::success;
    Reason greeting_of_private = Reason::success;  // to a CONNECT with bit 7
    bool silent = false;                           // says nothing to CONNECT
    std::string poison;                            // closes when this payload comes
    std::string unwelcome;                         // refuses this payload
    Reason refusal = Reason::not_authorized;
    bool closes_with_disconnect = false;
    std::uint16_t window = 10;  // less when the client says so
    bool rude = false;          // sends all again at once, whatever the client says it takes

    // ---- what it saw
    std::vector<Seen> accepted;
    std::vector<std::string> subscriptions;
    std::vector<SubscriptionOptions> options;
    std::vector<PacketType> packets;  // of this connection
    std::optional<Connect> connect;
    bool connected = false;
    bool said_goodbye = false;
    std::size_t under_way_most = 0;

    /// To the client, whole packets.
    std::deque<Octets> out;
    bool wants_close = false;

    void open() {
        framer_ = Framer(1 << 20);
        packets.clear();
        out.clear();
        wants_close = said_goodbye = false;
    }
    void closed() {
        connected = false;
        out.clear();
        if (clean_) lose_session();
    }
    void lose_session() {
        exists_ = false;
        queue_.clear();
        receipts_.clear();
        next_id_ = 1;
    }
    void publish(std::string topic, std::string payload, Qos qos, bool retain = false) {
        queue_.push_back({std::move(topic), std::move(payload), qos, retain, 0, false, false});
        pump();
    }
    [[nodiscard]] std::size_t unfinished() const { return queue_.size(); }
    [[nodiscard]] std::size_t receipts() const { return receipts_.size(); }

    void received(Bytes octets) {
        while (auto step = framer_.next(octets)) {
            const Octets& kept = packets_.emplace_back(to_octets(step->packet));
            if (packets_.size() > 2) packets_.pop_front();
            const auto packet =
                step->refused ? std::unexpected(*step->refused) : parse_packet(kept, version_);
            if (!packet) {
                wants_close = true;
                return;
            }
            std::visit([&](const auto& it) { take(it); }, *packet);
            if (wants_close) return;
        }
    }
    void say(const Packet& packet) { out.push_back(emitted(packet, version_)); }

private:
    struct Queued {
        std::string topic;
        std::string payload;
        Qos qos;
        bool retain;
        std::uint16_t id;  // 0: not sent yet
        bool released;
        bool sent;  // in this connection
    };

    void take(const Connect& it) {
        packets.push_back(PacketType::connect);
        greeted_with_ = packets_.back();
        connect = std::get<Connect>(*parse_packet(greeted_with_, version_));
        if (silent) return;
        const Reason said = it.bridge ? greeting_of_private : greeting;
        if (is_error(said)) {
            say(Connack{.reason = said});
            wants_close = true;
            return;
        }
        clean_ = it.clean_start;
        if (clean_) lose_session();
        say(Connack{.session_present = exists_, .properties = allows});
        exists_ = connected = true;
        under_way_ = 0;
        client_window_ = it.properties.receive_maximum.value_or(65535);
        for (Queued& one : queue_) {
            one.sent = one.released;
            if (one.released) say(Ack{.type = PacketType::pubrel, .packet_id = one.id});
        }
        pump();
    }
    void take(const Publish& it) {
        packets.push_back(PacketType::publish);
        const std::string payload(as_text(it.payload));
        if (!poison.empty() && payload == poison) {
            if (closes_with_disconnect) say(Disconnect{.reason = Reason::payload_format_invalid});
            wants_close = true;
            return;
        }
        if (it.qos == Qos::exactly_once && receipts_.contains(it.packet_id))
            return say(Ack{.type = PacketType::pubrec, .packet_id = it.packet_id});
        const bool refuses = !unwelcome.empty() && payload == unwelcome;
        const Reason said = refuses ? refusal : Reason::success;
        if (!refuses)
            accepted.push_back({std::string(it.topic), payload, it.qos, it.retain, it.dup,
                                it.properties.response_topic
                                    ? std::optional(std::string(*it.properties.response_topic))
                                    : std::nullopt});
        if (it.qos == Qos::at_least_once)
            say(Ack{.type = PacketType::puback, .packet_id = it.packet_id, .reason = said});
        if (it.qos == Qos::exactly_once) {
            if (!refuses) receipts_.insert(it.packet_id);
            say(Ack{.type = PacketType::pubrec, .packet_id = it.packet_id, .reason = said});
        }
    }
    void take(const Ack& it) {
        packets.push_back(it.type);
        if (it.type == PacketType::pubrel) {
            const bool known = receipts_.erase(it.packet_id) == 1;
            return say(
                Ack{.type = PacketType::pubcomp,
                    .packet_id = it.packet_id,
                    .reason = known ? Reason::success : Reason::packet_identifier_not_found});
        }
        const auto one = std::ranges::find(queue_, it.packet_id, &Queued::id);
        if (one == queue_.end()) return;
        if (it.type == PacketType::pubrec && !is_error(it.reason)) {
            one->released = true;
            return say(Ack{.type = PacketType::pubrel, .packet_id = it.packet_id});
        }
        queue_.erase(one);
        if (under_way_ > 0) --under_way_;
        pump();
    }
    void take(const Subscribe& it) {
        packets.push_back(PacketType::subscribe);
        Suback answer{.packet_id = it.packet_id};
        for (const auto& entry : it.entries) {
            subscriptions.emplace_back(entry.filter);
            options.push_back(entry.options);
            answer.reasons.push_back(static_cast<Reason>(entry.options.qos_max));
        }
        say(answer);
    }
    void take(const Pingreq&) {
        packets.push_back(PacketType::pingreq);
        say(Pingresp{});
    }
    void take(const Disconnect&) {
        packets.push_back(PacketType::disconnect);
        said_goodbye = true;
    }
    void take(const auto&) { wants_close = true; }

    void pump() {
        for (std::size_t i = 0; connected && i < queue_.size(); ++i) {
            Queued& one = queue_[i];
            if (one.sent) continue;
            const bool again = one.id != 0;
            if (one.qos != Qos::at_most_once && under_way_ >= std::min(window, client_window_) &&
                !(rude && again))
                return;
            if (one.qos != Qos::at_most_once && !again) one.id = next_id_++;
            one.sent = true;
            send(one, again);
            if (one.qos == Qos::at_most_once)
                queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(i--));
        }
    }
    void send(const Queued& one, bool dup) {
        Publish publish;
        publish.dup = dup;
        publish.qos = one.qos;
        publish.retain = one.retain;
        publish.topic = one.topic;
        publish.packet_id = one.id;
        publish.payload = as_octets(one.payload);
        if (one.qos != Qos::at_most_once) {
            ++under_way_;
            under_way_most = std::max(under_way_most, under_way_);
        }
        say(publish);
    }

    Version version_;
    Framer framer_{1 << 20};
    std::deque<Octets> packets_;
    Octets greeted_with_;
    std::deque<Queued> queue_;
    std::set<std::uint16_t> receipts_;
    std::uint16_t next_id_ = 1;
    std::uint16_t client_window_ = 65535;
    std::size_t under_way_ = 0;
    bool exists_ = false;
    bool clean_ = false;
};

/// Two peers and the bridge between them. One packet moves at a time; either connection may be cut
/// between any two of them.
class Rig {
public:
    explicit Rig(BridgeSettings the_settings)
        : remote(the_settings.remote_version), settings(std::move(the_settings)) {
        restart();
    }

    Peer local{Version::v5};
    Peer remote;
    std::optional<Bridge> bridge;
    Instant now{};
    BridgeSettings settings;
    std::vector<bridge::Note> notes;
    std::vector<bool> states;
    std::vector<Duration> waits;  // from the loss of a connection to the next try
    std::size_t opened = 0;
    std::size_t moved = 0;   // packets
    bool answers = true;     // OpenRemote is answered
    bool in_octets = false;  // what goes to the bridge comes an octet at a time
    bool remote_paused = false;
    bool drains = true;
    std::size_t undrained = 0;
    std::size_t taken = 0;
    Octets transcript;  // all that the bridge said

    /// A new process: what the bridge knew is gone, and so are its connections.
    void restart() {
        cut(remote, to_remote_);
        cut(local, to_local_);
        bridge.emplace(settings, Random(1), now);
        due();
    }
    /// The next packet of those that are on their way, in turn. False: there is none.
    bool step() {
        for (int tried = 0; tried < 4; ++tried) {
            turn_ = (turn_ + 1) % 4;
            if (move(turn_)) {
                ++moved;
                return true;
            }
        }
        return false;
    }
    /// Half of each packet that would be next.
    void half_step() {
        const auto half = [](std::deque<Octets>& packets) {
            Octets& first = packets.front();
            const auto middle = first.begin() + static_cast<std::ptrdiff_t>(first.size() / 2);
            const Octets front(first.begin(), middle);
            first.erase(first.begin(), middle);
            return front;
        };
        if (remote_open_ && !to_remote_.empty()) remote.received(half(to_remote_));
        if (local_open_ && !to_local_.empty()) local.received(half(to_local_));
        if (remote_open_ && !remote.out.empty() && !remote_paused)
            give(bridge::RemoteReceived{half(remote.out)});
        if (local_open_ && !local.out.empty()) give(bridge::LocalReceived{half(local.out)});
    }
    /// Until nothing moves; then, as often as allowed, on to the next deadline of a reconnect.
    void settle(int reconnects = 3) {
        do {
            for (int steps = 0; step(); ++steps)
                if (steps > 100'000) throw std::runtime_error("it never ends");
        } while (!bridge->connected() && reconnects-- > 0 && wait());
    }
    /// On to the next deadline.
    bool wait() {
        if (bridge->next_deadline() == never) return false;
        now = std::max(now, bridge->next_deadline());
        due();
        return true;
    }
    void cut_remote(bool by_peer = true) {
        if (!cut(remote, to_remote_)) return;
        give(bridge::RemoteClosed{by_peer});
    }
    void cut_local() {
        if (!cut(local, to_local_)) return;
        give(bridge::LocalClosed{});
    }
    void give(bridge::Input input) {
        bridge->handle(now, input);
        drain();
    }
    [[nodiscard]] bool noted(std::string_view what) const {
        return std::ranges::any_of(notes, [&](const bridge::Note& n) { return n.what == what; });
    }

private:
    bool move(int what) {
        switch (what) {
            case 0:
                return to_peer(remote, to_remote_, remote_open_);
            case 1:
                return to_peer(local, to_local_, local_open_);
            case 2:
                if (remote_paused) return false;
                return to_bridge<bridge::RemoteReceived>(remote, remote_open_);
            default:
                return to_bridge<bridge::LocalReceived>(local, local_open_);
        }
    }
    bool to_peer(Peer& peer, std::deque<Octets>& packets, bool& open) {
        if (!open || packets.empty()) return false;
        const Octets packet = std::move(packets.front());
        packets.pop_front();
        peer.received(packet);
        return true;
    }
    template <class Received>
    bool to_bridge(Peer& peer, bool& open) {
        if (!open) return false;
        if (!peer.out.empty()) {
            const Octets packet = std::move(peer.out.front());
            peer.out.pop_front();
            if (!in_octets) {
                give(Received{packet});
                return true;
            }
            for (const std::byte& octet : packet) give(Received{Bytes(&octet, 1)});
            return true;
        }
        if (!peer.wants_close) return false;
        if (&peer == &remote)
            cut_remote();
        else
            cut_local();
        return true;
    }
    bool cut(Peer& peer, std::deque<Octets>& packets) {
        bool& open = &peer == &remote ? remote_open_ : local_open_;
        packets.clear();
        if (!std::exchange(open, false)) return false;
        peer.closed();
        return true;
    }
    void due() {
        bridge->handle_timeout(now);
        drain();
    }
    void drain() {
        while (auto output = bridge->poll_output())
            std::visit([&](auto& it) { done(it); }, *output);
    }
    void done(bridge::OpenRemote&) {
        ++opened;
        if (remote_open_) throw std::logic_error("opened twice");
        if (!answers) return;
        remote.open();
        remote_open_ = true;
        remote_paused = false;
        to_remote_.clear();
        bridge->handle(now, bridge::RemoteOpened{});
    }
    void done(bridge::OpenLocal&) {
        local.open();
        local_open_ = true;
        to_local_.clear();
    }
    void done(bridge::SendRemote& it) {
        transcript.insert(transcript.end(), it.octets.begin(), it.octets.end());
        split(it.octets, to_remote_);
        if (drains)
            bridge->handle(now, bridge::RemoteDrained{it.octets.size()});
        else
            undrained += it.octets.size();
    }
    void done(bridge::SendLocal& it) {
        transcript.insert(transcript.end(), it.octets.begin(), it.octets.end());
        split(it.octets, to_local_);
    }
    void done(bridge::CloseRemote&) {
        while (to_peer(remote, to_remote_, remote_open_)) {
        }
        cut(remote, to_remote_);
    }
    void done(bridge::CloseLocal&) {
        while (to_peer(local, to_local_, local_open_)) {
        }
        cut(local, to_local_);
    }
    void done(bridge::PauseRemote& it) { remote_paused = it.paused; }
    void done(bridge::LocalTaken& it) { taken += it.octets; }
    void done(bridge::Note& it) { notes.push_back(it); }
    void done(bridge::State& it) { states.push_back(it.connected); }

    static void split(Bytes octets, std::deque<Octets>& packets) {
        Framer framer(268'435'460);
        while (auto step = framer.next(octets)) packets.push_back(to_octets(step->packet));
    }

    std::deque<Octets> to_remote_;
    std::deque<Octets> to_local_;
    bool remote_open_ = false;
    bool local_open_ = false;
    int turn_ = 0;
};

}  // namespace causeway::mqtt::rig
