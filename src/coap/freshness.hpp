#pragma once
// A server's guard against forged source addresses: what it asks a client to echo, and who did.
// [RFC 9175 §2.3, §2.4; RFC 7252 §11.3]
//
// The value says when it was made and holds a keyed hash (SipHash-2-4) of that and of the peer, so
// that nothing is kept before an echo comes back. Its key is drawn from the Random of the endpoint,
// which whoever faces the Internet seeds from entropy. It tells that a source is there, and is good
// for no more than that.
#include "base/inplace_bytes.hpp"
#include "coap/by_peer.hpp"
#include "coap/settings.hpp"

namespace causeway::coap {

class Freshness {
public:
    using Echo = InplaceBytes<8>;
    /// How long a client may take to echo.
    static constexpr Duration window = std::chrono::minutes(5);

    explicit Freshness(Random random) noexcept {
        key_[0] = random.next();
        key_[1] = random.next();
    }

    [[nodiscard]] Echo echo_for(Instant now, const Peer& peer) const noexcept;
    /// Whether `value` was made for that peer, here, in the last minutes.
    [[nodiscard]] bool is_fresh(Instant now, const Peer& peer, Bytes value) const noexcept;

    [[nodiscard]] bool is_verified(const PeerHash& hash, Instant now, const Peer& peer) const;
    /// True when another that still counted had to be forgotten.
    bool verified(const PeerHash& hash, Instant now, const Peer& peer, const Settings& settings);
    [[nodiscard]] std::size_t size() const noexcept { return sources_.size(); }

private:
    struct Source {
        Peer peer{};
        std::uint64_t hash = 0;
        Instant expires{};
    };
    [[nodiscard]] Echo echo_of(std::uint64_t time, const Peer& peer) const noexcept;
    [[nodiscard]] std::uint32_t locate(const PeerHash& hash, const Peer& peer) const;

    std::uint64_t key_[2];
    Pool<Source> sources_;
    FlatIndex index_;
    Recency order_;
};

}  // namespace causeway::coap
