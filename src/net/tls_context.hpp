#pragma once
// What stands behind a TlsContext. For tls*.cpp.
#include "net/psk_file.hpp"
#include "net/tls.hpp"

#include <openssl/ssl.h>

#include <string>

namespace causeway::net {

struct TlsContextData {
    explicit TlsContextData(const SSL_METHOD* method) : context(SSL_CTX_new(method)) {}
    TlsContextData(const TlsContextData&) = delete;
    TlsContextData& operator=(const TlsContextData&) = delete;
    ~TlsContextData() { SSL_CTX_free(context); }

    SSL_CTX* context;
    PskTable keys;
    std::string alpn;
    bool alpn_strict = false;  // who asks for others only is refused
};

/// The callbacks of a context; they find the session through the SSL object.
struct TlsCallbacks {
    static unsigned psk_server(SSL* ssl, const char* identity, unsigned char* key,
                               unsigned key_max);
    static unsigned psk_client(SSL* ssl, const char* hint, char* identity, unsigned identity_max,
                               unsigned char* key, unsigned key_max);
    static int choose_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                           const unsigned char* in, unsigned in_size, void* wanted);
};

/// OpenSSL's words for what went wrong; their queue of errors is empty then.
[[nodiscard]] std::string tls_reason();

}  // namespace causeway::net
