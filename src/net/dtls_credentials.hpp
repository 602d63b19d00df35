#pragma once
// What many DTLS sessions share: certificates, keys, pins and priorities made of files, never
// changed once made; and the judgement of what a peer shows. For dtls*.cpp.
#include "net/dtls.hpp"
#include "net/psk_file.hpp"

#include <gnutls/gnutls.h>

#include <array>
#include <memory>
#include <set>
#include <string>

namespace causeway::net {

/// How a handshake may end other than well; Stats counts each.
enum class DtlsFailure : std::uint8_t { other, wrong_key, certificate, raw_key };

/// Empty `why`: the peer is who it has to be.
struct DtlsVerdict {
    std::string why;
    DtlsFailure failure = DtlsFailure::other;
    gnutls_alert_description_t alert = GNUTLS_A_HANDSHAKE_FAILURE;
};

/// SHA-256 of the SubjectPublicKeyInfo of the keys that are let in.
class DtlsPins {
public:
    static constexpr std::size_t pins_max = 100'000;
    [[nodiscard]] std::optional<Trouble> add(const std::string& pin);
    [[nodiscard]] bool empty() const noexcept { return whole_.empty() && short_.empty(); }
    [[nodiscard]] bool has(const std::array<std::byte, 32>& digest) const;

private:
    std::set<std::array<std::byte, 32>> whole_;
    std::set<std::array<std::byte, 15>> short_;  // sha-256-120 [RFC 7252 §9.1.3.2.1]
};

class DtlsCredentials {
public:
    using Shared = std::shared_ptr<const DtlsCredentials>;
    [[nodiscard]] static Opened<Shared> server(const DtlsServer& settings);
    [[nodiscard]] static Opened<Shared> client(const DtlsClient& settings);
    DtlsCredentials(const DtlsCredentials&) = delete;
    DtlsCredentials& operator=(const DtlsCredentials&) = delete;
    ~DtlsCredentials();

    [[nodiscard]] bool is_server() const noexcept { return is_server_; }
    [[nodiscard]] bool has_psk() const noexcept { return psk_server_ || psk_client_; }
    [[nodiscard]] bool may_resume() const noexcept { return resume_; }
    /// For gnutls_init().
    [[nodiscard]] unsigned flags() const noexcept;
    /// Gives the session what is here; 0 or GnuTLS's error. `name` is a client's, for SNI.
    [[nodiscard]] int equip(gnutls_session_t session, const std::string& name) const;
    /// Judges the certificate or raw key that the peer showed; `name` as above.
    [[nodiscard]] DtlsVerdict judge(gnutls_session_t session, const std::string& name) const;
    [[nodiscard]] const Octets* key_of(std::string_view identity) const;

private:
    DtlsCredentials() = default;
    [[nodiscard]] std::optional<Trouble> use_certificate(const std::string& certificate,
                                                         const std::string& key);
    [[nodiscard]] std::optional<Trouble> use_raw_key(const std::string& file);
    [[nodiscard]] std::optional<Trouble> use_pins(const std::vector<std::string>& pins);
    [[nodiscard]] std::optional<Trouble> use_psk(const DtlsServer& settings);
    [[nodiscard]] std::optional<Trouble> use_psk(const DtlsClient& settings);
    [[nodiscard]] std::optional<Trouble> use_authorities(const DtlsClient& settings);
    [[nodiscard]] std::optional<Trouble> set_priority(bool certificates, bool ours_raw,
                                                      bool ours_x509, bool theirs_raw,
                                                      bool theirs_x509);
    [[nodiscard]] DtlsVerdict judge_raw_key(const gnutls_datum_t& key) const;
    [[nodiscard]] DtlsVerdict judge_chain(gnutls_session_t session, const gnutls_datum_t& leaf,
                                          const std::string& name) const;

    bool is_server_ = false;
    bool resume_ = true;
    bool raw_keys_ = false;
    bool any_raw_key_ = false;
    bool check_name_ = true;
    gnutls_certificate_request_t request_ = GNUTLS_CERT_IGNORE;
    gnutls_certificate_credentials_t certificates_ = nullptr;
    gnutls_psk_server_credentials_t psk_server_ = nullptr;
    gnutls_psk_client_credentials_t psk_client_ = nullptr;
    gnutls_priority_t priority_ = nullptr;
    gnutls_datum_t ticket_key_{};
    PskTable keys_;
    DtlsPins pins_;
};

[[nodiscard]] std::array<std::byte, 32> sha256_of(const gnutls_datum_t& octets);
/// A certificate's name as nobody could read differently, or nothing.
[[nodiscard]] std::optional<std::string> common_name_of(const gnutls_datum_t& certificate);

}  // namespace causeway::net
