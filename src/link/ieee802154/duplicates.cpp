#include "link/ieee802154/duplicates.hpp"

#include <algorithm>

namespace causeway::link::ieee802154 {

bool Duplicates::seen_before(Instant now, const Address& source, std::uint8_t sequence) {
    for (Last& last : last_) {
        if (last.source != source) continue;
        const bool again = last.sequence == sequence && now - last.at < expiry;
        last.sequence = sequence;
        last.at = now;
        return again;
    }
    if (last_.size() < sources_max_)
        last_.push_back({source, now, sequence});
    else if (!last_.empty())
        *std::ranges::min_element(last_, {}, &Last::at) = {source, now, sequence};
    return false;
}

}  // namespace causeway::link::ieee802154
