#include "net/serial_port.hpp"

#include <algorithm>
#include <charconv>

namespace causeway::net {

Duration SerialFormat::character_time() const noexcept {
    const std::int64_t bits = 1 + data_bits + (parity == Parity::none ? 0 : 1) + stop_bits;
    return std::chrono::nanoseconds(bits * 1'000'000'000 / std::max<std::int64_t>(baud, 1));
}

std::string to_text(const SerialFormat& format) {
    std::string text = std::to_string(format.baud) + '-';
    text += static_cast<char>('0' + format.data_bits);
    text += "NEOMS"[static_cast<std::size_t>(format.parity)];
    text += static_cast<char>('0' + format.stop_bits);
    if (format.flow == FlowControl::rts_cts) text += "/rtscts";
    if (format.flow == FlowControl::xon_xoff) text += "/xonxoff";
    return text;
}

std::optional<SerialFormat> serial_format_from(std::string_view text) {
    SerialFormat format;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), format.baud);
    if (error != std::errc{} || format.baud == 0) return {};
    std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
    if (const auto slash = rest.find('/'); slash != std::string_view::npos) {
        const std::string_view flow = rest.substr(slash + 1);
        if (flow != "rtscts" && flow != "xonxoff" && flow != "none") return {};
        if (flow == "rtscts") format.flow = FlowControl::rts_cts;
        if (flow == "xonxoff") format.flow = FlowControl::xon_xoff;
        rest = rest.substr(0, slash);
    }
    if (rest.empty()) return format;
    if (rest.size() != 4 || (rest[0] != '-' && rest[0] != ' ')) return {};
    const std::string_view parities = "NEOMS";
    const auto parity = parities.find(rest[2]);
    if (rest[1] < '5' || rest[1] > '8' || parity == std::string_view::npos || rest[3] < '1' ||
        rest[3] > '2')
        return {};
    format.data_bits = static_cast<std::uint8_t>(rest[1] - '0');
    format.parity = static_cast<Parity>(parity);
    format.stop_bits = static_cast<std::uint8_t>(rest[3] - '0');
    return format;
}

}  // namespace causeway::net
