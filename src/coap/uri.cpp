#include "coap/uri.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <charconv>

namespace causeway::coap {
namespace {

constexpr std::size_t segment_octets_max = 255;  // of an option [RFC 7252 §5.10]

constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
constexpr bool is_alpha(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_unreserved(char c) noexcept {
    return is_alpha(c) || is_digit(c) || std::string_view("-._~").contains(c);
}
constexpr bool is_sub_delim(char c) noexcept {
    return std::string_view("!$&'()*+,;=").contains(c);
}
constexpr int hex_value(char c) noexcept {
    if (is_digit(c)) return c - '0';
    const char l = lower(c);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/// Printable ASCII: "the URL is in ASCII encoding". [RFC 7252 §6.4]
bool is_scheme(std::string_view text) noexcept {
    if (text.empty() || !is_alpha(text.front())) return false;
    return std::ranges::all_of(text, [](char c) {
        return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
    });
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const std::size_t at = text.find(separator);
        parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos) return parts;
        text.remove_prefix(at + 1);
    }
}

bool read_authority(std::string_view authority, Uri& uri) {
    std::string_view port;
    bool has_port = false;
    if (authority.starts_with('[')) {
        const std::size_t close = authority.find(']');
        if (close == std::string_view::npos) return false;
        const std::string_view literal = authority.substr(1, close - 1);
        if (literal.find(':') == std::string_view::npos || !address_from_literal(literal))
            return false;
        uri.host = lowered(literal);
        std::string_view rest = authority.substr(close + 1);
        if (!rest.empty() && rest.front() != ':') return false;
        has_port = !rest.empty();
        if (has_port) port = rest.substr(1);
    } else {
        const std::size_t colon = authority.find(':');
        has_port = colon != std::string_view::npos;
        if (has_port) port = authority.substr(colon + 1);
        const std::string_view host = authority.substr(0, colon);
        const bool fits = std::ranges::all_of(
            host, [](char c) { return is_unreserved(c) || is_sub_delim(c) || c == '%'; });
        // "converted to ASCII lowercase, and then convert all percent-encodings" [RFC 7252 §6.4]
        auto decoded = percent_decoded(lowered(host));
        if (!fits || !decoded || decoded->empty() || decoded->size() > segment_octets_max)
            return false;
        uri.host = lowered(*decoded);  // and the case of what was encoded means as little
    }
    if (!has_port || port.empty()) return true;  // "coap://EXAMPLE.com:/" [RFC 7252 §6.3]
    const char* end = port.data() + port.size();
    const auto [stop, fault] = std::from_chars(port.data(), end, uri.port);
    return fault == std::errc{} && stop == end && uri.port != 0;
}

/// Segments, decoded, with "." and ".." resolved. [RFC 3986 §5.2.4]
bool read_path(std::string_view path, Uri& uri) {
    if (path.empty() || path == "/") return true;
    if (path.front() != '/') return false;
    const auto segments = split(path.substr(1), '/');
    for (std::size_t i = 0; i < segments.size(); ++i) {
        auto decoded = percent_decoded(segments[i]);
        if (!decoded || decoded->size() > segment_octets_max) return false;
        const bool last = i + 1 == segments.size();
        // A percent-encoded dot is a dot: it is unreserved. [RFC 7252 §6.3]
        if (*decoded == "." || *decoded == "..") {
            if (*decoded == ".." && !uri.path.empty()) uri.path.pop_back();
            if (last) uri.path.emplace_back();
            continue;
        }
        uri.path.push_back(std::move(*decoded));
    }
    if (uri.path.size() == 1 && uri.path.front().empty()) uri.path.clear();
    return true;
}

bool read_query(std::string_view query, Uri& uri) {
    for (const std::string_view argument : split(query, '&')) {
        auto decoded = percent_decoded(argument);
        if (!decoded || decoded->size() > segment_octets_max) return false;
        uri.query.push_back(std::move(*decoded));
    }
    return true;
}

bool is_ipv6_literal(std::string_view host) {
    return host.find(':') != std::string_view::npos && address_from_literal(host).has_value();
}

}  // namespace

std::string percent_encoded(std::string_view text, std::string_view also) {
    constexpr std::string_view digits = "0123456789ABCDEF";  // "MUST use uppercase letters"
    std::string encoded;
    for (const char c : text) {
        if (is_unreserved(c) || is_sub_delim(c) || also.contains(c)) {
            encoded += c;
            continue;
        }
        const auto octet = static_cast<unsigned char>(c);
        encoded += '%';
        encoded += digits[octet >> 4];
        encoded += digits[octet & 15u];
    }
    return encoded;
}

std::optional<std::string> percent_decoded(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        if (text.size() - i < 3) return std::nullopt;
        const int high = hex_value(text[i + 1]);
        const int low = hex_value(text[i + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        decoded += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return decoded;
}

std::uint16_t default_port_of(Transport transport) noexcept {
    switch (transport) {
        case Transport::udp:
        case Transport::tcp:
            return default_port;
        case Transport::dtls:
        case Transport::tls:
            return default_secure_port;
        case Transport::ws:
            return 80;
        case Transport::wss:
            return 443;
    }
    return default_port;
}

std::optional<Transport> transport_of(std::string_view scheme) noexcept {
    for (const Transport transport : {Transport::udp, Transport::dtls, Transport::tcp,
                                      Transport::tls, Transport::ws, Transport::wss})
        if (std::ranges::equal(scheme, scheme_of(transport), {}, lower)) return transport;
    return std::nullopt;
}

std::expected<Uri, UriFault> Uri::from_text(std::string_view text) {
    const auto malformed = std::unexpected(UriFault::malformed);
    if (text.size() > octets_max || !is_uri_text(text)) return malformed;
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || !is_scheme(text.substr(0, colon))) return malformed;
    const auto transport = transport_of(text.substr(0, colon));
    if (!transport) return std::unexpected(UriFault::scheme);
    Uri uri;
    uri.transport = *transport;
    uri.port = default_port_of(*transport);

    text.remove_prefix(colon + 1);
    if (!text.starts_with("//") || text.contains('#')) return malformed;
    text.remove_prefix(2);
    const std::size_t question = text.find('?');
    const std::string_view hierarchy = text.substr(0, question);
    const std::size_t slash = hierarchy.find('/');
    if (!read_authority(hierarchy.substr(0, slash), uri)) return malformed;
    if (slash != std::string_view::npos && !read_path(hierarchy.substr(slash), uri))
        return malformed;
    if (question != std::string_view::npos && !read_query(text.substr(question + 1), uri))
        return malformed;
    return uri;
}

std::optional<Uri> Uri::from_options(const Options& options, const Peer& destination) {
    Uri uri;
    uri.transport = destination.transport;
    const auto host = options.text(OptionNumber::uri_host);
    if (host) {
        std::string_view name = *host;
        const bool bracketed = name.starts_with('[') && name.ends_with(']');
        if (bracketed) name = name.substr(1, name.size() - 2);
        if (bracketed && !is_ipv6_literal(name)) return std::nullopt;
        // A colon is only in an IPv6 address, a slash in no host at all.
        const bool wrong = name.empty() ||
                           (name.find(':') != std::string_view::npos && !is_ipv6_literal(name)) ||
                           name.find_first_of("/?#@[]") != std::string_view::npos;
        if (wrong) return std::nullopt;
        uri.host = lowered(name);
    } else {
        uri.host = address_to_text(destination.address);
    }
    const std::uint32_t port = options.uint(OptionNumber::uri_port).value_or(destination.port);
    if (port == 0 || port > 65535) return std::nullopt;
    uri.port = static_cast<std::uint16_t>(port);
    for (const Option option : options) {
        if (option.number == OptionNumber::uri_path) uri.path.emplace_back(option.as_text());
        if (option.number == OptionNumber::uri_query) uri.query.emplace_back(option.as_text());
    }
    return uri;
}

std::string Uri::to_text() const {
    return std::string(scheme_of(transport)) + "://" + authority() + path_and_query();
}

std::string Uri::authority() const {
    std::string text = is_ipv6_literal(host) ? '[' + host + ']' : percent_encoded(host, {});
    if (port != default_port_of(transport)) text += ':' + std::to_string(port);
    return text;
}

std::string Uri::path_and_query() const {
    std::string text;
    for (const std::string& segment : path) text += '/' + percent_encoded(segment, ":@");
    if (path.empty()) text += '/';
    char separator = '?';
    for (const std::string& argument : query) {
        text += std::exchange(separator, '&');
        for (const char& c : argument) text += c == '&' ? "%26" : percent_encoded({&c, 1}, ":@/?");
    }
    return text;
}

void Uri::add_to(Options& options, const Peer& destination) const {
    const auto literal = address_from_literal(host);
    if (!literal || *literal != destination.address) options.add_text(OptionNumber::uri_host, host);
    if (port != destination.port) options.add_uint(OptionNumber::uri_port, port);
    for (const std::string& segment : path) options.add_text(OptionNumber::uri_path, segment);
    for (const std::string& argument : query) options.add_text(OptionNumber::uri_query, argument);
}

void Uri::add_all_to(Options& options) const {
    options.add_text(OptionNumber::uri_host, is_ipv6_literal(host) ? '[' + host + ']' : host);
    options.add_uint(OptionNumber::uri_port, port);
    for (const std::string& segment : path) options.add_text(OptionNumber::uri_path, segment);
    for (const std::string& argument : query) options.add_text(OptionNumber::uri_query, argument);
}

std::optional<Peer> Uri::peer() const {
    const auto address = address_from_literal(host);
    return address ? std::optional(Peer{*address, port, transport}) : std::nullopt;
}

}  // namespace causeway::coap
