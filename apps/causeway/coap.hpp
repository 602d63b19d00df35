#pragma once
// The tools of `causeway coap`, and what they share.
#include "command.hpp"

#include <expected>
#include <string>
#include <utility>

namespace causeway::cli {

void add_coap_ping(CLI::App& coap, Work& work);
void add_coap_serve(CLI::App& coap, Work& work);
void add_coap_bench(CLI::App& coap, Work& work);

/// What is wrong with the command line, or with the world, and the exit status that says so.
struct Refusal {
    int status = bad_usage;
    std::string line;
};
template <class T>
using Understood = std::expected<T, Refusal>;

[[nodiscard]] inline std::unexpected<Refusal> misused(std::string line) {
    return std::unexpected(Refusal{bad_usage, std::move(line)});
}
[[nodiscard]] inline std::unexpected<Refusal> impossible(std::string line) {
    return std::unexpected(Refusal{failed, std::move(line)});
}

}  // namespace causeway::cli
