#include "store/mqtt_sqlite.hpp"
#include "store/testing.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

namespace causeway::store::mqtt_sqlite_test {
namespace {

using namespace testing;

/// Records and a batch, without the thread between them.
struct Writer {
    explicit Writer(const std::string& folder, const SqliteOptions& options = {}) {
        auto opened = open_sqlite_records(folder, options);
        if (!opened) {
            ADD_FAILURE() << opened.error().line;
            return;
        }
        records = *std::move(opened);
        batch.recovered(recovered(*records));
    }
    std::optional<Trouble> write(Facts all) {
        for (auto& fact : all) batch.apply(std::move(fact));
        auto trouble = records->write(batch.changes());
        if (!trouble) batch.committed();
        return trouble;
    }
    std::unique_ptr<MqttRecords> records;
    MqttBatch batch;
};

TEST(MqttSqlite, GivesBackEverythingThatWasKept) {
    const Folder folder;
    {
        mqtt::Publish publish;
        publish.topic = "home/light";
        publish.payload = as_octets("on");
        publish.qos = mqtt::Qos::exactly_once;
        publish.retain = true;
        publish.properties.content_type = "text/plain";
        mqtt::StoredDelivery in_flight = delivery(1, 8, 2);
        in_flight.state = mqtt::StoredDelivery::State::released;
        in_flight.packet_id = 65535;
        in_flight.qos = mqtt::Qos::exactly_once;
        in_flight.retain = true;
        in_flight.subscription_identifiers = {1, 268'435'455};
        mqtt::StoredSession session{
            .key = mqtt::SessionKey{1},
            .client_id = "client",
            .user_name = "alice",
            .ends_at = mqtt::UnixMillis{1'700'000'000'000},
            .expiry_seconds = 0xffffffff,
            .will = mqtt::StoredWill{message("gone", "bye"), mqtt::UnixMillis{1'700'000'000'001}}};
        mqtt::StoredSubscription subscription{
            mqtt::SessionKey{1},
            "$share/g/a/+",
            {mqtt::Qos::exactly_once, true, true, mqtt::RetainHandling::do_not_send},
            77};
        Writer writer(folder.path());
        EXPECT_FALSE(writer.write(
            facts(mqtt::JournalFact{mqtt::journal::SaveSession{session}},
                  mqtt::JournalFact{mqtt::journal::SaveSubscription{subscription}},
                  mqtt::JournalFact{mqtt::journal::SaveMessage{
                      {mqtt::MessageKey{2}, std::make_shared<const mqtt::Message>(publish, never),
                       mqtt::UnixMillis{5'000}}}},
                  mqtt::JournalFact{mqtt::journal::SaveDelivery{in_flight}}, save_delivery(1, 9, 2),
                  save_receipt(1, 4), save_retained("home/light", 2))));
    }
    auto records = open_sqlite_records(folder.path());
    ASSERT_TRUE(records.has_value());
    const auto start = Instant(std::chrono::hours(1));
    const auto kept = (*records)->recover(mqtt::UnixMillis{4'000}, start);
    ASSERT_TRUE(kept.has_value());

    ASSERT_EQ(kept->sessions.size(), 1u);
    const auto& session = kept->sessions[0];
    EXPECT_EQ(session.key, mqtt::SessionKey{1});
    EXPECT_EQ(session.client_id, "client");
    EXPECT_EQ(session.user_name, "alice");
    EXPECT_EQ(session.ends_at, mqtt::UnixMillis{1'700'000'000'000});
    EXPECT_EQ(session.expiry_seconds, 0xffffffffu);
    ASSERT_TRUE(session.will.has_value());
    EXPECT_EQ(session.will->message->topic(), "gone");
    EXPECT_EQ(as_text(session.will->message->payload()), "bye");
    EXPECT_EQ(session.will->publish_at, mqtt::UnixMillis{1'700'000'000'001});

    ASSERT_EQ(kept->subscriptions.size(), 1u);
    EXPECT_EQ(kept->subscriptions[0].filter, "$share/g/a/+");
    EXPECT_EQ(kept->subscriptions[0].options,
              (mqtt::SubscriptionOptions{mqtt::Qos::exactly_once, true, true,
                                         mqtt::RetainHandling::do_not_send}));
    EXPECT_EQ(kept->subscriptions[0].identifier, 77u);

    ASSERT_EQ(kept->messages.size(), 1u);
    EXPECT_EQ(kept->messages[0].expires_at, mqtt::UnixMillis{5'000});
    const mqtt::Message& read = *kept->messages[0].message;
    EXPECT_EQ(read.expires_at(), start + std::chrono::seconds(1));
    const mqtt::Publish publish = read.publish();
    EXPECT_EQ(publish.topic, "home/light");
    EXPECT_EQ(as_text(publish.payload), "on");
    EXPECT_EQ(publish.qos, mqtt::Qos::exactly_once);
    EXPECT_TRUE(publish.retain);
    EXPECT_EQ(publish.properties.content_type, "text/plain");

    ASSERT_EQ(kept->deliveries.size(), 2u);
    EXPECT_EQ(kept->deliveries[0].order, 8u);
    EXPECT_EQ(kept->deliveries[0].state, mqtt::StoredDelivery::State::released);
    EXPECT_EQ(kept->deliveries[0].packet_id, 65535);
    EXPECT_EQ(kept->deliveries[0].qos, mqtt::Qos::exactly_once);
    EXPECT_TRUE(kept->deliveries[0].retain);
    EXPECT_EQ(kept->deliveries[0].subscription_identifiers,
              (std::vector<std::uint32_t>{1, 268'435'455}));
    EXPECT_EQ(kept->deliveries[1].order, 9u);
    EXPECT_EQ(kept->deliveries[1].state, mqtt::StoredDelivery::State::queued);

    ASSERT_EQ(kept->receipts.size(), 1u);
    EXPECT_EQ(kept->receipts[0].packet_id, 4);
    ASSERT_EQ(kept->retained.size(), 1u);
    EXPECT_EQ(kept->retained[0].topic, "home/light");
    EXPECT_GE(kept->keys_used, 2u);
}

TEST(MqttSqlite, DeliveriesComeInTheirOrderSessionBySession) {
    const Folder folder;
    {
        Writer writer(folder.path());
        EXPECT_FALSE(writer.write(facts(save_delivery(2, 300, 1), save_delivery(1, 5, 1),
                                        save_delivery(2, 4, 1), save_delivery(1, 1000, 1))));
    }
    std::vector<std::pair<std::uint64_t, std::uint64_t>> order;
    for (const auto& one : kept_in(folder.path()).deliveries)
        order.emplace_back(std::to_underlying(one.session), one.order);
    const decltype(order) wanted{{1, 5}, {1, 1000}, {2, 4}, {2, 300}};
    EXPECT_EQ(order, wanted);
}

TEST(MqttSqlite, ForgettingASessionForgetsAllOfIt) {
    const Folder folder;
    {
        Writer writer(folder.path());
        auto with_will = std::get<mqtt::journal::SaveSession>(save_session(1, "a"));
        with_will.session.will = mqtt::StoredWill{message("w", "x"), mqtt::UnixMillis::forever};
        EXPECT_FALSE(writer.write(facts(mqtt::JournalFact{with_will}, save_session(2, "b"),
                                        save_subscription(1, "x"), save_subscription(2, "x"),
                                        save_delivery(1, 1, 1), save_delivery(2, 1, 1),
                                        save_receipt(1, 1), save_receipt(2, 1))));
        EXPECT_FALSE(writer.write(facts(forget_session(1))));
    }
    const auto kept = kept_in(folder.path());
    ASSERT_EQ(kept.sessions.size(), 1u);
    EXPECT_EQ(kept.sessions[0].client_id, "b");
    EXPECT_EQ(kept.subscriptions.size(), 1u);
    EXPECT_EQ(kept.deliveries.size(), 1u);
    EXPECT_EQ(kept.receipts.size(), 1u);
    auto database = Sqlite::open(folder.database());
    ASSERT_TRUE(database.has_value());
    EXPECT_EQ(database->number("SELECT count(*) FROM wills"), 0);
}

TEST(MqttSqlite, AWillThatIsOverIsForgotten) {
    const Folder folder;
    {
        Writer writer(folder.path());
        auto session = std::get<mqtt::journal::SaveSession>(save_session(1, "a"));
        session.session.will = mqtt::StoredWill{message("w", "x"), mqtt::UnixMillis::forever};
        EXPECT_FALSE(writer.write(facts(mqtt::JournalFact{session})));
        EXPECT_FALSE(writer.write(facts(save_session(1, "a"))));
    }
    const auto kept = kept_in(folder.path());
    ASSERT_EQ(kept.sessions.size(), 1u);
    EXPECT_FALSE(kept.sessions[0].will.has_value());
}

TEST(MqttSqlite, LargePayloadsComeBackWhole) {
    const Folder folder;
    std::string large(20'000'001, 'x');
    for (std::size_t i = 0; i < large.size(); i += 4099) large[i] = static_cast<char>('a' + i % 23);
    {
        Writer writer(folder.path());
        EXPECT_FALSE(writer.write(facts(save_message(1, message("t", large)),
                                        save_message(2, message("t", "")),
                                        save_message(3, message("t", std::string(65536, 'y'))),
                                        save_message(4, message("t", std::string(65537, 'z'))))));
    }
    const auto kept = kept_in(folder.path());
    ASSERT_EQ(kept.messages.size(), 4u);
    EXPECT_TRUE(as_text(kept.messages[0].message->payload()) == large);
    EXPECT_TRUE(kept.messages[1].message->payload().empty());
    EXPECT_EQ(kept.messages[2].message->payload().size(), 65536u);
    EXPECT_EQ(as_text(kept.messages[3].message->payload()), std::string(65537, 'z'));
}

TEST(MqttSqlite, KeysAreNeverGivenTwice) {
    const Folder folder;
    {
        Writer writer(folder.path());
        EXPECT_FALSE(writer.write(facts(save_message(500, message("t", "x")))));
        EXPECT_FALSE(writer.write(facts(forget_message(500))));
    }
    std::uint64_t used = kept_in(folder.path()).keys_used;
    EXPECT_GE(used, 500u);
    {
        // Even one that came and went before anything was written.
        Writer writer(folder.path());
        EXPECT_FALSE(writer.write(
            facts(save_message(used + 1, message("t", "x")), forget_message(used + 1))));
    }
    EXPECT_GT(kept_in(folder.path()).keys_used, used);
}

TEST(MqttSqlite, NobodyElseMayReadTheFile) {
    const Folder folder;
    const std::string inner = folder.path() + "/deep/state";
    Writer writer(inner);
    struct stat file{};
    ASSERT_EQ(::stat((inner + "/mqtt.db").c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777, 0600u);
    ASSERT_EQ(::stat(inner.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777, 0700u);
}

TEST(MqttSqlite, ASecondProcessIsRefused) {
    const Folder folder;
    const Writer writer(folder.path());
    const ::pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        const auto records = open_sqlite_records(folder.path());
        const std::string wanted = folder.database() + ": another process has it open";
        ::_exit(!records && records.error().line == wanted ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    const auto again = open_sqlite_records(folder.path());
    ASSERT_FALSE(again.has_value());
    EXPECT_EQ(again.error().line, folder.database() + ": another process has it open");
}

TEST(MqttSqlite, ANewerFormatIsRefused) {
    const Folder folder;
    {
        const Writer writer(folder.path());
    }
    {
        auto database = Sqlite::open(folder.database());
        ASSERT_TRUE(database.has_value());
        ASSERT_TRUE(database->execute("PRAGMA user_version = 2"));
    }
    const auto records = open_sqlite_records(folder.path());
    ASSERT_FALSE(records.has_value());
    EXPECT_EQ(records.error().line,
              folder.database() +
                  ": written by a newer version of this program (format 2; this one knows 1)");
}

TEST(MqttSqlite, WhatIsNotOursIsRefused) {
    const Folder folder;
    std::ofstream(folder.database()) << std::string(10'000, 'x');
    auto records = open_sqlite_records(folder.path());
    ASSERT_FALSE(records.has_value());
    EXPECT_EQ(records.error().line, folder.database() + ": file is not a database");

    std::filesystem::remove(folder.database());
    std::ofstream(folder.database()).close();
    {
        auto database = Sqlite::open(folder.database());
        ASSERT_TRUE(database && database->execute("CREATE TABLE other(x)"));
    }
    records = open_sqlite_records(folder.path());
    ASSERT_FALSE(records.has_value());
    EXPECT_EQ(records.error().line,
              folder.database() + ": this is a database of some other program");
}

TEST(MqttSqlite, AFolderThatCannotBeMadeIsOneLine) {
    const auto records = open_sqlite_records("/proc/nothing/here");
    ASSERT_FALSE(records.has_value());
    EXPECT_TRUE(records.error().line.starts_with("cannot make the folder /proc/nothing/here: "))
        << records.error().line;
}

TEST(MqttSqlite, ADamagedRowIsATroubleAndNotAGuess) {
    const Folder folder;
    {
        Writer writer(folder.path());
        EXPECT_FALSE(writer.write(facts(save_message(3, message("t", "x")))));
    }
    {
        auto database = Sqlite::open(folder.database());
        ASSERT_TRUE(database && database->execute("UPDATE messages SET properties = x'ff'"));
    }
    auto records = open_sqlite_records(folder.path());
    ASSERT_TRUE(records.has_value());
    const auto kept = (*records)->recover(mqtt::UnixMillis{0}, Instant{});
    ASSERT_FALSE(kept.has_value());
    EXPECT_EQ(kept.error().line,
              folder.database() +
                  ": row 3 of messages is damaged; move the file away to start without it");
}

TEST(MqttSqlite, AFullDiskKeepsNothingOfTheTransaction) {
    const Folder folder;
    {
        SqliteOptions small;
        small.octets_max = 200'000;
        Writer writer(folder.path(), small);
        EXPECT_FALSE(writer.write(facts(save_message(1, message("t", "first")))));
        const auto trouble = writer.write(facts(
            save_session(9, "late"), save_message(2, message("t", std::string(300'000, 'x')))));
        ASSERT_TRUE(trouble.has_value());
        EXPECT_EQ(trouble->line, folder.database() + ": database or disk is full");
        // The large message goes, what came with it stays and now fits.
        EXPECT_FALSE(writer.write(facts(forget_message(2))));
    }
    const auto kept = kept_in(folder.path());
    EXPECT_EQ(kept.messages.size(), 1u);
    ASSERT_EQ(kept.sessions.size(), 1u);
    EXPECT_EQ(kept.sessions[0].client_id, "late");
    EXPECT_EQ(integrity_of(folder.database()), "ok");
}

TEST(MqttSqlite, GivesRoomBackWhenIdle) {
    const Folder folder;
    {
        Writer writer(folder.path());
        EXPECT_FALSE(
            writer.write(facts(save_message(1, message("t", std::string(40'000'000, 'x'))))));
        EXPECT_FALSE(writer.write(facts(forget_message(1))));
        int pieces = 0;
        while (writer.records->idle()) ASSERT_LT(++pieces, 1000);
    }
    EXPECT_LT(std::filesystem::file_size(folder.database()), 20'000'000u);
}

TEST(MqttSqlite, TheLogStaysShort) {
    const Folder folder;
    SqliteOptions options;
    options.wal_pages_max = 100;
    Writer writer(folder.path(), options);
    for (std::uint64_t i = 1; i <= 300; ++i)
        EXPECT_FALSE(writer.write(facts(save_message(i, message("t", std::string(4000, 'x'))))));
    EXPECT_LT(std::filesystem::file_size(folder.database() + "-wal"), 1'000'000u);
}

}  // namespace
}  // namespace causeway::store::mqtt_sqlite_test
