// Points as resources and resources as points, through real endpoints on loopback.
#include "site/points_coap.hpp"

#include "base/random.hpp"
#include "net/testing.hpp"
#include "site/points_json.hpp"
#include "site/points_senml.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace causeway::site::points_coap_test {
namespace {

using namespace std::chrono_literals;
using coap::Code;
using coap::ContentFormat;
using net::testing::turn_until;
using points::Flag;
using points::Kind;
using points::Outcome;
using points::Quality;
using points::Sample;

Site site_with_coap() {
    Site site;
    site.name = "plant";
    site.has_mesh = false;
    site.coap.emplace();
    site.coap->echo = false;
    site.coap->resource_directory = false;
    CoapListener udp;
    udp.listen = "127.0.0.1:0";
    CoapListener tcp;
    tcp.transport = coap::Transport::tcp;
    tcp.listen = "127.0.0.1:0";
    site.coap->listeners = {udp, tcp};
    return site;
}

/// Somebody with a CoAP client.
class Person {
public:
    explicit Person(net::Io& io)
        : host_(io, {},
                {.request = {},
                 .response =
                     [this](coap::ResponseArrived&& response) { heard = std::move(response); },
                 .failed = [this](coap::RequestFailed&&) { failed = true; },
                 .observer_gone = {},
                 .trace = {},
                 .trouble = {},
                 .closed = {},
                 .pong = {},
                 .batch = {}}) {}

    coap::RequestId ask(const std::string& text, coap::Request request = {},
                        std::optional<ContentFormat> accept = {}) {
        const auto uri = coap::Uri::from_text(text);
        EXPECT_TRUE(uri) << text;
        const auto peer =
            host_.open({.transport = uri->transport, .host = uri->host, .port = uri->port});
        EXPECT_TRUE(peer);
        request.id = coap::RequestId{++last_};
        request.peer = *peer;
        uri->add_to(request.options, *peer);
        if (accept)
            request.options.add_uint(coap::OptionNumber::accept, std::to_underlying(*accept));
        heard.reset();
        failed = false;
        host_.input(std::move(request));
        return coap::RequestId{last_};
    }
    void cancel(coap::RequestId id) { host_.input(coap::Cancel{id}); }

    std::optional<coap::ResponseArrived> heard;
    bool failed = false;

private:
    CoapHost host_;
    std::uint64_t last_ = 0;
};

/// A gateway with a voltage and a breaker whose driver is the test.
struct Plant {
    explicit Plant(net::Io& loop, PointsCoapPlan plan = {}) : io(loop) {
        auto opened = CoapService::open(io, site_with_coap(), {});
        EXPECT_TRUE(opened) << opened.error().line;
        coap.emplace(*std::move(opened));
        hub.emplace(io, net::Clock());
        driver = hub->add_driver([this](points::CommandId id, const points::Command& command) {
            executed.push_back(command);
            executing.push_back(id);
            if (answer) hub->answer(id, *answer);
        });
        requester = hub->add_requester(
            [this](const points::Table::Completed& over) { completed.push_back(over); });
        points.emplace(io, std::move(plan), *hub, *coap, [](std::string_view) {});
        voltage = *hub->table().define(
            {.device = "feeder", .name = "voltage/l1", .unit = "V", .driver = driver});
        breaker = *hub->table().define({.device = "feeder",
                                        .name = "breaker",
                                        .kind = Kind::boolean,
                                        .states = {"open", "closed"},
                                        .writable = true,
                                        .driver = driver});
        points->start();
    }
    ~Plant() {
        EXPECT_TRUE(points->stats().balanced());
        EXPECT_TRUE(hub->table().stats().balanced());
    }
    [[nodiscard]] std::string server(std::size_t listener = 0) const {
        return coap->listening()[listener];
    }
    [[nodiscard]] const Sample& last(const std::string& path) const {
        return hub->table().last(*hub->table().find(path));
    }
    /// What becomes of a command to `path`.
    Outcome command(const std::string& path, points::Value value) {
        completed.clear();
        hub->command(
            {.point = *hub->table().find(path), .value = std::move(value), .requester = requester});
        EXPECT_TRUE(turn_until(io, [&] { return !completed.empty(); }));
        return completed.empty() ? Outcome::cancelled : completed.front().answer.outcome;
    }

    net::Io& io;
    std::optional<CoapService> coap;
    std::optional<PointHub> hub;
    points::DriverId driver{};
    points::RequesterId requester{};
    std::optional<points::Answer> answer = points::Answer{};
    std::vector<points::Command> executed;
    std::vector<points::CommandId> executing;
    std::vector<points::Table::Completed> completed;
    std::optional<PointsCoap> points;
    points::PointId voltage{};
    points::PointId breaker{};
};

struct Desk {
    explicit Desk(PointsCoapPlan plan = {}) : plant(io, std::move(plan)), person(io) {}

    coap::ResponseArrived get(const std::string& path, std::optional<ContentFormat> accept = {}) {
        person.ask(plant.server() + path, {}, accept);
        return answered();
    }
    coap::ResponseArrived put(const std::string& path, const std::string& payload,
                              std::optional<ContentFormat> format = {}) {
        coap::Request request{.code = Code::put};
        request.payload = to_octets(as_octets(payload));
        if (format)
            request.options.add_uint(coap::OptionNumber::content_format,
                                     std::to_underlying(*format));
        person.ask(plant.server() + path, std::move(request));
        return answered();
    }
    coap::ResponseArrived answered() {
        EXPECT_TRUE(turn_until(io, [&] { return person.heard.has_value() || person.failed; }));
        EXPECT_FALSE(person.failed);
        return person.heard.value_or(coap::ResponseArrived());
    }

    boost::asio::io_context io;
    Plant plant;
    Person person;
};

std::string text_of(const coap::ResponseArrived& response) {
    return std::string(as_text(response.payload));
}

Sample at(std::int64_t ms, points::Value value, Quality quality = {}) {
    return {std::move(value), {ms, points::Time::Source::arrival}, quality};
}

TEST(PointsCoapFace, APointIsAResourceInWhateverFormatIsAccepted) {
    Desk desk;
    desk.plant.hub->update(desk.plant.voltage, at(1'700'000'000'123, 230.5, Flag::over_range));
    const std::string path = "/points/feeder/voltage/l1";
    EXPECT_EQ(text_of(desk.get(path)), "230.5");
    EXPECT_EQ(text_of(desk.get(path, ContentFormat::senml_json)),
              R"([{"n":"feeder/voltage/l1","u":"V","v":230.5,"t":1700000000.123,)"
              R"("q":"over_range"}])");
    EXPECT_EQ(text_of(desk.get(path, ContentFormat::json)),
              R"({"v":230.5,"u":"V","t":1700000000.123,"q":"over_range"})");
    const auto pack = senml_from_cbor(desk.get(path, ContentFormat::senml_cbor).payload);
    ASSERT_TRUE(pack && pack->size() == 1);
    EXPECT_EQ(pack->front().value, points::Value(230.5));
    EXPECT_EQ(desk.get(path, ContentFormat::xml).code, Code::not_acceptable);
    EXPECT_EQ(desk.get("/points/feeder/voltage").code, Code::not_found);
    EXPECT_EQ(desk.get("/pointsfeeder").code, Code::not_found);
}

TEST(PointsCoapFace, WhatNobodyHasSaidIsUnavailableAndNoZero) {
    Desk desk;
    const auto response = desk.get("/points/feeder/voltage/l1");
    EXPECT_EQ(response.code, Code::service_unavailable);
    EXPECT_EQ(text_of(response), "never_known");
    EXPECT_EQ(text_of(desk.get("/points/feeder/voltage/l1", ContentFormat::senml_json)), "[]");
}

TEST(PointsCoapFace, PointsAreDiscoveredAndReadTogether) {
    Desk desk;
    desk.plant.hub->update(desk.plant.voltage, at(1'700'000'000'000, 230.5));
    desk.plant.hub->update(desk.plant.breaker, at(1'700'000'000'000, true));
    EXPECT_NE(text_of(desk.get("/.well-known/core"))
                  .find("</points/feeder/breaker>;rt=\"point\";if=\"core.a\""),
              std::string::npos);
    EXPECT_EQ(text_of(desk.get("/points")),
              "</points/feeder/voltage/l1>;rt=\"point\";if=\"core.s\";obs,"
              "</points/feeder/breaker>;rt=\"point\";if=\"core.a\";obs");
    EXPECT_EQ(text_of(desk.get("/points?if=core.a")),
              "</points/feeder/breaker>;rt=\"point\";if=\"core.a\";obs");
    EXPECT_EQ(text_of(desk.get("/points/feeder", ContentFormat::senml_json)),
              R"([{"n":"feeder/voltage/l1","u":"V","v":230.5,"t":1700000000},)"
              R"({"n":"feeder/breaker","vb":true,"t":1700000000}])");
    EXPECT_EQ(desk.get("/points/nobody").code, Code::not_found);
}

TEST(PointsCoapFace, MorePointsThanAreWorthALinkEachAreFoundThroughTheCollection) {
    PointsCoapPlan plan;
    plan.face->discoverable_max = 1;
    Desk desk(std::move(plan));
    const std::string links = text_of(desk.get("/.well-known/core"));
    EXPECT_NE(links.find("</points>"), std::string::npos);
    EXPECT_EQ(links.find("feeder"), std::string::npos);
    EXPECT_NE(text_of(desk.get("/points")).find("feeder"), std::string::npos);
}

TEST(PointsCoapFace, WhoObservesHearsOfEveryChange) {
    Desk desk;
    desk.plant.hub->update(desk.plant.voltage, at(1000, 1.0));
    coap::Request request;
    request.observe = true;
    const coap::RequestId id =
        desk.person.ask(desk.plant.server() + "/points/feeder/voltage/l1", std::move(request));
    EXPECT_EQ(text_of(desk.answered()), "1");
    EXPECT_TRUE(desk.person.heard->more_to_come);
    for (const double value : {2.0, 3.0}) {
        desk.person.heard.reset();
        desk.plant.hub->update(desk.plant.voltage, at(2000, value));
        EXPECT_EQ(text_of(desk.answered()), points::to_text(value));
    }
    desk.person.cancel(id);
}

TEST(PointsCoapFace, APutIsACommandAnsweredWhenTheDeviceHasAnswered) {
    Desk desk;
    desk.plant.answer.reset();
    coap::Request request{.code = Code::put};
    request.payload = to_octets(as_octets("closed"));
    desk.person.ask(desk.plant.server() + "/points/feeder/breaker", std::move(request));
    ASSERT_TRUE(turn_until(desk.io, [&] { return !desk.plant.executing.empty(); }));
    // Longer than a response may be piggybacked: it comes by itself. [RFC 7252 §5.2.2]
    turn_until(desk.io, [until = std::chrono::steady_clock::now() + 1200ms] {
        return std::chrono::steady_clock::now() > until;
    });
    EXPECT_FALSE(desk.person.heard);
    desk.plant.hub->answer(desk.plant.executing.front(), {});
    EXPECT_EQ(desk.answered().code, Code::changed);
    EXPECT_EQ(desk.plant.executed.front().value, points::Value(true));
}

TEST(PointsCoapFace, OutcomesAreCodesWithTheirNamesBehind) {
    Desk desk;
    const auto code_for = [&](Outcome outcome) {
        desk.plant.answer = points::Answer{outcome, 0};
        const auto response = desk.put("/points/feeder/breaker", "1");
        EXPECT_EQ(text_of(response), points::name_of(outcome));
        return response.code;
    };
    EXPECT_EQ(code_for(Outcome::local), Code::forbidden);
    EXPECT_EQ(code_for(Outcome::busy), Code::service_unavailable);
    EXPECT_EQ(code_for(Outcome::unreachable), Code::bad_gateway);
    EXPECT_EQ(code_for(Outcome::inhibited), Code::conflict);
    desk.plant.answer = points::Answer{Outcome::refused, 4};
    EXPECT_EQ(text_of(desk.put("/points/feeder/breaker", "0")), "refused 4");
}

TEST(PointsCoapFace, CommandsComeInEveryFormatAndNonsenseInNone) {
    Desk desk;
    const std::string path = "/points/feeder/breaker";
    EXPECT_EQ(desk.put(path, "open").code, Code::changed);
    EXPECT_EQ(desk.put(path, R"({"v":true,"on_ms":100})", ContentFormat::json).code, Code::changed);
    EXPECT_EQ(desk.put(path, R"([{"vb":true}])", ContentFormat::senml_json).code, Code::changed);
    EXPECT_EQ(desk.put(path, "\x81\xa1\x04\xf5", ContentFormat::senml_cbor).code, Code::changed);
    ASSERT_EQ(desk.plant.executed.size(), 4u);
    EXPECT_EQ(desk.plant.executed[1].pulse->on_ms, 100u);
    EXPECT_EQ(desk.plant.executed[3].value, points::Value(true));
    EXPECT_EQ(desk.put(path, "ajar").code, Code::bad_request);
    EXPECT_EQ(desk.put(path, "[]", ContentFormat::senml_json).code, Code::bad_request);
    EXPECT_EQ(desk.put(path, "x", ContentFormat::xml).code, Code::unsupported_content_format);
    EXPECT_EQ(desk.put(path + "?step=leap", "1").code, Code::bad_request);
    EXPECT_EQ(desk.put("/points/feeder/voltage/l1", "1").code, Code::method_not_allowed);
    EXPECT_EQ(desk.put("/points/feeder", "1").code, Code::method_not_allowed);
    EXPECT_EQ(desk.plant.executed.size(), 4u);
}

TEST(PointsCoapFace, SelectAndOperateAreStepsOfOneClient) {
    Desk desk;
    const std::string path = "/points/feeder/breaker";
    EXPECT_EQ(desk.put(path + "?step=operate", "1").code, Code::conflict);
    EXPECT_EQ(desk.put(path + "?step=select", "1").code, Code::changed);
    EXPECT_TRUE(desk.plant.executed.empty());
    EXPECT_EQ(desk.put(path + "?step=operate", "1").code, Code::changed);
    EXPECT_EQ(desk.plant.executed.size(), 1u);
}

// ---- the driver, towards another gateway's face -------------------------------------------------

PointsCoapPlan remote_points(const std::string& uri) {
    PointsCoapPlan plan;
    plan.face.reset();
    PointsCoapDevice device{.name = "remote", .uri = uri, .every = 100ms};
    const auto add = [&](const char* name, Kind kind, const char* path, PointsCoapFormat format) {
        PointsCoapSource source;
        source.definition = {.device = "remote", .name = name, .kind = kind, .writable = true};
        source.path = path;
        source.format = format;
        device.points.push_back(std::move(source));
        return &device.points.back();
    };
    add("observed", Kind::real, "/points/feeder/voltage/l1", PointsCoapFormat::senml);
    add("polled", Kind::real, "/points/feeder/voltage/l1", PointsCoapFormat::text)->observe = false;
    add("breaker", Kind::boolean, "/points/feeder/breaker", PointsCoapFormat::senml);
    add("missing", Kind::real, "/points/feeder/none", PointsCoapFormat::text);
    plan.devices.push_back(std::move(device));
    return plan;
}

TEST(PointsCoapDriver, ResourcesBecomePointsWithTimeAndQualityAndCommandsGoThere) {
    for (const std::size_t listener : {0u, 1u}) {  // over UDP and over TCP
        boost::asio::io_context io;
        Plant far(io);
        far.hub->update(far.voltage, at(1'700'000'000'123, 230.5, Flag::restart));
        far.hub->update(far.breaker, at(1'700'000'000'000, false));
        Plant near(io, remote_points(far.server(listener)));
        ASSERT_TRUE(turn_until(
            io, [&] { return near.last("remote/polled").value == points::Value(230.5); }));
        ASSERT_TRUE(turn_until(
            io, [&] { return near.last("remote/observed").value == points::Value(230.5); }));
        EXPECT_EQ(
            near.last("remote/observed"),
            (Sample{230.5, {1'700'000'000'123, points::Time::Source::device}, Flag::restart}));
        EXPECT_TRUE(near.last("remote/polled").quality.good()) << "text says no quality";
        EXPECT_TRUE(
            turn_until(io, [&] { return near.last("remote/missing").quality.has(Flag::invalid); }));
        far.hub->update(far.voltage, at(1'700'000'001'000, 231.0));
        EXPECT_TRUE(turn_until(io, [&] {
            return near.last("remote/observed").value == points::Value(231.0) &&
                   near.last("remote/polled").value == points::Value(231.0);
        }));
        EXPECT_EQ(near.command("remote/breaker", true), Outcome::success);
        EXPECT_EQ(far.executed.back().value, points::Value(true));
        far.answer = points::Answer{Outcome::out_of_range, 0};
        EXPECT_EQ(near.command("remote/breaker", false), Outcome::out_of_range);
        EXPECT_EQ(near.command("remote/missing", 1.0), Outcome::not_supported);
    }
}

TEST(PointsCoapDriver, AServerThatIsGoneIsCommunicationLost) {
    boost::asio::io_context io;
    std::optional<Plant> far;
    far.emplace(io);
    far->hub->update(far->voltage, at(1'700'000'000'123, 1.0));
    PointsCoapPlan plan = remote_points(far->server(1));
    plan.devices[0].points[1].stale_after = 300ms;
    Plant near(io, std::move(plan));
    ASSERT_TRUE(
        turn_until(io, [&] { return near.last("remote/observed").value == points::Value(1.0); }));
    ASSERT_TRUE(
        turn_until(io, [&] { return near.last("remote/polled").value == points::Value(1.0); }));
    far.reset();
    EXPECT_TRUE(turn_until(io, [&] {
        return near.last("remote/observed").quality.has(Flag::comm_lost) &&
               near.last("remote/polled").quality.has(Flag::comm_lost);
    }));
    EXPECT_EQ(near.last("remote/observed").value, points::Value(1.0)) << "the last that is known";
}

// ---- SenML --------------------------------------------------------------------------------------

TEST(PointsSenml, BaseFieldsHoldFromTheirRecordOn) {  // [RFC 8428 §5.1.4]
    const auto pack = senml_from_json(
        R"([{"bn":"urn:dev:ow:10e2073a0108006:","bt":1.276020076001e+09,"bu":"A","bver":5,)"
        R"("n":"voltage","u":"V","v":120.1},{"n":"current","t":-5,"v":1.2},)"
        R"({"n":"current","t":-4,"v":1.3}])");
    ASSERT_TRUE(pack && pack->size() == 3);
    EXPECT_EQ((*pack)[0].name, "urn:dev:ow:10e2073a0108006:voltage");
    EXPECT_EQ((*pack)[0].unit, "V");
    EXPECT_EQ((*pack)[1].unit, "A");
    EXPECT_EQ((*pack)[1].time, 1276020071.001);
    EXPECT_EQ(senml_find(*pack, "current")->value, points::Value(1.2));
    EXPECT_EQ(senml_find(*pack, "power"), nullptr);
}

TEST(PointsSenml, WhatHasToBeUnderstoodAndIsNotRefusesThePack) {  // [RFC 8428 §4.4]
    EXPECT_FALSE(senml_from_json(R"([{"n":"a","v":1,"must_":1}])"));
    EXPECT_TRUE(senml_from_json(R"([{"n":"a","v":1,"may":1}])"));
    for (const char* wrong :
         {"", "{}", "[1]", R"([{"v":"1"}])", R"([{"vb":1}])", R"([{"vd":"*"}])", R"([{"n":1}])"})
        EXPECT_FALSE(senml_from_json(wrong)) << wrong;
    std::string many = "[{}";
    for (std::size_t i = 0; i < senml_records_max; ++i) many += ",{}";
    EXPECT_FALSE(senml_from_json(many + "]"));
}

TEST(PointsSenml, EveryKindOfValueComesBackInBothForms) {
    const std::vector<SenmlRecord> pack = {
        {.name = "d/real", .unit = "V", .value = 0.1, .time = 1.7e9, .quality = "restart"},
        {.name = "d/negative", .value = -1.0, .time = 1700000000.123},
        {.name = "d/boolean", .value = false},
        {.name = "d/text", .value = std::string("a\"b")},
        {.name = "d/octets", .value = Octets{std::byte{0xfb}, std::byte{0xff}}}};
    for (const auto& again :
         {senml_from_json(senml_to_json(pack)), senml_from_cbor(senml_to_cbor(pack))}) {
        ASSERT_TRUE(again && again->size() == pack.size());
        for (std::size_t i = 0; i < pack.size(); ++i) {
            EXPECT_EQ((*again)[i].name, pack[i].name);
            EXPECT_EQ((*again)[i].unit, pack[i].unit);
            EXPECT_EQ((*again)[i].value, pack[i].value);
            EXPECT_EQ((*again)[i].quality, pack[i].quality);
            if (pack[i].time) {
                EXPECT_NEAR((*again)[i].time.value_or(0), *pack[i].time, 1e-6);
            }
        }
    }
}

TEST(PointsSenml, BrokenPacksAreRefusedAndHarmNobody) {
    const std::vector<SenmlRecord> pack = {
        {.name = "d/real", .unit = "V", .value = 0.1, .time = 1.7e9, .quality = "restart"},
        {.name = "d/text", .value = std::string("text")}};
    const Octets good = senml_to_cbor(pack);
    Random random(5);
    for (int i = 0; i < 20'000; ++i) {
        Octets broken = good;
        for (std::uint64_t n = random.below(4); n > 0; --n)
            broken[random.below(broken.size())] = std::byte(random.next() & 0xff);
        broken.resize(random.below(broken.size() + 1));
        if (const auto read = senml_from_cbor(broken))
            for (const SenmlRecord& record : *read)
                (void)sample_from(points::Definition{.device = "d", .name = "n"}, record, 0);
        (void)senml_from_json(as_text(broken));
    }
    for (std::size_t size = 0; size < good.size(); ++size)
        EXPECT_FALSE(senml_from_cbor(Bytes(good).first(size)));
}

TEST(PointsSenml, SmallTimesCountFromNow) {  // [RFC 8428 §4.5.3]
    const points::Definition real{.device = "d", .name = "n"};
    const auto ago = sample_from(real, {.value = 1.0, .time = -5.0}, 1'700'000'000'000);
    ASSERT_TRUE(ago);
    EXPECT_EQ(ago->time, (points::Time{1'699'999'995'000, points::Time::Source::arrival}));
    EXPECT_FALSE(sample_from(real, {.value = 1.0, .time = 1e300}, 0));
    EXPECT_FALSE(sample_from(real, {.value = 1.0, .quality = "fine"}, 0));
    EXPECT_FALSE(sample_from(real, {.name = "nothing"}, 0));
}

TEST(PointsJson, SecondsAreExact) {
    EXPECT_EQ(seconds_text(0), "0");
    EXPECT_EQ(seconds_text(1'700'000'000'120), "1700000000.12");
    EXPECT_EQ(seconds_text(7), "0.007");
    EXPECT_EQ(seconds_text(-1'500), "-1.5");
    EXPECT_EQ(seconds_text(INT64_MIN), "-9223372036854775.808");
}

TEST(PointsJson, WhatNumbersCannotSayIsNull) {
    const points::Definition real{.device = "d", .name = "n"};
    EXPECT_EQ(json_of(real, {std::nan(""), {}, Flag::invalid}), R"({"v":null,"q":"invalid"})");
    EXPECT_EQ(json_of(real, {0.0, {}, Flag::never_known}), R"({"v":null,"q":"never_known"})");
    const points::Definition octets{.device = "d", .name = "n", .kind = Kind::octets};
    EXPECT_EQ(json_of(octets, {Octets{std::byte{31}}, {}, {}}), R"({"v":"0x1f","q":"good"})");
}

}  // namespace
}  // namespace causeway::site::points_coap_test
