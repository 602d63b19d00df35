#pragma once
// The tools of `causeway mqtt`, one file each.
#include "command.hpp"
#include "mqtt_options.hpp"

#include <string>
#include <vector>

namespace causeway::cli {

void add_mqtt(CLI::App& app, Work& work);

void add_mqtt_pub(CLI::App& mqtt, Work& work);
void add_mqtt_sub(CLI::App& mqtt, Work& work);
void add_mqtt_bench(CLI::App& mqtt, Work& work);
void add_mqtt_passwd(CLI::App& mqtt, Work& work);

/// A tool that reads its own command line (mqtt_options.hpp).
void add_mqtt_tool(CLI::App& mqtt, Work& work, const std::string& name, const std::string& what,
                   int (*run)(const std::vector<std::string>& arguments));
/// One line of what is wrong, and where to read more; the exit status, mosquitto's 1.
[[nodiscard]] int mqtt_misused(MqttTool tool, const std::string& line);

}  // namespace causeway::cli
