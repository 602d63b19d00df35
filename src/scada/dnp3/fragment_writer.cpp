#include "scada/dnp3/fragment.hpp"
#include "scada/dnp3/objects.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace causeway::scada::dnp3 {
namespace {

constexpr std::uint32_t index_most8 = 0xff;
constexpr std::uint32_t index_most16 = 0xffff;
constexpr std::size_t object_header_octets = 3;  // group, variation, qualifier

unsigned crob_code(const Crob& crob) {
    return (std::to_underlying(crob.operation) & 0x0fu) | (crob.queue ? 0x10u : 0u) |
           (crob.clear ? 0x20u : 0u) | (std::to_underlying(crob.trip_close) & 3u) << 6;
}

void write_control(const Control& control, ByteWriter& out) {
    bool exceeded = false;  // the peer's to judge: it is sent the nearest that can be said
    if (const auto* crob = std::get_if<Crob>(&control.what)) {
        out.u8(static_cast<std::uint8_t>(crob_code(*crob)));
        out.u8(crob->count);
        out.le32(crob->on_ms);
        out.le32(crob->off_ms);
    } else {
        const auto& [variation, value] = std::get<AnalogCommand>(control.what);
        using Short = std::numeric_limits<std::int16_t>;
        using Long = std::numeric_limits<std::int32_t>;
        if (variation == 1)
            out.le32(
                static_cast<std::uint32_t>(clamped(value, Long::min(), Long::max(), exceeded)));
        else if (variation == 2)
            out.le16(
                static_cast<std::uint16_t>(clamped(value, Short::min(), Short::max(), exceeded)));
        else if (variation == 3)
            out.le32(std::bit_cast<std::uint32_t>(clamped_float(value, exceeded)));
        else
            out.le64(std::bit_cast<std::uint64_t>(value));
    }
    out.u8(std::to_underlying(control.status));
}

/// Group and variation of a command.
std::pair<std::uint8_t, std::uint8_t> control_kind(const Control& control) {
    const auto* analog = std::get_if<AnalogCommand>(&control.what);
    return analog == nullptr ? std::pair<std::uint8_t, std::uint8_t>{12, 1}
                             : std::pair<std::uint8_t, std::uint8_t>{41, analog->variation};
}

std::uint8_t packed_value(const Measurement& measurement, unsigned bits) {
    if (bits == 1) {
        const auto* on = std::get_if<bool>(&measurement.value);
        return on != nullptr && *on ? 1 : 0;
    }
    const auto* pair = std::get_if<DoubleBit>(&measurement.value);
    return pair == nullptr ? 0 : std::to_underlying(*pair) & 3;
}

/// That of a static or event object of the measurement; null where there is none of a value.
const Layout* layout_for(std::uint8_t group, std::uint8_t variation,
                         const Measurement& measurement) {
    if (measurement.type == PointType::octet_string) {
        // There is none without octets: a single zero stands for it. [IEEE 1815 §A]
        const auto* octets = std::get_if<Octets>(&measurement.value);
        const std::size_t size = octets == nullptr ? 0 : octets->size();
        variation = static_cast<std::uint8_t>(std::clamp<std::size_t>(size, 1, 255));
    }
    const Layout* layout = layout_of(group, variation);
    return layout == nullptr || layout->value == ValueForm::none ? nullptr : layout;
}

}  // namespace

FragmentWriter::FragmentWriter(std::size_t octets_max) : most_(octets_max) {}

void FragmentWriter::begin(ApplicationControl control, Function function) {
    octets_.clear();
    octets_.reserve(most_);
    octets_.push_back(std::byte{control.octet()});
    octets_.push_back(std::byte{std::to_underlying(function)});
    open_ = {};
}

void FragmentWriter::request(ApplicationControl control, Function function) {
    begin(control, function);
    response_ = false;
}

void FragmentWriter::response(ApplicationControl control, Function function, Iins iin) {
    begin(control, function);
    octets_.resize(4);
    response_ = true;
    set_iin(iin);
}

void FragmentWriter::set_control(ApplicationControl control) {
    CAUSEWAY_ASSERT(!octets_.empty());
    octets_[0] = std::byte{control.octet()};
}

void FragmentWriter::set_iin(Iins iin) {
    CAUSEWAY_ASSERT(response_ && octets_.size() >= 4);
    octets_[2] = std::byte(iin.bits() & 0xff);
    octets_[3] = std::byte(iin.bits() >> 8);
}

bool FragmentWriter::has_objects() const noexcept {
    return octets_.size() > (response_ ? 4u : 2u);
}

/// Whoever calls it has seen that there is room.
MutableBytes FragmentWriter::grow(std::size_t octets) {
    CAUSEWAY_ASSERT(octets <= room());
    const std::size_t before = octets_.size();
    octets_.resize(before + octets);
    return MutableBytes(octets_).subspan(before);
}

bool FragmentWriter::raw(Bytes octets) {
    if (octets.size() > room()) return false;
    open_ = {};
    octets_.insert(octets_.end(), octets.begin(), octets.end());
    return true;
}

bool FragmentWriter::header(std::uint8_t group, std::uint8_t variation, Qualifier qualifier,
                            std::span<const std::uint32_t> numbers) {
    const unsigned range = std::to_underlying(qualifier) & 0x0fu;
    const std::size_t width = range == 0 || range == 7 ? 1 : range == 1 || range == 8 ? 2 : 4;
    const std::size_t octets = object_header_octets + numbers.size() * width;
    if (octets > room()) return false;
    open_ = {};
    ByteWriter out(grow(octets));
    out.u8(group);
    out.u8(variation);
    out.u8(std::to_underlying(qualifier));
    for (const std::uint32_t number : numbers) {
        if (width == 1) out.u8(static_cast<std::uint8_t>(number));
        if (width == 2) out.le16(static_cast<std::uint16_t>(number));
        if (width == 4) out.le32(number);
    }
    return true;
}

bool FragmentWriter::header_all(std::uint8_t group, std::uint8_t variation) {
    return header(group, variation, Qualifier::all, {});
}

bool FragmentWriter::header_range(std::uint8_t group, std::uint8_t variation, std::uint32_t start,
                                  std::uint32_t stop) {
    const Qualifier qualifier = stop <= index_most8    ? Qualifier::range8
                                : stop <= index_most16 ? Qualifier::range16
                                                       : Qualifier::range32;
    const std::array numbers{start, stop};
    return header(group, variation, qualifier, numbers);
}

bool FragmentWriter::header_count(std::uint8_t group, std::uint8_t variation, std::uint32_t count) {
    const Qualifier qualifier = count <= index_most8    ? Qualifier::count8
                                : count <= index_most16 ? Qualifier::count16
                                                        : Qualifier::count32;
    const std::array numbers{count};
    return header(group, variation, qualifier, numbers);
}

std::size_t FragmentWriter::statics(std::uint8_t variation,
                                    std::span<const Measurement> measurements) {
    std::size_t done = 0;
    while (done < measurements.size()) {
        const Measurement& first = measurements[done];
        const std::uint8_t group = static_group(first.type);
        const Layout* layout = layout_for(group, variation, first);
        if (layout == nullptr || first.type != measurements[0].type) break;
        std::size_t row = 1;
        while (done + row < measurements.size()) {
            const Measurement& next = measurements[done + row];
            if (next.type != first.type || next.index != first.index + row ||
                layout_for(group, variation, next) != layout)
                break;
            ++row;
        }
        const std::size_t written = run(*layout, measurements.subspan(done, row));
        done += written;
        if (written != row) break;
    }
    return done;
}

/// As many of them, whose indexes are in a row, as there is room for.
std::size_t FragmentWriter::run(const Layout& layout, std::span<const Measurement> measurements) {
    const std::uint32_t start = measurements.front().index;
    const bool wide = start + measurements.size() - 1 > index_most8;
    const std::size_t header = object_header_octets + (wide ? 4 : 2);
    if (room() <= header) return 0;
    const unsigned bits = bits_of(layout.group, layout.variation);
    const std::size_t fit =
        bits != 0 ? (room() - header) * 8 / bits : (room() - header) / layout.octets;
    const std::size_t count = std::min(measurements.size(), fit);
    if (count == 0) return 0;
    header_range(layout.group, layout.variation, start,
                 start + static_cast<std::uint32_t>(count) - 1);
    if (bits == 0) {
        ByteWriter out(grow(count * layout.octets));
        for (const Measurement& one : measurements.first(count)) write_object(layout, one, 0, out);
        return count;
    }
    const MutableBytes out = grow((count * bits + 7) / 8);
    for (std::size_t i = 0; i < count; ++i)
        out[i * bits / 8] |= std::byte(packed_value(measurements[i], bits) << i * bits % 8);
    return count;
}

/// A header before the event, where that of those before does not do. False: no room for both.
bool FragmentWriter::make_way(const Layout& layout, const Measurement& measurement, bool wide) {
    constexpr std::uint64_t reach_ms = 0xffff;
    const bool relative = layout.time == TimeForm::relative;
    const Timestamp time = measurement.time.value_or(Timestamp{});
    const bool near =
        !relative || (time.synchronised == open_.base.synchronised && time.ms >= open_.base.ms &&
                      time.ms - open_.base.ms <= reach_ms);
    const std::uint32_t most = open_.wide ? index_most16 : index_most8;
    if (open_.group == layout.group && open_.variation == layout.variation && near &&
        open_.count < most && measurement.index <= most)
        return layout.octets + (open_.wide ? 2u : 1u) <= room();

    const std::size_t common = relative ? object_header_octets + 1 + 6 : 0;
    const std::size_t prefix = wide ? 2 : 1;
    if (common + object_header_octets + 2 * prefix + layout.octets > room()) return false;
    if (relative) {
        // Whether its clock was right stands in the variation. [IEEE 1815 §A]
        const std::array one{std::uint32_t{1}};
        header(51, time.synchronised ? 1 : 2, Qualifier::count8, one);
        ByteWriter out(grow(6));
        write_le48(time.ms, out);
    }
    const std::array none{std::uint32_t{0}};
    header(layout.group, layout.variation,
           wide ? Qualifier::count16_index16 : Qualifier::count8_index8, none);
    open_ = {.group = layout.group,
             .variation = layout.variation,
             .wide = wide,
             .count = 0,
             .count_at = octets_.size() - prefix,
             .base = time};
    return true;
}

std::size_t FragmentWriter::events(std::uint8_t variation,
                                   std::span<const Measurement> measurements) {
    const bool wide = wide_ || std::ranges::any_of(measurements, [](const Measurement& one) {
                          return one.index > index_most8;
                      });
    std::size_t done = 0;
    for (const Measurement& one : measurements) {
        const Layout* layout = layout_for(event_group(one.type), variation, one);
        if (layout == nullptr || !make_way(*layout, one, wide)) break;
        ByteWriter out(grow(layout->octets + (open_.wide ? 2u : 1u)));
        if (open_.wide)
            out.le16(one.index);
        else
            out.u8(static_cast<std::uint8_t>(one.index));
        write_object(*layout, one, open_.base.ms, out);
        ++open_.count;
        octets_[open_.count_at] = std::byte(open_.count & 0xff);
        if (open_.wide) octets_[open_.count_at + 1] = std::byte(open_.count >> 8);
        ++done;
    }
    return done;
}

bool FragmentWriter::controls(std::span<const Control> controls) {
    if (controls.empty() || controls.size() > index_most16) return false;
    const auto [group, variation] = control_kind(controls.front());
    const Layout* layout = layout_of(group, variation);
    bool wide = wide_ || controls.size() > index_most8;
    for (const Control& control : controls) {
        if (layout == nullptr || control_kind(control) != control_kind(controls.front()))
            return false;
        wide = wide || control.index > index_most8;
    }
    const std::size_t prefix = wide ? 2 : 1;
    const std::size_t octets =
        object_header_octets + prefix + controls.size() * (prefix + layout->octets);
    if (octets > room()) return false;
    const std::array count{static_cast<std::uint32_t>(controls.size())};
    header(group, variation, wide ? Qualifier::count16_index16 : Qualifier::count8_index8, count);
    ByteWriter out(grow(controls.size() * (prefix + layout->octets)));
    for (const Control& control : controls) {
        if (wide)
            out.le16(control.index);
        else
            out.u8(static_cast<std::uint8_t>(control.index));
        write_control(control, out);
    }
    return true;
}

bool FragmentWriter::time(std::uint8_t group, std::uint8_t variation, std::uint64_t value) {
    const std::size_t octets = group == 52 ? 2 : 6;
    if (object_header_octets + 1 + octets > room()) return false;
    const std::array one{std::uint32_t{1}};
    header(group, variation, Qualifier::count8, one);
    ByteWriter out(grow(octets));
    if (octets == 2)
        out.le16(static_cast<std::uint16_t>(std::min<std::uint64_t>(value, index_most16)));
    else
        write_le48(value, out);
    return true;
}

bool FragmentWriter::indication(std::uint8_t index, bool value) {
    const std::array both{std::uint32_t{index}, std::uint32_t{index}};
    if (object_header_octets + 3 > room()) return false;
    header(80, 1, Qualifier::range8, both);
    grow(1)[0] = std::byte(value ? 1 : 0);
    return true;
}

}  // namespace causeway::scada::dnp3
