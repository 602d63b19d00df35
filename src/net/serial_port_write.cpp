// The writing half of a serial port, and RTS around it.
#include "net/serial_port_state.hpp"

#include <boost/asio/post.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace causeway::net {
namespace {

constexpr auto rts_look_least = std::chrono::microseconds(500);

bool is_vanished(int error) {
    return error == EIO || error == ENXIO || error == ENODEV || error == EBADF || error == EPIPE;
}

}  // namespace

// ---- writing ------------------------------------------------------------------------------------

void SerialPort::State::clear_queue() {
    queue.clear();
    head = 0;
}

bool SerialPort::State::send(Bytes octets) {
    if (!is_there() || queued() + octets.size() > spec.queue_octets_max) {
        stats.octets_refused += octets.size();
        return false;
    }
    stats.octets_out += octets.size();
    if (spec.make_pty && !other_end) {
        stats.octets_lost += octets.size();
        left += octets.size();
        report_soon();
        return true;
    }
    if (!manual_rts && !writing && queued() == 0) octets = octets.subspan(write_some(octets));
    if (octets.empty()) return true;
    if (head == queue.size()) clear_queue();
    queue.insert(queue.end(), octets.begin(), octets.end());
    if (manual_rts) return key_up(), true;
    wait_write();
    return true;
}

std::size_t SerialPort::State::write_some(Bytes octets) {
    std::size_t done = 0;
    while (done < octets.size()) {
        const ssize_t n =
            ::write(descriptor.native_handle(), octets.data() + done, octets.size() - done);
        if (n > 0) {
            done += static_cast<std::size_t>(n);
            continue;
        }
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && is_vanished(errno) && !spec.make_pty) lose_soon(errno);
        break;
    }
    left += done;
    if (done != 0) report_soon();
    return done;
}

void SerialPort::State::wait_write() {
    if (writing || !is_there() || queued() == 0) return;
    writing = true;
    descriptor.async_wait(
        boost::asio::posix::descriptor_base::wait_write,
        [self = shared_from_this(), was = openings](const boost::system::error_code& closed) {
            if (closed || self->stopped || self->openings != was) return;
            self->writing = false;
            self->flush();
        });
}

void SerialPort::State::flush() {
    head += write_some(Bytes(queue).subspan(head));
    if (queued() != 0) return wait_write();
    clear_queue();
    if (manual_rts && keying == Keying::sending) key_down();
}

void SerialPort::State::report_soon() {
    if (!events.drained) {
        left = 0;
        return;
    }
    if (std::exchange(reporting, true)) return;
    boost::asio::post(io, [self = shared_from_this()] {
        self->reporting = false;
        const std::size_t octets = std::exchange(self->left, 0);
        if (!self->stopped && octets != 0) self->events.drained(octets);
    });
}

// ---- RTS, where the driver leaves it to us ------------------------------------------------------

void SerialPort::State::key_up() {
    if (keying == Keying::sending || keying == Keying::raising) return flush_if_keyed();
    if (keying == Keying::resting) {
        tty::set_line(descriptor.native_handle(), TIOCM_RTS, true);
        keying = Keying::raising;
        return rts_after(spec.rts_before, [this] {
            keying = Keying::sending;
            flush();
        });
    }
    ++rts_turn;
    rts.cancel();
    keying = Keying::sending;
    flush();
}

void SerialPort::State::flush_if_keyed() {
    if (keying == Keying::sending && !writing) flush();
}

void SerialPort::State::key_down() {
    keying = Keying::emptying;
    const std::size_t octets = tty::unsent(descriptor.native_handle());
    if (octets != 0) {
        const auto most = format.character_time() * static_cast<std::int64_t>(octets);
        return rts_after(std::max<Duration>(most, rts_look_least), [this] { key_down(); });
    }
    keying = Keying::holding;
    // Where the chip does not tell, its last character is still under way.
    rts_after(spec.rts_hold + format.character_time(), [this] {
        keying = Keying::resting;
        tty::set_line(descriptor.native_handle(), TIOCM_RTS, false);
    });
}

void SerialPort::State::rts_after(Duration wait, std::function<void()> then) {
    rts.expires_after(wait);
    rts.async_wait([self = shared_from_this(), was = ++rts_turn,
                    then = std::move(then)](const boost::system::error_code& cancelled) {
        if (!cancelled && self->is_there() && self->rts_turn == was) then();
    });
}

}  // namespace causeway::net
