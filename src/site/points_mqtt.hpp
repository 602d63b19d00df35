#pragma once
// The point table and MQTT [MQTT 5.0], both ways, through our own broker.
//
// The face: points appear as topics, retained, and take commands.
//
//   points/DEVICE/NAME          {"v":21.5,"u":"Cel","t":1700000000.123,"q":"good"}
//   points/DEVICE/NAME/set      a value, or {"v":true,"step":"direct","on_ms":500,"count":1}
//   points/DEVICE/NAME/outcome  {"outcome":"success","detail":0}
//
// "u" is there where the point has a unit, "t" (seconds since 1970) where a time is known, "clock"
// where that time is not our own ("device", "unsynchronised"), "state" where the value has a name.
// "q" is "good" or flags, as in "comm_lost,restart". Values that JSON has no number for are null.
// With `json` off a topic is the bare value, or its name, and MQTT 5 clients find quality and time
// in user properties "q" and "t".
// A command with a response topic [MQTT 5.0 §4.10] is answered there, with its correlation data,
// and its selections belong to that topic; any other, and one that names a topic of ours or of the
// broker's, is answered at .../outcome. An "id" in a command comes back with its outcome. Retained
// commands are not carried out again at a start.
//
// The driver: topics of other devices become points; commands are published to a topic at QoS 2,
// and have succeeded when somebody has subscribed to it and the broker has taken them. Leaves out:
// devices that answer commands by topics of their own.
#include "net/io.hpp"
#include "points/scaling.hpp"
#include "points/table.hpp"
#include "site/mqtt_service.hpp"
#include "site/point_hub.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace causeway::site {

/// A point that a topic feeds.
struct PointsMqttSource {
    points::Definition definition{};  // without its driver; writable: there is a command topic
    points::Scaling scaling{};
    std::string topic{};  // without wildcards
    /// Into the payload, which is JSON [RFC 6901]. Empty: the payload is the value, or an object
    /// as our own face makes them.
    std::string pointer{};
    std::string command_topic{};
    /// What is published there, the value where "{v}" stands, and of a pulse "{on_ms}" and
    /// "{count}". Empty: the value alone.
    std::string command_payload{};
    Duration stale_after{};  // silence so long is comm_lost; zero: never
};
struct PointsMqttDevice {
    std::string name{};
    /// "online" there, or {"state":"online"}: the device is; anything else: comm_lost. May be none.
    std::string availability{};
    std::vector<PointsMqttSource> points{};
};

struct PointsMqttFacePlan {
    std::string prefix = "points";
    std::vector<std::string> devices{};  // empty: all
    bool json = true;
    bool commands = true;
    bool retain = true;
    std::uint8_t qos = 1;             // of what it publishes
    std::size_t queue_max = 100'000;  // changes that wait for a broker that is slow
};

struct PointsMqttPlan {
    std::optional<PointsMqttFacePlan> face{PointsMqttFacePlan{}};
    std::vector<PointsMqttDevice> devices{};
};

class PointsMqtt {
public:
    struct Stats {
        std::uint64_t published = 0;  // changes, by the face
        std::uint64_t lost = 0;       // changes that its queue had no room for
        std::uint64_t commands = 0;   // that came, of which:
        std::uint64_t completed = 0;  //   the table has answered
        std::uint64_t refused = 0;    //   made no sense, or went to no point
        std::uint64_t under_way = 0;
        std::uint64_t messages = 0;    // for points of the driver's
        std::uint64_t unreadable = 0;  // of them, for one point each, were no value
        std::uint64_t stale = 0;       // points that fell silent
        std::uint64_t sent = 0;        // commands, by the driver

        template <class Named>
        void visit(Named&& named) const {
            named("published", published);
            named("lost", lost);
            named("commands", commands);
            named("completed", completed);
            named("refused", refused);
            named("under_way", under_way);
            named("messages", messages);
            named("unreadable", unreadable);
            named("stale", stale);
            named("sent", sent);
        }
        [[nodiscard]] bool balanced() const noexcept {
            return commands == completed + refused + under_way;
        }
    };

    /// Defines the points of its devices, whose names nobody else has; says nothing yet. `hub` and
    /// `mqtt` are borrowed.
    PointsMqtt(net::Io& io, PointsMqttPlan plan, PointHub& hub, MqttService& mqtt,
               MqttService::Log log);
    PointsMqtt(PointsMqtt&&) noexcept;
    PointsMqtt& operator=(PointsMqtt&&) noexcept;
    ~PointsMqtt();

    /// When all points are defined: connects to the broker, shows them and listens.
    void start();
    [[nodiscard]] const Stats& stats() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::site
