#include "net/dtls_credentials.hpp"

#include "net/dtls_files.hpp"
#include "net/dtls_session.hpp"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>

#include <algorithm>
#include <cstring>

namespace causeway::net {
namespace {

struct PrivateKey {
    PrivateKey() { gnutls_privkey_init(&key); }
    PrivateKey(const PrivateKey&) = delete;
    PrivateKey& operator=(const PrivateKey&) = delete;
    ~PrivateKey() { gnutls_privkey_deinit(key); }
    gnutls_privkey_t key = nullptr;
};

/// The file's, as PEM; the caller's to free.
gnutls_datum_t copy_for_gnutls(const Octets& from) {
    gnutls_datum_t copy{};
    copy.data = static_cast<unsigned char*>(gnutls_malloc(from.size()));
    if (copy.data == nullptr) return copy;
    std::memcpy(copy.data, from.data(), from.size());
    copy.size = static_cast<unsigned>(from.size());
    return copy;
}

/// Of an identity that nobody has, the key is one that nobody knows: whether it was the identity
/// or the key, the peer is told the same, at the same point. [RFC 4279 §2; RFC 7925 §6]
int find_psk(gnutls_session_t session, const gnutls_datum_t* identity, gnutls_datum_t* key) {
    auto& dtls = *static_cast<DtlsSession*>(gnutls_session_get_ptr(session));
    const std::string_view name(reinterpret_cast<const char*>(identity->data), identity->size);
    const Octets* const found = dtls.credentials().key_of(name);
    dtls.psk_was_asked_for(found != nullptr);
    Octets random(16);
    if (found == nullptr) gnutls_rnd(GNUTLS_RND_RANDOM, random.data(), random.size());
    *key = copy_for_gnutls(found != nullptr ? *found : random);
    return key->data != nullptr ? 0 : -1;
}

bool is_address(const std::string& name) {
    return Endpoint::parse(name.find(':') == std::string::npos ? name : "[" + name + "]", 0)
        .has_value();
}

}  // namespace

DtlsCredentials::~DtlsCredentials() {
    if (certificates_ != nullptr) gnutls_certificate_free_credentials(certificates_);
    if (psk_server_ != nullptr) gnutls_psk_free_server_credentials(psk_server_);
    if (psk_client_ != nullptr) gnutls_psk_free_client_credentials(psk_client_);
    if (priority_ != nullptr) gnutls_priority_deinit(priority_);
    if (ticket_key_.data != nullptr) gnutls_memset(ticket_key_.data, 0, ticket_key_.size);
    gnutls_free(ticket_key_.data);
}

std::optional<Trouble> DtlsCredentials::use_certificate(const std::string& certificate,
                                                        const std::string& key) {
    const std::string& from = key.empty() ? certificate : key;
    const int error = gnutls_certificate_set_x509_key_file(certificates_, certificate.c_str(),
                                                           from.c_str(), GNUTLS_X509_FMT_PEM);
    if (error >= 0) return {};
    if (error == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
        return cannot("use key", from, "it is not that of " + certificate);
    return cannot("read certificate", certificate + " or its key " + from, error);
}

std::optional<Trouble> DtlsCredentials::use_raw_key(const std::string& file) {
    auto text = text_of("read key", file);
    if (!text) return text.error();
    gnutls_datum_t pem = datum_of(*text);
    PrivateKey key;
    PublicKey half;
    Owned spki;
    int error = gnutls_privkey_import_x509_raw(key.key, &pem, GNUTLS_X509_FMT_PEM, nullptr, 0);
    if (error == 0)
        error = gnutls_pubkey_import_privkey(half.key, key.key, GNUTLS_KEY_DIGITAL_SIGNATURE, 0);
    if (error == 0) error = gnutls_pubkey_export2(half.key, GNUTLS_X509_FMT_PEM, &spki.datum);
    if (error == 0)
        error = gnutls_certificate_set_rawpk_key_mem(certificates_, &spki.datum, &pem,
                                                     GNUTLS_X509_FMT_PEM, nullptr,
                                                     GNUTLS_KEY_DIGITAL_SIGNATURE, nullptr, 0, 0);
    gnutls_memset(text->data(), 0, text->size());
    if (error < 0) return cannot("use raw key", file, error);
    raw_keys_ = true;
    return {};
}

std::optional<Trouble> DtlsCredentials::use_pins(const std::vector<std::string>& pins) {
    for (const std::string& pin : pins)
        if (auto wrong = pins_.add(pin)) return wrong;
    if (!pins.empty()) raw_keys_ = true;
    return {};
}

std::optional<Trouble> DtlsCredentials::use_psk(const DtlsServer& settings) {
    auto keys = read_psk_file(settings.psk_file);
    if (!keys) return keys.error();
    keys_ = std::move(*keys);
    gnutls_psk_allocate_server_credentials(&psk_server_);
    gnutls_psk_set_server_credentials_function2(psk_server_, find_psk);
    if (!settings.psk_hint.empty())
        gnutls_psk_set_server_credentials_hint(psk_server_, settings.psk_hint.c_str());
    return {};
}

std::optional<Trouble> DtlsCredentials::use_psk(const DtlsClient& settings) {
    // [RFC 4279 §5.3] wants identities of 128 octets and keys of 64 at least.
    if (settings.psk.size() > 64 || settings.psk_identity.size() > 256)
        return Trouble{"the PSK or its identity is too long", {}};
    gnutls_psk_allocate_client_credentials(&psk_client_);
    const gnutls_datum_t identity = datum_of(as_octets(settings.psk_identity));
    const gnutls_datum_t key = datum_of(settings.psk);
    const int error =
        gnutls_psk_set_client_credentials2(psk_client_, &identity, &key, GNUTLS_PSK_KEY_RAW);
    if (error < 0) return Trouble{std::string("cannot use the PSK: ") + gnutls_strerror(error), {}};
    return {};
}

std::optional<Trouble> DtlsCredentials::use_authorities(const DtlsClient& settings) {
    if (!settings.ca_file.empty()) {
        const int error = gnutls_certificate_set_x509_trust_file(
            certificates_, settings.ca_file.c_str(), GNUTLS_X509_FMT_PEM);
        if (error <= 0)
            return cannot("read CA", settings.ca_file,
                          error == 0 ? "there is no certificate in it" : gnutls_strerror(error));
    }
    if (!settings.ca_folder.empty()) {
        const int error = gnutls_certificate_set_x509_trust_dir(
            certificates_, settings.ca_folder.c_str(), GNUTLS_X509_FMT_PEM);
        if (error < 0) return cannot("read CA folder", settings.ca_folder, error);
    }
    if (settings.ca_file.empty() && settings.ca_folder.empty())
        gnutls_certificate_set_x509_system_trust(certificates_);
    return {};
}

std::optional<Trouble> DtlsCredentials::set_priority(bool certificates, bool ours_raw,
                                                     bool ours_x509, bool theirs_raw,
                                                     bool theirs_x509) {
    // [RFC 7925 §4.2, §4.3, §4.4]: CCM_8 and P-256 first; the others are for those who have none.
    std::string list = "NONE:+VERS-DTLS1.2:+COMP-NULL:+AEAD:%NO_ETM";
    if (has_psk()) list += ":+PSK:+ECDHE-PSK";
    if (certificates) list += ":+ECDHE-ECDSA:+ECDHE-RSA";
    list +=
        ":+AES-128-CCM-8:+AES-128-CCM:+AES-128-GCM:+AES-256-CCM-8:+AES-256-CCM:+AES-256-GCM"
        ":+CHACHA20-POLY1305"
        ":+GROUP-SECP256R1:+GROUP-X25519:+GROUP-SECP384R1"
        ":+SIGN-ECDSA-SHA256:+SIGN-ECDSA-SHA384:+SIGN-RSA-SHA256:+SIGN-RSA-PSS-RSAE-SHA256"
        ":+SIGN-RSA-SHA384:+SIGN-RSA-SHA512:+SIGN-EDDSA-ED25519";
    const std::string ours = is_server_ ? "SRV" : "CLI";
    const std::string theirs = is_server_ ? "CLI" : "SRV";
    if (ours_raw) list += ":+CTYPE-" + ours + "-RAWPK";
    if (ours_x509) list += ":+CTYPE-" + ours + "-X509";
    if (theirs_raw) list += ":+CTYPE-" + theirs + "-RAWPK";
    if (theirs_x509) list += ":+CTYPE-" + theirs + "-X509";
    const int error = gnutls_priority_init(&priority_, list.c_str(), nullptr);
    if (error == 0) return {};
    return Trouble{std::string("cannot set up DTLS: ") + gnutls_strerror(error), {}};
}

Opened<DtlsCredentials::Shared> DtlsCredentials::server(const DtlsServer& settings) {
    std::shared_ptr<DtlsCredentials> made(new DtlsCredentials);
    made->is_server_ = true;
    const bool x509 = !settings.certificate.empty();
    const bool raw = !settings.raw_key.empty();
    if (!x509 && !raw && settings.psk_file.empty())
        return std::unexpected(Trouble{"DTLS takes a certificate, a raw key or a PSK file", {}});
    const bool pinned = !settings.pinned_keys.empty();
    if (settings.client_certificate_required && settings.client_ca.empty() && !pinned && !raw)
        return std::unexpected(
            Trouble{"client certificates are required: a client CA or pinned "
                    "keys are needed to check them",
                    {}});
    gnutls_certificate_allocate_credentials(&made->certificates_);
    if (x509)
        if (auto wrong = made->use_certificate(settings.certificate, settings.key))
            return std::unexpected(std::move(*wrong));
    if (raw)
        if (auto wrong = made->use_raw_key(settings.raw_key))
            return std::unexpected(std::move(*wrong));
    if (auto wrong = made->use_pins(settings.pinned_keys))
        return std::unexpected(std::move(*wrong));
    if (!settings.psk_file.empty())
        if (auto wrong = made->use_psk(settings)) return std::unexpected(std::move(*wrong));
    if (!settings.client_ca.empty()) {
        const int error = gnutls_certificate_set_x509_trust_file(
            made->certificates_, settings.client_ca.c_str(), GNUTLS_X509_FMT_PEM);
        if (error <= 0)
            return std::unexpected(
                cannot("read client CA", settings.client_ca,
                       error == 0 ? "there is no certificate in it" : gnutls_strerror(error)));
    }
    if (settings.client_certificate_required)
        made->request_ = GNUTLS_CERT_REQUIRE;
    else if (pinned || !settings.client_ca.empty())
        made->request_ = GNUTLS_CERT_REQUEST;
    const bool theirs_raw = raw || pinned;
    if (auto wrong = made->set_priority(x509 || raw, raw, x509, theirs_raw,
                                        !settings.client_ca.empty() || !theirs_raw || x509))
        return std::unexpected(std::move(*wrong));
    if (gnutls_session_ticket_key_generate(&made->ticket_key_) != 0)
        return std::unexpected(Trouble{"cannot set up DTLS: no key for tickets", {}});
    return made;
}

Opened<DtlsCredentials::Shared> DtlsCredentials::client(const DtlsClient& settings) {
    std::shared_ptr<DtlsCredentials> made(new DtlsCredentials);
    made->resume_ = settings.resume;
    made->check_name_ = !settings.insecure;
    if (!settings.psk.empty()) {
        // A server that has not got the key does not get away with a certificate.
        if (auto wrong = made->use_psk(settings)) return std::unexpected(std::move(*wrong));
        if (auto wrong = made->set_priority(false, false, true, false, true))
            return std::unexpected(std::move(*wrong));
        return made;
    }
    const bool x509 = !settings.certificate.empty();
    const bool raw = !settings.raw_key.empty();
    const bool authorities = !settings.ca_file.empty() || !settings.ca_folder.empty();
    const bool pinned = !settings.pinned_keys.empty();
    made->any_raw_key_ = settings.insecure && !pinned;
    if (raw && !pinned && !authorities && !settings.insecure)
        return std::unexpected(
            Trouble{"a raw key of ours, but the server's is not pinned: pinned_keys is empty", {}});
    gnutls_certificate_allocate_credentials(&made->certificates_);
    if (x509)
        if (auto wrong = made->use_certificate(settings.certificate, settings.key))
            return std::unexpected(std::move(*wrong));
    if (raw)
        if (auto wrong = made->use_raw_key(settings.raw_key))
            return std::unexpected(std::move(*wrong));
    if (auto wrong = made->use_pins(settings.pinned_keys))
        return std::unexpected(std::move(*wrong));
    const bool theirs_raw = pinned || (raw && settings.insecure);
    const bool theirs_x509 = authorities || !theirs_raw;
    if (theirs_x509)
        if (auto wrong = made->use_authorities(settings)) return std::unexpected(std::move(*wrong));
    if (auto wrong = made->set_priority(true, raw, x509 || !raw, theirs_raw, theirs_x509))
        return std::unexpected(std::move(*wrong));
    return made;
}

unsigned DtlsCredentials::flags() const noexcept {
    unsigned flags = GNUTLS_DATAGRAM | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL;
    flags |= is_server_ ? GNUTLS_SERVER : GNUTLS_CLIENT;
    if (raw_keys_ || any_raw_key_) flags |= GNUTLS_ENABLE_RAWPK;
    if (!resume_) flags |= GNUTLS_NO_TICKETS;
    return flags;
}

int DtlsCredentials::equip(gnutls_session_t session, const std::string& name) const {
    int error = gnutls_priority_set(session, priority_);
    if (error == 0 && certificates_ != nullptr)
        error = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, certificates_);
    if (error == 0 && psk_server_ != nullptr)
        error = gnutls_credentials_set(session, GNUTLS_CRD_PSK, psk_server_);
    if (error == 0 && psk_client_ != nullptr)
        error = gnutls_credentials_set(session, GNUTLS_CRD_PSK, psk_client_);
    if (error != 0) return error;
    if (is_server_) {
        gnutls_certificate_server_set_request(session, request_);
        return gnutls_session_ticket_enable_server(session, &ticket_key_);
    }
    // An address is no name. [RFC 6066 §3]
    if (name.empty() || is_address(name)) return 0;
    return gnutls_server_name_set(session, GNUTLS_NAME_DNS, name.data(), name.size());
}

const Octets* DtlsCredentials::key_of(std::string_view identity) const {
    const auto found = keys_.find(identity);
    return found == keys_.end() ? nullptr : &found->second;
}

}  // namespace causeway::net
