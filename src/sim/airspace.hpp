#pragma once
// What is on the air, by place: asking what a radio might hear costs its surroundings, not the
// whole network.
#include "base/time.hpp"
#include "sim/scenario.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace causeway::sim {

class Airspace {
public:
    struct Flight {
        std::uint32_t sender;
        Instant start;  // may lie a turnaround ahead
        Instant end;
        Position at;
    };

    /// Nothing is heard farther away than `range_metres`. Flights are remembered for at least
    /// `memory` after they ended.
    Airspace(std::span<const Position> radios, double range_metres, Duration memory);

    void add(Instant now, std::uint32_t sender, Instant start, Instant end);
    /// What `sender` has under way ends now, if it has; visit(flight) before.
    template <class Visit>
    void cut_short(Instant now, std::uint32_t sender, Visit visit);
    /// All within range of `radio`, its own included, now and of late.
    template <class Visit>
    void near(std::uint32_t radio, Visit visit) const;

private:
    struct Square {
        std::vector<Flight> flights;
        std::array<std::uint32_t, 9> around{};  // itself included
        std::uint8_t around_count = 0;
    };

    std::vector<Position> radios_;
    std::vector<std::uint32_t> square_of_;  // by radio
    std::vector<Square> squares_;           // those with a radio in them
    double range_squared_;
    Duration memory_;
};

// ---- inline parts ------------------------------------------------------------------------------

template <class Visit>
void Airspace::cut_short(Instant now, std::uint32_t sender, Visit visit) {
    for (Flight& flight : squares_[square_of_[sender]].flights) {
        if (flight.sender != sender || flight.end <= now) continue;
        visit(flight);
        flight.end = std::max(flight.start, now);
    }
}

template <class Visit>
void Airspace::near(std::uint32_t radio, Visit visit) const {
    const Position& here = radios_[radio];
    const Square& square = squares_[square_of_[radio]];
    for (std::size_t i = 0; i < square.around_count; ++i) {
        for (const Flight& flight : squares_[square.around[i]].flights) {
            const double dx = flight.at.x - here.x;
            const double dy = flight.at.y - here.y;
            if (dx * dx + dy * dy <= range_squared_) visit(flight);
        }
    }
}

}  // namespace causeway::sim
