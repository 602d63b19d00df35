// causeway dnp3: a DNP3 master for the command line.
#include "dnp3.hpp"

#include <CLI/CLI.hpp>

namespace causeway::cli {

void add_dnp3(CLI::App& app, Work& work) {
    CLI::App* const dnp3 = app.add_subcommand("dnp3", "Talk to a DNP3 outstation");
    dnp3->require_subcommand(1);
    dnp3->footer(R"(Examples:
  causeway dnp3 poll 10.0.0.7 --outstation 10
  causeway dnp3 watch --serial /dev/ttyUSB0 --baud 9600-8N1 --outstation 3 --for 1h
  causeway dnp3 operate 10.0.0.7 --outstation 10 binary-output 3 close
  causeway dnp3 direct 10.0.0.7 --outstation 10 analog-output 0 21.5
  causeway dnp3 read 10.0.0.7 --outstation 10 30/5:0-9

Exit status: 0 done, 1 refused or not answered, 2 bad usage.)");
    add_dnp3_poll(*dnp3, work);
    add_dnp3_control(*dnp3, work);
    add_dnp3_ask(*dnp3, work);
    add_dnp3_bench(*dnp3, work);
}

}  // namespace causeway::cli
