#pragma once
// A UDP socket that never keeps anybody waiting: datagrams arrive in bounded batches through one
// buffer, and what cannot be sent at once is dropped and counted, as a full link would.
//
// Leaves out: multicast groups, and which of our own addresses a datagram was sent to; a server
// that listens on a wildcard address answers from the address the kernel chooses.
#include "base/bytes.hpp"
#include "net/endpoint.hpp"
#include "net/io.hpp"
#include "net/trouble.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace causeway::net {

class UdpSocket {
public:
    struct Options {
        /// A longer datagram is dropped whole and counted.
        std::size_t datagram_octets_max = 65'535;
        /// Datagrams taken before other work has its turn.
        std::size_t batch_max = 64;
        /// What the kernel may hold for us; zero leaves its default.
        std::size_t kernel_buffer_octets = 0;
        /// [::]:port takes IPv4 too.
        bool dual_stack = false;
    };

    struct Stats {
        std::uint64_t received = 0;
        std::uint64_t delivered = 0;
        std::uint64_t too_long = 0;
        std::uint64_t sent = 0;
        std::uint64_t send_refused = 0;  // the kernel's buffer is full, no route, too long for it

        template <class Named>
        void visit(Named&& named) const {
            named("received", received);
            named("delivered", delivered);
            named("too_long", too_long);
            named("sent", sent);
            named("send_refused", send_refused);
        }
        [[nodiscard]] bool balanced() const noexcept { return received == delivered + too_long; }
    };

    /// The octets are borrowed for the length of the call. It may close or destroy the socket.
    using OnDatagram = std::function<void(const Endpoint& from, Bytes octets)>;

    /// Port 0 takes any that is free; local() tells which.
    [[nodiscard]] static Opened<UdpSocket> open(Io& io, const Endpoint& local, Options options);
    [[nodiscard]] static Opened<UdpSocket> open(Io& io, const Endpoint& local);
    /// The same from text, its mistakes included among the troubles.
    [[nodiscard]] static Opened<UdpSocket> open(Io& io, std::string_view local);

    UdpSocket(UdpSocket&&) noexcept;
    UdpSocket& operator=(UdpSocket&&) noexcept;
    ~UdpSocket();

    /// Nothing is read before this is called, once.
    void receive(OnDatagram on_datagram);
    /// At once or not at all; false when it was dropped.
    bool send(const Endpoint& to, Bytes octets);
    void close();

    [[nodiscard]] const Endpoint& local() const noexcept;
    [[nodiscard]] const Stats& stats() const noexcept;

private:
    struct State;
    explicit UdpSocket(std::shared_ptr<State> state) noexcept;
    std::shared_ptr<State> state_;  // a wait under way holds the other end
};

}  // namespace causeway::net
