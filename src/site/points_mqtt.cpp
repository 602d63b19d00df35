#include "site/points_mqtt.hpp"

#include "site/points_mqtt_driver.hpp"
#include "site/points_mqtt_face.hpp"
#include "site/points_mqtt_link.hpp"

namespace causeway::site {

struct PointsMqtt::State {
    State(net::Io& io, PointsMqttPlan plan, PointHub& hub, MqttService& mqtt,
          const MqttService::Log& log)
        : link(io, mqtt, log, events()),
          driver(io, std::move(plan.devices), hub, link, stats, log) {
        if (plan.face) face.emplace(*std::move(plan.face), hub, link, stats);
    }

    PointsMqttLink::Events events() {
        return {.connected =
                    [this] {
                        driver.connected();
                        if (face) face->connected();
                    },
                .lost = [this] { driver.lost(); },
                .arrived =
                    [this](const mqtt::Publish& publish) {
                        if (!face || !face->take(publish)) driver.take(publish);
                    },
                .published = [this](std::uint64_t ticket,
                                    mqtt::Reason reason) { driver.published(ticket, reason); },
                .room =
                    [this] {
                        if (face) face->carry();
                    }};
    }

    Stats stats;
    PointsMqttLink link;
    PointsMqttDriver driver;
    std::optional<PointsMqttFace> face;
};

PointsMqtt::PointsMqtt(net::Io& io, PointsMqttPlan plan, PointHub& hub, MqttService& mqtt,
                       MqttService::Log log)
    : state_(std::make_unique<State>(io, std::move(plan), hub, mqtt, log)) {}
PointsMqtt::PointsMqtt(PointsMqtt&&) noexcept = default;
PointsMqtt& PointsMqtt::operator=(PointsMqtt&&) noexcept = default;
PointsMqtt::~PointsMqtt() = default;

void PointsMqtt::start() {
    state_->driver.start();
    if (state_->face) state_->face->start();
    state_->link.start();
}

const PointsMqtt::Stats& PointsMqtt::stats() const noexcept {
    return state_->stats;
}

}  // namespace causeway::site
