#pragma once
// The topics of one client: which id stands for which name, as both sides have agreed
// [MQTT-SN 1.2 §6.5, §6.7].
#include "mqtt/sn/packet.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace causeway::mqtt::sn {

class Topics {
public:
    struct Alias {
        TopicKind kind = TopicKind::normal;
        std::uint16_t id = topic_id_none;
        friend bool operator==(const Alias&, const Alias&) = default;
    };

    /// The id of `name`, a new one if it has none; nothing when there are `max` already.
    [[nodiscard]] std::optional<std::uint16_t> assign(std::string_view name, std::size_t max);
    /// The client knows the id of `name` now: it asked for it, or has acknowledged it.
    void known(std::string_view name);
    /// From now on `name` goes to the client under a pre-defined id, which it has shown to know.
    void use_predefined(std::string_view name, std::uint16_t id);
    /// The client does not know it after all.
    void unknown(std::uint16_t id);
    void forget(std::string_view name);
    void clear();

    /// How to say `name` to the client without asking it first; two octets are their own id.
    [[nodiscard]] std::optional<Alias> alias_of(std::string_view name) const;
    /// What a registered id stands for; empty when it stands for nothing.
    [[nodiscard]] std::string_view name_of(std::uint16_t id) const;
    [[nodiscard]] std::size_t size() const noexcept { return by_name_.size(); }

private:
    struct Entry {
        Alias alias;
        bool known = false;
    };
    std::map<std::string, Entry, std::less<>> by_name_;
    std::map<std::uint16_t, std::string_view> by_id_;  // registered ones; views of the keys above
    std::uint16_t last_ = topic_id_none;
};

}  // namespace causeway::mqtt::sn
