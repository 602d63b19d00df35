#pragma once
// Points as topics, and commands from topics. See points_mqtt.hpp.
#include "site/point_hub.hpp"
#include "site/points_mqtt.hpp"
#include "site/points_mqtt_link.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace causeway::site {

class PointsMqttFace {
public:
    PointsMqttFace(PointsMqttFacePlan plan, PointHub& hub, PointsMqttLink& link,
                   PointsMqtt::Stats& stats);

    /// All points are defined.
    void start();
    void connected();
    /// Publishes while there is something to say and room for it.
    void carry();
    /// False: it is no command for the face.
    bool take(const mqtt::Publish& publish);

private:
    /// Where an outcome goes.
    struct Reply {
        std::string topic;
        std::string correlation;
        std::string id;
    };

    [[nodiscard]] std::string topic_of(points::PointId point) const;
    [[nodiscard]] bool shows(const std::string& device) const;
    [[nodiscard]] bool is_own(std::string_view topic) const;
    void publish(points::PointId point, const points::Sample& sample);
    void command(const mqtt::Publish& publish, std::string_view path);
    void reply(const Reply& reply, points::Answer answer);
    void completed(const points::Table::Completed& completed);

    PointsMqttFacePlan plan_;
    PointHub& hub_;
    PointsMqttLink& link_;
    PointsMqtt::Stats& stats_;
    std::string filter_;
    std::vector<mqtt::Subscribe::Entry> entries_;
    std::vector<points::PointId> shown_;
    std::vector<bool> is_shown_;  // by point
    std::size_t greeted_ = 0;     // of shown_: those that were said to be unknown, if they are
    points::SubscriberId subscriber_{};
    points::RequesterId requester_{};
    std::uint64_t last_tag_ = 0;
    std::map<std::uint64_t, Reply> replies_;  // by tag
    std::shared_ptr<const char> alive_ = std::make_shared<const char>();
};

}  // namespace causeway::site
