#include "net/terminal.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace causeway::net::terminal_test {
namespace {

/// A pseudo terminal: what is written to `slave` is read from `master`.
struct PseudoTerminal {
    int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    int slave = -1;

    PseudoTerminal() {
        ::grantpt(master);
        ::unlockpt(master);
        slave = ::open(::ptsname(master), O_RDWR | O_NOCTTY);
        termios raw{};
        ::tcgetattr(slave, &raw);
        ::cfmakeraw(&raw);
        ::tcsetattr(slave, TCSANOW, &raw);
        resize(20, 5);
    }
    ~PseudoTerminal() {
        ::close(slave);
        ::close(master);
    }
    void resize(unsigned short columns, unsigned short rows) {
        const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
        ::ioctl(slave, TIOCSWINSZ, &size);
    }
    std::string shown() {
        std::array<char, 4096> buffer;
        const ssize_t n = ::read(master, buffer.data(), buffer.size());
        return n > 0 ? std::string(buffer.data(), static_cast<std::size_t>(n)) : std::string();
    }
};

/// The environment as a person at a terminal has it.
struct TerminalTest : ::testing::Test {
    void SetUp() override {
        ::setenv("TERM", "xterm", 1);
        ::unsetenv("NO_COLOR");
    }
};

TEST_F(TerminalTest, ATerminalIsInteractiveAndColoured) {
    PseudoTerminal pty;
    const Terminal terminal = Terminal::of(pty.slave);
    EXPECT_TRUE(terminal.interactive);
    EXPECT_TRUE(terminal.colour);
    EXPECT_EQ(terminal.columns(), 20u);
    EXPECT_EQ(terminal.rows(), 5u);
    pty.resize(100, 30);
    EXPECT_EQ(terminal.columns(), 100u);
}

TEST_F(TerminalTest, NoColorTakesTheColoursAndDumbTakesAll) {
    PseudoTerminal pty;
    ::setenv("NO_COLOR", "1", 1);
    EXPECT_TRUE(Terminal::of(pty.slave).interactive);
    EXPECT_FALSE(Terminal::of(pty.slave).colour);
    ::setenv("NO_COLOR", "", 1);
    EXPECT_TRUE(Terminal::of(pty.slave).colour);
    ::setenv("TERM", "dumb", 1);
    EXPECT_FALSE(Terminal::of(pty.slave).interactive);
}

TEST_F(TerminalTest, APipeIsLeftQuiet) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_NONBLOCK), 0);
    const Terminal terminal = Terminal::of(ends[1]);
    EXPECT_FALSE(terminal.interactive);
    EXPECT_FALSE(terminal.colour);
    EXPECT_EQ(terminal.columns(), 80u);
    LiveRegion region(terminal);
    region.draw("progress");
    region.clear();
    region.print("for good");
    std::array<char, 100> buffer;
    const ssize_t n = ::read(ends[0], buffer.data(), buffer.size());
    EXPECT_EQ(std::string(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0))),
              "for good\n");
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_F(TerminalTest, ARegionIsRedrawnInPlaceAndOnlyWhenItChanged) {
    PseudoTerminal pty;
    LiveRegion region(Terminal::of(pty.slave));
    region.draw(std::vector<std::string>{"one", "two"});
    EXPECT_EQ(pty.shown(), "\x1b[Jone\ntwo\n");
    region.draw(std::vector<std::string>{"one", "two"});
    EXPECT_EQ(pty.shown(), "");
    region.draw("three");
    EXPECT_EQ(pty.shown(), "\r\x1b[2A\x1b[Jthree\n");
    region.print("kept");
    EXPECT_EQ(pty.shown(), "\r\x1b[1A\x1b[Jkept\nthree\n");
    region.clear();
    EXPECT_EQ(pty.shown(), "\r\x1b[1A\x1b[J");
}

TEST_F(TerminalTest, WhatDoesNotFitTheScreenIsLeftOut) {
    PseudoTerminal pty;
    LiveRegion region(Terminal::of(pty.slave));
    region.draw(std::vector<std::string>(100, std::string(100, 'x')));
    const std::string line = std::string(20, 'x') + "\x1b[m\n";
    EXPECT_EQ(pty.shown(), "\x1b[J" + line + line + line + line);
}

TEST(Fitted, CountsCharactersNotOctetsAndNoEscapes) {
    EXPECT_EQ(fitted("abc", 2), "ab");
    EXPECT_EQ(fitted("abc", 3), "abc");
    EXPECT_EQ(fitted("µµµ", 2), "µµ");
    EXPECT_EQ(fitted("\x1b[31mabc", 1), "\x1b[31ma");
    EXPECT_EQ(fitted("abc", 0), "");
    EXPECT_EQ(fitted("\x1b[31", 5), "\x1b[31");
}

}  // namespace
}  // namespace causeway::net::terminal_test
