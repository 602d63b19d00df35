#pragma once
// Points and counters of [scada] as JSON: for the REST interface and the report of a run.
#include "points/table.hpp"
#include "site/scada_service.hpp"

#include <string_view>

namespace boost::json {
class object;
}

namespace causeway::site {

[[nodiscard]] boost::json::object scada_to_json(const ScadaService& scada);
/// {"path": "feeder-1/voltage", "v": 231.5, ...}: as json_of() has it (points_json.hpp).
[[nodiscard]] boost::json::object point_to_json(const points::Table& table, points::PointId point);
/// Of one device, or of all where `device` is empty.
[[nodiscard]] boost::json::object points_to_json(const points::Table& table,
                                                 std::string_view device);

}  // namespace causeway::site
