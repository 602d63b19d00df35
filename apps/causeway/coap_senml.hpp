#pragma once
// Sensor measurement lists [RFC 8428], in JSON and CBOR, resolved into rows for people. Leaves out:
// sums and update times, and fields that say nothing to a reader; a pack with a field that must be
// understood and is not [RFC 8428 §4.4] is not read at all.
#include "base/bytes.hpp"

#include <optional>
#include <string>
#include <vector>

namespace causeway::cli {

struct SenmlRow {
    std::string name;
    std::string value;
    std::string unit;
    std::string time;  // "now", "12 s ago", "2026-03-01 12:00:00"
};

/// nullopt when it is none; then it is shown as JSON or CBOR are. `now`: seconds since 1970.
[[nodiscard]] std::optional<std::vector<SenmlRow>> senml_from_json(Bytes payload, double now);
[[nodiscard]] std::optional<std::vector<SenmlRow>> senml_from_cbor(Bytes payload, double now);

}  // namespace causeway::cli
