#pragma once
// How a TUN interface comes up, step by step, and what each step's failure means to a person. For
// tun.cpp.
#include "net/tun.hpp"

namespace causeway::net {

struct TunSetup {
    int fd = -1;  // the caller's from here on; non-blocking
    unsigned index = 0;
    std::optional<std::string> warning;
};

[[nodiscard]] Opened<TunSetup> set_up_tun(const Tun::Settings& settings);

}  // namespace causeway::net
