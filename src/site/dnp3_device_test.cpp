#include "site/dnp3_device.hpp"

#include "base/hex.hpp"
#include "net/testing.hpp"
#include "scada/dnp3/fragment.hpp"
#include "site/line_host.hpp"

#include <gtest/gtest.h>

#include <map>

namespace causeway::site::dnp3_device_test {
namespace {

using namespace std::chrono_literals;
using namespace scada::dnp3;
using net::testing::turn_until;
using enum PointType;

net::TcpConnectSpec device_at(const std::string& where) {
    const std::size_t colon = where.rfind(':');
    return {.host = where.substr(0, colon),
            .port = static_cast<std::uint16_t>(std::stoi(where.substr(colon + 1))),
            .reopen_first = 20ms};
}

/// A device on a TCP port, and masters of its outstations on one connection.
class Dnp3DeviceTest : public testing::Test {
protected:
    void start(Duration move_every, std::size_t outstations = 1) {
        Dnp3DevicePlan plan{.line = net::TcpListenSpec{.address = "127.0.0.1:0"},
                            .move_every = move_every};
        std::vector<SessionPlan> sessions;
        std::vector<Master> masters;
        plan.addresses.clear();
        for (std::size_t i = 0; i < outstations; ++i) {
            const auto address = static_cast<Address>(10 + i);
            plan.addresses.push_back(address);
            sessions.push_back({.local = 1, .remote = address});
            masters.emplace_back(
                MasterSettings{.address = 1, .outstation = address, .unsolicited = events});
        }
        auto opened = Dnp3Device::open(io, lines, std::move(plan),
                                       [this](std::string_view line) { log.emplace_back(line); });
        ASSERT_TRUE(opened) << opened.error().line;
        device.emplace(std::move(*opened));
        station.emplace(ChannelSettings{.master = true}, std::move(sessions), std::move(masters));
        host.emplace(io, net::Clock{}, lines, *station, [this](MasterStation::Output&& out) {
            auto& of = std::get<MasterStation::Of<Master::Output>>(out);
            if (auto* measured = std::get_if<Master::Measured>(&of.what)) {
                const Measurement& one = measured->measurement;
                values[{of.session, one.type, one.index}] = one.value;
                events_seen += measured->event ? 1u : 0u;
            } else if (auto* completed = std::get_if<Master::Completed>(&of.what)) {
                done = *completed;
            }
        });
        const auto trouble = host->open(device_at(device->where()));
        ASSERT_FALSE(trouble) << trouble->line;
        ASSERT_TRUE(turn_until(io, [&] {
            for (std::size_t i = 0; i < outstations; ++i)
                if (!station->session(i).status().started) return false;
            return true;
        }));
    }
    void operate(Master::Operate::Mode mode, Control control) {
        done.reset();
        host->input(MasterStation::Of<Master::Input>{
            .session = 0, .what = Master::Operate{.mode = mode, .controls = {control}}});
        ASSERT_TRUE(turn_until(io, [&] { return done.has_value(); }));
        ASSERT_EQ(done->controls.size(), 1u);
    }
    [[nodiscard]] bool becomes(PointType type, std::uint16_t index, MeasuredValue value) {
        return turn_until(io, [&] { return values[{0, type, index}] == value; });
    }

    net::Io io;
    net::Lines lines{io};
    std::vector<std::string> log;
    std::optional<Dnp3Device> device;
    std::optional<MasterStation> station;
    std::optional<LineHost<MasterStation>> host;
    std::map<std::tuple<std::size_t, PointType, std::uint16_t>, MeasuredValue> values;
    std::size_t events_seen = 0;
    std::optional<Master::Completed> done;
};

using Mode = Master::Operate::Mode;

TEST_F(Dnp3DeviceTest, HasPointsOfEveryTypeThatAMasterReadsAtTheStart) {
    start(0s);
    for (const auto& [type, count] : {std::pair{binary, 5u},
                                      {double_bit, 2u},
                                      {binary_output, 4u},
                                      {counter, 3u},
                                      {frozen_counter, 3u},
                                      {analog, 5u},
                                      {analog_output, 2u},
                                      {octet_string, 2u}})
        for (std::uint16_t index = 0; index < count; ++index)
            EXPECT_TRUE(values.contains({0, type, index})) << name_of(type) << ' ' << index;
    EXPECT_EQ((values[{0, octet_string, 0}]), MeasuredValue(to_octets(as_octets("causeway"))));
    EXPECT_EQ(events_seen, 0u);
}

TEST_F(Dnp3DeviceTest, MovesByItselfAndTellsItUnasked) {
    start(20ms);
    EXPECT_TRUE(turn_until(io, [&] { return events_seen > 10; }));
    EXPECT_TRUE(
        turn_until(io, [&] { return std::get<std::uint32_t>(values[{0, counter, 1}]) > 0; }));
}

TEST_F(Dnp3DeviceTest, ShowsItsControlsInItsInputs) {
    start(0s);
    operate(Mode::select_before_operate, {.index = 0, .what = Crob{}});
    EXPECT_EQ(done->controls[0].status, CommandStatus::success);
    EXPECT_TRUE(becomes(binary, 2, true));
    EXPECT_TRUE(becomes(binary_output, 0, true));
    operate(Mode::direct, {.index = 0, .what = AnalogCommand{.variation = 3, .value = 12.5}});
    EXPECT_TRUE(becomes(analog, 3, 12.5));
    EXPECT_TRUE(becomes(octet_string, 1, to_octets(as_octets("analog output 0 to 12.5"))));
    EXPECT_EQ(log.back(), "outstation 10: analog output 0 to 12.5 by 1: success");
}

TEST_F(Dnp3DeviceTest, MovesItsBreakerThroughIntermediate) {
    start(0s);
    operate(Mode::direct, {.index = 2,
                           .what = Crob{.operation = Crob::Operation::pulse_on,
                                        .trip_close = Crob::TripClose::close}});
    EXPECT_TRUE(becomes(double_bit, 0, DoubleBit::on));
    EXPECT_EQ(device->station().session(0).stats().controls, 1u);
}

TEST_F(Dnp3DeviceTest, PulsesEndAndAreCounted) {
    start(0s);
    operate(Mode::direct,
            {.index = 3,
             .what = Crob{.operation = Crob::Operation::pulse_on, .count = 3, .on_ms = 700}});
    EXPECT_TRUE(becomes(counter, 2, std::uint32_t{3}));
    EXPECT_TRUE(becomes(binary_output, 3, true));
    EXPECT_TRUE(becomes(binary_output, 3, false));
}

TEST_F(Dnp3DeviceTest, RefusesWhatItCannotDo) {
    start(0s);
    operate(Mode::direct, {.index = 3, .what = Crob{}});
    EXPECT_EQ(done->controls[0].status, CommandStatus::not_supported);
    operate(Mode::direct, {.index = 1, .what = AnalogCommand{.variation = 2, .value = 101}});
    EXPECT_EQ(done->controls[0].status, CommandStatus::out_of_range);
}

TEST_F(Dnp3DeviceTest, IsAsManyOutstationsAsItHasAddresses) {
    start(0s, 3);
    EXPECT_TRUE(values.contains({2, analog, 0}));
    EXPECT_NE((values[{0, analog, 0}]), (values[{2, analog, 0}]));  // a little apart
    device->update(1, {.type = binary, .index = 0, .value = true});
    EXPECT_TRUE(turn_until(io, [&] { return values[{1, binary, 0}] == MeasuredValue(true); }));
    EXPECT_EQ((values[{0, binary, 0}]), MeasuredValue(false));
}

TEST(Dnp3DeviceOpen, AnAddressThatIsNoneIsTrouble) {
    net::Io io;
    net::Lines lines{io};
    EXPECT_FALSE(
        Dnp3Device::open(io, lines, {.line = net::TcpListenSpec{.address = "nowhere"}}, {}));
}

}  // namespace
}  // namespace causeway::site::dnp3_device_test
