#pragma once
// What a site file says of [scada]: lines, the protocols on them, and which point is which address
// in each. Points are named "device/name"; the reader has made sure that every name leads
// somewhere.
#include "net/lines.hpp"
#include "points/scaling.hpp"
#include "points/table.hpp"
#include "scada/dnp3/channel.hpp"
#include "scada/dnp3/master.hpp"
#include "scada/dnp3/outstation.hpp"
#include "scada/modbus/client.hpp"
#include "scada/modbus/data.hpp"
#include "scada/modbus/server.hpp"
#include "site/dnp3_device.hpp"
#include "site/modbus_device.hpp"
#include "site/points_coap.hpp"
#include "site/points_mqtt.hpp"
#include "site/tunnel.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace causeway::site {

struct ScadaLine {
    std::string name;
    net::LineSpec spec;
    /// Of a dual end point: where the other end may connect to us, too.
    std::optional<net::LineSpec> door{};

    [[nodiscard]] bool is_serial() const noexcept {
        return std::holds_alternative<net::SerialSpec>(spec);
    }
    [[nodiscard]] bool is_udp() const noexcept {
        return std::holds_alternative<net::UdpSpec>(spec);
    }
    [[nodiscard]] bool is_listener() const noexcept {
        return std::holds_alternative<net::TcpListenSpec>(spec);
    }
};

/// Where a point lies in Modbus's areas.
struct ModbusPlace {
    scada::modbus::Area area = scada::modbus::Area::holding_register;
    std::uint16_t address = 0;
    scada::modbus::Type type = scada::modbus::Type::u16;
    scada::modbus::Order order = scada::modbus::Order::abcd;
    std::uint16_t length = 0;           // registers, of a text
    std::optional<std::uint8_t> bit{};  // of a register: the point is a boolean

    [[nodiscard]] bool is_bit_area() const noexcept {
        return area == scada::modbus::Area::coil || area == scada::modbus::Area::discrete_input;
    }
    [[nodiscard]] std::uint16_t registers() const noexcept;
};

/// A point that a Modbus device has.
struct ModbusSource {
    points::Definition definition;  // without its driver
    points::Scaling scaling;
    ModbusPlace place;
    Duration every{};
};
struct ModbusClientDevice {
    scada::modbus::DevicePlan plan;  // without its items
    std::vector<ModbusSource> points;
};
struct ModbusClientSite {
    std::size_t line = 0;
    scada::modbus::ClientSettings settings;
    std::vector<ModbusClientDevice> devices;
};

/// A point that is shown to Modbus clients.
struct ModbusWindow {
    enum class Bad : std::uint8_t {
        value,      // the last value stands, whatever its quality
        exception,  // reads of a point that is not good are answered gateway_target_failed
    };
    std::string point;
    scada::modbus::Unit unit = 1;
    ModbusPlace place;
    points::Scaling scaling;
    bool writable = false;
    Bad bad = Bad::value;
    /// An input register with the flags of points::Flag.
    std::optional<std::uint16_t> quality_address{};
    /// Four input registers with milliseconds since 1970, high register first.
    std::optional<std::uint16_t> time_address{};
};
struct ModbusServerSite {
    std::size_t line = 0;
    scada::modbus::ServerSettings settings;
    std::vector<scada::modbus::UnitPlan> units;  // without their extents
    std::vector<ModbusWindow> windows;
};

/// A point that a DNP3 outstation has.
struct Dnp3Source {
    points::Definition definition;  // without its driver
    points::Scaling scaling;
    scada::dnp3::PointType type = scada::dnp3::PointType::analog;
    std::uint16_t index = 0;
    /// Of the output that commands of it go to; its kind is the point's: a CROB for a boolean.
    std::optional<std::uint16_t> control{};
    points::Pulse pulse{};               // how, where the command does not say
    std::uint8_t command_variation = 3;  // of g41
    bool select = true;                  // a direct command is done as select and operate
};
struct Dnp3Remote {
    std::string name;  // of the device
    scada::dnp3::MasterSettings settings;
    scada::dnp3::SessionPlan session;
    std::vector<Dnp3Source> points;
};
struct Dnp3MasterSite {
    std::size_t line = 0;
    scada::dnp3::ChannelSettings channel;
    std::vector<Dnp3Remote> outstations;
};

/// A point that is shown to DNP3 masters.
struct Dnp3Window {
    std::string point;
    scada::dnp3::PointPlan plan;
    points::Scaling scaling;
    bool control = false;  // an output that may be operated
};
struct Dnp3Face {
    scada::dnp3::OutstationSettings settings;
    scada::dnp3::SessionPlan session;
    std::vector<Dnp3Window> windows;
};
/// All the faces on one line.
struct Dnp3OutstationSite {
    std::size_t line = 0;
    scada::dnp3::ChannelSettings channel;
    std::vector<Dnp3Face> faces;
};

struct TunnelSite {
    std::size_t port = 0;  // lines
    std::size_t network = 0;
    TunnelPlan plan;  // without its lines
};
struct SimulatedDeviceSite {
    std::size_t line = 0;
    std::variant<ModbusDevicePlan, Dnp3DevicePlan> plan;  // without its line
};

struct Scada {
    std::vector<ScadaLine> lines;
    std::vector<ModbusClientSite> modbus_clients;
    std::vector<ModbusServerSite> modbus_servers;
    std::vector<Dnp3MasterSite> dnp3_masters;
    std::vector<Dnp3OutstationSite> dnp3_outstations;
    std::vector<TunnelSite> tunnels;
    std::vector<SimulatedDeviceSite> devices;
    std::optional<PointsMqttPlan> mqtt;
    std::optional<PointsCoapPlan> coap;
};

}  // namespace causeway::site
