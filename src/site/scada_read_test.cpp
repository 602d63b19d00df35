// [scada]: lines, points and who shows them; clashes and types are found before anything runs.
#include "site/build.hpp"
#include "site/read.hpp"
#include "site/scada_site.hpp"

#include <gtest/gtest.h>

namespace causeway::site::scada_read_test {
namespace {

using namespace std::chrono_literals;
using scada::modbus::Area;
using scada::modbus::Framing;

constexpr std::string_view bus = R"(
[[scada.line]]
name = "bus"
serial = "/dev/ttyUSB0"
baud = 19200
parity = "even"

[[scada.modbus.client]]
line = "bus"

[[scada.modbus.client.device]]
name = "boiler"
unit = 7
point = [
  { name = "pressure", area = "input_register", address = 10, type = "f32", order = "cdab" },
  { name = "fault", address = 3, bit = 5 },
  { name = "setpoint", address = 4, factor = 0.1, writable = true, least = 0, most = 90 },
  { name = "mode", address = 5, states = ["off", "eco", "full"], writable = true },
  { name = "label", address = 20, type = "text", length = 4 },
]
)";

std::string with(std::string_view more) {
    return std::string(bus) + std::string(more);
}
std::shared_ptr<const Scada> read(std::string_view text) {
    auto site = read_text(text, "dir/site.toml");
    EXPECT_TRUE(site) << to_text(site.error());
    return site ? site->scada : nullptr;
}
std::string mistakes(std::string_view text) {
    const auto site = read_text(text, "site.toml");
    return site ? "none" : to_text(site.error());
}
void expect_mistake(std::string_view text, std::string_view said) {
    const std::string all = mistakes(text);
    EXPECT_NE(all.find(said), std::string::npos) << "wanted: " << said << "\ngot: " << all;
}

TEST(ScadaRead, ASiteWithoutItHasNone) {
    EXPECT_EQ(read("name = \"x\"\n"), nullptr);
}

TEST(ScadaRead, ASiteOfFieldDevicesAloneHasNoMesh) {
    const auto site = read_text(bus, "dir/site.toml");
    ASSERT_TRUE(site);
    EXPECT_FALSE(site->has_mesh);
    EXPECT_FALSE(site->coap);
}

TEST(ScadaRead, ASerialLineSetsTheRhythmOfItsClient) {
    const auto scada = read(bus);
    ASSERT_TRUE(scada);
    const auto& serial = std::get<net::SerialSpec>(scada->lines[0].spec);
    EXPECT_EQ(serial.device, "/dev/ttyUSB0");
    EXPECT_EQ(serial.format.parity, net::Parity::even);
    const auto& client = scada->modbus_clients.at(0);
    EXPECT_EQ(client.settings.framing, Framing::rtu);
    EXPECT_EQ(client.settings.character_time, serial.format.character_time());
}

TEST(ScadaRead, KindsOfPointsFollowFromTheirRegisters) {
    const auto scada = read(bus);
    ASSERT_TRUE(scada);
    const auto& points = scada->modbus_clients.at(0).devices.at(0).points;
    ASSERT_EQ(points.size(), 5u);
    EXPECT_EQ(points[0].definition.kind, points::Kind::real);
    EXPECT_EQ(points[1].definition.kind, points::Kind::boolean);
    EXPECT_EQ(points[2].definition.kind, points::Kind::real) << "scaled";
    EXPECT_EQ(points[3].definition.kind, points::Kind::enumeration);
    EXPECT_EQ(points[4].definition.kind, points::Kind::text);
    EXPECT_EQ(points[4].place.registers(), 4);
    EXPECT_EQ(points[0].every, 1s) << "the device's";
}

TEST(ScadaRead, PortsWithoutASlashAreInTheStateFolder) {
    const auto scada = read(
        "state = \"run\"\n[[scada.line]]\nname = \"a\"\npty = \"meter\"\n"
        "[[scada.line]]\nname = \"b\"\nserial = \"meter\"\n");
    ASSERT_TRUE(scada);
    EXPECT_EQ(std::get<net::SerialSpec>(scada->lines[0].spec).device, "dir/run/meter");
    EXPECT_TRUE(std::get<net::SerialSpec>(scada->lines[0].spec).make_pty);
    EXPECT_EQ(std::get<net::SerialSpec>(scada->lines[1].spec).device, "dir/run/meter");
}

TEST(ScadaRead, WindowsSayWhereThingsAre) {
    const auto scada = read(with(R"(
[[scada.line]]
name = "up"
listen = "127.0.0.1:1502"
[[scada.modbus.server]]
line = "up"
point = [
  { point = "boiler/pressure", address = 0, type = "f32", quality_address = 8, time_address = 9 },
  { point = "boiler/setpoint", address = 0, factor = 0.1, writable = true },
  { point = "boiler/fault", area = "discrete_input", address = 0, bad = "exception" },
]
[[scada.line]]
name = "centre"
listen = "127.0.0.1:20000"
[[scada.dnp3.outstation]]
line = "centre"
address = 4
point = [
  { point = "boiler/pressure", index = 3, deadband = 0.5, class = 3 },
  { point = "boiler/setpoint", index = 0, type = "analog_output" },
  { point = "boiler/fault", index = 0 },
]
)"));
    ASSERT_TRUE(scada);
    const auto& windows = scada->modbus_servers.at(0).windows;
    EXPECT_EQ(windows.at(0).place.area, Area::input_register);
    EXPECT_EQ(windows.at(1).place.area, Area::holding_register);
    EXPECT_EQ(windows.at(0).time_address, 9);
    EXPECT_EQ(scada->modbus_servers[0].settings.framing, Framing::tcp);
    const auto& face = scada->dnp3_outstations.at(0).faces.at(0);
    EXPECT_EQ(face.windows.at(0).plan.type, scada::dnp3::PointType::analog);
    EXPECT_EQ(face.windows[0].plan.event_class, scada::dnp3::EventClass::three);
    EXPECT_TRUE(face.windows.at(1).control);
    EXPECT_EQ(face.windows.at(2).plan.type, scada::dnp3::PointType::binary);
}

TEST(ScadaRead, MastersTakeTurnsOnSerialLinesAndSetClocksAsTheLineWantsIt) {
    const auto scada = read(R"(
[[scada.line]]
name = "drop"
serial = "/dev/ttyS0"
[[scada.dnp3.master]]
line = "drop"
[[scada.dnp3.master.outstation]]
name = "a"
address = 10
unsolicited = "13"
point = [{ name = "breaker", type = "binary", index = 1, control = 5 }]
[[scada.dnp3.master.outstation]]
name = "b"
address = 11
)");
    ASSERT_TRUE(scada);
    const auto& master = scada->dnp3_masters.at(0);
    EXPECT_TRUE(master.channel.take_turns);
    EXPECT_EQ(master.channel.keep_alive, Duration::zero());
    ASSERT_EQ(master.outstations.size(), 2u);
    EXPECT_EQ(master.outstations[0].settings.time_sync, scada::dnp3::TimeSync::serial);
    EXPECT_TRUE(master.outstations[0].settings.unsolicited.one);
    EXPECT_FALSE(master.outstations[0].settings.unsolicited.two);
    EXPECT_TRUE(master.outstations[0].points.at(0).definition.writable);
    EXPECT_EQ(master.outstations[0].points[0].control, 5);
}

TEST(ScadaRead, OutstationsMayShareALineAndNobodyElseMay) {
    const std::string shared =
        "[[scada.line]]\nname = \"l\"\nlisten = \"127.0.0.1:20000\"\n"
        "[[scada.dnp3.outstation]]\nline = \"l\"\naddress = 1\nmaster = 100\n"
        "[[scada.dnp3.outstation]]\nline = \"l\"\naddress = 2\nmaster = 100\n";
    const auto scada = read(shared);
    ASSERT_TRUE(scada);
    ASSERT_EQ(scada->dnp3_outstations.size(), 1u);
    EXPECT_EQ(scada->dnp3_outstations[0].faces.size(), 2u);
    expect_mistake(shared + "[[scada.modbus.server]]\nline = \"l\"\n",
                   "line \"l\" is taken by a Modbus server");
}

TEST(ScadaRead, ADualEndPointIsOneLineAndOnlyDnp3Has) {
    const std::string line =
        "[[scada.line]]\nname = \"l\"\nconnect = \"10.0.0.1:20000\"\nlisten = "
        "\"127.0.0.1:20000\"\n";
    const auto scada = read(line + "[[scada.dnp3.master]]\nline = \"l\"\n");
    ASSERT_TRUE(scada);
    EXPECT_TRUE(std::holds_alternative<net::TcpConnectSpec>(scada->lines[0].spec));
    ASSERT_TRUE(scada->lines[0].door);
    EXPECT_FALSE(scada->dnp3_masters[0].channel.newest_wins);
    EXPECT_EQ(scada_listens(*scada).size(), 1u);
    expect_mistake(line + "[[scada.modbus.server]]\nline = \"l\"\n", "which only DNP3 knows");
}

TEST(ScadaRead, SaysWhatIsWrongWithALine) {
    expect_mistake("[[scada.line]]\nname = \"a\"\n", "what kind of line is it?");
    expect_mistake("[[scada.line]]\nname = \"a\"\nserial = \"/dev/a\"\nlisten = \"127.0.0.1:1\"\n",
                   "one of serial, pty, connect, listen, udp");
    expect_mistake(
        "[[scada.line]]\nname = \"a\"\nlisten = \"127.0.0.1:1\"\n"
        "[[scada.line]]\nname = \"b\"\nlisten = \"127.0.0.1:1\"\n",
        "site.toml:6:10: scada.line.listen: 127.0.0.1:1 is taken by line a");
    expect_mistake(
        "[[scada.line]]\nname = \"bus-1\"\nserial = \"/dev/a\"\n"
        "[[scada.modbus.client]]\nline = \"bus1\"\n",
        "there is no line \"bus1\"; did you mean \"bus-1\"?");
}

TEST(ScadaRead, TwoLinesAreNotInOnePlace) {
    const auto two = [](std::string_view a, std::string_view b) {
        return "[[scada.line]]\nname = \"a\"\n" + std::string(a) +
               "\n[[scada.line]]\nname = \"b\"\n" + std::string(b) + '\n';
    };
    expect_mistake(two("serial = \"/dev/x\"", "serial = \"/dev/x\""),
                   "scada.line.serial: /dev/x is taken by line a");
    expect_mistake(two("pty = \"x\"", "pty = \"./x\""), "is taken by line a");
    expect_mistake(two("udp = \"0.0.0.0:20000\"", "udp = \"127.0.0.1:20000\""),
                   "scada.line.udp: 0.0.0.0:20000 is taken by line a");
    expect_mistake(two("listen = \"127.0.0.1:9\"", "listen = \"0.0.0.0:9\""), "is taken by line a");
    EXPECT_EQ(mistakes(two("listen = \"127.0.0.1:9\"", "udp = \"127.0.0.1:9\"")), "none");
    EXPECT_EQ(mistakes(two("pty = \"x\"", "serial = \"x\"")), "none") << "its two ends";
}

TEST(ScadaRead, KeysOfAnotherKindOfLineAreMistakes) {
    const auto line = [](std::string_view what) {
        return "[[scada.line]]\nname = \"a\"\n" + std::string(what) + '\n';
    };
    expect_mistake(line("listen = \"127.0.0.1:9\"\nbaud = 9600"), "baud: not of a line that is");
    expect_mistake(line("serial = \"/dev/x\"\ntls = true"), "tls: not of a line that is serial");
    expect_mistake(line("connect = \"a:9\"\ntake_over = true"), "take_over: not of");
    expect_mistake(line("listen = \"127.0.0.1:9\"\ntls = true"), "who are we?");
    expect_mistake(line("listen = \"127.0.0.1:9\"\nca_file = \"ca.pem\""), "who are we?");
    EXPECT_EQ(mistakes(line("connect = \"a:9\"\ntls = true")), "none") << "a client needs none";
}

TEST(ScadaRead, WhoeverAsksHasToKnowWhere) {
    const std::string udp = "[[scada.line]]\nname = \"u\"\nudp = \"127.0.0.1:9\"\n";
    expect_mistake(udp + "[[scada.modbus.client]]\nline = \"u\"\n",
                   "does not say where the others are");
    expect_mistake(udp + "[[scada.dnp3.master]]\nline = \"u\"\n",
                   "does not say where the others are");
    EXPECT_EQ(mistakes(udp + "[[scada.dnp3.outstation]]\nline = \"u\"\n"), "none");
}

TEST(ScadaRead, UnitsAndFramingAreTheLines) {
    const std::string client =
        "[[scada.line]]\nname = \"s\"\nserial = \"/dev/s\"\n"
        "[[scada.modbus.client]]\nline = \"s\"\n";
    const std::string device = "[[scada.modbus.client.device]]\nname = \"d\"\n";
    expect_mistake(client + device + "unit = 0\n", "nobody answers to 0 on a serial line");
    expect_mistake(client + device + "unit = 250\n", "nobody answers to 250");
    expect_mistake(client + "framing = \"tcp\"\n", "line \"s\" is serial");
    // One register a request, and values of two: they are read in parts.
    EXPECT_EQ(mistakes(client + device +
                       "registers_max = 1\n"
                       "point = [{ name = \"x\", address = 0, type = \"f32\" }]\n"),
              "none");
}

TEST(ScadaRead, TunnelsOfAComPortHaveOne) {
    const std::string lines =
        "[[scada.line]]\nname = \"p\"\nserial = \"/dev/s\"\n"
        "[[scada.line]]\nname = \"n\"\nlisten = \"127.0.0.1:9\"\n"
        "[[scada.tunnel]]\nname = \"t\"\n";
    EXPECT_EQ(mistakes(lines + "port = \"p\"\nnetwork = \"n\"\nprotocol = \"rfc2217_server\"\n"),
              "none");
    expect_mistake(lines + "port = \"p\"\nnetwork = \"n\"\nprotocol = \"rfc2217_client\"\n",
                   "a com port's client has a pty");
    expect_mistake(lines + "port = \"n\"\nnetwork = \"p\"\nprotocol = \"rfc2217_server\"\n",
                   "there is no com port to set");
    expect_mistake(lines + "port = \"p\"\nnetwork = \"p\"\n", "line \"p\" is taken by a tunnel");
}

TEST(ScadaRead, ADeviceThatDoesNotSelectHasItsSelectionsKept) {
    const auto scada = read(R"(
[[scada.line]]
name = "l"
connect = "a:20000"
[[scada.dnp3.master]]
line = "l"
[[scada.dnp3.master.outstation]]
name = "o"
address = 10
fragment_octets_max = 4096
point = [
  { name = "a", type = "binary_output", index = 0, writable = true },
  { name = "b", type = "binary_output", index = 1, writable = true, select = false },
]
)");
    ASSERT_TRUE(scada);
    const auto& remote = scada->dnp3_masters.at(0).outstations.at(0);
    EXPECT_TRUE(remote.points.at(0).definition.selects);
    EXPECT_FALSE(remote.points.at(1).definition.selects);
    EXPECT_EQ(remote.session.fragment_octets_max, 4'096u) << "that it sends, and we take";
}

TEST(ScadaRead, VariationsAreTheTypesOwn) {
    expect_mistake(with("[[scada.line]]\nname = \"c\"\nlisten = \"127.0.0.1:20000\"\n"
                        "[[scada.dnp3.outstation]]\nline = \"c\"\npoint = [\n"
                        "{ point = \"boiler/pressure\", index = 1, static_variation = 9 },\n]\n"),
                   "this type has no variation 9");
}

TEST(ScadaRead, FindsClashesOfAddresses) {
    const std::string up =
        "[[scada.line]]\nname = \"up\"\nlisten = \"127.0.0.1:1502\"\n"
        "[[scada.modbus.server]]\nline = \"up\"\npoint = [\n";
    expect_mistake(with(up + "{ point = \"boiler/pressure\", address = 0, type = \"f32\" },\n"
                             "{ point = \"boiler/setpoint\", address = 1 },\n]\n"),
                   "address: 1 overlaps boiler/pressure");
    expect_mistake(with(up + "{ point = \"boiler/setpoint\", address = 4, quality_address = 4 },\n"
                             "]\n"),
                   "quality_address: 4 overlaps boiler/setpoint");
    expect_mistake(with("[[scada.line]]\nname = \"dnp3\"\nlisten = \"127.0.0.1:20000\"\n"
                        "[[scada.dnp3.outstation]]\nline = \"dnp3\"\npoint = [\n"
                        "{ point = \"boiler/pressure\", index = 1 },\n"
                        "{ point = \"boiler/setpoint\", index = 1 },\n]\n"),
                   "index: 1 is boiler/pressure already");
}

TEST(ScadaRead, FindsTypesThatDoNotFit) {
    const std::string up =
        "[[scada.line]]\nname = \"up\"\nlisten = \"127.0.0.1:1502\"\n"
        "[[scada.modbus.server]]\nline = \"up\"\npoint = [\n";
    expect_mistake(with(up + "{ point = \"boiler/label\", address = 4 },\n]\n"),
                   "boiler/label is of kind text");
    expect_mistake(with(up + "{ point = \"boiler/pressure\", address = 4, writable = true },\n]\n"),
                   "boiler/pressure is not");
    expect_mistake(with(up + "{ point = \"boiler/mode\", area = \"coil\", address = 4 },\n]\n"),
                   "boiler/mode has states");
    expect_mistake(with(up + "{ point = \"boiler/presure\", address = 4 },\n]\n"),
                   "did you mean \"boiler/pressure\"?");
    expect_mistake(with("[[scada.line]]\nname = \"dnp3\"\nlisten = \"127.0.0.1:20000\"\n"
                        "[[scada.dnp3.outstation]]\nline = \"dnp3\"\npoint = [\n"
                        "{ point = \"boiler/pressure\", index = 1, type = \"binary\" },\n]\n"),
                   "boiler/pressure is of kind real");
    expect_mistake(
        "[[scada.line]]\nname = \"b\"\nserial = \"/dev/b\"\n[[scada.modbus.client]]\nline = \"b\"\n"
        "[[scada.modbus.client.device]]\nname = \"d\"\npoint = [\n"
        "{ name = \"x\", area = \"coil\", address = 1, type = \"u16\" },\n"
        "{ name = \"y\", area = \"input_register\", address = 1, writable = true },\n"
        "{ name = \"z\", address = 65535, type = \"u32\" },\n"
        "{ name = \"z\", address = 2, factor = 0 },\n]\n",
        "u16 does not lie in a coil");
}

TEST(ScadaRead, TellsAllMistakesAtOnce) {
    const std::string all = mistakes(
        "[[scada.line]]\nname = \"b\"\nserial = \"/dev/b\"\n[[scada.modbus.client]]\nline = \"b\"\n"
        "[[scada.modbus.client.device]]\nname = \"d\"\npoint = [\n"
        "{ name = \"y\", area = \"input_register\", address = 1, writable = true },\n"
        "{ name = \"z\", address = 65535, type = \"u32\" },\n"
        "{ name = \"z\", address = 2, factor = 0 },\n]\n");
    EXPECT_NE(all.find("nobody can write there"), std::string::npos) << all;
    EXPECT_NE(all.find("it ends beyond 65535"), std::string::npos) << all;
    EXPECT_NE(all.find("nothing comes back from 0"), std::string::npos) << all;
    EXPECT_NE(all.find("\"d/z\" is taken"), std::string::npos) << all;
}

TEST(ScadaRead, PointsOnTopicsNeedABroker) {
    expect_mistake(with("[scada.mqtt]\n"), "scada.mqtt: there is no broker");
    expect_mistake(with("[scada.coap]\n"), "scada.coap: there is no CoAP endpoint");
    const auto scada =
        read(with("[mqtt]\n[scada.mqtt]\nprefix = \"plant\"\ndevices = [\"boiler\"]\n"));
    ASSERT_TRUE(scada && scada->mqtt && scada->mqtt->face);
    EXPECT_EQ(scada->mqtt->face->prefix, "plant");
    expect_mistake(with("[mqtt]\n[scada.mqtt]\ndevices = [\"boilr\"]\n"),
                   "did you mean \"boiler\"?");
    expect_mistake(with("[mqtt]\n[[scada.mqtt.device]]\nname = \"m\"\n"
                        "point = [{ name = \"a\", topic = \"points/boiler/pressure\" }]\n"),
                   "our own points are there");
    expect_mistake(with("[mqtt]\nqos_max = 1\n[scada.mqtt]\nqos = 2\n"), "more than mqtt.qos_max");
    expect_mistake(
        "[mqtt]\n[scada.mqtt]\n[[scada.line]]\nname = \"b\"\nconnect = \"a:1\"\n"
        "[[scada.modbus.client]]\nline = \"b\"\n[[scada.modbus.client.device]]\n"
        "name = \"d\"\npoint = [{ name = \"mode/set\", address = 0 }]\n",
        "\"d/mode/set\" is where commands are");
}

}  // namespace
}  // namespace causeway::site::scada_read_test
