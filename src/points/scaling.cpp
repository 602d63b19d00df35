#include "points/scaling.hpp"

#include <cmath>

namespace causeway::points {
namespace {

/// A factor of 0.1 is no number that a double has, but its inverse is: 3 / 10 is the 0.3 that a
/// person means, 3 * 0.1 is 0.30000000000000004. None where the inverse is not whole.
double whole_inverse(double factor) noexcept {
    const double inverse = std::round(1 / factor);
    return std::abs(inverse) > 1 && std::abs(inverse) <= 1e15 && 1 / inverse == factor ? inverse
                                                                                       : 0;
}

}  // namespace

Value Scaling::to_point(const Value& raw) const {
    if (plain()) return raw;
    const auto number = as_real(raw);
    if (!number) return raw;
    const double inverse = whole_inverse(factor);
    return (inverse != 0 ? *number / inverse : *number * factor) + offset;
}

std::optional<Value> Scaling::to_raw(const Value& value) const {
    if (plain()) return value;
    const auto number = as_real(value);
    if (!number || factor == 0) return std::nullopt;
    const double inverse = whole_inverse(factor);
    const double above = *number - offset;
    return inverse != 0 ? above * inverse : above / factor;
}

}  // namespace causeway::points
