#pragma once
// The streams of one thread: an epoll set of its own, a buffer that they all read into, the list of
// those that have something to write, and their deadlines. The set can itself be waited for, so
// that a host's loop sees one descriptor, however many streams there are; and a stream costs what
// stands in stream.hpp, with no handler and no buffer kept for it.
//
//   look()   what has become ready, told to the sink; then the engine has its turn
//   flush()  one write a stream of all that was sent to it meanwhile
//
// For this room's .cpp files.
#include "net/connector.hpp"
#include "net/stream.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace causeway::net {

/// Something else that a shard's set waits for.
class Pollee {
public:
    virtual ~Pollee() = default;
    virtual void ready() = 0;
};

class StreamShard {
public:
    struct Settings {
        std::size_t read_octets = 256 << 10;
        std::chrono::milliseconds handshake_within{10'000};
        std::size_t lingering_max = 4'096;
    };

    StreamShard(Settings settings, StreamSink& sink);
    StreamShard(const StreamShard&) = delete;
    StreamShard& operator=(const StreamShard&) = delete;
    ~StreamShard();

    /// Readable when look() has something to do.
    [[nodiscard]] int descriptor() const noexcept { return set_; }

    void watch(Pollee& pollee, int fd);
    void unwatch(int fd);
    /// Not waited for during so long, since being ready does not help it.
    void rest(Pollee& pollee, int fd, std::chrono::milliseconds during);

    /// Has a socket: accepted, with a handshake before it if it has layers.
    void adopt(Stream& stream);
    /// Has layers with a plan, and no socket yet.
    void connect(Stream& stream);
    void send(Stream& stream, Outgoing&& out);
    /// Once for each stream, and the last that is said of it.
    void close(Stream& stream, bool at_once);
    void pause(Stream& stream, bool paused);

    /// Waits for at most so long (-1: for ever) where nothing is due; whether there was anything.
    bool look(int timeout_ms);
    /// The part of look() that waits for nothing: what earlier writes came to.
    bool report();
    void flush();
    /// report() has something to say.
    [[nodiscard]] bool pending() const noexcept { return !drained_.empty() || !failed_.empty(); }
    [[nodiscard]] bool dirty() const noexcept { return !dirty_.empty() || !gone_.empty(); }

    /// The descriptors of all that is left are closed by this when the shard goes.
    static void drop(Stream& stream) noexcept;

private:
    using Kind = StreamDeadline::Kind;
    struct Alarm;
    struct Uncovered;

    void handle(Stream& stream, std::uint32_t events);
    void read(Stream& stream);
    void arrived(Stream& stream, MutableBytes raw);
    void after_layers(Stream& stream, int step);
    void over(Stream& stream, StreamSink::End&& end);
    void kill(Stream& stream, StreamSink::End&& end);
    void finish(Stream& stream);
    void connected(Stream& stream);
    void try_next(Stream& stream);

    void write(Stream& stream);
    /// False: an error, and it has been dealt with.
    bool write_now(Stream& stream);
    void say_goodbye(Stream& stream);
    void write_failed(Stream& stream, int error);
    void release(std::unique_ptr<OutQueue>& queue);
    void mark(Stream& stream);
    void update(Stream& stream);
    [[nodiscard]] bool ends_later(Stream& stream);

    void time(Stream& stream, Kind kind);
    void untime(Stream& stream);
    void expire();
    void arm();

    Settings settings_;
    StreamSink& sink_;
    int set_ = -1;
    Octets scratch_;
    Octets plain_;             // what TLS uncovers, and what is put together for it
    std::size_t share_ = 512;  // what one stream may read in this look
    std::vector<Stream*> dirty_;
    std::vector<Stream*> drained_;
    std::vector<std::pair<Stream*, int>> failed_;
    std::vector<Stream*> gone_;
    std::vector<std::unique_ptr<OutQueue>> spare_queues_;

    struct List {
        StreamDeadline* first = nullptr;
        StreamDeadline* last = nullptr;
    };
    struct Rest {
        std::chrono::steady_clock::time_point until;
        Pollee* pollee;
        int fd;
    };
    List lists_[StreamDeadline::kinds];
    std::size_t lingering_ = 0;
    std::vector<Rest> resting_;
    std::unique_ptr<Alarm> alarm_;
    std::chrono::steady_clock::time_point armed_for_;
};

}  // namespace causeway::net
