// [scada] itself: lines, tunnels, simulated devices, and what all protocols' points have alike.
#include "base/hex.hpp"
#include "site/scada_reader.hpp"
#include "site/values.hpp"

#include <algorithm>
#include <array>

namespace causeway::site {
namespace {

using Texts = std::vector<std::string>;

constexpr std::array tunnel_protocols{std::string_view("raw"), std::string_view("rfc2217_server"),
                                      std::string_view("rfc2217_client")};
constexpr std::array tunnel_policies{std::string_view("share"), std::string_view("one_writes"),
                                     std::string_view("first_come"), std::string_view("newest")};

template <std::size_t N>
std::size_t place_among(const std::array<std::string_view, N>& words, std::string_view word) {
    return static_cast<std::size_t>(std::ranges::find(words, word) - words.begin());
}

}  // namespace

Scada ScadaReader::read() {
    for (const Section& section : scada_.sections("line")) read_line(section);
    users_.resize(site_.lines.size());
    // Who has points first, then who shows them.
    const Section modbus = scada_.section("modbus");
    const Section dnp3 = scada_.section("dnp3");
    for (const Section& section : modbus.sections("client")) read_modbus_client(section);
    for (const Section& section : dnp3.sections("master")) read_dnp3_master(section);
    const Section mqtt = scada_.section("mqtt");
    const Section coap = scada_.section("coap");
    if (scada_.has("mqtt")) read_mqtt_points(mqtt);
    if (scada_.has("coap")) read_coap_points(coap);
    const auto mqtt_devices = shown_devices(mqtt);
    const auto coap_devices = shown_devices(coap);
    if (site_.mqtt && site_.mqtt->face) site_.mqtt->face->devices = mqtt_devices;
    if (site_.coap && site_.coap->face) site_.coap->face->devices = coap_devices;
    check_topics();
    for (const Section& section : modbus.sections("server")) read_modbus_server(section);
    for (const Section& section : dnp3.sections("outstation")) read_dnp3_outstation(section);
    hold_selections();
    for (const Section& section : scada_.sections("tunnel")) read_tunnel(section);
    for (const Section& section : scada_.sections("device")) read_device(section);
    return std::move(site_);
}

void ScadaReader::check_topics() const {
    if (!site_.mqtt || !site_.mqtt->face) return;
    for (const auto& [path, known] : points_) {
        const std::string_view last = std::string_view(path).substr(path.rfind('/') + 1);
        if (last == "set" || last == "outcome")
            scada_.complain(known.at, "scada.mqtt: \"" + path + "\" is where commands are",
                            "a name that does not end in set or outcome");
    }
}

bool ScadaReader::add_device(const Section& section, const Setting<std::string>& name) {
    if (!name.usable()) return false;
    if (devices_.emplace(name.value, name.at).second) return true;
    section.complain(name.at, section.path_of("name") + ": \"" + name.value + "\" is taken",
                     "a name of its own for each device");
    return false;
}

void ScadaReader::add_point(const Section& section, const Setting<std::string>& name,
                            const points::Definition& definition) {
    if (!name.usable() || definition.device.empty()) return;
    const std::string path = definition.device + '/' + definition.name;
    const Known known{.kind = definition.kind, .writable = definition.writable, .at = name.at};
    if (points_.emplace(path, known).second) return;
    section.complain(name.at, section.path_of("name") + ": \"" + path + "\" is taken",
                     "a name of its own for each point of a device");
}

const ScadaReader::Known* ScadaReader::find_point(const Section& section,
                                                  const Setting<std::string>& path) const {
    if (!path.usable()) return nullptr;
    const auto found = points_.find(path.value);
    if (found != points_.end()) return &found->second;
    std::vector<std::string_view> names;
    for (const auto& [name, known] : points_) names.push_back(name);
    const std::string_view meant = nearest(path.value, names);
    section.complain(path.at,
                     section.path_of("point") + ": there is no point \"" + path.value + '"' +
                         (meant.empty() ? "" : "; did you mean \"" + std::string(meant) + "\"?"),
                     "device/name of a point");
    return nullptr;
}

points::Scaling ScadaReader::scaling(const Section& section) const {
    const auto factor = section.take<double>("factor");
    if (factor.usable() && factor.value == 0) {
        section.complain(factor.at, section.path_of("factor") + ": nothing comes back from 0",
                         "any other number");
    }
    return {.factor = factor.value == 0 ? 1 : factor.value,
            .offset = section.take<double>("offset").value};
}

points::Definition ScadaReader::definition(const Section& section,
                                           const std::string& device) const {
    points::Definition definition;
    definition.device = device;
    const auto name = section.take_required<std::string>("name");
    definition.name = name.value;
    if (name.usable() && (name.value.starts_with('/') || name.value.ends_with('/') ||
                          name.value.find_first_of("#+ ") != std::string::npos ||
                          name.value.find("//") != std::string::npos)) {
        section.complain(name.at, section.path_of("name") + ": \"" + name.value + "\" will not do",
                         "words with slashes between them, without blanks, # and +");
    }
    if (const auto unit = section.take<std::string>("unit"); unit.usable())
        definition.unit = unit.value;
    definition.states = section.take<Texts>("states").value;
    const auto least = section.take<double>("least");
    const auto most = section.take<double>("most");
    if (least.usable()) definition.least = least.value;
    if (most.usable()) definition.most = most.value;
    if (least.usable() && most.usable() && least.value > most.value)
        section.complain(most.at, section.path_of("most") + ": less than the least",
                         "least and most in their order");
    return definition;
}

void ScadaReader::read_tunnel(const Section& section) {
    using scada::tunnel::TunnelPolicy, scada::tunnel::TunnelProtocol;
    TunnelSite tunnel;
    TunnelPlan& plan = tunnel.plan;
    plan.name = section.take_required<std::string>("name").value;
    const auto port = use_line(section, "port", "tunnel");
    const auto network = use_line(section, "network", "tunnel");
    plan.protocol = static_cast<TunnelProtocol>(
        place_among(tunnel_protocols, section.take<std::string>("protocol").value));
    plan.policy = static_cast<TunnelPolicy>(
        place_among(tunnel_policies, section.take<std::string>("policy").value));
    plan.writer_idle = section.take<Duration>("writer_idle").value;
    set(plan.packets.octets_max, section, "packet_octets");
    plan.packets.idle = section.take<Duration>("packet_idle").value;
    plan.packets.wait_max = section.take<Duration>("packet_wait_max").value;
    set(plan.packets.octets_after_mark, section, "packet_after_mark");
    plan.packets.mark_sent = section.take<bool>("packet_mark_sent").value;
    const auto mark = section.take<std::string>("packet_mark");
    if (mark.usable()) {
        const auto octets = from_hex(mark.value);
        if (octets && octets->size() <= scada::tunnel::PacketRules::mark_octets_max)
            plan.packets.mark = decltype(plan.packets.mark)(*octets);
        else
            section.complain(mark.at,
                             "scada.tunnel.packet_mark: \"" + mark.value + "\" is no octets",
                             "pairs of hexadecimal digits: 0d0a");
    }
    set(plan.keep_octets, section, "keep");
    plan.format_restored = section.take<bool>("format_restored").value;
    if (!port || !network) return;
    tunnel.port = *port;
    tunnel.network = *network;
    if (site_.lines[*network].is_serial())
        section.complain(section.at(), "scada.tunnel.network: a serial line goes nowhere by IP",
                         "a line that is connect, listen or udp");
    if (plan.protocol != TunnelProtocol::raw && site_.lines[*network].is_udp())
        section.complain(section.at(), "scada.tunnel.protocol: Telnet is TCP's",
                         "raw, or a line that is connect or listen");
    const auto* serial = std::get_if<net::SerialSpec>(&site_.lines[*port].spec);
    if (plan.protocol == TunnelProtocol::rfc2217_client &&
        (serial == nullptr || !serial->make_pty || site_.lines[*network].is_listener()))
        section.complain(section.at(), "scada.tunnel.protocol: a com port's client has a pty",
                         "a port that is a pty, and a network that is connect");
    if (plan.protocol == TunnelProtocol::rfc2217_server && serial == nullptr)
        section.complain(section.at(), "scada.tunnel.protocol: there is no com port to set",
                         "a port that is serial or a pty");
    site_.tunnels.push_back(std::move(tunnel));
}

void ScadaReader::read_device(const Section& section) {
    const auto name = section.take_required<std::string>("name");
    const auto protocol = section.take_required<std::string>("protocol");
    const auto line = use_line(section, "line", "simulated device");
    Dnp3DevicePlan outstation;
    outstation.name = name.value;
    outstation.addresses = {
        static_cast<std::uint16_t>(section.take<std::int64_t>("address").value)};
    set(outstation.master, section, "master");
    outstation.unsolicited = section.take<bool>("unsolicited").value;
    ModbusDevicePlan modbus;
    modbus.name = name.value;
    modbus.units = {static_cast<std::uint8_t>(section.take<std::int64_t>("unit").value)};
    modbus.framing = framing(section, line);
    set(modbus.seed, section, "seed");
    SimulatedDeviceSite device;
    device.line = line.value_or(0);
    if (protocol.value == "dnp3")
        device.plan = std::move(outstation);
    else
        device.plan = std::move(modbus);
    if (line) site_.devices.push_back(std::move(device));
}

std::shared_ptr<const Scada> build_scada(const Section& top, const std::filesystem::path& file,
                                         const Site& site) {
    const Section section = top.section("scada");
    auto scada = std::make_shared<Scada>(ScadaReader(section, file, site.state).read());
    if (!top.has("scada")) return nullptr;
    if (scada->mqtt && !site.mqtt)
        top.complain(section.section("mqtt").at(), "scada.mqtt: there is no broker",
                     "an [mqtt] beside it");
    if (scada->coap && !site.coap)
        top.complain(section.section("coap").at(), "scada.coap: there is no CoAP endpoint",
                     "a [coap] beside it");
    if (scada->mqtt && scada->mqtt->face && site.mqtt) {
        const auto& broker = site.mqtt->broker;
        const Section mqtt = section.section("mqtt");
        if (scada->mqtt->face->qos > static_cast<int>(broker.qos_max))
            top.complain(mqtt.take<std::int64_t>("qos").at,
                         "scada.mqtt.qos: more than mqtt.qos_max", "at most what the broker takes");
        if (scada->mqtt->face->retain && !broker.retain_available)
            top.complain(mqtt.take<bool>("retain").at,
                         "scada.mqtt.retain: mqtt.retain_available is false", "retain = false");
    }
    return scada;
}

std::vector<std::pair<std::string, net::Endpoint>> scada_listens(const Scada& scada) {
    std::vector<std::pair<std::string, net::Endpoint>> all;
    for (const ScadaLine& line : scada.lines)
        if (const auto* listen =
                std::get_if<net::TcpListenSpec>(line.door ? &*line.door : &line.spec))
            if (const auto endpoint = net::Endpoint::parse(listen->address))
                all.emplace_back(line.name, *endpoint);
    return all;
}

}  // namespace causeway::site
