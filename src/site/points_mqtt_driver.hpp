#pragma once
// Points that topics feed, and commands to topics. See points_mqtt.hpp.
#include "base/deadlines.hpp"
#include "site/point_hub.hpp"
#include "site/points_mqtt.hpp"
#include "site/points_mqtt_link.hpp"

#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace causeway::site {

class PointsMqttDriver {
public:
    /// Defines the devices' points.
    PointsMqttDriver(net::Io& io, std::vector<PointsMqttDevice> devices, PointHub& hub,
                     PointsMqttLink& link, PointsMqtt::Stats& stats, const MqttService::Log& log);

    void start();
    void connected();
    void lost();
    void take(const mqtt::Publish& publish);
    void published(std::uint64_t ticket, mqtt::Reason reason);

private:
    struct Source {
        const PointsMqttSource* plan = nullptr;
        std::size_t device = 0;
        points::PointId point{};
    };
    /// Whom a topic concerns.
    struct Feed {
        std::vector<std::size_t> sources;
        std::vector<std::size_t> availability_of;  // devices
    };
    struct Device {
        PointsMqttDevice plan;
        bool offline = false;
    };

    void read(const Source& source, const mqtt::Publish& publish);
    [[nodiscard]] std::optional<points::Sample> sample_in(const Source& source,
                                                          std::string_view payload) const;
    void heard(std::size_t source);
    void fell_silent(std::size_t source);
    void arm();
    void execute(points::CommandId id, const points::Command& command);
    [[nodiscard]] static std::optional<std::string> payload_of(const PointsMqttSource& source,
                                                               const points::Command& command);

    PointHub& hub_;
    PointsMqttLink& link_;
    PointsMqtt::Stats& stats_;
    points::DriverId driver_{};
    std::vector<Device> devices_;
    std::vector<Source> sources_;
    std::map<points::PointId, std::size_t> by_point_;
    std::map<std::string, Feed, std::less<>> feeds_;
    std::vector<mqtt::Subscribe::Entry> entries_;
    Deadlines silences_;  // by source
    Instant armed_for_ = never;
    boost::asio::steady_timer timer_;
    std::shared_ptr<const char> alive_ = std::make_shared<const char>();
};

}  // namespace causeway::site
