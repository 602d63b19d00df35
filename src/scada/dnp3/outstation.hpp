#pragma once
// A DNP3 outstation's application layer, levels 1 to 3. [IEEE 1815 §4, §5, §14]
//
// A database of points with static values; an event buffer for each class, bounded, whose overflow
// is told (IIN2.3) until a master has heard it and there is room again; solicited and unsolicited
// responses with their confirmations, retries and sequence numbers; controls with
// select-before-operate; time; restarts; freezes; class assignment; broadcasts. Below it stands a
// Channel (link and transport layers).
//
// A request that comes twice, octet for octet with the same sequence number, is done once and
// answered twice. While an unsolicited response waits for its confirmation, reads wait for it or
// for its timeout, and everything else is answered at once. [IEEE 1815 §4.6.6, §5.1.1.1]
//
// Left out: files, data sets, device attributes, virtual terminals, frozen analogs, events of
// commands (g13, g43), freezes at a time, enabling unsolicited responses point by point, secure
// authentication.
#include "base/engine.hpp"
#include "base/outbox.hpp"
#include "scada/dnp3/fragment.hpp"
#include "scada/dnp3/measurement.hpp"
#include "scada/dnp3/types.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

namespace causeway::scada::dnp3 {

struct PointPlan {
    PointType type = PointType::binary;
    std::uint16_t index = 0;
    EventClass event_class = EventClass::one;
    double deadband = 0;  // analogs, counters: a change by more than this is an event
    /// 0: the type's own. Static: 2 (with flags) for binaries, double bits and binary outputs, 1
    /// (32 bits) for counters and frozen ones, 5 (a float) for analogs and 3 for analog outputs.
    std::uint8_t static_variation = 0;
    /// 0: with times g2v2, g4v2, g11v2, g22v5, g23v5, g32v7, g42v7; without g2v1, g4v1, g11v1,
    /// g22v1, g23v1, g32v5, g42v5.
    std::uint8_t event_variation = 0;
    bool in_class_0 = true;
};

struct OutstationSettings {
    Address address = 1024;
    Address master = 1;
    bool any_master = false;  // answers go to whoever asked; unsolicited ones to `master`
    std::size_t fragment_octets_max = dnp3::fragment_octets_max;  // never less than 300
    /// Of classes 1, 2, 3; the oldest makes room for the newest. Zero: such events are not made.
    std::array<std::size_t, 3> events_max{1'000, 1'000, 1'000};
    bool unsolicited = false;        // may be enabled by the master; else IIN2.0 answers it
    Classes unsolicited_at_start{};  // besides the null response; masters enable what they want
    Duration unsolicited_after = std::chrono::milliseconds(500);  // events are gathered so long ...
    std::size_t unsolicited_events = 10;                          // ... or until so many wait
    Duration confirm_within = std::chrono::seconds(5);
    /// Then at unsolicited_retry_later, for ever; at once when the master says anything.
    unsigned unsolicited_retries = 3;
    Duration unsolicited_retry_later = std::chrono::seconds(30);
    Duration select_within = std::chrono::seconds(10);
    std::size_t controls_max = 16;  // of one request; more are answered too_many_ops
    Duration command_within = std::chrono::seconds(10);  // of CommandRequested; then hardware_error
    bool needs_time = true;  // IIN1.4 after a start and every need_time_every
    Duration need_time_every = std::chrono::hours(24);
    bool event_times = true;  // default variations of events have times
    bool restarts = true;     // functions 13 and 14; else they are not supported
    Duration restart_within = std::chrono::seconds(1);  // what they are answered
};

class Outstation {
public:
    enum class RequestId : std::uint64_t {};

    /// Without a time it is our clock's. Points that are not planned are left alone.
    struct Update {
        Measurement measurement{};
        bool force_event = false;  // also where nothing changed
        bool no_event = false;
    };
    /// Of one control of one RequestId.
    struct CommandAnswered {
        RequestId id{};
        CommandStatus status = CommandStatus::success;
    };
    /// The device's own state, for IIN.
    struct Indicate {
        Iin what{};  // local_control, device_trouble, config_corrupt
        bool on = true;
    };
    /// Our clock is right from now on: milliseconds since 1970 at `now`. IIN1.4 goes.
    struct ClockSet {
        std::uint64_t ms = 0;
    };
    using Input = std::variant<ChannelUp, ChannelDown, FragmentReceived, Update, CommandAnswered,
                               Indicate, ClockSet>;

    /// A control that passed all checks of the protocol. Answered at once by CommandAnswered or
    /// later: the master waits for that long. Each `operate` is asked for once, however often the
    /// master repeats its request.
    struct CommandRequested {
        enum class Step : std::uint8_t { select, operate, direct } step = Step::direct;
        RequestId id{};
        Control control{};
        Address master = 0;
        bool broadcast = false;
    };
    /// Nobody will operate it any more: a selection expired, another request came, or the channel
    /// went. Not for those that were operated.
    struct SelectionGone {
        std::uint16_t index = 0;
        PointType type = PointType::binary_output;
    };
    struct TimeWritten {
        std::uint64_t ms = 0;
    };
    /// It is answered already, and the application layer has begun anew: IIN1.7 is set, unsolicited
    /// responses are off until they are enabled again. Events and values are still there.
    struct RestartRequested {
        bool cold = true;
    };
    struct CounterFrozen {
        std::uint16_t index = 0;
        bool cleared = false;  // the running counter starts at 0 again
    };
    /// For those who watch: see Status, but for events_waiting.
    struct StateChanged {};
    using Output = std::variant<SendFragment, CommandRequested, SelectionGone, TimeWritten,
                                RestartRequested, CounterFrozen, StateChanged>;

    struct Status {
        bool up = false;
        bool restarted = true;  // IIN1.7, until a master clears it
        bool needs_time = true;
        bool overflow = false;
        Classes unsolicited_enabled{};
        std::array<std::size_t, 3> events_waiting{};
    };
    struct Stats {
        std::uint64_t requests = 0;
        std::uint64_t responses = 0;
        std::uint64_t unsolicited = 0;
        std::uint64_t confirms = 0;
        std::uint64_t confirm_timeouts = 0;
        std::uint64_t repeats = 0;  // requests that were answered again, not done again
        std::uint64_t bad_fragments = 0;
        std::uint64_t unknown_functions = 0;
        std::uint64_t unknown_objects = 0;
        std::uint64_t parameter_errors = 0;
        std::uint64_t not_for_us = 0;  // another master, a confirm nobody waits for
        std::uint64_t events = 0;
        std::uint64_t events_confirmed = 0;
        std::uint64_t events_lost = 0;  // overflow
        std::uint64_t events_waiting = 0;
        std::uint64_t controls = 0;

        template <class Named>
        void visit(Named&& named) const {
            named("requests", requests);
            named("responses", responses);
            named("unsolicited", unsolicited);
            named("confirms", confirms);
            named("confirm_timeouts", confirm_timeouts);
            named("repeats", repeats);
            named("bad_fragments", bad_fragments);
            named("unknown_functions", unknown_functions);
            named("unknown_objects", unknown_objects);
            named("parameter_errors", parameter_errors);
            named("not_for_us", not_for_us);
            named("events", events);
            named("events_confirmed", events_confirmed);
            named("events_lost", events_lost);
            named("events_waiting", events_waiting);
            named("controls", controls);
        }
        [[nodiscard]] bool balanced() const noexcept {
            return events == events_confirmed + events_lost + events_waiting;
        }
    };

    Outstation(OutstationSettings settings, std::span<const PointPlan> points);
    Outstation(Outstation&&) noexcept;
    Outstation& operator=(Outstation&&) noexcept;
    ~Outstation();

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output();
    [[nodiscard]] Instant next_deadline() const;
    [[nodiscard]] const Stats& stats() const noexcept;
    [[nodiscard]] Status status() const;
    [[nodiscard]] const Measurement* point(PointType type, std::uint16_t index) const;
    /// What our clock says, where it was ever set. Until then events count from the engine's first
    /// instant, and are not synchronised.
    [[nodiscard]] std::optional<std::uint64_t> time_ms(Instant now) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

static_assert(Engine<Outstation>);

}  // namespace causeway::scada::dnp3
