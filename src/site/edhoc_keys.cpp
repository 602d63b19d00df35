#include "site/edhoc_keys.hpp"

#include "site/key_file.hpp"

#include <array>

namespace causeway::site {
namespace {

constexpr std::array<std::string_view, 3> type_names{"p256", "x25519", "ed25519"};
constexpr std::array types{crypto::KeyType::p256, crypto::KeyType::x25519,
                           crypto::KeyType::ed25519};
constexpr std::size_t key_octets = 32;

/// The public half, as claims carry it.
std::optional<Octets> public_of(crypto::KeyType type, Bytes secret) {
    if (type == crypto::KeyType::ed25519) {
        const auto key = crypto::SigningKey::from_private(crypto::SignatureScheme::ed25519, secret);
        return key ? std::optional(to_octets(key->public_octets())) : std::nullopt;
    }
    const auto curve =
        type == crypto::KeyType::x25519 ? crypto::Curve::x25519 : crypto::Curve::p256;
    const auto key = crypto::AgreementKey::from_private(curve, secret);
    return key ? std::optional(to_octets(key->public_octets())) : std::nullopt;
}

std::optional<secure::EdhocCredential> credential_of(KeyFile& file, crypto::KeyType type, Bytes key,
                                                     Bytes kid) {
    const std::string subject = file.text("subject").value_or("");
    return secure::EdhocCredential::from_claims(
        secure::claims_of({.subject = subject, .kid = kid, .type = type, .key = key}), subject);
}

void read_identity(KeyFile& file, secure::EdhocConfig& config) {
    file.known({"type", "private_key", "kid", "subject"});
    const crypto::KeyType type = types[file.word("type", type_names)];
    const Octets secret = file.secret("private_key", key_octets);
    const Octets kid = file.secret("kid", 1);
    if (!file.complaints().empty()) return;
    const auto key =
        secret.size() == key_octets ? public_of(type, secret) : std::optional<Octets>{};
    const auto credential = key ? credential_of(file, type, *key, kid) : std::nullopt;
    auto identity = credential ? secure::EdhocIdentity::make(
                                     *credential, secure::CredentialId::Kind::kid, secret)
                               : std::nullopt;
    if (!identity) return file.complain("private_key", "is no private key of this type");
    config.identities.push_back(*std::move(identity));
}

void read_peer(KeyFile& file, secure::EdhocConfig& config) {
    file.known({"type", "public_key", "kid", "subject"});
    const crypto::KeyType type = types[file.word("type", type_names)];
    const Octets key = file.secret("public_key", key_octets);
    const Octets kid = file.secret("kid", 1);
    if (!file.complaints().empty()) return;
    auto credential = credential_of(file, type, key, kid);
    if (!credential) return file.complain("public_key", "is no public key of this type");
    if (!config.peers.add(*std::move(credential))) file.complain("public_key", "one too many");
}

}  // namespace

std::expected<secure::EdhocConfig, std::string> read_edhoc(const std::string& key_path,
                                                           const std::string& peers_path) {
    secure::EdhocConfig config;
    // The curve that most hardware has first, then what is shorter on the wire.
    for (const std::int64_t suite : {2, 3, 0, 1}) config.suites.push_back(suite);
    auto key = KeyFile::read(key_path);
    if (!key) return std::unexpected(key.error());
    read_identity(*key, config);
    if (!key->complaints().empty()) return std::unexpected(key->complaints());
    auto peers = KeyFile::read(peers_path);
    if (!peers) return std::unexpected(peers.error());
    peers->known({"peer"});
    for (KeyFile& part : peers->parts("peer")) read_peer(part, config);
    if (!peers->complaints().empty()) return std::unexpected(peers->complaints());
    return config;
}

}  // namespace causeway::site
