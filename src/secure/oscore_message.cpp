#include "secure/oscore_message.hpp"

#include "coap/uri.hpp"

#include <algorithm>

namespace causeway::secure {
namespace {

using coap::OptionNumber;

struct Target {
    std::string origin;  // scheme and authority
    std::vector<std::string> path;
    std::vector<std::string> query;
};

bool add_decoded(std::vector<std::string>& parts, std::string_view text, char separator) {
    for (;;) {
        const std::size_t at = text.find(separator);
        auto decoded = coap::percent_decoded(text.substr(0, at));
        if (!decoded || decoded->size() > 255) return false;
        parts.push_back(std::move(*decoded));
        if (at == std::string_view::npos) return true;
        text.remove_prefix(at + 1);
    }
}

/// A URI of whatever scheme: those that CoAP does not define go to a proxy that knows them.
std::optional<Target> target_of(std::string_view text) {
    if (const auto uri = coap::Uri::from_text(text)) {
        Target target{.origin = {}, .path = uri->path, .query = uri->query};
        coap::Uri origin = *uri;
        origin.path.clear();
        origin.query.clear();
        target.origin = origin.to_text();
        // "coap://example.com", without a path. [RFC 8613 §4.1.3.3]
        if (target.origin.ends_with('/')) target.origin.pop_back();
        return target;
    } else if (uri.error() == coap::UriFault::malformed) {
        return std::nullopt;
    }
    const std::size_t colon = text.find("://");
    if (colon == 0 || colon == std::string_view::npos || text.contains('#')) return std::nullopt;
    const std::size_t end = std::min(text.find_first_of("/?", colon + 3), text.size());
    if (end == colon + 3) return std::nullopt;
    Target target{.origin = std::string(text.substr(0, end)), .path = {}, .query = {}};
    std::string_view rest = text.substr(end);
    const std::size_t question = rest.find('?');
    const std::string_view path = rest.substr(0, question);
    if (path.size() > 1 && !add_decoded(target.path, path.substr(1), '/')) return std::nullopt;
    if (question != std::string_view::npos &&
        !add_decoded(target.query, rest.substr(question + 1), '&'))
        return std::nullopt;
    return target;
}

/// A Proxy-Uri shows no more than the proxy needs. [RFC 8613 §4.1.3.3]
bool part_proxy_uri(Bytes value, Parted& parted) {
    const auto target = target_of(as_text(value));
    if (!target) return false;
    parted.inner.remove(OptionNumber::uri_path);
    parted.inner.remove(OptionNumber::uri_query);
    for (const std::string& segment : target->path)
        parted.inner.add_text(OptionNumber::uri_path, segment);
    for (const std::string& argument : target->query)
        parted.inner.add_text(OptionNumber::uri_query, argument);
    parted.outer.clear();
    parted.outer.add_text(OptionNumber::proxy_uri, target->origin);
    return true;
}

}  // namespace

bool is_outer_option(OptionNumber number) noexcept {
    switch (number) {
        case OptionNumber::uri_host:
        case OptionNumber::uri_port:
        case OptionNumber::oscore:
        case OptionNumber::proxy_uri:
        case OptionNumber::proxy_scheme:
        case OptionNumber::edhoc:  // [RFC 9668 §3.1]
        // Deviates: no class is defined for Hop-Limit, which makes it Class E [RFC 8613 §4.1].
        // Proxies are who count with it [RFC 8768 §3].
        case OptionNumber::hop_limit:
            return true;
        default:
            return false;
    }
}

std::optional<Parted> part(const coap::Message& message) {
    Parted parted;
    const bool is_request = coap::is_request(message.code);
    std::optional<Bytes> proxy_uri;
    std::optional<Bytes> observe;
    std::optional<Bytes> hop_limit;
    for (const coap::Option option : message.options) {
        if (option.number == OptionNumber::oscore) return std::nullopt;  // [RFC 8613 §4.1.3.7]
        if (option.number == OptionNumber::proxy_uri) proxy_uri = option.value;
        if (option.number == OptionNumber::hop_limit) hop_limit = option.value;
        if (option.number == OptionNumber::observe) {
            // The value in a request is on both sides; that of a notification is outside alone,
            // "the Inner Observe option value MUST be empty". [RFC 8613 §4.1.3.5]
            observe = option.value;
            parted.inner.add(option.number, is_request ? option.value : Bytes{});
        } else {
            (is_outer_option(option.number) ? parted.outer : parted.inner)
                .add(option.number, option.value);
        }
    }
    if (proxy_uri) {
        if (!part_proxy_uri(*proxy_uri, parted)) return std::nullopt;
        if (hop_limit) parted.outer.add(OptionNumber::hop_limit, *hop_limit);
    }
    if (observe) parted.outer.add(OptionNumber::observe, *observe);
    parted.observe = observe.has_value();
    return parted;
}

void write_plaintext(Octets& out, coap::Code code, const coap::Options& inner, Bytes payload) {
    out.resize(1 + inner.wire_size() + (payload.empty() ? 0 : 1 + payload.size()));
    ByteWriter writer(out);
    writer.u8(std::to_underlying(code));
    inner.emit(writer);
    if (payload.empty()) return;
    writer.u8(0xff);
    writer.put(payload);
}

bool read_plaintext(Bytes plaintext, coap::Message& message) {
    ByteReader in(plaintext);
    const coap::Code code{in.u8()};
    auto options = coap::Options::parse(in);
    if (!options || options->has(OptionNumber::oscore)) return false;
    const bool marked = in.more();
    if (marked) in.u8();  // parsing options stops before a marker and nothing else
    const Bytes payload = in.rest();
    if (!in.ok() || (marked && payload.empty())) return false;
    coap::Options merged = std::move(*options);
    // No option that stays outside means anything in a response.
    if (!coap::is_request(code)) message.options.clear();
    for (const coap::Option option : message.options) {
        // What the other end said in secret goes before what was said in the open.
        if (option.number != OptionNumber::oscore && is_outer_option(option.number) &&
            !merged.has(option.number))
            merged.add(option.number, option.value);
    }
    message.code = code;
    message.options = std::move(merged);
    message.payload.assign(payload.begin(), payload.end());
    return true;
}

}  // namespace causeway::secure
