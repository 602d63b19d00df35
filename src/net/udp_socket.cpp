#include "net/udp_socket.hpp"

#include "base/tap.hpp"
#include "net/sockaddr.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace causeway::net {

static_assert(Stats<UdpSocket::Stats>);

namespace {

Trouble cannot_listen(const Endpoint& local, int error) {
    const std::string doing = "cannot listen on " + local.text();
    switch (error) {
        case EACCES:
            return trouble(doing, error,
                           "permission denied (a port below 1024 needs CAP_NET_BIND_SERVICE)");
        case EADDRNOTAVAIL:
            return trouble(doing, error, "no interface has that address");
        case EAFNOSUPPORT:
            return trouble(doing, error,
                           local.v6 ? "this host has no IPv6" : "this host has no IPv4");
        default:
            return trouble(doing, error);
    }
}

}  // namespace

struct UdpSocket::State : std::enable_shared_from_this<State> {
    State(Io& io, int fd, Options chosen)
        : descriptor(io, fd),
          options(chosen),
          buffer(std::clamp<std::size_t>(chosen.datagram_octets_max, 1, 65'535)) {}

    void wait() {
        if (!descriptor.is_open()) return;
        descriptor.async_wait(boost::asio::posix::descriptor_base::wait_read,
                              [self = shared_from_this()](const boost::system::error_code& closed) {
                                  if (!closed) self->turn();
                              });
    }

    void turn() {
        for (std::size_t n = 0; n < std::max<std::size_t>(options.batch_max, 1); ++n) {
            if (!descriptor.is_open() || !take_one()) break;
        }
        wait();
    }

    /// False when the kernel has none left.
    bool take_one() {
        sockaddr_storage from{};
        iovec where{buffer.data(), buffer.size()};
        msghdr message{};
        message.msg_name = &from;
        message.msg_namelen = sizeof from;
        message.msg_iov = &where;
        message.msg_iovlen = 1;
        const ssize_t n = ::recvmsg(descriptor.native_handle(), &message, MSG_DONTWAIT);
        // Whatever went wrong, level-triggered waiting brings us back if there is more.
        if (n < 0) return errno == EINTR;
        ++stats.received;
        if ((message.msg_flags & MSG_TRUNC) != 0) {
            ++stats.too_long;
            return true;
        }
        ++stats.delivered;
        on_datagram(from_sockaddr(from), Bytes(buffer).first(static_cast<std::size_t>(n)));
        return true;
    }

    boost::asio::posix::stream_descriptor descriptor;
    Options options;
    Octets buffer;
    OnDatagram on_datagram;
    Endpoint local;
    Stats stats;
};

UdpSocket::UdpSocket(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
UdpSocket::UdpSocket(UdpSocket&&) noexcept = default;
UdpSocket& UdpSocket::operator=(UdpSocket&& other) noexcept {
    if (this != &other) {
        close();
        state_ = std::move(other.state_);
    }
    return *this;
}
UdpSocket::~UdpSocket() {
    close();
}

Opened<UdpSocket> UdpSocket::open(Io& io, const Endpoint& local) {
    return open(io, local, {});
}

Opened<UdpSocket> UdpSocket::open(Io& io, std::string_view local) {
    const auto endpoint = Endpoint::parse(local);
    if (!endpoint) return std::unexpected(Trouble{endpoint.error(), {}});
    return open(io, *endpoint, {});
}

Opened<UdpSocket> UdpSocket::open(Io& io, const Endpoint& local, Options options) {
    const int fd = ::socket(local.v6 ? AF_INET6 : AF_INET,
                            SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
    if (fd < 0) return std::unexpected(cannot_listen(local, errno));
    auto state = std::make_shared<State>(io, fd, options);  // owns fd from here on
    if (local.v6) {
        const int only = options.dual_stack ? 0 : 1;
        ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    }
    if (options.kernel_buffer_octets != 0) {
        const int octets =
            static_cast<int>(std::min<std::size_t>(options.kernel_buffer_octets, 1u << 30));
        ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets);
    }
    const auto [address, size] = to_sockaddr(local);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0)
        return std::unexpected(cannot_listen(local, errno));
    sockaddr_storage bound{};
    socklen_t bound_size = sizeof bound;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &bound_size) != 0)
        return std::unexpected(cannot_listen(local, errno));
    state->local = from_sockaddr(bound);
    return UdpSocket(std::move(state));
}

void UdpSocket::receive(OnDatagram on_datagram) {
    CAUSEWAY_ASSERT(!state_->on_datagram && on_datagram);
    state_->on_datagram = std::move(on_datagram);
    state_->wait();
}

bool UdpSocket::send(const Endpoint& to, Bytes octets) {
    const auto [address, size] = to_sockaddr(to);
    ssize_t n;
    do {
        n = ::sendto(state_->descriptor.native_handle(), octets.data(), octets.size(),
                     MSG_DONTWAIT | MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                     size);
    } while (n < 0 && errno == EINTR);
    ++(n < 0 ? state_->stats.send_refused : state_->stats.sent);
    return n >= 0;
}

void UdpSocket::close() {
    if (!state_) return;
    boost::system::error_code ignored;
    state_->descriptor.close(ignored);
}

const Endpoint& UdpSocket::local() const noexcept {
    return state_->local;
}
const UdpSocket::Stats& UdpSocket::stats() const noexcept {
    return state_->stats;
}

}  // namespace causeway::net
