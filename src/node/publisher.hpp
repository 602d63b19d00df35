#pragma once
// A node's readings on their way to an MQTT-SN gateway [MQTT-SN 1.2]: a client that is made when
// the node first knows where the gateway is, and connected ever after.
#include "base/random.hpp"
#include "base/tap.hpp"
#include "mqtt/sn/client.hpp"
#include "node/node.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace causeway::node {

class Publisher {
public:
    /// `config` outlives it, and has mqtt_sn.
    Publisher(const Config& config, Random random, Teller teller);

    /// The mesh carries packets, and this is its root.
    void reachable(Instant now, const ip::Address& root);
    /// False when the reading was dropped: nobody to send it to yet, or too many wait. `id` is its
    /// message id and not 0.
    [[nodiscard]] bool publish(Instant now, std::uint16_t id, std::string_view sensor,
                               std::string value);
    void received(Instant now, const ip::Address& peer, std::uint16_t port, Bytes payload);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<mqtt::sn::SendDatagram> poll_output() { return out_.poll(); }
    [[nodiscard]] Instant next_deadline() const noexcept {
        return client_ ? client_->next_deadline() : never;
    }

private:
    /// What the client says of reading `id`; the others need no answer here.
    bool carry(std::uint16_t id = 0);

    const MqttSn& settings_;
    std::string name_;
    Random random_;
    Teller teller_;
    ip::Address gateway_;
    std::optional<mqtt::sn::Client> client_;
    Outbox<mqtt::sn::SendDatagram> out_;
};

}  // namespace causeway::node
