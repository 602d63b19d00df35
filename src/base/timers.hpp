#pragma once
#include "base/time.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace causeway {

/// Named deadlines. `Name` is an enum whose last enumerator is `count`.
template <class Name>
class Timers {
public:
    void arm(Name n, Instant at) noexcept { at_[index(n)] = at; }
    void disarm(Name n) noexcept { at_[index(n)] = never; }
    [[nodiscard]] bool armed(Name n) const noexcept { return at_[index(n)] != never; }
    [[nodiscard]] Instant due(Name n) const noexcept { return at_[index(n)]; }
    [[nodiscard]] Instant next() const noexcept { return *std::ranges::min_element(at_); }

    /// True once per expiry: asking disarms.
    [[nodiscard]] bool take_expired(Name n, Instant now) noexcept {
        if (at_[index(n)] > now) return false;
        disarm(n);
        return true;
    }

private:
    static constexpr std::size_t index(Name n) noexcept {
        return static_cast<std::size_t>(std::to_underlying(n));
    }

    std::array<Instant, static_cast<std::size_t>(std::to_underlying(Name::count))> at_ = filled();

    static constexpr auto filled() {
        decltype(at_) a{};
        a.fill(never);
        return a;
    }
};

}  // namespace causeway
