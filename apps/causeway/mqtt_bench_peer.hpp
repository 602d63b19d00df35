#pragma once
// One connection of the load generator: what it has to say as octets, what it hears as facts.
#include "mqtt/packet.hpp"
#include "mqtt_bench_load.hpp"
#include "net/stream_host.hpp"

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

namespace causeway::cli {

/// A connection's fixed parts, made once: its CONNECT, its SUBSCRIBE, its PUBLISH.
struct BenchScript {
    Octets connect;
    Octets subscribe;          // of a subscriber
    Octets publish;            // of a publisher: patched for each message
    std::size_t id_at = 0;     // in publish, with QoS 1 and 2
    std::size_t stamp_at = 0;  // in publish
    [[nodiscard]] static BenchScript make(const BenchPlan& plan, std::uint32_t index,
                                          bool publisher, std::string_view run);
};

/// A whole packet at the front of octets.
struct RawPacket {
    std::uint8_t head;
    Bytes body;        // behind the fixed header
    std::size_t size;  // of all; 0: not whole yet
    bool malformed = false;
    [[nodiscard]] static RawPacket at_front_of(Bytes octets) noexcept {
        if (octets.size() < 2) return {};
        std::size_t length = 0;
        for (std::size_t i = 1; i < 5; ++i) {
            if (i == octets.size()) return {};
            const auto digit = std::to_integer<std::size_t>(octets[i]);
            length |= (digit & 127) << (7 * (i - 1));
            if (digit < 128) {
                if (octets.size() - i - 1 < length) return {};
                return {std::to_integer<std::uint8_t>(octets[0]), octets.subspan(i + 1, length),
                        i + 1 + length};
            }
        }
        return {.head = 0, .body = {}, .size = 0, .malformed = true};
    }
};

struct BenchPeer {
    enum class Phase : std::uint8_t { absent, opening, connecting, subscribing, ready, gone };

    net::StreamId stream{};
    Phase phase = Phase::absent;
    bool publisher = false;
    std::uint32_t index = 0;  // among its kind
    BenchScript script;
    Octets carried;  // of a packet that is not whole
    Octets out;
    std::size_t unsent = 0;
    std::uint64_t sequence = 0;           // of the next message
    std::vector<std::uint16_t> free_ids;  // QoS 1 and 2
    std::int64_t began_ns = 0;            // of a connect

    /// Appends one message; the caller has seen that there is room for it.
    void publish(std::int64_t now_ns) {
        const std::size_t at = out.size();
        out.insert(out.end(), script.publish.begin(), script.publish.end());
        if (script.id_at != 0) {
            const std::uint16_t id = free_ids.back();
            free_ids.pop_back();
            out[at + script.id_at] = static_cast<std::byte>(id >> 8);
            out[at + script.id_at + 1] = static_cast<std::byte>(id);
        }
        const BenchStamp stamp{sequence++, now_ns, index, 0};
        std::memcpy(out.data() + at + script.stamp_at, &stamp, sizeof stamp);
    }
    /// Acknowledges a PUBLISH as its QoS asks, and reads its stamp. The payload stands last and its
    /// size is known: what is before it need not be read.
    std::optional<BenchStamp> take_message(const RawPacket& packet, std::uint32_t size) {
        const int qos = packet.head >> 1 & 3;
        const std::size_t body = packet.body.size();
        if (body < size + 2) return std::nullopt;
        if (qos != 0) {
            const std::size_t topic = std::to_integer<std::size_t>(packet.body[0]) << 8 |
                                      std::to_integer<std::size_t>(packet.body[1]);
            if (topic + 4 > body) return std::nullopt;
            acknowledge(qos == 1 ? 0x40 : 0x50, packet.body.subspan(topic + 2, 2));
        }
        BenchStamp stamp;
        std::memcpy(&stamp, packet.body.data() + body - size, sizeof stamp);
        return stamp;
    }
    /// PUBACK and its like.
    void acknowledge(std::uint8_t head, Bytes id) {
        out.push_back(static_cast<std::byte>(head));
        out.push_back(std::byte{2});
        out.insert(out.end(), id.begin(), id.begin() + 2);
    }
};

}  // namespace causeway::cli
