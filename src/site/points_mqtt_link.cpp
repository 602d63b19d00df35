#include "site/points_mqtt_link.hpp"

#include "site/kept_oscore.hpp"

#include <fmt/format.h>

namespace causeway::site {
namespace {

namespace client = mqtt::client;

/// In one SUBSCRIBE.
constexpr std::size_t filters_max = 500;

mqtt::ClientSettings link_settings() {
    mqtt::ClientSettings settings;
    settings.version = mqtt::Version::v5;
    // A name that nobody guesses: who comes with it again would take the connection over.
    settings.client_id = fmt::format("causeway/points/{:016x}", unpredictable().next());
    settings.keep_session = false;
    settings.keep_alive_seconds = 0;
    settings.packet_octets_max = 1 << 20;
    settings.inflight_max = 1'000;
    settings.doubles_rather_than_loses = false;
    settings.reconnect = mqtt::ClientSettings::Reconnect{};
    return settings;
}

/// Texts end to end, so that one allocation is borrowed from as long as it takes.
class Strings {
public:
    std::size_t add(std::string_view text) {
        const std::size_t at = octets_.size();
        const Bytes from = as_octets(text);
        octets_.insert(octets_.end(), from.begin(), from.end());
        return at;
    }
    [[nodiscard]] std::string_view at(std::size_t offset, std::size_t size) const {
        return as_text(Bytes(octets_)).substr(offset, size);
    }
    [[nodiscard]] std::size_t octets() const noexcept { return octets_.size(); }
    [[nodiscard]] Octets take() { return std::move(octets_); }

private:
    Octets octets_;
};

}  // namespace

PointsMqttLink::PointsMqttLink(net::Io& io, MqttService& service, MqttService::Log log,
                               Events events)
    : mqtt_(service),
      log_(std::move(log)),
      events_(std::move(events)),
      client_(link_settings(), Random(net::Clock::wall_now_ns())),
      host_(io, client_, [this](client::Output output) { on_output(std::move(output)); }) {}

PointsMqttLink::~PointsMqttLink() {
    if (link_) mqtt_.close(*link_);
}

void PointsMqttLink::start() {
    host_.input(client::DoConnect{});
}

void PointsMqttLink::open() {
    link_ = mqtt_.open_link("points", {.received =
                                           [this](Bytes octets) {
                                               Octets copy = to_octets(octets);
                                               const Bytes borrowed = copy;
                                               host_.input(client::BytesReceived{borrowed},
                                                           std::move(copy));
                                           },
                                       .closed =
                                           [this] {
                                               link_.reset();
                                               host_.input(client::TransportClosed{});
                                           },
                                       .paused =
                                           [this](bool paused) {
                                               paused_ = paused;
                                               if (has_room()) events_.room();
                                           }});
    host_.input(client::TransportOpened{});
}

void PointsMqttLink::on_output(client::Output output) {
    std::visit(
        Overloaded{
            [&](client::SendOctets& out) {
                if (link_) mqtt_.send(*link_, std::move(out.octets));
            },
            [&](const client::MessageArrived& out) { events_.arrived(out.publish); },
            [&](const client::Published& out) {
                if (under_way_ > 0) --under_way_;
                if (out.ticket != client::Ticket{0})
                    events_.published(std::to_underlying(out.ticket),
                                      out.unknown ? mqtt::Reason::unspecified_error : out.reason);
                if (has_room()) events_.room();
            },
            [&](const client::OpenTransport&) { open(); },
            [&](const client::CloseTransport&) {
                if (link_) mqtt_.close(*link_);
                link_.reset();
            },
            [&](const client::Connected& out) {
                const mqtt::Properties& said = out.connack.properties;
                qos_max_ = static_cast<mqtt::Qos>(said.maximum_qos.value_or(2));
                retains_ = said.retain_available.value_or(true);
                connected_ = true;
                paused_ = false;
                events_.connected();
            },
            [&](const client::ConnectionRefused& out) {
                log_(fmt::format("points: the broker refuses: {}", name_of(out.connack.reason)));
            },
            [&](const client::Subscribed& out) {
                for (const mqtt::Reason reason : out.reasons)
                    if (is_error(reason))
                        log_(fmt::format("points: the broker refuses a subscription: {}",
                                         name_of(reason)));
            },
            [&](const client::Disconnected& out) {
                if (std::exchange(connected_, false)) events_.lost();
                if (!out.what.empty()) log_("points: the broker closed: " + out.what);
            },
            [](const auto&) {},
        },
        output);
}

void PointsMqttLink::publish(std::uint64_t ticket, const Parcel& parcel) {
    Strings strings;
    const std::size_t topic = strings.add(parcel.topic);
    const std::size_t payload = strings.add(parcel.payload);
    const std::size_t content_type = strings.add(parcel.content_type);
    const std::size_t correlation = strings.add(parcel.correlation);
    const std::size_t user = strings.octets();
    for (const auto& [name, value] : parcel.user) {
        strings.add(name);
        strings.add(value);
    }
    mqtt::Publish publish;
    publish.qos = std::min(parcel.qos, qos_max_);
    publish.retain = parcel.retain && retains_;
    publish.topic = strings.at(topic, parcel.topic.size());
    publish.payload = as_octets(strings.at(payload, parcel.payload.size()));
    if (!parcel.content_type.empty())
        publish.properties.content_type = strings.at(content_type, parcel.content_type.size());
    if (!parcel.correlation.empty())
        publish.properties.correlation_data = strings.at(correlation, parcel.correlation.size());
    publish.properties.message_expiry_seconds = parcel.expiry_seconds;
    std::size_t at = user;
    for (const auto& [name, value] : parcel.user) {
        publish.properties.user.push_back(
            {strings.at(at, name.size()), strings.at(at + name.size(), value.size())});
        at += name.size() + value.size();
    }
    ++under_way_;
    host_.input(client::DoPublish{client::Ticket{ticket}, std::move(publish)}, strings.take());
}

void PointsMqttLink::subscribe(std::span<const mqtt::Subscribe::Entry> entries) {
    while (!entries.empty()) {
        const auto some = entries.first(std::min(entries.size(), filters_max));
        client::DoSubscribe subscribe{client::Ticket{0}, {}};
        subscribe.subscribe.entries.assign(some.begin(), some.end());
        host_.input(std::move(subscribe));
        entries = entries.subspan(some.size());
    }
}

}  // namespace causeway::site
