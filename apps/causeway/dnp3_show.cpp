#include "dnp3_show.hpp"

#include "printable.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <boost/json.hpp>

#include <ctime>

namespace causeway::cli {
namespace {

namespace dnp3 = scada::dnp3;
using dnp3::Measurement;
using dnp3::PointType;

struct Dnp3FlagName {
    std::uint8_t bit;
    std::string_view name;
};
constexpr Dnp3FlagName dnp3_common_flags[] = {{dnp3::flag::online, "online"},
                                              {dnp3::flag::restart, "restart"},
                                              {dnp3::flag::comm_lost, "comm_lost"},
                                              {dnp3::flag::remote_forced, "remote_forced"},
                                              {dnp3::flag::local_forced, "local_forced"}};

std::string_view dnp3_flag_6_of(PointType type) {
    if (type == PointType::binary || type == PointType::double_bit) return "chatter";
    if (type == PointType::counter || type == PointType::frozen_counter) return "rollover";
    return type == PointType::analog || type == PointType::analog_output ? "over_range" : "";
}
std::string_view dnp3_flag_7_of(PointType type) {
    if (type == PointType::counter || type == PointType::frozen_counter) return "discontinuity";
    return type == PointType::analog || type == PointType::analog_output ? "reference_error" : "";
}

std::vector<std::string> dnp3_flag_names(const Measurement& measurement) {
    std::vector<std::string> names;
    for (const auto& [bit, name] : dnp3_common_flags)
        if (measurement.flags & bit) names.emplace_back(name);
    const auto six = dnp3_flag_6_of(measurement.type);
    const auto seven = dnp3_flag_7_of(measurement.type);
    if ((measurement.flags & 0x20) && !six.empty()) names.emplace_back(six);
    if ((measurement.flags & 0x40) && !seven.empty()) names.emplace_back(seven);
    return names;
}

constexpr std::pair<dnp3::Iin, std::string_view> dnp3_iin_names[] = {
    {dnp3::Iin::broadcast, "broadcast"},
    {dnp3::Iin::class_1_events, "class_1_events"},
    {dnp3::Iin::class_2_events, "class_2_events"},
    {dnp3::Iin::class_3_events, "class_3_events"},
    {dnp3::Iin::need_time, "need_time"},
    {dnp3::Iin::local_control, "local_control"},
    {dnp3::Iin::device_trouble, "device_trouble"},
    {dnp3::Iin::device_restart, "device_restart"},
    {dnp3::Iin::no_func_code_support, "no_func_code_support"},
    {dnp3::Iin::object_unknown, "object_unknown"},
    {dnp3::Iin::parameter_error, "parameter_error"},
    {dnp3::Iin::event_buffer_overflow, "event_buffer_overflow"},
    {dnp3::Iin::already_executing, "already_executing"},
    {dnp3::Iin::config_corrupt, "config_corrupt"}};

std::string_view dnp3_state_name(dnp3::DoubleBit state) {
    switch (state) {
        case dnp3::DoubleBit::intermediate:
            return "intermediate";
        case dnp3::DoubleBit::off:
            return "off";
        case dnp3::DoubleBit::on:
            return "on";
        case dnp3::DoubleBit::indeterminate:
            break;
    }
    return "indeterminate";
}

}  // namespace

std::string dnp3_type_word(PointType type) {
    std::string word(dnp3::name_of(type));
    for (char& c : word)
        if (c == ' ' || c == '-') c = '_';
    return word;
}

std::string dnp3_value_text(const Measurement& measurement) {
    return std::visit(Overloaded{
                          [](bool on) -> std::string { return on ? "on" : "off"; },
                          [](dnp3::DoubleBit state) { return std::string(dnp3_state_name(state)); },
                          [](std::uint32_t count) { return fmt::format("{}", count); },
                          [](double value) { return fmt::format("{:.10g}", value); },
                          [](const Octets& octets) {
                              // Fixed lengths are filled up with zeros.
                              auto text = as_text(octets);
                              while (text.ends_with('\0')) text.remove_suffix(1);
                              return '"' + printable(text) + '"';
                          },
                      },
                      measurement.value);
}

std::string dnp3_flags_text(const Measurement& measurement) {
    if (measurement.type == PointType::octet_string) return "-";
    const auto names = dnp3_flag_names(measurement);
    return names.empty() ? "-" : fmt::format("{}", fmt::join(names, ","));
}

std::string dnp3_time_text(const Measurement& measurement) {
    if (!measurement.time) return {};
    const auto seconds = static_cast<std::time_t>(measurement.time->ms / 1'000);
    std::tm broken{};
    if (::gmtime_r(&seconds, &broken) == nullptr) return {};
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z{}", broken, measurement.time->ms % 1'000,
                       measurement.time->synchronised ? "" : "?");
}

std::string dnp3_indications_text(dnp3::Iins iin) {
    std::vector<std::string_view> names;
    for (const auto& [bit, name] : dnp3_iin_names)
        if (iin.has(bit)) names.push_back(name);
    return fmt::format("{}", fmt::join(names, ","));
}

boost::json::array dnp3_indications_json(dnp3::Iins iin) {
    boost::json::array names;
    for (const auto& [bit, name] : dnp3_iin_names)
        if (iin.has(bit)) names.emplace_back(name);
    return names;
}

boost::json::object dnp3_to_json(const dnp3::Master::Measured& measured) {
    const Measurement& measurement = measured.measurement;
    boost::json::object out{{"type", dnp3_type_word(measurement.type)},
                            {"index", measurement.index}};
    std::visit(Overloaded{
                   [&](dnp3::DoubleBit state) { out["value"] = dnp3_state_name(state); },
                   [&](const Octets& octets) { out["value"] = printable(as_text(octets)); },
                   [&](auto value) { out["value"] = value; },
               },
               measurement.value);
    boost::json::array flags;
    if (measurement.type != PointType::octet_string)
        for (const auto& name : dnp3_flag_names(measurement)) flags.emplace_back(name);
    out["flags"] = std::move(flags);
    if (measurement.time) {
        out["time_ms"] = measurement.time->ms;
        if (!measurement.time->synchronised) out["unsynchronised"] = true;
    }
    out["event"] = measured.event;
    if (measured.unsolicited) out["unsolicited"] = true;
    return out;
}

std::string dnp3_line(const Measurement& measurement) {
    auto line = fmt::format("{:<14} {:>5}  {:<16} {:<16} {}", dnp3::name_of(measurement.type),
                            measurement.index, dnp3_value_text(measurement),
                            dnp3_flags_text(measurement), dnp3_time_text(measurement));
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
}

void Dnp3Table::add(const dnp3::Master::Measured& measured) {
    if (measured.event) events_.push_back(measured);
    const Point point{measured.measurement.type, measured.measurement.index};
    const auto [place, fresh] = points_.try_emplace(point, measured);
    if (fresh) return;
    auto& known = place->second.measurement;
    // Static data has no time: that of the event that brought the value is its.
    const auto time = known.value == measured.measurement.value ? known.time : std::nullopt;
    place->second = measured;
    if (!known.time) known.time = time;
}

std::string Dnp3Table::to_text() const {
    std::string out;
    if (!points_.empty())
        out += fmt::format("{:<14} {:>5}  {:<16} {:<16} {}\n", "type", "index", "value", "flags",
                           "time");
    for (const auto& [point, measured] : points_) out += dnp3_line(measured.measurement) + "\n";
    if (events_.empty()) return out;
    out += "\nevents\n";
    for (const auto& event : events_) out += dnp3_line(event.measurement) + "\n";
    return out;
}

boost::json::object Dnp3Table::to_json() const {
    boost::json::array points;
    boost::json::array events;
    for (const auto& [point, measured] : points_) points.push_back(dnp3_to_json(measured));
    for (const auto& event : events_) events.push_back(dnp3_to_json(event));
    return {{"points", std::move(points)}, {"events", std::move(events)}};
}

}  // namespace causeway::cli
