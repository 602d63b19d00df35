// causeway coap: one CoAP request, as a person or a script asks for it.
#include "base/hex.hpp"
#include "coap/block.hpp"
#include "coap/client.hpp"
#include "coap/text.hpp"
#include "coap_client.hpp"
#include "command.hpp"
#include "printable.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include <unistd.h>
#include <algorithm>
#include <bit>
#include <charconv>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

namespace causeway::cli {
namespace {

struct CoapOptions {
    coap::Code method = coap::Code::get;
    bool observe = false;
    std::string uri;
    std::optional<std::string> payload;
    std::string file;
    std::string output;
    std::string content_format;
    std::string accept;
    bool non_confirmable = false;
    double timeout_seconds = 90;
    std::string span;
    std::size_t block = 0;
    std::string proxy;
    std::vector<std::string> options;
    bool verbose = false;
    bool json = false;
};

int complain(int status, const std::string& line) {
    fmt::print(stderr, "causeway: {}\n", line);
    return status;
}

/// What is wrong with the command line, or with the world, and the exit status that says so.
struct Refusal {
    int status = bad_usage;
    std::string line;
};
template <class T>
using Understood = std::expected<T, Refusal>;

std::unexpected<Refusal> misused(std::string line) {
    return std::unexpected(Refusal{bad_usage, std::move(line)});
}
std::unexpected<Refusal> impossible(std::string line) {
    return std::unexpected(Refusal{failed, std::move(line)});
}

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

/// "num,text", where 0x begins octets in hexadecimal.
Understood<std::pair<coap::OptionNumber, Octets>> option_of(const std::string& text) {
    const auto wrong = misused(
        fmt::format("-O {}: wanted NUMBER,TEXT or NUMBER,0xHEX, as in -O 15,unit=Cel", text));
    const std::size_t comma = text.find(',');
    std::uint16_t number = 0;
    const char* const end = text.data() + std::min(comma, text.size());
    const auto [stop, fault] = std::from_chars(text.data(), end, number);
    if (fault != std::errc{} || stop != end) return wrong;
    const std::string value = comma == std::string::npos ? "" : text.substr(comma + 1);
    if (!value.starts_with("0x"))
        return std::pair{coap::OptionNumber{number}, to_octets(as_octets(value))};
    auto octets = from_hex(std::string_view(value).substr(2));
    if (!octets) return wrong;
    return std::pair{coap::OptionNumber{number}, *std::move(octets)};
}

Understood<std::optional<coap::ContentFormat>> format_of(const std::string& text,
                                                         std::string_view option) {
    if (text.empty()) return std::nullopt;
    const auto format = coap::content_format_from_text(text);
    if (!format)
        return misused(
            fmt::format("{} {}: not a content format; a media type, its last part as in "
                        "json or senml+cbor, or a number",
                        option, text));
    return format;
}

Understood<std::optional<std::uint8_t>> szx_of(std::size_t block) {
    if (block == 0) return std::nullopt;
    if (block < 16 || block > 1024 || !std::has_single_bit(block))
        return misused(
            fmt::format("-b {}: not a block size; 16, 32, 64, 128, 256, 512 or 1024", block));
    return static_cast<std::uint8_t>(std::countr_zero(block) - 4);
}

constexpr std::string_view uri_hint = "as in coap://[fd00:ca5e::1]/.well-known/core";

Understood<Destination> proxy_of(std::string text) {
    if (text.find("://") == std::string::npos) text = "coap://" + text;
    const auto scope = take_zone(text);
    if (!scope) return impossible(scope.error());
    const auto uri = coap::Uri::from_text(text);
    if (!uri)
        return misused(
            fmt::format("-P {}: not the URI of a CoAP proxy, as in coap://127.0.0.1", text));
    if (uri->secure) return impossible("coaps:// is not supported yet");
    if (const auto peer = uri->peer()) return Destination{*peer, *scope};
    const auto found = look_up(uri->host, uri->port);
    if (!found) return impossible(fmt::format("nobody knows the host {}", uri->host));
    return *found;
}

Understood<void> set_request(const CoapOptions& options, Conversation& conversation) {
    coap::Call call;
    call.uri = options.uri;
    call.method = options.method;
    call.confirmable = !options.non_confirmable;
    call.observe = options.observe;
    if (!options.proxy.empty()) {
        const auto proxy = proxy_of(options.proxy);
        if (!proxy) return std::unexpected(proxy.error());
        call.proxy = proxy->peer;
        conversation.scope = proxy->scope;
    } else {
        const auto scope = take_zone(call.uri);
        if (!scope) return impossible(scope.error());
        conversation.scope = *scope;
    }
    auto content_format = format_of(options.content_format, "-t");
    if (!content_format) return std::unexpected(content_format.error());
    call.content_format = *content_format;
    auto accept = format_of(options.accept, "-A");
    if (!accept) return std::unexpected(accept.error());
    call.accept = *accept;
    auto szx = szx_of(options.block);
    if (!szx) return std::unexpected(szx.error());
    conversation.block_szx = *szx;
    auto payload = payload_of(options);
    if (!payload) return std::unexpected(payload.error());
    call.payload = *std::move(payload);
    // With a body of our own the size is for its blocks, and the response's come as they come.
    if (call.payload.empty()) call.block_szx = *szx;

    std::string unknown;
    const auto resolve = [&](std::string_view host,
                             std::uint16_t port) -> std::optional<coap::Peer> {
        unknown = host;
        const auto found = look_up(unknown, port);
        if (!found) return std::nullopt;
        conversation.scope = found->scope;
        return found->peer;
    };
    auto request = coap::request_for(coap::RequestId{1}, call, resolve);
    if (!request) {
        switch (request.error()) {
            case coap::CallFault::bad_uri:
                return misused(fmt::format("{}: not a URI, {}", options.uri, uri_hint));
            case coap::CallFault::not_coap:
                return misused(
                    fmt::format("{}: not a coap:// URI, {}; other schemes need a proxy "
                                "that speaks them (-P)",
                                options.uri, uri_hint));
            case coap::CallFault::needs_dtls:
                return impossible("coaps:// is not supported yet");
            case coap::CallFault::unknown_host:
                return impossible(fmt::format("nobody knows the host {}", unknown));
        }
    }
    for (const std::string& text : options.options) {
        const auto option = option_of(text);
        if (!option) return std::unexpected(option.error());
        request->options.add(option->first, option->second);
    }
    conversation.request = *std::move(request);
    return {};
}

Understood<Conversation> understood(const CoapOptions& options) {
    Conversation conversation;
    conversation.verbose = options.verbose;
    if (!(options.timeout_seconds > 0) || options.timeout_seconds > 1e6)
        return misused(
            fmt::format("-B {}: not a time to wait, in seconds", options.timeout_seconds));
    conversation.patience = Duration(static_cast<std::int64_t>(options.timeout_seconds * 1e9));
    if (!options.span.empty()) {
        conversation.span = duration_from_text(options.span);
        if (!conversation.span)
            return misused(
                fmt::format("-s {}: not a duration; allowed: 30, 250ms, 5m, 1h", options.span));
    }
    if (auto set = set_request(options, conversation); !set) return std::unexpected(set.error());
    return conversation;
}

boost::json::object response_to_json(const coap::ResponseArrived& response) {
    boost::json::array options;
    for (const coap::Option& option : response.options) {
        options.push_back({{"number", std::to_underlying(option.number)},
                           {"hex", to_hex(option.value)},
                           {"text", printable(coap::to_text(option))}});
    }
    boost::json::object result{{"code", fmt::format("{}.{:02}", coap::class_of(response.code),
                                                    coap::detail_of(response.code))},
                               {"name", coap::name_of(response.code)},
                               {"from", coap::to_text(response.peer)},
                               {"options", std::move(options)}};
    if (const auto format = response.options.uint(coap::OptionNumber::content_format))
        if (*format <= 0xffff)
            result["content_format"] =
                coap::to_text(coap::ContentFormat{static_cast<std::uint16_t>(*format)});
    if (response.observe) result["observe"] = *response.observe;
    const std::string_view text = as_text(response.payload);
    if (is_plain_text(response.payload))
        result["payload"] = text;
    else
        result["payload_hex"] = to_hex(response.payload);
    return result;
}

/// Puts responses where they belong, and remembers how it went.
class Answer {
public:
    explicit Answer(const CoapOptions& options) : options_(options) {}

    void take(const coap::ResponseArrived& response) {
        const bool good = coap::is_success(response.code);
        if (!good) status_ = failed;
        if (options_.json) fmt::print("{}\n", boost::json::serialize(response_to_json(response)));
        if (!good)
            say_error(response);
        else if (!options_.json || !options_.output.empty())
            put(response);
        std::fflush(stdout);
    }

    [[nodiscard]] int status() const { return status_; }

private:
    static void say_error(const coap::ResponseArrived& response) {
        std::string line = coap::to_text(response.code);
        // "a brief human-readable diagnostic message" [RFC 7252 §5.5.2]
        if (!response.payload.empty() && is_plain_text(response.payload))
            line += ": " + printable(as_text(response.payload));
        fmt::print(stderr, "{}\n", line);
    }

    void put(const coap::ResponseArrived& response) {
        // Notifications are a line each; of anything else a pipe gets the octets and no more.
        const std::string_view payload = as_text(response.payload);
        const bool to_file = !options_.output.empty() && options_.output != "-";
        const bool by_line = options_.observe || (!to_file && isatty(STDOUT_FILENO) == 1);
        const bool unended = !payload.empty() && payload.back() != '\n';
        if (to_file && !file_.is_open()) file_.open(options_.output, std::ios::binary);
        if (!to_file)
            std::fwrite(payload.data(), 1, payload.size(), stdout);
        else
            file_.write(payload.data(), static_cast<std::streamsize>(payload.size()));
        if (by_line && unended && is_plain_text(response.payload)) {
            if (to_file)
                file_.put('\n');
            else
                std::fputc('\n', stdout);
        }
        if (!to_file) return;
        file_.flush();
        if (file_.good() || std::exchange(told_, true)) return;
        status_ = complain(failed, fmt::format("cannot write {}", options_.output));
    }

    const CoapOptions& options_;
    std::ofstream file_;
    int status_ = done;
    bool told_ = false;
};

int ask(const CoapOptions& options) {
    const auto conversation = understood(options);
    if (!conversation) return complain(conversation.error().status, conversation.error().line);
    Answer answer(options);
    const auto held = converse(
        *conversation, [&](const coap::ResponseArrived& response) { answer.take(response); });
    if (held) return answer.status();
    if (options.json)
        fmt::print("{}\n", boost::json::serialize(boost::json::object{{"error", held.error()}}));
    return complain(failed, held.error());
}

struct Method {
    const char* name;
    coap::Code code;
    const char* purpose;
    bool body;
    const char* example;
};

constexpr Method methods[] = {
    {"get", coap::Code::get, "Fetch a resource", false,
     "  causeway coap get coap://[fd00:ca5e::1]/.well-known/core\n"
     "  causeway coap get -P coap://127.0.0.1 coap://[fd00:ca5e::2]/sensors/temperature"},
    {"post", coap::Code::post, "Let a resource process a payload", true,
     "  causeway coap post -t json -f reading.json coap://example.org/readings"},
    {"put", coap::Code::put, "Create or replace a resource", true,
     "  causeway coap put -e 21.5 coap://[fd00:ca5e::2]/setpoint"},
    {"delete", coap::Code::delete_, "Delete a resource", false,
     "  causeway coap delete coap://[fd00:ca5e::2]/setpoint"},
    {"fetch", coap::Code::fetch, "Fetch the part of a resource that a payload names", true,
     "  causeway coap fetch -t 320 -f query.json coap://example.org/readings"},
    {"patch", coap::Code::patch, "Change a part of a resource", true,
     "  causeway coap patch -t json-patch+json -f change.json coap://example.org/config"},
    {"ipatch", coap::Code::ipatch, "Change a part of a resource, once or twice the same", true,
     "  causeway coap ipatch -t merge-patch+json -e '{\"on\":true}' coap://example.org/config"},
    {"observe", coap::Code::get, "Follow a resource as it changes", false,
     "  causeway coap observe -s 60 coap://[fd00:ca5e::2]/sensors/temperature"},
};

void add_method(CLI::App& coap, Work& work, const Method& method) {
    auto* command = coap.add_subcommand(method.name, method.purpose);
    command->footer(fmt::format("Example:\n{}", method.example));
    auto options = std::make_shared<CoapOptions>();
    options->method = method.code;
    options->observe = std::string_view(method.name) == "observe";
    command->add_option("URI", options->uri, "coap://HOST[:PORT]/PATH[?QUERY]")->required();
    if (method.body) {
        auto* text = command->add_option("-e,--payload", options->payload, "The payload, as text");
        text->type_name("TEXT");
        command->add_option("-f,--file", options->file, "The payload, from a file; - is stdin")
            ->type_name("FILE")
            ->excludes(text);
        command
            ->add_option("-t,--content-format", options->content_format,
                         "What the payload is: text/plain, json, senml+cbor, 60 ...")
            ->type_name("FORMAT");
    }
    command->add_option("-A,--accept", options->accept, "What the answer is wanted as")
        ->type_name("FORMAT");
    command->add_option("-o,--output", options->output, "Write the answer's payload to a file")
        ->type_name("FILE");
    command->add_flag("-N,--non", options->non_confirmable, "Send it non-confirmable");
    command
        ->add_option("-B,--timeout", options->timeout_seconds,
                     "Give up on a peer that is silent for so long")
        ->type_name("SECONDS")
        ->capture_default_str();
    if (options->observe)
        command->add_option("-s,--for", options->span, "End after so long; else with Ctrl-C")
            ->type_name("SECONDS");
    command->add_option("-b,--block", options->block, "Block size: 16, 32 ... 1024 octets")
        ->type_name("SIZE");
    command->add_option("-P,--proxy", options->proxy, "Ask this proxy, as in coap://127.0.0.1")
        ->type_name("URI");
    command
        ->add_option("-O,--option", options->options,
                     "One more option, as 15,unit=Cel or 65001,0xc0ffee; may repeat")
        ->type_name("NUMBER,VALUE")
        ->allow_extra_args(false);
    command->add_flag("-v,--verbose", options->verbose, "Show every message on stderr");
    command->add_flag("--json", options->json, "Print one JSON object for each response");
    command->callback([options, &work] { work = [options] { return ask(*options); }; });
}

}  // namespace

void add_coap(CLI::App& app, Work& work) {
    auto* command = app.add_subcommand("coap", "Talk to a CoAP server");
    command->footer(
        "Examples:\n"
        "  causeway coap get coap://[fd00:ca5e::1]/.well-known/core\n"
        "  causeway coap put -e 21.5 coap://[fd00:ca5e::2]/setpoint\n"
        "  causeway coap observe -s 60 coap://[fd00:ca5e::2]/sensors/temperature\n\n"
        "Exit status: 0 answered with 2.xx, 1 with 4.xx or 5.xx or not at all, 2 bad usage.");
    command->require_subcommand(1);
    for (const Method& method : methods) add_method(*command, work, method);
}

}  // namespace causeway::cli
