// causeway serial: serial ports over IP, and the ports of this machine.
#include "serial.hpp"
#include "net/serial_port_list.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <memory>

namespace causeway::cli {
namespace {

int list_serial_ports(bool json) {
    const auto ports = net::serial_ports();
    if (json) {
        boost::json::array all;
        for (const net::FoundPort& port : ports)
            all.push_back(boost::json::object{{"device", port.device},
                                              {"by_id", port.by_id},
                                              {"by_path", port.by_path},
                                              {"driver", port.driver},
                                              {"product", port.product}});
        fmt::print("{}\n", boost::json::serialize(all));
        return done;
    }
    if (ports.empty()) fmt::print(stderr, "no serial ports on this machine\n");
    for (const net::FoundPort& port : ports) {
        fmt::print("{}", port.device);
        if (!port.product.empty()) fmt::print("  {}", port.product);
        if (!port.driver.empty()) fmt::print("  ({})", port.driver);
        fmt::print("\n");
        if (!port.by_id.empty()) fmt::print("    {}\n", port.by_id);
        if (!port.by_path.empty()) fmt::print("    {}\n", port.by_path);
    }
    return done;
}

}  // namespace

void add_serial(CLI::App& app, Work& work) {
    CLI::App* const serial = app.add_subcommand("serial", "Serial ports over IP");
    serial->require_subcommand(1);
    serial->footer(R"(Examples:
  causeway serial list
  causeway serial redirect tcp://10.0.0.7:4001 --pty /dev/ttyRTU1 --rfc2217
  causeway serial tunnel --serial /dev/ttyUSB0 --baud 9600-8E1 --listen 0.0.0.0:4001
  causeway serial tunnel --serial /dev/ttyUSB0 --connect 10.0.0.7:4001)");
    CLI::App* const list = serial->add_subcommand("list", "This machine's ports, by stable names");
    auto json = std::make_shared<bool>(false);
    list->add_flag("--json", *json, "Print JSON");
    list->footer(R"(Examples:
  causeway serial list
  causeway serial list --json)");
    list->callback([json, &work] { work = [json] { return list_serial_ports(*json); }; });
    add_serial_tunnel(*serial, work);
}

}  // namespace causeway::cli
