#pragma once
// The Trickle algorithm [RFC 6206 §4]: says when to speak, and doubles its silence for as long as
// what it hears agrees with what it knows. With RPL's reading of k = 0. [RFC 6550 §8.3.1]
#include "base/engine.hpp"
#include "base/random.hpp"
#include "base/timers.hpp"

#include <variant>

namespace causeway::rpl {

class Trickle {
public:
    /// Imin, Imax (as doublings of Imin) and k. [RFC 6206 §4.1]
    struct Config {
        Duration interval_min{};
        unsigned doublings = 0;
        unsigned redundancy = 0;  // 0: never suppressed [RFC 6550 §8.3.1]
    };

    struct HeardConsistent {};
    struct HeardInconsistent {};

    struct Transmit {
        Instant at;
        friend bool operator==(const Transmit&, const Transmit&) = default;
    };

    using Input = std::variant<HeardConsistent, HeardInconsistent>;
    using Output = Transmit;

    Trickle(Config config, Random random, Instant now);
    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    std::optional<Output> poll_output() noexcept { return std::exchange(pending_, std::nullopt); }
    [[nodiscard]] Instant next_deadline() const noexcept { return timers_.next(); }

    [[nodiscard]] Duration interval() const noexcept { return interval_; }  // I

private:
    enum class Timer { transmit, interval_end, count };
    void begin_interval(Instant now, Duration length);

    Config config_;
    Random random_;
    Timers<Timer> timers_;
    Duration interval_{};  // I
    unsigned heard_ = 0;   // c
    std::optional<Output> pending_;
};

static_assert(Engine<Trickle>);

}  // namespace causeway::rpl
