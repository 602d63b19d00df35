#include "mqtt_session.hpp"

#include "command.hpp"
#include "mqtt_trace.hpp"
#include "net/signals.hpp"

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdio>
#include <random>
#include <utility>

namespace causeway::cli {
namespace {

namespace asio = boost::asio;
using mqtt::client::Disconnected;

/// How long what was sent may take to leave at the end.
constexpr std::chrono::seconds farewell_patience{10};

Random unpredictable() {
    std::random_device source;
    const std::uint64_t high = source();
    const std::uint64_t low = source();
    return Random(high << 32 | low);
}

mqtt::ClientSettings settings_of(const MqttOptions& options) {
    mqtt::ClientSettings settings = options.client;
    settings.reconnect = mqtt::ClientSettings::Reconnect{.first = std::chrono::seconds(1),
                                                         .most = std::chrono::seconds(30)};
    return settings;
}

/// Reasons after which another try would only do harm.
bool is_final(mqtt::Reason reason) {
    using mqtt::Reason;
    return reason == Reason::session_taken_over || reason == Reason::banned ||
           reason == Reason::administrative_action || reason == Reason::not_authorized;
}

}  // namespace

int status_of(mqtt::Reason reason, mqtt::Version version) noexcept {
    using mqtt::Reason;
    if (version == mqtt::Version::v5) return std::to_underlying(reason);
    switch (reason) {
        case Reason::success:
            return 0;
        case Reason::unsupported_protocol_version:
            return 1;
        case Reason::client_identifier_not_valid:
            return 2;
        case Reason::bad_user_name_or_password:
            return 4;
        case Reason::not_authorized:
            return 5;
        default:
            return 3;
    }
}

struct MqttSession::State {
    State(net::Io& from, const MqttOptions& wanted, Hooks told)
        : io(from),
          options(wanted),
          hooks(std::move(told)),
          client(settings_of(wanted), unpredictable()),
          trace(wanted.client.client_id, wanted.client.version),
          due(from),
          patience(from),
          host(from, {}, events()) {}

    net::StreamHost::Events events() {
        return {
            .opened = [this](net::StreamId,
                             const net::StreamFacts&) { input(mqtt::client::TransportOpened{}); },
            .received =
                [this](net::StreamId, Bytes octets) {
                    if (options.debug) trace.received(octets);
                    input(mqtt::client::BytesReceived{octets});
                },
            .drained =
                [this](net::StreamId, std::size_t octets) {
                    unsent -= std::min(unsent, octets);
                    if (closing && unsent == 0) close_now();
                },
            .closed =
                [this](net::StreamId, const net::Trouble* why) {
                    trouble = why != nullptr ? why->line : std::string();
                    stream.reset();
                    unsent = 0;
                    if (closing) return finish();
                    input(mqtt::client::TransportClosed{});
                },
            .batch =
                [this] {
                    if (hooks.batch && !over) hooks.batch();
                    std::fflush(stdout);
                },
        };
    }

    void input(mqtt::Client::Input in) {
        client.handle(clock.now(), std::move(in));
        pump();
    }

    void pump() {
        // A hook that hands in more is served by the loop that called it.
        if (std::exchange(pumping, true)) return;
        while (auto output = client.poll_output()) act(std::move(*output));
        pumping = false;
        arm();
    }

    void arm() {
        const Instant next = client.next_deadline();
        if (next == armed_for) return;
        armed_for = next;
        if (next == never) {
            due.cancel();
            return;
        }
        due.expires_at(clock.real(next));
        due.async_wait([this](const boost::system::error_code& superseded) {
            if (superseded) return;
            armed_for = never;
            client.handle_timeout(clock.now());
            pump();
        });
    }

    void act(mqtt::Client::Output output) {
        std::visit(Overloaded{
                       [&](mqtt::client::OpenTransport) {
                           trace.begin();
                           stream = host.connect(options.where);
                       },
                       [&](mqtt::client::SendOctets& send) {
                           if (!stream) return;
                           if (options.debug) trace.sent(send.octets);
                           unsent += send.octets.size();
                           host.send(*stream, {.octets = std::move(send.octets)});
                       },
                       [&](mqtt::client::CloseTransport) {
                           closing = over;
                           if (!closing || unsent == 0) close_now();
                       },
                       [&](mqtt::client::Connected& said) {
                           was_connected = true;
                           if (!over) hooks.connected(said);
                       },
                       [&](mqtt::client::ConnectionRefused& said) { refused(said); },
                       [&](Disconnected& said) { disconnected(said); },
                       [&](auto& other) {
                           if (!over) hooks.heard(std::move(other));
                       },
                   },
                   output);
    }

    void close_now() {
        if (stream) host.close(*stream);
        stream.reset();
        unsent = 0;
        if (over) finish();
    }

    void refused(const mqtt::client::ConnectionRefused& said) {
        const mqtt::Connack& connack = said.connack;
        std::string line = fmt::format("Connection error: {}", name_of(connack.reason));
        if (connack.properties.reason_string && !connack.properties.reason_string->empty())
            line += fmt::format(" ({})", *connack.properties.reason_string);
        complain(line);
        if (!said.retry_in || !was_connected)
            stop(status_of(connack.reason, options.client.version));
    }

    void disconnected(const Disconnected& said) {
        if (said.cause == Disconnected::Cause::asked) {
            if (!stream) finish();
            return;
        }
        std::string line;
        switch (said.cause) {
            case Disconnected::Cause::by_server:
                line = fmt::format("Error: the broker disconnected: {}", name_of(said.reason));
                if (!said.what.empty()) line += fmt::format(" ({})", said.what);
                break;
            case Disconnected::Cause::silent:
                line = "Error: the broker does not answer";
                break;
            case Disconnected::Cause::fault:
                line = fmt::format("Error: the broker broke the protocol: {}", said.what);
                break;
            default:
                line = trouble.empty() ? std::string("Error: The connection was lost")
                                       : "Error: " + trouble;
        }
        const bool again = was_connected && said.retry_in && !is_final(said.reason);
        if (again) line += fmt::format("; trying again in {}", duration_to_text(*said.retry_in));
        complain(line);
        if (again) return;
        const bool by_server = said.cause == Disconnected::Cause::by_server;
        stop(by_server ? status_of(said.reason, options.client.version) : failed);
    }

    void end(int status) {
        if (std::exchange(over, true)) return;
        result = status;
        patience.expires_after(farewell_patience);
        patience.async_wait([this](const boost::system::error_code& gone) {
            if (!gone) finish();
        });
        mqtt::client::DoDisconnect goodbye;
        goodbye.properties = options.disconnect.properties;
        input(std::move(goodbye));
    }

    void stop(int status) {
        if (!std::exchange(over, true)) result = status;
        finish();
    }
    void finish() {
        over = true;
        io.stop();
    }

    void complain(const std::string& line) const {
        if (!options.quiet) fmt::print(stderr, "{}\n", line);
    }

    int run() {
        const net::Signals signals(io, [this](int) { end(done); });
        if (options.timeout_seconds) {
            const auto nanoseconds = static_cast<std::int64_t>(*options.timeout_seconds * 1e9);
            patience.expires_after(std::chrono::nanoseconds(nanoseconds));
            patience.async_wait([this](const boost::system::error_code& gone) {
                if (gone || over) return;
                complain("Timed out");
                end(mqtt_timed_out);
            });
        }
        input(mqtt::client::DoConnect{});
        if (!over) io.run();
        std::fflush(stdout);
        return result;
    }

    net::Io& io;
    const MqttOptions& options;
    Hooks hooks;
    net::Clock clock;
    mqtt::Client client;
    MqttTrace trace;
    asio::steady_timer due;
    asio::steady_timer patience;
    net::StreamHost host;
    std::optional<net::StreamId> stream;
    std::string trouble;
    std::size_t unsent = 0;
    Instant armed_for = never;
    int result = failed;
    bool pumping = false;
    bool closing = false;
    bool over = false;
    bool was_connected = false;
};

MqttSession::MqttSession(net::Io& io, const MqttOptions& options, Hooks hooks)
    : state_(std::make_unique<State>(io, options, std::move(hooks))) {}
MqttSession::~MqttSession() = default;

int MqttSession::run() {
    return state_->run();
}
void MqttSession::input(mqtt::Client::Input in) {
    state_->input(std::move(in));
}
void MqttSession::end(int status) {
    state_->end(status);
}
const mqtt::Client& MqttSession::client() const noexcept {
    return state_->client;
}
std::size_t MqttSession::unsent() const noexcept {
    return state_->unsent;
}
Instant MqttSession::now() const {
    return state_->clock.now();
}
void MqttSession::complain(const std::string& line) const {
    state_->complain(line);
}

}  // namespace causeway::cli
