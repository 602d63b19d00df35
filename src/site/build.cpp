#include "site/build.hpp"

#include "site/values.hpp"

#include <algorithm>

namespace causeway::site {
namespace {

std::string name_from(const std::filesystem::path& file) {
    std::string name = file.stem().string();
    if (!name.empty() && !is_name(name.substr(0, 1))) name.insert(0, "site");
    for (char& c : name) {
        if (!is_name(std::string("x") + c)) c = '-';
    }
    return name.empty() ? "site" : name.substr(0, 63);
}

/// Beside the file that says so; what --set says is from where the command was given.
std::filesystem::path state_folder(const Setting<std::string>& state,
                                   const std::filesystem::path& file) {
    const std::filesystem::path folder(state.value);
    if (state.at.override != 0) return folder.lexically_normal();
    return (file.parent_path() / folder).lexically_normal();
}

/// A socket on one keeps the other from being opened, or answers in its place.
bool clash(const net::Endpoint& a, const net::Endpoint& b) {
    if (a.v6 != b.v6 || a.port != b.port || a.port == 0) return false;
    return a.address == b.address || a.is_any() || b.is_any();
}

/// The host's address behind the prefix, unless the file says another.
constexpr ip::InterfaceId first_host{{{}, {}, {}, {}, {}, {}, {}, std::byte{1}}};

/// The ports that the site opens on this host, and who opens them.
class Ports {
public:
    void open(const Section& section, std::string_view leaf,
              const Setting<net::Endpoint>& setting) {
        if (!setting.sound || refuse(section, leaf, setting, "is taken by")) return;
        open_.push_back({section.path_of(leaf), setting.value});
    }

    /// Complains where a peer's address is one of our own.
    bool refuse(const Section& section, std::string_view leaf,
                const Setting<net::Endpoint>& setting, std::string_view why) const {
        const auto taken = std::ranges::find_if(
            open_, [&](const Open& open) { return clash(open.endpoint, setting.value); });
        if (!setting.sound || taken == open_.end()) return false;
        section.complain(setting.at,
                         section.path_of(leaf) + ": " + setting.value.text() + ' ' +
                             std::string(why) + ' ' + taken->who,
                         "another port");
        return true;
    }

private:
    struct Open {
        std::string who;
        net::Endpoint endpoint;
    };
    std::vector<Open> open_;
};

void build_externals(const Section& document, const NodeNames& nodes, Ports& ports, Site& site) {
    std::map<std::string, Place> names;
    std::vector<std::pair<Section, Setting<net::Endpoint>>> remotes;
    for (const Section& section : document.sections("external")) {
        const auto name = section.take_required<std::string>("name");
        const auto at = section.take_required<sim::Position>("at");
        const auto local = section.take_required<net::Endpoint>("local");
        const auto remote = section.take_required<net::Endpoint>("remote");
        if (name.usable() &&
            (nodes.contains(name.value) || !names.emplace(name.value, name.at).second)) {
            section.complain(name.at, "external.name: \"" + name.value + "\" is taken",
                             "a name of its own for each node");
        }
        if (local.sound && remote.sound && local.value.v6 != remote.value.v6) {
            section.complain(remote.at,
                             "external.remote: " + remote.value.text() +
                                 " cannot be reached from " + local.value.text(),
                             "both IPv4, or both IPv6");
        }
        ports.open(section, "local", local);
        remotes.emplace_back(section, remote);
        site.mesh.externals.push_back(
            {name.value, at.value, local.value.text(), remote.value.text()});
    }
    for (const auto& [section, remote] : remotes) {
        ports.refuse(section, "remote", remote, "is this site's own, of");
    }
}

void build_uplink(const Section& section, Site& site) {
    site.uplink.enabled = section.take<bool>("enabled").value;
    site.uplink.tun = section.take<std::string>("tun").value;
    const ip::Prefix& prefix = site.mesh.nodes.front().config.prefix;
    const auto address = section.take<ip::Address>("address");
    site.uplink.host_address = address.usable() ? address.value : prefix.with(first_host);
    site.mesh.nodes.front().config.host_addresses = {site.uplink.host_address};
    for (sim::NodePlan& node : site.mesh.nodes) {
        if (node.config.directory)
            node.config.directory->address = client_address_beside(site.uplink.host_address);
        if (prefix.with(interface_id_of(node.config.eui64)) != site.uplink.host_address) continue;
        section.complain(address.at,
                         "uplink.address: " + site.uplink.host_address.to_text() +
                             " is the address of " + node.name,
                         "an address that no node has");
    }
}

/// What the broker's side opens by UDP shares the space of the other UDP ports.
void open_sn_port(const Section& sn, const Site& site, Ports& ports) {
    if (!site.mqtt || !site.mqtt->sn) return;
    const auto listen = net::Endpoint::parse(site.mqtt->sn->listen);
    if (listen) ports.open(sn, "listen", {.value = *listen, .at = sn.at(), .given = true});
}

/// And by TCP: among themselves.
void check_tcp_ports(const Section& top, const Site& site) {
    std::vector<std::pair<std::string, net::Endpoint>> taken;
    if (site.mqtt)
        for (const MqttListener& listener : site.mqtt->listeners)
            if (const auto listen = net::Endpoint::parse(listener.listen))
                taken.emplace_back("mqtt.listener " + listener.name, *listen);
    const auto refuse = [&](const Section& section, Place at, std::string_view key,
                            const net::Endpoint& endpoint) {
        for (const auto& [who, other] : taken)
            if (clash(other, endpoint))
                section.complain(at,
                                 std::string(key) + ": " + endpoint.text() + " is taken by " + who,
                                 "another port");
    };
    if (site.scada) {
        // Lines among themselves are compared where they are read.
        const auto lines = scada_listens(*site.scada);
        for (const Section& line : top.section("scada").sections("line")) {
            const auto listen = line.take<net::Endpoint>("listen");
            if (listen.usable()) refuse(line, listen.at, "scada.line.listen", listen.value);
        }
        for (const auto& [name, listen] : lines) taken.emplace_back("scada.line " + name, listen);
    }
    if (!site.management) return;
    const Section management = top.section("management");
    const auto listen = management.take<net::Endpoint>("listen");
    refuse(management, listen.at, "management.listen", listen.value);
}

}  // namespace

ip::Address client_address_beside(const ip::Address& host) {
    ip::Address address = host;
    address.octets[15] = std::byte((std::to_integer<unsigned>(address.octets[15]) + 1) & 0xff);
    return address;
}

std::string path_beside(const std::string& name, const std::filesystem::path& file) {
    return (file.parent_path() / name).lexically_normal().string();
}

std::string file_beside(const Section& section, std::string_view leaf,
                        const std::filesystem::path& file) {
    const auto setting = section.take<std::string>(leaf);
    if (!setting.usable()) return {};
    if (setting.at.override == 0) return path_beside(setting.value, file);
    return std::filesystem::path(setting.value).lexically_normal().string();
}

ip::InterfaceId interface_id_of(std::uint64_t eui64) {
    ip::InterfaceId id{};
    ByteWriter(id).be64(eui64 ^ 0x02'00'00'00'00'00'00'00u);
    return id;
}

Site build(const Table& document, const std::filesystem::path& file, Complaints& complaints) {
    Site site;
    const Section top(document, "", {}, complaints);
    const auto name = top.take<std::string>("name");
    site.name = name.usable() ? name.value : name_from(file);
    site.state = state_folder(top.take<std::string>("state"), file);

    const Section mesh = top.section("mesh");
    (void)mesh.take<std::string>("link");  // the schema knows one
    site.mesh.name = site.name;
    site.mesh.seed = static_cast<std::uint64_t>(mesh.take<std::int64_t>("seed").value);
    site.mesh.radio_channel =
        static_cast<std::uint8_t>(mesh.take<std::int64_t>("radio_channel").value);
    site.mesh.crystal_ppm = mesh.take<double>("crystal_ppm").value;
    const Section channel = mesh.section("channel");
    site.mesh.channel = channel_plan(channel);
    site.mesh.interferers = interferer_plans(channel);
    site.mesh.radio = radio_plan(mesh.section("radio"));
    const NodeNames names = build_nodes(mesh, common_config(mesh), file, site);
    site.mesh.faults = fault_plans(mesh, names);

    Ports ports;
    const Section proxy = top.section("proxy");
    const auto listen = proxy.take<net::Endpoint>("listen");
    site.proxy.enabled = proxy.take<bool>("enabled").value;
    site.proxy.listen = listen.value.text();
    if (site.proxy.enabled) ports.open(proxy, "listen", listen);
    build_externals(top, names, ports, site);
    build_uplink(top.section("uplink"), site);

    // Without a mesh, what serves one would only be in the way.
    const bool has_mqtt = find(document, "mqtt") != nullptr;
    const bool has_coap = find(document, "coap") != nullptr;
    const bool has_scada = find(document, "scada") != nullptr;
    site.has_mesh = !(has_mqtt || has_coap || has_scada) || find(document, "mesh") ||
                    find(document, "external");
    if (!site.has_mesh) site.uplink.enabled = site.proxy.enabled = false;
    Coap coap = build_coap(top.section("coap"), file, site.proxy);
    if (has_coap || site.proxy.enabled) site.coap = std::move(coap);
    const Section mqtt = top.section("mqtt");
    Mqtt broker = build_mqtt(mqtt, file);
    broker.sn = build_mqtt_sn(mqtt.section("sn"), mqtt.has("sn"));
    if (has_mqtt) site.mqtt = std::move(broker);
    // Nodes find the MQTT-SN gateway at the border router's own address.
    if (site.mqtt && site.mqtt->sn)
        site.mesh.nodes.front().config.host_ports = {mqtt::sn::default_port};
    const Section management = top.section("management");
    site.management = build_management(management, file);
    open_sn_port(mqtt.section("sn"), site, ports);
    site.scada = build_scada(top, file, site);
    check_tcp_ports(top, site);
    return site;
}

}  // namespace causeway::site
