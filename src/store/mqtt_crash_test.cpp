#include "base/random.hpp"
#include "store/mqtt_store.hpp"
#include "store/testing.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>

namespace causeway::store::mqtt_crash_test {
namespace {

using namespace testing;

constexpr std::uint64_t window = 40;

/// Submit number n: message and delivery n come, those of n - window go.
Facts step(std::uint64_t n) {
    Facts all = facts(save_message(n, message("t", std::string(n % 7 * 300, 'x'))),
                      save_delivery(1, n, n), save_receipt(1, static_cast<std::uint16_t>(n)));
    if (n > window) {
        all.push_back(forget_delivery(1, n - window));
        all.push_back(forget_message(n - window));
        all.push_back(forget_receipt(1, static_cast<std::uint16_t>(n - window)));
    }
    return all;
}

/// Submits from `first` on for ever, and writes to `pipe` what is acknowledged.
[[noreturn]] void submit_for_ever(const std::string& folder, std::uint64_t first, int pipe) {
    std::mutex mutex;
    std::condition_variable acknowledged;
    std::uint64_t newest = first - 1;
    auto store = MqttStore::open(folder, {}, [&](std::uint64_t sequence, bool well, std::string) {
        if (!well || ::write(pipe, &sequence, sizeof sequence) != sizeof sequence) ::_exit(1);
        {
            const std::lock_guard lock(mutex);
            newest = sequence;
        }
        acknowledged.notify_one();
    });
    if (!store || !store->recover(mqtt::UnixMillis{0}, Instant{})) ::_exit(1);
    for (std::uint64_t n = first;; ++n) {
        store->submit(n, step(n));
        std::unique_lock lock(mutex);
        acknowledged.wait(lock, [&] { return n < newest + 2 * window; });
    }
}

/// The newest step of which everything is there. All of its window is, and nothing else.
std::uint64_t checked(const mqtt::Recovered& kept) {
    std::set<std::uint64_t> orders;
    std::set<std::uint64_t> keys;
    std::set<std::uint64_t> receipts;
    for (const auto& one : kept.deliveries) orders.insert(one.order);
    for (const auto& one : kept.messages) keys.insert(std::to_underlying(one.key));
    for (const auto& one : kept.receipts) receipts.insert(one.packet_id);
    if (orders.empty()) return 0;
    const std::uint64_t newest = *orders.rbegin();
    EXPECT_EQ(orders.size(), std::min(newest, window));
    EXPECT_EQ(*orders.begin(), newest - orders.size() + 1);
    EXPECT_EQ(orders, keys);
    EXPECT_EQ(receipts.size(), orders.size());
    EXPECT_GE(kept.keys_used, newest);
    for (const auto& one : kept.messages)
        EXPECT_EQ(one.message->payload().size(), std::to_underlying(one.key) % 7 * 300);
    return newest;
}

TEST(MqttStoreCrash, NothingAcknowledgedIsLostWhenTheProcessIsKilled) {
    const Folder folder;
    Random random(20);
    std::uint64_t newest = 0;
    for (int round = 0; round < 20; ++round) {
        int pipe[2];
        ASSERT_EQ(::pipe(pipe), 0);
        const ::pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) submit_for_ever(folder.path(), newest + 1, pipe[1]);
        ::close(pipe[1]);
        // After so many acknowledgements, and then a moment that nobody chose.
        std::uint64_t wanted = 1 + random.below(60);
        std::uint64_t acknowledged = 0;
        std::uint64_t sequence = 0;
        while (wanted-- > 0 && ::read(pipe[0], &sequence, sizeof sequence) == sizeof sequence)
            acknowledged = sequence;
        ::kill(child, SIGKILL);
        while (::read(pipe[0], &sequence, sizeof sequence) == sizeof sequence)
            acknowledged = sequence;
        ::close(pipe[0]);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status)) << status;

        const auto kept = kept_in(folder.path());
        newest = checked(kept);
        EXPECT_GT(acknowledged, 0u);
        EXPECT_GE(newest, acknowledged) << "round " << round;
        EXPECT_EQ(integrity_of(folder.database()), "ok");
        if (HasFailure()) return;
    }
}

}  // namespace
}  // namespace causeway::store::mqtt_crash_test
