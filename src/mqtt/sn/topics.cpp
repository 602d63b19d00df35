#include "mqtt/sn/topics.hpp"

namespace causeway::mqtt::sn {

std::optional<std::uint16_t> Topics::assign(std::string_view name, std::size_t max) {
    const auto found = by_name_.find(name);
    if (found != by_name_.end() && found->second.alias.kind == TopicKind::normal)
        return found->second.alias.id;
    if (by_id_.size() >= max || by_id_.size() >= topic_id_reserved - 1u) return std::nullopt;
    do {
        ++last_;
    } while (last_ == topic_id_none || last_ == topic_id_reserved || by_id_.contains(last_));
    const auto at = found != by_name_.end() ? found : by_name_.emplace(name, Entry{}).first;
    at->second = {.alias = {TopicKind::normal, last_}, .known = false};
    by_id_.emplace(last_, at->first);
    return last_;
}

void Topics::known(std::string_view name) {
    const auto found = by_name_.find(name);
    if (found != by_name_.end()) found->second.known = true;
}

void Topics::use_predefined(std::string_view name, std::uint16_t id) {
    const auto found = by_name_.find(name);
    if (found == by_name_.end())
        by_name_.emplace(name, Entry{{TopicKind::predefined, id}, true});
    else if (!found->second.known)
        forget(name), by_name_.emplace(name, Entry{{TopicKind::predefined, id}, true});
}

void Topics::unknown(std::uint16_t id) {
    const auto found = by_id_.find(id);
    if (found != by_id_.end()) by_name_.find(found->second)->second.known = false;
}

void Topics::forget(std::string_view name) {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) return;
    if (found->second.alias.kind == TopicKind::normal) by_id_.erase(found->second.alias.id);
    by_name_.erase(found);
}

void Topics::clear() {
    by_id_.clear();
    by_name_.clear();
}

std::optional<Topics::Alias> Topics::alias_of(std::string_view name) const {
    const auto found = by_name_.find(name);
    if (found != by_name_.end() && found->second.known) return found->second.alias;
    // [MQTT-SN 1.2 §6.7] No registration is needed for a short name.
    if (name.size() == 2) return Alias{TopicKind::short_name, short_topic_id(name)};
    return std::nullopt;
}

std::string_view Topics::name_of(std::uint16_t id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? std::string_view{} : found->second;
}

}  // namespace causeway::mqtt::sn
