// causeway dnp3 bench: how many events a second an outstation brings to a master. Two programs, one
// at each end: a master that takes and confirms events as fast as they come, and with
// --outstation-load an outstation that has as many as are confirmed.
#include "dnp3.hpp"
#include "dnp3_session.hpp"
#include "mqtt_bench_report.hpp"
#include "net/host.hpp"
#include "net/signals.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include <array>
#include <memory>
#include <optional>

namespace causeway::cli {
namespace dnp3_bench {
namespace {

using namespace scada::dnp3;

struct Dnp3BenchOptions : Dnp3Options {
    std::string outstation_load;
    double seconds = 5;
    bool polled = false;
    std::string kind = "binary";
    std::size_t points = 1'000;
    std::size_t buffer = 10'000;
};

// ---- the master's end

class TakeEvents {
public:
    TakeEvents(const Dnp3BenchOptions& options, const Dnp3Plan& plan)
        : options_(options),
          session_(
              plan,
              {.opened = {},
               .measured = [this](const Master::Measured& one) { events_ += one.event ? 1U : 0U; },
               .done = {},
               .completed = {},
               .changed = [this] { changed(); }},
              true) {}

    int run() {
        const int status = session_.run();
        if (!began_) return say_why(failed, "the outstation did not answer");
        const auto seconds =
            std::chrono::duration<double>(net::Clock::Steady::now() - *began_).count();
        const auto& stats = session_.master().stats();
        const double rate = static_cast<double>(events_ - events_before_) / seconds;
        if (options_.json)
            fmt::print("{}\n", boost::json::serialize(boost::json::object{
                                   {"events", events_ - events_before_},
                                   {"seconds", seconds},
                                   {"events_per_s", rate},
                                   {"fragments", stats.fragments},
                                   {"repeats", stats.unsolicited_repeats},
                                   {"timeouts", stats.timeouts},
                                   {"octets", session_.channel().stats().octets},
                                   {"master_cpu_s", own_cpu_s() - cpu_before_}}));
        else
            fmt::print(
                "{} events in {:.2f} s: {:.0f} events/s\n"
                "  {} fragments, {} repeated, {} timeouts, {:.1f} MB, {:.2f} s of CPU here\n",
                events_ - events_before_, seconds, rate, stats.fragments, stats.unsolicited_repeats,
                stats.timeouts, static_cast<double>(session_.channel().stats().octets) / 1e6,
                own_cpu_s() - cpu_before_);
        return status == done && events_ > events_before_ ? done : failed;
    }

private:
    /// It is measured from the end of the startup sequence on.
    void changed() {
        if (began_ || !session_.master().status().started) return;
        began_ = net::Clock::Steady::now();
        events_before_ = events_;
        cpu_before_ = own_cpu_s();
        session_.end_after(
            std::chrono::duration_cast<Duration>(std::chrono::duration<double>(options_.seconds)),
            done);
    }

    const Dnp3BenchOptions& options_;
    Dnp3Session session_;
    std::uint64_t events_ = 0;
    std::uint64_t events_before_ = 0;
    double cpu_before_ = 0;
    std::optional<net::Clock::Steady::time_point> began_;
};

int take_events(Dnp3BenchOptions& options) {
    auto plan = dnp3_plan_from(options);
    if (!plan) return say_why(bad_usage, plan.error());
    plan->master.disable_unsolicited_at_start = true;
    plan->master.heed_indications = true;
    plan->master.startup_integrity = {.zero = true};
    if (!options.polled) plan->master.unsolicited = events;
    TakeEvents master(options, *plan);
    return master.run();
}

// ---- the outstation's end

class GiveEvents {
public:
    GiveEvents(const Dnp3BenchOptions& options, PointType type)
        : options_(options),
          type_(type),
          lines_(io_),
          station_({}, {{.local = options.outstation, .remote = options.master}},
                   one_outstation(options, type)),
          host_(io_, station_, Carry{this}) {}

    int run() {
        net::Lines::Events events;
        events.opened = [this](net::Lines::Peer peer, const std::string&) {
            host_.input(scada::LineOpened{scada::PeerId(peer)});
        };
        events.received = [this](net::Lines::Peer peer, Bytes octets) {
            host_.input(scada::OctetsReceived{scada::PeerId(peer), octets});
            fill();
        };
        events.closed = [this](net::Lines::Peer peer, const net::Trouble*) {
            host_.input(scada::LineClosed{scada::PeerId(peer)});
        };
        auto line = lines_.open(net::TcpListenSpec{.address = options_.outstation_load}, events);
        if (!line) return say_why(failed, line.error().line);
        line_ = *line;
        fmt::print("outstation {} on {}\n", options_.outstation, lines_.where(*line_));
        std::fflush(stdout);
        const net::Signals signals(io_, [this](int) { io_.stop(); });
        fill();
        io_.run();
        const auto& stats = station_.session(0).stats();
        fmt::print("{} events, {} confirmed, {} lost, {:.2f} s of CPU here\n", stats.events,
                   stats.events_confirmed, stats.events_lost, own_cpu_s());
        return done;
    }

private:
    struct Carry {
        GiveEvents* self;
        void operator()(OutstationStation::Output&& out) const {
            if (auto* transmit = std::get_if<scada::Transmit>(&out))
                self->lines_.send(*self->line_, static_cast<net::Lines::Peer>(transmit->peer),
                                  std::move(transmit->octets));
            else if (const auto* close = std::get_if<scada::CloseLine>(&out))
                self->lines_.close(*self->line_, static_cast<net::Lines::Peer>(close->peer));
        }
    };
    static std::vector<Outstation> one_outstation(const Dnp3BenchOptions& options, PointType type) {
        std::vector<PointPlan> points;
        for (std::size_t i = 0; i < options.points; ++i)
            points.push_back({.type = type, .index = static_cast<std::uint16_t>(i)});
        OutstationSettings settings{.address = options.outstation, .master = options.master};
        settings.events_max.fill(options.buffer);
        settings.unsolicited = true;
        settings.unsolicited_after = {};
        settings.unsolicited_events = 1;
        settings.needs_time = false;
        std::vector<Outstation> all;
        all.emplace_back(settings, points);
        return all;
    }
    /// As many events as there is room for: none is lost, and there are always some to send.
    void fill() {
        auto waiting = station_.session(0).status().events_waiting[0];
        for (; waiting + options_.buffer / 4 < options_.buffer; ++waiting) {
            const auto turn = next_++;
            Outstation::Update update{.force_event = true};
            update.measurement.type = type_;
            update.measurement.index = static_cast<std::uint16_t>(turn % options_.points);
            if (type_ == PointType::binary)
                update.measurement.value = turn / options_.points % 2 == 0;
            else
                update.measurement.value = static_cast<double>(turn % 30'000);
            update.measurement.time = Timestamp{.ms = 1'700'000'000'000 + turn};
            host_.input(OutstationStation::Of<Outstation::Input>{0, std::move(update)});
        }
    }

    const Dnp3BenchOptions& options_;
    PointType type_;
    boost::asio::io_context io_{1};
    net::Lines lines_;
    std::optional<net::Lines::LineId> line_;
    OutstationStation station_;
    net::Host<OutstationStation, Carry> host_;
    std::uint64_t next_ = 0;
};

int bench(Dnp3BenchOptions& options) {
    if (options.outstation_load.empty()) return take_events(options);
    if (!options.words.empty())
        return say_why(bad_usage, "--outstation-load waits for a master: no HOST is wanted");
    GiveEvents outstation(options,
                          options.kind == "binary" ? PointType::binary : PointType::analog);
    return outstation.run();
}

}  // namespace
}  // namespace dnp3_bench

void add_dnp3_bench(CLI::App& dnp3, Work& work) {
    using namespace dnp3_bench;
    auto options = std::make_shared<Dnp3BenchOptions>();
    CLI::App* const app = dnp3.add_subcommand("bench", "Measure events a second");
    options->add_to(*app);
    app->add_option("--seconds", options->seconds, "How long it is measured")
        ->capture_default_str()
        ->check(CLI::Range(0.1, 3600.0));
    app->add_flag("--polled", options->polled, "Class polls instead of unsolicited responses");
    app->add_option("--outstation-load", options->outstation_load,
                    "Be the other end: an outstation whose events do not end")
        ->type_name("ADDRESS:PORT");
    app->add_option("--kind", options->kind, "Its points")
        ->type_name("KIND")
        ->capture_default_str()
        ->check(CLI::IsMember({"binary", "analog"}));
    app->add_option("--points", options->points, "How many")
        ->capture_default_str()
        ->check(CLI::Range(1, 65'000));
    app->add_option("--buffer", options->buffer, "Events that it keeps")
        ->capture_default_str()
        ->check(CLI::Range(100, 1'000'000));
    app->footer(R"(Examples:
  causeway dnp3 bench --outstation-load 127.0.0.1:20000
  causeway dnp3 bench 127.0.0.1 --seconds 10

Exit status: 0 done, 1 no events came, 2 bad usage.)");
    app->callback([options, &work] { work = [options] { return bench(*options); }; });
}

}  // namespace causeway::cli
