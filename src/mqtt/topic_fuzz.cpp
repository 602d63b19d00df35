// Matching, and what is a filter, a name and a text, against references that are slow and plain.
// Input: a filter, a line feed, a name.
#include "base/assert.hpp"
#include "mqtt/text.hpp"
#include "mqtt/topic.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

using namespace causeway::mqtt;

namespace {

std::vector<std::string> levels(std::string_view topic) {
    std::vector<std::string> out(1);
    for (const char c : topic) {
        if (c == '/') {
            out.emplace_back();
        } else {
            out.back() += c;
        }
    }
    return out;
}

bool plain_matches(std::span<const std::string> filter, std::span<const std::string> name) {
    if (filter.empty()) return name.empty();
    if (filter.front() == "#") return true;
    if (name.empty()) return false;
    return (filter.front() == "+" || filter.front() == name.front()) &&
           plain_matches(filter.subspan(1), name.subspan(1));
}

bool plain_filter(std::string_view filter) {
    if (filter.empty() || filter.size() > 65'535) return false;
    if (filter.find('\0') != filter.npos) return false;
    auto parts = levels(filter);
    if (parts.size() > 1 && parts[0] == "$share") {
        if (parts.size() < 3 || parts[1].empty()) return false;
        if (parts[1].find_first_of("+#") != std::string::npos) return false;
        parts.erase(parts.begin(), parts.begin() + 2);
        if (parts.size() == 1 && parts[0].empty()) return false;
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const bool wild = parts[i].find_first_of("+#") != std::string::npos;
        if (wild && parts[i].size() != 1) return false;
        if (parts[i] == "#" && i + 1 != parts.size()) return false;
    }
    return true;
}

/// By decoding code points.
bool plain_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto octet = [&](std::size_t at) {
            return at < text.size() ? static_cast<std::uint8_t>(text[at]) : std::uint8_t{0};
        };
        const std::uint32_t first = octet(i);
        const std::size_t size = first < 0x80   ? 1
                                 : first < 0xc0 ? 0
                                 : first < 0xe0 ? 2
                                 : first < 0xf0 ? 3
                                 : first < 0xf8 ? 4
                                                : 0;
        if (size == 0) return false;
        std::uint32_t point = size == 1 ? first : first & (0x7fu >> size);
        for (std::size_t k = 1; k < size; ++k) {
            if ((octet(i + k) & 0xc0) != 0x80) return false;
            point = point << 6 | (octet(i + k) & 0x3fu);
        }
        constexpr std::uint32_t least[] = {0, 1, 0x80, 0x800, 0x10000};
        if (point < least[size] || point > 0x10ffff) return false;
        if (point >= 0xd800 && point <= 0xdfff) return false;
        i += size;
    }
    return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view all(reinterpret_cast<const char*>(data), size);
    const std::string_view filter = all.substr(0, all.find('\n'));
    const std::string_view name = all.substr(std::min(size, filter.size() + 1));

    for (const std::string_view text : {filter, name}) {
        CAUSEWAY_ASSERT(is_utf8_text(text) == plain_utf8(text));
        CAUSEWAY_ASSERT(traits_of(text).wildcard == (text.find_first_of("+#") != text.npos));
        CAUSEWAY_ASSERT(is_topic_filter(text) == plain_filter(text));
        CAUSEWAY_ASSERT(is_topic_name(text) ==
                        (plain_filter("x/" + std::string(text)) && !text.empty() &&
                         text.size() <= 65'535 && !traits_of(text).wildcard));
        CAUSEWAY_ASSERT(levels_of(text) == levels(text).size());
    }
    const bool matched = matches(filter, name);  // whatever they are
    if (!is_topic_filter(filter) || !is_topic_name(name)) return 0;
    auto wanted = levels(filter);
    if (wanted.size() > 1 && wanted[0] == "$share")
        wanted.erase(wanted.begin(), wanted.begin() + 2);
    const bool hidden = name.starts_with('$') && (wanted[0] == "+" || wanted[0] == "#");
    CAUSEWAY_ASSERT(matched == (!hidden && plain_matches(wanted, levels(name))));
    return 0;
}
