#pragma once
// The face of a storage engine that keeps an MQTT broker's records. SQLite stands behind it today;
// a server or a replicated stream can, too. Called by one thread at a time.
#include "store/mqtt_batch.hpp"
#include "store/trouble.hpp"

#include <memory>
#include <optional>
#include <string>

namespace causeway::store {

class MqttRecords {
public:
    MqttRecords() = default;
    MqttRecords(const MqttRecords&) = delete;
    MqttRecords& operator=(const MqttRecords&) = delete;
    virtual ~MqttRecords() = default;

    /// Everything kept. `unix_now` ties the engines' `now` to the calendar, so that messages know
    /// the instant when they expire.
    [[nodiscard]] virtual Opened<mqtt::Recovered> recover(mqtt::UnixMillis unix_now,
                                                          Instant now) = 0;
    /// All changes in one transaction, durable when this returns nothing; or none of them, and the
    /// trouble. Keys above changes.keys_used will not be among those already given out.
    [[nodiscard]] virtual std::optional<Trouble> write(const MqttChanges& changes) = 0;
    /// A bounded piece of housekeeping, when there is nothing else to do. True: there is more.
    virtual bool idle() = 0;
};

struct SqliteOptions {
    /// A commit waits for the disk. Without, what was acknowledged survives a killed process, but
    /// not a power failure.
    bool fsync = true;
    std::uint64_t octets_max = 0;  // of the database; 0: what the disk holds
    std::uint32_t cache_octets = 8 << 20;
    std::uint32_t wal_pages_max = 4096;  // of 4096 octets, before they go to the database
};

/// `folder`/mqtt.db, made if need be, readable by its owner only. Locked as long as it is open: a
/// second process is refused.
[[nodiscard]] Opened<std::unique_ptr<MqttRecords>> open_sqlite_records(
    const std::string& folder, const SqliteOptions& options = {});

}  // namespace causeway::store
