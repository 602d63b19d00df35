#pragma once
// Bodies in blocks at a server: request bodies being put together [RFC 7959 §2.5], atomically, and
// response bodies being fetched [RFC 7959 §2.4]. Several at once for one peer are told apart by
// resource and Request-Tag [RFC 9175 §3.3].
#include "coap/block.hpp"
#include "coap/core.hpp"

namespace causeway::coap {

/// Request bodies of which some blocks came. One for each peer and key: "Starting a new block-wise
/// sequence ... simply overwrites the context".
class Assemblies {
public:
    enum class Outcome : std::uint8_t { go_on, complete, incomplete, too_large };

    struct Taken {
        Outcome outcome = Outcome::go_on;
        Octets body{};  // when complete
    };

    /// Takes the next block of the body that `peer` sends for `key`.
    Taken take(Core& core, Instant now, const Peer& peer, std::uint64_t key, const Block& block,
               const Message& message);
    void closed(const ChannelClosed& gone);
    [[nodiscard]] std::size_t octets() const noexcept { return octets_; }

private:
    struct Assembly {
        Peer peer{};
        std::uint64_t key = 0;
        std::uint64_t hash = 0;
        Instant expires{};
        std::optional<std::uint32_t> content_format{};
        Octets body{};
    };
    Assembly drop(std::uint32_t at);

    Pool<Assembly> assemblies_;
    FlatIndex index_;
    Recency order_;  // which is that of expiry
    std::size_t octets_ = 0;
};

/// Response bodies of which not all blocks went yet.
class Transfers {
public:
    /// nullptr when it was not kept, or no longer is.
    [[nodiscard]] const Response* find(const PeerHash& hash, Instant now, const Peer& peer,
                                       std::uint64_t key) const;
    /// Keeps `response`, over whatever was kept for the same peer and key.
    const Response& keep(Core& core, Instant now, const Peer& peer, std::uint64_t key,
                         Response response);
    void closed(const ChannelClosed& gone);
    [[nodiscard]] std::size_t octets() const noexcept { return octets_; }

private:
    struct Transfer {
        Peer peer{};
        std::uint64_t key = 0;
        std::uint64_t hash = 0;
        Instant expires{};
        Response response{};
    };
    [[nodiscard]] std::uint32_t locate(std::uint64_t hash, const Peer& peer,
                                       std::uint64_t key) const;
    Transfer drop(std::uint32_t at);

    Pool<Transfer> transfers_;
    FlatIndex index_;
    Recency order_;
    std::size_t octets_ = 0;
};

/// Cuts `block`, of at most `octets`, out of `response` into `message`: payload, Block2, ETag, and
/// Size2 with the first block. False when the body ends before the block begins.
[[nodiscard]] bool put_block(const Response& response, Block block, std::size_t octets,
                             Message& message);

}  // namespace causeway::coap
