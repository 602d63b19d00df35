#include "net/connector.hpp"

#include "net/endpoint.hpp"
#include "net/sockaddr.hpp"

#include <netinet/tcp.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace causeway::net {
namespace {

std::optional<Endpoint> numeric(const std::string& host, std::uint16_t port) {
    const bool bare_v6 = host.find(':') != std::string::npos && !host.starts_with('[');
    auto endpoint = Endpoint::parse(bare_v6 ? "[" + host + "]" : host, port);
    if (!endpoint) return {};
    return *endpoint;
}

SocketAddress socket_address(const Endpoint& endpoint) {
    const auto [storage, size] = to_sockaddr(endpoint);
    return {storage, size};
}

}  // namespace

std::string SocketAddress::text() const {
    if (storage.ss_family != AF_UNIX) return from_sockaddr(storage).text();
    sockaddr_un path{};
    std::memcpy(&path, &storage, sizeof path);
    return "unix:" + std::string(path.sun_path, ::strnlen(path.sun_path, sizeof path.sun_path));
}

std::expected<SocketAddress, std::string> SocketAddress::unix_path(const std::string& path) {
    sockaddr_un address{};
    if (path.empty() || path.find('\0') != std::string::npos)
        return std::unexpected("bad path of a Unix socket");
    if (path.size() >= sizeof address.sun_path)
        return std::unexpected("the path is longer than " +
                               std::to_string(sizeof address.sun_path - 1) + " octets");
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    SocketAddress result;
    std::memcpy(&result.storage, &address, sizeof address);
    result.size = sizeof address;
    return result;
}

void set_no_delay(int fd) noexcept {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void set_keep_alive(int fd) noexcept {
    const int on = 1;
    const int idle_s = 10;
    const int interval_s = 5;
    const int probes = 4;
    const unsigned unacknowledged_ms = 30'000;
    ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
    ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof unacknowledged_ms);
}

int ConnectPlan::begin_next() {
    while (next < addresses.size()) {
        const SocketAddress& address = addresses[next++];
        const int family = address.storage.ss_family;
        const int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            last_error = errno;
            continue;
        }
        if (from && from->storage.ss_family == family && ::bind(fd, from->get(), from->size) != 0) {
            last_error = errno;
            ::close(fd);
            continue;
        }
        if (::connect(fd, address.get(), address.size) == 0 || errno == EINPROGRESS) return fd;
        last_error = errno;
        ::close(fd);
    }
    return -1;
}

std::string ConnectPlan::peer() const {
    return next == 0 ? std::string() : addresses[next - 1].text();
}

Trouble ConnectPlan::trouble() const {
    if (refusal) return *refusal;
    const std::string doing = "cannot connect to " + to;
    if (last_error == 0) return net::trouble(doing, EADDRNOTAVAIL, "it has no address");
    return net::trouble(doing, last_error);
}

std::expected<ConnectPlan, Trouble> plan_connect(const ConnectSpec& spec) {
    ConnectPlan plan;
    const bool local = !spec.unix_path.empty();
    const bool v6 = spec.host.find(':') != std::string::npos && !spec.host.starts_with('[');
    plan.to = local ? "unix:" + spec.unix_path
                    : (v6 ? "[" + spec.host + "]" : spec.host) + ":" + std::to_string(spec.port);
    const auto bad = [&](const std::string& why) {
        return std::unexpected(Trouble{"cannot connect to " + plan.to + ": " + why, {}});
    };
    if (!spec.bind_address.empty()) {
        const auto from = numeric(spec.bind_address, 0);
        if (!from) return bad("\"" + spec.bind_address + "\" is no address to bind to");
        plan.from = socket_address(*from);
    }
    if (local) {
        auto address = SocketAddress::unix_path(spec.unix_path);
        if (!address) return bad(address.error());
        plan.addresses.push_back(*address);
        return plan;
    }
    if (spec.host.empty()) return bad("no host is given");
    if (spec.port == 0) return bad("no port is given");
    if (const auto endpoint = numeric(spec.host, spec.port))
        plan.addresses.push_back(socket_address(*endpoint));
    return plan;
}

}  // namespace causeway::net
