// ICMPv6: errors and echo here; neighbour discovery and RPL in files of their own.
#include "ip/icmpv6.hpp"

#include "dissect/words.hpp"
#include "ip/extension.hpp"
#include "ip/nd.hpp"

#include <array>

namespace causeway::dissect {
namespace {

constexpr std::string_view layer_name = "ICMPv6";

template <std::size_t N>
std::string code_name(const std::array<std::string_view, N>& names, unsigned code) {
    return code < N ? std::string(names[code]) : fmt::format("code {}", code);
}

constexpr std::array<std::string_view, 8> unreachable_codes{
    "no route",         "prohibited",    "beyond scope", "address unreachable",
    "port unreachable", "source policy", "reject route", "error in source routing header"};
constexpr std::array<std::string_view, 2> exceeded_codes{"hop limit", "reassembly"};
constexpr std::array<std::string_view, 4> problem_codes{
    "erroneous field", "unknown next header", "unknown option", "incomplete first fragment"};

/// What an error is about, as far as it came along.
void add_invoking(Bytes invoking, Layer& layer) {
    const auto header = parse_as<ip::Ipv6Header>(invoking);
    if (!header) {
        layer.add_hex("About", invoking);
        return;
    }
    std::string said = fmt::format("{} -> {}", header->source.to_text(), header->target.to_text());
    if (const auto upper = ip::find_upper_layer(invoking))
        said += ", " + next_header_name(upper->next_header);
    layer.add("About", said).add("Octets", fmt::to_string(invoking.size()));
}

/// What the message is; its fields go to the layer. Empty for one of another kind.
std::string add_error_or_echo(Bytes message, Layer& layer, Dissection& out) {
    const auto read = [&]<class T>(std::type_identity<T>, auto said) -> std::string {
        const auto value = parse_as<T>(message);
        if (value) return said(*value);
        out.wrong(layer_name, value.error());
        return "malformed";
    };
    switch (ip::Icmpv6Type{std::to_integer<std::uint8_t>(message[0])}) {
        case ip::Icmpv6Type::destination_unreachable:
            return read(std::type_identity<ip::DestinationUnreachable>{}, [&](const auto& error) {
                add_invoking(error.invoking, layer);
                return "destination unreachable, " +
                       code_name(unreachable_codes, std::to_underlying(error.code));
            });
        case ip::Icmpv6Type::packet_too_big:
            return read(std::type_identity<ip::PacketTooBig>{}, [&](const auto& error) {
                add_invoking(error.invoking, layer);
                return fmt::format("packet too big, MTU {}", error.mtu);
            });
        case ip::Icmpv6Type::time_exceeded:
            return read(std::type_identity<ip::TimeExceeded>{}, [&](const auto& error) {
                add_invoking(error.invoking, layer);
                return "time exceeded, " +
                       code_name(exceeded_codes, std::to_underlying(error.code));
            });
        case ip::Icmpv6Type::parameter_problem:
            return read(std::type_identity<ip::ParameterProblem>{}, [&](const auto& error) {
                add_invoking(error.invoking, layer);
                return fmt::format("parameter problem, {} at octet {}",
                                   code_name(problem_codes, std::to_underlying(error.code)),
                                   error.pointer);
            });
        case ip::Icmpv6Type::echo_request:
        case ip::Icmpv6Type::echo_reply:
            return read(std::type_identity<ip::Echo>{}, [&](const auto& echo) {
                layer.add("Identifier", fmt::to_string(echo.identifier));
                layer.add("Sequence", fmt::to_string(echo.sequence));
                layer.add("Data", plural(echo.data.size(), "octet"));
                return fmt::format("echo {}, identifier {}, sequence {}",
                                   echo.reply ? "reply" : "request", echo.identifier,
                                   echo.sequence);
            });
        default:
            return {};
    }
}

constexpr bool is_nd(std::uint8_t type) {
    return (type >= 133 && type <= 137) || type == 157 || type == 158;
}

}  // namespace

void Dissector::take_icmpv6(const Envelope& envelope, Bytes message, Dissection& out) {
    constexpr std::size_t header_octets = 4;
    out.says(layer_name, "");
    if (message.size() < header_octets)
        return out.wrong(layer_name,
                         {Fault::truncated, static_cast<std::uint32_t>(message.size())});
    const auto octet = [&](std::size_t at) { return std::to_integer<std::uint8_t>(message[at]); };
    const std::uint8_t type = octet(0);
    const std::uint8_t code = octet(1);
    Layer layer(layer_name);
    layer.add("Type", fmt::to_string(type));
    layer.add("Code", fmt::to_string(code));
    Field& checksum = layer.add("Checksum", hex16(static_cast<unsigned>(octet(2) << 8 | octet(3))));
    const auto view = ip::parse_icmpv6(envelope.source, envelope.target, message);
    checksum.value += view ? ", right" : ", wrong";
    if (!view) out.wrong(layer_name, view.error());

    if (is_nd(type)) {
        add_nd(type, message, layer, out);
        if (view) {
            const auto verdict =
                ip::nd::receive({envelope.source, envelope.target, envelope.hop_limit}, *view);
            if (!verdict)
                layer.add("Not valid", std::string(ip::nd::name_of(verdict.error())));
            else if (type == ip::Icmpv6Type::router_advertisement)
                learn_contexts(message);
        }
    } else if (type == ip::Icmpv6Type::rpl_control) {
        add_rpl(code, message.subspan(header_octets), layer, out);
    } else {
        layer.value = add_error_or_echo(message, layer, out);
        if (layer.value.empty()) {
            layer.value = fmt::format("type {}, code {}", type, code);
            layer.add_hex("Body", message.subspan(header_octets));
        }
        out.says(layer_name, layer.value);
    }
    out.layers.push_back(std::move(layer));
}

/// As a router announces them. Nothing is ever forgotten: a context that has run out still says
/// what was compressed with it. [RFC 6775 §4.2]
void Dissector::learn_contexts(Bytes advertisement) {
    const auto message = parse_as<ip::nd::RouterAdvertisement>(advertisement);
    if (!message) return;
    for (const ip::nd::Option& option : message->options)
        if (const auto* context = std::get_if<ip::nd::Context>(&option))
            (void)contexts_.set(context->id, {.prefix = context->prefix});
}

}  // namespace causeway::dissect
