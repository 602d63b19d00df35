#include "net/udp_batch.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace causeway::net {
namespace {

thread_local std::unique_ptr<UdpInbox> spare_inbox;

/// Those of sendmmsg; nothing else runs while they are in use.
struct SendRoom {
    std::vector<mmsghdr> headers;
    std::vector<iovec> where;
    std::vector<UdpAddress> names;
    std::vector<UdpControl> controls;
};
thread_local SendRoom send_room;

socklen_t fill_address(const Endpoint& from, UdpAddress& into) noexcept {
    into = {};
    if (from.v6) {
        into.v6.sin6_family = AF_INET6;
        into.v6.sin6_port = htons(from.port);
        into.v6.sin6_scope_id = from.scope;
        std::memcpy(&into.v6.sin6_addr, from.address.data(), 16);
        return sizeof into.v6;
    }
    into.v4.sin_family = AF_INET;
    into.v4.sin_port = htons(from.port);
    std::memcpy(&into.v4.sin_addr, from.address.data(), 4);
    return sizeof into.v4;
}

template <class Info>
void put_info(msghdr& message, UdpControl& control, int level, int type, const Info& info) {
    message.msg_control = control.octets;
    message.msg_controllen = CMSG_SPACE(sizeof info);
    cmsghdr* const head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = level;
    head->cmsg_type = type;
    head->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(head), &info, sizeof info);
}

/// From a group's name nothing can be sent, but by its interface. [RFC 3542 §6.1]
void set_source(msghdr& message, UdpControl& control, bool socket_is_v6, const Endpoint& from) {
    control = {};
    const auto octets = from.octets16();
    const bool group = Endpoint::from_octets16(octets, 0).is_multicast();
    if (socket_is_v6) {
        in6_pktinfo info{};
        if (!group) std::memcpy(&info.ipi6_addr, octets.data(), 16);
        info.ipi6_ifindex = from.scope;
        put_info(message, control, IPPROTO_IPV6, IPV6_PKTINFO, info);
        return;
    }
    in_pktinfo info{};
    if (!group) std::memcpy(&info.ipi_spec_dst, from.address.data(), 4);
    info.ipi_ifindex = static_cast<int>(from.scope);
    put_info(message, control, IPPROTO_IP, IP_PKTINFO, info);
}

/// An error that an earlier datagram earned, and that the kernel tells to whoever calls next.
bool is_of_another(int error) noexcept {
    return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH ||
           error == EPROTO || error == EACCES || error == ENOPROTOOPT || error == EHOSTDOWN;
}

template <class Call>
auto again_if_of_another(Call call) {
    bool asked_again = false;
    for (;;) {
        const auto n = call();
        if (n >= 0) return n;
        if (errno == EINTR) continue;
        if (asked_again || !is_of_another(errno)) return n;
        asked_again = true;
    }
}

}  // namespace

Endpoint to_endpoint(const UdpAddress& address) noexcept {
    Endpoint result;
    if (address.any.sa_family == AF_INET6) {
        result.v6 = true;
        result.port = ntohs(address.v6.sin6_port);
        result.scope = address.v6.sin6_scope_id;
        std::memcpy(result.address.data(), &address.v6.sin6_addr, 16);
        return result;
    }
    result.port = ntohs(address.v4.sin_port);
    std::memcpy(result.address.data(), &address.v4.sin_addr, 4);
    return result;
}

std::unique_ptr<UdpInbox> UdpInbox::borrow(std::size_t datagrams, std::size_t octets_max) {
    std::unique_ptr<UdpInbox> inbox = std::move(spare_inbox);
    if (!inbox) inbox = std::make_unique<UdpInbox>();
    if (inbox->datagrams_ < datagrams || inbox->octets_max_ != octets_max)
        inbox->make_room(std::max(datagrams, inbox->datagrams_), octets_max);
    inbox->datagrams_ = datagrams;
    return inbox;
}

void UdpInbox::give_back(std::unique_ptr<UdpInbox> inbox) noexcept {
    inbox->datagrams_ = inbox->headers_.size();
    spare_inbox = std::move(inbox);
}

void UdpInbox::make_room(std::size_t datagrams, std::size_t octets_max) {
    // Sockets of one program may want different lengths: as long as there is enough of it, only
    // the pointers into the storage change.
    if (storage_octets_ < datagrams * octets_max) {
        storage_octets_ = datagrams * octets_max;
        storage_.reset(new std::byte[storage_octets_]);
    }
    octets_max_ = octets_max;
    used_ = datagrams;
    headers_.assign(datagrams, {});
    where_.resize(datagrams);
    names_.resize(datagrams);
    controls_.resize(datagrams);
    for (std::size_t i = 0; i < datagrams; ++i) {
        where_[i] = {storage_.get() + i * octets_max, octets_max};
        msghdr& message = headers_[i].msg_hdr;
        message.msg_name = &names_[i];
        message.msg_iov = &where_[i];
        message.msg_iovlen = 1;
    }
}

std::size_t UdpInbox::fill(int fd, bool with_destinations) {
    if (with_destinations != with_destinations_) used_ = headers_.size();
    with_destinations_ = with_destinations;
    for (std::size_t i = 0; i < used_; ++i) {
        msghdr& message = headers_[i].msg_hdr;
        message.msg_namelen = sizeof(UdpAddress);
        message.msg_control = with_destinations ? controls_[i].octets : nullptr;
        message.msg_controllen = with_destinations ? sizeof(UdpControl) : 0;
    }
    int n;
    do {
        n = ::recvmmsg(fd, headers_.data(), static_cast<unsigned>(datagrams_), MSG_DONTWAIT,
                       nullptr);
    } while (n < 0 && errno == EINTR);
    used_ = n < 0 ? 1 : static_cast<std::size_t>(n);
    return n < 0 ? 0 : used_;
}

bool UdpInbox::too_long(std::size_t i) const noexcept {
    return (headers_[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
}

Bytes UdpInbox::octets(std::size_t i) const noexcept {
    return {static_cast<const std::byte*>(where_[i].iov_base), headers_[i].msg_len};
}

Endpoint UdpInbox::from(std::size_t i) const noexcept {
    return to_endpoint(names_[i]);
}

Endpoint UdpInbox::destination(std::size_t i, std::uint16_t port, bool& multicast) const noexcept {
    Endpoint result;
    result.port = port;
    multicast = false;
    msghdr message = headers_[i].msg_hdr;
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
         head = CMSG_NXTHDR(&message, head)) {
        if (head->cmsg_level == IPPROTO_IPV6 && head->cmsg_type == IPV6_PKTINFO) {
            in6_pktinfo info;
            std::memcpy(&info, CMSG_DATA(head), sizeof info);
            std::memcpy(result.address.data(), &info.ipi6_addr, 16);
            result.v6 = true;
            multicast = Endpoint::from_octets16(result.address, 0).is_multicast();
            if (multicast || IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
                result.scope = static_cast<std::uint32_t>(info.ipi6_ifindex);
        } else if (head->cmsg_level == IPPROTO_IP && head->cmsg_type == IP_PKTINFO) {
            in_pktinfo info;
            std::memcpy(&info, CMSG_DATA(head), sizeof info);
            const bool group = IN_MULTICAST(ntohl(info.ipi_addr.s_addr));
            multicast = group || info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr;
            // A broadcast is nobody's address: the answer comes from that of the interface.
            std::memcpy(result.address.data(), group ? &info.ipi_addr : &info.ipi_spec_dst, 4);
            if (group) result.scope = static_cast<std::uint32_t>(info.ipi_ifindex);
        }
    }
    return result;
}

bool UdpOutbox::has_room(std::size_t octets) const noexcept {
    return waiting_.size() < datagrams_max && octets_.size() + octets <= octets_max;
}

void UdpOutbox::push(const Endpoint& to, Bytes octets, const Endpoint* from) {
    waiting_.push_back({to, from != nullptr ? *from : Endpoint{}, octets.size(), from != nullptr});
    octets_.insert(octets_.end(), octets.begin(), octets.end());
}

void UdpOutbox::forget() noexcept {
    waiting_.clear();
    octets_.clear();
    // What a burst took is not kept by a socket that is quiet again.
    if (octets_.capacity() > 256 << 10) octets_.shrink_to_fit();
}

UdpOutbox::Sent UdpOutbox::flush(int fd, bool socket_is_v6) {
    const std::size_t count = waiting_.size();
    SendRoom& room = send_room;
    if (room.headers.size() < count) {
        room.headers.resize(count);
        room.where.resize(count);
        room.names.resize(count);
        room.controls.resize(count);
    }
    std::size_t at = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const Waiting& waiting = waiting_[i];
        msghdr& message = room.headers[i].msg_hdr;
        message = {};
        message.msg_name = &room.names[i];
        message.msg_namelen = fill_address(waiting.to, room.names[i]);
        room.where[i] = {octets_.data() + at, waiting.size};
        message.msg_iov = &room.where[i];
        message.msg_iovlen = 1;
        if (waiting.has_from) set_source(message, room.controls[i], socket_is_v6, waiting.from);
        at += waiting.size;
    }
    Sent result;
    for (std::size_t next = 0; next < count;) {
        const int n = again_if_of_another([&] {
            return ::sendmmsg(fd, &room.headers[next], static_cast<unsigned>(count - next),
                              MSG_DONTWAIT | MSG_NOSIGNAL);
        });
        if (n > 0) {
            result.sent += static_cast<std::size_t>(n);
            next += static_cast<std::size_t>(n);
            continue;
        }
        ++result.refused;  // the first of them; those behind it may do better
        ++next;
    }
    forget();
    return result;
}

bool UdpOutbox::send_now(int fd, bool socket_is_v6, const Endpoint& to, Bytes octets,
                         const Endpoint* from) {
    UdpAddress name;
    UdpControl control;
    // sendmsg only reads.
    iovec where{const_cast<std::byte*>(octets.data()), octets.size()};
    msghdr message{};
    message.msg_name = &name;
    message.msg_namelen = fill_address(to, name);
    message.msg_iov = &where;
    message.msg_iovlen = 1;
    if (from != nullptr) set_source(message, control, socket_is_v6, *from);
    return again_if_of_another(
               [&] { return ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL); }) >= 0;
}

}  // namespace causeway::net
