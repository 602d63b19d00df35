// The registrations themselves: how they are found, how long they live, and what there is room for.
#include "coap/resource_directory.hpp"

#include <algorithm>

namespace causeway::coap {
namespace {

/// How long a full directory asks to be left alone.
constexpr std::uint32_t full_wait_seconds = 300;

}  // namespace

// ---- registrations as they lie in memory -------------------------------------------------------

std::size_t ResourceDirectory::Registration::footprint() const noexcept {
    constexpr std::size_t indices = 96;
    std::size_t sum = sizeof(Registration) + indices + endpoint.size() + sector.size() +
                      base.text.size() + identity.size();
    const auto add = [&](const LinkAttribute& a) {
        sum += sizeof a + a.name.size() + (a.value ? a.value->size() : 0);
    };
    std::ranges::for_each(attributes, add);
    for (const Link& link : links.links) {
        sum += sizeof link + link.target.size();
        std::ranges::for_each(link.attributes, add);
    }
    return sum;
}

bool ResourceDirectory::Registration::looks_like(const Registration& other) const noexcept {
    return base == other.base && attributes == other.attributes && links == other.links;
}

// ---- finding -----------------------------------------------------------------------------------

std::uint64_t ResourceDirectory::hash_of(std::string_view endpoint,
                                         std::string_view sector) const noexcept {
    return hash_.joined(hash_(endpoint), hash_(sector));
}

std::uint64_t ResourceDirectory::hash_of(const Address& address) const noexcept {
    return hash_(as_text(address));
}

std::uint32_t ResourceDirectory::find(std::string_view endpoint, std::string_view sector) const {
    return by_name_.find(hash_of(endpoint, sector), [&](std::uint32_t n) {
        return all_[n].endpoint == endpoint && all_[n].sector == sector;
    });
}

std::uint32_t ResourceDirectory::find(std::uint32_t number) const {
    if (number == 0) return nowhere;
    return by_number_.find(hash_.joined(0, number),
                           [&](std::uint32_t n) { return all_[n].number == number; });
}

/// Numbers are drawn, not counted: who comes back to a directory that started anew must not meet
/// somebody else's registration at the location it remembers.
std::uint32_t ResourceDirectory::draw_number() {
    for (;;) {
        const auto number = static_cast<std::uint32_t>(random_.next() >> 32);
        if (number != 0 && find(number) == nowhere) return number;
    }
}

// ---- lifetimes ---------------------------------------------------------------------------------

void ResourceDirectory::renew(Instant now, std::uint32_t at) {
    Registration& r = all_[at];
    if (!r.active) {
        if (r.lapsed) lapsed_.remove(at);
        r.lapsed = false;
        r.active = true;
        ++active_;
    }
    due_.set(at, after(now, std::chrono::seconds(r.lifetime)));
}

/// "the RD SHOULD NOT respond to discovery queries concerning this endpoint. The RD SHOULD continue
/// to provide access to the registration resource after a registration timeout" [RFC 9176 §5.3].
/// Those that were simple have no such resource: they "MUST" go [RFC 9176 §5.1].
void ResourceDirectory::end(Instant now, std::uint32_t at) {
    Registration& r = all_[at];
    if (r.active) changed(now);
    if (!r.active || r.simple || settings_.lapsed_for <= Duration{}) {
        ++stats_.expired;
        return remove(at);
    }
    r.active = false;
    --active_;
    r.lapsed = true;
    ++stats_.lapsed;
    lapsed_.touch(at);
    due_.set(at, after(now, settings_.lapsed_for));
}

void ResourceDirectory::remove(std::uint32_t at) {
    const Registration r = all_.take(at);
    by_number_.erase(hash_.joined(0, r.number), at);
    by_name_.erase(hash_of(r.endpoint, r.sector), at);
    by_endpoint_.leave(at);
    by_sector_.leave(at);
    by_address_.leave(at);
    due_.set(at, never);
    if (r.lapsed) lapsed_.remove(at);
    if (r.active) --active_;
    octets_ -= r.octets;
    --stats_.registrations;
}

bool ResourceDirectory::evict(std::uint32_t but) {
    const std::uint32_t oldest = lapsed_.oldest();
    if (oldest == nowhere || oldest == but) return false;
    ++stats_.evicted;
    remove(oldest);
    return true;
}

// ---- coming in ---------------------------------------------------------------------------------

/// What is somebody's, nobody else changes. [RFC 9176 §7.5]
std::optional<Response> ResourceDirectory::guard(std::uint32_t at, std::string_view identity) {
    if (all_[at].identity.empty() || all_[at].identity == identity) return std::nullopt;
    return refuse(stats_.refused_identity, Code::forbidden, "the registration is somebody else's");
}

std::optional<Response> ResourceDirectory::set_base(Registration& r,
                                                    const std::optional<std::string>& base,
                                                    const Peer& peer, std::uint32_t front) {
    r.front = front;
    if (!base) {
        r.base = RegistrationBase::from_peer(peer);
        return std::nullopt;
    }
    auto read = RegistrationBase::from_text(*base);
    if (!read)
        return refuse(stats_.refused_parameters, Code::bad_request,
                      "base is no URI with an authority, or has a zone");
    // "MUST be local to the link on which the registration request is received" [RFC 9176 §5]
    if (read->link_local && !is_link_local(peer.address))
        return refuse(stats_.refused_parameters, Code::bad_request,
                      "base is an address of a link that the request did not come from");
    r.base = *std::move(read);
    r.base_given = true;
    return std::nullopt;
}

std::optional<Response> ResourceDirectory::store(Instant now, Wanted&& wanted, std::uint32_t& at) {
    RegistrationParameters& parameters = wanted.parameters;
    if (!parameters.endpoint)
        return refuse(stats_.refused_parameters, Code::bad_request, "ep is missing");
    Registration fresh;
    fresh.endpoint = *std::move(parameters.endpoint);
    fresh.sector = std::move(parameters.sector).value_or("");
    // "the content and parameters of the existing registration are replaced" [RFC 9176 §5]
    at = find(fresh.endpoint, fresh.sector);
    if (at != nowhere)
        if (auto refusal = guard(at, wanted.identity)) return refusal;
    if (auto refusal = set_base(fresh, parameters.base, wanted.peer, wanted.front)) return refusal;
    fresh.lifetime = parameters.lifetime.value_or(lifetime_default);
    fresh.attributes = std::move(parameters.attributes);
    fresh.links = std::move(wanted.links);
    fresh.identity = std::move(wanted.identity);
    fresh.address = wanted.peer.address;
    fresh.simple = wanted.simple;
    fresh.fetched_from = wanted.peer;
    fresh.fresh_until = wanted.fresh_until;
    std::uint64_t& counter = at == nowhere ? stats_.created : stats_.replaced;
    if (auto refusal = commit(now, std::move(fresh), at)) return refusal;
    ++counter;
    return std::nullopt;
}

std::optional<Response> ResourceDirectory::make_room(const Registration& fresh, std::uint32_t at) {
    const bool known = at != nowhere;
    // The one that is to be taken up again is no candidate.
    if (known && all_[at].lapsed) lapsed_.touch(at);
    if (fresh.links.links.size() > settings_.links_per_registration_max)
        return refuse(stats_.refused_links_max, Code::request_entity_too_large, "too many links");
    if (!known || all_[at].address != fresh.address) {
        const auto* group = by_address_.find(hash_of(fresh.address), fresh.address);
        if (group != nullptr && group->count >= settings_.registrations_per_address_max) {
            std::uint32_t gone = group->first;
            while (gone != nowhere && (gone == at || !all_[gone].lapsed))
                gone = by_address_.next(gone);
            if (gone == nowhere)
                return refuse(stats_.refused_address, Code::too_many_requests,
                              "too many registrations from one address", full_wait_seconds);
            ++stats_.evicted;
            remove(gone);
        }
    }
    const std::size_t before = known ? all_[at].octets : 0;
    while (!known && all_.size() >= settings_.registrations_max)
        if (!evict(at))
            return refuse(stats_.refused_full, Code::service_unavailable, "the directory is full",
                          full_wait_seconds);
    while (octets_ - before + fresh.octets > settings_.octets_max)
        if (!evict(at))
            return refuse(stats_.refused_octets, Code::service_unavailable,
                          "the directory's memory is full", full_wait_seconds);
    return std::nullopt;
}

std::optional<Response> ResourceDirectory::commit(Instant now, Registration&& fresh,
                                                  std::uint32_t& at) {
    fresh.octets = fresh.footprint();
    if (auto refusal = make_room(fresh, at)) return refusal;
    const bool known = at != nowhere;
    const bool visible = !known || !all_[at].active || !all_[at].looks_like(fresh);
    if (known) {
        Registration& old = all_[at];
        octets_ -= old.octets;
        fresh.number = old.number;
        fresh.active = old.active;
        fresh.lapsed = old.lapsed;
        if (old.address != fresh.address) by_address_.leave(at);
        old = std::move(fresh);
    } else {
        fresh.number = draw_number();
        at = all_.add(std::move(fresh));
        const Registration& r = all_[at];
        by_number_.insert(hash_.joined(0, r.number), at);
        by_name_.insert(hash_of(r.endpoint, r.sector), at);
        const std::uint64_t of_endpoint = hash_(r.endpoint);
        by_endpoint_.join(of_endpoint, of_endpoint, at);
        const std::uint64_t of_sector = hash_(r.sector);
        if (!r.sector.empty()) by_sector_.join(of_sector, of_sector, at);
        ++stats_.registrations;
    }
    const Registration& r = all_[at];
    octets_ += r.octets;
    if (!by_address_.has(at)) by_address_.join(hash_of(r.address), r.address, at);
    renew(now, at);
    if (visible) changed(now);
    return std::nullopt;
}

}  // namespace causeway::coap
