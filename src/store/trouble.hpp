#pragma once
// What goes wrong with storage: one line that a person can act on.
#include <expected>
#include <string>

namespace causeway::store {

struct Trouble {
    std::string line;  // "state/mqtt.db: database or disk is full"
};

template <class T>
using Opened = std::expected<T, Trouble>;

}  // namespace causeway::store
