#pragma once
// A master at the bench: fragments in and out as hex, time moved by hand.
#include "base/hex.hpp"
#include "scada/dnp3/master.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace causeway::scada::dnp3 {

using namespace std::chrono_literals;

inline constexpr Address master_address = 1;
inline constexpr Address outstation_address = 10;

/// Nothing at the start, no polls: what a test wants, it asks for.
inline MasterSettings quiet() {
    return {.address = master_address,
            .outstation = outstation_address,
            .disable_unsolicited_at_start = false,
            .startup_integrity = {},
            .time_sync = TimeSync::none};
}
/// The startup sequence as most masters have it.
inline MasterSettings usual() {
    return {.address = master_address, .outstation = outstation_address, .unsolicited = events};
}

struct MasterBench {
    explicit MasterBench(MasterSettings settings) : master(std::move(settings)) {}

    void give(Master::Input in) {
        master.handle(now, std::move(in));
        drain();
    }
    void up() { give(ChannelUp{}); }
    void down() { give(ChannelDown{}); }
    void hears(std::string_view hex) {
        const auto octets = from_hex(hex);
        ASSERT_TRUE(octets) << hex;
        hears_octets(*octets);
    }
    void hears_octets(Bytes octets) {
        give(FragmentReceived{
            .source = outstation_address, .destination = master_address, .octets = octets});
    }
    /// Every deadline up to then is kept, in order.
    void passes(Duration time) {
        const auto end = now + time;
        for (int steps = 0; master.next_deadline() <= end; ++steps) {
            ASSERT_LT(steps, 100'000) << "the deadline does not move on";
            now = std::max(now, master.next_deadline());
            master.handle_timeout(now);
            drain();
        }
        now = end;
    }
    /// The next fragment that was sent; empty where there is none.
    std::string sent() {
        if (fragments.empty()) return {};
        auto hex = to_hex(fragments.front(), " ");
        fragments.pop_front();
        return hex;
    }
    void drain() {
        while (auto output = master.poll_output())
            std::visit(Overloaded{
                           [&](SendFragment& send) {
                               EXPECT_EQ(send.destination, outstation_address);
                               fragments.push_back(std::move(send.octets));
                           },
                           [&](Master::Measured& one) { measured.push_back(std::move(one)); },
                           [&](Master::ResponseDone& one) { done.push_back(one); },
                           [&](Master::Completed& one) { completed.push_back(std::move(one)); },
                           [&](Master::StateChanged) { ++changes; },
                       },
                       *output);
        EXPECT_TRUE(master.stats().balanced());
    }
    /// Through the startup sequence of usual(), without a restart to be cleared. The next request
    /// bears number 3.
    void starts() {
        up();
        EXPECT_EQ(sent(), "c0 15 3c 02 06 3c 03 06 3c 04 06");
        hears("c0 81 00 00");
        EXPECT_EQ(sent(), "c1 01 3c 02 06 3c 03 06 3c 04 06 3c 01 06");
        hears("c1 81 00 00");
        EXPECT_EQ(sent(), "c2 14 3c 02 06 3c 03 06 3c 04 06");
        hears("c2 81 00 00");
        EXPECT_TRUE(master.status().started);
        EXPECT_EQ(sent(), "");
    }

    Master master;
    Instant now{1h};
    std::deque<Octets> fragments;
    std::vector<Master::Measured> measured;
    std::vector<Master::ResponseDone> done;
    std::vector<Master::Completed> completed;
    int changes = 0;
};

}  // namespace causeway::scada::dnp3
