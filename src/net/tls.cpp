#include "net/tls.hpp"

#include "base/assert.hpp"
#include "net/endpoint.hpp"
#include "net/tls_context.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>

namespace causeway::net {

/// Between OpenSSL and the octets at hand.
struct TlsBio {
    static int write(BIO* bio, const char* data, int size) {
        auto& session = *static_cast<TlsSession*>(BIO_get_data(bio));
        const Bytes octets = std::as_bytes(std::span(data, static_cast<std::size_t>(size)));
        session.wire_->insert(session.wire_->end(), octets.begin(), octets.end());
        return size;
    }
    static int read(BIO* bio, char* data, int size) {
        auto& session = *static_cast<TlsSession*>(BIO_get_data(bio));
        BIO_clear_retry_flags(bio);
        const std::size_t n =
            std::min(session.cipher_.size(), static_cast<std::size_t>(std::max(size, 0)));
        if (n == 0) {
            BIO_set_retry_read(bio);
            return -1;
        }
        std::memcpy(data, session.cipher_.data(), n);
        session.cipher_ = session.cipher_.subspan(n);
        return static_cast<int>(n);
    }
    static long control(BIO*, int command, long, void*) {
        return command == BIO_CTRL_FLUSH ? 1 : 0;
    }
    static int create(BIO* bio) {
        BIO_set_init(bio, 1);
        return 1;
    }
    static BIO_METHOD* method() {
        static BIO_METHOD* const made = [] {
            BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "octets");
            CAUSEWAY_ASSERT(method != nullptr);
            BIO_meth_set_write(method, write);
            BIO_meth_set_read(method, read);
            BIO_meth_set_ctrl(method, control);
            BIO_meth_set_create(method, create);
            return method;
        }();
        return made;
    }
};

TlsSession::TlsSession(TlsContext context)
    : context_(std::move(context)), ssl_(SSL_new(context_.get())) {
    BIO* const bio = BIO_new(TlsBio::method());
    CAUSEWAY_ASSERT(ssl_ != nullptr && bio != nullptr);  // memory
    BIO_set_data(bio, this);
    SSL_set_bio(ssl_, bio, bio);
    SSL_set_app_data(ssl_, this);
}

TlsSession::~TlsSession() {
    SSL_free(ssl_);
}

std::unique_ptr<TlsSession> TlsSession::server(const TlsContext& context) {
    std::unique_ptr<TlsSession> session(new TlsSession(context));
    SSL_set_accept_state(session->ssl_);
    return session;
}

std::expected<std::unique_ptr<TlsSession>, Trouble> TlsSession::client(const TlsContext& context,
                                                                       const TlsClient& settings,
                                                                       const std::string& host) {
    std::unique_ptr<TlsSession> session(new TlsSession(context));
    SSL* const ssl = session->ssl_;
    SSL_set_connect_state(ssl);
    session->psk_identity_ = settings.psk_identity;
    session->psk_ = settings.psk;
    session->alpn_required_ = settings.alpn_required && !settings.alpn.empty();
    std::string name = settings.server_name.empty() ? host : settings.server_name;
    if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
    if (name.empty()) return session;
    const bool digits =
        Endpoint::parse(name.find(':') == std::string::npos ? name : "[" + name + "]", 0)
            .has_value();
    // An address is no name [RFC 6066 §3].
    if (!digits) SSL_set_tlsext_host_name(ssl, name.c_str());
    if (settings.insecure) return session;
    const int said = digits ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str())
                            : SSL_set1_host(ssl, name.c_str());
    if (said != 1) return std::unexpected(Trouble{"\"" + name + "\" is no name to check", {}});
    return session;
}

void TlsSession::begin(Bytes cipher, Octets& wire) noexcept {
    cipher_ = cipher;
    wire_ = &wire;
}

TlsSession::Step TlsSession::failed(int result) {
    switch (SSL_get_error(ssl_, result)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE:
            return Step::going;
        case SSL_ERROR_ZERO_RETURN:
            failure_ = "the peer ended it";
            return Step::ended;
        default:
            break;
    }
    broken_ = true;
    const long verified = SSL_get_verify_result(ssl_);
    failure_ = tls_reason();
    if (verified != X509_V_OK) {
        failure_ += " (";
        failure_ += X509_verify_cert_error_string(verified);
        failure_ += ")";
    }
    return Step::failed;
}

TlsSession::Step TlsSession::shake_hands() {
    if (shaken_) return Step::shaken;
    if (broken_) return Step::failed;
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_);
    if (result != 1) return failed(result);
    // "If the TLS server either does not negotiate the ALPN extension or returns [...] an alert,
    // the TLS client MUST close the connection." [RFC 8323 §8.2]
    if (alpn_required_ && alpn().empty()) {
        failure_ = "the server chose none of the protocols asked for";
        broken_ = true;
        return Step::failed;
    }
    shaken_ = true;
    return Step::shaken;
}

std::size_t TlsSession::read(MutableBytes into, Step& step) {
    ERR_clear_error();
    std::size_t n = 0;
    const int result = SSL_read_ex(ssl_, into.data(), into.size(), &n);
    if (result == 1) return n;
    step = failed(result);
    return 0;
}

bool TlsSession::write(Bytes plain) {
    if (broken_) return false;
    ERR_clear_error();
    std::size_t n = 0;
    const int result = SSL_write_ex(ssl_, plain.data(), plain.size(), &n);
    if (result == 1) return true;
    if (failed(result) == Step::going) failure_ = "it takes no more";
    broken_ = true;
    return false;
}

void TlsSession::goodbye() {
    if (broken_ || !shaken_) return;
    ERR_clear_error();
    SSL_shutdown(ssl_);
    ERR_clear_error();
}

std::optional<std::string> TlsSession::certificate_name() const {
    if (SSL_is_server(ssl_) != 1 || SSL_get_verify_result(ssl_) != X509_V_OK) return {};
    const X509* const certificate = SSL_get0_peer_certificate(ssl_);
    if (certificate == nullptr) return {};
    const X509_NAME* const subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0) return {};
    unsigned char* text = nullptr;
    const int size =
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (size < 0) return {};
    std::string name(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
    // A name that another program would read differently is nobody's.
    if (name.empty() || name.find('\0') != std::string::npos) return {};
    return name;
}

std::string TlsSession::alpn() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_, &name, &size);
    return name == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(name), size);
}

std::optional<std::string> TlsSession::psk_identity() const {
    if (SSL_is_server(ssl_) != 1 || psk_identity_.empty()) return {};
    // Offered is not used: TLS 1.3 counts a shared key as a resumed session, and before that the
    // cipher says so.
    const SSL_CIPHER* const cipher = SSL_get_current_cipher(ssl_);
    const int authentication = cipher == nullptr ? NID_undef : SSL_CIPHER_get_auth_nid(cipher);
    const bool before_1_3 = SSL_version(ssl_) < TLS1_3_VERSION;
    const bool used = before_1_3 ? authentication == NID_auth_psk : SSL_session_reused(ssl_) == 1;
    if (!used) return {};
    return psk_identity_;
}

unsigned TlsCallbacks::psk_server(SSL* ssl, const char* identity, unsigned char* key,
                                  unsigned key_max) {
    auto& session = *static_cast<TlsSession*>(SSL_get_app_data(ssl));
    const auto& data =
        *static_cast<const TlsContextData*>(SSL_CTX_get_app_data(session.context_.get()));
    if (identity == nullptr) return 0;
    const auto found = data.keys.find(std::string_view(identity));
    if (found == data.keys.end() || found->second.size() > key_max) return 0;
    std::memcpy(key, found->second.data(), found->second.size());
    session.psk_identity_ = found->first;
    return static_cast<unsigned>(found->second.size());
}

unsigned TlsCallbacks::psk_client(SSL* ssl, const char*, char* identity, unsigned identity_max,
                                  unsigned char* key, unsigned key_max) {
    const auto& session = *static_cast<const TlsSession*>(SSL_get_app_data(ssl));
    const std::string& name = session.psk_identity_;
    if (name.size() >= identity_max || session.psk_.size() > key_max) return 0;
    std::memcpy(identity, name.c_str(), name.size() + 1);
    std::memcpy(key, session.psk_.data(), session.psk_.size());
    return static_cast<unsigned>(session.psk_.size());
}

}  // namespace causeway::net
