// causeway modbus: a Modbus client for the command line.
#include "modbus.hpp"

#include <CLI/CLI.hpp>

namespace causeway::cli {

void add_modbus(CLI::App& app, Work& work) {
    CLI::App* const modbus = app.add_subcommand("modbus", "Talk to a Modbus server");
    modbus->require_subcommand(1);
    modbus->footer(R"(Examples:
  causeway modbus read 10.0.0.7 holding 0 --count 10
  causeway modbus read /dev/ttyUSB0 --baud 9600-8E1 -a 17 input 8 --type f32 --order cdab
  causeway modbus write 10.0.0.7:1502 holding 2 21.5 --type f32
  causeway modbus scan /dev/ttyUSB0
  causeway modbus identify 10.0.0.7

Addresses begin at 0; with --one-based at 1, as many manuals have it.
Exit status: 0 done, 1 refused or not answered, 2 bad usage.)");
    add_modbus_read(*modbus, work);
    add_modbus_scan(*modbus, work);
    add_modbus_tell(*modbus, work);
    add_modbus_bench(*modbus, work);
}

}  // namespace causeway::cli
