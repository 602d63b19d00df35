#include "node/dnp3_station.hpp"

#include <utility>
#include <vector>

namespace causeway::node {
namespace {

using scada::dnp3::CommandStatus;
using scada::dnp3::Crob;
using scada::dnp3::EventClass;
using scada::dnp3::Outstation;
using scada::dnp3::OutstationStation;
using scada::dnp3::PointType;

/// A constrained node's: what does not fit goes in further fragments, one datagram each.
constexpr std::size_t fragment_octets = 500;
constexpr std::size_t datagram_octets = 800;
constexpr std::size_t events_of_a_class = 50;

Outstation outstation_of(const Config& config) {
    std::vector<scada::dnp3::PointPlan> points{
        {.type = PointType::binary_output, .index = 0, .event_class = EventClass::one}};
    for (std::size_t i = 0; i < config.sensors.size(); ++i)
        points.push_back({.type = PointType::analog,
                          .index = static_cast<std::uint16_t>(i),
                          .event_class = EventClass::two,
                          .deadband = config.dnp3->deadband});
    return Outstation({.address = config.dnp3->address,
                       .master = config.dnp3->master,
                       .any_master = true,
                       .fragment_octets_max = fragment_octets,
                       .events_max = {events_of_a_class, events_of_a_class, 0},
                       .unsolicited = config.dnp3->unsolicited,
                       .confirm_within = std::chrono::seconds(20)},  // a mesh takes its time
                      points);
}

std::vector<Outstation> alone(Outstation outstation) {
    std::vector<Outstation> one;
    one.push_back(std::move(outstation));
    return one;
}

}  // namespace

Dnp3Station::Dnp3Station(const Config& config, Instant now)
    : station_({.datagrams = true, .datagram_octets_max = datagram_octets},
               {{.local = config.dnp3->address, .remote = config.dnp3->master, .any_remote = true}},
               alone(outstation_of(config))) {
    update(now, {.type = PointType::binary_output, .value = false}, true);
}

void Dnp3Station::received(Instant now, const ip::Address& peer, std::uint16_t port, Bytes payload,
                           std::span<const double> readings) {
    for (std::size_t i = 0; i < readings.size(); ++i) {
        const auto index = static_cast<std::uint16_t>(i);
        const auto* before = station_.session(0).point(PointType::analog, index);
        const bool first = before != nullptr && before->flags == scada::dnp3::flag::restart;
        update(now, {.type = PointType::analog, .index = index, .value = readings[i]}, first);
    }
    station_.handle(now, scada::OctetsReceived{known(now, peer, port), payload});
    carry(now);
}

scada::PeerId Dnp3Station::known(Instant now, const ip::Address& peer, std::uint16_t port) {
    for (const Master& master : masters_)
        if (master.address == peer && master.port == port) return master.id;
    if (masters_.full()) {
        const scada::PeerId gone = masters_.front().id;
        masters_.erase_at(0);
        station_.handle(now, scada::LineClosed{gone});
        carry(now);
    }
    const scada::PeerId id{next_id_++};
    masters_.push_back({peer, port, id});
    station_.handle(now, scada::LineOpened{id});
    carry(now);
    return id;
}

void Dnp3Station::show_led(Instant now, bool on) {
    update(now, {.type = PointType::binary_output, .value = on});
}

void Dnp3Station::handle_timeout(Instant now) {
    station_.handle_timeout(now);
    carry(now);
}

void Dnp3Station::update(Instant now, scada::dnp3::Measurement measurement, bool first) {
    tell(now, Outstation::Update{.measurement = std::move(measurement), .no_event = first});
    carry(now);
}

void Dnp3Station::tell(Instant now, Outstation::Input what) {
    station_.handle(now, OutstationStation::Of<Outstation::Input>{.what = std::move(what)});
}

void Dnp3Station::carry(Instant now) {
    std::vector<Outstation::CommandRequested> requests;
    do {
        // Answered when all that it said is taken: an engine takes no input before.
        for (const auto& request : std::exchange(requests, {})) command(now, request);
        while (auto output = station_.poll_output()) {
            if (auto* transmit = std::get_if<scada::Transmit>(&*output))
                send(std::move(*transmit));
            else if (const auto* of =
                         std::get_if<OutstationStation::Of<Outstation::Output>>(&*output))
                if (const auto* request = std::get_if<Outstation::CommandRequested>(&of->what))
                    requests.push_back(*request);
        }
    } while (!requests.empty());
}

void Dnp3Station::send(scada::Transmit&& transmit) {
    for (const Master& master : masters_)
        if (master.id == transmit.peer)
            return out_.push({master.address, master.port, std::move(transmit.octets)});
}

/// The LED is on or off: latches, and close and trip. It has no pulses.
void Dnp3Station::command(Instant now, const Outstation::CommandRequested& request) {
    const auto* crob = std::get_if<Crob>(&request.control.what);
    std::optional<bool> on;
    if (crob != nullptr && crob->operation == Crob::Operation::latch_on) on = true;
    if (crob != nullptr && crob->operation == Crob::Operation::latch_off) on = false;
    if (crob != nullptr && crob->trip_close == Crob::TripClose::close) on = true;
    if (crob != nullptr && crob->trip_close == Crob::TripClose::trip) on = false;
    const auto status = on ? CommandStatus::success : CommandStatus::not_supported;
    tell(now, Outstation::CommandAnswered{request.id, status});
    if (!on || request.step == Outstation::CommandRequested::Step::select) return;
    led_wanted_ = on;
    tell(now, Outstation::Update{.measurement = {.type = PointType::binary_output, .value = *on}});
}

}  // namespace causeway::node
