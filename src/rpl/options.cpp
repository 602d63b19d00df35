#include "rpl/options.hpp"

#include "base/engine.hpp"

namespace causeway::rpl {

namespace {

/// A prefix whose octets are the rest of the option: "the number of bytes inferred from the Option
/// Length field, that must be at least the Prefix Length". Bits past the length are ignored.
ip::Prefix read_prefix(ByteReader& in, std::uint8_t length) noexcept {
    ip::Prefix prefix;
    if (length > 128) return in.fail(Fault::bad_value), prefix;
    prefix.length = length;
    const std::size_t whole = (length + 7u) / 8;
    in.read_into(MutableBytes(prefix.address.octets).first(whole));
    if (length % 8 != 0)
        prefix.address.octets[whole - 1] &= std::byte(0xff << (8 - length % 8) & 0xff);
    return prefix;
}

template <class T>
Result<T> finished(ByteReader& in, T value) {
    if (!in.ok()) return std::unexpected(in.error());
    (void)in.rest();
    return value;
}

/// One option's data as an option; `start` is where the data stands in the message.
template <class T>
Result<Option> boxed(ByteReader& data, std::size_t start) {
    Result<T> parsed = T::parse(data);
    if (parsed) return Option{std::move(*parsed)};
    const WireError& error = parsed.error();
    return std::unexpected(
        WireError{error.fault, static_cast<std::uint32_t>(start + error.offset)});
}

OptionType type_of(const Option& option) noexcept {
    return std::visit(
        Overloaded{
            [](const Padding& pad) { return pad.octets < 2 ? OptionType::pad1 : OptionType::padn; },
            [](const MetricContainer&) { return OptionType::metric_container; },
            [](const RouteInformation&) { return OptionType::route_information; },
            [](const Configuration&) { return OptionType::configuration; },
            [](const Target&) { return OptionType::target; },
            [](const Transit&) { return OptionType::transit; },
            [](const SolicitedInformation&) { return OptionType::solicited_information; },
            [](const PrefixInformation&) { return OptionType::prefix_information; },
            [](const TargetDescriptor&) { return OptionType::target_descriptor; },
            [](const UnknownOption& unknown) { return OptionType(unknown.type); },
        },
        option.data);
}

}  // namespace

Result<Padding> Padding::parse(ByteReader& in) {
    return Padding{.octets = static_cast<std::uint16_t>(2 + in.rest().size())};
}

Result<MetricContainer> MetricContainer::parse(ByteReader& in) {
    MetricContainer container;
    while (in.more()) {
        Result<MetricObject> object = MetricObject::parse(in);
        if (!object) return std::unexpected(object.error());
        container.objects.push_back(std::move(*object));
    }
    return container;
}

std::size_t MetricContainer::wire_size() const noexcept {
    std::size_t size = 0;
    for (const MetricObject& object : objects) size += object.wire_size();
    return size;
}

void MetricContainer::emit(ByteWriter& out) const {
    for (const MetricObject& object : objects) object.emit(out);
}

Result<RouteInformation> RouteInformation::parse(ByteReader& in) {
    RouteInformation route;
    const std::uint8_t length = in.u8();
    route.preference = in.u8() >> 3 & 3;
    route.lifetime_seconds = in.be32();
    route.prefix = read_prefix(in, length);
    return finished(in, route);
}

void RouteInformation::emit(ByteWriter& out) const {
    out.u8(prefix.length);
    out.u8(static_cast<std::uint8_t>((preference & 3) << 3));
    out.be32(lifetime_seconds);
    out.put(prefix.address.bytes().first((prefix.length + 7u) / 8));
}

Result<Configuration> Configuration::parse(ByteReader& in) {
    Configuration config;
    const std::uint8_t flags = in.u8();
    config.rpi_0x23 = (flags & 0x10) != 0;  // bit 3 of the four flags [RFC 9008 §4.1.3]
    config.authenticated = (flags & 0x08) != 0;
    config.path_control_size = flags & 0x07;
    config.dio_interval_doublings = in.u8();
    config.dio_interval_min = in.u8();
    config.dio_redundancy = in.u8();
    config.max_rank_increase = in.be16();
    config.min_hop_rank_increase = in.be16();
    config.objective = in.be16();
    (void)in.u8();  // reserved
    config.lifetime_default = in.u8();
    config.lifetime_unit_seconds = in.be16();
    return finished(in, config);
}

void Configuration::emit(ByteWriter& out) const {
    out.u8(static_cast<std::uint8_t>((rpi_0x23 ? 0x10 : 0) | (authenticated ? 0x08 : 0) |
                                     (path_control_size & 7)));
    out.u8(dio_interval_doublings);
    out.u8(dio_interval_min);
    out.u8(dio_redundancy);
    out.be16(max_rank_increase);
    out.be16(min_hop_rank_increase);
    out.be16(objective);
    out.u8(0);
    out.u8(lifetime_default);
    out.be16(lifetime_unit_seconds);
}

Result<Target> Target::parse(ByteReader& in) {
    (void)in.u8();  // flags
    const std::uint8_t length = in.u8();
    return finished(in, Target{read_prefix(in, length)});
}

void Target::emit(ByteWriter& out) const {
    out.u8(0);
    out.u8(prefix.length);
    out.put(prefix.address.bytes().first((prefix.length + 7u) / 8));
}

Result<Transit> Transit::parse(ByteReader& in) {
    Transit transit;
    transit.external = (in.u8() & 0x80) != 0;
    transit.path_control = in.u8();
    transit.path_sequence = in.u8();
    transit.path_lifetime = in.u8();
    // "The option length is used to determine whether or not the ... subfield is present."
    if (in.more()) transit.parent = ip::Address::read(in);
    return finished(in, transit);
}

void Transit::emit(ByteWriter& out) const {
    out.u8(external ? 0x80 : 0);
    out.u8(path_control);
    out.u8(path_sequence);
    out.u8(path_lifetime);
    if (parent) out.put(parent->bytes());
}

Result<SolicitedInformation> SolicitedInformation::parse(ByteReader& in) {
    SolicitedInformation asked;
    const std::uint8_t instance = in.u8();
    const std::uint8_t flags = in.u8();  // V, I, D
    const ip::Address dodag = ip::Address::read(in);
    const std::uint8_t version = in.u8();
    if ((flags & 0x80) != 0) asked.version = version;
    if ((flags & 0x40) != 0) asked.instance = instance;
    if ((flags & 0x20) != 0) asked.dodag = dodag;
    return finished(in, asked);
}

void SolicitedInformation::emit(ByteWriter& out) const {
    out.u8(instance.value_or(0));
    out.u8(static_cast<std::uint8_t>((version ? 0x80 : 0) | (instance ? 0x40 : 0) |
                                     (dodag ? 0x20 : 0)));
    out.put(dodag.value_or(ip::Address{}).bytes());
    out.u8(version.value_or(0));
}

ip::Prefix PrefixInformation::prefix() const noexcept {
    ip::Prefix prefix{address, length};
    for (std::size_t bit = length; bit < 128; ++bit)
        prefix.address.octets[bit / 8] &= std::byte(~(0x80 >> bit % 8) & 0xff);
    return prefix;
}

Result<PrefixInformation> PrefixInformation::parse(ByteReader& in) {
    PrefixInformation info;
    info.length = in.u8();
    if (info.length > 128) in.fail(Fault::bad_value);
    const std::uint8_t flags = in.u8();
    info.on_link = (flags & 0x80) != 0;
    info.autonomous = (flags & 0x40) != 0;
    info.router_address = (flags & 0x20) != 0;
    info.valid_seconds = in.be32();
    info.preferred_seconds = in.be32();
    (void)in.be32();  // reserved
    info.address = ip::Address::read(in);
    return finished(in, info);
}

void PrefixInformation::emit(ByteWriter& out) const {
    out.u8(length);
    out.u8(static_cast<std::uint8_t>((on_link ? 0x80 : 0) | (autonomous ? 0x40 : 0) |
                                     (router_address ? 0x20 : 0)));
    out.be32(valid_seconds);
    out.be32(preferred_seconds);
    out.be32(0);
    out.put(address.bytes());
}

Result<TargetDescriptor> TargetDescriptor::parse(ByteReader& in) {
    return finished(in, TargetDescriptor{in.be32()});
}

Result<Option> Option::parse(ByteReader& in) {
    const std::uint8_t type = in.u8();
    if (!in.ok()) return std::unexpected(in.error());
    // "The Pad1 option is a special case -- it has neither Option Length nor Option Data fields."
    if (OptionType(type) == OptionType::pad1) return Option{Padding{.octets = 1}};
    const std::uint8_t length = in.u8();
    const std::size_t start = in.consumed();
    ByteReader data(in.take(length));
    if (!in.ok()) return std::unexpected(in.error());
    switch (OptionType(type)) {
        case OptionType::padn:
            return boxed<Padding>(data, start);
        case OptionType::metric_container:
            return boxed<MetricContainer>(data, start);
        case OptionType::route_information:
            return boxed<RouteInformation>(data, start);
        case OptionType::configuration:
            return boxed<Configuration>(data, start);
        case OptionType::target:
            return boxed<Target>(data, start);
        case OptionType::transit:
            return boxed<Transit>(data, start);
        case OptionType::solicited_information:
            return boxed<SolicitedInformation>(data, start);
        case OptionType::prefix_information:
            return boxed<PrefixInformation>(data, start);
        case OptionType::target_descriptor:
            return boxed<TargetDescriptor>(data, start);
        default:
            return Option{UnknownOption{type, to_octets(data.rest())}};
    }
}

std::size_t Option::wire_size() const noexcept {
    return std::visit(Overloaded{
                          [](const Padding& pad) { return std::size_t{pad.octets}; },
                          [](const UnknownOption& unknown) { return 2 + unknown.data.size(); },
                          [](const auto& known) { return 2 + known.wire_size(); },
                      },
                      data);
}

void Option::emit(ByteWriter& out) const {
    const OptionType type = type_of(*this);
    out.u8(std::to_underlying(type));
    if (type == OptionType::pad1) return;
    out.u8(static_cast<std::uint8_t>(wire_size() - 2));
    std::visit(Overloaded{
                   [&](const UnknownOption& unknown) { out.put(unknown.data); },
                   [&](const auto& known) { known.emit(out); },
               },
               data);
}

Result<Options> Options::parse(ByteReader& in) {
    Options options;
    while (in.more()) {
        if (options.list.size() == options_max) {
            in.fail(Fault::unsupported);
            return std::unexpected(in.error());
        }
        Result<Option> option = Option::parse(in);
        if (!option) return std::unexpected(option.error());
        options.list.push_back(std::move(*option));
    }
    return options;
}

std::size_t Options::wire_size() const noexcept {
    std::size_t size = 0;
    for (const Option& option : list) size += option.wire_size();
    return size;
}

void Options::emit(ByteWriter& out) const {
    for (const Option& option : list) option.emit(out);
}

}  // namespace causeway::rpl
