#include "site/modbus_device.hpp"

#include "net/testing.hpp"
#include "scada/modbus/client.hpp"
#include "scada/modbus/data.hpp"
#include "site/line_host.hpp"

#include <gtest/gtest.h>

#include <unistd.h>
#include <map>

namespace causeway::site::modbus_device_test {
namespace {

using namespace std::chrono_literals;
using namespace scada::modbus;
using net::testing::turn_until;
using Registers = std::vector<std::uint16_t>;

enum Item : std::size_t { voltages, power, setpoints, breaker, sequence };

/// A device, and a client of two of its units that polls what the register map says.
class ModbusDeviceTest : public testing::Test {
protected:
    void start(const net::LineSpec& there, Framing framing) {
        auto opened = ModbusDevice::open(io, lines,
                                         {.name = "feeder",
                                          .line = there,
                                          .framing = framing,
                                          .units = {1, 2},
                                          .step = 5ms,
                                          .feedback = 5ms},
                                         [this](std::string_view line) { log.emplace_back(line); });
        ASSERT_TRUE(opened) << opened.error().line;
        device.emplace(std::move(*opened));
        std::vector<DevicePlan> plans;
        for (const Unit unit : {Unit{1}, Unit{2}})
            plans.push_back(
                {.unit = unit,
                 .items = {{.area = Area::input_register, .address = 0, .count = 3, .every = 5ms},
                           {.area = Area::input_register, .address = 4, .count = 2, .every = 5ms},
                           {.area = Area::input_register, .address = 13, .count = 3, .every = 5ms},
                           {.area = Area::discrete_input, .address = 0, .count = 1, .every = 5ms},
                           {.area = Area::input_register, .address = 12, .every = 5ms}},
                 .timeout = 300ms,
                 .retries = 0,
                 .failures_max = 2,
                 .probe_first = 20ms});
        client.emplace(ClientSettings{.framing = framing,
                                      .character_time = framing == Framing::tcp ? 0us : 90us},
                       std::move(plans));
        host.emplace(io, net::Clock{}, lines, *client, [this](Client::Output&& out) {
            if (auto* read = std::get_if<Client::ItemRead>(&out))
                values[{read->device, read->item}] = read->registers;
            if (const auto* state = std::get_if<Client::DeviceState>(&out))
                up[state->device] = state->up;
            if (const auto* got = std::get_if<Client::Answered>(&out)) answers.push_back(*got);
        });
    }
    void over_tcp() {
        start(net::TcpListenSpec{.address = "127.0.0.1:0"}, Framing::tcp);
        const std::string where = device->where();
        const std::size_t colon = where.rfind(':');
        const auto trouble = host->open(net::TcpConnectSpec{
            .host = where.substr(0, colon),
            .port = static_cast<std::uint16_t>(std::stoi(where.substr(colon + 1))),
            .reopen_first = 20ms});
        ASSERT_FALSE(trouble) << trouble->line;
    }
    void write(Octets pdu) { host->input(Client::Request{.pdu = std::move(pdu), .write = true}); }
    [[nodiscard]] bool becomes(Item item, const Registers& value) {
        return turn_until(io, [&] { return values[{0, item}] == value; });
    }

    net::Io io;
    net::Lines lines{io};
    std::vector<std::string> log;
    std::optional<ModbusDevice> device;
    std::optional<Client> client;
    std::optional<LineHost<Client>> host;
    std::map<std::pair<std::size_t, std::size_t>, Registers> values;
    std::map<std::size_t, bool> up;
    std::vector<Client::Answered> answers;
};

TEST_F(ModbusDeviceTest, MeasuresWhatMovesInEachUnitOnItsOwn) {
    over_tcp();
    ASSERT_TRUE(turn_until(io, [&] { return values.size() == 10; }));
    for (const std::uint16_t volts : values[{0, voltages}]) EXPECT_NEAR(volts, 2'300, 85);
    EXPECT_NE((values[{0, voltages}]), (values[{1, voltages}]));
    const Registers before = values[{0, sequence}];
    EXPECT_TRUE(turn_until(io, [&] { return values[{0, sequence}] != before; }));
    EXPECT_TRUE(device->stats().balanced());
}

TEST_F(ModbusDeviceTest, WhatIsWrittenShowsInItsInputs) {
    over_tcp();
    ASSERT_TRUE(becomes(breaker, {1}));
    write(write_coil_request(0, false));
    EXPECT_TRUE(becomes(breaker, {0}));
    EXPECT_TRUE(becomes(power, {0, 0})) << "nothing flows through an open breaker";
    write(write_register_request(0, 777));
    const auto real = *encode(21.5, scada::modbus::Type::f32, Order::abcd);
    write(write_registers_request(2, real));
    EXPECT_TRUE(becomes(setpoints, {777, real[0], real[1]}));
    EXPECT_EQ(answers.size(), 3u);
    EXPECT_EQ((values[{1, breaker}]), Registers{1}) << "the other unit's is another";
    EXPECT_TRUE(std::ranges::find(log, "unit 1: holding_register 0 set to 777") != log.end());
}

TEST_F(ModbusDeviceTest, ItDiesAndReturnsOnASerialLine) {
    const std::string link = testing::TempDir() + "modbus_device_" + std::to_string(::getpid());
    start(net::SerialSpec{.device = link, .make_pty = true, .format = {.baud = 115'200}},
          Framing::rtu);
    const auto trouble = host->open(net::SerialSpec{.device = link, .format = {.baud = 115'200}});
    ASSERT_FALSE(trouble) << trouble->line;
    ASSERT_TRUE(turn_until(io, [&] { return up[0] && up[1] && values.size() == 10; }));
    device->switch_off(true);
    ASSERT_TRUE(turn_until(io, [&] { return !up[0] && !up[1]; }));
    device->switch_off(false);
    EXPECT_TRUE(turn_until(io, [&] { return up[0] && up[1]; }));
}

}  // namespace
}  // namespace causeway::site::modbus_device_test
