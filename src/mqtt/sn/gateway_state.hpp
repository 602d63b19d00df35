#pragma once
// The inside of a Gateway, shared by the files that its concerns are split into:
//   gateway.cpp            what comes in, timers, outputs
//   gateway_connect.cpp    CONNECT, wills, DISCONNECT, sleep
//   gateway_topics.cpp     REGISTER, SUBSCRIBE, UNSUBSCRIBE
//   gateway_publish.cpp    from clients to the broker
//   gateway_deliver.cpp    from the broker to clients
//   gateway_links.cpp      connections to the broker
//   gateway_aggregate.cpp  one connection for all
#include "base/outbox.hpp"
#include "mqtt/framer.hpp"
#include "mqtt/packet.hpp"
#include "mqtt/sn/gateway.hpp"
#include "mqtt/sn/packet.hpp"
#include "mqtt/sn/topics.hpp"

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <set>

namespace causeway::mqtt::sn {

/// A peer, or a node behind a peer that forwards for it.
struct Origin {
    Peer peer;
    std::array<std::byte, Encapsulation::node_octets_max> node{};
    std::uint8_t node_octets = 0;

    friend auto operator<=>(const Origin&, const Origin&) = default;
};

enum class ClientNumber : std::uint32_t {};  // never used again

struct WillData {
    std::string topic;
    std::string message;
    Qos qos = Qos::at_most_once;
    bool retain = false;
};

/// What a client asked of the broker and has no answer to yet, by its message id.
struct Upward {
    enum class Kind : std::uint8_t { publish, publish_twice, subscribe, unsubscribe };
    Kind kind = Kind::publish;
    bool recorded = false;  // QoS 2: the broker said PUBREC
    bool released = false;  // QoS 2: the client said PUBREL
    std::uint16_t packet_id = 0;
    TopicKind topic_kind = TopicKind::normal;
    std::uint16_t topic_id = topic_id_none;
    std::string filter{};      // SUBSCRIBE
    std::uint64_t digest = 0;  // of a publish's payload
};

/// The last publishes that are over, in case the end of one is lost, or a network delivers one
/// twice.
struct Acknowledged {
    std::uint16_t message_id = 0;
    std::uint16_t topic_id = topic_id_none;
    ReturnCode code = ReturnCode::accepted;
    bool twice = false;  // QoS 2
    std::uint64_t digest = 0;
    Instant at{};
};

/// Shared by all the clients that it goes to.
struct Content {
    std::string topic;
    std::string payload;
};

struct Delivery {
    std::shared_ptr<const Content> content;  // none: only the end of a QoS 2 exchange, PUBREL
    Qos qos = Qos::at_most_once;
    bool retain = false;
    bool dup = false;
    bool again = false;            // the client did not know the topic id: told once more
    std::uint16_t packet_id = 0;   // of the broker; transparent only
    std::uint16_t message_id = 0;  // to the client, once it was sent
};

/// What the first delivery of the queue waits for.
struct Exchange {
    enum class Step : std::uint8_t { none, registering, publishing, recorded, releasing };
    Step step = Step::none;
    std::uint8_t retries = 0;
    std::uint16_t message_id = 0;
    Instant retry_at = never;
};

/// A client, as the gateway sees it.
struct Guest {
    enum class Stage : std::uint8_t {
        will_topic,
        will_message,
        broker,
        active,
        asleep,
        awake,
        absent,
    };
    ClientNumber number{};
    std::string id;
    Origin origin;
    Stage stage = Stage::broker;
    bool clean_session = true;
    bool will_wanted = false;
    bool fresh = false;         // nothing came since CONNACK: another CONNECT is the same one
    bool will_is_here = false;  // the broker's copy is out of date
    std::uint16_t keep_alive_seconds = 0;
    std::uint16_t sleep_seconds = 0;
    Instant supervised_until = never;
    std::optional<LinkId> link;  // transparent
    std::optional<WillData> will;

    Topics topics;
    std::map<std::uint16_t, Upward> upward;
    std::array<Acknowledged, 4> acknowledged{};
    std::uint8_t next_acknowledged = 0;
    std::map<std::string, Qos, std::less<>> subscriptions;  // aggregating

    std::deque<Delivery> queue;
    std::size_t queue_octets = 0;
    Exchange exchange;
    std::uint16_t last_message_id = 0;

    [[nodiscard]] bool connecting() const noexcept { return stage <= Stage::broker; }
    [[nodiscard]] bool reachable() const noexcept {
        return stage == Stage::active || stage == Stage::awake;
    }
};

/// Whose packet id that is, on the gateway's own link.
struct Owner {
    ClientNumber client{};
    std::uint16_t message_id = 0;  // of the client; 0: the gateway's own publish
};

struct Link {
    LinkId id{};
    Version version = Version::v5;
    std::optional<ClientNumber> client;  // none: the gateway's own, or one that takes its leave
    bool up = false;
    bool leaving = false;  // the will is said, then DISCONNECT
    Framer framer;
    Duration ping_interval{};  // zero: the broker asks for none
    Instant deadline = never;  // of the next PINGREQ, of CONNACK, of the leave
    std::uint16_t receive_maximum = 65535;
    std::uint16_t last_packet_id = 0;
    std::map<std::uint16_t, Owner> owners;     // own link
    std::set<std::uint16_t> received_twice{};  // QoS 2 packets taken, until PUBREL

    explicit Link(LinkId number, std::uint32_t packet_octets_max)
        : id(number), framer(packet_octets_max) {}
};

/// Filters of all clients together.
struct Merged {
    struct Subscriber {
        Qos qos = Qos::at_most_once;
        std::uint32_t identifier = 0;  // of the SUBSCRIBE that brings its retained messages
    };
    Qos qos_max = Qos::at_most_once;
    std::map<ClientNumber, Subscriber> subscribers;
};

/// QoS -1 while the own link is not up.
struct MinusOne {
    std::string topic;
    std::string payload;
    bool retain = false;
};

struct Gateway::State {
    State(GatewaySettings given, Random chance, Instant now, Teller say);

    // ---- gateway.cpp
    void handle(const DatagramReceived& datagram);
    void handle_timeout(Instant at);
    [[nodiscard]] Instant next_deadline() const noexcept;
    void dispatch(const Origin& origin, const Message& message);
    bool from_client(Guest& client, const Body& body);
    void from_stranger(const Origin& origin, const Message& message);
    void search(const Origin& origin);
    void send(const Origin& origin, const Body& body);
    void send(const Guest& client, const Body& body) { send(client.origin, body); }
    void note(Note::Kind kind, const Guest& client, std::string_view what);
    void watch(Guest& client);  // after every change of one of its deadlines
    void supervise(Guest& client, std::uint32_t seconds);
    [[nodiscard]] Guest* find(ClientNumber number);
    void client_due(Guest& client);

    // ---- gateway_connect.cpp
    void connect(const Origin& origin, const Connect& connect, Guest* there);
    bool will_topic(Guest& client, const WillTopic& will);
    bool will_message(Guest& client, const WillMessage& will);
    void update_will(Guest& client, const WillTopic& will);
    void update_will(Guest& client, const WillMessage& will);
    void ask_broker(Guest& client);
    void accepted(Guest& client);
    enum class Refusal : std::uint8_t { refused, congested, abandoned };
    void refuse(Guest& client, Refusal why, ReturnCode code, std::string_view what);
    void disconnect(Guest& client, std::optional<std::uint16_t> sleep_for);
    void ping(Guest& client);
    void wake(Guest& client, const Connect& connect);
    void lose(Guest& client, std::string_view what);
    void move(Guest& client, const Origin& origin);
    void leave(Guest& client, bool with_will);  // its connection; it stays in the tables
    void remove(Guest& client);
    void end_session(Guest& client);
    void depart(Guest& client);  // removed, or absent if its session is kept here
    [[nodiscard]] Guest* admit(const Origin& origin, std::string_view id);
    void begin(Guest& client, const Connect& connect);
    [[nodiscard]] bool repeated(Guest& client, const Connect& connect);

    // ---- gateway_topics.cpp
    void register_topic(Guest& client, const Register& registration);
    void subscribe(Guest& client, const Subscribe& subscribe);
    void unsubscribe(Guest& client, const Subscribe& subscribe);
    void answered(Guest& client, std::uint16_t message_id, Reason reason);
    [[nodiscard]] std::string_view predefined(const Guest* client, std::uint16_t id) const;
    /// Empty when it stands for nothing, or for no legal name.
    [[nodiscard]] std::string topic_of(const Guest* client, TopicKind kind, std::uint16_t id) const;

    // ---- gateway_publish.cpp
    void publish(Guest& client, const Publish& publish);
    void publish_minus_one(const Guest* client, const Publish& publish);
    void release(Guest& client, std::uint16_t message_id);
    void publish_acknowledged(Guest& client, std::uint16_t message_id, PacketType type,
                              Reason reason);
    [[nodiscard]] bool known_already(Guest& client, const Publish& publish);
    void over(Guest& client, std::uint16_t message_id, const Upward& publish, ReturnCode code);
    [[nodiscard]] Link* link_of(const Guest& client);
    [[nodiscard]] std::optional<std::uint16_t> packet_id_for(Link& link, const Guest& client,
                                                             std::uint16_t message_id);
    void say_will(Guest& client, Link& link);

    // ---- gateway_deliver.cpp
    void deliver(Guest& client, Delivery delivery);
    void pump(Guest& client);
    bool send_first(Guest& client);
    void transmit(Guest& client);
    void done(Guest& client, std::uint64_t& outcome, Reason reason = Reason::success);
    void settle(Guest& client, const Delivery& delivery, Reason reason);
    bool regack(Guest& client, const Regack& ack);
    bool puback(Guest& client, const Puback& ack);
    bool handshake(Guest& client, const Handshake& handshake);
    void broker_released(Guest& client, Link& link, std::uint16_t packet_id);
    void drop_queue(Guest& client);
    void retry(Guest& client);
    void interrupt(Guest& client);  // the connection ends; what QoS 2 has promised stays
    void resume(Guest& client);
    [[nodiscard]] std::uint16_t next_message_id(Guest& client);

    // ---- gateway_links.cpp
    Link& open_link(Version version, std::optional<ClientNumber> client);
    void send(Link& link, const Packet& packet);
    void close_link(LinkId id, bool politely);
    void from_broker(const BrokerReceived& received);
    void from_broker(Link& link, const Packet& packet);
    void from_broker(Link& link, const mqtt::Publish& publish);
    void acknowledged_by_broker(Link& link, const Ack& ack);
    void link_closed(LinkId id);
    void link_up(Link& link, const mqtt::Connack& connack);
    void link_due(Link& link);
    void watch(const Link& link);
    void need_own_link();
    void shut_down();

    // ---- gateway_aggregate.cpp
    [[nodiscard]] bool aggregating() const noexcept {
        return settings.mode == GatewaySettings::Mode::aggregating;
    }
    void fan_out(Link& link, const mqtt::Publish& publish);
    void merge(Guest& client, std::string_view filter, Qos qos, std::uint16_t packet_id);
    /// True when the broker is asked to forget the filter.
    bool unmerge(ClientNumber client, std::string_view filter);
    void resubscribe(Link& link);
    void own_link_gone(bool refused);

    // Deadlines of clients and links, one each.
    using Key = std::uint64_t;
    [[nodiscard]] static Key key_of(ClientNumber n) { return std::to_underlying(n); }
    [[nodiscard]] static Key key_of(LinkId n) { return Key{1} << 32 | std::to_underlying(n); }
    void arm(Key key, Instant at);

    GatewaySettings settings;
    Random random;
    Teller teller;
    Instant now;
    GatewayStats stats;
    Outbox<GatewayOutput> out;

    std::map<ClientNumber, Guest> clients;
    std::map<std::string, ClientNumber, std::less<>> by_id;
    std::map<Origin, ClientNumber> by_origin;
    std::uint32_t last_client = 0;
    std::map<LinkId, Link> links;
    std::uint32_t last_link = 0;
    std::optional<LinkId> own;
    Instant reopen_at = never;
    bool stopped = false;
    std::map<std::string, Merged, std::less<>> merged;
    std::uint32_t last_identifier = 0;
    std::deque<MinusOne> minus_one;

    std::map<Key, Instant> armed;
    std::set<std::pair<Instant, Key>> due;
    Instant advertise_at = never;
    struct Search {
        Instant at;
        Origin origin;
    };
    std::vector<Search> searches;
    /// Who left lately, in case our answer is lost: nobody else's DISCONNECT is answered, or two
    /// gateways could be made to say it to each other for ever.
    std::deque<Origin> left;
    /// Of sessions that are not clean, whose will outlives the connection.
    std::map<std::string, WillData, std::less<>> wills_kept;
    static constexpr std::size_t left_max = 64;
};

[[nodiscard]] constexpr Qos qos_of(Quality quality) noexcept {
    return static_cast<Qos>(std::to_underlying(quality));
}
[[nodiscard]] constexpr Quality quality_of(Qos qos) noexcept {
    return static_cast<Quality>(std::to_underlying(qos));
}
/// What a broker's refusal is called in MQTT-SN.
[[nodiscard]] ReturnCode return_code_of(Reason reason) noexcept;

}  // namespace causeway::mqtt::sn
