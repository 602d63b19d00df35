#include "site/gateway.hpp"

#include "coap/peer.hpp"
#include "ip/extension.hpp"
#include "ip/udp.hpp"
#include "link/ieee802154/fcs.hpp"
#include "net/pacer.hpp"
#include "net/radio_port.hpp"
#include "net/tun.hpp"
#include "node/object_security.hpp"
#include "site/build.hpp"

#include <algorithm>
#include <functional>
#include <vector>

namespace causeway::site {
namespace {

constexpr std::uint16_t client_port = coap::default_port;

}  // namespace

struct Gateway::State {
    State(net::Io& io_loop, Site opened_site, Options given)
        : io(io_loop),
          site(prepared(std::move(opened_site))),
          options(given),
          host_address(site.uplink.host_address),
          client_address(client_address_beside(host_address)),
          mesh(site.mesh, options.tap),
          pacer(io, {.next = [this] { return mesh.next_event(); },
                     .run_until =
                         [this](Instant until) {
                             mesh.run_until(until);
                             flush();
                         }}) {}

    static Site prepared(Site site) {
        auto& root = site.mesh.nodes.front().config;
        root.host_addresses = {site.uplink.host_address,
                               client_address_beside(site.uplink.host_address)};
        return site;
    }

    [[nodiscard]] std::string memory_of(std::size_t node, std::string_view context) const {
        return "node/" + site.mesh.nodes[node].name + '/' + std::string(context);
    }
    [[nodiscard]] const ip::Prefix& prefix() const { return site.mesh.nodes.front().config.prefix; }

    std::optional<net::Trouble> open_tun();
    std::optional<net::Trouble> open_externals();

    void recall();
    void remember();
    void enter_mesh(Octets packet);
    void flush();
    void leave_mesh(Octets packet);
    void from_external(std::size_t index, const net::RadioPort::Received& received);

    net::Io& io;
    Site site;
    Options options;
    ip::Address host_address;
    ip::Address client_address;
    sim::Network mesh;
    net::Pacer pacer;
    std::optional<net::Tun> tun;
    std::optional<std::string> without_tun;
    std::vector<net::RadioPort> externals;
    OnDatagram on_datagram;
    OnDatagram on_coap;
    std::vector<std::size_t> protected_nodes;  // that have security contexts
    std::optional<std::string> memory_trouble;
    Traffic traffic;
};

std::optional<net::Trouble> Gateway::State::open_tun() {
    if (!site.uplink.enabled) return std::nullopt;
    net::Tun::Settings settings;
    settings.name = site.uplink.tun;
    settings.address = host_address.octets;
    settings.prefix = prefix().address.octets;
    settings.prefix_length = prefix().length;
    auto opened = net::Tun::open(io, settings);
    if (!opened) {
        // Without the privilege everything else still runs; any other trouble is one.
        if (opened.error().code != std::errc::operation_not_permitted &&
            opened.error().code != std::errc::permission_denied)
            return opened.error();
        without_tun = opened.error().line;
        return std::nullopt;
    }
    tun = *std::move(opened);
    tun->receive([this](Bytes packet) { enter_mesh(to_octets(packet)); },
                 [this](const net::Trouble& trouble) {
                     without_tun = trouble.line;
                     tun.reset();
                 });
    return std::nullopt;
}

std::optional<net::Trouble> Gateway::State::open_externals() {
    for (std::size_t i = 0; i < site.mesh.externals.size(); ++i) {
        const auto& plan = site.mesh.externals[i];
        const auto local = net::Endpoint::parse(plan.local);
        const auto remote = net::Endpoint::parse(plan.remote);
        if (!local) return net::Trouble{local.error(), {}};
        if (!remote) return net::Trouble{remote.error(), {}};
        auto port = net::RadioPort::open(
            io, {.local = *local, .remote = *remote, .device = static_cast<std::uint16_t>(i + 1)});
        if (!port) return port.error();
        port->receive(
            [this, i](const net::RadioPort::Received& received) { from_external(i, received); });
        externals.push_back(*std::move(port));
    }
    return std::nullopt;
}

/// In one turn: the frame into the medium, and what answers it onto the socket.
void Gateway::State::from_external(std::size_t index, const net::RadioPort::Received& received) {
    std::optional<Bytes> frame = received.frame;
    if (received.has_fcs) frame = link::ieee802154::without_fcs(received.frame);
    if (!frame || frame->size() > link::ieee802154::Frame::capacity) {
        ++traffic.frames_unsound;
        return;
    }
    ++traffic.frames_from_externals;
    mesh.run_until(pacer.now());
    mesh.frame_from_external(index, link::ieee802154::Frame(*frame));
    flush();
    pacer.poke();
}

/// What the nodes remembered when this site last ran.
void Gateway::State::recall() {
    if (options.states == nullptr) return;
    for (std::size_t i = 0; i < mesh.size(); ++i) {
        for (const std::string_view context : node::context_names) {
            const Octets* kept = options.states->find(memory_of(i, context));
            if (kept != nullptr) mesh.flash(i).oscore[std::string(context)] = *kept;
        }
    }
}

/// Before anything that they send arrives anywhere.
void Gateway::State::remember() {
    if (options.states == nullptr) return;
    for (std::size_t i = 0; i < protected_nodes.size(); ++i) {
        node::Flash& flash = mesh.flash(protected_nodes[i]);
        if (!std::exchange(flash.written, false)) continue;
        for (const auto& [context, state] : flash.oscore) {
            const auto trouble = options.states->put(memory_of(protected_nodes[i], context), state);
            if (trouble && !memory_trouble) memory_trouble = trouble->line;
        }
    }
}

void Gateway::State::enter_mesh(Octets packet) {
    ++traffic.packets_from_host;
    if (options.capture != nullptr) options.capture->packet(mesh.now(), packet, true);
    mesh.run_until(std::max(mesh.now(), pacer.now()));
    mesh.packet_from_host(std::move(packet));
    flush();
    pacer.poke();
}

void Gateway::State::flush() {
    remember();
    while (const auto out = mesh.poll_frame_to_external()) {
        Octets frame = to_octets(out->frame.bytes());
        link::ieee802154::append_fcs(frame);
        externals[out->external].send(frame, out->lqi, site.mesh.radio_channel);
    }
    while (auto packet = mesh.poll_packet_to_host()) leave_mesh(*std::move(packet));
    while (const auto datagram = mesh.poll_datagram_to_host()) {
        if (on_datagram) on_datagram(datagram->source, datagram->source_port, datagram->payload);
    }
}

void Gateway::State::leave_mesh(Octets packet) {
    ++traffic.packets_to_host;
    if (options.capture != nullptr) options.capture->packet(mesh.now(), packet, false);
    const auto parsed = ip::parse_ipv6(packet);
    if (!parsed) return;
    if (parsed->header.target != client_address) {
        if (tun) tun->send(packet);
        return;
    }
    const auto upper = ip::find_upper_layer(packet);
    if (!on_coap || !upper || !(upper->next_header == ip::NextHeader::udp)) return;
    const auto datagram = ip::parse_udp(parsed->header.source, parsed->header.target,
                                        Bytes(packet).subspan(upper->offset));
    if (!datagram || datagram->target_port != client_port) return;
    ++traffic.coap_datagrams;
    on_coap(parsed->header.source, datagram->source_port, datagram->payload);
}

net::Opened<Gateway> Gateway::open(net::Io& io, Site site, Options options) {
    auto state = std::make_unique<State>(io, std::move(site), options);
    for (std::size_t i = 0; i < state->mesh.size(); ++i)
        if (state->site.mesh.nodes[i].config.oscore) state->protected_nodes.push_back(i);
    state->recall();
    if (auto trouble = state->open_tun()) return std::unexpected(*std::move(trouble));
    if (auto trouble = state->open_externals()) return std::unexpected(*std::move(trouble));
    return Gateway(std::move(state));
}

Gateway::Gateway(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
Gateway::Gateway(Gateway&&) noexcept = default;
Gateway& Gateway::operator=(Gateway&&) noexcept = default;
Gateway::~Gateway() = default;

void Gateway::on_datagram(OnDatagram heard) {
    state_->on_datagram = std::move(heard);
}

void Gateway::send_datagram(const ip::Address& to, std::uint16_t port, Bytes octets) {
    State& state = *state_;
    state.mesh.run_until(std::max(state.mesh.now(), state.pacer.now()));
    state.mesh.datagram_from_host({.target = to,
                                   .target_port = port,
                                   .source_port = mqtt::sn::default_port,
                                   .payload = to_octets(octets)});
    state.flush();
    state.pacer.poke();
}

void Gateway::on_coap(OnDatagram heard) {
    state_->on_coap = std::move(heard);
}

void Gateway::send_coap(const ip::Address& to, std::uint16_t port, Bytes octets) {
    State& state = *state_;
    ++state.traffic.coap_datagrams;
    state.enter_mesh(ip::make_udp_packet({.source = state.client_address,
                                          .target = to,
                                          .source_port = client_port,
                                          .target_port = port,
                                          .payload = octets},
                                         ip::hop_limit_default));
}

void Gateway::start() {
    state_->pacer.start();
}

const sim::Network& Gateway::network() const noexcept {
    return state_->mesh;
}

Instant Gateway::now() const {
    return state_->mesh.now();
}

std::optional<std::string> Gateway::tun() const {
    return state_->tun ? std::optional(state_->tun->name()) : std::nullopt;
}

const std::optional<std::string>& Gateway::without_tun() const noexcept {
    return state_->without_tun;
}

Gateway::Traffic Gateway::traffic() const {
    Traffic traffic = state_->traffic;
    traffic.late_max = state_->pacer.lateness().max();
    return traffic;
}

}  // namespace causeway::site
