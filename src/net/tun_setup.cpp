#include "net/tun_setup.hpp"

#include "net/netlink.hpp"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>

namespace causeway::net {
namespace {

using namespace std::chrono_literals;

constexpr const char* device = "/dev/net/tun";
constexpr unsigned mtu_min = 1280;  // [RFC 8200 §5]
constexpr unsigned mtu_max = 65'535;
constexpr std::chrono::milliseconds address_wait_max(2000);

class Descriptor {
public:
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

private:
    int fd_;
};

std::string how_to_allow() {
    std::error_code ignored;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", ignored);
    const std::string program = self.empty() ? "causeway" : self.string();
    return "permission denied: it takes CAP_NET_ADMIN; allow it with \"sudo setcap "
           "cap_net_admin+ep " +
           program + "\", or run with sudo";
}

bool is_permission(int error) {
    return error == EPERM || error == EACCES;
}

std::string name_of_interface(unsigned index) {
    std::array<char, IF_NAMESIZE> name{};
    if (index != 0 && ::if_indextoname(index, name.data()) != nullptr) return name.data();
    return "another route";
}

/// What is wrong with the settings themselves, or empty.
std::string mistake_in(const Tun::Settings& settings) {
    const std::string& name = settings.name;
    const auto odd = [](char c) { return c <= ' ' || c > '~' || c == '/' || c == ':' || c == '%'; };
    if (name.empty() || name.size() >= IF_NAMESIZE || name == "." || name == ".." ||
        std::ranges::any_of(name, odd)) {
        return "an interface's name has 1 to 15 letters, digits, '-', '_' or '.'";
    }
    if (settings.prefix_length == 0 || settings.prefix_length > 128)
        return "the prefix's length is 1 to 128";
    if (settings.mtu < mtu_min || settings.mtu > mtu_max) return "the MTU is 1280 to 65535";
    if (settings.address == Ipv6Octets{} || settings.address[0] == std::byte{0xff})
        return "its address is not one that a host can have";
    return {};
}

/// Who else has the address or (part of) the prefix, as the rest of a sentence; or empty.
std::expected<std::string, int> conflict(Netlink& netlink, const Tun::Settings& settings) {
    const auto prefix = text_of(settings.prefix) + "/" + std::to_string(settings.prefix_length);
    const auto addresses = netlink.addresses();
    if (!addresses) return std::unexpected(addresses.error());
    for (const auto& used : *addresses) {
        const std::string owner = name_of_interface(used.interface);
        if (used.address == settings.address)
            return text_of(settings.address) + " is already an address of " + owner;
        if (same_prefix(used.address, settings.prefix, settings.prefix_length))
            return prefix + " is already in use: " + owner + " has " + text_of(used.address);
    }
    const auto routes = netlink.routes();
    if (!routes) return std::unexpected(routes.error());
    for (const auto& used : *routes) {
        if (used.length >= settings.prefix_length &&
            same_prefix(used.prefix, settings.prefix, settings.prefix_length)) {
            return prefix + " is already in use: " + text_of(used.prefix) + "/" +
                   std::to_string(used.length) + " goes to " + name_of_interface(used.interface);
        }
    }
    return std::string();
}

class Sysctl {
public:
    explicit Sysctl(const std::string& interface)
        : folder_("/proc/sys/net/ipv6/conf/" + interface + "/") {}

    [[nodiscard]] bool exists() const {
        std::error_code ignored;
        return std::filesystem::exists(folder_, ignored);
    }
    /// Empty when unreadable.
    [[nodiscard]] std::string read(const char* key) const {
        std::ifstream file(folder_ + key);
        std::string value;
        std::getline(file, value);
        return value;
    }
    bool write(const char* key, const char* value) const {
        if (read(key) == value) return true;
        std::ofstream file(folder_ + key);
        file << value << std::flush;
        return file.good();
    }
    [[nodiscard]] std::string path(const char* key) const { return folder_ + key; }

private:
    std::string folder_;
};

}  // namespace

Opened<TunSetup> set_up_tun(const Tun::Settings& settings) {
    const std::string doing = "cannot open the TUN interface " + settings.name;
    const auto refuse = [&](int error, std::string_view why = {}) {
        if (why.empty() && is_permission(error))
            return std::unexpected(trouble(doing, error, how_to_allow()));
        return std::unexpected(trouble(doing, error, why));
    };
    if (const std::string why = mistake_in(settings); !why.empty()) return refuse(EINVAL, why);

    Descriptor tun(::open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (tun.get() < 0) {
        if (errno == ENOENT || errno == ENODEV || errno == ENXIO) {
            return refuse(errno,
                          "there is no /dev/net/tun: load it with \"sudo modprobe tun\", or give "
                          "the container that device");
        }
        return refuse(errno);
    }

    auto netlink = Netlink::open();
    if (!netlink) return std::unexpected(netlink.error());
    if (!Sysctl("all").exists())
        return refuse(EAFNOSUPPORT, "this host's kernel runs without IPv6");

    ifreq request{};
    std::memcpy(request.ifr_name, settings.name.data(), settings.name.size());
    // EXCL: never take over an interface that somebody made before.
    request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL);
    if (::ioctl(tun.get(), TUNSETIFF, &request) != 0) {
        const int error = errno;
        if (error == EBUSY || ::if_nametoindex(settings.name.c_str()) != 0)
            return refuse(EBUSY, "an interface of that name exists");
        return refuse(error);
    }
    TunSetup made;
    made.index = ::if_nametoindex(settings.name.c_str());

    const auto other_user = conflict(*netlink, settings);
    if (!other_user) return refuse(other_user.error());
    if (!other_user->empty()) return refuse(EADDRINUSE, *other_user);

    const Sysctl conf(settings.name);
    if (!conf.write("disable_ipv6", "0")) {
        return refuse(EACCES, "IPv6 is disabled on new interfaces, and " +
                                  conf.path("disable_ipv6") +
                                  " cannot be written; allow IPv6 with \"sudo sysctl "
                                  "net.ipv6.conf.default.disable_ipv6=0\"");
    }
    // One link with nobody else on it: no address made up for it, no router looked for.
    for (const auto& [key, value] :
         {std::pair{"addr_gen_mode", "1"}, std::pair{"accept_ra", "0"}, std::pair{"autoconf", "0"},
          std::pair{"accept_dad", "0"}, std::pair{"router_solicitations", "0"}}) {
        if (!conf.write(key, value)) {
            made.warning = settings.name + ": cannot write " + conf.path(key) +
                           "; the kernel will look for routers there, which does no harm";
        }
    }

    if (const int error = netlink->bring_up(made.index, settings.mtu)) return refuse(error);
    if (const int error = netlink->add_address(made.index, settings.address)) {
        if (error == EACCES) return refuse(error, "IPv6 is disabled on it");
        return refuse(error);
    }
    // The kernel makes the address good on a work queue. Until then it would drop the mesh's first
    // answer, so this is the one place that waits.
    for (auto waited = 0ms; !netlink->delivers(settings.address); waited += 1ms) {
        if (waited >= address_wait_max) return refuse(ETIMEDOUT, "its address does not come up");
        std::this_thread::sleep_for(1ms);
    }
    if (const int error = netlink->add_route(made.index, settings.prefix, settings.prefix_length)) {
        if (error == EEXIST) return refuse(error, "its prefix already has a route");
        return refuse(error);
    }
    made.fd = tun.release();
    return made;
}

}  // namespace causeway::net
