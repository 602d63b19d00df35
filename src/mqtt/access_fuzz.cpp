#include "mqtt/access.hpp"
#include "mqtt/access_filter.hpp"
#include "mqtt/topic.hpp"

#include <cstdlib>

// Lines for user name, client id, topic name and topic filter; the rest is an access list.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace causeway::mqtt;
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    const auto take = [&rest] {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        return line;
    };
    const std::string_view user = take();
    const std::string_view client_id = take();
    const std::string_view name = take();
    const std::string_view filter = take();

    const auto rules = AccessRules::parse(rest);
    if (!rules) {
        for (const AccessMistake& mistake : rules.error())
            if (mistake.line == 0 || mistake.column == 0 || mistake.what.empty()) std::abort();
        return 0;
    }
    const bool may_read = is_topic_name(name) && rules->allows(user, client_id, Access::read, name);
    if (is_topic_filter(filter)) {
        const bool may_subscribe = rules->allows(user, client_id, Access::subscribe, filter);
        // What would be delivered can be subscribed to.
        if (may_read && matches(filter, name) && !may_subscribe) std::abort();
        if (is_topic_filter(name) && !name.starts_with("$share/") &&
            !filter.starts_with("$share/")) {
            const auto common = access::intersection(name, filter);
            if (common && !is_topic_filter(*common)) std::abort();
            if (is_topic_name(name) && common.has_value() != matches(filter, name)) std::abort();
        }
    }
    // A pattern fills to the same, whether it is built or walked.
    if (is_topic_filter(filter) && is_topic_name(name) && !filter.starts_with("$share/")) {
        for (const bool unfilled_matches : {false, true}) {
            const access::Fillings names{
                user.find_first_of("+#/") == user.npos ? user : std::string_view{},
                client_id.find_first_of("+#/") == client_id.npos ? client_id : std::string_view{},
                unfilled_matches};
            const auto filled = access::filled(filter, names);
            const bool built = filled && !filled->starts_with("$share/") && matches(*filled, name);
            const bool walked = access::matches_filled(filter, names, name);
            if (built != walked && !(filled && filled->starts_with("$share/"))) std::abort();
        }
    }
    return 0;
}
