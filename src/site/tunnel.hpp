#pragma once
// A serial tunnel at work: scada/tunnel's engine between two lines. Everything happens on the Io's
// thread.
//
//   A  port: a serial port   network: TCP to the other router, or listening to it, or UDP
//   B  port: a pty           network: TCP to a device server    (the redirector of a virtual port)
//   C  port: a serial port   network: TCP listening             (programs speak sockets)
#include "net/io.hpp"
#include "net/lines.hpp"
#include "net/trouble.hpp"
#include "scada/tunnel/tunnel.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace causeway::site {

struct TunnelPlan {
    std::string name = "tunnel";
    /// A serial port or a pty as a rule; any line will do.
    net::LineSpec port{};
    /// Where several peers may come, its peers_max and take_over hold first, then the policy here.
    net::LineSpec network{};
    scada::tunnel::TunnelProtocol protocol = scada::tunnel::TunnelProtocol::raw;
    scada::tunnel::TunnelPolicy policy = scada::tunnel::TunnelPolicy::share;
    scada::tunnel::PacketRules packets{};  // from the port to the network
    Duration writer_idle{};                // of TunnelPolicy::one_writes; zero: for ever
    std::size_t keep_octets = 64 << 10;    // wait while nobody is connected; zero: are dropped
    bool format_restored = true;           // what RFC 2217's peers set, when the last one leaves
};

class TunnelService {
public:
    using Log = std::function<void(std::string_view line)>;

    /// `lines` outlives it.
    [[nodiscard]] static net::Opened<TunnelService> open(net::Io& io, net::Lines& lines,
                                                         TunnelPlan plan, Log log);
    TunnelService(TunnelService&&) noexcept;
    TunnelService& operator=(TunnelService&&) noexcept;
    ~TunnelService();

    /// "tunnel from /dev/ttyS0 9600-8N1 to 127.0.0.1:4001".
    [[nodiscard]] std::string where() const;
    /// Where the network's end is, port 0 resolved.
    [[nodiscard]] std::string network() const;
    [[nodiscard]] const scada::tunnel::TunnelStats& stats() const noexcept;
    template <class Named>
    void visit(Named&& named) const {
        stats().visit(named);
    }

private:
    struct State;
    explicit TunnelService(std::unique_ptr<State> state) noexcept;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::site
