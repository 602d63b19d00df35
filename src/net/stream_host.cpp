#include "net/stream_host.hpp"

#include "base/assert.hpp"
#include "base/tap.hpp"
#include "net/stream_state.hpp"

#include <boost/asio/post.hpp>

namespace causeway::net {

static_assert(Stats<StreamHost::Stats>);

namespace {

// Turns of the host's own loop before Asio's other work has its turn.
constexpr int rounds_max = 8;

StreamShard::Settings shard_settings(const StreamHost::Options& options) {
    return {options.read_octets, options.handshake_within, options.lingering_max};
}

}  // namespace

StreamHost::State::State(Io& loop, Options chosen, Events said)
    : io(loop),
      options(chosen),
      events(std::move(said)),
      front(shard_settings(chosen), *this),
      descriptor(loop, front.descriptor()),
      resolver(loop) {
    for (unsigned i = 0; i < std::min(options.workers, workers_max); ++i)
        workers.push_back(std::make_unique<StreamWorker>(shard_settings(options), bell));
    front.watch(*this, bell.descriptor());
    arm();
}

StreamHost::State::~State() {
    listeners.clear();
    resolver.cancel();
    workers.clear();  // joined: the streams are ours alone
    all.clear();
    descriptor.release();  // the shard's
}

// ---- turns -------------------------------------------------------------------------------------

void StreamHost::State::arm() {
    if (std::exchange(armed, true)) return;
    descriptor.async_wait(
        boost::asio::posix::descriptor_base::wait_read,
        [this, living = std::weak_ptr<const char>(alive)](const boost::system::error_code& closed) {
            if (closed || living.expired()) return;
            armed = false;
            turn();
        });
}

void StreamHost::State::need_turn() {
    if (turning || std::exchange(posted, true)) return;
    boost::asio::post(io, [this, living = std::weak_ptr<const char>(alive)] {
        if (living.expired()) return;
        posted = false;
        turn();
    });
}

void StreamHost::State::turn() {
    if (turning) return;  // a callback that turns the loop itself
    turning = true;
    bool more = true;
    for (int round = 0; more && round < rounds_max; ++round) {
        const bool any = front.look(0);
        if (std::exchange(wanted, false) || any) {
            if (events.batch) events.batch();
        } else {
            more = front.dirty() || unsubmitted();
        }
        front.flush();
        for (const auto& worker : workers) worker->submit();
    }
    turning = false;
    if (wanted || front.pending()) need_turn();
    arm();
}

bool StreamHost::State::unsubmitted() const {
    return std::ranges::any_of(workers, [](const auto& worker) { return worker->unsubmitted(); });
}

void StreamHost::State::ready() {
    bell.silence();
    for (const auto& worker : workers) worker->deliver(*this);
}

// ---- the table ---------------------------------------------------------------------------------

Stream& StreamHost::State::make_stream(std::uint32_t listener) {
    all.push_back(std::make_unique<Stream>());
    Stream& stream = *all.back();
    stream.place = static_cast<std::uint32_t>(all.size() - 1);
    stream.listener = listener;
    if (!workers.empty()) {
        stream.shard = static_cast<std::uint16_t>(next_worker);
        next_worker = (next_worker + 1) % workers.size();
    }
    return stream;
}

void StreamHost::State::number(Stream& stream) {
    if (free.empty()) {
        stream.id = static_cast<std::uint32_t>(table.size());
        table.push_back(&stream);
        return;
    }
    stream.id = free.back();
    free.pop_back();
    table[stream.id] = &stream;
}

void StreamHost::State::forget(Stream& stream) {
    if (stream.id == Stream::none) return;
    table[stream.id] = nullptr;
    free.push_back(stream.id);
    stream.id = Stream::none;
}

Stream* StreamHost::State::find(StreamId id) const {
    const auto index = static_cast<std::size_t>(id);
    return index < table.size() ? table[index] : nullptr;
}

void StreamHost::State::release(Stream& stream, bool at_once) {
    if (std::exchange(stream.released, true)) return;
    std::erase_if(resolving, [&](const auto& entry) { return entry.second == &stream; });
    if (stream.listener != Stream::none) --listeners[stream.listener]->streams;
    if (workers.empty())
        front.close(stream, at_once);
    else
        workers[stream.shard]->close(stream, at_once);
    need_turn();
}

// ---- what shards say ---------------------------------------------------------------------------

void StreamHost::State::opened(Stream& stream, StreamFacts&& facts) {
    if (stream.released) return;
    stream.open = true;
    if (stream.listener == Stream::none) {
        ++stats.connected;
    } else {
        ++stats.opened;
        --stats.pending;
        number(stream);
    }
    if (events.opened) events.opened(StreamId{stream.id}, facts);
}

void StreamHost::State::received(Stream& stream, Bytes octets) {
    if (stream.released) return;
    stats.octets_in += octets.size();
    if (events.received) events.received(StreamId{stream.id}, octets);
}

void StreamHost::State::drained(Stream& stream, std::size_t octets) {
    if (stream.released) return;
    stats.octets_out += octets;
    if (events.drained) events.drained(StreamId{stream.id}, octets);
}

void StreamHost::State::closed(Stream& stream, End&& end) {
    if (stream.released) return;
    if (stream.listener != Stream::none && !stream.open) {
        --stats.pending;
        ++(end.late ? stats.handshake_late : stats.handshake_failed);
        if (events.refused && end.trouble) events.refused(stream.listener, end.peer, *end.trouble);
        return release(stream, false);
    }
    const StreamId id{stream.id};
    // Whatever the engine says of it while it is told is of no consequence.
    release(stream, false);
    if (events.closed) events.closed(id, end.trouble ? &*end.trouble : nullptr);
    forget(stream);
}

void StreamHost::State::gone(Stream& stream) {
    forget(stream);
    if (stream.cut_short) ++stats.cut_short;
    const std::uint32_t place = stream.place;
    std::swap(all[place], all.back());
    all[place]->place = place;
    all.pop_back();
}

// ---- the face ----------------------------------------------------------------------------------

StreamHost::StreamHost(Io& io, Options options, Events events)
    : state_(std::make_unique<State>(io, options, std::move(events))) {}

StreamHost::~StreamHost() = default;

std::expected<std::size_t, Trouble> StreamHost::listen(const ListenSpec& spec) {
    return state_->listen(spec);
}

std::string StreamHost::listening_on(std::size_t listener) const {
    return state_->listeners.at(listener)->address();
}

std::optional<Trouble> StreamHost::reload(std::size_t listener, const TlsServer& tls) {
    return state_->listeners.at(listener)->reload(tls);
}

void StreamHost::stop_listening() {
    for (const auto& listener : state_->listeners) listener->stop();
}

void StreamHost::stop_listening(std::size_t listener) {
    state_->listeners.at(listener)->stop();
}

StreamId StreamHost::connect(const ConnectSpec& spec) {
    return state_->connect(spec);
}

void StreamHost::send(StreamId id, Outgoing out) {
    Stream* stream = state_->find(id);
    if (stream == nullptr || stream->released) return;
    if (state_->workers.empty())
        state_->front.send(*stream, std::move(out));
    else
        state_->workers[stream->shard]->send(*stream, std::move(out));
    state_->need_turn();
}

void StreamHost::close(StreamId id, bool at_once) {
    Stream* stream = state_->find(id);
    if (stream == nullptr || stream->released) return;
    state_->release(*stream, at_once);
    state_->forget(*stream);
}

void StreamHost::pause(StreamId id, bool paused) {
    Stream* stream = state_->find(id);
    if (stream == nullptr || stream->released) return;
    if (state_->workers.empty())
        state_->front.pause(*stream, paused);
    else
        state_->workers[stream->shard]->pause(*stream, paused);
    state_->need_turn();
}

void StreamHost::wake() {
    state_->wanted = true;
    state_->need_turn();
}

StreamHost::Stats StreamHost::stats() const {
    return state_->stats;
}

}  // namespace causeway::net
