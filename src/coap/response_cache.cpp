#include "coap/response_cache.hpp"

#include "coap/observe_client.hpp"

#include <algorithm>

namespace causeway::coap {
namespace {

Duration max_age_of(const Options& options) noexcept {
    return std::chrono::seconds(options.uint(OptionNumber::max_age).value_or(default_max_age));
}

/// How every key of one URI begins.
Octets key_prefix(std::string_view uri) {
    Octets octets(2 + uri.size());
    ByteWriter out(octets);
    out.be16(static_cast<std::uint16_t>(uri.size()));
    out.put(as_octets(uri));
    return octets;
}

bool is_in_key(OptionNumber number) noexcept {
    switch (number) {
        case OptionNumber::uri_host:
        case OptionNumber::uri_port:
        case OptionNumber::uri_path:
        case OptionNumber::uri_query:
            return false;  // said by the URI
        // Understood here, and so no part of the key. [RFC 7252 §5.6; RFC 8768 §3]
        case OptionNumber::etag:
        case OptionNumber::observe:
        case OptionNumber::hop_limit:
            return false;
        default:
            return is_unsafe(number) || !is_no_cache_key(number);
    }
}

}  // namespace

Octets cache_key(std::string_view uri, std::uint32_t context, Code method, const Options& options,
                 Bytes payload) {
    Options kept;
    for (const Option option : options)
        if (is_in_key(option.number)) kept.add(option.number, option.value);
    Octets octets = key_prefix(uri);
    // "the request body is part of the cache key" [RFC 8132 §2]
    const bool with_payload = method == Code::fetch;
    const std::size_t begin = octets.size();
    octets.resize(begin + 5 + kept.wire_size() + (with_payload ? 1 + payload.size() : 0));
    ByteWriter out(MutableBytes(octets).subspan(begin));
    out.be32(context);
    out.u8(std::to_underlying(method));
    kept.emit(out);
    if (with_payload) {
        out.u8(0xff);
        out.put(payload);
    }
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

bool ResponseCache::Less::operator()(Bytes a, Bytes b) const noexcept {
    return std::ranges::lexicographical_compare(a, b);
}

ResponseCache::Entry* ResponseCache::find(Bytes key) noexcept {
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &*found->second;
}

void ResponseCache::used(const Entry& entry) noexcept {
    const auto found = index_.find(Bytes(entry.key));
    if (found != index_.end()) entries_.splice(entries_.end(), entries_, found->second);
}

ResponseCache::Index::iterator ResponseCache::erase(Index::iterator at) {
    const Entries::iterator entry = at->second;
    octets_ -= entry->response.payload.size();
    const auto next = index_.erase(at);  // before the key that it borrows
    entries_.erase(entry);
    return next;
}

void ResponseCache::forget(Bytes key) {
    const auto found = index_.find(key);
    if (found != index_.end()) erase(found);
}

void ResponseCache::forget_target(std::string_view uri) {
    const Octets prefix = key_prefix(uri);
    auto at = index_.lower_bound(Bytes(prefix));
    while (at != index_.end() && at->first.size() >= prefix.size() &&
           same(at->first.first(prefix.size()), prefix))
        at = erase(at);
}

void ResponseCache::store(Instant now, Bytes key, const Response& response,
                          std::string origin_tag) {
    forget(key);
    const std::size_t size = response.payload.size();
    const Duration max_age = max_age_of(response.options);
    const bool useful =
        max_age > Duration{} || response.options.has(OptionNumber::etag);  // else never again
    if (response.code != Code::content || !useful || size > limits_.octets_max ||
        limits_.entries_max == 0)
        return;
    while (index_.size() >= limits_.entries_max || octets_ + size > limits_.octets_max) {
        erase(index_.find(Bytes(entries_.front().key)));
        ++evicted_;
    }
    octets_ += size;
    entries_.push_back({.key = to_octets(key),
                        .response = response,
                        .origin_tag = std::move(origin_tag),
                        .stored = now,
                        .fresh_until = after(now, max_age)});
    index_.emplace(Bytes(entries_.back().key), std::prev(entries_.end()));
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
