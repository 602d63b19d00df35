#pragma once
#include <cstdio>
#include <cstdlib>

/// A claim about our own code; on in every build. Never used on bytes from outside.
#define CAUSEWAY_ASSERT(claim) \
    ((claim) ? void(0)         \
             : (std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #claim), std::abort()))
