#pragma once
// The point table's inside. Everything that an update touches lies in arrays by the point's number.
#include "base/deadlines.hpp"
#include "base/lookup.hpp"
#include "points/table_queue.hpp"

#include <map>

namespace causeway::points {

struct Table::State {
    struct Row {
        Sample last;
        std::vector<Watch> watches;
    };
    /// Of one point, while it holds, and while the device is asked for it.
    struct Selection {
        std::uint32_t point = nowhere;
        RequesterId requester{};
        std::uint64_t session = 0;
        Value value{};
        std::optional<Pulse> pulse{};
        CommandId asked{};  // the device is asked, by this one; none: it holds
        Instant until = never;
    };
    struct Control {
        std::uint32_t selection = nowhere;
        // Whose the last was that ran out: a late operate is told so.
        bool ran_out = false;
        RequesterId requester{};
        std::uint64_t session = 0;
    };
    struct UnderWay {
        CommandId id{};  // none: a vacant slot
        Command command{};
    };

    explicit State(Settings given) : settings(given) {}

    [[nodiscard]] Row& row(PointId point) {
        CAUSEWAY_ASSERT(std::to_underlying(point) < rows.size());
        return rows[std::to_underlying(point)];
    }

    // ---- table.cpp
    void update(PointId point, Sample&& sample);
    void flag(const Flagged& flagged);
    /// `differs`: in value or quality; `stamped`: a device's clock said a new time.
    void spread(std::uint32_t point, bool differs, bool stamped);
    void enqueue(WatchAt at, Watch& watch, const Sample& sample);
    std::optional<Change> take(Subscriber& subscriber);

    // ---- table_commands.cpp
    CommandId command(Instant now, Command&& command);
    void answer(Instant now, CommandId id, Answer answer);
    void expire(Instant now);
    [[nodiscard]] Instant next_deadline() const noexcept;

    [[nodiscard]] std::optional<Outcome> objection(Command& command) const;
    [[nodiscard]] std::optional<Outcome> selecting(Instant now, CommandId id, const Command& of);
    [[nodiscard]] std::optional<Outcome> operating(const Command& command);
    [[nodiscard]] std::optional<Outcome> cancelling(const Command& command);
    [[nodiscard]] Selection* selection_of(PointId point) noexcept;
    void drop(std::uint32_t selection);
    void run_out(std::uint32_t selection);
    void hand_over(Instant now, std::uint32_t slot, Command&& command);
    void complete(std::uint32_t slot, Instant now, Answer answer, std::uint64_t& counter);

    Settings settings;
    Stats stats;
    Outbox<Output> out;

    std::vector<Row> rows;
    std::vector<Definition> definitions;
    std::vector<Control> controls;
    // Names are the site's own, so the seed need be no secret.
    Lookup<std::uint32_t> by_path{0};
    std::map<std::string, std::vector<PointId>, std::less<>> by_device;
    std::vector<std::string> devices;

    std::vector<Subscriber> subscribers;

    std::vector<UnderWay> under_way;
    std::vector<std::uint32_t> vacant;
    Deadlines command_deadlines;
    std::uint64_t serial = 0;
    std::vector<Selection> selections;
    std::vector<std::uint32_t> selections_vacant;
    Deadlines selection_deadlines;
};

}  // namespace causeway::points
