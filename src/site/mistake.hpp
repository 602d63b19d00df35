#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace causeway::site {

/// One thing that is wrong with a site file or with a --set, said so that it can be mended.
struct Mistake {
    std::string file;          // or the whole override: "--set mesh.seed=foo"
    std::uint32_t line = 0;    // from 1; 0 where there is no place in a file to point at
    std::uint32_t column = 0;  // characters, from 1
    std::string what;
    std::string allowed;  // may be empty

    friend bool operator==(const Mistake&, const Mistake&) = default;
};

/// "first-light.toml:3:8: what is wrong; allowed: what would be right"
[[nodiscard]] std::string to_text(const Mistake& mistake);

/// One line each, each with its newline.
[[nodiscard]] std::string to_text(const std::vector<Mistake>& mistakes);

}  // namespace causeway::site
