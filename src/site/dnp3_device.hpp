#pragma once
// A simulated field device that speaks DNP3 on any line: what `causeway device dnp3` starts. Points
// of every type move by themselves, and what controls do is seen in its inputs, so that a master, a
// gateway and people have something to try.
//
// Every outstation on the line (one for each address) has the same points, each moving a little
// apart from the others:
//
//   type            index  what                                                class  deadband
//   binary          0      toggles every move                                  1
//                   1      toggles every fifth move                            2
//                   2      follows binary output 0                             1
//                   3      follows binary output 1                             1
//                   4      an alarm: analog 0 is above 238                     1
//   double_bit      0      a breaker: follows binary output 2, through         1
//                          intermediate
//                   1      the four states in turn, every fifth move           3
//   binary_output   0, 1   latches                                             2
//                   2      the breaker: trip and close, or latches             2
//                   3      pulses only; counter 2 counts them                  2
//   counter         0      one more every move                                 3      10
//                   1      ten more every move                                 3      100
//                   2      pulses of binary output 3                           2
//   frozen_counter  0 to 2 of the counters, when a master freezes them         3
//   analog          0      a voltage: sine about 230, amplitude 10             2      2
//                   1      a frequency: sine about 50, amplitude 0.05          2      0.02
//                   2      a ramp from 0 to 100                                3      10
//                   3      follows analog output 0                             1
//                   4      follows analog output 1                             1
//   analog_output   0      any value: a set point                              2
//                   1      -100 to 100, else out_of_range                      2
//   octet_string    0      the device's name                                   none
//                   1      the last control, in words                          3
//
// Binary output 3 takes no latch (not_supported), the others take any operation. Time that a master
// writes becomes the time of events. A restart sets IIN1.7 and goes back to the first values.
#include "net/io.hpp"
#include "net/lines.hpp"
#include "net/trouble.hpp"
#include "scada/dnp3/stations.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace causeway::site {

struct Dnp3DevicePlan {
    net::LineSpec line{};
    std::vector<scada::dnp3::Address> addresses{1024};  // an outstation each
    scada::dnp3::Address master = 1;  // unsolicited responses go there; anybody may ask
    std::string name = "causeway";
    bool unsolicited = true;                        // may be enabled by the master
    Duration move_every = std::chrono::seconds(1);  // zero: nothing moves by itself
    std::size_t events_max = 1'000;                 // of each class
    Duration select_within = std::chrono::seconds(10);
    Duration keep_alive = std::chrono::minutes(1);  // of connections; zero: never
};

/// On one Io, which outlives it as Lines does; everything happens on the Io's thread.
class Dnp3Device {
public:
    /// What happens, a line each, for people: controls, times, restarts, connections.
    using Log = std::function<void(std::string_view line)>;

    [[nodiscard]] static net::Opened<Dnp3Device> open(net::Io& io, net::Lines& lines,
                                                      Dnp3DevicePlan plan, Log log);
    Dnp3Device(Dnp3Device&&) noexcept;
    Dnp3Device& operator=(Dnp3Device&&) noexcept;
    ~Dnp3Device();

    /// See Lines::where.
    [[nodiscard]] std::string where() const;
    [[nodiscard]] const scada::dnp3::OutstationStation& station() const noexcept;
    /// As if it had moved so: for tests and bursts. An event follows where the point makes events.
    void update(std::size_t outstation, scada::dnp3::Measurement measurement);

private:
    struct State;
    explicit Dnp3Device(std::shared_ptr<State> state) noexcept;
    std::shared_ptr<State> state_;
};

}  // namespace causeway::site
