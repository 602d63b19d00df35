#include "site/scada_metrics.hpp"

#include "site/points_json.hpp"

#include <boost/json.hpp>

namespace causeway::site {

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
    boost::json::object json{{"path", table.path(point)}};
    const boost::json::value said =
        boost::json::parse(json_of(table.definition(point), table.last(point)));
    for (const auto& [key, value] : said.as_object()) json[key] = value;
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
