// What crosses from one protocol's words to another's, and what is lost on the way.
#include "site/scada_translate.hpp"

#include <gtest/gtest.h>

namespace causeway::site::scada_translate_test {
namespace {

namespace dnp3 = scada::dnp3;
namespace modbus = scada::modbus;
using points::Flag;
using points::Outcome;
using points::Quality;

TEST(ScadaTranslate, EveryFlagOfDnp3ComesBack) {
    for (const auto type :
         {dnp3::PointType::binary, dnp3::PointType::counter, dnp3::PointType::analog}) {
        for (unsigned flags = 0; flags < 0x80; ++flags) {
            const auto octet =
                static_cast<std::uint8_t>(type == dnp3::PointType::binary ? flags & 0x3f : flags);
            const std::uint8_t back = quality_to_dnp3(type, quality_from_dnp3(type, octet));
            // What lost its device is not online, whatever it said of itself.
            const bool lost = (octet & dnp3::flag::comm_lost) != 0;
            EXPECT_EQ(back, lost ? octet & ~dnp3::flag::online : octet) << unsigned{octet};
        }
    }
}

TEST(ScadaTranslate, WhatDnp3CannotSayIsSaidByWhatIsNearest) {
    const auto analog = [](Flag flag) { return quality_to_dnp3(dnp3::PointType::analog, flag); };
    EXPECT_EQ(analog(Flag::invalid) & dnp3::flag::online, 0);
    EXPECT_EQ(analog(Flag::blocked) & dnp3::flag::online, 0);
    EXPECT_EQ(analog(Flag::substituted), dnp3::flag::online | dnp3::flag::remote_forced);
    EXPECT_EQ(analog(Flag::never_known), dnp3::flag::restart);
}

TEST(ScadaTranslate, TimesOfTheDeviceArriveAsTheyWereSaid) {
    Dnp3Source source;
    source.definition.kind = points::Kind::boolean;
    const points::Time ours{.ms = 5, .source = points::Time::Source::arrival};
    dnp3::Measurement event{.type = dnp3::PointType::binary, .value = true};
    EXPECT_EQ(sample_from_dnp3(event, source, ours).time, ours);
    event.time = dnp3::Timestamp{.ms = 1'700'000'000'123, .synchronised = false};
    const points::Sample sample = sample_from_dnp3(event, source, ours);
    EXPECT_EQ(sample.time.ms, 1'700'000'000'123);
    EXPECT_EQ(sample.time.source, points::Time::Source::unsynchronised);

    Dnp3Window window;
    window.plan.type = dnp3::PointType::binary;
    const dnp3::Measurement shown = sample_to_dnp3(sample, window);
    EXPECT_EQ(shown.time, event.time);
    EXPECT_EQ(shown.value, dnp3::MeasuredValue(true));
}

TEST(ScadaTranslate, OutcomesOfDnp3ComeBack) {
    for (int status = 0; status <= 12; ++status) {
        const auto said = static_cast<dnp3::CommandStatus>(status);
        EXPECT_EQ(outcome_to_dnp3(outcome_from_dnp3(said)), said) << status;
    }
    EXPECT_EQ(outcome_to_dnp3(Outcome::unreachable), dnp3::CommandStatus::hardware_error);
}

TEST(ScadaTranslate, TripAndCloseDecideWhateverTheOperationIs) {
    Dnp3Window window;
    const auto meaning = [&](dnp3::Crob crob) {
        return control_from_dnp3({.index = 0, .what = crob}, window);
    };
    using Operation = dnp3::Crob::Operation;
    using TripClose = dnp3::Crob::TripClose;
    EXPECT_EQ(meaning({.operation = Operation::pulse_on, .trip_close = TripClose::trip})->value,
              points::Value(false));
    EXPECT_EQ(meaning({.operation = Operation::pulse_on, .trip_close = TripClose::close})->value,
              points::Value(true));
    EXPECT_EQ(meaning({.operation = Operation::latch_off})->value, points::Value(false));
    EXPECT_FALSE(meaning({.operation = Operation::nul}));
    EXPECT_FALSE(meaning({.trip_close = TripClose::reserved}));
}

TEST(ScadaTranslate, ACommandBecomesTheControlThatTheSiteFileSays) {
    Dnp3Source source;
    source.definition.kind = points::Kind::enumeration;
    source.control = 7;
    source.pulse = {
        .form = points::Pulse::Form::pulse, .way = points::Pulse::Way::close, .on_ms = 250};
    const auto trip = control_to_dnp3({.value = points::determined_off}, source);
    ASSERT_TRUE(trip);
    EXPECT_EQ(trip->index, 7);
    EXPECT_EQ(std::get<dnp3::Crob>(trip->what).trip_close, dnp3::Crob::TripClose::trip);
    EXPECT_EQ(std::get<dnp3::Crob>(trip->what).operation, dnp3::Crob::Operation::pulse_on);
    EXPECT_EQ(std::get<dnp3::Crob>(trip->what).on_ms, 250u);
    EXPECT_FALSE(control_to_dnp3({.value = points::intermediate}, source))
        << "nobody can command a breaker to be in between";

    source.definition.kind = points::Kind::real;
    source.scaling = {.factor = 0.5, .offset = 0};
    source.command_variation = 2;
    const auto number = control_to_dnp3({.value = 10.0}, source);
    ASSERT_TRUE(number);
    EXPECT_EQ(std::get<dnp3::AnalogCommand>(number->what).value, 20.0);
}

TEST(ScadaTranslate, RegistersHoldWhatTheyCanAndSayWhenTheyCannot) {
    ModbusPlace place{.type = modbus::Type::u16};
    EXPECT_EQ(value_to_modbus(21.5, place, {.factor = 0.1})->registers,
              std::vector<std::uint16_t>{215});
    const auto above = value_to_modbus(1e9, place, {});
    EXPECT_TRUE(above->clamped);
    EXPECT_EQ(above->registers, std::vector<std::uint16_t>{65'535});
    EXPECT_TRUE(value_to_modbus(-1.0, place, {})->clamped);
    EXPECT_FALSE(value_to_modbus(std::string("x"), place, {}));
    place.type = modbus::Type::i64;
    const std::int64_t exact = 9'007'199'254'740'993;  // no double is that
    const auto whole = value_to_modbus(exact, place, {});
    EXPECT_EQ(value_from_modbus(whole->registers, place, {}, points::Kind::integer),
              points::Value(exact));
    place.type = modbus::Type::text;
    place.length = 2;
    EXPECT_EQ(value_from_modbus(value_to_modbus(std::string("abcdef"), place, {})->registers, place,
                                {}, points::Kind::text),
              points::Value(std::string("abcd")));
}

TEST(ScadaTranslate, OneBitOfARegisterIsAPoint) {
    const ModbusPlace place{.bit = 5};
    const std::vector<std::uint16_t> on{0x0020}, off{0xffdf};
    EXPECT_EQ(value_from_modbus(on, place, {}, points::Kind::boolean), points::Value(true));
    EXPECT_EQ(value_from_modbus(off, place, {}, points::Kind::boolean), points::Value(false));
}

TEST(ScadaTranslate, ModbusSaysWithExceptionsWhatItCan) {
    EXPECT_FALSE(outcome_to_modbus(Outcome::success));
    EXPECT_EQ(outcome_to_modbus(Outcome::out_of_range), modbus::Exception::illegal_data_value);
    EXPECT_EQ(outcome_to_modbus(Outcome::unreachable), modbus::Exception::gateway_path_unavailable);
    EXPECT_EQ(outcome_from_modbus(modbus::Exception::server_device_busy), Outcome::busy);
}

}  // namespace
}  // namespace causeway::site::scada_translate_test
