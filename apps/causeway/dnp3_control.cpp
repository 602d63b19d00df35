// causeway dnp3 operate and direct: commands, and what the outstation says to them.
#include "dnp3.hpp"
#include "dnp3_session.hpp"
#include "dnp3_show.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include <charconv>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>

namespace causeway::cli {
namespace dnp3_control {
namespace {

using namespace scada::dnp3;

struct Dnp3ControlOptions : Dnp3Options {
    bool direct = false;
    bool no_ack = false;
    unsigned count = 1;
    std::uint32_t on_ms = 100;
    std::uint32_t off_ms = 100;
    bool clear = false;
    std::string variation = "float";
};

template <class Number>
std::optional<Number> number_from(std::string_view text) {
    Number number{};
    const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (wrong != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<Crob> crob_from(const Dnp3ControlOptions& options, std::string_view word) {
    Crob crob{.clear = options.clear,
              .count = static_cast<std::uint8_t>(options.count),
              .on_ms = options.on_ms,
              .off_ms = options.off_ms};
    using enum Crob::Operation;
    if (word == "on") {
        crob.operation = latch_on;
    } else if (word == "off") {
        crob.operation = latch_off;
    } else if (word == "pulse") {
        crob.operation = pulse_on;
    } else if (word == "pulse-off") {
        crob.operation = pulse_off;
    } else if (word == "close") {
        crob.operation = pulse_on;
        crob.trip_close = Crob::TripClose::close;
    } else if (word == "trip") {
        crob.operation = pulse_on;
        crob.trip_close = Crob::TripClose::trip;
    } else {
        return std::nullopt;
    }
    return crob;
}

std::optional<AnalogCommand> analog_from(const Dnp3ControlOptions& options, std::string_view word) {
    const auto value = number_from<double>(word);
    if (!value) return std::nullopt;
    AnalogCommand command{.value = *value};
    command.variation = options.variation == "int32"   ? 1
                        : options.variation == "int16" ? 2
                        : options.variation == "float" ? 3
                                                       : 4;
    // Another value than the one that was given must not be sent.
    const double most = command.variation == 1   ? 0x1p31 - 1
                        : command.variation == 2 ? 0x1p15 - 1
                        : command.variation == 3 ? double{std::numeric_limits<float>::max()}
                                                 : std::numeric_limits<double>::max();
    const bool whole = command.variation <= 2;
    const double least = whole ? -most - 1 : -most;
    if (!(*value >= least && *value <= most) || (whole && std::round(*value) != *value))
        return std::nullopt;
    return command;
}

/// Words in threes: what, which, how.
std::expected<std::vector<Control>, std::string> controls_from(const Dnp3ControlOptions& options) {
    const auto& words = options.words;
    std::vector<Control> controls;
    if (words.empty() || words.size() % 3 != 0)
        return std::unexpected(
            "wanted: binary-output INDEX on|off|trip|close|pulse|pulse-off, or "
            "analog-output INDEX VALUE");
    for (std::size_t i = 0; i < words.size(); i += 3) {
        const auto index = number_from<std::uint16_t>(words[i + 1]);
        if (!index) return std::unexpected(fmt::format("{} is no index", words[i + 1]));
        Control control{.index = *index};
        if (words[i] == "binary-output") {
            const auto crob = crob_from(options, words[i + 2]);
            if (!crob)
                return std::unexpected(fmt::format(
                    "{}: on, off, trip, close, pulse or pulse-off is wanted", words[i + 2]));
            control.what = *crob;
        } else if (words[i] == "analog-output") {
            const auto command = analog_from(options, words[i + 2]);
            if (!command)
                return std::unexpected(
                    fmt::format("{}: no {}; see --as", words[i + 2], options.variation));
            control.what = *command;
        } else {
            return std::unexpected(
                fmt::format("{}: binary-output or analog-output is wanted", words[i]));
        }
        if (!controls.empty() && controls.front().what.index() != control.what.index())
            return std::unexpected("all of one request are of one kind");
        controls.push_back(control);
    }
    return controls;
}

PointType what_is(const Control& control) {
    return std::holds_alternative<Crob>(control.what) ? PointType::binary_output
                                                      : PointType::analog_output;
}

int show_outcome(const Dnp3ControlOptions& options, const Master::Completed& completed) {
    const bool answered = completed.fate == Master::Completed::Fate::answered;
    const bool sent = completed.fate != Master::Completed::Fate::unreachable;
    bool all = answered || (options.no_ack && sent);
    boost::json::array list;
    for (const auto& control : completed.controls) {
        all = all && (options.no_ack || control.status == CommandStatus::success);
        const auto outcome = options.no_ack && sent ? "sent"
                             : answered             ? name_of(control.status)
                             : sent                 ? "unanswered"
                                                    : "not sent";
        if (options.json)
            list.push_back({{"type", dnp3_type_word(what_is(control))},
                            {"index", control.index},
                            {"outcome", outcome},
                            {"status", std::to_underlying(control.status)}});
        else
            fmt::print("{} {}: {}\n", name_of(what_is(control)), control.index, outcome);
    }
    if (options.json)
        fmt::print("{}\n", boost::json::serialize(boost::json::object{
                               {"controls", std::move(list)},
                               {"answered", answered},
                               {"indications", dnp3_indications_json(completed.iin)}}));
    else if (completed.iin.bits() != 0)
        fmt::print("indications: {}\n", dnp3_indications_text(completed.iin));
    return all ? done : failed;
}

int command(Dnp3ControlOptions& options) {
    const auto plan = dnp3_plan_from(options, true);
    if (!plan) return say_why(bad_usage, plan.error());
    auto controls = controls_from(options);
    if (!controls) return say_why(bad_usage, controls.error());
    using Mode = Master::Operate::Mode;
    const Mode mode = options.no_ack   ? Mode::direct_no_ack
                      : options.direct ? Mode::direct
                                       : Mode::select_before_operate;
    return ask_dnp3(*plan,
                    Master::Operate{.tag = 1, .mode = mode, .controls = std::move(*controls)},
                    [&](const Master::Completed& done) { return show_outcome(options, done); });
}

void add_command(CLI::App& dnp3, Work& work, bool direct) {
    auto options = std::make_shared<Dnp3ControlOptions>();
    options->direct = direct;
    CLI::App* const app =
        direct ? dnp3.add_subcommand("direct", "Operate outputs at once, without selecting them")
               : dnp3.add_subcommand("operate", "Select outputs, and operate them");
    options->add_to(*app,
                    "binary-output INDEX on|off|trip|close|pulse|pulse-off ... | "
                    "analog-output INDEX VALUE ...");
    if (direct) app->add_flag("--no-ack", options->no_ack, "Want no answer");
    app->add_option("--count", options->count, "Pulses")
        ->capture_default_str()
        ->check(CLI::Range(0, 255));
    app->add_option("--on-ms", options->on_ms, "How long a pulse is on, in milliseconds")
        ->capture_default_str();
    app->add_option("--off-ms", options->off_ms, "And off")->capture_default_str();
    app->add_flag("--clear", options->clear, "Give up first what the outputs are doing");
    app->add_option("--as", options->variation, "How analog values are sent")
        ->type_name("KIND")
        ->capture_default_str()
        ->check(CLI::IsMember({"int32", "int16", "float", "double"}));
    app->footer(
        fmt::format("Examples:\n"
                    "  causeway dnp3 {0} 10.0.0.7 --outstation 10 binary-output 3 close\n"
                    "  causeway dnp3 {0} 10.0.0.7 --outstation 10 analog-output 0 21.5\n\n"
                    "Exit status: 0 success, 1 refused or not answered, 2 bad usage.",
                    direct ? "direct" : "operate"));
    app->callback([options, &work] { work = [options] { return command(*options); }; });
}

}  // namespace
}  // namespace dnp3_control

void add_dnp3_control(CLI::App& dnp3, Work& work) {
    using namespace dnp3_control;
    add_command(dnp3, work, false);
    add_command(dnp3, work, true);
}

}  // namespace causeway::cli
