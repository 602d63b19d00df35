#pragma once
// URIs of CoAP over any transport, taken apart into options and put together from them: coap and
// coaps [RFC 7252 §6], coap+tcp, coaps+tcp, coap+ws and coaps+ws [RFC 8323 §8].
#include "coap/options.hpp"
#include "coap/peer.hpp"

#include <expected>
#include <string>
#include <vector>

namespace causeway::coap {

enum class UriFault : std::uint8_t {
    malformed,  // not an absolute URI, or a part of it that no option can carry
    scheme,     // well-formed, but none of CoAP's
};

/// Of the scheme: 5683, 5684, 80 or 443. [RFC 7252 §6.1, §6.2; RFC 8323 §8]
[[nodiscard]] std::uint16_t default_port_of(Transport transport) noexcept;
/// Whatever the case of its letters; nullopt where the scheme is none of CoAP's.
[[nodiscard]] std::optional<Transport> transport_of(std::string_view scheme) noexcept;

struct Uri {
    Transport transport = Transport::udp;  // what the scheme says
    std::string host;  // decoded, lower case; an IPv6 literal without its brackets
    std::uint16_t port = default_port;
    std::vector<std::string> path;   // decoded segments
    std::vector<std::string> query;  // decoded arguments

    static constexpr std::size_t octets_max = 1034;  // what Proxy-Uri can hold [RFC 7252 §5.10]

    /// "coap://[fd00::1]:5683/a/b?c=d". Dot segments are resolved; a fragment, user information or
    /// a path that does not begin with a slash is malformed.
    static std::expected<Uri, UriFault> from_text(std::string_view text);
    /// From the Uri-* options of a request that was sent to `destination`, over its transport.
    /// nullopt when Uri-Host is no host. [RFC 7252 §6.5; RFC 8323 §8.7]
    static std::optional<Uri> from_options(const Options& options, const Peer& destination);

    /// Normal form. [RFC 7252 §6.3, §6.5]
    [[nodiscard]] std::string to_text() const;
    /// "[fd00::1]:61616", "host": with the port only where it is not the scheme's.
    [[nodiscard]] std::string authority() const;
    /// "/a/b?c=d"; "/" where there is nothing.
    [[nodiscard]] std::string path_and_query() const;
    /// coaps, coaps+tcp, coaps+ws.
    [[nodiscard]] bool secure() const noexcept {
        return transport == Transport::dtls || transport == Transport::tls ||
               transport == Transport::wss;
    }
    /// Adds the Uri-* options of a request that is sent to `destination`: Uri-Host only for a name,
    /// Uri-Port only where it differs. [RFC 7252 §6.4]
    void add_to(Options& options, const Peer& destination) const;
    /// Adds all of them, the host as it stands: what a request with Proxy-Scheme needs.
    void add_all_to(Options& options) const;
    /// Where the request goes, if the host is an address and needs no resolution. What is no
    /// coap URI needs a channel besides.
    [[nodiscard]] std::optional<Peer> peer() const;

    friend bool operator==(const Uri&, const Uri&) = default;
};

/// Replaces what RFC 3986 does not let stand: all but "unreserved", "sub-delims" and `also`.
[[nodiscard]] std::string percent_encoded(std::string_view text, std::string_view also);
/// nullopt where a '%' is not followed by two hexadecimal digits.
[[nodiscard]] std::optional<std::string> percent_decoded(std::string_view text);

}  // namespace causeway::coap
