#pragma once
// What EDHOC puts on the wire: message_1, the plaintexts of message_2 and message_3, external
// authorization data and errors.
// [RFC 9528 §3.3.2, §3.5.3, §3.8, §5.2.1, §5.3.2, §5.4.2, §6]
//
// Reading takes deterministic encodings alone, as their digests are what both sides must agree on
// [RFC 9528 §9.8]. Leaves out: C509 certificates and CWTs, which are credentials of an unsupported
// kind here.
#include "base/cbor.hpp"
#include "base/inplace_bytes.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace causeway::secure {

/// Of a whole message: HKDF gives no longer keystream, and the way round that is left out.
/// [RFC 9528 §G]
inline constexpr std::size_t edhoc_message_octets_max = 255 * 32;
/// What a nonce of 13 octets leaves an OSCORE Sender ID, which C_I and C_R become. [RFC 8613 §3.3]
inline constexpr std::size_t connection_id_octets_max = 7;
// Of our own share in a message, so that it stays below that: an ID_CRED, and a field of external
// data.
inline constexpr std::size_t id_cred_octets_max = 4096;
inline constexpr std::size_t ead_octets_max = 2048;
inline constexpr std::size_t ead_items_max = 16;
inline constexpr std::size_t suites_max = 16;  // in SUITES_I and SUITES_R
inline constexpr std::size_t diagnostic_octets_max = 120;

using ConnectionId = InplaceBytes<connection_id_octets_max>;
using SuiteNumbers = InplaceVector<std::int64_t, suites_max>;

/// As an integer where it is the encoding of one of -24 .. 23, else as a byte string.
/// [RFC 9528 §3.3.2]
void write_identifier(CborWriter& out, Bytes identifier);
/// Fails for anything else, and for a byte string that had to be an integer.
[[nodiscard]] Octets read_identifier(CborReader& in);

/// One item of external authorization data. [RFC 9528 §3.8]
struct EadItem {
    std::int64_t label = 0;  // negative: critical; 0: padding
    std::optional<Octets> value{};

    friend bool operator==(const EadItem&, const EadItem&) = default;
};

/// EAD_1 to EAD_4, as it goes into the transcript, and what it says, without padding.
struct Ead {
    Octets encoded{};
    std::vector<EadItem> items{};

    /// Of items of ours, up to ead_octets_max.
    [[nodiscard]] static Ead of(std::vector<EadItem> items);
    /// The rest of a message.
    [[nodiscard]] static Ead read(CborReader& in, Bytes whole);
};

/// ID_CRED_x, a COSE header map. [RFC 9528 §3.5.3; RFC 9360 §2]
struct CredentialId {
    enum class Kind : std::uint8_t { kid, x5t, x5chain, kccs, other };
    // Hashes of x5t, by COSE's numbers. [RFC 9054 §3.2]
    static constexpr std::int64_t sha256 = -16;
    static constexpr std::int64_t sha256_64 = -15;  // its first 64 bits

    Kind kind = Kind::other;
    Octets map{};                     // encoded, with no compact form
    Octets value{};                   // the kid, the hash, the first certificate or the claims
    std::int64_t hash_algorithm = 0;  // of x5t

    [[nodiscard]] static CredentialId of_kid(Bytes kid);
    /// By SHA-256 cut to 64 bits, as is recommended. [RFC 9528 §9.3]
    [[nodiscard]] static CredentialId of_certificate_hash(Bytes der);
    [[nodiscard]] static CredentialId of_certificate(Bytes der);
    [[nodiscard]] static CredentialId of_claims(Bytes ccs);

    /// In a plaintext: a lone kid is an identifier, anything else the map. [RFC 9528 §3.5.3.2]
    void write(CborWriter& out) const;
    [[nodiscard]] static CredentialId read(CborReader& in);
};

struct EdhocMessage1 {
    std::int64_t method = 0;
    SuiteNumbers suites{};  // the last is the selected one
    Octets g_x{};
    ConnectionId c_i{};
    Ead ead{};

    /// unsupported: a C_I that cannot be an OSCORE Sender ID, or more than the limits above.
    [[nodiscard]] static Result<EdhocMessage1> parse(Bytes octets);
    [[nodiscard]] Octets encoded() const;
};

/// PLAINTEXT_2, and PLAINTEXT_3, which has no C_R.
struct EdhocPlaintext {
    std::optional<ConnectionId> c_r{};
    CredentialId id_cred{};
    Octets signature_or_mac{};
    Ead ead{};

    [[nodiscard]] static Result<EdhocPlaintext> parse(Bytes octets, bool with_c_r);
    [[nodiscard]] Octets encoded() const;
};

/// message_2, message_3 and message_4 are one byte string each.
[[nodiscard]] Result<Octets> read_edhoc_string(Bytes message);
[[nodiscard]] Octets edhoc_string(Bytes content);

struct EdhocErrorMessage {
    static constexpr std::int64_t unspecified = 1;
    static constexpr std::int64_t wrong_suite = 2;
    static constexpr std::int64_t unknown_credential = 3;

    std::int64_t code = unspecified;
    std::string text{};     // code 1; cut, and without control characters
    SuiteNumbers suites{};  // code 2: SUITES_R

    /// Whether a message other than message_1 is an error: no other begins with an integer.
    [[nodiscard]] static bool is_one(Bytes message) noexcept;
    [[nodiscard]] static Result<EdhocErrorMessage> parse(Bytes octets);
    [[nodiscard]] Octets encoded() const;
};

}  // namespace causeway::secure
