#include "store/mqtt_batch.hpp"
#include "store/testing.hpp"

#include <gtest/gtest.h>

namespace causeway::store::mqtt_batch_test {
namespace {

using namespace testing;

/// A batch over a store that holds nothing yet.
MqttBatch over_nothing() {
    MqttBatch batch;
    batch.recovered({});
    return batch;
}

void apply(MqttBatch& batch, Facts all) {
    for (auto& fact : all) batch.apply(std::move(fact));
}

TEST(MqttBatch, ADeliveryThatCameAndWentLeavesNothing) {
    MqttBatch batch = over_nothing();
    apply(batch, facts(save_message(7, message("a", "x")), save_delivery(1, 1, 7),
                       forget_delivery(1, 1), forget_message(7)));
    EXPECT_TRUE(batch.empty());
    EXPECT_EQ(batch.octets(), 0u);
    EXPECT_EQ(batch.superseded(), 4u);
    EXPECT_EQ(batch.changes().records, 0u);
    EXPECT_EQ(batch.changes().keys_used, 7u);
}

TEST(MqttBatch, AReceiptThatCameAndWentLeavesNothing) {
    MqttBatch batch = over_nothing();
    for (int i = 0; i < 3; ++i) apply(batch, facts(save_receipt(1, 9), forget_receipt(1, 9)));
    EXPECT_TRUE(batch.empty());
}

TEST(MqttBatch, WhatIsKeptHasToBeDeleted) {
    MqttBatch batch = over_nothing();
    apply(batch,
          facts(save_message(7, message("a", "x")), save_delivery(1, 1, 7), save_receipt(1, 9)));
    EXPECT_EQ(batch.changes().records, 3u);
    batch.committed();
    // A change of state and the end of it in one batch: the row is on the disk still.
    apply(batch, facts(save_delivery(1, 1, 7), forget_delivery(1, 1), forget_message(7),
                       save_receipt(1, 9), forget_receipt(1, 9)));
    const MqttChanges& changes = batch.changes();
    EXPECT_EQ(changes.deliveries_gone, (std::vector<DeliveryKey>{{mqtt::SessionKey{1}, 1}}));
    EXPECT_EQ(changes.messages_gone, std::vector{mqtt::MessageKey{7}});
    EXPECT_EQ(changes.receipts_gone, (std::vector<ReceiptKey>{{mqtt::SessionKey{1}, 9}}));
    EXPECT_EQ(changes.records, 3u);
}

TEST(MqttBatch, WhatAnEarlierRunKeptHasToBeDeleted) {
    mqtt::Recovered kept;
    kept.messages.push_back({mqtt::MessageKey{7}, message("a", "x"), mqtt::UnixMillis::forever});
    kept.deliveries.push_back(delivery(1, 5, 7));
    kept.receipts.push_back({mqtt::SessionKey{1}, 9});
    kept.keys_used = 100;
    MqttBatch batch;
    batch.recovered(kept);
    apply(batch, facts(forget_delivery(1, 5), forget_message(7), forget_receipt(1, 9),
                       save_delivery(1, 6, 101), forget_delivery(1, 6)));
    EXPECT_EQ(batch.changes().deliveries_gone.size(), 1u);
    EXPECT_EQ(batch.changes().messages_gone.size(), 1u);
    EXPECT_EQ(batch.changes().receipts_gone.size(), 1u);
    EXPECT_EQ(batch.changes().records, 3u);
    EXPECT_EQ(batch.changes().keys_used, 100u);
}

TEST(MqttBatch, WithoutRecoveryEverythingMayBeKept) {
    MqttBatch batch;
    apply(batch, facts(save_delivery(1, 1, 7), forget_delivery(1, 1)));
    EXPECT_EQ(batch.changes().deliveries_gone.size(), 1u);
}

TEST(MqttBatch, AfterAFailureTheFactsAndTheirCancellingGoOn) {
    MqttBatch batch = over_nothing();
    apply(batch,
          facts(save_message(7, message("a", "x")), save_delivery(1, 1, 7), save_receipt(1, 9)));
    EXPECT_EQ(batch.changes().records, 3u);  // and its commit fails
    apply(batch, facts(forget_delivery(1, 1), forget_message(7), forget_receipt(1, 9)));
    EXPECT_EQ(batch.changes().records, 0u);
    EXPECT_TRUE(batch.empty());
}

TEST(MqttBatch, OnlyTheNewestOfARecordIsWritten) {
    MqttBatch batch = over_nothing();
    for (std::uint64_t i = 1; i <= 5; ++i)
        apply(batch, facts(save_message(i, message("t", "x")), save_retained("t", i)));
    apply(batch, facts(forget_message(1), forget_message(2), forget_message(3), forget_message(4)));
    const MqttChanges& changes = batch.changes();
    ASSERT_EQ(changes.retained.size(), 1u);
    EXPECT_EQ(changes.retained[0]->message, mqtt::MessageKey{5});
    ASSERT_EQ(changes.messages.size(), 1u);
    EXPECT_EQ(changes.messages[0]->key, mqtt::MessageKey{5});
}

TEST(MqttBatch, ASessionsEndTakesAllOfItWithIt) {
    MqttBatch batch = over_nothing();
    apply(batch, facts(save_session(1, "a"), save_session(2, "b"), save_delivery(1, 1, 7)));
    (void)batch.changes();
    batch.committed();
    apply(batch, facts(save_delivery(1, 2, 8), save_subscription(1, "x/#"), save_receipt(1, 3),
                       save_delivery(2, 1, 8), forget_session(1)));
    const MqttChanges& changes = batch.changes();
    EXPECT_EQ(changes.wiped, std::vector{mqtt::SessionKey{1}});
    ASSERT_EQ(changes.deliveries.size(), 1u);
    EXPECT_EQ(changes.deliveries[0]->session, mqtt::SessionKey{2});
    EXPECT_TRUE(changes.subscriptions.empty());
    EXPECT_TRUE(changes.receipts.empty());
    EXPECT_EQ(changes.records, 2u);
}

TEST(MqttBatch, ASessionThatCameAndWentIsNotEvenWiped) {
    MqttBatch batch = over_nothing();
    apply(batch, facts(save_session(1, "a"), save_subscription(1, "x"), save_delivery(1, 1, 7),
                       forget_session(1)));
    EXPECT_EQ(batch.changes().records, 0u);
    batch.committed();
    EXPECT_EQ(batch.superseded(), 4u);
}

TEST(MqttBatch, WhatComesAfterAWipeStays) {
    MqttBatch batch = over_nothing();
    apply(batch, facts(save_session(1, "a"), save_delivery(1, 1, 7), forget_session(1),
                       save_session(1, "again"), save_delivery(1, 2, 8)));
    const MqttChanges& changes = batch.changes();
    ASSERT_EQ(changes.sessions.size(), 1u);
    EXPECT_EQ(changes.sessions[0]->client_id, "again");
    ASSERT_EQ(changes.deliveries.size(), 1u);
    EXPECT_EQ(changes.deliveries[0]->order, 2u);
}

TEST(MqttBatch, ChangesComeInTheOrderOfTheirKeys) {
    MqttBatch batch = over_nothing();
    for (const std::uint64_t order : {5u, 1u, 4u, 2u, 3u})
        apply(batch, facts(save_delivery(2, order, order), save_delivery(1, order, order),
                           save_message(order, message("t", "x"))));
    const MqttChanges& changes = batch.changes();
    EXPECT_TRUE(std::ranges::is_sorted(changes.messages, {}, &mqtt::StoredMessage::key));
    EXPECT_TRUE(std::ranges::is_sorted(changes.deliveries, {}, [](const auto* one) {
        return DeliveryKey{one->session, one->order};
    }));
}

TEST(MqttBatch, HeldPayloadsCount) {
    MqttBatch batch = over_nothing();
    apply(batch, facts(save_message(1, message("t", std::string(100'000, 'x')))));
    EXPECT_GT(batch.octets(), 100'000u);
    apply(batch, facts(save_message(1, message("t", "small"))));
    EXPECT_LT(batch.octets(), 1'000u);
}

}  // namespace
}  // namespace causeway::store::mqtt_batch_test
