#pragma once
// OSCORE contexts whose state is kept: what a message depends on is written down before the message
// can leave, and where it cannot be, the message is not protected at all. A number that no record
// covers could come twice after a crash. [RFC 8613 §7.5]
#include "secure/oscore.hpp"

#include <functional>
#include <string>

namespace causeway::site {

class KeptOscore final : public coap::Protection {
public:
    /// Durable when it returns true. The name is the context's.
    using Keep = std::function<bool(const std::string& name, Bytes state)>;

    KeptOscore(const secure::OscoreSettings& settings, Random random, Keep keep);
    ~KeptOscore() override;
    KeptOscore(const KeptOscore&) = delete;
    KeptOscore& operator=(const KeptOscore&) = delete;

    /// `state` is the last that was kept under that name, or null. The error is for a person.
    [[nodiscard]] std::expected<std::uint32_t, std::string> add(secure::ContextConfig config,
                                                                const Octets* state);
    /// Keeps what a restart in good order wants to know. Nothing is protected or opened afterwards.
    void close();
    [[nodiscard]] const secure::Oscore& oscore() const noexcept { return oscore_; }

    std::optional<coap::Message> protect_request(Instant now, const coap::Peer& peer,
                                                 coap::Message message,
                                                 coap::Binding& binding) override;
    bool open_response(Instant now, const coap::Peer& peer, coap::Message& message,
                       const coap::Binding& binding) override;
    coap::Opened open_request(Instant now, const coap::Peer& outer,
                              coap::Message& message) override;
    std::optional<coap::Message> protect_response(Instant now, const coap::Peer& peer,
                                                  coap::Message message,
                                                  const coap::Binding& binding,
                                                  bool notification) override;

private:
    /// Whether all that has to be is durable.
    bool kept();

    secure::Oscore oscore_;
    Keep keep_;
    bool failing_ = false;
    bool closed_ = false;
};

/// Of the system's randomness.
[[nodiscard]] Random unpredictable();

}  // namespace causeway::site
