#include "net/psk_file.hpp"

#include "base/hex.hpp"

#include <cerrno>
#include <fstream>
#include <utility>

namespace causeway::net {
namespace {

constexpr std::size_t psk_lines_max = 100'000;
constexpr std::size_t psk_octets_min = 8;  // fewer can be guessed
constexpr std::size_t psk_octets_max = 64;
constexpr std::size_t psk_identity_max = 256;

}  // namespace

Opened<PskTable> read_psk_file(const std::string& file) {
    std::ifstream in(file);
    if (!in) {
        const int error = errno;
        return std::unexpected(
            Trouble{"cannot read the PSK file " + file + ": " + reason_of(error), {}});
    }
    PskTable keys;
    std::string line;
    for (std::size_t number = 1; std::getline(in, line); ++number) {
        if (line.ends_with('\r')) line.pop_back();
        if (line.empty() || line.starts_with('#')) continue;
        const auto bad = [&](const std::string& why) {
            return std::unexpected(Trouble{file + ":" + std::to_string(number) + ": " + why, {}});
        };
        const std::size_t colon = line.rfind(':');
        if (colon == std::string::npos || colon == 0) return bad("want IDENTITY:HEXKEY");
        if (colon > psk_identity_max) return bad("the identity is too long");
        auto key = from_hex(std::string_view(line).substr(colon + 1));
        if (!key) return bad("the key is not hexadecimal");
        if (key->size() < psk_octets_min || key->size() > psk_octets_max)
            return bad("the key has " + std::to_string(key->size()) + " octets, 8 to 64 will do");
        if (keys.size() >= psk_lines_max) return bad("too many identities");
        if (!keys.emplace(line.substr(0, colon), std::move(*key)).second)
            return bad("the identity is there twice");
    }
    if (keys.empty())
        return std::unexpected(
            Trouble{"cannot use the PSK file " + file + ": it has no identities", {}});
    return keys;
}

}  // namespace causeway::net
