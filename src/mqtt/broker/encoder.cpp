#include "mqtt/broker/encoder.hpp"

#include "mqtt/variable_int.hpp"

#include <algorithm>

namespace causeway::mqtt {
namespace {

bool has_own_properties(const Properties& p) {
    return p.payload_is_text || p.content_type || p.response_topic || p.correlation_data ||
           !p.user.empty();
}

}  // namespace

void PublishEncoder::begin(const Publish& publish, Instant expires_at, Instant now) {
    publish_ = &publish;
    expires_ = expires_at != never;
    expiry_seconds_ = 0;
    if (expires_) {
        // Received minus waited [MQTT-3.3.2-6]; a second that has begun still counts.
        const auto left = std::chrono::ceil<std::chrono::seconds>(expires_at - now).count();
        expiry_seconds_ = static_cast<std::uint32_t>(std::clamp<std::int64_t>(left, 0, UINT32_MAX));
    }
    own_made_ = false;
    topic_hash_ = 0;
    cached_ = {};
    cache_.clear();
    if (cache_.capacity() > 65'536) cache_ = Octets{};
}

std::uint64_t PublishEncoder::topic_hash() {
    if (topic_hash_ == 0) topic_hash_ = hash_(publish_->topic) | 1;
    return topic_hash_;
}

/// Passed on unaltered, user properties in their order [MQTT-3.3.2-4] [MQTT-3.3.2-15]
/// [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20].
void PublishEncoder::make_own_properties() {
    own_made_ = true;
    own_.clear();
    const Properties& from = publish_->properties;
    if (!has_own_properties(from)) return;
    Properties own;
    own.payload_is_text = from.payload_is_text;
    own.content_type = from.content_type;
    own.response_topic = from.response_topic;
    own.correlation_data = from.correlation_data;
    own.user = from.user;
    own_.resize(wire_size(own));
    ByteWriter out(own_);
    emit(own, out);
    const VariableInt length = decode_variable_int(own_);
    own_.erase(own_.begin(), own_.begin() + length.octets);
}

PublishEncoder::Sizes PublishEncoder::sizes_of(const Shape& shape) {
    Sizes sizes{};
    sizes.remaining = 2 + (shape.alias_known ? 0 : publish_->topic.size()) +
                      (shape.qos == Qos::at_most_once ? 0u : 2u) + publish_->payload.size();
    if (shape.version == Version::v5) {
        if (!own_made_) make_own_properties();
        sizes.properties = own_.size() + (expires_ ? 5u : 0u) + (shape.alias != 0 ? 3u : 0u);
        for (const std::uint32_t id : shape.identifiers)
            sizes.properties += 1 + variable_int_size(id);
        sizes.remaining +=
            variable_int_size(static_cast<std::uint32_t>(sizes.properties)) + sizes.properties;
    }
    sizes.whole = 1 +
                  variable_int_size(static_cast<std::uint32_t>(
                      std::min<std::size_t>(sizes.remaining, variable_int_max))) +
                  sizes.remaining;
    return sizes;
}

std::size_t PublishEncoder::size_of(const Shape& shape) {
    const Sizes sizes = sizes_of(shape);
    // An alias or identifiers may push a message over what a packet can say.
    return sizes.remaining > variable_int_max ? SIZE_MAX : sizes.whole;
}

void PublishEncoder::compose(const Shape& shape, const Sizes& sizes, bool with_payload,
                             Octets& out) {
    const std::size_t before = out.size();
    const std::size_t payload = publish_->payload.size();
    out.resize(before + sizes.whole - (with_payload ? 0 : payload));
    ByteWriter to(MutableBytes(out).subspan(before));
    const unsigned flags =
        (shape.dup ? 8u : 0u) | static_cast<unsigned>(shape.qos) << 1 | (shape.retain ? 1u : 0u);
    to.u8(static_cast<std::uint8_t>(0x30u | flags));
    write_variable_int(to, static_cast<std::uint32_t>(sizes.remaining));
    const std::string_view topic = shape.alias_known ? std::string_view{} : publish_->topic;
    to.be16(static_cast<std::uint16_t>(topic.size()));
    to.put(as_octets(topic));
    if (shape.qos != Qos::at_most_once) to.be16(shape.packet_id);
    if (shape.version == Version::v5) {
        write_variable_int(to, static_cast<std::uint32_t>(sizes.properties));
        if (expires_) {
            to.u8(0x02);
            to.be32(expiry_seconds_);
        }
        if (shape.alias != 0) {
            to.u8(0x23);
            to.be16(shape.alias);
        }
        for (const std::uint32_t id : shape.identifiers) {
            to.u8(0x0b);
            write_variable_int(to, id);
        }
        to.put(own_);
    }
    if (with_payload) to.put(publish_->payload);
}

void PublishEncoder::append(const Shape& shape, bool with_payload, Octets& out) {
    if (shape.dup || shape.alias != 0 || !shape.identifiers.empty() || !with_payload) {
        compose(shape, sizes_of(shape), with_payload, out);
        return;
    }
    const std::size_t which = (shape.version == Version::v5 ? 6u : 0u) +
                              static_cast<std::size_t>(shape.qos) * 2 + (shape.retain ? 1u : 0u);
    Cached& cached = cached_[which];
    if (cached.octets == 0) {
        cached.at = cache_.size();
        compose(shape, sizes_of(shape), true, cache_);
        cached.octets = cache_.size() - cached.at;
    }
    const std::size_t before = out.size();
    const auto from = cache_.begin() + static_cast<std::ptrdiff_t>(cached.at);
    out.insert(out.end(), from, from + static_cast<std::ptrdiff_t>(cached.octets));
    if (shape.qos == Qos::at_most_once) return;
    std::size_t at = before + 1;
    while (std::to_integer<unsigned>(out[at++]) >= 0x80) {
    }
    at += 2 + publish_->topic.size();
    out[at] = std::byte(shape.packet_id >> 8);
    out[at + 1] = std::byte(shape.packet_id & 0xff);
}

}  // namespace causeway::mqtt
