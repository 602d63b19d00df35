#include "mqtt/message.hpp"

#include <algorithm>
#include <functional>

namespace causeway::mqtt {
namespace {

bool travels(const Properties& p) noexcept {
    return p.payload_is_text || p.content_type || p.response_topic || p.correlation_data ||
           !p.user.empty();
}

/// [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18]
/// [MQTT-3.3.2-20]: what a server passes on unaltered, each text through `keep`.
template <class Keep>
std::unique_ptr<Properties> travelling(const Properties& from, Keep&& keep) {
    if (!travels(from)) return nullptr;
    auto kept = std::make_unique<Properties>();
    kept->payload_is_text = from.payload_is_text;
    if (from.content_type) kept->content_type = keep(*from.content_type);
    if (from.response_topic) kept->response_topic = keep(*from.response_topic);
    if (from.correlation_data) kept->correlation_data = keep(*from.correlation_data);
    kept->user.reserve(from.user.size());
    for (const UserProperty& user : from.user) {
        const std::string_view name = keep(user.name);
        kept->user.push_back({name, keep(user.value)});
    }
    return kept;
}

/// Octets of all that travels.
std::size_t octets_of(const Publish& publish) {
    std::size_t octets = publish.topic.size() + publish.payload.size();
    const Properties& p = publish.properties;
    octets += p.content_type.value_or("").size() + p.response_topic.value_or("").size() +
              p.correlation_data.value_or("").size();
    for (const UserProperty& user : p.user) octets += user.name.size() + user.value.size();
    return octets;
}

bool lies_in(const Octets& storage, std::string_view text) noexcept {
    const auto octets = as_octets(text);
    const std::less_equal<const std::byte*> not_behind;
    return text.empty() ||
           (not_behind(storage.data(), octets.data()) &&
            not_behind(octets.data() + octets.size(), storage.data() + storage.size()));
}

bool lies_in(const Octets& storage, const Publish& publish) noexcept {
    const Properties& p = publish.properties;
    const auto inside = [&](std::string_view text) { return lies_in(storage, text); };
    return inside(publish.topic) && inside(as_text(publish.payload)) &&
           inside(p.content_type.value_or("")) && inside(p.response_topic.value_or("")) &&
           inside(p.correlation_data.value_or("")) &&
           std::ranges::all_of(p.user, [&](const UserProperty& user) {
               return inside(user.name) && inside(user.value);
           });
}

}  // namespace

Message::Message(const Publish& publish, Instant expires_at)
    : expires_at_(expires_at), qos_(publish.qos), retain_(publish.retain) {
    copy(publish);
}

Message::Message(Octets storage, const Publish& publish, Instant expires_at)
    : expires_at_(expires_at), qos_(publish.qos), retain_(publish.retain) {
    if (!lies_in(storage, publish)) {
        copy(publish);
        return;
    }
    storage_ = std::move(storage);
    topic_ = publish.topic;
    payload_ = publish.payload;
    properties_ = travelling(publish.properties, [](std::string_view text) { return text; });
}

void Message::copy(const Publish& publish) {
    storage_.reserve(octets_of(publish));  // all of it at once: what is kept stays where it is
    const auto keep = [this](std::string_view text) {
        const std::size_t at = storage_.size();
        const Bytes octets = as_octets(text);
        storage_.insert(storage_.end(), octets.begin(), octets.end());
        return as_text(Bytes(storage_).subspan(at));
    };
    topic_ = keep(publish.topic);
    payload_ = as_octets(keep(as_text(publish.payload)));
    properties_ = travelling(publish.properties, keep);
}

Publish Message::publish() const {
    Publish out;
    out.qos = qos_;
    out.retain = retain_;
    out.topic = topic_;
    out.payload = payload_;
    if (properties_) out.properties = *properties_;
    return out;
}

std::size_t Message::footprint() const noexcept {
    std::size_t octets = sizeof *this + storage_.capacity();
    if (properties_) {
        octets += sizeof(Properties) + properties_->user.capacity() * sizeof(UserProperty);
    }
    return octets;
}

}  // namespace causeway::mqtt
