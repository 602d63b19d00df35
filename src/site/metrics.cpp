#include "site/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace causeway::site {
namespace {

/// What says how things stand, and may fall; everything else only grows.
constexpr std::array gauges{
    std::string_view("connections"),
    std::string_view("connections_unready"),
    std::string_view("clients_connected"),
    std::string_view("clients_maximum"),
    std::string_view("sessions"),
    std::string_view("subscriptions"),
    std::string_view("subscriptions_shared"),
    std::string_view("retained"),
    std::string_view("deliveries_waiting"),
    std::string_view("queue_octets"),
    std::string_view("messages_waiting"),
    std::string_view("held_octets"),
    std::string_view("unsent_octets"),
    std::string_view("late_octets"),
    std::string_view("journal_failing"),
    std::string_view("pending"),
    std::string_view("half_open"),
    std::string_view("runs_waiting"),
    std::string_view("observers"),
    std::string_view("registrations"),
    std::string_view("waiting"),
    std::string_view("under_way"),
    std::string_view("commands_under_way"),
    std::string_view("events_waiting"),
    std::string_view("peers"),
};

bool is_gauge(std::string_view name) {
    return std::ranges::find(gauges, name) != gauges.end();
}

}  // namespace

void append_metric(std::string& text, std::string_view group, std::string_view name,
                   std::uint64_t value) {
    const bool gauge = is_gauge(name);
    const std::string full = fmt::format("causeway_{}_{}{}", group, name, gauge ? "" : "_total");
    text += fmt::format("# TYPE {} {}\n{} {}\n", full, gauge ? "gauge" : "counter", full, value);
}

}  // namespace causeway::site
