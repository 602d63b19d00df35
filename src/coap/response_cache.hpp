#pragma once
// Responses kept to answer the same request again. [RFC 7252 §5.6] Only 2.05 (Content) to GET and
// to FETCH is kept: errors may be, but a mesh where a node comes back should be seen at once.
#include "base/time.hpp"
#include "coap/events.hpp"

#include <list>
#include <map>
#include <string>
#include <vector>

namespace causeway::coap {

/// What a request must share with an earlier one to be given its response: the target's URI and
/// who speaks to it, the method, the options but for those that say otherwise, and the payload of a
/// FETCH. `options` are without Uri-*. [RFC 7252 §5.6; RFC 8132 §2]
[[nodiscard]] Octets cache_key(std::string_view uri, std::uint32_t context, Code method,
                               const Options& options, Bytes payload = {});

/// `response` as it is `age` later: Max-Age less so much, not below zero. [RFC 7252 §5.7.1]
[[nodiscard]] Response aged(Response response, Duration age);

class ResponseCache {
public:
    struct Limits {
        std::size_t entries_max = 1024;
        std::size_t octets_max = 1024 * 1024;  // of payloads
    };

    struct Entry {
        Octets key;
        Response response;
        std::string origin_tag;  // what an HTTP server called it
        Instant stored;
        Instant fresh_until;
    };

    explicit ResponseCache(const Limits& limits) : limits_(limits) {}

    /// Fresh or not.
    [[nodiscard]] Entry* find(Bytes key) noexcept;
    /// It is of use: others go before it.
    void used(const Entry& entry) noexcept;
    /// Keeps `response` if it may be kept, and what is least recently used no longer.
    void store(Instant now, Bytes key, const Response& response, std::string origin_tag = {});
    /// A 2.03 (Valid) came: new Max-Age, new options. [RFC 7252 §5.9.1.3]
    static void refresh(Instant now, Entry& entry, const Options& validated);
    void forget(Bytes key);
    /// Everything kept for that URI, whatever the method, the options and who asked.
    void forget_target(std::string_view uri);

    [[nodiscard]] std::size_t size() const noexcept { return index_.size(); }
    [[nodiscard]] std::uint64_t evicted() const noexcept { return evicted_; }

private:
    using Entries = std::list<Entry>;
    struct Less {
        using is_transparent = void;
        bool operator()(Bytes a, Bytes b) const noexcept;
    };
    using Index = std::map<Bytes, Entries::iterator, Less>;  // keys borrowed from the entries

    Index::iterator erase(Index::iterator at);

    Limits limits_;
    Entries entries_;  // least recently used first
    Index index_;
    std::size_t octets_ = 0;
    std::uint64_t evicted_ = 0;
};

}  // namespace causeway::coap
