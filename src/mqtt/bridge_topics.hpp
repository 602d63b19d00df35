#pragma once
// Which topics cross a bridge, and what they are called on the other side.
#include "mqtt/bridge_settings.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace causeway::mqtt {

enum class BridgeWay : std::uint8_t { out, in };  // from here to there, from there to here

class BridgeTopics {
public:
    explicit BridgeTopics(const std::vector<BridgeTopic>& topics);

    struct Filter {
        std::string filter;  // as the broker at the beginning of the way knows it
        Qos qos;
    };
    /// One for every topic of this way; the same filter once, with the highest QoS.
    [[nodiscard]] const std::vector<Filter>& filters(BridgeWay way) const noexcept {
        return filters_[static_cast<std::size_t>(way)];
    }
    /// What the other side calls `topic`, into `to`. False: it does not cross, or gets too long.
    [[nodiscard]] bool translate(BridgeWay way, std::string_view topic, std::string& to) const {
        return rename(way, way, topic, to);
    }
    /// The same for a response topic in a message of this way: what is published there has to come
    /// back.
    [[nodiscard]] bool translate_response(BridgeWay way, std::string_view topic,
                                          std::string& to) const {
        return rename(way, way == BridgeWay::out ? BridgeWay::in : BridgeWay::out, topic, to);
    }

private:
    [[nodiscard]] bool rename(BridgeWay names, BridgeWay goes, std::string_view topic,
                              std::string& to) const;

    struct Rule {
        std::string prefix[2];  // by the way at whose beginning it stands
        std::string whole[2];   // the same and the filter
        bool bare;              // there is no filter: the topic is the prefix
        bool goes[2];
    };
    std::vector<Rule> rules_;
    std::vector<Filter> filters_[2];
};

}  // namespace causeway::mqtt
