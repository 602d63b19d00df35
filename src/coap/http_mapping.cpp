// HTTP in front: its requests as questions to CoAP, and the answers. [RFC 7252 §10.2; RFC 8075]
#include "coap/http_mapping.hpp"

#include "base/ascii.hpp"

#include "base/hex.hpp"

#include <algorithm>
#include <array>

namespace causeway::coap {
namespace {

constexpr std::size_t tags_max = 16;  // of one If-Match or If-None-Match
constexpr std::size_t tag_octets_max = 8;
constexpr std::uint32_t max_age_default = 60;  // seconds [RFC 7252 §5.10.5]

bool alike(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(a, b, {}, lower, lower);
}
/// One element of a list, taken off it. Commas inside of quotes are its own.
std::string_view take_element(std::string_view& list) noexcept {
    bool quoted = false;
    std::size_t at = 0;
    for (; at < list.size() && (quoted || list[at] != ','); ++at)
        if (list[at] == '"') quoted = !quoted;
    const std::string_view element = list.substr(0, at);
    list.remove_prefix(std::min(at + 1, list.size()));
    return trimmed(element);
}

bool lists(std::string_view list, std::string_view wanted) noexcept {
    while (!list.empty())
        if (alike(take_element(list), wanted)) return true;
    return false;
}

std::unexpected<HttpRefusal> refused(unsigned status, std::string_view why) {
    return std::unexpected(HttpRefusal{status, std::string(why)});
}

/// A relay in between may have made one slash of two.
std::string with_both_slashes(std::string text) {
    const std::size_t at = text.find(":/");
    if (at != std::string::npos && !text.substr(at).starts_with("://") &&
        transport_of(std::string_view(text).substr(0, at)))
        text.insert(at + 1, "/");
    return text;
}

std::expected<void, HttpRefusal> aim(Question& question, std::string text, bool secure,
                                     const HttpMapping& mapping) {
    text = with_both_slashes(std::move(text));
    if (!text.contains("://")) {
        // "It MUST elicit a suitable client error status" [RFC 8075 §5.3.1]
        if (!mapping.scheme_omitted) return refused(400, "the target lacks its scheme");
        text.insert(0, std::string(scheme_of(*mapping.scheme_omitted)) + "://");
    }
    const auto uri = Uri::from_text(text);
    if (!uri) return refused(400, "the target is no URI of CoAP");
    // "by default, accessing a 'coaps' URI is only allowed from a corresponding 'https' URI"
    // [RFC 8075 §10.3]
    if (uri->secure() && !secure && !mapping.secure_over_plain)
        return refused(403, "a secure target wants https");
    // [RFC 8075 §8.4]
    if (const auto peer = uri->peer(); peer && peer->is_multicast())
        return refused(403, "groups cannot be asked from here");
    const std::string normal = uri->to_text();
    if (normal.size() > Uri::octets_max) return refused(414, "the target is too long");
    question.options.add_text(OptionNumber::proxy_uri, normal);
    return {};
}

/// Into the options of a request for the proxy's own resource, or of one that it stands for.
std::expected<void, HttpRefusal> aim_here(Question& question, std::string_view path) {
    const auto uri = Uri::from_text("coap://here" + std::string(path));
    if (!uri) return refused(400, "the path cannot be said in CoAP");
    for (const std::string& segment : uri->path)
        question.options.add_text(OptionNumber::uri_path, segment);
    for (const std::string& argument : uri->query)
        question.options.add_text(OptionNumber::uri_query, argument);
    return {};
}

std::expected<void, HttpRefusal> find_target(Question& question, const HttpParts& request,
                                             const HttpMapping& mapping, const UriTemplate& hct) {
    std::string_view target = request.target;
    if (const std::size_t colon = target.find("://");
        colon != std::string_view::npos && !target.starts_with('/')) {
        // "an HTTP request contains a Request-URI with a "coap" or "coaps" URI" [RFC 7252 §10.2]
        const std::string_view scheme = target.substr(0, colon);
        if (!alike(scheme, "http") && !alike(scheme, "https"))
            return aim(question, std::string(target), request.secure, mapping);
        const std::size_t path = target.find_first_of("/?", colon + 3);
        target = path == std::string_view::npos ? "/" : target.substr(path);
    }
    if (target.starts_with(mapping.base)) {
        const auto text = hct.match(target.substr(mapping.base.size()));
        if (!text) return refused(400, "the target is not written as the template says");
        return aim(question, *text, request.secure, mapping);
    }
    if (!target.starts_with('/')) return refused(400, "the target is no path");
    if (!mapping.null_mapping) return refused(404, "there is nothing here");
    return aim_here(question, target);
}

/// "An HTTP request carrying a Content-Type and Content-Encoding combination that the HC Proxy is
/// unable to map ... SHALL elicit a 415" [RFC 8075 §6.1]
std::expected<void, HttpRefusal> take_body(Question& question, const HttpParts& request,
                                           const HttpMapping& mapping) {
    if (question.method == Code::get || question.method == Code::delete_) return {};
    question.payload = to_octets(as_octets(request.body));
    const std::string* coding = find_header(request.headers, "Content-Encoding");
    if (coding != nullptr && !alike(trimmed(*coding), "identity") && !coding->empty())
        return refused(415, "no content coding has a word in CoAP");
    if (find_header(request.headers, "Content-Range") != nullptr)
        return refused(400, "parts of a representation cannot be sent");
    const std::string* type = find_header(request.headers, "Content-Type");
    if (type == nullptr) return {};
    const auto format = content_format_of(*type, mapping);
    if (!format && !request.body.empty())
        return refused(415, "the media type has no number in CoAP");
    if (format)
        question.options.add_uint(OptionNumber::content_format, std::to_underlying(*format));
    return {};
}

/// The tags of a list that are ours; `weak` ones only where a weak comparison will do.
std::vector<Octets> tags_in(std::string_view list, bool weak) {
    std::vector<Octets> tags;
    while (!list.empty() && tags.size() < tags_max) {
        std::string_view element = take_element(list);
        if (weak && element.starts_with("W/")) element.remove_prefix(2);
        if (auto tag = tag_of_ours(element)) tags.push_back(std::move(*tag));
    }
    return tags;
}

std::expected<void, HttpRefusal> take_conditions(Question& question, const HttpParts& request) {
    Options& options = question.options;
    if (const std::string match = joined_header(request.headers, "If-Match"); !match.empty()) {
        question.client_blamed = true;
        if (trimmed(match) == "*") {
            options.add(OptionNumber::if_match, {});
        } else {
            const auto tags = tags_in(match, false);
            // None of them can be the representation's: it has tags of ours.
            if (tags.empty()) return refused(412, "no entity-tag of these was given here");
            for (const Octets& tag : tags) options.add(OptionNumber::if_match, tag);
        }
    }
    const std::string none_match = joined_header(request.headers, "If-None-Match");
    if (none_match.empty()) return {};
    if (question.method == Code::get || question.method == Code::fetch) {
        for (const Octets& tag : tags_in(none_match, true)) options.add(OptionNumber::etag, tag);
    } else if (trimmed(none_match) == "*") {
        question.client_blamed = true;
        options.add(OptionNumber::if_none_match, {});
    } else {
        return refused(501, "CoAP has no word for this condition");
    }
    return {};
}

std::string base64_of(Bytes octets) {
    constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t i = 0; i < octets.size(); i += 3) {
        std::uint32_t group = 0;
        const std::size_t n = std::min<std::size_t>(3, octets.size() - i);
        for (std::size_t j = 0; j < 3; ++j)
            group = group << 8 | (j < n ? std::to_integer<std::uint32_t>(octets[i + j]) : 0u);
        for (std::size_t j = 0; j < 4; ++j)
            text += j <= n ? digits[group >> (18 - 6 * j) & 63u] : '=';
    }
    return text;
}

void add_data(std::string& event, std::string_view text) {
    for (;;) {
        const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
        event.append("data: ").append(text.substr(0, end)).append("\n");
        if (end == text.size()) return;
        text.remove_prefix(end + (text.substr(end).starts_with("\r\n") ? 2 : 1));
    }
}

/// "A Location header field constructed from the values of these options" [RFC 7252 §10.2.4], as
/// the one who asked would ask for it.
std::optional<std::string> location_of(const Options& options, const Question& question,
                                       const HttpMapping& mapping, const UriTemplate& hct) {
    if (!options.has(OptionNumber::location_path)) return std::nullopt;
    const auto asked = question.options.text(OptionNumber::proxy_uri);
    auto uri = asked ? Uri::from_text(*asked) : Uri::from_text("coap://here");
    if (!uri) return std::nullopt;
    uri->path.clear();
    uri->query.clear();
    for (const Option option : options) {
        if (option.number == OptionNumber::location_path) uri->path.emplace_back(option.as_text());
        if (option.number == OptionNumber::location_query)
            uri->query.emplace_back(option.as_text());
    }
    return asked ? mapping.base + hct.expand(*uri) : uri->path_and_query();
}

}  // namespace

const std::string* find_header(const HttpHeaders& headers, std::string_view name) {
    for (const auto& [key, value] : headers)
        if (alike(key, name)) return &value;
    return nullptr;
}

std::string joined_header(const HttpHeaders& headers, std::string_view name) {
    std::string all;
    for (const auto& [key, value] : headers) {
        if (!alike(key, name)) continue;
        if (!all.empty()) all += ", ";
        all += value;
    }
    return all;
}

std::expected<Question, HttpRefusal> question_of(const HttpParts& request,
                                                 const HttpMapping& mapping,
                                                 const UriTemplate& hct) {
    Question question;
    const auto method = method_of(request.method);
    // "a 501 (Not Implemented) error MUST be returned to the client" [RFC 7252 §10.2.1]
    if (!method) return refused(501, "CoAP has no such method");
    question.method = *method;
    if (auto found = find_target(question, request, mapping, hct); !found)
        return std::unexpected(found.error());
    if (auto taken = take_body(question, request, mapping); !taken)
        return std::unexpected(taken.error());
    if (auto taken = take_conditions(question, request); !taken)
        return std::unexpected(taken.error());

    const std::string accept = joined_header(request.headers, "Accept");
    // "return an appropriate client error instead" [RFC 8075 §6.2]
    if (!mapping.pass_unknown_formats && accept.contains("application/coap-payload"))
        return refused(406, "application/coap-payload may not be asked for");
    question.accepts = accepts_of(accept, mapping);
    for (std::string_view rest = accept; question.method == Code::get && !rest.empty();) {
        const std::string_view range = take_element(rest);
        if (alike(trimmed(range.substr(0, range.find(';'))), "text/event-stream"))
            question.observe = true;
    }
    const std::string control = joined_header(request.headers, "Cache-Control");
    question.bypass_cache = lists(control, "no-cache") || lists(control, "no-store") ||
                            lists(control, "max-age=0") ||
                            lists(joined_header(request.headers, "Pragma"), "no-cache");
    return question;
}

HttpAnswer answer_of(const Response& response, const Question& question, const HttpMapping& mapping,
                     const UriTemplate& hct) {
    HttpAnswer answer;
    const Options& options = response.options;
    const auto add = [&](std::string_view name, std::string value) {
        answer.headers.emplace_back(name, std::move(value));
    };
    const auto format = format_in(options, OptionNumber::content_format);
    const bool blamed =
        question.client_blamed || (response.code == Code::bad_option && !question.accepts.empty());
    answer.status = status_of(response.code, !response.payload.empty(), blamed);
    // "SHOULD also return an HTTP reason-phrase" that tells [RFC 8075 §7]
    if (response.code == Code::method_not_allowed) answer.reason = "CoAP server returned 4.05";
    if (answer.status != 204 && answer.status != 304) {
        if (is_success(response.code) || format)
            add("Content-Type",
                format ? media_type_of(*format) : std::string("application/octet-stream"));
        else  // a diagnostic payload [RFC 8075 §6.6]
            add("Content-Type", "text/plain;charset=utf-8");
        answer.body = as_text(response.payload);
    }
    if (const auto tag = options.find(OptionNumber::etag); tag && is_success(response.code))
        add("ETag", http_tag_of(*tag));
    const auto max_age = options.uint(OptionNumber::max_age);
    if (response.code == Code::content || response.code == Code::valid)
        // "a value no greater than the remaining time" [RFC 7252 §10.2.2]
        add("Cache-Control", "max-age=" + std::to_string(max_age.value_or(max_age_default)));
    else
        add("Cache-Control", "no-cache");
    if (max_age &&
        (response.code == Code::service_unavailable || response.code == Code::too_many_requests))
        add("Retry-After", std::to_string(*max_age));
    if (response.code == Code::created)
        if (auto location = location_of(options, question, mapping, hct))
            add("Location", std::move(*location));
    add("Via", "CoAP/1 " + mapping.name);
    return answer;
}

std::string event_of(const Response& response, std::uint64_t number) {
    std::string event = "id: " + std::to_string(number) + "\n";
    if (!is_success(response.code)) {
        event += "event: gone\n";
        add_data(event, to_text(response.code));
        if (!response.payload.empty() && !format_in(response.options, OptionNumber::content_format))
            add_data(event, as_text(response.payload));
        return event + "\n";
    }
    const auto format = format_in(response.options, OptionNumber::content_format);
    if (format && is_text(*format)) {
        add_data(event, as_text(response.payload));
    } else {
        event += "event: base64\n";
        add_data(event, base64_of(response.payload));
    }
    return event + "\n";
}

std::string hc_link(const HttpMapping& mapping, std::string_view origin) {
    std::string link = '<' + mapping.base + '>';
    if (!origin.empty()) link.append(";anchor=\"").append(origin).append("\"");
    link += ";rt=\"core.hc\"";
    // "The default template ... MUST be assumed if no "hct" attribute is found" [RFC 8075 §5.5]
    if (mapping.hct != "{+tu}") link += ";hct=\"" + mapping.hct + '"';
    return link;
}

// ---- entity-tags -------------------------------------------------------------------------------

std::string http_tag_of(Bytes tag) {
    return '"' + to_hex(tag) + '"';
}

std::optional<Octets> tag_of_ours(std::string_view http_tag) {
    if (http_tag.size() < 4 || http_tag.size() > 2 + 2 * tag_octets_max ||
        !http_tag.starts_with('"') || !http_tag.ends_with('"'))
        return std::nullopt;
    const std::string_view inside = http_tag.substr(1, http_tag.size() - 2);
    auto tag = from_hex(inside);
    // As http_tag_of() writes it, and not otherwise.
    if (!tag || to_hex(*tag) != inside) return std::nullopt;
    return tag;
}

std::optional<Octets> tag_for_theirs(std::string_view http_tag) {
    if (http_tag.size() < 3 || !http_tag.starts_with('"') || !http_tag.ends_with('"'))
        return std::nullopt;
    const std::string_view inside = http_tag.substr(1, http_tag.size() - 2);
    if (inside.size() <= tag_octets_max) return to_octets(as_octets(inside));
    std::uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a: its server chooses what may collide
    for (const char c : inside) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    Octets tag(tag_octets_max);
    ByteWriter out(tag);
    out.be64(hash);
    return tag;
}

// ---- codes -------------------------------------------------------------------------------------

std::optional<Code> method_of(std::string_view http_method) noexcept {
    if (http_method == "GET" || http_method == "HEAD") return Code::get;
    if (http_method == "POST") return Code::post;
    if (http_method == "PUT") return Code::put;
    if (http_method == "DELETE") return Code::delete_;
    if (http_method == "PATCH") return Code::patch;
    // What FETCH was modelled on, and its successor. [RFC 8132 §1]
    if (http_method == "SEARCH" || http_method == "QUERY") return Code::fetch;
    return std::nullopt;
}

unsigned status_of(Code code, bool has_payload, bool client_blamed) noexcept {
    switch (code) {  // [RFC 8075 §7]
        case Code::created:
            return 201;
        case Code::deleted:
        case Code::changed:
            return has_payload ? 200 : 204;
        case Code::valid:
            return 304;
        case Code::content:
            return 200;
        case Code::unauthorized:  // a 401 would need a challenge
            return 403;
        case Code::bad_option:
            return client_blamed ? 400 : 500;
        case Code::method_not_allowed:  // a 405 would need to know which are
            return 400;
        case Code::continue_:
        case Code::request_entity_incomplete:  // of blocks, which are not HTTP's business
        case Code::proxying_not_supported:
            return 502;
        case Code::hop_limit_reached:  // [RFC 8768 §5]
            return 508;
        default:
            break;
    }
    // The rest has HTTP's numbers; and what nobody knows is its class's first [RFC 7252 §5.9].
    constexpr std::array same_number{400u, 403u, 404u, 406u, 409u, 412u, 413u, 415u,
                                     422u, 429u, 500u, 501u, 502u, 503u, 504u};
    const unsigned number = class_of(code) * 100 + detail_of(code);
    if (std::ranges::find(same_number, number) != same_number.end()) return number;
    const unsigned first = class_of(code) * 100;
    return first == 200 ? (has_payload ? 200u : 204u) : first == 400 ? 400u : 502u;
}

}  // namespace causeway::coap
