#pragma once
// The MQTT-SN gateway at work: between UDP, the simulated mesh and the broker.
#include "ip/address.hpp"
#include "mqtt/sn/gateway.hpp"
#include "net/io.hpp"
#include "net/trouble.hpp"
#include "site/mqtt_service.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace causeway::site {

class MqttSnService {
public:
    /// A way to the nodes of a mesh in this program, beside the UDP socket: a datagram to a node's
    /// address and port.
    using ToMesh = std::function<void(const ip::Address& to, std::uint16_t port, Bytes octets)>;

    /// `mqtt` is borrowed.
    [[nodiscard]] static net::Opened<MqttSnService> open(net::Io& io, const MqttSn& site,
                                                         MqttService& mqtt, MqttService::Log log);
    MqttSnService(MqttSnService&&) noexcept;
    MqttSnService& operator=(MqttSnService&&) noexcept;
    ~MqttSnService();

    /// Nodes are those whose addresses are in `prefix`.
    void reach_mesh(const ip::Prefix& prefix, ToMesh to_mesh);
    void from_mesh(const ip::Address& from, std::uint16_t port, Bytes octets);

    [[nodiscard]] std::string listening_on() const;
    [[nodiscard]] const mqtt::sn::Gateway& gateway() const noexcept;
    /// Clients are told.
    void shut_down();

private:
    struct State;
    explicit MqttSnService(std::unique_ptr<State> state) noexcept;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::site
