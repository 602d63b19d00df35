#include "site/bridges.hpp"

#include "mqtt/bridge.hpp"
#include "net/host.hpp"
#include "net/stream_host.hpp"
#include "site/text_file.hpp"

#include <fmt/format.h>

#include <unordered_map>

namespace causeway::site {
namespace {

namespace bridge = mqtt::bridge;

mqtt::BridgeTopic topic_of(const MqttBridge::Topic& topic) {
    using Direction = mqtt::BridgeTopic::Direction;
    return {.filter = topic.filter,
            .direction = topic.direction == MqttBridge::Direction::out  ? Direction::out
                         : topic.direction == MqttBridge::Direction::in ? Direction::in
                                                                        : Direction::both,
            .qos = topic.qos,
            .local_prefix = topic.local_prefix,
            .remote_prefix = topic.remote_prefix};
}

std::expected<mqtt::BridgeSettings, net::Trouble> settings_of(const MqttBridge& site) {
    mqtt::BridgeSettings settings;
    settings.name = site.name;
    settings.remote_version = site.version;
    settings.client_id = site.client_id;
    if (!site.user_name.empty()) settings.user_name = site.user_name;
    if (!site.password_file.empty()) {
        const auto password = read_first_line(site.password_file);
        if (!password) return std::unexpected(net::Trouble{password.error(), {}});
        settings.password = to_octets(as_octets(*password));
    }
    settings.keep_alive_seconds = static_cast<std::uint16_t>(
        std::chrono::duration_cast<std::chrono::seconds>(site.keep_alive).count());
    for (const auto& topic : site.topics) settings.topics.push_back(topic_of(topic));
    if (const auto mistake = mistake_in(settings)) {
        return std::unexpected(net::Trouble{"bridge " + site.name + ": " + *mistake, {}});
    }
    return settings;
}

net::ConnectSpec spec_of(const MqttBridge& site) {
    net::ConnectSpec spec;
    spec.host = site.host;
    spec.port = site.port;
    if (site.tls) {
        spec.tls = net::TlsClient{};
        spec.tls->ca_file = site.ca_file;
        spec.tls->certificate = site.certificate;
        spec.tls->key = site.key;
    }
    return spec;
}

/// One bridge, and what is open for it.
class Running {
public:
    Running(net::Io& io, const MqttBridge& site, mqtt::BridgeSettings settings,
            MqttService& service, net::StreamHost& streams,
            std::unordered_map<net::StreamId, Running*>& by_stream, MqttService::Log log)
        : site_(site),
          mqtt_(service),
          streams_(streams),
          by_stream_(by_stream),
          log_(std::move(log)),
          engine_(std::move(settings), Random(net::Clock::wall_now_ns()), Instant{}),
          host_(io, engine_, [this](bridge::Output output) { on_output(std::move(output)); }) {}
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() {
        if (stream_) by_stream_.erase(*stream_);
    }

    void opened() { host_.input(bridge::RemoteOpened{}); }
    void received(Bytes octets) {
        Octets copy = to_octets(octets);
        const Bytes borrowed = copy;
        host_.input(bridge::RemoteReceived{borrowed}, std::move(copy));
    }
    void drained(std::size_t octets) { host_.input(bridge::RemoteDrained{octets}); }
    void closed(const net::Trouble* trouble) {
        // Said once, and again only after it had worked.
        if (trouble != nullptr && trouble->line != last_trouble_) tell(trouble->line);
        last_trouble_ = trouble != nullptr ? trouble->line : std::string();
        forget_stream();
        host_.input(bridge::RemoteClosed{trouble == nullptr});
    }
    void stop() { host_.input(bridge::Stop{}); }
    [[nodiscard]] Bridges::Report report() const { return {site_.name, connected_}; }

private:
    void forget_stream() {
        if (stream_) by_stream_.erase(*stream_);
        stream_.reset();
    }
    void tell(std::string_view line) { log_(fmt::format("bridge {}: {}", site_.name, line)); }

    void on_output(bridge::Output output) {
        std::visit(Overloaded{
                       [&](const bridge::OpenRemote&) {
                           stream_ = streams_.connect(spec_of(site_));
                           by_stream_[*stream_] = this;
                       },
                       [&](bridge::SendRemote& out) {
                           if (stream_) streams_.send(*stream_, {std::move(out.octets), {}, {}});
                           streams_.wake();
                       },
                       [&](const bridge::CloseRemote&) {
                           if (stream_) streams_.close(*stream_);
                           forget_stream();
                       },
                       [&](const bridge::PauseRemote& out) {
                           if (stream_) streams_.pause(*stream_, out.paused);
                       },
                       [&](const bridge::OpenLocal&) { open_local(); },
                       [&](bridge::SendLocal& out) {
                           if (link_) mqtt_.send(*link_, std::move(out.octets));
                       },
                       [&](const bridge::CloseLocal&) {
                           if (link_) mqtt_.close(*link_);
                           link_.reset();
                       },
                       [&](const bridge::LocalTaken& out) {
                           if (link_) mqtt_.drained(*link_, out.octets);
                       },
                       [&](const bridge::Note& note) {
                           tell(note.detail.empty()
                                    ? std::string(note.what)
                                    : fmt::format("{}: {}", note.what, note.detail));
                       },
                       [&](const bridge::State& state) { on_state(state.connected); },
                   },
                   output);
    }

    void open_local() {
        link_ = mqtt_.open_link(
            "bridge/" + site_.name,
            {.received =
                 [this](Bytes octets) {
                     Octets copy = to_octets(octets);
                     const Bytes borrowed = copy;
                     host_.input(bridge::LocalReceived{borrowed}, std::move(copy));
                 },
             .closed =
                 [this] {
                     link_.reset();
                     host_.input(bridge::LocalClosed{});
                 },
             .paused = [this](bool paused) { host_.input(bridge::LocalPaused{paused}); },
             .says_drained = true});
    }

    void on_state(bool connected) {
        connected_ = connected;
        if (connected) last_trouble_.clear();
        const std::string topic = fmt::format("$SYS/broker/connection/{}/state", site_.name);
        mqtt::Publish publish;
        publish.retain = true;
        publish.topic = topic;
        publish.payload = as_octets(connected ? "1" : "0");
        mqtt_.publish(std::make_shared<mqtt::Message>(publish, never));
    }

    using Host = net::Host<mqtt::Bridge, std::function<void(bridge::Output)>>;

    const MqttBridge site_;
    MqttService& mqtt_;
    net::StreamHost& streams_;
    std::unordered_map<net::StreamId, Running*>& by_stream_;
    MqttService::Log log_;
    std::optional<net::StreamId> stream_;
    std::optional<MqttService::LinkId> link_;
    std::string last_trouble_;
    bool connected_ = false;
    mqtt::Bridge engine_;
    Host host_;
};

}  // namespace

struct Bridges::State {
    explicit State(net::Io& io)
        : streams(io, {},
                  {.opened =
                       [this](net::StreamId id, const net::StreamFacts&) {
                           with(id, [](Running& one) { one.opened(); });
                       },
                   .received =
                       [this](net::StreamId id, Bytes octets) {
                           with(id, [&](Running& one) { one.received(octets); });
                       },
                   .drained =
                       [this](net::StreamId id, std::size_t octets) {
                           with(id, [&](Running& one) { one.drained(octets); });
                       },
                   .closed =
                       [this](net::StreamId id, const net::Trouble* trouble) {
                           with(id, [&](Running& one) { one.closed(trouble); });
                       },
                   .batch = [] {}}) {}

    template <class Work>
    void with(net::StreamId id, Work&& work) {
        if (const auto found = by_stream.find(id); found != by_stream.end()) work(*found->second);
    }

    std::unordered_map<net::StreamId, Running*> by_stream;
    net::StreamHost streams;
    std::vector<std::unique_ptr<Running>> running;
};

net::Opened<Bridges> Bridges::open(net::Io& io, const Mqtt& site, MqttService& mqtt,
                                   MqttService::Log log) {
    auto state = std::make_unique<State>(io);
    for (const MqttBridge& one : site.bridges) {
        auto settings = settings_of(one);
        if (!settings) return std::unexpected(std::move(settings.error()));
        state->running.push_back(std::make_unique<Running>(io, one, *std::move(settings), mqtt,
                                                           state->streams, state->by_stream, log));
    }
    return Bridges(std::move(state));
}

Bridges::Bridges(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
Bridges::Bridges(Bridges&&) noexcept = default;
Bridges& Bridges::operator=(Bridges&&) noexcept = default;
Bridges::~Bridges() = default;

std::vector<Bridges::Report> Bridges::reports() const {
    std::vector<Report> reports;
    for (const auto& one : state_->running) reports.push_back(one->report());
    return reports;
}

void Bridges::shut_down() {
    for (const auto& one : state_->running) one->stop();
}

}  // namespace causeway::site
