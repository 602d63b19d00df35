#pragma once
// causeway device: simulated field devices, to try masters, clients and gateways with.
#include "command.hpp"

namespace causeway::cli {

void add_device(CLI::App& app, Work& work);

}  // namespace causeway::cli
