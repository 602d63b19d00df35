#include "mqtt/properties.hpp"

#include "mqtt/packet.hpp"
#include "mqtt/text.hpp"
#include "mqtt/variable_int.hpp"

namespace causeway::mqtt {
namespace {

using Places = std::uint16_t;

constexpr Places at(std::same_as<PropertyPlace> auto... places) {
    return static_cast<Places>(((1u << static_cast<unsigned>(places)) | ...));
}

/// What the octets of a property say, beside their type.
enum class Rule : std::uint8_t { none, octets, topic, alias, not_zero, qos };

template <std::uint8_t Identifier, Places Allowed, Rule Value = Rule::none>
struct Known {
    static constexpr std::uint8_t id = Identifier;
    static constexpr Places places = Allowed;
    static constexpr Rule rule = Value;
};

/// All properties in the order of their identifiers [MQTT 5.0 §2.2.2.2 table 2-4], until one says
/// false.
template <class Self, class Each>
constexpr bool every(Self& p, Each&& each) {
    using enum PropertyPlace;
    constexpr Places message = at(publish, will);
    constexpr Places both_hellos = at(connect, connack);
    constexpr Places proof = at(connect, connack, auth);
    constexpr Places server = at(connack);
    constexpr Places reasoned =
        at(connack, puback, pubrec, pubrel, pubcomp, suback, unsuback, disconnect, auth);
    return each(Known<0x01, message>{}, p.payload_is_text) &&
           each(Known<0x02, message>{}, p.message_expiry_seconds) &&
           each(Known<0x03, message>{}, p.content_type) &&
           each(Known<0x08, message, Rule::topic>{}, p.response_topic) &&
           each(Known<0x09, message, Rule::octets>{}, p.correlation_data) &&
           each(Known<0x0b, at(publish, subscribe)>{}, p.subscription_identifiers) &&
           each(Known<0x11, at(connect, connack, disconnect)>{}, p.session_expiry_seconds) &&
           each(Known<0x12, server>{}, p.assigned_client_id) &&
           each(Known<0x13, server>{}, p.server_keep_alive_seconds) &&
           each(Known<0x15, proof>{}, p.authentication_method) &&
           each(Known<0x16, proof, Rule::octets>{}, p.authentication_data) &&
           each(Known<0x17, at(connect)>{}, p.request_problem_information) &&
           each(Known<0x18, at(will)>{}, p.will_delay_seconds) &&
           each(Known<0x19, at(connect)>{}, p.request_response_information) &&
           each(Known<0x1a, server>{}, p.response_information) &&
           each(Known<0x1c, at(connack, disconnect)>{}, p.server_reference) &&
           each(Known<0x1f, reasoned>{}, p.reason_string) &&
           each(Known<0x21, both_hellos, Rule::not_zero>{}, p.receive_maximum) &&
           each(Known<0x22, both_hellos>{}, p.topic_alias_maximum) &&
           each(Known<0x23, at(publish), Rule::alias>{}, p.topic_alias) &&
           each(Known<0x24, server, Rule::qos>{}, p.maximum_qos) &&
           each(Known<0x25, server>{}, p.retain_available) &&
           each(Known<0x26, Places{0xffff}>{}, p.user) &&
           each(Known<0x27, both_hellos, Rule::not_zero>{}, p.maximum_packet_octets) &&
           each(Known<0x28, server>{}, p.wildcard_subscription_available) &&
           each(Known<0x29, server>{}, p.subscription_identifier_available) &&
           each(Known<0x2a, server>{}, p.shared_subscription_available);
}

template <class T>
bool is_present(const std::optional<T>& property) noexcept {
    return property.has_value();
}
template <class T>
bool is_present(const std::vector<T>& property) noexcept {
    return !property.empty();
}

// ---- parse -------------------------------------------------------------------------------------

constexpr Refused malformed(std::string_view what) {
    return {Reason::malformed_packet, what};
}
constexpr Refused against_protocol(std::string_view what) {
    return {Reason::protocol_error, what};
}

constexpr Refused too_many() {
    return {Reason::quota_exceeded, "more properties than a packet may have"};
}

/// One property's value after another.
class ValueReader {
public:
    ValueReader(ByteReader& in, PropertyPlace place) : in_(in), place_(place) {}

    std::optional<Refused> refused;

    template <class Known, class T>
    void read(Known known, std::optional<T>& property) {
        // "It is a Protocol Error to include ... more than once", for each of them.
        if (property) return refuse(against_protocol("a property stands there twice"));
        property = value(known, T{});
    }
    template <class Known>
    void read(Known, std::vector<UserProperty>& property) {
        // [MQTT-1.5.7-1]: both are texts. In one statement their order would be anybody's.
        const std::string_view name = text();
        const std::string_view said = text();
        if (property.size() == entries_max) return refuse(too_many());
        property.push_back({name, said});
    }
    template <class Known>
    void read(Known, std::vector<std::uint32_t>& property) {
        // Many on the way to a client; one in a SUBSCRIBE [MQTT 5.0 §3.8.2.1.2].
        if (place_ == PropertyPlace::subscribe && !property.empty()) {
            return refuse(against_protocol("a subscription identifier stands there twice"));
        }
        const std::uint32_t identifier = read_variable_int(in_);
        if (in_.ok() && identifier == 0) {
            return refuse(against_protocol("the subscription identifier is zero"));
        }
        if (property.size() == entries_max) return refuse(too_many());
        property.push_back(identifier);
    }

private:
    void refuse(const Refused& why) {
        if (!refused && in_.ok()) refused = why;
        in_.fail(Fault::bad_value);
    }
    template <class Known>
    bool value(Known, bool) {
        const std::uint8_t octet = in_.u8();
        if (octet > 1) refuse(against_protocol("a property is neither 0 nor 1"));
        return octet == 1;
    }
    template <class Known>
    std::uint8_t value(Known, std::uint8_t) {
        static_assert(Known::rule == Rule::qos);
        const std::uint8_t qos = in_.u8();
        if (qos > 1) refuse(against_protocol("the maximum QoS is neither 0 nor 1"));
        return qos;
    }
    template <class Known>
    std::uint16_t value(Known, std::uint16_t) {
        return checked<Known>(in_.be16());
    }
    template <class Known>
    std::uint32_t value(Known, std::uint32_t) {
        return checked<Known>(in_.be32());
    }
    template <class Known, class T>
    T checked(T number) {
        if (Known::rule == Rule::not_zero && number == 0) {
            refuse(against_protocol("a property that must not be zero is zero"));
        }
        // [MQTT-3.3.2-8], and how to answer it [MQTT 5.0 §3.3.4].
        if (Known::rule == Rule::alias && number == 0) {
            refuse({Reason::topic_alias_invalid, "the topic alias is zero"});
        }
        return number;
    }
    template <class Known>
    std::string_view value(Known, std::string_view) {
        if constexpr (Known::rule == Rule::octets) return as_text(in_.take(in_.be16()));
        if constexpr (Known::rule == Rule::topic) return topic();
        return text();
    }
    std::string_view text() {
        const std::string_view said = as_text(in_.take(in_.be16()));
        if (!traits_of(said).well_formed) refuse(malformed("a property's text is no UTF-8"));
        return said;
    }
    std::string_view topic() {
        const std::string_view name = text();
        // [MQTT-3.3.2-14], and [MQTT-4.7.3-1]: it is to be the topic name of the answer.
        if (name.empty()) refuse({Reason::topic_name_invalid, "the response topic is empty"});
        if (traits_of(name).wildcard) {
            refuse({Reason::topic_name_invalid, "the response topic has a wildcard"});
        }
        return name;
    }

    ByteReader& in_;
    PropertyPlace place_;
};

std::optional<Refused> parse_one(ByteReader& in, PropertyPlace place, Properties& out) {
    const std::uint32_t id = read_variable_int(in);
    if (!in.ok()) return malformed("a property's identifier is no variable byte integer");
    bool found = false;
    ValueReader values(in, place);
    every(out, [&](auto known, auto& property) {
        if (known.id != id) return true;
        found = (known.places & at(place)) != 0;
        if (found) values.read(known, property);
        return false;
    });
    // "An Identifier which is not valid for its packet type" makes the packet malformed
    // [MQTT 5.0 §2.2.2.2].
    if (!found) return malformed("a property that has no place in this packet");
    if (values.refused) return values.refused;
    if (!in.ok()) return malformed("a property ends too early");
    return std::nullopt;
}

// ---- emit --------------------------------------------------------------------------------------

std::size_t size_of(bool) {
    return 1;
}
std::size_t size_of(std::uint8_t) {
    return 1;
}
std::size_t size_of(std::uint16_t) {
    return 2;
}
std::size_t size_of(std::uint32_t) {
    return 4;
}
std::size_t size_of(std::string_view text) {
    return 2 + text.size();
}
template <class T>
std::size_t sizes_of(const std::optional<T>& property) {
    return property ? 1 + size_of(*property) : 0;
}
std::size_t sizes_of(const std::vector<std::uint32_t>& property) {
    std::size_t size = 0;
    for (const std::uint32_t identifier : property) size += 1 + variable_int_size(identifier);
    return size;
}
std::size_t sizes_of(const std::vector<UserProperty>& property) {
    std::size_t size = 0;
    for (const UserProperty& user : property) size += 1 + size_of(user.name) + size_of(user.value);
    return size;
}

/// Without the length field.
std::size_t content_size(const Properties& properties) {
    std::size_t size = 0;
    every(properties, [&](auto, const auto& property) {
        size += sizes_of(property);
        return true;
    });
    return size;
}

void put(ByteWriter& out, bool value) {
    out.u8(value ? 1 : 0);
}
void put(ByteWriter& out, std::uint8_t value) {
    out.u8(value);
}
void put(ByteWriter& out, std::uint16_t value) {
    out.be16(value);
}
void put(ByteWriter& out, std::uint32_t value) {
    out.be32(value);
}
void put(ByteWriter& out, std::string_view text) {
    CAUSEWAY_ASSERT(text.size() <= 0xffff);
    out.be16(static_cast<std::uint16_t>(text.size()));
    out.put(as_octets(text));
}
template <class T>
void put_all(ByteWriter& out, std::uint8_t id, const std::optional<T>& property) {
    if (!property) return;
    out.u8(id);
    put(out, *property);
}
void put_all(ByteWriter& out, std::uint8_t id, const std::vector<std::uint32_t>& property) {
    for (const std::uint32_t identifier : property) {
        out.u8(id);
        write_variable_int(out, identifier);
    }
}
void put_all(ByteWriter& out, std::uint8_t id, const std::vector<UserProperty>& property) {
    for (const UserProperty& user : property) {
        out.u8(id);
        put(out, user.name);
        put(out, user.value);
    }
}

}  // namespace

std::optional<Refused> parse_properties(ByteReader& in, PropertyPlace place, Properties& out) {
    const std::uint32_t length = read_variable_int(in);
    if (!in.ok()) return malformed("the length of the properties is no variable byte integer");
    const Bytes content = in.take(length);
    if (!in.ok()) return malformed("the properties are longer than their packet");
    ByteReader inside(content);
    while (inside.more()) {
        if (auto refused = parse_one(inside, place, out)) return refused;
    }
    return std::nullopt;
}

bool fits(const Properties& properties, PropertyPlace place) noexcept {
    return every(properties, [&](auto known, const auto& property) {
        return (known.places & at(place)) != 0 || !is_present(property);
    });
}

bool is_empty(const Properties& properties) noexcept {
    return every(properties, [](auto, const auto& property) { return !is_present(property); });
}

std::size_t wire_size(const Properties& properties) {
    const std::size_t content = content_size(properties);
    CAUSEWAY_ASSERT(content <= variable_int_max);
    return variable_int_size(static_cast<std::uint32_t>(content)) + content;
}

void emit(const Properties& properties, ByteWriter& out) {
    const std::size_t content = content_size(properties);
    CAUSEWAY_ASSERT(content <= variable_int_max);
    // [MQTT-2.2.2-1]: none is said by a length of zero.
    write_variable_int(out, static_cast<std::uint32_t>(content));
    if (content == 0) return;
    every(properties, [&](auto known, const auto& property) {
        put_all(out, known.id, property);
        return true;
    });
}

}  // namespace causeway::mqtt
