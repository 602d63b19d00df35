#include "site/kept_oscore.hpp"

#include "crypto/entropy.hpp"

namespace causeway::site {

using coap::Message;
using coap::Peer;

Random unpredictable() {
    std::array<std::byte, 8> seed{};
    const bool filled = crypto::system_random(seed);
    CAUSEWAY_ASSERT(filled);
    return Random(ByteReader(seed).be64());
}

KeptOscore::KeptOscore(const secure::OscoreSettings& settings, Random random, Keep keep)
    : oscore_(settings, random), keep_(std::move(keep)) {}

KeptOscore::~KeptOscore() {
    close();
}

std::expected<std::uint32_t, std::string> KeptOscore::add(secure::ContextConfig config,
                                                          const Octets* state) {
    if (state != nullptr) config.state = *state;
    auto added = oscore_.add(config);
    if (!added && added.error() == secure::ContextFault::bad_state) {
        // The keys under that name are others than before. That they are new ones is the word of
        // whoever wrote the file.
        config.state.clear();
        added = oscore_.add(std::move(config));
    }
    if (!added) return std::unexpected(std::string(secure::name_of(added.error())));
    if (!kept()) return std::unexpected("its sequence number cannot be kept");
    return *added;
}

void KeptOscore::close() {
    if (std::exchange(closed_, true)) return;
    oscore_.close();
    kept();
}

bool KeptOscore::kept() {
    while (const auto save = oscore_.poll_output())
        if (!keep_(save->name, save->state)) failing_ = true;
    return !failing_;
}

std::optional<Message> KeptOscore::protect_request(Instant now, const Peer& peer, Message message,
                                                   coap::Binding& binding) {
    auto sealed = oscore_.protect_request(now, peer, std::move(message), binding);
    return kept() ? std::move(sealed) : std::nullopt;
}

bool KeptOscore::open_response(Instant now, const Peer& peer, Message& message,
                               const coap::Binding& binding) {
    const bool good = oscore_.open_response(now, peer, message, binding);
    kept();
    return good;
}

coap::Opened KeptOscore::open_request(Instant now, const Peer& outer, Message& message) {
    coap::Opened opened = oscore_.open_request(now, outer, message);
    if (!kept() && opened.reply) opened.verdict = coap::Opened::Verdict::dropped;
    return opened;
}

std::optional<Message> KeptOscore::protect_response(Instant now, const Peer& peer, Message message,
                                                    const coap::Binding& binding,
                                                    bool notification) {
    auto sealed = oscore_.protect_response(now, peer, std::move(message), binding, notification);
    return kept() ? std::move(sealed) : std::nullopt;
}

}  // namespace causeway::site
