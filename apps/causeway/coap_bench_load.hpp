#pragma once
// The load of `causeway coap bench`: requests from many endpoints, a window of them under way, with
// no endpoint's state behind them. A request is a template with a message id and a token patched
// in; a response is known by its token. What is not answered in time is lost: nothing is sent
// twice.
#include "coap/message.hpp"
#include "coap_bench_socket.hpp"
#include "mqtt_bench_report.hpp"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace causeway::cli {

struct CoapBenchPlan {
    BenchTarget target;
    coap::Message request;  // but for its id and token
    std::uint32_t endpoints = 16;
    std::uint32_t window = 100;
    double seconds = 5;
    std::uint64_t count = 0;  // requests, instead of seconds
    double warmup_seconds = 0.5;
    double patience_seconds = 0;  // until something is lost; 0: as the mode has it
    int server_pid = 0;           // whose CPU time and memory are told
    bool echoed = false;          // the request itself is the answer
    std::uint32_t observers = 0;
    std::uint32_t rounds = 5;
    double pause_seconds = 0.5;  // between rounds
    std::uint32_t sessions = 0;  // DTLS
    std::string psk_identity;
    Octets psk;
};

struct CoapBenchReport {
    std::string mode;
    std::uint32_t endpoints = 0;
    std::uint32_t window = 0;
    double seconds = 0;
    std::uint64_t answered = 0;
    std::uint64_t refused = 0;  // answered with 4.xx, 5.xx or a reset
    std::uint64_t lost = 0;     // not answered in time
    std::uint64_t unsent = 0;   // that the kernel did not take
    LatencyHistogram latency;
    double meeting_seconds = 0;     // until every endpoint had one answer
    std::uint32_t met = 0;          // endpoints that had it; sessions or observers that there are
    std::vector<double> rounds_ms;  // observers: from the change to the last notification
    std::uint64_t missed = 0;       // notifications that did not come
    double generator_cpu_s = 0;
    std::optional<double> server_cpu_s;
    std::optional<std::uint64_t> server_resident_before;
    std::optional<std::uint64_t> server_resident_after;
};

[[nodiscard]] std::expected<CoapBenchReport, std::string> run_coap_load(const CoapBenchPlan& plan);
[[nodiscard]] std::expected<CoapBenchReport, std::string> run_coap_observers(
    const CoapBenchPlan& plan);
/// DTLS sessions with a pre-shared key, each with one request answered, all held at once.
[[nodiscard]] std::expected<CoapBenchReport, std::string> run_coap_sessions(
    const CoapBenchPlan& plan);

/// Tokens of the generator: a slot or an endpoint, and what tells its requests apart.
inline constexpr std::size_t bench_token_octets = 4;
/// What patience comes to, where the plan says nothing.
inline constexpr double load_patience_s = 1;
inline constexpr double observer_patience_s = 10;

[[nodiscard]] std::int64_t bench_now_ns();
/// The fixed part of a message, as it lies there.
struct BenchHeader {
    coap::Type type;
    coap::Code code;
    std::uint16_t id;
    Bytes token;
    [[nodiscard]] static std::optional<BenchHeader> of(Bytes datagram) noexcept;
};
/// An acknowledgement for it, into four octets.
void bench_acknowledge(const BenchHeader& header, MutableBytes out) noexcept;
/// Whether SIGINT or SIGTERM came.
[[nodiscard]] bool bench_interrupted();

}  // namespace causeway::cli
