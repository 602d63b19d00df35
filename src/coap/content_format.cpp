#include "coap/content_format.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace causeway::coap {
namespace {

struct Named {
    ContentFormat format;
    std::string_view name;
};

constexpr std::array named_formats{
    Named{ContentFormat::text_plain, "text/plain"},
    Named{ContentFormat::cose_encrypt0, "application/cose-encrypt0"},
    Named{ContentFormat::cose_mac0, "application/cose-mac0"},
    Named{ContentFormat::cose_sign1, "application/cose-sign1"},
    Named{ContentFormat::link_format, "application/link-format"},
    Named{ContentFormat::xml, "application/xml"},
    Named{ContentFormat::octet_stream, "application/octet-stream"},
    Named{ContentFormat::exi, "application/exi"},
    Named{ContentFormat::json, "application/json"},
    Named{ContentFormat::json_patch, "application/json-patch+json"},
    Named{ContentFormat::merge_patch, "application/merge-patch+json"},
    Named{ContentFormat::cbor, "application/cbor"},
    Named{ContentFormat::cwt, "application/cwt"},
    Named{ContentFormat::edhoc, "application/edhoc+cbor-seq"},
    Named{ContentFormat::cid_edhoc, "application/cid-edhoc+cbor-seq"},
    Named{ContentFormat::senml_json, "application/senml+json"},
    Named{ContentFormat::sensml_json, "application/sensml+json"},
    Named{ContentFormat::senml_cbor, "application/senml+cbor"},
    Named{ContentFormat::sensml_cbor, "application/sensml+cbor"},
    Named{ContentFormat::senml_exi, "application/senml-exi"},
    Named{ContentFormat::problem_details, "application/concise-problem-details+cbor"},
    Named{ContentFormat::missing_blocks, "application/missing-blocks+cbor-seq"},
    Named{ContentFormat::senml_xml, "application/senml+xml"},
};

}  // namespace

std::string_view name_of(ContentFormat format) noexcept {
    for (const Named& named : named_formats)
        if (named.format == format) return named.name;
    return {};
}

std::string to_text(ContentFormat format) {
    const std::string_view name = name_of(format);
    return name.empty() ? std::to_string(std::to_underlying(format)) : std::string(name);
}

std::optional<ContentFormat> content_format_from_text(std::string_view text) {
    for (const Named& named : named_formats) {
        const std::string_view last = named.name.substr(named.name.find('/') + 1);
        if (text == named.name || text == last) return named.format;
    }
    std::uint16_t number = 0;
    const char* end = text.data() + text.size();
    const auto [stopped, fault] = std::from_chars(text.data(), end, number);
    if (text.empty() || fault != std::errc{} || stopped != end) return std::nullopt;
    return ContentFormat{number};
}

std::optional<ContentFormat> format_in(const Options& options, OptionNumber number) noexcept {
    const auto value = options.uint(number);
    if (!value || *value > 0xffff) return std::nullopt;
    return ContentFormat{static_cast<std::uint16_t>(*value)};
}

}  // namespace causeway::coap
