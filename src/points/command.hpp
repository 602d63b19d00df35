#pragma once
// Commands: what somebody wants a device to do, and what the device said to it. One set of outcomes
// for every protocol; DNP3's status codes [IEEE 1815 §11.9.2] are the richest and gave the names.
#include "base/time.hpp"
#include "points/value.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace causeway::points {

enum class PointId : std::uint32_t {};
enum class CommandId : std::uint64_t {};
/// Who asks for commands and hears their outcome: a face (a DNP3 outstation, a Modbus server ...).
enum class RequesterId : std::uint32_t {};
/// Who carries commands out: a driver (a Modbus client, a DNP3 master ...).
enum class DriverId : std::uint32_t {};

enum class Step : std::uint8_t {
    select,   // get ready; whoever selected may operate, for a while
    operate,  // do what was selected
    direct,   // do it at once
    cancel,   // forget the selection
};

/// How a control output moves, where the protocol can say so. [IEEE 1815 §A.8.1]
struct Pulse {
    enum class Form : std::uint8_t { latch, pulse };
    enum class Way : std::uint8_t { unsaid, close, trip };
    Form form = Form::latch;
    Way way = Way::unsaid;
    std::uint8_t count = 1;
    std::uint32_t on_ms = 0;
    std::uint32_t off_ms = 0;
    bool clear = false;  // what is under way is given up first
    friend bool operator==(const Pulse&, const Pulse&) = default;
};

struct Command {
    PointId point{};
    Step step = Step::direct;
    Value value{};
    std::optional<Pulse> pulse{};
    RequesterId requester{};
    /// Of the requester's own; comes back with the outcome. A selection belongs to it, too: two
    /// clients of one face that may not operate what the other selected differ in `session`.
    std::uint64_t session = 0;
    std::uint64_t tag = 0;
    /// Silence so long is an outcome, too. Zero: the definition's.
    Duration timeout{};
};

enum class Outcome : std::uint8_t {
    success,
    timeout,         // operated too late after its selection
    no_select,       // operated without a selection, or not what was selected
    format_error,    // the device could not make sense of it
    not_supported,   // no such control, or not in that way
    already_active,  // it is under way, or selected by somebody else
    hardware_error,
    local,     // switched to local: nobody may from afar
    too_many,  // more at once than the device takes
    not_authorized,
    inhibited,  // an interlock, an automation
    out_of_range,
    busy,         // try again later
    unreachable,  // it never reached the device
    unanswered,   // it may or may not have reached the device
    refused,      // for a reason of the device's own, see `detail`
    cancelled,
};
/// "no_select": as the enumerators are spelt; so with steps.
[[nodiscard]] std::string_view name_of(Outcome outcome) noexcept;
[[nodiscard]] std::string_view name_of(Step step) noexcept;
[[nodiscard]] std::optional<Outcome> outcome_from_text(std::string_view text) noexcept;
[[nodiscard]] std::optional<Step> step_from_text(std::string_view text) noexcept;

struct Answer {
    Outcome outcome = Outcome::success;
    /// The device's own number for it: a DNP3 status, a Modbus exception; 0 where it has none.
    std::uint32_t detail = 0;
    friend bool operator==(const Answer&, const Answer&) = default;
};

}  // namespace causeway::points
