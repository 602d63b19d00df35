#pragma once
// The few things that a TUN interface asks of the kernel's network configuration, over rtnetlink
// (IPv6 only). The kernel answers at once, so each call is made and answered before it returns.
#include "net/trouble.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace causeway::net {

using Ipv6Octets = std::array<std::byte, 16>;

/// Whether the first `bits` (128 at most) are the same.
[[nodiscard]] bool same_prefix(const Ipv6Octets& a, const Ipv6Octets& b, unsigned bits) noexcept;
/// As people write it.
[[nodiscard]] std::string text_of(const Ipv6Octets& address);

class Netlink {
public:
    struct AddressInUse {
        Ipv6Octets address{};
        unsigned interface = 0;
    };
    struct RouteInUse {
        Ipv6Octets prefix{};
        unsigned length = 0;
        unsigned interface = 0;  // zero when it has several next hops, or none
    };

    [[nodiscard]] static Opened<Netlink> open();
    Netlink(Netlink&& other) noexcept;
    Netlink& operator=(Netlink&&) = delete;
    ~Netlink();

    // Each gives zero or an errno.
    [[nodiscard]] int bring_up(unsigned interface, unsigned mtu);
    /// Without duplicate address detection, and without a route of its own.
    [[nodiscard]] int add_address(unsigned interface, const Ipv6Octets& address);
    /// Whether packets to `address` are delivered to this host. The kernel makes an address so some
    /// time after it has taken it.
    [[nodiscard]] bool delivers(const Ipv6Octets& address);
    [[nodiscard]] int add_route(unsigned interface, const Ipv6Octets& prefix, unsigned length);

    /// What the host has: addresses of all interfaces, and the main table's routes.
    [[nodiscard]] std::expected<std::vector<AddressInUse>, int> addresses();
    [[nodiscard]] std::expected<std::vector<RouteInUse>, int> routes();

private:
    explicit Netlink(int fd) noexcept : fd_(fd) {}

    int fd_ = -1;
    std::uint32_t sequence_ = 0;
};

}  // namespace causeway::net
