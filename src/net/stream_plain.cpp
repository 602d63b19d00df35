// The writing half of a shard: everything that was sent to a stream leaves in as few calls as the
// kernel takes it in, at once where it can, and otherwise when the socket says so.
#include "net/stream_layers.hpp"
#include "net/stream_shard.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace causeway::net {
namespace {

constexpr std::size_t pieces_max = 64;  // of one call
// One stream writes no more before the others have their turn.
constexpr std::size_t turn_octets_max = 1 << 20;
constexpr std::size_t spare_queues_max = 1'024;

ssize_t send_pieces(int fd, std::span<iovec> pieces) {
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    return ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace

void StreamShard::flush() {
    for (std::size_t i = 0; i < dirty_.size(); ++i) {
        Stream& stream = *dirty_[i];
        stream.dirty = false;
        if (!stream.dead) write(stream);
    }
    dirty_.clear();
    for (Stream* stream : gone_) {
        std::erase_if(failed_, [&](const auto& failed) { return failed.first == stream; });
        sink_.gone(*stream);
    }
    gone_.clear();
}

void StreamShard::write(Stream& stream) {
    if (stream.connecting || stream.fd < 0 || stream.half_closed) return;
    const bool reported = stream.drained != 0;
    if (!write_now(stream)) return;
    if (!stream.closing && !stream.over && !reported && stream.drained != 0)
        drained_.push_back(&stream);
    if (stream.queue && stream.queue->empty()) release(stream.queue);
    if (stream.closing && !stream.blocked) say_goodbye(stream);
    if (!stream.dead) update(stream);
}

bool StreamShard::write_now(Stream& stream) {
    std::size_t written = 0;
    stream.blocked = false;
    for (;;) {
        std::array<iovec, pieces_max> pieces;
        std::size_t count = 0;
        if (StreamLayers* layers = stream.layers.get()) {
            if (stream.queue) layers->encode(*stream.queue, plain_);
            const Bytes wire = layers->wire();
            if (!wire.empty()) pieces[count++] = {const_cast<std::byte*>(wire.data()), wire.size()};
        } else if (stream.queue) {
            count = stream.queue->gather(pieces);
        }
        if (count == 0) return true;
        std::size_t offered = 0;
        for (const iovec& piece : std::span(pieces).first(count)) offered += piece.iov_len;
        const ssize_t n = send_pieces(stream.fd, std::span(pieces).first(count));
        if (n < 0) {
            if (errno == EINTR) continue;
            if (errno != EAGAIN && errno != ENOBUFS) {
                write_failed(stream, errno);
                return false;
            }
            stream.blocked = true;
            return true;
        }
        const auto left = static_cast<std::size_t>(n);
        if (stream.layers) {
            stream.drained += stream.layers->wrote(left);
        } else {
            stream.queue->take(left);
            stream.drained += left;
        }
        written += left;
        if (left < offered || written >= turn_octets_max) {
            stream.blocked = true;
            return true;
        }
    }
}

/// All has left: says so, and waits for the peer to have read it. A close() that finds octets
/// unread would answer with a reset, which takes away what the peer has not read yet.
void StreamShard::say_goodbye(Stream& stream) {
    if (stream.layers) {
        stream.layers->goodbye();
        if (!write_now(stream) || stream.blocked) return;
    }
    stream.half_closed = true;
    if (stream.ended || ::shutdown(stream.fd, SHUT_WR) != 0) return finish(stream);
    time(stream, Kind::drain);
}

void StreamShard::write_failed(Stream& stream, int error) {
    if (stream.closing) return finish(stream);
    release(stream.queue);
    failed_.emplace_back(&stream, error);
}

void StreamShard::release(std::unique_ptr<OutQueue>& queue) {
    if (!queue) return;
    queue->clear();
    queue->trim();
    if (spare_queues_.size() < spare_queues_max) spare_queues_.push_back(std::move(queue));
    queue.reset();
}

}  // namespace causeway::net
