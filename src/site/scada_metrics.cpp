#include "site/scada_metrics.hpp"

#include "base/engine.hpp"

#include <boost/json.hpp>

namespace causeway::site {
namespace {

boost::json::value value_to_json(const points::Value& value, const points::Definition& about) {
    const auto named = [&](std::size_t state) -> boost::json::value {
        if (state < about.states.size()) return boost::json::string(about.states[state]);
        return state;
    };
    return std::visit(
        Overloaded{
            [&](const points::Enumeration& state) { return named(state.number); },
            [](const Octets& octets) -> boost::json::value {
                return boost::json::string(points::to_text(octets));
            },
            [](const std::string& text) -> boost::json::value { return boost::json::string(text); },
            [](auto number) -> boost::json::value { return number; }},
        value);
}

}  // namespace

boost::json::object scada_to_json(const ScadaService& scada) {
    boost::json::object groups;
    scada.visit([&](std::string_view group, std::string_view name, std::uint64_t value) {
        boost::json::value& place = groups[group];
        if (!place.is_object()) place.emplace_object();
        place.as_object()[name] = value;
    });
    const auto devices = scada.devices();
    groups["devices"] = boost::json::object{{"all", devices.all}, {"up", devices.up}};
    return groups;
}

boost::json::object point_to_json(const points::Table& table, points::PointId point) {
    const points::Definition& about = table.definition(point);
    const points::Sample& last = table.last(point);
    boost::json::object json{{"path", table.path(point)}, {"v", value_to_json(last.value, about)}};
    if (!about.unit.empty()) json["u"] = about.unit;
    if (last.time.source != points::Time::Source::none)
        json["t"] = static_cast<double>(last.time.ms) / 1000;
    json["q"] = points::to_text(last.quality);
    return json;
}

boost::json::object points_to_json(const points::Table& table, std::string_view device) {
    boost::json::array all;
    for (std::uint32_t i = 0; i < table.size(); ++i)
        if (device.empty() || table.definition(points::PointId(i)).device == device)
            all.push_back(point_to_json(table, points::PointId(i)));
    return {{"points", std::move(all)}};
}

}  // namespace causeway::site
