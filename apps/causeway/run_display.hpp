#pragma once
// A run as a person sees it: the mesh forming and the broker at work, then what to type. Quiet
// where a program reads what we print.
#include "net/terminal.hpp"
#include "site/coap_service.hpp"
#include "site/gateway.hpp"
#include "site/mqtt_service.hpp"
#include "site/scada_service.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace causeway::cli {

class RunDisplay {
public:
    /// Any of them may be null; all are borrowed. `fd` is where lines go.
    RunDisplay(const site::Gateway* gateway, const site::CoapService* coap,
               const site::MqttService* mqtt, const site::ScadaService* scada, bool quiet, int fd);

    void opening(const std::string& name);
    void update();
    void clear() { live_.clear(); }
    /// A line of the log, with the time of day: always to standard error where `quiet`.
    void log(std::string_view line);

private:
    void say(const std::string& line);
    [[nodiscard]] std::string broker_line() const;
    [[nodiscard]] std::string scada_line() const;

    const site::Gateway* gateway_;
    const site::CoapService* coap_;
    const site::MqttService* mqtt_;
    const site::ScadaService* scada_;
    bool quiet_;
    net::LiveRegion live_;
    bool told_ = false;
};

}  // namespace causeway::cli
