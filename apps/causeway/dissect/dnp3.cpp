// DNP3: the frames of a datagram, or written down one by one; transport segments, put together
// where a fragment has several; the application layer with its objects.
#include "base/engine.hpp"
#include "dissect/words.hpp"
#include "printable.hpp"
#include "scada/dnp3/fragment.hpp"
#include "scada/dnp3/link.hpp"

#include <algorithm>
#include <array>

namespace causeway::dissect {
namespace {

using namespace scada::dnp3;

constexpr std::size_t shown_objects_max = 100;  // of a header
constexpr std::string_view link_name = "DNP3 link";
constexpr std::string_view application_name = "DNP3";

std::string group_name(std::uint8_t group) {
    if (const auto measured = measured_group(group))
        return fmt::format("{}{}", name_of(measured->type), measured->event ? " events" : "");
    struct Named {
        std::uint8_t group;
        std::string_view name;
    };
    static constexpr std::array names{
        Named{0, "device attributes"},
        Named{12, "relay controls"},
        Named{13, "binary output command events"},
        Named{31, "frozen analogs"},
        Named{33, "frozen analog events"},
        Named{34, "analog deadbands"},
        Named{41, "analog output commands"},
        Named{43, "analog output command events"},
        Named{50, "time and date"},
        Named{51, "common time"},
        Named{52, "time delay"},
        Named{70, "file"},
        Named{80, "internal indications"},
        Named{112, "virtual terminal"},
        Named{113, "virtual terminal events"},
        Named{120, "authentication"},
    };
    const auto found = std::ranges::find(names, group, &Named::group);
    return found == names.end() ? "objects" : std::string(found->name);
}

std::string object_name(const ObjectHeader& header) {
    if (header.group == 60 && header.variation >= 1 && header.variation <= 4)
        return fmt::format("class {}", header.variation - 1);
    return group_name(header.group);
}

std::string iin_text(Iins iin) {
    return Flags()
        .add(iin.has(Iin::broadcast), "broadcast")
        .add(iin.has(Iin::class_1_events), "class 1 events")
        .add(iin.has(Iin::class_2_events), "class 2 events")
        .add(iin.has(Iin::class_3_events), "class 3 events")
        .add(iin.has(Iin::need_time), "need time")
        .add(iin.has(Iin::local_control), "local control")
        .add(iin.has(Iin::device_trouble), "device trouble")
        .add(iin.has(Iin::device_restart), "device restart")
        .add(iin.has(Iin::no_func_code_support), "function not supported")
        .add(iin.has(Iin::object_unknown), "object unknown")
        .add(iin.has(Iin::parameter_error), "parameter error")
        .add(iin.has(Iin::event_buffer_overflow), "event buffer overflow")
        .add(iin.has(Iin::already_executing), "already executing")
        .add(iin.has(Iin::config_corrupt), "configuration corrupt")
        .text();
}

std::string flags_text(const Measurement& one) {
    const unsigned flags = one.flags;
    const bool counter = one.type == PointType::counter || one.type == PointType::frozen_counter;
    const bool analog = one.type == PointType::analog || one.type == PointType::analog_output;
    return Flags()
        .add((flags & flag::online) != 0, "online")
        .add((flags & flag::restart) != 0, "restart")
        .add((flags & flag::comm_lost) != 0, "comm lost")
        .add((flags & flag::remote_forced) != 0, "remote forced")
        .add((flags & flag::local_forced) != 0, "local forced")
        .add((flags & 0x20) != 0, counter  ? "rollover"
                                  : analog ? "over range"
                                           : "chatter")
        .add((flags & 0x40) != 0, counter  ? "discontinuity"
                                  : analog ? "reference error"
                                           : "reserved")
        .text();
}

std::string value_text(const MeasuredValue& value) {
    static constexpr std::array pairs{"intermediate", "off", "on", "indeterminate"};
    return std::visit(
        Overloaded{
            [](bool on) -> std::string { return on ? "on" : "off"; },
            [](DoubleBit pair) -> std::string { return pairs[std::to_underlying(pair)]; },
            [](std::uint32_t count) { return fmt::to_string(count); },
            [](double number) { return fmt::to_string(number); },
            [](const Octets& octets) {
                return cli::is_plain_text(octets) ? cli::printable(as_text(octets))
                                                  : hex_of(octets);
            },
        },
        value);
}

std::string control_text(const Control& control) {
    static constexpr std::array operations{"nul", "pulse on", "pulse off", "latch on", "latch off"};
    static constexpr std::array trips{"", ", close", ", trip", ", reserved"};
    const std::string status(name_of(control.status));
    if (const auto* analog = std::get_if<AnalogCommand>(&control.what))
        return fmt::format("{}, {}", analog->value, status);
    const Crob& crob = std::get<Crob>(control.what);
    const unsigned operation = std::to_underlying(crob.operation);
    return fmt::format("{}{}{}{}, {} times, on {} ms, off {} ms, {}",
                       operation < operations.size() ? operations[operation] : "reserved",
                       trips[std::to_underlying(crob.trip_close) & 3], crob.queue ? ", queue" : "",
                       crob.clear ? ", clear" : "", crob.count, crob.on_ms, crob.off_ms, status);
}

void add_objects(const ObjectHeader& header, std::optional<Timestamp> common, Field& to) {
    std::size_t shown = 0;
    const auto full = [&] { return shown++ >= shown_objects_max; };
    MeasurementReader measurements(header, common);
    Measurement one;
    while (measurements.next(one)) {
        if (full()) break;
        std::string text = fmt::format("{} ({})", value_text(one.value), flags_text(one));
        if (one.time)
            text += fmt::format(", at {} ms{}", one.time->ms,
                                one.time->synchronised ? "" : " of an unset clock");
        to.add(fmt::to_string(one.index), std::move(text));
    }
    for (const Control& control : controls_of(header)) {
        if (full()) break;
        to.add(fmt::to_string(control.index), control_text(control));
    }
    if (const auto time = time_of(header))
        to.add(header.group == 52 ? "Delay" : "Time", fmt::format("{} ms", *time));
    else if (shown == 0 && !header.octets.empty())
        to.add_hex("Octets", header.octets);
    if (shown > shown_objects_max) to.add("...", "and more");
}

void add_headers(const FragmentView& view, Layer& layer, Dissection& out, std::size_t before) {
    using Trouble = ObjectReader::Trouble;
    const auto carry = ObjectReader::carry_of(view);
    ObjectReader reader(view.objects, carry);
    std::optional<Timestamp> common;
    std::size_t at = before;
    while (const auto header = reader.next()) {
        Field& field = layer.add(
            fmt::format("{} g{}v{}", object_name(*header), header->group, header->variation));
        if (header->has_range())
            field.value = fmt::format("{} to {}", header->start,
                                      std::uint64_t{header->start} + header->count - 1);
        else if (header->qualifier != Qualifier::all)
            field.value = plural(header->count, "object");
        if (const auto told = common_time_of(*header)) common = told;
        add_objects(*header, common, field);
        at = before + view.objects.size() - reader.remaining();
    }
    const auto offset = static_cast<std::uint32_t>(at);
    if (reader.trouble() == Trouble::truncated)
        out.wrong(application_name, {Fault::truncated, offset});
    else if (reader.trouble() == Trouble::unknown_object)
        out.wrong(application_name, {Fault::unsupported, offset});
    else if (reader.trouble() == Trouble::unknown_qualifier)
        out.wrong(application_name, {Fault::bad_value, offset});
}

void add_fragment(Bytes fragment, Dissection& out) {
    const auto view = FragmentView::parse(fragment);
    if (!view) return out.wrong(application_name, view.error());
    Layer layer(application_name);
    layer.value = fmt::format("{}, sequence {}", name_of(view->function), view->control.sequence);
    if (name_of(view->function) == "unknown function")
        layer.value += fmt::format(", function {}", view->function_code);
    layer.add("Control", Flags()
                             .add(view->control.first, "first")
                             .add(view->control.final, "final")
                             .add(view->control.confirm, "confirm")
                             .add(view->control.unsolicited, "unsolicited")
                             .text());
    const std::size_t before = fragment.size() - view->objects.size();
    if (before > 2) layer.add("Internal indications", iin_text(view->iin));
    out.says(application_name, layer.value);
    add_headers(*view, layer, out, before);
    out.layers.push_back(std::move(layer));
}

Layer link_layer(const Frame& frame) {
    const FrameHeader& header = frame.header;
    Layer layer(link_name);
    layer.value = fmt::format("{} -> {}, {}", header.source, header.destination,
                              name_of_link_function(header.primary, header.function));
    layer.add("From", header.from_master ? "master" : "outstation");
    layer.add("Control", Flags()
                             .add(header.primary, "primary")
                             .add(header.count_bit, "FCB")
                             .add(header.count_valid, header.primary ? "FCV" : "DFC")
                             .text());
    layer.add("Data", plural(frame.data.size(), "octet"));
    return layer;
}

}  // namespace

void Dissector::take_dnp3(Bytes octets, Dissection& out) {
    Framer framer;
    framer.feed(octets);
    std::size_t frames = 0;
    const auto position = [&] {
        return static_cast<std::uint32_t>(octets.size() - framer.pending());
    };
    for (std::uint32_t at = 0;; at = position()) {
        const Framer::Stats before = framer.stats();
        const auto frame = framer.next();
        const Framer::Stats& now = framer.stats();
        if (now.bad_header_checksums + now.bad_body_checksums >
            before.bad_header_checksums + before.bad_body_checksums)
            out.wrong(link_name, {Fault::bad_checksum, at});
        else if (now.bad_lengths > before.bad_lengths)
            out.wrong(link_name, {Fault::bad_length, at});
        else if (now.noise_octets > before.noise_octets)
            out.wrong(link_name, {Fault::bad_value, at});
        if (!frame) break;
        ++frames;
        take_dnp3_frame(*frame, out);
    }
    if (framer.pending() != 0) out.wrong(link_name, {Fault::truncated, position()});
    if (frames > 1) out.info += fmt::format("  ({})", plural(frames, "frame"));
}

void Dissector::take_dnp3_frame(const Frame& frame, Dissection& out) {
    Layer layer = link_layer(frame);
    if (out.source.empty()) {
        out.source = fmt::to_string(frame.header.source);
        out.target = fmt::to_string(frame.header.destination);
    }
    out.says(application_name, layer.value);
    const bool data = frame.header.is(LinkRequest::confirmed_user_data) ||
                      frame.header.is(LinkRequest::unconfirmed_user_data);
    if (!data || frame.data.empty()) {
        out.layers.push_back(std::move(layer));
        return;
    }
    const SegmentHeader segment = SegmentHeader::from_octet(frame.data[0]);
    layer.add("Segment",
              fmt::format("{}, {}", segment.sequence,
                          Flags().add(segment.first, "first").add(segment.final, "final").text()));
    out.layers.push_back(std::move(layer));
    const auto ends = std::pair(frame.header.source, frame.header.destination);
    if (!dnp3_fragments_.contains(ends) && dnp3_fragments_.size() >= dnp3_fragments_max)
        dnp3_fragments_.clear();
    FragmentAssembly& assembly = dnp3_fragments_.try_emplace(ends, 1 << 16).first->second;
    switch (assembly.take(ends.first, ends.second, frame.data)) {
        case FragmentAssembly::Outcome::whole:
            return add_fragment(assembly.octets(), out);
        case FragmentAssembly::Outcome::more:
            return out.says(application_name, "segment of a fragment");
        case FragmentAssembly::Outcome::out_of_order:
        case FragmentAssembly::Outcome::too_long:
            out.says(application_name, "segment without those before it");
    }
}

}  // namespace causeway::dissect
