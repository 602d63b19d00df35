#pragma once
// What goes wrong with the world (sockets, files, interfaces) while something is being opened: one
// line that a person can act on, and the code for a program.
#include <expected>
#include <string>
#include <string_view>
#include <system_error>

namespace causeway::net {

struct Trouble {
    std::string line;      // "cannot listen on 127.0.0.1:5683: address already in use"
    std::error_code code;  // unset when no system call is to blame
};

template <class T>
using Opened = std::expected<T, Trouble>;

/// The system's words for `error` (an errno), begun in lower case so that they fit in a sentence.
[[nodiscard]] std::string reason_of(int error);

/// "<doing>: <reason>", with the reason the system's unless one is given.
[[nodiscard]] Trouble trouble(std::string_view doing, int error, std::string_view reason = {});

}  // namespace causeway::net
