#include "command.hpp"
#include "site/read.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <charconv>
#include <cmath>
#include <cstdio>

namespace causeway::cli {

void SiteOptions::add_to(CLI::App& app) {
    app.add_option("FILE", file, "The site file (TOML)")->required();
    app.add_option("--set", sets, "Override one key of the file, as in mesh.seed=7; may repeat")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    app.add_option("--seed", seed, "The seed of everything random; the same as --set mesh.seed=N")
        ->type_name("N");
    app.add_flag("--json", json, "Print one JSON object on stdout, and nothing else there");
}

std::optional<site::Site> SiteOptions::read() const {
    std::vector<std::string> all = sets;
    if (seed) all.push_back(fmt::format("mesh.seed={}", *seed));
    auto read = site::read_file(file, all);
    if (read) return *std::move(read);
    for (const site::Mistake& mistake : read.error())
        fmt::print(stderr, "{}\n", site::to_text(mistake));
    return std::nullopt;
}

std::optional<Duration> duration_from_text(const std::string& text) {
    double number = 0;
    const char* const end = text.data() + text.size();
    const auto [unit, wrong] = std::from_chars(text.data(), end, number);
    if (wrong != std::errc{} || !(number >= 0)) return std::nullopt;
    const std::string_view name(unit, end);
    double seconds = 0;
    if (name == "ms")
        seconds = number / 1000;
    else if (name.empty() || name == "s")
        seconds = number;
    else if (name == "m" || name == "min")
        seconds = number * 60;
    else if (name == "h")
        seconds = number * 3600;
    else if (name == "d")
        seconds = number * 86400;
    else
        return std::nullopt;
    if (seconds > 1e9) return std::nullopt;  // 31 years: more is a slip of the finger
    return Duration(std::llround(seconds * 1e9));
}

std::string duration_to_text(Duration duration) {
    const double seconds = std::chrono::duration<double>(duration).count();
    if (seconds < 1e-3) return fmt::format("{:.0f} us", seconds * 1e6);
    if (seconds < 1) return fmt::format("{:.1f} ms", seconds * 1e3);
    if (seconds < 60) return fmt::format("{:.1f} s", seconds);
    const auto whole = static_cast<long>(seconds);
    if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    if (whole < 86400) return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
    return fmt::format("{} d {} h", whole / 86400, whole / 3600 % 24);
}

int say_why(int status, const std::string& line) {
    fmt::print(stderr, "causeway: {}\n", line);
    return status;
}

}  // namespace causeway::cli
