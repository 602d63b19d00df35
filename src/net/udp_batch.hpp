#pragma once
// What recvmmsg and sendmmsg take, kept for the next batch: one set a thread, lent to whichever
// socket is at work, so that ten thousand sockets cost no more buffers than one. For udp_*.cpp.
#include "base/bytes.hpp"
#include "net/endpoint.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <memory>
#include <vector>

namespace causeway::net {

union UdpAddress {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
};

/// Room for a packet's own destination, of either family.
struct alignas(cmsghdr) UdpControl {
    std::byte octets[CMSG_SPACE(sizeof(in6_pktinfo))];
};

class UdpInbox {
public:
    /// The thread's own, or a new one while that is lent.
    [[nodiscard]] static std::unique_ptr<UdpInbox> borrow(std::size_t datagrams,
                                                          std::size_t octets_max);
    static void give_back(std::unique_ptr<UdpInbox> inbox) noexcept;

    /// How many arrived; 0 and errno when none did.
    [[nodiscard]] std::size_t fill(int fd, bool with_destinations);
    [[nodiscard]] bool too_long(std::size_t i) const noexcept;
    [[nodiscard]] Bytes octets(std::size_t i) const noexcept;
    [[nodiscard]] Endpoint from(std::size_t i) const noexcept;
    /// Where it was sent to; of no meaning unless they were asked for. A group's scope is the
    /// interface it came by.
    [[nodiscard]] Endpoint destination(std::size_t i, std::uint16_t port,
                                       bool& multicast) const noexcept;

private:
    void make_room(std::size_t datagrams, std::size_t octets_max);

    std::size_t datagrams_ = 0;   // of those there is room for
    std::size_t octets_max_ = 0;  // each
    std::size_t used_ = 0;        // headers that the kernel wrote to
    bool with_destinations_ = false;
    std::size_t storage_octets_ = 0;
    std::unique_ptr<std::byte[]> storage_;  // pages never written to take no memory
    std::vector<mmsghdr> headers_;
    std::vector<iovec> where_;
    std::vector<UdpAddress> names_;
    std::vector<UdpControl> controls_;
};

/// Datagrams that wait to leave together.
class UdpOutbox {
public:
    struct Sent {
        std::size_t sent = 0;
        std::size_t refused = 0;
    };
    static constexpr std::size_t datagrams_max = 1'024;  // the kernel takes no more at once
    static constexpr std::size_t octets_max = 1 << 20;

    [[nodiscard]] bool has_room(std::size_t octets) const noexcept;
    void push(const Endpoint& to, Bytes octets, const Endpoint* from);
    [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }
    Sent flush(int fd, bool socket_is_v6);
    void forget() noexcept;

    /// Without a detour.
    [[nodiscard]] static bool send_now(int fd, bool socket_is_v6, const Endpoint& to, Bytes octets,
                                       const Endpoint* from);

private:
    struct Waiting {
        Endpoint to;
        Endpoint from;
        std::size_t size = 0;
        bool has_from = false;
    };
    std::vector<Waiting> waiting_;
    Octets octets_;
};

[[nodiscard]] Endpoint to_endpoint(const UdpAddress& address) noexcept;

}  // namespace causeway::net
