// Any octets as a fragment: what is read of it is within it, and measurements that are written
// again say the same. [IEEE 1815 §4.2.2]
#include "scada/dnp3/fragment.hpp"

#include <cmath>

namespace causeway::scada::dnp3::dnp3_fragment_fuzz {
namespace {

bool same_measurement(const Measurement& a, const Measurement& b) {
    const auto* x = std::get_if<double>(&a.value);
    const auto* y = std::get_if<double>(&b.value);
    if (x == nullptr || y == nullptr || !std::isnan(*x)) return a == b;
    return std::isnan(*y) && a.index == b.index && a.flags == b.flags && a.time == b.time;
}

/// Of one header: read, written, read.
void round_trip(const ObjectHeader& header, const std::optional<Timestamp>& common) {
    MeasurementReader reader(header, common);
    std::vector<Measurement> all;
    Measurement one;
    while (reader.next(one)) all.push_back(one);
    CAUSEWAY_ASSERT(all.size() <= header.count);
    if (all.empty()) return;
    if (header.group == 2 || header.group == 4) {  // without a common time there is none to write
        for (Measurement& each : all)
            if (header.variation == 3 && !each.time) each.time.emplace();
    }
    FragmentWriter writer(std::size_t{1} << 20);
    writer.response({}, Function::response, {});
    const bool event = measured_group(header.group)->event;
    const std::size_t written =
        event ? writer.events(header.variation, all) : writer.statics(header.variation, all);
    CAUSEWAY_ASSERT(written == all.size());
    ObjectReader again(writer.fragment().subspan(4), ObjectReader::Carry::objects);
    std::size_t found = 0;
    std::optional<Timestamp> time;
    while (const auto next = again.next()) {
        if (const auto told = common_time_of(*next)) time = told;
        MeasurementReader measurements(*next, time);
        while (measurements.next(one)) {
            CAUSEWAY_ASSERT(found < all.size());
            CAUSEWAY_ASSERT(same_measurement(one, all[found]));
            ++found;
        }
    }
    CAUSEWAY_ASSERT(again.trouble() == ObjectReader::Trouble::none && found == all.size());
}

}  // namespace
}  // namespace causeway::scada::dnp3::dnp3_fragment_fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace causeway;
    using namespace causeway::scada::dnp3;
    using namespace causeway::scada::dnp3::dnp3_fragment_fuzz;
    const auto view = FragmentView::parse(std::as_bytes(std::span(data, size)));
    if (!view) return 0;
    CAUSEWAY_ASSERT(view->control.octet() == data[0]);
    ObjectReader reader(view->objects, ObjectReader::carry_of(*view));
    std::optional<Timestamp> common;
    std::size_t headers = 0;
    while (const auto header = reader.next()) {
        CAUSEWAY_ASSERT(++headers <= size);
        if (const auto told = common_time_of(*header)) common = told;
        (void)time_of(*header);
        if (const auto controls = controls_of(*header); !controls.empty()) {
            FragmentWriter writer(std::size_t{1} << 20);
            writer.request({}, Function::select);
            CAUSEWAY_ASSERT(writer.controls(controls));
        }
        for (std::uint32_t i = 0; i < std::min(header->count, 3u); ++i)
            (void)header->named_index(i);
        if (ObjectReader::carry_of(*view) == ObjectReader::Carry::objects)
            round_trip(*header, common);
    }
    return 0;
}
