#pragma once
// The serial ports of this machine, with names that stay the same when it starts again or an
// adapter is plugged in elsewhere.
#include <string>
#include <vector>

namespace causeway::net {

struct FoundPort {
    std::string device;   // "/dev/ttyUSB0"
    std::string by_id;    // "/dev/serial/by-id/usb-FTDI_..."; empty: it has none
    std::string by_path;  // "/dev/serial/by-path/pci-...": by where it is plugged in
    std::string driver;   // "ftdi_sio"
    std::string product;  // as USB says it; may be empty
};

/// Sorted by device. Ports that a driver keeps for hardware that is not there are left out. `root`
/// is where /sys and /dev are looked for.
[[nodiscard]] std::vector<FoundPort> serial_ports(const std::string& root = "/");

}  // namespace causeway::net
