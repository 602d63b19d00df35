#include "ip/route_table.hpp"

namespace causeway::ip {
namespace {

/// Longest prefixes first, then by address.
bool stands_before(const Prefix& a, const Prefix& b) {
    if (a.length != b.length) return a.length > b.length;
    return std::memcmp(a.address.octets.data(), b.address.octets.data(), 16) < 0;
}

Prefix canonical(const Prefix& prefix) {
    return Prefix::of(prefix.address, prefix.length);
}

}  // namespace

std::size_t ForwardingTable::place_of(const Prefix& prefix) const noexcept {
    const auto place = std::ranges::lower_bound(
        routes_, prefix, stands_before, [](const Route& r) -> const Prefix& { return r.prefix; });
    return static_cast<std::size_t>(place - routes_.begin());
}

ForwardingTable::Added ForwardingTable::add(Route route) {
    ++stats_.asked;
    route.prefix = canonical(route.prefix);
    const std::size_t place = place_of(route.prefix);
    const bool known = place < routes_.size() && routes_[place].prefix == route.prefix;
    if (!known && routes_.size() >= routes_max_) {
        ++stats_.refused_full;
        return Added::table_full;
    }
    // What it replaces may have been the first to expire: then expire() finds nothing, once.
    deadline_ = std::min(deadline_, route.expires);
    if (known) {
        routes_[place] = std::move(route);
        ++stats_.replaced;
        return Added::replaced;
    }
    const std::uint8_t length = route.prefix.length;
    routes_.insert(routes_.begin() + static_cast<std::ptrdiff_t>(place), std::move(route));
    auto band = std::ranges::find_if(bands_, [&](const Band& b) { return b.length <= length; });
    if (band == bands_.end() || band->length != length) {
        const auto at = static_cast<std::uint32_t>(place);
        band = bands_.insert(band, {length, at, at});
    }
    ++band->end;
    for (++band; band != bands_.end(); ++band) {
        ++band->begin;
        ++band->end;
    }
    ++stats_.added;
    stats_.held = routes_.size();
    return Added::added;
}

bool ForwardingTable::remove(const Prefix& prefix) {
    const Route* const found = find(prefix);
    if (found == nullptr) return false;
    const std::uint8_t length = found->prefix.length;
    routes_.erase(routes_.begin() + (found - routes_.data()));
    auto band = std::ranges::find(bands_, length, &Band::length);
    --band->end;
    if (band->begin == band->end) {
        band = bands_.erase(band);
    } else {
        ++band;
    }
    for (; band != bands_.end(); ++band) {
        --band->begin;
        --band->end;
    }
    if (routes_.empty()) deadline_ = never;
    ++stats_.removed;
    stats_.held = routes_.size();
    return true;
}

void ForwardingTable::clear() {
    stats_.removed += routes_.size();
    routes_.clear();
    reindex();
}

const Route* ForwardingTable::find(const Prefix& prefix) const noexcept {
    const Prefix wanted = canonical(prefix);
    const std::size_t place = place_of(wanted);
    if (place == routes_.size() || routes_[place].prefix != wanted) return nullptr;
    return &routes_[place];
}

const Route* ForwardingTable::lookup(const Address& target) const noexcept {
    for (const Band& band : bands_) {
        const Prefix wanted = Prefix::of(target, band.length);
        const auto first = routes_.begin() + band.begin;
        const auto last = routes_.begin() + band.end;
        const auto place =
            std::lower_bound(first, last, wanted, [](const Route& route, const Prefix& prefix) {
                return std::memcmp(route.prefix.address.octets.data(), prefix.address.octets.data(),
                                   16) < 0;
            });
        if (place != last && place->prefix == wanted) return &*place;
    }
    return nullptr;
}

std::size_t ForwardingTable::expire(Instant now) {
    if (deadline_ > now) return 0;
    const std::size_t gone =
        std::erase_if(routes_, [now](const Route& route) { return route.expires <= now; });
    stats_.expired += gone;
    reindex();
    return gone;
}

void ForwardingTable::reindex() {
    bands_.clear();
    deadline_ = never;
    for (std::uint32_t i = 0; i < routes_.size(); ++i) {
        const std::uint8_t length = routes_[i].prefix.length;
        if (bands_.empty() || bands_.back().length != length) bands_.push_back({length, i, i});
        bands_.back().end = i + 1;
        deadline_ = std::min(deadline_, routes_[i].expires);
    }
    stats_.held = routes_.size();
}

}  // namespace causeway::ip
