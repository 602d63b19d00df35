#include "net/stream_shard.hpp"

#include "net/stream_layers.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <system_error>

namespace causeway::net {
namespace {

using Steady = std::chrono::steady_clock;

constexpr int events_max = 128;
// What is read before the engine has its turn, shared by those that are ready.
constexpr std::size_t look_octets_max = 1 << 20;
constexpr std::size_t share_octets_min = 16 << 10;
constexpr std::size_t plain_octets = 32 << 10;
constexpr std::chrono::milliseconds linger_within{5'000};
// The peer has all we said; it is given this long to notice.
constexpr std::chrono::milliseconds drain_within{1'000};

// The set's word for a Pollee; a Stream is its own.
constexpr std::uintptr_t pollee_mark = 1;

std::system_error cannot_start(const char* what) {
    return {errno, std::generic_category(), what};
}

}  // namespace

Stream::Stream() = default;
Stream::~Stream() {
    StreamShard::drop(*this);
}

/// The nearest deadline, as a descriptor of the set.
struct StreamShard::Alarm : Pollee {
    explicit Alarm(StreamShard& of)
        : shard(of), fd(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
        if (fd < 0) throw cannot_start("cannot make a timer");
    }
    Alarm(const Alarm&) = delete;
    Alarm& operator=(const Alarm&) = delete;
    ~Alarm() override { ::close(fd); }

    void ready() override {
        std::uint64_t times = 0;
        [[maybe_unused]] const ssize_t n = ::read(fd, &times, sizeof times);
        shard.expire();
    }

    StreamShard& shard;
    int fd;
};

/// What comes out of a stream's layers goes on to the sink.
struct StreamShard::Uncovered : StreamLayers::Above {
    Uncovered(StreamShard& of, Stream& which) : shard(of), stream(which) {}

    void opened(StreamFacts&& facts) override {
        shard.untime(stream);
        if (!stream.closing) shard.sink_.opened(stream, std::move(facts));
    }
    void octets(Bytes octets) override {
        if (!stream.closing) shard.sink_.received(stream, octets);
    }

    StreamShard& shard;
    Stream& stream;
};

StreamShard::StreamShard(Settings settings, StreamSink& sink)
    : settings_(settings),
      sink_(sink),
      set_(::epoll_create1(EPOLL_CLOEXEC)),
      scratch_(std::clamp<std::size_t>(settings.read_octets, 512, 16 << 20)),
      plain_(plain_octets) {
    if (set_ < 0) throw cannot_start("cannot make an epoll set");
    alarm_ = std::make_unique<Alarm>(*this);
    watch(*alarm_, alarm_->fd);
}

StreamShard::~StreamShard() {
    ::close(set_);
}

void StreamShard::drop(Stream& stream) noexcept {
    if (stream.fd >= 0) ::close(stream.fd);
    stream.fd = -1;
}

// ---- the set -----------------------------------------------------------------------------------

void StreamShard::watch(Pollee& pollee, int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = std::bit_cast<std::uintptr_t>(&pollee) | pollee_mark;
    if (::epoll_ctl(set_, EPOLL_CTL_ADD, fd, &event) != 0) throw cannot_start("cannot watch");
}

void StreamShard::unwatch(int fd) {
    ::epoll_ctl(set_, EPOLL_CTL_DEL, fd, nullptr);
    std::erase_if(resting_, [&](const Rest& rest) { return rest.fd == fd; });
}

void StreamShard::rest(Pollee& pollee, int fd, std::chrono::milliseconds during) {
    ::epoll_ctl(set_, EPOLL_CTL_DEL, fd, nullptr);
    resting_.push_back({Steady::now() + during, &pollee, fd});
    arm();
}

void StreamShard::update(Stream& stream) {
    if (stream.fd < 0) return;
    if (stream.unheard && stream.paused && !stream.closing) return;
    stream.unheard = false;
    const bool reads = !stream.ended && (!stream.paused || stream.closing) && !stream.connecting;
    const bool writes = stream.blocked || stream.connecting;
    const std::uint32_t wanted = (reads ? std::uint32_t{EPOLLIN} : 0u) |
                                 (writes ? std::uint32_t{EPOLLOUT} : 0u) | std::uint32_t{EPOLLERR};
    if (wanted == stream.interest) return;
    epoll_event event{};
    event.events = wanted;
    event.data.u64 = std::bit_cast<std::uintptr_t>(&stream);
    const int what = stream.interest == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (::epoll_ctl(set_, what, stream.fd, &event) == 0)
        stream.interest = wanted;
    else
        failed_.emplace_back(&stream, errno);  // the kernel's memory or its limit of watches
}

bool StreamShard::look(int timeout_ms) {
    const bool any = report();
    std::array<epoll_event, events_max> events;
    int count = ::epoll_wait(set_, events.data(), events_max, any || pending() ? 0 : timeout_ms);
    if (count <= 0) return any;
    share_ = std::clamp(look_octets_max / static_cast<std::size_t>(count),
                        std::min(share_octets_min, scratch_.size()), scratch_.size());
    for (const epoll_event& event : std::span(events).first(static_cast<std::size_t>(count))) {
        const auto word = static_cast<std::uintptr_t>(event.data.u64);
        if ((word & pollee_mark) != 0)
            std::bit_cast<Pollee*>(word & ~pollee_mark)->ready();
        else
            handle(*std::bit_cast<Stream*>(word), event.events);
    }
    return true;
}

bool StreamShard::report() {
    const bool any = pending();
    for (std::size_t i = 0; i < drained_.size(); ++i) {
        Stream& stream = *drained_[i];
        const std::size_t octets = std::exchange(stream.drained, 0);
        if (!stream.closing && !stream.over) sink_.drained(stream, octets);
    }
    drained_.clear();
    const auto failed = std::exchange(failed_, {});
    for (const auto& [stream, error] : failed) {
        // The peer may have said something before it went: a DISCONNECT, for one.
        if (!stream->dead && !stream->paused && stream->fd >= 0 && !stream->connecting)
            read(*stream);
        if (stream->dead) continue;
        if (stream->connecting || stream->fd < 0)
            try_next(*stream);
        else if (!ends_later(*stream))
            kill(*stream, {Trouble{trouble("connection lost", error)}, false, {}});
    }
    return any;
}

// ---- reading -----------------------------------------------------------------------------------

void StreamShard::handle(Stream& stream, std::uint32_t events) {
    if (stream.dead) return;
    if (stream.connecting) return connected(stream);
    if ((events & EPOLLOUT) != 0) {
        stream.blocked = false;
        mark(stream);
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
    if (!stream.ended && (!stream.paused || stream.closing)) return read(stream);
    if ((events & (EPOLLHUP | EPOLLERR)) == 0 || ends_later(stream)) return;
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(stream.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    StreamSink::End end;
    if (error != 0) end.trouble = trouble("connection lost", error);
    kill(stream, std::move(end));
}

/// It ended while it was paused, and is to be heard out first: out of the set, which would tell of
/// its end again and again, until it goes on.
bool StreamShard::ends_later(Stream& stream) {
    if (!stream.hear_out || !stream.paused || stream.closing || stream.ended) return false;
    if (stream.interest != 0) ::epoll_ctl(set_, EPOLL_CTL_DEL, stream.fd, nullptr);
    stream.interest = 0;
    stream.unheard = true;
    return true;
}

void StreamShard::read(Stream& stream) {
    const ssize_t n = ::recv(stream.fd, scratch_.data(), share_, MSG_DONTWAIT);
    if (n > 0) {
        if (!stream.closing && !stream.over)
            arrived(stream, MutableBytes(scratch_).first(static_cast<std::size_t>(n)));
        return;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    StreamSink::End end;
    if (n < 0) end.trouble = trouble("connection lost", errno);
    stream.ended = true;
    if (stream.layers && !stream.layers->open()) {
        end.peer = stream.layers->facts().peer;
        if (!end.trouble) end.trouble = Trouble{"the peer closed it before it was open", {}};
        end.trouble = stream.layers->about(std::move(*end.trouble));
    }
    // Half closed by the peer, it may still read what is on its way to it.
    if (n == 0 && stream.closing && !stream.half_closed) return update(stream);
    kill(stream, std::move(end));
}

void StreamShard::arrived(Stream& stream, MutableBytes raw) {
    if (!stream.layers) return sink_.received(stream, raw);
    Uncovered above(*this, stream);
    after_layers(stream, static_cast<int>(stream.layers->feed(raw, plain_, above)));
}

void StreamShard::after_layers(Stream& stream, int step) {
    if (stream.dead || stream.closing) return;
    StreamLayers& layers = *stream.layers;
    switch (StreamLayers::Step{step}) {
        case StreamLayers::Step::going:
            if (!layers.wire().empty() || (layers.open() && stream.queue)) mark(stream);
            if (layers.transparent() && layers.wire().empty()) stream.layers.reset();
            break;
        case StreamLayers::Step::ended:
            over(stream, {});
            break;
        case StreamLayers::Step::failed:
            over(stream, {layers.trouble(), false, layers.facts().peer});
            break;
    }
}

// ---- the end of a stream -----------------------------------------------------------------------

/// The engine has nothing more to expect; the peer may still be told why.
void StreamShard::over(Stream& stream, StreamSink::End&& end) {
    if (stream.over) return;
    stream.over = true;
    release(stream.queue);
    sink_.closed(stream, std::move(end));
}

/// There is no one at the other end.
void StreamShard::kill(Stream& stream, StreamSink::End&& end) {
    if (stream.closing) return finish(stream);
    stream.dead = true;
    untime(stream);
    drop(stream);
    over(stream, std::move(end));
}

void StreamShard::finish(Stream& stream) {
    if (!stream.dead) {
        stream.dead = true;
        untime(stream);
        drop(stream);
        release(stream.queue);
    }
    gone_.push_back(&stream);
}

void StreamShard::close(Stream& stream, bool at_once) {
    stream.closing = true;
    if (stream.dead || at_once || stream.connecting || stream.fd < 0) return finish(stream);
    if (lingering_ != 0 && lingering_ >= settings_.lingering_max) {
        const List& drain = lists_[static_cast<std::size_t>(Kind::drain)];
        const List& linger = lists_[static_cast<std::size_t>(Kind::linger)];
        Stream& oldest = *(drain.first != nullptr ? drain : linger).first->stream;
        oldest.cut_short = true;
        finish(oldest);
    }
    time(stream, Kind::linger);
    mark(stream);
}

// ---- beginning and going on --------------------------------------------------------------------

void StreamShard::adopt(Stream& stream) {
    if (stream.layers) time(stream, Kind::handshake);
    update(stream);
}

void StreamShard::connect(Stream& stream) {
    time(stream, Kind::handshake);
    stream.fd = stream.layers->plan()->begin_next();
    // Said by report(): nothing is said before the caller knows the stream.
    if (stream.fd < 0) return failed_.emplace_back(&stream, 0), void();
    stream.connecting = true;
    update(stream);
}

void StreamShard::try_next(Stream& stream) {
    drop(stream);
    stream.interest = 0;
    stream.fd = stream.layers->plan()->begin_next();
    stream.connecting = stream.fd >= 0;
    if (stream.connecting) return update(stream);
    kill(stream, {stream.layers->plan()->trouble(), false, {}});
}

void StreamShard::connected(Stream& stream) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(stream.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        stream.layers->plan()->last_error = error;
        return try_next(stream);
    }
    stream.connecting = false;
    set_no_delay(stream.fd);
    if (stream.watch_peer) set_keep_alive(stream.fd);
    update(stream);
    Uncovered above(*this, stream);
    after_layers(stream, static_cast<int>(stream.layers->start(above, plain_)));
}

void StreamShard::send(Stream& stream, Outgoing&& out) {
    if (stream.dead || stream.over) return;
    if (!stream.queue) {
        if (spare_queues_.empty()) {
            stream.queue = std::make_unique<OutQueue>();
        } else {
            stream.queue = std::move(spare_queues_.back());
            spare_queues_.pop_back();
        }
    }
    stream.queue->push(std::move(out), stream.layers && stream.layers->whole_messages());
    if (!stream.blocked) mark(stream);
}

void StreamShard::pause(Stream& stream, bool paused) {
    stream.paused = paused;
    if (!stream.dead) update(stream);
}

void StreamShard::mark(Stream& stream) {
    if (stream.dirty) return;
    stream.dirty = true;
    dirty_.push_back(&stream);
}

// ---- deadlines ---------------------------------------------------------------------------------

void StreamShard::time(Stream& stream, Kind kind) {
    untime(stream);
    stream.deadline = std::make_unique<StreamDeadline>();
    StreamDeadline& entry = *stream.deadline;
    entry.stream = &stream;
    entry.kind = kind;
    if (kind != Kind::handshake) ++lingering_;
    entry.due = Steady::now() + (kind == Kind::handshake ? settings_.handshake_within
                                 : kind == Kind::linger  ? linger_within
                                                         : drain_within);
    List& list = lists_[static_cast<std::size_t>(kind)];
    entry.before = list.last;
    (list.last != nullptr ? list.last->after : list.first) = &entry;
    list.last = &entry;
    if (list.first == &entry) arm();
}

void StreamShard::untime(Stream& stream) {
    if (!stream.deadline) return;
    StreamDeadline& entry = *stream.deadline;
    if (entry.kind != Kind::handshake) --lingering_;
    List& list = lists_[static_cast<std::size_t>(entry.kind)];
    (entry.before != nullptr ? entry.before->after : list.first) = entry.after;
    (entry.after != nullptr ? entry.after->before : list.last) = entry.before;
    stream.deadline.reset();
}

void StreamShard::expire() {
    const auto now = Steady::now();
    armed_for_ = {};
    for (List& list : lists_) {
        while (list.first != nullptr && list.first->due <= now) {
            Stream& stream = *list.first->stream;
            const bool handshake = list.first->kind == Kind::handshake;
            untime(stream);
            if (!handshake) {
                finish(stream);
                continue;
            }
            kill(stream, {stream.layers->about({"the handshake took too long", {}}), true,
                          stream.layers->facts().peer});
        }
    }
    std::erase_if(resting_, [&](const Rest& rest) {
        if (rest.until > now) return false;
        watch(*rest.pollee, rest.fd);
        return true;
    });
    arm();
}

void StreamShard::arm() {
    auto due = Steady::time_point::max();
    for (const List& list : lists_)
        if (list.first != nullptr) due = std::min(due, list.first->due);
    for (const Rest& rest : resting_) due = std::min(due, rest.until);
    if (due == Steady::time_point::max()) return;
    // An alarm that comes early finds nothing to do, and is set again.
    if (armed_for_ != Steady::time_point{} && armed_for_ <= due) return;
    armed_for_ = due;
    const auto wait = std::max<std::int64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(due - Steady::now()).count(), 1);
    itimerspec when{};
    when.it_value.tv_sec = static_cast<time_t>(wait / 1'000'000'000);
    when.it_value.tv_nsec = static_cast<long>(wait % 1'000'000'000);
    ::timerfd_settime(alarm_->fd, 0, &when, nullptr);
}

}  // namespace causeway::net
