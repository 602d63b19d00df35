// What the CoAP engine alone costs, without sockets: a fresh GET from datagram to datagram in
// microseconds, with one client endpoint as with 100,000, and one change told to 1,000 observers in
// milliseconds.
#include "coap/endpoint.hpp"
#include "coap/server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace {

using namespace causeway;
using namespace causeway::coap;

constexpr int rounds = 7;
constexpr int rounds_to_fill = 2;  // until every table is as full as it gets
constexpr std::uint32_t requests_a_round = 60'000;
const Octets representation(64, std::byte{0x2a});

Peer peer_of(std::uint32_t number) {
    Peer peer;
    peer.address[0] = std::byte{0xfd};
    ByteWriter(MutableBytes(peer.address).last(4)).be32(number / 4);
    peer.port = static_cast<std::uint16_t>(40000 + number % 4);
    return peer;
}

Message get(Type type) {
    Message message;
    message.type = type;
    message.code = Code::get;
    const std::array token{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
    message.token = Token(token);
    message.options.add_path("sensors/temperature");
    return message;
}

double elapsed(std::chrono::steady_clock::time_point since) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - since;
    return took.count();
}

/// Microseconds for each request answered, the best of several rounds.
double answering(std::uint32_t peers, Type type) {
    Endpoint endpoint(Settings::for_host(), Random(1), Instant{});
    Instant now = Instant{} + std::chrono::seconds(1000);
    const Octets request = emitted(get(type));
    std::uint64_t served = 0;
    double best = 1e9;
    for (int round = 0; round < rounds; ++round) {
        const auto begin = std::chrono::steady_clock::now();
        for (std::uint32_t i = 0; i < requests_a_round; ++i, ++served) {
            DatagramReceived in{peer_of(static_cast<std::uint32_t>(served % peers)), request};
            const auto id = static_cast<std::uint16_t>(served / peers);
            ByteWriter(MutableBytes(in.datagram).subspan(2, 2)).be16(id);
            now += std::chrono::microseconds(4);
            endpoint.handle(now, std::move(in));
            while (auto out = endpoint.poll_output()) {
                const auto* arrived = std::get_if<RequestArrived>(&*out);
                if (arrived == nullptr) continue;
                Response response;
                response.payload = representation;
                endpoint.handle(now, Respond{arrived->exchange, std::move(response)});
            }
        }
        if (round >= rounds_to_fill) best = std::min(best, elapsed(begin));
        // One peer's messages are distinct for 65,536 requests; then let their lifetime pass.
        if (peers < 100) {
            now += std::chrono::minutes(10);
            served = 0;
        }
    }
    if (endpoint.stats().duplicates != 0 || endpoint.stats().malformed != 0) std::abort();
    return best / requests_a_round * 1e6;
}

/// Milliseconds for one change of a resource that so many observe.
double telling(std::uint32_t observers) {
    Endpoint endpoint(Settings::for_host(), Random(1), Instant{});
    Instant now = Instant{} + std::chrono::seconds(1000);
    const auto answer = [&] {
        while (auto out = endpoint.poll_output()) {
            const auto* arrived = std::get_if<RequestArrived>(&*out);
            if (arrived == nullptr) continue;
            Response response;
            response.payload = representation;
            response.observe = true;
            endpoint.handle(now, Respond{arrived->exchange, std::move(response)});
        }
    };
    Message registration = get(Type::confirmable);
    registration.options.add_uint(OptionNumber::observe, 0);
    const Octets request = emitted(registration);
    for (std::uint32_t n = 0; n < observers; ++n) {
        endpoint.handle(now, DatagramReceived{peer_of(n), request});
        answer();
    }
    double best = 1e9;
    // As many as go out before one has to be acknowledged, which nobody here does.
    for (int round = 0; round < endpoint.settings().unconfirmed_notifications_max; ++round) {
        now += std::chrono::seconds(4);
        endpoint.handle_timeout(now);
        const auto begin = std::chrono::steady_clock::now();
        endpoint.handle(now, ResourceChanged{"/sensors/temperature"});
        answer();
        best = std::min(best, elapsed(begin));
    }
    if (endpoint.stats().notifications_sent !=
        std::uint64_t{observers} * endpoint.settings().unconfirmed_notifications_max)
        std::abort();
    return best * 1e3;
}

}  // namespace

int main() {
    fmt::print("sizeof(Endpoint) {} octets, of which {} count\n\n", sizeof(Endpoint),
               sizeof(coap::Stats));
    fmt::print("{:>8} {:>12} {:>12}\n", "peers", "GET CON", "GET NON");
    for (const std::uint32_t peers : {1u, 1'000u, 10'000u, 100'000u}) {
        const double con = answering(peers, Type::confirmable);
        const double non = answering(peers, Type::non_confirmable);
        fmt::print("{:8} {:9.3f} us {:9.3f} us\n", peers, con, non);
    }
    for (const std::uint32_t observers : {1'000u, 10'000u})
        fmt::print("\none change told to {} observers: {:.2f} ms", observers, telling(observers));
    fmt::print("\n");
}
