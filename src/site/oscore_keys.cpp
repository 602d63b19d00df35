#include "site/oscore_keys.hpp"

#include "site/key_file.hpp"

#include <algorithm>
#include <array>

namespace causeway::site {
namespace {

constexpr std::size_t secret_octets_min = 16;

constexpr std::array aeads{crypto::AeadAlgorithm::aes_ccm_16_64_128,
                           crypto::AeadAlgorithm::aes_ccm_64_64_128,
                           crypto::AeadAlgorithm::aes_ccm_16_128_128,
                           crypto::AeadAlgorithm::a128gcm,
                           crypto::AeadAlgorithm::a256gcm,
                           crypto::AeadAlgorithm::chacha20_poly1305};
constexpr std::array hashes{crypto::Hash::sha256, crypto::Hash::sha384, crypto::Hash::sha512};
constexpr std::array<std::string_view, 3> hash_names{"SHA-256", "SHA-384", "SHA-512"};

std::array<std::string_view, aeads.size()> aead_names() {
    std::array<std::string_view, aeads.size()> names;
    std::ranges::transform(aeads, names.begin(), [](auto aead) { return crypto::name_of(aead); });
    return names;
}

}  // namespace

std::expected<secure::ContextConfig, std::string> read_oscore_keys(const std::string& path) {
    auto file = KeyFile::read(path);
    if (!file) return std::unexpected(file.error());
    file->known({"master_secret", "master_salt", "id_context", "sender_id", "recipient_id", "aead",
                 "hkdf"});
    secure::ContextConfig config;
    config.master_secret = file->secret("master_secret", secret_octets_min);
    config.master_salt = file->octets("master_salt").value_or(Octets{});
    config.id_context = file->octets("id_context");
    config.sender_id = file->octets("sender_id").value_or(Octets{});
    config.recipient_id = file->octets("recipient_id").value_or(Octets{});
    config.aead = aeads[file->word("aead", aead_names())];
    config.hash = hashes[file->word("hkdf", hash_names)];
    if (config.sender_id == config.recipient_id)
        file->complain("recipient_id", "has to differ from sender_id");
    if (!file->complaints().empty()) return std::unexpected(file->complaints());
    return config;
}

std::expected<node::ObjectSecurity, std::string> read_node_keys(const std::string& path) {
    auto file = KeyFile::read(path);
    if (!file) return std::unexpected(file.error());
    file->known({"master_secret", "master_salt"});
    node::ObjectSecurity keys;
    keys.master_secret = file->secret("master_secret", secret_octets_min);
    keys.master_salt = file->octets("master_salt").value_or(Octets{});
    if (!file->complaints().empty()) return std::unexpected(file->complaints());
    return keys;
}

}  // namespace causeway::site
