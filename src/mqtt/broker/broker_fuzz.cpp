// Any sequence of octets, packets, moments, commits and failures, over several connections of both
// versions. Whatever happens, the laws of the counters hold, the limits are kept, the store names
// nothing that it has not, and after everybody has left, nothing is held.
#include "mqtt/broker/testing_store.hpp"

#include "base/random.hpp"
#include "mqtt/broker/broker.hpp"

#include <array>
#include <map>
#include <vector>

using namespace causeway;
using namespace causeway::mqtt;

namespace {

constexpr std::array<std::string_view, 8> topics{"a", "a/b", "a/c", "b", "b/c/d", "$x/y", "", "c"};
constexpr std::array<std::string_view, 10> filters{
    "a", "#", "a/+", "+/b", "$share/g/a/#", "$share/h/#", "b/c/#", "$SYS/#", "$x/+", "c"};
constexpr std::array<std::string_view, 5> names{"one", "two", "three", "",
                                                "a client of a long name"};
constexpr std::uint32_t connections = 6;

class Script {
public:
    explicit Script(Bytes script)
        : in_(script),
          settings_(settings(in_.u8())),
          broker_(settings_, Random(1), now_, UnixMillis{1'700'000'000'000}) {}

    void run() {
        for (int steps = 0; in_.more() && steps < 600; ++steps) {
            step();
            if (in_.peek() % 4 != 0) settle();
        }
        settle();
        restart();
        finish();
    }

private:
    static BrokerSettings settings(std::uint8_t how) {
        BrokerSettings s;
        s.persistent = (how & 1) != 0;
        s.queue_messages_max = 12;
        s.queue_octets_max = 4000;
        s.queue_octets_max_all = 8000;
        s.sessions_max = 5;
        s.connections_max = 4;
        s.connections_unready_max = 4;
        s.subscriptions_max = 20;
        s.subscriptions_max_each = 8;
        s.retained_max = 60;
        s.receive_maximum = 4;
        s.inflight_max = 3;
        s.unsent_octets_high = 600;
        s.unsent_octets_low = 200;
        s.packet_octets_max = 3000;
        s.held_octets_max_all = 4000;
        s.early_octets_max = 500;
        s.topic_levels_max = 4;
        s.topic_alias_maximum = 3;
        s.topic_alias_maximum_out = 2;
        if ((how & 2) != 0) s.slow = BrokerSettings::Slow::disconnect;
        if ((how & 4) != 0) s.publishes_per_second_max = 5;
        if ((how & 8) != 0) s.sys_interval = {};
        if ((how & 16) != 0) s.qos_max = Qos::at_least_once;
        if ((how & 32) != 0) s.counted_prefixes = {"a/", "b"};
        return s;
    }

    template <class T, std::size_t N>
    const T& one_of(const std::array<T, N>& of) {
        return of[in_.u8() % N];
    }
    std::uint32_t some() { return in_.u8() % connections; }
    Version version_of(std::uint32_t id) { return versions_[id]; }

    void step() {
        const std::uint8_t what = in_.u8() % 20;
        const std::uint32_t id = some();
        switch (what) {
            case 0:
                is_open_[id] = true;
                unsent_[id] = 0;
                return handle(ConnectionOpened{.id = ConnectionId{id},
                                               .peer = "192.0.2.1:5",
                                               .listener = "mqtt",
                                               .anonymous_allowed = true,
                                               .internal = in_.u8() % 8 == 0});
            case 1:
                is_open_[id] = false;
                return handle(ConnectionClosed{ConnectionId{id}});
            case 2:
                return raw(id,
                           to_octets(in_.take(std::min<std::size_t>(in_.u8(), in_.remaining()))));
            case 3:
                return connect(id);
            case 4:
            case 5:
            case 6:
                return publish(id);
            case 7:
                return subscribe(id);
            case 8:
            case 9:
            case 10: {
                constexpr std::array types{PacketType::puback, PacketType::pubrec,
                                           PacketType::pubrel, PacketType::pubcomp};
                const PacketType type = one_of(types);
                Ack ack{.type = type,
                        .packet_id = small_id(),
                        .reason = Reason::success,
                        .properties = {}};
                if (in_.u8() % 8 == 0 && type != PacketType::pubrel && type != PacketType::pubcomp)
                    ack.reason = Reason::not_authorized;
                return packet(id, ack);
            }
            case 11:
                return packet(id, Unsubscribe{.packet_id = small_id(),
                                              .filters = {one_of(filters)},
                                              .properties = {}});
            case 12:
                now_ += std::chrono::milliseconds(in_.be16());
                broker_.handle_timeout(now_);
                return check();
            case 13:
                return tick();
            case 14: {
                const std::size_t left = in_.u8() % 2 == 0 ? unsent_[id] : unsent_[id] / 2;
                unsent_[id] -= left;
                return handle(Drained{ConnectionId{id}, left});
            }
            case 15:
                settle();
                if (in_.u8() % 3 != 0) return commit();
                return handle(CommitFailed{sequence_});
            case 16:
                return packet(id,
                              Disconnect{.reason = in_.u8() % 2 == 0 ? Reason::success
                                                                     : Reason::disconnect_with_will,
                                         .properties = {}});
            case 17:
                return handle(Kick{std::string(one_of(names)), in_.u8() % 2 == 0});
            case 18:
                return judge();
            default:
                return odd(id);
        }
    }

    std::uint16_t small_id() { return static_cast<std::uint16_t>(1 + in_.u8() % 6); }

    void odd(std::uint32_t id) {
        switch (in_.u8() % 5) {
            case 0: {
                Publish here{.topic = "a", .payload = as_octets("here")};
                here.qos = static_cast<Qos>(in_.u8() % 3);
                here.packet_id = here.qos == Qos::at_most_once ? 0 : 1;
                here.retain = in_.u8() % 2 == 0;
                return handle(PublishHere{std::make_shared<const Message>(here, never)});
            }
            case 1: {
                auto rules = AccessRules::parse("topic readwrite a/#\ntopic read b\n");
                CAUSEWAY_ASSERT(rules.has_value());
                return handle(RulesReplaced{
                    in_.u8() % 2 == 0 ? std::make_shared<const AccessRules>(*rules) : nullptr});
            }
            case 2: {
                Auth auth{.reason = Reason::reauthenticate, .properties = {}};
                auth.properties.authentication_method = "m";
                if (version_of(id) == Version::v5) packet(id, auth);
                return;
            }
            case 3:
                return packet(id, Pingreq{});
            default:
                if (in_.u8() % 8 == 0) restart();
        }
    }

    void connect(std::uint32_t id) {
        Connect c;
        c.version = in_.u8() % 3 == 0 ? Version::v3_1_1 : Version::v5;
        const std::uint8_t how = in_.u8();
        c.clean_start = (how & 1) != 0;
        c.keep_alive_seconds = in_.u8() % 32;
        c.client_id = one_of(names);
        if ((how & 2) != 0) {
            c.will = Will{.topic = "a/will", .payload = as_octets("gone")};
            c.will->qos = static_cast<Qos>(in_.u8() % 3);
            c.will->retain = (how & 4) != 0;
            if (c.version == Version::v5) c.will->properties.will_delay_seconds = in_.u8() % 20;
        }
        if ((how & 8) != 0) c.user_name = "u";
        if (c.version == Version::v5) {
            if ((how & 16) != 0) c.properties.session_expiry_seconds = in_.u8();
            if ((how & 32) != 0) c.properties.receive_maximum = 1 + in_.u8() % 4;
            if ((how & 64) != 0) c.properties.topic_alias_maximum = in_.u8() % 4;
            if ((how & 128) != 0) c.properties.maximum_packet_octets = 20 + in_.u8();
            if (in_.u8() % 16 == 0) c.properties.authentication_method = "m";
        }
        versions_[id] = c.version;
        packet(id, c);
    }

    void publish(std::uint32_t id) {
        Publish p;
        p.topic = one_of(topics);
        const std::uint8_t how = in_.u8();
        p.qos = static_cast<Qos>(how % 3);
        if (p.qos != Qos::at_most_once) p.packet_id = small_id();
        p.retain = (how & 16) != 0;
        p.dup = p.qos != Qos::at_most_once && (how & 32) != 0;
        const Octets payload((how & 64) != 0 ? in_.u8() * 2u : in_.u8() % 8u, std::byte{'x'});
        p.payload = payload;
        if (version_of(id) == Version::v5) {
            if (p.topic.empty() || (how & 128) != 0)
                p.properties.topic_alias = static_cast<std::uint16_t>(1 + in_.u8() % 4);
            if (in_.u8() % 4 == 0) p.properties.message_expiry_seconds = in_.u8() % 16;
        } else if (p.topic.empty()) {
            p.topic = "a";
        }
        packet(id, p);
    }

    void subscribe(std::uint32_t id) {
        Subscribe s{.packet_id = small_id(), .entries = {}, .properties = {}};
        const std::uint8_t how = in_.u8();
        SubscriptionOptions options{.qos_max = static_cast<Qos>(how % 3)};
        const std::string_view filter = one_of(filters);
        if (version_of(id) == Version::v5) {
            options.no_local = (how & 16) != 0 && !filter.starts_with("$share");
            options.retain_as_published = (how & 32) != 0;
            if ((how & 64) != 0) options.retain_handling = RetainHandling::send_if_new;
            if ((how & 128) != 0) s.properties.subscription_identifiers = {1u + in_.u8()};
        }
        s.entries.push_back({filter, options});
        s.entries.push_back({one_of(filters), {.qos_max = options.qos_max}});
        packet(id, s);
    }

    void judge() {
        if (asked_.empty()) return;
        const Authenticate ask = asked_[in_.u8() % asked_.size()];
        constexpr std::array verdicts{Reason::success, Reason::success, Reason::not_authorized,
                                      Reason::continue_authentication};
        handle(Authenticated{ask.id, ask.ticket, one_of(verdicts), "u", {}});
    }

    void packet(std::uint32_t id, const Packet& what) { raw(id, emitted(what, version_of(id))); }
    void raw(std::uint32_t id, const Octets& octets) {
        const std::size_t cut = octets.empty() ? 0 : in_.u8() % octets.size();
        const Bytes all(octets);
        if (in_.u8() % 4 == 0) {
            handle(BytesReceived{ConnectionId{id}, all.first(cut)});
            handle(BytesReceived{ConnectionId{id}, all.subspan(cut)});
        } else {
            handle(BytesReceived{ConnectionId{id}, all});
        }
    }

    void handle(BrokerInput in) {
        broker_.handle(now_, std::move(in));
        check();
    }

    void check() const {
        const BrokerStats& s = broker_.stats();
        CAUSEWAY_ASSERT(s.balanced());
        CAUSEWAY_ASSERT(s.queue_octets <= settings_.queue_octets_max_all);
        CAUSEWAY_ASSERT(s.held_octets <= settings_.held_octets_max_all);
        CAUSEWAY_ASSERT(s.subscriptions <= settings_.subscriptions_max);
        CAUSEWAY_ASSERT(s.sessions <= settings_.sessions_max + connections);
        CAUSEWAY_ASSERT(s.clients_connected <= settings_.connections_max + connections);
        CAUSEWAY_ASSERT(s.connections <= connections);
        CAUSEWAY_ASSERT(s.clients_connected + s.connections_unready <= s.connections);
    }

    bool settle() {
        bool said = false;
        for (int outputs = 0;; ++outputs) {
            CAUSEWAY_ASSERT(outputs < 100'000);
            auto out = broker_.poll_output();
            if (!out.has_value()) break;
            said = true;
            if (const auto* send = std::get_if<Send>(&*out)) {
                const auto id = std::to_underlying(send->id);
                CAUSEWAY_ASSERT(id < connections && is_open_[id]);
                unsent_[id] += send->octets.size();
                if (send->body_of != nullptr) unsent_[id] += send->body_of->payload().size();
            } else if (const auto* close = std::get_if<Close>(&*out)) {
                is_open_[std::to_underlying(close->id)] = false;
            } else if (auto* ask = std::get_if<Authenticate>(&*out)) {
                asked_.push_back(std::move(*ask));
                if (asked_.size() > 8) asked_.erase(asked_.begin());
            } else if (auto* journal = std::get_if<Journal>(&*out)) {
                CAUSEWAY_ASSERT(settings_.persistent && journal->sequence == sequence_ + 1);
                sequence_ = journal->sequence;
                for (auto& fact : journal->facts) unsafe_.push_back(std::move(fact));
            }
        }
        check();
        return said;
    }

    void commit() {
        for (const JournalFact& fact : std::exchange(unsafe_, {})) store_.apply(fact);
        store_.check();
        handle(Committed{sequence_});
    }

    void tick() {
        settle();
        const Instant due = broker_.next_deadline();
        if (due == never) return;
        now_ = std::max(now_, due);
        broker_.handle_timeout(now_);
        const bool said = settle();
        CAUSEWAY_ASSERT(said || broker_.next_deadline() > due);
        broker_.handle_timeout(now_);
    }

    /// kill -9: what was not committed is gone.
    void restart() {
        settle();
        if (!settings_.persistent) return;
        unsafe_.clear();
        store_.check();
        broker_ =
            Broker(settings_, Random(2), now_, UnixMillis{1'700'000'000'000}, store_.recovered());
        sequence_ = 0;
        unsent_ = {};
        is_open_ = {};
        asked_.clear();
        settle();
        commit();
    }

    /// Everybody leaves, and time does the rest.
    void finish() {
        for (std::uint32_t id = 0; id < connections; ++id) {
            is_open_[id] = false;
            handle(ConnectionClosed{ConnectionId{id}});
        }
        settle();
        if (settings_.persistent) commit();
        for (const std::string_view name : names) handle(Kick{std::string(name), true});
        for (const auto& client : broker_.clients(now_, "", 100))
            handle(Kick{client.client_id, true});
        settle();
        if (settings_.persistent) commit();
        const BrokerStats& s = broker_.stats();
        CAUSEWAY_ASSERT(s.sessions == 0 && s.connections == 0 && s.subscriptions == 0);
        CAUSEWAY_ASSERT(s.queue_octets == 0 && s.messages_waiting == 0 && s.held_octets == 0);
        CAUSEWAY_ASSERT(s.unsent_octets == 0 && s.deliveries_waiting == 0);
        CAUSEWAY_ASSERT(store_.sessions.empty() && store_.deliveries.empty());
    }

    ByteReader in_;
    BrokerSettings settings_;
    Instant now_{std::chrono::seconds(1000)};
    Broker broker_;
    std::array<Version, connections> versions_{Version::v5, Version::v5, Version::v5,
                                               Version::v5, Version::v5, Version::v5};
    std::array<bool, connections> is_open_{};
    std::array<std::size_t, connections> unsent_{};
    std::vector<Authenticate> asked_;
    std::uint64_t sequence_ = 0;
    std::vector<JournalFact> unsafe_;
    testing::StoreModel store_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Script(std::as_bytes(std::span(data, size))).run();
    return 0;
}
