#pragma once
// The way out: the addresses of a host, tried one after the other until one of them takes the
// connection. For this room's .cpp files.
#include "net/stream_host.hpp"

#include <sys/socket.h>

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace causeway::net {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    [[nodiscard]] const sockaddr* get() const noexcept {
        return reinterpret_cast<const sockaddr*>(&storage);
    }
    /// "192.0.2.7:51432", "[2001:db8::1]:1883", "unix:/run/x.sock"
    [[nodiscard]] std::string text() const;
    /// Of a folder's socket; the error says that the path is too long.
    [[nodiscard]] static std::expected<SocketAddress, std::string> unix_path(
        const std::string& path);
};

/// Small messages leave at once; a Unix socket does so anyway.
void set_no_delay(int fd) noexcept;
/// A peer that vanished is noticed within half a minute, silent or not.
void set_keep_alive(int fd) noexcept;

struct ConnectPlan {
    std::string to;  // "broker.example:8883", for troubles
    std::vector<SocketAddress> addresses;
    std::optional<SocketAddress> from;
    std::size_t next = 0;
    int last_error = 0;
    std::optional<Trouble> refusal;  // why it is not even tried

    /// A socket that is on its way to the next address, or -1: none is left.
    [[nodiscard]] int begin_next();
    /// The address of begin_next()'s last socket.
    [[nodiscard]] std::string peer() const;
    [[nodiscard]] Trouble trouble() const;
};

/// What can be said without a name server: a Unix socket, an address in digits. Addresses are empty
/// where the host is a name that has to be looked up.
[[nodiscard]] std::expected<ConnectPlan, Trouble> plan_connect(const ConnectSpec& spec);

}  // namespace causeway::net
