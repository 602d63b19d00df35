#pragma once
// A serial port that comes back: a tty by its name, opened exclusively and set to raw octets, and
// opened again when it vanishes (an adapter that is unplugged); or a pseudo-terminal that we make,
// under a name that stays the same, for programs that want a port. Written octets wait in a bounded
// queue and leave as the port takes them; RTS frames them where a converter wants that.
//
// What pty ends cannot do (modem lines, parity) is left out there and no trouble. A pty stays as it
// is while no program has its other end open: what is sent then is lost, as on a wire to nobody.
#include "base/bytes.hpp"
#include "base/time.hpp"
#include "net/io.hpp"
#include "net/trouble.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace causeway::net {

enum class Parity : std::uint8_t { none, even, odd, mark, space };
enum class FlowControl : std::uint8_t { none, rts_cts, xon_xoff };

struct SerialFormat {
    std::uint32_t baud = 9'600;
    std::uint8_t data_bits = 8;  // 5 to 8
    Parity parity = Parity::none;
    std::uint8_t stop_bits = 1;  // 1 or 2
    FlowControl flow = FlowControl::none;

    /// One character on the line, start bit to stop bit.
    [[nodiscard]] Duration character_time() const noexcept;
    friend bool operator==(const SerialFormat&, const SerialFormat&) = default;
};

/// "9600-8E1" and back; for people and options.
[[nodiscard]] std::string to_text(const SerialFormat& format);
/// "9600", "19200-8E1", "115200-8N1/rtscts", "9600-7O2/xonxoff".
[[nodiscard]] std::optional<SerialFormat> serial_format_from(std::string_view text);

struct SerialSpec {
    std::string device;     // "/dev/serial/by-id/...": a tty; or, with `make_pty`, the name of a
    bool make_pty = false;  // symbolic link that is made to our pty's other end
    SerialFormat format{};
    /// RTS is raised before, and dropped so long after the last octet has left. Both zero: RTS
    /// stays as it is.
    Duration rts_before{};
    Duration rts_hold{};
    Duration reopen_first = std::chrono::milliseconds(200);
    Duration reopen_most = std::chrono::seconds(10);
    std::size_t queue_octets_max = 64 << 10;  // beyond it send() refuses
};

/// RFC 2217's and TIOCMGET's lines.
struct ModemLines {
    bool cts = false, dsr = false, ring = false, carrier = false;
    friend bool operator==(const ModemLines&, const ModemLines&) = default;
};

/// How many times each went wrong, where the driver counts.
struct LineErrors {
    std::uint64_t framing = 0, parity = 0, overrun = 0, breaks = 0;
    friend bool operator==(const LineErrors&, const LineErrors&) = default;
};

class SerialPort {
public:
    struct Events {
        std::function<void()> opened;
        std::function<void(Bytes)> received;         // borrowed for the call
        std::function<void(const Trouble&)> closed;  // it is tried again by itself
        std::function<void(std::size_t)> drained;    // octets that left; may be empty
        /// Of a pty, both may be empty: the program at its other end set this format, told before
        /// the octets that it wrote afterwards; it opened its end (true), or the last one closed
        /// it.
        std::function<void(const SerialFormat&)> format_asked{};
        std::function<void(bool)> other_end{};
    };
    struct Stats {
        std::uint64_t opened = 0;
        std::uint64_t lost = 0;    // vanished while it was open
        std::uint64_t failed = 0;  // attempts to open that did not
        std::uint64_t octets_in = 0;
        std::uint64_t octets_out = 0;
        std::uint64_t octets_refused = 0;  // the queue was full, or the port away
        std::uint64_t octets_lost = 0;     // sent, and then purged, or the port away or unheard
        std::uint64_t errors_in = 0;       // parity, framing, overrun, where the driver counts

        template <class Named>
        void visit(Named&& named) const {
            named("opened", opened);
            named("lost", lost);
            named("failed", failed);
            named("octets_in", octets_in);
            named("octets_out", octets_out);
            named("octets_refused", octets_refused);
            named("octets_lost", octets_lost);
            named("errors_in", errors_in);
        }
        [[nodiscard]] bool balanced() const noexcept { return lost <= opened; }
    };

    /// A tty that is not there yet is no trouble (Events::closed says so, and it is tried again); a
    /// pty that cannot be made is.
    [[nodiscard]] static Opened<SerialPort> open(Io& io, SerialSpec spec, Events events);
    SerialPort(SerialPort&&) noexcept;
    SerialPort& operator=(SerialPort&&) noexcept;
    ~SerialPort();

    [[nodiscard]] bool is_open() const noexcept;
    /// "/dev/pts/7" of a pty; else the device.
    [[nodiscard]] const std::string& path() const noexcept;
    /// All of it or nothing.
    bool send(Bytes octets);
    [[nodiscard]] std::size_t queued() const noexcept;
    /// Stops or goes on reading.
    void pause(bool paused);
    /// What was really set: a driver may round a baud rate, and a pty has no parity.
    SerialFormat set_format(const SerialFormat& format);
    [[nodiscard]] const SerialFormat& format() const noexcept;
    void set_break(bool on);
    void set_dtr(bool on);
    void set_rts(bool on);
    /// Where there are none (a pty), all but `ring` are up while the port is open: who waits for
    /// them would wait for ever.
    [[nodiscard]] ModemLines modem_lines() const;
    /// Since it was opened.
    [[nodiscard]] LineErrors line_errors() const;
    void purge(bool in, bool out);
    [[nodiscard]] const Stats& stats() const noexcept;

private:
    struct State;
    explicit SerialPort(std::shared_ptr<State> state) noexcept;
    std::shared_ptr<State> state_;  // a wait under way holds the other end
};

}  // namespace causeway::net
