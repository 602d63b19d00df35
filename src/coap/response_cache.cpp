#include "coap/response_cache.hpp"

#include "coap/observe_client.hpp"

#include <algorithm>

namespace causeway::coap {
namespace {

Duration max_age_of(const Options& options) noexcept {
    return std::chrono::seconds(options.uint(OptionNumber::max_age).value_or(default_max_age));
}

/// The part of a key that tells resources apart: the peer and the Uri-* options.
Octets target_in(Bytes key) {
    ByteReader in(key);
    Octets target = to_octets(in.take(sizeof(Peer::address) + 2));
    in.u8();  // the method
    const auto options = Options::parse(in);
    CAUSEWAY_ASSERT(options.has_value());  // cache_key() made it
    Options uri;
    for (const Option option : *options) switch (option.number) {
            case OptionNumber::uri_host:
            case OptionNumber::uri_port:
            case OptionNumber::uri_path:
            case OptionNumber::uri_query:
                uri.add(option.number, option.value);
                break;
            default:
                break;
        }
    const Octets names = emitted(uri);
    target.insert(target.end(), names.begin(), names.end());
    return target;
}

}  // namespace

Octets cache_key(const Peer& target, Code method, const Options& options) {
    Options key;
    for (const Option option : options) {
        // ETag is understood here, and so is no part of the key. [RFC 7252 §5.6]
        if (option.number == OptionNumber::etag || option.number == OptionNumber::observe) continue;
        if (!is_unsafe(option.number) && is_no_cache_key(option.number)) continue;
        key.add(option.number, option.value);
    }
    Octets octets(target.address.size() + 3 + key.wire_size());
    ByteWriter out(octets);
    out.put(target.address);
    out.be16(target.port);
    out.u8(std::to_underlying(method));
    key.emit(out);
    return octets;
}

Response aged(Response response, Duration age) {
    const Duration left = std::max(max_age_of(response.options) - age, Duration{});
    // Rounded down: "a proxy should be conservative in the max-age values offered".
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left).count();
    if (is_success(response.code))
        response.options.set_uint(OptionNumber::max_age, static_cast<std::uint32_t>(seconds));
    return response;
}

ResponseCache::Entry* ResponseCache::find(Bytes key) noexcept {
    for (Entry& entry : entries_)
        if (same(entry.key, key)) return &entry;
    return nullptr;
}

void ResponseCache::erase(std::size_t at) {
    octets_ -= entries_[at].response.payload.size();
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(at));
}

void ResponseCache::forget(Bytes key) {
    for (std::size_t i = 0; i < entries_.size(); ++i)
        if (same(entries_[i].key, key)) return erase(i);
}

void ResponseCache::forget_target(Bytes key) {
    const Octets target = target_in(key);
    for (std::size_t i = 0; i < entries_.size();) {
        if (target_in(entries_[i].key) == target)
            erase(i);
        else
            ++i;
    }
}

void ResponseCache::store(Instant now, Bytes key, const Response& response) {
    forget(key);
    const std::size_t size = response.payload.size();
    const Duration max_age = max_age_of(response.options);
    const bool useful =
        max_age > Duration{} || response.options.has(OptionNumber::etag);  // else never again
    if (response.code != Code::content || !useful || size > limits_.octets_max ||
        limits_.entries_max == 0)
        return;
    while (entries_.size() >= limits_.entries_max || octets_ + size > limits_.octets_max) {
        const auto oldest = std::ranges::min_element(entries_, {}, &Entry::used);
        erase(static_cast<std::size_t>(oldest - entries_.begin()));
        ++evicted_;
    }
    octets_ += size;
    entries_.push_back({to_octets(key), response, now, after(now, max_age), now});
}

void ResponseCache::refresh(Instant now, Entry& entry, const Options& validated) {
    Options& kept = entry.response.options;
    // "For each type of Safe-to-Forward option present in the response, the ... set of options of
    // this type that are present in the stored response MUST be replaced" [RFC 7252 §5.9.1.3]
    for (const Option option : validated)
        if (!is_unsafe(option.number)) kept.remove(option.number);
    for (const Option option : validated)
        if (!is_unsafe(option.number)) kept.add(option.number, option.value);
    kept.remove(OptionNumber::max_age);
    if (const auto max_age = validated.uint(OptionNumber::max_age))
        kept.add_uint(OptionNumber::max_age, *max_age);
    entry.stored = now;
    entry.fresh_until = after(now, max_age_of(kept));
}

}  // namespace causeway::coap
