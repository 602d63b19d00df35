#include "site/points_json.hpp"

#include <boost/json.hpp>

#include <cmath>

namespace causeway::site {
namespace {

namespace json = boost::json;
using points::Kind;
using points::Sample;
using points::Time;

constexpr std::size_t id_octets_max = 128;
/// Beyond these no milliseconds of an int64 are worth telling: the year 10,000, about.
constexpr double json_seconds_max = 253'402'300'800;

std::string json_text(std::string_view text) {
    return json::serialize(json::string(text));
}

std::string value_text(const Sample& sample) {
    if (sample.quality.has(points::Flag::never_known)) return "null";
    switch (points::kind_of(sample.value)) {
        case Kind::text:
        case Kind::octets:
            return json_text(points::to_text(sample.value));
        case Kind::real:
            if (!std::isfinite(std::get<double>(sample.value))) return "null";
            [[fallthrough]];
        default:
            return points::to_text(sample.value);
    }
}

std::string_view clock_of(Time::Source source) {
    switch (source) {
        case Time::Source::device:
            return "device";
        case Time::Source::unsynchronised:
            return "unsynchronised";
        default:
            return {};
    }
}

/// A whole number within `most`; nullopt where it is something else. What is not there is `absent`.
std::optional<std::uint32_t> whole_in(const json::object& from, std::string_view name,
                                      std::uint32_t most, std::uint32_t absent) {
    const json::value* const found = from.if_contains(name);
    if (found == nullptr) return absent;
    boost::system::error_code error;
    const auto number = found->to_number<std::uint32_t>(error);
    if (error || number > most) return std::nullopt;
    return number;
}

std::string_view text_in(const json::object& from, std::string_view name) {
    const json::value* const found = from.if_contains(name);
    if (found == nullptr || !found->is_string()) return {};
    return {found->get_string().data(), found->get_string().size()};
}

/// False where what is there makes no sense.
bool read_pulse(const json::object& from, std::optional<points::Pulse>& pulse) {
    using points::Pulse;
    if (!from.contains("on_ms") && !from.contains("off_ms") && !from.contains("count") &&
        !from.contains("way"))
        return true;
    const auto on = whole_in(from, "on_ms", UINT32_MAX, 0);
    const auto off = whole_in(from, "off_ms", UINT32_MAX, 0);
    const auto count = whole_in(from, "count", UINT8_MAX, 1);
    const std::string_view way = text_in(from, "way");
    if (!on || !off || !count) return false;
    if (from.contains("way") && way != "close" && way != "trip") return false;
    pulse = Pulse{.form = from.contains("on_ms") ? Pulse::Form::pulse : Pulse::Form::latch,
                  .way = way == "close"  ? Pulse::Way::close
                         : way == "trip" ? Pulse::Way::trip
                                         : Pulse::Way::unsaid,
                  .count = static_cast<std::uint8_t>(*count),
                  .on_ms = *on,
                  .off_ms = *off};
    return true;
}

std::optional<Time> time_in(const json::object& from) {
    const json::value* const found = from.if_contains("t");
    if (found == nullptr) return Time{};
    boost::system::error_code error;
    const auto seconds = found->to_number<double>(error);
    if (error || !(std::abs(seconds) < json_seconds_max)) return std::nullopt;
    return Time{std::llround(seconds * 1000), text_in(from, "clock") == "unsynchronised"
                                                  ? Time::Source::unsynchronised
                                                  : Time::Source::device};
}

}  // namespace

std::string seconds_text(std::int64_t ms) {
    const std::uint64_t magnitude =
        ms < 0 ? 0 - static_cast<std::uint64_t>(ms) : static_cast<std::uint64_t>(ms);
    std::string text = (ms < 0 ? "-" : "") + std::to_string(magnitude / 1000);
    if (const std::uint64_t rest = magnitude % 1000; rest != 0) {
        const std::string digits = std::to_string(1000 + rest);
        text += '.' + digits.substr(1, digits.find_last_not_of('0'));
    }
    return text;
}

std::string json_of(const points::Definition& definition, const Sample& sample) {
    std::string text = R"({"v":)" + value_text(sample);
    const bool known = !sample.quality.has(points::Flag::never_known);
    if (const auto state = points::state_of(definition, sample.value); state && known)
        text += R"(,"state":)" + json_text(*state);
    if (!definition.unit.empty()) text += R"(,"u":)" + json_text(definition.unit);
    if (sample.time.source != Time::Source::none) text += R"(,"t":)" + seconds_text(sample.time.ms);
    if (const std::string_view clock = clock_of(sample.time.source); !clock.empty()) {
        text += R"(,"clock":")";
        text += clock;
        text += '"';
    }
    return text + R"(,"q":")" + points::to_text(sample.quality) + "\"}";
}

std::optional<json::value> json_from(std::string_view text) {
    boost::system::error_code error;
    json::value parsed = json::parse(text, error);
    return error ? std::nullopt : std::optional(std::move(parsed));
}

std::optional<points::Value> value_from(const points::Definition& definition,
                                        const json::value& from) {
    switch (from.kind()) {
        case json::kind::bool_:
            return points::as_kind(from.get_bool(), definition.kind);
        case json::kind::int64:
            return points::as_kind(from.get_int64(), definition.kind);
        case json::kind::uint64:
            return points::as_kind(static_cast<double>(from.get_uint64()), definition.kind);
        case json::kind::double_:
            return points::as_kind(from.get_double(), definition.kind);
        case json::kind::string:
            return points::value_from_text(definition, from.get_string());
        default:
            if (definition.kind == Kind::text && !from.is_null())
                return std::string(json::serialize(from));
            return std::nullopt;
    }
}

std::optional<Sample> sample_from(const points::Definition& definition, const json::object& from) {
    const json::value* const said = from.if_contains("v");
    if (said == nullptr) return std::nullopt;
    Sample sample;
    if (from.contains("q")) {
        const auto quality = points::quality_from_text(text_in(from, "q"));
        if (!quality) return std::nullopt;
        sample.quality = *quality;
    }
    const auto time = time_in(from);
    if (!time) return std::nullopt;
    sample.time = *time;
    if (said->is_null()) {
        sample.value = points::zero_of(definition.kind);
        if (sample.quality.good()) sample.quality.set(points::Flag::invalid);
        return sample;
    }
    auto value = value_from(definition, *said);
    if (!value) return std::nullopt;
    sample.value = *std::move(value);
    return sample;
}

std::optional<JsonCommand> command_from(const points::Definition& definition,
                                        std::string_view payload) {
    JsonCommand command;
    if (!payload.starts_with('{')) {
        auto value = points::value_from_text(definition, payload);
        if (!value) return std::nullopt;
        command.value = *std::move(value);
        return command;
    }
    const auto parsed = json_from(payload);
    if (!parsed || !parsed->is_object()) return std::nullopt;
    const json::object& said = parsed->get_object();
    if (said.contains("step")) {
        const auto step = points::step_from_text(text_in(said, "step"));
        if (!step) return std::nullopt;
        command.step = *step;
    }
    if (!read_pulse(said, command.pulse)) return std::nullopt;
    if (const json::value* const id = said.if_contains("id")) {
        command.id = json::serialize(*id);
        if (command.id.size() > id_octets_max) return std::nullopt;
    }
    if (const json::value* const value = said.if_contains("v")) {
        auto read = value_from(definition, *value);
        // "True" names none of several states.
        if (!read || (value->is_bool() && definition.kind == Kind::enumeration))
            return std::nullopt;
        command.value = *std::move(read);
    } else if (command.step != points::Step::cancel) {
        return std::nullopt;
    }
    return command;
}

std::string json_of(const points::Answer& answer, std::string_view id) {
    std::string text = R"({"outcome":")";
    text += points::name_of(answer.outcome);
    text += R"(","detail":)" + std::to_string(answer.detail);
    if (!id.empty()) {
        text += R"(,"id":)";
        text += id;
    }
    return text + '}';
}

}  // namespace causeway::site
