#pragma once
// What the room's tests share: a folder that goes away, facts in short, and who waits for commits.
#include "store/mqtt_store.hpp"
#include "store/sqlite.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>

namespace causeway::store::testing {

class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "causeway-store-XXXXXX");
        path_ = ::mkdtemp(name.data());
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { std::filesystem::remove_all(path_); }
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::string database() const { return path_ + "/mqtt.db"; }

private:
    std::string path_;
};

inline mqtt::MessageRef message(std::string_view topic, std::string_view payload,
                                mqtt::Qos qos = mqtt::Qos::at_least_once, bool retain = false) {
    mqtt::Publish publish;
    publish.topic = topic;
    publish.payload = as_octets(payload);
    publish.qos = qos;
    publish.retain = retain;
    return std::make_shared<const mqtt::Message>(publish, never);
}

using Facts = std::vector<mqtt::JournalFact>;

inline mqtt::JournalFact save_session(std::uint64_t key, std::string client_id) {
    return mqtt::journal::SaveSession{{.key = mqtt::SessionKey{key},
                                       .client_id = std::move(client_id),
                                       .user_name = "alice",
                                       .ends_at = mqtt::UnixMillis::forever,
                                       .expiry_seconds = 3600,
                                       .will = {}}};
}
inline mqtt::JournalFact forget_session(std::uint64_t key) {
    return mqtt::journal::ForgetSession{mqtt::SessionKey{key}};
}
inline mqtt::JournalFact save_message(std::uint64_t key, mqtt::MessageRef what) {
    return mqtt::journal::SaveMessage{
        {mqtt::MessageKey{key}, std::move(what), mqtt::UnixMillis::forever}};
}
inline mqtt::JournalFact forget_message(std::uint64_t key) {
    return mqtt::journal::ForgetMessage{mqtt::MessageKey{key}};
}
inline mqtt::StoredDelivery delivery(std::uint64_t session, std::uint64_t order,
                                     std::uint64_t key) {
    mqtt::StoredDelivery one{
        .session = mqtt::SessionKey{session}, .order = order, .message = mqtt::MessageKey{key}};
    return one;
}
inline mqtt::JournalFact save_delivery(std::uint64_t session, std::uint64_t order,
                                       std::uint64_t key) {
    return mqtt::journal::SaveDelivery{delivery(session, order, key)};
}
inline mqtt::JournalFact forget_delivery(std::uint64_t session, std::uint64_t order) {
    return mqtt::journal::ForgetDelivery{mqtt::SessionKey{session}, order};
}
inline mqtt::JournalFact save_receipt(std::uint64_t session, std::uint16_t packet_id) {
    return mqtt::journal::SaveReceipt{{mqtt::SessionKey{session}, packet_id}};
}
inline mqtt::JournalFact forget_receipt(std::uint64_t session, std::uint16_t packet_id) {
    return mqtt::journal::ForgetReceipt{{mqtt::SessionKey{session}, packet_id}};
}
inline mqtt::JournalFact save_subscription(std::uint64_t session, std::string filter) {
    return mqtt::journal::SaveSubscription{
        {mqtt::SessionKey{session}, std::move(filter), mqtt::SubscriptionOptions{}, 0}};
}
inline mqtt::JournalFact save_retained(std::string topic, std::uint64_t key) {
    return mqtt::journal::SaveRetained{{std::move(topic), mqtt::MessageKey{key}}};
}

template <class... Fact>
Facts facts(Fact... fact) {
    Facts all;
    (all.push_back(std::move(fact)), ...);
    return all;
}

/// on_done, and a way to wait for it without a clock in the test.
class Answers {
public:
    struct Answer {
        std::uint64_t sequence = 0;
        bool committed = false;
        std::string why;
    };

    [[nodiscard]] MqttStore::OnDone listener() {
        return [this](std::uint64_t sequence, bool committed, std::string why) {
            {
                const std::lock_guard lock(mutex_);
                all_.push_back({sequence, committed, std::move(why)});
            }
            came_.notify_all();
        };
    }
    /// The first answer, after those seen, that is about `sequence` or a later one, and is so.
    Answer wait_for(std::uint64_t sequence, bool committed) {
        std::unique_lock lock(mutex_);
        Answer found;
        came_.wait(lock, [&] {
            while (seen_ < all_.size()) {
                found = all_[seen_++];
                if (found.sequence >= sequence && found.committed == committed) return true;
            }
            return false;
        });
        return found;
    }
    [[nodiscard]] std::vector<Answer> all() {
        const std::lock_guard lock(mutex_);
        return all_;
    }

private:
    std::mutex mutex_;
    std::condition_variable came_;
    std::vector<Answer> all_;
    std::size_t seen_ = 0;
};

inline mqtt::Recovered recovered(MqttRecords& records) {
    auto kept = records.recover(mqtt::UnixMillis{0}, Instant{});
    EXPECT_TRUE(kept.has_value()) << (kept ? "" : kept.error().line);
    return kept ? *std::move(kept) : mqtt::Recovered{};
}

/// Everything in `folder`, by a store of its own.
inline mqtt::Recovered kept_in(const std::string& folder) {
    auto records = open_sqlite_records(folder);
    EXPECT_TRUE(records.has_value()) << (records ? "" : records.error().line);
    return records ? recovered(**records) : mqtt::Recovered{};
}

inline std::string integrity_of(const std::string& database) {
    auto opened = Sqlite::open(database);
    if (!opened) return opened.error().line;
    auto check = opened->prepare("PRAGMA integrity_check");
    if (!check || !check->step()) return "cannot be checked";
    return std::string(check->text(0));
}

}  // namespace causeway::store::testing
