#pragma once
// A client of our own broker's, within this program, for the point table's face and driver.
#include "mqtt/client.hpp"
#include "net/host.hpp"
#include "site/mqtt_service.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace causeway::site {

class PointsMqttLink {
public:
    struct Events {
        std::function<void()> connected;  // and again after a loss; nothing is subscribed to then
        std::function<void()> lost;
        std::function<void(const mqtt::Publish&)> arrived;                  // borrowed for the call
        std::function<void(std::uint64_t ticket, mqtt::Reason)> published;  // ticket not 0
        std::function<void()> room;  // there may be some again
    };
    struct Parcel {
        std::string topic;
        std::string payload;
        mqtt::Qos qos = mqtt::Qos::at_least_once;
        bool retain = false;
        std::string content_type{};
        std::string correlation{};
        std::optional<std::uint32_t> expiry_seconds{};
        std::vector<std::pair<std::string, std::string>> user{};
    };

    PointsMqttLink(net::Io& io, MqttService& mqtt, MqttService::Log log, Events events);
    PointsMqttLink(const PointsMqttLink&) = delete;
    PointsMqttLink& operator=(const PointsMqttLink&) = delete;
    ~PointsMqttLink();

    void start();
    [[nodiscard]] bool connected() const noexcept { return connected_; }
    /// Whether the broker keeps up: more may be published.
    [[nodiscard]] bool has_room() const noexcept {
        return connected_ && !paused_ && under_way_ < under_way_max;
    }
    /// `ticket`, where it is not 0, comes back by `published`.
    void publish(std::uint64_t ticket, const Parcel& parcel);
    /// The filters are borrowed until the next connected event.
    void subscribe(std::span<const mqtt::Subscribe::Entry> entries);

private:
    static constexpr std::size_t under_way_max = 1'000;

    void open();
    void on_output(mqtt::client::Output output);

    MqttService& mqtt_;
    MqttService::Log log_;
    Events events_;
    std::optional<MqttService::LinkId> link_;
    bool connected_ = false;
    bool paused_ = false;
    std::size_t under_way_ = 0;
    mqtt::Qos qos_max_ = mqtt::Qos::exactly_once;  // as the broker says
    bool retains_ = true;
    mqtt::Client client_;
    net::Host<mqtt::Client, std::function<void(mqtt::client::Output)>> host_;
};

}  // namespace causeway::site
