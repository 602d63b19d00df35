#pragma once
// The inside of a Node: its layers, and what passes between them. Each layer is an engine that
// knows nothing of the others; here their outputs are carried to where they are inputs, until none
// is left.
#include "base/timers.hpp"
#include "ip/udp.hpp"
#include "link/ieee802154/mac.hpp"
#include "link/ieee802154/neighbours.hpp"
#include "lowpan/adaptation.hpp"
#include "node/application.hpp"
#include "node/discovery.hpp"
#include "node/forwarding.hpp"
#include "node/node.hpp"
#include "rpl/router.hpp"

#include <optional>

namespace causeway::node {

struct Node::Stack {
    Stack(Config node_config, Random random, Teller node_teller, Instant now, Flash* flash);
    Stack(const Stack&) = delete;
    Stack& operator=(const Stack&) = delete;

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] Instant next_deadline() const;
    void power_off(Instant now);
    [[nodiscard]] Status status() const;
    [[nodiscard]] Counters counters() const;

    /// A unicast neighbour that failed so many packets in a row is said to be unreachable.
    static constexpr std::uint8_t failures_max = 6;

    /// Of all layers, in one timeout; a livelock would end here and be seen from outside.
    static constexpr unsigned turns_max = 8;

    Config config;
    Teller teller;
    link::ieee802154::Address mac_address;
    ip::Address link_local;
    link::ieee802154::Mac mac;
    link::ieee802154::Neighbours neighbours;
    lowpan::Adaptation adaptation;
    rpl::Router router;
    Forwarding forwarding;
    Discovery discovery;
    Application application;
    Outbox<Output> out;

private:
    // One for each layer that speaks: carries every output onward, true when there was any.
    bool carry_mac(Instant now);
    bool carry_adaptation(Instant now);
    bool carry_forwarding(Instant now);
    bool carry_router(Instant now);
    bool carry_discovery(Instant now);
    bool carry_application(Instant now);
    void carry(Instant now);

    void transmit(Instant now, Forwarding::Transmit&& transmit);
    void packet_sent(Instant now, lowpan::PacketSent&& sent);
    void frame_sent(Instant now, const link::ieee802154::DataSent& sent);
    void deliver(Instant now, Forwarding::Deliver&& delivered);
    void deliver_udp(Instant now, const Forwarding::Deliver& delivered);
    void to_host(Instant now, const ip::UdpDatagram& datagram);
    void from_host(Instant now, const DatagramFromHost& datagram);
    void deliver_icmpv6(Instant now, const Forwarding::Deliver& delivered);
    void deliver_error(Instant now, const ip::Icmpv6View& error, const ip::Address& reporter);
    void tell_collector(Instant now);
    void send_rpl(Instant now, const rpl::Router::SendMessage& message);
    void configure(Instant now, const ip::Address& address);
    void lost(Instant now, Bytes packet, LossReason reason);

    /// What a packet under way needs once its fate is known; the adaptation layer sees a number.
    struct UnderWay {
        std::uint32_t handle = 0;
        ip::Address next_hop;
        bool second_try = false;
    };
    struct Failures {
        link::ieee802154::Address neighbour;
        std::uint8_t in_a_row = 0;
    };

    std::vector<UnderWay> under_way_;  // as many as the adaptation layer queues
    std::vector<Failures> failures_;   // neighbours that failed last; few at any time
    std::uint32_t next_handle_ = 0;
    std::optional<ip::Address> global_;
    std::optional<rpl::Router::SendMessage> held_dao_;  // until the contexts are known
    Counters counters_;
    Instant joined_at_ = never;
    std::uint32_t parent_changes_ = 0;
};

}  // namespace causeway::node
