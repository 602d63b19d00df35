// URIs in URIs [RFC 8075 §5], and the URIs of HTTP.
#include "coap/http_mapping.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <charconv>

namespace causeway::coap {
namespace {

constexpr std::size_t template_octets_max = 256;

/// The delimiter after a scheme, where there is one.
std::size_t scheme_end(std::string_view text) noexcept {
    const std::size_t at = text.find("://");
    if (at == std::string_view::npos) return at;
    const bool scheme = std::ranges::all_of(text.substr(0, at), [](char c) {
        return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
               c == '-' || c == '.';
    });
    return scheme ? at : std::string_view::npos;
}

/// "the percent-encoded square brackets shall be reverted", in the authority, where alone they may
/// stand. [RFC 8075 §5.3.2]
std::string with_brackets(std::string_view text) {
    const std::size_t after = scheme_end(text);
    const std::size_t begin = after == std::string_view::npos ? 0 : after + 3;
    const std::size_t end = std::min(text.find_first_of("/?", begin), text.size());
    std::string result(text.substr(0, begin));
    for (std::size_t i = begin; i < end; ++i) {
        const std::string code = lowered(text.substr(i, 3));
        if (code != "%5b" && code != "%5d") {
            result += text[i];
            continue;
        }
        result += code == "%5b" ? '[' : ']';
        i += 2;
    }
    result += text.substr(end);
    return result;
}

/// And the way there.
std::string without_brackets(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c == '[')
            result += "%5B";
        else if (c == ']')
            result += "%5D";
        else
            result += c;
    }
    return result;
}

/// Simple expansion: all but what is unreserved. [RFC 6570 §3.2.2]
std::string encoded_throughout(std::string_view text) {
    std::string result;
    for (const char& c : text) {
        if (std::string_view("!$&'()*+,;=").contains(c)) {
            constexpr std::string_view digits = "0123456789ABCDEF";
            const auto octet = static_cast<unsigned char>(c);
            result += '%';
            result += digits[octet >> 4];
            result += digits[octet & 15u];
        } else {
            result += percent_encoded({&c, 1}, {});
        }
    }
    return result;
}

std::string path_of(const Uri& uri) {
    const std::string both = uri.path_and_query();
    return both.substr(0, both.find('?'));
}
std::string query_of(const Uri& uri) {
    const std::string both = uri.path_and_query();
    const std::size_t question = both.find('?');
    return question == std::string::npos ? std::string() : both.substr(question + 1);
}

}  // namespace

// ---- templates ---------------------------------------------------------------------------------

UriTemplate::Variable UriTemplate::variable_of(std::string_view name) noexcept {
    if (name == "tu") return Variable::tu;
    if (name == "s") return Variable::s;
    if (name == "hp") return Variable::hp;
    if (name == "p") return Variable::p;
    if (name == "q") return Variable::q;
    if (name == "qq") return Variable::qq;
    return Variable::none;
}

/// "There MUST be at most one instance of each", and "q and qq MUST be used in mutual exclusion".
/// [RFC 8075 §5.4.2]
bool UriTemplate::add(std::string_view name, bool encoded) {
    const Variable variable = variable_of(name);
    if (variable == Variable::none) return false;
    const bool query = variable == Variable::q || variable == Variable::qq;
    for (const Piece& piece : pieces_) {
        if (piece.variable == Variable::none) continue;
        if (piece.variable == variable) return false;
        if (query && (piece.variable == Variable::q || piece.variable == Variable::qq))
            return false;
        if (variable == Variable::tu || piece.variable == Variable::tu) return false;
    }
    pieces_.push_back({.literal = {}, .variable = variable, .encoded = encoded});
    return true;
}

std::optional<UriTemplate> UriTemplate::parse(std::string_view text) {
    UriTemplate made;
    if (text.size() > template_octets_max || !is_uri_text(text)) return std::nullopt;
    const auto literal = [&](std::string_view part) {
        if (!made.pieces_.empty() && made.pieces_.back().variable == Variable::none)
            made.pieces_.back().literal += part;
        else
            made.pieces_.push_back({.literal = std::string(part)});
    };
    while (!text.empty()) {
        const std::size_t open = std::min(text.find('{'), text.size());
        if (open != 0) literal(text.substr(0, open));
        text.remove_prefix(open);
        if (text.empty()) break;
        const std::size_t close = text.find('}');
        if (close == std::string_view::npos) return std::nullopt;
        std::string_view inside = text.substr(1, close - 1);
        text.remove_prefix(close + 1);
        if (inside.starts_with('?') || inside.starts_with('&')) {  // form-style [RFC 6570 §3.2.8]
            char separator = inside.front();
            inside.remove_prefix(1);
            for (;;) {
                const std::size_t comma = inside.find(',');
                const std::string_view name = inside.substr(0, comma);
                literal(separator + std::string(name) + "=");
                if (!made.add(name, true)) return std::nullopt;
                if (comma == std::string_view::npos) break;
                inside.remove_prefix(comma + 1);
                separator = '&';
            }
            continue;
        }
        const bool copied = inside.starts_with('+');
        if (copied) inside.remove_prefix(1);
        if (!made.add(inside, !copied)) return std::nullopt;
    }
    // Without an authority there is nowhere to go.
    const bool whole = std::ranges::any_of(made.pieces_, [](const Piece& piece) {
        return piece.variable == Variable::tu || piece.variable == Variable::hp;
    });
    return whole ? std::optional(std::move(made)) : std::nullopt;
}

std::optional<std::string> UriTemplate::match(std::string_view rest) const {
    std::string scheme;
    std::string authority;
    std::string path;
    std::string query;
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
        const Piece& piece = pieces_[i];
        if (piece.variable == Variable::none) {
            if (!rest.starts_with(piece.literal)) return std::nullopt;
            rest.remove_prefix(piece.literal.size());
            continue;
        }
        std::size_t end = rest.size();
        // What cannot be part of it ends it; and so does the text that follows.
        if (!piece.encoded && piece.variable == Variable::s)
            end = std::min(rest.find_first_of("/?&:"), end);
        if (!piece.encoded && piece.variable == Variable::hp)
            end = std::min(rest.find_first_of("/?&"), end);
        if (!piece.encoded && piece.variable == Variable::p) end = std::min(rest.find('?'), end);
        if (piece.encoded) end = std::min(rest.find_first_of("/?&"), end);
        if (i + 1 < pieces_.size() && pieces_[i + 1].variable == Variable::none)
            end = std::min(rest.find(pieces_[i + 1].literal), end);
        std::string value(rest.substr(0, end));
        rest.remove_prefix(end);
        if (piece.encoded) {
            auto decoded = percent_decoded(value);
            if (!decoded) return std::nullopt;
            value = std::move(*decoded);
        }
        switch (piece.variable) {
            case Variable::s:
                scheme = std::move(value);
                break;
            case Variable::tu:  // all of it
            case Variable::hp:
                authority = std::move(value);
                break;
            case Variable::p:
                if (!value.empty() && value.front() != '/') return std::nullopt;
                path = std::move(value);
                break;
            case Variable::q:
                if (!value.empty()) query = '?' + value;
                break;
            case Variable::qq:
                if (!value.empty() && value.front() != '?') return std::nullopt;
                if (value.size() > 1) query = std::move(value);
                break;
            case Variable::none:
                break;
        }
    }
    if (!rest.empty() || authority.empty()) return std::nullopt;
    if (!scheme.empty()) scheme += "://";
    return with_brackets(scheme + authority + path + query);
}

std::string UriTemplate::expand(const Uri& uri) const {
    std::string text;
    for (const Piece& piece : pieces_) {
        std::string value;
        switch (piece.variable) {
            case Variable::none:
                text += piece.literal;
                continue;
            case Variable::tu:
                value = uri.to_text();
                break;
            case Variable::s:
                value = scheme_of(uri.transport);
                break;
            case Variable::hp:
                value = uri.authority();
                break;
            case Variable::p:
                value = path_of(uri);
                break;
            case Variable::q:
                value = query_of(uri);
                break;
            case Variable::qq:
                value = query_of(uri);
                if (!value.empty()) value.insert(0, "?");
                break;
        }
        text += piece.encoded ? encoded_throughout(value) : without_brackets(value);
    }
    return text;
}

// ---- URIs of HTTP ------------------------------------------------------------------------------

std::optional<HttpUrl> HttpUrl::from_text(std::string_view text) {
    const std::size_t colon = text.find("://");
    if (colon == std::string_view::npos || !is_uri_text(text)) return std::nullopt;
    const std::string scheme = lowered(text.substr(0, colon));
    HttpUrl url;
    url.secure = scheme == "https";
    if (!url.secure && scheme != "http") return std::nullopt;
    url.port = url.secure ? 443 : 80;
    text = text.substr(colon + 3);
    text = text.substr(0, text.find('#'));
    const std::size_t end = std::min(text.find_first_of("/?"), text.size());
    std::string_view authority = text.substr(0, end);
    url.target = text.substr(end);
    if (!url.target.starts_with('/')) url.target.insert(0, "/");

    std::string_view port;
    if (authority.starts_with('[')) {
        const std::size_t close = authority.find(']');
        if (close == std::string_view::npos) return std::nullopt;
        const std::string_view literal = authority.substr(1, close - 1);
        if (!literal.contains(':') || !address_from_literal(literal)) return std::nullopt;
        url.host = lowered(literal);
        port = authority.substr(close + 1);
        if (!port.empty() && port.front() != ':') return std::nullopt;
    } else {
        const std::size_t mark = std::min(authority.find(':'), authority.size());
        const std::string_view host = authority.substr(0, mark);
        const bool fits = std::ranges::all_of(host, [](char c) {
            return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                   c == '.' || c == '_';
        });
        if (host.empty() || host.size() > 255 || !fits) return std::nullopt;
        url.host = lowered(host);
        port = authority.substr(mark);
    }
    if (port.size() <= 1) return url;
    port.remove_prefix(1);
    const char* const stop = port.data() + port.size();
    const auto [at, fault] = std::from_chars(port.data(), stop, url.port);
    if (fault != std::errc{} || at != stop || url.port == 0) return std::nullopt;
    return url;
}

std::optional<HttpUrl> HttpUrl::from_options(const Options& options, bool secure) {
    // A URI of WebSocket has HTTP's ports and CoAP's options.
    const Transport alike = secure ? Transport::wss : Transport::ws;
    const auto uri = Uri::from_options(options, Peer{{}, default_port_of(alike), alike});
    if (!uri) return std::nullopt;
    return from_text((secure ? "https://" : "http://") + uri->authority() + uri->path_and_query());
}

std::string HttpUrl::authority() const {
    std::string text = host.contains(':') ? '[' + host + ']' : host;
    if (port != (secure ? 443 : 80)) text += ':' + std::to_string(port);
    return text;
}

std::string HttpUrl::to_text() const {
    return (secure ? "https://" : "http://") + authority() + target;
}

}  // namespace causeway::coap
