#include "run_display.hpp"

#include "command.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <unistd.h>

namespace causeway::cli {
namespace {

using namespace std::chrono_literals;

/// A mesh that is not whole by now may never be; what is there can be tried.
constexpr Duration patience = 60s;

/// How the mesh stands, for the live line.
struct Standing {
    std::size_t nodes = 0;  // the border router not among them
    std::size_t joined = 0;
    std::size_t depth = 0;
    std::size_t deepest = 0;  // index of a node that deep
    std::uint64_t sent = 0;
    std::uint64_t lost = 0;
};

Standing standing_of(const sim::Network& mesh) {
    Standing standing;
    standing.nodes = mesh.size() - 1;
    const auto parents = mesh.parents();
    for (std::size_t i = 1; i < mesh.size(); ++i) {
        if (!mesh.status(i).joined) continue;
        ++standing.joined;
        std::size_t hops = 0;
        for (std::size_t at = i; at != 0 && parents[at] && hops < mesh.size(); ++hops)
            at = *parents[at];
        if (hops > standing.depth) {
            standing.depth = hops;
            standing.deepest = i;
        }
    }
    for (std::size_t i = 0; i < mesh.size(); ++i) {
        const auto counters = mesh.counters(i);
        standing.sent += counters.packets_originated;
        for (const auto lost : counters.lost) standing.lost += lost;
    }
    return standing;
}

/// What to type against the mesh as it stands.
std::vector<std::string> invitation(const site::Gateway& gateway, const Standing& now,
                                    const std::optional<std::string>& proxy) {
    const auto address = gateway.network().status(now.deepest).global;
    if (!address) return {};
    const std::string host = address->to_text();
    const auto& sensors = gateway.network().scenario().nodes[now.deepest].config.sensors;
    const std::string sensor = sensors.empty() ? "node" : "sensors/" + sensors.front().name;
    if (!gateway.tun() && !proxy) return {};

    std::string coap = "  coap-client-notls";
    std::vector<std::string> lines{
        "", fmt::format("Try from a second terminal ({} is {} hops away):", host, now.depth)};
    if (gateway.tun())
        lines.push_back(fmt::format("  ping {}", host));
    else
        coap += fmt::format(" -P coap://{}", *proxy);
    lines.push_back(fmt::format("{} -m get coap://[{}]/.well-known/core", coap, host));
    lines.push_back(fmt::format("{} -m get coap://[{}]/{}", coap, host, sensor));
    lines.push_back(fmt::format("{} -s 20 -m get coap://[{}]/{}  # observe", coap, host, sensor));
    lines.push_back("");
    lines.push_back("Ctrl-C ends it.");
    return lines;
}

}  // namespace

RunDisplay::RunDisplay(const site::Gateway* gateway, const site::CoapService* coap,
                       const site::MqttService* mqtt, const site::ScadaService* scada, bool quiet,
                       int fd)
    : gateway_(gateway),
      coap_(coap),
      mqtt_(mqtt),
      scada_(scada),
      quiet_(quiet),
      live_(net::Terminal::of(fd)) {}

void RunDisplay::say(const std::string& line) {
    if (!quiet_) live_.print(line);
}

void RunDisplay::log(std::string_view line) {
    const std::string stamped =
        fmt::format("{:%FT%T%z} {}", fmt::localtime(std::time(nullptr)), line);
    if (quiet_)
        fmt::print(stderr, "{}\n", stamped);
    else
        live_.print(stamped);
}

void RunDisplay::opening(const std::string& name) {
    if (gateway_ != nullptr) {
        const auto tun = gateway_->tun();
        say(fmt::format("{}: {} nodes in {}{}", name, gateway_->network().size() - 1,
                        gateway_->network().scenario().nodes.front().config.prefix.to_text(),
                        tun ? ", routed to interface " + *tun : std::string()));
        if (const auto& why = gateway_->without_tun()) say(*why);
    }
    if (coap_ != nullptr) {
        for (const std::string& line : coap_->listening()) say("CoAP on " + line);
        if (const auto http = coap_->http()) say("HTTP to CoAP on " + *http);
    }
    if (mqtt_ != nullptr) {
        for (const std::string& line : mqtt_->listening()) say(line);
    }
    if (scada_ != nullptr) {
        for (const std::string& line : scada_->listening()) say(line);
    }
}

std::string RunDisplay::broker_line() const {
    const mqtt::BrokerStats& stats = mqtt_->broker().stats();
    return fmt::format("{} clients  {} messages in  {} out  {} dropped", stats.clients_connected,
                       stats.publishes_received, stats.publishes_sent, stats.dropped());
}

std::string RunDisplay::scada_line() const {
    const auto devices = scada_->devices();
    const points::Table::Stats& stats = scada_->points().stats();
    return fmt::format("{} of {} devices answer  {} points  {} updates  {} commands", devices.up,
                       devices.all, scada_->points().size(), stats.updates, stats.commands);
}

void RunDisplay::update() {
    std::vector<std::string> services;
    if (mqtt_ != nullptr) services.push_back(broker_line());
    if (scada_ != nullptr) services.push_back(scada_line());
    if (gateway_ == nullptr) {
        if (!services.empty()) live_.draw(services);
        return;
    }
    const Standing now = standing_of(gateway_->network());
    const std::string elapsed = duration_to_text(gateway_->now().time_since_epoch());
    std::vector<std::string> lines{
        fmt::format("{} of {} nodes joined  {} hops deep  {} packets  {} lost  {}", now.joined,
                    now.nodes, now.depth, now.sent, now.lost, elapsed)};
    lines.insert(lines.end(), services.begin(), services.end());
    live_.draw(lines);
    const bool complete = now.joined == now.nodes;
    if (told_ || !(complete || gateway_->now() > Instant(patience))) return;
    if (now.depth == 0) return;
    told_ = true;
    say(fmt::format("{} of {} nodes joined in {}, {} hops deep", now.joined, now.nodes, elapsed,
                    now.depth));
    for (const std::string& line :
         invitation(*gateway_, now, coap_ != nullptr ? coap_->plain() : std::nullopt))
        say(line);
}

}  // namespace causeway::cli
