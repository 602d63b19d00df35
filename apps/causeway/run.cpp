// causeway run: a site in real time, until Ctrl-C or --for.
#include "command.hpp"
#include "net/clock.hpp"
#include "net/signals.hpp"
#include "report_text.hpp"
#include "run_display.hpp"
#include "sim/report.hpp"
#include "site/bridges.hpp"
#include "site/coap_metrics.hpp"
#include "site/coap_service.hpp"
#include "site/gateway.hpp"
#include "site/management.hpp"
#include "site/mqtt_metrics.hpp"
#include "site/mqtt_service.hpp"
#include "site/mqtt_sn_service.hpp"
#include "site/scada_metrics.hpp"
#include "site/scada_service.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>

#include <unistd.h>
#include <csignal>
#include <memory>

namespace causeway::cli {
namespace {

using namespace std::chrono_literals;

struct RunOptions {
    SiteOptions site;
    std::string span;
    std::string pcap;
};

/// A site with everything it has opened, and the loop that turns it.
class Run {
public:
    Run(site::Site site, const RunOptions& options)
        : options_(options),
          recorder_(site.mesh.nodes.size()),
          site_(std::move(site)),
          reload_(io_, SIGHUP) {}

    std::optional<std::string> open();
    void turn(std::optional<Duration> span);
    int report();

private:
    std::optional<std::string> open_states();
    std::optional<std::string> open_mesh();
    std::optional<std::string> open_coap();
    std::optional<std::string> open_broker();
    std::optional<std::string> open_sn();
    std::optional<std::string> open_scada();
    std::optional<std::string> open_management();
    void stop();
    void redraw();
    void await_reload();
    void log(std::string_view line) {
        if (display_) display_->log(line);
    }

    const RunOptions& options_;
    boost::asio::io_context io_{1};
    std::optional<site::Capture> capture_;
    sim::Recorder recorder_;
    site::Taps taps_;
    site::Site site_;
    std::optional<store::KeptStates> states_;
    std::optional<site::Gateway> gateway_;
    std::optional<site::CoapService> coap_;
    std::optional<site::MqttService> mqtt_;
    std::optional<site::Bridges> bridges_;
    std::optional<site::MqttSnService> sn_;
    std::optional<site::ScadaService> scada_;  // stands on the broker and the endpoint above
    std::optional<site::ManagementService> management_;
    std::optional<RunDisplay> display_;
    boost::asio::steady_timer tick_{io_};
    boost::asio::signal_set reload_;
};

/// Only where there are security contexts, whose sequence numbers must not come twice.
std::optional<std::string> Run::open_states() {
    const auto& nodes = site_.mesh.nodes;
    const bool nodes_have = site_.has_mesh && std::ranges::any_of(nodes, [](const auto& node) {
                                return node.config.oscore.has_value();
                            });
    if (!nodes_have && (!site_.coap || site_.coap->contexts.empty())) return std::nullopt;
    auto opened = store::KeptStates::open(site_.state.string());
    if (!opened) return opened.error().line;
    states_ = *std::move(opened);
    return std::nullopt;
}

std::optional<std::string> Run::open_mesh() {
    if (!options_.pcap.empty()) {
        auto created = site::Capture::create(options_.pcap, true, net::Clock::wall_now_ns());
        if (!created) return created.error().line;
        capture_ = *std::move(created);
    }
    taps_.add(&recorder_);
    if (capture_) taps_.add(&*capture_);
    if (!site_.has_mesh) return std::nullopt;
    auto gateway = site::Gateway::open(io_, site_,
                                       {.tap = &taps_,
                                        .capture = capture_ ? &*capture_ : nullptr,
                                        .states = states_ ? &*states_ : nullptr});
    if (!gateway) return gateway.error().line;
    gateway_ = *std::move(gateway);
    return std::nullopt;
}

std::optional<std::string> Run::open_coap() {
    if (!site_.coap) return std::nullopt;
    site::CoapService::Options options;
    options.states = states_ ? &*states_ : nullptr;
    options.log = [this](std::string_view line) { log(line); };
    if (gateway_)
        options.to_mesh = [this](const ip::Address& to, std::uint16_t port, Bytes octets) {
            gateway_->send_coap(to, port, octets);
        };
    auto opened = site::CoapService::open(io_, site_, std::move(options));
    if (!opened) return opened.error().line;
    coap_ = *std::move(opened);
    if (gateway_)
        gateway_->on_coap([this](const ip::Address& from, std::uint16_t port, Bytes octets) {
            coap_->from_mesh(from, port, octets);
        });
    return std::nullopt;
}

std::optional<std::string> Run::open_broker() {
    if (site_.mqtt) {
        auto opened = site::MqttService::open(io_, *site_.mqtt, site_.state,
                                              [this](std::string_view line) { log(line); });
        if (!opened) return opened.error().line;
        mqtt_ = *std::move(opened);
        auto bridges = site::Bridges::open(io_, *site_.mqtt, *mqtt_,
                                           [this](std::string_view line) { log(line); });
        if (!bridges) return bridges.error().line;
        bridges_ = *std::move(bridges);
        if (auto trouble = open_sn()) return trouble;
    }
    return std::nullopt;
}

std::optional<std::string> Run::open_scada() {
    if (!site_.scada) return std::nullopt;
    auto opened = site::ScadaService::open(io_, site_,
                                           {.mqtt = mqtt_ ? &*mqtt_ : nullptr,
                                            .coap = coap_ ? &*coap_ : nullptr,
                                            .log = [this](std::string_view line) { log(line); }});
    if (!opened) return opened.error().line;
    scada_ = *std::move(opened);
    return std::nullopt;
}

std::optional<std::string> Run::open_management() {
    if (!site_.management) return std::nullopt;
    auto opened = site::ManagementService::open(io_, *site_.management,
                                                {.mqtt = mqtt_ ? &*mqtt_ : nullptr,
                                                 .coap = coap_ ? &*coap_ : nullptr,
                                                 .scada = scada_ ? &*scada_ : nullptr});
    if (!opened) return opened.error().line;
    management_ = *std::move(opened);
    return std::nullopt;
}

std::optional<std::string> Run::open_sn() {
    if (!site_.mqtt->sn) return std::nullopt;
    auto opened = site::MqttSnService::open(io_, *site_.mqtt->sn, *mqtt_,
                                            [this](std::string_view line) { log(line); });
    if (!opened) return opened.error().line;
    sn_ = *std::move(opened);
    if (!gateway_) return std::nullopt;
    sn_->reach_mesh(site_.mesh.nodes.front().config.prefix,
                    [this](const ip::Address& to, std::uint16_t port, Bytes octets) {
                        gateway_->send_datagram(to, port, octets);
                    });
    gateway_->on_datagram([this](const ip::Address& from, std::uint16_t port, Bytes octets) {
        sn_->from_mesh(from, port, octets);
    });
    return std::nullopt;
}

std::optional<std::string> Run::open() {
    if (auto trouble = open_states()) return trouble;
    if (auto trouble = open_mesh()) return trouble;
    if (auto trouble = open_coap()) return trouble;
    if (auto trouble = open_broker()) return trouble;
    if (auto trouble = open_scada()) return trouble;
    if (auto trouble = open_management()) return trouble;
    const bool quiet = options_.site.json;
    const int fd = quiet || options_.pcap == "-" ? STDERR_FILENO : STDOUT_FILENO;
    display_.emplace(gateway_ ? &*gateway_ : nullptr, coap_ ? &*coap_ : nullptr,
                     mqtt_ ? &*mqtt_ : nullptr, scada_ ? &*scada_ : nullptr, quiet, fd);
    display_->opening(site_.name);
    if (sn_ && !quiet) display_->log("MQTT-SN gateway on " + sn_->listening_on());
    if (management_ && !quiet) display_->log("management on " + management_->listening_on());
    return std::nullopt;
}

void Run::stop() {
    if (coap_) coap_->shut_down();
    if (!mqtt_) return io_.stop();
    if (sn_) sn_->shut_down();
    if (bridges_) bridges_->shut_down();
    // Clients are told, and what is under way to the disk arrives there.
    mqtt_->shut_down([this] { io_.stop(); });
    tick_.expires_after(2s);
    tick_.async_wait([this](const boost::system::error_code&) { io_.stop(); });
}

void Run::redraw() {
    display_->update();
    tick_.expires_after(250ms);
    tick_.async_wait([this](const boost::system::error_code& gone) {
        if (!gone) redraw();
    });
}

void Run::await_reload() {
    reload_.async_wait([this](const boost::system::error_code& gone, int) {
        if (gone) return;
        const auto say = [this](const auto& reloaded) {
            log(reloaded.well ? "reloaded" : "not reloaded: what was in force stays");
            for (const std::string& line : reloaded.lines) log("  " + line);
        };
        if (coap_) say(coap_->reload());
        if (mqtt_) say(mqtt_->reload());
        await_reload();
    });
}

void Run::turn(std::optional<Duration> span) {
    const net::Signals signals(io_, [this](int) { stop(); });
    boost::asio::steady_timer end(io_);
    if (span) {
        end.expires_after(*span);
        end.async_wait([this](const boost::system::error_code& gone) {
            if (!gone) stop();
        });
    }
    await_reload();
    if (gateway_) gateway_->start();
    redraw();
    io_.run();
    display_->clear();
}

int Run::report() {
    if (capture_) {
        capture_->flush();
        if (const auto trouble = capture_->take_trouble()) say_why(failed, trouble->line);
    }
    std::FILE* const to = options_.pcap == "-" ? stderr : stdout;  // a capture has stdout to itself
    boost::json::object all;
    if (gateway_) {
        const sim::Report report = sim::report_of(gateway_->network(), recorder_);
        if (options_.site.json)
            all = report_to_json(report);
        else
            fmt::print(to, "\n{}", report_summary(report));
    }
    if (coap_ && options_.site.json) all["coap"] = site::coap_to_json(*coap_);
    if (mqtt_) {
        if (options_.site.json)
            all["mqtt"] = site::broker_to_json(*mqtt_);
        else
            fmt::print(to, "{}", site::broker_summary(*mqtt_));
    }
    if (scada_ && options_.site.json) all["scada"] = site::scada_to_json(*scada_);
    if (options_.site.json) fmt::print(to, "{}\n", boost::json::serialize(all));
    return done;
}

int run(const RunOptions& options) {
    std::optional<Duration> span;
    if (!options.span.empty()) {
        span = duration_from_text(options.span);
        if (!span) {
            fmt::print(stderr, "--for {}: not a duration; allowed: 250ms, 30s, 5m, 1h, 1d\n",
                       options.span);
            return bad_usage;
        }
    }
    auto site = options.site.read();
    if (!site) return bad_usage;
    Run work(*std::move(site), options);
    if (const auto trouble = work.open()) return say_why(failed, *trouble);
    work.turn(span);
    return work.report();
}

}  // namespace

void add_run(CLI::App& app, Work& work) {
    auto* command = app.add_subcommand("run", "Run a site in real time");
    command->footer(
        "Examples:\n"
        "  causeway run examples/first-light.toml\n"
        "  causeway run examples/first-light.toml --for 30s --pcap - | wireshark -k -i -\n"
        "  causeway run examples/broker.toml\n"
        "  causeway run examples/substation.toml\n"
        "\n"
        "SIGHUP reads passwords, access rules and certificates again.");
    auto options = std::make_shared<RunOptions>();
    options->site.add_to(*command);
    command->add_option("--for", options->span, "End after so long: 30s, 5m, 1h")
        ->type_name("TIME");
    command
        ->add_option("--pcap", options->pcap, "Capture to this file or pipe (pcapng); - is stdout")
        ->type_name("FILE");
    command->callback([options, &work] { work = [options] { return run(*options); }; });
}

}  // namespace causeway::cli
