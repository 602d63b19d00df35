#include "ip/pmtu.hpp"

namespace causeway::ip {

PathMtu::Outcome PathMtu::learn(Instant now, const Address& target, std::uint32_t mtu) {
    ++stats_.heard;
    const Outcome outcome = judge(now, target, mtu);
    switch (outcome) {
        case Outcome::learnt:
            ++stats_.learnt;
            break;
        case Outcome::below_minimum:
            ++stats_.below_minimum;
            break;
        default:
            ++stats_.no_decrease;
            break;
    }
    return outcome;
}

PathMtu::Outcome PathMtu::learn(Instant now, const Icmpv6View& too_big, const Address& own) {
    ByteReader in(too_big.body);
    const std::uint32_t mtu = in.be32();
    const auto invoking = Ipv6Header::parse(in);
    if (too_big.type != Icmpv6Type::packet_too_big || !invoking) {
        ++stats_.heard;
        ++stats_.malformed;
        return Outcome::malformed;
    }
    if (invoking->source != own) {
        ++stats_.heard;
        ++stats_.not_ours;
        return Outcome::not_ours;
    }
    return learn(now, invoking->target, mtu);
}

PathMtu::Outcome PathMtu::judge(Instant now, const Address& target, std::uint32_t mtu) {
    // A message that reports less than the minimum link MTU is discarded. [RFC 8201 §4]
    if (mtu < mtu_min) return Outcome::below_minimum;
    // A node never increases its estimate because of a Packet Too Big. [RFC 8201 §4]
    if (mtu >= this->mtu(now, target)) return Outcome::no_decrease;
    paths_.erase_if(
        [&](const Path& path) { return path.target == target || !is_fresh(path, now); });
    if (paths_.full()) {
        paths_.erase_at(0);
        ++stats_.evicted;
    }
    paths_.push_back({target, mtu, now});
    return Outcome::learnt;
}

std::uint32_t PathMtu::mtu(Instant now, const Address& target) const noexcept {
    for (const Path& path : paths_)
        if (path.target == target && is_fresh(path, now))
            return std::min(path.mtu, settings_.link_mtu);
    return settings_.link_mtu;
}

}  // namespace causeway::ip
