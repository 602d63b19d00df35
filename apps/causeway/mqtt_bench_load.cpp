#include "mqtt_bench_load.hpp"

#include "mqtt_bench_peer.hpp"
#include "mqtt_bench_tally.hpp"
#include "net/signals.hpp"

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <unistd.h>
#include <algorithm>
#include <chrono>

namespace causeway::cli {
namespace {

namespace asio = boost::asio;
using mqtt::Qos;
using Phase = BenchPeer::Phase;

/// Connections that may be under way at once, so that no accept queue overflows.
constexpr std::uint32_t connecting_max = 200;
/// A publisher with so much unsent waits for the network.
constexpr std::size_t unsent_octets_max = 256 << 10;
/// Silence after which what was not delivered is lost.
constexpr std::chrono::milliseconds silence_max{1'500};
constexpr std::chrono::microseconds rate_tick{250};
constexpr std::chrono::seconds connect_within{60};

std::int64_t now_ns() {
    return std::chrono::steady_clock::now().time_since_epoch().count();
}

class Load {
public:
    explicit Load(const BenchPlan& plan)
        : plan_(plan),
          run_(std::to_string(getpid())),
          tally_(plan.publishers, plan.subscribers, plan.mode),
          tick_(io_),
          step_(io_),
          host_(io_, {}, events()) {
        const bool only_connects = counts_connects();
        const std::uint32_t publishers = only_connects ? plan.clients : plan.publishers;
        const std::uint32_t subscribers = only_connects ? 0 : plan.subscribers;
        peers_.resize(publishers + subscribers);
        for (std::uint32_t i = 0; i < peers_.size(); ++i) {
            BenchPeer& peer = peers_[i];
            peer.publisher = i >= subscribers;
            peer.index = peer.publisher ? i - subscribers : i;
            peer.script = BenchScript::make(plan, peer.index, peer.publisher, run_);
            if (peer.publisher && plan.qos != Qos::at_most_once)
                for (std::uint32_t id = plan.window; id > 0; --id)
                    peer.free_ids.push_back(static_cast<std::uint16_t>(id));
        }
        first_publisher_ = subscribers;
        fan_ = plan.mode == BenchMode::fan_out || plan.mode == BenchMode::fan_in ? subscribers : 1;
    }

    std::expected<BenchReport, std::string> run() {
        report_.publishers = plan_.publishers;
        report_.subscribers = plan_.subscribers;
        report_.size = plan_.size;
        report_.qos = std::to_underlying(plan_.qos);
        report_.version = plan_.version == mqtt::Version::v5     ? "5.0"
                          : plan_.version == mqtt::Version::v3_1 ? "3.1"
                                                                 : "3.1.1";
        if (const auto use = broker()) report_.broker_resident_before = use->resident_octets;
        const net::Signals signals(io_, [this](int) { finish("interrupted"); });
        after_a_while(connect_within, [this] { finish("not all connections came about in time"); });
        if (plan_.mode == BenchMode::connect) begin();
        connect_more();
        if (!over_) io_.run();
        if (!trouble_.empty()) return std::unexpected(trouble_);
        return report_;
    }

private:
    [[nodiscard]] bool counts_connects() const {
        return plan_.mode == BenchMode::connect || plan_.mode == BenchMode::connections;
    }
    [[nodiscard]] std::optional<ProcessUse> broker() const {
        return plan_.broker_pid != 0 ? ProcessUse::of(plan_.broker_pid) : std::nullopt;
    }

    net::StreamHost::Events events() {
        return {
            .opened =
                [this](net::StreamId id, const net::StreamFacts&) {
                    if (BenchPeer* const peer = peer_of(id)) {
                        peer->phase = Phase::connecting;
                        peer->out = peer->script.connect;
                        write(*peer);
                    }
                },
            .received =
                [this](net::StreamId id, Bytes octets) {
                    if (BenchPeer* const peer = peer_of(id)) received(*peer, octets);
                },
            .drained =
                [this](net::StreamId id, std::size_t octets) {
                    if (BenchPeer* const peer = peer_of(id))
                        peer->unsent -= std::min(peer->unsent, octets);
                },
            .closed =
                [this](net::StreamId id, const net::Trouble* why) {
                    if (BenchPeer* const peer = peer_of(id)) lost(*peer, why);
                },
            .batch =
                [this] {
                    if (running_ && plan_.rate <= 0) fill();
                    if (draining_ && tally_.received >= tally_.expected) drained();
                    connect_more();
                },
        };
    }

    BenchPeer* peer_of(net::StreamId id) {
        const auto at = std::to_underlying(id);
        return at < by_stream_.size() ? by_stream_[at] : nullptr;
    }

    // ---- connecting

    void connect_more() {
        while (!over_ && under_way_ < connecting_max && next_ < peers_.size()) {
            // Publishers wait for the subscriptions, so that nothing is published to nobody.
            if (next_ == first_publisher_ && ready_ < first_publisher_) return;
            connect(peers_[next_++]);
        }
    }

    void connect(BenchPeer& peer) {
        ++under_way_;
        peer.phase = Phase::opening;
        peer.began_ns = now_ns();
        peer.carried.clear();
        peer.stream = host_.connect(plan_.where);
        const auto at = std::to_underlying(peer.stream);
        if (at >= by_stream_.size()) by_stream_.resize(at + 1);
        by_stream_[at] = &peer;
    }

    void leave(BenchPeer& peer) {
        by_stream_[std::to_underlying(peer.stream)] = nullptr;
        peer.unsent = 0;
        peer.phase = Phase::gone;
    }

    void lost(BenchPeer& peer, const net::Trouble* why) {
        const bool was_ready = peer.phase == Phase::ready;
        leave(peer);
        ++report_.failures;
        if (!was_ready) --under_way_;
        // A broker under such a storm may refuse some; one that was never there is another matter.
        if (plan_.mode == BenchMode::connect && ready_ > 0) {
            if (!over_) connect(peer);
            return;
        }
        if (!was_ready)
            return finish(why != nullptr ? why->line : "the broker closed a connection");
        if (++gone_ == peers_.size()) finish("the broker closed every connection");
    }

    void ready(BenchPeer& peer) {
        peer.phase = Phase::ready;
        --under_way_;
        ++ready_;
        if (plan_.mode == BenchMode::connect) {
            tally_.latency.count(now_ns() - peer.began_ns);
            ++tally_.connects;
            static constexpr std::byte disconnect[] = {std::byte{0xe0}, std::byte{0}};
            host_.send(peer.stream, {.octets = to_octets(disconnect)});
            host_.close(peer.stream);
            leave(peer);
            if (!over_) connect(peer);
            return;
        }
        if (ready_ == peers_.size()) begin();
    }

    // ---- what arrives

    void received(BenchPeer& peer, Bytes octets) {
        const std::int64_t now = now_ns();
        if (!peer.carried.empty()) {
            peer.carried.insert(peer.carried.end(), octets.begin(), octets.end());
            const Octets all = std::exchange(peer.carried, {});
            read_packets(peer, all, now);
        } else {
            read_packets(peer, octets, now);
        }
        if (!peer.out.empty() && peer.phase != Phase::gone) write(peer);
    }

    void read_packets(BenchPeer& peer, Bytes octets, std::int64_t now) {
        while (peer.phase != Phase::gone) {
            const RawPacket packet = RawPacket::at_front_of(octets);
            if (packet.malformed) return finish("the broker sent what is no MQTT");
            if (packet.size == 0) break;
            octets = octets.subspan(packet.size);
            if (packet.head >> 4 == 3)
                message(peer, packet, now);
            else
                other(peer, packet);
        }
        if (peer.phase != Phase::gone) peer.carried = to_octets(octets);
    }

    void message(BenchPeer& peer, const RawPacket& packet, std::int64_t now) {
        if (const auto stamp = peer.take_message(packet, plan_.size))
            tally_.delivered(peer.index, *stamp, now);
    }

    void other(BenchPeer& peer, const RawPacket& packet) {
        switch (packet.head >> 4) {
            case 2:  // CONNACK
                if (peer.phase != Phase::connecting || packet.body.size() < 2) return;
                if (packet.body[1] != std::byte{0})
                    return finish(fmt::format("the broker refused a connection: {}",
                                              std::to_integer<int>(packet.body[1])));
                if (peer.publisher) return ready(peer);
                peer.phase = Phase::subscribing;
                peer.out.insert(peer.out.end(), peer.script.subscribe.begin(),
                                peer.script.subscribe.end());
                return;
            case 9:  // SUBACK
                if (peer.phase != Phase::subscribing) return;
                if (packet.body.empty() || packet.body.back() >= std::byte{0x80})
                    return finish("the broker refused a subscription");
                return ready(peer);
            case 4:  // PUBACK
            case 7:  // PUBCOMP
                if (packet.body.size() >= 2) settle(peer, packet.body);
                return;
            case 5:  // PUBREC
                if (packet.body.size() >= 2) {
                    if (packet.body.size() >= 3 && packet.body[2] >= std::byte{0x80})
                        settle(peer, packet.body);
                    else
                        peer.acknowledge(0x62, packet.body);
                }
                return;
            case 6:  // PUBREL
                if (packet.body.size() >= 2) peer.acknowledge(0x70, packet.body);
                return;
            case 14:
                return finish("the broker disconnected a client");
            default:
                return;
        }
    }

    void settle(BenchPeer& peer, Bytes body) {
        if (body.size() >= 3 && body[2] >= std::byte{0x80}) ++tally_.refused;
        if (peer.free_ids.size() == plan_.window) return;
        peer.free_ids.push_back(static_cast<std::uint16_t>(std::to_integer<unsigned>(body[0]) << 8 |
                                                           std::to_integer<unsigned>(body[1])));
    }

    void write(BenchPeer& peer) {
        peer.unsent += peer.out.size();
        host_.send(peer.stream, {.octets = std::exchange(peer.out, {})});
    }

    // ---- publishing

    /// Messages that all publishers together may send now.
    [[nodiscard]] std::uint64_t allowance(std::int64_t now) const {
        std::uint64_t allowed = UINT64_MAX;
        if (plan_.count != 0) allowed = plan_.count - std::min(plan_.count, tally_.sent);
        const std::uint64_t behind = tally_.expected - std::min(tally_.expected, tally_.received);
        allowed = std::min(allowed, (plan_.ahead - std::min(plan_.ahead, behind)) / fan_);
        if (plan_.rate > 0) {
            const double due = plan_.rate * static_cast<double>(now - paced_from_ns_) / 1e9;
            const double missing = due - static_cast<double>(tally_.sent);
            allowed = std::min(allowed, missing < 1 ? 0u : static_cast<std::uint64_t>(missing));
        }
        return allowed;
    }

    void fill() {
        const std::int64_t now = now_ns();
        std::uint64_t allowed = allowance(now);
        const std::size_t publishers = peers_.size() - first_publisher_;
        // Round after round, so that none has all of the allowance.
        for (std::size_t idle = 0; allowed > 0 && idle < publishers;) {
            BenchPeer& peer = peers_[first_publisher_ + turn_];
            turn_ = (turn_ + 1) % publishers;
            const std::uint64_t share = std::max<std::uint64_t>(1, allowed / publishers);
            const std::uint64_t n = publish(peer, std::min(share, allowed), now);
            idle = n == 0 ? idle + 1 : 0;
            allowed -= n;
        }
        if (running_ && plan_.count != 0 && tally_.sent >= plan_.count) drain();
    }

    std::uint64_t publish(BenchPeer& peer, std::uint64_t most, std::int64_t now) {
        if (peer.phase != Phase::ready || peer.unsent > unsent_octets_max) return 0;
        most = std::min<std::uint64_t>(most, plan_.pipeline);
        if (plan_.qos != Qos::at_most_once)
            most = std::min<std::uint64_t>(most, peer.free_ids.size());
        if (most == 0) return 0;
        peer.out.reserve(most * peer.script.publish.size());
        for (std::uint64_t i = 0; i < most; ++i) peer.publish(now);
        tally_.sent += most;
        tally_.expected += most * fan_;
        write(peer);
        return most;
    }

    // ---- the course of a run

    template <class Then>
    void after_a_while(std::chrono::nanoseconds time, Then then) {
        step_.expires_after(time);
        step_.async_wait([then](const boost::system::error_code& gone) {
            if (!gone) then();
        });
    }
    static std::chrono::nanoseconds seconds(double s) {
        return std::chrono::nanoseconds(static_cast<std::int64_t>(s * 1e9));
    }

    void begin() {
        if (plan_.mode == BenchMode::connections) {
            report_.connects = ready_;
            began_ns_ = now_ns();
            return after_a_while(seconds(plan_.seconds), [this] { end(); });
        }
        running_ = true;
        paced_from_ns_ = now_ns();
        if (plan_.count != 0)
            measure();
        else
            after_a_while(seconds(plan_.warmup_seconds), [this] { measure(); });
        if (counts_connects()) return;
        if (plan_.rate > 0) return pace();
        fill();
    }

    void pace() {
        if (!running_) return;
        fill();
        tick_.expires_after(rate_tick);
        tick_.async_wait([this](const boost::system::error_code& gone) {
            if (!gone) pace();
        });
    }

    void measure() {
        measuring_ = true;
        tally_.mark();
        began_ns_ = now_ns();
        began_cpu_s_ = own_cpu_s();
        began_broker_ = broker();
        if (plan_.count == 0) return after_a_while(seconds(plan_.seconds), [this] { end(); });
    }

    /// The interval is over; what is under way may still arrive.
    void end() {
        stop_measuring();
        drain();
    }

    void stop_measuring() {
        if (!std::exchange(measuring_, false) && plan_.mode != BenchMode::connections) return;
        report_.seconds = static_cast<double>(now_ns() - began_ns_) / 1e9;
        report_.generator_cpu_s = own_cpu_s() - began_cpu_s_;
        if (const auto use = broker()) {
            if (began_broker_) report_.broker_cpu_s = use->cpu_s - began_broker_->cpu_s;
            report_.broker_resident_after = use->resident_octets;
        }
        tally_.read(report_);
        if (plan_.mode == BenchMode::connect) report_.connects = tally_.connects;
    }

    /// Nothing more is sent. The end is when all has arrived, or nothing has for a while.
    void drain() {
        running_ = false;
        if (counts_connects()) return finish({});
        draining_ = true;
        if (tally_.received >= tally_.expected) return drained();
        const std::uint64_t before = tally_.received;
        after_a_while(silence_max, [this, before] {
            if (tally_.received != before) return drain();
            drained();
        });
    }

    void drained() {
        if (!std::exchange(draining_, false)) return;
        stop_measuring();  // of a count, whose last delivery ends the interval
        // What comes twice comes a little later.
        after_a_while(std::chrono::milliseconds(50), [this] {
            tally_.read_losses(report_);
            finish({});
        });
    }

    void finish(std::string trouble) {
        if (std::exchange(over_, true)) return;
        trouble_ = std::move(trouble);
        io_.stop();
    }

    const BenchPlan& plan_;
    std::string run_;
    BenchReport report_;
    BenchTally tally_;
    asio::io_context io_{1};
    asio::steady_timer tick_;
    asio::steady_timer step_;
    net::StreamHost host_;
    std::vector<BenchPeer> peers_;  // subscribers first
    std::vector<BenchPeer*> by_stream_;
    std::size_t first_publisher_ = 0;
    std::size_t next_ = 0;
    std::size_t turn_ = 0;
    std::size_t gone_ = 0;
    std::uint64_t fan_ = 1;
    std::uint32_t under_way_ = 0;
    std::uint32_t ready_ = 0;
    std::int64_t paced_from_ns_ = 0;
    std::int64_t began_ns_ = 0;
    double began_cpu_s_ = 0;
    std::optional<ProcessUse> began_broker_;
    std::string trouble_;
    bool running_ = false;
    bool measuring_ = false;
    bool draining_ = false;
    bool over_ = false;
};

}  // namespace

std::expected<BenchReport, std::string> run_bench(const BenchPlan& plan) {
    Load load(plan);
    return load.run();
}

}  // namespace causeway::cli
