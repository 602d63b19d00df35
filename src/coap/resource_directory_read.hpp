#pragma once
// What a resource directory reads: the parameters of a registration and its base URI [RFC 9176 §5],
// and links in the Limited Link Format [RFC 9176 §C].
#include "coap/link_format.hpp"
#include "coap/options.hpp"
#include "coap/peer.hpp"

#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace causeway::coap {

/// What stands in the query of a registration or of an update. [RFC 9176 §5, §5.3.1]
struct RegistrationParameters {
    std::optional<std::string> endpoint;    // ep
    std::optional<std::string> sector;      // d
    std::optional<std::uint32_t> lifetime;  // lt, seconds
    std::optional<std::string> base;
    std::vector<LinkAttribute> attributes;  // et, and whatever nobody here knows

    static constexpr std::size_t name_octets_max = 63;
    static constexpr std::size_t attributes_max = 16;

    /// The error says, for a person, what is wrong.
    static std::expected<RegistrationParameters, std::string> from_options(const Options& options);
};

/// A base URI: "scheme://authority", and maybe a path, which nothing is resolved against.
struct RegistrationBase {
    std::string text;
    std::size_t origin_octets = 0;  // "scheme://authority"
    bool link_local = false;        // the host is an address of one link

    /// nullopt where relative references could not be resolved against it, or with a zone.
    static std::optional<RegistrationBase> from_text(std::string_view text);
    /// Where a request came from. [RFC 9176 §5]
    static RegistrationBase from_peer(const Peer& peer);

    [[nodiscard]] std::string_view origin() const noexcept {
        return std::string_view(text).substr(0, origin_octets);
    }
    friend bool operator==(const RegistrationBase&, const RegistrationBase&) = default;
};

/// Of one link: fe80::/10, or 169.254.0.0/16.
[[nodiscard]] bool is_link_local(const std::array<std::byte, 16>& address) noexcept;

/// Whether it is UTF-8 without control characters: "MUST NOT contain any character in the inclusive
/// ranges 0-31 or 127-159" [RFC 9176 §5].
[[nodiscard]] bool is_clean_text(std::string_view text) noexcept;

/// Links in the Limited Link Format, in which every reference is a URI or begins with one slash;
/// references without a scheme get their dot segments resolved [RFC 3986 §5.2.4]. An empty anchor
/// is let pass. The error says, for a person, what is wrong.
[[nodiscard]] std::expected<LinkFormat, std::string> limited_links(Bytes document);

}  // namespace causeway::coap
