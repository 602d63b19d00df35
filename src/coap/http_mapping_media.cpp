// Media types and Content-Formats. [RFC 8075 §6; RFC 7252 §12.3]
#include "coap/http_mapping.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace causeway::coap {
namespace {

constexpr std::size_t parameters_max = 16;
constexpr std::size_t ranges_max = 64;  // of an Accept header

struct Known {
    std::uint16_t number;
    std::string_view type;
    std::string_view parameter = {};  // that belongs to it: "cose-type=cose-sign1"
};

/// Of the registry, what has no content coding.
constexpr std::array registry{
    Known{0, "text/plain"},
    Known{16, "application/cose", "cose-type=cose-encrypt0"},
    Known{17, "application/cose", "cose-type=cose-mac0"},
    Known{18, "application/cose", "cose-type=cose-sign1"},
    Known{40, "application/link-format"},
    Known{41, "application/xml"},
    Known{42, "application/octet-stream"},
    Known{47, "application/exi"},
    Known{50, "application/json"},
    Known{51, "application/json-patch+json"},
    Known{52, "application/merge-patch+json"},
    Known{60, "application/cbor"},
    Known{61, "application/cwt"},
    Known{62, "application/multipart-core"},
    Known{63, "application/cbor-seq"},
    Known{110, "application/senml+json"},
    Known{111, "application/sensml+json"},
    Known{112, "application/senml+cbor"},
    Known{113, "application/sensml+cbor"},
    Known{114, "application/senml-exi"},
    Known{115, "application/sensml-exi"},
    Known{257, "application/concise-problem-details+cbor"},
    Known{310, "application/senml+xml"},
    Known{311, "application/sensml+xml"},
    Known{320, "application/senml-etch+json"},
    Known{322, "application/senml-etch+cbor"},
};

/// The part before `mark`, outside of quotes, which is taken off `rest`.
std::string_view cut(std::string_view& rest, char mark) noexcept {
    bool quoted = false;
    std::size_t at = 0;
    for (; at < rest.size(); ++at) {
        if (quoted && rest[at] == '\\')
            ++at;
        else if (rest[at] == '"')
            quoted = !quoted;
        else if (!quoted && rest[at] == mark)
            break;
    }
    at = std::min(at, rest.size());
    const std::string_view part = rest.substr(0, at);
    rest.remove_prefix(std::min(at + 1, rest.size()));
    return trimmed(part);
}

struct MediaType {
    std::string type;  // lower case
    std::vector<std::pair<std::string, std::string>> parameters;

    [[nodiscard]] const std::string* find(std::string_view name) const {
        for (const auto& [key, value] : parameters)
            if (key == name) return &value;
        return nullptr;
    }
};

MediaType read_media_type(std::string_view text) {
    MediaType media;
    media.type = lowered(cut(text, ';'));
    while (!text.empty() && media.parameters.size() < parameters_max) {
        std::string_view value = cut(text, ';');
        const std::string name = lowered(cut(value, '='));
        value = trimmed(value);
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
            value = value.substr(1, value.size() - 2);
        if (!name.empty()) media.parameters.emplace_back(name, lowered(value));
    }
    return media;
}

std::optional<ContentFormat> look_up(const MediaType& media) {
    for (const Known& known : registry) {
        if (known.type != media.type) continue;
        const std::size_t equals = known.parameter.find('=');
        if (equals == std::string_view::npos) return ContentFormat{known.number};
        const std::string* value = media.find(known.parameter.substr(0, equals));
        if (value != nullptr && *value == known.parameter.substr(equals + 1))
            return ContentFormat{known.number};
    }
    return std::nullopt;
}

/// "the table entries are compared to the input in top to bottom order" [RFC 8075 §6.3]
std::string_view generalized(std::string_view type) noexcept {
    if (type.starts_with("application/")) {
        if (type.ends_with("+xml")) return "application/xml";
        if (type.ends_with("+json")) return "application/json";
        if (type.ends_with("+cbor")) return "application/cbor";
    }
    if (type == "text/xml") return "application/xml";
    if (type.starts_with("text/")) return "text/plain";
    return "application/octet-stream";
}

/// cf of application/coap-payload. [RFC 8075 §9.2]
std::optional<ContentFormat> coap_payload(const MediaType& media) {
    const std::string* cf = media.find("cf");
    if (cf == nullptr) return std::nullopt;
    std::uint16_t number = 0;
    const char* const end = cf->data() + cf->size();
    const auto [at, fault] = std::from_chars(cf->data(), end, number);
    if (cf->empty() || fault != std::errc{} || at != end) return std::nullopt;
    return ContentFormat{number};
}

/// CoAP's texts are in UTF-8, of which ASCII is a part. [RFC 7252 §12.3]
bool has_fitting_charset(const MediaType& media) {
    const std::string* charset = media.find("charset");
    return charset == nullptr || *charset == "utf-8" || *charset == "utf8" ||
           *charset == "us-ascii";
}

std::optional<ContentFormat> content_format_of(const MediaType& media, const HttpMapping& mapping,
                                               bool loose) {
    if (media.type == "application/coap-payload")
        return mapping.pass_unknown_formats ? coap_payload(media) : std::nullopt;
    if (!media.type.contains('/') || !has_fitting_charset(media)) return std::nullopt;
    if (const auto exact = look_up(media)) return exact;
    if (!loose) return std::nullopt;
    return look_up({std::string(generalized(media.type)), {}});
}

/// In thousandths; nullopt when it is no weight. [RFC 9110 §12.4.2]
std::optional<unsigned> weight_of(const MediaType& media) {
    const std::string* q = media.find("q");
    if (q == nullptr) return 1000;
    if (q->empty() || q->size() > 5 || (q->front() != '0' && q->front() != '1'))
        return std::nullopt;
    unsigned weight = static_cast<unsigned>(q->front() - '0') * 1000;
    if (q->size() > 1 && (*q)[1] != '.') return std::nullopt;
    unsigned place = 100;
    for (const char c : std::string_view(*q).substr(std::min<std::size_t>(2, q->size()))) {
        if (c < '0' || c > '9') return std::nullopt;
        weight += static_cast<unsigned>(c - '0') * place;
        place /= 10;
    }
    return std::min(weight, 1000u);
}

}  // namespace

std::optional<ContentFormat> content_format_of(std::string_view media_type,
                                               const HttpMapping& mapping) {
    return content_format_of(read_media_type(media_type), mapping, mapping.loose);
}

std::string media_type_of(ContentFormat format) {
    for (const Known& known : registry) {
        if (known.number != std::to_underlying(format)) continue;
        std::string text(known.type);
        if (format == ContentFormat::text_plain) text += ";charset=utf-8";
        if (const std::size_t equals = known.parameter.find('='); equals != std::string_view::npos)
            text += ';' + std::string(known.parameter.substr(0, equals)) + "=\"" +
                    std::string(known.parameter.substr(equals + 1)) + '"';
        return text;
    }
    return "application/coap-payload;cf=" + std::to_string(std::to_underlying(format));
}

bool is_text(ContentFormat format) noexcept {
    for (const Known& known : registry)
        if (known.number == std::to_underlying(format))
            return known.type.starts_with("text/") || known.type.ends_with("json") ||
                   known.type.ends_with("xml") || known.type.ends_with("/link-format");
    return false;
}

std::vector<std::optional<ContentFormat>> accepts_of(std::string_view accept,
                                                     const HttpMapping& mapping) {
    struct Wanted {
        unsigned weight;
        std::size_t place;
        std::optional<ContentFormat> format;
    };
    std::vector<Wanted> wanted;
    std::size_t ranges = 0;
    while (!accept.empty() && ++ranges <= ranges_max) {
        const std::string_view part = cut(accept, ',');
        if (part.empty()) continue;
        const MediaType media = read_media_type(part);
        const unsigned weight = weight_of(media).value_or(0);
        if (weight == 0 || media.type == "text/event-stream") continue;
        // "an HTTP Accept */* MUST be mapped to a CoAP request without an Accept option"
        // [RFC 8075 §6.1]; ranges of a type are not looser than that for those who serve us.
        if (media.type.ends_with("/*"))
            wanted.push_back({weight, ranges, std::nullopt});
        else if (const auto format = content_format_of(media, mapping, false))
            wanted.push_back({weight, ranges, format});
    }
    std::ranges::sort(wanted, [](const Wanted& a, const Wanted& b) {
        return a.weight != b.weight ? a.weight > b.weight : a.place < b.place;
    });
    std::vector<std::optional<ContentFormat>> formats;
    for (const Wanted& one : wanted) {
        const bool known = std::ranges::find(formats, one.format) != formats.end();
        if (known || formats.size() == accepts_max) continue;
        formats.push_back(one.format);
        if (!one.format) break;  // there is no less than that
    }
    return formats;
}

}  // namespace causeway::coap
