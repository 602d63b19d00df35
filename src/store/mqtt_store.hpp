#pragma once
// Makes an MQTT broker's journal durable, many facts a commit, on a thread of its own. It also is
// what recovers them. Which engine keeps the records is behind mqtt_records.hpp.
//
//   open -> recover -> submit... -> on_done(sequence, true): that, and all before it, is safe
//
// While one transaction is under way, facts queue up; all of them go into the next one (group
// commit), reduced to what they come to (mqtt_batch.hpp).
//
// When a transaction fails (disk full, I/O error), nothing of it is kept and on_done(sequence,
// false, why) says so once for the newest sequence in it. The facts stay, and are tried again after
// 250 ms, then twice as long up to 5 s, together with those that came meanwhile: order matters, and
// a later fact may build on an earlier one, so none is ever dropped. Submits that come between two
// tries are answered with a failure at once. on_done(newest, true) follows when a try succeeds.
//
// Limit: with more than pending_octets_max waiting, because the disk fails, hangs or is slow,
// submit() itself says on_done(sequence, false, ...) at once. It still keeps the facts. That is
// bounded nevertheless: told of a failure, a broker refuses whatever would add records, and what
// it still submits are changes and ends of records that exist, which reduce to one a record.
#include "store/mqtt_records.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace causeway::store {

/// Facts are counted when they come out of the queue.
struct MqttStoreStats {
    std::uint64_t submits = 0;
    std::uint64_t facts = 0;
    std::uint64_t superseded = 0;  // facts that no transaction had to carry
    std::uint64_t written = 0;     // records, each standing for one fact
    std::uint64_t pending = 0;     // records that wait for a commit
    std::uint64_t pending_octets = 0;
    std::uint64_t commits = 0;
    std::uint64_t failures = 0;      // transactions that failed
    std::uint64_t refused_full = 0;  // submits over pending_octets_max

    template <class Named>
    void visit(Named&& named) const {
        named("submits", submits);
        named("facts", facts);
        named("superseded", superseded);
        named("written", written);
        named("pending", pending);
        named("pending_octets", pending_octets);
        named("commits", commits);
        named("failures", failures);
        named("refused_full", refused_full);
    }
    [[nodiscard]] bool balanced() const noexcept { return facts == superseded + written + pending; }
};

class MqttStore {
public:
    struct Options {
        SqliteOptions sqlite;
        std::uint64_t pending_octets_max = std::uint64_t{256} << 20;
        std::chrono::milliseconds retry_first{250};
        std::chrono::milliseconds retry_most{5000};
    };
    /// Called on the store's thread, or from within submit() when that is over the limit: to be
    /// posted elsewhere, quickly. `why` is one line, empty when committed.
    using OnDone = std::function<void(std::uint64_t sequence, bool committed, std::string why)>;

    /// The records in `folder`, which is made if need be and locked against other processes.
    [[nodiscard]] static Opened<MqttStore> open(const std::string& folder, const Options& options,
                                                OnDone on_done);
    MqttStore(std::unique_ptr<MqttRecords> records, const Options& options, OnDone on_done);
    MqttStore(MqttStore&&) noexcept;
    MqttStore& operator=(MqttStore&&) noexcept;
    /// Tries once more to commit what waits. No call of on_done comes after it.
    ~MqttStore();

    /// Before the first submit. `unix_now` ties the engines' `now` to the calendar: messages that
    /// expire come back with the instant when they do.
    [[nodiscard]] Opened<mqtt::Recovered> recover(mqtt::UnixMillis unix_now, Instant now);

    /// From one thread. Sequences grow.
    void submit(std::uint64_t sequence, std::vector<mqtt::JournalFact> facts);

    [[nodiscard]] MqttStoreStats stats() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::store
