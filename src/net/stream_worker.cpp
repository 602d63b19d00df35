#include "net/stream_worker.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace causeway::net {
namespace {

struct Command {
    enum class Kind : std::uint8_t { adopt, connect, send, close, close_at_once, pause, go_on };
    Kind kind;
    Stream* stream;
    Outgoing out;
};

struct Said {
    enum class Kind : std::uint8_t { opened, received, drained, closed, gone };
    Kind kind;
    Stream* stream;
    std::size_t octets = 0;  // of received, the next of the batch's; of drained
};

/// What streams said, in order; octets and what else is long stand apart.
struct Batch {
    std::vector<Said> said;
    Octets octets;
    std::vector<StreamFacts> facts;
    std::vector<StreamSink::End> ends;

    void clear() {
        said.clear();
        octets.clear();
        facts.clear();
        ends.clear();
    }
};

constexpr std::size_t batches_kept = 4;

}  // namespace

Bell::Bell() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "cannot make an eventfd");
}
Bell::~Bell() {
    ::close(fd_);
}
void Bell::ring() const noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(fd_, &one, sizeof one);
}
void Bell::silence() const noexcept {
    std::uint64_t times = 0;
    [[maybe_unused]] const ssize_t n = ::read(fd_, &times, sizeof times);
}

struct StreamWorker::State final : StreamSink, Pollee {
    State(StreamShard::Settings settings, const Bell& host)
        : host_bell(host), shard(settings, *this) {
        shard.watch(*this, bell.descriptor());
        thread = std::jthread([this] { run(); });
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() override {
        {
            const std::lock_guard lock(mutex);
            stopping = true;
        }
        bell.ring();
        thread.join();
    }

    // ---- this thread ---------------------------------------------------------------------------

    void run() {
        while (true) {
            if (full())
                wait_for_room();
            else
                shard.look(-1);
            if (!obey()) return;
            shard.flush();
            publish();
        }
    }

    /// The host rings when it has taken what there was; all else can wait for that.
    void wait_for_room() {
        shard.report();
        pollfd wait{bell.descriptor(), POLLIN, 0};
        ::poll(&wait, 1, -1);
        bell.silence();
    }

    [[nodiscard]] bool full() {
        const std::lock_guard lock(mutex);
        room_wanted = waiting_octets >= inbox_octets_max;
        return room_wanted;
    }

    void ready() override { bell.silence(); }

    /// False: the host goes.
    bool obey() {
        {
            const std::lock_guard lock(mutex);
            if (stopping) return false;
            obeying.swap(commands);
        }
        for (Command& command : obeying) obey(command);
        obeying.clear();
        return true;
    }

    void obey(Command& command) {
        Stream& stream = *command.stream;
        switch (command.kind) {
            case Command::Kind::adopt:
                return shard.adopt(stream);
            case Command::Kind::connect:
                return shard.connect(stream);
            case Command::Kind::send:
                return shard.send(stream, std::move(command.out));
            case Command::Kind::close:
                return shard.close(stream, false);
            case Command::Kind::close_at_once:
                return shard.close(stream, true);
            case Command::Kind::pause:
                return shard.pause(stream, true);
            case Command::Kind::go_on:
                return shard.pause(stream, false);
        }
    }

    void publish() {
        if (filling.said.empty()) return;
        bool first = false;
        {
            const std::lock_guard lock(mutex);
            first = waiting.empty();
            waiting_octets += filling.octets.size();
            waiting.push_back(std::move(filling));
            filling = {};
            if (!spare.empty()) {
                filling = std::move(spare.back());
                spare.pop_back();
            }
        }
        if (first) host_bell.ring();
    }

    void opened(Stream& stream, StreamFacts&& facts) override {
        filling.said.push_back({Said::Kind::opened, &stream});
        filling.facts.push_back(std::move(facts));
    }
    void received(Stream& stream, Bytes octets) override {
        filling.said.push_back({Said::Kind::received, &stream, octets.size()});
        filling.octets.insert(filling.octets.end(), octets.begin(), octets.end());
    }
    void drained(Stream& stream, std::size_t octets) override {
        filling.said.push_back({Said::Kind::drained, &stream, octets});
    }
    void closed(Stream& stream, End&& end) override {
        filling.said.push_back({Said::Kind::closed, &stream});
        filling.ends.push_back(std::move(end));
    }
    void gone(Stream& stream) override { filling.said.push_back({Said::Kind::gone, &stream}); }

    // ---- the host's thread ---------------------------------------------------------------------

    void submit() {
        if (wanted.empty()) return;
        bool first = false;
        {
            const std::lock_guard lock(mutex);
            first = commands.empty();
            if (first)
                commands.swap(wanted);
            else
                std::move(wanted.begin(), wanted.end(), std::back_inserter(commands));
        }
        wanted.clear();
        if (first) bell.ring();
    }

    void deliver(StreamSink& sink) {
        bool ring = false;
        {
            const std::lock_guard lock(mutex);
            delivering.swap(waiting);
            waiting_octets = 0;
            ring = std::exchange(room_wanted, false);
        }
        if (ring) bell.ring();
        for (Batch& batch : delivering) deliver(batch, sink);
        const std::lock_guard lock(mutex);
        for (Batch& batch : delivering) {
            if (spare.size() >= batches_kept) break;
            batch.clear();
            spare.push_back(std::move(batch));
        }
        delivering.clear();
    }

    static void deliver(Batch& batch, StreamSink& sink) {
        Bytes octets = batch.octets;
        auto facts = batch.facts.begin();
        auto end = batch.ends.begin();
        for (const Said& said : batch.said) {
            switch (said.kind) {
                case Said::Kind::opened:
                    sink.opened(*said.stream, std::move(*facts++));
                    break;
                case Said::Kind::received:
                    sink.received(*said.stream, octets.first(said.octets));
                    octets = octets.subspan(said.octets);
                    break;
                case Said::Kind::drained:
                    sink.drained(*said.stream, said.octets);
                    break;
                case Said::Kind::closed:
                    sink.closed(*said.stream, std::move(*end++));
                    break;
                case Said::Kind::gone:
                    sink.gone(*said.stream);
                    break;
            }
        }
    }

    const Bell& host_bell;
    Bell bell;
    StreamShard shard;
    Batch filling;
    std::vector<Command> obeying;

    std::vector<Command> wanted;  // the host's, not yet submitted
    std::vector<Batch> delivering;

    std::mutex mutex;
    std::vector<Command> commands;
    std::vector<Batch> waiting;
    std::vector<Batch> spare;
    std::size_t waiting_octets = 0;
    bool room_wanted = false;
    bool stopping = false;

    std::jthread thread;
};

StreamWorker::StreamWorker(StreamShard::Settings settings, const Bell& bell)
    : state_(std::make_unique<State>(settings, bell)) {}
StreamWorker::~StreamWorker() = default;

void StreamWorker::adopt(Stream& stream) {
    state_->wanted.push_back({Command::Kind::adopt, &stream, {}});
}
void StreamWorker::connect(Stream& stream) {
    state_->wanted.push_back({Command::Kind::connect, &stream, {}});
}
void StreamWorker::send(Stream& stream, Outgoing&& out) {
    state_->wanted.push_back({Command::Kind::send, &stream, std::move(out)});
}
void StreamWorker::close(Stream& stream, bool at_once) {
    state_->wanted.push_back(
        {at_once ? Command::Kind::close_at_once : Command::Kind::close, &stream, {}});
}
void StreamWorker::pause(Stream& stream, bool paused) {
    state_->wanted.push_back({paused ? Command::Kind::pause : Command::Kind::go_on, &stream, {}});
}
void StreamWorker::submit() {
    state_->submit();
}
bool StreamWorker::unsubmitted() const noexcept {
    return !state_->wanted.empty();
}
void StreamWorker::deliver(StreamSink& sink) {
    state_->deliver(sink);
}

}  // namespace causeway::net
