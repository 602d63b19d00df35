// The point table in any order of calls: its sums stay true, each command is handed over at most
// once and completed exactly once, what waits is bounded, selections run out.
#include "points/table.hpp"

#include <map>

namespace causeway::points::points_table_fuzz {
namespace {

constexpr std::size_t points_max = 6;
constexpr std::size_t queue_max = 3;
constexpr Table::Settings settings{.commands_max = 3, .selections_max = 2};

Value value_from(ByteReader& in) {
    switch (in.u8() % 6) {
        case 0:
            return in.u8() % 2 == 0;
        case 1:
            return static_cast<std::int64_t>(in.be64());
        case 2:
            return std::bit_cast<double>(in.be64());
        case 3:
            return std::string(as_text(in.take(in.u8() % 8)));
        case 4:
            return to_octets(in.take(in.u8() % 8));
        default:
            return Enumeration{in.u8()};
    }
}

struct Life {
    enum class Stage : std::uint8_t { asked, handed, over };
    std::map<CommandId, Stage> commands;
    std::vector<CommandId> handed;
};

void drain(Table& table, Life& life) {
    while (auto out = table.poll_output()) {
        if (const auto* execute = std::get_if<Table::Execute>(&*out)) {
            Life::Stage& stage = life.commands[execute->id];
            CAUSEWAY_ASSERT(stage == Life::Stage::asked);
            stage = Life::Stage::handed;
            life.handed.push_back(execute->id);
        } else if (const auto* completed = std::get_if<Table::Completed>(&*out)) {
            Life::Stage& stage = life.commands[completed->id];
            CAUSEWAY_ASSERT(stage != Life::Stage::over);
            stage = Life::Stage::over;
        }
    }
}

void run(ByteReader in) {
    using namespace std::chrono_literals;
    Table table(settings);
    const std::uint8_t shape = in.u8();
    for (std::size_t i = 0; i < points_max; ++i)
        (void)table.define({.device = i % 2 == 0 ? "a" : "b",
                            .name = std::to_string(i),
                            .kind = static_cast<Kind>(i % 6),
                            .writable = (shape >> i & 1) != 0,
                            .driver = DriverId{static_cast<std::uint32_t>(i % 2)},
                            .selects = i % 3 == 0});
    const SubscriberId subscribers[] = {
        table.subscribe({}),
        table.subscribe({.keep = SubscriberSettings::Keep::all, .queue_max = queue_max})};
    Life life;
    Instant now{};
    while (in.more()) {
        const std::uint8_t what = in.u8();
        const PointId point{static_cast<std::uint32_t>(in.u8() % points_max)};
        switch (what % 8) {
            case 0:
                table.watch(subscribers[what >> 3 & 1], point, what >> 4);
                break;
            case 1:
                table.update(now, point,
                             {value_from(in),
                              {in.u8(), static_cast<Time::Source>(in.u8() % 4)},
                              Quality::from_bits(in.be16() & 0x7fff)});
                break;
            case 2:
                table.handle(now, Table::Flagged{.driver = DriverId{what & 1u},
                                                 .device = (what & 16) != 0 ? "a" : "b",
                                                 .flag = Flag::comm_lost,
                                                 .on = (what & 32) != 0});
                break;
            case 3: {
                const CommandId id =
                    table.command(now, {.point = point,
                                        .step = static_cast<Step>(in.u8() % 4),
                                        .value = value_from(in),
                                        .requester = RequesterId{in.u8() % 2u},
                                        .session = in.u8() % 2u,
                                        .timeout = std::chrono::milliseconds(in.be16())});
                CAUSEWAY_ASSERT(life.commands.emplace(id, Life::Stage::asked).second);
                break;
            }
            case 4:
                if (life.handed.empty()) break;
                table.answer(now, life.handed[what % life.handed.size()],
                             {static_cast<Outcome>(in.u8() % 17), 0});
                break;
            case 5:
                (void)table.take(subscribers[what >> 3 & 1]);
                break;
            case 6:
                now += std::chrono::milliseconds(in.be16());
                table.handle_timeout(now);
                break;
            default:
                table.answer(now, CommandId{in.be64()}, {});
                break;
        }
        drain(table, life);
        const Table::Stats& stats = table.stats();
        CAUSEWAY_ASSERT(stats.balanced());
        CAUSEWAY_ASSERT(stats.waiting <= points_max + points_max + queue_max);
        CAUSEWAY_ASSERT(stats.commands_under_way <= settings.commands_max);
        for (std::uint32_t i = 0; i < points_max; ++i)
            CAUSEWAY_ASSERT(kind_of(table.last(PointId{i}).value) ==
                            table.definition(PointId{i}).kind);
    }
    // Left alone, everything comes to its end.
    table.handle_timeout(now + 2min);
    drain(table, life);
    CAUSEWAY_ASSERT(table.next_deadline() == never || table.next_deadline() > now + 2min);
    table.handle_timeout(now + 4min);
    drain(table, life);
    CAUSEWAY_ASSERT(table.next_deadline() == never);
    for (const auto& [id, stage] : life.commands) CAUSEWAY_ASSERT(stage == Life::Stage::over);
    for (const SubscriberId subscriber : subscribers)
        while (table.take(subscriber)) {
        }
    CAUSEWAY_ASSERT(table.stats().waiting == 0 && table.stats().balanced());
}

}  // namespace
}  // namespace causeway::points::points_table_fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace causeway;
    points::points_table_fuzz::run(ByteReader(std::as_bytes(std::span(data, size))));
    return 0;
}
