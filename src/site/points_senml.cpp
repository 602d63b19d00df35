#include "site/points_senml.hpp"

#include "base/cbor.hpp"
#include "crypto/base64.hpp"
#include "site/points_json.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <cmath>

namespace causeway::site {
namespace {

namespace json = boost::json;
using points::Time;

/// Labels in CBOR. [RFC 8428 §6]
enum class Label : std::int64_t {
    base_unit = -4,
    base_time = -3,
    base_name = -2,
    base_value = -5,
    name = 0,
    unit = 1,
    value = 2,
    text = 3,
    boolean = 4,
    time = 6,
    data = 8,
};

/// "values less than 268,435,456 (2^28) represent time relative to the current time"
/// [RFC 8428 §4.5.3]
constexpr double relative_below = 268'435'456;
constexpr double senml_seconds_max = 253'402'300'800;  // the year 10,000

std::string url_base64(Bytes octets) {
    std::string text = crypto::to_base64(octets, crypto::Padding::without);
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    return text;
}

std::optional<Octets> from_url_base64(std::string_view from) {
    std::string text(from);
    std::ranges::replace(text, '-', '+');
    std::ranges::replace(text, '_', '/');
    return crypto::from_base64(text);
}

/// Puts records together from their fields, in either representation.
class PackReader {
public:
    /// What a base field said holds from its record on. [RFC 8428 §4.1]
    void finish(SenmlRecord&& record) {
        record.name.insert(0, base_name);
        if (record.unit.empty()) record.unit = base_unit;
        if (record.time || base_time != 0) record.time = record.time.value_or(0) + base_time;
        if (base_value != 0 && record.value)
            if (double* const number = std::get_if<double>(&*record.value)) *number += base_value;
        pack.push_back(std::move(record));
    }

    std::vector<SenmlRecord> pack;
    std::string base_name;
    std::string base_unit;
    double base_time = 0;
    double base_value = 0;
};

bool read_text(const json::value& from, std::string& to) {
    if (!from.is_string()) return false;
    to = std::string_view(from.get_string());
    return true;
}

bool read_number(const json::value& from, double& to) {
    boost::system::error_code error;
    const auto number = from.to_number<double>(error);
    if (!error) to = number;
    return !error;
}

bool read_field(std::string_view label, const json::value& from, PackReader& reader,
                SenmlRecord& record) {
    if (label == "bn") return read_text(from, reader.base_name);
    if (label == "bu") return read_text(from, reader.base_unit);
    if (label == "bt") return read_number(from, reader.base_time);
    if (label == "bv") return read_number(from, reader.base_value);
    if (label == "n") return read_text(from, record.name);
    if (label == "u") return read_text(from, record.unit);
    if (label == "q") return read_text(from, record.quality);
    if (label == "t") return read_number(from, record.time.emplace());
    if (label == "v") return read_number(from, record.value.emplace(0.0).emplace<double>());
    if (label == "vs") return read_text(from, record.value.emplace().emplace<std::string>());
    if (label == "vb") {
        if (!from.is_bool()) return false;
        record.value = from.get_bool();
        return true;
    }
    if (label == "vd") {
        auto octets = from.is_string() ? from_url_base64(from.get_string()) : std::nullopt;
        if (!octets) return false;
        record.value = *std::move(octets);
        return true;
    }
    // "a receiver MUST ignore any fields it does not recognize", but for these. [RFC 8428 §4.4]
    return !label.ends_with('_');
}

/// A number of any form.
double number_in(CborReader& in) {
    switch (in.kind()) {
        case CborKind::uint:
            return static_cast<double>(in.uint());
        case CborKind::negative:
            return -1 - static_cast<double>(in.negative());
        default:
            return in.floating();
    }
}

void read_named(CborReader& in, SenmlRecord& record) {
    const std::string_view label = in.text();
    if (label == "q")
        record.quality = in.text();
    else if (label.ends_with('_'))
        in.fail(Fault::unsupported);
    else
        in.skip();
}

void read_field(CborReader& in, PackReader& reader, SenmlRecord& record) {
    if (in.kind() == CborKind::text) return read_named(in, record);
    switch (static_cast<Label>(in.integer())) {
        case Label::base_name:
            reader.base_name = in.text();
            break;
        case Label::base_unit:
            reader.base_unit = in.text();
            break;
        case Label::base_time:
            reader.base_time = number_in(in);
            break;
        case Label::base_value:
            reader.base_value = number_in(in);
            break;
        case Label::name:
            record.name = in.text();
            break;
        case Label::unit:
            record.unit = in.text();
            break;
        case Label::value:
            record.value = number_in(in);
            break;
        case Label::text:
            record.value = std::string(in.text());
            break;
        case Label::boolean:
            record.value = in.boolean();
            break;
        case Label::time:
            record.time = number_in(in);
            break;
        case Label::data:
            record.value = to_octets(in.bytes());
            break;
        default:
            in.skip();
            break;
    }
}

std::string quoted_text(std::string_view text) {
    return json::serialize(json::string(text));
}

std::string time_of(double seconds) {
    return seconds_text(std::llround(seconds * 1000));
}

void append_value(std::string& text, const points::Value& value) {
    if (const auto* words = std::get_if<std::string>(&value))
        text += R"(,"vs":)" + quoted_text(*words);
    else if (const auto* octets = std::get_if<Octets>(&value))
        text += R"(,"vd":")" + url_base64(*octets) + '"';
    else if (const auto* on = std::get_if<bool>(&value))
        text += *on ? R"(,"vb":true)" : R"(,"vb":false)";
    else
        text += R"(,"v":)" + points::to_text(value);
}

void write_value(CborWriter& out, const points::Value& value) {
    const auto labelled = [&](Label label) -> CborWriter& {
        return out.integer(std::to_underlying(label));
    };
    if (const auto* text = std::get_if<std::string>(&value))
        labelled(Label::text).text(*text);
    else if (const auto* on = std::get_if<bool>(&value))
        labelled(Label::boolean).boolean(*on);
    else if (const auto* real = std::get_if<double>(&value))
        labelled(Label::value).floating(*real);
    else if (const auto whole = points::as_integer(value))
        labelled(Label::value).integer(*whole);
}

}  // namespace

// ---- reading ------------------------------------------------------------------------------------

std::optional<std::vector<SenmlRecord>> senml_from_json(std::string_view text) {
    const auto parsed = json_from(text);
    if (!parsed || !parsed->is_array() || parsed->get_array().size() > senml_records_max)
        return std::nullopt;
    PackReader reader;
    for (const json::value& one : parsed->get_array()) {
        if (!one.is_object()) return std::nullopt;
        SenmlRecord record;
        for (const auto& field : one.get_object())
            if (!read_field(field.key(), field.value(), reader, record)) return std::nullopt;
        reader.finish(std::move(record));
    }
    return std::move(reader.pack);
}

std::optional<std::vector<SenmlRecord>> senml_from_cbor(Bytes octets) {
    CborReader in(octets);
    PackReader reader;
    in.enter_array();
    while (in.more()) {
        if (reader.pack.size() >= senml_records_max) return std::nullopt;
        SenmlRecord record;
        in.enter_map();
        while (in.more()) read_field(in, reader, record);
        in.leave();
        reader.finish(std::move(record));
    }
    in.leave();
    if (!in.done()) return std::nullopt;
    return std::move(reader.pack);
}

const SenmlRecord* senml_find(const std::vector<SenmlRecord>& pack, std::string_view name_end) {
    const auto found = std::ranges::find_if(pack, [&](const SenmlRecord& record) {
        return record.value && record.name.ends_with(name_end);
    });
    return found != pack.end() ? &*found : nullptr;
}

std::optional<points::Sample> sample_from(const points::Definition& definition,
                                          const SenmlRecord& record, std::int64_t now_ms) {
    if (!record.value) return std::nullopt;
    const auto* text = std::get_if<std::string>(&*record.value);
    auto value = text != nullptr ? points::value_from_text(definition, *text)
                                 : points::as_kind(*record.value, definition.kind);
    const auto quality = record.quality.empty() ? std::optional(points::Quality())
                                                : points::quality_from_text(record.quality);
    const double seconds = record.time.value_or(0);
    if (!value || !quality || !(std::abs(seconds) < senml_seconds_max)) return std::nullopt;
    const std::int64_t ms = std::llround(seconds * 1000);
    const Time time = seconds >= relative_below ? Time{ms, Time::Source::device}
                                                : Time{now_ms + ms, Time::Source::arrival};
    return points::Sample{*std::move(value), time, *quality};
}

// ---- writing ------------------------------------------------------------------------------------

std::optional<SenmlRecord> senml_of(const points::Table& table, points::PointId point) {
    const points::Sample& last = table.last(point);
    const auto real = points::as_real(last.value);
    if (last.quality.has(points::Flag::never_known) || (real && !std::isfinite(*real)))
        return std::nullopt;
    SenmlRecord record{
        .name = table.path(point), .unit = table.definition(point).unit, .value = last.value};
    if (last.time.source != Time::Source::none)
        record.time = static_cast<double>(last.time.ms) / 1000;
    if (!last.quality.good()) record.quality = points::to_text(last.quality);
    return record;
}

std::string senml_to_json(const std::vector<SenmlRecord>& pack) {
    std::string text = "[";
    for (const SenmlRecord& record : pack) {
        text += text.size() > 1 ? R"(,{"n":)" : R"({"n":)";
        text += quoted_text(record.name);
        if (!record.unit.empty()) text += R"(,"u":)" + quoted_text(record.unit);
        if (record.value) append_value(text, *record.value);
        if (record.time) text += R"(,"t":)" + time_of(*record.time);
        if (!record.quality.empty()) text += R"(,"q":)" + quoted_text(record.quality);
        text += '}';
    }
    return text + ']';
}

Octets senml_to_cbor(const std::vector<SenmlRecord>& pack) {
    Octets octets;
    CborWriter out(octets);
    out.array(pack.size());
    for (const SenmlRecord& record : pack) {
        const bool data = record.value && std::holds_alternative<Octets>(*record.value);
        out.map(1u + !record.unit.empty() + record.value.has_value() + record.time.has_value() +
                !record.quality.empty());
        out.integer(std::to_underlying(Label::name)).text(record.name);
        if (!record.unit.empty()) out.integer(std::to_underlying(Label::unit)).text(record.unit);
        if (record.value && !data) write_value(out, *record.value);
        if (record.time) {
            out.integer(std::to_underlying(Label::time));
            const bool whole = *record.time == std::floor(*record.time);
            if (whole && std::abs(*record.time) < senml_seconds_max)
                out.integer(static_cast<std::int64_t>(*record.time));
            else
                out.floating(*record.time);
        }
        if (data)
            out.integer(std::to_underlying(Label::data)).bytes(std::get<Octets>(*record.value));
        if (!record.quality.empty()) out.text("q").text(record.quality);
    }
    return octets;
}

}  // namespace causeway::site
