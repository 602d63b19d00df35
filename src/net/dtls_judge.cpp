#include "net/dtls_credentials.hpp"

#include "base/hex.hpp"
#include "net/dtls_files.hpp"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>

#include <algorithm>

namespace causeway::net {
namespace {

/// Of a CoAP URI in a certificate: its host. [RFC 7252 §9.1.3.3]
std::string_view host_of_uri(std::string_view uri) {
    const auto scheme = uri.find("://");
    if (!uri.starts_with("coap") || scheme == std::string_view::npos) return {};
    uri.remove_prefix(scheme + 3);
    uri = uri.substr(0, uri.find_first_of("/?#"));
    if (uri.starts_with('[')) return uri.substr(1, uri.find(']') - 1);
    return uri.substr(0, uri.find(':'));
}

bool same_name(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::ranges::equal(a, b, {}, lower, lower);
}

bool certificate_is_for(gnutls_x509_crt_t certificate, const std::string& name) {
    // Wildcards are not allowed. [RFC 7252 §9.1.3.3; RFC 7925 §4.4.1]
    if (gnutls_x509_crt_check_hostname2(certificate, name.c_str(),
                                        GNUTLS_VERIFY_DO_NOT_ALLOW_WILDCARDS) != 0)
        return true;
    for (unsigned i = 0;; ++i) {
        std::array<char, 1'024> text{};
        std::size_t size = text.size();
        const int type =
            gnutls_x509_crt_get_subject_alt_name(certificate, i, text.data(), &size, nullptr);
        if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) return false;
        if (type != GNUTLS_SAN_URI) continue;
        if (same_name(host_of_uri(std::string_view(text.data(), size)), name)) return true;
    }
}

DtlsVerdict verdict_of(unsigned status) {
    const auto bad = [](const char* why, gnutls_alert_description_t alert) {
        return DtlsVerdict{why, DtlsFailure::certificate, alert};
    };
    if ((status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA)) != 0)
        return bad("nobody who is trusted vouches for its certificate", GNUTLS_A_UNKNOWN_CA);
    if ((status & GNUTLS_CERT_REVOKED) != 0)
        return bad("its certificate was revoked", GNUTLS_A_CERTIFICATE_REVOKED);
    if ((status & GNUTLS_CERT_EXPIRED) != 0)
        return bad("its certificate has expired", GNUTLS_A_CERTIFICATE_EXPIRED);
    if ((status & GNUTLS_CERT_NOT_ACTIVATED) != 0)
        return bad("its certificate is not valid yet", GNUTLS_A_CERTIFICATE_EXPIRED);
    if ((status & GNUTLS_CERT_PURPOSE_MISMATCH) != 0)
        return bad("its certificate is for another purpose", GNUTLS_A_UNSUPPORTED_CERTIFICATE);
    return bad("its certificate is not valid", GNUTLS_A_BAD_CERTIFICATE);
}

}  // namespace

std::array<std::byte, 32> sha256_of(const gnutls_datum_t& octets) {
    std::array<std::byte, 32> digest{};
    gnutls_hash_fast(GNUTLS_DIG_SHA256, octets.data, octets.size, digest.data());
    return digest;
}

std::optional<std::string> common_name_of(const gnutls_datum_t& certificate) {
    gnutls_x509_crt_t parsed = nullptr;
    if (gnutls_x509_crt_init(&parsed) != 0) return {};
    std::array<char, 256> text{};
    std::size_t size = text.size();
    const bool found = gnutls_x509_crt_import(parsed, &certificate, GNUTLS_X509_FMT_DER) == 0 &&
                       gnutls_x509_crt_get_dn_by_oid(parsed, GNUTLS_OID_X520_COMMON_NAME, 0, 0,
                                                     text.data(), &size) == 0;
    gnutls_x509_crt_deinit(parsed);
    std::string name(text.data(), found ? size : 0);
    // A name that another program would read differently is nobody's.
    if (name.empty() || name.find('\0') != std::string::npos) return {};
    return name;
}

std::optional<Trouble> DtlsPins::add(const std::string& pin) {
    if (whole_.size() + short_.size() >= pins_max)
        return Trouble{"too many pinned keys: 100,000 is the most", {}};
    if (pin.starts_with("sha256:")) {
        const auto digest = from_hex(std::string_view(pin).substr(7));
        if (digest && digest->size() == 32) {
            std::array<std::byte, 32> whole;
            std::ranges::copy(*digest, whole.begin());
            whole_.insert(whole);
            return {};
        }
        if (digest && digest->size() == 15) {
            std::array<std::byte, 15> part;
            std::ranges::copy(*digest, part.begin());
            short_.insert(part);
            return {};
        }
        return Trouble{"bad pin \"" + pin.substr(0, 80) +
                           "\": want sha256: and 64 hex digits, or the first 30 of them",
                       {}};
    }
    auto text = text_of("read the public key", pin);
    if (!text) return text.error();
    const gnutls_datum_t pem = datum_of(*text);
    PublicKey key;
    Owned der;
    int error = gnutls_pubkey_import(key.key, &pem, GNUTLS_X509_FMT_PEM);
    if (error == 0) error = gnutls_pubkey_export2(key.key, GNUTLS_X509_FMT_DER, &der.datum);
    if (error != 0) return cannot("read the public key", pin, error);
    whole_.insert(sha256_of(der.datum));
    return {};
}

bool DtlsPins::has(const std::array<std::byte, 32>& digest) const {
    if (whole_.contains(digest)) return true;
    std::array<std::byte, 15> part;
    std::copy_n(digest.begin(), part.size(), part.begin());
    return short_.contains(part);
}

DtlsVerdict DtlsCredentials::judge(gnutls_session_t session, const std::string& name) const {
    unsigned count = 0;
    const gnutls_datum_t* const shown = gnutls_certificate_get_peers(session, &count);
    if (shown == nullptr || count == 0) {
        if (is_server_ && request_ != GNUTLS_CERT_REQUIRE) return {};
        return {"it showed no certificate", DtlsFailure::certificate, GNUTLS_A_HANDSHAKE_FAILURE};
    }
    if (gnutls_certificate_type_get2(session, GNUTLS_CTYPE_PEERS) == GNUTLS_CRT_RAWPK)
        return judge_raw_key(shown[0]);
    return judge_chain(session, shown[0], name);
}

DtlsVerdict DtlsCredentials::judge_raw_key(const gnutls_datum_t& key) const {
    const auto digest = sha256_of(key);
    if (any_raw_key_ || pins_.has(digest)) return {};
    // The alerts that speak of certificates are not for raw keys. [RFC 7925 §6]
    return {"its raw public key is not pinned (sha256:" + to_hex(digest) + ")",
            DtlsFailure::raw_key, GNUTLS_A_HANDSHAKE_FAILURE};
}

DtlsVerdict DtlsCredentials::judge_chain(gnutls_session_t session, const gnutls_datum_t& leaf,
                                         const std::string& name) const {
    std::string purpose = is_server_ ? GNUTLS_KP_TLS_WWW_CLIENT : GNUTLS_KP_TLS_WWW_SERVER;
    gnutls_typed_vdata_st wanted{GNUTLS_DT_KEY_PURPOSE_OID,
                                 reinterpret_cast<unsigned char*>(purpose.data()), 0};
    unsigned status = 0;
    if (gnutls_certificate_verify_peers(session, &wanted, 1, &status) != 0)
        return verdict_of(GNUTLS_CERT_INVALID);
    if (status != 0) return verdict_of(status);
    if (is_server_ || !check_name_) return {};
    gnutls_x509_crt_t parsed = nullptr;
    if (gnutls_x509_crt_init(&parsed) != 0) return verdict_of(GNUTLS_CERT_INVALID);
    const bool fits = gnutls_x509_crt_import(parsed, &leaf, GNUTLS_X509_FMT_DER) == 0 &&
                      certificate_is_for(parsed, name);
    gnutls_x509_crt_deinit(parsed);
    if (fits) return {};
    return {"its certificate is not for \"" + name + "\"", DtlsFailure::certificate,
            GNUTLS_A_BAD_CERTIFICATE};
}

}  // namespace causeway::net
