#include "store/mqtt_store.hpp"
#include "store/testing.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace causeway::store::mqtt_store_test {
namespace {

using namespace testing;

/// Records that are kept nowhere: transactions wait for the test, and fail when it says so.
class Scripted final : public MqttRecords {
public:
    struct Control {
        std::mutex mutex;
        std::condition_variable changed;
        int allowed = 0;  // transactions that may end
        int begun = 0;
        bool fails = false;
        std::vector<std::size_t> records;  // of each transaction that ended well

        void allow(int more) {
            {
                const std::lock_guard lock(mutex);
                allowed += more;
            }
            changed.notify_all();
        }
        void wait_begun(int count) {
            std::unique_lock lock(mutex);
            changed.wait(lock, [&] { return begun >= count; });
        }
        void fail(bool now) {
            const std::lock_guard lock(mutex);
            fails = now;
        }
    };

    explicit Scripted(Control& control) : control_(control) {}

    Opened<mqtt::Recovered> recover(mqtt::UnixMillis, Instant) override {
        return mqtt::Recovered{};
    }
    std::optional<Trouble> write(const MqttChanges& changes) override {
        std::unique_lock lock(control_.mutex);
        ++control_.begun;
        control_.changed.notify_all();
        control_.changed.wait(lock, [&] { return control_.allowed > 0; });
        --control_.allowed;
        if (control_.fails) return Trouble{"the disk is full"};
        control_.records.push_back(changes.records);
        return std::nullopt;
    }
    bool idle() override { return false; }

private:
    Control& control_;
};

constexpr int always = 1 << 20;

MqttStore::Options quick() {
    MqttStore::Options options;
    options.retry_first = std::chrono::milliseconds(1);
    options.retry_most = std::chrono::milliseconds(4);
    return options;
}

MqttStore scripted(Scripted::Control& control, const MqttStore::Options& options,
                   Answers& answers) {
    MqttStore store(std::make_unique<Scripted>(control), options, answers.listener());
    EXPECT_TRUE(store.recover(mqtt::UnixMillis{0}, Instant{}).has_value());
    return store;
}

TEST(MqttStore, WhatQueuesUpDuringACommitGoesIntoTheNext) {
    Scripted::Control control;
    Answers answers;
    MqttStore store = scripted(control, quick(), answers);
    store.submit(1, facts(save_delivery(1, 1, 1)));
    control.wait_begun(1);
    for (std::uint64_t i = 2; i <= 100; ++i) store.submit(i, facts(save_delivery(1, i, i)));
    control.allow(always);
    const auto last = answers.wait_for(100, true);
    EXPECT_EQ(last.sequence, 100u);
    EXPECT_EQ(control.records, (std::vector<std::size_t>{1, 99}));
    ASSERT_EQ(answers.all().size(), 2u);
    EXPECT_EQ(answers.all()[0].sequence, 1u);
    const MqttStoreStats stats = store.stats();
    EXPECT_EQ(stats.commits, 2u);
    EXPECT_EQ(stats.written, 100u);
    EXPECT_TRUE(stats.balanced());
}

TEST(MqttStore, WhatCancelsInTheQueueIsAnsweredAndNotWritten) {
    Scripted::Control control;
    Answers answers;
    MqttStore store = scripted(control, quick(), answers);
    store.submit(1, facts(save_delivery(1, 1, 1)));
    control.wait_begun(1);
    store.submit(2, facts(save_delivery(1, 2, 2)));
    store.submit(3, facts(forget_delivery(1, 2)));
    control.allow(always);
    answers.wait_for(3, true);
    EXPECT_EQ(control.records, (std::vector<std::size_t>{1, 0}));
    EXPECT_EQ(store.stats().superseded, 2u);
    EXPECT_TRUE(store.stats().balanced());
}

TEST(MqttStore, AFailureIsToldAndTheFactsAreTriedUntilTheyAreKept) {
    Scripted::Control control;
    Answers answers;
    MqttStore store = scripted(control, quick(), answers);
    control.fail(true);
    control.allow(always);
    store.submit(1, facts(save_delivery(1, 1, 1)));
    EXPECT_EQ(answers.wait_for(1, false).why, "the disk is full");
    store.submit(2, facts(save_delivery(1, 2, 1)));
    EXPECT_EQ(answers.wait_for(2, false).sequence, 2u);
    control.wait_begun(4);  // nobody submits, and it goes on trying
    EXPECT_EQ(answers.all().size(), 2u);
    control.fail(false);
    EXPECT_EQ(answers.wait_for(2, true).why, "");
    EXPECT_EQ(control.records, std::vector<std::size_t>{2});
    const MqttStoreStats stats = store.stats();
    EXPECT_GE(stats.failures, 3u);
    EXPECT_EQ(stats.pending, 0u);
    EXPECT_TRUE(stats.balanced());
}

TEST(MqttStore, BetweenTwoTriesASubmitIsAnsweredAtOnce) {
    Scripted::Control control;
    Answers answers;
    MqttStore::Options options;
    options.retry_first = std::chrono::hours(1);
    options.retry_most = std::chrono::hours(1);
    MqttStore store = scripted(control, options, answers);
    control.fail(true);
    control.allow(always);
    store.submit(1, facts(save_delivery(1, 1, 1)));
    answers.wait_for(1, false);
    store.submit(2, facts(save_delivery(1, 2, 1)));
    EXPECT_EQ(answers.wait_for(2, false).why, "the disk is full");
    EXPECT_EQ(control.begun, 1);
}

TEST(MqttStore, AFailureThatCancelsItselfEnds) {
    Scripted::Control control;
    Answers answers;
    MqttStore store = scripted(control, quick(), answers);
    control.fail(true);
    control.allow(always);
    store.submit(1, facts(save_message(1, message("t", "x"))));
    answers.wait_for(1, false);
    store.submit(2, facts(forget_message(1)));
    control.fail(false);
    answers.wait_for(2, true);
    EXPECT_EQ(store.stats().written, 0u);
}

TEST(MqttStore, OverItsLimitItFailsAtOnceAndStillKeepsEverything) {
    Scripted::Control control;
    Answers answers;
    MqttStore::Options options = quick();
    options.pending_octets_max = 10'000;
    MqttStore store = scripted(control, options, answers);
    store.submit(1, facts(save_message(1, message("t", "x"))));
    control.wait_begun(1);  // and hangs
    store.submit(2, facts(save_message(2, message("t", std::string(20'000, 'x')))));
    ASSERT_EQ(answers.all().size(), 1u);  // said within submit()
    EXPECT_EQ(answers.all()[0].sequence, 2u);
    EXPECT_FALSE(answers.all()[0].committed);
    EXPECT_EQ(answers.all()[0].why, "too much waits for the disk");
    EXPECT_EQ(store.stats().refused_full, 1u);
    control.allow(always);
    answers.wait_for(2, true);
    EXPECT_EQ(control.records, (std::vector<std::size_t>{1, 1}));
    EXPECT_TRUE(store.stats().balanced());
}

TEST(MqttStore, ClosingTriesOnceMore) {
    Scripted::Control control;
    Answers answers;
    {
        MqttStore::Options options;
        options.retry_first = std::chrono::hours(1);
        MqttStore store = scripted(control, options, answers);
        control.fail(true);
        control.allow(always);
        store.submit(1, facts(save_delivery(1, 1, 1)));
        answers.wait_for(1, false);
        control.fail(false);
    }
    EXPECT_EQ(control.records, std::vector<std::size_t>{1});
}

TEST(MqttStore, KeepsOnARealDisk) {
    const Folder folder;
    {
        Answers answers;
        auto store = MqttStore::open(folder.path(), {}, answers.listener());
        ASSERT_TRUE(store.has_value()) << store.error().line;
        ASSERT_TRUE(store->recover(mqtt::UnixMillis{0}, Instant{}).has_value());
        store->submit(1, facts(save_session(1, "a"), save_message(2, message("t", "x"))));
        answers.wait_for(1, true);
        store->submit(2, facts(save_delivery(1, 1, 2)));
    }
    const auto kept = kept_in(folder.path());
    EXPECT_EQ(kept.sessions.size(), 1u);
    EXPECT_EQ(kept.messages.size(), 1u);
    EXPECT_EQ(kept.deliveries.size(), 1u);
}

TEST(MqttStore, AFullDiskRefusesUntilThereIsRoom) {
    const Folder folder;
    Answers answers;
    MqttStore::Options options = quick();
    options.sqlite.octets_max = 400'000;
    auto store = MqttStore::open(folder.path(), options, answers.listener());
    ASSERT_TRUE(store.has_value()) << store.error().line;
    ASSERT_TRUE(store->recover(mqtt::UnixMillis{0}, Instant{}).has_value());
    const std::string payload(100'000, 'x');
    std::uint64_t key = 0;
    bool full = false;
    while (!full) {
        ASSERT_LT(key, 10u);
        ++key;
        store->submit(key, facts(save_message(key, message("t", payload))));
        while (answers.all().size() < key) std::this_thread::yield();
        full = !answers.all().back().committed;
    }
    EXPECT_EQ(answers.all().back().why, folder.database() + ": database or disk is full");
    EXPECT_GT(key, 1u);
    store->submit(key + 1, facts(forget_message(1)));
    answers.wait_for(key + 1, true);
    EXPECT_TRUE(store->stats().balanced());
}

}  // namespace
}  // namespace causeway::store::mqtt_store_test
