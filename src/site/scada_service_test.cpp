// Two sites and a device: what a meter says by Modbus goes to a control centre by DNP3, and the
// centre's commands come back to the meter.
#include "site/scada_service.hpp"

#include "net/testing.hpp"
#include "scada/dnp3/stations.hpp"
#include "scada/modbus/client.hpp"
#include "site/line_host.hpp"
#include "site/modbus_device.hpp"
#include "site/read.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include <algorithm>

namespace causeway::site::scada_service_test {
namespace {

using namespace std::chrono_literals;
using net::testing::turn_until;
using points::Flag;
using scada::modbus::Client;
using scada::modbus::Exception;

constexpr std::string_view gateway_text = R"(
[[scada.line]]
name = "field"
connect = "METER"
reopen_first = "20ms"
[[scada.modbus.client]]
line = "field"
[[scada.modbus.client.device]]
name = "meter"
every = "20ms"
timeout = "200ms"
retries = 0
failures_max = 2
probe_first = "20ms"
probe_most = "50ms"
registers_max = 1
point = [
  { name = "voltage", area = "input_register", address = 0, factor = 0.1, unit = "V" },
  { name = "frequency", area = "input_register", address = 8, type = "f32" },
  { name = "closed", area = "discrete_input", address = 0 },
  { name = "breaker", area = "coil", address = 0, writable = true },
  { name = "fan", area = "coil", address = 1, writable = true },
  { name = "setpoint", address = 0, writable = true, least = 0, most = 1000, every = "1h" },
]
[[scada.line]]
name = "by-modbus"
listen = "127.0.0.1:0"
[[scada.modbus.server]]
line = "by-modbus"
point = [
  { point = "meter/voltage", address = 0, factor = 0.1, bad = "exception", quality_address = 9 },
  { point = "meter/setpoint", address = 0, writable = true },
]
[[scada.line]]
name = "by-dnp3"
listen = "127.0.0.1:0"
[[scada.dnp3.outstation]]
line = "by-dnp3"
address = 10
master = 1
unsolicited = true
unsolicited_after = "10ms"
point = [
  { point = "meter/voltage", index = 0, class = 1 },
  { point = "meter/closed", index = 0, class = 1 },
  { point = "meter/breaker", type = "binary_output", index = 0, class = 1 },
  { point = "meter/fan", type = "binary_output", index = 1, class = 1 },
  { point = "meter/setpoint", type = "analog", index = 1, class = 1 },
  { point = "meter/setpoint", type = "analog_output", index = 1, class = 1, factor = 0.5 },
]
)";

constexpr std::string_view centre_text = R"(
[[scada.line]]
name = "down"
connect = "GATEWAY"
reopen_first = "20ms"
[[scada.dnp3.master]]
line = "down"
[[scada.dnp3.master.outstation]]
name = "far"
address = 10
unsolicited = "123"
events_every = "100ms"
point = [
  { name = "voltage", type = "analog", index = 0 },
  { name = "closed", type = "binary", index = 0 },
  { name = "breaker", type = "binary_output", index = 0, writable = true },
  { name = "fan", type = "binary_output", index = 1, writable = true },
  { name = "setpoint", type = "analog_output", index = 1, writable = true },
]
[[scada.line]]
name = "up"
listen = "127.0.0.1:0"
[[scada.modbus.server]]
line = "up"
point = [
  { point = "far/breaker", area = "coil", address = 0, writable = true },
  { point = "far/setpoint", address = 0, writable = true },
]
[[scada.line]]
name = "higher"
listen = "127.0.0.1:0"
[[scada.dnp3.outstation]]
line = "higher"
address = 20
master = 2
point = [
  { point = "far/breaker", type = "binary_output", index = 0 },
  { point = "far/fan", type = "binary_output", index = 1 },
]
)";

std::string in_place(std::string_view text, std::string_view word, std::string_view place) {
    std::string with(text);
    with.replace(with.find(word), word.size(), place);
    return with;
}

class ScadaServiceTest : public testing::Test {
protected:
    void SetUp() override {
        auto opened = ModbusDevice::open(io, lines,
                                         {.name = "meter",
                                          .line = net::TcpListenSpec{.address = "127.0.0.1:0"},
                                          .framing = scada::modbus::Framing::tcp,
                                          .units = {1},
                                          .step = 5ms,
                                          .feedback = 5ms},
                                         {});
        ASSERT_TRUE(opened) << opened.error().line;
        meter.emplace(std::move(*opened));
        start(gateway, in_place(gateway_text, "METER", meter->where()));
        start(centre, in_place(centre_text, "GATEWAY", place_of(*gateway, "DNP3 outstation")));
        ASSERT_TRUE(turn_until(io, [&] {
            return is_good(*gateway, "meter/voltage") && is_good(*gateway, "meter/setpoint") &&
                   is_good(*centre, "far/voltage") && is_good(*centre, "far/setpoint") &&
                   is_good(*centre, "far/breaker");
        })) << all_logs();
    }
    void start(std::optional<ScadaService>& to, const std::string& text) {
        const auto site = read_text(text, "scada.toml");
        ASSERT_TRUE(site) << to_text(site.error());
        auto opened = ScadaService::open(
            io, *site, {.log = [this](std::string_view line) { log.emplace_back(line); }});
        ASSERT_TRUE(opened) << opened.error().line;
        to.emplace(*std::move(opened));
    }
    static std::string place_of(const ScadaService& service, std::string_view role) {
        for (const std::string& line : service.listening())
            if (line.starts_with(role)) return line.substr(line.rfind(' ') + 1);
        return {};
    }
    static std::uint16_t port_of(const std::string& place) {
        return static_cast<std::uint16_t>(std::stoi(place.substr(place.rfind(':') + 1)));
    }
    static const points::Sample& last(const ScadaService& service, std::string_view path) {
        return service.points().last(*service.points().find(path));
    }
    static bool is_good(const ScadaService& service, std::string_view path) {
        return last(service, path).quality.good();
    }
    static double number(const ScadaService& service, std::string_view path) {
        return points::as_real(last(service, path).value).value_or(-1);
    }
    [[nodiscard]] bool becomes(const ScadaService& service, std::string_view path, double value) {
        return turn_until(io, [&] { return number(service, path) == value; });
    }
    static std::uint64_t counter(const ScadaService& service, std::string_view group,
                                 std::string_view name) {
        std::uint64_t found = 0;
        service.visit([&](std::string_view of, std::string_view what, std::uint64_t value) {
            if (of == group && what == name) found = value;
        });
        return found;
    }
    std::string all_logs() const {
        std::string all;
        for (const std::string& line : log) all += line + '\n';
        return all;
    }

    /// A foreign Modbus client's request, and what it is told.
    std::optional<Client::Answered> ask(const ScadaService& service, Octets pdu) {
        const std::string where = place_of(service, "Modbus server");
        Client client({.framing = scada::modbus::Framing::tcp, .character_time = 0us},
                      {{.unit = 1, .timeout = 5s}});
        std::optional<Client::Answered> answer;
        bool there = false;
        LineHost<Client> host(
            io, {}, lines, client,
            [&](Client::Output&& out) {
                if (auto* got = std::get_if<Client::Answered>(&out)) answer = std::move(*got);
            },
            [&](bool is, const std::string&) { there = is; });
        const auto trouble =
            host.open(net::TcpConnectSpec{.host = "127.0.0.1", .port = port_of(where)});
        EXPECT_FALSE(trouble);
        EXPECT_TRUE(turn_until(io, [&] { return there; }));
        host.input(Client::Request{.pdu = std::move(pdu), .write = true});
        EXPECT_TRUE(turn_until(io, [&] { return answer.has_value(); }));
        return answer;
    }
    /// None: done.
    std::optional<Exception> exception_to(const ScadaService& service, Octets pdu) {
        const auto answer = ask(service, std::move(pdu));
        EXPECT_TRUE(answer && answer->fate == Client::Answered::Fate::answered);
        return answer ? scada::modbus::exception_of(answer->pdu) : std::nullopt;
    }

    net::Io io;
    net::Lines lines{io};
    std::vector<std::string> log;
    std::optional<ModbusDevice> meter;
    std::optional<ScadaService> gateway;
    std::optional<ScadaService> centre;
};

TEST_F(ScadaServiceTest, WhatAMeterSaysIsKnownInTheCentre) {
    EXPECT_NEAR(number(*centre, "far/voltage"), 230, 9);
    EXPECT_TRUE(turn_until(
        io, [&] { return number(*centre, "far/voltage") == number(*gateway, "meter/voltage"); }));
    EXPECT_NEAR(number(*gateway, "meter/frequency"), 50, 1) << "two requests of a register each";
    EXPECT_EQ(gateway->devices().up, 1u);
    EXPECT_EQ(centre->devices().up, 1u);
    EXPECT_TRUE(gateway->points().stats().balanced());
}

TEST_F(ScadaServiceTest, ACommandGoesThroughTwoProtocolsAndItsOutcomeComesBack) {
    using namespace scada::modbus;
    EXPECT_EQ(exception_to(*centre, write_coil_request(0, false)), std::nullopt) << all_logs();
    EXPECT_TRUE(becomes(*gateway, "meter/closed", 0));
    EXPECT_TRUE(becomes(*centre, "far/closed", 0));
    EXPECT_TRUE(becomes(*centre, "far/breaker", 0));
    EXPECT_EQ(exception_to(*centre, write_coil_request(0, true)), std::nullopt);
    EXPECT_TRUE(becomes(*centre, "far/closed", 1));
    // The output is scaled otherwise than the input that shows the same point. It is read every
    // hour, and after a command.
    EXPECT_EQ(exception_to(*centre, write_register_request(0, 400)), std::nullopt);
    EXPECT_TRUE(becomes(*gateway, "meter/setpoint", 200));
    EXPECT_TRUE(becomes(*centre, "far/setpoint", 400));
    EXPECT_EQ(exception_to(*centre, write_register_request(0, 4'000)),
              Exception::illegal_data_value)
        << "more than the most";
    EXPECT_EQ(exception_to(*gateway, write_register_request(0, 77)), std::nullopt);
    EXPECT_TRUE(becomes(*centre, "far/setpoint", 154));
    const auto& stats = gateway->points().stats();
    EXPECT_EQ(stats.commands_timed_out, 0u);
    EXPECT_TRUE(stats.balanced());
    EXPECT_TRUE(centre->points().stats().balanced());
}

TEST_F(ScadaServiceTest, SeveralControlsOfOneRequestAreSelectedAndOperatedAllTheWay) {
    using namespace scada::dnp3;
    std::vector<Master> masters;
    masters.emplace_back(MasterSettings{.address = 2, .outstation = 20});
    MasterStation station({.master = true}, {{.local = 2, .remote = 20}}, std::move(masters));
    std::optional<Master::Completed> done;
    bool started = false;
    LineHost<MasterStation> host(io, {}, lines, station, [&](MasterStation::Output&& out) {
        auto* of = std::get_if<MasterStation::Of<Master::Output>>(&out);
        if (of == nullptr) return;
        if (auto* completed = std::get_if<Master::Completed>(&of->what)) done = *completed;
        started = station.session(0).status().started;
    });
    const auto port = port_of(place_of(*centre, "DNP3 outstation"));
    ASSERT_FALSE(host.open(net::TcpConnectSpec{.host = "127.0.0.1", .port = port}));
    ASSERT_TRUE(turn_until(io, [&] { return started; }));
    const auto switched = [](std::uint16_t index, Crob::Operation to) {
        return Control{.index = index, .what = Crob{.operation = to, .on_ms = 100, .off_ms = 100}};
    };
    host.input(MasterStation::Of<Master::Input>{
        .session = 0,
        .what = Master::Operate{.tag = 1,
                                .controls = {switched(0, Crob::Operation::latch_off),
                                             switched(1, Crob::Operation::latch_on)}}});
    ASSERT_TRUE(turn_until(io, [&] { return done.has_value(); }));
    EXPECT_EQ(done->fate, Master::Completed::Fate::answered);
    ASSERT_EQ(done->controls.size(), 2u);
    EXPECT_EQ(done->controls[0].status, CommandStatus::success) << all_logs();
    EXPECT_EQ(done->controls[1].status, CommandStatus::success) << all_logs();
    EXPECT_TRUE(becomes(*gateway, "meter/breaker", 0));
    EXPECT_TRUE(becomes(*gateway, "meter/fan", 1));
    EXPECT_EQ(gateway->points().stats().commands_failed, 0u);
    EXPECT_TRUE(gateway->points().stats().balanced());
    EXPECT_TRUE(centre->points().stats().balanced());
}

TEST_F(ScadaServiceTest, ADeviceThatIsAwayIsLostEverywhereAndGoodAgainOnceItIsRead) {
    using namespace scada::modbus;
    meter->switch_off(true);
    ASSERT_TRUE(turn_until(io, [&] {
        return last(*gateway, "meter/setpoint").quality.has(Flag::comm_lost) &&
               last(*centre, "far/voltage").quality.has(Flag::comm_lost);
    })) << all_logs();
    EXPECT_EQ(gateway->devices().up, 0u);
    EXPECT_EQ(centre->devices().up, 1u) << "the gateway is there";
    EXPECT_EQ(exception_to(*gateway, read_request(Area::input_register, 0, 1)),
              Exception::gateway_target_failed);
    EXPECT_TRUE(exception_to(*centre, write_coil_request(0, false))) << "nobody to tell";
    meter->switch_off(false);
    ASSERT_TRUE(turn_until(io, [&] {
        return is_good(*gateway, "meter/setpoint") && is_good(*gateway, "meter/closed") &&
               is_good(*centre, "far/voltage") && is_good(*centre, "far/closed");
    })) << all_logs();
    EXPECT_EQ(number(*gateway, "meter/closed"), 1) << "it was not operated later";
}

TEST_F(ScadaServiceTest, AConnectionForEachRequestKeepsItsPace) {
    log.clear();
    start(gateway, in_place(in_place(gateway_text, "METER", meter->where()), "registers_max = 1",
                            "close_after_poll = true"));
    // Each wait for a connection would be twice the one before, were those bad ones.
    EXPECT_TRUE(turn_until(io, [&] { return counter(*gateway, "modbus_client", "answers") > 20; }));
    EXPECT_TRUE(is_good(*gateway, "meter/voltage"));
    EXPECT_LE(std::ranges::count_if(
                  log, [](const std::string& line) { return line.starts_with("Modbus line"); }),
              1)
        << all_logs();
}

TEST_F(ScadaServiceTest, AGatewayThatIsAwayIsLostInTheCentreAndFoundAgain) {
    const std::string dnp3 = place_of(*gateway, "DNP3 outstation");
    gateway.reset();
    ASSERT_TRUE(
        turn_until(io, [&] { return last(*centre, "far/setpoint").quality.has(Flag::comm_lost); }));
    EXPECT_EQ(centre->devices().up, 0u);
    std::string text = in_place(gateway_text, "METER", meter->where());
    text.replace(text.rfind("127.0.0.1:0"), std::string_view("127.0.0.1:0").size(), dnp3);
    start(gateway, text);
    EXPECT_TRUE(turn_until(io, [&] {
        return is_good(*centre, "far/setpoint") && is_good(*centre, "far/voltage") &&
               is_good(*centre, "far/closed");
    })) << all_logs();
    EXPECT_EQ(centre->devices().up, 1u);
}

}  // namespace
}  // namespace causeway::site::scada_service_test
