#include "net/serial_port.hpp"

#include "base/hex.hpp"
#include "net/serial_port_list.hpp"
#include "net/stream_testing.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>

#include <fstream>

namespace causeway::net::serial_port_test {
namespace {

using namespace std::chrono_literals;
using testing::Folder;
using testing::turn_for;
using testing::turn_until;

/// A program at the other end of a pty.
class Program {
public:
    explicit Program(const std::string& path)
        : fd_(::open(path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)) {
        EXPECT_GE(fd_, 0) << path << ": " << reason_of(errno);
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program() { close(); }
    void say(std::string_view text) const {
        EXPECT_EQ(::write(fd_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    std::string hear() const {
        std::array<char, 4096> some;
        std::string text;
        for (ssize_t n; (n = ::read(fd_, some.data(), some.size())) > 0;)
            text.append(some.data(), static_cast<std::size_t>(n));
        return text;
    }
    void set(const SerialFormat& format) const {
        termios settings{};
        ::tcgetattr(fd_, &settings);
        ::cfsetspeed(&settings, format.baud == 19'200 ? B19200 : B2400);
        if (format.stop_bits == 2) settings.c_cflag |= CSTOPB;
        ::tcsetattr(fd_, TCSANOW, &settings);
    }
    void close() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }

private:
    int fd_;
};

/// A port and all that it said.
struct Heard {
    SerialPort::Events events() {
        return {.opened = [this] { ++opened; },
                .received = [this](Bytes octets) { text += as_text(octets); },
                .closed =
                    [this](const Trouble& why) {
                        ++closed;
                        trouble = why.line;
                    },
                .drained = [this](std::size_t octets) { drained += octets; },
                .format_asked =
                    [this](const SerialFormat& format) { text += '[' + to_text(format) + ']'; },
                .other_end = [this](bool there) { ends += there ? '+' : '-'; }};
    }
    int opened = 0;
    int closed = 0;
    std::size_t drained = 0;
    std::string text;
    std::string ends;
    std::string trouble;
};

class SerialPorts : public ::testing::Test {
protected:
    [[nodiscard]] Opened<SerialPort> open_pty() {
        return SerialPort::open(io, {.device = name, .make_pty = true}, heard.events());
    }
    Io io;
    Folder folder;
    std::string name = folder / "port";
    Heard heard;
};

TEST(SerialFormats, AreWrittenAndReadAlike) {
    for (const char* text : {"9600-8N1", "19200-8E1", "1200-7O2/xonxoff", "115200-8N1/rtscts"}) {
        const auto format = serial_format_from(text);
        ASSERT_TRUE(format) << text;
        EXPECT_EQ(to_text(*format), text);
    }
    EXPECT_EQ(to_text(*serial_format_from("4800")), "4800-8N1");
    for (const char* text : {"", "0", "fast", "9600-9N1", "9600-8X1", "9600-8N3", "9600-8N1/cts"})
        EXPECT_FALSE(serial_format_from(text)) << text;
}

TEST(SerialFormats, ACharacterTakesItsBits) {
    EXPECT_EQ(SerialFormat{.baud = 1'000}.character_time(), 10ms);
    EXPECT_EQ((SerialFormat{.baud = 1'000, .parity = Parity::even}.character_time()), 11ms);
    EXPECT_EQ((SerialFormat{.baud = 1'000, .data_bits = 7, .parity = Parity::odd, .stop_bits = 2})
                  .character_time(),
              11ms);
}

TEST_F(SerialPorts, APtyCarriesOctetsBothWaysUnchanged) {
    auto port = open_pty();
    ASSERT_TRUE(port) << port.error().line;
    ASSERT_TRUE(turn_until(io, [&] { return heard.opened == 1; }));
    const Program program(name);
    const std::string all = "\x01\x03\r\n\x04\x11\x13\x1a\x7f" + std::string(1, '\0') + "\xff";
    program.say(all);
    ASSERT_TRUE(turn_until(io, [&] { return heard.text.size() >= all.size(); }));
    EXPECT_EQ(heard.text, all);
    EXPECT_TRUE(port->send(as_octets(all)));
    std::string back;
    ASSERT_TRUE(turn_until(io, [&] { return (back += program.hear()).size() >= all.size(); }));
    EXPECT_EQ(back, all);
    EXPECT_TRUE(turn_until(io, [&] { return heard.drained == all.size(); }));
    EXPECT_EQ(port->stats().octets_in, all.size());
    EXPECT_EQ(port->stats().octets_out, all.size());
}

TEST_F(SerialPorts, APtyGoesOnWhenItsProgramStartsAgainAndTellsNoneOfWhatWasSaidToNobody) {
    auto port = open_pty();
    ASSERT_TRUE(port);
    ASSERT_TRUE(turn_until(io, [&] { return heard.opened == 1; }));
    for (int round = 1; round <= 3; ++round) {
        const Program program(name);
        program.say("x");
        ASSERT_TRUE(turn_until(io, [&] { return heard.text.size() == std::size_t(round); }));
        EXPECT_TRUE(port->send(as_octets("y")));
        std::string back;
        ASSERT_TRUE(turn_until(io, [&] { return !(back += program.hear()).empty(); }));
        EXPECT_EQ(back, "y");
        // This one is gone before it is heard.
        EXPECT_TRUE(port->send(as_octets("late")));
        // Gives up its end here.
        const_cast<Program&>(program).close();
        ASSERT_TRUE(turn_until(io, [&] { return heard.ends.size() == std::size_t(2 * round); }));
        EXPECT_TRUE(port->send(as_octets("to nobody")));
    }
    EXPECT_EQ(heard.ends, "+-+-+-");
    EXPECT_EQ(port->stats().lost, 0u);
    EXPECT_EQ(port->stats().octets_lost, 27u);
    EXPECT_TRUE(port->is_open());
}

TEST_F(SerialPorts, WhatAProgramSaysInPassingIsHeard) {
    auto port = open_pty();
    ASSERT_TRUE(port);
    {
        const Program program(name);
        program.say("in passing");
    }
    ASSERT_TRUE(turn_until(io, [&] { return heard.ends == "+-"; }));
    EXPECT_EQ(heard.text.substr(heard.text.size() - 10), "in passing");
}

TEST_F(SerialPorts, APtysFormatIsToldBeforeTheOctetsThatFollowIt) {
    auto port = open_pty();
    ASSERT_TRUE(port);
    ASSERT_TRUE(turn_until(io, [&] { return heard.opened == 1; }));
    const Program program(name);
    program.set({.baud = 19'200});
    program.say("a");
    ASSERT_TRUE(turn_until(io, [&] { return heard.text.ends_with('a'); }));
    program.set({.baud = 2'400, .stop_bits = 2});
    ASSERT_TRUE(turn_until(io, [&] { return heard.text.ends_with(']'); }));
    EXPECT_EQ(heard.text, "[19200-8N1]a[2400-8N2]");
    EXPECT_EQ(port->format().stop_bits, 2);
}

TEST_F(SerialPorts, APtysNameIsTakenOverFromALinkAndFromNothingElse) {
    std::filesystem::create_symlink("/dev/nowhere", name);
    {
        auto port = open_pty();
        ASSERT_TRUE(port);
        EXPECT_EQ(std::filesystem::read_symlink(name), port->path());
    }
    EXPECT_FALSE(std::filesystem::is_symlink(name));
    std::filesystem::create_directory(name);
    const auto refused = open_pty();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().line, "cannot make the link " + name +
                                        ": something that is no symbolic link has that name");
}

TEST_F(SerialPorts, ATtyThatVanishesIsOpenedAgainUnderItsName) {
    Heard far;
    auto other = std::make_unique<SerialPort>(
        *SerialPort::open(io, {.device = name, .make_pty = true}, far.events()));
    auto port = SerialPort::open(io, {.device = name, .reopen_first = 10ms}, heard.events());
    ASSERT_TRUE(port);
    ASSERT_TRUE(turn_until(io, [&] { return heard.opened == 1; }));
    EXPECT_TRUE(port->send(as_octets("one")));
    ASSERT_TRUE(turn_until(io, [&] { return far.text.ends_with("one"); }));
    other.reset();
    ASSERT_TRUE(turn_until(io, [&] { return heard.closed >= 1; }));
    EXPECT_FALSE(port->is_open());
    EXPECT_FALSE(port->send(as_octets("to nobody")));
    turn_for(io, 50ms);
    EXPECT_LE(heard.closed, 2) << "a reason is said once";
    EXPECT_EQ(heard.trouble, "cannot open " + name + ": no such file or directory");
    other = std::make_unique<SerialPort>(
        *SerialPort::open(io, {.device = name, .make_pty = true}, far.events()));
    ASSERT_TRUE(turn_until(io, [&] { return heard.opened == 2; }));
    EXPECT_TRUE(port->send(as_octets("two")));
    ASSERT_TRUE(turn_until(io, [&] { return far.text.ends_with("two"); }));
    EXPECT_EQ(port->stats().lost, 1u);
    EXPECT_GE(port->stats().failed, 1u);
    EXPECT_EQ(port->stats().octets_refused, 9u);
}

TEST_F(SerialPorts, AnotherProgramsTtyIsNotTaken) {
    auto pty = open_pty();
    ASSERT_TRUE(pty);
    Heard first_heard;
    Heard second_heard;
    auto first = SerialPort::open(io, {.device = name}, first_heard.events());
    ASSERT_TRUE(turn_until(io, [&] { return first_heard.opened == 1; }));
    auto second = SerialPort::open(io, {.device = name}, second_heard.events());
    ASSERT_TRUE(turn_until(io, [&] { return second_heard.closed == 1; }));
    EXPECT_EQ(second_heard.trouble, "cannot open " + name + ": another program uses it");
}

TEST_F(SerialPorts, APtyIsFreeForTheNextProgramWithoutPrivileges) {
    auto pty = open_pty();
    ASSERT_TRUE(pty);
    {
        auto port = SerialPort::open(io, {.device = name}, heard.events());
        ASSERT_TRUE(turn_until(io, [&] { return heard.opened == 1; }));
    }
    const int next = ::open(name.c_str(), O_RDWR | O_NOCTTY);
    int exclusive = 1;
    EXPECT_EQ(::ioctl(next, TIOCGEXCL, &exclusive), 0);
    EXPECT_EQ(exclusive, 0);
    ::close(next);
}

TEST_F(SerialPorts, WhatIsNoTerminalIsRefusedInOneLine) {
    auto port = SerialPort::open(io, {.device = "/dev/null"}, heard.events());
    ASSERT_TRUE(turn_until(io, [&] { return heard.closed == 1; }));
    EXPECT_EQ(heard.trouble, "cannot open /dev/null: it is no terminal");
}

TEST_F(SerialPorts, ABurstWaitsForASlowReaderUpToItsLimitAndLosesNothing) {
    auto port = SerialPort::open(
        io, {.device = name, .make_pty = true, .queue_octets_max = 100'000}, heard.events());
    ASSERT_TRUE(port);
    const Program program(name);
    ASSERT_TRUE(turn_until(io, [&] { return heard.ends == "+"; }));
    const std::string burst = testing::noise(90'000);
    EXPECT_TRUE(port->send(as_octets(burst)));
    EXPECT_FALSE(port->send(as_octets(std::string(100'001 - port->queued(), 'x'))));
    std::string back;
    ASSERT_TRUE(turn_until(io, [&] { return (back += program.hear()).size() >= burst.size(); }));
    EXPECT_TRUE(back == burst);
    EXPECT_TRUE(turn_until(io, [&] { return heard.drained == burst.size(); }));
    EXPECT_EQ(port->queued(), 0u);
}

TEST_F(SerialPorts, APausedPortReadsOnWhenItGoesOn) {
    auto port = open_pty();
    ASSERT_TRUE(port);
    const Program program(name);
    ASSERT_TRUE(turn_until(io, [&] { return heard.ends == "+"; }));
    port->pause(true);
    turn_for(io, 5ms);
    heard.text.clear();
    program.say("later");
    turn_for(io, 20ms);
    // A wait that was under way may bring one piece, and no more.
    program.say(" and more");
    turn_for(io, 20ms);
    port->pause(false);
    ASSERT_TRUE(turn_until(io, [&] { return heard.text == "later and more"; }));
}

TEST_F(SerialPorts, WhatAPtyCannotDoIsLeftOut) {
    auto port = open_pty();
    ASSERT_TRUE(port);
    port->set_break(true);
    port->set_dtr(true);
    port->set_rts(false);
    port->purge(true, true);
    EXPECT_EQ(port->modem_lines(), (ModemLines{.cts = true, .dsr = true, .carrier = true}));
    const SerialFormat set = port->set_format({.baud = 123'456, .parity = Parity::even});
    EXPECT_EQ(set.baud, 123'456u);
    EXPECT_EQ(port->stats().errors_in, 0u);
    EXPECT_TRUE(port->stats().balanced());
}

TEST_F(SerialPorts, APortMayGoInItsOwnEvents) {
    std::optional<SerialPort> port;
    bool gone = false;
    auto opened = SerialPort::open(io, {.device = name, .make_pty = true},
                                   {.opened = {},
                                    .received =
                                        [&](Bytes) {
                                            port.reset();
                                            gone = true;
                                        },
                                    .closed = {},
                                    .drained = {}});
    ASSERT_TRUE(opened);
    port = std::move(*opened);
    const Program program(name);
    program.say("x");
    ASSERT_TRUE(turn_until(io, [&] { return gone; }));
    turn_for(io, 5ms);
}

TEST(SerialPortLists, NameWhatIsThereByStableNamesAndLeaveOutWhatIsNot) {
    namespace fs = std::filesystem;
    const Folder folder;
    const fs::path root = folder / "";
    const fs::path usb = root / "sys/devices/usb1/1-1";
    fs::create_directories(usb / "1-1:1.0/ttyUSB0");
    fs::create_directories(root / "sys/bus/drivers/ftdi_sio");
    fs::create_directory_symlink("../../../../bus/drivers/ftdi_sio",
                                 usb / "1-1:1.0/ttyUSB0/driver");
    std::ofstream(usb / "product") << "Dual RS485\n";
    for (const char* tty : {"ttyUSB0", "ttyS0", "ttyS1", "tty7"})
        fs::create_directories(root / "sys/class/tty" / tty);
    fs::create_directory_symlink(usb / "1-1:1.0/ttyUSB0", root / "sys/class/tty/ttyUSB0/device");
    for (const char* tty : {"ttyS0", "ttyS1"})
        fs::create_directories(root / "sys/class/tty" / tty / "device");
    std::ofstream(root / "sys/class/tty/ttyS0/type") << "4\n";
    std::ofstream(root / "sys/class/tty/ttyS1/type") << "0\n";
    fs::create_directories(root / "dev/serial/by-id");
    fs::create_symlink("../../ttyUSB0", root / "dev/serial/by-id/usb-Dual_RS485-if00");
    const auto found = serial_ports(root.string());
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].device, "/dev/ttyS0");
    EXPECT_EQ(found[0].by_id, "");
    EXPECT_EQ(found[1].device, "/dev/ttyUSB0");
    EXPECT_EQ(found[1].by_id, "/dev/serial/by-id/usb-Dual_RS485-if00");
    EXPECT_EQ(found[1].driver, "ftdi_sio");
    EXPECT_EQ(found[1].product, "Dual RS485");
}

}  // namespace
}  // namespace causeway::net::serial_port_test
