#include "net/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace causeway::net {
namespace {

std::string_view environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string_view() : std::string_view(value);
}

winsize size_of(int fd) {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) != 0) return {};
    return size;
}

/// Octets of the escape sequence that `text` starts with, or none.
std::size_t escape_at(std::string_view text) {
    if (text.size() < 2 || text[0] != '\x1b' || text[1] != '[') return 0;
    for (std::size_t i = 2; i < text.size(); ++i)
        if (text[i] >= '@' && text[i] <= '~') return i + 1;
    return text.size();
}

}  // namespace

Terminal Terminal::of(int fd) {
    Terminal result{.fd = fd};
    const std::string_view term = environment("TERM");
    result.interactive = ::isatty(fd) == 1 && !term.empty() && term != "dumb";
    result.colour = result.interactive && environment("NO_COLOR").empty();
    return result;
}

std::size_t Terminal::columns() const {
    const winsize size = size_of(fd);
    return size.ws_col != 0 ? size.ws_col : 80;
}

std::size_t Terminal::rows() const {
    const winsize size = size_of(fd);
    return size.ws_row != 0 ? size.ws_row : 24;
}

std::string_view fitted(std::string_view line, std::size_t columns) {
    std::size_t at = 0;
    std::size_t used = 0;
    while (at < line.size()) {
        if (const std::size_t escape = escape_at(line.substr(at)); escape != 0) {
            at += escape;
            continue;
        }
        if (used == columns) break;
        ++used;
        ++at;
        while (at < line.size() && (static_cast<unsigned char>(line[at]) & 0xc0) == 0x80) ++at;
    }
    return line.substr(0, at);
}

std::string LiveRegion::rewind() const {
    std::string text;
    if (height_ != 0) text = "\r\x1b[" + std::to_string(height_) + "A";
    return text += "\x1b[J";  // erase from here down
}

void LiveRegion::draw(std::span<const std::string> lines) {
    if (!terminal_.interactive) return;
    const std::size_t width = terminal_.columns();
    const std::size_t height =
        std::min(lines.size(), std::max<std::size_t>(terminal_.rows(), 2) - 1);
    std::string text;
    for (const std::string& line : lines.first(height)) {
        const std::string_view visible = fitted(line, width);
        text += visible;
        if (visible.size() != line.size() || visible.find('\x1b') != std::string_view::npos)
            text += "\x1b[m";
        text += '\n';
    }
    if (text == shown_ && height == height_) return;
    write(rewind() + text);
    shown_ = std::move(text);
    height_ = height;
}

void LiveRegion::print(std::string_view line) {
    std::string text;
    if (terminal_.interactive) text = rewind();
    text += line;
    text += '\n';
    write(text + shown_);
}

void LiveRegion::clear() {
    if (terminal_.interactive && height_ != 0) write(rewind());
    shown_.clear();
    height_ = 0;
}

void LiveRegion::write(std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = ::write(terminal_.fd, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;  // progress nobody can see is not worth an error
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

}  // namespace causeway::net
