#pragma once
// What the files of the master share: the work there is to do, the request that is under way, and
// what is known of the outstation. For them alone.
#include "scada/dnp3/master.hpp"

#include <deque>

namespace causeway::scada::dnp3 {

struct Master::State {
    [[nodiscard]] static constexpr bool any(Classes c) noexcept {
        return c.zero || c.one || c.two || c.three;
    }
    /// The function or the objects are not known there, or not in this way: asking again is of no
    /// use. [IEEE 1815 §4.2.2.6]
    [[nodiscard]] static constexpr bool refused(Iins iin) noexcept {
        return iin.has(Iin::no_func_code_support) || iin.has(Iin::object_unknown) ||
               iin.has(Iin::parameter_error);
    }

    enum class Kind : std::uint8_t {
        disable_unsolicited,
        clear_restart,
        integrity,  // of the startup sequence, or after an overflow
        enable_unsolicited,
        record_time,        // LAN, first step
        delay_measurement,  // serial, first step
        write_time,         // either's second
        probe,              // is anybody there?
        event_poll,         // because IIN says that there are events
        poll,               // of the plan
        control,
        asked_poll,
        ask,
        synchronise,  // becomes record_time or delay_measurement
    };
    /// What a request is for, before and while it is under way.
    struct Work {
        Kind kind = Kind::probe;
        std::optional<std::uint64_t> tag{};  // somebody wants to know how it went
        Classes classes{};
        std::size_t poll = 0;
        Operate::Mode mode{};
        std::vector<Control> controls{};
        Instant until = never;  // nobody waits for it then
        Function function = Function::read;
        Octets objects{};
        Instant recorded{};  // write_time on LANs: what the outstation noted
        Duration delay{};    // write_time on serial lines: how long it travels
    };
    struct Active {
        Work work{};
        Octets request{};           // application control first
        std::uint8_t expected = 0;  // sequence number of the next fragment
        bool first = true;          // no fragment of the answer has come
        bool selecting = false;     // control: the select, and the operate is to follow
        unsigned tries = 1;         // left, this one included
        std::size_t measured = 0;   // measurements of the answer so far
        Instant sent{};             // when the request left
        Instant deadline = never;
    };
    struct PollState {
        PollPlan plan{};
        Instant due = never;
    };
    /// A select on its own that the outstation agreed to.
    struct Selected {
        Octets objects{};
        Instant until = never;
    };
    struct Clock {
        Instant at{};
        std::uint64_t ms = 0;
    };

    explicit State(MasterSettings given);

    // master.cpp: inputs and timers
    void channel_up();
    void channel_down();
    void received(Instant now, const FragmentReceived& fragment);
    void take(Work work);
    void timeout(Instant now);
    [[nodiscard]] Instant next_deadline() const;
    void tell_changes();

    // master_schedule.cpp: what to do next, and how it is begun and ends
    void want_startup();
    [[nodiscard]] std::optional<Work> startup_work(Instant now) const;
    [[nodiscard]] Classes events_wanted() const;
    [[nodiscard]] std::optional<Work> poll_work(Instant now) const;
    [[nodiscard]] std::optional<Work> next_work(Instant now);
    void run(Instant now);
    void begin(Instant now, Work work);
    void count_on();
    [[nodiscard]] bool may_operate(const Work& work, Bytes request) const;
    [[nodiscard]] bool write_request(FragmentWriter& to, const Work& work, Instant now) const;
    void send(Instant now);
    void confirm(std::uint8_t sequence, bool unsolicited);
    void expire(Instant now);
    void failed(Instant now, Completed::Fate fate);
    void lose(Instant now);
    void complete(const Work& work, Completed::Fate fate, Iins iin = {}, Octets objects = {});
    void fail_queues();
    void note_started(Instant now);

    // master_response.cpp: answers
    void response(Instant now, const FragmentView& fragment);
    void answered(Instant now, const FragmentView& last);
    void answered_startup(Instant now, Iins iin);
    void note(Instant now, Iins iin, bool last);
    void note_restart(Instant now, Iins iin);
    void note_events(Instant now, Iins iin);
    void heard();
    /// How many.
    std::size_t deliver(const FragmentView& fragment, bool unsolicited);

    // master_unsolicited.cpp
    void unsolicited(Instant now, const FragmentView& fragment, Bytes octets);

    // master_controls.cpp
    void operate(Operate command);
    void answered_control(Instant now, const FragmentView& last);

    // master_time.cpp
    [[nodiscard]] std::uint64_t time_at(Instant when) const;
    [[nodiscard]] Kind first_time_step() const;
    void answered_time(Instant now, const FragmentView& last);
    void time_is_over(Instant now, bool well);

    MasterSettings settings;
    Status status{};
    Status told{};
    bool spoken_of = false;  // StateChanged was said, ever
    Stats stats{};
    Outbox<Output> out{};

    bool channel = false;
    std::optional<Active> active{};
    std::deque<Work> commands{};
    std::deque<Work> requests{};
    std::vector<PollState> polls{};
    std::uint8_t sequence = 15;      // of the last request, or of the last fragment of its answer
    std::uint8_t last_request = 15;  // of the last request alone

    // the startup sequence
    bool disable_wanted = false;
    bool integrity_wanted = false;
    bool integrity_done = false;
    bool enable_wanted = false;

    // IIN1.7
    bool restart_known = false;
    bool clear_wanted = false;
    Instant clear_at{};
    Duration clear_pause{};

    // IIN2.3
    bool overflow_known = false;
    bool overflow_wanted = false;
    Instant overflow_again{};

    // IIN1.1 to IIN1.3
    Classes events_there{};
    Instant events_at{};

    // IIN1.4
    std::optional<Clock> clock{};
    TimeSync time_method = TimeSync::none;  // what the outstation understands of it
    bool time_wanted = false;
    Instant time_due{};
    Duration time_pause{};

    std::optional<Selected> selected{};
    Octets last_unsolicited{};  // whole, to know it again

    unsigned failures = 0;
    bool lost = false;
    Instant probe_at{};
    Duration probe_pause{};
};

}  // namespace causeway::scada::dnp3
