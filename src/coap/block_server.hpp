#pragma once
// Bodies in blocks at a server: request bodies being put together [RFC 7959 §2.5], atomically, and
// response bodies being fetched [RFC 7959 §2.4].
#include "coap/block.hpp"
#include "coap/core.hpp"

namespace causeway::coap {

/// Request bodies of which some blocks came. One for each peer and resource: "Starting a new
/// block-wise sequence ... simply overwrites the context".
class Assemblies {
public:
    enum class Outcome : std::uint8_t { go_on, complete, incomplete, too_large };

    struct Taken {
        Outcome outcome = Outcome::go_on;
        Octets body;  // when complete
    };

    /// Takes the next block of the body that `peer` sends for `key`.
    Taken take(Core& core, Instant now, const Peer& peer, std::uint64_t key, const Block& block,
               const Message& message);

private:
    struct Assembly {
        Peer peer;
        std::uint64_t key = 0;
        Instant expires;
        std::optional<std::uint32_t> content_format;
        Octets body;
    };

    std::vector<Assembly> assemblies_;
};

/// Response bodies of which not all blocks went yet.
class Transfers {
public:
    struct Transfer {
        Peer peer;
        std::uint64_t key = 0;
        Instant expires;
        Response response;
    };

    [[nodiscard]] const Transfer* find(Instant now, const Peer& peer,
                                       std::uint64_t key) const noexcept;
    /// Keeps `response`, over whatever was kept for the same peer and key.
    const Transfer& keep(Core& core, Instant now, const Peer& peer, std::uint64_t key,
                         Response response);
    void forget(const Peer& peer, std::uint64_t key);

private:
    std::vector<Transfer> transfers_;
};

/// Cuts `block` out of `response` into `message`: payload, Block2, ETag, and Size2 with the first
/// block. False when the body ends before the block begins.
[[nodiscard]] bool put_block(const Response& response, Block block, Message& message);

}  // namespace causeway::coap
