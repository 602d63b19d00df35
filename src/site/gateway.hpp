#pragma once
// A site's mesh at work in real time: paced by the real clock, with the TUN interface to the host
// and the UDP ports of nodes that run in other programs.
#include "base/tap.hpp"
#include "net/io.hpp"
#include "net/trouble.hpp"
#include "sim/network.hpp"
#include "site/capture.hpp"
#include "site/site.hpp"
#include "store/kept_states.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace causeway::site {

class Gateway {
public:
    struct Options {
        Tap* tap = nullptr;          // hears the network; outlives the gateway
        Capture* capture = nullptr;  // the host's side; hears the air through `tap`
        /// What nodes remember without power; outlives the gateway. Null: nothing.
        store::KeptStates* states = nullptr;
    };

    /// Opens everything; nothing stays open when one thing fails. A missing privilege for the TUN
    /// interface is no failure: see without_tun().
    [[nodiscard]] static net::Opened<Gateway> open(net::Io& io, Site site, Options options);
    Gateway(Gateway&&) noexcept;
    Gateway& operator=(Gateway&&) noexcept;
    ~Gateway();

    /// What nodes send to the border router's own address, to a UDP port in its host_ports. The
    /// octets are borrowed for the length of the call.
    using OnDatagram =
        std::function<void(const ip::Address& from, std::uint16_t port, Bytes octets)>;
    void on_datagram(OnDatagram heard);
    /// From that address and port 1884, MQTT-SN's, to a node.
    void send_datagram(const ip::Address& to, std::uint16_t port, Bytes octets);

    /// The gateway's own CoAP client stands next to the host's address, at port 5683: what nodes
    /// say to it, and what it says to them. The octets are borrowed for the length of the call.
    void on_coap(OnDatagram heard);
    void send_coap(const ip::Address& to, std::uint16_t port, Bytes octets);

    /// Virtual time begins.
    void start();

    [[nodiscard]] const sim::Network& network() const noexcept;
    /// Virtual time.
    [[nodiscard]] Instant now() const;
    /// The name of the TUN interface, when there is one.
    [[nodiscard]] std::optional<std::string> tun() const;
    /// Why there is none, in one line, and how to have one; nothing when there is one or none was
    /// wanted.
    [[nodiscard]] const std::optional<std::string>& without_tun() const noexcept;
    struct Traffic {
        std::uint64_t packets_from_host = 0;
        std::uint64_t packets_to_host = 0;
        std::uint64_t coap_datagrams = 0;  // of the gateway's own client, both ways
        std::uint64_t frames_from_externals = 0;
        std::uint64_t frames_unsound = 0;  // of externals: a wrong FCS, or no frame at all
        Duration late_max{};               // how far virtual time was behind the real one
    };
    [[nodiscard]] Traffic traffic() const;

private:
    struct State;
    explicit Gateway(std::unique_ptr<State> state) noexcept;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::site
