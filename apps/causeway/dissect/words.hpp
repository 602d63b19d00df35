#pragma once
// Names and small texts that several layers share.
#include "dissect/dissection.hpp"

#include <fmt/format.h>

namespace causeway::dissect {

/// Longer payloads are cut, and their length told.
[[nodiscard]] std::string hex_of(Bytes octets);
[[nodiscard]] std::string plural(std::size_t count, std::string_view thing);
[[nodiscard]] inline std::string hex8(unsigned value) {
    return fmt::format("{:#04x}", value);
}
[[nodiscard]] inline std::string hex16(unsigned value) {
    return fmt::format("{:#06x}", value);
}
/// "UDP", "Hop-by-Hop Options", or the number.
[[nodiscard]] std::string next_header_name(std::uint8_t next_header);
/// "1800 s", "for ever".
[[nodiscard]] std::string seconds_text(std::uint32_t seconds);

/// What remains of names that stand for set flags: "ack-request, pending"; "none".
class Flags {
public:
    Flags& add(bool set, std::string_view name) {
        if (set) text_ += (text_.empty() ? "" : ", ") + std::string(name);
        return *this;
    }
    [[nodiscard]] std::string text() const { return text_.empty() ? "none" : text_; }

private:
    std::string text_;
};

void add_nd(std::uint8_t type, Bytes message, Layer& layer, Dissection& out);
void add_rpl(std::uint8_t code, Bytes body, Layer& layer, Dissection& out);
void add_iphc(Bytes octets, Layer& layer);
void add_coap_layer(Bytes octets, Dissection& out);

}  // namespace causeway::dissect
