// causeway check: is a site file right, and what does it describe?
#include "command.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include <memory>

namespace causeway::cli {
namespace {

int check(const SiteOptions& options) {
    const auto site = options.read();
    if (!site) return bad_usage;
    const auto& mesh = site->mesh;
    if (options.json) {
        const boost::json::object summary{
            {"name", site->name},           {"valid", true},
            {"nodes", mesh.nodes.size()},   {"externals", mesh.externals.size()},
            {"faults", mesh.faults.size()}, {"seed", mesh.seed}};
        fmt::print("{}\n", boost::json::serialize(summary));
        return done;
    }
    fmt::print("{}: right. {} nodes behind a border router, {} external, {} faults; seed {}\n",
               options.file, mesh.nodes.size() - 1, mesh.externals.size(), mesh.faults.size(),
               mesh.seed);
    return done;
}

}  // namespace

void add_check(CLI::App& app, Work& work) {
    auto* command = app.add_subcommand("check", "Check a site file, and start nothing");
    command->footer("Example:\n  causeway check examples/first-light.toml");
    auto options = std::make_shared<SiteOptions>();
    options->add_to(*command);
    command->callback([options, &work] { work = [options] { return check(*options); }; });
}

}  // namespace causeway::cli
