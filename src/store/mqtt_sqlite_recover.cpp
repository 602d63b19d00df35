#include "store/mqtt_sqlite.hpp"

#include <algorithm>

namespace causeway::store {
namespace {

mqtt::SessionKey session_key(std::int64_t value) {
    return mqtt::SessionKey{static_cast<std::uint64_t>(value)};
}
mqtt::MessageKey message_key(std::int64_t value) {
    return mqtt::MessageKey{static_cast<std::uint64_t>(value)};
}

Instant instant_of(mqtt::UnixMillis when, mqtt::UnixMillis unix_now, Instant now) {
    using std::chrono::milliseconds;
    constexpr std::int64_t span = 4'000'000'000'000;  // 126 years, and no sum of them overflows
    if (when == mqtt::UnixMillis::forever) return never;
    const std::int64_t at = std::clamp(std::to_underlying(when), -span, span);
    const std::int64_t from = std::clamp(std::to_underlying(unix_now), -span, span);
    return after(now, milliseconds(at - from));
}

/// The rows of messages and of wills end alike: expires_at, flags, topic, properties, size of the
/// payload, and the payload unless it is large.
struct Row {
    const Statement& statement;
    int at;  // of expires_at
    const char* table;
    std::int64_t key;
};

/// One allocation holds all texts and the payload.
mqtt::MessageRef message_in(Sqlite& database, const Row& row, Instant expires_at) {
    const auto& [statement, at, table, key] = row;
    const std::string_view topic = statement.text(at + 2);
    const Bytes properties = statement.blob(at + 3);
    const auto payload_octets = static_cast<std::size_t>(statement.integer(at + 4));
    Octets storage(topic.size() + properties.size() + payload_octets);
    const MutableBytes all(storage);
    const auto payload = all.last(payload_octets);
    ByteWriter out(all);
    out.put(as_octets(topic));
    out.put(properties);
    if (statement.is_null(at + 5)) {
        if (!database.read_blob(table, "payload", key, payload)) return nullptr;
    } else {
        out.put(statement.blob(at + 5).first(payload_octets));
    }
    const auto flags = statement.integer(at + 1);
    mqtt::Publish publish;
    publish.topic = as_text(all.first(topic.size()));
    publish.payload = payload;
    publish.qos = static_cast<mqtt::Qos>(std::min<std::int64_t>(flags & 3, 2));
    publish.retain = (flags & 4) != 0;
    ByteReader in(all.subspan(topic.size(), properties.size()));
    if (mqtt::parse_properties(in, mqtt::PropertyPlace::publish, publish.properties))
        return nullptr;
    return std::make_shared<const mqtt::Message>(std::move(storage), publish, expires_at);
}

// Payloads above 65,536 octets are read past SQLite's memory.
constexpr std::string_view all_sessions =
    "SELECT s.session, s.client_id, s.user_name, s.ends_at, s.expiry_seconds, w.publish_at, "
    "w.expires_at, w.flags, w.topic, w.properties, length(w.payload), "
    "CASE WHEN length(w.payload) <= 65536 THEN w.payload END "
    "FROM sessions s LEFT JOIN wills w USING(session) ORDER BY s.session";
constexpr std::string_view all_messages =
    "SELECT message, expires_at, flags, topic, properties, length(payload), "
    "CASE WHEN length(payload) <= 65536 THEN payload END FROM messages ORDER BY message";

/// Reads every table, and remembers the first trouble.
class Recovery {
public:
    Recovery(Sqlite& database, mqtt::UnixMillis unix_now, Instant now)
        : database_(database), unix_now_(unix_now), now_(now) {}

    Opened<mqtt::Recovered> everything() {
        sessions();
        messages();
        rows("SELECT session, filter, options, identifier FROM subscriptions",
             [this](const Statement& row) { subscription(row); });
        rows(
            "SELECT session, position, message, packet_id, flags, identifiers FROM deliveries "
            "ORDER BY session, position",
            [this](const Statement& row) { delivery(row); });
        rows("SELECT session, packet_id FROM receipts", [this](const Statement& row) {
            kept_.receipts.push_back(
                {session_key(row.integer(0)), static_cast<std::uint16_t>(row.integer(1))});
        });
        rows("SELECT topic, message FROM retained", [this](const Statement& row) {
            kept_.retained.push_back({std::string(row.text(0)), message_key(row.integer(1))});
        });
        if (trouble_) return std::unexpected(*std::move(trouble_));
        return std::move(kept_);
    }

private:
    template <class Each>
    void rows(std::string_view sql, Each each) {
        if (trouble_) return;
        auto statement = database_.prepare(sql);
        if (!statement) {
            trouble_ = statement.error();
            return;
        }
        while (!trouble_ && statement->step()) each(*statement);
        if (!trouble_ && !statement->ok()) trouble_ = database_.trouble();
    }

    mqtt::MessageRef message(const Row& row, mqtt::UnixMillis expires_at) {
        auto read = message_in(database_, row, instant_of(expires_at, unix_now_, now_));
        if (!read)
            trouble_ = Trouble{database_.path() + ": row " + std::to_string(row.key) + " of " +
                               row.table + " is damaged; move the file away to start without it"};
        return read;
    }

    void sessions() {
        rows(all_sessions, [this](const Statement& row) {
            mqtt::StoredSession session{
                .key = session_key(row.integer(0)),
                .client_id = std::string(row.text(1)),
                .user_name = std::string(row.text(2)),
                .ends_at = mqtt::UnixMillis{row.integer(3)},
                .expiry_seconds = static_cast<std::uint32_t>(row.integer(4)),
                .will = {}};
            if (!row.is_null(5))
                session.will = mqtt::StoredWill{
                    message({row, 6, "wills", row.integer(0)}, mqtt::UnixMillis{row.integer(6)}),
                    mqtt::UnixMillis{row.integer(5)}};
            kept_.sessions.push_back(std::move(session));
        });
    }

    void messages() {
        rows(all_messages, [this](const Statement& row) {
            const mqtt::UnixMillis expires_at{row.integer(1)};
            kept_.messages.push_back({message_key(row.integer(0)),
                                      message({row, 1, "messages", row.integer(0)}, expires_at),
                                      expires_at});
        });
    }

    void subscription(const Statement& row) {
        const std::int64_t flags = row.integer(2);
        mqtt::SubscriptionOptions options;
        options.qos_max = static_cast<mqtt::Qos>(std::min<std::int64_t>(flags & 3, 2));
        options.no_local = (flags & 4) != 0;
        options.retain_as_published = (flags & 8) != 0;
        options.retain_handling =
            static_cast<mqtt::RetainHandling>(std::min<std::int64_t>(flags >> 4 & 3, 2));
        kept_.subscriptions.push_back({session_key(row.integer(0)), std::string(row.text(1)),
                                       options, static_cast<std::uint32_t>(row.integer(3))});
    }

    void delivery(const Statement& row) {
        using State = mqtt::StoredDelivery::State;
        const std::int64_t flags = row.integer(4);
        mqtt::StoredDelivery one{.session = session_key(row.integer(0)),
                                 .order = static_cast<std::uint64_t>(row.integer(1)),
                                 .message = message_key(row.integer(2))};
        one.packet_id = static_cast<std::uint16_t>(row.integer(3));
        one.state = static_cast<State>(std::min<std::int64_t>(flags & 3, 2));
        one.qos = static_cast<mqtt::Qos>(std::min<std::int64_t>(flags >> 2 & 3, 2));
        one.retain = (flags & 16) != 0;
        ByteReader in(row.blob(5));
        while (in.remaining() >= sizeof(std::uint32_t))
            one.subscription_identifiers.push_back(in.be32());
        kept_.deliveries.push_back(std::move(one));
    }

    Sqlite& database_;
    mqtt::UnixMillis unix_now_;
    Instant now_;
    mqtt::Recovered kept_;
    std::optional<Trouble> trouble_;
};

}  // namespace

Opened<mqtt::Recovered> SqliteMqttRecords::recover(mqtt::UnixMillis unix_now, Instant now) {
    auto kept = Recovery(database_, unix_now, now).everything();
    if (!kept) return kept;
    kept->keys_used = mark_;
    for (const auto& session : kept->sessions)
        kept->keys_used = std::max(kept->keys_used, std::to_underlying(session.key));
    for (const auto& message : kept->messages)
        kept->keys_used = std::max(kept->keys_used, std::to_underlying(message.key));
    return kept;
}

}  // namespace causeway::store
