#pragma once
// DNP3's measurements, statuses and indications for people and as JSON.
#include "scada/dnp3/master.hpp"

#include <boost/json/fwd.hpp>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace causeway::cli {

/// "binary_output": for JSON, and for words on the command line.
[[nodiscard]] std::string dnp3_type_word(scada::dnp3::PointType type);
[[nodiscard]] std::string dnp3_value_text(const scada::dnp3::Measurement& measurement);
/// "online,restart"; "-" where none is set.
[[nodiscard]] std::string dnp3_flags_text(const scada::dnp3::Measurement& measurement);
/// "2026-01-02T03:04:05.678Z", with a '?' behind it where its clock is not synchronised; empty
/// where it has none.
[[nodiscard]] std::string dnp3_time_text(const scada::dnp3::Measurement& measurement);
[[nodiscard]] std::string dnp3_indications_text(scada::dnp3::Iins iin);
[[nodiscard]] boost::json::object dnp3_to_json(const scada::dnp3::Master::Measured& measured);
[[nodiscard]] boost::json::array dnp3_indications_json(scada::dnp3::Iins iin);

/// What a poll brought: the state of each point, in order, and the events before it.
class Dnp3Table {
public:
    void add(const scada::dnp3::Master::Measured& measured);
    [[nodiscard]] std::string to_text() const;
    [[nodiscard]] boost::json::object to_json() const;

private:
    using Point = std::pair<scada::dnp3::PointType, std::uint16_t>;
    std::map<Point, scada::dnp3::Master::Measured> points_;
    std::vector<scada::dnp3::Master::Measured> events_;
};

/// One line of a measurement, as tables and `watch` have it.
[[nodiscard]] std::string dnp3_line(const scada::dnp3::Measurement& measurement);

}  // namespace causeway::cli
