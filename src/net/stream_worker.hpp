#pragma once
// A thread with streams of its own. What they receive is gathered for the host's thread, which is
// woken once for all of it; what the host wants of them is gathered for this one. Neither waits for
// the other, except that a worker reads no more while the host has too much to take.
// For this room's .cpp files.
#include "net/stream.hpp"
#include "net/stream_shard.hpp"

#include <memory>

namespace causeway::net {

/// An eventfd that tells a thread's set that there is something to look at.
class Bell {
public:
    Bell();
    Bell(const Bell&) = delete;
    Bell& operator=(const Bell&) = delete;
    ~Bell();
    void ring() const noexcept;
    void silence() const noexcept;
    [[nodiscard]] int descriptor() const noexcept { return fd_; }

private:
    int fd_;
};

class StreamWorker {
public:
    /// Rings `bell` when there is something to deliver().
    StreamWorker(StreamShard::Settings settings, const Bell& bell);
    StreamWorker(const StreamWorker&) = delete;
    StreamWorker& operator=(const StreamWorker&) = delete;
    /// Joins the thread. The streams are the caller's, to be deleted after it.
    ~StreamWorker();

    // All of it by the host's thread. What is wanted is passed on by submit().
    void adopt(Stream& stream);
    void connect(Stream& stream);
    void send(Stream& stream, Outgoing&& out);
    void close(Stream& stream, bool at_once);
    void pause(Stream& stream, bool paused);
    void submit();
    [[nodiscard]] bool unsubmitted() const noexcept;
    /// Tells `sink` what came since.
    void deliver(StreamSink& sink);

    /// Octets that wait for the host, and no more are read.
    static constexpr std::size_t inbox_octets_max = 2 << 20;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::net
