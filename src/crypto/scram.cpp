#include "crypto/scram.hpp"

#include "crypto/base64.hpp"

#include <algorithm>
#include <charconv>

namespace causeway::crypto {
namespace {

constexpr std::string_view text_front = "$scram-sha-256$";
constexpr std::size_t server_salt_octets_max = 256;

/// Attributes "x=value", one after the other, as they must come [RFC 5802 §7].
class Attributes {
public:
    explicit Attributes(std::string_view message) : rest_(message) {}

    /// The value of the next one, if it is this.
    std::optional<std::string_view> take(char name) {
        if (done_ || rest_.size() < 2 || rest_[0] != name || rest_[1] != '=') return std::nullopt;
        const std::size_t end = std::min(rest_.find(','), rest_.size());
        const std::string_view value = rest_.substr(2, end - 2);
        done_ = end == rest_.size();
        rest_.remove_prefix(done_ ? end : end + 1);
        return value;
    }
    [[nodiscard]] std::string_view rest() const noexcept { return rest_; }
    [[nodiscard]] bool done() const noexcept { return done_; }
    /// Optional extensions are ignored [RFC 5802 §5.1]. True when all that is left are such.
    bool skip_extensions_before(char last) {
        while (!done_ && rest_.size() >= 2 && rest_[1] == '=' && rest_[0] != last)
            (void)take(rest_[0]);
        return !done_;
    }

private:
    std::string_view rest_;
    bool done_ = false;
};

bool is_nonce(std::string_view text) {
    return !text.empty() &&
           std::ranges::all_of(text, [](char c) { return c >= 0x21 && c <= 0x7e && c != ','; });
}

/// "=2C" and "=3D" stand for what would end or begin a value [RFC 5802 §5.1].
std::optional<std::string> name_from_text(std::string_view text) {
    std::string name;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '=') {
            name += text[i];
            continue;
        }
        const std::string_view code = text.substr(i, 3);
        if (code != "=2C" && code != "=3D") return std::nullopt;
        name += code == "=2C" ? ',' : '=';
        i += 2;
    }
    if (name.empty() || name.find('\0') != name.npos) return std::nullopt;
    return name;
}

std::string name_to_text(std::string_view name) {
    std::string text;
    for (const char c : name) {
        if (c == ',')
            text += "=2C";
        else if (c == '=')
            text += "=3D";
        else
            text += c;
    }
    return text;
}

std::optional<std::uint32_t> positive_number(std::string_view text) {
    std::uint32_t value = 0;
    const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc{} || stop != text.data() + text.size() || text.starts_with('0'))
        return std::nullopt;
    return value;
}

std::optional<Sha256> key_from_text(std::string_view text) {
    const auto octets = from_base64(text);
    if (!octets || octets->size() != sizeof(Sha256)) return std::nullopt;
    Sha256 key;
    std::ranges::copy(*octets, key.begin());
    return key;
}

Sha256 exclusive_or(const Sha256& a, const Sha256& b) {
    Sha256 both;
    for (std::size_t i = 0; i < both.size(); ++i) both[i] = a[i] ^ b[i];
    return both;
}

struct Keys {
    Sha256 client;
    Sha256 stored;
    Sha256 server;
};
/// [RFC 5802 §3]
Keys keys_of(Bytes password, Bytes salt, std::uint32_t iterations) {
    Sha256 salted = pbkdf2_sha256(password, salt, iterations);
    Keys keys;
    keys.client = hmac_sha256(salted, as_octets("Client Key"));
    keys.stored = sha256(keys.client);
    keys.server = hmac_sha256(salted, as_octets("Server Key"));
    wipe(salted);
    return keys;
}

}  // namespace

std::string_view name_of(ScramFault fault) noexcept {
    switch (fault) {
        case ScramFault::malformed:
            return "malformed message";
        case ScramFault::channel_binding:
            return "channel binding is not supported";
        case ScramFault::other_identity:
            return "acting for somebody else is not supported";
        case ScramFault::wrong_nonce:
            return "wrong nonce";
        case ScramFault::wrong_proof:
            return "wrong proof";
        case ScramFault::too_costly:
            return "too many iterations";
        case ScramFault::out_of_order:
            return "message out of order";
    }
    return "unknown fault";
}

ScramVerifier ScramVerifier::of(Bytes password, Bytes salt, std::uint32_t iterations) {
    const Keys keys = keys_of(password, salt, iterations);
    return {iterations, to_octets(salt), keys.stored, keys.server};
}

std::expected<ScramVerifier, std::string_view> ScramVerifier::parse(std::string_view text) {
    const auto wrong = [](std::string_view why) { return std::unexpected(why); };
    if (!text.starts_with(text_front)) return wrong("wanted $scram-sha-256$ in front");
    std::array<std::string_view, 4> parts;
    std::string_view rest = text.substr(text_front.size());
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const std::size_t end = rest.find('$');
        if ((end == rest.npos) != (i + 1 == parts.size()))
            return wrong("wanted $scram-sha-256$ITERATIONS$SALT$STOREDKEY$SERVERKEY");
        parts[i] = rest.substr(0, end);
        rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    }
    const auto iterations = positive_number(parts[0]);
    if (!iterations || *iterations < scram_iterations_min || *iterations > scram_iterations_max)
        return wrong("the number of iterations is between 4096 and 5000000");
    auto salt = from_base64(parts[1]);
    if (!salt || salt->empty() || salt->size() > server_salt_octets_max)
        return wrong("the salt is not base64 of 1 to 256 octets");
    const auto stored_key = key_from_text(parts[2]);
    const auto server_key = key_from_text(parts[3]);
    if (!stored_key || !server_key) return wrong("a key is not base64 of 32 octets");
    return ScramVerifier{*iterations, *std::move(salt), *stored_key, *server_key};
}

std::string ScramVerifier::text() const {
    return std::string(text_front) + std::to_string(iterations) + "$" + to_base64(salt) + "$" +
           to_base64(stored_key) + "$" + to_base64(server_key);
}

bool ScramVerifier::verify(Bytes password) const {
    return equal_in_constant_time(keys_of(password, salt, iterations).stored, stored_key);
}

std::expected<std::string, ScramFault> ScramServer::start(std::string_view client_first) {
    const auto wrong = [](ScramFault why) { return std::unexpected(why); };
    if (step_ != Step::start) return wrong(ScramFault::out_of_order);
    step_ = Step::over;
    if (client_first.size() > scram_message_octets_max) return wrong(ScramFault::malformed);
    // gs2-header: a flag about channel binding, an identity to act for, each with its comma.
    if (client_first.starts_with("p=")) return wrong(ScramFault::channel_binding);
    if (!client_first.starts_with("n,") && !client_first.starts_with("y,"))
        return wrong(ScramFault::malformed);
    const std::size_t end = client_first.find(',', 2);
    if (end == client_first.npos) return wrong(ScramFault::malformed);
    const std::string_view identity = client_first.substr(2, end - 2);
    gs2_header_ = client_first.substr(0, end + 1);
    client_first_bare_ = client_first.substr(end + 1);

    Attributes attributes(client_first_bare_);
    const auto user_text = attributes.take('n');  // `m=`, a demand that nobody knows, fails here
    const auto nonce = attributes.take('r');
    if (!user_text || !nonce || !is_nonce(*nonce)) return wrong(ScramFault::malformed);
    auto user = name_from_text(*user_text);
    if (!user) return wrong(ScramFault::malformed);
    if (!identity.empty() && identity != "a=" + std::string(*user_text))
        return wrong(ScramFault::other_identity);
    nonce_ = std::string(*nonce) + nonce_;
    step_ = Step::challenge;
    return *std::move(user);
}

std::string ScramServer::challenge(const ScramVerifier& verifier) {
    CAUSEWAY_ASSERT(step_ == Step::challenge);
    step_ = Step::finish;
    verifier_ = verifier;
    server_first_ = "r=" + nonce_ + ",s=" + to_base64(verifier.salt) +
                    ",i=" + std::to_string(verifier.iterations);
    return server_first_;
}

std::expected<std::string, ScramFault> ScramServer::finish(std::string_view client_final) {
    const auto wrong = [](ScramFault why) { return std::unexpected(why); };
    if (step_ != Step::finish) return wrong(ScramFault::out_of_order);
    step_ = Step::over;  // one try only
    if (client_final.size() > scram_message_octets_max) return wrong(ScramFault::malformed);
    Attributes attributes(client_final);
    const auto binding = attributes.take('c');
    const auto nonce = attributes.take('r');
    if (!binding || !nonce || !attributes.skip_extensions_before('p'))
        return wrong(ScramFault::malformed);
    // The comma in front of the proof does not belong to what is proved.
    const std::string_view unproved =
        client_final.substr(0, client_final.size() - attributes.rest().size() - 1);
    const auto proof_text = attributes.take('p');
    const auto proof = proof_text ? key_from_text(*proof_text) : std::nullopt;
    if (!proof || !attributes.done()) return wrong(ScramFault::malformed);
    // What the client said of channel binding in front must be what it says now [RFC 5802 §6].
    if (*binding != to_base64(as_octets(gs2_header_))) return wrong(ScramFault::channel_binding);
    if (*nonce != nonce_) return wrong(ScramFault::wrong_nonce);

    const std::string said = client_first_bare_ + "," + server_first_ + "," + std::string(unproved);
    const Sha256 signature = hmac_sha256(verifier_.stored_key, as_octets(said));
    const Sha256 client_key = exclusive_or(*proof, signature);
    if (!equal_in_constant_time(sha256(client_key), verifier_.stored_key))
        return wrong(ScramFault::wrong_proof);
    return "v=" + to_base64(hmac_sha256(verifier_.server_key, as_octets(said)));
}

ScramClient::ScramClient(std::string_view user, Bytes password, std::string nonce)
    : user_(name_to_text(user)), password_(to_octets(password)), nonce_(std::move(nonce)) {}

std::string ScramClient::first() const {
    return "n,,n=" + user_ + ",r=" + nonce_;
}

std::expected<std::string, ScramFault> ScramClient::answer(std::string_view server_first) {
    const auto wrong = [](ScramFault why) { return std::unexpected(why); };
    if (server_first.size() > scram_message_octets_max) return wrong(ScramFault::malformed);
    Attributes attributes(server_first);
    const auto nonce = attributes.take('r');
    const auto salt_text = attributes.take('s');
    const auto iterations_text = attributes.take('i');
    if (!nonce || !salt_text || !iterations_text || !is_nonce(*nonce))
        return wrong(ScramFault::malformed);
    // It must begin with ours, and have something of the server's [RFC 5802 §5.1].
    if (!nonce->starts_with(nonce_) || nonce->size() == nonce_.size())
        return wrong(ScramFault::wrong_nonce);
    const auto salt = from_base64(*salt_text);
    const auto iterations = positive_number(*iterations_text);
    if (!salt || salt->empty() || !iterations || *iterations < 1)
        return wrong(ScramFault::malformed);
    if (*iterations > scram_iterations_max) return wrong(ScramFault::too_costly);

    const Keys keys = keys_of(password_, *salt, *iterations);
    const std::string unproved = "c=biws,r=" + std::string(*nonce);  // base64 of "n,,"
    const std::string said =
        "n=" + user_ + ",r=" + nonce_ + "," + std::string(server_first) + "," + unproved;
    const Sha256 proof = exclusive_or(keys.client, hmac_sha256(keys.stored, as_octets(said)));
    server_signature_ = hmac_sha256(keys.server, as_octets(said));
    return unproved + ",p=" + to_base64(proof);
}

bool ScramClient::trusts(std::string_view server_final) const {
    Attributes attributes(server_final);
    const auto text = attributes.take('v');
    const auto signature = text ? key_from_text(*text) : std::nullopt;
    return signature && server_signature_ && equal_in_constant_time(*signature, *server_signature_);
}

}  // namespace causeway::crypto
