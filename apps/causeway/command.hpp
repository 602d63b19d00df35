#pragma once
// What the subcommands share: how each one is added to the command line, the exit statuses, and
// the options that `run` and `sim` have in common.
#include "base/time.hpp"
#include "sim/scenario.hpp"
#include "site/site.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace causeway::cli {

/// Exit statuses, the same for every command.
inline constexpr int done = 0;
inline constexpr int failed = 1;
inline constexpr int bad_usage = 2;

/// One line on stderr, and the exit status for main() to give back.
int say_why(int status, const std::string& line);

/// What main() does once the whole command line has been understood.
using Work = std::function<int()>;

void add_run(CLI::App& app, Work& work);
void add_sim(CLI::App& app, Work& work);
void add_check(CLI::App& app, Work& work);
void add_coap(CLI::App& app, Work& work);
void add_dissect(CLI::App& app, Work& work);

/// Options of every command that takes a site file.
struct SiteOptions {
    std::string file;
    std::vector<std::string> sets;
    std::optional<std::uint64_t> seed;
    bool json = false;

    void add_to(CLI::App& app);
    /// The checked site; or nothing, when every mistake has been printed on stderr.
    [[nodiscard]] std::optional<site::Site> read() const;
};

/// "30s", "5m", "1h", "1d", "250ms"; a bare number is seconds. nullopt when malformed.
[[nodiscard]] std::optional<Duration> duration_from_text(const std::string& text);
/// "1 h 02 min", "12.3 s", "4.5 ms": for people.
[[nodiscard]] std::string duration_to_text(Duration duration);

}  // namespace causeway::cli
