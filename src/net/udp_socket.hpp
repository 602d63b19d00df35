#pragma once
// A UDP socket that never keeps anybody waiting: datagrams arrive in bounded batches (recvmmsg),
// what is sent while a batch is being delivered leaves together at its end (sendmmsg), and what
// cannot be sent at once is dropped and counted, as a full link would.
//
// On request it tells which of our addresses a datagram was sent to, and answers from it
// [RFC 3542 §6]; listens to multicast groups; and passes on what ICMP says of closed ports.
#include "base/bytes.hpp"
#include "net/endpoint.hpp"
#include "net/io.hpp"
#include "net/trouble.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace causeway::net {

class UdpSocket {
public:
    struct Options {
        /// A longer datagram is dropped whole and counted.
        std::size_t datagram_octets_max = 65'535;
        /// Datagrams taken before other work has its turn; 1,024 at most.
        std::size_t batch_max = 64;
        /// What the kernel may hold for us, each way; zero leaves its default.
        std::size_t kernel_buffer_octets = 0;
        /// [::]:port takes IPv4 too.
        bool dual_stack = false;
        /// Routers that a datagram to a group may pass; zero leaves the kernel's default, none.
        int multicast_hops = 0;
    };

    struct Stats {
        std::uint64_t received = 0;
        std::uint64_t delivered = 0;
        std::uint64_t too_long = 0;
        std::uint64_t sent = 0;
        std::uint64_t send_refused = 0;  // the kernel's buffer is full, no route, too long for it
        std::uint64_t unreachable = 0;   // ICMP errors that were passed on

        template <class Named>
        void visit(Named&& named) const {
            named("received", received);
            named("delivered", delivered);
            named("too_long", too_long);
            named("sent", sent);
            named("send_refused", send_refused);
            named("unreachable", unreachable);
        }
        [[nodiscard]] bool balanced() const noexcept { return received == delivered + too_long; }
    };

    struct Arrival {
        const Endpoint& from;
        /// What it was sent to: an address of ours, or the group (its scope the interface then).
        const Endpoint& local;
        bool multicast = false;  // or broadcast
        Bytes octets;
    };

    /// The octets are borrowed for the length of the call. It may close or destroy the socket.
    using OnDatagram = std::function<void(const Endpoint& from, Bytes octets)>;
    using OnArrival = std::function<void(const Arrival& arrival)>;
    using OnBatchEnd = std::function<void()>;
    /// Who could not be reached with something that was sent. A hint: whoever can guess our port
    /// can forge it.
    using OnUnreachable = std::function<void(const Endpoint& to)>;

    /// Port 0 takes any that is free; local() tells which.
    [[nodiscard]] static Opened<UdpSocket> open(Io& io, const Endpoint& local, Options options);
    [[nodiscard]] static Opened<UdpSocket> open(Io& io, const Endpoint& local);
    /// The same from text, its mistakes included among the troubles.
    [[nodiscard]] static Opened<UdpSocket> open(Io& io, std::string_view local);

    UdpSocket(UdpSocket&&) noexcept;
    UdpSocket& operator=(UdpSocket&&) noexcept;
    ~UdpSocket();

    /// Nothing is read before one of these is called, once.
    void receive(OnDatagram on_datagram);
    void receive(OnArrival on_arrival);
    /// After the last datagram of a batch, before what was sent meanwhile leaves.
    void on_batch_end(OnBatchEnd on_batch_end);
    void on_unreachable(OnUnreachable on_unreachable);

    /// "ff02::fd%eth0", "224.0.1.187%eth0"; without a zone, on the interface the kernel chooses.
    [[nodiscard]] std::optional<Trouble> join(std::string_view group);

    /// At once or not at all; false when it was dropped. Between batch and its end, true says
    /// only that it will be tried.
    bool send(const Endpoint& to, Bytes octets);
    /// From this address of ours, as an Arrival told it; after a group, from the address that the
    /// kernel chooses on its interface. Null: as above.
    bool send(const Endpoint& to, Bytes octets, const Endpoint* from);
    /// What is sent until release() leaves together then, in order. They nest.
    void hold();
    void release();
    void close();

    [[nodiscard]] const Endpoint& local() const noexcept;
    [[nodiscard]] const Stats& stats() const noexcept;

private:
    struct State;
    explicit UdpSocket(std::shared_ptr<State> state) noexcept;
    std::shared_ptr<State> state_;  // a wait under way holds the other end
};

}  // namespace causeway::net
