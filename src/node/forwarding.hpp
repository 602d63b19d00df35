#pragma once
// The path of an IPv6 packet through a node: is it ours, where does it go next, what headers does
// it take on or shed at the edge of the RPL domain, and what is said when it can go no further.
// [RFC 8200 §3, §4; RFC 6550 §11.2; RFC 6554 §4; RFC 9008 §8 (non-storing mode)]
#include "base/outbox.hpp"
#include "ip/icmp_errors.hpp"
#include "ip/ipv6.hpp"
#include "ip/reassembly.hpp"
#include "node/node.hpp"
#include "node/status.hpp"
#include "rpl/data_plane.hpp"
#include "rpl/router.hpp"

#include <optional>
#include <span>
#include <variant>

namespace causeway::node {

class Forwarding {
public:
    /// To be sent over the radio. `next_hop` is link-local, or a multicast group of the link.
    struct Transmit {
        Octets packet;
        ip::Address next_hop;
        bool second_try = false;
    };
    /// For this node's own protocols: what stands at `offset`, behind every other header.
    struct Deliver {
        Octets packet;
        ip::Ipv6Header header;  // the innermost one
        std::uint8_t protocol;
        std::size_t offset;
        std::optional<ip::Address> sender;  // link-local, of the last radio hop; none: the host
    };
    struct Lost {
        Octets packet;
        LossReason reason;
    };
    /// A packet came that contradicted the ranks twice; it is lost. [RFC 6550 §11.2.2.2]
    struct LoopFound {};
    using Output = std::variant<Transmit, Deliver, PacketToHost, Lost, LoopFound>;

    struct Stats {
        std::uint64_t arrived = 0;  // from radio and host, and what tunnels and fragments held
        std::uint64_t originated = 0;
        std::uint64_t forwarded = 0;
        std::uint64_t delivered = 0;
        std::uint64_t unwrapped = 0;  // outer headers taken off
        std::uint64_t pieces = 0;     // fragments for this node; what they make arrives again
        std::uint64_t ignored = 0;    // groups that this node is not in
        std::uint64_t lost = 0;

        template <class F>
        void visit(F&& named) const {
            named("arrived", arrived);
            named("originated", originated);
            named("forwarded", forwarded);
            named("delivered", delivered);
            named("unwrapped", unwrapped);
            named("pieces", pieces);
            named("ignored", ignored);
            named("lost", lost);
        }
        [[nodiscard]] bool balanced() const {
            return arrived + originated ==
                   forwarded + delivered + unwrapped + pieces + ignored + lost;
        }
    };

    Forwarding(const Config& config, const ip::Address& link_local, const rpl::Router& router,
               Instant now);

    void set_global(const ip::Address& address) { global_ = address; }

    /// A packet of this node's own, complete but for what the RPL domain asks of it.
    void originate(Instant now, Octets packet);
    void from_radio(Instant now, Octets packet, const ip::Address& sender);
    void from_host(Instant now, Octets packet);
    /// A hop failed. Upward traffic is given a second try when another parent is there.
    void hop_failed(Instant now, Transmit failed, LossReason reason);
    /// Nobody listens where a Deliver was to go.
    void refused(Instant now, const Deliver& delivered, ip::IcmpError why);

    /// Fragments that waited too long for the rest of their packet.
    void handle_timeout(Instant now);
    [[nodiscard]] Instant next_deadline() const noexcept { return reassembly_.next_deadline(); }
    [[nodiscard]] std::optional<Output> poll_output() { return out_.poll(); }

    [[nodiscard]] bool is_ours(const ip::Address& address) const noexcept;
    [[nodiscard]] const Stats& stats() const noexcept { return stats_; }
    [[nodiscard]] const ip::IcmpErrors& errors() const noexcept { return errors_; }
    [[nodiscard]] const ip::FragmentReassembly& reassembly() const noexcept { return reassembly_; }

private:
    enum class Origin : std::uint8_t { here, radio, host };
    struct Arrival {
        Origin origin;
        ip::Address sender{};
        unsigned nesting = 0;
    };

    void arrived(Instant now, Octets packet, const Arrival& from);
    void deliver(Instant now, Octets packet, const Arrival& from);
    void collect(Instant now, Octets packet, std::size_t header_at, std::size_t named_at,
                 const Arrival& from);
    void unwrap(Instant now, Octets packet, std::size_t offset, const Arrival& from);
    void follow_source_route(Instant now, Octets packet, const Arrival& from);
    void forward(Instant now, Octets packet, const Arrival& from);
    bool consistent(Octets& packet);
    [[nodiscard]] Octets for_the_way_up(Octets packet, const ip::Address& target) const;
    void send_up(Octets packet, bool second_try);
    void send_out_of_root(Instant now, Octets packet, Origin origin);
    /// Takes one off; false when the packet may go no further and was dealt with.
    bool spend_hop(Instant now, Octets& packet);
    void error(Instant now, Bytes offending, ip::IcmpError error);
    void lose(Octets packet, LossReason reason);
    [[nodiscard]] bool listens_to(const ip::Address& group) const noexcept;
    [[nodiscard]] bool in_mesh(const ip::Address& address) const noexcept;
    [[nodiscard]] rpl::RplOption own_option(bool down) const noexcept;

    const Config& config_;
    const rpl::Router& router_;
    ip::Address link_local_;
    std::optional<ip::Address> global_;
    ip::IcmpErrors errors_;
    ip::FragmentReassembly reassembly_;
    Outbox<Output> out_;
    Stats stats_;
};

}  // namespace causeway::node
