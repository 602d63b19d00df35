// causeway mqtt pub: publishes to a broker, as mosquitto_pub does.
#include "command.hpp"
#include "mqtt.hpp"
#include "mqtt_session.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <fcntl.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>

namespace causeway::cli {
namespace {

namespace asio = boost::asio;
using mqtt::client::Ticket;
using Source = MqttOptions::Source;

/// The largest payload that a packet can have; a line or a file beyond it is refused.
constexpr std::size_t payload_octets_max = 268'435'455;
/// How much may wait for the network or for acknowledgements before more is read or repeated.
constexpr std::size_t waiting_octets_max = 1 << 20;
constexpr std::size_t unfinished_max = 1'000;

/// Standard input in pieces, as they come; a file is as good as a pipe.
class StandardInput {
public:
    StandardInput(net::Io& io, std::function<void(std::string_view)> on_text,
                  std::function<void()> on_end)
        : io_(io), descriptor_(io), on_text_(std::move(on_text)), on_end_(std::move(on_end)) {
        flags_ = fcntl(STDIN_FILENO, F_GETFL);
        const int copy = dup(STDIN_FILENO);
        boost::system::error_code fault;
        if (copy >= 0) descriptor_.assign(copy, fault);
        usable_ = copy >= 0 && !fault;
    }
    StandardInput(const StandardInput&) = delete;
    StandardInput& operator=(const StandardInput&) = delete;
    /// The terminal is shared with whoever started us: it is left as it was.
    ~StandardInput() {
        if (flags_ >= 0) (void)fcntl(STDIN_FILENO, F_SETFL, flags_);
    }

    void read_on() {
        if (reading_ || ended_) return;
        reading_ = true;
        if (!usable_) return asio::post(io_, [this] { take(); });
        descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                               [this](const boost::system::error_code& fault) {
                                   if (fault == asio::error::operation_aborted) return;
                                   // A file is always ready, and epoll will not have it.
                                   if (fault) usable_ = false;
                                   take();
                               });
    }

private:
    void take() {
        reading_ = false;
        const ssize_t got = ::read(STDIN_FILENO, buffer_.data(), buffer_.size());
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return read_on();
        if (got > 0) return on_text_({buffer_.data(), static_cast<std::size_t>(got)});
        ended_ = true;
        on_end_();
    }

    net::Io& io_;
    asio::posix::stream_descriptor descriptor_;
    std::function<void(std::string_view)> on_text_;
    std::function<void()> on_end_;
    std::array<char, 64 << 10> buffer_;
    int flags_ = -1;
    bool usable_ = false;
    bool reading_ = false;
    bool ended_ = false;
};

class Publisher {
public:
    Publisher(const MqttOptions& options, std::string body)
        : options_(options),
          body_(std::move(body)),
          left_(options.source == Source::lines ? 0 : options.repeat),
          delay_(io_),
          session_(io_, options,
                   {.connected = [this](const mqtt::client::Connected&) { connected(); },
                    .heard = [this](mqtt::Client::Output said) { heard(said); },
                    .batch = [this] { go_on(); }}) {
        if (options.source == Source::lines)
            input_.emplace(
                io_, [this](std::string_view text) { take_lines(text); },
                [this] { end_of_input(); });
    }

    int run() { return session_.run(); }

private:
    void connected() {
        connected_ = true;
        go_on();
    }

    [[nodiscard]] bool crowded() const {
        return session_.unsent() > waiting_octets_max ||
               session_.client().unfinished() > unfinished_max;
    }

    void go_on() {
        if (!connected_ || resting_ || over_) return;
        while (left_ > 0 && !crowded()) {
            --left_;
            publish(body_);
            if (left_ > 0 && options_.repeat_delay_seconds > 0) return rest();
        }
        if (input_ && !input_ended_ && !crowded()) return input_->read_on();
        if (left_ == 0 && (!input_ || input_ended_) && open_ == 0) {
            over_ = true;
            session_.end(done);
        }
    }

    void rest() {
        resting_ = true;
        delay_.expires_after(std::chrono::nanoseconds(
            static_cast<std::int64_t>(options_.repeat_delay_seconds * 1e9)));
        delay_.async_wait([this](const boost::system::error_code& gone) {
            if (gone) return;
            resting_ = false;
            go_on();
        });
    }

    void publish(std::string_view payload) {
        mqtt::Publish message;
        message.topic = options_.topics.front();
        message.payload = as_octets(payload);
        message.qos = options_.qos;
        message.retain = options_.retain;
        message.properties = options_.publish.properties;
        ++open_;
        session_.input(mqtt::client::DoPublish{Ticket{++count_}, std::move(message)});
    }

    void heard(const mqtt::Client::Output& said) {
        const auto* const published = std::get_if<mqtt::client::Published>(&said);
        if (published == nullptr) return;
        --open_;
        if (is_error(published->reason))
            session_.complain(fmt::format("Warning: Publish {} failed: {}.",
                                          std::to_underlying(published->ticket),
                                          name_of(published->reason)));
        // Not from here: the engine may be in the middle of the publish that this is about.
        if (open_ == 0) asio::post(io_, [this] { go_on(); });
    }

    void take_lines(std::string_view text) {
        for (std::size_t end = 0; (end = text.find('\n')) != std::string_view::npos;
             text.remove_prefix(end + 1)) {
            if (line_.empty()) {
                publish(text.substr(0, end));
                continue;
            }
            line_ += text.substr(0, end);
            publish(line_);
            line_.clear();
        }
        line_ += text;
        if (line_.size() > payload_octets_max) {
            session_.complain("Error: A line is longer than a message can be.");
            over_ = true;
            return session_.end(failed);
        }
        go_on();
    }

    void end_of_input() {
        if (!line_.empty()) publish(line_);
        input_ended_ = true;
        go_on();
    }

    const MqttOptions& options_;
    std::string body_;
    std::uint64_t left_;
    asio::io_context io_{1};
    asio::steady_timer delay_;
    MqttSession session_;
    std::optional<StandardInput> input_;
    std::string line_;
    std::uint64_t count_ = 0;
    std::uint64_t open_ = 0;
    bool connected_ = false;
    bool resting_ = false;
    bool input_ended_ = false;
    bool over_ = false;
};

std::expected<std::string, std::string> body_of(const MqttOptions& options) {
    std::string body;
    switch (options.source) {
        case Source::message:
            body = options.message;
            break;
        case Source::whole_stdin:
            body.assign(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
            break;
        case Source::file: {
            std::ifstream file(options.message, std::ios::binary);
            if (!file)
                return std::unexpected(fmt::format("Error: Unable to open file \"{}\": {}.",
                                                   options.message, std::strerror(errno)));
            body.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
            if (file.bad())
                return std::unexpected(
                    fmt::format("Error: Unable to read file \"{}\".", options.message));
            break;
        }
        default:
            break;
    }
    if (body.size() > payload_octets_max)
        return std::unexpected(std::string("Error: The message is too large for MQTT."));
    return body;
}

int publish(const std::vector<std::string>& arguments) {
    const auto options = mqtt_options_from(MqttTool::pub, arguments);
    if (!options) return mqtt_misused(MqttTool::pub, options.error());
    if (options->help) {
        fmt::print("{}", mqtt_help(MqttTool::pub));
        return done;
    }
    auto body = body_of(*options);
    if (!body) {
        fmt::print(stderr, "{}\n", body.error());
        return failed;
    }
    Publisher publisher(*options, *std::move(body));
    return publisher.run();
}

}  // namespace

void add_mqtt_pub(CLI::App& mqtt, Work& work) {
    add_mqtt_tool(mqtt, work, "pub", "Publish messages, as mosquitto_pub", publish);
}

}  // namespace causeway::cli
