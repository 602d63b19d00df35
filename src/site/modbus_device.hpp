#pragma once
// A simulated field device that speaks Modbus on any line: an energy meter with a breaker, for
// examples, tests and tools. What it measures moves by itself, from a seed; what is written to it
// shows in its inputs a little later, so that a test sees a command arrive.
//
// Register map (addresses from 0; 32-bit values with the high register first), the same for every
// unit:
//   input registers              unit
//     0, 1, 2   voltages           0.1 V   u16    sines around 230 V, a third of a turn apart
//     3         current            0.01 A  u16    random walk; 0 while the breaker is open
//     4, 5      active power       1 W     i32    voltage times current
//     6, 7      energy             1 Wh    u32    a counter
//     8, 9      frequency          1 Hz    f32    random around 50
//     10, 11    temperature        1 °C    f32    a ramp, 20 to 40 and back; the fan halves it
//     12        sequence                   u16    steps so far
//     13        setpoint                   u16    what holding register 0 asked for
//     14, 15    setpoint                   f32    what holding registers 2, 3 asked for
//     16..19    time since start   1 ms    u64
//     20        commands                   u16    writes that were done
//   holding registers
//     0         setpoint                   u16    starts at 100
//     1         mode                       i16    0
//     2, 3      setpoint                   f32    starts at 20.5
//     4, 5      limit                      u32    alarm where the power is above; 5,000 W
//     8..15     label                      text   16 characters
//     16..127   scratch                           whatever was written
//   coils         0 breaker (starts closed)  1 fan  2 reset energy (goes back by itself)
//                 3..15 scratch
//   discrete inputs  0 breaker is closed  1 fan runs  2 door  3 alarm  4 energy was reset
//   FIFO at 200: the last sequence numbers at which the alarm changed
//   file 1: 10,000 registers; exception status: discrete inputs 0 to 7
//   identification: Causeway, a product code, a revision, and the name; server id likewise
#include "base/time.hpp"
#include "net/io.hpp"
#include "net/lines.hpp"
#include "net/trouble.hpp"
#include "scada/modbus/server.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace causeway::site {

struct ModbusDevicePlan {
    std::string name = "device";
    net::LineSpec line{};
    scada::modbus::Framing framing = scada::modbus::Framing::rtu;
    std::vector<scada::modbus::Unit> units{1};  // each moves by itself
    std::uint64_t seed = 1;
    Duration step = std::chrono::milliseconds(200);  // how often values move
    Duration feedback =
        std::chrono::milliseconds(100);  // from a command to the input that shows it
    Duration answer_delay{};             // a slow device
};

class ModbusDevice {
public:
    using Log = std::function<void(std::string_view line)>;

    /// `io` and `lines` outlive it. Trouble is what net::Lines says it is.
    [[nodiscard]] static net::Opened<ModbusDevice> open(net::Io& io, net::Lines& lines,
                                                        ModbusDevicePlan plan, Log log);
    ModbusDevice(ModbusDevice&&) noexcept;
    ModbusDevice& operator=(ModbusDevice&&) noexcept;
    ~ModbusDevice();

    /// Where it listens: the pty's name, the address with its port.
    [[nodiscard]] std::string where() const;
    /// It has died, as far as anybody can tell, until it is switched on again. Nothing is carried
    /// out meanwhile.
    void switch_off(bool off);
    [[nodiscard]] const scada::modbus::Server& server() const noexcept;
    [[nodiscard]] const scada::modbus::Server::Stats& stats() const noexcept;

private:
    struct State;
    explicit ModbusDevice(std::unique_ptr<State> state) noexcept;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::site
