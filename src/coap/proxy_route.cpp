// Where a proxy's requests want to go, and how they get there.
#include "coap/link_format.hpp"
#include "coap/proxy.hpp"

#include <algorithm>

namespace causeway::coap {
namespace {

/// A URI longer than any that Proxy-Uri can hold may come of Uri-* options; that is long enough.
constexpr std::size_t uri_octets_max = 4096;

std::vector<std::string> segments_of(std::string_view path) {
    std::vector<std::string> segments;
    while (path.starts_with('/')) {
        path.remove_prefix(1);
        const std::string_view segment = path.substr(0, path.find('/'));
        path.remove_prefix(segment.size());
        if (!segment.empty()) segments.emplace_back(segment);
    }
    return segments;
}

bool is_variable(std::string_view segment) noexcept {
    return segment.size() > 2 && segment.starts_with('{') && segment.ends_with('}');
}

/// Puts what was matched where its name stands; encoded, so that it stays what it is.
void substitute(std::string& text, std::string_view name, std::string_view value) {
    const std::string encoded = percent_encoded(value, ":");
    for (std::size_t at = text.find(name); at != std::string::npos;
         at = text.find(name, at + encoded.size()))
        text.replace(at, name.size(), encoded);
}

bool is_discovery(const std::vector<std::string>& path) {
    return path.size() == 2 && path[0] == ".well-known" && path[1] == "core";
}

std::string path_text(const std::vector<std::string>& segments) {
    std::string text;
    for (const std::string& segment : segments) text += '/' + percent_encoded(segment, ":@");
    return text;
}

bool is_path(std::string_view reference) noexcept {
    return reference.starts_with('/') && !reference.starts_with("//");
}

/// Links of the target as they are seen from here. What cannot be read stays as it is.
void rewrite_links(Octets& payload, const std::string& shown) {
    ByteReader in(payload);
    auto document = LinkFormat::parse(in);
    if (!document || in.more()) return;
    for (Link& link : document->links) {
        if (is_path(link.target)) link.target.insert(0, shown);
        for (LinkAttribute& attribute : link.attributes)
            if (attribute.name == "anchor" && attribute.value && is_path(*attribute.value))
                attribute.value->insert(0, shown);
    }
    payload = emitted(*document);
}

/// A Location-Path below `actual` as one below `shown`; any other cannot be reached from here.
void rewrite_location(Options& options, const std::vector<std::string>& actual,
                      const std::vector<std::string>& shown) {
    std::vector<std::string> path;
    for (const Option option : options)
        if (option.number == OptionNumber::location_path) path.emplace_back(option.as_text());
    options.remove(OptionNumber::location_path);
    if (path.size() < actual.size() || !std::equal(actual.begin(), actual.end(), path.begin())) {
        options.remove(OptionNumber::location_query);
        return;
    }
    path.erase(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(actual.size()));
    path.insert(path.begin(), shown.begin(), shown.end());
    for (const std::string& segment : path) options.add_text(OptionNumber::location_path, segment);
}

}  // namespace

/// What a proxy request names; none: it is no proxy request. [RFC 7252 §5.10.2]
std::expected<std::optional<Proxy::Target>, Refusal> Proxy::target_of(
    const Options& options) const {
    const auto refused = [](Code code, std::string_view why) {
        return std::unexpected(Refusal{code, std::string(why)});
    };
    const auto text = options.text(OptionNumber::proxy_uri);
    const auto scheme = options.text(OptionNumber::proxy_scheme);
    if (!text && !scheme) return reverse_target(options);
    if (!options_.forward) return refused(Code::proxying_not_supported, {});
    if (text) {
        if (auto url = HttpUrl::from_text(*text)) return Target{std::move(*url), {}};
        auto uri = Uri::from_text(*text);
        if (uri) return Target{std::move(*uri), {}};
        if (uri.error() == UriFault::scheme) return refused(Code::proxying_not_supported, "scheme");
        return refused(Code::bad_option, "Proxy-Uri");
    }
    const bool https = std::ranges::equal(*scheme, std::string_view("https"), {},
                                          [](char c) { return static_cast<char>(c | 0x20); });
    const bool http = std::ranges::equal(*scheme, std::string_view("http"), {},
                                         [](char c) { return static_cast<char>(c | 0x20); });
    const auto transport = transport_of(*scheme);
    if (!transport && !(http_ && (http || https)))
        return refused(Code::proxying_not_supported, "scheme");
    // Without a host the target would be this proxy.
    if (!options.has(OptionNumber::uri_host)) return refused(Code::bad_option, "Uri-Host");
    if (!transport) {
        if (auto url = HttpUrl::from_options(options, https)) return Target{std::move(*url), {}};
        return refused(Code::bad_option, "Uri-Host");
    }
    auto uri = Uri::from_options(options, Peer{{}, default_port_of(*transport), *transport});
    if (!uri) return refused(Code::bad_option, "Uri-Host");
    return Target{std::move(*uri), {}};
}

std::expected<std::optional<Proxy::Target>, Refusal> Proxy::reverse_target(
    const Options& options) const {
    if (options_.reverse.empty()) return std::nullopt;
    std::vector<std::string> path;
    std::vector<std::string> query;
    for (const Option option : options) {
        if (option.number == OptionNumber::uri_path) path.emplace_back(option.as_text());
        if (option.number == OptionNumber::uri_query) query.emplace_back(option.as_text());
    }
    for (const ReverseRule& rule : options_.reverse) {
        const auto prefix = segments_of(rule.prefix);
        if (path.size() < prefix.size()) continue;
        std::string text = rule.target;
        bool fits = true;
        for (std::size_t i = 0; fits && i < prefix.size(); ++i) {
            fits = is_variable(prefix[i]) || prefix[i] == path[i];
            if (fits && is_variable(prefix[i])) substitute(text, prefix[i], path[i]);
        }
        if (!fits) continue;
        Target target;
        Mask mask{.shown = {path.begin(), path.begin() + std::ssize(prefix)}, .actual = {}};
        const std::vector<std::string> rest(path.begin() + std::ssize(prefix), path.end());
        if (auto url = HttpUrl::from_text(text)) {
            if (!rest.empty() && url->target.ends_with('/')) url->target.pop_back();
            url->target += path_text(rest);
            char separator = url->target.contains('?') ? '&' : '?';
            for (const std::string& argument : query)
                url->target += std::exchange(separator, '&') + percent_encoded(argument, ":@/?");
            target.uri = std::move(*url);
        } else {
            auto uri = Uri::from_text(text);
            if (!uri) return std::unexpected(Refusal{Code::not_found, {}});
            if (!uri->path.empty() && uri->path.back().empty() && !rest.empty())
                uri->path.pop_back();
            mask.actual = uri->path;
            uri->path.insert(uri->path.end(), rest.begin(), rest.end());
            uri->query.insert(uri->query.end(), query.begin(), query.end());
            mask.links = is_discovery(uri->path);
            target.uri = std::move(*uri);
        }
        target.mask = std::move(mask);
        return target;
    }
    return std::nullopt;
}

std::optional<Proxy::Found> Proxy::find_way(FrontRequest& in, Target&& target) {
    Found found;
    const bool reverse = target.mask.has_value();
    const auto refused = [&](Refusal refusal) {
        // A reverse proxy is no proxy to its clients.
        if (reverse && refusal.code == Code::proxying_not_supported) refusal.code = Code::not_found;
        refuse(in, std::move(refusal));
        return std::nullopt;
    };
    found.mask = std::move(target.mask);
    if (auto* url = std::get_if<HttpUrl>(&target.uri)) {
        found.uri = url->to_text();
        if (!http_) return refused({});
        if (found.uri.size() > uri_octets_max) return refused({Code::bad_option, {}});
        if (auto refusal = http_(*url, in.request.peer)) return refused(std::move(*refusal));
        // Nothing that HTTP has no word for gets there. [RFC 7252 §5.4.1, §10.1]
        if (first_unacceptable(in.request.options, false)) return refused({Code::bad_option, {}});
        found.target = (url->secure ? "https://" : "http://") + url->authority();
        found.to = std::move(*url);
        return found;
    }
    Uri& uri = std::get<Uri>(target.uri);
    found.uri = uri.to_text();
    if (found.uri.size() > uri_octets_max) return refused({Code::bad_option, {}});
    Route route = route_ ? route_(uri, in.request.peer) : Route(Refusal{});
    if (auto* refusal = std::get_if<Refusal>(&route)) return refused(std::move(*refusal));
    if (const auto* peer = std::get_if<Peer>(&route)) {
        // "unwilling or unable to act as proxy for the request URI" [RFC 7252 §5.7.2]
        if (peer->is_multicast()) return refused({});
        found.to = *peer;
        found.target = std::string(scheme_of(uri.transport)) + "://" + uri.authority();
        uri.add_to(found.options, *peer);
        return found;
    }
    if (reverse) {  // what it stands for stands here
        ++stats_.loops;
        return refused({Code::hop_limit_reached, options_.name});
    }
    // "MUST be treated as a local (non-proxied) request" [RFC 7252 §5.7.2]
    Options& options = in.request.options;
    for (const OptionNumber number :
         {OptionNumber::proxy_uri, OptionNumber::proxy_scheme, OptionNumber::uri_host,
          OptionNumber::uri_port, OptionNumber::uri_path, OptionNumber::uri_query})
        options.remove(number);
    for (const std::string& segment : uri.path) options.add_text(OptionNumber::uri_path, segment);
    for (const std::string& part : uri.query) options.add_text(OptionNumber::uri_query, part);
    pass_local(std::move(in));
    return std::nullopt;
}

/// "MUST decrement the value of the option by 1 prior to forwarding it", and not at all "if the
/// Hop-Limit option is set to '0' after decrement". [RFC 8768 §3]
std::optional<Refusal> Proxy::count_hop(const FrontRequest& in, Found& found) {
    std::uint32_t hops = options_.hop_limit;
    if (const auto said = in.request.options.uint(OptionNumber::hop_limit)) {
        hops = *said - 1;  // 1 to 255: on_request() looked
        // The proxy "includes an identifier for itself in the diagnostic payload" [RFC 8768 §4]
        if (hops == 0) return Refusal{Code::hop_limit_reached, options_.name};
    }
    found.hop_limit = static_cast<std::uint8_t>(hops);
    if (hops != 0) found.options.set_uint(OptionNumber::hop_limit, hops);
    return std::nullopt;
}

void Proxy::unmask(Response& response, const std::optional<Mask>& mask) {
    if (!mask) return;
    if (response.options.has(OptionNumber::location_path))
        rewrite_location(response.options, mask->actual, mask->shown);
    const auto format = response.options.uint(OptionNumber::content_format);
    if (mask->links && response.code == Code::content &&
        format == std::to_underlying(ContentFormat::link_format))
        rewrite_links(response.payload, path_text(mask->shown));
}

}  // namespace causeway::coap
