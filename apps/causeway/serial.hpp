#pragma once
// The tools of `causeway serial`.
#include "command.hpp"

namespace causeway::cli {

void add_serial(CLI::App& app, Work& work);

void add_serial_tunnel(CLI::App& serial, Work& work);  // tunnel, redirect

}  // namespace causeway::cli
