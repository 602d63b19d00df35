#include "coap/text.hpp"

#include "base/hex.hpp"
#include "coap/block.hpp"
#include "coap/content_format.hpp"

#include <algorithm>

namespace causeway::coap {
namespace {

bool is_plain(Bytes octets) noexcept {
    return std::ranges::all_of(octets, [](std::byte b) {
        const auto c = std::to_integer<unsigned>(b);
        return c >= 0x20 && c != 0x7f;  // UTF-8 passes unchecked
    });
}

std::string shown(Bytes octets) {
    return is_plain(octets) ? std::string(as_text(octets)) : to_hex(octets);
}

std::string block_text(const Block& block) {
    return std::to_string(block.number) + (block.more ? "/1/" : "/0/") +
           std::to_string(block.size());
}

std::string value_text(const Option& option, const OptionDefinition* known) {
    if (known == nullptr) return to_hex(option.value);
    const auto number = option.as_uint();
    switch (known->format) {
        case OptionFormat::empty:
            return {};
        case OptionFormat::opaque:
            return to_hex(option.value);
        case OptionFormat::string:
            return shown(option.value);
        case OptionFormat::uint:
            break;
    }
    if (!number) return to_hex(option.value);
    if (option.number == OptionNumber::content_format || option.number == OptionNumber::accept)
        if (*number <= 0xffff) return to_text(ContentFormat{static_cast<std::uint16_t>(*number)});
    if (option.number == OptionNumber::block1 || option.number == OptionNumber::block2) {
        const unsigned szx = *number & 7u;
        if (szx <= Block::szx_max)
            return block_text({*number >> 4, (*number & 8u) != 0, static_cast<std::uint8_t>(szx)});
    }
    return std::to_string(*number);
}

}  // namespace

std::string to_text(const Option& option) {
    const OptionDefinition* known = definition_of(option.number);
    std::string text = known != nullptr
                           ? std::string(known->name)
                           : "option " + std::to_string(std::to_underlying(option.number));
    const std::string value = value_text(option, known);
    if (known == nullptr || known->format != OptionFormat::empty) text += ": " + value;
    return text;
}

std::string to_text(const Message& message, std::size_t payload_octets_max) {
    std::string text(name_of(message.type));
    text += ' ' + to_text(message.code) + " id ";
    const std::array id{std::byte(message.id >> 8), std::byte(message.id & 0xff)};
    text += to_hex(id);
    if (!message.token.empty()) text += " token " + to_hex(message.token.bytes());
    bool first = true;
    for (const Option option : message.options) {
        text += std::exchange(first, false) ? " [" : ", ";
        text += to_text(option);
    }
    if (!first) text += ']';
    if (message.payload.empty()) return text;
    text += " payload " + std::to_string(message.payload.size()) + ": ";
    const Bytes payload = message.payload;
    text += shown(payload.first(std::min(payload.size(), payload_octets_max)));
    if (payload.size() > payload_octets_max) text += " ...";
    return text;
}

}  // namespace causeway::coap
