#pragma once
// What `causeway coap bench` has measured, for people and for programs.
#include "coap_bench_load.hpp"

#include <string>

namespace causeway::cli {

[[nodiscard]] std::string coap_bench_to_json(const CoapBenchReport& report);
[[nodiscard]] std::string coap_bench_to_text(const CoapBenchReport& report);

}  // namespace causeway::cli
