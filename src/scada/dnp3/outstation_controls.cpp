#include "scada/dnp3/outstation_state.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

// Controls: selected and operated, or operated directly; several of one request, in order.
// [IEEE 1815 §4.4.3, §4.4.4, §11.9]
namespace causeway::scada::dnp3 {
namespace {

constexpr std::uint8_t next_in_turn(std::uint8_t sequence) noexcept {
    return (sequence + 1) & 0x0f;
}

constexpr bool is_silent(Function function) noexcept {
    return function == Function::direct_operate_no_ack;
}

}  // namespace

void Outstation::State::control(Instant now, Address source, const FragmentView& view,
                                bool broadcast) {
    Controls asked{.source = source,
                   .sequence = view.control.sequence,
                   .function = view.function,
                   .objects = to_octets(view.objects)};
    const bool sound = collect(view, asked);
    if (view.function == Function::operate) {
        const auto refusal = sound ? match_selection(asked) : CommandStatus::no_select;
        // Operated or not, this selection is used up; another master's is not touched.
        if (selection && selection->source == source) {
            if (refusal) drop_selection();
            selection.reset();
            timers.disarm(Timer::selection);
        }
        for (Controls::One& one : asked.each)
            if (refusal) one.control.status = *refusal;
        if (refusal) asked.errors = sound ? Iins{} : asked.errors;
    }
    if (view.function == Function::select && selection && selection->source != source &&
        !selection->expired)
        for (Controls::One& one : asked.each) one.control.status = CommandStatus::already_active;
    if (sound) return ask_device(now, asked, broadcast);
    if (!is_silent(view.function)) respond(now, source, asked.sequence, asked.errors);
}

bool Outstation::State::collect(const FragmentView& view, Controls& controls) {
    ObjectReader headers(view.objects, ObjectReader::Carry::objects);
    bool sound = true;
    while (const auto header = headers.next()) {
        const bool crob = header->is(12, 1);
        const bool analog = header->group == 41 && header->variation >= 1 && header->variation <= 4;
        const PointType type = crob ? PointType::binary_output : PointType::analog_output;
        const std::size_t before = controls.each.size();
        if ((!crob && !analog) || database.of(type).empty()) {
            controls.errors.set(Iin::object_unknown);
            sound = false;
            continue;
        }
        const std::vector<Control> found = controls_of(*header);
        const std::size_t stride =
            header->index_octets() + octets_of(header->group, header->variation);
        std::size_t at = static_cast<std::size_t>(header->octets.data() - view.objects.data());
        for (const Control& one : found) {
            at += stride;
            controls.each.push_back({.control = one, .status_at = at - 1});
        }
        if (controls.each.size() == before) {
            controls.errors.set(Iin::parameter_error);
            sound = false;
        }
    }
    if (headers.trouble() != ObjectReader::Trouble::none) {
        controls.errors = controls.errors | errors_of(headers.trouble());
        sound = false;
    }
    // The answer repeats the request; where it could not, nothing is done.
    begin(controls.sequence);
    if (controls.each.empty() || controls.objects.size() > writer.room()) {
        if (controls.errors == Iins{}) controls.errors.set(Iin::parameter_error);
        sound = false;
    }
    for (std::size_t i = 0; sound && i < controls.each.size(); ++i) {
        Controls::One& one = controls.each[i];
        const auto* crob = std::get_if<Crob>(&one.control.what);
        one.idle = crob != nullptr && crob->count == 0;
        one.control.status = i < settings.controls_max ? judge(one.control, controls.errors)
                                                       : CommandStatus::too_many_ops;
    }
    return sound;
}

/// What can be said without asking the device.
CommandStatus Outstation::State::judge(const Control& control, Iins& errors) const {
    // A status in a request: it is to be answered and not to be done. [IEEE 1815 §11.9.2]
    if (control.status == CommandStatus::not_participating) return control.status;
    if (control.status != CommandStatus::success) return CommandStatus::format_error;
    if (database.find(output_type(control), control.index) == nullptr) {
        errors.set(Iin::parameter_error);
        return CommandStatus::not_supported;
    }
    if (const auto* crob = std::get_if<Crob>(&control.what)) {
        if (crob->operation > Crob::Operation::latch_off ||
            crob->trip_close == Crob::TripClose::reserved)
            return CommandStatus::format_error;
        return crob->queue ? CommandStatus::not_supported : CommandStatus::success;
    }
    return std::isnan(std::get<AnalogCommand>(control.what).value) ? CommandStatus::out_of_range
                                                                   : CommandStatus::success;
}

/// Octet for octet what was selected, in the very next request, and in time. [IEEE 1815 §4.4.3]
std::optional<CommandStatus> Outstation::State::match_selection(const Controls& controls) const {
    if (!selection || selection->source != controls.source ||
        controls.sequence != next_in_turn(selection->sequence) ||
        !same(selection->objects, controls.objects))
        return CommandStatus::no_select;
    if (selection->expired) return CommandStatus::timeout;
    return std::nullopt;
}

void Outstation::State::ask_device(Instant now, Controls& asked, bool to_all) {
    using Step = CommandRequested::Step;
    const Step step = asked.function == Function::select    ? Step::select
                      : asked.function == Function::operate ? Step::operate
                                                            : Step::direct;
    for (Controls::One& one : asked.each) {
        if (one.control.status != CommandStatus::success || one.idle) continue;
        one.id = RequestId{next_id++};
        one.open = true;
        ++asked.open;
        if (step != Step::select) ++stats.controls;
        out.push(CommandRequested{.step = step,
                                  .id = one.id,
                                  .control = one.control,
                                  .master = asked.source,
                                  .broadcast = to_all});
    }
    if (is_silent(asked.function)) return;
    commands = std::move(asked);
    if (commands->open == 0)
        finish_controls(now);
    else
        timers.arm(Timer::command, after(now, settings.command_within));
}

void Outstation::State::on(Instant now, CommandAnswered answered) {
    if (!commands) return;
    for (Controls::One& one : commands->each) {
        if (!one.open || one.id != answered.id) continue;
        one.open = false;
        one.control.status = answered.status;
        if (--commands->open == 0) finish_controls(now);
        return;
    }
}

void Outstation::State::expire_commands(Instant now) {
    if (!commands) return;
    for (Controls::One& one : commands->each) {
        if (!std::exchange(one.open, false)) continue;
        one.control.status = CommandStatus::hardware_error;
        // It may still become selected, when nobody knows any more.
        if (commands->function == Function::select) say_gone(one.control);
    }
    finish_controls(now);
}

void Outstation::State::finish_controls(Instant now) {
    Controls done = *std::exchange(commands, std::nullopt);
    timers.disarm(Timer::command);
    if (done.function == Function::select) {
        const bool all = std::ranges::all_of(done.each, [](const Controls::One& one) {
            return one.control.status == CommandStatus::success;
        });
        if (all) {
            selection = {.source = done.source, .sequence = done.sequence, .objects = done.objects};
            timers.arm(Timer::selection, after(now, settings.select_within));
        }
        for (const Controls::One& one : done.each) {
            if (one.id == RequestId{} || one.control.status != CommandStatus::success) continue;
            if (all)
                selection->points.emplace_back(output_type(one.control), one.control.index);
            else
                say_gone(one.control);
        }
    }
    for (const Controls::One& one : done.each)
        done.objects[one.status_at] = std::byte{std::to_underlying(one.control.status)};
    begin(done.sequence);
    writer.raw(done.objects);
    send_solicited(now, done.source, {.sequence = done.sequence}, done.errors);
}

void Outstation::State::say_gone(const Control& control) {
    out.push(SelectionGone{.index = control.index, .type = output_type(control)});
}

void Outstation::State::expire_selection() {
    if (!selection || selection->expired) return;
    selection->expired = true;  // an operate that comes too late is told so
    for (const auto& [type, index] : selection->points)
        out.push(SelectionGone{.index = index, .type = type});
}

void Outstation::State::drop_selection() {
    expire_selection();
    selection.reset();
    timers.disarm(Timer::selection);
}

/// Another request came before the device had answered: what it does now nobody hears.
void Outstation::State::drop_commands() {
    timers.disarm(Timer::command);
    if (!commands) return;
    if (commands->function == Function::select)
        for (const Controls::One& one : commands->each)
            if (one.id != RequestId{} && (one.open || one.control.status == CommandStatus::success))
                say_gone(one.control);
    commands.reset();
}

}  // namespace causeway::scada::dnp3
