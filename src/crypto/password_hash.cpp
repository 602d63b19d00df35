#include "crypto/password_hash.hpp"

#include "crypto/base64.hpp"
#include "crypto/digest.hpp"

#include <openssl/evp.h>

#include <charconv>
#include <optional>

namespace causeway::crypto {
namespace {

constexpr std::uint64_t memory_octets_max = std::uint64_t{256} << 20;
constexpr std::uint64_t scrypt_work_max = std::uint64_t{1} << 24;  // N r p; ours is 2^18
constexpr std::uint32_t iterations_max = 10'000'000;
constexpr std::size_t salt_octets_max = 256;
constexpr std::size_t hash_octets_min = 16;
constexpr std::size_t hash_octets_max = 128;
constexpr std::size_t scrypt_hash_octets = 32;

/// Up to the next `mark`, which is taken, too; nothing when there is none.
std::optional<std::string_view> take_until(std::string_view& rest, char mark) {
    const std::size_t end = rest.find(mark);
    if (end == rest.npos) return std::nullopt;
    const std::string_view taken = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    return taken;
}

std::optional<std::uint32_t> number(std::string_view text) {
    std::uint32_t value = 0;
    const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<std::uint32_t> named_number(std::string_view text, std::string_view name) {
    return text.starts_with(name) ? number(text.substr(name.size())) : std::nullopt;
}

/// "ln=15,r=8,p=1"
std::optional<ScryptCost> cost_from_text(std::string_view text) {
    const auto first = take_until(text, ',');
    const auto second = take_until(text, ',');
    if (!first || !second) return std::nullopt;
    const auto log2_n = named_number(*first, "ln=");
    const auto r = named_number(*second, "r=");
    const auto p = named_number(text, "p=");
    if (!log2_n || !r || !p) return std::nullopt;
    return ScryptCost{*log2_n, *r, *p};
}

}  // namespace

bool ScryptCost::is_bounded() const noexcept {
    if (log2_n < 1 || log2_n > 24 || r < 1 || r > 1024 || p < 1 || p > 1024) return false;
    const std::uint64_t n = std::uint64_t{1} << log2_n;
    return 128 * n * r <= memory_octets_max && 128 * std::uint64_t{p} * r <= memory_octets_max &&
           n * r * p <= scrypt_work_max;
}

Octets scrypt(Bytes password, Bytes salt, const ScryptCost& cost, std::size_t octets) {
    CAUSEWAY_ASSERT(cost.is_bounded());
    Octets out(octets);
    static constexpr char nothing = 0;
    const auto* const secret =
        password.empty() ? &nothing : reinterpret_cast<const char*>(password.data());
    CAUSEWAY_ASSERT(EVP_PBE_scrypt(secret, password.size(),
                                   reinterpret_cast<const unsigned char*>(salt.data()), salt.size(),
                                   std::uint64_t{1} << cost.log2_n, cost.r, cost.p,
                                   2 * memory_octets_max,
                                   reinterpret_cast<unsigned char*>(out.data()), octets) == 1);
    return out;
}

std::expected<PasswordHash, std::string_view> PasswordHash::parse(std::string_view text) {
    const auto wrong = [](std::string_view why) { return std::unexpected(why); };
    PasswordHash hash;
    std::string_view rest = text;
    if (!take_until(rest, '$') || !text.starts_with('$'))
        return wrong("not a password's hash: wanted $scrypt$, $7$ or $6$ in front");
    const auto kind = take_until(rest, '$');
    if (kind == "scrypt") {
        const auto cost = take_until(rest, '$');
        const auto understood = cost ? cost_from_text(*cost) : std::nullopt;
        if (!understood) return wrong("the cost of scrypt is written ln=15,r=8,p=1");
        if (!understood->is_bounded())
            return wrong("scrypt would take more than 256 MiB, or too long");
        hash.cost_ = *understood;
    } else if (kind == "7") {
        hash.kind_ = Kind::pbkdf2_sha512;
        const auto iterations = take_until(rest, '$');
        const auto understood = iterations ? number(*iterations) : std::nullopt;
        if (!understood || *understood < 1 || *understood > iterations_max)
            return wrong("the number of iterations is between 1 and 10000000");
        hash.iterations_ = *understood;
    } else if (kind == "6") {
        hash.kind_ = Kind::sha512;
    } else {
        return wrong("no such kind of hash: wanted $scrypt$, $7$ or $6$ in front");
    }
    const auto salt = take_until(rest, '$');
    auto salt_octets_read = salt ? from_base64(*salt) : std::nullopt;
    if (!salt_octets_read || salt_octets_read->empty() ||
        salt_octets_read->size() > salt_octets_max)
        return wrong("the salt is not base64 of 1 to 256 octets");
    auto hash_octets = from_base64(rest);
    if (!hash_octets) return wrong("the hash is not base64");
    const bool fits = hash.kind_ == Kind::scrypt ? hash_octets->size() >= hash_octets_min &&
                                                       hash_octets->size() <= hash_octets_max
                                                 : hash_octets->size() == sizeof(Sha512);
    if (!fits) return wrong("the hash is not of the size that its kind has");
    hash.salt_ = *std::move(salt_octets_read);
    hash.hash_ = *std::move(hash_octets);
    return hash;
}

PasswordHash PasswordHash::of(Bytes password, Bytes salt, const ScryptCost& cost) {
    PasswordHash hash;
    hash.cost_ = cost;
    hash.salt_ = to_octets(salt);
    hash.hash_ = scrypt(password, salt, cost, scrypt_hash_octets);
    return hash;
}

bool PasswordHash::verify(Bytes password) const {
    switch (kind_) {
        case Kind::scrypt:
            return equal_in_constant_time(scrypt(password, salt_, cost_, hash_.size()), hash_);
        case Kind::pbkdf2_sha512:
            return equal_in_constant_time(pbkdf2_sha512(password, salt_, iterations_), hash_);
        case Kind::sha512:
            return equal_in_constant_time(sha512(password, salt_), hash_);
    }
    return false;
}

std::string PasswordHash::text() const {
    if (kind_ == Kind::scrypt)
        return "$scrypt$ln=" + std::to_string(cost_.log2_n) + ",r=" + std::to_string(cost_.r) +
               ",p=" + std::to_string(cost_.p) + "$" + to_base64(salt_, Padding::without) + "$" +
               to_base64(hash_, Padding::without);
    const std::string front =
        kind_ == Kind::sha512 ? "$6$" : "$7$" + std::to_string(iterations_) + "$";
    return front + to_base64(salt_) + "$" + to_base64(hash_);
}

}  // namespace causeway::crypto
