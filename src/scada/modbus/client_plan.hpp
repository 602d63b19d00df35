#pragma once
// What a device's items come to in requests, and requests in octets.
#include "scada/modbus/client.hpp"

#include <optional>
#include <vector>

namespace causeway::scada::modbus {

/// A part of an item, or all of it, within a group's registers or bits.
struct PollSlice {
    std::size_t item = 0;
    std::uint16_t part = 0;  // of how many it takes
    std::uint16_t item_offset = 0;
    std::uint16_t offset = 0;  // in the group
    std::uint16_t count = 0;
};

/// What one request reads.
struct PollGroup {
    Area area = Area::holding_register;
    std::uint16_t address = 0;
    std::uint16_t count = 0;
    Duration every{};
    std::vector<PollSlice> slices{};
    Instant due = never;
    bool under_way = false;
};

[[nodiscard]] std::vector<PollGroup> groups_of(const DevicePlan& plan);
/// Without the holes between its items; where it has none, item by item. The same where it is one.
[[nodiscard]] std::vector<PollGroup> apart(const PollGroup& group);

/// How long the answer is; zero: it says so itself.
[[nodiscard]] std::size_t answer_octets(Bytes request) noexcept;
/// Whether `answer`, which is no exception, can be the one to `request`.
[[nodiscard]] bool answers(Bytes answer, Bytes request) noexcept;
/// Asking twice does no more than asking once.
[[nodiscard]] bool is_read(Bytes request) noexcept;

}  // namespace causeway::scada::modbus
