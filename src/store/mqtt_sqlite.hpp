#pragma once
// An MQTT broker's records in SQLite: a write-ahead log, one transaction a batch.
//
// Leaves out: reading by others while it is open (the lock is exclusive), and repair. Records that
// do not read are a trouble, not a guess.
#include "store/mqtt_records.hpp"
#include "store/sqlite.hpp"

namespace causeway::store {

class SqliteMqttRecords final : public MqttRecords {
public:
    static constexpr int format = 1;  // of the tables; user_version of the database

    [[nodiscard]] static Opened<std::unique_ptr<MqttRecords>> open(const std::string& folder,
                                                                   const SqliteOptions& options);

    [[nodiscard]] Opened<mqtt::Recovered> recover(mqtt::UnixMillis unix_now, Instant now) override;
    [[nodiscard]] std::optional<Trouble> write(const MqttChanges& changes) override;
    bool idle() override;

private:
    enum Sql : std::size_t {
        begin,
        commit,
        save_mark,
        save_session,
        forget_session,
        save_will,
        forget_will,
        save_subscription,
        forget_subscription,
        wipe_subscriptions,
        save_message,
        forget_message,
        save_delivery,
        forget_delivery,
        wipe_deliveries,
        save_receipt,
        forget_receipt,
        wipe_receipts,
        save_retained,
        forget_retained,
        sql_count,
    };

    explicit SqliteMqttRecords(Sqlite database) : database_(std::move(database)) {}

    [[nodiscard]] std::optional<Trouble> prepare();
    [[nodiscard]] bool write_all(const MqttChanges& changes);
    [[nodiscard]] bool write_sessions(const MqttChanges& changes);
    [[nodiscard]] bool write_messages(const MqttChanges& changes);
    [[nodiscard]] bool write_deliveries(const MqttChanges& changes);
    /// The properties of a message as octets, in scratch_.
    [[nodiscard]] Bytes encoded(const mqtt::Publish& publish);

    Sqlite database_;
    std::array<Statement, sql_count> statements_;
    std::uint64_t mark_ = 0;  // no key was given out that is above it; on the disk
    bool failed_ = false;     // the last transaction
    Octets scratch_;
};

}  // namespace causeway::store
