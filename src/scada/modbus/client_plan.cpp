#include "scada/modbus/client_plan.hpp"

#include "scada/modbus/pdu.hpp"

#include <algorithm>
#include <tuple>

namespace causeway::scada::modbus {
namespace {

constexpr std::uint32_t addresses_after_last = 65'536;

struct Piece {
    Duration every{};
    Area area{};
    std::uint32_t address = 0;
    std::size_t item = 0;
    std::uint16_t part = 0;
    std::uint16_t item_offset = 0;
    std::uint16_t count = 0;
};

std::vector<Piece> pieces_of(const DevicePlan& plan) {
    std::vector<Piece> pieces;
    for (std::size_t i = 0; i < plan.items.size(); ++i) {
        const PollItem& item = plan.items[i];
        const std::uint32_t most =
            has_bits(item.area)
                ? std::clamp<std::uint32_t>(plan.bits_max, 1, read_bits_max)
                : std::clamp<std::uint32_t>(plan.registers_max, 1, read_registers_max);
        const std::uint32_t count =
            std::min<std::uint32_t>(item.count, addresses_after_last - item.address);
        for (std::uint32_t at = 0; at < count; at += most)
            pieces.push_back({item.every, item.area, item.address + at, i,
                              static_cast<std::uint16_t>(at / most), static_cast<std::uint16_t>(at),
                              static_cast<std::uint16_t>(std::min(most, count - at))});
    }
    std::ranges::sort(pieces, {}, [](const Piece& piece) {
        return std::tuple(piece.every, piece.area, piece.address, piece.item);
    });
    return pieces;
}

PollGroup group_of(const Piece& piece) {
    return {.area = piece.area,
            .address = static_cast<std::uint16_t>(piece.address),
            .count = piece.count,
            .every = piece.every,
            .slices = {{piece.item, piece.part, piece.item_offset, 0, piece.count}}};
}

Octets octets_of(const RequestPdu& request) {
    return emitted(request);
}

}  // namespace

std::vector<PollGroup> groups_of(const DevicePlan& plan) {
    std::vector<PollGroup> groups;
    for (const Piece& piece : pieces_of(plan)) {
        const bool bits = has_bits(piece.area);
        // Sixteen bits cost what a register costs.
        const std::uint32_t gap = bits ? plan.gap_max * 16u : plan.gap_max;
        const std::uint32_t most =
            bits ? std::clamp<std::uint32_t>(plan.bits_max, 1, read_bits_max)
                 : std::clamp<std::uint32_t>(plan.registers_max, 1, read_registers_max);
        if (!groups.empty()) {
            PollGroup& last = groups.back();
            const std::uint32_t end = std::uint32_t{last.address} + last.count;
            const std::uint32_t new_end = std::max(end, piece.address + piece.count);
            if (last.every == piece.every && last.area == piece.area &&
                piece.address <= end + gap && new_end - last.address <= most) {
                last.slices.push_back({piece.item, piece.part, piece.item_offset,
                                       static_cast<std::uint16_t>(piece.address - last.address),
                                       piece.count});
                last.count = static_cast<std::uint16_t>(new_end - last.address);
                continue;
            }
        }
        groups.push_back(group_of(piece));
    }
    return groups;
}

std::vector<PollGroup> apart(const PollGroup& group) {
    const auto split = [&](bool singly) {
        std::vector<PollGroup> parts;
        for (const PollSlice& slice : group.slices) {  // in the order of their addresses
            const std::uint32_t begin = std::uint32_t{group.address} + slice.offset;
            if (!parts.empty() && !singly) {
                PollGroup& last = parts.back();
                const std::uint32_t end = std::uint32_t{last.address} + last.count;
                if (begin <= end) {
                    last.count = static_cast<std::uint16_t>(std::max(end, begin + slice.count) -
                                                            last.address);
                    last.slices.push_back({slice.item, slice.part, slice.item_offset,
                                           static_cast<std::uint16_t>(begin - last.address),
                                           slice.count});
                    continue;
                }
            }
            parts.push_back(
                {.area = group.area,
                 .address = static_cast<std::uint16_t>(begin),
                 .count = slice.count,
                 .every = group.every,
                 .slices = {{slice.item, slice.part, slice.item_offset, 0, slice.count}},
                 .due = group.due});
        }
        return parts;
    };
    std::vector<PollGroup> runs = split(false);
    return runs.size() > 1 ? runs : split(true);
}

std::size_t answer_octets(Bytes request) noexcept {
    ByteReader in(request);
    const auto function = static_cast<Function>(in.u8());
    in.be16();
    const std::size_t count = in.be16();
    switch (function) {
        case Function::read_coils:
        case Function::read_discrete_inputs:
            return 2 + (count + 7) / 8;
        case Function::read_holding_registers:
        case Function::read_input_registers:
        case Function::read_write_multiple_registers:
            return 2 + 2 * count;
        case Function::write_single_coil:
        case Function::write_single_register:
        case Function::write_multiple_coils:
        case Function::write_multiple_registers:
        case Function::get_comm_event_counter:
            return 5;
        case Function::read_exception_status:
            return 2;
        case Function::mask_write_register:
            return 7;
        case Function::diagnostics:
        case Function::write_file_record:
            return request.size();
        default:
            break;
    }
    return 0;
}

bool answers(Bytes answer, Bytes request) noexcept {
    if (answer.empty() || request.empty() || answer[0] != request[0]) return false;
    const std::size_t octets = answer_octets(request);
    if (octets != 0 && answer.size() != octets) return false;
    switch (static_cast<Function>(request[0])) {
        case Function::read_coils:
        case Function::read_discrete_inputs:
        case Function::read_holding_registers:
        case Function::read_input_registers:
        case Function::read_write_multiple_registers:
            return std::to_integer<std::size_t>(answer[1]) == octets - 2;
        // The address alone: a device may tell what it made of a value.
        case Function::write_single_coil:
        case Function::write_single_register:
        case Function::mask_write_register:
        case Function::diagnostics:
            return same(answer.subspan(1, 2), request.subspan(1, 2));
        case Function::write_multiple_coils:
        case Function::write_multiple_registers:
            return same(answer.subspan(1, 4), request.subspan(1, 4));
        default:
            return parse_as<ResponsePdu>(answer).has_value();
    }
}

bool is_read(Bytes request) noexcept {
    if (request.empty()) return false;
    switch (static_cast<Function>(request[0])) {
        case Function::read_coils:
        case Function::read_discrete_inputs:
        case Function::read_holding_registers:
        case Function::read_input_registers:
        case Function::read_exception_status:
        case Function::get_comm_event_counter:
        case Function::get_comm_event_log:
        case Function::report_server_id:
        case Function::read_file_record:
        case Function::read_fifo_queue:
            return true;
        case Function::encapsulated_interface:
            return request.size() > 1 && request[1] == std::byte{read_identification_type};
        default:
            return false;
    }
}

// ---- requests in words --------------------------------------------------------------------------

Octets read_request(Area area, std::uint16_t address, std::uint16_t count) {
    return octets_of({ReadRequest{area, address, count}});
}

Octets write_coil_request(std::uint16_t address, bool on) {
    return octets_of({WriteCoil{address, on}});
}

Octets write_coils_request(std::uint16_t address, std::span<const bool> on) {
    CAUSEWAY_ASSERT(!on.empty() && on.size() <= write_bits_max);
    Octets bits((on.size() + 7) / 8);
    for (std::size_t i = 0; i < on.size(); ++i)
        if (on[i]) bits[i / 8] |= static_cast<std::byte>(1u << i % 8);
    return octets_of({WriteCoils{address, static_cast<std::uint16_t>(on.size()), {bits}}});
}

Octets write_register_request(std::uint16_t address, std::uint16_t value) {
    return octets_of({WriteRegister{address, value}});
}

Octets write_registers_request(std::uint16_t address, std::span<const std::uint16_t> values) {
    CAUSEWAY_ASSERT(!values.empty() && values.size() <= write_registers_max);
    Octets octets(2 * values.size());
    ByteWriter out(octets);
    for (const std::uint16_t value : values) out.be16(value);
    return octets_of({WriteRegisters{address, {octets}}});
}

std::optional<Exception> exception_of(Bytes pdu) noexcept {
    if (pdu.size() < 2 || (pdu[0] & std::byte{exception_bit}) == std::byte{0}) return std::nullopt;
    return static_cast<Exception>(pdu[1]);
}

}  // namespace causeway::scada::modbus
