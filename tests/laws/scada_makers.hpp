#pragma once
// The point table and the engines of scada/, each with something to do.
#include "base/hex.hpp"
#include "points/table.hpp"
#include "scada/dnp3/stations.hpp"
#include "scada/modbus/client.hpp"
#include "scada/modbus/server.hpp"
#include "scada/tunnel/tunnel.hpp"
#include "tests/laws/maker.hpp"

namespace causeway::laws {

template <>
struct Maker<points::Table> {
    static points::Table make(std::uint64_t) {
        points::Table table;
        const auto point = table.define({.device = "d", .name = "p", .writable = true});
        const auto subscriber = table.subscribe({});
        table.watch(subscriber, *point);
        table.update({}, *point, {.value = 1.0});
        table.command({}, {.point = *point, .step = points::Step::select, .value = 2.0});
        table.command({}, {.point = *point, .value = 3.0});
        return table;
    }
};
template <>
struct Maker<scada::modbus::Client> {
    static scada::modbus::Client make(std::uint64_t) {
        scada::modbus::DevicePlan device{.name = "d"};
        device.items = {{.address = 0, .count = 2}, {.address = 100}};
        scada::modbus::Client client({}, {device});
        client.handle({}, scada::LineOpened{});
        return client;
    }
};
template <>
struct Maker<scada::modbus::Server> {
    static scada::modbus::Server make(std::uint64_t) {
        scada::modbus::UnitPlan unit;
        unit.extents = {{.address = 0, .count = 4, .writable = true, .asked = true}};
        scada::modbus::Server server({.framing = scada::modbus::Framing::tcp}, {unit});
        server.handle({}, scada::LineOpened{});
        // A write that nobody answers, and half a request.
        const Octets write = "0001 0000 0006 01 06 0001 0002"_hex, half = "0002 0000 00"_hex;
        server.handle({}, scada::OctetsReceived{.octets = write});
        server.handle({}, scada::OctetsReceived{.octets = half});
        return server;
    }
};
template <>
struct Maker<scada::dnp3::MasterStation> {
    static scada::dnp3::MasterStation make(std::uint64_t) {
        using namespace scada::dnp3;
        std::vector<Master> masters;
        masters.emplace_back(MasterSettings{.outstation = 10, .polls = {PollPlan{}}});
        MasterStation station({.master = true}, {SessionPlan{.local = 1, .remote = 10}},
                              std::move(masters));
        station.handle({}, scada::LineOpened{});
        return station;
    }
};
template <>
struct Maker<scada::dnp3::OutstationStation> {
    static scada::dnp3::OutstationStation make(std::uint64_t) {
        using namespace scada::dnp3;
        const std::vector<PointPlan> points{{.type = PointType::binary, .index = 0}};
        std::vector<Outstation> outstations;
        outstations.emplace_back(OutstationSettings{.address = 10, .unsolicited = true}, points);
        OutstationStation station({}, {SessionPlan{.local = 10, .remote = 1}},
                                  std::move(outstations));
        station.handle({}, scada::LineOpened{});
        station.handle({}, OutstationStation::Of<Outstation::Input>{
                               .what = Outstation::Update{
                                   .measurement = {.type = PointType::binary, .value = true}}});
        return station;
    }
};
template <>
struct Maker<scada::tunnel::Tunnel> {
    static scada::tunnel::Tunnel make(std::uint64_t) {
        using namespace scada::tunnel;
        Tunnel tunnel({.protocol = TunnelProtocol::rfc2217_client});
        tunnel.handle({}, PortOpened{});
        tunnel.handle({}, scada::LineOpened{});
        return tunnel;
    }
};

}  // namespace causeway::laws
