#pragma once
// Files of keys, and what GnuTLS allocates, for those who make DtlsCredentials of them.
#include "base/bytes.hpp"
#include "net/trouble.hpp"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include <cerrno>
#include <fstream>
#include <string>

namespace causeway::net {

inline constexpr std::size_t key_file_octets_max = 1 << 20;

inline Trouble cannot(const std::string& doing, const std::string& file, const std::string& why) {
    return {"cannot " + doing + " " + file + ": " + why, {}};
}
inline Trouble cannot(const std::string& doing, const std::string& file, int error) {
    return cannot(doing, file, gnutls_strerror(error));
}

inline Opened<std::string> text_of(const std::string& doing, const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) {
        const int error = errno;
        return std::unexpected(cannot(doing, file, reason_of(error)));
    }
    std::string text(key_file_octets_max, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    return text;
}

inline gnutls_datum_t datum_of(std::string& text) {
    return {reinterpret_cast<unsigned char*>(text.data()), static_cast<unsigned>(text.size())};
}
inline gnutls_datum_t datum_of(Bytes octets) {
    // GnuTLS only reads.
    auto* const data = reinterpret_cast<const unsigned char*>(octets.data());
    return {const_cast<unsigned char*>(data), static_cast<unsigned>(octets.size())};
}

/// What a gnutls_datum_t owns.
struct Owned {
    Owned() = default;
    Owned(const Owned&) = delete;
    Owned& operator=(const Owned&) = delete;
    ~Owned() {
        if (datum.data != nullptr) gnutls_memset(datum.data, 0, datum.size);
        gnutls_free(datum.data);
    }
    gnutls_datum_t datum{};
};

struct PublicKey {
    PublicKey() { gnutls_pubkey_init(&key); }
    PublicKey(const PublicKey&) = delete;
    PublicKey& operator=(const PublicKey&) = delete;
    ~PublicKey() { gnutls_pubkey_deinit(key); }
    gnutls_pubkey_t key = nullptr;
};

}  // namespace causeway::net
