#include "net/listener.hpp"

#include "net/endpoint.hpp"
#include "net/sockaddr.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>

namespace causeway::net {
namespace {

constexpr int batch_max = 64;
constexpr std::chrono::milliseconds rest_when_full{100};
constexpr std::string_view unix_prefix = "unix:";

int open_spare() {
    return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

bool out_of_descriptors(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/// A socket's file that nobody listens behind any more.
bool is_stale(const SocketAddress& address, const std::string& path) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    const bool refused = ::connect(fd, address.get(), address.size) != 0 && errno == ECONNREFUSED;
    ::close(fd);
    return refused;
}

Trouble cannot_listen(const std::string& address, int error) {
    const std::string doing = "cannot listen on " + address;
    switch (error) {
        case EACCES:
            if (address.starts_with(unix_prefix)) return trouble(doing, error);
            return trouble(doing, error,
                           "permission denied (a port below 1024 needs CAP_NET_BIND_SERVICE)");
        case EADDRNOTAVAIL:
            return trouble(doing, error, "no interface has that address");
        case EAFNOSUPPORT:
            return trouble(doing, error, "this host has no such addresses");
        default:
            return trouble(doing, error);
    }
}

}  // namespace

Listener::Listener(StreamShard& shard, std::size_t index, const ListenSpec& spec)
    : shard_(shard), index_(index), spec_(spec), address_(spec.address) {}

Listener::~Listener() {
    stop();
}

std::expected<std::unique_ptr<Listener>, Trouble> Listener::open(StreamShard& shard,
                                                                 std::size_t index,
                                                                 const ListenSpec& spec) {
    std::unique_ptr<Listener> self(new Listener(shard, index, spec));
    if (spec.tls) {
        if (auto wrong = self->reload(*spec.tls)) return std::unexpected(std::move(*wrong));
    }
    auto wrong = spec.address.starts_with(unix_prefix)
                     ? self->bind_unix(spec.address.substr(unix_prefix.size()))
                     : self->bind_ip();
    if (wrong) return std::unexpected(std::move(*wrong));
    if (::listen(self->fd_, std::max(spec.backlog, 1)) != 0)
        return std::unexpected(cannot_listen(self->address_, errno));
    self->spare_ = open_spare();
    return self;
}

std::optional<Trouble> Listener::bind_unix(const std::string& path) {
    const auto address = SocketAddress::unix_path(path);
    if (!address) return Trouble{"cannot listen on " + address_ + ": " + address.error(), {}};
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) return cannot_listen(address_, errno);
    if (is_stale(*address, path)) ::unlink(path.c_str());
    if (::bind(fd_, address->get(), address->size) != 0) return cannot_listen(address_, errno);
    unlink_ = path;
    return {};
}

std::optional<Trouble> Listener::bind_ip() {
    const auto endpoint = Endpoint::parse(spec_.address);
    if (!endpoint) return Trouble{"cannot listen: " + endpoint.error(), {}};
    fd_ =
        ::socket(endpoint->v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) return cannot_listen(address_, errno);
    const int on = 1;
    ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    // [::] is IPv6 alone: who wants both says so with two listeners, whatever the host's default.
    if (endpoint->v6) ::setsockopt(fd_, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    const auto [address, size] = to_sockaddr(*endpoint);
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), size) != 0)
        return cannot_listen(address_, errno);
    SocketAddress bound{.storage = {}, .size = sizeof(sockaddr_storage)};
    if (::getsockname(fd_, reinterpret_cast<sockaddr*>(&bound.storage), &bound.size) != 0)
        return cannot_listen(address_, errno);
    address_ = bound.text();
    return {};
}

std::optional<Trouble> Listener::reload(const TlsServer& tls) {
    auto context = server_context(tls, spec_.websocket ? "http/1.1" : spec_.subprotocol);
    if (!context) return std::move(context.error());
    tls_ = std::move(*context);
    spec_.tls = tls;
    return {};
}

void Listener::begin(OnAccepted on_accepted, std::uint64_t& refused_descriptors) {
    on_accepted_ = std::move(on_accepted);
    refused_descriptors_ = &refused_descriptors;
    shard_.watch(*this, fd_);
}

void Listener::stop() {
    if (fd_ >= 0) {
        if (on_accepted_) shard_.unwatch(fd_);
        ::close(fd_);
    }
    if (spare_ >= 0) ::close(spare_);
    if (!unlink_.empty()) ::unlink(unlink_.c_str());
    fd_ = spare_ = -1;
    unlink_.clear();
}

void Listener::ready() {
    bool full = false;
    for (int n = 0; n < batch_max && fd_ >= 0; ++n) {
        SocketAddress peer{.storage = {}, .size = sizeof(sockaddr_storage)};
        const int fd = ::accept4(fd_, reinterpret_cast<sockaddr*>(&peer.storage), &peer.size,
                                 SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            on_accepted_(index_, fd, peer);
            continue;
        }
        if (errno == EAGAIN) break;
        // EINTR, ECONNABORTED and what the network did to that one connection: on to the next.
        if (!out_of_descriptors(errno)) continue;
        full = true;
        if (!hang_up_on_one()) break;
    }
    // The others in the backlog wait: to look again at once would only burn the processor.
    if (full && fd_ >= 0) shard_.rest(*this, fd_, rest_when_full);
}

/// So that somebody is told at once rather than left to wait; false: nobody was.
bool Listener::hang_up_on_one() {
    if (spare_ >= 0) ::close(spare_);
    const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    const bool nobody = fd < 0 && errno == EAGAIN;
    if (fd >= 0) ::close(fd);
    spare_ = open_spare();
    // Descriptors are taken before the backlog is looked at: there may have been nobody.
    if (!nobody) ++*refused_descriptors_;
    return fd >= 0;
}

}  // namespace causeway::net
