#include "site/gateway.hpp"

#include "coap/proxy.hpp"
#include "ip/extension.hpp"
#include "ip/udp.hpp"
#include "link/ieee802154/fcs.hpp"
#include "net/host.hpp"
#include "net/pacer.hpp"
#include "net/radio_port.hpp"
#include "net/tun.hpp"
#include "net/udp_socket.hpp"

#include <algorithm>
#include <functional>
#include <vector>

namespace causeway::site {
namespace {

/// Where the proxy stands inside the mesh's prefix: next to the host.
ip::Address proxy_address_beside(const ip::Address& host) {
    ip::Address address = host;
    address.octets[15] = std::byte((std::to_integer<unsigned>(address.octets[15]) + 1) & 0xff);
    return address;
}

/// The UDP port of the mesh's side of the proxy.
constexpr std::uint16_t proxy_port = coap::default_port;

net::Endpoint endpoint_of(const coap::Peer& peer) {
    net::Endpoint endpoint;
    endpoint.v6 = !peer.is_ipv4();
    const auto octets = Bytes(peer.address).subspan(endpoint.v6 ? 0 : 12);
    std::ranges::copy(octets, endpoint.address.begin());
    endpoint.port = peer.port;
    return endpoint;
}

coap::Peer peer_of(const net::Endpoint& endpoint) {
    coap::Peer peer;
    const std::size_t first = endpoint.v6 ? 0 : 12;
    if (!endpoint.v6) peer.address[10] = peer.address[11] = std::byte{0xff};
    std::copy_n(endpoint.address.begin(), 16 - first, peer.address.begin() + first);
    peer.port = endpoint.port;
    return peer;
}

/// The proxy fetches from this mesh and from nowhere else.
coap::Resolver resolver_for(const ip::Prefix& mesh) {
    return [mesh](std::string_view host, std::uint16_t port) -> std::optional<coap::Peer> {
        const auto address = coap::address_from_literal(host);
        if (!address || !mesh.contains(ip::Address{*address})) return std::nullopt;
        return coap::Peer{*address, port};
    };
}

}  // namespace

struct Gateway::State {
    State(net::Io& io_loop, Site opened_site, Options given)
        : io(io_loop),
          site(prepared(std::move(opened_site))),
          options(given),
          host_address(site.uplink.host_address),
          proxy_address(proxy_address_beside(host_address)),
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
                               proxy_address_beside(site.uplink.host_address)};
        return site;
    }

    [[nodiscard]] const ip::Prefix& prefix() const { return site.mesh.nodes.front().config.prefix; }

    std::optional<net::Trouble> open_tun();
    std::optional<net::Trouble> open_proxy();
    std::optional<net::Trouble> open_externals();

    void enter_mesh(Octets packet);
    void flush();
    void leave_mesh(Octets packet);
    void from_external(std::size_t index, const net::RadioPort::Received& received);
    void on_proxy_output(coap::ForwardProxy::Output output);

    using ProxyHost =
        net::Host<coap::ForwardProxy, std::function<void(coap::ForwardProxy::Output)>>;

    net::Io& io;
    Site site;
    Options options;
    ip::Address host_address;
    ip::Address proxy_address;
    sim::Network mesh;
    net::Pacer pacer;
    std::optional<net::Tun> tun;
    std::optional<std::string> without_tun;
    std::optional<net::UdpSocket> proxy_socket;
    std::optional<coap::ForwardProxy> proxy;
    std::unique_ptr<ProxyHost> proxy_host;
    std::vector<net::RadioPort> externals;
    OnDatagram on_datagram;
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

std::optional<net::Trouble> Gateway::State::open_proxy() {
    if (!site.proxy.enabled) return std::nullopt;
    auto opened = net::UdpSocket::open(io, site.proxy.listen);
    if (!opened) return opened.error();
    proxy_socket = *std::move(opened);
    proxy.emplace(coap::ProxySettings{}, resolver_for(prefix()), Random(net::Clock::wall_now_ns()),
                  Instant{});
    proxy_host = std::make_unique<ProxyHost>(io, *proxy, [this](coap::ForwardProxy::Output output) {
        on_proxy_output(std::move(output));
    });
    proxy_socket->receive([this](const net::Endpoint& from, Bytes octets) {
        ++traffic.datagrams_proxied;
        proxy_host->input(coap::ForwardProxy::FrontDatagram{peer_of(from), to_octets(octets)});
    });
    return std::nullopt;
}

void Gateway::State::on_proxy_output(coap::ForwardProxy::Output output) {
    std::visit(Overloaded{
                   [&](const coap::ForwardProxy::SendFront& front) {
                       proxy_socket->send(endpoint_of(front.peer), front.datagram);
                   },
                   [&](const coap::ForwardProxy::SendBack& back) {
                       enter_mesh(ip::make_udp_packet({.source = proxy_address,
                                                       .target = ip::Address{back.peer.address},
                                                       .source_port = proxy_port,
                                                       .target_port = back.peer.port,
                                                       .payload = back.datagram},
                                                      ip::hop_limit_default));
                   },
               },
               output);
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

void Gateway::State::enter_mesh(Octets packet) {
    ++traffic.packets_from_host;
    if (options.capture != nullptr) options.capture->packet(mesh.now(), packet, true);
    mesh.run_until(std::max(mesh.now(), pacer.now()));
    mesh.packet_from_host(std::move(packet));
    flush();
    pacer.poke();
}

void Gateway::State::flush() {
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
    if (parsed->header.target != proxy_address) {
        if (tun) tun->send(packet);
        return;
    }
    const auto upper = ip::find_upper_layer(packet);
    if (!proxy_host || !upper || !(upper->next_header == ip::NextHeader::udp)) return;
    const auto datagram = ip::parse_udp(parsed->header.source, parsed->header.target,
                                        Bytes(packet).subspan(upper->offset));
    if (!datagram || datagram->target_port != proxy_port) return;
    proxy_host->input(coap::ForwardProxy::BackDatagram{
        coap::Peer{parsed->header.source.octets, datagram->source_port},
        to_octets(datagram->payload)});
}

net::Opened<Gateway> Gateway::open(net::Io& io, Site site, Options options) {
    auto state = std::make_unique<State>(io, std::move(site), options);
    if (auto trouble = state->open_tun()) return std::unexpected(*std::move(trouble));
    if (auto trouble = state->open_proxy()) return std::unexpected(*std::move(trouble));
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

std::optional<std::string> Gateway::proxy() const {
    return state_->proxy_socket ? std::optional(state_->proxy_socket->local().text())
                                : std::nullopt;
}

Gateway::Traffic Gateway::traffic() const {
    Traffic traffic = state_->traffic;
    traffic.late_max = state_->pacer.lateness().max();
    return traffic;
}

}  // namespace causeway::site
