#pragma once
// What the parts of an outstation share; see outstation.hpp. Each group of functions has its file.
#include "base/timers.hpp"
#include "scada/dnp3/database.hpp"
#include "scada/dnp3/event_buffer.hpp"
#include "scada/dnp3/outstation.hpp"

#include <optional>
#include <utility>
#include <vector>

namespace causeway::scada::dnp3 {

struct Outstation::State {
    enum class Timer : std::uint8_t {
        solicited_confirm,
        unsolicited_confirm,
        unsolicited_due,
        selection,
        command,
        need_time,
        count
    };

    /// A response that waits for its confirmation.
    struct Solicited {
        Address to = 0;
        ApplicationControl control{};
        Octets octets;
        bool told_overflow = false;
        bool told_broadcast = false;
    };
    struct Unsolicited {
        ApplicationControl control{};
        Octets octets;
        Classes classes{};  // of its events
        unsigned retries = 0;
        bool null = false;
        bool overdue = false;  // its time was up while a solicited response waited
        bool told_overflow = false;
        bool told_broadcast = false;
    };
    struct DeferredRead {
        Address source = 0;
        Octets octets;
    };
    struct LastRequest {
        Address source = 0;
        Octets octets;
        Octets response;  // empty: none, or of a read, which is answered anew
    };
    /// What a read asked for and is not written yet, behind the events, which come first.
    struct Part {
        enum class Kind : std::uint8_t { points, deadbands, time, indications };
        Kind kind = Kind::points;
        PointType type = PointType::binary;
        std::uint8_t variation = 0;
        bool class_0 = false;
        Stretch points{};
    };
    /// A request's controls, octet for octet as they came, the statuses patched in.
    struct Controls {
        struct One {
            Control control{};
            std::size_t status_at = 0;  // in `objects`
            RequestId id{};
            bool idle = false;  // nothing to do: a count of 0
            bool open = false;  // the device has not answered yet
        };
        Address source = 0;
        std::uint8_t sequence = 0;
        Function function = Function::direct_operate;
        Octets objects;
        std::vector<One> each;
        Iins errors{};
        std::size_t open = 0;
    };
    struct Selection {
        Address source = 0;
        std::uint8_t sequence = 0;  // of the select
        Octets objects;             // as they came
        std::vector<std::pair<PointType, std::uint16_t>> points;
        bool expired = false;
    };
    struct Broadcast {
        bool heard = false;  // IIN1.0
        bool confirm = false;
    };

    State(OutstationSettings settings, std::span<const PointPlan> points);

    // ---- outstation.cpp: inputs, requests, time ----
    void on(Instant now, ChannelUp);
    void on(Instant now, ChannelDown);
    void on(Instant now, FragmentReceived received);
    void on(Instant now, Update update);
    void on(Instant now, CommandAnswered answered);
    void on(Instant now, Indicate indicate);
    void on(Instant now, ClockSet set);
    void timeout(Instant now);
    void settle(Instant now);  // after every input: what is due, and whether anybody watches
    void request(Instant now, const FragmentReceived& received, const FragmentView& view);
    void broadcast(Instant now, const FragmentReceived& received, const FragmentView& view);
    bool repeated(Instant now, const FragmentReceived& received, const FragmentView& view);
    void obey(Instant now, Address source, const FragmentView& view);
    void set_clock(Instant now, std::uint64_t ms);
    [[nodiscard]] Timestamp time(Instant now) const;
    void report(Instant now, const Point& point, EventClass event_class);
    [[nodiscard]] Status status() const;

    // ---- outstation_respond.cpp: reads, responses, confirmations ----
    void read(Instant now, Address source, const FragmentView& view);
    Iins choose(const ObjectHeader& header);
    Iins choose_class(const ObjectHeader& header);
    Iins choose_points(PointType type, const ObjectHeader& header, Part part);
    bool add_part(Part part);
    void go_on_reading(Instant now, Address to, ApplicationControl control);
    bool write_part(Instant now, Part& part);
    void begin(std::uint8_t sequence);
    void respond(Instant now, Address to, std::uint8_t sequence, Iins errors);  // without objects
    /// What was written behind begin().
    void send_solicited(Instant now, Address to, ApplicationControl control, Iins errors);
    void confirmed(Instant now, Address source, ApplicationControl control);
    void heard_of(bool overflow_told, bool broadcast_told);
    void answer_deferred(Instant now);
    void give_up_solicited();
    [[nodiscard]] Iins indications() const;

    // ---- outstation_unsolicited.cpp ----
    void consider_unsolicited(Instant now);
    void send_unsolicited(Instant now, bool null);
    void transmit_unsolicited(Instant now);
    void retry_unsolicited(Instant now);
    void unsolicited_timeout(Instant now);
    void end_unsolicited();

    // ---- outstation_controls.cpp ----
    void control(Instant now, Address source, const FragmentView& view, bool broadcast);
    /// False: there is nothing that could be done, and the errors say why.
    bool collect(const FragmentView& view, Controls& controls);
    void collect_header(const ObjectHeader& header, Controls& controls);
    [[nodiscard]] CommandStatus judge(const Control& control, Iins& errors) const;
    [[nodiscard]] std::optional<CommandStatus> match_selection(const Controls& controls) const;
    void ask_device(Instant now, Controls& controls, bool broadcast);
    void finish_controls(Instant now);
    void expire_commands(Instant now);
    void expire_selection();
    void drop_selection();
    void drop_commands();
    void say_gone(const Control& control);

    // ---- outstation_requests.cpp: everything else that masters ask for ----
    Iins write(Instant now, Bytes objects);
    Iins write_indications(const ObjectHeader& header);
    Iins write_time(Instant now, const ObjectHeader& header);
    template <class Visit>
    Iins each_named(PointType type, const ObjectHeader& header, Visit&& visit);
    Iins write_deadbands(const ObjectHeader& header);
    Iins freeze(Instant now, const FragmentView& view);
    Iins assign_class(const FragmentView& view);
    Iins enable_unsolicited(const FragmentView& view, bool enable);
    Iins record_time(Instant now, Bytes objects);
    void measure_delay(Instant now, Address source, const FragmentView& view);
    void restart(Instant now, Address source, const FragmentView& view);

    OutstationSettings settings;
    Database database;
    EventBuffer events;
    FragmentWriter writer;
    StaticWriter statics;
    Timers<Timer> timers;
    Outbox<Output> out;
    Stats stats{};

    bool up = false;
    bool restarted = true;
    bool needs_time = false;
    bool overflow = false;
    Iins device{};  // local_control, device_trouble, config_corrupt
    Broadcast heard{};
    Status shown{};  // what StateChanged was last said of

    bool clock_set = false;
    Instant clock_at{};
    std::uint64_t clock_ms = 0;  // at clock_at
    std::optional<Instant> recorded{};

    std::optional<LastRequest> last{};
    std::optional<Solicited> solicited{};
    std::vector<Part> parts;  // of the read under way
    std::size_t part = 0;
    std::size_t selections = 0;
    Iins read_errors{};

    Classes enabled{};
    bool null_due = false;
    std::uint8_t unsolicited_sequence = 0;
    std::optional<Unsolicited> unsolicited{};
    std::optional<DeferredRead> deferred{};
    Instant gathered = never;    // when what waits has waited long enough
    Instant resting_until = {};  // nothing unsolicited before

    std::uint64_t next_id = 1;
    std::optional<Controls> commands{};
    std::optional<Selection> selection{};
};

/// What went wrong with a request's object headers.
[[nodiscard]] Iins errors_of(ObjectReader::Trouble trouble) noexcept;
/// A limited quantity: a count, and no indexes.
[[nodiscard]] constexpr bool is_count(const ObjectHeader& header) noexcept {
    return header.qualifier >= Qualifier::count8 && header.qualifier <= Qualifier::count32;
}
[[nodiscard]] constexpr PointType output_type(const Control& control) noexcept {
    return std::holds_alternative<Crob>(control.what) ? PointType::binary_output
                                                      : PointType::analog_output;
}

}  // namespace causeway::scada::dnp3
