#pragma once
// For this room's tests: a broker on a bench, with clients that are octets in and octets out, a
// journal that commits when told, and time that moves by hand.
#include "base/hex.hpp"
#include "mqtt/broker/broker.hpp"
#include "mqtt/broker/testing_store.hpp"
#include "mqtt/framer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace causeway::mqtt::testing {

using namespace std::chrono_literals;

inline constexpr Instant start{std::chrono::seconds(1000)};
inline constexpr UnixMillis unix_start{1'700'000'000'000};

class Bench {
public:
    explicit Bench(BrokerSettings settings = quiet(), StoreModel before = {},
                   UnixMillis calendar = unix_start)
        : broker(settings, Random(1), start, calendar, before.recovered()),
          store(std::move(before)) {
        drain();
    }
    /// The defaults, without $SYS.
    [[nodiscard]] static BrokerSettings quiet() {
        BrokerSettings settings;
        settings.sys_interval = {};
        return settings;
    }
    [[nodiscard]] static BrokerSettings stored() {
        BrokerSettings settings = quiet();
        settings.persistent = true;
        return settings;
    }

    // ---- in
    void handle(BrokerInput in) {
        broker.handle(now, std::move(in));
        drain();
    }
    void open(std::uint32_t id, bool internal = false) {
        is_open[id] = true;
        heard.erase(id);
        handle(ConnectionOpened{.id = ConnectionId{id},
                                .peer = "192.0.2.7:51432",
                                .listener = "mqtt 1883",
                                .anonymous_allowed = true,
                                .internal = internal});
    }
    void bytes(std::uint32_t id, Bytes octets) { handle(BytesReceived{ConnectionId{id}, octets}); }
    void say(std::uint32_t id, const Packet& packet) { bytes(id, emitted(packet, versions[id])); }
    void lose(std::uint32_t id) {
        is_open.erase(id);
        streams.erase(id);
        heard.erase(id);
        handle(ConnectionClosed{ConnectionId{id}});
    }
    void advance(Duration by) {
        const Instant until = now + by;
        for (int turns = 0; broker.next_deadline() <= until; ++turns) {
            ASSERT_LT(turns, 100'000);
            now = std::max(now, broker.next_deadline());
            broker.handle_timeout(now);
            drain();
        }
        now = until;
    }

    // ---- a client's habits
    static Connect hello(std::string_view client_id, Version version = Version::v5,
                         bool clean = true) {
        return {.version = version, .clean_start = clean, .client_id = client_id};
    }
    /// Opens, sends CONNECT; the CONNACK is what is heard next.
    void connect(std::uint32_t id, const Connect& connect) {
        versions[id] = connect.version;
        if (!is_open.contains(id)) open(id);
        say(id, connect);
    }
    /// The same, and CONNACK must be a success.
    Connack join(std::uint32_t id, const Connect& hello_packet) {
        connect(id, hello_packet);
        const Connack answer = next<Connack>(id);
        EXPECT_EQ(answer.reason, Reason::success);
        return answer;
    }
    Connack join(std::uint32_t id, std::string_view client_id, Version version = Version::v5) {
        return join(id, hello(client_id, version));
    }
    /// 5.0, not clean, kept for an hour.
    static Connect lasting(std::string_view client_id) {
        Connect packet = hello(client_id, Version::v5, false);
        packet.properties.session_expiry_seconds = 3600;
        return packet;
    }
    Suback subscribe(std::uint32_t id, std::string_view filter, Qos qos = Qos::exactly_once,
                     std::uint32_t identifier = 0) {
        return subscribe(id, filter, SubscriptionOptions{.qos_max = qos}, identifier);
    }
    Suback subscribe(std::uint32_t id, std::string_view filter, SubscriptionOptions options,
                     std::uint32_t identifier = 0) {
        Subscribe packet{.packet_id = 77, .entries = {{filter, options}}, .properties = {}};
        if (identifier != 0) packet.properties.subscription_identifiers = {identifier};
        say(id, packet);
        return next<Suback>(id);
    }
    static Publish message(std::string_view topic, std::string_view payload,
                           Qos qos = Qos::at_most_once, std::uint16_t packet_id = 0) {
        return {.qos = qos, .topic = topic, .packet_id = packet_id, .payload = as_octets(payload)};
    }
    void publish(std::uint32_t id, std::string_view topic, std::string_view payload,
                 Qos qos = Qos::at_most_once, std::uint16_t packet_id = 0) {
        say(id, message(topic, payload, qos, packet_id));
    }
    static Ack ack(PacketType type, std::uint16_t packet_id, Reason reason = Reason::success) {
        return {.type = type, .packet_id = packet_id, .reason = reason, .properties = {}};
    }
    void acknowledge(std::uint32_t id, std::uint16_t packet_id) {
        say(id, ack(PacketType::puback, packet_id));
    }

    // ---- out
    template <class P>
    P next(std::uint32_t id) {
        auto packet = next_packet(id);
        if (!packet.has_value()) {
            ADD_FAILURE() << "connection " << id << " was sent nothing";
            return {};
        }
        if (const P* const wanted = std::get_if<P>(&*packet)) return *wanted;
        ADD_FAILURE() << "connection " << id << " was sent another packet, of index "
                      << packet->index();
        return {};
    }
    std::optional<Packet> next_packet(std::uint32_t id) {
        auto& queue = heard[id];
        if (queue.empty()) return std::nullopt;
        kept.push_back(std::move(queue.front()));
        queue.pop_front();
        auto parsed = parse_packet(kept.back(), versions[id]);
        if (!parsed.has_value()) {
            ADD_FAILURE() << "what was sent is malformed: " << parsed.error().what;
            return std::nullopt;
        }
        return std::move(*parsed);
    }
    /// PUBLISH, and its payload.
    std::string next_payload(std::uint32_t id) {
        return std::string(as_text(next<Publish>(id).payload));
    }
    [[nodiscard]] bool silent(std::uint32_t id) { return heard[id].empty(); }
    [[nodiscard]] bool is_closed(std::uint32_t id) const { return !is_open.contains(id); }
    [[nodiscard]] std::size_t waiting(std::uint32_t id) { return heard[id].size(); }
    void forget(std::uint32_t id) { heard[id].clear(); }
    /// All journals up to here are safe.
    void commit() {
        save();
        handle(Committed{sequence});
    }
    void save() {
        for (const JournalFact& fact : std::exchange(unsafe, {})) store.apply(fact);
        store.check();
    }
    void fail() { handle(CommitFailed{sequence}); }

    /// Polls until nothing is left, and says what a host would say to it.
    void drain() {
        for (int outputs = 0; outputs < 1'000'000; ++outputs) {
            if (auto out = broker.poll_output(); out.has_value()) {
                take(*out);
                continue;
            }
            EXPECT_TRUE(broker.stats().balanced());
            if (inputs.empty()) return;
            BrokerInput in = std::move(inputs.front());
            inputs.pop_front();
            broker.handle(now, std::move(in));
        }
        FAIL() << "it never comes to rest";
    }

    bool drains = true;   // what is sent leaves at once
    bool commits = true;  // what is journalled is safe at once
    Instant now = start;
    Broker broker;
    std::map<std::uint32_t, Version> versions;
    std::map<std::uint32_t, bool> is_open;
    std::map<std::uint32_t, bool> paused;
    std::map<std::uint32_t, std::deque<Octets>> heard;
    std::vector<Note> notes;
    std::vector<Authenticate> asked;
    std::vector<JournalFact> facts;
    std::uint64_t sequence = 0;
    StoreModel store;                 // what is safe
    std::vector<JournalFact> unsafe;  // journalled, not committed
    std::map<std::uint32_t, std::size_t> unsent;

    [[nodiscard]] bool noted(Note::Kind kind) const {
        return std::ranges::any_of(notes, [&](const Note& n) { return n.kind == kind; });
    }
    template <class Fact>
    [[nodiscard]] std::size_t count() const {
        return static_cast<std::size_t>(std::ranges::count_if(
            facts, [](const JournalFact& f) { return std::holds_alternative<Fact>(f); }));
    }

private:
    void take(BrokerOutput& out) {
        if (auto* send = std::get_if<Send>(&out)) {
            const auto id = std::to_underlying(send->id);
            auto& stream = streams.try_emplace(id, Framer(300'000'000)).first->second;
            std::size_t octets = 0;
            const auto feed = [&](Bytes in) {
                octets += in.size();
                while (auto step = stream.next(in)) {
                    EXPECT_FALSE(step->refused.has_value());
                    if (step->refused.has_value()) break;
                    heard[id].push_back(to_octets(step->packet));
                }
            };
            feed(send->octets);
            if (send->body_of != nullptr) feed(send->body_of->payload());
            if (drains)
                inputs.push_back(Drained{send->id, octets});
            else
                unsent[id] += octets;
        } else if (const auto* close = std::get_if<Close>(&out)) {
            const auto id = std::to_underlying(close->id);
            is_open.erase(id);
            streams.erase(id);
            paused.erase(id);
        } else if (const auto* pause = std::get_if<PauseReading>(&out)) {
            paused[std::to_underlying(pause->id)] = pause->paused;
        } else if (auto* ask = std::get_if<Authenticate>(&out)) {
            asked.push_back(std::move(*ask));
        } else if (auto* said = std::get_if<Note>(&out)) {
            notes.push_back(std::move(*said));
        } else if (auto* journal = std::get_if<Journal>(&out)) {
            EXPECT_EQ(journal->sequence, sequence + 1);
            sequence = journal->sequence;
            for (JournalFact& fact : journal->facts) {
                facts.push_back(fact);
                unsafe.push_back(std::move(fact));
            }
            if (!commits) return;
            save();
            inputs.push_back(Committed{sequence});
        }
    }

    std::map<std::uint32_t, Framer> streams;
    std::deque<BrokerInput> inputs;
    std::deque<Octets> kept;  // what packets borrow
};

}  // namespace causeway::mqtt::testing
