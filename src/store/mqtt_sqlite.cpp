#include "store/mqtt_sqlite.hpp"

#include <algorithm>
#include <utility>

namespace causeway::store {
namespace {

constexpr std::int64_t application_id = 0x43775851;  // "CwXQ"
constexpr std::int64_t page_octets = 4096;
constexpr std::uint64_t keys_at_once = 65536;  // the mark on the disk is so far ahead
constexpr std::int64_t free_pages_kept = 4096;
constexpr const char* vacuum_piece = "PRAGMA incremental_vacuum(256)";

// Payloads stand last in their rows, so that the rest is read without them; rows with payloads are
// in tables with a rowid, whose leaves may spill. All others are their own index.
constexpr const char* tables = R"(
CREATE TABLE marks(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE sessions(session INTEGER PRIMARY KEY, client_id TEXT NOT NULL,
    user_name TEXT NOT NULL, ends_at INTEGER NOT NULL, expiry_seconds INTEGER NOT NULL);
CREATE TABLE wills(session INTEGER PRIMARY KEY, publish_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL, flags INTEGER NOT NULL, topic TEXT NOT NULL,
    properties BLOB NOT NULL, payload BLOB NOT NULL);
CREATE TABLE subscriptions(session INTEGER, filter TEXT, options INTEGER NOT NULL,
    identifier INTEGER NOT NULL, PRIMARY KEY(session, filter)) WITHOUT ROWID;
CREATE TABLE messages(message INTEGER PRIMARY KEY, expires_at INTEGER NOT NULL,
    flags INTEGER NOT NULL, topic TEXT NOT NULL, properties BLOB NOT NULL, payload BLOB NOT NULL);
CREATE TABLE deliveries(session INTEGER, position INTEGER, message INTEGER NOT NULL,
    packet_id INTEGER NOT NULL, flags INTEGER NOT NULL, identifiers BLOB NOT NULL,
    PRIMARY KEY(session, position)) WITHOUT ROWID;
CREATE TABLE receipts(session INTEGER, packet_id INTEGER,
    PRIMARY KEY(session, packet_id)) WITHOUT ROWID;
CREATE TABLE retained(topic TEXT PRIMARY KEY, message INTEGER NOT NULL) WITHOUT ROWID;
)";

// In the order of SqliteMqttRecords::Sql.
constexpr std::array<std::string_view, 20> texts{
    "BEGIN IMMEDIATE",
    "COMMIT",
    "REPLACE INTO marks VALUES('keys_used', ?)",
    "REPLACE INTO sessions VALUES(?, ?, ?, ?, ?)",
    "DELETE FROM sessions WHERE session = ?",
    "REPLACE INTO wills VALUES(?, ?, ?, ?, ?, ?, ?)",
    "DELETE FROM wills WHERE session = ?",
    "REPLACE INTO subscriptions VALUES(?, ?, ?, ?)",
    "DELETE FROM subscriptions WHERE session = ? AND filter = ?",
    "DELETE FROM subscriptions WHERE session = ?",
    "REPLACE INTO messages VALUES(?, ?, ?, ?, ?, ?)",
    "DELETE FROM messages WHERE message = ?",
    "REPLACE INTO deliveries VALUES(?, ?, ?, ?, ?, ?)",
    "DELETE FROM deliveries WHERE session = ? AND position = ?",
    "DELETE FROM deliveries WHERE session = ?",
    "REPLACE INTO receipts VALUES(?, ?)",
    "DELETE FROM receipts WHERE session = ? AND packet_id = ?",
    "DELETE FROM receipts WHERE session = ?",
    "REPLACE INTO retained VALUES(?, ?)",
    "DELETE FROM retained WHERE topic = ?",
};

std::int64_t signed_key(auto key) {
    return static_cast<std::int64_t>(std::to_underlying(key));
}

std::int64_t flags_of(const mqtt::Publish& publish) {
    return std::int64_t{std::to_underlying(publish.qos)} | (publish.retain ? 4 : 0);
}

std::int64_t flags_of(const mqtt::StoredDelivery& delivery) {
    return std::int64_t{std::to_underlying(delivery.state)} |
           std::int64_t{std::to_underlying(delivery.qos)} << 2 | (delivery.retain ? 16 : 0);
}

std::int64_t flags_of(const mqtt::SubscriptionOptions& options) {
    return std::int64_t{std::to_underlying(options.qos_max)} | (options.no_local ? 4 : 0) |
           (options.retain_as_published ? 8 : 0) |
           std::int64_t{std::to_underlying(options.retain_handling)} << 4;
}

}  // namespace

Opened<std::unique_ptr<MqttRecords>> open_sqlite_records(const std::string& folder,
                                                         const SqliteOptions& options) {
    return SqliteMqttRecords::open(folder, options);
}

Opened<std::unique_ptr<MqttRecords>> SqliteMqttRecords::open(const std::string& folder,
                                                             const SqliteOptions& options) {
    const std::string path = folder + "/mqtt.db";
    if (auto trouble = make_database_file(folder, path))
        return std::unexpected(*std::move(trouble));
    auto database = Sqlite::open(path);
    if (!database) return std::unexpected(database.error());

    const auto refused = [&](const std::string& why) {
        return std::unexpected(Trouble{path + ": " + why});
    };
    // The lock comes with the first access to the log and stays. No file is shared with others
    // then, and none of the log's index is written.
    database->execute("PRAGMA locking_mode = EXCLUSIVE");
    database->execute("PRAGMA auto_vacuum = INCREMENTAL");
    const auto version = database->number("PRAGMA user_version");
    if (!version)
        return database->is_busy() ? refused("another process has it open")
                                   : std::unexpected(database->trouble());
    const auto owner = database->number("PRAGMA application_id");
    const auto objects = database->number("SELECT count(*) FROM sqlite_schema");
    if (objects.value_or(0) > 0 && owner != application_id)
        return refused("this is a database of some other program");
    if (*version > format)
        return refused("written by a newer version of this program (format " +
                       std::to_string(*version) + "; this one knows " + std::to_string(format) +
                       ")");

    const std::string settings =
        "PRAGMA journal_mode = WAL;"
        "PRAGMA synchronous = " +
        std::string(options.fsync ? "FULL;" : "NORMAL;") +
        // Deleted payloads are overwritten when their pages are used again, not before.
        "PRAGMA secure_delete = OFF;"
        "PRAGMA cache_size = -" +
        std::to_string(options.cache_octets / 1024) +
        ";"
        "PRAGMA wal_autocheckpoint = " +
        std::to_string(options.wal_pages_max) +
        ";"
        "PRAGMA journal_size_limit = " +
        std::to_string(std::int64_t{options.wal_pages_max} * page_octets * 4) + ";";
    if (!database->execute(settings))
        return database->is_busy() ? refused("another process has it open")
                                   : std::unexpected(database->trouble());
    if (options.octets_max != 0 &&
        !database->execute("PRAGMA max_page_count = " +
                           std::to_string(options.octets_max / page_octets)))
        return std::unexpected(database->trouble());
    if (*version == 0) {
        if (!database->execute("BEGIN IMMEDIATE;" + std::string(tables) +
                               "PRAGMA application_id = " + std::to_string(application_id) +
                               ";PRAGMA user_version = " + std::to_string(format) + ";COMMIT"))
            return std::unexpected(database->trouble());
        sync_folder(folder);
    }
    auto records = std::unique_ptr<SqliteMqttRecords>(new SqliteMqttRecords(*std::move(database)));
    if (auto trouble = records->prepare()) return std::unexpected(*std::move(trouble));
    return records;
}

std::optional<Trouble> SqliteMqttRecords::prepare() {
    static_assert(texts.size() == sql_count);
    for (std::size_t at = 0; at < texts.size(); ++at) {
        auto statement = database_.prepare(texts[at]);
        if (!statement) return std::move(statement.error());
        statements_[at] = *std::move(statement);
    }
    auto mark = database_.prepare("SELECT value FROM marks WHERE name = 'keys_used'");
    if (!mark) return std::move(mark.error());
    if (mark->step()) mark_ = static_cast<std::uint64_t>(mark->integer(0));
    if (!mark->ok()) return database_.trouble();
    return std::nullopt;
}

std::optional<Trouble> SqliteMqttRecords::write(const MqttChanges& changes) {
    const bool raise = changes.keys_used > mark_;
    if (changes.records == 0 && !raise) return std::nullopt;
    // Room on a full disk: the log begins anew once all of it is in the database.
    if (failed_) database_.checkpoint();
    const std::uint64_t mark = raise ? changes.keys_used + keys_at_once : mark_;
    failed_ = !(statements_[begin].run() && (!raise || statements_[save_mark].with(mark).run()) &&
                write_all(changes) && statements_[commit].run());
    if (failed_) {
        Trouble trouble = database_.trouble();
        database_.roll_back();
        return trouble;
    }
    mark_ = mark;
    return std::nullopt;
}

bool SqliteMqttRecords::write_all(const MqttChanges& changes) {
    if (!write_sessions(changes) || !write_messages(changes) || !write_deliveries(changes))
        return false;
    for (const auto& [session, packet_id] : changes.receipts_gone)
        if (!statements_[forget_receipt].with(signed_key(session), std::uint32_t{packet_id}).run())
            return false;
    for (const auto& [session, packet_id] : changes.receipts)
        if (!statements_[save_receipt].with(signed_key(session), std::uint32_t{packet_id}).run())
            return false;
    for (const std::string* topic : changes.retained_gone)
        if (!statements_[forget_retained].with(*topic).run()) return false;
    for (const mqtt::StoredRetained* retained : changes.retained)
        if (!statements_[save_retained].with(retained->topic, signed_key(retained->message)).run())
            return false;
    return true;
}

bool SqliteMqttRecords::write_sessions(const MqttChanges& changes) {
    for (const mqtt::SessionKey session : changes.wiped)
        for (const Sql sql :
             {forget_session, forget_will, wipe_subscriptions, wipe_deliveries, wipe_receipts})
            if (!statements_[sql].with(signed_key(session)).run()) return false;
    for (const mqtt::StoredSession* session : changes.sessions) {
        const std::int64_t key = signed_key(session->key);
        if (!statements_[save_session]
                 .with(key, session->client_id, session->user_name,
                       std::to_underlying(session->ends_at), session->expiry_seconds)
                 .run())
            return false;
        if (!session->will || !session->will->message) {
            if (!statements_[forget_will].with(key).run()) return false;
            continue;
        }
        const mqtt::Publish publish = session->will->message->publish();
        if (!statements_[save_will]
                 .with(key, std::to_underlying(session->will->publish_at),
                       std::to_underlying(mqtt::UnixMillis::forever), flags_of(publish),
                       publish.topic, encoded(publish), publish.payload)
                 .run())
            return false;
    }
    for (const SubscriptionKey* key : changes.subscriptions_gone)
        if (!statements_[forget_subscription].with(signed_key(key->session), key->filter).run())
            return false;
    for (const mqtt::StoredSubscription* one : changes.subscriptions)
        if (!statements_[save_subscription]
                 .with(signed_key(one->session), one->filter, flags_of(one->options),
                       one->identifier)
                 .run())
            return false;
    return true;
}

bool SqliteMqttRecords::write_messages(const MqttChanges& changes) {
    for (const mqtt::MessageKey key : changes.messages_gone)
        if (!statements_[forget_message].with(signed_key(key)).run()) return false;
    for (const mqtt::StoredMessage* one : changes.messages) {
        const mqtt::Publish publish = one->message->publish();
        if (!statements_[save_message]
                 .with(signed_key(one->key), std::to_underlying(one->expires_at), flags_of(publish),
                       publish.topic, encoded(publish), publish.payload)
                 .run())
            return false;
    }
    return true;
}

bool SqliteMqttRecords::write_deliveries(const MqttChanges& changes) {
    for (const auto& [session, order] : changes.deliveries_gone)
        if (!statements_[forget_delivery].with(signed_key(session), order).run()) return false;
    for (const mqtt::StoredDelivery* one : changes.deliveries) {
        scratch_.resize(one->subscription_identifiers.size() * sizeof(std::uint32_t));
        ByteWriter out(scratch_);
        for (const std::uint32_t identifier : one->subscription_identifiers) out.be32(identifier);
        if (!statements_[save_delivery]
                 .with(signed_key(one->session), one->order, signed_key(one->message),
                       std::uint32_t{one->packet_id}, flags_of(*one), Bytes(scratch_))
                 .run())
            return false;
    }
    return true;
}

Bytes SqliteMqttRecords::encoded(const mqtt::Publish& publish) {
    scratch_.resize(mqtt::wire_size(publish.properties));
    ByteWriter out(scratch_);
    mqtt::emit(publish.properties, out);
    return scratch_;
}

bool SqliteMqttRecords::idle() {
    // What a burst of messages took is given back to the disk, a megabyte at a time.
    const std::int64_t spare = database_.number("PRAGMA freelist_count").value_or(0);
    if (failed_ || spare <= free_pages_kept) return false;
    return database_.execute(vacuum_piece) && spare > free_pages_kept + 256;
}

}  // namespace causeway::store
