#pragma once
// Points and commands as JSON: what MQTT topics carry, and who asks for application/json by CoAP.
#include "points/table.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace boost::json {
class object;
class value;
}  // namespace boost::json

namespace causeway::site {

/// {"v":21.5,"u":"Cel","t":1700000000.123,"q":"good"}; "state" where the value has a name, "clock"
/// where the time is not our own. A value that nobody knows, or that is no number, is null.
[[nodiscard]] std::string json_of(const points::Definition& definition,
                                  const points::Sample& sample);
/// Milliseconds since 1970 as seconds, exactly: "1700000000.123".
[[nodiscard]] std::string seconds_text(std::int64_t ms);

/// nullopt where it is none, or is nested too deeply.
[[nodiscard]] std::optional<boost::json::value> json_from(std::string_view text);
/// A value of the point's kind; names of states will do.
[[nodiscard]] std::optional<points::Value> value_from(const points::Definition& definition,
                                                      const boost::json::value& json);
/// The other way of json_of(); nullopt where "v" is not there, or neither a value nor null. With
/// null the value is the kind's zero.
[[nodiscard]] std::optional<points::Sample> sample_from(const points::Definition& definition,
                                                        const boost::json::object& json);

struct JsonCommand {
    points::Step step = points::Step::direct;
    points::Value value{};
    std::optional<points::Pulse> pulse{};
    std::string id{};  // of the requester's own, as JSON; empty: none
};
/// A bare value, or {"v":...,"step":"select","on_ms":...,"off_ms":...,"count":...,"way":"close",
/// "id":...}. "v" may be missing where all is cancelled.
[[nodiscard]] std::optional<JsonCommand> command_from(const points::Definition& definition,
                                                      std::string_view payload);
/// {"outcome":"success","detail":0}, with the command's "id".
[[nodiscard]] std::string json_of(const points::Answer& answer, std::string_view id);

}  // namespace causeway::site
