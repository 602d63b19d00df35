#include "command.hpp"
#include "device.hpp"
#include "dnp3.hpp"
#include "modbus.hpp"
#include "mqtt.hpp"
#include "serial.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>

namespace {

constexpr const char* examples = R"(Examples:
  causeway run examples/first-light.toml
  causeway sim examples/first-light.toml --for 1h --seed 7 --pcap out.pcapng --json
  causeway check site.toml
  causeway coap get coap://[fd00:ca5e::1]/.well-known/core
  causeway dissect capture.pcapng

Exit status: 0 done, 1 the work failed, 2 bad usage or a bad file.)";

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Causeway: the IP edge for constrained devices", "causeway");
    app.set_version_flag("-V,--version", "causeway " CAUSEWAY_VERSION);
    app.footer(examples);
    app.require_subcommand(1);

    causeway::cli::Work work;
    causeway::cli::add_run(app, work);
    causeway::cli::add_sim(app, work);
    causeway::cli::add_check(app, work);
    causeway::cli::add_coap(app, work);
    causeway::cli::add_mqtt(app, work);
    causeway::cli::add_modbus(app, work);
    causeway::cli::add_dnp3(app, work);
    causeway::cli::add_device(app, work);
    causeway::cli::add_serial(app, work);
    causeway::cli::add_dissect(app, work);

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& wrong) {
        return app.exit(wrong) == 0 ? causeway::cli::done : causeway::cli::bad_usage;
    }
    try {
        return work();
    } catch (const std::exception& trouble) {
        std::fprintf(stderr, "causeway: %s\n", trouble.what());
        return causeway::cli::failed;
    }
}
