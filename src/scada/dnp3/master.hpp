#pragma once
// A DNP3 master's application layer towards one outstation. [IEEE 1815 §4, §5, §14]
//
// The startup sequence (disable unsolicited, clear restart, integrity poll, enable unsolicited),
// again whenever the outstation restarts or the channel comes back; integrity and class polls at
// their own paces; unsolicited responses; time synchronisation as the medium wants it (record
// current time on LANs, delay measurement on serial lines); controls: select and operate, direct,
// without acknowledgement; restarts, class assignment, freezes, reads of anything. One request at a
// time is outstanding; commands go before polls. Below it stands a Channel (link and transport).
//
// A read is asked again under a new sequence number; what changes anything (commands, times,
// writes) leaves once. Time synchronisation that fails is begun anew from its first step.
// Left out: requests to broadcast addresses, files, secure authentication.
#include "base/engine.hpp"
#include "base/outbox.hpp"
#include "scada/dnp3/fragment.hpp"
#include "scada/dnp3/measurement.hpp"
#include "scada/dnp3/types.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace causeway::scada::dnp3 {

struct PollPlan {
    Classes classes = dnp3::events;
    Duration every = std::chrono::seconds(10);
};

enum class TimeSync : std::uint8_t { none, lan, serial };

struct MasterSettings {
    Address address = 1;
    Address outstation = 1024;
    std::size_t fragment_octets_max = dnp3::fragment_octets_max;
    Duration response_within = std::chrono::seconds(5);
    unsigned retries = 1;  // of a read; commands are never repeated
    bool disable_unsolicited_at_start = true;
    Classes startup_integrity = everything;  // none of them: no integrity poll at the start
    Classes unsolicited{};                   // to be enabled after it; none: it stays disabled
    std::vector<PollPlan> polls{};
    /// What the outstation's indications ask for is done: a restart cleared and started over,
    /// events fetched, the time written. Without, nothing is asked for that nobody asked for: for
    /// tools beside an outstation's real master.
    bool heed_indications = true;
    bool integrity_on_overflow = true;               // IIN2.3
    TimeSync time_sync = TimeSync::lan;              // when the outstation says that it needs time
    unsigned failures_max = 2;                       // unanswered requests before it counts as lost
    Duration retry_first = std::chrono::seconds(1);  // then it is probed, with a back-off
    Duration retry_most = std::chrono::minutes(1);
    std::size_t queue_max = 100;  // requests that wait
    /// After a select on its own everything else waits so long for the operate, which has to be the
    /// next request. [IEEE 1815 §4.4.3]
    Duration select_within = std::chrono::seconds(10);
};

class Master {
public:
    /// Commands of one request, done in order; all of one kind. `direct_no_ack` is completed as
    /// `unanswered`, once it is sent. `operate` is not sent without what was selected just before.
    struct Operate {
        enum class Mode : std::uint8_t {
            select_before_operate,
            select,
            operate,
            direct,
            direct_no_ack
        };
        std::uint64_t tag = 0;
        Mode mode = Mode::select_before_operate;
        std::vector<Control> controls{};
        /// Whoever asked has given up by then: what has not left is not sent any more.
        Instant until = never;
    };
    /// What was selected on its own will not be operated: polls may go on.
    struct ForgetSelection {};
    struct Poll {
        std::uint64_t tag = 0;
        Classes classes = everything;
    };
    /// Anything: a request's object headers, and objects, behind its function.
    struct Ask {
        std::uint64_t tag = 0;
        Function function = Function::read;
        Octets objects{};
    };
    /// Milliseconds since 1970 at `now`: what time synchronisation will write. Tell it again when
    /// the wall clock was set.
    struct ClockSet {
        std::uint64_t ms = 0;
    };
    /// Sets the outstation's clock, though it did not ask for it; as time_sync says, on LANs where
    /// that is none.
    struct Synchronise {
        std::uint64_t tag = 0;
    };
    using Input = std::variant<ChannelUp, ChannelDown, FragmentReceived, Operate, Poll, Ask,
                               ClockSet, Synchronise, ForgetSelection>;

    struct Measured {
        Measurement measurement{};
        bool event = false;
        bool unsolicited = false;
    };
    /// All of a response's measurements have come.
    struct ResponseDone {
        Iins iin{};
        bool unsolicited = false;
    };
    struct Completed {
        std::uint64_t tag = 0;
        enum class Fate : std::uint8_t {
            answered,
            unanswered,   // it may have arrived
            unreachable,  // it was never sent
            nonsense,     // the answer was not one
        } fate = Fate::answered;
        Iins iin{};
        std::vector<Control> controls{};  // with their status, of Operate
        Octets objects{};                 // of the answer's last fragment, of Ask
    };
    /// See Status; also when it did not answer at all, for the first time.
    struct StateChanged {};
    using Output = std::variant<SendFragment, Measured, ResponseDone, Completed, StateChanged>;

    struct Status {
        bool up = false;       // it answers
        bool started = false;  // the startup sequence is over
        bool unsolicited_enabled = false;
        Iins iin{};  // of the last response
        std::uint64_t restarts_seen = 0;
    };
    struct Stats {
        std::uint64_t requests = 0;
        std::uint64_t responses = 0;  // that ended a request
        std::uint64_t timeouts = 0;
        std::uint64_t broken = 0;  // under way when the channel went
        std::uint64_t under_way = 0;
        std::uint64_t not_answered = 0;  // requests that want no answer
        std::uint64_t fragments = 0;
        std::uint64_t unsolicited = 0;
        std::uint64_t unsolicited_repeats = 0;
        std::uint64_t confirms = 0;
        std::uint64_t unexpected = 0;  // responses nobody waits for, wrong sequence numbers
        std::uint64_t bad_fragments = 0;
        std::uint64_t bad_objects = 0;
        std::uint64_t refused = 0;  // requests, by a full queue

        template <class Named>
        void visit(Named&& named) const {
            named("requests", requests);
            named("responses", responses);
            named("timeouts", timeouts);
            named("broken", broken);
            named("under_way", under_way);
            named("not_answered", not_answered);
            named("fragments", fragments);
            named("unsolicited", unsolicited);
            named("unsolicited_repeats", unsolicited_repeats);
            named("confirms", confirms);
            named("unexpected", unexpected);
            named("bad_fragments", bad_fragments);
            named("bad_objects", bad_objects);
            named("refused", refused);
        }
        [[nodiscard]] bool balanced() const noexcept {
            return requests == responses + timeouts + broken + under_way + not_answered;
        }
    };

    explicit Master(MasterSettings settings);
    Master(Master&&) noexcept;
    Master& operator=(Master&&) noexcept;
    ~Master();

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output();
    [[nodiscard]] Instant next_deadline() const;
    [[nodiscard]] const Stats& stats() const noexcept;
    [[nodiscard]] const Status& status() const noexcept;
    /// A request is under way: on a line of many, the next outstation waits for its turn.
    [[nodiscard]] bool busy() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

static_assert(Engine<Master>);

}  // namespace causeway::scada::dnp3
