#include "coap/resource_directory_read.hpp"

#include "coap/uri.hpp"

#include <algorithm>
#include <charconv>

namespace causeway::coap {
namespace {

bool is_scheme_char(char c) noexcept {
    const char l = static_cast<char>(c | 0x20);
    return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
}

/// The octets of "scheme:" at the front; 0: none is there. [RFC 3986 §3.1]
std::size_t scheme_octets(std::string_view text) noexcept {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || colon == 0) return 0;
    const std::string_view scheme = text.substr(0, colon);
    const char first = static_cast<char>(scheme.front() | 0x20);
    if (first < 'a' || first > 'z' || !std::ranges::all_of(scheme, is_scheme_char)) return 0;
    return colon + 1;
}

/// What may stand in a URI: printable ASCII but for delimiters and the unwise.
bool is_uri_char(char c) noexcept {
    return c > ' ' && c < '\x7f' && !std::string_view("<>\"{}|\\^`").contains(c);
}

/// A parameter's name is "a valid URI query key and a token" [RFC 9176 §9.3].
bool is_key(std::string_view text) noexcept {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        const char l = static_cast<char>(c | 0x20);
        return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') ||
               std::string_view("!$'*+-._~").contains(c);
    });
}

/// Names that mean something else in a link or in a lookup.
bool is_taken(std::string_view key) noexcept {
    static constexpr std::string_view names[] = {"href", "anchor", "rel",  "rev",
                                                 "rt",   "page",   "count"};
    return std::ranges::find(names, key) != std::end(names);
}

std::optional<std::uint32_t> decimal(std::string_view text) noexcept {
    std::uint32_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, fault] = std::from_chars(text.data(), end, value);
    return fault == std::errc{} && stop == end ? std::optional(value) : std::nullopt;
}

std::string without_dots(std::string_view reference) {
    const std::size_t end = std::min(reference.find_first_of("?#"), reference.size());
    std::string_view rest = reference.substr(0, end);
    if (!rest.contains("/.")) return std::string(reference);
    std::string path;
    while (!rest.empty()) {
        const std::size_t next = std::min(rest.find('/', 1), rest.size());
        const std::string_view segment = rest.substr(0, next);
        rest.remove_prefix(next);
        if (segment != "/." && segment != "/..") {
            path += segment;
            continue;
        }
        if (segment == "/..") path.resize(path.contains('/') ? path.rfind('/') : 0);
        if (rest.empty()) path += '/';
    }
    path += reference.substr(end);
    return path;
}

/// Whether the reference is one of the limited format's; it is normalised.
bool limit(std::string& reference, bool may_be_empty) {
    if (reference.empty()) return may_be_empty;
    if (!is_clean_text(reference) || reference.contains(' ')) return false;
    if (scheme_octets(reference) != 0) return true;
    if (!reference.starts_with('/') || reference.starts_with("//")) return false;
    reference = without_dots(reference);
    return true;
}

}  // namespace

// ---- parameters --------------------------------------------------------------------------------

std::expected<RegistrationParameters, std::string> RegistrationParameters::from_options(
    const Options& options) {
    RegistrationParameters read;
    const auto name = [](std::optional<std::string>& into, std::string_view key,
                         std::string_view value) -> std::string {
        if (into) return std::string(key) + " is given twice";
        if (value.empty()) return std::string(key) + " is empty";
        if (value.size() > name_octets_max) return std::string(key) + " is longer than 63 octets";
        if (!is_clean_text(value))
            return std::string(key) + " is not UTF-8 text without control characters";
        into = value;
        return {};
    };
    for (const Option option : options) {
        if (option.number != OptionNumber::uri_query) continue;
        const std::string_view argument = option.as_text();
        if (argument.empty()) continue;  // "?" and "&&"
        const std::size_t equals = argument.find('=');
        const std::string_view key = argument.substr(0, equals);
        const bool has_value = equals != std::string_view::npos;
        const std::string_view value = has_value ? argument.substr(equals + 1) : "";
        std::string wrong;
        if (key == "ep") {
            wrong = name(read.endpoint, key, value);
        } else if (key == "d") {
            // "d=" is what a template without a sector leaves behind.
            if (!value.empty() || read.sector) wrong = name(read.sector, key, value);
        } else if (key == "lt") {
            if (read.lifetime) wrong = "lt is given twice";
            read.lifetime = decimal(value);
            if (!read.lifetime || *read.lifetime == 0) wrong = "lt is not 1 to 4294967295";
        } else if (key == "base") {
            if (read.base) wrong = "base is given twice";
            read.base = value;
        } else if (!is_key(key)) {
            wrong = "the name of a parameter is no token";
        } else if (is_taken(key)) {
            wrong = std::string(key) + " is no parameter of a registration";
        } else if (!is_clean_text(value)) {
            wrong = std::string(key) + " is not UTF-8 text without control characters";
        } else if (read.attributes.size() == attributes_max) {
            wrong = "more than 16 parameters";
        } else {
            read.attributes.push_back(
                {std::string(key), has_value ? std::optional<std::string>(value) : std::nullopt});
        }
        if (!wrong.empty()) return std::unexpected(std::move(wrong));
    }
    return read;
}

// ---- base URIs ---------------------------------------------------------------------------------

bool is_link_local(const std::array<std::byte, 16>& address) noexcept {
    if (address[0] == std::byte{0xfe}) return (address[1] & std::byte{0xc0}) == std::byte{0x80};
    constexpr std::array<std::byte, 14> mapped{{{},
                                                {},
                                                {},
                                                {},
                                                {},
                                                {},
                                                {},
                                                {},
                                                {},
                                                {},
                                                std::byte{0xff},
                                                std::byte{0xff},
                                                std::byte{169},
                                                std::byte{254}}};
    return std::ranges::equal(std::span(address).first<14>(), mapped);
}

std::optional<RegistrationBase> RegistrationBase::from_text(std::string_view text) {
    const std::size_t scheme = scheme_octets(text);
    if (scheme == 0 || !text.substr(scheme).starts_with("//")) return std::nullopt;
    if (text.size() > Uri::octets_max || !std::ranges::all_of(text, is_uri_char))
        return std::nullopt;
    const std::size_t start = scheme + 2;
    RegistrationBase base;
    base.text = text;
    base.origin_octets = std::min(text.find_first_of("/?#", start), text.size());

    std::string_view host = text.substr(start, base.origin_octets - start);
    if (const std::size_t at = host.rfind('@'); at != std::string_view::npos)
        host.remove_prefix(at + 1);
    std::string_view port;
    if (host.starts_with('[')) {
        const std::size_t close = host.find(']');
        if (close == std::string_view::npos) return std::nullopt;
        port = host.substr(close + 1);
        host = host.substr(1, close - 1);
        // "it MUST NOT contain a Zone Identifier" [RFC 9176 §5]: no address has one.
        const auto address = address_from_literal(host);
        if (!address || !host.contains(':')) return std::nullopt;
        base.link_local = is_link_local(*address);
    } else {
        const std::size_t colon = std::min(host.find(':'), host.size());
        port = host.substr(colon);
        host = host.substr(0, colon);
        if (host.empty() || host.find_first_of("[]") != std::string_view::npos) return std::nullopt;
        const auto address = address_from_literal(host);
        base.link_local = address && is_link_local(*address);
    }
    if (port.starts_with(':'))
        port.remove_prefix(1);
    else if (!port.empty())
        return std::nullopt;
    const auto number = decimal(port);
    if (!port.empty() && (!number || *number == 0 || *number > 65535)) return std::nullopt;
    return base;
}

RegistrationBase RegistrationBase::from_peer(const Peer& peer) {
    // Put together as from the options of a request. [RFC 9176 §5; RFC 7252 §6.5]
    Uri uri;
    uri.transport = peer.transport;
    uri.host = address_to_text(peer.address);
    uri.port = peer.port;
    RegistrationBase base;
    base.text = std::string(scheme_of(peer.transport)) + "://" + uri.authority();
    base.origin_octets = base.text.size();
    base.link_local = is_link_local(peer.address);
    return base;
}

// ---- links -------------------------------------------------------------------------------------

bool is_clean_text(std::string_view text) noexcept {
    std::size_t i = 0;
    while (i < text.size()) {
        const auto lead = static_cast<unsigned char>(text[i++]);
        if (lead < 0x20 || lead == 0x7f) return false;
        if (lead < 0x80) continue;
        if (lead < 0xc2 || lead > 0xf4) return false;
        const std::size_t more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
        if (text.size() - i < more) return false;
        std::uint32_t point = lead & (0x3fu >> more);
        for (std::size_t n = 0; n < more; ++n) {
            const auto octet = static_cast<unsigned char>(text[i++]);
            if ((octet & 0xc0u) != 0x80u) return false;
            point = point << 6 | (octet & 0x3fu);
        }
        const bool overlong = (more == 2 && point < 0x800) || (more == 3 && point < 0x10000);
        const bool surrogate = point >= 0xd800 && point < 0xe000;
        if (point < 0xa0 || overlong || surrogate || point > 0x10ffff) return false;
    }
    return true;
}

std::expected<LinkFormat, std::string> limited_links(Bytes document) {
    auto links = parse_as<LinkFormat>(document);
    if (!links)
        return std::unexpected("no link format, at octet " + std::to_string(links.error().offset));
    std::size_t number = 0;
    for (Link& link : links->links) {
        ++number;
        const auto wrong = [&](std::string_view what) {
            return std::unexpected("link " + std::to_string(number) + ": " + std::string(what));
        };
        if (!limit(link.target, false))
            return wrong("the target is no URI and does not begin with one slash");
        for (LinkAttribute& attribute : link.attributes) {
            if (!is_clean_text(attribute.name) ||
                (attribute.value && !is_clean_text(*attribute.value)))
                return wrong("an attribute is not UTF-8 text without control characters");
            if (attribute.name != "anchor") continue;
            if (!attribute.value || !limit(*attribute.value, true))
                return wrong("the anchor is no URI and does not begin with one slash");
        }
    }
    return *std::move(links);
}

}  // namespace causeway::coap
