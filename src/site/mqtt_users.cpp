#include "site/mqtt_users.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace causeway::site {
namespace {

using crypto::ScramFault;

constexpr std::size_t salt_of_decoys = crypto::salt_octets;

std::size_t characters_in(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

std::expected<MqttUsers, std::vector<MqttUsersMistake>> MqttUsers::load(std::string_view text) {
    MqttUsers users;
    std::vector<MqttUsersMistake> mistakes;
    std::map<std::string, std::size_t, std::less<>> lines;  // of each name
    users.decoy_key_ = crypto::sha256(as_octets(text));
    bool has_verifier = false;

    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // some editors' mark
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        // Blanks may belong to a name, but never end a hash.
        line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
        if (line.empty() || line.starts_with('#')) continue;
        const auto complain = [&](std::size_t at, std::string what) {
            mistakes.push_back({number, characters_in(line.substr(0, at)) + 1, std::move(what)});
        };
        const std::size_t colon = line.find(':');
        if (colon == line.npos) {
            complain(line.size(), "the colon is missing: a line is USER:HASH");
            continue;
        }
        const std::string_view name = line.substr(0, colon);
        const std::string_view secret = line.substr(colon + 1);
        const auto [first, is_new] = lines.try_emplace(std::string(name), number);
        if (name.empty())
            complain(0, "the user name is missing: a line is USER:HASH");
        else if (!is_new)
            complain(0, "this user stands in line " + std::to_string(first->second) + " already");
        if (secret.starts_with("$scram")) {
            auto verifier = crypto::ScramVerifier::parse(secret);
            if (!verifier) {
                complain(colon + 1, std::string(verifier.error()));
                continue;
            }
            if (!std::exchange(has_verifier, true)) users.decoy_iterations_ = verifier->iterations;
            users.users_.push_back({std::string(name), *std::move(verifier)});
            continue;
        }
        auto hash = crypto::PasswordHash::parse(secret);
        if (hash)
            users.users_.push_back({std::string(name), *std::move(hash)});
        else
            complain(colon + 1,
                     std::string(hash.error()) + "; `causeway mqtt passwd` writes such lines");
    }
    if (!mistakes.empty()) return std::unexpected(std::move(mistakes));
    std::ranges::sort(users.users_, {}, &User::name);
    return users;
}

const MqttUsers::User* MqttUsers::find(std::string_view user) const {
    const auto at = std::ranges::lower_bound(
        users_, user, {}, [](const User& one) { return std::string_view(one.name); });
    return at != users_.end() && at->name == user ? &*at : nullptr;
}

bool MqttUsers::verify(std::string_view user, Bytes password) const {
    if (users_.empty()) return false;
    // For a name that nobody has, the work is done with the hash of somebody whom the name chooses:
    // it takes as long as some user's does, and always that user's.
    const auto chance = crypto::hmac_sha256(decoy_key_, as_octets(user));
    const User* const found = find(user);
    ByteReader in(chance);
    const User& one = found != nullptr ? *found : users_[in.be64() % users_.size()];
    const bool right =
        std::visit([&](const auto& secret) { return secret.verify(password); }, one.secret);
    return right && found != nullptr;
}

std::expected<MqttUsers::Scram, ScramFault> MqttUsers::scram_start(std::string_view client_first,
                                                                   std::string nonce) const {
    Scram scram{crypto::ScramServer(std::move(nonce)), {}, false, {}};
    auto user = scram.server.start(client_first);
    if (!user) return std::unexpected(user.error());
    scram.user = *std::move(user);
    const User* const found = find(scram.user);
    const auto* const verifier =
        found != nullptr ? std::get_if<crypto::ScramVerifier>(&found->secret) : nullptr;
    scram.known = verifier != nullptr;
    if (verifier != nullptr) {
        scram.challenge = scram.server.challenge(*verifier);
        return scram;
    }
    // The same salt each time that it is asked for, as a user has; no password fits the keys.
    crypto::ScramVerifier decoy;
    decoy.iterations = decoy_iterations_;
    const auto salt = crypto::hmac_sha256(decoy_key_, as_octets("salt " + scram.user));
    decoy.salt = to_octets(Bytes(salt).first(salt_of_decoys));
    decoy.stored_key = crypto::hmac_sha256(decoy_key_, as_octets("key " + scram.user));
    scram.challenge = scram.server.challenge(decoy);
    return scram;
}

std::expected<std::string, ScramFault> MqttUsers::scram_finish(Scram& scram,
                                                               std::string_view client_final) {
    auto last = scram.server.finish(client_final);
    if (last && !scram.known) return std::unexpected(ScramFault::wrong_proof);
    return last;
}

}  // namespace causeway::site
