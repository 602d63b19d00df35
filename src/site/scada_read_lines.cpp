// [[scada.line]], and who may use one.
#include "site/scada_reader.hpp"
#include "site/values.hpp"

#include <algorithm>
#include <array>

namespace causeway::site {
namespace {

constexpr std::array parity_words{std::string_view("none"), std::string_view("even"),
                                  std::string_view("odd"), std::string_view("mark"),
                                  std::string_view("space")};

/// Keys that some kinds of lines have, and which.
constexpr std::array keys_of_kinds{
    std::pair(std::string_view("baud"), std::string_view("serial pty")),
    std::pair(std::string_view("data_bits"), std::string_view("serial pty")),
    std::pair(std::string_view("parity"), std::string_view("serial pty")),
    std::pair(std::string_view("stop_bits"), std::string_view("serial pty")),
    std::pair(std::string_view("flow"), std::string_view("serial pty")),
    std::pair(std::string_view("rts_before"), std::string_view("serial")),
    std::pair(std::string_view("rts_hold"), std::string_view("serial")),
    std::pair(std::string_view("remote"), std::string_view("udp")),
    std::pair(std::string_view("peers_max"), std::string_view("listen udp")),
    std::pair(std::string_view("take_over"), std::string_view("listen")),
    std::pair(std::string_view("allow"), std::string_view("listen")),
    std::pair(std::string_view("tls"), std::string_view("connect listen")),
    std::pair(std::string_view("certificate"), std::string_view("connect listen")),
    std::pair(std::string_view("ca_file"), std::string_view("connect listen"))};

/// Whoever has the one keeps the other from being opened.
bool is_same_place(const net::Endpoint& a, const net::Endpoint& b) {
    return a.v6 == b.v6 && a.port == b.port && a.port != 0 &&
           (a.address == b.address || a.is_any() || b.is_any());
}

}  // namespace

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
        std::ranges::find(parity_words, section.take<std::string>("parity").value) -
        parity_words.begin());
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
    net::TlsClient client;
    client.ca_file = file_beside(section, "ca_file", file_);
    client.certificate = file_beside(section, "certificate", file_);
    client.key = file_beside(section, "key", file_);
    const auto tls = section.take<bool>("tls");
    if (tls.usable() ? tls.value : !client.certificate.empty()) spec.tls = std::move(client);
    return spec;
}

net::LineSpec ScadaReader::listen_spec(const Section& section) const {
    net::TcpListenSpec spec;
    spec.address = section.take<net::Endpoint>("listen").value.text();
    set(spec.peers_max, section, "peers_max");
    spec.take_over = section.take<bool>("take_over").value;
    spec.allow = section.take<std::vector<std::string>>("allow").value;
    const std::string certificate = file_beside(section, "certificate", file_);
    const auto tls = section.take<bool>("tls");
    const bool wanted = tls.usable() ? tls.value : !certificate.empty();
    if (section.has("listen") && certificate.empty() && (wanted || section.has("ca_file")))
        section.complain(tls.at, section.path_of("tls") + ": who are we?",
                         "a certificate and its key beside it");
    if (wanted && !certificate.empty()) {
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
    if (std::ranges::count_if(kinds, given) == 1) {
        const auto& [kind, spec] = *std::ranges::find_if(kinds, given);
        check_keys_of(section, kind);
        check_line(section, kind);
        return spec;
    }
    if (std::ranges::count_if(kinds, given) == 2 && section.has("connect") &&
        section.has("listen")) {  // a dual end point
        check_line(section, "listen");
        return connect_spec(section);
    }
    section.complain(section.at(), section.path_of("name") + ": what kind of line is it?",
                     "one of serial, pty, connect, listen, udp; connect and listen for DNP3");
    return std::nullopt;
}

void ScadaReader::check_keys_of(const Section& section, std::string_view kind) {
    for (const auto& [leaf, kinds] : keys_of_kinds) {
        if (!section.has(leaf) || kinds.find(kind) != std::string_view::npos) continue;
        const auto blank = kinds.find(' ');
        section.complain(section.at(),
                         section.path_of(leaf) + ": not of a line that is " + std::string(kind),
                         (blank == std::string_view::npos ? "" : "only of ") + std::string(kinds));
    }
}

void ScadaReader::check_line(const Section& section, std::string_view kind) const {
    const bool port = kind == "serial" || kind == "pty";
    const auto taken = [&](Place at, const std::string& what, const std::string& by) {
        section.complain(at, section.path_of(kind) + ": " + what + " is taken by line " + by,
                         port ? "a port of its own for each line" : "another port");
    };
    if (port) {
        const auto name = section.take<std::string>(kind);
        for (const ScadaLine& other : site_.lines) {
            const auto* serial = std::get_if<net::SerialSpec>(&other.spec);
            // The two ends of a pty are two lines.
            if (serial != nullptr && serial->make_pty == (kind == "pty") &&
                serial->device == port_path(name.value))
                taken(name.at, serial->device, other.name);
        }
        return;
    }
    if (kind == "connect") return;
    const auto endpoint = section.take<net::Endpoint>(kind);
    for (const ScadaLine& other : site_.lines) {
        const auto* listen =
            std::get_if<net::TcpListenSpec>(other.door ? &*other.door : &other.spec);
        const auto* udp = std::get_if<net::UdpSpec>(&other.spec);
        std::string where;
        if (kind == "listen" && listen != nullptr) where = listen->address;
        if (kind == "udp" && udp != nullptr) where = udp->local;
        const auto theirs = net::Endpoint::parse(where);
        if (endpoint.usable() && theirs && is_same_place(*theirs, endpoint.value))
            taken(endpoint.at, where, other.name);
    }
}

void ScadaReader::need_remote(const Section& section, std::size_t line) const {
    const auto* udp = std::get_if<net::UdpSpec>(&site_.lines[line].spec);
    if (udp != nullptr && udp->remote.empty())
        section.complain(section.at(),
                         section.path_of("line") + ": line \"" + site_.lines[line].name +
                             "\" does not say where the others are",
                         "remote beside its udp");
}

void ScadaReader::read_line(const Section& section) {
    const auto name = section.take_required<std::string>("name");
    auto spec = line_spec(section);
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
    if (section.has("connect") && section.has("listen")) line.door = listen_spec(section);
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
    if (site_.lines[found->second].door && !user.starts_with("DNP3"))
        section.complain(name.at,
                         section.path_of(leaf) + ": line \"" + name.value +
                             "\" is a dual end point, which only DNP3 knows",
                         "a line with connect or listen alone");
    taken = user;
    return found->second;
}

}  // namespace causeway::site
