#include "mqtt/access.hpp"

#include "mqtt/access_filter.hpp"
#include "mqtt/topic.hpp"

#include <algorithm>

namespace causeway::mqtt {
namespace {

/// A name with a wildcard or a slash would reach beyond its own topics.
std::string_view filling(std::string_view name) {
    return name.find_first_of("+#/") == name.npos ? name : std::string_view{};
}

}  // namespace

struct AccessRules::Names {
    access::Fillings granting;
    access::Fillings denying;  // when in doubt, for everybody
};

bool AccessRules::allows(std::string_view user, std::string_view client_id, Access access,
                         std::string_view topic) const {
    if (!listed_) return true;
    static const std::vector<Rule> nothing;
    const std::vector<Rule>* own = &nothing;
    if (user.empty()) {
        own = &anonymous_;
    } else {
        const auto at = std::ranges::lower_bound(
            users_, user, {}, [](const Holder& holder) { return std::string_view(holder.user); });
        if (at != users_.end() && at->user == user) own = &at->rules;
    }
    const std::string_view user_filling = filling(user);
    const std::string_view client_filling = filling(client_id);
    const Names names{{user_filling, client_filling, false}, {user_filling, client_filling, true}};
    if (access != Access::subscribe)
        return allows_name(*own, names, access == Access::write, topic);
    if (const auto shared = shared_of(topic)) topic = shared->filter;
    return allows_filter(*own, names, topic);
}

bool AccessRules::allows_name(const std::vector<Rule>& own, const Names& names, bool writing,
                              std::string_view topic) const {
    bool allowed = false;
    for (const Rule& rule : own) {
        if (allowed && !rule.deny) continue;
        if (!rule.deny && !(writing ? rule.write : rule.read)) continue;
        if (!matches(rule.filter, topic)) continue;
        if (rule.deny) return false;
        allowed = true;
    }
    for (const Rule& rule : patterns_) {
        if (allowed && !rule.deny) continue;
        if (!rule.deny && !(writing ? rule.write : rule.read)) continue;
        const access::Fillings& fillings = rule.deny ? names.denying : names.granting;
        if (!access::matches_filled(rule.filter, fillings, topic)) continue;
        if (rule.deny) return false;
        allowed = true;
    }
    return allowed;
}

bool AccessRules::allows_filter(const std::vector<Rule>& own, const Names& names,
                                std::string_view filter) const {
    std::vector<std::string> patterns_denied;
    for (const Rule& rule : patterns_)
        if (rule.deny)
            if (auto filled = access::filled(rule.filter, names.denying))
                patterns_denied.push_back(*std::move(filled));
    // What a granting rule and the subscription have in common must not be denied as a whole.
    // Several deny lines may do so together: that is left to the deliveries.
    const auto grants = [&](std::string_view granted) {
        const auto common = access::intersection(granted, filter);
        if (!common) return false;
        const auto denied = [&](std::string_view deny) { return access::covers(deny, *common); };
        return std::ranges::none_of(patterns_denied, denied) &&
               std::ranges::none_of(
                   own, [&](const Rule& rule) { return rule.deny && denied(rule.filter); });
    };
    for (const Rule& rule : own)
        if (rule.read && !rule.deny && grants(rule.filter)) return true;
    for (const Rule& rule : patterns_) {
        if (!rule.read || rule.deny) continue;
        const auto filled = access::filled(rule.filter, names.granting);
        if (filled && grants(*filled)) return true;
    }
    return false;
}

}  // namespace causeway::mqtt
