// Whole meshes of routers in virtual time: what RPL promises, on links that lose a third.
#include "rpl/bus_test.hpp"

namespace causeway::rpl::router_test {
namespace {

using namespace testing;

TEST(Router, ALineOfSixGetsTheRanksOfItsHops) {
    Bus bus(6, 1);
    bus.line();
    bus.run_for(20s);
    for (std::size_t n = 0; n < 6; ++n) {
        EXPECT_TRUE(bus.router(n).joined()) << n;
        EXPECT_TRUE(bus.router(n).reachable()) << n;
        // ETX 1 costs MinHopRankIncrease a hop [RFC 6719 §3.3]
        EXPECT_EQ(bus.router(n).rank(), 256 * (n + 1)) << n;
        EXPECT_EQ(bus.router(n).dodag_id(), global(0)) << n;
    }
    for (std::size_t n = 1; n < 6; ++n) {
        EXPECT_EQ(bus.router(n).preferred_parent(), link_local(n - 1));
        const auto route = bus.router(0).source_route(global(n));
        ASSERT_TRUE(route) << n;
        EXPECT_EQ(route->size(), n);
        EXPECT_TRUE(bus.route_works(n));
    }
}

Settings with(ObjectiveCode objective) {
    Settings settings;
    settings.objective = objective;
    return settings;
}

Octets dio_body(std::size_t root, std::uint16_t rank, std::uint8_t version = 240,
                const Settings& settings = {}) {
    const Dodag dodag(settings, link_local(root), global(root), mesh_prefix());
    Dio dio = dodag.describe(global(root), false);
    dio.rank = rank;
    dio.version = version;
    return emitted(dio);
}

Router::MessageReceived dio_from(std::size_t n, Octets body) {
    return {.source = link_local(n),
            .target = ip::all_rpl_nodes(),
            .code = std::to_underlying(Code::dio),
            .body = std::move(body)};
}

Router lone_node(Settings settings = {}) {
    return Router({.root = false,
                   .link_local = link_local(9),
                   .interface_id = iid(9),
                   .prefix = {},
                   .settings = settings},
                  Random(1), {}, {});
}

Router lone_root(Settings settings = {}) {
    return Router({.root = true,
                   .link_local = link_local(0),
                   .interface_id = iid(0),
                   .prefix = mesh_prefix(),
                   .settings = settings},
                  Random(1), {}, {});
}

std::vector<Router::Output> drain(Router& router) {
    std::vector<Router::Output> all;
    while (auto out = router.poll_output()) all.push_back(std::move(*out));
    return all;
}

std::vector<Router::SendMessage> messages(Router& router) {
    std::vector<Router::SendMessage> all;
    for (Router::Output& out : drain(router))
        if (auto* message = std::get_if<Router::SendMessage>(&out)) all.push_back(*message);
    return all;
}

TEST(Router, TwentyFourNodesOnBadLinksJoinWithinTenSecondsAndAreSoonReachable) {
    for (const unsigned percent : {70u, 80u, 90u})
        for (std::uint64_t seed = 1; seed <= 10; ++seed) {
            Bus bus(24, seed);
            bus.grid(4, percent);
            EXPECT_LE(bus.time_until([&] { return bus.all_joined(); }, 60s), 10s) << seed;
            EXPECT_LE(bus.time_until([&] { return bus.all_reachable(); }, 300s),
                      8 * dao_retry_first)
                << seed;
            for (std::size_t n = 1; n < 24; ++n)
                EXPECT_TRUE(bus.route_works(n)) << seed << ' ' << n;
        }
}

TEST(Router, EightHopsOnBadLinksStillGetThere) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        Bus bus(9, seed);
        bus.line(80);
        EXPECT_LE(bus.time_until([&] { return bus.all_joined(); }, 120s), 15s) << seed;
        EXPECT_LE(bus.time_until([&] { return bus.all_reachable(); }, 300s), 120s) << seed;
        EXPECT_EQ(bus.depth(8), 8u);
    }
}

TEST(Router, ObjectiveZeroConvergesAsWell) {
    Bus bus(24, 3, with(ObjectiveCode::of0));
    bus.grid(4, 90);
    EXPECT_LE(bus.time_until([&] { return bus.all_reachable(); }, 60s), 40s);
    EXPECT_TRUE(bus.loop_free());
}

TEST(Router, ParentsAreStableOnceLinksAreKnown) {
    Bus bus(24, 4);
    bus.grid(4, 80);
    bus.traffic(10s);
    bus.run_for(300s);
    std::uint64_t before = 0;
    for (std::size_t n = 1; n < 24; ++n) before += bus.router(n).stats().parent_changes;
    bus.run_for(1800s);
    std::uint64_t after = 0;
    for (std::size_t n = 1; n < 24; ++n) after += bus.router(n).stats().parent_changes;
    EXPECT_LE(after - before, 48u);  // twice a node in half an hour
    EXPECT_GE(bus.readings_received * 100, bus.readings_sent * 90);
}

TEST(Router, AQuietMeshSpeaksSeldom) {
    Bus bus(24, 5);
    bus.grid(4, 100);
    bus.run_for(600s);
    const std::uint64_t before = bus.frames;
    bus.run_for(3600s);
    // Trickle at Imax speaks less than four times an hour, a DAO goes out three times.
    EXPECT_LE((bus.frames - before) / 24, 90u);
}

TEST(Router, AKilledRouterIsRoutedAround) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        Bus bus(24, seed);
        bus.grid(4, 85);
        bus.traffic(10s);
        bus.run_for(60s);
        bus.kill(5);
        const auto healed = [&] {
            for (std::size_t n = 1; n < 24; ++n)
                if (bus.alive(n) && !bus.depth(n)) return false;
            return true;
        };
        EXPECT_LE(bus.time_until(healed, 300s), 45s) << seed;
        EXPECT_LE(bus.time_until([&] { return bus.all_reachable(); }, 300s), 60s) << seed;
        // Nobody tells this root that a route failed: it learns of it when news that is not urgent
        // has waited long enough.
        bus.run_for(dao_delay_lazy * 3 / 2 * 2);
        for (std::size_t n = 1; n < 24; ++n)
            EXPECT_TRUE(!bus.alive(n) || bus.route_works(n)) << seed << ' ' << n;
    }
}

TEST(Router, ThoseCutOffPoisonAndComeBackWithTheLink) {
    Bus bus(6, 6);
    bus.line();
    bus.traffic(5s);
    bus.run_for(30s);
    bus.cut(2, 3);
    bus.run_for(60s);
    for (std::size_t n = 3; n < 6; ++n) {
        EXPECT_FALSE(bus.router(n).joined()) << n;
        EXPECT_EQ(bus.router(n).rank(), infinite_rank) << n;
        EXPECT_GE(bus.router(n).stats().poisonings, 1u) << n;
    }
    EXPECT_TRUE(bus.router(2).joined());
    bus.link(2, 3);
    EXPECT_LE(bus.time_until([&] { return bus.all_reachable(); }, 600s), 120s);
    EXPECT_EQ(bus.depth(5), 5u);
}

TEST(Router, NoLoopOutlivesARepair) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        Bus bus(16, seed);
        bus.grid(4, 70);
        bus.traffic(5s);
        bus.run_for(60s);
        bus.kill(1);
        bus.kill(4);  // only 5, across the diagonal, is left next to the root
        bus.run_for(20s);
        Duration longest{};
        Duration looping{};
        for (int i = 0; i < 300; ++i) {
            bus.run_for(500ms);
            looping = bus.loop_free() ? Duration{} : looping + 500ms;
            longest = std::max(longest, looping);
        }
        EXPECT_LE(longest, 20s) << seed;
        EXPECT_TRUE(bus.loop_free()) << seed;
        EXPECT_LE(bus.time_until([&] { return bus.all_joined(); }, 60s), 30s) << seed;
    }
}

TEST(Router, CountingToInfinityEndsAtMaxRankIncrease) {  // [RFC 6550 §8.2.2.4, rule 3]
    Router node = lone_node();
    node.handle(Instant(1s), dio_from(1, dio_body(0, 512)));
    node.handle_timeout(Instant(1600ms));  // a DIO of its own: L is 768 or so
    const std::uint16_t lowest = node.rank();
    (void)drain(node);
    std::uint16_t rank = 512;
    Instant now(2s);
    while (node.joined() && rank < 60000) {
        rank = static_cast<std::uint16_t>(rank + 256);
        node.handle(now, dio_from(1, dio_body(0, rank)));
        now += 100ms;
    }
    EXPECT_FALSE(node.joined());
    EXPECT_LE(rank, lowest + 7 * 256);
    EXPECT_EQ(node.rank(), infinite_rank);
}

TEST(Router, AGlobalRepairMovesEverybodyToTheNewVersion) {  // [RFC 6550 §8.2.2.1]
    Bus bus(12, 7);
    bus.grid(3, 80);
    bus.run_for(30s);
    const std::uint8_t before = bus.router(0).version();
    bus.tell(0, Router::GlobalRepair{});
    bus.run_for(20s);
    for (std::size_t n = 0; n < bus.size(); ++n)
        EXPECT_EQ(bus.router(n).version(), Sequence(before).next().value()) << n;
    EXPECT_TRUE(bus.all_reachable());
    EXPECT_TRUE(bus.loop_free());
}

TEST(Router, ARestartedRootPassesTheVersionItHad) {  // [RFC 6550 §7.2]
    Router root = lone_root();
    root.handle(Instant(1s), dio_from(3, dio_body(0, 512, 250)));
    EXPECT_EQ(root.version(), 251);
    EXPECT_EQ(root.stats().global_repairs, 1u);
    root.handle(Instant(2s), dio_from(3, dio_body(0, 512, 249)));
    EXPECT_EQ(root.version(), 251);
}

TEST(Router, ANewDtsnCallsForDaosFromTheWholeSubDodag) {  // [RFC 6550 §9.6]
    Bus bus(4, 8);
    bus.line();
    bus.run_for(30s);
    std::vector<std::uint64_t> before;
    for (std::size_t n = 1; n < 4; ++n) before.push_back(bus.router(n).stats().dao_sent);
    bus.tell(0, Router::LocalRepair{});
    bus.run_for(20s);
    for (std::size_t n = 1; n < 4; ++n)
        EXPECT_GT(bus.router(n).stats().dao_sent, before[n - 1]) << n;
}

TEST(Router, LocalRepairPoisonsAndRejoins) {
    Bus bus(6, 9);
    bus.line();
    bus.run_for(30s);
    bus.tell(2, Router::LocalRepair{});
    EXPECT_FALSE(bus.router(2).joined());
    bus.run_for(20s);
    EXPECT_TRUE(bus.all_reachable());
    EXPECT_EQ(bus.depth(5), 5u);
}

TEST(Router, TheSameSeedGivesTheSameMessages) {
    const auto run = [](std::uint64_t seed) {
        Bus bus(24, seed);
        bus.grid(4, 75);
        bus.traffic(7s);
        bus.run_for(120s);
        bus.kill(6);
        bus.run_for(120s);
        return bus.log();
    };
    const std::string once = run(11);
    EXPECT_EQ(once, run(11));
    EXPECT_NE(once, run(12));
}

TEST(Router, ANodeAloneAsksMoreAndMoreSeldom) {
    Router node = lone_node();
    std::vector<Instant> asked;
    while (asked.size() < 12) {
        const Instant now = node.next_deadline();
        node.handle_timeout(now);
        for (const auto& message : messages(node)) {
            EXPECT_EQ(message.code, std::to_underlying(Code::dis));
            EXPECT_EQ(message.target, ip::all_rpl_nodes());
            asked.push_back(now);
        }
    }
    EXPECT_LE(asked[0], Instant(5s));
    EXPECT_GE(asked[11] - asked[10], 30s);
    EXPECT_LE(asked[11] - asked[10], 90s);
}

TEST(Router, AUnicastDisIsAnsweredWithTheConfigurationAndAMulticastOneByTrickle) {  // [§8.3]
    Router root = lone_root();
    root.handle_timeout(Instant(10s));
    (void)drain(root);
    Router::MessageReceived dis{.source = link_local(5),
                                .target = link_local(0),
                                .code = std::to_underlying(Code::dis),
                                .body = emitted(Dis{})};
    root.handle(Instant(11s), dis);
    const auto answers = messages(root);
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(answers[0].target, link_local(5));
    const auto dio = parse_as<Dio>(answers[0].body);
    ASSERT_TRUE(dio);
    EXPECT_NE(dio->options.find<Configuration>(), nullptr);

    dis.target = ip::all_rpl_nodes();
    root.handle(Instant(12s), dis);
    EXPECT_TRUE(messages(root).empty());
    EXPECT_EQ(root.stats().trickle_resets, 1u);
    EXPECT_LE(root.next_deadline(), Instant(12512ms));

    Dis other;
    other.options.add(SolicitedInformation{.instance = 7, .dodag = {}, .version = {}});
    dis.body = emitted(other);
    root.handle(Instant(13s), dis);
    EXPECT_EQ(root.stats().trickle_resets, 1u);
}

TEST(Router, AFloodOfQuestionsGetsFewAnswers) {
    Router root = lone_root();
    for (int i = 0; i < 100; ++i)
        root.handle(Instant(1s), Router::MessageReceived{.source = link_local(5),
                                                         .target = link_local(0),
                                                         .code = 0,
                                                         .body = emitted(Dis{})});
    EXPECT_EQ(messages(root).size(), answers_per_second_max);
    EXPECT_EQ(root.stats().answers_refused, 100 - answers_per_second_max);
}

TEST(Router, ADioWithoutConfigurationIsAskedForIt) {
    Router node = lone_node();
    Dio dio = *parse_as<Dio>(dio_body(0, 256));
    dio.options.list.clear();
    node.handle(Instant(1s), dio_from(0, emitted(dio)));
    EXPECT_FALSE(node.joined());
    const auto asked = messages(node);
    ASSERT_EQ(asked.size(), 1u);
    EXPECT_EQ(asked[0].target, link_local(0));
    EXPECT_EQ(asked[0].code, std::to_underlying(Code::dis));
}

TEST(Router, JoiningAnnouncesPrefixAndParent) {
    Router node = lone_node();
    node.handle(Instant(1s), dio_from(0, dio_body(0, 256)));
    const auto out = drain(node);
    ASSERT_EQ(out.size(), 2u);
    EXPECT_EQ(std::get<Router::PrefixAnnounced>(out[0]).prefix, mesh_prefix());
    EXPECT_EQ(std::get<Router::ParentChanged>(out[1]).parent, link_local(0));
    EXPECT_EQ(node.global(), global(9));
    EXPECT_FALSE(node.reachable());  // until the root has answered
}

TEST(Router, ModesAndObjectivesItCannotHonourAreNotJoined) {  // [RFC 6550 §9.2, §18.6]
    Settings storing;
    storing.mode = ModeOfOperation::storing;
    Settings strange;
    strange.objective = ObjectiveCode(99);
    Settings zero;
    zero.min_hop_rank_increase = 0;
    for (const Settings& settings : {storing, strange, zero}) {
        Router node = lone_node();
        node.handle(Instant(1s), dio_from(0, dio_body(0, 512, 240, settings)));
        EXPECT_FALSE(node.joined());
        EXPECT_EQ(node.stats().dio_unusable, 1u);
    }
}

TEST(Router, WithoutDownwardRoutesNoDaoIsSent) {  // [RFC 6550 §9.2, rule 2]
    Settings settings;
    settings.mode = ModeOfOperation::no_downward_routes;
    Bus bus(3, 1, settings);
    bus.line();
    bus.run_for(60s);
    EXPECT_TRUE(bus.all_reachable());
    EXPECT_EQ(bus.router(2).stats().dao_sent, 0u);
}

TEST(Router, WhatTheRootAnnouncesHolds) {
    Settings settings;
    settings.dio_interval_min = 10;
    settings.dio_redundancy = 3;
    settings.rpi_option_type = 0x63;
    settings.lifetime_default = 7;
    Router node = lone_node();
    node.handle(Instant(1s), dio_from(0, dio_body(0, 256, 240, settings)));
    EXPECT_EQ(node.settings().dio_interval_min, 10);
    EXPECT_EQ(node.settings().dio_redundancy, 3);
    EXPECT_EQ(node.settings().rpi_option_type, 0x63);
    EXPECT_EQ(node.settings().lifetime_default, 7);
}

TEST(Router, AGroundedOrPreferredDodagIsJoinedInstead) {  // [RFC 6550 §8.2.2.3]
    Router node = lone_node();
    node.handle(Instant(1s), dio_from(0, dio_body(0, 256)));
    node.handle(Instant(2s), dio_from(50, dio_body(50, 256)));
    EXPECT_EQ(node.dodag_id(), global(0));  // "nodes SHOULD keep their previous selection"
    EXPECT_EQ(node.stats().other_dodag, 1u);
    Dio better = *parse_as<Dio>(dio_body(50, 256));
    better.preference = 3;
    node.handle(Instant(3s), dio_from(50, emitted(better)));
    EXPECT_EQ(node.dodag_id(), global(50));
    EXPECT_EQ(node.preferred_parent(), link_local(50));
}

TEST(Router, SecureMessagesAreRefusedAndCounted) {
    Router node = lone_node();
    for (const int code : {0x80, 0x81, 0x82, 0x83, 0x8a})
        node.handle(Instant(1s), Router::MessageReceived{.source = link_local(1),
                                                         .target = link_local(9),
                                                         .code = static_cast<std::uint8_t>(code),
                                                         .body = Octets(40)});
    EXPECT_EQ(node.stats().secure_refused, 5u);
    EXPECT_TRUE(node.stats().balanced());
}

TEST(Router, BadMessagesAreCountedByTheirReason) {
    Router node = lone_node();
    const auto hear = [&](ip::Address source, std::uint8_t code, Octets body) {
        node.handle(
            Instant(1s),
            Router::MessageReceived{
                .source = source, .target = link_local(9), .code = code, .body = std::move(body)});
    };
    hear(link_local(1), 1, Octets(5));     // truncated
    hear(global(1), 1, dio_body(0, 256));  // a DIO from afar
    hear(link_local(1), 77, {});           // no such code
    hear(global(1), 2, emitted(Dao{}));    // a DAO, but no root
    Dio other = *parse_as<Dio>(dio_body(0, 256));
    other.instance = 5;
    hear(link_local(1), 1, emitted(other));
    const RouterStats& stats = node.stats();
    EXPECT_EQ(stats.malformed, 1u);
    EXPECT_EQ(stats.wrong_source, 1u);
    EXPECT_EQ(stats.unknown_code, 1u);
    EXPECT_EQ(stats.not_for_us, 1u);
    EXPECT_EQ(stats.other_instance, 1u);
    EXPECT_TRUE(stats.balanced());
    EXPECT_FALSE(node.joined());
}

TEST(Router, RankErrorsResetTrickleTwentyTimesAnHourAtMost) {  // [RFC 6553 §5.1]
    Router root = lone_root();
    for (int i = 0; i < 30; ++i) root.handle(Instant(1s), Router::RankErrorSeen{});
    EXPECT_EQ(root.stats().trickle_resets, 20u);
    EXPECT_EQ(root.stats().rank_errors_ignored, 10u);
    root.handle(Instant(3602s), Router::RankErrorSeen{});
    EXPECT_EQ(root.stats().trickle_resets, 21u);
}

TEST(Router, AFullNeighbourTableKeepsTheBetterOnes) {
    Settings settings;
    settings.neighbours_max = 4;
    Router node = lone_node(settings);
    for (std::size_t n = 1; n <= 4; ++n) node.handle(Instant(1s), dio_from(n, dio_body(0, 1024)));
    node.handle(Instant(2s), dio_from(5, dio_body(0, 2000)));
    EXPECT_EQ(node.stats().neighbours_refused, 1u);
    EXPECT_EQ(node.dodag().neighbours().size(), 4u);
    node.handle(Instant(3s), dio_from(6, dio_body(0, 512)));
    EXPECT_EQ(node.stats().neighbours_refused, 1u);
    EXPECT_EQ(node.dodag().neighbours().size(), 4u);
    EXPECT_EQ(node.preferred_parent(), link_local(6));
}

Router::MessageReceived dao_from(std::size_t n, std::vector<std::size_t> parents,
                                 std::uint8_t sequence = 241, std::uint8_t lifetime = 30) {
    Dao dao{.instance = 0, .ack_wanted = true, .sequence = sequence, .dodag = {}, .options = {}};
    dao.options.add(Target{{global(n), 128}});
    std::uint8_t control = 0xc0;
    for (const std::size_t parent : parents) {
        dao.options.add(Transit{.external = false,
                                .path_control = control,
                                .path_sequence = sequence,
                                .path_lifetime = lifetime,
                                .parent = global(parent)});
        control = static_cast<std::uint8_t>(control >> 2);
    }
    return {.source = global(n),
            .target = global(0),
            .code = std::to_underlying(Code::dao),
            .body = emitted(dao)};
}

TEST(Router, AnAnswerWaitsUntilThereIsARouteForIt) {
    Router root = lone_root();
    (void)drain(root);
    root.handle(Instant(1s), dao_from(2, {1}));
    EXPECT_TRUE(messages(root).empty());  // 1 is not known yet
    root.handle(Instant(2s), dao_from(1, {0}));
    auto answers = messages(root);
    ASSERT_EQ(answers.size(), 1u);  // the other when the first has had time to leave
    root.handle_timeout(Instant(2s) + ack_spacing);
    for (auto& later : messages(root))
        if (later.code == std::to_underlying(Code::dao_ack)) answers.push_back(std::move(later));
    ASSERT_EQ(answers.size(), 2u);
    for (const auto& answer : answers) {
        EXPECT_EQ(answer.code, std::to_underlying(Code::dao_ack));
        EXPECT_TRUE(answer.from_global);
        EXPECT_EQ(parse_as<DaoAck>(answer.body)->status, 0);
    }
}

TEST(Router, UnansweredDaosAreRepeatedWithPausesThatDouble) {  // [RFC 6550 §9.3, rule 5]
    Router node = lone_node();
    node.handle(Instant(1s), dio_from(0, dio_body(0, 256)));
    (void)drain(node);
    std::vector<Instant> sent;
    std::vector<std::uint8_t> sequences;
    while (sent.size() < 5) {
        const Instant now = node.next_deadline();
        node.handle_timeout(now);
        for (const auto& message : messages(node))
            if (message.code == std::to_underlying(Code::dao)) {
                EXPECT_EQ(message.target, global(0));
                EXPECT_TRUE(message.from_global);
                sent.push_back(now);
                sequences.push_back(parse_as<Dao>(message.body)->sequence);
            }
    }
    EXPECT_LE(sent[0], Instant(1s) + dao_delay * 3 / 2);
    for (std::size_t i = 1; i < sent.size(); ++i) {
        EXPECT_GE(sent[i] - sent[i - 1], dao_retry_first * (1 << (i - 1)));
        EXPECT_LE(sent[i] - sent[i - 1], dao_retry_first * (1 << (i - 1)) * 3 / 2);
        EXPECT_NE(sequences[i], sequences[i - 1]);
    }
    node.handle(sent.back(),
                Router::MessageReceived{.source = global(0),
                                        .target = global(9),
                                        .code = std::to_underlying(Code::dao_ack),
                                        .body = emitted(DaoAck{.instance = 0,
                                                               .sequence = sequences.back(),
                                                               .status = 0,
                                                               .dodag = {},
                                                               .options = {}})});
    EXPECT_TRUE(node.reachable());
}

TEST(Router, ARouteIsRefreshedBeforeItEnds) {
    Bus bus(2, 1);
    bus.line();
    bus.run_for(10s);
    const std::uint64_t before = bus.router(1).stats().dao_sent;
    bus.run_for(1800s);  // the lifetime
    EXPECT_GT(bus.router(1).stats().dao_sent, before);
    EXPECT_TRUE(bus.route_works(1));
}

TEST(Router, ARouteWhoseNodeIsGoneEnds) {
    Bus bus(2, 1);
    bus.line();
    bus.run_for(10s);
    bus.kill(1);
    bus.run_for(1900s);
    EXPECT_FALSE(bus.router(0).source_route(global(1)));
}

TEST(Router, AFailedSourceRouteIsReplacedWhereThereIsAnother) {
    Router root = lone_root();
    root.handle(Instant(1s), dao_from(1, {0}));
    root.handle(Instant(1s), dao_from(2, {0}));
    root.handle(Instant(1s), dao_from(3, {1, 2}));
    EXPECT_EQ(root.source_route(global(3))->front(), global(1));
    root.handle(Instant(2s), Router::SourceRouteFailed{global(3), global(1)});
    EXPECT_EQ(root.source_route(global(3))->front(), global(2));
}

TEST(Router, LateAndDoubleTimeoutsDoNoHarm) {
    Router node = lone_node();
    node.handle(Instant(1s), dio_from(0, dio_body(0, 256)));
    (void)drain(node);
    node.handle_timeout(Instant(1000s));
    const std::size_t spoken = drain(node).size();
    EXPECT_GE(spoken, 1u);
    EXPECT_LE(spoken, 4u);  // one DIO, one DAO, one probe
    node.handle_timeout(Instant(1000s));
    EXPECT_TRUE(drain(node).empty());
    EXPECT_GT(node.next_deadline(), Instant(1000s));
}

TEST(Router, FitsIntoAConstrainedNode) {
    EXPECT_LE(sizeof(Router), 1500u);
}

}  // namespace
}  // namespace causeway::rpl::router_test
