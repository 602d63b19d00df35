#pragma once
// An MQTT-SN 1.2 client as an engine, small enough for a constrained node: it finds its gateway or
// is told of it, connects, registers what it publishes, subscribes, keeps alive, and sleeps between
// two exchanges if asked to [MQTT-SN 1.2 §6].
//
//   Start -> SendDatagram(CONNECT) -> DatagramReceived(CONNACK) -> StateChanged(active)
//   DoPublish -> SendDatagram(REGISTER) -> ... -> SendDatagram(PUBLISH) -> ... -> Published
//
//   - One exchange at a time; what is to be published waits in a bounded queue, also while there is
//     no connection. Without an answer `retries_max` times the gateway is given up, and tried again
//     after a time that doubles.
//   - Asleep, it wakes by PINGREQ each `sleep_seconds`; when there is something to publish it
//     connects, says it, and sleeps again [MQTT-SN 1.2 §6.14].
//   - Left out: a change of the will while connected, a choice between several gateways.
#include "base/engine.hpp"
#include "base/outbox.hpp"
#include "base/random.hpp"
#include "base/tap.hpp"
#include "mqtt/sn/gateway_events.hpp"
#include "mqtt/sn/gateway_settings.hpp"
#include "mqtt/sn/packet.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace causeway::mqtt::sn {

struct ClientSettings {
    struct Will {
        std::string topic;
        std::string message;
        Quality qos = Quality::at_most_once;
        bool retain = false;
    };
    std::string client_id;
    std::optional<Peer> gateway{};    // none: searched for
    std::optional<Peer> search_to{};  // a group
    std::uint16_t keep_alive_seconds = 300;
    std::uint16_t sleep_seconds = 0;  // 0: it stays awake
    bool clean_session = true;
    std::optional<Will> will{};
    std::vector<PredefinedTopic> predefined{};

    // [MQTT-SN 1.2 §7.2]
    Duration retry_after = std::chrono::seconds(10);
    std::uint8_t retries_max = 4;
    Duration search_within = std::chrono::seconds(5);
    Duration congestion_wait = std::chrono::minutes(5);
    Duration reconnect_min = std::chrono::seconds(5);
    Duration reconnect_max = std::chrono::minutes(5);

    std::uint16_t queue_max = 8;
    std::uint16_t queue_octets_max = 1024;
    std::uint16_t topics_max = 16;
    std::uint16_t subscriptions_max = 4;
};

class Client {
public:
    enum class State : std::uint8_t { idle, searching, connecting, active, asleep, waiting };

    struct Start {};
    struct Stop {};  // says goodbye, and forgets what waits
    struct DoPublish {
        std::uint16_t id = 0;  // its message id, unless 0 or in use
        std::string topic{};
        std::string payload{};
        Quality qos = Quality::at_most_once;
        bool retain = false;
    };
    struct DoSubscribe {
        std::string filter;
        Quality qos = Quality::at_most_once;
    };
    struct DoUnsubscribe {
        std::string filter;
    };
    using Input =
        std::variant<DatagramReceived, Start, Stop, DoPublish, DoSubscribe, DoUnsubscribe>;

    struct StateChanged {
        State state;
    };
    enum class Outcome : std::uint8_t { accepted, refused, dropped };
    /// QoS 0 is accepted as soon as it is sent.
    struct Published {
        std::uint16_t id;
        Outcome outcome;
    };
    struct Subscribed {
        std::string filter;
        Outcome outcome;
    };
    struct Received {
        std::string topic;
        std::string payload;
        bool retain = false;
    };
    using Output = std::variant<SendDatagram, StateChanged, Published, Subscribed, Received>;

    struct Stats {
        std::uint64_t publishes = 0;
        std::uint64_t published = 0;
        std::uint64_t publishes_refused = 0;  // by the gateway
        std::uint64_t publishes_dropped = 0;  // the queue was full, or the client stopped
        std::uint64_t publishes_waiting = 0;  // a gauge
        std::uint64_t datagrams_sent = 0;
        std::uint64_t datagrams_received = 0;
        std::uint64_t datagrams_ignored = 0;  // of others, malformed, answers to nothing
        std::uint64_t retransmissions = 0;
        std::uint64_t connects = 0;
        std::uint64_t gateways_lost = 0;
        std::uint64_t received = 0;
        std::uint64_t received_twice = 0;
        std::uint64_t topics_refused = 0;         // topics_max
        std::uint64_t subscriptions_refused = 0;  // subscriptions_max, or by the gateway

        template <class F>
        void visit(F&& named) const {
            named("publishes", publishes);
            named("published", published);
            named("publishes_refused", publishes_refused);
            named("publishes_dropped", publishes_dropped);
            named("publishes_waiting", publishes_waiting);
            named("datagrams_sent", datagrams_sent);
            named("datagrams_received", datagrams_received);
            named("datagrams_ignored", datagrams_ignored);
            named("retransmissions", retransmissions);
            named("connects", connects);
            named("gateways_lost", gateways_lost);
            named("received", received);
            named("received_twice", received_twice);
            named("topics_refused", topics_refused);
            named("subscriptions_refused", subscriptions_refused);
        }
        [[nodiscard]] bool balanced() const {
            return publishes ==
                       published + publishes_refused + publishes_dropped + publishes_waiting &&
                   datagrams_ignored <= datagrams_received;
        }
    };

    Client(ClientSettings settings, Random random, Instant now, Teller teller = {});

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output() { return out_.poll(); }
    [[nodiscard]] Instant next_deadline() const noexcept;
    [[nodiscard]] State state() const noexcept { return state_; }
    [[nodiscard]] const Stats& stats() const noexcept { return stats_; }

private:
    struct Topic {
        std::string name;
        std::uint16_t id;
    };
    struct Alias {
        TopicKind kind;
        std::uint16_t id;
    };
    struct Subscription {
        std::string filter;
        Quality qos;
        bool asked = false;  // in this connection
        bool undo = false;
    };
    enum class Step : std::uint8_t {
        none,
        search,
        connect,
        will_topic,
        will_message,
        register_,
        publish,
        release,
        subscribe,
        ping,
        sleep,
    };

    void accept(DoPublish publish);
    void accept(DoSubscribe subscribe);
    void accept(DoUnsubscribe unsubscribe);
    void start();
    void stop();
    void received(const DatagramReceived& datagram);
    bool dispatch(const Body& body);
    bool connected(const Connack& ack);
    bool registered(const Regack& ack);
    bool acknowledged(const Puback& ack);
    bool subscribed(const Suback& ack);
    bool unsubscribed(const Unsuback& ack);
    bool handshake(const Handshake& step);
    bool told(const Register& registration);
    bool arrived(const Publish& publish);
    bool disconnected();
    bool ponged();
    void found(const Peer& gateway);

    void connect(bool anew);
    void advance();  // the next exchange, if there is none
    void begin(Step step, std::uint16_t message_id = 0);
    void transmit();  // what the exchange stands at
    void publish_minus_one(const DoPublish& publish);
    void finish_first(Outcome outcome);
    void finish_subscription(Outcome outcome);
    void give_up();
    void wait_for(Duration span);
    void become(State state);
    void send(const Body& body);
    void sleep_until_due();
    [[nodiscard]] std::optional<Alias> alias_of(std::string_view name) const;
    [[nodiscard]] std::string name_of(TopicKind kind, std::uint16_t id) const;
    bool remember(std::string_view name, std::uint16_t id);
    [[nodiscard]] std::uint16_t own_id();
    [[nodiscard]] Subscription* unasked();

    ClientSettings settings_;
    Random random_;
    Teller teller_;
    Instant now_;
    State state_ = State::idle;
    Step step_ = Step::none;
    bool was_asleep_ = false;  // the gateway knows us: CONNECT only wakes
    // Of the first of the queue:
    bool again_ = false;     // its topic id was refused once
    bool sent_ = false;      // it may have arrived, whatever came of the connection
    bool recorded_ = false;  // QoS 2: it has; only PUBREL is left to say
    std::uint8_t retries_ = 0;
    std::uint8_t failures_ = 0;
    std::uint16_t message_id_ = 0;
    std::uint16_t last_own_id_ = 0;
    std::optional<Peer> gateway_;
    Instant retry_at_ = never;
    Instant hold_until_ = never;  // of congestion: nothing new until then
    Instant next_at_ = never;     // keep alive, waking, connecting again: by the state
    std::vector<DoPublish> queue_;
    std::size_t queue_octets_ = 0;
    std::vector<Topic> topics_;
    std::vector<Subscription> subscriptions_;
    std::vector<std::uint16_t> received_twice_;  // QoS 2 ids until PUBREL
    static constexpr std::size_t received_twice_max = 4;
    Outbox<Output> out_;
    Stats stats_;
};

static_assert(Engine<Client>);
static_assert(Stats<Client::Stats>);
static_assert(sizeof(Client) <= 1024, "a node has 16 KB in all");

[[nodiscard]] std::string_view name_of(Client::State state) noexcept;

}  // namespace causeway::mqtt::sn
