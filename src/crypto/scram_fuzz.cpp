#include "crypto/password_hash.hpp"
#include "crypto/scram.hpp"

#include <cstdlib>

// Three lines: what a server is told first and last, what a client is told; and hashes of files.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace causeway;
    using namespace causeway::crypto;
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    const auto take = [&rest] {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        return line;
    };
    ScramServer server("servernonce");
    const std::string_view first = take();
    const std::string_view last = take();
    ScramVerifier verifier;
    verifier.iterations = 4096;
    verifier.salt = to_octets(as_octets("salt"));
    verifier.stored_key.fill(std::byte{1});
    if (server.start(first)) {
        (void)server.challenge(verifier);
        if (server.finish(last)) std::abort();  // nobody knows what gives this key
    }
    const std::string_view challenge = take();
    // Some iterations are enough, and quick.
    if (challenge.find(",i=1") + 4 == challenge.size()) {
        ScramClient client("user", as_octets("pencil"), "nonce");
        (void)client.answer(challenge);
    }
    if (const auto hash = PasswordHash::parse(rest))
        if (PasswordHash::parse(hash->text())->text() != hash->text()) std::abort();
    if (const auto read = ScramVerifier::parse(rest))
        if (ScramVerifier::parse(read->text()) != *read) std::abort();
    return 0;
}
