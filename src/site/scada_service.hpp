#pragma once
// Everything of [scada] at work: the point table, the drivers that fill it, the faces that show it,
// serial tunnels, and simulated field devices. Everything happens on the Io's thread.
#include "net/io.hpp"
#include "net/trouble.hpp"
#include "points/table.hpp"
#include "site/coap_service.hpp"
#include "site/mqtt_service.hpp"
#include "site/site.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace causeway::site {

class ScadaService {
public:
    /// One line each, for a person.
    using Log = std::function<void(std::string_view line)>;

    struct Options {
        MqttService* mqtt = nullptr;  // borrowed; null: there is no broker
        CoapService* coap = nullptr;
        Log log;
    };

    /// `site.scada` is there. Nothing stays open when one thing fails; a device that is not there
    /// is no failure.
    [[nodiscard]] static net::Opened<ScadaService> open(net::Io& io, const Site& site,
                                                        Options options);
    ScadaService(ScadaService&&) noexcept;
    ScadaService& operator=(ScadaService&&) noexcept;
    ~ScadaService();

    /// "Modbus server on 127.0.0.1:502", one for each role on a line.
    [[nodiscard]] std::vector<std::string> listening() const;
    [[nodiscard]] const points::Table& points() const noexcept;
    struct Devices {
        std::size_t all = 0;
        std::size_t up = 0;
    };
    [[nodiscard]] Devices devices() const;
    /// Every counter, as `named(group, name, value)`, those of alike roles added up.
    void visit(const std::function<void(std::string_view group, std::string_view name,
                                        std::uint64_t value)>& named) const;

private:
    struct State;
    explicit ScadaService(std::unique_ptr<State> state) noexcept;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::site
