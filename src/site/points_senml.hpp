#pragma once
// Points as SenML records, in JSON and in CBOR [RFC 8428]. Read: base fields, values, units, times.
// Leaves out: sums ("s"), update times ("ut"); base fields are not written.
#include "points/table.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace causeway::site {

struct SenmlRecord {
    std::string name{};  // with what "bn" said
    std::string unit{};
    std::optional<points::Value> value{};
    /// Seconds; below 2^28 from now on. [RFC 8428 §4.5.3]
    std::optional<double> time{};
    std::string quality{};  // "q", a label of ours; empty: not said
};

/// Records that one pack may have; more are refused.
inline constexpr std::size_t senml_records_max = 4'096;

/// nullopt where it is no pack, or has a field that has to be understood and is not.
/// [RFC 8428 §4.4]
[[nodiscard]] std::optional<std::vector<SenmlRecord>> senml_from_json(std::string_view text);
[[nodiscard]] std::optional<std::vector<SenmlRecord>> senml_from_cbor(Bytes octets);

/// The first that has a value, and whose name ends so.
[[nodiscard]] const SenmlRecord* senml_find(const std::vector<SenmlRecord>& pack,
                                            std::string_view name_end);
/// A sample of a point's kind at `now_ms`, since 1970; nullopt where the value is none.
[[nodiscard]] std::optional<points::Sample> sample_from(const points::Definition& definition,
                                                        const SenmlRecord& record,
                                                        std::int64_t now_ms);

/// A point as a record named "device/name"; nullopt where it has no value that SenML can say.
[[nodiscard]] std::optional<SenmlRecord> senml_of(const points::Table& table,
                                                  points::PointId point);
/// Times are milliseconds exactly, where they are no finer.
[[nodiscard]] std::string senml_to_json(const std::vector<SenmlRecord>& pack);
[[nodiscard]] Octets senml_to_cbor(const std::vector<SenmlRecord>& pack);

}  // namespace causeway::site
