#pragma once
#include "base/tap.hpp"

namespace causeway::coap {

/// Of one connection; a host adds up those of all.
struct StreamStats {
    std::uint64_t octets_received = 0;
    // Every message is one of the seven below.
    std::uint64_t messages_received = 0;
    std::uint64_t requests = 0;
    std::uint64_t responses = 0;
    std::uint64_t signals = 0;
    std::uint64_t empties = 0;
    std::uint64_t ignored = 0;    // a code of a reserved class; a token that we never chose
    std::uint64_t malformed = 0;  // format errors, and what was too long: the connection ends
    std::uint64_t untimely = 0;   // before the peer's CSM: the connection ends

    std::uint64_t octets_sent = 0;
    std::uint64_t messages_sent = 0;
    std::uint64_t sends_refused = 0;  // too long for the peer, or too late
    std::uint64_t pings_sent = 0;
    std::uint64_t pongs = 0;
    std::uint64_t custodies_refused = 0;    // too many pings wait for it
    std::uint64_t exchanges_forgotten = 0;  // exchanges_tracked_max
    std::uint64_t releases = 0;             // of either side
    std::uint64_t aborts_sent = 0;
    std::uint64_t aborts_received = 0;

    void visit(auto&& named) const {
        named("octets_received", octets_received);
        named("messages_received", messages_received);
        named("requests", requests);
        named("responses", responses);
        named("signals", signals);
        named("empties", empties);
        named("ignored", ignored);
        named("malformed", malformed);
        named("untimely", untimely);
        named("octets_sent", octets_sent);
        named("messages_sent", messages_sent);
        named("sends_refused", sends_refused);
        named("pings_sent", pings_sent);
        named("pongs", pongs);
        named("custodies_refused", custodies_refused);
        named("exchanges_forgotten", exchanges_forgotten);
        named("releases", releases);
        named("aborts_sent", aborts_sent);
        named("aborts_received", aborts_received);
    }
    [[nodiscard]] bool balanced() const noexcept {
        return messages_received ==
               requests + responses + signals + empties + ignored + malformed + untimely;
    }

    StreamStats& operator+=(const StreamStats& other) noexcept {
        octets_received += other.octets_received;
        messages_received += other.messages_received;
        requests += other.requests;
        responses += other.responses;
        signals += other.signals;
        empties += other.empties;
        ignored += other.ignored;
        malformed += other.malformed;
        untimely += other.untimely;
        octets_sent += other.octets_sent;
        messages_sent += other.messages_sent;
        sends_refused += other.sends_refused;
        pings_sent += other.pings_sent;
        pongs += other.pongs;
        custodies_refused += other.custodies_refused;
        exchanges_forgotten += other.exchanges_forgotten;
        releases += other.releases;
        aborts_sent += other.aborts_sent;
        aborts_received += other.aborts_received;
        return *this;
    }
};

static_assert(causeway::Stats<StreamStats>);

}  // namespace causeway::coap
