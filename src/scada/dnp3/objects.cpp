#include "scada/dnp3/objects.hpp"

#include "scada/dnp3/fragment.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace causeway::scada::dnp3 {
namespace object_table {
namespace {

using enum ValueForm;
constexpr TimeForm no_time = TimeForm::none;
constexpr TimeForm at_time = TimeForm::absolute;
constexpr TimeForm after_common = TimeForm::relative;

constexpr std::uint8_t octets_of_form(ValueForm form) {
    switch (form) {
        case u32:
        case i32:
        case f32:
            return 4;
        case u16:
        case i16:
            return 2;
        case f64:
            return 8;
        default:
            return 0;
    }
}

constexpr Layout measured(int group, int variation, ValueForm value, bool flags, TimeForm time) {
    const int time_octets = time == at_time ? 6 : time == after_common ? 2 : 0;
    return {
        .group = static_cast<std::uint8_t>(group),
        .variation = static_cast<std::uint8_t>(variation),
        .octets = static_cast<std::uint8_t>(octets_of_form(value) + (flags ? 1 : 0) + time_octets),
        .value = value,
        .flags = flags,
        .time = time};
}

constexpr Layout other(int group, int variation, int octets) {
    return {.group = static_cast<std::uint8_t>(group),
            .variation = static_cast<std::uint8_t>(variation),
            .octets = static_cast<std::uint8_t>(octets)};
}

constexpr Layout packed(int group, int variation, ValueForm form) {
    return {.group = static_cast<std::uint8_t>(group),
            .variation = static_cast<std::uint8_t>(variation),
            .octets = 0,
            .value = form};
}

/// By group, then by variation. Differences of counters (deltas) are obsolete and no measurements
/// of a counter's value; they are known by their length.
constexpr std::array table{
    packed(1, 1, packed_bit),
    measured(1, 2, flag_bit, true, no_time),
    measured(2, 1, flag_bit, true, no_time),
    measured(2, 2, flag_bit, true, at_time),
    measured(2, 3, flag_bit, true, after_common),
    packed(3, 1, packed_pair),
    measured(3, 2, flag_pair, true, no_time),
    measured(4, 1, flag_pair, true, no_time),
    measured(4, 2, flag_pair, true, at_time),
    measured(4, 3, flag_pair, true, after_common),
    packed(10, 1, packed_bit),
    measured(10, 2, flag_bit, true, no_time),
    measured(11, 1, flag_bit, true, no_time),
    measured(11, 2, flag_bit, true, at_time),
    other(12, 1, 11),  // control relay output block
    other(12, 2, 11),  // pattern control block
    packed(12, 3, packed_bit),
    other(13, 1, 1),
    other(13, 2, 7),
    measured(20, 1, u32, true, no_time),
    measured(20, 2, u16, true, no_time),
    other(20, 3, 5),
    other(20, 4, 3),
    measured(20, 5, u32, false, no_time),
    measured(20, 6, u16, false, no_time),
    other(20, 7, 4),
    other(20, 8, 2),
    measured(21, 1, u32, true, no_time),
    measured(21, 2, u16, true, no_time),
    other(21, 3, 5),
    other(21, 4, 3),
    measured(21, 5, u32, true, at_time),
    measured(21, 6, u16, true, at_time),
    other(21, 7, 11),
    other(21, 8, 9),
    measured(21, 9, u32, false, no_time),
    measured(21, 10, u16, false, no_time),
    other(21, 11, 4),
    other(21, 12, 2),
    measured(22, 1, u32, true, no_time),
    measured(22, 2, u16, true, no_time),
    other(22, 3, 5),
    other(22, 4, 3),
    measured(22, 5, u32, true, at_time),
    measured(22, 6, u16, true, at_time),
    other(22, 7, 11),
    other(22, 8, 9),
    measured(23, 1, u32, true, no_time),
    measured(23, 2, u16, true, no_time),
    other(23, 3, 5),
    other(23, 4, 3),
    measured(23, 5, u32, true, at_time),
    measured(23, 6, u16, true, at_time),
    other(23, 7, 11),
    other(23, 8, 9),
    measured(30, 1, i32, true, no_time),
    measured(30, 2, i16, true, no_time),
    measured(30, 3, i32, false, no_time),
    measured(30, 4, i16, false, no_time),
    measured(30, 5, f32, true, no_time),
    measured(30, 6, f64, true, no_time),
    other(31, 1, 5),  // frozen analogs: we have no such points
    other(31, 2, 3),
    other(31, 3, 11),
    other(31, 4, 9),
    other(31, 5, 4),
    other(31, 6, 2),
    other(31, 7, 5),
    other(31, 8, 9),
    measured(32, 1, i32, true, no_time),
    measured(32, 2, i16, true, no_time),
    measured(32, 3, i32, true, at_time),
    measured(32, 4, i16, true, at_time),
    measured(32, 5, f32, true, no_time),
    measured(32, 6, f64, true, no_time),
    measured(32, 7, f32, true, at_time),
    measured(32, 8, f64, true, at_time),
    other(33, 1, 5),
    other(33, 2, 3),
    other(33, 3, 11),
    other(33, 4, 9),
    other(33, 5, 5),
    other(33, 6, 9),
    other(33, 7, 11),
    other(33, 8, 15),
    other(34, 1, 2),  // deadbands: 16 bits, 32 bits, a float
    other(34, 2, 4),
    other(34, 3, 4),
    measured(40, 1, i32, true, no_time),
    measured(40, 2, i16, true, no_time),
    measured(40, 3, f32, true, no_time),
    measured(40, 4, f64, true, no_time),
    other(41, 1, 5),
    other(41, 2, 3),
    other(41, 3, 5),
    other(41, 4, 9),
    measured(42, 1, i32, true, no_time),
    measured(42, 2, i16, true, no_time),
    measured(42, 3, i32, true, at_time),
    measured(42, 4, i16, true, at_time),
    measured(42, 5, f32, true, no_time),
    measured(42, 6, f64, true, no_time),
    measured(42, 7, f32, true, at_time),
    measured(42, 8, f64, true, at_time),
    other(43, 1, 5),
    other(43, 2, 3),
    other(43, 3, 11),
    other(43, 4, 9),
    other(43, 5, 5),
    other(43, 6, 9),
    other(43, 7, 11),
    other(43, 8, 15),
    other(50, 1, 6),
    other(50, 2, 10),  // and an interval
    other(50, 3, 6),
    other(50, 4, 11),  // and an interval and its unit
    other(51, 1, 6),
    other(51, 2, 6),
    other(52, 1, 2),
    other(52, 2, 2),
    packed(80, 1, packed_bit),
    other(81, 1, 3),
    other(101, 1, 2),
    other(101, 2, 4),
    other(101, 3, 8),
    other(102, 1, 1),
    other(120, 3, 6),  // of authentication, what has a length: aggressive mode and key status
    other(120, 4, 2),  // requests
    other(121, 1, 7),
    other(122, 1, 7),
    other(122, 2, 13),
};

constexpr unsigned groups = 123;
constexpr unsigned variations = 13;
constexpr std::uint8_t nothing = 0xff;
static_assert(table.size() < nothing);

constexpr auto places = [] {
    std::array<std::uint8_t, std::size_t{groups} * variations> at{};
    at.fill(nothing);
    for (std::size_t i = 0; i < table.size(); ++i)
        at[std::size_t{table[i].group} * variations + table[i].variation] =
            static_cast<std::uint8_t>(i);
    return at;
}();

/// Octet strings, virtual terminals: the variation is the length. [IEEE 1815 §A]
constexpr auto texts = [] {
    std::array<Layout, 4 * 256> rows{};
    for (std::size_t i = 0; i < rows.size(); ++i)
        rows[i] = {.group = static_cast<std::uint8_t>(110 + i / 256),
                   .variation = static_cast<std::uint8_t>(i % 256),
                   .octets = static_cast<std::uint8_t>(i % 256),
                   .value = text};
    return rows;
}();

}  // namespace
}  // namespace object_table

namespace {

double measured_number(const MeasuredValue& value) {
    if (const auto* number = std::get_if<double>(&value)) return *number;
    if (const auto* count = std::get_if<std::uint32_t>(&value)) return *count;
    if (const auto* bit = std::get_if<bool>(&value)) return *bit ? 1 : 0;
    if (const auto* pair = std::get_if<DoubleBit>(&value)) return std::to_underlying(*pair);
    return 0;
}

std::uint32_t measured_count(const MeasuredValue& value) {
    if (const auto* count = std::get_if<std::uint32_t>(&value)) return *count;
    const double number = measured_number(value);
    if (!(number > 0)) return 0;
    return number < 4'294'967'295.0 ? static_cast<std::uint32_t>(number) : 0xffff'ffffu;
}

bool measured_state(const MeasuredValue& value) {
    const auto* bit = std::get_if<bool>(&value);
    return bit != nullptr && *bit;
}

std::uint8_t measured_pair(const MeasuredValue& value) {
    const auto* pair = std::get_if<DoubleBit>(&value);
    return pair == nullptr ? 0 : std::to_underlying(*pair) & 3;
}

}  // namespace

const Layout* layout_of(std::uint8_t group, std::uint8_t variation) noexcept {
    if (group >= 110 && group <= 113)
        return variation == 0 ? nullptr : &object_table::texts[(group - 110u) * 256u + variation];
    if (group >= object_table::groups || variation >= object_table::variations) return nullptr;
    const std::uint8_t at =
        object_table::places[std::size_t{group} * object_table::variations + variation];
    return at == object_table::nothing ? nullptr : &object_table::table[at];
}

std::size_t octets_of(std::uint8_t group, std::uint8_t variation) noexcept {
    const Layout* layout = layout_of(group, variation);
    return layout == nullptr ? 0 : layout->octets;
}

unsigned bits_of(std::uint8_t group, std::uint8_t variation) noexcept {
    const Layout* layout = layout_of(group, variation);
    if (layout == nullptr) return 0;
    return layout->value == ValueForm::packed_bit    ? 1
           : layout->value == ValueForm::packed_pair ? 2
                                                     : 0;
}

std::uint8_t static_group(PointType type) noexcept {
    constexpr std::array<std::uint8_t, point_types> all{1, 3, 10, 20, 21, 30, 40, 110};
    return all[std::to_underlying(type)];
}

std::uint8_t event_group(PointType type) noexcept {
    constexpr std::array<std::uint8_t, point_types> all{2, 4, 11, 22, 23, 32, 42, 111};
    return all[std::to_underlying(type)];
}

std::optional<MeasuredGroup> measured_group(std::uint8_t group) noexcept {
    for (std::uint8_t i = 0; i < point_types; ++i) {
        const PointType type{i};
        if (group == static_group(type)) return MeasuredGroup{type, false};
        if (group == event_group(type)) return MeasuredGroup{type, true};
    }
    return std::nullopt;
}

std::uint64_t read_le48(ByteReader& in) noexcept {
    const std::uint64_t low = in.le32();
    return low | std::uint64_t{in.le16()} << 32;
}

void write_le48(std::uint64_t value, ByteWriter& out) {
    out.le32(static_cast<std::uint32_t>(value));
    out.le16(static_cast<std::uint16_t>(value >> 32));
}

std::int32_t clamped(double value, std::int32_t least, std::int32_t most, bool& exceeded) noexcept {
    if (std::isnan(value)) return exceeded = true, 0;
    const double whole = std::round(value);
    if (whole < least) return exceeded = true, least;
    if (whole > most) return exceeded = true, most;
    return static_cast<std::int32_t>(whole);
}

float clamped_float(double value, bool& exceeded) noexcept {
    constexpr float most = std::numeric_limits<float>::max();
    if (std::isfinite(value) && std::abs(value) > static_cast<double>(most)) {
        exceeded = true;
        return value < 0 ? -most : most;
    }
    return static_cast<float>(value);
}

void read_object(const Layout& layout, Bytes object, const std::optional<Timestamp>& common,
                 Measurement& into) {
    ByteReader in(object);
    into.flags = layout.flags ? in.u8() : flag::online;
    switch (layout.value) {
        case ValueForm::flag_bit:
            into.value = (into.flags & flag::state) != 0;
            into.flags &= 0x7f;
            break;
        case ValueForm::flag_pair:
            into.value = DoubleBit{static_cast<std::uint8_t>(into.flags >> 6)};
            into.flags &= 0x3f;
            break;
        case ValueForm::u32:
            into.value = in.le32();
            break;
        case ValueForm::u16:
            into.value = std::uint32_t{in.le16()};
            break;
        case ValueForm::i32:
            into.value = static_cast<double>(static_cast<std::int32_t>(in.le32()));
            break;
        case ValueForm::i16:
            into.value = static_cast<double>(static_cast<std::int16_t>(in.le16()));
            break;
        case ValueForm::f32:
            into.value = static_cast<double>(std::bit_cast<float>(in.le32()));
            break;
        case ValueForm::f64:
            into.value = std::bit_cast<double>(in.le64());
            break;
        case ValueForm::text:
            into.value = to_octets(in.take(layout.octets));
            break;
        case ValueForm::packed_bit:
        case ValueForm::packed_pair:
        case ValueForm::none:
            break;
    }
    into.time.reset();
    if (layout.time == TimeForm::absolute) {
        into.time = Timestamp{.ms = read_le48(in)};
    } else if (layout.time == TimeForm::relative) {
        const std::uint16_t later = in.le16();
        if (common)
            into.time = Timestamp{.ms = (common->ms + later) & 0xffff'ffff'ffff,
                                  .synchronised = common->synchronised};
    }
}

void write_object(const Layout& layout, const Measurement& measurement, std::uint64_t base_ms,
                  ByteWriter& out) {
    constexpr std::int32_t least16 = std::numeric_limits<std::int16_t>::min();
    constexpr std::int32_t most16 = std::numeric_limits<std::int16_t>::max();
    constexpr std::int32_t least32 = std::numeric_limits<std::int32_t>::min();
    constexpr std::int32_t most32 = std::numeric_limits<std::int32_t>::max();
    bool exceeded = false;
    std::int32_t integer = 0;
    float single = 0;
    if (layout.value == ValueForm::i32 || layout.value == ValueForm::i16)
        integer = clamped(measured_number(measurement.value),
                          layout.value == ValueForm::i32 ? least32 : least16,
                          layout.value == ValueForm::i32 ? most32 : most16, exceeded);
    else if (layout.value == ValueForm::f32)
        single = clamped_float(measured_number(measurement.value), exceeded);
    if (layout.flags) {
        unsigned flags = measurement.flags;
        if (exceeded) flags |= flag::over_range;
        if (layout.value == ValueForm::flag_bit)
            flags = (flags & 0x7f) | (measured_state(measurement.value) ? flag::state : 0u);
        if (layout.value == ValueForm::flag_pair)
            flags = (flags & 0x3f) | unsigned{measured_pair(measurement.value)} << 6;
        out.u8(static_cast<std::uint8_t>(flags));
    }
    switch (layout.value) {
        case ValueForm::u32:
            out.le32(measured_count(measurement.value));
            break;
        case ValueForm::u16:  // a counter of 16 bits goes on at 0 after 65,535
            out.le16(static_cast<std::uint16_t>(measured_count(measurement.value)));
            break;
        case ValueForm::i32:
            out.le32(static_cast<std::uint32_t>(integer));
            break;
        case ValueForm::i16:
            out.le16(static_cast<std::uint16_t>(integer));
            break;
        case ValueForm::f32:
            out.le32(std::bit_cast<std::uint32_t>(single));
            break;
        case ValueForm::f64:
            out.le64(std::bit_cast<std::uint64_t>(measured_number(measurement.value)));
            break;
        case ValueForm::text: {
            const auto* octets = std::get_if<Octets>(&measurement.value);
            const std::size_t there =
                octets == nullptr ? 0 : std::min<std::size_t>(octets->size(), layout.octets);
            if (there != 0) out.put(Bytes(*octets).first(there));
            out.zeros(layout.octets - there);
            break;
        }
        default:
            break;
    }
    const std::uint64_t ms = measurement.time.value_or(Timestamp{}).ms;
    if (layout.time == TimeForm::absolute) write_le48(ms, out);
    if (layout.time == TimeForm::relative) out.le16(static_cast<std::uint16_t>(ms - base_ms));
}

}  // namespace causeway::scada::dnp3
