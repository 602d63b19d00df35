#include "coap_options.hpp"

#include "base/hex.hpp"
#include "coap/block.hpp"
#include "coap/content_format.hpp"
#include "coap_oscore.hpp"
#include "coap_place.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iostream>
#include <iterator>

namespace causeway::cli {
namespace {

Understood<Octets> payload_of(const CoapOptions& options) {
    if (options.payload) return to_octets(as_octets(*options.payload));
    if (options.file.empty()) return Octets{};
    std::ifstream file;
    if (options.file != "-") {
        file.open(options.file, std::ios::binary);
        if (!file) return impossible(fmt::format("cannot read {}", options.file));
    }
    std::istream& in = options.file == "-" ? std::cin : file;
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (in.bad()) return impossible(fmt::format("cannot read {}", options.file));
    return to_octets(as_octets(text));
}

/// "text" or "0xC0FFEE".
std::optional<Octets> octets_of(const std::string& text) {
    if (!text.starts_with("0x")) return to_octets(as_octets(text));
    return from_hex(std::string_view(text).substr(2));
}

/// "num,text", where 0x begins octets in hexadecimal.
Understood<std::pair<coap::OptionNumber, Octets>> option_of(const std::string& text) {
    const auto wrong = misused(
        fmt::format("-O {}: wanted NUMBER,TEXT or NUMBER,0xHEX, as in -O 15,unit=Cel", text));
    const std::size_t comma = text.find(',');
    std::uint16_t number = 0;
    const char* const end = text.data() + std::min(comma, text.size());
    const auto [stop, fault] = std::from_chars(text.data(), end, number);
    if (fault != std::errc{} || stop != end) return wrong;
    auto octets = octets_of(comma == std::string::npos ? "" : text.substr(comma + 1));
    if (!octets || octets->size() > coap::Options::value_octets_max) return wrong;
    return std::pair{coap::OptionNumber{number}, *std::move(octets)};
}

Understood<std::optional<coap::ContentFormat>> format_of(const std::string& text,
                                                         std::string_view option) {
    if (text.empty()) return std::nullopt;
    // What libcoap calls three of them.
    const std::string name = text == "plain"    ? "text/plain"
                             : text == "link"   ? "link-format"
                             : text == "binary" ? "octet-stream"
                                                : text;
    const auto format = coap::content_format_from_text(name);
    if (!format)
        return misused(
            fmt::format("{} {}: not a content format; a media type, its last part as in "
                        "json or senml+cbor, or a number",
                        option, text));
    return format;
}

/// "SIZE" or "NUMBER,SIZE".
Understood<std::optional<coap::Block>> block_of(const std::string& text) {
    if (text.empty()) return std::nullopt;
    const auto wrong = misused(fmt::format(
        "-b {}: not a block size; 16, 32, 64, 128, 256, 512 or 1024, after NUMBER, for that block",
        text));
    std::uint32_t number = 0;
    std::uint32_t size = 0;
    const char* at = text.data();
    const char* const end = at + text.size();
    if (const std::size_t comma = text.find(','); comma != std::string::npos) {
        const auto [stop, fault] = std::from_chars(at, at + comma, number);
        if (fault != std::errc{} || stop != at + comma || number > coap::Block::number_max)
            return wrong;
        at += comma + 1;
    }
    const auto [stop, fault] = std::from_chars(at, end, size);
    if (fault != std::errc{} || stop != end || size < 16 || size > 1024 ||
        !std::has_single_bit(size))
        return wrong;
    return coap::Block{number, false, static_cast<std::uint8_t>(std::countr_zero(size) - 4)};
}

Understood<coap::Code> method_of(std::string name) {
    static constexpr std::pair<std::string_view, coap::Code> methods[] = {
        {"get", coap::Code::get},        {"post", coap::Code::post},   {"put", coap::Code::put},
        {"delete", coap::Code::delete_}, {"fetch", coap::Code::fetch}, {"patch", coap::Code::patch},
        {"ipatch", coap::Code::ipatch},
    };
    for (char& c : name)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    for (const auto& [known, code] : methods)
        if (name == known) return code;
    return misused(
        fmt::format("-m {}: allowed: get, post, put, delete, fetch, patch, ipatch", name));
}

Understood<Duration> duration_of(const std::string& text, std::string_view option) {
    const auto duration = duration_from_text(text);
    if (!duration)
        return misused(
            fmt::format("{} {}: not a duration; allowed: 30, 250ms, 5m, 1h", option, text));
    return *duration;
}

/// libcoap's -v wants a number, which then stands before the URI: from 6 on it means messages.
void take_verbosity(CoapOptions& options) {
    auto& words = options.words;
    if (options.verbose == 0 || words.size() < 2) return;
    const auto digit = std::ranges::find_if(words, [](const std::string& word) {
        return word.size() == 1 && word[0] >= '0' && word[0] <= '9';
    });
    if (digit == words.end()) return;
    options.verbose = (*digit)[0] >= '6' ? 1 : 0;
    words.erase(digit);
}

Understood<site::CoapTarget> target_of(const CoapPlace& place, const CoapOptions& options) {
    site::CoapTarget target;
    target.transport = place.uri.transport;
    target.host = place.uri.host;
    target.port = place.uri.port;
    target.scope = place.scope;
    auto dtls = dtls_client_of(options.credentials, place.uri.host);
    if (!dtls) return std::unexpected(dtls.error());
    target.dtls = *std::move(dtls);
    auto tls = tls_client_of(options.credentials, place.uri.host);
    if (!tls) return std::unexpected(tls.error());
    target.tls = *std::move(tls);
    return target;
}

Understood<CoapPlace> destination_of(const CoapOptions& options) {
    if (options.words.empty())
        return misused("which URI? As in coap://[fd00:ca5e::1]/.well-known/core");
    std::string text = options.words.front();
    if (!options.proxy.empty()) {
        text = options.proxy;
        if (text.find("://") == std::string::npos) text = "coap://" + text;
    }
    auto place = place_of(text);
    if (!options.proxy.empty() && (!place || !*place))
        return misused(fmt::format("-P {}: not the URI of a CoAP proxy, as in coap://127.0.0.1",
                                   options.proxy));
    if (!place) return std::unexpected(place.error());
    if (!*place)
        return misused(
            fmt::format("{}: not a coap:// URI, as in coap://[fd00:ca5e::1]/.well-known/core; "
                        "other schemes need a proxy that speaks them (-P)",
                        text));
    if (options.reliable) (*place)->make_reliable();
    return **std::move(place);
}

/// What `discover` asks for when the URI names no resource.
void set_discovery(CoapOptions& options) {
    std::string& uri = options.words.front();
    const std::size_t authority = uri.find("://");
    if (authority == std::string::npos) return;
    const std::size_t path = uri.find_first_of("/?", authority + 3);
    if (path == std::string::npos)
        uri += "/.well-known/core";
    else if (uri[path] == '/' && (path + 1 == uri.size() || uri[path + 1] == '?'))
        uri.insert(path, "/.well-known/core").erase(path + 17, 1);
    else if (uri[path] == '?')
        uri.insert(path, "/.well-known/core");
    for (std::size_t i = 1; i < options.words.size(); ++i) {
        uri += uri.find('?') == std::string::npos ? '?' : '&';
        uri += coap::percent_encoded(options.words[i], ":@/?*");
    }
    options.words.resize(1);
}

Understood<void> set_request(const CoapOptions& options, coap::Request& request) {
    request.code = options.method;
    if (!options.method_name.empty()) {
        const auto method = method_of(options.method_name);
        if (!method) return std::unexpected(method.error());
        request.code = *method;
    }
    request.confirmable = !options.non_confirmable;
    request.observe = options.observe || !options.span.empty();
    const auto content_format = format_of(options.content_format, "-t");
    if (!content_format) return std::unexpected(content_format.error());
    if (*content_format)
        request.options.add_uint(coap::OptionNumber::content_format,
                                 std::to_underlying(**content_format));
    const auto accept = format_of(options.accept, "-A");
    if (!accept) return std::unexpected(accept.error());
    if (*accept) request.options.add_uint(coap::OptionNumber::accept, std::to_underlying(**accept));
    if (options.hop_limit)
        request.options.add_uint(coap::OptionNumber::hop_limit, *options.hop_limit);
    if (options.token) {
        const auto token = octets_of(*options.token);
        if (!token || token->size() > coap::Token::capacity)
            return misused(fmt::format("-T {}: not a token; at most {} octets, as text or 0xHEX",
                                       *options.token, coap::Token::capacity));
        request.token = coap::Token(*token);
    }
    auto payload = payload_of(options);
    if (!payload) return std::unexpected(payload.error());
    request.payload = *std::move(payload);
    for (const std::string& text : options.options) {
        const auto option = option_of(text);
        if (!option) return std::unexpected(option.error());
        request.options.add(option->first, option->second);
    }
    return {};
}

}  // namespace

Understood<Conversation> reached(const CoapOptions& options) {
    Conversation conversation;
    conversation.verbose = options.verbose > 0;
    conversation.without_token = options.token && options.token->empty();
    conversation.bare = options.bare;
    if (options.timeout_seconds) {
        const double seconds = *options.timeout_seconds;
        if (!(seconds > 0) || seconds > 1e6)
            return misused(fmt::format("-B {}: not a time to wait, in seconds", seconds));
        conversation.patience = Duration(std::llround(seconds * 1e9));
        conversation.multicast_window = conversation.patience;
    }
    const auto place = destination_of(options);
    if (!place) return std::unexpected(place.error());
    auto target = target_of(*place, options);
    if (!target) return std::unexpected(target.error());
    conversation.target = *std::move(target);
    conversation.target_text = place->to_text();
    if (!options.oscore.empty()) {
        auto protection = oscore_of(options.oscore);
        if (!protection) return std::unexpected(protection.error());
        conversation.target.context = protection->context;
        conversation.protection = std::move(protection->protection);
    }
    if (options.proxy.empty()) {
        conversation.uri = place->uri;
    } else {
        // The proxy is told the URI as it would be told any other: in its normal form if we know
        // the scheme, as it stands if only the proxy may. [RFC 7252 §5.10.2]
        const std::string& given = options.words.front();
        const auto uri = coap::Uri::from_text(given);
        const std::string text = uri ? uri->to_text() : given;
        if ((!uri && uri.error() == coap::UriFault::malformed) ||
            text.size() > coap::Uri::octets_max)
            return misused(fmt::format("{}: not a URI", given));
        conversation.request.options.add_text(coap::OptionNumber::proxy_uri, text);
    }
    return conversation;
}

Understood<Conversation> understood(CoapOptions options) {
    take_verbosity(options);
    if (options.discover) set_discovery(options);
    if (options.words.size() > 1)
        return misused(fmt::format("{}: one URI is enough", options.words.back()));
    auto conversation = reached(options);
    if (!conversation) return conversation;
    if (auto set = set_request(options, conversation->request); !set)
        return std::unexpected(set.error());
    if (!options.span.empty()) {
        const auto span = duration_of(options.span, "-s");
        if (!span) return std::unexpected(span.error());
        conversation->span = *span;
    }
    const auto block = block_of(options.block);
    if (!block) return std::unexpected(block.error());
    if (*block) {
        conversation->block_szx = (*block)->szx;
        // With a body of our own the size is for its blocks, and the response's come as they come.
        if (conversation->request.payload.empty())
            conversation->request.options.add_uint(coap::OptionNumber::block2, (*block)->to_uint());
    }
    conversation->times = options.times;
    const auto pause = duration_of(options.pause, "--every");
    if (!pause) return std::unexpected(pause.error());
    conversation->pause = *pause;
    return conversation;
}

}  // namespace causeway::cli
