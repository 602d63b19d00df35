// Commands and selections of the point table.
#include "points/table.hpp"
#include "points/table_state.hpp"

#include <cmath>

namespace causeway::points {
namespace {

// A command's number is its slot below a serial number: found at once, and never met again.
constexpr unsigned slot_bits = 24;
constexpr std::uint32_t slot_mask = (1u << slot_bits) - 1;

CommandId command_id(std::uint64_t serial, std::uint32_t slot) noexcept {
    return CommandId{serial << slot_bits | (slot & slot_mask)};
}

Duration or_else(Duration given, Duration otherwise) noexcept {
    if (given > Duration{}) return given;
    // Nobody waits for ever: not even where a definition says so.
    return otherwise > Duration{} ? otherwise : std::chrono::seconds(10);
}

bool is_of(const Command& command, RequesterId requester, std::uint64_t session) noexcept {
    return command.requester == requester && command.session == session;
}

}  // namespace

/// What speaks against it whatever is selected. Turns its value into the point's kind.
std::optional<Outcome> Table::State::objection(Command& command) const {
    if (std::to_underlying(command.point) >= definitions.size()) return Outcome::not_supported;
    const Definition& of = definitions[std::to_underlying(command.point)];
    if (!of.writable) return Outcome::not_supported;
    if (command.step == Step::cancel) return std::nullopt;
    // "True" names none of several states: of a double-bit input, 1 is off.
    if (of.kind == Kind::enumeration && std::holds_alternative<bool>(command.value))
        return Outcome::format_error;
    auto value = as_kind(command.value, of.kind);
    if (!value) return Outcome::format_error;
    command.value = *std::move(value);
    const auto number = as_real(command.value);
    if (number && std::isnan(*number)) return Outcome::out_of_range;
    if (number && of.least && *number < *of.least) return Outcome::out_of_range;
    if (number && of.most && *number > *of.most) return Outcome::out_of_range;
    const auto* state = std::get_if<Enumeration>(&command.value);
    if (state != nullptr && !of.states.empty() && state->number >= of.states.size())
        return Outcome::out_of_range;
    return std::nullopt;
}

// ---- selections ---------------------------------------------------------------------------------

Table::State::Selection* Table::State::selection_of(PointId point) noexcept {
    const std::uint32_t at = controls[std::to_underlying(point)].selection;
    return at != nowhere ? &selections[at] : nullptr;
}

void Table::State::drop(std::uint32_t selection) {
    selection_deadlines.set(selection, never);
    controls[selections[selection].point].selection = nowhere;
    selections[selection] = {};
    selections_vacant.push_back(selection);
}

void Table::State::run_out(std::uint32_t selection) {
    ++stats.selections_expired;
    const Selection& of = selections[selection];
    Control& control = controls[of.point];
    control.ran_out = true;
    control.requester = of.requester;
    control.session = of.session;
    drop(selection);
}

std::optional<Outcome> Table::State::selecting(Instant now, CommandId id, const Command& command) {
    const std::uint32_t point = std::to_underlying(command.point);
    Control& control = controls[point];
    if (control.selection == nowhere) {
        if (selections.size() - selections_vacant.size() >= settings.selections_max)
            return Outcome::too_many;
        if (selections_vacant.empty()) {
            selections_vacant.push_back(static_cast<std::uint32_t>(selections.size()));
            selections.emplace_back();
        }
        control.selection = selections_vacant.back();
        selections_vacant.pop_back();
    } else if (const Selection& held = selections[control.selection];
               !is_of(command, held.requester, held.session)) {
        return Outcome::already_active;
    }
    control.ran_out = false;
    Selection& selection = selections[control.selection];
    selection = {.point = point,
                 .requester = command.requester,
                 .session = command.session,
                 .value = command.value,
                 .pulse = command.pulse};
    if (definitions[point].selects)
        selection.asked = id;
    else
        selection.until = after(now, or_else({}, definitions[point].select_timeout));
    selection_deadlines.set(control.selection, selection.until);
    return std::nullopt;
}

/// [IEEE 1815 §4.4.3]: the same, by the same, in time.
std::optional<Outcome> Table::State::operating(const Command& command) {
    Control& control = controls[std::to_underlying(command.point)];
    if (control.selection == nowhere) {
        const bool late = control.ran_out && is_of(command, control.requester, control.session);
        if (late) control.ran_out = false;
        return late ? Outcome::timeout : Outcome::no_select;
    }
    const Selection& held = selections[control.selection];
    if (!is_of(command, held.requester, held.session) || held.asked != CommandId{})
        return Outcome::no_select;
    const bool fits = held.value == command.value && held.pulse == command.pulse;
    drop(control.selection);
    return fits ? std::nullopt : std::optional(Outcome::no_select);
}

std::optional<Outcome> Table::State::cancelling(const Command& command) {
    const Selection* const held = selection_of(command.point);
    if (held == nullptr || !is_of(command, held->requester, held->session))
        return Outcome::no_select;
    drop(controls[std::to_underlying(command.point)].selection);
    return std::nullopt;
}

// ---- commands -----------------------------------------------------------------------------------

CommandId Table::State::command(Instant now, Command&& command) {
    expire(now);  // nobody is refused for what is over
    ++stats.commands;
    ++serial;
    const std::size_t most = std::min<std::size_t>(settings.commands_max, slot_mask);
    std::uint32_t slot = slot_mask;
    if (!vacant.empty())
        slot = vacant.back();
    else if (under_way.size() < most)
        slot = static_cast<std::uint32_t>(under_way.size());
    const CommandId id = command_id(serial, slot);
    const auto over = [&](Outcome outcome, std::uint64_t& counter) {
        ++counter;
        out.push(Completed{id, std::move(command), {outcome, 0}});
        return id;
    };

    std::optional<Outcome> refusal = objection(command);
    if (!refusal && slot == slot_mask) refusal = Outcome::too_many;
    if (refusal) return over(*refusal, stats.commands_refused);
    const bool selects = definitions[std::to_underlying(command.point)].selects;
    switch (command.step) {
        case Step::select:
            refusal = selecting(now, id, command);
            break;
        case Step::operate:
            refusal = operating(command);
            break;
        case Step::cancel:
            refusal = cancelling(command);
            break;
        case Step::direct:
            if (const Selection* const held = selection_of(command.point)) {
                if (!is_of(command, held->requester, held->session))
                    refusal = Outcome::already_active;
                else
                    drop(controls[std::to_underlying(command.point)].selection);
            }
            break;
    }
    if (refusal) return over(*refusal, stats.commands_refused);
    const bool by_table =
        !selects && (command.step == Step::select || command.step == Step::cancel);
    if (by_table) return over(Outcome::success, stats.commands_succeeded);
    if (slot == under_way.size())
        under_way.emplace_back();
    else
        vacant.pop_back();
    under_way[slot].id = id;
    hand_over(now, slot, std::move(command));
    return id;
}

void Table::State::hand_over(Instant now, std::uint32_t slot, Command&& command) {
    ++stats.commands_under_way;
    const Definition& of = definitions[std::to_underlying(command.point)];
    command_deadlines.set(slot, after(now, or_else(command.timeout, of.command_timeout)));
    UnderWay& entry = under_way[slot];
    entry.command = std::move(command);
    Execute execute{entry.id, of.driver, entry.command};
    if (execute.command.step == Step::operate && !of.selects) execute.command.step = Step::direct;
    out.push(std::move(execute));
}

void Table::State::complete(std::uint32_t slot, Instant now, Answer answer,
                            std::uint64_t& counter) {
    UnderWay entry = std::exchange(under_way[slot], {});
    vacant.push_back(slot);
    command_deadlines.set(slot, never);
    --stats.commands_under_way;
    ++counter;
    if (entry.command.step == Step::select) {
        Control& control = controls[std::to_underlying(entry.command.point)];
        if (control.selection != nowhere && selections[control.selection].asked == entry.id) {
            Selection& selection = selections[control.selection];
            const Definition& of = definitions[selection.point];
            selection.asked = {};
            selection.until = after(now, or_else({}, of.select_timeout));
            selection_deadlines.set(control.selection, selection.until);
            if (answer.outcome != Outcome::success) drop(control.selection);
        }
    }
    out.push(Completed{entry.id, std::move(entry.command), answer});
}

void Table::State::answer(Instant now, CommandId id, Answer answer) {
    const auto slot = static_cast<std::uint32_t>(std::to_underlying(id) & slot_mask);
    if (slot >= under_way.size() || under_way[slot].id != id || id == CommandId{}) {
        ++stats.answers_late;
        return;
    }
    complete(slot, now, answer,
             answer.outcome == Outcome::success ? stats.commands_succeeded : stats.commands_failed);
}

void Table::State::expire(Instant now) {
    while (command_deadlines.next() <= now)
        complete(command_deadlines.first(), now, {Outcome::unanswered, 0},
                 stats.commands_timed_out);
    while (selection_deadlines.next() <= now) run_out(selection_deadlines.first());
}

Instant Table::State::next_deadline() const noexcept {
    return std::min(command_deadlines.next(), selection_deadlines.next());
}

}  // namespace causeway::points
