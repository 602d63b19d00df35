#pragma once
// What the kernel knows of a terminal, a call each: opening it for ourselves alone, raw octets, the
// line's format, modem lines, RTS by the driver. For this room's .cpp files.
#include "net/serial_port.hpp"

#include <expected>
#include <string>

namespace causeway::net::tty {

/// Ours alone until it is closed, raw, not blocking. The error names the device.
[[nodiscard]] Opened<int> open_device(const std::string& device);

struct Pty {
    int master = -1;
    std::string path;  // "/dev/pts/7"
};
/// Raw at its other end, which nobody holds open.
[[nodiscard]] Opened<Pty> open_pty();
/// What waits at the other end to be read is not for the next program that opens it.
void forget_input(const std::string& path);
/// In one step, over a symbolic link that is there; anything else there is trouble.
[[nodiscard]] std::expected<void, Trouble> link_to(const std::string& target,
                                                   const std::string& link);
/// If it still is ours.
void unlink_from(const std::string& target, const std::string& link);

/// What was really set, as far as the driver tells. Null: the line is not to be touched.
SerialFormat set_format(int fd, const SerialFormat& wanted);
/// Of a pty's master: what the program at the other end set. Baud 0: it hung up.
[[nodiscard]] SerialFormat format_of(int fd);

/// The driver raises and drops RTS around what is written.
bool set_rs485(int fd, Duration before, Duration hold);
bool set_line(int fd, int line, bool on);
[[nodiscard]] bool has_lines(int fd);
[[nodiscard]] ModemLines lines_of(int fd, bool& known);
/// Octets that the driver has not sent.
[[nodiscard]] std::size_t unsent(int fd);
[[nodiscard]] LineErrors errors_of(int fd);

}  // namespace causeway::net::tty
