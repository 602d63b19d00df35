#pragma once
// The tools of `causeway modbus`.
#include "command.hpp"

namespace causeway::cli {

void add_modbus(CLI::App& app, Work& work);

void add_modbus_read(CLI::App& modbus, Work& work);  // read, write
void add_modbus_scan(CLI::App& modbus, Work& work);
void add_modbus_tell(CLI::App& modbus, Work& work);  // identify, diagnose
void add_modbus_bench(CLI::App& modbus, Work& work);

}  // namespace causeway::cli
