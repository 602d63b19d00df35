#include "coap/qblock.hpp"

#include "coap/testing.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <functional>

namespace causeway::coap::qblock_test {
namespace {

using namespace testing;

constexpr std::uint8_t szx = 6;
constexpr std::size_t block = 1024;

QBlockSettings wide() {
    QBlockSettings settings;
    settings.body_octets_max = 1 << 20;
    return settings;
}

/// The number of a token of a request in blocks, or any other in hexadecimal.
std::string name_of_token(const Token& token) {
    if (token.size() != 8) return to_hex(token.bytes());
    ByteReader in(token.bytes());
    return std::to_string(in.be32());
}

/// "PUT RT:09 QB1:0/1/1024", "2.05 T:c0 O:1220 ET:13 QB2:0/1/1024", "4.08 T:2 [1,9]".
std::string line_of(const Message& message) {
    std::string line = is_request(message.code) ? std::string(name_of(message.code))
                                                : to_text(message.code).substr(0, 4) +
                                                      " T:" + name_of_token(message.token);
    const auto add = [&](std::string_view what, const std::string& value) {
        line.append(" ").append(what).append(":") += value;
    };
    if (const auto observe = message.options.uint(OptionNumber::observe))
        add("O", std::to_string(*observe));
    if (const auto tag = message.options.find(OptionNumber::etag)) add("ET", to_hex(*tag));
    if (const auto tag = message.options.find(OptionNumber::request_tag)) add("RT", to_hex(*tag));
    for (const Option option : message.options) {
        const bool first = option.number == OptionNumber::q_block1;
        if (!first && option.number != OptionNumber::q_block2) continue;
        if (first && !is_request(message.code)) continue;
        const std::uint32_t value = *option.as_uint();
        add(first ? "QB1" : "QB2",
            std::to_string(value >> 4) + ((value & 8) != 0 ? "/1/" : "/0/") +
                std::to_string(block_octets(static_cast<std::uint8_t>(value & 7))));
    }
    if (message.options.uint(OptionNumber::content_format) == missing_blocks_format) {
        line += " [";
        const auto numbers = parse_missing_blocks(message.payload).value();
        for (const std::uint32_t n : numbers)
            line.append(line.ends_with('[') ? "" : ",") += std::to_string(n);
        line += "]";
    }
    return line;
}

/// Machines of both ends and the time between them. What passes is held against a script, whose
/// lines begin with '>' (from the client) or '<', and with 'X' before that where it gets lost.
struct Wire {
    using Out = std::deque<std::pair<bool, Message>>;

    void script(std::initializer_list<std::string> lines) {
        for (const auto& line : lines) expected.push_back(line);
    }
    /// One line each for blocks `from` to `to`, more to come.
    void blocks(const std::string& before, std::uint32_t from, std::uint32_t to) {
        for (std::uint32_t n = from; n <= to; ++n)
            expected.push_back(before + std::to_string(n) + "/1/1024");
    }
    void drain(auto& machine, bool from_client) {
        if (!machine) return;
        while (auto out = machine->poll_output()) {
            std::visit(Overloaded{
                           [&](QBlockSend& send) {
                               EXPECT_EQ(send.message.type, Type::non_confirmable);
                               flying.emplace_back(from_client, std::move(send.message));
                           },
                           [&](QBlockBody& whole) { on_body(from_client, std::move(whole)); },
                           [&](QBlockAnswer& answer) { answers.push_back(answer.message); },
                           [&](QBlockFailed) { ++(from_client ? client_failed : server_failed); },
                       },
                       *out);
        }
    }
    void collect() {
        drain(up_client, true);
        drain(up_server, false);
        drain(down_server, false);
        drain(down_client, true);
    }
    void run() {
        for (collect(); !flying.empty(); collect()) {
            auto [from_client, message] = std::move(flying.front());
            flying.pop_front();
            const std::string line = (from_client ? "> " : "< ") + line_of(message);
            ASSERT_FALSE(expected.empty()) << line;
            const bool lost = expected.front().starts_with('X');
            EXPECT_EQ(line, expected.front().substr(lost ? 1 : 0));
            expected.pop_front();
            if (!lost) deliver(from_client, std::move(message));
            EXPECT_TRUE(stats.balanced());
        }
    }
    void deliver(bool from_client, Message message) {
        if (from_client) {
            const bool up = message.options.has(OptionNumber::q_block1);
            if (up && up_server) return up_server->handle(now, std::move(message));
            if (!up && down_server) return down_server->handle(now, std::move(message));
        } else if (message.options.has(OptionNumber::q_block2)) {
            if (down_client) return down_client->handle(now, std::move(message));
        } else if (up_client) {
            return up_client->handle(now, std::move(message));
        }
        FAIL() << line_of(message);
    }
    void pass(Duration span) {
        const Instant until = now + span;
        run();
        for (int steps = 0; steps < 1000; ++steps) {
            Instant next = never;
            each([&](auto& machine) { next = std::min(next, machine->next_deadline()); });
            if (next > until) break;
            now = std::max(now, next);
            each([&](auto& machine) {
                if (machine->next_deadline() <= now) machine->handle_timeout(now);
            });
            run();
        }
        now = until;
    }
    void each(auto&& what) {
        if (up_client) what(up_client);
        if (up_server) what(up_server);
        if (down_server) what(down_server);
        if (down_client) what(down_client);
    }
    void finished() {
        EXPECT_TRUE(expected.empty()) << expected.front();
        expected.clear();
    }

    /// A large request, whose answer is 2.04 or what `on_body` makes of it.
    void upload(std::size_t octets, std::uint8_t tag, Code method = Code::put,
                std::optional<std::uint32_t> observe = {}) {
        sent = body_of(octets);
        Message request;
        request.code = method;
        request.options.add_path("path");
        if (observe) request.options.add_uint(OptionNumber::observe, *observe);
        const std::byte value{tag};
        up_client = std::make_unique<QBlock1Client>(wide(), request, sent, szx, Bytes(&value, 1),
                                                    random, now, stats);
        up_server = std::make_unique<QBlock1Server>(wide(), now, stats);
    }
    /// A large response, from the request on or as a notification.
    void download(std::size_t octets, std::uint8_t tag, std::optional<std::uint32_t> observe,
                  bool notification, std::string_view token = "f0") {
        sent = body_of(octets, tag);
        Message response;
        response.code = Code::content;
        response.token = Token(*from_hex(token));
        const std::byte value{tag};
        response.options.add(OptionNumber::etag, Bytes(&value, 1));
        if (observe) response.options.add_uint(OptionNumber::observe, *observe);
        down_server =
            std::make_unique<QBlock2Server>(wide(), response, sent, szx, random, now, stats);
        if (notification) down_server->start(now);
    }
    void ask(std::string_view token = "f0") {
        Message request;
        request.code = Code::get;
        request.token = Token(*from_hex(token));
        request.options.add_path("path");
        request.options.add_uint(OptionNumber::observe, 0);
        request.options.add_uint(OptionNumber::q_block2, Block{0, true, szx}.to_uint());
        down_client = std::make_unique<QBlock2Client>(wide(), request, random, stats);
        flying.emplace_back(true, std::move(request));
    }

    Instant now = start;
    Random random{5};
    QBlockStats stats;
    std::unique_ptr<QBlock1Client> up_client;
    std::unique_ptr<QBlock1Server> up_server;
    std::unique_ptr<QBlock2Server> down_server;
    std::unique_ptr<QBlock2Client> down_client;
    Out flying;
    std::deque<std::string> expected;
    Octets sent;
    std::vector<Octets> bodies;
    std::vector<Message> heads;
    std::vector<Message> answers;
    int client_failed = 0;
    int server_failed = 0;
    std::function<void(bool, QBlockBody)> on_body = [this](bool at_client, QBlockBody whole) {
        EXPECT_EQ(whole.body, sent);
        EXPECT_FALSE(whole.last.options.has(at_client ? OptionNumber::size2 : OptionNumber::size1));
        bodies.push_back(std::move(whole.body));
        heads.push_back(std::move(whole.last));
        if (at_client) return;
        Message changed;
        changed.code = Code::changed;
        up_server->answer(now, changed);
    };
};

// ---- Q-Block1: the figures of RFC 9177 §10.1 ---------------------------------------------------

TEST(QBlock1, ABodyGoesWithoutWaiting) {  // [RFC 9177 §10.1.1, figure 2]
    Wire wire;
    wire.upload(4 * block, 9);
    wire.blocks("> PUT RT:09 QB1:", 0, 2);
    wire.script({"> PUT RT:09 QB1:3/0/1024", "< 2.04 T:3"});
    wire.pass(0s);
    wire.finished();
    EXPECT_EQ(wire.bodies.size(), 1u);
    ASSERT_EQ(wire.answers.size(), 1u);
    EXPECT_EQ(wire.answers[0].code, Code::changed);
    EXPECT_TRUE(wire.up_client->over());
    EXPECT_EQ(wire.stats.payloads_sent, 4u);
}

TEST(QBlock1, ASetIsAcknowledgedByContinue) {  // [RFC 9177 §10.1.2, figure 3]
    Wire wire;
    wire.upload(10 * block + 1, 10);
    wire.blocks("> PUT RT:0a QB1:", 0, 9);
    wire.script({"< 2.31 T:9", "> PUT RT:0a QB1:10/0/1024", "< 2.04 T:10"});
    wire.pass(0s);
    wire.finished();
    EXPECT_EQ(wire.bodies.size(), 1u);
    EXPECT_EQ(wire.stats.continues_sent, 1u);
}

TEST(QBlock1, MissingBlocksAreAskedFor) {  // [RFC 9177 §10.1.3, figures 4 and 5]
    Wire wire;
    wire.upload(13 * block, 11);
    wire.script({"> PUT RT:0b QB1:0/1/1024", "X> PUT RT:0b QB1:1/1/1024"});
    wire.blocks("> PUT RT:0b QB1:", 2, 8);
    wire.script({"X> PUT RT:0b QB1:9/1/1024"});
    wire.pass(1999ms);
    wire.finished();
    // NON_TIMEOUT_RANDOM: between two and three seconds.
    wire.script({"X> PUT RT:0b QB1:10/1/1024", "> PUT RT:0b QB1:11/1/1024",
                 "> PUT RT:0b QB1:12/0/1024", "< 4.08 T:11 [1,9]", "> PUT RT:0b QB1:1/1/1024",
                 "> PUT RT:0b QB1:9/1/1024"});
    wire.pass(1001ms);
    wire.finished();
    wire.script({"< 4.08 T:14 [10]", "> PUT RT:0b QB1:10/1/1024", "< 2.04 T:15"});
    wire.pass(4s);
    wire.finished();
    EXPECT_EQ(wire.bodies.size(), 1u);
    EXPECT_EQ(wire.stats.payloads_repeated, 3u);
    EXPECT_EQ(wire.stats.missing_reports, 2u);
}

TEST(QBlock1, AServerGivesUpInTheEnd) {  // [RFC 9177 §10.1.4, figure 6]
    Wire wire;
    wire.upload(3 * block, 12);
    wire.script(
        {"> PUT RT:0c QB1:0/1/1024", "X> PUT RT:0c QB1:1/1/1024", "> PUT RT:0c QB1:2/0/1024"});
    wire.pass(0s);
    const std::unique_ptr<QBlock1Client> crashed = std::move(wire.up_client);
    const Duration first = 4s;  // NON_RECEIVE_TIMEOUT, and twice as long each time
    for (const int times : {1, 2, 4, 8}) {
        wire.pass(times * first - 1ms);
        wire.finished();
        wire.script({"X< 4.08 T:2 [1]"});
        wire.pass(1ms);
        wire.finished();
    }
    wire.pass(16 * first - 1ms);
    EXPECT_FALSE(wire.up_server->over());
    wire.pass(1ms);
    EXPECT_TRUE(wire.up_server->over());
    EXPECT_EQ(wire.server_failed, 1);
    EXPECT_EQ(wire.stats.bodies_abandoned, 1u);
}

TEST(QBlock1, WithoutContinueSetsArePaced) {  // [RFC 9177 §7.2]
    Wire wire;
    wire.upload(25 * block, 1);
    wire.blocks("X> PUT RT:01 QB1:", 0, 9);
    wire.pass(1999ms);
    wire.finished();
    wire.blocks("X> PUT RT:01 QB1:", 10, 19);
    wire.pass(1001ms);
    wire.finished();
    wire.blocks("X> PUT RT:01 QB1:", 20, 23);
    wire.script({"X> PUT RT:01 QB1:24/0/1024"});
    wire.pass(3s);
    wire.finished();
    wire.pass(300s);  // nobody ever answered
    EXPECT_EQ(wire.client_failed, 1);
    EXPECT_TRUE(wire.up_client->over());
}

TEST(QBlock1, WhatComesAgainIsAnsweredAgain) {  // [RFC 9177 §4.3]
    Wire wire;
    wire.upload(10 * block + 1, 1);
    Message tenth;
    wire.collect();
    for (int i = 0; i < 10; ++i) {
        tenth = wire.flying.front().second;
        wire.up_server->handle(wire.now, tenth);
        wire.flying.pop_front();
    }
    for (int i = 0; i < 2; ++i) {
        const auto said = wire.up_server->poll_output();
        ASSERT_TRUE(said);
        const Message& go_on = std::get<QBlockSend>(*said).message;
        EXPECT_EQ(go_on.code, Code::continue_);
        EXPECT_EQ(BlockOption::read(go_on.options, OptionNumber::q_block1).block,
                  (Block{9, true, szx}));
        EXPECT_FALSE(wire.up_server->poll_output());
        wire.up_server->handle(wire.now, tenth);  // once more
    }
    EXPECT_EQ(wire.stats.payloads_duplicate, 2u);
    // And so is the whole body.
    EXPECT_TRUE(wire.up_server->poll_output());
    wire.up_client->handle_timeout(wire.now + 3s);
    wire.script({"> PUT RT:01 QB1:10/0/1024", "X< 2.04 T:10"});
    wire.run();
    tenth.token = Token("0000000b 00000000"_hex);
    wire.up_server->handle(wire.now, tenth);
    wire.script({"X< 2.04 T:11"});
    wire.run();
    wire.finished();
    EXPECT_EQ(wire.bodies.size(), 1u);
    wire.up_client.reset();
    wire.pass(300s);
    EXPECT_TRUE(wire.up_server->over());
}

TEST(QBlock1, AServerRefusesWhatIsNotWellPut) {  // [RFC 9177 §4.1, §4.3, §4.6]
    const auto refused = [](auto&& spoil) {
        QBlockStats stats;
        QBlock1Server server(wide(), start, stats);
        Message request;
        request.code = Code::put;
        request.type = Type::non_confirmable;
        request.token = Token("01"_hex);
        request.options.add(OptionNumber::request_tag, "07"_hex);
        request.options.add_uint(OptionNumber::size1, 2048);
        request.options.add_uint(OptionNumber::q_block1, Block{0, true, szx}.to_uint());
        request.payload = Octets(1024);
        spoil(request, server);
        server.handle(start, request);
        const auto out = server.poll_output();
        EXPECT_TRUE(stats.balanced());
        EXPECT_EQ(stats.payloads_refused, 1u);
        const Message& said = std::get<QBlockSend>(out.value()).message;
        EXPECT_EQ(said.token, request.token);
        return said.code;
    };
    using enum OptionNumber;
    EXPECT_EQ(refused([](Message& m, auto&) { m.options.remove(request_tag); }), Code::bad_request);
    EXPECT_EQ(refused([](Message& m, auto&) { m.options.remove(size1); }), Code::bad_request);
    EXPECT_EQ(refused([](Message& m, auto&) { m.options.set_uint(q_block1, 7); }),
              Code::bad_request);
    EXPECT_EQ(refused([](Message& m, auto&) { m.options.add_uint(block2, 6); }), Code::bad_option);
    EXPECT_EQ(refused([](Message& m, auto&) { m.options.set_uint(size1, 0xffffffff); }),
              Code::request_entity_too_large);
    EXPECT_EQ(refused([](Message& m, auto&) { m.payload.pop_back(); }), Code::bad_request);
    EXPECT_EQ(refused([](Message& m, auto&) { m.options.set_uint(q_block1, 6); }),
              Code::bad_request);  // the first of two is not the last
    EXPECT_EQ(refused([](Message& m, auto&) { m.options.set_uint(q_block1, 2 << 4 | 6); }),
              Code::bad_request);
    const auto second = [](Message& m, QBlock1Server& server) {
        server.handle(start, m);
        m.options.set_uint(size1, 4096);
    };
    EXPECT_EQ(refused(second), Code::bad_request);
}

TEST(QBlock1, AConfirmableClientIsNotTold) {  // [RFC 9177 §4.3, §5]
    QBlockStats stats;
    QBlock1Server server(wide(), start, stats);
    Message request;
    request.code = Code::put;
    request.options.add(OptionNumber::request_tag, "07"_hex);
    request.options.add_uint(OptionNumber::size1, 12 * 1024);
    request.payload = Octets(1024);
    for (const std::uint32_t n : {0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 9u, 11u}) {
        request.options.set_uint(OptionNumber::q_block1, Block{n, n < 11, szx}.to_uint());
        server.handle(start, request);
    }
    EXPECT_FALSE(server.poll_output());
    EXPECT_EQ(server.next_deadline(), start + 247s);  // NON_PARTIAL_TIMEOUT
    server.handle_timeout(start + 247s);
    EXPECT_TRUE(std::holds_alternative<QBlockFailed>(server.poll_output().value()));
    EXPECT_TRUE(server.over());
}

TEST(QBlock1, AClientTakesReportsAsTheyShouldBeAndNoOthers) {  // [RFC 9177 §4.3, §5]
    Wire wire;
    wire.upload(3 * block, 1);
    wire.blocks("X> PUT RT:01 QB1:", 0, 1);
    wire.script({"X> PUT RT:01 QB1:2/0/1024"});
    wire.pass(0s);
    const auto say = [&](Code code, std::string_view numbers, std::string_view token_hex) {
        Message report;
        report.code = code;
        report.token = Token(*from_hex(token_hex));
        report.options.add_uint(OptionNumber::content_format, missing_blocks_format);
        report.payload = *from_hex(numbers);
        wire.up_client->handle(wire.now, report);
        wire.run();
    };
    Random random{5};
    random.next();  // the pause
    const std::uint64_t drawn = random.next();
    Octets token(8);
    ByteWriter(token).be64(drawn & 0xffffffffu);
    const std::string ours = to_hex(token);
    say(Code::request_entity_incomplete, "02 01", ours);  // not in order
    say(Code::request_entity_incomplete, "f6", ours);     // no number
    say(Code::request_entity_incomplete, "", ours);
    say(Code::request_entity_incomplete, "19", ours);  // cut short
    EXPECT_EQ(wire.stats.reports_ignored, 4u);
    say(Code::request_entity_incomplete, "01", "0000000000000000");  // not about this body
    say(Code::request_entity_incomplete, "01", "01");
    EXPECT_FALSE(wire.up_client->over());
    wire.script({"X> PUT RT:01 QB1:0/1/1024", "X> PUT RT:01 QB1:2/0/1024"});
    say(Code::request_entity_incomplete, "00 00 02 18ff", ours);
    wire.finished();
    // It is not made to send the same for ever.
    for (int i = 0; i < 20; ++i) {
        for (int n = 0; n < 3; ++n)
            wire.script(
                {"X> PUT RT:01 QB1:" + std::to_string(n) + (n < 2 ? "/1/1024" : "/0/1024")});
        const std::size_t before = wire.stats.repeats_refused;
        if (before != 0) wire.expected.clear();
        say(Code::request_entity_incomplete, "00 01 02", ours);
        wire.expected.clear();
    }
    EXPECT_EQ(wire.stats.payloads_repeated, 15u);
    EXPECT_GT(wire.stats.repeats_refused, 0u);
    say(Code::request_entity_too_large, "", ours);
    EXPECT_TRUE(wire.up_client->over());
    EXPECT_EQ(wire.answers.size(), 1u);
}

// ---- Q-Block2: the figures of RFC 9177 §10.2 ---------------------------------------------------

TEST(QBlock2, ABodyComesWithoutAsking) {  // [RFC 9177 §10.2.1, figure 7]
    Wire wire;
    wire.download(4 * block, 0x13, 1220, false, "c0");
    wire.ask("c0");
    wire.script({"> GET O:0 QB2:0/1/1024"});
    wire.blocks("< 2.05 T:c0 O:1220 ET:13 QB2:", 0, 2);
    wire.script({"< 2.05 T:c0 O:1220 ET:13 QB2:3/0/1024"});
    wire.pass(0s);
    wire.finished();
    wire.download(4 * block, 0x14, 1221, true, "c0");
    wire.blocks("< 2.05 T:c0 O:1221 ET:14 QB2:", 0, 2);
    wire.script({"< 2.05 T:c0 O:1221 ET:14 QB2:3/0/1024"});
    wire.pass(300s);
    wire.finished();
    ASSERT_EQ(wire.bodies.size(), 2u);
    EXPECT_EQ(wire.heads[1].options.uint(OptionNumber::observe), 1221u);
    EXPECT_FALSE(wire.heads[1].options.has(OptionNumber::q_block2));
    EXPECT_TRUE(wire.down_client->idle());
    EXPECT_TRUE(wire.down_server->over());
}

TEST(QBlock2, ASetIsAcknowledgedByContinue) {  // [RFC 9177 §10.2.2, figure 8]
    Wire wire;
    wire.download(11 * block, 0x15, 1234, false);
    wire.ask();
    wire.script({"> GET O:0 QB2:0/1/1024"});
    wire.blocks("< 2.05 T:f0 O:1234 ET:15 QB2:", 0, 9);
    wire.script({"> GET QB2:10/1/1024", "< 2.05 T:f0 O:1234 ET:15 QB2:10/0/1024"});
    wire.pass(0s);
    wire.finished();
    wire.download(11 * block, 0x16, 1235, true);
    wire.blocks("< 2.05 T:f0 O:1235 ET:16 QB2:", 0, 9);
    wire.script({"> GET QB2:10/1/1024", "< 2.05 T:f0 O:1235 ET:16 QB2:10/0/1024"});
    wire.pass(0s);
    wire.finished();
    EXPECT_EQ(wire.bodies.size(), 2u);
}

/// A client that has had its first body, and now a notification.
struct Notified : Wire {
    Notified(std::size_t octets, std::uint8_t tag, std::uint32_t observe) {
        ask();
        flying.clear();
        download(octets, tag, observe, true);
    }
};

TEST(QBlock2, MissingBlocksAreAskedFor) {  // [RFC 9177 §10.2.3, figure 9]
    Notified wire(11 * block, 0x17, 1236);
    wire.on_body = [&](bool, QBlockBody whole) {
        EXPECT_EQ(whole.body, wire.sent);
        EXPECT_EQ(whole.last.options.uint(OptionNumber::observe), 1236u);
        wire.bodies.push_back(std::move(whole.body));
    };
    wire.script(
        {"< 2.05 T:f0 O:1236 ET:17 QB2:0/1/1024", "X< 2.05 T:f0 O:1236 ET:17 QB2:1/1/1024"});
    wire.blocks("< 2.05 T:f0 O:1236 ET:17 QB2:", 2, 8);
    wire.script({"X< 2.05 T:f0 O:1236 ET:17 QB2:9/1/1024"});
    wire.pass(1999ms);
    wire.finished();
    wire.script({"< 2.05 T:f0 O:1236 ET:17 QB2:10/0/1024", "> GET QB2:1/0/1024 QB2:9/0/1024",
                 "X< 2.05 T:0 ET:17 QB2:1/1/1024", "< 2.05 T:0 ET:17 QB2:9/1/1024"});
    wire.pass(1001ms);
    wire.finished();
    wire.script({"> GET QB2:1/0/1024", "< 2.05 T:1 ET:17 QB2:1/1/1024"});
    wire.pass(4s);
    wire.finished();
    EXPECT_EQ(wire.bodies.size(), 1u);
}

TEST(QBlock2, TheRestOfASetIsAskedForInOne) {  // [RFC 9177 §10.2.4, figure 10]
    Notified wire(11 * block, 0x18, 1237);
    wire.on_body = [&](bool, QBlockBody whole) { wire.bodies.push_back(std::move(whole.body)); };
    wire.blocks("< 2.05 T:f0 O:1237 ET:18 QB2:", 0, 1);
    wire.blocks("X< 2.05 T:f0 O:1237 ET:18 QB2:", 2, 9);
    wire.script({"X< 2.05 T:f0 O:1237 ET:18 QB2:10/0/1024"});
    wire.pass(3999ms);
    wire.finished();
    wire.script({"> GET QB2:2/1/1024"});
    wire.blocks("< 2.05 T:0 ET:18 QB2:", 2, 9);
    wire.script({"> GET QB2:10/1/1024", "< 2.05 T:f0 O:1237 ET:18 QB2:10/0/1024"});
    wire.pass(1ms);
    wire.finished();
    ASSERT_EQ(wire.bodies.size(), 1u);
    EXPECT_EQ(wire.bodies[0], wire.sent);
}

TEST(QBlock2, AClientGivesUpInTheEnd) {  // [RFC 9177 §7.2]
    Notified wire(3 * block, 1, 5);
    wire.script({"< 2.05 T:f0 O:5 ET:01 QB2:0/1/1024", "X< 2.05 T:f0 O:5 ET:01 QB2:1/1/1024",
                 "< 2.05 T:f0 O:5 ET:01 QB2:2/0/1024"});
    for (int i = 0; i < 4; ++i) wire.script({"X> GET QB2:1/0/1024"});
    wire.pass((1 + 2 + 4 + 8 + 16) * 4s - 1ms);
    wire.finished();
    EXPECT_EQ(wire.client_failed, 0);
    wire.pass(1ms);
    EXPECT_EQ(wire.client_failed, 1);
    EXPECT_TRUE(wire.down_client->idle());
}

TEST(QBlock2, ANewerRepresentationReplacesAPartialOne) {  // [RFC 9177 §4.4]
    Notified wire(3 * block, 1, 5);
    wire.script({"< 2.05 T:f0 O:5 ET:01 QB2:0/1/1024", "X< 2.05 T:f0 O:5 ET:01 QB2:1/1/1024",
                 "< 2.05 T:f0 O:5 ET:01 QB2:2/0/1024"});
    wire.pass(1s);
    wire.collect();
    wire.finished();
    Message late;
    late.code = Code::content;
    late.options.add(OptionNumber::etag, "01"_hex);
    late.options.add_uint(OptionNumber::observe, 5);
    late.options.add_uint(OptionNumber::size2, 3 * block);
    late.options.add_uint(OptionNumber::q_block2, Block{1, true, szx}.to_uint());
    late.payload = Octets(block);
    wire.on_body = [&](bool, QBlockBody whole) { wire.bodies.push_back(std::move(whole.body)); };
    wire.download(2 * block, 2, 6, true);
    wire.script({"< 2.05 T:f0 O:6 ET:02 QB2:0/1/1024", "X< 2.05 T:f0 O:6 ET:02 QB2:1/0/1024"});
    wire.run();
    EXPECT_EQ(wire.stats.bodies_replaced, 1u);
    wire.down_client->handle(wire.now, late);  // of the old one: no way back
    EXPECT_EQ(wire.stats.bodies_replaced, 1u);
    wire.script({"> GET QB2:1/0/1024", "< 2.05 T:0 ET:02 QB2:1/0/1024"});
    wire.pass(4s);
    wire.finished();
    ASSERT_EQ(wire.bodies.size(), 1u);
    EXPECT_EQ(wire.bodies[0], wire.sent);
    EXPECT_TRUE(wire.stats.balanced());
}

TEST(QBlock2, SomeBlocksOfABodyThatWasForgottenAreOfThePresentOne) {  // [RFC 9177 §4.4]
    Wire wire;
    wire.download(12 * block, 0x21, {}, false);
    Message request;
    request.code = Code::get;
    request.token = Token("77"_hex);
    for (const std::uint32_t n : {1u, 11u})
        request.options.add_uint(OptionNumber::q_block2, Block{n, false, szx}.to_uint());
    wire.down_server->handle(wire.now, request);
    // Of one set at a time.
    wire.script({"X< 2.05 T:77 ET:21 QB2:1/1/1024"});
    wire.pass(1999ms);
    wire.finished();
    wire.script({"X< 2.05 T:77 ET:21 QB2:11/0/1024"});
    wire.pass(1001ms);
    wire.finished();
}

TEST(QBlock2, OptionsAskForWhatTheySay) {  // [RFC 9177 §4.4]
    const auto read = [](std::initializer_list<Block> blocks) {
        Options options;
        for (const Block& b : blocks) options.add_uint(OptionNumber::q_block2, b.to_uint());
        return QBlock2Wanted::read(options, 10);
    };
    using Kind = QBlock2Wanted::Kind;
    EXPECT_EQ(read({{0, true, 6}})->kind, Kind::whole);
    EXPECT_EQ(read({{20, true, 2}})->kind, Kind::go_on);
    EXPECT_EQ(read({{20, true, 2}})->from, 20u);
    EXPECT_EQ(read({{20, true, 2}})->szx, 2u);
    EXPECT_EQ(read({{0, false, 6}})->numbers, (std::vector<std::uint32_t>{0}));
    EXPECT_EQ(read({{7, true, 6}})->numbers, (std::vector<std::uint32_t>{7, 8, 9}));
    // "the server MUST only send back one instance of that block"
    EXPECT_EQ(read({{7, true, 6}, {8, false, 6}, {12, false, 6}})->numbers,
              (std::vector<std::uint32_t>{7, 8, 9, 12}));
    EXPECT_FALSE(read({}));
    EXPECT_FALSE(read({{3, false, 6}, {3, false, 6}}));
    EXPECT_FALSE(read({{3, false, 6}, {2, false, 6}}));
    EXPECT_FALSE(read({{3, false, 6}, {4, false, 5}}));
    EXPECT_FALSE(read({{3, false, 7}}));
}

TEST(QBlock2, AServerRefusesWhatIsNotWellPut) {  // [RFC 9177 §4.1, §4.4]
    Wire wire;
    wire.download(3 * block, 1, {}, false);
    const auto said = [&](auto... values) {
        Message request;
        request.code = Code::get;
        request.token = Token("55"_hex);
        (request.options.add_uint(OptionNumber::q_block2, values), ...);
        wire.down_server->handle(wire.now, request);
        return std::get<QBlockSend>(wire.down_server->poll_output().value()).message.code;
    };
    EXPECT_EQ(said(), Code::bad_request);
    EXPECT_EQ(said(0x26u, 0x16u), Code::bad_request);
    EXPECT_EQ(said(0x15u), Code::bad_request);  // another size
    EXPECT_EQ(said(0x36u), Code::bad_request);  // past the end
    Message mixed;
    mixed.options.add_uint(OptionNumber::q_block2, 6);
    mixed.options.add_uint(OptionNumber::block2, 6);
    wire.down_server->handle(wire.now, mixed);
    EXPECT_EQ(std::get<QBlockSend>(wire.down_server->poll_output().value()).message.code,
              Code::bad_option);
}

TEST(QBlock2, AClientTakesNoMoreThanItsLimit) {
    QBlockStats stats;
    Random random(1);
    QBlock2Client client({.body_octets_max = 2000}, {}, random, stats);
    Message response;
    response.code = Code::content;
    response.options.add_uint(OptionNumber::size2, 2001);
    response.options.add_uint(OptionNumber::q_block2, Block{0, true, szx}.to_uint());
    response.payload = Octets(block);
    client.handle(start, response);
    EXPECT_TRUE(std::holds_alternative<QBlockFailed>(client.poll_output().value()));
    EXPECT_EQ(stats.payloads_refused, 1u);
    EXPECT_TRUE(client.idle());
    EXPECT_EQ(client.next_deadline(), never);
}

// ---- both: the figures of RFC 9177 §10.3 -------------------------------------------------------

/// A FETCH whose answer is large as well.
struct Both : Wire {
    Both(std::size_t up, std::size_t down, std::uint8_t request_tag, std::uint8_t etag,
         std::uint32_t observe) {
        upload(up, request_tag, Code::fetch, 0);
        down_client = std::make_unique<QBlock2Client>(wide(), up_client->request(), random, stats);
        on_body = [=, this](bool at_client, QBlockBody whole) {
            EXPECT_EQ(whole.body, sent);
            bodies.push_back(std::move(whole.body));
            if (at_client) return;
            token = to_hex(whole.last.token.bytes());
            download(down, etag, observe, true, token);
        };
    }
    std::string token;
};

TEST(QBlocks, ALargeRequestAndALargeResponse) {  // [RFC 9177 §10.3.1, figure 11]
    Both wire(3 * block, 4 * block, 30, 90, 1320);
    wire.blocks("> FETCH O:0 RT:1e QB1:", 0, 1);
    wire.script({"> FETCH O:0 RT:1e QB1:2/0/1024"});
    wire.blocks("< 2.05 T:2 O:1320 ET:5a QB2:", 0, 2);
    wire.script({"< 2.05 T:2 O:1320 ET:5a QB2:3/0/1024"});
    wire.run();
    wire.finished();
    EXPECT_EQ(wire.bodies.size(), 2u);
}

TEST(QBlocks, ContinueBothWays) {  // [RFC 9177 §10.3.2, figure 12]
    Both wire(11 * block, 11 * block, 10, 21, 1334);
    wire.blocks("> FETCH O:0 RT:0a QB1:", 0, 9);
    wire.script({"< 2.31 T:9", "> FETCH O:0 RT:0a QB1:10/0/1024"});
    wire.blocks("< 2.05 T:10 O:1334 ET:15 QB2:", 0, 9);
    wire.script({"> FETCH RT:0a QB2:10/1/1024", "< 2.05 T:10 O:1334 ET:15 QB2:10/0/1024"});
    wire.run();
    wire.finished();
    EXPECT_EQ(wire.bodies.size(), 2u);
}

TEST(QBlocks, RecoveryBothWays) {  // [RFC 9177 §10.3.3, figures 13 to 15]
    Both wire(4 * block, 4 * block, 31, 23, 1236);
    wire.script({"> FETCH O:0 RT:1f QB1:0/1/1024", "X> FETCH O:0 RT:1f QB1:1/1/1024",
                 "X> FETCH O:0 RT:1f QB1:2/1/1024", "> FETCH O:0 RT:1f QB1:3/0/1024"});
    wire.pass(3999ms);
    wire.finished();
    wire.script({"< 4.08 T:3 [1,2]", "> FETCH O:0 RT:1f QB1:1/1/1024",
                 "> FETCH O:0 RT:1f QB1:2/1/1024",
                 // Under the token of the last request, which is "desirable"; the figure has that
                 // of the one before.
                 "< 2.05 T:5 O:1236 ET:17 QB2:0/1/1024", "X< 2.05 T:5 O:1236 ET:17 QB2:1/1/1024",
                 "< 2.05 T:5 O:1236 ET:17 QB2:2/1/1024", "X< 2.05 T:5 O:1236 ET:17 QB2:3/0/1024"});
    wire.pass(1ms);
    wire.finished();
    wire.script({"> FETCH RT:1f QB2:1/0/1024 QB2:3/0/1024", "X< 2.05 T:0 ET:17 QB2:1/1/1024",
                 "< 2.05 T:0 ET:17 QB2:3/0/1024"});
    wire.pass(4s);
    wire.finished();
    wire.script({"> FETCH RT:1f QB2:1/0/1024", "< 2.05 T:1 ET:17 QB2:1/1/1024"});
    wire.pass(4s);
    wire.finished();
    EXPECT_EQ(wire.bodies.size(), 2u);
}

// ---- the parts ---------------------------------------------------------------------------------

TEST(QBlock, ParametersAreAsDerived) {  // [RFC 9177 §7.2, table 3]
    const QBlockSettings settings;
    EXPECT_EQ(settings.non_partial_timeout(), 247s);
    EXPECT_EQ(settings.non_probing_wait(2s), 247s);
    EXPECT_EQ(settings.non_probing_wait(3s), 248s);
}

TEST(QBlock, MissingNumbersAreACborSequence) {  // [RFC 9177 §5]
    const std::vector<std::uint32_t> numbers{0, 23, 24, 255, 256, 65535, 65536, 1048575};
    const Octets octets = missing_blocks(numbers);
    EXPECT_EQ(octets, "00 17 1818 18ff 190100 19ffff 1a00010000 1a000fffff"_hex);
    EXPECT_EQ(parse_missing_blocks(octets), numbers);
    EXPECT_EQ(parse_missing_blocks("01 01 1b0000000000000002"_hex),
              (std::vector<std::uint32_t>{1, 2}));
    for (const auto* bad : {"", "20", "1a00100000", "80", "1c", "01 00", "18"})
        EXPECT_EQ(parse_missing_blocks(*from_hex(bad)), std::nullopt) << bad;
}

TEST(QBlock, TokensOfABodyAreKnownAgain) {  // [RFC 9177 §6]
    Random random(3);
    QBlockTokens tokens(random);
    QBlockTokens others(random);
    const Token first = tokens.draw();
    const Token second = tokens.draw();
    EXPECT_NE(others.draw(), first);
    EXPECT_EQ(first.size(), 8u);
    EXPECT_EQ(tokens.number_of(first), 0u);
    EXPECT_EQ(tokens.number_of(second), 1u);
    EXPECT_FALSE(others.owns(first));
    EXPECT_FALSE(tokens.owns(Token("01"_hex)));
    Octets third = to_octets(second.bytes());
    third[3] = std::byte{2};
    EXPECT_FALSE(tokens.owns(Token(third)));  // was not drawn yet
}

TEST(QBlock, WhatIsMissingGoesBeforeTheRestOfTheSet) {  // [RFC 9177 §7.2]
    QBlockStats stats;
    Random random(1);
    QBlockSender sender(wide(), body_of(15 * block), szx, random, start);
    std::vector<std::uint32_t> sent;
    const auto send = [&](int n, Instant now) {
        for (int i = 0; i < n; ++i) {
            const auto piece = sender.poll(now, stats);
            if (!piece) return;
            sent.push_back(piece->block.number);
        }
    };
    send(10, start);
    send(1, start);
    EXPECT_EQ(sent.size(), 10u);  // and then there is a pause
    sender.go_on(start, 10);
    send(2, start);  // by a host that spaces them out
    const std::vector<std::uint32_t> missing{3, 8};
    sender.repeat(start, missing, stats);
    send(100, start);
    EXPECT_EQ(std::vector(sent.begin() + 10, sent.end()),
              (std::vector<std::uint32_t>{10, 11, 3, 8, 12, 13, 14}));
    // What it is asked for a second time while it waits goes once.
    sent.clear();
    const std::vector<std::uint32_t> two_sets{1, 2, 12};
    sender.repeat(start, two_sets, stats);
    send(100, start);
    sender.repeat(start, two_sets, stats);
    send(100, start + 3s);
    EXPECT_EQ(sent, (std::vector<std::uint32_t>{1, 2, 1, 2}));
    send(100, start + 6s);
    EXPECT_EQ(sent, (std::vector<std::uint32_t>{1, 2, 1, 2, 12}));
    EXPECT_EQ(sender.next_deadline(), sender.expires());
}

TEST(QBlock, BodiesCrossABadNetworkBothWays) {
    int done = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        Random chance(seed);
        Random random = chance.fork(1);
        QBlockStats stats;
        QBlockSettings settings = wide();
        settings.max_payloads = static_cast<std::uint8_t>(1 + chance.below(12));
        const auto size = static_cast<std::uint8_t>(chance.below(3));
        const std::uint64_t loss = chance.below(35);
        const Octets up = body_of(1 + chance.below(2000), seed);
        const Octets down = body_of(1 + chance.below(2000), seed + 1);
        Instant now = start;
        Message request;
        request.code = Code::fetch;
        QBlock1Client client(settings, request, up, size, "01"_hex, random, now, stats);
        QBlock1Server server(settings, now, stats);
        QBlock2Client gets(settings, client.request(), random, stats);
        std::optional<QBlock2Server> gives;
        std::vector<std::pair<bool, Message>> flying;
        bool whole = false;
        int failed = 0;
        const auto drain = [&](auto& machine, bool from_client) {
            while (auto out = machine.poll_output()) {
                if (auto* send = std::get_if<QBlockSend>(&*out))
                    flying.emplace_back(from_client, std::move(send->message));
                if (std::holds_alternative<QBlockFailed>(*out)) ++failed;
                if (auto* answer = std::get_if<QBlockAnswer>(&*out))
                    gets.handle(now, std::move(answer->message));
                auto* body = std::get_if<QBlockBody>(&*out);
                if (body == nullptr) continue;
                EXPECT_EQ(body->body, from_client ? down : up);
                if (from_client) {
                    whole = true;
                    continue;
                }
                Message response;
                response.code = Code::content;
                response.token = body->last.token;
                response.options.add(OptionNumber::etag, "aa"_hex);
                gives.emplace(settings, response, down, size, random, now, stats);
                gives->start(now);
            }
        };
        for (int steps = 0; steps < 5000 && !whole && failed == 0; ++steps) {
            drain(client, true);
            drain(server, false);
            if (gives) drain(*gives, false);
            drain(gets, true);
            if (!flying.empty()) {
                const std::size_t at = chance.below(std::min<std::size_t>(flying.size(), 3));
                auto [from_client, message] = std::move(flying[at]);
                flying.erase(flying.begin() + static_cast<std::ptrdiff_t>(at));
                if (chance.below(100) < loss) continue;
                if (chance.below(100) < 5) flying.emplace_back(from_client, message);
                if (from_client && message.options.has(OptionNumber::q_block1))
                    server.handle(now, std::move(message));
                else if (from_client)
                    gives->handle(now, std::move(message));
                else if (client.owns(message.token) && !client.over())
                    client.handle(now, std::move(message));
                else
                    gets.handle(now, std::move(message));
                continue;
            }
            Instant next =
                std::min({client.next_deadline(), server.next_deadline(), gets.next_deadline()});
            if (gives) next = std::min(next, gives->next_deadline());
            if (next == never) break;
            now = std::max(now, next);
            client.handle_timeout(now);
            server.handle_timeout(now);
            gets.handle_timeout(now);
            if (gives) gives->handle_timeout(now);
        }
        EXPECT_TRUE(whole || failed != 0) << seed;
        done += whole ? 1 : 0;
        EXPECT_TRUE(stats.balanced());
    }
    // An answer of one block that is lost is not asked for, and a block may be unlucky five times.
    EXPECT_GE(done, 55);
}

}  // namespace
}  // namespace causeway::coap::qblock_test
