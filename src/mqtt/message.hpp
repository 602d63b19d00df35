#pragma once
// An application message as a broker keeps it: immutable, and shared by all whom it waits for.
#include "base/bytes.hpp"
#include "base/time.hpp"
#include "mqtt/packet.hpp"

#include <memory>
#include <string_view>

namespace causeway::mqtt {

/// A broker's number for a stored message; never given twice, not even after a restart.
enum class MessageKey : std::uint64_t {};

class Message {
public:
    /// Copies topic, payload and the properties that travel with a message [MQTT 5.0 §3.3.2.3]:
    /// payload format, content type, response topic, correlation data, user properties.
    Message(const Publish& publish, Instant expires_at);
    /// The same, but `storage` holds the packet that `publish` was parsed from: nothing is copied,
    /// unless something of `publish` lies elsewhere (a topic that an alias stood for).
    Message(Octets storage, const Publish& publish, Instant expires_at);
    Message(const Message&) = delete;
    Message& operator=(const Message&) = delete;

    [[nodiscard]] std::string_view topic() const noexcept { return topic_; }
    [[nodiscard]] Bytes payload() const noexcept { return payload_; }
    [[nodiscard]] Qos qos() const noexcept { return qos_; }  // as it was published
    [[nodiscard]] bool retain() const noexcept { return retain_; }
    [[nodiscard]] Instant expires_at() const noexcept { return expires_at_; }  // or `never`
    [[nodiscard]] const Properties* properties() const noexcept { return properties_.get(); }
    /// A PUBLISH of this message with its own properties, all of it borrowed from here: QoS and
    /// retain as it was published, neither DUP nor a packet identifier.
    [[nodiscard]] Publish publish() const;
    /// Octets that it holds in memory, itself included.
    [[nodiscard]] std::size_t footprint() const noexcept;

private:
    void copy(const Publish& publish);

    Octets storage_;
    std::string_view topic_;
    Bytes payload_;
    std::unique_ptr<const Properties> properties_;  // null when it has none
    Instant expires_at_;
    Qos qos_;
    bool retain_;
};

using MessageRef = std::shared_ptr<const Message>;

}  // namespace causeway::mqtt
