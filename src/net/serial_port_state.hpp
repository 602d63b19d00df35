#pragma once
// The inside of a SerialPort. For this room's .cpp files.
#include "net/serial_port.hpp"
#include "net/serial_port_tty.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace causeway::net {

struct SerialPort::State : std::enable_shared_from_this<State> {
    enum class Keying : std::uint8_t { resting, raising, sending, emptying, holding };

    State(Io& loop, SerialSpec chosen, Events said)
        : io(loop),
          spec(std::move(chosen)),
          events(std::move(said)),
          descriptor(loop),
          watcher(loop),
          reopen(loop),
          rts(loop),
          look(loop),
          format(spec.format),
          path(spec.device),
          wait_next(spec.reopen_first) {}

    // ---- coming and going -----------------------------------------------------------------------

    std::optional<Trouble> make_pty();
    void begin();
    void attempt();
    void set_up();
    void try_later();
    void lose(int error);

    /// From where the caller does not expect to be called back.
    void lose_soon(int error);
    void close_descriptor();
    void stop();

    [[nodiscard]] bool is_there() const { return !stopped && descriptor.is_open(); }

    // ---- reading --------------------------------------------------------------------------------

    void wait_read();
    void turn();

    // ---- the other end of a pty -----------------------------------------------------------------

    void watch_other_end();
    void wait_watcher();

    /// Whether a program has it open is not told, but can be seen.
    void see_other_end();
    void find_other_end();
    void lose_other_end();
    void later(Duration wait);
    void look_at_format();

    // ---- writing --------------------------------------------------------------------------------

    [[nodiscard]] std::size_t queued() const { return queue.size() - head; }
    void clear_queue();
    bool send(Bytes octets);
    std::size_t write_some(Bytes octets);
    void wait_write();
    void flush();
    void report_soon();

    // ---- RTS, where the driver leaves it to us --------------------------------------------------

    void key_up();
    void flush_if_keyed();

    /// tcdrain() would wait, so the driver is asked at the time when it should be done.
    void key_down();
    void rts_after(Duration wait, std::function<void()> then);

    // ---- what is asked of it --------------------------------------------------------------------

    void purge(bool in, bool out);
    void count_errors();

    Io& io;
    SerialSpec spec;
    Events events;
    boost::asio::posix::stream_descriptor descriptor;
    boost::asio::posix::stream_descriptor watcher;  // inotify's, of a pty
    boost::asio::steady_timer reopen;
    boost::asio::steady_timer rts;
    boost::asio::steady_timer look;
    SerialFormat format;
    SerialFormat asked;  // the last that the other end of a pty was seen to have
    std::string path;
    std::string last_failure;
    Duration wait_next;
    std::uint64_t openings = 0;  // a wait of an earlier one is of no consequence
    std::uint64_t rts_turn = 0;
    LineErrors errors_at_opening;
    LineErrors errors_before;
    Octets queue;
    std::size_t head = 0;  // octets of the queue that have left
    std::size_t left = 0;  // octets that left and were not reported
    Keying keying = Keying::resting;
    bool manual_rts = false;
    bool paused = false;
    bool reading = false;
    bool writing = false;
    bool reporting = false;
    bool other_end = false;
    bool is_linked = false;
    bool stopped = false;
    Stats stats;
};

}  // namespace causeway::net
