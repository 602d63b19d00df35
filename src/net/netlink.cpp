#include "net/netlink.hpp"

#include "base/assert.hpp"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

namespace causeway::net {
namespace {

// A dump's answers come in datagrams of up to 32 KiB.
constexpr std::size_t answer_octets_max = 65'536;

template <class T>
T at(std::span<const std::byte> from) {
    T value{};
    std::memcpy(&value, from.data(), std::min(sizeof value, from.size()));
    return value;
}

/// One request under construction. Ours are all short.
class Request {
public:
    template <class Body>
    Request(std::uint16_t type, std::uint16_t flags, const Body& body) {
        header_.nlmsg_type = type;
        header_.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
        size_ = NLMSG_HDRLEN;
        append(&body, sizeof body);
    }

    template <class Value>
    void attribute(std::uint16_t type, const Value& value) {
        rtattr head{};
        head.rta_type = type;
        head.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(sizeof value));
        append(&head, sizeof head);
        append(&value, sizeof value);
    }

    std::span<const std::byte> finish(std::uint32_t sequence) {
        header_.nlmsg_len = static_cast<std::uint32_t>(size_);
        header_.nlmsg_seq = sequence;
        std::memcpy(octets_.data(), &header_, sizeof header_);
        return std::span(octets_).first(size_);
    }

private:
    void append(const void* from, std::size_t n) {
        CAUSEWAY_ASSERT(size_ + NLMSG_ALIGN(n) <= octets_.size());
        std::memcpy(octets_.data() + size_, from, n);
        size_ += NLMSG_ALIGN(n);
    }

    nlmsghdr header_{};
    std::size_t size_ = 0;
    std::array<std::byte, 256> octets_{};
};

/// Sends, and gives each answering message's type and body to `each` until the last. Zero or errno.
template <class Each>
int exchange(int fd, Request& request, std::uint32_t sequence, Each each) {
    const auto octets = request.finish(sequence);
    if (::send(fd, octets.data(), octets.size(), 0) < 0) return errno;
    std::vector<std::byte> buffer(answer_octets_max);
    for (;;) {
        const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        std::span<const std::byte> rest = std::span(buffer).first(static_cast<std::size_t>(n));
        while (rest.size() >= sizeof(nlmsghdr)) {
            const auto header = at<nlmsghdr>(rest);
            if (header.nlmsg_len < NLMSG_HDRLEN || header.nlmsg_len > rest.size()) return EPROTO;
            const auto body = rest.subspan(NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN);
            rest = rest.subspan(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), rest.size()));
            if (header.nlmsg_seq != sequence) continue;
            if (header.nlmsg_type == NLMSG_DONE) return 0;
            if (header.nlmsg_type == NLMSG_ERROR) return -at<nlmsgerr>(body).error;
            each(body);
        }
    }
}

/// Calls `each(type, octets)` for the attributes behind a body of `head` octets.
template <class Each>
void attributes_of(std::span<const std::byte> body, std::size_t head, Each each) {
    if (body.size() < NLMSG_ALIGN(head)) return;
    std::span<const std::byte> rest = body.subspan(NLMSG_ALIGN(head));
    while (rest.size() >= sizeof(rtattr)) {
        const auto attribute = at<rtattr>(rest);
        if (attribute.rta_len < sizeof(rtattr) || attribute.rta_len > rest.size()) return;
        each(attribute.rta_type, rest.subspan(sizeof(rtattr), attribute.rta_len - sizeof(rtattr)));
        rest = rest.subspan(std::min<std::size_t>(RTA_ALIGN(attribute.rta_len), rest.size()));
    }
}

/// A request whose answer is only yes or no.
int answer_to(int fd, std::uint32_t sequence, Request request) {
    return exchange(fd, request, sequence, [](std::span<const std::byte>) {});
}

}  // namespace

bool same_prefix(const Ipv6Octets& a, const Ipv6Octets& b, unsigned bits) noexcept {
    const unsigned whole = bits / 8;
    if (std::memcmp(a.data(), b.data(), whole) != 0) return false;
    if (bits % 8 == 0) return true;
    return ((a[whole] ^ b[whole]) >> (8 - bits % 8)) == std::byte{0};
}

std::string text_of(const Ipv6Octets& address) {
    std::array<char, INET6_ADDRSTRLEN> digits{};
    ::inet_ntop(AF_INET6, address.data(), digits.data(), digits.size());
    return digits.data();
}

Opened<Netlink> Netlink::open() {
    const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) return std::unexpected(trouble("cannot open a netlink socket", errno));
    Netlink result(fd);
    sockaddr_nl local{};
    local.nl_family = AF_NETLINK;
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0)
        return std::unexpected(trouble("cannot bind a netlink socket", errno));
    return result;
}

Netlink::Netlink(Netlink&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), sequence_(other.sequence_) {}

Netlink::~Netlink() {
    if (fd_ >= 0) ::close(fd_);
}

int Netlink::bring_up(unsigned interface, unsigned mtu) {
    ifinfomsg link{};
    link.ifi_family = AF_UNSPEC;
    link.ifi_index = static_cast<int>(interface);
    link.ifi_flags = IFF_UP;
    link.ifi_change = IFF_UP;
    Request request(RTM_NEWLINK, NLM_F_ACK, link);
    request.attribute(IFLA_MTU, static_cast<std::uint32_t>(mtu));
    return answer_to(fd_, ++sequence_, request);
}

int Netlink::add_address(unsigned interface, const Ipv6Octets& address) {
    ifaddrmsg body{};
    body.ifa_family = AF_INET6;
    body.ifa_prefixlen = 128;
    body.ifa_scope = RT_SCOPE_UNIVERSE;
    body.ifa_index = interface;
    body.ifa_flags = IFA_F_NODAD;
    Request request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, body);
    request.attribute(IFA_LOCAL, address);
    request.attribute(IFA_ADDRESS, address);
    request.attribute(IFA_FLAGS, std::uint32_t{IFA_F_NODAD | IFA_F_NOPREFIXROUTE});
    return answer_to(fd_, ++sequence_, request);
}

bool Netlink::delivers(const Ipv6Octets& address) {
    rtmsg body{};
    body.rtm_family = AF_INET6;
    body.rtm_dst_len = 128;
    Request request(RTM_GETROUTE, NLM_F_ACK, body);
    request.attribute(RTA_DST, address);
    bool local = false;
    const auto take = [&](std::span<const std::byte> answer) {
        local = at<rtmsg>(answer).rtm_type == RTN_LOCAL;
    };
    return exchange(fd_, request, ++sequence_, take) == 0 && local;
}

int Netlink::add_route(unsigned interface, const Ipv6Octets& prefix, unsigned length) {
    rtmsg body{};
    body.rtm_family = AF_INET6;
    body.rtm_dst_len = static_cast<unsigned char>(length);
    body.rtm_table = RT_TABLE_MAIN;
    body.rtm_protocol = RTPROT_STATIC;
    body.rtm_scope = RT_SCOPE_UNIVERSE;
    body.rtm_type = RTN_UNICAST;
    Request request(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, body);
    request.attribute(RTA_DST, prefix);
    request.attribute(RTA_OIF, static_cast<std::uint32_t>(interface));
    return answer_to(fd_, ++sequence_, request);
}

auto Netlink::addresses() -> std::expected<std::vector<AddressInUse>, int> {
    std::vector<AddressInUse> found;
    ifaddrmsg body{};
    body.ifa_family = AF_INET6;
    Request request(RTM_GETADDR, NLM_F_DUMP, body);
    const auto take = [&](std::span<const std::byte> answer) {
        AddressInUse one{.interface = at<ifaddrmsg>(answer).ifa_index};
        attributes_of(answer, sizeof body, [&](std::uint16_t type, auto octets) {
            // On a point-to-point link IFA_ADDRESS is the far end, and IFA_LOCAL says ours; it is
            // the first of the two.
            const bool local = type == IFA_LOCAL;
            if ((local || type == IFA_ADDRESS) && octets.size() == one.address.size() &&
                (local || one.address == Ipv6Octets{}))
                std::ranges::copy(octets, one.address.begin());
        });
        found.push_back(one);
    };
    if (const int error = exchange(fd_, request, ++sequence_, take)) return std::unexpected(error);
    return found;
}

auto Netlink::routes() -> std::expected<std::vector<RouteInUse>, int> {
    std::vector<RouteInUse> found;
    rtmsg body{};
    body.rtm_family = AF_INET6;
    Request request(RTM_GETROUTE, NLM_F_DUMP, body);
    const auto take = [&](std::span<const std::byte> answer) {
        const auto route = at<rtmsg>(answer);
        if ((route.rtm_flags & RTM_F_CLONED) != 0 || route.rtm_table != RT_TABLE_MAIN) return;
        RouteInUse one{.length = route.rtm_dst_len};
        if (one.length > 128) return;
        attributes_of(answer, sizeof body, [&](std::uint16_t type, auto octets) {
            if (type == RTA_DST && octets.size() == one.prefix.size())
                std::ranges::copy(octets, one.prefix.begin());
            if (type == RTA_OIF) one.interface = at<std::uint32_t>(octets);
        });
        found.push_back(one);
    };
    if (const int error = exchange(fd_, request, ++sequence_, take)) return std::unexpected(error);
    return found;
}

}  // namespace causeway::net
