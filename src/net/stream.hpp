#pragma once
// One stream, as the two who share it know it: the host, which gives it its number and its events,
// and the shard, which reads and writes it. With workers they are on two threads, and each keeps
// to its own fields. For this room's .cpp files.
//
// Ten thousand of these may be idle: what only some of them need stands behind a pointer.
#include "base/bytes.hpp"
#include "net/out_queue.hpp"
#include "net/stream_host.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace causeway::net {

class StreamLayers;
struct Stream;

/// A deadline of a stream; of one kind, all take the same time, so that a list is in order.
struct StreamDeadline {
    enum class Kind : std::uint8_t { handshake, linger, drain };
    static constexpr std::size_t kinds = 3;

    Stream* stream = nullptr;
    StreamDeadline* before = nullptr;
    StreamDeadline* after = nullptr;
    std::chrono::steady_clock::time_point due;
    Kind kind = Kind::handshake;
};

struct Stream {
    static constexpr std::uint32_t none = UINT32_MAX;

    Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream();

    // The host's.
    std::uint32_t id = none;
    std::uint32_t place = 0;        // in the host's list
    std::uint32_t listener = none;  // none: it was connected, not accepted
    std::uint16_t shard = 0;
    bool open = false;      // the engine knows it
    bool released = false;  // the engine has done with it

    // The shard's.
    int fd = -1;
    std::uint32_t interest = 0;  // what epoll was told
    bool connecting : 1 = false;
    bool paused : 1 = false;
    bool blocked : 1 = false;              // the kernel takes no more
    bool dirty : 1 = false;                // in the shard's list of those to be written
    bool closing : 1 = false;              // the host is done with it
    bool half_closed : 1 = false;          // our last octet has been said
    bool ended : 1 = false;                // the peer's last octet has been read
    bool over : 1 = false;                 // the host has been told that it closed
    bool dead : 1 = false;                 // no socket any more
    bool cut_short : 1 = false;            // for the host, once it is gone
    bool watch_peer : 1 = false;           // as its spec says
    bool hear_out : 1 = false;             // as its spec says
    bool unheard : 1 = false;              // its end waits for it to go on
    std::size_t drained = 0;               // to be reported
    std::unique_ptr<OutQueue> queue;       // none: nothing waits
    std::unique_ptr<StreamLayers> layers;  // none: the socket's octets are the engine's
    std::unique_ptr<StreamDeadline> deadline;
};

/// Where a shard's facts go.
class StreamSink {
public:
    virtual ~StreamSink() = default;
    virtual void opened(Stream& stream, StreamFacts&& facts) = 0;
    virtual void received(Stream& stream, Bytes octets) = 0;
    virtual void drained(Stream& stream, std::size_t octets) = 0;
    /// By the peer where there is no trouble. It is for the host to close() the stream now.
    struct End {
        std::optional<Trouble> trouble;
        bool late = false;
        std::string peer;  // of one that never opened
    };
    virtual void closed(Stream& stream, End&& end) = 0;
    /// The shard will not touch it again, whatever it was told before.
    virtual void gone(Stream& stream) = 0;
};

}  // namespace causeway::net
