// RPL control messages and their options.
#include "base/engine.hpp"
#include "dissect/words.hpp"
#include "rpl/messages.hpp"

namespace causeway::dissect {
namespace {

/// From here on an offset counts in the ICMPv6 message, whose header is four octets long.
constexpr std::size_t body_at = 4;

std::string objective_name(std::uint16_t code) {
    if (code == std::to_underlying(rpl::ObjectiveCode::of0)) return "OF0";
    if (code == std::to_underlying(rpl::ObjectiveCode::mrhof)) return "MRHOF";
    return fmt::to_string(code);
}

std::string mode_name(rpl::ModeOfOperation mode) {
    switch (mode) {
        case rpl::ModeOfOperation::no_downward_routes:
            return "no downward routes";
        case rpl::ModeOfOperation::non_storing:
            return "non-storing";
        case rpl::ModeOfOperation::storing:
            return "storing";
        case rpl::ModeOfOperation::storing_multicast:
            return "storing with multicast";
    }
    return fmt::format("mode {}", std::to_underlying(mode));
}

std::string metric_text(const rpl::MetricObject& object) {
    if (const auto hops = object.hop_count()) return fmt::format("hop count {}", *hops);
    if (const auto etx = object.etx_128())
        return fmt::format("ETX {:.2f}", static_cast<double>(*etx) / 128);
    return fmt::format("type {}, {}", std::to_underlying(object.type), hex_of(object.body));
}

void add_configuration(const rpl::Configuration& c, Layer& layer) {
    Field& field = layer.add("DODAG configuration", objective_name(c.objective));
    field.add("DIO interval",
              fmt::format("2^{} ms, {} doublings, redundancy {}", c.dio_interval_min,
                          c.dio_interval_doublings, c.dio_redundancy));
    field.add("Rank increase", fmt::format("{} a hop at least, {} at most", c.min_hop_rank_increase,
                                           c.max_rank_increase));
    field.add("Default lifetime",
              fmt::format("{} units of {} s", c.lifetime_default, c.lifetime_unit_seconds));
    field.add("Path control size", fmt::to_string(c.path_control_size));
    field.add(
        "Flags",
        Flags().add(c.authenticated, "authenticated").add(c.rpi_0x23, "RPL option 0x23").text());
}

void add_transit(const rpl::Transit& transit, Layer& layer) {
    Field& field = layer.add("Transit information",
                             transit.parent ? "parent " + transit.parent->to_text() : "");
    field.add("Path control", hex8(transit.path_control));
    field.add("Path sequence", fmt::to_string(transit.path_sequence));
    const std::uint8_t lifetime = transit.path_lifetime;
    field.add("Path lifetime", lifetime == 0     ? "0: no path"
                               : lifetime == 255 ? "for ever"
                                                 : fmt::format("{} units", lifetime));
    if (transit.external) field.add("Flags", "external");
}

void add_option(const rpl::Option& option, Layer& layer) {
    std::visit(
        Overloaded{
            [&](const rpl::Padding& padding) {
                layer.add("Padding", plural(padding.octets, "octet"));
            },
            [&](const rpl::MetricContainer& container) {
                Field& field = layer.add("Metric container");
                for (const rpl::MetricObject& object : container.objects)
                    field.add(object.constraint ? "Constraint" : "Metric", metric_text(object));
            },
            [&](const rpl::RouteInformation& route) {
                Field& field = layer.add("Route information", route.prefix.to_text());
                field.add("Preference", fmt::to_string(route.preference));
                field.add("Lifetime", seconds_text(route.lifetime_seconds));
            },
            [&](const rpl::Configuration& configuration) {
                add_configuration(configuration, layer);
            },
            [&](const rpl::Target& target) { layer.add("Target", target.prefix.to_text()); },
            [&](const rpl::Transit& transit) { add_transit(transit, layer); },
            [&](const rpl::SolicitedInformation& solicited) {
                Field& field = layer.add("Solicited information");
                if (solicited.instance) field.add("Instance", fmt::to_string(*solicited.instance));
                if (solicited.dodag) field.add("DODAG", solicited.dodag->to_text());
                if (solicited.version) field.add("Version", fmt::to_string(*solicited.version));
            },
            [&](const rpl::PrefixInformation& information) {
                Field& field = layer.add(
                    "Prefix information",
                    fmt::format("{}/{}", information.address.to_text(), information.length));
                field.add("Flags", Flags()
                                       .add(information.on_link, "on-link")
                                       .add(information.autonomous, "autonomous")
                                       .add(information.router_address, "router address")
                                       .text());
                field.add("Valid", seconds_text(information.valid_seconds));
                field.add("Preferred", seconds_text(information.preferred_seconds));
            },
            [&](const rpl::TargetDescriptor& descriptor) {
                layer.add("Target descriptor", fmt::format("{:#010x}", descriptor.descriptor));
            },
            [&](const rpl::UnknownOption& unknown) {
                layer.add_hex("Option " + hex8(unknown.type), unknown.data);
            },
        },
        option.data);
}

void add_dodag(const std::optional<ip::Address>& dodag, Layer& layer) {
    if (dodag) layer.add("DODAG", dodag->to_text());
}

std::string add_message(const rpl::Dis&, Layer&) {
    return "DIS";
}

std::string add_message(const rpl::Dio& dio, Layer& layer) {
    layer.add("Instance", fmt::to_string(dio.instance));
    layer.add("Version", fmt::to_string(dio.version));
    layer.add("Rank", fmt::to_string(dio.rank));
    layer.add("Grounded", dio.grounded ? "yes" : "no");
    layer.add("Mode of operation", mode_name(dio.mode));
    layer.add("Preference", fmt::to_string(dio.preference));
    layer.add("DTSN", fmt::to_string(dio.dtsn));
    layer.add("DODAG", dio.dodag.to_text());
    return fmt::format("DIO, rank {}, DODAG {} version {}, instance {}", dio.rank,
                       dio.dodag.to_text(), dio.version, dio.instance);
}

std::string add_message(const rpl::Dao& dao, Layer& layer) {
    layer.add("Instance", fmt::to_string(dao.instance));
    layer.add("Acknowledgement wanted", dao.ack_wanted ? "yes" : "no");
    layer.add("Sequence", fmt::to_string(dao.sequence));
    add_dodag(dao.dodag, layer);
    std::string said = fmt::format("DAO {}", dao.sequence);
    if (const auto* target = dao.options.find<rpl::Target>())
        said += ", target " + target->prefix.to_text();
    if (const auto* transit = dao.options.find<rpl::Transit>()) {
        if (transit->parent) said += ", parent " + transit->parent->to_text();
        if (transit->path_lifetime == 0) said += ", no path";
    }
    return said;
}

std::string add_message(const rpl::DaoAck& ack, Layer& layer) {
    layer.add("Instance", fmt::to_string(ack.instance));
    layer.add("Sequence", fmt::to_string(ack.sequence));
    layer.add("Status", fmt::to_string(ack.status));
    add_dodag(ack.dodag, layer);
    return fmt::format("DAO-ACK {}, status {}", ack.sequence, ack.status);
}

template <class T>
void add(Bytes body, Layer& layer, Dissection& out) {
    const auto message = parse_as<T>(body);
    if (!message) return out.wrong("RPL", message.error(), body_at);
    layer.value = add_message(*message, layer);
    out.says("RPL", layer.value);
    for (const rpl::Option& option : message->options.list) add_option(option, layer);
}

}  // namespace

void add_rpl(std::uint8_t code, Bytes body, Layer& layer, Dissection& out) {
    layer.name = "ICMPv6 RPL";
    out.says("RPL", "");
    switch (rpl::Code{code}) {
        case rpl::Code::dis:
            return add<rpl::Dis>(body, layer, out);
        case rpl::Code::dio:
            return add<rpl::Dio>(body, layer, out);
        case rpl::Code::dao:
            return add<rpl::Dao>(body, layer, out);
        case rpl::Code::dao_ack:
            return add<rpl::DaoAck>(body, layer, out);
        default:
            break;
    }
    layer.value = (code & 0x80) != 0 ? fmt::format("secure message, code {}", hex8(code))
                                     : fmt::format("code {}", hex8(code));
    layer.add_hex("Body", body);
    out.says("RPL", layer.value);
}

}  // namespace causeway::dissect
