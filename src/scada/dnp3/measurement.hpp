#pragma once
// What the objects of measured data say, whatever their group and variation.
#include "base/bytes.hpp"
#include "scada/dnp3/types.hpp"

#include <cstdint>
#include <optional>
#include <variant>

namespace causeway::scada::dnp3 {

/// [IEEE 1815 §A.4]
enum class DoubleBit : std::uint8_t { intermediate, off, on, indeterminate };

/// When it happened: milliseconds since 1970, UTC [IEEE 1815 §11.3.3].
struct Timestamp {
    std::uint64_t ms = 0;  // 48 bits
    bool synchronised = true;
    friend bool operator==(const Timestamp&, const Timestamp&) = default;
};

/// By type: binary and binary_output bool; double_bit DoubleBit; counters uint32; analogs double
/// (int16, int32 and float all fit in one); octet_string Octets of 1 to 255.
using MeasuredValue = std::variant<bool, DoubleBit, std::uint32_t, double, Octets>;

struct Measurement {
    PointType type = PointType::binary;
    std::uint16_t index = 0;
    /// Without the bits that carry a binary's value. Where a variation has no flags: online.
    std::uint8_t flags = flag::online;
    MeasuredValue value{};
    std::optional<Timestamp> time{};
    friend bool operator==(const Measurement&, const Measurement&) = default;
};

/// Control relay output block, g12v1. [IEEE 1815 §A.8.1]
struct Crob {
    enum class Operation : std::uint8_t {
        nul = 0,
        pulse_on = 1,
        pulse_off = 2,
        latch_on = 3,
        latch_off = 4
    };
    enum class TripClose : std::uint8_t { nul = 0, close = 1, trip = 2, reserved = 3 };
    Operation operation = Operation::latch_on;
    TripClose trip_close = TripClose::nul;
    bool queue = false;  // obsolete; answered not_supported
    bool clear = false;
    std::uint8_t count = 1;
    std::uint32_t on_ms = 100;
    std::uint32_t off_ms = 100;
    friend bool operator==(const Crob&, const Crob&) = default;
};
/// g41v1 int32, v2 int16, v3 float, v4 double: the answer repeats the variation.
struct AnalogCommand {
    std::uint8_t variation = 3;
    double value = 0;
    friend bool operator==(const AnalogCommand&, const AnalogCommand&) = default;
};
struct Control {
    std::uint16_t index = 0;
    std::variant<Crob, AnalogCommand> what{};
    CommandStatus status = CommandStatus::success;
    friend bool operator==(const Control&, const Control&) = default;
};

}  // namespace causeway::scada::dnp3
