#include "net/serial_port_list.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

namespace causeway::net {
namespace {

namespace fs = std::filesystem;

constexpr int levels_to_usb_device = 4;

std::string first_line(const fs::path& file) {
    std::ifstream in(file);
    std::string line;
    std::getline(in, line);
    return line;
}

/// By the device's name, the links that lead to it.
std::map<std::string, std::string> names_in(const fs::path& folder, const fs::path& root) {
    std::map<std::string, std::string> names;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(folder, none)) {
        std::error_code error;
        const fs::path leads_to = fs::read_symlink(entry.path(), error);
        if (error) continue;
        names[leads_to.filename().string()] = "/" + fs::relative(entry.path(), root).string();
    }
    return names;
}

std::string link_name(const fs::path& link) {
    std::error_code error;
    const fs::path leads_to = fs::read_symlink(link, error);
    return error ? std::string() : leads_to.filename().string();
}

std::string product_of(const fs::path& device) {
    std::error_code error;
    fs::path at = fs::canonical(device, error);
    for (int level = 0; !error && level < levels_to_usb_device && at.has_parent_path(); ++level) {
        if (fs::exists(at / "product", error)) return first_line(at / "product");
        at = at.parent_path();
    }
    return {};
}

std::string of(const std::map<std::string, std::string>& names, const std::string& name) {
    const auto found = names.find(name);
    return found == names.end() ? std::string() : found->second;
}

}  // namespace

std::vector<FoundPort> serial_ports(const std::string& root) {
    const fs::path top(root);
    const auto by_id = names_in(top / "dev/serial/by-id", top);
    const auto by_path = names_in(top / "dev/serial/by-path", top);
    std::vector<FoundPort> found;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(top / "sys/class/tty", none)) {
        std::error_code error;
        const std::string name = entry.path().filename().string();
        // A console or a pseudo-terminal has no device below it.
        if (!fs::exists(entry.path() / "device", error)) continue;
        // "PORT_UNKNOWN": the driver keeps a place for hardware that it did not find.
        if (first_line(entry.path() / "type") == "0") continue;
        found.push_back({.device = "/dev/" + name,
                         .by_id = of(by_id, name),
                         .by_path = of(by_path, name),
                         .driver = link_name(entry.path() / "device/driver"),
                         .product = product_of(entry.path() / "device")});
    }
    std::ranges::sort(found, {}, &FoundPort::device);
    return found;
}

}  // namespace causeway::net
