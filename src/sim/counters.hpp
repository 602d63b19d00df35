#pragma once
// Sums of what nodes count: over the lives of one, and over all of them.
#include "node/status.hpp"

namespace causeway::sim {

void add(node::Counters& sum, const node::Counters& more);

}  // namespace causeway::sim
