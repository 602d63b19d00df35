#pragma once
// A message on its way through a broker, and what it means for one subscriber. It becomes a
// Message, which can be kept, only when somebody keeps it.
#include "mqtt/framer.hpp"
#include "mqtt/message.hpp"

#include <span>

namespace causeway::mqtt {

struct Offer {
    const Publish& publish;
    Instant expires_at = never;
    MessageRef message;        // once it is kept
    MessageKey key{};          // once it is stored
    Framer* framer = nullptr;  // that holds the packet, so that it need not be copied
    bool counted = true;       // is traffic of clients
    bool here = false;         // of this program itself: never refused, never journalled for $SYS

    const MessageRef& kept() {
        if (message != nullptr) return message;
        Octets storage = framer == nullptr ? Octets{} : framer->take_storage();
        message = storage.empty()
                      ? std::make_shared<const Message>(publish, expires_at)
                      : std::make_shared<const Message>(std::move(storage), publish, expires_at);
        return message;
    }
};

/// How one subscriber gets it.
struct Terms {
    Qos qos = Qos::at_most_once;
    bool retain = false;
    bool shared = false;
    bool burst = false;
    std::span<const std::uint32_t> identifiers = {};
};

/// One that a message will go to, however many of its filters match.
struct Target {
    std::uint32_t session;
    std::uint32_t identifier;  // the first; 0: none
    Qos qos;
    bool retain_as_published;
    bool shared;
    bool more;  // identifiers
};

}  // namespace causeway::mqtt
