#pragma once
// A node as a DNP3 outstation over UDP: its sensors and its LED for SCADA masters. [IEEE 1815 §13]
//
// Sensors are looked at when somebody asks, so that a node that nobody asks can sleep.
#include "base/inplace_vector.hpp"
#include "base/outbox.hpp"
#include "node/node.hpp"
#include "scada/dnp3/stations.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace causeway::node {

class Dnp3Station {
public:
    struct Send {
        ip::Address peer;
        std::uint16_t port = 0;
        Octets octets;
    };
    /// Masters, by address and port, that are answered at a time: one more takes the place of the
    /// one that was first.
    static constexpr std::size_t masters_max = 4;

    /// `config` has dnp3.
    explicit Dnp3Station(const Config& config, Instant now);

    /// `readings`: of all sensors, as they are now.
    void received(Instant now, const ip::Address& peer, std::uint16_t port, Bytes payload,
                  std::span<const double> readings);
    void show_led(Instant now, bool on);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Send> poll_output() { return out_.poll(); }
    /// What a master wants of the LED; once.
    [[nodiscard]] std::optional<bool> take_led() noexcept {
        return std::exchange(led_wanted_, std::nullopt);
    }
    [[nodiscard]] Instant next_deadline() const { return station_.next_deadline(); }

private:
    struct Master {
        ip::Address address;
        std::uint16_t port = 0;
        scada::PeerId id{};
    };

    [[nodiscard]] scada::PeerId known(Instant now, const ip::Address& peer, std::uint16_t port);
    void update(Instant now, scada::dnp3::Measurement measurement, bool first = false);
    void tell(Instant now, scada::dnp3::Outstation::Input what);
    void carry(Instant now);
    void send(scada::Transmit&& transmit);
    void command(Instant now, const scada::dnp3::Outstation::CommandRequested& request);

    scada::dnp3::OutstationStation station_;
    InplaceVector<Master, masters_max> masters_;
    std::uint32_t next_id_ = 0;
    std::optional<bool> led_wanted_;
    Outbox<Send> out_;
};

}  // namespace causeway::node
