#pragma once
// The tools of `causeway dnp3`, a master for the command line.
#include "command.hpp"

namespace causeway::cli {

void add_dnp3(CLI::App& app, Work& work);

void add_dnp3_poll(CLI::App& dnp3, Work& work);     // poll, watch
void add_dnp3_control(CLI::App& dnp3, Work& work);  // operate, direct
void add_dnp3_ask(CLI::App& dnp3, Work& work);      // time, restart, freeze, assign-class, read ...
void add_dnp3_bench(CLI::App& dnp3, Work& work);

}  // namespace causeway::cli
