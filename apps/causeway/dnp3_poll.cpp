// causeway dnp3 poll and watch: what an outstation has, and what changes.
#include "dnp3.hpp"
#include "dnp3_session.hpp"
#include "dnp3_show.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include <memory>
#include <optional>

namespace causeway::cli {
namespace dnp3_poll {
namespace {

using scada::dnp3::Classes;
using scada::dnp3::Master;

struct Dnp3PollOptions : Dnp3Options {
    std::string classes = "0123";
    std::string every = "10s";
    std::string time;
    std::uint64_t count = 0;
    bool polled = false;
};

/// "0123", "12".
std::optional<Classes> classes_from(std::string_view text) {
    Classes classes;
    for (const char c : text) {
        if (c < '0' || c > '3') return std::nullopt;
        (c == '0'   ? classes.zero
         : c == '1' ? classes.one
         : c == '2' ? classes.two
                    : classes.three) = true;
    }
    return text.empty() ? std::nullopt : std::optional(classes);
}

int poll(Dnp3PollOptions& options) {
    const auto plan = dnp3_plan_from(options);
    if (!plan) return say_why(bad_usage, plan.error());
    const auto classes = classes_from(options.classes);
    if (!classes)
        return say_why(bad_usage,
                       fmt::format("--classes {}: digits from 0 to 3 are wanted", options.classes));
    Dnp3Table table;
    return ask_dnp3(
        *plan, Master::Poll{.tag = 1, .classes = *classes},
        [&](const Master::Completed& completed) {
            if (options.json) {
                auto out = table.to_json();
                out["answered"] = completed.fate == Master::Completed::Fate::answered;
                out["indications"] = dnp3_indications_json(completed.iin);
                fmt::print("{}\n", boost::json::serialize(out));
            } else {
                const auto text = table.to_text();
                fmt::print("{}", text);
                if (completed.iin.bits() != 0)
                    fmt::print("{}indications: {}\n", text.empty() ? "" : "\n",
                               dnp3_indications_text(completed.iin));
            }
            if (completed.fate == Master::Completed::Fate::answered) return done;
            return say_why(failed, fmt::format("outstation {} at {} does not answer",
                                               options.outstation, plan->where));
        },
        [&](const Master::Measured& measured) { table.add(measured); });
}

class Watch {
public:
    Watch(const Dnp3PollOptions& options, const Dnp3Plan& plan)
        : options_(options),
          session_(plan,
                   {.opened = {},
                    .measured = [this](const Master::Measured& one) { show(one); },
                    .done = {},
                    .completed = {},
                    .changed = [this] { changed(); }},
                   true) {}

    int run(std::optional<Duration> time) {
        if (time) session_.end_after(*time, done);
        return session_.run();
    }

private:
    void show(const Master::Measured& measured) {
        if (options_.count != 0 && shown_ == options_.count) return;
        if (options_.json)
            fmt::print("{}\n", boost::json::serialize(dnp3_to_json(measured)));
        else
            fmt::print("{}\n", dnp3_line(measured.measurement));
        // Changes are for those who read along, in a pipe, too.
        if (measured.event) std::fflush(stdout);
        if (++shown_ == options_.count) session_.end(done);
    }
    void changed() {
        const auto& status = session_.master().status();
        const auto text = fmt::format(
            "outstation {} {}{}", options_.outstation,
            !status.up                   ? "does not answer"
            : !status.started            ? "answers"
            : status.unsolicited_enabled ? "sends its changes by itself"
                                         : "is polled",
            status.iin.bits() == 0 || !status.up ? "" : ": " + dnp3_indications_text(status.iin));
        if (text == told_) return;
        told_ = text;
        std::fflush(stdout);
        fmt::print(stderr, "{}\n", text);
    }

    const Dnp3PollOptions& options_;
    Dnp3Session session_;
    std::uint64_t shown_ = 0;
    std::string told_;
};

int watch(Dnp3PollOptions& options) {
    auto plan = dnp3_plan_from(options);
    if (!plan) return say_why(bad_usage, plan.error());
    const auto every = duration_from_text(options.every);
    const auto time = duration_from_text(options.time);
    if (!every || (!time && !options.time.empty()))
        return say_why(bad_usage, "--every and --for take times, such as 10s");
    auto& master = plan->master;
    master.disable_unsolicited_at_start = true;
    master.heed_indications = true;
    master.startup_integrity = scada::dnp3::everything;
    if (!options.polled) master.unsolicited = scada::dnp3::events;
    if (*every > Duration{}) master.polls = {{.classes = scada::dnp3::events, .every = *every}};
    Watch watching(options, *plan);
    return watching.run(time);
}

}  // namespace
}  // namespace dnp3_poll

void add_dnp3_poll(CLI::App& dnp3, Work& work) {
    using namespace dnp3_poll;
    auto polled = std::make_shared<Dnp3PollOptions>();
    CLI::App* const poll_app =
        dnp3.add_subcommand("poll", "Read what an outstation has, once, and print it");
    polled->add_to(*poll_app);
    poll_app
        ->add_option("--classes", polled->classes, "What is read: 0 is the state, 1 to 3 events")
        ->type_name("DIGITS")
        ->capture_default_str();
    poll_app->footer(R"(Examples:
  causeway dnp3 poll 10.0.0.7 --outstation 10
  causeway dnp3 poll --serial /dev/ttyUSB0 --outstation 3 --classes 123 --json)");
    poll_app->callback([polled, &work] { work = [polled] { return poll(*polled); }; });

    auto watched = std::make_shared<Dnp3PollOptions>();
    CLI::App* const watch_app = dnp3.add_subcommand("watch", "Print changes as they happen");
    watched->add_to(*watch_app);
    watch_app->add_option("--every", watched->every, "Pace of event polls; 0: none")
        ->type_name("TIME")
        ->capture_default_str();
    watch_app->add_flag("--polled", watched->polled,
                        "Leave unsolicited responses disabled: polls alone");
    watch_app->add_option("--for", watched->time, "End after so long")->type_name("TIME");
    watch_app->add_option("--count", watched->count, "End after so many values");
    watch_app->footer(R"(Example:
  causeway dnp3 watch 10.0.0.7 --outstation 10 --for 1h --json)");
    watch_app->callback([watched, &work] { work = [watched] { return watch(*watched); }; });
}

}  // namespace causeway::cli
