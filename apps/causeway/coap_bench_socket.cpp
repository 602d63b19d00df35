#include "coap_bench_socket.hpp"

#include "coap_folder.hpp"
#include "net/descriptor_limit.hpp"
#include "net/trouble.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace causeway::cli {
namespace {

constexpr int kernel_octets = 16 << 20;
constexpr std::uint32_t first_address = 0x7f010000;  // 127.1.0.0
/// Room for an IP_PKTINFO.
constexpr std::size_t control_octets = CMSG_SPACE(sizeof(in_pktinfo));

void enlarge(int socket) {
    for (const auto& [forced, plain] :
         {std::pair{SO_RCVBUFFORCE, SO_RCVBUF}, std::pair{SO_SNDBUFFORCE, SO_SNDBUF}})
        if (::setsockopt(socket, SOL_SOCKET, forced, &kernel_octets, sizeof kernel_octets) != 0)
            ::setsockopt(socket, SOL_SOCKET, plain, &kernel_octets, sizeof kernel_octets);
}

std::string failure(const char* doing) {
    return fmt::format("{}: {}", doing, net::reason_of(errno));
}

}  // namespace

/// One batch of datagrams, in the shape that the kernel wants.
struct DatagramBatch {
    std::array<std::array<std::byte, BenchSockets::datagram_octets_max>, BenchSockets::batch_size>
        octets;
    std::array<iovec, BenchSockets::batch_size> pieces;
    std::array<mmsghdr, BenchSockets::batch_size> headers;
    std::array<sockaddr_storage, BenchSockets::batch_size> addresses;
    struct alignas(cmsghdr) Control {
        std::array<std::byte, control_octets> octets;
    };
    std::array<Control, BenchSockets::batch_size> controls;
    std::size_t size = 0;

    DatagramBatch() {
        for (std::size_t i = 0; i < octets.size(); ++i) {
            pieces[i] = {octets[i].data(), octets[i].size()};
            headers[i] = {};
            headers[i].msg_hdr.msg_iov = &pieces[i];
            headers[i].msg_hdr.msg_iovlen = 1;
        }
    }
};

bool BenchTarget::is_loopback_v4() const noexcept {
    if (address.ss_family != AF_INET) return false;
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
}

std::expected<BenchTarget, std::string> bench_target_of(const std::string& host, std::uint16_t port,
                                                        std::uint32_t scope) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_DGRAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
        return std::unexpected(fmt::format("nobody knows the host {}", host));
    BenchTarget target;
    std::memcpy(&target.address, found->ai_addr, found->ai_addrlen);
    target.octets = found->ai_addrlen;
    ::freeaddrinfo(found);
    if (target.address.ss_family == AF_INET6 && scope != 0) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &target.address, sizeof v6);
        v6.sin6_scope_id = scope;
        std::memcpy(&target.address, &v6, sizeof v6);
    }
    return target;
}

struct BenchSockets::State {
    BenchTarget target;
    std::uint32_t endpoints = 0;
    bool by_address = false;
    std::vector<Handle> sockets;
    std::vector<std::unique_ptr<DatagramBatch>> sending;  // a batch for each socket
    std::unique_ptr<DatagramBatch> receiving = std::make_unique<DatagramBatch>();
    std::vector<std::uint32_t> waiting;  // sockets with something in their batch
    std::vector<pollfd> polls;
    std::uint64_t refused = 0;

    std::expected<void, std::string> open_one(bool many) {
        const int family = target.address.ss_family;
        Handle socket(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!socket) return std::unexpected(failure("cannot open a socket"));
        if (!many) enlarge(socket.fd());
        if (by_address) {
            const int on = 1;
            sockaddr_in any{};
            any.sin_family = AF_INET;
            if (::setsockopt(socket.fd(), IPPROTO_IP, IP_PKTINFO, &on, sizeof on) != 0 ||
                ::bind(socket.fd(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0)
                return std::unexpected(failure("cannot bind a socket"));
        } else if (::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&target.address),
                             target.octets) != 0) {
            return std::unexpected(failure("cannot connect a socket"));
        }
        polls.push_back({.fd = socket.fd(), .events = POLLIN, .revents = 0});
        sockets.push_back(std::move(socket));
        sending.push_back(std::make_unique<DatagramBatch>());
        return {};
    }

    void set_source(DatagramBatch& batch, std::size_t at, std::uint32_t endpoint) {
        msghdr& header = batch.headers[at].msg_hdr;
        header.msg_name = &target.address;
        header.msg_namelen = target.octets;
        header.msg_control = batch.controls[at].octets.data();
        header.msg_controllen = control_octets;
        cmsghdr* const control = CMSG_FIRSTHDR(&header);
        control->cmsg_level = IPPROTO_IP;
        control->cmsg_type = IP_PKTINFO;
        control->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
        in_pktinfo info{};
        info.ipi_spec_dst.s_addr = htonl(first_address + endpoint);
        std::memcpy(CMSG_DATA(control), &info, sizeof info);
    }

    [[nodiscard]] std::uint32_t endpoint_of(msghdr& header, std::uint32_t socket) const {
        if (!by_address) return socket;
        for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
            if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_PKTINFO) continue;
            in_pktinfo info;
            std::memcpy(&info, CMSG_DATA(c), sizeof info);
            return ntohl(info.ipi_addr.s_addr) - first_address;
        }
        return endpoints;
    }

    void flush_one(std::uint32_t socket) {
        DatagramBatch& batch = *sending[socket];
        std::size_t sent = 0;
        for (unsigned attempts = 0; sent < batch.size && attempts < 100;) {
            const int n = ::sendmmsg(sockets[socket].fd(), &batch.headers[sent],
                                     static_cast<unsigned>(batch.size - sent), 0);
            if (n > 0) {
                sent += static_cast<std::size_t>(n);
                continue;
            }
            if (errno == EAGAIN || errno == EINTR) {
                pollfd room{.fd = sockets[socket].fd(), .events = POLLOUT, .revents = 0};
                ::poll(&room, 1, 10);
            } else if (errno != ECONNREFUSED) {
                break;  // an ICMP error stands for an earlier datagram: this one can still go
            }
            ++attempts;
        }
        refused += batch.size - sent;
        batch.size = 0;
    }

    bool receive_one(std::uint32_t socket,
                     const std::function<void(std::uint32_t, Bytes)>& on_datagram) {
        DatagramBatch& batch = *receiving;
        for (std::size_t i = 0; i < batch.headers.size(); ++i) {
            batch.headers[i].msg_hdr.msg_control = batch.controls[i].octets.data();
            batch.headers[i].msg_hdr.msg_controllen = by_address ? control_octets : 0;
        }
        const int n =
            ::recvmmsg(sockets[socket].fd(), batch.headers.data(),
                       static_cast<unsigned>(batch.headers.size()), MSG_DONTWAIT, nullptr);
        for (std::size_t i = 0; n > 0 && i < static_cast<std::size_t>(n); ++i) {
            const std::uint32_t endpoint = endpoint_of(batch.headers[i].msg_hdr, socket);
            if (endpoint < endpoints)
                on_datagram(endpoint, Bytes(batch.octets[i]).first(batch.headers[i].msg_len));
        }
        return n > 0;
    }
};

BenchSockets::BenchSockets(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
BenchSockets::BenchSockets(BenchSockets&&) noexcept = default;
BenchSockets& BenchSockets::operator=(BenchSockets&&) noexcept = default;
BenchSockets::~BenchSockets() = default;

std::expected<BenchSockets, std::string> BenchSockets::open(const BenchTarget& target,
                                                            std::uint32_t endpoints) {
    auto state = std::make_unique<State>();
    state->target = target;
    state->endpoints = endpoints;
    state->by_address = target.is_loopback_v4();
    const std::uint32_t sockets = state->by_address ? 1 : endpoints;
    if (sockets > sockets_max)
        return std::unexpected(fmt::format("{} endpoints: more than {} only towards 127.0.0.0/8",
                                           endpoints, sockets_max));
    net::raise_descriptor_limit();
    for (std::uint32_t i = 0; i < sockets; ++i)
        if (auto opened = state->open_one(sockets > 1); !opened)
            return std::unexpected(opened.error());
    return BenchSockets(std::move(state));
}

MutableBytes BenchSockets::add(std::uint32_t endpoint, std::size_t octets) {
    const std::uint32_t socket = state_->by_address ? 0 : endpoint;
    if (state_->sending[socket]->size == batch_size) state_->flush_one(socket);
    DatagramBatch& out = *state_->sending[socket];
    if (out.size == 0) state_->waiting.push_back(socket);
    const std::size_t at = out.size++;
    if (state_->by_address) state_->set_source(out, at, endpoint);
    out.pieces[at].iov_len = octets;
    return MutableBytes(out.octets[at]).first(octets);
}

void BenchSockets::flush() {
    for (const std::uint32_t socket : state_->waiting) state_->flush_one(socket);
    state_->waiting.clear();
}

bool BenchSockets::receive(const std::function<void(std::uint32_t, Bytes)>& on_datagram) {
    bool any = false;
    if (state_->sockets.size() == 1) return state_->receive_one(0, on_datagram);
    if (::poll(state_->polls.data(), state_->polls.size(), 0) <= 0) return false;
    for (std::uint32_t i = 0; i < state_->polls.size(); ++i)
        if (state_->polls[i].revents != 0) any |= state_->receive_one(i, on_datagram);
    return any;
}

void BenchSockets::wait(std::chrono::microseconds most) {
    const timespec time{.tv_sec = most.count() / 1'000'000,
                        .tv_nsec = most.count() % 1'000'000 * 1'000};
    ::ppoll(state_->polls.data(), state_->polls.size(), &time, nullptr);
}

std::uint32_t BenchSockets::endpoints() const noexcept {
    return state_->endpoints;
}
std::uint64_t BenchSockets::refused() const noexcept {
    return state_->refused;
}

// ---- the floor ---------------------------------------------------------------------------------

namespace {

[[noreturn]] void echo(int socket) {
    auto batch = std::make_unique<DatagramBatch>();
    for (;;) {
        for (std::size_t i = 0; i < batch->headers.size(); ++i) {
            batch->headers[i].msg_hdr.msg_name = &batch->addresses[i];
            batch->headers[i].msg_hdr.msg_namelen = sizeof batch->addresses[i];
            batch->pieces[i].iov_len = batch->octets[i].size();
        }
        const int n =
            ::recvmmsg(socket, batch->headers.data(), static_cast<unsigned>(batch->headers.size()),
                       MSG_WAITFORONE, nullptr);
        if (n < 0 && errno != EINTR) ::_exit(1);
        for (std::size_t i = 0; n > 0 && i < static_cast<std::size_t>(n); ++i)
            batch->pieces[i].iov_len = batch->headers[i].msg_len;
        for (int sent = 0; sent < n;) {
            const int more = ::sendmmsg(socket, &batch->headers[static_cast<std::size_t>(sent)],
                                        static_cast<unsigned>(n - sent), 0);
            sent += more > 0 ? more : 1;
        }
    }
}

}  // namespace

std::expected<EchoFloor, std::string> EchoFloor::start(int core) {
    const Handle socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) return std::unexpected(failure("cannot open a socket"));
    enlarge(socket.fd());
    sockaddr_in local{};
    local.sin_family = AF_INET;
    local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t octets = sizeof local;
    auto* const address = reinterpret_cast<sockaddr*>(&local);
    if (::bind(socket.fd(), address, octets) != 0 ||
        ::getsockname(socket.fd(), address, &octets) != 0)
        return std::unexpected(failure("cannot bind a socket"));
    BenchTarget target;
    std::memcpy(&target.address, &local, sizeof local);
    target.octets = octets;
    const int child = ::fork();
    if (child < 0) return std::unexpected(failure("cannot make a process"));
    if (child > 0) return EchoFloor(child, target);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // it must not outlive a generator that was killed
    if (core >= 0) {
        cpu_set_t cores;
        CPU_ZERO(&cores);
        CPU_SET(static_cast<unsigned>(core), &cores);
        ::sched_setaffinity(0, sizeof cores, &cores);
    }
    echo(socket.fd());
}

EchoFloor::EchoFloor(EchoFloor&& other) noexcept
    : child_(std::exchange(other.child_, 0)), target_(other.target_) {}

EchoFloor::~EchoFloor() {
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
}

}  // namespace causeway::cli
