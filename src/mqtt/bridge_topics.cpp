#include "mqtt/bridge_topics.hpp"

#include "mqtt/topic.hpp"

#include <algorithm>

namespace causeway::mqtt {
namespace {

void add(std::vector<BridgeTopics::Filter>& filters, std::string filter, Qos qos) {
    const auto there = std::ranges::find(filters, filter, &BridgeTopics::Filter::filter);
    if (there == filters.end())
        filters.push_back({std::move(filter), qos});
    else
        there->qos = std::max(there->qos, qos);
}

bool is_prefix(std::string_view prefix) {
    return prefix.empty() || (is_utf8_text(prefix) && is_topic_name(prefix));
}

}  // namespace

BridgeTopics::BridgeTopics(const std::vector<BridgeTopic>& topics) {
    using enum BridgeTopic::Direction;
    for (const BridgeTopic& topic : topics) {
        const bool goes_out = topic.direction != in;
        const bool goes_in = topic.direction != out;
        const std::string here = topic.local_prefix + topic.filter;
        const std::string there = topic.remote_prefix + topic.filter;
        rules_.push_back({.prefix = {topic.local_prefix, topic.remote_prefix},
                          .whole = {here, there},
                          .bare = topic.filter.empty(),
                          .goes = {goes_out, goes_in}});
        if (goes_out) add(filters_[0], here, topic.qos);
        if (goes_in) add(filters_[1], there, topic.qos);
    }
}

bool BridgeTopics::rename(BridgeWay names, BridgeWay goes, std::string_view topic,
                          std::string& to) const {
    const auto from = static_cast<std::size_t>(names);
    for (const Rule& rule : rules_) {
        if (!rule.goes[static_cast<std::size_t>(goes)] || !topic.starts_with(rule.prefix[from]))
            continue;
        // The whole names are compared, so that `$` means in front what it means to a broker.
        const std::string_view rest = topic.substr(rule.prefix[from].size());
        if (rule.bare ? !rest.empty() : !matches(rule.whole[from], topic)) continue;
        const std::string& prefix = rule.prefix[1 - from];
        if (prefix.size() + rest.size() > topic_octets_max) return false;
        if (prefix.empty() && rest.empty()) return false;
        to.assign(prefix).append(rest);
        return true;
    }
    return false;
}

std::optional<std::string> mistake_in(const BridgeTopic& topic) {
    if (!is_prefix(topic.local_prefix) || !is_prefix(topic.remote_prefix))
        return "a prefix is a topic name without wildcards, or empty";
    if (topic.filter.empty()) {
        if (topic.local_prefix.empty() || topic.remote_prefix.empty())
            return "an empty filter needs both prefixes";
        return std::nullopt;
    }
    for (const std::string& prefix : {topic.local_prefix, topic.remote_prefix}) {
        const std::string whole = prefix + topic.filter;
        if (!is_utf8_text(whole) || !is_topic_filter(whole))
            return '"' + whole + "\" is no topic filter";
        if (shared_of(whole)) return std::string("a bridge cannot share a subscription");
    }
    return std::nullopt;
}

std::optional<std::string> mistake_in(const BridgeSettings& settings) {
    if (settings.name.empty() || !is_utf8_text(settings.name) ||
        settings.name.find_first_of("/+#") != std::string::npos || settings.name.size() > 1000)
        return "a bridge has a name, without / + and #";
    for (const BridgeTopic& topic : settings.topics)
        if (auto mistake = mistake_in(topic)) return mistake;
    if (settings.receive_maximum == 0 || settings.receive_maximum_v3 == 0)
        return "the receive maximum of a bridge is at least 1";
    if (settings.password && !settings.user_name && settings.remote_version != Version::v5)
        return "3.1.1 has no password without a user name";
    return std::nullopt;
}

}  // namespace causeway::mqtt
