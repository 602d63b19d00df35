#pragma once
// Bits and registers of one unit, laid out as they go over the line: a read copies octets.
#include "base/bytes.hpp"
#include "scada/modbus/server.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace causeway::scada::modbus {

class ServerImage {
public:
    explicit ServerImage(std::span<const Extent> extents);

    struct Stretch {
        std::uint16_t address = 0;
        std::uint32_t count = 0;
    };
    /// What stands in the way of a read; none: it is all there.
    [[nodiscard]] std::optional<Exception> refuses(Area area, Stretch stretch) const;
    /// Of what refuses() lets through. Bits begin at the lowest of the first octet.
    void read(Area area, Stretch stretch, ByteWriter& out) const;

    enum class Write : std::uint8_t { refused, at_once, asked };
    [[nodiscard]] Write writes(Area area, Stretch stretch) const;
    /// Of what writes() lets through.
    void write_bits(std::uint16_t address, std::uint16_t count, Bytes bits);
    void write_registers(std::uint16_t address, Bytes values);

    bool set(Area area, std::uint16_t address, std::span<const std::uint16_t> values);
    [[nodiscard]] std::optional<std::uint16_t> at(Area area, std::uint16_t address) const;
    void fail(Area area, Stretch stretch, std::optional<Exception> exception);

private:
    struct Range {
        std::uint32_t begin = 0;
        std::uint32_t end = 0;
    };
    struct Held : Range {
        Octets octets{};  // one more than is needed, so that a bit's neighbour is always there
    };
    struct Right : Range {
        bool asked = false;
    };
    struct Failing : Range {
        Exception exception{};
    };
    struct Space {
        std::vector<Held> held{};  // apart from each other, in order
        std::vector<Right> rights{};
        std::vector<Failing> failing{};
    };

    [[nodiscard]] const Space& space(Area area) const noexcept {
        return spaces_[static_cast<std::size_t>(area)];
    }
    [[nodiscard]] Space& space(Area area) noexcept {
        return spaces_[static_cast<std::size_t>(area)];
    }
    [[nodiscard]] const Held* holding(Area area, Stretch stretch) const;
    [[nodiscard]] Held* holding(Area area, Stretch stretch) {
        return const_cast<Held*>(std::as_const(*this).holding(area, stretch));
    }

    std::array<Space, 4> spaces_;
};

}  // namespace causeway::scada::modbus
