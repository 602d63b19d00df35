// [scada] itself: lines, tunnels, simulated devices, and what all protocols' points have alike.
#include "base/hex.hpp"
#include "site/scada_reader.hpp"
#include "site/values.hpp"

#include <algorithm>
#include <array>

namespace causeway::site {
namespace {

using Texts = std::vector<std::string>;

constexpr std::array parity_words{std::string_view("none"), std::string_view("even"),
                                  std::string_view("odd"), std::string_view("mark"),
                                  std::string_view("space")};

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
    for (const Section& section : modbus.sections("server")) read_modbus_server(section);
    for (const Section& section : dnp3.sections("outstation")) read_dnp3_outstation(section);
    for (const Section& section : scada_.sections("tunnel")) read_tunnel(section);
    for (const Section& section : scada_.sections("device")) read_device(section);
    return std::move(site_);
}

std::string ScadaReader::port_path(const std::string& name) const {
    return (state_ / name).lexically_normal().string();  // an absolute name stays what it is
}

net::SerialSpec ScadaReader::serial_spec(const Section& section, const std::string& device,
                                         bool make_pty) const {
    net::SerialSpec spec;
    spec.device = port_path(device);
    spec.make_pty = make_pty;
    set(spec.format.baud, section, "baud");
    set(spec.format.data_bits, section, "data_bits");
    set(spec.format.stop_bits, section, "stop_bits");
    spec.format.parity = static_cast<net::Parity>(
        place_among(parity_words, section.take<std::string>("parity").value));
    const std::string flow = section.take<std::string>("flow").value;
    spec.format.flow = flow == "rts_cts"    ? net::FlowControl::rts_cts
                       : flow == "xon_xoff" ? net::FlowControl::xon_xoff
                                            : net::FlowControl::none;
    spec.rts_before = section.take<Duration>("rts_before").value;
    spec.rts_hold = section.take<Duration>("rts_hold").value;
    return spec;
}

net::LineSpec ScadaReader::connect_spec(const Section& section) const {
    net::TcpConnectSpec spec;
    const std::string host = section.take<std::string>("connect").value;
    if (const auto place = parse_host(host)) {
        spec.host = place->host;
        spec.port = place->port;
    }
    const std::string certificate = file_beside(section, "certificate", file_);
    const auto tls = section.take<bool>("tls");
    if (tls.usable() ? tls.value : !certificate.empty()) {
        net::TlsClient client;
        client.ca_file = file_beside(section, "ca_file", file_);
        client.certificate = certificate;
        client.key = file_beside(section, "key", file_);
        spec.tls = std::move(client);
    }
    return spec;
}

net::LineSpec ScadaReader::listen_spec(const Section& section) const {
    net::TcpListenSpec spec;
    spec.address = section.take<net::Endpoint>("listen").value.text();
    set(spec.peers_max, section, "peers_max");
    spec.take_over = section.take<bool>("take_over").value;
    spec.allow = section.take<Texts>("allow").value;
    const std::string certificate = file_beside(section, "certificate", file_);
    const auto tls = section.take<bool>("tls");
    if (tls.usable() && tls.value && certificate.empty())
        section.complain(tls.at, section.path_of("tls") + ": who are we?",
                         "a certificate and its key beside it");
    if (!certificate.empty()) {
        net::TlsServer server;
        server.certificate = certificate;
        server.key = file_beside(section, "key", file_);
        server.client_ca = file_beside(section, "ca_file", file_);
        server.client_certificate_required = !server.client_ca.empty();
        spec.tls = std::move(server);
    }
    return spec;
}

net::LineSpec ScadaReader::udp_spec(const Section& section) const {
    net::UdpSpec spec;
    spec.local = section.take<net::Endpoint>("udp").value.text();
    if (const auto remote = section.take<net::Endpoint>("remote"); remote.usable())
        spec.remote = remote.value.text();
    set(spec.peers_max, section, "peers_max");
    return spec;
}

std::optional<net::LineSpec> ScadaReader::line_spec(const Section& section) const {
    // All are read, so that the keys of each are held to their types.
    const std::array kinds{
        std::pair("serial", net::LineSpec(serial_spec(
                                section, section.take<std::string>("serial").value, false))),
        std::pair("pty", net::LineSpec(
                             serial_spec(section, section.take<std::string>("pty").value, true))),
        std::pair("connect", connect_spec(section)), std::pair("listen", listen_spec(section)),
        std::pair("udp", udp_spec(section))};
    if (section.has("certificate") != section.has("key"))
        section.complain(section.at(), "scada.line: a certificate and its key go together",
                         "both, or neither");
    const auto given = [&](const auto& kind) { return section.has(kind.first); };
    if (std::ranges::count_if(kinds, given) == 1) return std::ranges::find_if(kinds, given)->second;
    section.complain(section.at(), section.path_of("name") + ": what kind of line is it?",
                     "one of serial, pty, connect, listen, udp");
    return std::nullopt;
}

void ScadaReader::read_line(const Section& section) {
    const auto name = section.take_required<std::string>("name");
    auto spec = line_spec(section);
    if (const auto listen = section.take<net::Endpoint>("listen"); listen.usable()) {
        for (const ScadaLine& other : site_.lines) {
            const auto* taken = std::get_if<net::TcpListenSpec>(&other.spec);
            if (taken != nullptr && taken->address == listen.value.text() && listen.value.port != 0)
                section.complain(
                    listen.at,
                    "scada.line.listen: " + taken->address + " is taken by line " + other.name,
                    "another port");
        }
    }
    const auto first = section.take<Duration>("reopen_first");
    const auto most = section.take<Duration>("reopen_most");
    if (!name.usable()) return;
    if (!lines_.emplace(name.value, site_.lines.size()).second)
        section.complain(name.at, "scada.line.name: \"" + name.value + "\" is taken",
                         "a name of its own for each line");
    ScadaLine line{.name = name.value, .spec = std::move(spec).value_or(net::UdpSpec{})};
    std::visit(
        [&](auto& chosen) {
            if constexpr (requires { chosen.reopen_first; }) {
                if (first.usable()) chosen.reopen_first = first.value;
                if (most.usable()) chosen.reopen_most = most.value;
                chosen.reopen_most = std::max(chosen.reopen_first, chosen.reopen_most);
            }
        },
        line.spec);
    site_.lines.push_back(std::move(line));
}

std::optional<std::size_t> ScadaReader::use_line(const Section& section, std::string_view leaf,
                                                 std::string_view user, bool shared) {
    const auto name = section.take_required<std::string>(leaf);
    if (!name.usable()) return std::nullopt;
    const auto found = lines_.find(name.value);
    if (found == lines_.end()) {
        std::vector<std::string_view> names;
        for (const auto& [line, index] : lines_) names.push_back(line);
        const std::string_view meant = nearest(name.value, names);
        section.complain(
            name.at,
            section.path_of(leaf) + ": there is no line \"" + name.value + '"' +
                (meant.empty() ? "" : "; did you mean \"" + std::string(meant) + "\"?"),
            "the name of a [[scada.line]]");
        return std::nullopt;
    }
    std::string& taken = users_[found->second];
    if (!taken.empty() && !(shared && taken == user)) {
        section.complain(
            name.at, section.path_of(leaf) + ": line \"" + name.value + "\" is taken by a " + taken,
            "a line of its own");
        return std::nullopt;
    }
    taken = user;
    return found->second;
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
    return scada;
}

std::vector<std::pair<std::string, net::Endpoint>> scada_listens(const Scada& scada) {
    std::vector<std::pair<std::string, net::Endpoint>> all;
    for (const ScadaLine& line : scada.lines)
        if (const auto* listen = std::get_if<net::TcpListenSpec>(&line.spec))
            if (const auto endpoint = net::Endpoint::parse(listen->address))
                all.emplace_back(line.name, *endpoint);
    return all;
}

}  // namespace causeway::site
