// causeway run: a site in real time, until Ctrl-C or --for.
#include "command.hpp"
#include "net/clock.hpp"
#include "net/signals.hpp"
#include "net/terminal.hpp"
#include "report_text.hpp"
#include "sim/report.hpp"
#include "site/gateway.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>

#include <unistd.h>
#include <memory>

namespace causeway::cli {
namespace {

using namespace std::chrono_literals;

struct RunOptions {
    SiteOptions site;
    std::string span;
    std::string pcap;
};

/// How the mesh stands, for the live line.
struct Standing {
    std::size_t nodes = 0;  // the border router not among them
    std::size_t joined = 0;
    std::size_t depth = 0;
    std::size_t deepest = 0;  // index of a node that deep
    std::uint64_t sent = 0;
    std::uint64_t lost = 0;
};

Standing standing_of(const sim::Network& mesh) {
    Standing standing;
    standing.nodes = mesh.size() - 1;
    const auto parents = mesh.parents();
    for (std::size_t i = 1; i < mesh.size(); ++i) {
        if (!mesh.status(i).joined) continue;
        ++standing.joined;
        std::size_t hops = 0;
        for (std::size_t at = i; at != 0 && parents[at] && hops < mesh.size(); ++hops)
            at = *parents[at];
        if (hops > standing.depth) {
            standing.depth = hops;
            standing.deepest = i;
        }
    }
    for (std::size_t i = 0; i < mesh.size(); ++i) {
        const auto counters = mesh.counters(i);
        standing.sent += counters.packets_originated;
        for (const auto lost : counters.lost) standing.lost += lost;
    }
    return standing;
}

/// A run as a person sees it: the mesh forming, then what to type, then how it went.
class Display {
public:
    Display(const site::Gateway& gateway, const RunOptions& options)
        : gateway_(gateway),
          quiet_(options.site.json),
          fd_(quiet_ || options.pcap == "-" ? STDERR_FILENO : STDOUT_FILENO),
          live_(net::Terminal::of(fd_)) {}

    void opening(const std::string& name) {
        const auto tun = gateway_.tun();
        say(fmt::format("{}: {} nodes in {}{}", name, gateway_.network().size() - 1,
                        gateway_.network().scenario().nodes.front().config.prefix.to_text(),
                        tun ? ", routed to interface " + *tun : std::string()));
        if (const auto& why = gateway_.without_tun()) say(*why);
        if (const auto proxy = gateway_.proxy())
            say(fmt::format("CoAP forward proxy on {}", *proxy));
    }

    void update() {
        const Standing now = standing_of(gateway_.network());
        const std::string elapsed = duration_to_text(gateway_.now().time_since_epoch());
        live_.draw(fmt::format("{} of {} nodes joined  {} hops deep  {} packets  {} lost  {}",
                               now.joined, now.nodes, now.depth, now.sent, now.lost, elapsed));
        const bool complete = now.joined == now.nodes;
        if (told_ || !(complete || gateway_.now() > Instant(patience))) return;
        if (now.depth == 0) return;
        told_ = true;
        say(fmt::format("{} of {} nodes joined in {}, {} hops deep", now.joined, now.nodes, elapsed,
                        now.depth));
        for (const std::string& line : invitation(now)) say(line);
    }

    void clear() { live_.clear(); }

private:
    /// A mesh that is not whole by now may never be; what is there can be tried.
    static constexpr Duration patience = 60s;

    void say(const std::string& line) {
        if (!quiet_) live_.print(line);
    }

    [[nodiscard]] std::vector<std::string> invitation(const Standing& now) const {
        const auto address = gateway_.network().status(now.deepest).global;
        if (!address) return {};
        const std::string host = address->to_text();
        const auto& sensors = gateway_.network().scenario().nodes[now.deepest].config.sensors;
        const std::string sensor = sensors.empty() ? "node" : "sensors/" + sensors.front().name;
        const auto proxy = gateway_.proxy();
        if (!gateway_.tun() && !proxy) return {};

        std::string coap = "  coap-client-notls";
        std::vector<std::string> lines{"", fmt::format("Try from a second terminal ({} is {} hops "
                                                       "away):",
                                                       host, now.depth)};
        if (gateway_.tun())
            lines.push_back(fmt::format("  ping {}", host));
        else
            coap += fmt::format(" -P coap://{}", *proxy);
        lines.push_back(fmt::format("{} -m get coap://[{}]/.well-known/core", coap, host));
        lines.push_back(fmt::format("{} -m get coap://[{}]/{}", coap, host, sensor));
        lines.push_back(
            fmt::format("{} -s 20 -m get coap://[{}]/{}  # observe", coap, host, sensor));
        lines.push_back("");
        lines.push_back("Ctrl-C ends it.");
        return lines;
    }

    const site::Gateway& gateway_;
    bool quiet_;
    int fd_;
    net::LiveRegion live_;
    bool told_ = false;
};

int complain(const std::string& line) {
    fmt::print(stderr, "causeway: {}\n", line);
    return failed;
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
    const std::string name = site->name;
    const std::size_t nodes = site->mesh.nodes.size();

    std::optional<site::Capture> capture;
    if (!options.pcap.empty()) {
        auto created = site::Capture::create(options.pcap, true, net::Clock::wall_now_ns());
        if (!created) return complain(created.error().line);
        capture = *std::move(created);
    }
    sim::Recorder recorder(nodes);
    site::Taps taps;
    taps.add(&recorder);
    if (capture) taps.add(&*capture);

    boost::asio::io_context io(1);
    auto gateway = site::Gateway::open(io, *std::move(site),
                                       {.tap = &taps, .capture = capture ? &*capture : nullptr});
    if (!gateway) return complain(gateway.error().line);

    const net::Signals signals(io, [&io](int) { io.stop(); });
    boost::asio::steady_timer end(io);
    if (span) {
        end.expires_after(*span);
        end.async_wait([&io](const boost::system::error_code& gone) {
            if (!gone) io.stop();
        });
    }
    Display display(*gateway, options);
    display.opening(name);
    boost::asio::steady_timer tick(io);
    std::function<void()> redraw = [&] {
        display.update();
        tick.expires_after(250ms);
        tick.async_wait([&](const boost::system::error_code& gone) {
            if (!gone) redraw();
        });
    };
    gateway->start();
    redraw();
    io.run();

    display.clear();
    if (capture) {
        capture->flush();
        if (const auto trouble = capture->take_trouble()) complain(trouble->line);
    }
    const sim::Report report = sim::report_of(gateway->network(), recorder);
    std::FILE* const to = options.pcap == "-" ? stderr : stdout;  // a capture has stdout to itself
    if (options.site.json)
        fmt::print(to, "{}\n", boost::json::serialize(report_to_json(report)));
    else
        fmt::print(to, "\n{}", report_summary(report));
    return done;
}

}  // namespace

void add_run(CLI::App& app, Work& work) {
    auto* command = app.add_subcommand("run", "Run a site in real time");
    command->footer(
        "Examples:\n"
        "  causeway run examples/first-light.toml\n"
        "  causeway run examples/first-light.toml --for 30s --pcap - | wireshark -k -i -");
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
