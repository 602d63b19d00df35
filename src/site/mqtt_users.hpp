#pragma once
// The users of the MQTT broker, as a password file says: one a line, `user:hash`; lines that begin
// with `#` and empty ones say nothing. A hash is of scrypt, of mosquitto's kinds ($7$, $6$), or a
// verifier for SCRAM-SHA-256, which serves for both ways to log in (crypto/password_hash.hpp,
// crypto/scram.hpp).
//
// It never changes: another file makes another one. All of it may be called from any thread; what
// is slow says so, and belongs on a worker's.
//
// Who asks does not learn from the answer's time, nor from a challenge, whether a user exists.
#include "base/bytes.hpp"
#include "crypto/password_hash.hpp"
#include "crypto/scram.hpp"

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace causeway::site {

struct MqttUsersMistake {
    std::size_t line;    // from 1
    std::size_t column;  // characters, from 1
    std::string what;
    friend bool operator==(const MqttUsersMistake&, const MqttUsersMistake&) = default;
};

class MqttUsers {
public:
    /// All mistakes at once.
    [[nodiscard]] static std::expected<MqttUsers, std::vector<MqttUsersMistake>> load(
        std::string_view text);

    [[nodiscard]] std::size_t size() const noexcept { return users_.size(); }
    [[nodiscard]] bool contains(std::string_view user) const { return find(user) != nullptr; }

    /// User name and password. Slow: up to a second or so, and 32 MiB or more.
    [[nodiscard]] bool verify(std::string_view user, Bytes password) const;

    /// One log-in by SCRAM-SHA-256, between its two messages.
    struct Scram {
        crypto::ScramServer server;
        std::string user;       // as the client claims
        bool known = false;     // a verifier of that user was challenged
        std::string challenge;  // the server's first message, for the client
    };
    /// The client's first message; a `nonce` of crypto::nonce_octets of chance in base64. Quick.
    [[nodiscard]] std::expected<Scram, crypto::ScramFault> scram_start(
        std::string_view client_first, std::string nonce) const;
    /// The client's last message; the server's last, when it is scram.user. Quick, and once only.
    [[nodiscard]] static std::expected<std::string, crypto::ScramFault> scram_finish(
        Scram& scram, std::string_view client_final);

private:
    using Secret = std::variant<crypto::PasswordHash, crypto::ScramVerifier>;
    struct User {
        std::string name;
        Secret secret;
    };

    [[nodiscard]] const User* find(std::string_view user) const;

    std::vector<User> users_;     // sorted by name
    crypto::Sha256 decoy_key_{};  // what is made up depends on it and on the name
    std::uint32_t decoy_iterations_ = crypto::scram_iterations;
};

}  // namespace causeway::site
