#pragma once
// One look at a text for all that the codec asks of it: UTF-8 as MQTT wants it [MQTT 5.0 §1.5.4],
// and wildcards, which no topic name has [MQTT 5.0 §4.7.1]. ASCII is read eight octets at a time.
#include <string_view>

namespace causeway::mqtt {

struct TextTraits {
    bool well_formed;  // UTF-8 without surrogates and U+0000
    bool wildcard;     // a `+` or a `#` somewhere; of no meaning when it is not well formed
};
[[nodiscard]] TextTraits traits_of(std::string_view text) noexcept;

}  // namespace causeway::mqtt
