#pragma once
#include "site/document.hpp"
#include "site/section.hpp"

#include <span>
#include <string>

namespace causeway::site {

/// Lays "mesh.seed=7" and its like over what the file says, in turn. A table that repeats is named
/// with its number, from 0: "mesh.nodes.0.count=12"; where it stands once, the number may be left
/// out. What a text key gets needs no quotes.
void apply_overrides(Table& document, std::span<const std::string> sets, Complaints& complaints);

}  // namespace causeway::site
