#include "coap_senml.hpp"

#include "base/cbor.hpp"
#include "base/hex.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <boost/json.hpp>

#include <cmath>
#include <ctime>

namespace causeway::cli {
namespace {

/// One record's fields as they stand; the base fields are those of all before it, too.
struct Record {
    std::string name;
    std::optional<std::string> unit;
    std::optional<double> number;
    std::optional<std::string> other;  // text, boolean, octets: shown already
    double time = 0;
};
struct Base {
    std::string name;
    std::string unit;
    double time = 0;
    double value = 0;
};

std::string time_text(double seconds, double now) {
    // "values less than 268,435,456 (2^28) represent time relative to the current time"
    // [RFC 8428 §4.5.3]
    constexpr double relative_below = 268'435'456;
    if (!std::isfinite(seconds)) return "?";
    if (seconds == 0) return "now";
    if (seconds < relative_below)
        return fmt::format("{:g} s {}", std::abs(seconds), seconds < 0 ? "ago" : "from now");
    if (seconds > now + 1e11) return fmt::format("{:g} s", seconds);
    return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

class Pack {
public:
    explicit Pack(double now) : now_(now) {}

    Base base;

    void add(const Record& record) {
        // A record of base fields alone sets them, and measures nothing.
        if (!record.number && !record.other) return;
        SenmlRow row;
        row.name = base.name + record.name;
        row.unit = record.unit.value_or(base.unit);
        row.value = record.number ? fmt::format("{}", *record.number + base.value) : *record.other;
        row.time = time_text(record.time + base.time, now_);
        rows.push_back(std::move(row));
    }

    std::vector<SenmlRow> rows;

private:
    double now_;
};

// ---- JSON --------------------------------------------------------------------------------------

std::optional<double> number_of(const boost::json::value& value) {
    boost::json::error_code fault;
    const double number = value.to_number<double>(fault);
    if (fault) return std::nullopt;
    return number;
}

bool take_field(std::string_view name, const boost::json::value& value, Base& base,
                Record& record) {
    const boost::json::string* const text = value.if_string();
    const auto set_text = [&](auto& into) {
        if (text != nullptr) into = std::string(*text);
        return text != nullptr;
    };
    const auto set_number = [&](auto& into) {
        const auto number = number_of(value);
        if (number) into = *number;
        return number.has_value();
    };
    if (name == "bn") return set_text(base.name);
    if (name == "bu") return set_text(base.unit);
    if (name == "bt") return set_number(base.time);
    if (name == "bv") return set_number(base.value);
    if (name == "n") return set_text(record.name);
    if (name == "u") return set_text(record.unit);
    if (name == "t") return set_number(record.time);
    if (name == "v") return set_number(record.number);
    if (name == "vs" || name == "vd") return set_text(record.other);
    if (name == "vb") {
        if (value.is_bool()) record.other = value.get_bool() ? "true" : "false";
        return value.is_bool();
    }
    // "a label that ends with the "_" character MUST be understood" [RFC 8428 §4.4]
    return !name.ends_with('_');
}

// ---- CBOR --------------------------------------------------------------------------------------

std::optional<double> number_of(CborReader& in) {
    switch (in.kind()) {
        case CborKind::uint:
            return static_cast<double>(in.uint());
        case CborKind::negative:
            return -1.0 - static_cast<double>(in.negative());
        case CborKind::floating:
            return in.floating();
        case CborKind::tag:
            break;
        default:
            return std::nullopt;
    }
    // A decimal fraction: ten to the exponent, times the mantissa. [RFC 8949 §3.4.4]
    if (in.tag() != 4) return std::nullopt;
    in.expect_array(2);
    const auto exponent = in.integer();
    const auto mantissa = in.integer();
    in.leave();
    if (!in.ok()) return std::nullopt;
    return static_cast<double>(mantissa) * std::pow(10.0, static_cast<double>(exponent));
}

bool take_field(std::int64_t label, CborReader& in, Base& base, Record& record) {
    const auto set_text = [&](auto& into) {
        if (in.kind() != CborKind::text) return false;
        into = std::string(in.text());
        return in.ok();
    };
    const auto set_number = [&](auto& into) {
        const auto number = number_of(in);
        if (number) into = *number;
        return number && in.ok();
    };
    switch (label) {  // [RFC 8428 §6, table 4]
        case -2:
            return set_text(base.name);
        case -3:
            return set_number(base.time);
        case -4:
            return set_text(base.unit);
        case -5:
            return set_number(base.value);
        case 0:
            return set_text(record.name);
        case 1:
            return set_text(record.unit);
        case 2:
            return set_number(record.number);
        case 3:
            return set_text(record.other);
        case 4:
            if (in.kind() != CborKind::boolean) return false;
            record.other = in.boolean() ? "true" : "false";
            return in.ok();
        case 6:
            return set_number(record.time);
        case 8:
            if (in.kind() != CborKind::bytes) return false;
            record.other = to_hex(in.bytes());
            return in.ok();
        default:
            in.skip();
            return in.ok();
    }
}

bool take_record(CborReader& in, Pack& pack) {
    if (in.kind() != CborKind::map) return false;
    Record record;
    in.enter_map();
    while (in.more()) {
        if (in.kind() == CborKind::text) {
            if (in.text().ends_with('_')) return false;
            in.skip();
            continue;
        }
        if (!take_field(in.integer(), in, pack.base, record)) return false;
    }
    in.leave();
    if (!in.ok()) return false;
    pack.add(record);
    return true;
}

}  // namespace

std::optional<std::vector<SenmlRow>> senml_from_json(Bytes payload, double now) {
    boost::json::error_code fault;
    const boost::json::value document = boost::json::parse(as_text(payload), fault);
    if (fault || !document.is_array()) return std::nullopt;
    Pack pack(now);
    for (const boost::json::value& item : document.get_array()) {
        if (!item.is_object()) return std::nullopt;
        Record record;
        for (const auto& [name, value] : item.get_object())
            if (!take_field(name, value, pack.base, record)) return std::nullopt;
        pack.add(record);
    }
    return std::move(pack.rows);
}

std::optional<std::vector<SenmlRow>> senml_from_cbor(Bytes payload, double now) {
    CborReader in(payload);
    if (in.kind() != CborKind::array) return std::nullopt;
    Pack pack(now);
    in.enter_array();
    while (in.more())
        if (!take_record(in, pack)) return std::nullopt;
    in.leave();
    if (!in.done()) return std::nullopt;
    return std::move(pack.rows);
}

}  // namespace causeway::cli
