#pragma once
#include "base/time.hpp"
#include "ip/address.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace causeway::node {

/// How a node stands at an instant.
struct Status {
    ip::Address link_local;
    std::optional<ip::Address> global;  // once a prefix was announced
    bool joined = false;        // has a rank, and the root has a route to it as far as known
    Instant joined_at = never;  // the first time
    std::uint16_t rank = 0xffff;
    std::optional<ip::Address> parent;  // link-local, of the preferred parent
    double etx = 0;                     // to the preferred parent; 0 with no parent
    std::uint32_t parent_changes = 0;
};

/// Why a packet did not arrive. One reason a packet.
enum class LossReason : std::uint8_t {
    no_route,           // no parent, or the root knows no path
    link_no_ack,        // every retry of a hop failed
    link_channel_busy,  // the channel never came free
    queue_full,
    hop_limit,
    loop,          // RPL rank error twice [RFC 6550 §11.2.2.2]
    source_route,  // a source routing header that cannot be followed
    reassembly,    // a fragment missing
    malformed,
    not_wanted,  // no such port, or not for us
    too_big,     // from the host, over the mesh's MTU
    node_down,   // it was inside a node that died
    count,
};
[[nodiscard]] std::string_view name_of(LossReason reason) noexcept;

/// Control: RPL, neighbour discovery, acknowledgements, beacons. Data: everything else.
enum class Plane : std::uint8_t { control, data };

/// Octets put on the air, attempts all counted, by who asked for them.
struct AirOctets {
    std::uint64_t link = 0;     // 802.15.4 headers, FCS, acknowledgements
    std::uint64_t lowpan = 0;   // dispatch, compressed IP and UDP headers, fragment headers
    std::uint64_t payload = 0;  // what is left: RPL message, or CoAP and its payload
    [[nodiscard]] std::uint64_t total() const noexcept { return link + lowpan + payload; }
};

struct Counters {
    std::array<AirOctets, 2> air{};  // by Plane
    std::uint64_t frames_sent = 0;   // attempts, acknowledgements included
    std::uint64_t frames_received = 0;
    std::uint64_t packets_originated = 0;
    std::uint64_t packets_forwarded = 0;
    std::uint64_t packets_delivered = 0;  // to this node's own protocols
    std::array<std::uint64_t, std::to_underlying(LossReason::count)> lost{};
    std::uint64_t readings_sent = 0;
    std::uint64_t readings_received = 0;

    [[nodiscard]] AirOctets& operator[](Plane plane) noexcept {
        return air[std::to_underlying(plane)];
    }
    [[nodiscard]] const AirOctets& operator[](Plane plane) const noexcept {
        return air[std::to_underlying(plane)];
    }
};

}  // namespace causeway::node
