// causeway mqtt: clients, a load generator and password files for an MQTT broker.
#include "mqtt.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

namespace causeway::cli {

int mqtt_misused(MqttTool tool, const std::string& line) {
    fmt::print(stderr, "{}\nUse 'causeway mqtt {} --help' to see usage.\n", line,
               tool == MqttTool::pub ? "pub" : "sub");
    return failed;
}

void add_mqtt_tool(CLI::App& mqtt, Work& work, const std::string& name, const std::string& what,
                   int (*run)(const std::vector<std::string>& arguments)) {
    CLI::App* const tool = mqtt.add_subcommand(name, what);
    // Every word goes to the tool, --help and -h too.
    tool->set_help_flag();
    tool->prefix_command();
    tool->callback(
        [tool, run, &work] { work = [words = tool->remaining(), run] { return run(words); }; });
}

void add_mqtt(CLI::App& app, Work& work) {
    CLI::App* const mqtt = app.add_subcommand("mqtt", "Publish, subscribe and measure over MQTT");
    mqtt->require_subcommand(1);
    mqtt->footer(R"(Examples:
  causeway mqtt sub -t 'home/#' -v
  causeway mqtt pub -t home/lamp -m on
  causeway mqtt bench fan-out --subscribers 10 --seconds 5)");
    add_mqtt_pub(*mqtt, work);
    add_mqtt_sub(*mqtt, work);
    add_mqtt_bench(*mqtt, work);
    add_mqtt_passwd(*mqtt, work);
}

}  // namespace causeway::cli
