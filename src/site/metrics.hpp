#pragma once
// Counters as Prometheus reads them, text format 0.0.4.
#include <cstdint>
#include <string>
#include <string_view>

namespace causeway::site {

/// Appends causeway_<group>_<name>, with "_total" where it only grows.
void append_metric(std::string& text, std::string_view group, std::string_view name,
                   std::uint64_t value);

}  // namespace causeway::site
