#pragma once
// All that a broker knows, and what it does, by concern: each group of functions has a file of its
// name. Nothing outside this folder includes it.
//
// A call never re-enters: what follows from something (a will, the end of a slow connection) is
// put on a list, and settle() sees to it before the call ends.
#include "base/lookup.hpp"
#include "base/outbox.hpp"
#include "mqtt/broker/broker.hpp"
#include "mqtt/broker/connection.hpp"
#include "mqtt/broker/encoder.hpp"
#include "mqtt/broker/key_counts.hpp"
#include "mqtt/broker/offer.hpp"
#include "mqtt/broker/retained_tree.hpp"
#include "mqtt/broker/session.hpp"
#include "mqtt/broker/subscription_tree.hpp"
#include "mqtt/broker/sys.hpp"
#include "mqtt/reasons.hpp"

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace causeway::mqtt {

struct Broker::State {
    State(const BrokerSettings& the_settings, Random the_random, Instant start,
          UnixMillis unix_start, Recovered recovered, Teller the_teller);

    // ---- broker.cpp: in, out, time
    void handle(Instant at, BrokerInput& in);
    void handle_timeout(Instant at);
    std::optional<BrokerOutput> poll();
    [[nodiscard]] Instant next_deadline() const noexcept;
    void settle();
    void poll_connection(Connection& c);
    void note(Note::Kind kind, const Session* s, const Connection* c, Reason reason,
              std::string_view what);
    [[nodiscard]] UnixMillis to_unix(Instant at) const noexcept;
    [[nodiscard]] Instant from_unix(UnixMillis at) const noexcept;
    [[nodiscard]] Connection* connection(ConnectionId id) noexcept;
    [[nodiscard]] Session& session(SubscriberId id) noexcept {
        return *sessions[std::to_underlying(id)];
    }

    // ---- connection.cpp: opening, octets in, closing
    void open(ConnectionOpened& in);
    void received(const BytesReceived& in);
    void take(Connection& c, Bytes in);
    void feed(Connection& c, Bytes in);
    bool keep_late(Connection& c, Bytes in, bool in_front);
    void resume_late(Connection& c);
    void stash(Connection& c, Bytes in);
    void resume_early(Connection& c);
    void dispatch(Connection& c, Bytes packet, Framer& framer);
    void on_packet(Connection& c, Bytes packet);
    void on_disconnect(Connection& c, const Disconnect& packet);
    void closed(ConnectionId id);
    /// Ends it from this side: DISCONNECT where the version has it, then Close.
    void end_connection(Connection& c, Reason reason, std::string_view what);
    /// The same for what the client did wrong.
    void refuse(Connection& c, const Refused& why);
    /// Separates it from its session: the will is due, or the session ends, or begins to expire.
    void detach(Connection& c, bool will_too);
    void begin_closing(Connection& c, bool at_once);
    void drop_connection(Connection& c);
    void mark(Connection& c);
    void send_packet(Connection& c, const Packet& packet);
    void send_octets(Connection& c, Bytes packet);
    void sent(Connection& c, std::size_t octets);
    void pause(Connection& c, Connection::Pause why, bool paused);
    void arm(Connection& c);
    void connection_due(Connection& c);
    [[nodiscard]] Instant keep_alive_due(const Connection& c) const noexcept;

    // ---- connect.cpp, auth.cpp: CONNECT and what it must prove
    void on_connect(Connection& c, Bytes packet);
    [[nodiscard]] std::optional<Refused> judge_connect(const Connection& c, const Connect& connect);
    [[nodiscard]] std::optional<Refused> judge_will(const Connection& c, const Connect& connect,
                                                    std::string_view user) const;
    void refuse_connect(Connection& c, Version version, Reason reason, std::string_view what);
    void accept_connect(Connection& c, const Connect& connect, std::string_view user);
    void send_connack(Connection& c);
    [[nodiscard]] Session* take_session(Connection& c, const Connect& connect, std::string_view id);
    [[nodiscard]] std::string make_client_id();
    void ask_host(Connection& c, const Connect& connect, bool again);
    void authenticated(Authenticated& in);
    void on_auth(Connection& c, const Auth& auth);
    void reauthenticated(Connection& c, Authenticated& in);

    // ---- sessions.cpp
    Session* begin_session(std::string_view client_id, std::uint32_t expiry_seconds,
                           std::string_view user, SessionKey key);
    void resume_session(Session& s);
    void end_session(Session& s);
    void absent(Session& s);
    void session_due(Session& s);
    void arm(Session& s);
    void unstore(Session& s);
    void drop_outbound(Session& s);
    void hand_over(Session& from, Delivery& delivery);
    [[nodiscard]] std::uint32_t expiry_of(const Connect& connect) const noexcept;

    // ---- inflight_in.cpp: PUBLISH from clients, PUBREL
    void on_publish(Connection& c, Bytes packet, Framer& framer);
    [[nodiscard]] std::optional<Refused> resolve_topic(Connection& c, Publish& publish);
    [[nodiscard]] std::optional<Refused> judge_publish(Connection& c, const Publish& publish);
    /// Why it is acknowledged, but goes nowhere.
    [[nodiscard]] std::optional<Reason> refuse_publish(const Connection& c, const Publish& publish);
    void publish_of(Connection& c, const Publish& publish, Framer* framer);
    [[nodiscard]] Receipt* receipt_of(Session& s, std::uint16_t packet_id);
    void save_receipt(Connection& c, std::uint16_t packet_id);
    bool forget_receipt(Connection& c, std::uint16_t packet_id);
    void on_pubrel(Connection& c, std::uint16_t packet_id);
    /// At once, or with the next commit if `gated`, or if answers before it wait.
    void answer(Connection& c, PacketType type, std::uint16_t packet_id, Reason reason, bool gated);

    // ---- inflight_out.cpp: PUBLISH to clients, their acknowledgements
    /// False: too large for the client.
    bool transmit(Connection& c, Offer& offer, const PublishEncoder::Shape& shape);
    void start_flight(Session& s, Offer& offer, Delivery delivery);
    void send_flight(Session& s, Delivery& delivery);
    void wake_flights(Session& s);
    void ungate(Session& s, std::uint16_t packet_id);
    [[nodiscard]] Delivery* flight_of(Session& s, std::uint16_t packet_id);
    [[nodiscard]] std::uint16_t next_packet_id(Session& s);
    void on_ack(Connection& c, PacketType type, std::uint16_t packet_id, Reason reason);
    void end_flight(Session& s, Delivery& delivery);
    void forget_delivery(Session& s, Delivery& delivery);

    // ---- queue.cpp
    void enqueue(Session& s, Offer& offer, const Terms& terms);
    [[nodiscard]] bool make_room(Session& s, std::size_t octets, const Terms& terms);
    void pump(Session& s);
    [[nodiscard]] Delivery take_queued(Session& s, std::size_t at);
    [[nodiscard]] std::size_t oldest_qos_0(Session& s);
    void trim_queue(Outbound& out);

    // ---- routing.cpp
    struct Routed {
        std::size_t matched = 0;
        bool refused_store = false;
    };
    [[nodiscard]] Routed route(Offer& offer, const Connection* from);
    void find_targets(Offer& offer, const Session* from);
    [[nodiscard]] bool must_store(const Offer& offer) const;
    void add_target(const Subscription& subscription, const Session* from, Qos qos);
    void add_shared(SharedGroup& group, std::string_view topic, const Session* from);
    void deliver(Session& s, Offer& offer, const Terms& terms);
    [[nodiscard]] bool may_read(const Session& s, std::string_view topic) const;
    [[nodiscard]] bool may_write(const Connection& c, std::string_view client_id,
                                 std::string_view user, std::string_view topic) const;
    void count_prefix(std::string_view topic, std::size_t octets, bool out);

    // ---- subscribe.cpp
    void on_subscribe(Connection& c, const Subscribe& subscribe);
    [[nodiscard]] Reason judge_filter(const Connection& c, const Subscribe::Entry& entry,
                                      bool with_identifier);
    struct NewFilter {
        Reason reason;
        bool is_new;
    };
    NewFilter add_filter(Session& s, std::string_view filter, SubscriptionOptions options,
                         std::uint32_t identifier);
    bool remove_filter(Session& s, std::string_view filter);
    void on_unsubscribe(Connection& c, const Unsubscribe& unsubscribe);

    // ---- retained.cpp
    void retain(Offer& offer);
    [[nodiscard]] bool retained_room(const Offer& offer);
    void send_retained(Session& s, std::string_view filter, SubscriptionOptions options,
                       std::uint32_t identifier);
    void forget_retained(std::string_view topic);

    // ---- wills.cpp
    void will_of(Session& s, const Will& will);
    void will_due(Session& s);
    void forget_will(Session& s);
    void publish_will(PendingWill& will);
    void publish_here(MessageRef message);

    // ---- journaling.cpp
    void journal(JournalFact fact);
    void journal_session(const Session& s);
    void journal_delivery(const Session& s, const Delivery& delivery);
    void name_message(Offer& offer);
    void use_key(MessageKey key);
    void drop_key(MessageKey key);
    [[nodiscard]] std::uint64_t gate() const noexcept;  // 0: nothing to wait for
    struct Waiting {
        enum class Kind : std::uint8_t { ack, answer, connack, flight };
        std::uint64_t sequence = 0;
        std::uint32_t number = 0;  // of a connection; of a session for a flight
        std::uint32_t generation = 0;
        Kind kind = Kind::ack;
        PacketType type = PacketType::puback;
        Reason reason = Reason::success;
        std::uint16_t packet_id = 0;
        struct Answer {  // SUBACK, UNSUBACK
            Octets packet;
            std::size_t reasons = 0;
            std::vector<std::string> added;  // filters that a refusal takes back
        };
        std::unique_ptr<Answer> answer;
    };
    void wait(Waiting waiting);
    void committed(std::uint64_t sequence);
    void commit_failed(std::uint64_t sequence);
    void release(Waiting& waiting);
    /// False: it cannot be refused, and goes on waiting.
    [[nodiscard]] bool refuse_waiting(Waiting& waiting);
    void send_ack(Connection& c, PacketType type, std::uint16_t packet_id, Reason reason);
    [[nodiscard]] Connection* waiting_connection(const Waiting& waiting);

    // ---- recovery.cpp
    void recover(Recovered& recovered);
    void recover_session(StoredSession& stored);
    void recover_deliveries(Recovered& recovered);
    void recover_retained(Recovered& recovered);
    [[nodiscard]] bool came_by_share(const Session& s, std::string_view topic) const;
    [[nodiscard]] Session* recovered_session(SessionKey key);
    std::vector<std::pair<SessionKey, std::uint32_t>> recovered_sessions;  // sorted; then empty

    // ---- backpressure.cpp
    void drained(const Drained& in);
    void congestion(Session& s);
    void hold_back(Connection& publisher, Session& s);
    void let_go(Session& s);
    void progress(Connection& c);
    void stall(Connection& c);
    void doom(Connection& c);
    void charge(Connection& c, std::size_t octets, std::size_t publishes);
    [[nodiscard]] bool connect_rate_exceeded();

    // ---- sys.cpp
    void publish_sys();
    void publish_loads(Duration passed);
    void tell(std::string_view name, std::string_view value);
    void tell(std::string_view name, std::uint64_t value);

    // ---- reports.cpp
    [[nodiscard]] ClientReport report_of(Instant at, const Session& s) const;
    [[nodiscard]] std::vector<ClientReport> clients(Instant at, std::string_view after,
                                                    std::size_t max) const;

    void kick(const Kick& in);
    void shut_down();

    BrokerSettings settings;
    BrokerStats stats;
    Random random;
    Teller teller;
    Instant now;
    Instant epoch;
    std::int64_t unix_epoch;  // milliseconds, at `epoch`
    bool shut = false;

    std::vector<std::unique_ptr<Connection>> connections;  // by ConnectionId
    std::vector<std::unique_ptr<Session>> sessions;        // by SubscriberId
    std::vector<std::uint32_t> free_sessions;              // a heap, the lowest first
    Lookup<std::uint32_t> session_of;                      // by client id
    SubscriptionTree subscriptions;
    RetainedTree retained;
    TimerHeap timers;
    std::vector<std::string> listeners;  // names, by Connection::listener
    std::shared_ptr<const AccessRules> rules;
    std::uint32_t generations = 0;
    std::uint32_t tickets = 0;
    Instant connects_paid{};

    // What is put out: connections with something to say, then all else.
    std::vector<ConnectionId> dirty;
    std::size_t dirty_next = 0;
    Outbox<BrokerOutput> outbox;

    // A publish on its way.
    Framer shared_framer;
    PublishEncoder encoder;
    std::uint64_t stamp = 0;
    std::vector<Target> targets;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> more_identifiers;  // target, identifier
    std::vector<std::uint32_t> identifiers;
    Connection* publisher = nullptr;  // who is held back if a subscriber cannot keep up

    // To be settled before a call ends.
    std::vector<std::unique_ptr<PendingWill>> wills_due;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> doomed;  // connection, generation
    std::vector<std::pair<std::uint32_t, std::uint32_t>> let_on;  // publishers held back before
    bool settling = false;

    // The journal.
    std::vector<JournalFact> facts;
    std::uint64_t emitted = 0;
    std::uint64_t safe = 0;  // sequence
    std::uint64_t keys_used = 0;
    bool failing = false;
    bool recovering = false;  // facts are read, not written
    Ring<Waiting> waiting;
    KeyCounts keys;

    SysReport sys;
};

}  // namespace causeway::mqtt
