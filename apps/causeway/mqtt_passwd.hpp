#pragma once
// causeway mqtt passwd: the password file of the broker.
#include "command.hpp"

namespace causeway::cli {

void add_mqtt_passwd(CLI::App& mqtt, Work& work);

}  // namespace causeway::cli
