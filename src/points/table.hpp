#pragma once
// The point table: what every device said last, who wants to know, and the way back for commands.
// Drivers write points, faces read them, and none of them knows another.
//
// An engine (base/engine.hpp), and for those who sit beside it the same things as plain functions.
// Points are defined while a site is built and never go; their number is bounded by that.
//
// Subscribers have a queue each: bounded, with the newest value of a point at least, whatever was
// dropped before it. Who must see every change says so (Keep::all) and is told how many he lost;
// that a device stamps the same state once more is an event, too, for him.
// `Ready` comes once when a queue stops being empty; take() empties it.
//
// A point's value is always of its definition's kind: an update of another is turned into it
// (as_kind), and where that cannot be, the old value stays and is invalid. Not-a-number equals
// itself, so that it is no change for ever; as a command it is out of range.
//
// A selection [IEEE 1815 §4.4.3]: where the driver's device knows select-before-operate, both steps
// go to it; where it does not, the table keeps the selection, for Definition::select_timeout, and
// hands an operate that fits to the driver as a direct one. In either case it knows whose a
// selection is: one to a point, of one requester's session; others are refused (already_active) and
// may not operate it (no_select); an operate that does not fit, or a direct command of the same
// session, ends it. Whatever happens, a command is handed to its driver once, and its requester
// hears one answer.
#include "base/engine.hpp"
#include "base/outbox.hpp"
#include "points/command.hpp"
#include "points/value.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace causeway::points {

enum class SubscriberId : std::uint32_t {};

struct Definition {
    std::string device;  // "feeder-1"
    std::string name;    // "voltage/l1"; device and name together are the point's
    Kind kind = Kind::real;
    std::string unit{};                 // SenML's symbol [RFC 8428 §12.1]
    std::vector<std::string> states{};  // of an enumeration, and of a boolean: names by number
    bool writable = false;
    std::optional<double> least{};  // of what may be commanded
    std::optional<double> most{};
    DriverId driver{};
    bool selects = false;  // the driver takes Step::select itself
    Duration select_timeout = std::chrono::seconds(10);
    Duration command_timeout = std::chrono::seconds(10);
};

struct SubscriberSettings {
    enum class Keep : std::uint8_t {
        newest,  // of each point the newest alone waits
        all,     // every change, in order, for event logs
    };
    Keep keep = Keep::newest;
    /// Keep::all: beyond it what a newer value of its point made old the longest ago goes; of a
    /// point the newest stays, so that as many wait at least as points are watched.
    std::size_t queue_max = 10'000;
};

struct Change {
    PointId point{};
    Sample sample{};
};

class Table {
public:
    struct Update {
        PointId point{};
        Sample sample{};
    };
    /// Everything of a device has this flag, or has it no more: comm_lost, above all.
    struct Flagged {
        DriverId driver{};
        std::string device{};
        Flag flag{};
        bool on = true;
        std::int64_t ms = 0;  // since 1970; of the change
    };
    struct Answered {
        CommandId command{};
        Answer answer{};
    };
    using Input = std::variant<Update, Flagged, Command, Answered>;

    /// `subscriber`'s queue is no longer empty.
    struct Ready {
        SubscriberId subscriber{};
    };
    /// For the driver: do so, and answer().
    struct Execute {
        CommandId id{};
        DriverId driver{};
        Command command{};
    };
    /// For the requester; once for each command.
    struct Completed {
        CommandId id{};
        Command command{};
        Answer answer{};
    };
    using Output = std::variant<Ready, Execute, Completed>;

    struct Settings {
        std::size_t commands_max = 1'000;  // under way; more are answered too_many
        std::size_t selections_max = 1'000;
    };
    struct Stats {
        std::uint64_t updates = 0;
        std::uint64_t changes = 0;     // updates that differ from what stood there
        std::uint64_t mismatched = 0;  // updates whose value was none of the point's kind
        std::uint64_t queued = 0;      // changes, for each subscriber that was told
        std::uint64_t merged = 0;      // gave way to a newer value of the same point
        std::uint64_t dropped = 0;     // a full queue's
        std::uint64_t within_deadband = 0;
        std::uint64_t taken = 0;
        std::uint64_t waiting = 0;
        std::uint64_t commands = 0;
        std::uint64_t commands_succeeded = 0;
        std::uint64_t commands_failed = 0;   // answered by the device, and not with success
        std::uint64_t commands_refused = 0;  // by the table
        std::uint64_t commands_timed_out = 0;
        std::uint64_t commands_under_way = 0;
        std::uint64_t answers_late = 0;  // to commands that were over, or never were
        std::uint64_t selections_expired = 0;

        template <class Named>
        void visit(Named&& named) const {
            named("updates", updates);
            named("changes", changes);
            named("mismatched", mismatched);
            named("queued", queued);
            named("merged", merged);
            named("dropped", dropped);
            named("within_deadband", within_deadband);
            named("taken", taken);
            named("waiting", waiting);
            named("commands", commands);
            named("commands_succeeded", commands_succeeded);
            named("commands_failed", commands_failed);
            named("commands_refused", commands_refused);
            named("commands_timed_out", commands_timed_out);
            named("commands_under_way", commands_under_way);
            named("answers_late", answers_late);
            named("selections_expired", selections_expired);
        }
        [[nodiscard]] bool balanced() const noexcept {
            return queued == merged + dropped + taken + waiting &&
                   commands == commands_succeeded + commands_failed + commands_refused +
                                   commands_timed_out + commands_under_way;
        }
    };

    Table();
    explicit Table(Settings settings);
    Table(Table&&) noexcept;
    Table& operator=(Table&&) noexcept;
    ~Table();

    // ---- while a site is built ------------------------------------------------------------------

    /// None when device and name, or the path that they make together, are taken.
    std::optional<PointId> define(Definition definition);
    [[nodiscard]] std::optional<PointId> find(std::string_view device, std::string_view name) const;
    /// "feeder-1/voltage/l1"
    [[nodiscard]] std::optional<PointId> find(std::string_view path) const;
    [[nodiscard]] std::size_t size() const noexcept;
    [[nodiscard]] const Definition& definition(PointId point) const;
    [[nodiscard]] std::string path(PointId point) const;
    [[nodiscard]] std::vector<PointId> points_of(std::string_view device) const;
    /// In the order in which their first points were defined.
    [[nodiscard]] const std::vector<std::string>& devices() const noexcept;

    [[nodiscard]] SubscriberId subscribe(SubscriberSettings settings);
    /// From now on he hears of it: of a number, changes of more than the deadband since the last
    /// that he heard of; of quality always. What is known already is the first that he hears.
    void watch(SubscriberId subscriber, PointId point, double deadband = 0);

    // ---- at work --------------------------------------------------------------------------------

    [[nodiscard]] const Sample& last(PointId point) const;
    void update(Instant now, PointId point, Sample sample);
    void flag(Instant now, const Flagged& flagged);
    /// Completed comes in any case, never before this returns.
    CommandId command(Instant now, Command command);
    void answer(Instant now, CommandId command, Answer answer);
    /// The oldest change that waits; none: the queue is empty.
    [[nodiscard]] std::optional<Change> take(SubscriberId subscriber);
    /// Changes that this subscriber lost to its queue's limit, since it last asked.
    [[nodiscard]] std::uint64_t take_lost(SubscriberId subscriber);

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output();
    [[nodiscard]] Instant next_deadline() const;
    [[nodiscard]] const Stats& stats() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

static_assert(Engine<Table>);

/// "closed", "auto": the name of a state where it has one; else to_text().
[[nodiscard]] std::string text_of(const Definition& definition, const Value& value);
/// The name alone; none where it has none.
[[nodiscard]] std::optional<std::string_view> state_of(const Definition& definition,
                                                       const Value& value) noexcept;
/// The other way, names of states whatever the case of their letters, or from_text().
[[nodiscard]] std::optional<Value> value_from_text(const Definition& definition,
                                                   std::string_view text);

}  // namespace causeway::points
