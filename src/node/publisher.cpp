#include "node/publisher.hpp"

#include "base/hex.hpp"

#include <array>

namespace causeway::node {
namespace {

std::string name_of(const Config& config) {
    if (!config.mqtt_sn->name.empty()) return config.mqtt_sn->name;
    std::array<std::byte, 8> eui64{};
    ByteWriter(eui64).be64(config.eui64);
    return to_hex(eui64);
}

}  // namespace

Publisher::Publisher(const Config& config, Random random, Teller teller)
    : settings_(*config.mqtt_sn), name_(name_of(config)), random_(random), teller_(teller) {}

void Publisher::reachable(Instant now, const ip::Address& root) {
    const ip::Address gateway = settings_.gateway.value_or(root);
    if (client_ && gateway == gateway_) return;
    gateway_ = gateway;
    mqtt::sn::ClientSettings settings;
    settings.client_id = name_;
    settings.gateway = mqtt::sn::Peer{gateway.octets, settings_.port};
    settings.keep_alive_seconds = settings_.keep_alive_seconds;
    settings.sleep_seconds = settings_.sleep_seconds;
    client_.emplace(std::move(settings), random_, now, teller_);
    client_->handle(now, mqtt::sn::Client::Start{});
    carry();
}

bool Publisher::publish(Instant now, std::uint16_t id, std::string_view sensor, std::string value) {
    if (!client_) return false;
    std::string topic = settings_.topic_prefix;
    if (!topic.empty()) topic += '/';
    topic += name_;
    topic += '/';
    topic += sensor;
    client_->handle(now, mqtt::sn::Client::DoPublish{.id = id,
                                                     .topic = std::move(topic),
                                                     .payload = std::move(value),
                                                     .qos = settings_.qos});
    return carry(id);
}

void Publisher::received(Instant now, const ip::Address& peer, std::uint16_t port, Bytes payload) {
    if (!client_) return;
    client_->handle(now, mqtt::sn::DatagramReceived{{peer.octets, port}, payload});
    carry();
}

void Publisher::handle_timeout(Instant now) {
    client_->handle_timeout(now);
    carry();
}

bool Publisher::carry(std::uint16_t id) {
    using Client = mqtt::sn::Client;
    bool taken = true;
    while (auto output = client_->poll_output()) {
        if (auto* datagram = std::get_if<mqtt::sn::SendDatagram>(&*output))
            out_.push(std::move(*datagram));
        else if (const auto* published = std::get_if<Client::Published>(&*output);
                 published != nullptr && published->id == id)
            taken = published->outcome != Client::Outcome::dropped;
    }
    return taken;
}

}  // namespace causeway::node
