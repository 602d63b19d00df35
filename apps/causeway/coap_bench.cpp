// causeway coap bench: a load generator for CoAP servers.
#include "coap_bench_load.hpp"
#include "coap_bench_report.hpp"
#include "coap_options.hpp"
#include "coap_place.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>

namespace causeway::cli {
namespace {

struct BenchOptions {
    std::string uri;
    std::string method = "get";
    std::string payload;
    bool non_confirmable = false;
    bool echo_floor = false;
    int echo_core = -1;
    CoapBenchPlan plan;
    std::string user;
    std::string key;
    bool json = false;
};

Understood<coap::Message> request_of(const BenchOptions& options,
                                     const std::optional<CoapPlace>& place) {
    coap::Message request;
    request.type = options.non_confirmable ? coap::Type::non_confirmable : coap::Type::confirmable;
    if (options.method == "put")
        request.code = coap::Code::put;
    else if (options.method == "post")
        request.code = coap::Code::post;
    else
        request.code = coap::Code::get;
    request.payload = to_octets(as_octets(options.payload));
    if (place) {
        coap::Peer peer{.port = place->uri.port};
        if (const auto literal = coap::address_from_literal(place->uri.host))
            peer.address = *literal;
        place->uri.add_to(request.options, peer);
    } else {
        request.options.add_path("/test");  // to be as long as a request of ours
    }
    if (!request.payload.empty()) request.options.add_uint(coap::OptionNumber::content_format, 0);
    if (request.wire_size() + 4 > BenchSockets::datagram_octets_max)
        return misused("the request is longer than one datagram should be");
    return request;
}

int show(const BenchOptions& options, const std::string& mode,
         std::expected<CoapBenchReport, std::string> report) {
    if (!report) return say_why(failed, report.error());
    report->mode = mode;
    fmt::print("{}",
               options.json ? coap_bench_to_json(*report) + "\n" : coap_bench_to_text(*report));
    return report->lost == 0 && report->refused == 0 && report->missed == 0 ? done : failed;
}

int measure_floor(BenchOptions& options) {
    auto request = request_of(options, std::nullopt);
    if (!request) return say_why(request.error().status, request.error().line);
    const auto floor = EchoFloor::start(options.echo_core);
    if (!floor) return say_why(failed, floor.error());
    CoapBenchPlan& plan = options.plan;
    plan.request = *std::move(request);
    plan.target = floor->target();
    plan.echoed = true;
    plan.server_pid = floor->pid();
    return show(options, "echo-floor", run_coap_load(plan));
}

int measure(BenchOptions& options) {
    CoapBenchPlan& plan = options.plan;
    if (plan.patience_seconds <= 0)
        plan.patience_seconds = plan.observers > 0 ? observer_patience_s : load_patience_s;
    if (options.echo_floor) return measure_floor(options);
    if (options.uri.empty()) return say_why(bad_usage, "a URI is wanted, or --echo-floor");
    const auto place = place_of(options.uri);
    if (!place) return say_why(place.error().status, place.error().line);
    const bool dtls = *place && (*place)->uri.transport == coap::Transport::dtls;
    if (!*place || (!dtls && (*place)->uri.transport != coap::Transport::udp))
        return say_why(bad_usage, fmt::format("{}: allowed: coap and coaps", options.uri));
    if (dtls != (plan.sessions > 0))
        return say_why(bad_usage, "coaps wants --sessions, and --sessions wants coaps");
    auto request = request_of(options, *place);
    if (!request) return say_why(request.error().status, request.error().line);
    plan.request = *std::move(request);
    auto target = bench_target_of((*place)->uri.host, (*place)->uri.port, (*place)->scope);
    if (!target) return say_why(failed, target.error());
    plan.target = *target;
    if (dtls) {
        auto key = secret_of(options.key, "-k");
        if (!key) return say_why(key.error().status, key.error().line);
        if (key->empty() || options.user.empty())
            return say_why(bad_usage, "--sessions wants a pre-shared key: -u and -k");
        plan.psk_identity = options.user;
        plan.psk = *std::move(key);
        return show(options, "sessions", run_coap_sessions(plan));
    }
    if (plan.observers > 0) return show(options, "observers", run_coap_observers(plan));
    return show(options, options.method, run_coap_load(plan));
}

}  // namespace

void add_coap_bench(CLI::App& coap, Work& work) {
    auto* command = coap.add_subcommand("bench", "Measure a server under load");
    command->footer(
        "Examples:\n"
        "  causeway coap bench coap://127.0.0.1/test --endpoints 10000 --for 5\n"
        "  causeway coap bench coap://127.0.0.1/obs --observers 1000\n"
        "  causeway coap bench coaps://127.0.0.1/test --sessions 10000 -u me -k @key\n"
        "  causeway coap bench --echo-floor --echo-core 0\n\n"
        "Endpoints are told apart by their address in 127.0.0.0/8, so a server on loopback can\n"
        "meet 100,000 of them; towards other hosts each is a socket, and 1,000 are the most.\n\n"
        "Exit status: 0 done, 1 something was lost or refused, 2 bad usage.");
    auto options = std::make_shared<BenchOptions>();
    CoapBenchPlan& plan = options->plan;
    command->add_option("URI", options->uri, "coap://HOST[:PORT]/PATH, or coaps with --sessions");
    command->add_option("-m,--method", options->method, "get, put or post")
        ->check(CLI::IsMember({"get", "put", "post"}))
        ->capture_default_str();
    command->add_option("-e,--payload", options->payload, "The payload, as text");
    command->add_flag("-N,--non", options->non_confirmable, "Non-confirmable requests");
    command->add_option("--endpoints", plan.endpoints, "Client endpoints, asking in turn")
        ->check(CLI::Range(1u, BenchSockets::endpoints_max))
        ->capture_default_str();
    command->add_option("--window", plan.window, "Requests under way, of all endpoints")
        ->check(CLI::Range(1, 65'535))
        ->capture_default_str();
    command->add_option("--for", plan.seconds, "How long it is measured, seconds")
        ->check(CLI::Range(0.01, 1e6))
        ->capture_default_str();
    command->add_option("--count", plan.count, "So many requests instead");
    command->add_option("--warmup", plan.warmup_seconds, "Seconds before that")
        ->capture_default_str();
    command->add_option("--patience", plan.patience_seconds, "Seconds until something is lost")
        ->check(CLI::Range(0.01, 1e6))
        ->default_str("1, with --observers 10");
    command
        ->add_option("--observers", plan.observers,
                     "So many observe the resource, which a PUT then changes")
        ->check(CLI::Range(1u, BenchSockets::endpoints_max - 1));
    command->add_option("--rounds", plan.rounds, "Changes that observers are told of")
        ->check(CLI::Range(1, 10'000))
        ->capture_default_str();
    command->add_option("--pause", plan.pause_seconds, "Seconds before a change")
        ->capture_default_str();
    command->add_option("--sessions", plan.sessions, "So many DTLS sessions at once")
        ->check(CLI::Range(1u, BenchSockets::endpoints_max));
    command->add_option("-u,--user", options->user, "Identity of the pre-shared key");
    command->add_option("-k,--key", options->key, "Pre-shared key: text, 0xHEX or @FILE");
    command->add_flag("--echo-floor", options->echo_floor,
                      "Measure a bare UDP echo loop of our own instead of a server");
    command->add_option("--echo-core", options->echo_core, "The core it runs on");
    command->add_option("--pid", plan.server_pid, "Tell the CPU time and memory of this process");
    command->add_flag("--json", options->json, "Print one JSON object");
    command->callback([options, &work] { work = [options] { return measure(*options); }; });
}

}  // namespace causeway::cli
