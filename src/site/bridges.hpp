#pragma once
// The bridges of a site at work: each between a socket to another broker and a connection within
// this program to our own.
#include "net/io.hpp"
#include "net/trouble.hpp"
#include "site/mqtt_service.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace causeway::site {

class Bridges {
public:
    /// `mqtt` is borrowed.
    [[nodiscard]] static net::Opened<Bridges> open(net::Io& io, const Mqtt& site, MqttService& mqtt,
                                                   MqttService::Log log);
    Bridges(Bridges&&) noexcept;
    Bridges& operator=(Bridges&&) noexcept;
    ~Bridges();

    struct Report {
        std::string name;
        bool connected = false;
    };
    [[nodiscard]] std::vector<Report> reports() const;
    /// Both ends are told.
    void shut_down();

private:
    struct State;
    explicit Bridges(std::unique_ptr<State> state) noexcept;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::site
