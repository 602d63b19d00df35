#include "points/quality.hpp"

#include "base/ascii.hpp"

#include <array>

namespace causeway::points {
namespace {

/// In the order of the bits.
constexpr std::array<std::string_view, 15> flag_names{
    "offline",     "restart",     "comm_lost",       "remote_forced", "local_forced",
    "over_range",  "chatter",     "discontinuity",   "invalid",       "blocked",
    "substituted", "not_topical", "reference_error", "rollover",      "never_known",
};

}  // namespace

std::string_view name_of(Flag flag) noexcept {
    for (std::size_t i = 0; i < flag_names.size(); ++i)
        if (std::to_underlying(flag) == 1u << i) return flag_names[i];
    return "?";
}

std::string to_text(Quality quality) {
    if (quality.good()) return "good";
    std::string text;
    for (std::size_t i = 0; i < flag_names.size(); ++i) {
        if ((quality.bits() >> i & 1u) == 0) continue;
        if (!text.empty()) text += ',';
        text += flag_names[i];
    }
    return text;
}

std::optional<Quality> quality_from_text(std::string_view text) {
    Quality quality;
    if (trimmed(text) == "good") return quality;
    for (;;) {
        const std::string_view name = trimmed(text.substr(0, text.find(',')));
        std::size_t at = 0;
        while (at < flag_names.size() && flag_names[at] != name) ++at;
        if (at == flag_names.size()) return std::nullopt;
        quality.set(static_cast<Flag>(1u << at));
        if (text.find(',') == std::string_view::npos) return quality;
        text.remove_prefix(text.find(',') + 1);
    }
}

}  // namespace causeway::points
