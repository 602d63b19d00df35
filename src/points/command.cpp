#include "points/command.hpp"

#include <algorithm>
#include <array>

namespace causeway::points {
namespace {

constexpr std::array<std::string_view, 17> outcome_names{
    "success",        "timeout",        "no_select", "format_error", "not_supported",
    "already_active", "hardware_error", "local",     "too_many",     "not_authorized",
    "inhibited",      "out_of_range",   "busy",      "unreachable",  "unanswered",
    "refused",        "cancelled",
};
constexpr std::array<std::string_view, 4> step_names{"select", "operate", "direct", "cancel"};

static_assert(outcome_names[std::size_t{std::to_underlying(Outcome::cancelled)}] == "cancelled");
static_assert(step_names[std::size_t{std::to_underlying(Step::cancel)}] == "cancel");

template <class Enum, std::size_t N>
std::optional<Enum> number_of(const std::array<std::string_view, N>& names,
                              std::string_view text) noexcept {
    const auto found = std::ranges::find(names, text);
    if (found == names.end()) return std::nullopt;
    return static_cast<Enum>(found - names.begin());
}

}  // namespace

std::string_view name_of(Outcome outcome) noexcept {
    const std::size_t at = std::to_underlying(outcome);
    return at < outcome_names.size() ? outcome_names[at] : "?";
}

std::string_view name_of(Step step) noexcept {
    const std::size_t at = std::to_underlying(step);
    return at < step_names.size() ? step_names[at] : "?";
}

std::optional<Outcome> outcome_from_text(std::string_view text) noexcept {
    return number_of<Outcome>(outcome_names, text);
}

std::optional<Step> step_from_text(std::string_view text) noexcept {
    return number_of<Step>(step_names, text);
}

}  // namespace causeway::points
