// Neighbour discovery messages and their options.
#include "ip/nd.hpp"

#include "base/engine.hpp"
#include "base/hex.hpp"
#include "dissect/words.hpp"

namespace causeway::dissect {
namespace {

namespace nd = ip::nd;

constexpr std::string_view protocol = "ICMPv6 ND";

std::string status_text(nd::RegistrationStatus status) {
    switch (status) {
        case nd::RegistrationStatus::success:
            return "success";
        case nd::RegistrationStatus::duplicate_address:
            return "duplicate address";
        case nd::RegistrationStatus::neighbour_cache_full:
            return "neighbour cache full";
        case nd::RegistrationStatus::moved:
            return "moved";
        case nd::RegistrationStatus::removed:
            return "removed";
        default:
            return fmt::to_string(std::to_underlying(status));
    }
}

void add_option(const nd::Option& option, Layer& layer) {
    std::visit(Overloaded{
                   [&](const nd::LinkAddress& address) {
                       layer.add(address.of_target ? "Target link-layer address"
                                                   : "Source link-layer address",
                                 to_hex(address.octets.bytes(), ":"));
                   },
                   [&](const nd::PrefixInformation& information) {
                       Field& field = layer.add("Prefix information", information.prefix.to_text());
                       field.add("Flags", Flags()
                                              .add(information.on_link, "on-link")
                                              .add(information.autonomous, "autonomous")
                                              .text());
                       field.add("Valid", seconds_text(information.valid_seconds));
                       field.add("Preferred", seconds_text(information.preferred_seconds));
                   },
                   [&](const nd::RedirectedHeader& redirected) {
                       layer.add_hex("Redirected header", redirected.packet);
                   },
                   [&](const nd::Mtu& mtu) { layer.add("MTU", fmt::to_string(mtu.octets)); },
                   [&](const nd::AddressRegistration& registration) {
                       Field& field =
                           layer.add("Address registration", status_text(registration.status));
                       field.add("Lifetime", fmt::format("{} min", registration.lifetime_minutes));
                       field.add_hex("Owner", registration.owner.bytes());
                       if (!registration.extended) return;
                       field.add("Transaction", fmt::to_string(registration.extended->transaction));
                       field.add("Wants reachability",
                                 registration.extended->wants_reachability ? "yes" : "no");
                   },
                   [&](const nd::Context& context) {
                       Field& field =
                           layer.add("6LoWPAN context",
                                     fmt::format("{} = {}", context.id, context.prefix.to_text()));
                       field.add("Compress with it", context.compress ? "yes" : "no");
                       field.add("Lifetime", fmt::format("{} min", context.lifetime_minutes));
                   },
                   [&](const nd::BorderRouter& border_router) {
                       Field& field = layer.add("Border router", border_router.address.to_text());
                       field.add("Version", fmt::to_string(border_router.version));
                       field.add("Lifetime", fmt::format("{} min", border_router.lifetime_minutes));
                   },
                   [&](const nd::Unknown& unknown) {
                       layer.add_hex(fmt::format("Option {}", unknown.type), unknown.data);
                   },
               },
               option);
}

std::string add_message(const nd::RouterSolicitation&, Layer&) {
    return "router solicitation";
}

std::string add_message(const nd::RouterAdvertisement& message, Layer& layer) {
    layer.add("Hop limit", fmt::to_string(message.hop_limit));
    layer.add("Flags", Flags().add(message.managed, "managed").add(message.other, "other").text());
    layer.add("Router lifetime", seconds_text(message.router_lifetime_seconds));
    layer.add("Reachable time", fmt::format("{} ms", message.reachable_ms));
    layer.add("Retransmit time", fmt::format("{} ms", message.retransmit_ms));
    return "router advertisement";
}

std::string add_message(const nd::NeighbourSolicitation& message, Layer& layer) {
    layer.add("Target", message.target.to_text());
    return "neighbour solicitation for " + message.target.to_text();
}

std::string add_message(const nd::NeighbourAdvertisement& message, Layer& layer) {
    layer.add("Target", message.target.to_text());
    layer.add("Flags", Flags()
                           .add(message.router, "router")
                           .add(message.solicited, "solicited")
                           .add(message.override_cache, "override")
                           .text());
    return "neighbour advertisement of " + message.target.to_text();
}

std::string add_message(const nd::Redirect& message, Layer& layer) {
    layer.add("Target", message.target.to_text());
    layer.add("Destination", message.destination.to_text());
    return "redirect";
}

std::string add_message(const nd::DuplicateAddress& message, Layer& layer) {
    layer.add("Status", status_text(message.status));
    if (message.transaction) layer.add("Transaction", fmt::to_string(*message.transaction));
    layer.add("Lifetime", fmt::format("{} min", message.lifetime_minutes));
    layer.add_hex("Owner", message.owner.bytes());
    layer.add("Registered", message.registered.to_text());
    return message.confirmation ? "duplicate address confirmation" : "duplicate address request";
}

template <class T>
void add(Bytes octets, Layer& layer, Dissection& out) {
    const auto message = parse_as<T>(octets);
    if (!message) return out.wrong(layer.name, message.error());
    layer.value = add_message(*message, layer);
    out.says(protocol, layer.value);
    if constexpr (requires { message->options; })
        for (const nd::Option& option : message->options) add_option(option, layer);
}

}  // namespace

void add_nd(std::uint8_t type, Bytes message, Layer& layer, Dissection& out) {
    out.says(protocol, "");
    switch (ip::Icmpv6Type{type}) {
        case ip::Icmpv6Type::router_solicitation:
            return add<nd::RouterSolicitation>(message, layer, out);
        case ip::Icmpv6Type::router_advertisement:
            return add<nd::RouterAdvertisement>(message, layer, out);
        case ip::Icmpv6Type::neighbour_solicitation:
            return add<nd::NeighbourSolicitation>(message, layer, out);
        case ip::Icmpv6Type::neighbour_advertisement:
            return add<nd::NeighbourAdvertisement>(message, layer, out);
        case ip::Icmpv6Type::redirect:
            return add<nd::Redirect>(message, layer, out);
        default:
            return add<nd::DuplicateAddress>(message, layer, out);
    }
}

}  // namespace causeway::dissect
