#include "secret_prompt.hpp"

#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

namespace causeway::cli {
namespace {

constexpr std::size_t secret_octets_max = 65535;  // what MQTT's password can be

termios shown{};  // the terminal as it was; a signal's handler has no other way to know

/// Ctrl-C while nothing is shown must not leave a terminal that shows nothing.
void show_again_and_go(int signal_number) {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    ::signal(signal_number, SIG_DFL);
    ::raise(signal_number);
}

class Hidden {
public:
    Hidden() {
        struct sigaction action{};
        action.sa_handler = show_again_and_go;
        ::sigemptyset(&action.sa_mask);
        for (std::size_t i = 0; i < signals.size(); ++i)
            ::sigaction(signals[i], &action, &before_[i]);
        termios quiet = shown;
        quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    Hidden(const Hidden&) = delete;
    Hidden& operator=(const Hidden&) = delete;
    ~Hidden() {
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
        for (std::size_t i = 0; i < signals.size(); ++i)
            ::sigaction(signals[i], &before_[i], nullptr);
    }

private:
    static constexpr std::array signals{SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    std::array<struct sigaction, signals.size()> before_{};
};

/// Up to the end of the line, which is not part of it; nothing when there is no line at all.
std::expected<std::optional<std::string>, std::string> read_line() {
    std::string line;
    bool any = false;
    while (true) {
        char character = 0;
        const ssize_t got = ::read(STDIN_FILENO, &character, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return std::unexpected(std::string("cannot read: ") + std::strerror(errno));
        if (got == 0 && !any) return std::optional<std::string>();
        any = true;
        if (got == 0 || character == '\n') break;
        line += character;
        if (line.size() > secret_octets_max)
            return std::unexpected(std::string("the password is longer than 65535 octets"));
    }
    if (line.ends_with('\r')) line.pop_back();
    return line;
}

std::expected<std::string, std::string> one_line() {
    auto line = read_line();
    if (!line) return std::unexpected(std::move(line.error()));
    if (!*line) return std::unexpected(std::string("no password was given"));
    return **std::move(line);
}

std::expected<std::string, std::string> ask(const char* prompt) {
    std::fputs(prompt, stderr);
    auto line = one_line();
    std::fputs("\n", stderr);
    return line;
}

}  // namespace

std::expected<std::string, std::string> read_new_secret() {
    if (::isatty(STDIN_FILENO) == 0 || ::tcgetattr(STDIN_FILENO, &shown) != 0) return one_line();
    const Hidden hidden;
    auto first = ask("Password: ");
    if (!first) return first;
    const auto second = ask("Again: ");
    if (!second) return second;
    if (*first != *second) return std::unexpected(std::string("the two passwords differ"));
    return first;
}

}  // namespace causeway::cli
