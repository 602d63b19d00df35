#include "coap_credentials.hpp"

#include "base/hex.hpp"
#include "net/endpoint.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace causeway::cli {
namespace {

/// An address needs no name to be known by.
std::string name_in(const std::string& host) {
    return net::Endpoint::parse(host, std::uint16_t{0}) ? std::string() : host;
}

struct Trust {
    std::string file;
    std::string folder;
};

Understood<Trust> trust_of(const CredentialOptions& options) {
    Trust trust{options.ca, {}};
    if (options.roots.empty()) return trust;
    std::error_code ignored;
    if (std::filesystem::is_directory(options.roots, ignored))
        trust.folder = options.roots;
    else if (trust.file.empty())
        trust.file = options.roots;
    else
        return misused("-C and -R: two files at once; put their certificates into one");
    return trust;
}

Understood<void> check(const CredentialOptions& options) {
    if (options.key.empty() != options.user.empty())
        return misused(options.key.empty() ? "-u wants -k, the user's key"
                                           : "-k wants -u, whose key it is");
    if (!options.key_file.empty() && options.certificate.empty())
        return misused("-j wants -c, the certificate that the key belongs to");
    for (const std::string* const file :
         {&options.certificate, &options.key_file, &options.ca, &options.roots, &options.raw_key})
        if (!file->empty() && ::access(file->c_str(), R_OK) != 0)
            return impossible(fmt::format("cannot read {}: {}", *file, std::strerror(errno)));
    return {};
}

std::string key_file_of(const CredentialOptions& options) {
    return options.key_file.empty() ? options.certificate : options.key_file;
}

}  // namespace

Understood<Octets> secret_of(const std::string& text, const std::string& option) {
    std::string said = text;
    if (text.starts_with('@')) {
        std::ifstream file(text.substr(1));
        if (!file || !std::getline(file, said))
            return impossible(fmt::format("{}: cannot read {}", option, text.substr(1)));
        if (said.ends_with('\r')) said.pop_back();
    }
    if (!said.starts_with("0x")) return to_octets(as_octets(said));
    auto octets = from_hex(std::string_view(said).substr(2));
    if (!octets) return misused(fmt::format("{}: no hexadecimal digits behind 0x", option));
    return *std::move(octets);
}

namespace {

/// What a client over DTLS and one over TLS have in common.
template <class Client>
Understood<Client> client_of(const CredentialOptions& options, const std::string& host) {
    if (auto good = check(options); !good) return std::unexpected(good.error());
    const auto trust = trust_of(options);
    if (!trust) return std::unexpected(trust.error());
    Client client;
    client.psk_identity = options.user;
    auto secret = secret_of(options.key, "-k");
    if (!secret) return std::unexpected(secret.error());
    client.psk = *std::move(secret);
    client.ca_file = trust->file;
    client.ca_folder = trust->folder;
    client.certificate = options.certificate;
    if (!options.certificate.empty()) client.key = key_file_of(options);
    client.insecure = options.insecure;
    client.server_name = name_in(host);
    return client;
}

}  // namespace

Understood<net::DtlsClient> dtls_client_of(const CredentialOptions& options,
                                           const std::string& host) {
    auto client = client_of<net::DtlsClient>(options, host);
    if (!client) return client;
    client->raw_key = options.raw_key;
    client->pinned_keys = options.raw_peers;
    return client;
}

Understood<net::TlsClient> tls_client_of(const CredentialOptions& options,
                                         const std::string& host) {
    return client_of<net::TlsClient>(options, host);
}

// ---- servers -----------------------------------------------------------------------------------

KeyTable::~KeyTable() {
    if (!path_.empty() && ours_) ::unlink(path_.c_str());
}

Understood<void> KeyTable::make(const CredentialOptions& options) {
    if (!options.psk_file.empty()) {
        if (!options.key.empty()) return misused("-k and --psk-file: one of them is enough");
        path_ = options.psk_file;
        return {};
    }
    if (options.key.empty()) return {};
    if (options.user.find_first_of(":\n") != std::string::npos)
        return misused("-u: a colon or a line feed has no place in it");
    const auto secret = secret_of(options.key, "-k");
    if (!secret) return std::unexpected(secret.error());
    const std::string line = options.user + ":" + to_hex(*secret) + "\n";
    path_ = (std::filesystem::temp_directory_path() / "causeway-keys-XXXXXX").string();
    const int file = ::mkostemp(path_.data(), O_CLOEXEC);  // mode 0600
    if (file < 0)
        return impossible(fmt::format("cannot write {}: {}", path_, std::strerror(errno)));
    ours_ = true;
    const bool written =
        ::write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size());
    if (::close(file) != 0 || !written)
        return impossible(fmt::format("cannot write {}: {}", path_, std::strerror(errno)));
    return {};
}

Understood<net::DtlsServer> dtls_server_of(const CredentialOptions& options, const KeyTable& keys) {
    if (auto good = check(options); !good) return std::unexpected(good.error());
    net::DtlsServer server;
    server.certificate = options.certificate;
    if (!options.certificate.empty()) server.key = key_file_of(options);
    server.client_ca = options.ca.empty() ? options.roots : options.ca;
    server.client_certificate_required =
        !options.insecure && (!server.client_ca.empty() || !options.raw_peers.empty());
    server.psk_file = keys.path();
    server.psk_hint = options.hint;
    server.raw_key = options.raw_key;
    server.pinned_keys = options.raw_peers;
    return server;
}

Understood<net::TlsServer> tls_server_of(const CredentialOptions& options, const KeyTable& keys) {
    if (auto good = check(options); !good) return std::unexpected(good.error());
    net::TlsServer server;
    server.certificate = options.certificate;
    if (!options.certificate.empty()) server.key = key_file_of(options);
    server.client_ca = options.ca.empty() ? options.roots : options.ca;
    server.client_certificate_required = !options.insecure && !server.client_ca.empty();
    server.psk_file = keys.path();
    return server;
}

}  // namespace causeway::cli
