// [[scada.dnp3.master]] and [[scada.dnp3.outstation]].
#include "scada/dnp3/database.hpp"
#include "site/scada_reader.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace causeway::site {
namespace {

using namespace std::chrono_literals;
using points::Kind;
using scada::dnp3::PointType;

constexpr std::array dnp3_types{
    std::string_view("binary"),         std::string_view("double_bit"),
    std::string_view("binary_output"),  std::string_view("counter"),
    std::string_view("frozen_counter"), std::string_view("analog"),
    std::string_view("analog_output"),  std::string_view("octet_string")};

PointType dnp3_type(std::string_view word) {
    const auto found = std::ranges::find(dnp3_types, word);
    return found == dnp3_types.end() ? PointType::analog
                                     : static_cast<PointType>(found - dnp3_types.begin());
}

bool is_output(PointType type) {
    return type == PointType::binary_output || type == PointType::analog_output;
}

Kind kind_of(PointType type, const points::Scaling& scaling) {
    switch (type) {
        case PointType::binary:
        case PointType::binary_output:
            return Kind::boolean;
        case PointType::double_bit:
            return Kind::enumeration;
        case PointType::counter:
        case PointType::frozen_counter:
            return scaling.plain() ? Kind::integer : Kind::real;
        case PointType::octet_string:
            return Kind::octets;
        case PointType::analog:
        case PointType::analog_output:
            return Kind::real;
    }
    return Kind::real;
}

/// The type that a point of this kind is shown as unless the file says.
PointType natural_type(Kind kind, bool control) {
    switch (kind) {
        case Kind::boolean:
            return control ? PointType::binary_output : PointType::binary;
        case Kind::text:
        case Kind::octets:
            return PointType::octet_string;
        case Kind::integer:
        case Kind::real:
        case Kind::enumeration:
            break;
    }
    return control ? PointType::analog_output : PointType::analog;
}

bool fits(Kind kind, PointType type) {
    switch (type) {
        case PointType::binary:
        case PointType::binary_output:
            return kind == Kind::boolean;
        case PointType::double_bit:
            return kind == Kind::enumeration || kind == Kind::boolean;
        case PointType::octet_string:
            return kind == Kind::text || kind == Kind::octets;
        case PointType::counter:
        case PointType::frozen_counter:
        case PointType::analog:
        case PointType::analog_output:
            break;
    }
    return kind != Kind::text && kind != Kind::octets;
}

scada::dnp3::Classes classes_from(const Section& section, std::string_view leaf) {
    scada::dnp3::Classes classes;
    const auto digits = section.take<std::string>(leaf);
    if (!digits.usable()) return classes;
    for (const char digit : digits.value) {
        if (digit == '1')
            classes.one = true;
        else if (digit == '2')
            classes.two = true;
        else if (digit == '3')
            classes.three = true;
        else {
            section.complain(digits.at,
                             section.path_of(leaf) + ": \"" + digits.value + "\" is no classes",
                             "some of the digits 1, 2 and 3");
            break;
        }
    }
    return classes;
}

}  // namespace

Dnp3Source ScadaReader::dnp3_source(const Section& section, const std::string& device) {
    Dnp3Source source;
    source.definition = definition(section, device);
    source.scaling = scaling(section);
    source.type = dnp3_type(section.take_required<std::string>("type").value);
    (void)section.take_required<std::int64_t>("index");
    set(source.index, section, "index");
    source.definition.kind = kind_of(source.type, source.scaling);
    if (source.type == PointType::double_bit && source.definition.states.empty())
        source.definition.states = {"intermediate", "off", "on", "indeterminate"};
    const auto control = section.take<std::int64_t>("control");
    const auto writable = section.take<bool>("writable");
    if (control.usable())
        source.control = static_cast<std::uint16_t>(control.value);
    else if (is_output(source.type))
        source.control = source.index;
    source.definition.writable = writable.usable() ? writable.value : control.usable();
    if (source.definition.writable && !source.control)
        section.complain(writable.at, section.path_of("writable") + ": by which output?",
                         "a control beside it, or a point that is an output");
    if (source.definition.writable && !fits(source.definition.kind, PointType::analog))
        section.complain(writable.at, section.path_of("writable") + ": DNP3 cannot command texts",
                         "a point that is binary or a number");
    source.select = section.take<bool>("select").value;
    const std::string pulse = section.take<std::string>("pulse").value;
    source.pulse.form = pulse == "pulse" ? points::Pulse::Form::pulse : points::Pulse::Form::latch;
    if (pulse == "trip_close") source.pulse.way = points::Pulse::Way::close;
    using std::chrono::duration_cast, std::chrono::milliseconds;
    source.pulse.on_ms = static_cast<std::uint32_t>(
        duration_cast<milliseconds>(section.take<Duration>("pulse_on").value).count());
    source.pulse.off_ms = static_cast<std::uint32_t>(
        duration_cast<milliseconds>(section.take<Duration>("pulse_off").value).count());
    set(source.command_variation, section, "command_variation");
    // Where it does not select, the table keeps selections for it.
    source.definition.selects = source.definition.writable && source.select;
    add_point(section, section.take<std::string>("name"), source.definition);
    return source;
}

Dnp3Remote ScadaReader::dnp3_remote(const Section& section, scada::dnp3::Address master,
                                    bool serial) {
    Dnp3Remote remote;
    const auto name = section.take_required<std::string>("name");
    remote.name = name.value;
    const bool known = add_device(section, name);
    (void)section.take_required<std::int64_t>("address");
    scada::dnp3::MasterSettings& settings = remote.settings;
    settings.address = master;
    set(settings.outstation, section, "address");
    settings.response_within = section.take<Duration>("response_within").value;
    set(settings.retries, section, "retries");
    const Duration events = section.take<Duration>("events_every").value;
    const Duration integrity = section.take<Duration>("integrity_every").value;
    if (events > Duration::zero())
        settings.polls.push_back({.classes = scada::dnp3::events, .every = events});
    if (integrity > Duration::zero())
        settings.polls.push_back({.classes = scada::dnp3::everything, .every = integrity});
    settings.unsolicited = classes_from(section, "unsolicited");
    const auto sync = section.take<std::string>("time_sync");
    using scada::dnp3::TimeSync;
    settings.time_sync = serial ? TimeSync::serial : TimeSync::lan;
    if (sync.usable())
        settings.time_sync = sync.value == "none"  ? TimeSync::none
                             : sync.value == "lan" ? TimeSync::lan
                                                   : TimeSync::serial;
    set(settings.failures_max, section, "failures_max");
    settings.retry_first = section.take<Duration>("retry_first").value;
    settings.retry_most =
        std::max(settings.retry_first, section.take<Duration>("retry_most").value);
    set(remote.session.fragment_octets_max, section, "fragment_octets_max");
    remote.session.local = settings.address;
    remote.session.remote = settings.outstation;
    remote.session.confirm_frames = section.take<bool>("confirm_frames").value;
    std::map<std::pair<PointType, std::uint16_t>, std::string> places;
    for (const Section& point : section.sections("point")) {
        Dnp3Source source = dnp3_source(point, known ? remote.name : std::string());
        const auto [taken, fresh] =
            places.emplace(std::pair(source.type, source.index), source.definition.name);
        if (!fresh)
            point.complain(point.at(),
                           point.path_of("index") + ": " + std::to_string(source.index) + " is " +
                               taken->second + " already",
                           "one point for each type and index");
        remote.points.push_back(std::move(source));
    }
    return remote;
}

void ScadaReader::read_dnp3_master(const Section& section) {
    Dnp3MasterSite master;
    const auto line = use_line(section, "line", "DNP3 master");
    master.line = line.value_or(0);
    master.channel.master = true;
    const bool serial = line && site_.lines[*line].is_serial();
    master.channel.datagrams = line && site_.lines[*line].is_udp();
    master.channel.take_turns = serial;
    // Where both ends connect at once, the master's connection is the one that stays.
    master.channel.newest_wins = !(line && site_.lines[*line].door);
    const Duration keep_alive = section.take<Duration>("keep_alive").value;
    master.channel.keep_alive = serial || master.channel.datagrams ? Duration::zero() : keep_alive;
    master.channel.keep_alive_within = section.take<Duration>("keep_alive_within").value;
    const auto address =
        static_cast<scada::dnp3::Address>(section.take<std::int64_t>("address").value);
    std::set<scada::dnp3::Address> addresses{address};
    for (const Section& outstation : section.sections("outstation")) {
        master.outstations.push_back(dnp3_remote(outstation, address, serial));
        const auto theirs = master.outstations.back().settings.outstation;
        if (!addresses.insert(theirs).second)
            outstation.complain(
                outstation.at(),
                "scada.dnp3.master.outstation.address: " + std::to_string(theirs) + " is taken",
                "a link address of its own for each station on a line");
    }
    if (line) need_remote(section, *line);
    if (line) site_.dnp3_masters.push_back(std::move(master));
}

std::optional<Dnp3Window> ScadaReader::dnp3_window(const Section& section) {
    Dnp3Window window;
    const auto path = section.take_required<std::string>("point");
    window.point = path.value;
    window.scaling = scaling(section);
    (void)section.take_required<std::int64_t>("index");
    set(window.plan.index, section, "index");
    window.plan.event_class =
        static_cast<scada::dnp3::EventClass>(section.take<std::int64_t>("class").value);
    window.plan.deadband = section.take<double>("deadband").value;
    if (const auto variation = section.take<std::int64_t>("static_variation"); variation.usable())
        window.plan.static_variation = static_cast<std::uint8_t>(variation.value);
    if (const auto variation = section.take<std::int64_t>("event_variation"); variation.usable())
        window.plan.event_variation = static_cast<std::uint8_t>(variation.value);
    const Known* const known = find_point(section, path);
    const auto control = section.take<bool>("control");
    const auto type = section.take<std::string>("type");
    if (known == nullptr) return std::nullopt;
    const bool wanted = control.usable() && control.value;
    window.plan.type = type.usable() ? dnp3_type(type.value) : natural_type(known->kind, wanted);
    window.control =
        control.usable() ? control.value : known->writable && is_output(window.plan.type);
    if (!fits(known->kind, window.plan.type))
        section.complain(
            type.at,
            section.path_of("type") + ": " + window.point + " is of kind " +
                std::string(points::name_of(known->kind)),
            std::string(dnp3_types[static_cast<std::size_t>(natural_type(known->kind, wanted))]));
    for (const bool event : {false, true}) {
        const std::string_view leaf = event ? "event_variation" : "static_variation";
        const auto variation = section.take<std::int64_t>(leaf);
        if (variation.usable() &&
            !scada::dnp3::readable({window.plan.type, event},
                                   static_cast<std::uint8_t>(variation.value)))
            section.complain(variation.at,
                             section.path_of(leaf) + ": this type has no variation " +
                                 std::to_string(variation.value),
                             "one of its own");
    }
    if (window.control && !known->writable)
        section.complain(control.at,
                         section.path_of("control") + ": " + window.point +
                             " is not "
                             "writable",
                         "a point that is writable where it is defined");
    if (window.control && !is_output(window.plan.type))
        section.complain(control.at, section.path_of("control") + ": only outputs are operated",
                         "type = \"binary_output\" or \"analog_output\"");
    return window;
}

void ScadaReader::read_dnp3_outstation(const Section& section) {
    const auto line = use_line(section, "line", "DNP3 outstation", true);
    Dnp3Face face;
    scada::dnp3::OutstationSettings& settings = face.settings;
    set(settings.address, section, "address");
    set(settings.master, section, "master");
    settings.any_master = section.take<bool>("any_master").value;
    settings.unsolicited = section.take<bool>("unsolicited").value;
    settings.unsolicited_after = section.take<Duration>("unsolicited_after").value;
    set(settings.unsolicited_events, section, "unsolicited_events");
    settings.events_max.fill(
        static_cast<std::size_t>(section.take<std::int64_t>("events_max").value));
    settings.confirm_within = section.take<Duration>("confirm_within").value;
    settings.select_within = section.take<Duration>("select_within").value;
    settings.command_within = section.take<Duration>("command_within").value;
    set(settings.fragment_octets_max, section, "fragment_octets_max");
    settings.need_time_every = section.take<Duration>("need_time_every").value;
    settings.needs_time = settings.need_time_every > Duration::zero();
    face.session.local = settings.address;
    face.session.remote = settings.master;
    face.session.any_remote = settings.any_master;
    face.session.confirm_frames = section.take<bool>("confirm_frames").value;
    if (settings.address == settings.master && !settings.any_master)
        section.complain(section.at(), "scada.dnp3.outstation: its address is the master's",
                         "two link addresses");
    std::map<std::pair<PointType, std::uint16_t>, std::string> places;
    for (const Section& point : section.sections("point")) {
        auto window = dnp3_window(point);
        if (!window) continue;
        const auto [taken, fresh] =
            places.emplace(std::pair(window->plan.type, window->plan.index), window->point);
        if (!fresh)
            point.complain(point.at(),
                           point.path_of("index") + ": " + std::to_string(window->plan.index) +
                               " is " + taken->second + " already",
                           "one point for each type and index");
        face.windows.push_back(*std::move(window));
    }
    const Duration keep_alive = section.take<Duration>("keep_alive").value;
    if (!line) return;
    const auto same_line = [&](const Dnp3OutstationSite& site) { return site.line == *line; };
    auto site = std::ranges::find_if(site_.dnp3_outstations, same_line);
    if (site == site_.dnp3_outstations.end()) {
        Dnp3OutstationSite fresh;
        fresh.line = *line;
        fresh.channel.datagrams = site_.lines[*line].is_udp();
        fresh.channel.keep_alive = site_.lines[*line].is_serial() || fresh.channel.datagrams
                                       ? Duration::zero()
                                       : keep_alive;
        site = site_.dnp3_outstations.insert(site_.dnp3_outstations.end(), std::move(fresh));
    }
    if (std::ranges::any_of(site->faces, [&](const Dnp3Face& other) {
            return other.settings.address == settings.address;
        }))
        section.complain(
            section.at(),
            "scada.dnp3.outstation.address: " + std::to_string(settings.address) + " is taken",
            "a link address of its own for each outstation on a line");
    site->faces.push_back(std::move(face));
}

void ScadaReader::hold_selections() {
    std::map<std::string, Duration> longest;
    for (const Dnp3OutstationSite& site : site_.dnp3_outstations)
        for (const Dnp3Face& face : site.faces)
            for (const Dnp3Window& window : face.windows)
                if (window.control)
                    longest[window.point] =
                        std::max(longest[window.point], face.settings.select_within);
    const auto hold = [&](auto& devices) {
        for (auto& device : devices)
            for (auto& source : device.points) {
                points::Definition& of = source.definition;
                const auto found = longest.find(of.device + '/' + of.name);
                // The outstation's clock begins later, when it hears that it is selected.
                if (found != longest.end())
                    of.select_timeout = std::max(of.select_timeout, found->second + 1s);
            }
    };
    for (ModbusClientSite& client : site_.modbus_clients) hold(client.devices);
    for (Dnp3MasterSite& master : site_.dnp3_masters) hold(master.outstations);
    if (site_.mqtt) hold(site_.mqtt->devices);
    if (site_.coap) hold(site_.coap->devices);
}

}  // namespace causeway::site
