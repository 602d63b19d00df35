// causeway mqtt sub: prints what a broker publishes, as mosquitto_sub does.
#include "base/random.hpp"
#include "command.hpp"
#include "mqtt.hpp"
#include "mqtt/topic.hpp"
#include "mqtt_format.hpp"
#include "mqtt_session.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <cstdio>
#include <random>

namespace causeway::cli {
namespace {

using mqtt::client::Ticket;

class Subscriber {
public:
    Subscriber(const MqttOptions& options, std::optional<MqttFormat> format)
        : options_(options),
          format_(std::move(format)),
          chance_(std::random_device{}()),
          session_(io_, options,
                   {.connected = [this](const mqtt::client::Connected&) { subscribe(); },
                    .heard = [this](mqtt::Client::Output said) { heard(std::move(said)); },
                    .batch = {}}) {}

    int run() { return session_.run(); }

private:
    void subscribe() {
        if (!options_.topics.empty()) {
            mqtt::Subscribe packet;
            packet.properties = options_.subscribe.properties;
            for (const std::string& topic : options_.topics) {
                mqtt::SubscriptionOptions how{.qos_max = options_.qos};
                how.retain_as_published = options_.retain_as_published || options_.retained_only;
                if (options_.no_retained) how.retain_handling = mqtt::RetainHandling::do_not_send;
                packet.entries.push_back({topic, how});
            }
            ++unanswered_;
            session_.input(mqtt::client::DoSubscribe{Ticket{0}, std::move(packet)});
        }
        if (options_.unsubscribe.empty()) return;
        mqtt::Unsubscribe packet;
        packet.properties = options_.unsubscribe_properties.properties;
        packet.filters.assign(options_.unsubscribe.begin(), options_.unsubscribe.end());
        ++unanswered_;
        session_.input(mqtt::client::DoUnsubscribe{Ticket{0}, std::move(packet)});
    }

    void heard(mqtt::Client::Output said) {
        std::visit(Overloaded{
                       [&](const mqtt::client::MessageArrived& one) { arrived(one.publish); },
                       [&](const mqtt::client::Subscribed& one) { subscribed(one); },
                       [&](const mqtt::client::Unsubscribed&) { answered(); },
                       [](const auto&) {},
                   },
                   said);
    }

    void subscribed(const mqtt::client::Subscribed& said) {
        --unanswered_;
        if (said.reasons.empty()) return;  // the connection went; the next will ask again
        if (options_.debug) {
            std::vector<int> codes;
            for (const mqtt::Reason reason : said.reasons)
                codes.push_back(std::to_underlying(reason));
            fmt::print("Subscribed (mid: {}): {}\n", said.packet_id, fmt::join(codes, ", "));
        }
        for (std::size_t i = 0; i < std::min(said.reasons.size(), options_.topics.size()); ++i)
            if (is_error(said.reasons[i]))
                session_.complain(fmt::format("Subscription to {} was denied: {}",
                                              options_.topics[i], name_of(said.reasons[i])));
        if (std::ranges::all_of(said.reasons, mqtt::is_error)) return session_.end(failed);
        if (unanswered_ == 0 && options_.exit_when_subscribed) session_.end(done);
    }

    void answered() {
        --unanswered_;
        if (unanswered_ != 0) return;
        if (options_.exit_when_subscribed || options_.topics.empty()) session_.end(done);
    }

    void arrived(const mqtt::Publish& message) {
        if (options_.count && shown_ >= *options_.count) return;
        if (options_.retained_only && !message.retain) return session_.end(done);
        if (message.retain && options_.no_retained) return;
        const auto filtered = [&](const std::string& filter) {
            return mqtt::matches(filter, message.topic);
        };
        if (std::ranges::any_of(options_.filtered_out, filtered)) return;
        if (options_.remove_retained && message.retain) {
            mqtt::Publish nothing;
            nothing.topic = message.topic;
            nothing.qos = mqtt::Qos::at_least_once;
            nothing.retain = true;
            session_.input(mqtt::client::DoPublish{Ticket{1}, std::move(nothing)});
        }
        if (chance_.unit() * 100 < options_.shown_percent) print(message);
        ++shown_;
        if (options_.count && shown_ >= *options_.count) session_.end(done);
    }

    void print(const mqtt::Publish& message) {
        const std::string_view payload = as_text(message.payload);
        if (format_) {
            const auto text = format_->apply(message, MqttFormat::Moment::now());
            if (!text) return session_.complain(text.error());
            put(*text);
        } else if (options_.verbose) {
            put(message.topic);
            put(" ");
            // mosquitto's word for an empty one.
            put(payload.empty() ? "(null)" : payload);
        } else {
            if (payload.empty()) return;  // not even a line, as with mosquitto_sub
            put(payload);
        }
        if (!options_.no_end_of_line) put("\n");
    }

    static void put(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

    const MqttOptions& options_;
    std::optional<MqttFormat> format_;
    Random chance_;
    std::uint64_t shown_ = 0;
    int unanswered_ = 0;
    boost::asio::io_context io_{1};
    MqttSession session_;
};

int subscribe(const std::vector<std::string>& arguments) {
    const auto options = mqtt_options_from(MqttTool::sub, arguments);
    if (!options) return mqtt_misused(MqttTool::sub, options.error());
    if (options->help) {
        fmt::print("{}", mqtt_help(MqttTool::sub));
        return done;
    }
    std::optional<MqttFormat> format;
    if (options->format) {
        auto parsed = MqttFormat::parse(*options->format, options->pretty);
        if (!parsed) return mqtt_misused(MqttTool::sub, parsed.error());
        format = *std::move(parsed);
    }
    Subscriber subscriber(*options, std::move(format));
    return subscriber.run();
}

}  // namespace

void add_mqtt_sub(CLI::App& mqtt, Work& work) {
    add_mqtt_tool(mqtt, work, "sub", "Subscribe and print what arrives, as mosquitto_sub",
                  subscribe);
}

}  // namespace causeway::cli
