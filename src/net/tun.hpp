#pragma once
// A Linux TUN interface, IPv6 only: the border router's door to the host. The kernel routes the
// mesh's prefix into it, so that every program on the host reaches every node. The interface, its
// address and its route vanish when this closes, however the program ends.
//
// Leaves out: IPv4, persistent interfaces, several queues, offloads.
#include "base/bytes.hpp"
#include "net/io.hpp"
#include "net/trouble.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace causeway::net {

class Tun {
public:
    struct Settings {
        std::string name = "causeway0";
        /// The host's own address on this interface; it may lie within the prefix.
        std::array<std::byte, 16> address{};
        /// What is routed into it: the mesh's prefix, its other bits zero.
        std::array<std::byte, 16> prefix{};
        unsigned prefix_length = 64;
        unsigned mtu = 1280;
        std::size_t batch_max = 32;  // packets read before other work has its turn
    };

    struct Stats {
        std::uint64_t received = 0;  // from the kernel
        std::uint64_t delivered = 0;
        std::uint64_t noise = 0;  // the kernel's own link chatter: RS, MLD, to link-local addresses
        std::uint64_t malformed = 0;  // not one whole IPv6 packet
        std::uint64_t sent = 0;       // to the kernel
        std::uint64_t send_refused = 0;

        template <class Named>
        void visit(Named&& named) const {
            named("received", received);
            named("delivered", delivered);
            named("noise", noise);
            named("malformed", malformed);
            named("sent", sent);
            named("send_refused", send_refused);
        }
        [[nodiscard]] bool balanced() const noexcept {
            return received == delivered + noise + malformed;
        }
    };

    /// Borrowed for the length of the call, which may close or destroy the interface.
    using OnPacket = std::function<void(Bytes packet)>;
    /// Somebody deleted the interface under us: said once, nothing is read after it.
    using OnLost = std::function<void(const Trouble&)>;

    /// Takes CAP_NET_ADMIN. Refuses a name, an address or a prefix that is in use; a route to a
    /// part of the prefix is a use of it, a route to more than the prefix is none. Whatever is
    /// refused, nothing stays behind. Returns when the kernel delivers to the address, which is a
    /// matter of milliseconds.
    [[nodiscard]] static Opened<Tun> open(Io& io, const Settings& settings);

    Tun(Tun&&) noexcept;
    Tun& operator=(Tun&&) noexcept;
    ~Tun();

    void receive(OnPacket on_packet, OnLost on_lost = {});
    /// One whole IPv6 packet to the host. At once or not at all; false when it was dropped.
    bool send(Bytes packet);
    void close();

    [[nodiscard]] const std::string& name() const noexcept;
    [[nodiscard]] unsigned index() const noexcept;
    [[nodiscard]] const Stats& stats() const noexcept;
    /// What could not be had but is not worth refusing for, as one line.
    [[nodiscard]] const std::optional<std::string>& warning() const noexcept;

private:
    struct State;
    explicit Tun(std::shared_ptr<State> state) noexcept;
    std::shared_ptr<State> state_;  // a wait under way holds the other end
};

}  // namespace causeway::net
