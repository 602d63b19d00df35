#pragma once
// CoAP Content-Formats [RFC 7252 §12.3] that this program names; any other number passes through.
#include "coap/options.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace causeway::coap {

enum class ContentFormat : std::uint16_t {
    text_plain = 0,
    link_format = 40,
    xml = 41,
    octet_stream = 42,
    exi = 47,
    json = 50,
    json_patch = 51,
    merge_patch = 52,
    cbor = 60,
    cwt = 61,
    edhoc = 64,
    cid_edhoc = 65,
    cose_encrypt0 = 16,
    cose_mac0 = 17,
    cose_sign1 = 18,
    senml_json = 110,
    sensml_json = 111,
    senml_cbor = 112,
    sensml_cbor = 113,
    senml_exi = 114,
    problem_details = 257,
    missing_blocks = 272,
    senml_xml = 310,
};

/// "application/senml+json"; empty when the number has no name here.
[[nodiscard]] std::string_view name_of(ContentFormat format) noexcept;
/// The name, or the bare number where there is none.
[[nodiscard]] std::string to_text(ContentFormat format);
/// Reads a media type, its last part ("json", "senml+cbor") or a decimal number.
[[nodiscard]] std::optional<ContentFormat> content_format_from_text(std::string_view text);

/// What a Content-Format or Accept option says; nullopt where there is none, or no such number.
[[nodiscard]] std::optional<ContentFormat> format_in(const Options& options,
                                                     OptionNumber number) noexcept;

}  // namespace causeway::coap
