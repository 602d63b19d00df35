#include "net/serial_port_tty.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/major.h>
#include <linux/serial.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace causeway::net::tty {
namespace {

// Linux has a speed in figures besides the speeds with names; its structure and calls cannot be
// included next to <termios.h>.
struct NumericTermios {
    std::uint32_t c_iflag;
    std::uint32_t c_oflag;
    std::uint32_t c_cflag;
    std::uint32_t c_lflag;
    std::uint8_t c_line;
    std::uint8_t c_cc[19];
    std::uint32_t c_ispeed;
    std::uint32_t c_ospeed;
};
constexpr std::uint32_t speed_mask = 0010017;
constexpr std::uint32_t speed_in_figures = 0010000;
constexpr std::uint32_t speed_in_shift = 16;
constexpr std::uint32_t sticky_parity = 010000000000;
#if defined(__x86_64__) || defined(__i386__) || defined(__aarch64__) || defined(__arm__) || \
    defined(__riscv)
constexpr bool has_figures = true;
#else
constexpr bool has_figures = false;
#endif
constexpr unsigned long get_figures = _IOR('T', 0x2a, NumericTermios);
constexpr unsigned long set_figures = _IOW('T', 0x2b, NumericTermios);

struct NamedSpeed {
    std::uint32_t baud;
    speed_t name;
};
constexpr std::array named_speeds{NamedSpeed{0, B0},
                                  NamedSpeed{50, B50},
                                  NamedSpeed{75, B75},
                                  NamedSpeed{110, B110},
                                  NamedSpeed{134, B134},
                                  NamedSpeed{150, B150},
                                  NamedSpeed{200, B200},
                                  NamedSpeed{300, B300},
                                  NamedSpeed{600, B600},
                                  NamedSpeed{1'200, B1200},
                                  NamedSpeed{1'800, B1800},
                                  NamedSpeed{2'400, B2400},
                                  NamedSpeed{4'800, B4800},
                                  NamedSpeed{9'600, B9600},
                                  NamedSpeed{19'200, B19200},
                                  NamedSpeed{38'400, B38400},
                                  NamedSpeed{57'600, B57600},
                                  NamedSpeed{115'200, B115200},
                                  NamedSpeed{230'400, B230400},
                                  NamedSpeed{460'800, B460800},
                                  NamedSpeed{921'600, B921600}};

tcflag_t size_bits(std::uint8_t data_bits) {
    switch (data_bits) {
        case 5:
            return CS5;
        case 6:
            return CS6;
        case 7:
            return CS7;
        default:
            return CS8;
    }
}

void shape(termios& settings, const SerialFormat& format) {
    ::cfmakeraw(&settings);
    settings.c_cflag &= ~tcflag_t(CSIZE | PARENB | PARODD | CSTOPB | CRTSCTS | HUPCL);
    settings.c_cflag &= ~tcflag_t(sticky_parity);
    settings.c_cflag |= CREAD | CLOCAL | size_bits(format.data_bits);
    if (format.stop_bits == 2) settings.c_cflag |= CSTOPB;
    if (format.parity != Parity::none) settings.c_cflag |= PARENB;
    if (format.parity == Parity::odd || format.parity == Parity::mark) settings.c_cflag |= PARODD;
    if (format.parity == Parity::mark || format.parity == Parity::space)
        settings.c_cflag |= tcflag_t(sticky_parity);
    if (format.flow == FlowControl::rts_cts) settings.c_cflag |= CRTSCTS;
    settings.c_iflag &= ~tcflag_t(IXON | IXOFF | IXANY | INPCK);
    if (format.flow == FlowControl::xon_xoff) settings.c_iflag |= IXON | IXOFF;
    // A character whose parity is wrong is dropped, and not made a zero.
    if (format.parity != Parity::none) settings.c_iflag |= INPCK | IGNPAR;
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
}

std::optional<speed_t> speed_named(std::uint32_t baud) {
    for (const NamedSpeed& speed : named_speeds)
        if (speed.baud == baud) return speed.name;
    return {};
}

bool set_speed_in_figures(int fd, std::uint32_t baud) {
    NumericTermios settings{};
    if (!has_figures || ::ioctl(fd, get_figures, &settings) != 0) return false;
    settings.c_cflag &= ~(speed_mask | speed_mask << speed_in_shift);
    settings.c_cflag |= speed_in_figures;
    settings.c_ispeed = settings.c_ospeed = baud;
    return ::ioctl(fd, set_figures, &settings) == 0;
}

std::uint32_t speed_of(int fd, const termios& settings) {
    NumericTermios figures{};
    if (has_figures && ::ioctl(fd, get_figures, &figures) == 0) return figures.c_ospeed;
    for (const NamedSpeed& speed : named_speeds)
        if (speed.name == ::cfgetospeed(&settings)) return speed.baud;
    return 0;
}

Trouble cannot_open(const std::string& device, int error) {
    const std::string doing = "cannot open " + device;
    if (error == EBUSY || error == EWOULDBLOCK)
        return trouble(doing, error, "another program uses it");
    if (error == ENOTTY) return trouble(doing, error, "it is no terminal");
    return trouble(doing, error);
}

/// A pseudo-terminal stays exclusive after whoever wanted that has gone: as long as its other end
/// is held open, nobody without privileges opens it any more.
bool is_pty(int fd) {
    struct stat status{};
    if (::fstat(fd, &status) != 0) return false;
    const auto number = major(status.st_rdev);
    return number >= UNIX98_PTY_SLAVE_MAJOR &&
           number < UNIX98_PTY_SLAVE_MAJOR + UNIX98_PTY_MAJOR_COUNT;
}

/// As other serial ports have it, where we may.
void open_to_dialout(int fd) {
    ::fchmod(fd, 0660);
    if (const group* dialout = ::getgrnam("dialout"); dialout != nullptr) {
        [[maybe_unused]] const int ignored = ::fchown(fd, uid_t(-1), dialout->gr_gid);
    }
}

}  // namespace

Opened<int> open_device(const std::string& device) {
    const int fd = ::open(device.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return std::unexpected(cannot_open(device, errno));
    int error = 0;
    if (::isatty(fd) != 1)
        error = ENOTTY;
    else if (::flock(fd, LOCK_EX | LOCK_NB) != 0)
        error = errno;
    if (error != 0) {
        ::close(fd);
        return std::unexpected(cannot_open(device, error));
    }
    if (!is_pty(fd)) ::ioctl(fd, TIOCEXCL);
    return fd;
}

Opened<Pty> open_pty() {
    const auto failed = [](int fd) {
        const int error = errno;
        if (fd >= 0) ::close(fd);
        return std::unexpected(trouble("cannot make a pseudo-terminal", error));
    };
    const int fd = ::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return failed(fd);
    std::array<char, 64> name{};
    if (::grantpt(fd) != 0 || ::unlockpt(fd) != 0 || ::ptsname_r(fd, name.data(), 64) != 0)
        return failed(fd);
    // Without a first visit the other end would echo what it hears before a program says otherwise.
    const int other = ::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (other < 0) return failed(fd);
    open_to_dialout(other);
    ::close(other);
    return Pty{fd, name.data()};
}

void forget_input(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return;
    ::tcflush(fd, TCIFLUSH);
    ::close(fd);
}

std::expected<void, Trouble> link_to(const std::string& target, const std::string& link) {
    const std::string doing = "cannot make the link " + link;
    struct stat status{};
    if (::lstat(link.c_str(), &status) == 0 && !S_ISLNK(status.st_mode))
        return std::unexpected(
            trouble(doing, EEXIST, "something that is no symbolic link has that name"));
    const std::string fresh = link + ".new-" + std::to_string(::getpid());
    ::unlink(fresh.c_str());
    if (::symlink(target.c_str(), fresh.c_str()) != 0)
        return std::unexpected(trouble(doing, errno));
    if (::rename(fresh.c_str(), link.c_str()) != 0) {
        const int error = errno;
        ::unlink(fresh.c_str());
        return std::unexpected(trouble(doing, error));
    }
    return {};
}

void unlink_from(const std::string& target, const std::string& link) {
    std::error_code error;
    const auto leads_to = std::filesystem::read_symlink(link, error);
    if (!error && leads_to == target) ::unlink(link.c_str());
}

SerialFormat set_format(int fd, const SerialFormat& wanted) {
    termios settings{};
    if (::tcgetattr(fd, &settings) != 0) return wanted;
    const SerialFormat before = format_of(fd);
    shape(settings, wanted);
    const auto name = speed_named(wanted.baud);
    if (name && *name != B0) ::cfsetspeed(&settings, *name);
    ::tcsetattr(fd, TCSANOW, &settings);
    if (!name && !set_speed_in_figures(fd, wanted.baud)) {
        SerialFormat kept = format_of(fd);
        kept.baud = before.baud;
        return kept;
    }
    SerialFormat set = format_of(fd);
    if (set.baud == 0) set.baud = wanted.baud;
    return set;
}

SerialFormat format_of(int fd) {
    SerialFormat format;
    termios settings{};
    if (::tcgetattr(fd, &settings) != 0) return format;
    const tcflag_t flags = settings.c_cflag;
    format.baud = speed_of(fd, settings);
    const tcflag_t size = flags & CSIZE;
    format.data_bits = size == CS5 ? 5 : size == CS6 ? 6 : size == CS7 ? 7 : 8;
    format.stop_bits = (flags & CSTOPB) != 0 ? 2 : 1;
    const bool odd = (flags & PARODD) != 0;
    if ((flags & PARENB) == 0)
        format.parity = Parity::none;
    else if ((flags & sticky_parity) != 0)
        format.parity = odd ? Parity::mark : Parity::space;
    else
        format.parity = odd ? Parity::odd : Parity::even;
    if ((flags & CRTSCTS) != 0)
        format.flow = FlowControl::rts_cts;
    else if ((settings.c_iflag & IXON) != 0)
        format.flow = FlowControl::xon_xoff;
    return format;
}

bool set_rs485(int fd, Duration before, Duration hold) {
    const auto whole_ms = [](Duration wait) {
        return static_cast<std::uint32_t>(
            std::chrono::ceil<std::chrono::milliseconds>(wait).count());
    };
    serial_rs485 settings{};
    if (::ioctl(fd, TIOCGRS485, &settings) != 0) return false;
    settings.flags |= SER_RS485_ENABLED | SER_RS485_RTS_ON_SEND;
    settings.flags &= ~std::uint32_t{SER_RS485_RTS_AFTER_SEND};
    settings.delay_rts_before_send = whole_ms(before);
    settings.delay_rts_after_send = whole_ms(hold);
    return ::ioctl(fd, TIOCSRS485, &settings) == 0;
}

bool set_line(int fd, int line, bool on) {
    return ::ioctl(fd, on ? TIOCMBIS : TIOCMBIC, &line) == 0;
}

bool has_lines(int fd) {
    int lines = 0;
    return ::ioctl(fd, TIOCMGET, &lines) == 0;
}

ModemLines lines_of(int fd, bool& known) {
    int lines = 0;
    known = ::ioctl(fd, TIOCMGET, &lines) == 0;
    return {.cts = (lines & TIOCM_CTS) != 0,
            .dsr = (lines & TIOCM_DSR) != 0,
            .ring = (lines & TIOCM_RNG) != 0,
            .carrier = (lines & TIOCM_CAR) != 0};
}

std::size_t unsent(int fd) {
    int octets = 0;
    if (::ioctl(fd, TIOCOUTQ, &octets) == 0 && octets > 0) return static_cast<std::size_t>(octets);
    // The kernel's buffer is empty: the last characters may be in the chip's.
    unsigned state = TIOCSER_TEMT;
    const bool told = ::ioctl(fd, TIOCSERGETLSR, &state) == 0;
    return told && (state & TIOCSER_TEMT) == 0 ? 1 : 0;
}

LineErrors errors_of(int fd) {
    serial_icounter_struct counts{};
    if (::ioctl(fd, TIOCGICOUNT, &counts) != 0) return {};
    const auto count = [](int times) { return static_cast<std::uint64_t>(times); };
    return {.framing = count(counts.frame),
            .parity = count(counts.parity),
            .overrun = count(counts.overrun) + count(counts.buf_overrun),
            .breaks = count(counts.brk)};
}

}  // namespace causeway::net::tty
