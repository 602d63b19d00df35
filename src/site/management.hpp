#pragma once
// The REST interface of a running site, and its metrics.
//
//     GET    /metrics                       Prometheus' text format
//     GET    /coap/stats                    every counter of the CoAP endpoint and its proxy
//     GET    /mqtt/clients?after=ID&max=N   connected and absent clients, sorted by client id
//     GET    /mqtt/clients/ID
//     DELETE /mqtt/clients/ID?session=true  closes its connection; ends its session, too
//     GET    /mqtt/stats                    every counter of the broker
//     POST   /mqtt/publish                  {"topic": "a", "payload": "b", "qos": 0, "retain": ..}
//     POST   /mqtt/reload                   what SIGHUP does; says what changed
//     GET    /points?device=NAME            every point, or a device's: value, unit, time, quality
//     GET    /points/DEVICE/NAME
//     GET    /scada/stats                   every counter of drivers, faces and tunnels
//
// A token, where the site file names one, is borne by every request: Authorization: Bearer TOKEN.
#include "net/io.hpp"
#include "net/trouble.hpp"
#include "site/coap_service.hpp"
#include "site/mqtt_service.hpp"
#include "site/scada_service.hpp"

#include <memory>
#include <string>

namespace causeway::site {

class ManagementService {
public:
    /// Borrowed, and may be null: then their paths do not answer.
    struct Services {
        MqttService* mqtt = nullptr;
        const CoapService* coap = nullptr;
        const ScadaService* scada = nullptr;
    };
    [[nodiscard]] static net::Opened<ManagementService> open(net::Io& io, const Management& site,
                                                             Services services);
    ManagementService(ManagementService&&) noexcept;
    ManagementService& operator=(ManagementService&&) noexcept;
    ~ManagementService();

    [[nodiscard]] std::string listening_on() const;

private:
    struct State;
    explicit ManagementService(std::unique_ptr<State> state) noexcept;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::site
