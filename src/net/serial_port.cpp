#include "net/serial_port.hpp"

#include "base/tap.hpp"
#include "net/serial_port_state.hpp"

#include <boost/asio/post.hpp>

#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace causeway::net {

static_assert(Stats<SerialPort::Stats>);

namespace {

constexpr std::size_t serial_read_octets = 4'096;  // what a terminal hands out at once
constexpr int serial_reads_a_turn = 16;
constexpr auto format_look_every = std::chrono::milliseconds(100);
constexpr auto other_end_look_every = std::chrono::milliseconds(20);

}  // namespace

// ---- coming and going ---------------------------------------------------------------------------

std::optional<Trouble> SerialPort::State::make_pty() {
    auto pty = tty::open_pty();
    if (!pty) return std::move(pty.error());
    path = pty->path;
    descriptor.assign(pty->master);
    format = tty::set_format(pty->master, spec.format);
    asked = tty::format_of(pty->master);
    watch_other_end();
    auto linked = tty::link_to(path, spec.device);
    if (!linked) return std::move(linked.error());
    is_linked = true;
    boost::asio::post(io, [self = shared_from_this()] {
        if (self->stopped) return;
        ++self->stats.opened;
        if (self->events.opened) self->events.opened();
        self->see_other_end();
    });
    return {};
}

void SerialPort::State::begin() {
    boost::asio::post(io, [self = shared_from_this()] {
        if (!self->stopped) self->attempt();
    });
}

void SerialPort::State::attempt() {
    auto fd = tty::open_device(spec.device);
    if (!fd) {
        ++stats.failed;
        // Said once for each reason, and not at each attempt.
        const bool news = std::exchange(last_failure, fd.error().line) != fd.error().line;
        if (news && events.closed) events.closed(fd.error());
        if (!stopped) try_later();
        return;
    }
    last_failure.clear();
    wait_next = spec.reopen_first;
    descriptor.assign(*fd);
    set_up();
    ++stats.opened;
    if (events.opened) events.opened();
    if (is_there()) wait_read();
}

void SerialPort::State::set_up() {
    const int fd = descriptor.native_handle();
    format = tty::set_format(fd, format);
    errors_before = errors_at_opening = tty::errors_of(fd);
    keying = Keying::resting;
    const bool framed = spec.rts_before > Duration{} || spec.rts_hold > Duration{};
    manual_rts = framed && !tty::set_rs485(fd, spec.rts_before, spec.rts_hold) &&
                 tty::set_line(fd, TIOCM_RTS, false);
}

void SerialPort::State::try_later() {
    reopen.expires_after(wait_next);
    wait_next = std::min(wait_next * 2, std::max(spec.reopen_most, spec.reopen_first));
    reopen.async_wait([self = shared_from_this()](const boost::system::error_code& cancelled) {
        if (!cancelled && !self->stopped) self->attempt();
    });
}

void SerialPort::State::lose(int error) {
    if (!is_there()) return;
    count_errors();
    close_descriptor();
    ++stats.lost;
    stats.octets_lost += queued();
    clear_queue();
    if (events.closed) events.closed(trouble(spec.device + " is gone", error == 0 ? EIO : error));
    if (!stopped) try_later();
}

void SerialPort::State::lose_soon(int error) {
    boost::asio::post(io, [self = shared_from_this(), error, was = openings] {
        if (!self->stopped && self->openings == was) self->lose(error);
    });
}

void SerialPort::State::close_descriptor() {
    ++openings;
    ++rts_turn;
    boost::system::error_code ignored;
    descriptor.close(ignored);
    rts.cancel();
    reading = writing = false;
}

void SerialPort::State::stop() {
    if (std::exchange(stopped, true)) return;
    close_descriptor();
    boost::system::error_code ignored;
    watcher.close(ignored);
    reopen.cancel();
    look.cancel();
    if (is_linked) tty::unlink_from(path, spec.device);
}

// ---- reading ------------------------------------------------------------------------------------

void SerialPort::State::wait_read() {
    if (paused || reading || !is_there() || (spec.make_pty && !other_end)) return;
    reading = true;
    descriptor.async_wait(
        boost::asio::posix::descriptor_base::wait_read,
        [self = shared_from_this(), was = openings](const boost::system::error_code& closed) {
            if (closed || self->stopped || self->openings != was) return;
            self->reading = false;
            self->turn();
        });
}

void SerialPort::State::turn() {
    const std::uint64_t was = openings;
    for (int n = 0; n < serial_reads_a_turn && !paused; ++n) {
        std::array<std::byte, serial_read_octets> buffer;
        const ssize_t got = ::read(descriptor.native_handle(), buffer.data(), buffer.size());
        const int error = got < 0 ? errno : 0;
        if (got <= 0) {
            if (error == EAGAIN || error == EINTR) break;
            return spec.make_pty ? lose_other_end() : lose(error);
        }
        if (spec.make_pty && !other_end) find_other_end();
        look_at_format();
        if (stopped || openings != was) return;
        stats.octets_in += static_cast<std::uint64_t>(got);
        if (events.received) events.received(Bytes(buffer).first(static_cast<std::size_t>(got)));
        if (stopped || openings != was) return;
    }
    wait_read();
}

// ---- the other end of a pty ---------------------------------------------------------------------

void SerialPort::State::watch_other_end() {
    const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0) return;
    if (::inotify_add_watch(fd, path.c_str(), IN_OPEN) < 0) {
        ::close(fd);
        return;
    }
    watcher.assign(fd);
    wait_watcher();
}

void SerialPort::State::wait_watcher() {
    watcher.async_wait(boost::asio::posix::descriptor_base::wait_read,
                       [self = shared_from_this()](const boost::system::error_code& closed) {
                           if (closed || self->stopped) return;
                           std::array<std::byte, 4'096> happened;
                           [[maybe_unused]] const ssize_t ignored = ::read(
                               self->watcher.native_handle(), happened.data(), happened.size());
                           if (!self->other_end) self->see_other_end();
                           if (!self->stopped) self->wait_watcher();
                       });
}

void SerialPort::State::see_other_end() {
    if (!is_there() || other_end) return;
    pollfd state{.fd = descriptor.native_handle(), .events = POLLIN, .revents = 0};
    ::poll(&state, 1, 0);
    if ((state.revents & POLLHUP) == 0) find_other_end();
    // Hung up, it may have written something before it went.
    if (is_there()) turn();
    if (is_there() && !other_end && !watcher.is_open()) later(other_end_look_every);
}

void SerialPort::State::find_other_end() {
    other_end = true;
    if (events.other_end) events.other_end(true);
    if (stopped) return;
    look_at_format();
    if (events.format_asked && !stopped) later(format_look_every);
}

void SerialPort::State::lose_other_end() {
    const bool was_there = std::exchange(other_end, false);
    stats.octets_lost += queued();
    left += queued();
    clear_queue();
    if (was_there) tty::forget_input(path);
    if (left != 0) report_soon();
    if (was_there && events.other_end) events.other_end(false);
}

void SerialPort::State::later(Duration wait) {
    look.expires_after(wait);
    look.async_wait([self = shared_from_this()](const boost::system::error_code& cancelled) {
        if (cancelled || self->stopped) return;
        if (!self->other_end) return self->see_other_end();
        self->look_at_format();
        if (self->events.format_asked && !self->stopped) self->later(format_look_every);
    });
}

void SerialPort::State::look_at_format() {
    if (!spec.make_pty || !events.format_asked || !is_there()) return;
    const SerialFormat now = tty::format_of(descriptor.native_handle());
    if (now == asked || now.baud == 0) return;
    asked = format = now;
    events.format_asked(now);
}

// ---- what is asked of it ------------------------------------------------------------------------

void SerialPort::State::purge(bool in, bool out) {
    if (out) {
        stats.octets_lost += queued();
        left += queued();
        clear_queue();
        if (left != 0) report_soon();
    }
    if (!is_there() || (!in && !out)) return;
    ::tcflush(descriptor.native_handle(), in && out ? TCIOFLUSH : in ? TCIFLUSH : TCOFLUSH);
}

void SerialPort::State::count_errors() {
    const LineErrors now = tty::errors_of(descriptor.native_handle());
    const auto grown = [](std::uint64_t count, std::uint64_t before) {
        return count > before ? count - before : 0;
    };
    stats.errors_in += grown(now.framing, errors_before.framing) +
                       grown(now.parity, errors_before.parity) +
                       grown(now.overrun, errors_before.overrun);
    errors_before = now;
}

// ---- the face ----------------------------------------------------------------------------------

SerialPort::SerialPort(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
SerialPort::SerialPort(SerialPort&&) noexcept = default;
SerialPort& SerialPort::operator=(SerialPort&& other) noexcept {
    if (this != &other) {
        if (state_) state_->stop();
        state_ = std::move(other.state_);
    }
    return *this;
}
SerialPort::~SerialPort() {
    if (state_) state_->stop();
}

Opened<SerialPort> SerialPort::open(Io& io, SerialSpec spec, Events events) {
    if (spec.device.empty()) return std::unexpected(Trouble{"a serial port has no device", {}});
    auto state = std::make_shared<State>(io, std::move(spec), std::move(events));
    SerialPort port(state);
    if (!state->spec.make_pty) {
        state->begin();
        return port;
    }
    if (auto wrong = state->make_pty()) return std::unexpected(std::move(*wrong));
    return port;
}

bool SerialPort::is_open() const noexcept {
    return state_->is_there();
}
const std::string& SerialPort::path() const noexcept {
    return state_->path;
}
bool SerialPort::send(Bytes octets) {
    return state_->send(octets);
}
std::size_t SerialPort::queued() const noexcept {
    return state_->queued();
}
void SerialPort::pause(bool paused) {
    if (std::exchange(state_->paused, paused) && !paused) state_->wait_read();
}

SerialFormat SerialPort::set_format(const SerialFormat& format) {
    state_->format = format;
    if (state_->is_there()) {
        state_->format = tty::set_format(state_->descriptor.native_handle(), format);
        state_->asked = state_->format;
    }
    return state_->format;
}
const SerialFormat& SerialPort::format() const noexcept {
    return state_->format;
}

void SerialPort::set_break(bool on) {
    if (state_->is_there()) ::ioctl(state_->descriptor.native_handle(), on ? TIOCSBRK : TIOCCBRK);
}
void SerialPort::set_dtr(bool on) {
    if (state_->is_there()) tty::set_line(state_->descriptor.native_handle(), TIOCM_DTR, on);
}
void SerialPort::set_rts(bool on) {
    if (state_->is_there()) tty::set_line(state_->descriptor.native_handle(), TIOCM_RTS, on);
}
ModemLines SerialPort::modem_lines() const {
    if (!state_->is_there()) return {};
    bool known = false;
    const ModemLines lines = tty::lines_of(state_->descriptor.native_handle(), known);
    return known ? lines : ModemLines{.cts = true, .dsr = true, .ring = false, .carrier = true};
}
LineErrors SerialPort::line_errors() const {
    if (!state_->is_there()) return {};
    const LineErrors now = tty::errors_of(state_->descriptor.native_handle());
    const LineErrors& first = state_->errors_at_opening;
    return {.framing = now.framing - first.framing,
            .parity = now.parity - first.parity,
            .overrun = now.overrun - first.overrun,
            .breaks = now.breaks - first.breaks};
}
void SerialPort::purge(bool in, bool out) {
    state_->purge(in, out);
}
const SerialPort::Stats& SerialPort::stats() const noexcept {
    if (state_->is_there()) state_->count_errors();
    return state_->stats;
}

}  // namespace causeway::net
