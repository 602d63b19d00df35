#include "net/udp_socket.hpp"

#include "base/tap.hpp"
#include "net/sockaddr.hpp"
#include "net/udp_batch.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include <linux/errqueue.h>
#include <net/if.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
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

template <class Value>
int set_option(int fd, int level, int name, const Value& value) {
    return ::setsockopt(fd, level, name, &value, sizeof value);
}

/// And not those that some other socket of this machine joined.
void only_groups_of_ours(int fd, bool v6) {
    set_option(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
    if (v6) set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
}

bool says_unreachable(msghdr& message) {
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
         head = CMSG_NXTHDR(&message, head)) {
        const bool v4 = head->cmsg_level == IPPROTO_IP && head->cmsg_type == IP_RECVERR;
        const bool v6 = head->cmsg_level == IPPROTO_IPV6 && head->cmsg_type == IPV6_RECVERR;
        if (!v4 && !v6) continue;
        sock_extended_err error;
        std::memcpy(&error, CMSG_DATA(head), sizeof error);
        const bool from_network =
            error.ee_origin == SO_EE_ORIGIN_ICMP || error.ee_origin == SO_EE_ORIGIN_ICMP6;
        // Too big a packet is not unreachable, only too big.
        return from_network && error.ee_errno != EMSGSIZE;
    }
    return false;
}

}  // namespace

struct UdpSocket::State : std::enable_shared_from_this<State> {
    State(Io& io, int fd, bool v6, Options chosen)
        : descriptor(io, fd), options(chosen), is_v6(v6) {
        options.datagram_octets_max =
            std::clamp<std::size_t>(options.datagram_octets_max, 1, datagram_octets_limit);
        options.batch_max = std::clamp<std::size_t>(options.batch_max, 1, batch_limit);
    }

    void start() {
        CAUSEWAY_ASSERT(!receiving);
        receiving = true;
        wait();
    }

    void wait() {
        if (!descriptor.is_open()) return;
        descriptor.async_wait(boost::asio::posix::descriptor_base::wait_read,
                              [self = shared_from_this()](const boost::system::error_code& closed) {
                                  if (!closed) self->turn();
                              });
    }

    void turn() {
        if (!descriptor.is_open()) return;
        const std::size_t wanted = options.batch_max;
        auto inbox = UdpInbox::borrow(wanted, options.datagram_octets_max);
        const std::size_t n = inbox->fill(descriptor.native_handle(), bool(on_arrival));
        ++held;
        for (std::size_t i = 0; i < n && descriptor.is_open(); ++i) deliver(*inbox, i);
        UdpInbox::give_back(std::move(inbox));
        if (n != 0 && on_batch_end && descriptor.is_open()) on_batch_end();
        release();
        // An error is told before what arrived after it, so nothing is missed.
        if (n == 0 && on_unreachable && descriptor.is_open()) take_errors();
        if (n < wanted) return wait();
        // More is likely there: others have their turn, but the kernel is not asked to wake us.
        boost::asio::post(descriptor.get_executor(), [self = shared_from_this()] { self->turn(); });
    }

    void deliver(const UdpInbox& inbox, std::size_t i) {
        ++stats.received;
        if (inbox.too_long(i)) {
            ++stats.too_long;
            return;
        }
        ++stats.delivered;
        const Endpoint from = inbox.from(i);
        if (on_datagram) return on_datagram(from, inbox.octets(i));
        bool multicast = false;
        const Endpoint to = inbox.destination(i, local.port, multicast);
        on_arrival({.from = from, .local = to, .multicast = multicast, .octets = inbox.octets(i)});
    }

    void take_errors() {
        for (int n = 0; n < errors_a_turn && descriptor.is_open(); ++n) {
            UdpAddress name{};
            alignas(cmsghdr) std::array<std::byte, 512> control;
            msghdr message{};
            message.msg_name = &name;
            message.msg_namelen = sizeof name;
            message.msg_control = control.data();
            message.msg_controllen = control.size();
            const int flags = MSG_ERRQUEUE | MSG_DONTWAIT;
            if (::recvmsg(descriptor.native_handle(), &message, flags) < 0) return;
            if (!says_unreachable(message)) continue;
            ++stats.unreachable;
            on_unreachable(to_endpoint(name));
        }
    }

    bool send(const Endpoint& to, Bytes octets, const Endpoint* from) {
        if (!descriptor.is_open() || octets.size() > datagram_octets_limit) {
            ++stats.send_refused;
            return false;
        }
        if (held == 0) {
            const bool sent =
                UdpOutbox::send_now(descriptor.native_handle(), is_v6, to, octets, from);
            ++(sent ? stats.sent : stats.send_refused);
            return sent;
        }
        if (!outbox.has_room(octets.size())) flush();
        outbox.push(to, octets, from);
        return true;
    }

    void release() {
        CAUSEWAY_ASSERT(held != 0);
        if (--held == 0) flush();
    }

    void flush() {
        if (outbox.empty()) return;
        if (!descriptor.is_open()) return outbox.forget();
        const auto [sent, refused] = outbox.flush(descriptor.native_handle(), is_v6);
        stats.sent += sent;
        stats.send_refused += refused;
    }

    /// Beyond it, UDP's length field ends.
    static constexpr std::size_t datagram_octets_limit = 65'535;
    static constexpr std::size_t batch_limit = 1'024;
    static constexpr int errors_a_turn = 64;

    boost::asio::posix::stream_descriptor descriptor;
    Options options;
    bool is_v6;
    bool receiving = false;
    unsigned held = 0;  // batches under way, holds
    UdpOutbox outbox;
    OnDatagram on_datagram;
    OnArrival on_arrival;
    OnBatchEnd on_batch_end;
    OnUnreachable on_unreachable;
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
    auto state = std::make_shared<State>(io, fd, local.v6, options);  // owns fd from here on
    if (local.v6) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.dual_stack ? 0 : 1);
    if (options.kernel_buffer_octets != 0) {
        const int octets =
            static_cast<int>(std::min<std::size_t>(options.kernel_buffer_octets, 1u << 30));
        set_option(fd, SOL_SOCKET, SO_RCVBUF, octets);
        set_option(fd, SOL_SOCKET, SO_SNDBUF, octets);
    }
    if (const int hops = std::clamp(options.multicast_hops, 0, 255); hops != 0) {
        if (local.v6) set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, hops);
        if (!local.v6 || options.dual_stack) set_option(fd, IPPROTO_IP, IP_MULTICAST_TTL, hops);
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
    CAUSEWAY_ASSERT(on_datagram);
    state_->on_datagram = std::move(on_datagram);
    state_->start();
}

void UdpSocket::receive(OnArrival on_arrival) {
    CAUSEWAY_ASSERT(on_arrival);
    state_->on_arrival = std::move(on_arrival);
    const int fd = state_->descriptor.native_handle();
    if (state_->is_v6)
        set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    else
        set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
    only_groups_of_ours(fd, state_->is_v6);
    state_->start();
}

void UdpSocket::on_batch_end(OnBatchEnd on_batch_end) {
    state_->on_batch_end = std::move(on_batch_end);
}

void UdpSocket::on_unreachable(OnUnreachable on_unreachable) {
    state_->on_unreachable = std::move(on_unreachable);
    const int fd = state_->descriptor.native_handle();
    const int on = state_->on_unreachable ? 1 : 0;
    // An IPv6 socket that takes IPv4 too hears of both.
    set_option(fd, IPPROTO_IP, IP_RECVERR, on);
    if (state_->is_v6) set_option(fd, IPPROTO_IPV6, IPV6_RECVERR, on);
}

std::optional<Trouble> UdpSocket::join(std::string_view group) {
    const std::string doing = "cannot join the group " + std::string(group.substr(0, 128));
    std::string_view address = group;
    std::string_view zone;
    if (const auto percent = group.find('%'); percent != std::string_view::npos) {
        address = group.substr(0, percent);
        zone = group.substr(percent + 1);
    }
    const auto endpoint = Endpoint::parse(address, 0);
    if (!endpoint || endpoint->port != 0) return trouble(doing, EINVAL, "want ADDRESS%INTERFACE");
    if (!endpoint->is_multicast()) return trouble(doing, EINVAL, "it is not a multicast address");
    unsigned interface = 0;
    if (!zone.empty()) {
        const std::string name(zone);
        interface = ::if_nametoindex(name.c_str());
        if (interface == 0)
            return trouble(doing, ENODEV, "no interface is called \"" + name + "\"");
    }
    const int fd = state_->descriptor.native_handle();
    only_groups_of_ours(fd, state_->is_v6);
    int result;
    if (endpoint->v6) {
        ipv6_mreq request{};
        std::memcpy(&request.ipv6mr_multiaddr, endpoint->address.data(), 16);
        request.ipv6mr_interface = interface;
        result = set_option(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, request);
    } else {
        ip_mreqn request{};
        std::memcpy(&request.imr_multiaddr, endpoint->address.data(), 4);
        request.imr_ifindex = static_cast<int>(interface);
        result = set_option(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, request);
    }
    if (result == 0 || errno == EADDRINUSE) return {};  // joined before
    if (errno == ENODEV) return trouble(doing, errno, "name the interface: GROUP%INTERFACE");
    return trouble(doing, errno);
}

bool UdpSocket::send(const Endpoint& to, Bytes octets) {
    return state_->send(to, octets, nullptr);
}
bool UdpSocket::send(const Endpoint& to, Bytes octets, const Endpoint* from) {
    return state_->send(to, octets, from);
}
void UdpSocket::hold() {
    ++state_->held;
}
void UdpSocket::release() {
    state_->release();
}

void UdpSocket::close() {
    if (!state_) return;
    state_->flush();
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
