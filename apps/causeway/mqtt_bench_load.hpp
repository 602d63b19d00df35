#pragma once
// The load of `causeway mqtt bench`: connections that publish and subscribe as fast as a broker
// allows, on one thread. Steady state is a state machine of its own on raw packets: a message is a
// template with a sequence number and a time patched in, and what arrives is read where it lies.
//
// A closed loop: with QoS 1 and 2 by a window of unacknowledged messages, with QoS 0 by how many
// deliveries the subscribers are behind. So a broker never has to drop anything.
#include "base/bytes.hpp"
#include "base/time.hpp"
#include "mqtt/types.hpp"
#include "mqtt_bench_report.hpp"
#include "net/io.hpp"
#include "net/stream_host.hpp"

#include <cstdint>
#include <expected>
#include <memory>
#include <string>

namespace causeway::cli {

enum class BenchMode : std::uint8_t { connect, fan_in, fan_out, pair, shared, connections };

struct BenchPlan {
    BenchMode mode = BenchMode::fan_out;
    net::ConnectSpec where;
    mqtt::Version version = mqtt::Version::v3_1_1;
    mqtt::Qos qos = mqtt::Qos::at_most_once;
    std::uint32_t publishers = 1;
    std::uint32_t subscribers = 10;
    std::uint32_t clients = 100;  // connect: at once; connections: held
    std::uint32_t size = 64;      // octets of a payload
    double rate = 0;              // messages a second of all publishers; 0: as fast as it goes
    double seconds = 5;
    std::uint64_t count = 0;  // messages, instead of seconds
    double warmup_seconds = 1;
    std::uint32_t window = 100;    // QoS 1 and 2 in flight, each publisher
    std::uint32_t pipeline = 200;  // messages in a write
    std::uint64_t ahead = 50'000;  // deliveries that may be outstanding
    bool persistent = false;
    std::uint16_t keep_alive_seconds = 0;
    int broker_pid = 0;  // whose CPU time and memory are told
    std::string user_name;
    std::string password;
};

/// A payload holds these in front, in the machine's byte order.
struct BenchStamp {
    std::uint64_t sequence;
    std::int64_t sent_ns;
    std::uint32_t publisher;
    std::uint32_t reserved;
};
inline constexpr std::uint32_t bench_size_min = sizeof(BenchStamp);

/// Runs the plan; or the one line that says why it could not.
[[nodiscard]] std::expected<BenchReport, std::string> run_bench(const BenchPlan& plan);

}  // namespace causeway::cli
