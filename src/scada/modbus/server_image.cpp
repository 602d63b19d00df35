#include "scada/modbus/server_image.hpp"
#include "scada/modbus/pdu.hpp"

#include <algorithm>

namespace causeway::scada::modbus {
namespace {

constexpr std::uint32_t addresses_end = 65'536;

void put_bit(Octets& octets, std::size_t at, bool on) {
    const auto mask = static_cast<std::byte>(1u << at % 8);
    octets[at / 8] = on ? octets[at / 8] | mask : octets[at / 8] & ~mask;
}

bool bit_at(Bytes octets, std::size_t at) {
    return (std::to_integer<unsigned>(octets[at / 8]) >> at % 8 & 1) != 0;
}

}  // namespace

ServerImage::ServerImage(std::span<const Extent> extents) {
    for (const Extent& extent : extents) {
        const std::uint32_t end =
            std::min(addresses_end, extent.address + std::min(addresses_end, extent.count));
        if (end <= extent.address) continue;
        Space& to = space(extent.area);
        // What overlaps or touches becomes one, so that a read may go across.
        Held held;
        held.begin = extent.address;
        held.end = end;
        std::erase_if(to.held, [&](const Held& other) {
            if (other.begin > held.end || other.end < held.begin) return false;
            held.begin = std::min(held.begin, other.begin);
            held.end = std::max(held.end, other.end);
            return true;
        });
        to.held.insert(std::ranges::upper_bound(to.held, held.begin, {}, &Held::begin),
                       std::move(held));
        const bool outputs = extent.area == Area::coil || extent.area == Area::holding_register;
        if (!outputs || !(extent.writable || extent.asked)) continue;
        Right right;
        right.begin = extent.address;
        right.end = end;
        right.asked = extent.asked;
        to.rights.push_back(right);
    }
    for (std::size_t i = 0; i < spaces_.size(); ++i) {
        const bool bits = has_bits(static_cast<Area>(i));
        std::ranges::sort(spaces_[i].rights, {}, &Right::begin);
        for (Held& held : spaces_[i].held) {
            const std::size_t count = held.end - held.begin;
            held.octets.resize((bits ? (count + 7) / 8 : 2 * count) + 1);
        }
    }
}

const ServerImage::Held* ServerImage::holding(Area area, Stretch stretch) const {
    const std::vector<Held>& all = space(area).held;
    const auto beyond = std::ranges::upper_bound(all, stretch.address, {}, &Held::begin);
    if (beyond == all.begin()) return nullptr;
    const Held& held = *std::prev(beyond);
    return stretch.address + stretch.count <= held.end ? &held : nullptr;
}

std::optional<Exception> ServerImage::refuses(Area area, Stretch stretch) const {
    if (holding(area, stretch) == nullptr) return Exception::illegal_data_address;
    for (const Failing& failing : space(area).failing)
        if (failing.begin < stretch.address + stretch.count && failing.end > stretch.address)
            return failing.exception;
    return std::nullopt;
}

void ServerImage::read(Area area, Stretch stretch, ByteWriter& out) const {
    const Held& held = *holding(area, stretch);
    const std::size_t from = stretch.address - held.begin;
    if (!has_bits(area)) {
        out.put(Bytes(held.octets).subspan(2 * from, std::size_t{2} * stretch.count));
        return;
    }
    const std::size_t shift = from % 8;
    const std::size_t octets = (stretch.count + 7) / 8;
    const std::byte* at = held.octets.data() + from / 8;
    for (std::size_t i = 0; i < octets; ++i, ++at) {
        unsigned octet = std::to_integer<unsigned>(at[0]);
        if (shift != 0) octet = octet >> shift | std::to_integer<unsigned>(at[1]) << (8 - shift);
        // "The remaining bits in the final data byte will be padded with zeros." [MODBUS AP §6.1]
        if (i + 1 == octets && stretch.count % 8 != 0) octet &= (1u << stretch.count % 8) - 1;
        out.u8(static_cast<std::uint8_t>(octet));
    }
}

ServerImage::Write ServerImage::writes(Area area, Stretch stretch) const {
    const std::uint32_t end = stretch.address + stretch.count;
    std::uint32_t at = stretch.address;
    bool asked = false;
    for (const Right& right : space(area).rights) {
        if (right.begin > at) break;
        if (right.end <= at) continue;
        asked = asked || right.asked;
        at = right.end;
        if (at >= end) return asked ? Write::asked : Write::at_once;
    }
    return Write::refused;
}

void ServerImage::write_bits(std::uint16_t address, std::uint16_t count, Bytes bits) {
    Held& held = *holding(Area::coil, {address, count});
    const std::size_t from = address - held.begin;
    for (std::size_t i = 0; i < count; ++i) put_bit(held.octets, from + i, bit_at(bits, i));
}

void ServerImage::write_registers(std::uint16_t address, Bytes values) {
    const auto count = static_cast<std::uint32_t>(values.size() / 2);
    Held& held = *holding(Area::holding_register, {address, count});
    std::ranges::copy(values, held.octets.begin() + 2 * std::ptrdiff_t(address - held.begin));
}

bool ServerImage::set(Area area, std::uint16_t address, std::span<const std::uint16_t> values) {
    if (values.empty() || values.size() > addresses_end) return false;
    Held* held = holding(area, {address, static_cast<std::uint32_t>(values.size())});
    if (held == nullptr) return false;
    const std::size_t from = address - held->begin;
    if (has_bits(area)) {
        for (std::size_t i = 0; i < values.size(); ++i)
            put_bit(held->octets, from + i, values[i] != 0);
        return true;
    }
    ByteWriter out(MutableBytes(held->octets).subspan(2 * from, 2 * values.size()));
    for (const std::uint16_t value : values) out.be16(value);
    return true;
}

std::optional<std::uint16_t> ServerImage::at(Area area, std::uint16_t address) const {
    const Held* held = holding(area, {address, 1});
    if (held == nullptr) return std::nullopt;
    const std::size_t from = address - held->begin;
    if (has_bits(area)) return bit_at(held->octets, from) ? 1 : 0;
    return ByteReader(Bytes(held->octets).subspan(2 * from)).be16();
}

void ServerImage::fail(Area area, Stretch stretch, std::optional<Exception> exception) {
    std::vector<Failing>& all = space(area).failing;
    const std::uint32_t end =
        std::min(addresses_end, stretch.address + std::min(addresses_end, stretch.count));
    std::vector<Failing> kept;
    for (const Failing& failing : all) {
        if (failing.end <= stretch.address || failing.begin >= end) {
            kept.push_back(failing);
            continue;
        }
        Failing before = failing;
        before.end = stretch.address;
        if (before.begin < before.end) kept.push_back(before);
        Failing behind = failing;
        behind.begin = end;
        if (behind.begin < behind.end) kept.push_back(behind);
    }
    if (exception && end > stretch.address) {
        Failing failing;
        failing.begin = stretch.address;
        failing.end = end;
        failing.exception = *exception;
        // Next to one of its kind it is one with it: a device's stretches come and go in pieces.
        std::erase_if(kept, [&](const Failing& other) {
            if (other.exception != failing.exception || other.end < failing.begin ||
                other.begin > failing.end)
                return false;
            failing.begin = std::min(failing.begin, other.begin);
            failing.end = std::max(failing.end, other.end);
            return true;
        });
        kept.push_back(failing);
    }
    std::ranges::sort(kept, {}, &Failing::begin);
    all = std::move(kept);
}

}  // namespace causeway::scada::modbus
