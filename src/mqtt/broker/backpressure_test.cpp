#include "mqtt/broker/testing.hpp"

namespace causeway::mqtt::backpressure_test {
namespace {

using namespace testing;

BrokerSettings narrow() {
    BrokerSettings settings = Bench::quiet();
    settings.queue_messages_max = 20;
    settings.unsent_octets_high = 1000;
    settings.unsent_octets_low = 200;
    return settings;
}

/// Sends until it is asked to wait, as a host with a socket would.
int publish_while_read(Bench& bench, std::uint32_t from, int most, Qos qos = Qos::at_most_once) {
    int count = 0;
    while (count < most && !bench.paused[from]) {
        ++count;
        bench.publish(
            from, "t", std::string(90, 'x'), qos,
            qos == Qos::at_most_once ? std::uint16_t{0} : static_cast<std::uint16_t>(count));
    }
    return count;
}

TEST(BrokerSlow, MakesPublishersWaitForAReader) {
    Bench bench(narrow());
    bench.join(1, "sender");
    bench.join(2, "reader");
    bench.subscribe(2, "t");
    bench.drains = false;
    int sent = publish_while_read(bench, 1, 1000);
    EXPECT_LT(sent, 40);
    for (int turns = 0; turns < 50; ++turns) {
        bench.advance(1s);
        bench.handle(Drained{ConnectionId{2}, std::exchange(bench.unsent[2], 0)});
        sent += publish_while_read(bench, 1, 1000);
    }
    bench.handle(Drained{ConnectionId{2}, std::exchange(bench.unsent[2], 0)});
    bench.handle(Drained{ConnectionId{2}, std::exchange(bench.unsent[2], 0)});
    EXPECT_EQ(bench.waiting(2), static_cast<std::size_t>(sent));
    EXPECT_EQ(bench.broker.stats().dropped(), 0u);
    EXPECT_GT(bench.broker.stats().publishers_paused, 10u);
    EXPECT_EQ(bench.broker.stats().subscribers_stalled, 0u);
}

TEST(BrokerSlow, KeepsInOrderWhatTheHostHadReadBeforeItPaused) {
    Bench bench(narrow());
    bench.join(1, "sender");
    bench.join(2, "reader");
    bench.subscribe(2, "t");
    bench.drains = false;
    for (int i = 0; i < 200; ++i) bench.publish(1, "t", std::to_string(i));
    EXPECT_GT(bench.broker.stats().late_octets, 0u);
    EXPECT_LE(bench.broker.stats().messages_waiting, 20u);
    for (int turns = 0; turns < 200; ++turns)
        bench.handle(Drained{ConnectionId{2}, std::exchange(bench.unsent[2], 0)});
    for (int i = 0; i < 200; ++i) ASSERT_EQ(bench.next_payload(2), std::to_string(i));
    EXPECT_EQ(bench.broker.stats().late_octets, 0u);
    EXPECT_EQ(bench.broker.stats().dropped(), 0u);
}

TEST(BrokerSlow, TakesAtOnceWhatALostPublisherHadSent) {
    Bench bench(narrow());
    bench.join(1, "sender");
    bench.join(2, "reader");
    bench.subscribe(2, "t");
    bench.drains = false;
    for (int i = 0; i < 500; ++i) bench.publish(1, "t", std::to_string(i));
    bench.lose(1);
    EXPECT_EQ(bench.broker.stats().late_octets, 0u);
    EXPECT_EQ(bench.broker.stats().publishes_routed, 500u);
    EXPECT_GT(bench.broker.stats().dropped_queue_full, 0u);
}

TEST(BrokerSlow, BoundsWhatWaitsForAReader) {
    BrokerSettings settings = narrow();
    settings.late_octets_max_all = 500;
    Bench bench(settings);
    bench.join(1, "sender");
    bench.join(2, "reader");
    bench.subscribe(2, "t");
    bench.drains = false;
    for (int i = 0; i < 500; ++i) {
        bench.publish(1, "t", std::to_string(i));
        EXPECT_LE(bench.broker.stats().late_octets, 500u);
    }
    EXPECT_GT(bench.broker.stats().late_refused, 0u);
    EXPECT_GT(bench.broker.stats().dropped_queue_full, 0u);
}

TEST(BrokerSlow, HoldsNobodyBackForAReaderThatReadsNothing) {
    Bench bench(narrow());
    bench.join(1, "sender");
    bench.join(2, "stuck");
    bench.join(3, "well");
    bench.subscribe(2, "t");
    bench.subscribe(3, "t");
    bench.drains = false;
    const int before = publish_while_read(bench, 1, 1000);
    bench.advance(1900ms);
    EXPECT_TRUE(bench.paused[1]);
    bench.drains = true;
    bench.handle(Drained{ConnectionId{3}, std::exchange(bench.unsent[3], 0)});
    bench.handle(Drained{ConnectionId{1}, std::exchange(bench.unsent[1], 0)});
    bench.advance(200ms);
    EXPECT_FALSE(bench.paused[1]);
    EXPECT_TRUE(bench.noted(Note::Kind::stalled));
    // Once only: from here on its messages are dropped, and counted.
    bench.drains = false;
    for (int i = 0; i < 100; ++i) {
        bench.publish(1, "t", std::string(90, 'x'));
        bench.handle(Drained{ConnectionId{3}, std::exchange(bench.unsent[3], 0)});
    }
    EXPECT_EQ(bench.waiting(3), static_cast<std::size_t>(before) + 100);
    EXPECT_GT(bench.broker.stats().dropped_queue_full, 50u);
    EXPECT_EQ(std::ranges::count(bench.notes, Note::Kind::dropping, &Note::kind), 1);
    EXPECT_LE(bench.broker.stats().messages_waiting, 20u);
    EXPECT_FALSE(bench.is_closed(2));
}

TEST(BrokerSlow, DisconnectsAStalledReaderIfToldTo) {
    BrokerSettings settings = narrow();
    settings.slow = BrokerSettings::Slow::disconnect;
    Bench bench(settings);
    bench.join(1, "sender");
    bench.join(2, "stuck");
    bench.subscribe(2, "t");
    bench.drains = false;
    publish_while_read(bench, 1, 1000);
    bench.advance(3s);
    EXPECT_TRUE(bench.is_closed(2));
    EXPECT_FALSE(bench.paused[1]);
    EXPECT_EQ(bench.broker.stats().slow_disconnected, 1u);
    EXPECT_EQ(bench.broker.stats().messages_waiting, 0u);
}

TEST(BrokerSlow, WaitsForAcknowledgementsToo) {
    BrokerSettings settings = narrow();
    settings.inflight_max = 5;
    Bench bench(settings);
    bench.join(1, "sender");
    bench.join(2, "reader");
    bench.subscribe(2, "t");
    const int sent = publish_while_read(bench, 1, 1000, Qos::at_least_once);
    EXPECT_EQ(bench.waiting(2), 5u);
    EXPECT_LT(sent, 20);
    int heard = 0;
    while (auto packet = bench.next_packet(2)) {
        ++heard;
        bench.acknowledge(2, std::get<Publish>(*packet).packet_id);
    }
    EXPECT_EQ(heard, sent);
    EXPECT_FALSE(bench.paused[1]);
}

TEST(BrokerSlow, IsLetGoWhenTheReaderLeaves) {
    Bench bench(narrow());
    bench.join(1, "sender");
    bench.join(2, "reader");
    bench.subscribe(2, "t");
    bench.drains = false;
    publish_while_read(bench, 1, 1000);
    EXPECT_TRUE(bench.paused[1]);
    bench.lose(2);
    EXPECT_FALSE(bench.paused[1]);
}

TEST(BrokerQueue, BoundsTheMessagesOfAnAbsentClient) {
    BrokerSettings settings = Bench::quiet();
    settings.queue_messages_max = 5;
    Bench bench(settings);
    bench.join(1, Bench::lasting("away"));
    bench.subscribe(1, "t");
    bench.lose(1);
    bench.join(2, "sender");
    for (std::uint16_t i = 1; i <= 8; ++i)
        bench.publish(2, "t", std::to_string(i), Qos::at_least_once, i);
    bench.publish(2, "t", "unnumbered");
    EXPECT_EQ(bench.broker.stats().dropped_queue_full, 3u);
    EXPECT_EQ(bench.broker.stats().dropped_absent, 1u);
    EXPECT_FALSE(bench.paused[2]);
    bench.join(1, Bench::lasting("away"));
    for (int i = 1; i <= 5; ++i) EXPECT_EQ(bench.next_payload(1), std::to_string(i));
    EXPECT_TRUE(bench.silent(1));
}

TEST(BrokerQueue, MakesRoomByWhatIsOver) {
    // [MQTT-3.3.2-5]
    BrokerSettings settings = Bench::quiet();
    settings.queue_messages_max = 2;
    Bench bench(settings);
    bench.join(1, Bench::lasting("away"));
    bench.subscribe(1, "t");
    bench.lose(1);
    bench.join(2, "sender");
    Publish publish = Bench::message("t", "short-lived", Qos::at_least_once, 1);
    publish.properties.message_expiry_seconds = 1;
    bench.say(2, publish);
    bench.publish(2, "t", "second", Qos::at_least_once, 2);
    bench.advance(2s);
    bench.publish(2, "t", "third", Qos::at_least_once, 3);
    EXPECT_EQ(bench.broker.stats().dropped_expired, 1u);
    EXPECT_EQ(bench.broker.stats().dropped_queue_full, 0u);
}

TEST(BrokerQueue, BoundsOctetsOfOneAndOfAll) {
    for (const bool of_all : {false, true}) {
        BrokerSettings settings = Bench::quiet();
        (of_all ? settings.queue_octets_max_all : settings.queue_octets_max) = 8000;
        Bench bench(settings);
        bench.join(9, "sender");
        for (std::uint32_t i = 1; i <= 2; ++i) {
            bench.join(i, Bench::lasting("away" + std::to_string(i)));
            bench.subscribe(i, "t");
            bench.lose(i);
        }
        for (std::uint16_t i = 1; i <= 10; ++i)
            bench.publish(9, "t", std::string(1000, 'x'), Qos::at_least_once, i);
        EXPECT_LE(bench.broker.stats().queue_octets, of_all ? 8000u : 16'000u);
        EXPECT_EQ(bench.broker.stats().dropped_queue_full > 0, !of_all);
        EXPECT_EQ(bench.broker.stats().dropped_all_full > 0, of_all);
    }
}

TEST(BrokerQueue, LetsQos0GiveWay) {
    BrokerSettings settings = narrow();
    settings.queue_messages_max = 4;
    settings.stalled_after = 1ms;
    Bench bench(settings);
    bench.join(1, "sender");
    bench.join(2, "reader");
    bench.subscribe(2, "t");
    bench.drains = false;
    for (int i = 0; i < 13; ++i) bench.publish(1, "t", std::string(100, 'x'));
    bench.advance(2ms);  // it reads nothing: its publisher waits no more
    bench.publish(1, "t", "zero");
    for (std::uint16_t i = 1; i <= 5; ++i)
        bench.publish(1, "t", std::to_string(i), Qos::at_least_once, i);
    bench.forget(2);
    bench.drains = true;
    bench.handle(Drained{ConnectionId{2}, std::exchange(bench.unsent[2], 0)});
    for (int i = 1; i <= 4; ++i) EXPECT_EQ(bench.next_payload(2), std::to_string(i));
    EXPECT_TRUE(bench.silent(2));
}

TEST(BrokerQueue, KeepsNoQos0ForClientsIfToldSo) {
    BrokerSettings settings = narrow();
    settings.queue_qos_0 = false;
    Bench bench(settings);
    bench.join(1, "sender");
    bench.join(2, "reader");
    bench.subscribe(2, "t");
    bench.drains = false;
    for (int i = 0; i < 30; ++i) bench.publish(1, "t", std::string(90, 'x'));
    EXPECT_GT(bench.broker.stats().dropped_slow, 10u);
    EXPECT_EQ(bench.broker.stats().messages_waiting, 0u);
}

TEST(BrokerQueue, SendsAgainWhatWasNotAcknowledged) {
    // [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT-4.6.0-1] [MQTT-4.6.0-5]
    Bench bench;
    Connect hello = Bench::lasting("reader");
    bench.join(1, hello);
    bench.subscribe(1, "t");
    bench.join(2, "sender");
    for (std::uint16_t i = 1; i <= 4; ++i)
        bench.publish(2, "t", std::to_string(i), Qos::at_least_once, i);
    const auto first = bench.next<Publish>(1).packet_id;
    bench.acknowledge(1, bench.next<Publish>(1).packet_id);
    bench.lose(1);
    bench.publish(2, "t", "5", Qos::at_least_once, 5);
    hello.properties.receive_maximum = 2;  // [MQTT-3.3.4-9]
    bench.join(1, hello);
    auto heard = bench.next<Publish>(1);
    EXPECT_EQ(heard.packet_id, first);
    EXPECT_TRUE(heard.dup);
    EXPECT_EQ(bench.next_payload(1), "3");
    EXPECT_TRUE(bench.silent(1));
    bench.acknowledge(1, first);
    EXPECT_EQ(bench.next_payload(1), "4");
    bench.acknowledge(1, static_cast<std::uint16_t>(first + 2));
    heard = bench.next<Publish>(1);
    EXPECT_EQ(as_text(heard.payload), "5");
    EXPECT_FALSE(heard.dup);
    EXPECT_EQ(bench.broker.stats().publishes_resent, 3u);
}

TEST(BrokerQueue, BoundsIdentifiersThatHang) {
    Bench bench;
    bench.join(1, "sender");
    bench.join(2, "reader");
    bench.subscribe(2, "t", Qos::at_least_once);
    bench.publish(1, "t", "hangs", Qos::at_least_once, 1);
    const auto hanging = bench.next<Publish>(2).packet_id;
    std::set<std::uint16_t> seen;
    for (int i = 0; i < 70'000; ++i) {
        bench.publish(1, "t", "p", Qos::at_least_once, 2);
        const auto id = bench.next<Publish>(2).packet_id;
        ASSERT_NE(id, hanging);
        ASSERT_NE(id, 0);
        bench.acknowledge(2, id);
        bench.forget(1);
    }
}

TEST(BrokerRate, ReadsNoFasterThanAllowed) {
    BrokerSettings settings = Bench::quiet();
    settings.publishes_per_second_max = 10;
    Bench bench(settings);
    bench.join(1, "sender");
    int sent = publish_while_read(bench, 1, 1000);
    EXPECT_NEAR(sent, 10, 2);
    for (int i = 0; i < 100; ++i) {
        bench.advance(100ms);
        sent += publish_while_read(bench, 1, 1000);
    }
    EXPECT_NEAR(sent, 110, 3);
    EXPECT_GT(bench.broker.stats().rate_pauses, 50u);
    settings.publishes_per_second_max = 0;
    settings.octets_per_second_max = 1000;
    Bench octets(settings);
    octets.join(1, "sender");
    EXPECT_NEAR(publish_while_read(octets, 1, 1000), 10, 2);
}

TEST(BrokerRate, ReadsNoQuestionsOfOneWhoReadsNoAnswers) {
    Bench bench(narrow());
    bench.join(1, "asker");
    bench.drains = false;
    int asked = 0;
    while (asked < 100'000 && !bench.paused[1]) {
        ++asked;
        bench.say(1, Pingreq{});
    }
    EXPECT_LT(asked, 2000);
    bench.handle(Drained{ConnectionId{1}, bench.unsent[1]});
    EXPECT_FALSE(bench.paused[1]);
}

TEST(BrokerMemory, GoesBackAfterAConnectStorm) {
    Bench bench;
    for (std::uint32_t i = 0; i < 5000; ++i) bench.join(i, "c" + std::to_string(i));
    for (std::uint32_t i = 0; i < 5000; ++i) bench.lose(i);
    EXPECT_EQ(bench.broker.stats().sessions, 0u);
    EXPECT_EQ(bench.broker.stats().connections, 0u);
    EXPECT_EQ(bench.broker.next_deadline(), never);
}

}  // namespace
}  // namespace causeway::mqtt::backpressure_test
