#pragma once
// Responses kept to answer the same request again. [RFC 7252 §5.6] Only 2.05 (Content) to GET is
// kept: errors may be, but a mesh where a node comes back should be seen at once.
#include "base/time.hpp"
#include "coap/events.hpp"

#include <vector>

namespace causeway::coap {

/// What a request must share with an earlier one to be given its response. [RFC 7252 §5.6]
[[nodiscard]] Octets cache_key(const Peer& target, Code method, const Options& options);

/// `response` as it is `age` later: Max-Age less so much, not below zero. [RFC 7252 §5.7.1]
[[nodiscard]] Response aged(Response response, Duration age);

class ResponseCache {
public:
    struct Limits {
        std::size_t entries_max = 128;
        std::size_t octets_max = 256 * 1024;  // of payloads
    };

    struct Entry {
        Octets key;
        Response response;
        Instant stored;
        Instant fresh_until;
        Instant used;
    };

    explicit ResponseCache(const Limits& limits) : limits_(limits) {}

    /// Fresh or not.
    [[nodiscard]] Entry* find(Bytes key) noexcept;
    /// Keeps `response` if it may be kept, and what is least recently used no longer.
    void store(Instant now, Bytes key, const Response& response);
    /// A 2.03 (Valid) came: new Max-Age, new options. [RFC 7252 §5.9.1.3]
    static void refresh(Instant now, Entry& entry, const Options& validated);
    void forget(Bytes key);
    /// Everything kept for the resource that `key` is about, whatever the method and Accept.
    void forget_target(Bytes key);

    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
    [[nodiscard]] std::uint64_t evicted() const noexcept { return evicted_; }

private:
    void erase(std::size_t at);

    Limits limits_;
    std::vector<Entry> entries_;
    std::size_t octets_ = 0;
    std::uint64_t evicted_ = 0;
};

}  // namespace causeway::coap
