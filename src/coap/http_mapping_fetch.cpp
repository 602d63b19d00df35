// HTTP at the back: requests of CoAP's to HTTP servers, and what those say. [RFC 7252 §10.1]
#include "coap/http_mapping.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace causeway::coap {
namespace {

constexpr std::size_t page_octets_max = 512;

/// Seconds, the most that Max-Age holds; nullopt when it is no number.
std::optional<std::uint32_t> seconds_in(std::string_view text) noexcept {
    text = trimmed(text);
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
        text = text.substr(1, text.size() - 2);
    if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }))
        return std::nullopt;
    std::uint32_t value = 0;
    const auto [at, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    return fault == std::errc{} ? value : UINT32_MAX;
}

/// "Sun, 06 Nov 1994 08:49:37 GMT" as seconds on some line. [RFC 9110 §5.6.7]
std::optional<std::int64_t> date_in(std::string_view text) noexcept {
    constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    text = trimmed(text);
    if (text.size() != 29 || !text.ends_with(" GMT") || text[4] != ' ') return std::nullopt;
    const auto number = [&](std::size_t at, std::size_t n) -> std::optional<int> {
        int value = 0;
        for (const char c : text.substr(at, n)) {
            if (c < '0' || c > '9') return std::nullopt;
            value = value * 10 + (c - '0');
        }
        return value;
    };
    const auto day = number(5, 2);
    const auto month = std::ranges::find(months, text.substr(8, 3));
    const auto year = number(12, 4);
    const auto hour = number(17, 2);
    const auto minute = number(20, 2);
    const auto second = number(23, 2);
    if (!day || month == months.end() || !year || !hour || !minute || !second) return std::nullopt;
    const std::chrono::year_month_day date{
        std::chrono::year(*year),
        std::chrono::month(static_cast<unsigned>(month - months.begin()) + 1),
        std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) return std::nullopt;
    const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    return ((days * 24 + *hour) * 60 + *minute) * 60 + *second;
}

struct Lifetime {
    bool forbidden = false;
    std::optional<std::uint32_t> max_age;
    std::optional<std::uint32_t> shared_max_age;
};

Lifetime freshness_in(std::string_view control) {
    Lifetime fresh;
    while (!control.empty()) {
        const std::size_t comma = std::min(control.find(','), control.size());
        const std::string directive = lowered(trimmed(control.substr(0, comma)));
        control.remove_prefix(std::min(comma + 1, control.size()));
        const std::string_view said = directive;
        if (said == "no-store" || said.starts_with("no-cache") || said.starts_with("private"))
            fresh.forbidden = true;
        if (said.starts_with("max-age=")) fresh.max_age = seconds_in(said.substr(8));
        if (said.starts_with("s-maxage=")) fresh.shared_max_age = seconds_in(said.substr(9));
    }
    return fresh;
}

/// Whether the cache key says everything that the response depends on: it has Accept alone.
bool varies(const HttpHeaders& headers) {
    std::string vary = lowered(joined_header(headers, "Vary"));
    std::string_view rest = vary;
    while (!rest.empty()) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        const std::string_view name = trimmed(rest.substr(0, comma));
        rest.remove_prefix(std::min(comma + 1, rest.size()));
        if (!name.empty() && name != "accept" && name != "accept-encoding") return true;
    }
    return false;
}

/// "a Max-Age value that is no greater than the remaining time the representation can be considered
/// fresh" [RFC 7252 §10.1.1]; where its server says nothing, it is not.
std::uint32_t max_age_of(const HttpHeaders& headers) {
    const Lifetime fresh = freshness_in(joined_header(headers, "Cache-Control"));
    if (fresh.forbidden || varies(headers) || find_header(headers, "Set-Cookie") != nullptr)
        return 0;
    std::optional<std::uint32_t> lifetime =
        fresh.shared_max_age ? fresh.shared_max_age : fresh.max_age;
    const std::string* expires = find_header(headers, "Expires");
    const std::string* date = find_header(headers, "Date");
    if (!lifetime && expires != nullptr && date != nullptr) {
        const auto until = date_in(*expires);
        const auto since = date_in(*date);
        if (until && since && *until > *since)
            lifetime =
                static_cast<std::uint32_t>(std::min<std::int64_t>(*until - *since, UINT32_MAX));
    }
    const std::string* age = find_header(headers, "Age");
    const std::uint32_t spent = age != nullptr ? seconds_in(*age).value_or(0) : 0;
    const std::uint32_t whole = lifetime.value_or(0);
    return whole > spent ? whole - spent : 0;
}

bool is_tag_text(Bytes tag) noexcept {
    return !tag.empty() && std::ranges::all_of(tag, [](std::byte b) {
        const auto c = std::to_integer<unsigned>(b);
        return c == 0x21 || (c >= 0x23 && c <= 0x7e);
    });
}

/// What the server called the representation that we call `tag`.
std::optional<std::string> their_tag(Bytes tag, std::string_view known) {
    if (const auto stands_for = tag_for_theirs(known); stands_for && same(*stands_for, tag))
        return std::string(known);
    if (!is_tag_text(tag)) return std::nullopt;
    return '"' + std::string(as_text(tag)) + '"';
}

void add_to_list(std::string& list, std::string_view element) {
    if (!list.empty()) list += ", ";
    list += element;
}

std::optional<std::string_view> http_method_of(Code method) noexcept {
    switch (method) {
        case Code::get:
            return "GET";
        case Code::post:
            return "POST";
        case Code::put:
            return "PUT";
        case Code::delete_:
            return "DELETE";
        case Code::patch:
        case Code::ipatch:
            return "PATCH";
        default:
            return std::nullopt;
    }
}

/// The path of a Location on the same server, as options.
void add_location(Options& options, std::string_view location) {
    if (const std::size_t colon = location.find("://"); colon != std::string_view::npos) {
        const std::size_t path = location.find('/', colon + 3);
        location = path == std::string_view::npos ? std::string_view("/") : location.substr(path);
    }
    const auto uri = Uri::from_text("coap://there" + std::string(location));
    if (!uri || !location.starts_with('/')) return;
    for (const std::string& segment : uri->path)
        options.add_text(OptionNumber::location_path, segment);
    for (const std::string& argument : uri->query)
        options.add_text(OptionNumber::location_query, argument);
}

void add_representation(Response& response, const HttpFetched& fetched,
                        const HttpMapping& mapping) {
    response.payload = to_octets(as_octets(fetched.body));
    const std::string* type = find_header(fetched.headers, "Content-Type");
    if (type == nullptr) return;
    HttpMapping liberal = mapping;
    liberal.loose = true;  // "the Content-Format Option MUST be set accordingly" [RFC 7252 §10.1.1]
    liberal.pass_unknown_formats = true;
    const auto format = content_format_of(*type, liberal).value_or(ContentFormat::octet_stream);
    response.options.set_uint(OptionNumber::content_format, std::to_underlying(format));
}

}  // namespace

std::expected<HttpFetch, Code> fetch_of(Code method, const HttpUrl& url, const Options& options,
                                        Bytes payload, std::string_view known_tag,
                                        const HttpMapping& mapping) {
    const auto name = http_method_of(method);
    if (!name) return std::unexpected(Code::not_implemented);
    HttpFetch fetch{.method = std::string(*name), .url = url};
    const auto add = [&](std::string_view header, std::string value) {
        fetch.headers.emplace_back(header, std::move(value));
    };
    std::string matches;
    std::string none_matches;
    for (const Option option : options) {
        if (option.number == OptionNumber::if_match) {
            const auto tag = option.value.empty() ? std::optional<std::string>("*")
                                                  : their_tag(option.value, known_tag);
            if (tag) add_to_list(matches, *tag);
        }
        if (option.number == OptionNumber::etag && method == Code::get)
            if (const auto tag = their_tag(option.value, known_tag))
                add_to_list(none_matches, *tag);
        if (option.number == OptionNumber::if_none_match) none_matches = "*";
    }
    // A condition that cannot be told is one that does not hold.
    if (matches.empty() && options.has(OptionNumber::if_match))
        return std::unexpected(Code::precondition_failed);
    const auto accept = format_in(options, OptionNumber::accept);
    add("Accept", accept ? media_type_of(*accept) : "*/*");
    add("Accept-Encoding", "identity");
    if (!matches.empty()) add("If-Match", std::move(matches));
    if (!none_matches.empty()) add("If-None-Match", std::move(none_matches));
    if (method != Code::get && method != Code::delete_) {
        fetch.body = as_text(payload);
        if (const auto format = format_in(options, OptionNumber::content_format))
            add("Content-Type", media_type_of(*format));
    }
    add("Via", "CoAP/1 " + mapping.name);  // [RFC 8768 §5]
    return fetch;
}

Response response_of(const HttpFetched& fetched, Code method, const HttpMapping& mapping) {
    Response response{.code = code_of(fetched.status, method)};
    if (response.code == Code::content || response.code == Code::valid) {
        response.options.add_uint(OptionNumber::max_age, max_age_of(fetched.headers));
        if (const std::string* said = find_header(fetched.headers, "ETag"))
            if (const auto tag = tag_for_theirs(trimmed(*said)))
                response.options.add(OptionNumber::etag, *tag);
    }
    if (response.code == Code::valid) return response;
    if (is_success(response.code)) {
        const std::string* coding = find_header(fetched.headers, "Content-Encoding");
        // "if a result can be obtained but is not understood, a 5.02" [RFC 7252 §10.1]
        if (coding != nullptr && !coding->empty() && lowered(trimmed(*coding)) != "identity")
            return {.code = Code::bad_gateway};
        if (fetched.status != 404 && fetched.status != 410)
            add_representation(response, fetched, mapping);
        if (response.code == Code::created)
            if (const std::string* location = find_header(fetched.headers, "Location"))
                add_location(response.options, *location);
        return response;
    }
    if (const std::string* retry = find_header(fetched.headers, "Retry-After"))
        if (const auto wait = seconds_in(*retry);
            wait && (response.code == Code::service_unavailable ||
                     response.code == Code::too_many_requests))
            response.options.add_uint(OptionNumber::max_age, *wait);
    // A page for people is no diagnostic payload; a line of text is. [RFC 7252 §5.5.2]
    const std::string* type = find_header(fetched.headers, "Content-Type");
    if (type != nullptr && lowered(*type).starts_with("text/plain") &&
        fetched.body.size() <= page_octets_max)
        response.payload = to_octets(as_octets(fetched.body));
    return response;
}

Code code_of(unsigned status, Code method) noexcept {
    const bool reads = method == Code::get || method == Code::fetch;
    if (method == Code::delete_ &&
        (status == 200 || status == 202 || status == 204 || status == 404 || status == 410))
        return Code::deleted;  // "or if the resource does not exist" [RFC 7252 §10.1.3]
    switch (status) {
        case 201:
            return reads ? Code::content : Code::created;
        case 200:
        case 202:
        case 203:
        case 204:
            return reads ? Code::content : Code::changed;
        case 304:
            return reads ? Code::valid : Code::bad_gateway;
        case 400:
            return Code::bad_request;
        case 401:
        case 407:
            return Code::unauthorized;
        case 403:
            return Code::forbidden;
        case 404:
        case 410:
            return Code::not_found;
        case 405:
            return Code::method_not_allowed;
        case 406:
            return Code::not_acceptable;
        case 409:
            return Code::conflict;
        case 412:
            return Code::precondition_failed;
        case 413:
            return Code::request_entity_too_large;
        case 415:
            return Code::unsupported_content_format;
        case 422:
            return Code::unprocessable_entity;
        case 429:
            return Code::too_many_requests;
        case 500:
            return Code::internal_server_error;
        case 501:
            return Code::not_implemented;
        case 503:
            return Code::service_unavailable;
        case 408:
        case 504:
            return Code::gateway_timeout;
        case 508:
            return Code::hop_limit_reached;
        default:
            // Redirections and parts of representations are not understood. [RFC 7252 §10.1]
            return status >= 400 && status < 500 ? Code::bad_request : Code::bad_gateway;
    }
}

}  // namespace causeway::coap
