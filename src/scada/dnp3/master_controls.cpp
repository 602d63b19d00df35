// Controls. A command leaves once, whatever happens; what was selected is operated only when the
// outstation said the very same back. [IEEE 1815 §4.4.3, §4.4.4, §4.4.5]
#include "scada/dnp3/master_state.hpp"

namespace causeway::scada::dnp3 {
namespace {

/// A command as it stood on the line, but for its status, which is its last octet.
struct Echo {
    std::uint8_t group = 0;
    std::uint8_t variation = 0;
    std::uint32_t index = 0;
    Bytes object{};
    CommandStatus status = CommandStatus::undefined;
};

std::vector<Echo> echoes_in(Bytes objects) {
    std::vector<Echo> echoes;
    ObjectReader reader(objects, ObjectReader::Carry::objects);
    while (const auto header = reader.next()) {
        const auto prefix = header->index_octets();
        const auto size = octets_of(header->group, header->variation);
        if (prefix == 0 || size < 2) continue;
        ByteReader in(header->octets);
        while (in.remaining() >= prefix + size) {
            Echo echo{.group = header->group, .variation = header->variation};
            echo.index = prefix == 1 ? in.u8() : prefix == 2 ? in.le16() : in.le32();
            echo.object = in.take(size - 1);
            echo.status = static_cast<CommandStatus>(in.u8() & 0x7f);
            echoes.push_back(echo);
        }
    }
    return echoes;
}

/// Takes the outstation's status of each control. False where it is not what was asked.
bool take_statuses(std::vector<Control>& controls, Bytes request, Bytes answer) {
    const auto asked = echoes_in(request);
    const auto said = echoes_in(answer);
    bool same_all = asked.size() == said.size() && asked.size() == controls.size();
    for (std::size_t i = 0; i < controls.size(); ++i) {
        const bool echoed =
            i < asked.size() && i < said.size() && asked[i].group == said[i].group &&
            asked[i].variation == said[i].variation && asked[i].index == said[i].index &&
            same(asked[i].object, said[i].object);
        controls[i].status = echoed ? said[i].status : CommandStatus::undefined;
        same_all = same_all && echoed;
    }
    return same_all;
}

/// An answer without objects says why in its indications.
CommandStatus status_of(Iins iin) noexcept {
    if (iin.has(Iin::no_func_code_support) || iin.has(Iin::object_unknown))
        return CommandStatus::not_supported;
    if (iin.has(Iin::parameter_error)) return CommandStatus::format_error;
    if (iin.has(Iin::already_executing)) return CommandStatus::already_active;
    return CommandStatus::undefined;
}

bool all_succeeded(const std::vector<Control>& controls) noexcept {
    for (const auto& control : controls)
        if (control.status != CommandStatus::success) return false;
    return true;
}

bool of_one_kind(const std::vector<Control>& controls) noexcept {
    const auto kind = [](const Control& control) -> int {
        const auto* analog = std::get_if<AnalogCommand>(&control.what);
        return analog == nullptr ? 0 : analog->variation;
    };
    for (const auto& control : controls) {
        const int one = kind(control);
        if (one != kind(controls.front()) || one > 4) return false;
        if (one == 0 && std::holds_alternative<AnalogCommand>(control.what)) return false;
    }
    return !controls.empty();
}

constexpr Function first_function(Master::Operate::Mode mode) noexcept {
    using enum Master::Operate::Mode;
    switch (mode) {
        case select_before_operate:
        case select:
            return Function::select;
        case operate:
            return Function::operate;
        case direct:
            return Function::direct_operate;
        case direct_no_ack:
            break;
    }
    return Function::direct_operate_no_ack;
}

}  // namespace

void Master::State::operate(Operate command) {
    Work work{.kind = Kind::control,
              .tag = command.tag,
              .mode = command.mode,
              .controls = std::move(command.controls),
              .until = command.until,
              .function = first_function(command.mode)};
    for (auto& control : work.controls) control.status = CommandStatus::success;
    if (of_one_kind(work.controls)) {
        take(std::move(work));
        return;
    }
    ++stats.refused;
    complete(work, Completed::Fate::unreachable);
}

void Master::State::answered_control(Instant now, const FragmentView& last) {
    auto done = std::move(*active);
    active.reset();
    auto& work = done.work;
    const auto asked = Bytes(done.request).subspan(2);
    auto fate = Completed::Fate::answered;
    if (last.objects.empty() && status_of(last.iin) != CommandStatus::undefined) {
        for (auto& control : work.controls) control.status = status_of(last.iin);
    } else if (!take_statuses(work.controls, asked, last.objects)) {
        fate = Completed::Fate::nonsense;
    }
    // It is not what we asked for, or it will not: nothing is operated, now or later.
    const bool agreed = fate == Completed::Fate::answered && all_succeeded(work.controls);
    if (agreed && done.selecting && now >= work.until) {
        // It was selected too late for whoever wanted it; the outstation forgets by itself.
        complete(work, Completed::Fate::unanswered, last.iin);
        return;
    }
    if (agreed && done.selecting) {
        work.function = Function::operate;
        begin(now, std::move(work));
        return;
    }
    if (agreed && work.mode == Operate::Mode::select)
        selected =
            Selected{.objects = to_octets(asked), .until = after(now, settings.select_within)};
    complete(work, fate, last.iin);
}

}  // namespace causeway::scada::dnp3
