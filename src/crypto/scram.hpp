#pragma once
// SCRAM-SHA-256, both sides, as steps: a message in, a message out [RFC 5802] [RFC 7677].
//
//   client                                   server
//   first()  -- n,,n=user,r=NONCE -------->  start(): who it is
//            <- r=NONCE+NONCE,s=SALT,i=N --  challenge(verifier)
//   answer() -- c=biws,r=...,p=PROOF ----->  finish()
//   trusts() <- v=SIGNATURE --------------
//
// Nonces are arguments; a new one each time, of nonce_octets or more, in base64.
//
// Leaves out: channel binding (SCRAM-SHA-256-PLUS; a client that insists is refused), acting for
// somebody else, and SASLprep [RFC 4013]: names and passwords are compared as their UTF-8 octets,
// which is what it makes of those in ASCII.
#include "base/bytes.hpp"
#include "crypto/digest.hpp"

#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace causeway::crypto {

inline constexpr std::string_view scram_name = "SCRAM-SHA-256";
inline constexpr std::size_t nonce_octets = 18;
inline constexpr std::uint32_t scram_iterations = 10'000;         // of new verifiers
inline constexpr std::uint32_t scram_iterations_min = 4096;       // [RFC 7677 §4]
inline constexpr std::uint32_t scram_iterations_max = 5'000'000;  // what a client does for a server
inline constexpr std::size_t scram_message_octets_max = 4096;

/// What a server keeps instead of a password: it proves nothing to other servers.
struct ScramVerifier {
    std::uint32_t iterations = 0;
    Octets salt;
    Sha256 stored_key{};
    Sha256 server_key{};

    [[nodiscard]] static ScramVerifier of(Bytes password, Bytes salt,
                                          std::uint32_t iterations = scram_iterations);
    /// "$scram-sha-256$ITERATIONS$SALT$STOREDKEY$SERVERKEY", the last three in base64; or what is
    /// wrong, in a static text.
    [[nodiscard]] static std::expected<ScramVerifier, std::string_view> parse(
        std::string_view text);
    [[nodiscard]] std::string text() const;
    /// A password in the clear, against the verifier. Slow on purpose.
    [[nodiscard]] bool verify(Bytes password) const;

    friend bool operator==(const ScramVerifier&, const ScramVerifier&) = default;
};

enum class ScramFault : std::uint8_t {
    malformed,
    channel_binding,  // the client insists on one
    other_identity,   // it wants to act for somebody else
    wrong_nonce,
    wrong_proof,  // the password; or, to a client, an impostor of a server
    too_costly,   // more iterations than the client is willing to do
    out_of_order,
};
[[nodiscard]] std::string_view name_of(ScramFault fault) noexcept;

class ScramServer {
public:
    /// `nonce`: this server's part of it; printable, no comma.
    explicit ScramServer(std::string nonce) : nonce_(std::move(nonce)) {}

    /// The client's first message; the user it names.
    [[nodiscard]] std::expected<std::string, ScramFault> start(std::string_view client_first);
    /// The server's first message. A user that does not exist gets a made-up verifier.
    [[nodiscard]] std::string challenge(const ScramVerifier& verifier);
    /// The client's last message; the server's last, when the client has proved itself.
    [[nodiscard]] std::expected<std::string, ScramFault> finish(std::string_view client_final);

private:
    enum class Step : std::uint8_t { start, challenge, finish, over };

    Step step_ = Step::start;
    std::string nonce_;  // later the whole of it
    std::string gs2_header_;
    std::string client_first_bare_;
    std::string server_first_;
    ScramVerifier verifier_;
};

class ScramClient {
public:
    ScramClient(std::string_view user, Bytes password, std::string nonce);

    [[nodiscard]] std::string first() const;
    /// The server's first message; the client's last.
    [[nodiscard]] std::expected<std::string, ScramFault> answer(std::string_view server_first);
    /// The server's last message: it knew the verifier, too.
    [[nodiscard]] bool trusts(std::string_view server_final) const;

private:
    std::string user_;
    Octets password_;
    std::string nonce_;
    std::optional<Sha256> server_signature_;
};

}  // namespace causeway::crypto
