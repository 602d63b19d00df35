#include "store/mqtt_store.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

namespace causeway::store {
namespace {

using Clock = std::chrono::steady_clock;

struct Submit {
    std::uint64_t sequence = 0;
    std::vector<mqtt::JournalFact> facts;
    std::size_t octets = 0;
};

constexpr const char* too_much = "too much waits for the disk";
/// Between two pieces of housekeeping, so that it never gets into the way.
constexpr std::chrono::milliseconds idle_wait{200};

}  // namespace

struct MqttStore::State {
    State(std::unique_ptr<MqttRecords> the_records, const Options& the_options, OnDone done)
        : records(std::move(the_records)), options(the_options), on_done(std::move(done)) {}

    void run();
    void wait(std::unique_lock<std::mutex>& lock);
    void take(std::unique_lock<std::mutex>& lock);
    void commit();
    void report(std::uint64_t sequence, bool well, const std::string& line) const {
        if (on_done) on_done(sequence, well, line);
    }

    const std::unique_ptr<MqttRecords> records;
    const Options options;
    const OnDone on_done;

    // ---- shared, under the mutex
    mutable std::mutex mutex;
    std::condition_variable work;
    std::vector<Submit> queue;
    std::size_t queue_octets = 0;
    bool stopping = false;
    MqttStoreStats counted;

    // ---- the store's thread only, once it runs
    MqttBatch batch;
    std::vector<Submit> taken;
    std::uint64_t newest = 0;    // sequence in the batch
    std::uint64_t reported = 0;  // sequence last reported
    bool failing = false;
    bool tidy = true;  // nothing to do when idle
    std::string why;
    std::chrono::milliseconds pause{};
    Clock::time_point retry_at;

    std::thread thread;
};

void MqttStore::State::run() {
    std::unique_lock lock(mutex);
    while (true) {
        wait(lock);
        const bool last = stopping;
        take(lock);
        lock.unlock();
        if (last) {
            if (!batch.empty()) (void)records->write(batch.changes());
            return;
        }
        commit();
        lock.lock();
    }
}

/// Until there is something to commit, to report or to try again; or the end.
void MqttStore::State::wait(std::unique_lock<std::mutex>& lock) {
    const auto wanted = [this] { return stopping || !queue.empty(); };
    if (failing) {
        work.wait_until(lock, retry_at, wanted);
        return;
    }
    while (!tidy && !work.wait_for(lock, idle_wait, wanted)) {
        lock.unlock();
        tidy = !records->idle();
        lock.lock();
    }
    work.wait(lock, wanted);
}

void MqttStore::State::take(std::unique_lock<std::mutex>& lock) {
    taken.clear();
    std::swap(taken, queue);
    lock.unlock();
    std::uint64_t facts = 0;
    std::size_t octets = 0;
    for (Submit& one : taken) {
        newest = one.sequence;
        octets += one.octets;
        facts += one.facts.size();
        for (mqtt::JournalFact& fact : one.facts) batch.apply(std::move(fact));
    }
    taken.clear();
    lock.lock();
    queue_octets -= octets;
    counted.facts += facts;
    counted.superseded = batch.superseded();
    counted.pending = batch.pending();
    counted.pending_octets = batch.octets();
}

void MqttStore::State::commit() {
    if (failing && Clock::now() < retry_at) {
        if (newest > std::exchange(reported, newest)) report(newest, false, why);
        return;
    }
    if (!failing && newest == reported) return;
    const MqttChanges& changes = batch.changes();
    const std::size_t count = changes.records;
    auto trouble = records->write(changes);
    if (trouble) {
        pause = failing ? std::min(pause * 2, options.retry_most) : options.retry_first;
        retry_at = Clock::now() + pause;
        failing = true;
        why = std::move(trouble->line);
    } else {
        batch.committed();
        failing = false;
        tidy = false;
    }
    {
        const std::lock_guard lock(mutex);
        ++(failing ? counted.failures : counted.commits);
        if (!failing) counted.written += count;
        counted.superseded = batch.superseded();
        counted.pending = batch.pending();
        counted.pending_octets = batch.octets();
    }
    if (!failing) {
        reported = newest;
        report(newest, true, {});
    } else if (newest > std::exchange(reported, newest)) {
        report(newest, false, why);
    }
}

MqttStore::MqttStore(std::unique_ptr<MqttRecords> records, const Options& options, OnDone on_done)
    : state_(std::make_unique<State>(std::move(records), options, std::move(on_done))) {}

MqttStore::MqttStore(MqttStore&&) noexcept = default;

MqttStore& MqttStore::operator=(MqttStore&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
}

MqttStore::~MqttStore() {
    if (!state_ || !state_->thread.joinable()) return;
    {
        const std::lock_guard lock(state_->mutex);
        state_->stopping = true;
    }
    state_->work.notify_one();
    state_->thread.join();
}

Opened<MqttStore> MqttStore::open(const std::string& folder, const Options& options,
                                  OnDone on_done) {
    auto records = open_sqlite_records(folder, options.sqlite);
    if (!records) return std::unexpected(std::move(records.error()));
    return MqttStore(*std::move(records), options, std::move(on_done));
}

Opened<mqtt::Recovered> MqttStore::recover(mqtt::UnixMillis unix_now, Instant now) {
    CAUSEWAY_ASSERT(!state_->thread.joinable());
    auto kept = state_->records->recover(unix_now, now);
    if (kept) state_->batch.recovered(*kept);
    return kept;
}

void MqttStore::submit(std::uint64_t sequence, std::vector<mqtt::JournalFact> facts) {
    State& state = *state_;
    if (!state.thread.joinable()) state.thread = std::thread([&state] { state.run(); });
    std::size_t octets = 0;
    for (const mqtt::JournalFact& fact : facts) octets += MqttBatch::octets_of(fact);
    const auto is_full = [&] {
        const std::lock_guard lock(state.mutex);
        ++state.counted.submits;
        const bool full = state.queue_octets + octets + state.counted.pending_octets >
                          state.options.pending_octets_max;
        state.counted.refused_full += full;
        return full;
    };
    // Said before the facts are in the queue: the success that ends the failure must come after it.
    if (is_full()) state.report(sequence, false, too_much);
    {
        const std::lock_guard lock(state.mutex);
        state.queue.push_back({sequence, std::move(facts), octets});
        state.queue_octets += octets;
    }
    state.work.notify_one();
}

MqttStoreStats MqttStore::stats() const {
    const std::lock_guard lock(state_->mutex);
    return state_->counted;
}

}  // namespace causeway::store
