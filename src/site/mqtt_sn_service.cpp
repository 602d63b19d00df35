#include "site/mqtt_sn_service.hpp"

#include "net/host.hpp"
#include "net/udp_socket.hpp"
#include "site/mqtt_notes.hpp"
#include "site/mqtt_sn_settings.hpp"

#include <fmt/format.h>

#include <unordered_map>

namespace causeway::site {
namespace {

namespace sn = mqtt::sn;

std::string_view word_for(sn::Note::Kind kind) {
    using Kind = sn::Note::Kind;
    switch (kind) {
        case Kind::connected:
            return "connected";
        case Kind::disconnected:
            return "disconnected";
        case Kind::refused:
            return "refused";
        case Kind::lost:
            return "lost";
        case Kind::asleep:
            return "asleep";
        case Kind::moved:
            return "moved";
        case Kind::link_refused:
            return "the broker refuses";
        case Kind::link_lost:
            return "the broker closed its connection";
    }
    return "?";
}

}  // namespace

struct MqttSnService::State {
    State(net::Io& io, const MqttSn& site, MqttService& service, MqttService::Log given_log,
          net::UdpSocket opened)
        : mqtt(service),
          log(std::move(given_log)),
          socket(std::move(opened)),
          gateway(settings_of(site), Random(net::Clock::wall_now_ns()), Instant{}),
          host(io, gateway, [this](sn::GatewayOutput output) { on_output(std::move(output)); }) {
        socket.receive(
            [this](const net::Endpoint& from, Bytes octets) { datagram(peer_of(from), octets); });
    }

    void datagram(const sn::Peer& peer, Bytes octets) {
        Octets copy = to_octets(octets);
        const Bytes borrowed = copy;
        host.input(sn::DatagramReceived{peer, borrowed}, std::move(copy));
    }

    void on_output(sn::GatewayOutput output) {
        std::visit(Overloaded{
                       [&](const sn::SendDatagram& out) { send(out.peer, out.octets); },
                       [&](const sn::OpenBroker& out) { open_link(out.link); },
                       [&](sn::SendBroker& out) {
                           if (const auto found = links.find(out.link); found != links.end())
                               mqtt.send(found->second, std::move(out.octets));
                       },
                       [&](const sn::CloseBroker& out) {
                           if (auto node = links.extract(out.link)) mqtt.close(node.mapped());
                       },
                       [&](const sn::Note& note) { tell(note); },
                   },
                   output);
    }

    void send(const sn::Peer& peer, Bytes octets) {
        const ip::Address address{peer.address};
        if (to_mesh && mesh && mesh->contains(address))
            to_mesh(address, peer.port, octets);
        else
            socket.send(endpoint_of(peer), octets);
    }

    void open_link(sn::LinkId link) {
        const auto opened = mqtt.open_link(
            "mqtt-sn", {.received =
                            [this, link](Bytes octets) {
                                Octets copy = to_octets(octets);
                                const Bytes borrowed = copy;
                                host.input(sn::BrokerReceived{link, borrowed}, std::move(copy));
                            },
                        .closed =
                            [this, link] {
                                links.erase(link);
                                host.input(sn::BrokerClosed{link});
                            },
                        .paused = {}});
        links.emplace(link, opened);
    }

    void tell(const sn::Note& note) {
        std::string line = "mqtt-sn: ";
        if (!note.client_id.empty()) {
            line +=
                fmt::format("{} ({}) ", printable(note.client_id), endpoint_of(note.peer).text());
        }
        line += word_for(note.kind);
        if (!note.what.empty()) line += fmt::format(" ({})", note.what);
        log(line);
    }

    using Host = net::Host<sn::Gateway, std::function<void(sn::GatewayOutput)>>;

    MqttService& mqtt;
    MqttService::Log log;
    net::UdpSocket socket;
    std::optional<ip::Prefix> mesh;
    ToMesh to_mesh;
    std::unordered_map<sn::LinkId, MqttService::LinkId> links;
    sn::Gateway gateway;
    Host host;
};

net::Opened<MqttSnService> MqttSnService::open(net::Io& io, const MqttSn& site, MqttService& mqtt,
                                               MqttService::Log log) {
    auto socket = net::UdpSocket::open(io, site.listen);
    if (!socket) return std::unexpected(std::move(socket.error()));
    return MqttSnService(
        std::make_unique<State>(io, site, mqtt, std::move(log), *std::move(socket)));
}

MqttSnService::MqttSnService(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
MqttSnService::MqttSnService(MqttSnService&&) noexcept = default;
MqttSnService& MqttSnService::operator=(MqttSnService&&) noexcept = default;
MqttSnService::~MqttSnService() = default;

void MqttSnService::reach_mesh(const ip::Prefix& prefix, ToMesh to_mesh) {
    state_->mesh = prefix;
    state_->to_mesh = std::move(to_mesh);
}

void MqttSnService::from_mesh(const ip::Address& from, std::uint16_t port, Bytes octets) {
    state_->datagram({from.octets, port}, octets);
}

std::string MqttSnService::listening_on() const {
    return state_->socket.local().text();
}

const mqtt::sn::Gateway& MqttSnService::gateway() const noexcept {
    return state_->gateway;
}

void MqttSnService::shut_down() {
    state_->host.input(mqtt::sn::ShutDown{});
}

}  // namespace causeway::site
