#pragma once
// The way in: a site file's text to a Site, or to everything that is wrong with it at once.
#include "site/mistake.hpp"
#include "site/site.hpp"

#include <expected>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace causeway::site {

using Mistakes = std::vector<Mistake>;

/// Reads and checks the file. `sets` are the operands of --set, "mesh.seed=7", applied in turn on
/// top of what the file says. Mistakes come by position in the file, then those of the overrides.
[[nodiscard]] std::expected<Site, Mistakes> read_file(const std::filesystem::path& file,
                                                      std::span<const std::string> sets = {});

/// The same from a text; `file` is what mistakes call it, what a nameless site is named after, and
/// what a relative `state` is relative to.
[[nodiscard]] std::expected<Site, Mistakes> read_text(std::string_view text,
                                                      const std::filesystem::path& file,
                                                      std::span<const std::string> sets = {});

}  // namespace causeway::site
