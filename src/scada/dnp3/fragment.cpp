#include "scada/dnp3/fragment.hpp"

#include "scada/dnp3/objects.hpp"

#include <bit>
#include <limits>

namespace causeway::scada::dnp3 {
namespace {

constexpr std::uint32_t le_number(Bytes octets, std::size_t at, std::size_t width) noexcept {
    std::uint32_t number = 0;
    for (std::size_t i = width; i-- > 0;)
        number = number << 8 | std::to_integer<std::uint32_t>(octets[at + i]);
    return number;
}

/// The low half of a qualifier: how many octets a range's or a count's numbers have.
enum class RangeKind : std::uint8_t { range, all, count, unknown };
struct RangeForm {
    RangeKind kind = RangeKind::unknown;
    std::size_t width = 0;
};
constexpr RangeForm range_form(unsigned qualifier) noexcept {
    constexpr std::array<std::size_t, 3> widths{1, 2, 4};
    const unsigned prefix = qualifier >> 4;
    const unsigned range = qualifier & 0x0f;
    if (prefix > 3) return {};
    if (prefix == 0 && range <= 2) return {RangeKind::range, widths[range]};
    if (prefix == 0 && range == 6) return {RangeKind::all, 0};
    if (range >= 7 && range <= 9) return {RangeKind::count, widths[range - 7]};
    return {};
}

/// Objects of 16-bit sizes, one after the other; their octets with the sizes. [IEEE 1815
/// §4.2.2.7.3]
std::optional<std::size_t> sized_octets(Bytes rest, std::uint32_t count) noexcept {
    ByteReader in(rest);
    for (std::uint32_t i = 0; i < count; ++i) in.take(in.le16());
    if (!in.ok()) return std::nullopt;
    return in.consumed();
}

/// Device attributes say their length themselves; one of type 255 has 256 octets more than it says.
/// [IEEE 1815 §A]
std::optional<std::size_t> attribute_octets(Bytes rest, const ObjectHeader& header) noexcept {
    constexpr std::uint8_t extended_list = 255;
    ByteReader in(rest);
    for (std::uint32_t i = 0; i < header.count && in.ok(); ++i) {
        in.take(header.index_octets());
        const std::uint8_t type = in.u8();
        const std::size_t length = in.u8();
        in.take(type == extended_list ? length + 256 : length);
    }
    if (!in.ok()) return std::nullopt;
    return in.consumed();
}

Control crob_of(Bytes object) {
    ByteReader in(object);
    const std::uint8_t code = in.u8();
    Crob crob;
    crob.operation = Crob::Operation{static_cast<std::uint8_t>(code & 0x0f)};
    crob.trip_close = Crob::TripClose{static_cast<std::uint8_t>(code >> 6)};
    crob.queue = (code & 0x10) != 0;
    crob.clear = (code & 0x20) != 0;
    crob.count = in.u8();
    crob.on_ms = in.le32();
    crob.off_ms = in.le32();
    return {.what = crob, .status = CommandStatus{static_cast<std::uint8_t>(in.u8() & 0x7f)}};
}

Control analog_command_of(std::uint8_t variation, Bytes object) {
    ByteReader in(object);
    AnalogCommand command{.variation = variation};
    if (variation == 1) command.value = static_cast<std::int32_t>(in.le32());
    if (variation == 2) command.value = static_cast<std::int16_t>(in.le16());
    if (variation == 3) command.value = static_cast<double>(std::bit_cast<float>(in.le32()));
    if (variation == 4) command.value = std::bit_cast<double>(in.le64());
    return {.what = command, .status = CommandStatus{static_cast<std::uint8_t>(in.u8() & 0x7f)}};
}

}  // namespace

Result<FragmentView> FragmentView::parse(Bytes fragment) noexcept {
    constexpr std::uint8_t first_response = 129;
    constexpr std::uint8_t last_response = 131;  // of authentication, with indications as well
    ByteReader in(fragment);
    FragmentView view;
    view.control = ApplicationControl::from_octet(in.u8());
    view.function_code = in.u8();
    view.function = Function{view.function_code};
    if (view.function_code >= first_response && view.function_code <= last_response)
        view.iin = Iins::from_bits(in.le16());
    if (!in.ok()) return std::unexpected(in.error());
    view.objects = in.rest();
    return view;
}

ObjectReader::ObjectReader(Bytes objects, Carry carry) noexcept : rest_(objects), carry_(carry) {}

ObjectReader::Carry ObjectReader::carry_of(const FragmentView& fragment) noexcept {
    switch (fragment.function) {
        case Function::read:
        case Function::immediate_freeze:
        case Function::immediate_freeze_no_ack:
        case Function::freeze_and_clear:
        case Function::freeze_and_clear_no_ack:
        case Function::enable_unsolicited:
        case Function::disable_unsolicited:
        case Function::assign_class:
            return Carry::headers_only;
        case Function::freeze_at_time:
        case Function::freeze_at_time_no_ack:
            return Carry::times;
        default:
            return Carry::objects;
    }
}

std::optional<ObjectHeader> ObjectReader::give_up(Trouble trouble) noexcept {
    trouble_ = trouble;
    return std::nullopt;
}

std::optional<ObjectHeader> ObjectReader::next() {
    if (rest_.empty() || trouble_ != Trouble::none) return std::nullopt;
    if (rest_.size() < 3) return give_up(Trouble::truncated);
    ObjectHeader header{.group = std::to_integer<std::uint8_t>(rest_[0]),
                        .variation = std::to_integer<std::uint8_t>(rest_[1]),
                        .qualifier = Qualifier{std::to_integer<std::uint8_t>(rest_[2])}};
    const bool sized = header.qualifier == Qualifier::free_format;
    const RangeForm form =
        sized ? RangeForm{RangeKind::count, 1} : range_form(std::to_underlying(header.qualifier));
    if (form.kind == RangeKind::unknown) return give_up(Trouble::unknown_qualifier);
    const std::size_t numbers = form.kind == RangeKind::range ? 2 : 1;
    const std::size_t octets = 3 + numbers * form.width;
    if (rest_.size() < octets) return give_up(Trouble::truncated);
    if (form.kind == RangeKind::range) {
        header.start = le_number(rest_, 3, form.width);
        const std::uint32_t stop = le_number(rest_, 3 + form.width, form.width);
        if (stop < header.start || stop - header.start == 0xffff'ffff)
            return give_up(Trouble::unknown_qualifier);
        header.count = stop - header.start + 1;
    } else if (form.kind == RangeKind::count) {
        header.count = le_number(rest_, 3, form.width);
    }
    const Bytes rest = rest_.subspan(octets);

    const bool carries = carry_ == Carry::objects || (carry_ == Carry::times && header.group == 50);
    std::uint64_t length = 0;
    if (sized || (carries && header.group == 0)) {
        const auto found =
            sized ? sized_octets(rest, header.count) : attribute_octets(rest, header);
        if (!found) return give_up(Trouble::truncated);
        length = *found;
    } else if (!carries) {
        length = std::uint64_t{header.count} * header.index_octets();
    } else if (header.count != 0) {
        const Layout* layout = layout_of(header.group, header.variation);
        if (layout == nullptr) return give_up(Trouble::unknown_object);
        const unsigned bits = bits_of(header.group, header.variation);
        if (bits != 0 && header.has_index()) return give_up(Trouble::unknown_qualifier);
        length = bits != 0 ? (std::uint64_t{header.count} * bits + 7) / 8
                           : std::uint64_t{header.count} * (layout->octets + header.index_octets());
    }
    if (length > rest.size()) return give_up(Trouble::truncated);
    header.octets = rest.first(static_cast<std::size_t>(length));
    rest_ = rest.subspan(static_cast<std::size_t>(length));
    return header;
}

std::optional<std::uint32_t> ObjectHeader::named_index(std::uint32_t n) const noexcept {
    if (n >= count) return std::nullopt;
    const std::size_t width = index_octets();
    if (width == 0) return start + n;
    if (octets.size() / width <= n) return std::nullopt;
    return le_number(octets, n * width, width);
}

MeasurementReader::MeasurementReader(const ObjectHeader& header,
                                     std::optional<Timestamp> common_time)
    : header_(header), common_time_(common_time) {}

bool MeasurementReader::next(Measurement& measurement) {
    const auto group = measured_group(header_.group);
    const Layout* layout = layout_of(header_.group, header_.variation);
    if (!group || layout == nullptr || layout->value == ValueForm::none ||
        header_.qualifier == Qualifier::free_format)
        return false;
    const std::size_t width = header_.index_octets();
    while (done_ < header_.count) {
        const std::uint32_t done = done_++;
        std::uint64_t index = std::uint64_t{header_.start} + done;
        measurement.type = group->type;
        if (const unsigned bits = bits_of(header_.group, header_.variation); bits != 0) {
            const std::size_t bit = std::size_t{done} * bits;
            if (bit / 8 >= header_.octets.size()) return false;
            const unsigned octet = std::to_integer<unsigned>(header_.octets[bit / 8]);
            const auto value = static_cast<std::uint8_t>((octet >> bit % 8) & (bits == 1 ? 1 : 3));
            measurement.flags = flag::online;
            measurement.time.reset();
            if (bits == 1)
                measurement.value = value != 0;
            else
                measurement.value = DoubleBit{value};
        } else {
            const std::size_t octets = width + layout->octets;
            if (header_.octets.size() - at_ < octets) return false;
            if (width != 0) index = le_number(header_.octets, at_, width);
            const Bytes object = header_.octets.subspan(at_ + width, layout->octets);
            at_ += octets;
            read_object(*layout, object, common_time_, measurement);
        }
        if (index > std::numeric_limits<std::uint16_t>::max()) continue;
        measurement.index = static_cast<std::uint16_t>(index);
        return true;
    }
    return false;
}

std::optional<std::uint64_t> time_of(const ObjectHeader& header) noexcept {
    if (header.count == 0 || header.qualifier == Qualifier::free_format) return std::nullopt;
    const std::size_t width = header.index_octets();
    if (header.octets.size() < width) return std::nullopt;
    ByteReader in(header.octets.subspan(width));
    std::uint64_t value = 0;
    if (header.group == 50 || header.group == 51)
        value = read_le48(in);
    else if (header.group == 52)
        value = in.le16() * (header.variation == 1 ? std::uint64_t{1'000} : std::uint64_t{1});
    else
        return std::nullopt;
    if (!in.ok()) return std::nullopt;
    return value;
}

std::optional<Timestamp> common_time_of(const ObjectHeader& header) noexcept {
    const auto ms = header.group == 51 ? time_of(header) : std::nullopt;
    if (!ms) return std::nullopt;
    return Timestamp{.ms = *ms, .synchronised = header.variation == 1};
}

std::vector<Control> controls_of(const ObjectHeader& header) {
    std::vector<Control> controls;
    const bool analog = header.group == 41;
    const std::size_t width = header.index_octets();
    const std::size_t octets = width + octets_of(header.group, header.variation);
    if (width == 0 || octets == width || !(analog || header.is(12, 1))) return controls;
    const std::size_t count = std::min<std::size_t>(header.count, header.octets.size() / octets);
    controls.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t index = le_number(header.octets, i * octets, width);
        const Bytes object = header.octets.subspan(i * octets + width, octets - width);
        if (index > std::numeric_limits<std::uint16_t>::max()) return {};
        controls.push_back(analog ? analog_command_of(header.variation, object) : crob_of(object));
        controls.back().index = static_cast<std::uint16_t>(index);
    }
    return controls;
}

}  // namespace causeway::scada::dnp3
