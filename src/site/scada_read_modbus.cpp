// [[scada.modbus.client]] and [[scada.modbus.server]].
#include "site/scada_reader.hpp"

#include <algorithm>
#include <array>

namespace causeway::site {
namespace {

using scada::modbus::Area;
using scada::modbus::Framing;
using RegisterType = scada::modbus::Type;

constexpr std::array areas{std::string_view("coil"), std::string_view("discrete_input"),
                           std::string_view("input_register"),
                           std::string_view("holding_register")};

bool is_bits(Area area) {
    return area == Area::coil || area == Area::discrete_input;
}

points::Kind kind_of(const ModbusPlace& place, const points::Scaling& scaling, bool has_states) {
    if (place.is_bit_area() || place.bit) return points::Kind::boolean;
    if (place.type == RegisterType::text) return points::Kind::text;
    if (has_states) return points::Kind::enumeration;
    if (place.type == RegisterType::f32 || place.type == RegisterType::f64 || !scaling.plain())
        return points::Kind::real;
    return points::Kind::integer;
}

void need_serial_framing(const Section& section, Framing framing, const ScadaLine& line) {
    if (framing == Framing::tcp && line.is_serial())
        section.complain(section.take<std::string>("framing").at,
                         section.path_of("framing") + ": line \"" + line.name + "\" is serial",
                         "rtu or ascii");
}

}  // namespace

std::uint16_t ModbusPlace::registers() const noexcept {
    return static_cast<std::uint16_t>(is_bit_area() ? 1
                                                    : scada::modbus::registers_of(type, length));
}

Framing ScadaReader::framing(const Section& section, std::optional<std::size_t> line) const {
    const auto framing = section.take<std::string>("framing");
    if (framing.usable())
        return framing.value == "rtu"     ? Framing::rtu
               : framing.value == "ascii" ? Framing::ascii
                                          : Framing::tcp;
    return line && !site_.lines[*line].is_serial() ? Framing::tcp : Framing::rtu;
}

ModbusPlace ScadaReader::modbus_place(const Section& section, std::string_view area_preset) {
    ModbusPlace place;
    const auto area = section.take<std::string>("area");
    place.area = static_cast<Area>(
        std::ranges::find(areas, area.usable() ? std::string_view(area.value) : area_preset) -
        areas.begin());
    const auto address = section.take_required<std::int64_t>("address");
    place.address = static_cast<std::uint16_t>(address.value);
    const auto type = section.take<std::string>("type");
    place.type = is_bits(place.area) ? RegisterType::bit : RegisterType::u16;
    if (type.usable()) place.type = scada::modbus::type_from(type.value).value_or(place.type);
    if (type.usable() && is_bits(place.area) != (place.type == RegisterType::bit)) {
        section.complain(type.at,
                         section.path_of("type") + ": " + type.value + " does not lie in a " +
                             std::string(areas[static_cast<std::size_t>(place.area)]),
                         is_bits(place.area) ? "bit" : "any type but bit");
        place.type = is_bits(place.area) ? RegisterType::bit : RegisterType::u16;
    }
    place.order = scada::modbus::order_from(section.take<std::string>("order").value)
                      .value_or(scada::modbus::Order::abcd);
    set(place.length, section, "length");
    if (address.usable() && address.value + place.registers() > 65'536)
        section.complain(address.at, section.path_of("address") + ": it ends beyond 65535",
                         "at most " + std::to_string(65'536 - place.registers()));
    return place;
}

ModbusSource ScadaReader::modbus_source(const Section& section, const std::string& device,
                                        Duration every) {
    ModbusSource source;
    source.definition = definition(section, device);
    source.scaling = scaling(section);
    source.place = modbus_place(section, "holding_register");
    const auto bit = section.take<std::int64_t>("bit");
    if (bit.usable()) {
        source.place.bit = static_cast<std::uint8_t>(bit.value);
        if (source.place.is_bit_area() || source.place.registers() != 1)
            section.complain(bit.at, section.path_of("bit") + ": of one register alone",
                             "an area of registers, and a type of one register");
    }
    const auto own = section.take<Duration>("every");
    source.every = own.usable() ? own.value : every;
    source.definition.kind =
        kind_of(source.place, source.scaling, !source.definition.states.empty());
    const auto writable = section.take<bool>("writable");
    source.definition.writable = writable.value;
    const Area area = source.place.area;
    if (writable.value && area != Area::coil && area != Area::holding_register)
        section.complain(writable.at, section.path_of("writable") + ": nobody can write there",
                         "area = \"coil\" or \"holding_register\"");
    add_point(section, section.take<std::string>("name"), source.definition);
    return source;
}

ModbusClientDevice ScadaReader::modbus_device(const Section& section) {
    ModbusClientDevice device;
    scada::modbus::DevicePlan& plan = device.plan;
    const auto name = section.take_required<std::string>("name");
    plan.name = name.value;
    const bool known = add_device(section, name);
    set(plan.unit, section, "unit");
    plan.timeout = section.take<Duration>("timeout").value;
    set(plan.retries, section, "retries");
    plan.pause = section.take<Duration>("pause").value;
    plan.close_after_poll = section.take<bool>("close_after_poll").value;
    set(plan.registers_max, section, "registers_max");
    set(plan.bits_max, section, "bits_max");
    set(plan.gap_max, section, "gap_max");
    set(plan.failures_max, section, "failures_max");
    plan.probe_first = section.take<Duration>("probe_first").value;
    plan.probe_most = std::max(plan.probe_first, section.take<Duration>("probe_most").value);
    set(plan.busy_retries, section, "busy_retries");
    plan.busy_pause = section.take<Duration>("busy_pause").value;
    plan.write_single = section.take<bool>("write_single").value;
    const Duration every = section.take<Duration>("every").value;
    for (const Section& point : section.sections("point")) {
        // What is longer than registers_max is read in parts.
        device.points.push_back(modbus_source(point, known ? plan.name : std::string(), every));
    }
    return device;
}

void ScadaReader::read_modbus_client(const Section& section) {
    ModbusClientSite client;
    const auto line = use_line(section, "line", "Modbus client");
    client.line = line.value_or(0);
    scada::modbus::ClientSettings& settings = client.settings;
    settings.framing = framing(section, line);
    settings.character_time = Duration::zero();
    if (line) {
        const ScadaLine& below = site_.lines[*line];
        if (below.is_listener())
            section.complain(section.at(), "scada.modbus.client.line: devices do not connect to us",
                             "a line that is serial, connect or udp");
        if (const auto* serial = std::get_if<net::SerialSpec>(&below.spec))
            settings.character_time = serial->format.character_time();
        need_remote(section, *line);
        need_serial_framing(section, settings.framing, below);
    }
    if (const auto silence = section.take<Duration>("silence"); silence.usable())
        settings.silence = silence.value;
    const auto in_flight = section.take<std::int64_t>("in_flight_max");
    set(settings.in_flight_max, section, "in_flight_max");
    if (in_flight.usable() && in_flight.value > 1 && settings.framing != Framing::tcp)
        section.complain(in_flight.at,
                         "scada.modbus.client.in_flight_max: only Modbus/TCP tells them apart",
                         "1, or framing = \"tcp\"");
    settings.broadcast_wait = section.take<Duration>("broadcast_wait").value;
    std::map<unsigned, std::string> units;
    for (const Section& device : section.sections("device")) {
        client.devices.push_back(modbus_device(device));
        const scada::modbus::DevicePlan& plan = client.devices.back().plan;
        // [MODBUS SL §2.2]: 0 is everybody's, from 248 on they are reserved.
        if (settings.framing != Framing::tcp && (plan.unit == 0 || plan.unit > 247))
            device.complain(device.at(),
                            "scada.modbus.client.device.unit: nobody answers to " +
                                std::to_string(plan.unit) + " on a serial line",
                            "1 to 247");
        const auto [taken, fresh] = units.emplace(plan.unit, plan.name);
        if (!fresh)
            device.complain(device.at(),
                            "scada.modbus.client.device.unit: " + std::to_string(plan.unit) +
                                " is taken by " + taken->second,
                            "a unit of its own for each device on a line");
    }
    if (line) site_.modbus_clients.push_back(std::move(client));
}

void ScadaReader::occupy(const Section& section, Place at, std::vector<Taken>& taken,
                         std::uint32_t first, std::uint32_t count, const std::string& who,
                         std::string_view what) const {
    const std::uint32_t last = first + count - 1;
    for (const Taken& other : taken) {
        if (first > other.last || last < other.first) continue;
        section.complain(at,
                         section.path_of(what) + ": " + std::to_string(first) +
                             (count > 1 ? " to " + std::to_string(last) : std::string()) +
                             " overlaps " + other.who,
                         "addresses that nobody has");
        return;
    }
    taken.push_back({.first = first, .last = last, .who = who});
}

void ScadaReader::read_modbus_window(const Section& section, ModbusServerSite& server,
                                     Occupied& occupied) {
    ModbusWindow window;
    const auto path = section.take_required<std::string>("point");
    window.point = path.value;
    const Known* const known = find_point(section, path);
    const auto unit = section.take<std::int64_t>("unit");
    set(window.unit, section, "unit");
    const auto writable = section.take<bool>("writable");
    window.writable = writable.value;
    window.scaling = scaling(section);
    window.place = modbus_place(section, writable.value ? "holding_register" : "input_register");
    window.bad = section.take<std::string>("bad").value == "exception"
                     ? ModbusWindow::Bad::exception
                     : ModbusWindow::Bad::value;
    const Area area = window.place.area;
    if (writable.value && area != Area::coil && area != Area::holding_register)
        section.complain(writable.at, section.path_of("writable") + ": nobody can write there",
                         "area = \"coil\" or \"holding_register\"");
    if (known != nullptr) {
        if (writable.value && !known->writable)
            section.complain(writable.at,
                             section.path_of("writable") + ": " + window.point + " is not",
                             "a point that is writable where it is defined");
        const bool text = known->kind == points::Kind::text || known->kind == points::Kind::octets;
        if (text != (window.place.type == RegisterType::text))
            section.complain(path.at,
                             section.path_of("type") + ": " + window.point + " is of kind " +
                                 std::string(points::name_of(known->kind)),
                             text ? "text" : "a type that is a number");
    }
    // A double-bit input is neither true nor false where it is off: there 1 is off, and 2 is on.
    if (known != nullptr && known->kind == points::Kind::enumeration && window.place.is_bit_area())
        section.complain(path.at, section.path_of("area") + ": " + window.point + " has states",
                         "an area of registers");
    if (std::ranges::none_of(server.units, [&](const auto& u) { return u.unit == window.unit; }))
        section.complain(
            unit.at, section.path_of("unit") + ": there is no unit " + std::to_string(window.unit),
            "a [[scada.modbus.server.unit]], or none of them and unit 1");
    const auto in = [&](Area where) -> std::vector<Taken>& {
        return occupied[{window.unit, static_cast<unsigned>(where)}];
    };
    occupy(section, section.at(), in(area), window.place.address, window.place.registers(),
           window.point, "address");
    if (const auto quality = section.take<std::int64_t>("quality_address"); quality.usable()) {
        window.quality_address = static_cast<std::uint16_t>(quality.value);
        occupy(section, quality.at, in(Area::input_register), *window.quality_address, 1,
               window.point + "'s quality", "quality_address");
    }
    if (const auto time = section.take<std::int64_t>("time_address"); time.usable()) {
        window.time_address = static_cast<std::uint16_t>(time.value);
        occupy(section, time.at, in(Area::input_register), *window.time_address, 4,
               window.point + "'s time", "time_address");
    }
    server.windows.push_back(std::move(window));
}

void ScadaReader::read_modbus_server(const Section& section) {
    ModbusServerSite server;
    const auto line = use_line(section, "line", "Modbus server");
    server.line = line.value_or(0);
    scada::modbus::ServerSettings& settings = server.settings;
    settings.framing = framing(section, line);
    settings.character_time = Duration::zero();
    if (line) {
        const ScadaLine& below = site_.lines[*line];
        if (const auto* serial = std::get_if<net::SerialSpec>(&below.spec))
            settings.character_time = serial->format.character_time();
        need_serial_framing(section, settings.framing, below);
        if (const auto* listen = std::get_if<net::TcpListenSpec>(&below.spec))
            settings.peers_max = listen->peers_max;
    }
    settings.any_unit = section.take<bool>("any_unit").value;
    settings.answer_for_missing_units = section.take<bool>("answer_for_missing_units").value;
    settings.write_within = section.take<Duration>("write_within").value;
    for (const Section& unit : section.sections("unit")) {
        scada::modbus::UnitPlan plan;
        const auto number = unit.take<std::int64_t>("unit");
        plan.unit = static_cast<scada::modbus::Unit>(number.value);
        const auto revision = unit.take<std::string>("revision");
        plan.identification[0] = unit.take<std::string>("vendor").value;
        plan.identification[1] = unit.take<std::string>("product").value;
        plan.identification[2] = revision.usable() ? revision.value : "1";
        if (std::ranges::any_of(server.units, [&](const auto& u) { return u.unit == plan.unit; }))
            unit.complain(number.at, "scada.modbus.server.unit.unit: it is taken",
                          "a number of its own for each unit");
        server.units.push_back(std::move(plan));
    }
    if (server.units.empty()) {
        scada::modbus::UnitPlan plan;
        plan.identification = {"Causeway", "gateway", "1", "", "", "", ""};
        server.units.push_back(std::move(plan));
    }
    Occupied occupied;
    for (const Section& point : section.sections("point"))
        read_modbus_window(point, server, occupied);
    if (line) site_.modbus_servers.push_back(std::move(server));
}

}  // namespace causeway::site
