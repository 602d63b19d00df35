// The master against an outstation that says anything at any time. Whatever it says, no command
// leaves twice, each request is completed once, nothing is counted twice, and time goes on.
#include "base/assert.hpp"
#include "scada/dnp3/master.hpp"

#include <algorithm>
#include <map>

namespace causeway::scada::dnp3::dnp3_master_fuzz {
namespace {

using namespace std::chrono_literals;

struct Run {
    explicit Run(ByteReader& from)
        : in(from), settings(settings_from(from.u8())), master(settings) {}

    static MasterSettings settings_from(std::uint8_t octet) {
        MasterSettings given{.address = 1, .outstation = 10, .response_within = 2s};
        given.fragment_octets_max = octet & 1 ? 249 : 2'048;
        if (octet & 2) given.unsolicited = events;
        if (octet & 4) given.polls = {{.every = 3s}, {.classes = everything, .every = 20s}};
        given.time_sync = static_cast<TimeSync>(octet >> 3 & 3 & ((octet >> 4 & 1) * 2 | 1));
        given.disable_unsolicited_at_start = (octet & 32) != 0;
        if (octet & 64) given.startup_integrity = {};
        given.queue_max = octet & 128 ? 4 : 100;
        return given;
    }

    void drain() {
        while (auto output = master.poll_output())
            std::visit(Overloaded{
                           [&](const SendFragment& send) { sent(send.octets); },
                           [&](const Master::Completed& done) {
                               CAUSEWAY_ASSERT(++completions[done.tag] == 1);
                           },
                           [](const auto&) {},
                       },
                       *output);
        CAUSEWAY_ASSERT(master.stats().balanced());
        CAUSEWAY_ASSERT(master.busy() == (master.stats().under_way == 1));
    }
    void sent(Bytes octets) {
        CAUSEWAY_ASSERT(octets.size() >= 2 && octets.size() <= settings.fragment_octets_max);
        const auto function = std::to_integer<unsigned>(octets[1]);
        last = octets[0];
        // Operate, and direct operate with and without an answer: each asked for once.
        if (function >= 4 && function <= 6) CAUSEWAY_ASSERT(++operated <= asked);
    }
    void hear(Bytes octets) {
        Octets fragment(octets.begin(), octets.end());
        // Mostly what would be an answer, with the number that is waited for.
        if (fragment.size() >= 2 && std::to_integer<int>(fragment[0] & std::byte{0x20}) == 0) {
            fragment[0] = (fragment[0] & std::byte{0xf0}) | (last & std::byte{0x0f});
            fragment[1] =
                (fragment[0] & std::byte{0x10}) == std::byte{} ? std::byte{129} : std::byte{130};
        }
        master.handle(now, FragmentReceived{.source = 10, .destination = 1, .octets = fragment});
    }
    void pass(Duration time) {
        const auto end = now + time;
        for (int steps = 0; master.next_deadline() <= end; ++steps) {
            CAUSEWAY_ASSERT(steps < 10'000);
            now = std::max(now, master.next_deadline());
            master.handle_timeout(now);
            drain();
        }
        now = end;
    }
    void step() {
        const auto tag = ++tags;
        const auto op = in.u8();
        switch (op & 15) {
            case 0:
                master.handle(now, ChannelUp{});
                break;
            case 1:
                master.handle(now, ChannelDown{});
                break;
            case 2:
            case 3: {
                Master::Operate command{.tag = tag, .mode = Master::Operate::Mode(in.u8() % 5)};
                command.controls.resize(in.u8() % 20);
                for (auto& control : command.controls) {
                    control.index = static_cast<std::uint16_t>(op * 16);
                    if (op & 16)
                        control.what = AnalogCommand{
                            .variation = static_cast<std::uint8_t>(1 + (op >> 5)), .value = 5};
                }
                ++asked;
                master.handle(now, std::move(command));
                break;
            }
            case 4:
                master.handle(now, Master::Poll{.tag = tag, .classes = everything});
                break;
            case 5: {
                // Reads and the like; commands would be counted as ours.
                constexpr Function functions[] = {Function::read, Function::write,
                                                  Function::cold_restart, Function::assign_class,
                                                  Function::immediate_freeze_no_ack};
                const auto which = functions[in.u8() % 5];
                master.handle(now, Master::Ask{.tag = tag,
                                               .function = which,
                                               .objects = to_octets(in.take(std::min<std::size_t>(
                                                   op >> 4, in.remaining())))});
                break;
            }
            case 6:
                master.handle(now, Master::ClockSet{.ms = in.le64()});
                break;
            case 7:
                master.handle(now, Master::Synchronise{.tag = tag});
                break;
            case 8:
                // Later than anything that waits.
                pass(std::chrono::minutes(10));
                break;
            case 9:
                pass(std::chrono::milliseconds(in.le16()));
                break;
            case 10:
                master.handle_timeout(now);
                break;
            default:
                hear(in.take(std::min<std::size_t>(in.u8(), in.remaining())));
                break;
        }
        drain();
    }

    ByteReader& in;
    MasterSettings settings;
    Master master;
    Instant now{1h};
    std::byte last{};
    std::uint64_t tags = 0;
    std::uint64_t asked = 0;
    std::uint64_t operated = 0;
    std::map<std::uint64_t, int> completions;
};

}  // namespace
}  // namespace causeway::scada::dnp3::dnp3_master_fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace causeway;
    ByteReader in(std::as_bytes(std::span(data, size)));
    scada::dnp3::dnp3_master_fuzz::Run run(in);
    run.master.handle(run.now, scada::dnp3::ChannelUp{});
    run.drain();
    while (in.more()) run.step();
    run.pass(std::chrono::minutes(5));
    return 0;
}
