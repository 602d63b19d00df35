#pragma once
// Where frames to dissect come from: captures, and octets written in hexadecimal.
#include "dissect/dissection.hpp"

#include <cstdint>
#include <expected>
#include <functional>
#include <istream>
#include <optional>
#include <string>
#include <string_view>

namespace causeway::dissect {

/// One of them, borrowed.
struct Frame {
    std::optional<std::uint64_t> unix_ns;  // nothing for hexadecimal
    std::optional<Link> link;              // nothing: not one that is known here
    Bytes octets;
    std::uint32_t missing_octets = 0;  // that the capture cut off
    std::string_view note;             // which interface, or what link it is
};
using OnFrame = std::function<void(const Frame&)>;

/// A capture, or a frame a line in hexadecimal ('#' begins a comment), whichever it looks like. The
/// error says what cannot be read; what stands before it has been handed out.
[[nodiscard]] std::expected<void, std::string> read_frames(std::istream& in,
                                                           std::optional<Link> link,
                                                           const OnFrame& on_frame);

/// "41 d8 00", "0x41d800"; nullopt for anything else, and for nothing.
[[nodiscard]] std::optional<Octets> octets_from_text(std::string_view text);

}  // namespace causeway::dissect
