#pragma once
// From a device's raw numbers to what a point says, and back.
#include "points/value.hpp"

#include <optional>

namespace causeway::points {

/// value = raw * factor + offset
struct Scaling {
    double factor = 1;  // not zero
    double offset = 0;

    [[nodiscard]] bool plain() const noexcept { return factor == 1 && offset == 0; }
    /// A plain scaling leaves every kind as it is; any other makes numbers real, and leaves what is
    /// no number alone.
    [[nodiscard]] Value to_point(const Value& raw) const;
    /// The raw number that stands for it; none where it is not a number but should be.
    [[nodiscard]] std::optional<Value> to_raw(const Value& value) const;
    friend bool operator==(const Scaling&, const Scaling&) = default;
};

}  // namespace causeway::points
