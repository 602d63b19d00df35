#pragma once

namespace causeway::laws {

/// How to make one of each engine, from a seed, with something to do.
template <class E>
struct Maker;

}  // namespace causeway::laws
