// A tunnel whose port, peers and host say anything at any moment: every law of engines, every
// limit, and no octet uncounted. The first octet chooses the settings.
#include "base/engine.hpp"
#include "scada/tunnel/tunnel.hpp"

#include <array>

using namespace causeway;
using namespace causeway::scada;
using namespace causeway::scada::tunnel;

namespace {

constexpr Instant fuzz_start{std::chrono::seconds(1000)};

TunnelSettings settings_of(unsigned choice, unsigned rules) {
    TunnelSettings settings;
    settings.protocol = static_cast<TunnelProtocol>(choice % 3);
    settings.policy = static_cast<TunnelPolicy>(choice / 3 % 4);
    settings.datagrams = choice / 12 % 8 == 0;
    settings.keep_octets = choice / 96 % 2 == 0 ? 0 : 100;
    settings.peers_max = 3;
    settings.writer_idle = std::chrono::seconds(rules % 2);
    if ((rules & 2) != 0) settings.packets.octets_max = 5;
    if ((rules & 4) != 0) settings.packets.idle = std::chrono::milliseconds(3);
    const std::array mark{std::byte{13}};
    if ((rules & 8) != 0) settings.packets.mark.assign(mark);
    settings.packets.octets_after_mark = static_cast<std::uint8_t>(rules >> 4 & 1);
    settings.packets.mark_sent = (rules & 32) != 0;
    return settings;
}

class TunnelScript {
public:
    TunnelScript(unsigned choice, unsigned rules, Bytes script)
        : script_(script), tunnel_(settings_of(choice, rules)) {}

    void run() {
        for (int steps = 0; script_.more() && steps < 500; ++steps) {
            step();
            drain();
        }
        // Timers alone come to an end unless somebody has to be looked after.
        for (int steps = 0; steps < 10; ++steps) tick();
    }

private:
    void step() {
        const unsigned what = script_.u8();
        const PeerId peer{what >> 5};
        switch (what % 16) {
            case 0:
                return tunnel_.handle(now_, PortOpened{});
            case 1:
                return tunnel_.handle(now_, PortClosed{});
            case 2:
                return tunnel_.handle(now_, PortReceived{some()});
            case 3:
                return tunnel_.handle(now_, PortDrained{script_.u8()});
            case 4:
                return tunnel_.handle(now_, LineOpened{peer});
            case 5:
                return tunnel_.handle(now_, LineClosed{peer});
            case 6:
            case 7:
            case 8:
                return tunnel_.handle(now_, OctetsReceived{peer, some()});
            case 9:
                return tunnel_.handle(now_, PeerDrained{peer, script_.u8()});
            case 10:
                return tunnel_.handle(now_, FormatApplied{format()});
            case 11:
                return tunnel_.handle(now_, FormatAsked{format()});
            case 12:
                return tunnel_.handle(now_, ProgramPresent{script_.u8() % 2 == 0});
            case 13:
                return tunnel_.handle(now_, PortLines{script_.u8(), script_.u8()});
            case 14:
                return tick();
            default:
                now_ += std::chrono::milliseconds(script_.u8());
                return tunnel_.handle_timeout(now_);
        }
    }
    PortFormat format() {
        PortFormat made;
        for (const ComPort what : {ComPort::set_baud, ComPort::set_data_size, ComPort::set_parity})
            if (const auto changed = with(made, what, script_.u8())) made = *changed;
        return made;
    }
    Bytes some() { return script_.take(std::min<std::size_t>(script_.u8(), script_.remaining())); }

    void tick() {
        const Instant due = tunnel_.next_deadline();
        if (due == never) return;
        now_ = std::max(now_, due);
        tunnel_.handle_timeout(now_);
        CAUSEWAY_ASSERT(drain() || tunnel_.next_deadline() > due);
    }
    bool drain() {
        bool any = false;
        while (const auto out = tunnel_.poll_output()) {
            any = true;
            if (const auto* sent = std::get_if<ToPort>(&*out))
                CAUSEWAY_ASSERT(!sent->octets.empty() &&
                                sent->octets.size() <= Tunnel::port_window);
        }
        const TunnelStats& stats = tunnel_.stats();
        CAUSEWAY_ASSERT(stats.balanced());
        CAUSEWAY_ASSERT(tunnel_.packet_stats().balanced());
        CAUSEWAY_ASSERT(stats.peers <= 3);
        CAUSEWAY_ASSERT(stats.waiting_port <= Tunnel::waiting_octets_max);
        return any;
    }

    ByteReader script_;
    Instant now_ = fuzz_start;
    Tunnel tunnel_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 3) return 0;
    TunnelScript(data[0], data[1], std::as_bytes(std::span(data + 2, size - 2))).run();
    return 0;
}
