#include "mqtt/broker/testing.hpp"

namespace causeway::mqtt::journal_test {
namespace {

using namespace testing;

/// A reader that lasts, subscribed to everything.
void reader(Bench& bench, std::uint32_t id, Qos qos = Qos::exactly_once) {
    bench.join(id, Bench::lasting("reader"));
    bench.subscribe(id, "#", qos);
}

/// The broker dies, and another finds what was safe.
Bench reborn(const Bench& before) {
    return Bench(Bench::stored(), before.store);
}

TEST(BrokerJournal, AcknowledgesAfterTheCommit) {
    Bench bench(Bench::stored());
    reader(bench, 1);
    bench.lose(1);
    bench.join(2, "sender");
    bench.commits = false;
    bench.publish(2, "t", "p", Qos::at_least_once, 1);
    bench.publish(2, "t", "p", Qos::exactly_once, 2);
    EXPECT_TRUE(bench.silent(2));
    bench.commit();
    EXPECT_EQ(bench.next<Ack>(2).type, PacketType::puback);
    EXPECT_EQ(bench.next<Ack>(2).type, PacketType::pubrec);
}

TEST(BrokerJournal, AcknowledgesAtOnceWhatNobodyStores) {
    // [MQTT-4.6.0-2] [MQTT-4.6.0-3]
    Bench bench(Bench::stored());
    reader(bench, 1);
    bench.commit();
    bench.join(2, "sender");
    bench.subscribe(2, "mine");
    bench.say(1, Unsubscribe{.packet_id = 1, .filters = {"#"}, .properties = {}});
    bench.next<Unsuback>(1);
    bench.subscribe(1, "stored");
    bench.commits = false;
    bench.publish(2, "mine", "p", Qos::at_least_once, 1);
    bench.next<Publish>(2);
    EXPECT_EQ(bench.next<Ack>(2).packet_id, 1);
    // But never out of turn.
    bench.publish(2, "stored", "p", Qos::at_least_once, 2);
    bench.publish(2, "nobody", "p", Qos::at_least_once, 3);
    EXPECT_TRUE(bench.silent(2));
    bench.commit();
    EXPECT_EQ(bench.next<Ack>(2).packet_id, 2);
    EXPECT_EQ(bench.next<Ack>(2).packet_id, 3);
}

TEST(BrokerJournal, PromisesASessionAfterTheCommit) {
    Bench bench(Bench::stored());
    bench.commits = false;
    bench.connect(1, Bench::lasting("c"));
    bench.say(1, Pingreq{});
    EXPECT_TRUE(bench.silent(1));
    bench.commit();
    EXPECT_EQ(bench.next<Connack>(1).reason, Reason::success);
    bench.next<Pingresp>(1);
    bench.say(1, Subscribe{.packet_id = 1, .entries = {{"t", {}}}, .properties = {}});
    EXPECT_TRUE(bench.silent(1));
    bench.commit();
    bench.next<Suback>(1);
    bench.say(1, Unsubscribe{.packet_id = 1, .filters = {"t"}, .properties = {}});
    EXPECT_TRUE(bench.silent(1));
    bench.commit();
    bench.next<Unsuback>(1);
}

TEST(BrokerJournal, SendsQos2OnlyWithASafeIdentifier) {
    Bench bench(Bench::stored());
    reader(bench, 1);
    bench.join(2, "sender");
    bench.commits = false;
    bench.publish(2, "t", "one", Qos::at_least_once, 1);
    EXPECT_EQ(bench.next_payload(1), "one");  // QoS 1 may come twice
    bench.publish(2, "t", "two", Qos::exactly_once, 2);
    EXPECT_TRUE(bench.silent(1));
    bench.commit();
    const auto heard = bench.next<Publish>(1);
    EXPECT_EQ(as_text(heard.payload), "two");
    bench.say(1, Bench::ack(PacketType::pubrec, heard.packet_id));
    EXPECT_TRUE(bench.silent(1));
    bench.commit();
    EXPECT_EQ(bench.next<Ack>(1).type, PacketType::pubrel);
}

TEST(BrokerJournal, NamesEachMessageOnceAndForgetsItAfterTheLast) {
    Bench bench(Bench::stored());
    for (std::uint32_t i = 1; i <= 3; ++i) {
        bench.join(i, Bench::lasting("reader" + std::to_string(i)));
        bench.subscribe(i, "#", Qos::at_least_once);
    }
    bench.lose(3);
    bench.join(9, "sender");
    Publish publish = Bench::message("t", "p", Qos::at_least_once, 1);
    publish.retain = true;
    bench.say(9, publish);
    EXPECT_EQ(bench.count<journal::SaveMessage>(), 1u);
    EXPECT_EQ(bench.store.deliveries.size(), 3u);
    for (std::uint32_t i = 1; i <= 2; ++i) bench.acknowledge(i, bench.next<Publish>(i).packet_id);
    EXPECT_EQ(bench.store.deliveries.size(), 1u);
    bench.handle(Kick{"reader3", true});
    EXPECT_EQ(bench.store.deliveries.size(), 0u);
    EXPECT_EQ(bench.store.messages.size(), 1u);
    publish.payload = {};
    bench.say(9, publish);
    bench.acknowledge(1, bench.next<Publish>(1).packet_id);
    bench.acknowledge(2, bench.next<Publish>(2).packet_id);
    EXPECT_EQ(bench.store.messages.size(), 0u);
}

TEST(BrokerJournal, RefusesWhatItCannotStore) {
    Bench bench(Bench::stored());
    reader(bench, 1);
    bench.lose(1);
    bench.join(2, "new");
    bench.join(3, "old", Version::v3_1_1);
    bench.subscribe(2, "open", Qos::at_most_once);
    bench.commits = false;
    bench.publish(2, "t", "p", Qos::at_least_once, 1);
    bench.join(7, "twice");
    bench.publish(7, "t", "p", Qos::exactly_once, 2);
    bench.publish(3, "t", "p", Qos::at_least_once, 1);
    bench.connect(4, Bench::lasting("fresh"));
    bench.fail();
    EXPECT_EQ(bench.next<Ack>(2), Bench::ack(PacketType::puback, 1, Reason::quota_exceeded));
    // It is under way: a sender that was told of a refusal would double it.
    EXPECT_EQ(bench.next<Disconnect>(7).reason, Reason::quota_exceeded);
    EXPECT_TRUE(bench.is_closed(7));
    EXPECT_TRUE(bench.silent(3));
    EXPECT_TRUE(bench.is_closed(3));
    EXPECT_EQ(bench.next<Connack>(4).reason, Reason::quota_exceeded);
    EXPECT_TRUE(bench.noted(Note::Kind::journal_failing));
    // While it fails: refused before anything is done. QoS 0 goes on.
    bench.publish(2, "t", "p", Qos::at_least_once, 3);
    EXPECT_EQ(bench.next<Ack>(2).reason, Reason::quota_exceeded);
    bench.publish(2, "open", "news");
    EXPECT_EQ(bench.next_payload(2), "news");
    bench.join(5, "clean", Version::v5);
    bench.connect(6, Bench::lasting("fresh"));
    EXPECT_EQ(bench.next<Connack>(6).reason, Reason::quota_exceeded);
    bench.join(1, Bench::lasting("reader"));  // it was stored before
    bench.say(1, Subscribe{.packet_id = 9, .entries = {{"x", {}}}, .properties = {}});
    while (!std::holds_alternative<Suback>(*bench.next_packet(1))) {
    }
    Publish kept = Bench::message("open", "kept");
    kept.retain = true;
    bench.say(2, kept);
    EXPECT_EQ(bench.broker.stats().refused_retained, 1u);
    bench.commit();
    EXPECT_TRUE(bench.noted(Note::Kind::journal_well));
    bench.commits = true;
    bench.forget(2);
    bench.publish(2, "t", "p", Qos::at_least_once, 4);
    EXPECT_EQ(bench.next<Ack>(2).reason, Reason::success);
}

TEST(BrokerJournal, TakesBackASubscriptionThatItCouldNotStore) {
    for (const Version version : {Version::v5, Version::v3_1_1}) {
        Bench bench(Bench::stored());
        Connect hello = Bench::lasting("c");
        hello.version = version;
        hello.properties = {};
        if (version == Version::v5) hello.properties.session_expiry_seconds = 60;
        bench.join(1, hello);
        bench.commits = false;
        bench.say(1, Subscribe{.packet_id = 1, .entries = {{"t", {}}}, .properties = {}});
        bench.fail();
        const auto suback = bench.next<Suback>(1);
        EXPECT_TRUE(is_error(suback.reasons[0]));
        EXPECT_EQ(bench.broker.stats().subscriptions, 0u);
    }
}

TEST(BrokerJournal, LetsARefused311PublisherTryAgain) {
    Bench bench(Bench::stored());
    reader(bench, 1);
    bench.lose(1);
    bench.join(2, Bench::hello("old", Version::v3_1_1, false));
    bench.commits = false;
    bench.publish(2, "t", "p", Qos::exactly_once, 7);
    bench.fail();
    EXPECT_TRUE(bench.is_closed(2));
    bench.commits = true;
    bench.commit();
    bench.join(2, Bench::hello("old", Version::v3_1_1, false));
    Publish again = Bench::message("t", "p", Qos::exactly_once, 7);
    again.dup = true;
    bench.say(2, again);
    EXPECT_EQ(bench.next<Ack>(2).type, PacketType::pubrec);
    EXPECT_EQ(bench.store.deliveries.size(), 1u);  // and yet once
}

TEST(BrokerRecovery, FindsSessionsSubscriptionsAndMessages) {
    // [MQTT-4.1.0-1] [MQTT-3.1.2-5]
    Bench before(Bench::stored());
    reader(before, 1);
    before.lose(1);
    before.join(2, "sender");
    Publish publish = Bench::message("t", "queued", Qos::exactly_once, 1);
    publish.properties.user = {{"k", "v"}};
    before.say(2, publish);
    publish = Bench::message("r", "kept", Qos::at_least_once, 2);
    publish.retain = true;
    before.say(2, publish);

    Bench after = reborn(before);
    EXPECT_TRUE(after.join(1, Bench::lasting("reader")).session_present);
    const auto heard = after.next<Publish>(1);
    EXPECT_EQ(as_text(heard.payload), "kept");  // QoS 2 waits until its identifier is safe
    EXPECT_FALSE(heard.dup);
    const auto second = after.next<Publish>(1);
    EXPECT_EQ(as_text(second.payload), "queued");
    EXPECT_EQ(second.properties.user[0].value, "v");
    after.join(2, "sender");
    after.subscribe(2, "r");
    EXPECT_EQ(after.next_payload(2), "kept");
    after.publish(2, "new", "p");
    EXPECT_EQ(after.next_payload(1), "p");
}

TEST(BrokerRecovery, GoesOnWhereAQos2DeliveryStood) {
    // [MQTT-4.4.0-1] [MQTT-4.3.3-5]
    Bench before(Bench::stored());
    reader(before, 1);
    before.join(2, "sender");
    before.publish(2, "t", "released", Qos::exactly_once, 1);
    before.publish(2, "t", "published", Qos::exactly_once, 2);
    const auto first = before.next<Publish>(1).packet_id;
    const auto second = before.next<Publish>(1).packet_id;
    before.say(1, Bench::ack(PacketType::pubrec, first));

    Bench after = reborn(before);
    after.join(1, Bench::lasting("reader"));
    EXPECT_EQ(after.next<Ack>(1), Bench::ack(PacketType::pubrel, first));
    const auto heard = after.next<Publish>(1);
    EXPECT_EQ(heard.packet_id, second);
    EXPECT_TRUE(heard.dup);  // [MQTT-3.3.1-1]
    after.say(1, Bench::ack(PacketType::pubcomp, first));
    after.say(1, Bench::ack(PacketType::pubrec, second));
    EXPECT_EQ(after.next<Ack>(1), Bench::ack(PacketType::pubrel, second));
    after.say(1, Bench::ack(PacketType::pubcomp, second));
    EXPECT_TRUE(after.store.deliveries.empty());
    EXPECT_TRUE(after.silent(1));
}

TEST(BrokerRecovery, KnowsWhatItHasReceivedOfQos2) {
    Bench before(Bench::stored());
    before.join(1, Bench::lasting("sender"));
    before.join(2, "reader");
    before.subscribe(2, "t");
    before.publish(1, "t", "p", Qos::exactly_once, 5);
    Bench after = reborn(before);
    after.join(2, "reader");
    after.subscribe(2, "t");
    after.join(1, Bench::lasting("sender"));
    Publish again = Bench::message("t", "p", Qos::exactly_once, 5);
    again.dup = true;
    after.say(1, again);
    EXPECT_EQ(after.next<Ack>(1).reason, Reason::success);
    EXPECT_TRUE(after.silent(2));
    after.say(1, Bench::ack(PacketType::pubrel, 5));
    EXPECT_EQ(after.next<Ack>(1), Bench::ack(PacketType::pubcomp, 5));
    EXPECT_TRUE(after.store.receipts.empty());
}

TEST(BrokerRecovery, SaysTheWillsOfThoseWhoWereConnected) {
    Bench before(Bench::stored());
    Connect hello = Bench::lasting("c");
    hello.will = Will{.topic = "w", .payload = as_octets("gone"), .retain = true};
    before.join(1, hello);
    hello.client_id = "d";
    hello.will->topic = "w/delayed";
    hello.will->properties.will_delay_seconds = 10;
    before.join(2, hello);
    Bench after = reborn(before);
    EXPECT_EQ(after.broker.stats().wills_published, 1u);
    after.join(3, "reader");
    after.subscribe(3, "w/#");
    EXPECT_EQ(after.next<Publish>(3).topic, "w");
    after.advance(9s);
    EXPECT_TRUE(after.silent(3));
    after.advance(2s);
    EXPECT_EQ(after.next<Publish>(3).topic, "w/delayed");
}

TEST(BrokerRecovery, DropsWhatIsOver) {
    Bench before(Bench::stored());
    Connect hello = Bench::lasting("short");
    hello.properties.session_expiry_seconds = 10;
    before.join(1, hello);
    before.lose(1);
    reader(before, 2, Qos::at_least_once);
    before.lose(2);
    before.join(3, "sender");
    Publish publish = Bench::message("t", "old", Qos::at_least_once, 1);
    publish.properties.message_expiry_seconds = 10;
    publish.retain = true;
    before.say(3, publish);
    publish = Bench::message("t", "young", Qos::at_least_once, 2);
    before.say(3, publish);

    Bench after(Bench::stored(), before.store, UnixMillis{std::to_underlying(unix_start) + 11'000});
    EXPECT_EQ(after.store.sessions.size(), 1u);
    EXPECT_EQ(after.store.retained.size(), 0u);
    EXPECT_EQ(after.store.messages.size(), 1u);
    EXPECT_EQ(after.broker.stats().sessions_expired, 1u);
    after.join(2, Bench::lasting("reader"));
    EXPECT_EQ(after.next_payload(2), "young");
    EXPECT_TRUE(after.silent(2));
}

/// A publisher and a reader that both hold to the protocol, a broker that dies at any moment, and
/// a journal of which any beginning may be safe: everything that was acknowledged arrives, QoS 2
/// once.
TEST(BrokerRecovery, LosesAndDoublesNothingWhenItDiesAtAnyMoment) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        Random random(seed);
        auto bench = std::make_unique<Bench>(Bench::stored());
        std::map<std::string, int> arrived;
        std::map<std::uint16_t, std::string> received;  // by the reader, not yet released
        struct Going {
            std::string payload;
            bool released = false;
        };
        std::map<std::uint16_t, Going> going;  // of the sender, not yet acknowledged
        std::vector<std::string> acknowledged;
        int next_payload = 0;
        bool reader_there = false;
        const auto sender_hears = [&] {
            while (auto packet = bench->next_packet(1)) {
                const Ack* const ack = std::get_if<Ack>(&*packet);
                if (ack == nullptr) continue;
                if (ack->type == PacketType::pubrec) {
                    going[ack->packet_id].released = true;
                    bench->say(1, Bench::ack(PacketType::pubrel, ack->packet_id));
                } else {
                    acknowledged.push_back(going[ack->packet_id].payload);
                    going.erase(ack->packet_id);
                }
            }
        };
        const auto reader_hears = [&](std::size_t most) {
            while (most-- > 0) {
                auto packet = bench->next_packet(2);
                if (!packet.has_value()) return;
                if (const Publish* const p = std::get_if<Publish>(&*packet)) {
                    const std::string payload(as_text(p->payload));
                    if (p->qos == Qos::exactly_once) {
                        if (!received.contains(p->packet_id)) ++arrived[payload];
                        received[p->packet_id] = payload;
                        bench->say(2, Bench::ack(PacketType::pubrec, p->packet_id));
                    } else {
                        arrived[payload] = 1;
                        bench->acknowledge(2, p->packet_id);
                    }
                } else if (const Ack* const ack = std::get_if<Ack>(&*packet)) {
                    received.erase(ack->packet_id);
                    bench->say(2, Bench::ack(PacketType::pubcomp, ack->packet_id));
                }
            }
        };
        const auto sender_joins = [&] {
            bench->join(1, Bench::lasting("sender"));
            for (auto& [id, one] : going) {
                if (one.released) {
                    bench->say(1, Bench::ack(PacketType::pubrel, id));
                } else {
                    Publish again = Bench::message(
                        "t", one.payload, id % 2 != 0 ? Qos::at_least_once : Qos::exactly_once, id);
                    again.dup = true;
                    bench->say(1, again);
                }
            }
        };
        sender_joins();
        bench->join(2, Bench::lasting("reader"));
        bench->subscribe(2, "#");
        reader_there = true;
        for (int step = 0; step < 120; ++step) {
            bench->commits = random.below(2) == 0;
            switch (random.below(8)) {
                case 0:
                case 1:
                case 2: {
                    auto id = static_cast<std::uint16_t>(1 + random.below(20));
                    if (going.contains(id)) break;
                    going[id].payload = std::to_string(next_payload++);
                    bench->publish(1, "t", going[id].payload,
                                   id % 2 != 0 ? Qos::at_least_once : Qos::exactly_once, id);
                    break;
                }
                case 3:
                    sender_hears();
                    break;
                case 4:
                    if (reader_there) reader_hears(random.below(5));
                    break;
                case 5:
                    bench->commit();
                    break;
                case 6:
                    if (reader_there) {
                        bench->lose(2);
                    } else {
                        bench->join(2, Bench::lasting("reader"));
                    }
                    reader_there = !reader_there;
                    break;
                default: {
                    if (random.below(4) != 0) break;
                    // It dies. What was journalled last may be safe or not.
                    if (random.below(2) == 0) bench->save();
                    bench = std::make_unique<Bench>(Bench::stored(), bench->store);
                    sender_joins();
                    reader_there = false;
                }
            }
        }
        bench->commits = true;
        bench->commit();
        if (!reader_there) bench->join(2, Bench::lasting("reader"));
        for (int i = 0; i < 200; ++i) {
            sender_hears();
            reader_hears(100);
        }
        EXPECT_TRUE(going.empty());
        for (const std::string& payload : acknowledged)
            EXPECT_EQ(arrived[payload], 1) << "seed " << seed << ", message " << payload;
        EXPECT_TRUE(bench->store.deliveries.empty()) << "seed " << seed;
        EXPECT_TRUE(bench->store.messages.empty()) << "seed " << seed;
        if (HasFailure()) return;
    }
}

}  // namespace
}  // namespace causeway::mqtt::journal_test
