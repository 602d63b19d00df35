// Any requests at any times: an outstation answers, and its laws hold. The input is a script; most
// of its requests are put together from parts that make sense, so that they get past the parser.
#include "scada/dnp3/outstation.hpp"

#include <algorithm>
#include <array>

namespace causeway::scada::dnp3::dnp3_outstation_fuzz {
namespace {

class Script {
public:
    explicit Script(Bytes in) : in_(in) {}
    [[nodiscard]] bool more() const noexcept { return in_.more(); }
    std::uint8_t octet() noexcept { return in_.more() ? in_.u8() : std::uint8_t{0}; }
    Bytes octets() noexcept { return in_.take(std::min<std::size_t>(octet(), in_.remaining())); }

private:
    ByteReader in_;
};

std::vector<PointPlan> points() {
    std::vector<PointPlan> all;
    for (std::size_t type = 0; type < point_types; ++type)
        for (const int index : {0, 1, 2, 5, 300})
            all.push_back({.type = static_cast<PointType>(type),
                           .index = static_cast<std::uint16_t>(index),
                           .event_class = static_cast<EventClass>((type + unsigned(index)) % 4),
                           .deadband = static_cast<double>(index),
                           .static_variation = static_cast<std::uint8_t>(index)});
    return all;
}

/// Groups that an outstation knows, and some that it does not.
constexpr std::array<std::uint8_t, 24> groups{1,  2,  3,  4,  10, 11, 12, 20, 21,  22,  23, 30,
                                              32, 34, 40, 41, 42, 50, 60, 80, 110, 111, 0,  70};

struct Runner {
    explicit Runner(OutstationSettings settings) : outstation(settings, points()) {}

    void give(Outstation::Input in) {
        outstation.handle(now, std::move(in));
        drain();
    }
    void drain() {
        std::size_t outputs = 0;
        while (auto output = outstation.poll_output()) {
            CAUSEWAY_ASSERT(++outputs < 5'000);
            if (const auto* send = std::get_if<SendFragment>(&*output)) {
                CAUSEWAY_ASSERT(send->octets.size() <= most);
                const auto view = FragmentView::parse(send->octets);
                CAUSEWAY_ASSERT(view && view->is_response());
                ObjectReader headers(view->objects, ObjectReader::Carry::objects);
                while (headers.next()) {
                }
                CAUSEWAY_ASSERT(headers.trouble() == ObjectReader::Trouble::none);
                heard = view->control;
            } else if (const auto* asked = std::get_if<Outstation::CommandRequested>(&*output)) {
                CAUSEWAY_ASSERT(asked->id > last_id);  // each is asked for once
                last_id = asked->id;
            }
        }
        CAUSEWAY_ASSERT(outstation.stats().balanced());
    }
    void time_passes(Duration time) {
        const Instant end = now + time;
        for (int steps = 0; outstation.next_deadline() <= end; ++steps) {
            CAUSEWAY_ASSERT(steps < 1'000);
            now = std::max(now, outstation.next_deadline());
            outstation.handle_timeout(now);
            drain();
        }
        now = end;
    }
    /// Object headers with what stands behind them.
    void add_object(Script& script) {
        const std::uint8_t group = groups[script.octet() % groups.size()];
        const std::uint8_t shape = script.octet();
        request.push_back(std::byte{group});
        request.push_back(std::byte(shape & 0x0f));
        constexpr std::array<std::uint8_t, 8> qualifiers{0x00, 0x01, 0x06, 0x07,
                                                         0x08, 0x17, 0x28, 0x5b};
        const std::uint8_t qualifier = qualifiers[shape >> 5];
        request.push_back(std::byte{qualifier});
        const Bytes rest = script.octets();
        request.insert(request.end(), rest.begin(), rest.end());
    }
    void ask(Script& script, Address source, Address destination) {
        const std::uint8_t first = script.octet();
        // The sequence number goes on, stays or jumps.
        sequence = first < 128 ? sequence + 1 : first < 160 ? sequence : first;
        request.assign({std::byte(0xc0 | (sequence & 0x0f)), std::byte(script.octet() % 34)});
        for (int objects = first % 5; objects > 0 && script.more(); --objects) add_object(script);
        give(FragmentReceived{.source = source, .destination = destination, .octets = request});
    }
    /// One of six controls, so that selects and operates meet.
    void control(Script& script) {
        const std::uint8_t what = script.octet();
        sequence = what & 0x80 ? sequence : sequence + 1;
        const std::byte index{std::uint8_t(what >> 2 & 1)};
        request.assign({std::byte(0xc0 | (sequence & 0x0f)), std::byte(3 + (what & 3))});
        if (what & 8) {
            for (const int octet : {0x29, 0x02, 0x17, 0x01}) request.push_back(std::byte(octet));
            request.insert(request.end(), {index, std::byte{7}, std::byte{0}, std::byte{0}});
        } else {
            for (const int octet : {0x0c, 0x01, 0x17, 0x01}) request.push_back(std::byte(octet));
            request.insert(request.end(), {index, std::byte{3}, std::byte{1}});
            request.resize(request.size() + 9);
        }
        give(FragmentReceived{.source = 1, .destination = 1024, .octets = request});
    }
    void update(Script& script) {
        const std::uint8_t what = script.octet();
        const std::uint8_t value = script.octet();
        Measurement measurement{.type = static_cast<PointType>(what % 8),
                                .index = static_cast<std::uint16_t>(what >> 3 & 7),
                                .flags = static_cast<std::uint8_t>(value | 1)};
        if (value % 3 == 0)
            measurement.value = value > 127;
        else if (value % 3 == 1)
            measurement.value = value * 1'000.5;
        else
            measurement.value = Octets(value);
        give(Outstation::Update{.measurement = measurement, .force_event = value == 255});
    }
    void step(Script& script) {
        const std::uint8_t what = script.octet();
        switch (what % 16) {
            case 0:
                return give(
                    FragmentReceived{.source = 1, .destination = 1024, .octets = script.octets()});
            case 1:
            case 2:
                return ask(script, 1, 1024);
            case 3:
                return ask(script, what & 16 ? 7 : 1, Address(0xfffd + what / 16 % 3));
            case 4:
            case 5:
                return update(script);
            case 6:
                for (int i = 0; i < what; ++i) update(script);
                return;
            case 7:
            case 8: {
                const std::array<std::byte, 2> confirm{
                    std::byte(0xc0 | (heard.unsolicited ? 0x10 : 0) | heard.sequence),
                    std::byte{0}};
                return give(FragmentReceived{.source = 1, .destination = 1024, .octets = confirm});
            }
            case 9:
            case 10:
                return control(script);
            case 11:
                return give(Outstation::CommandAnswered{
                    .id = last_id, .status = static_cast<CommandStatus>(what / 16)});
            case 12:
                return time_passes(std::chrono::milliseconds(script.octet() * 53));
            case 13:
                return give(Outstation::ClockSet{.ms = std::uint64_t{script.octet()} << 40});
            case 14:
                return give(FragmentReceived{.source = 1, .destination = 1024, .octets = request});
            default:
                what & 16   ? give(ChannelUp{})
                : what & 32 ? give(ChannelDown{})
                            : time_passes(std::chrono::minutes(5));
        }
    }

    static constexpr std::size_t most = 300;
    Instant now{};
    Outstation outstation;
    ApplicationControl heard{};
    Outstation::RequestId last_id{};
    Octets request;
    unsigned sequence = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Script script(std::as_bytes(std::span(data, size)));
    const std::uint8_t how = script.octet();
    Runner runner({.any_master = (how & 1) != 0,
                   .fragment_octets_max = Runner::most,
                   .events_max = {std::size_t{how} / 8, 7, 100},
                   .unsolicited = (how & 2) != 0,
                   .unsolicited_at_start = {.one = (how & 4) != 0, .three = true},
                   .unsolicited_events = 3});
    runner.give(ChannelUp{});
    while (script.more()) runner.step(script);
    return 0;
}

}  // namespace causeway::scada::dnp3::dnp3_outstation_fuzz
