// A tree of subscriptions against a list of them that is asked one by one. An octet says what is
// done and how long the topic is that follows.
#include "base/assert.hpp"
#include "base/bytes.hpp"
#include "mqtt/broker/subscription_tree.hpp"
#include "mqtt/topic.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace causeway;
    using namespace causeway::mqtt;
    constexpr std::size_t most = 24;

    ByteReader in(Bytes(reinterpret_cast<const std::byte*>(data), size));
    SubscriptionTree tree(most, size);
    std::map<std::pair<std::string, std::uint32_t>, std::uint32_t> model;
    std::uint32_t step = 0;
    while (in.more()) {
        ++step;
        const std::uint8_t what = in.u8();
        const std::uint32_t subscriber = what >> 2 & 3;
        const std::string topic(as_text(in.take(std::min<std::size_t>(what >> 4, in.remaining()))));
        if ((what & 3) < 2) {
            if (!is_topic_filter(topic)) continue;
            const bool there = model.contains({topic, subscriber});
            const auto added = tree.add(topic, {SubscriberId(subscriber), {}, step});
            const auto expected = there                  ? SubscriptionTree::Added::replaced
                                  : model.size() == most ? SubscriptionTree::Added::refused_full
                                                         : SubscriptionTree::Added::added;
            CAUSEWAY_ASSERT(added == expected);
            if (added != SubscriptionTree::Added::refused_full) model[{topic, subscriber}] = step;
        } else if ((what & 3) == 2) {
            const bool removed = tree.remove(topic, SubscriberId(subscriber));
            CAUSEWAY_ASSERT(removed == (model.erase({topic, subscriber}) == 1));
        } else if (is_topic_name(topic)) {
            std::vector<std::uint32_t> found;
            const auto note = [&](const Subscription& s) { found.push_back(s.identifier); };
            tree.match(topic, note, [&](SharedGroup& group) { group.for_each(note); });
            std::vector<std::uint32_t> expected;
            for (const auto& [key, identifier] : model) {
                const auto shared = shared_of(key.first);
                if (matches(shared ? shared->filter : std::string_view(key.first), topic))
                    expected.push_back(identifier);
            }
            std::ranges::sort(found);
            std::ranges::sort(expected);
            CAUSEWAY_ASSERT(found == expected);
        }
        CAUSEWAY_ASSERT(tree.size() == model.size());
    }
    for (const auto& [key, identifier] : model)
        CAUSEWAY_ASSERT(tree.remove(key.first, SubscriberId(key.second)));
    CAUSEWAY_ASSERT(tree.nodes() == 0);
    return 0;
}
