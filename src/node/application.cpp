#include "node/application.hpp"

#include <cstdlib>

namespace causeway::node {
namespace {

using namespace std::chrono_literals;

constexpr Duration day = 24h;

coap::Settings endpoint_settings(const Config& config) {
    auto settings = config.root ? coap::Settings::for_host() : coap::Settings::for_node();
    settings.block_szx = coap::Settings::for_node().block_szx;  // each block fits one frame
    settings.early_negotiation = false;
    return settings;
}

coap::Peer peer_of(const ip::Address& address, std::uint16_t port) {
    return {address.octets, port};
}

/// One decimal, by whole numbers: the same text on every machine.
std::string tenths_to_text(long tenths) {
    const std::string sign = tenths < 0 ? "-" : "";
    tenths = std::labs(tenths);
    return sign + std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

long to_tenths(double value) {
    return static_cast<long>(value * 10.0);
}

/// A reading that nobody asked to confirm gets no answer either: the answers would be half of the
/// mesh's traffic, and their loss would change nothing. Our own nodes wait for none.
bool goes_unanswered(const coap::RequestArrived& request, coap::Code answer) {
    return !request.confirmable && request.options.path_is("/readings") && coap::is_success(answer);
}

}  // namespace

Application::Application(const Config& config, Random random, Teller teller, Instant now,
                         Flash* flash)
    : config_(config),
      random_(random),
      teller_(teller),
      now_(now),
      booted_(now),
      security_(config.oscore
                    ? std::make_unique<ObjectSecurityKeeper>(config, random.fork(3), flash)
                    : nullptr),
      endpoint_(endpoint_settings(config), random.fork(1), now, teller,
                security_ ? &security_->protection() : nullptr),
      phase_(random_.within(day)) {
    add_resources();
    for (const Sensor& sensor : config_.sensors) {
        // Nodes that were switched on together do not report together.
        const Duration first = random_.within(sensor.every);
        sensors_.push_back({&sensor, sensor.every > Duration{} ? now + first : never});
    }
    if (!sensors_.empty()) next_sample_ = now + sampling;
    if (config_.mqtt_sn && !config_.root)
        publisher_ = std::make_unique<Publisher>(config_, random.fork(2), teller);
    if (config_.dnp3 && !config_.root) dnp3_ = std::make_unique<Dnp3Station>(config_, now);
    if (config_.directory)
        registrant_ = std::make_unique<coap::Registrant>(
            coap::Registrant::Settings{.endpoint = config_.directory->name}, random.fork(4));
}

void Application::add_resources() {
    using coap::Code;
    using coap::ContentFormat;
    for (const Sensor& sensor : config_.sensors)
        server_.add({.path = "/sensors/" + sensor.name,
                     .methods = {Code::get},
                     .handler =
                         [this, &sensor](const coap::RequestView& request) {
                             if (request.accept() == ContentFormat::senml_json)
                                 return coap::content_of(ContentFormat::senml_json, senml(sensor));
                             return coap::content_of(ContentFormat::text_plain,
                                                     tenths_to_text(tenths_of(sensor)));
                         },
                     .observable = true,
                     .type = "sensor",
                     .formats = {ContentFormat::text_plain, ContentFormat::senml_json}});
    server_.add({.path = "/actuators/led",
                 .methods = {Code::get, Code::put},
                 .handler = [this](const coap::RequestView& request) { return led(request); },
                 .observable = true,
                 .type = "actuator"});
    server_.add({.path = "/store",
                 .methods = {Code::get, Code::put, Code::delete_},
                 .handler = [this](const coap::RequestView& request) { return store(request); },
                 .type = "document"});
    server_.add({.path = "/node",
                 .methods = {Code::get},
                 .handler = [this](const coap::RequestView&) { return about(); },
                 .formats = {ContentFormat::json}});
    if (!config_.root) return;
    server_.add(
        {.path = "/readings",
         .methods = {Code::post},
         .handler = [](const coap::RequestView&) { return coap::response_of(Code::changed); },
         .type = "collector",
         .formats = {ContentFormat::senml_json}});
}

coap::Peer Application::directory() const {
    return peer_of(config_.directory->address, coap::default_port);
}

coap::Response Application::led(const coap::RequestView& request) {
    if (request.method == coap::Code::get)
        return coap::content_of(coap::ContentFormat::text_plain,
                                std::string_view(led_ ? "1" : "0"));
    const std::string_view wanted = as_text(request.payload);
    if (wanted != "0" && wanted != "1")
        return coap::response_of(coap::Code::bad_request, "0 or 1 is wanted");
    led_ = wanted == "1";
    if (dnp3_) dnp3_->show_led(now_, led_);
    return coap::response_of(coap::Code::changed);
}

/// Otherwise than over CoAP, whose observers hear of it.
void Application::switch_led(bool on) {
    if (std::exchange(led_, on) != on) server_.changed("/actuators/led");
}

coap::Response Application::store(const coap::RequestView& request) {
    if (request.method == coap::Code::get)
        return coap::content_of(coap::ContentFormat::octet_stream, Bytes(store_));
    if (request.method == coap::Code::delete_) {
        Octets().swap(store_);
        return coap::response_of(coap::Code::deleted);
    }
    if (request.payload.size() > store_octets_max)
        return coap::response_of(coap::Code::request_entity_too_large);
    const bool fresh = store_.empty();
    store_ = to_octets(request.payload);
    return coap::response_of(fresh ? coap::Code::created : coap::Code::changed);
}

coap::Response Application::about() const {
    const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(now_ - booted_).count();
    return coap::content_of(coap::ContentFormat::json,
                            "{\"uptime\":" + std::to_string(uptime) +
                                ",\"readings\":" + std::to_string(stats_.readings_sent) + "}");
}

void Application::handle(Instant now, Input in) {
    now_ = now;
    std::visit(
        Overloaded{
            [&](DatagramReceived& datagram) {
                if (dnp3_ && datagram.target_port == config_.dnp3->port)
                    return ask_dnp3(now, datagram);
                if (datagram.target_port != coap::default_port) {
                    if (publisher_)
                        publisher_->received(now, datagram.peer, datagram.port, datagram.payload);
                    return;
                }
                endpoint_.handle(
                    now, coap::DatagramReceived{peer_of(datagram.peer, datagram.port),
                                                std::move(datagram.payload), datagram.multicast});
            },
            [&](const CollectorKnown& known) {
                collector_ = known.address;
                if (publisher_ && collector_) publisher_->reachable(now, *collector_);
                // What the directory is told holds until it is renewed, wherever the way leads.
                if (registrant_ && collector_ && !std::exchange(registering_, true))
                    registrant_->handle(
                        now, coap::Registrant::Start{directory(), coap::to_text(server_.links())});
            },
            [&](const PeerUnreachable& gone) {
                endpoint_.handle(now, coap::PeerUnreachable{peer_of(gone.peer, gone.port)});
            },
        },
        in);
    carry(now);
}

void Application::ask_dnp3(Instant now, const DatagramReceived& datagram) {
    if (datagram.multicast) return;
    std::vector<double> readings;
    for (const Running& running : sensors_)
        readings.push_back(static_cast<double>(tenths_of(*running.sensor)) / 10.0);
    dnp3_->received(now, datagram.peer, datagram.port, datagram.payload, readings);
}

void Application::handle_timeout(Instant now) {
    now_ = now;
    for (Running& running : sensors_)
        if (running.next_report <= now) report(now, running);
    if (next_sample_ <= now) {
        next_sample_ = now + sampling;
        if (endpoint_.observers() != 0)
            for (const Running& running : sensors_)
                server_.changed("/sensors/" + running.sensor->name);
    }
    if (endpoint_.next_deadline() <= now) endpoint_.handle_timeout(now);
    if (publisher_ && publisher_->next_deadline() <= now) publisher_->handle_timeout(now);
    if (registrant_ && registrant_->next_deadline() <= now) registrant_->handle_timeout(now);
    if (dnp3_ && dnp3_->next_deadline() <= now) dnp3_->handle_timeout(now);
    carry(now);
}

Instant Application::next_deadline() const noexcept {
    // Nobody observes: nobody has to be told, and the node can sleep.
    Instant next = endpoint_.next_deadline();
    if (endpoint_.observers() != 0) next = std::min(next, next_sample_);
    if (publisher_) next = std::min(next, publisher_->next_deadline());
    if (registrant_) next = std::min(next, registrant_->next_deadline());
    if (dnp3_) next = std::min(next, dnp3_->next_deadline());
    for (const Running& running : sensors_) next = std::min(next, running.next_report);
    return next;
}

void Application::report(Instant now, Running& running) {
    running.next_report = std::max(running.next_report + running.sensor->every, now);
    ++stats_.readings_due;
    if (publisher_) return publish(now, *running.sensor);
    if (!collector_) {
        ++stats_.readings_kept;
        return;
    }
    ++stats_.readings_sent;
    const std::uint32_t key =
        static_cast<std::uint32_t>(config_.eui64 & 0xffff) << 16 | ++sequence_;
    std::array<std::byte, 4> token{};
    ByteWriter(token).be32(key);

    coap::Request request{.id = coap::RequestId{key},
                          .peer = peer_of(*collector_, coap::default_port),
                          .code = coap::Code::post,
                          .confirmable = config_.confirmable_readings,
                          .token = coap::Token(token)};
    request.options.add_path("/readings");
    request.options.add_uint(coap::OptionNumber::content_format,
                             std::to_underlying(coap::ContentFormat::senml_json));
    request.payload = to_octets(as_octets(senml(*running.sensor)));
    const bool fire_and_forget = !request.confirmable;
    teller_.tell(now, "reading.sent", key);
    endpoint_.handle(now, std::move(request));
    // No response is waited for.
    if (fire_and_forget) endpoint_.handle(now, coap::Cancel{coap::RequestId{key}});
}

void Application::publish(Instant now, const Sensor& sensor) {
    if (++sequence_ == 0) ++sequence_;  // no message id
    const std::uint32_t key = static_cast<std::uint32_t>(config_.eui64 & 0xffff) << 16 | sequence_;
    if (!publisher_->publish(now, sequence_, sensor.name, tenths_to_text(tenths_of(sensor)))) {
        ++stats_.readings_kept;
        return;
    }
    ++stats_.readings_sent;
    if (config_.mqtt_sn->qos != mqtt::sn::Quality::at_most_once)
        teller_.tell(now, "reading.sent", key);
}

long Application::tenths_of(const Sensor& sensor) const {
    // A triangle over the day, from mean - swing to mean + swing and back.
    const auto at = ((now_.time_since_epoch() + phase_) % day).count();
    const std::int64_t half = day.count() / 2;
    const std::int64_t rise = at < half ? at : day.count() - at;
    const long span = to_tenths(2 * sensor.swing);
    return to_tenths(sensor.mean - sensor.swing) +
           static_cast<long>(rise / 1'000'000 * span / (half / 1'000'000));
}

std::string Application::senml(const Sensor& sensor) const {
    return "[{\"n\":\"" + sensor.name + "\",\"u\":\"" + sensor.unit +
           "\",\"v\":" + tenths_to_text(tenths_of(sensor)) + "}]";
}

void Application::carry(Instant now) {
    while (publisher_) {
        auto datagram = publisher_->poll_output();
        if (!datagram) break;
        const std::uint16_t port = config_.mqtt_sn->port;
        out_.push({ip::Address{datagram->peer.address}, datagram->peer.port,
                   std::move(datagram->octets), port});
    }
    while (dnp3_) {
        auto datagram = dnp3_->poll_output();
        if (!datagram) break;
        const std::uint16_t port = config_.dnp3->port;
        out_.push({datagram->peer, datagram->port, std::move(datagram->octets), port});
    }
    if (const auto led = dnp3_ ? dnp3_->take_led() : std::nullopt) switch_led(*led);
    bool more = true;
    while (more) {
        more = false;
        while (registrant_) {
            auto request = registrant_->poll_output();
            if (!request) break;
            more = true;
            endpoint_.handle(now, *std::move(request));
        }
        while (auto changed = server_.poll_changed()) {
            more = true;
            endpoint_.handle(now, *std::move(changed));
        }
        if (security_) security_->keep();
        while (auto output = endpoint_.poll_output()) {
            more = true;
            std::visit(Overloaded{
                           [&](coap::SendDatagram& send) {
                               out_.push({ip::Address{send.peer.address}, send.peer.port,
                                          std::move(send.datagram), coap::default_port});
                           },
                           [&](const coap::RequestArrived& request) { answer(now, request); },
                           // Readings are best effort: what became of one is counted below.
                           [&](coap::ResponseArrived& response) {
                               if (registrant_ && registrant_->owns(response.id))
                                   registrant_->handle(now, std::move(response));
                           },
                           [&](const coap::RequestFailed& failed) {
                               if (registrant_ && registrant_->owns(failed.id))
                                   registrant_->handle(now, failed);
                           },
                           [](const coap::ObserverGone&) {},
                           [](const coap::SendMessage&) {},  // nodes have no streams
                       },
                       *output);
        }
    }
}

bool Application::may_ask(const coap::RequestArrived& request) const noexcept {
    return !config_.oscore || !config_.oscore->required || request.peer.context != 0;
}

void Application::answer(Instant now, const coap::RequestArrived& request) {
    if (!may_ask(request)) {
        if (request.multicast) return endpoint_.handle(now, coap::Decline{request.exchange});
        return endpoint_.handle(
            now, coap::Respond{request.exchange, coap::response_of(coap::Code::unauthorized)});
    }
    auto response = server_.handle(request);
    if (config_.root && request.method == coap::Code::post &&
        request.options.path_is("/readings") && response && coap::is_success(response->code)) {
        ++stats_.readings_received;
        if (request.token.size() == 4)
            teller_.tell(now, "reading.received", ByteReader(request.token.bytes()).be32(),
                         request.payload);
    }
    if (response && !goes_unanswered(request, response->code))
        endpoint_.handle(now, coap::Respond{request.exchange, *std::move(response)});
    else
        endpoint_.handle(now, coap::Decline{request.exchange});
}

}  // namespace causeway::node
