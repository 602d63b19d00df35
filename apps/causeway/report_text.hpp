#pragma once
// What a run came to, for programs (JSON) and for people (a table, or a dozen lines). The same
// report always gives the same text.
#include "sim/report.hpp"

#include <boost/json/object.hpp>

#include <string>

namespace causeway::cli {

/// Times in seconds, latencies in milliseconds; null where there is no such thing.
[[nodiscard]] boost::json::object report_to_json(const sim::Report& report);
/// One row a node, then the totals: what `sim` prints.
[[nodiscard]] std::string report_table(const sim::Report& report);
/// The totals alone: what `run` leaves on the screen.
[[nodiscard]] std::string report_summary(const sim::Report& report);

}  // namespace causeway::cli
