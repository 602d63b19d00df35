#pragma once
// Who we are and whom we trust, as the command line says it: libcoap's letters for pre-shared keys,
// certificates and raw public keys, for clients and servers, and what they come to in net/.
#include "coap.hpp"
#include "net/dtls.hpp"
#include "net/stream_host.hpp"

#include <string>
#include <vector>

namespace causeway::cli {

struct CredentialOptions {
    std::string user;
    std::string key;
    std::string psk_file;  // of a server, as is the hint
    std::string hint;
    std::string certificate;
    std::string key_file;
    std::string ca;
    std::string roots;
    std::string raw_key;
    std::vector<std::string> raw_peers;
    bool insecure = false;

    void add_to(CLI::App& command, bool server);
    /// Whether a server has anything to show to its clients.
    [[nodiscard]] bool any() const {
        return !key.empty() || !psk_file.empty() || !certificate.empty() || !raw_key.empty();
    }
};

/// "text", "0xC0FFEE" or "@FILE", whose first line is one of the other two. What is wrong with a
/// secret never repeats it.
[[nodiscard]] Understood<Octets> secret_of(const std::string& text, const std::string& option);

/// `host` as the URI has it: a name is what the server's certificate has to show.
[[nodiscard]] Understood<net::DtlsClient> dtls_client_of(const CredentialOptions& options,
                                                         const std::string& host);
[[nodiscard]] Understood<net::TlsClient> tls_client_of(const CredentialOptions& options,
                                                       const std::string& host);

/// The file of identities and keys that a server reads: the one that was named, or one of our own
/// for the key on the command line, which nobody else can read and which goes when we do.
class KeyTable {
public:
    KeyTable() = default;
    KeyTable(const KeyTable&) = delete;
    KeyTable& operator=(const KeyTable&) = delete;
    ~KeyTable();

    [[nodiscard]] Understood<void> make(const CredentialOptions& options);
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
    bool ours_ = false;
};

[[nodiscard]] Understood<net::DtlsServer> dtls_server_of(const CredentialOptions& options,
                                                         const KeyTable& keys);
[[nodiscard]] Understood<net::TlsServer> tls_server_of(const CredentialOptions& options,
                                                       const KeyTable& keys);

}  // namespace causeway::cli
