#include "net/tls_context.hpp"

#include <openssl/err.h>

#include <cstring>

namespace causeway::net {
namespace {

Trouble file_trouble(const std::string& doing, const std::string& file, const std::string& why) {
    return {"cannot " + doing + " " + file + ": " + why, {}};
}

/// Nobody sits at a terminal to be asked for the key's pass phrase.
int no_pass_phrase(char*, int, int, void*) {
    return 0;
}

std::optional<Trouble> use_certificate(SSL_CTX* context, const std::string& certificate,
                                       const std::string& key) {
    SSL_CTX_set_default_passwd_cb(context, no_pass_phrase);
    if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1)
        return file_trouble("read certificate", certificate, tls_reason());
    const std::string& from = key.empty() ? certificate : key;
    if (SSL_CTX_use_PrivateKey_file(context, from.c_str(), SSL_FILETYPE_PEM) != 1)
        return file_trouble("read key", from, tls_reason());
    if (SSL_CTX_check_private_key(context) != 1)
        return file_trouble("use key", from, "it is not that of " + certificate);
    return {};
}

std::expected<std::shared_ptr<TlsContextData>, Trouble> make(const SSL_METHOD* method) {
    auto made = std::make_shared<TlsContextData>(method);
    if (made->context == nullptr)
        return std::unexpected(Trouble{"cannot set up TLS: " + tls_reason(), {}});
    SSL_CTX* const context = made->context;
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // An idle connection keeps no buffers.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return made;
}

TlsContext as_context(std::shared_ptr<TlsContextData> data) {
    SSL_CTX* const context = data->context;
    SSL_CTX_set_app_data(context, data.get());
    return {std::move(data), context};
}

/// "mqtt" as ALPN has it: each name behind its length [RFC 7301 §3.1].
std::string as_alpn(const std::vector<std::string>& names) {
    std::string list;
    for (const std::string& name : names) {
        if (name.empty() || name.size() > 255) continue;
        list += static_cast<char>(name.size());
        list += name;
    }
    return list;
}

}  // namespace

std::string tls_reason() {
    // The first is the cause, the others are those who passed it on.
    const unsigned long error = ERR_peek_error();
    const char* reason = ERR_reason_error_string(error);
    std::string words = reason != nullptr ? reason : "unknown error";
    if (ERR_SYSTEM_ERROR(error)) words = reason_of(ERR_GET_REASON(error));
    ERR_clear_error();
    return words;
}

std::expected<TlsContext, Trouble> server_context(const TlsServer& settings,
                                                  std::string_view alpn) {
    ERR_clear_error();
    auto made = make(TLS_server_method());
    if (!made) return std::unexpected(std::move(made.error()));
    TlsContextData& data = **made;
    SSL_CTX* const context = data.context;
    if (settings.certificate.empty() && settings.psk_file.empty())
        return std::unexpected(Trouble{"TLS takes a certificate or a PSK file", {}});
    if (!settings.certificate.empty()) {
        if (auto wrong = use_certificate(context, settings.certificate, settings.key))
            return std::unexpected(std::move(*wrong));
    }
    if (!settings.client_ca.empty()) {
        const char* const file = settings.client_ca.c_str();
        STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(file);
        if (names == nullptr || SSL_CTX_load_verify_file(context, file) != 1) {
            sk_X509_NAME_pop_free(names, X509_NAME_free);
            return std::unexpected(
                file_trouble("read client CA", settings.client_ca, tls_reason()));
        }
        SSL_CTX_set_client_CA_list(context, names);
        const int required =
            settings.client_certificate_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | required, nullptr);
        constexpr std::string_view id = "causeway";
        SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(id.data()),
                                       id.size());
    } else if (settings.client_certificate_required) {
        return std::unexpected(
            Trouble{"client certificates are required: a client CA is needed "
                    "to check them",
                    {}});
    }
    SSL_CTX_set_num_tickets(context, 1);
    if (!settings.psk_file.empty()) {
        auto keys = read_psk_file(settings.psk_file);
        if (!keys) return std::unexpected(std::move(keys.error()));
        data.keys = std::move(*keys);
        SSL_CTX_set_psk_server_callback(context, TlsCallbacks::psk_server);
        // The key is for SHA-256: with another cipher, who has a certificate would not use it.
        SSL_CTX_set_ciphersuites(context,
                                 "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:"
                                 "TLS_AES_256_GCM_SHA384");
        SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
        // A resumed session would not say whose key began it, and costs as much.
        SSL_CTX_set_num_tickets(context, 0);
        SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    }
    data.alpn_strict = !settings.alpn.empty();
    data.alpn = as_alpn(data.alpn_strict ? settings.alpn : std::vector{std::string(alpn)});
    if (!data.alpn.empty()) SSL_CTX_set_alpn_select_cb(context, TlsCallbacks::choose_alpn, &data);
    return as_context(std::move(*made));
}

std::expected<TlsContext, Trouble> client_context(const TlsClient& settings) {
    ERR_clear_error();
    auto made = make(TLS_client_method());
    if (!made) return std::unexpected(std::move(made.error()));
    TlsContextData& data = **made;
    SSL_CTX* const context = data.context;
    if (!settings.certificate.empty()) {
        if (auto wrong = use_certificate(context, settings.certificate, settings.key))
            return std::unexpected(std::move(*wrong));
    }
    if (!settings.ca_file.empty() &&
        SSL_CTX_load_verify_file(context, settings.ca_file.c_str()) != 1)
        return std::unexpected(file_trouble("read CA", settings.ca_file, tls_reason()));
    if (!settings.ca_folder.empty() &&
        SSL_CTX_load_verify_dir(context, settings.ca_folder.c_str()) != 1)
        return std::unexpected(file_trouble("read CA folder", settings.ca_folder, tls_reason()));
    if (settings.ca_file.empty() && settings.ca_folder.empty())
        SSL_CTX_set_default_verify_paths(context);
    // With a key shared before, no certificate is sent and none is checked; a server that has not
    // got the key does not get away with a certificate that nobody trusts.
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    if (!settings.psk.empty()) {
        if (settings.psk.size() > PSK_MAX_PSK_LEN ||
            settings.psk_identity.size() > PSK_MAX_IDENTITY_LEN)
            return std::unexpected(Trouble{"the PSK or its identity is too long", {}});
        SSL_CTX_set_psk_client_callback(context, TlsCallbacks::psk_client);
    }
    if (const std::string list = as_alpn(settings.alpn); !list.empty())
        SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(list.data()),
                                static_cast<unsigned>(list.size()));
    return as_context(std::move(*made));
}

int TlsCallbacks::choose_alpn(SSL*, const unsigned char** out, unsigned char* out_size,
                              const unsigned char* in, unsigned in_size, void* wanted) {
    const auto& data = *static_cast<const TlsContextData*>(wanted);
    const std::string& ours = data.alpn;
    unsigned char* chosen = nullptr;
    const int found = SSL_select_next_proto(&chosen, out_size,
                                            reinterpret_cast<const unsigned char*>(ours.data()),
                                            static_cast<unsigned>(ours.size()), in, in_size);
    *out = chosen;
    if (found == OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_OK;
    return data.alpn_strict ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_NOACK;
}

}  // namespace causeway::net
