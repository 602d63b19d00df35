#include "net/pcapng.hpp"

#include "net/pcapng_format.hpp"

#include "base/tap.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <ostream>

namespace causeway::net {

static_assert(Stats<PcapngWriter::Stats>);

namespace {

constexpr std::uint16_t option_comment = 1;
constexpr std::uint16_t option_application = 4;   // shb_userappl
constexpr std::uint16_t option_packet_flags = 2;  // epb_flags

constexpr std::size_t gathered_octets = 65'536;    // written at once to a file
constexpr std::size_t held_octets_max = 1u << 18;  // kept for a slow reader
constexpr std::size_t text_octets_max = 4096;

/// A block under construction, at the end of a growing buffer.
class Block {
public:
    Block(Octets& out, std::uint32_t type) : out_(out), start_(out.size()) {
        u32(type);
        u32(0);  // total length, patched by finish()
    }
    void u8(unsigned v) { out_.push_back(static_cast<std::byte>(v)); }
    void u16(unsigned v) {
        u8(v & 0xff);
        u8(v >> 8 & 0xff);
    }
    void u32(std::uint32_t v) {
        u16(v & 0xffff);
        u16(v >> 16);
    }
    void padded(Bytes octets) {
        out_.insert(out_.end(), octets.begin(), octets.end());
        while ((out_.size() - start_) % 4 != 0) u8(0);
    }
    void option(std::uint16_t code, Bytes value) {
        u16(code);
        u16(static_cast<unsigned>(value.size()));
        padded(value);
    }
    void finish() {
        const auto total = static_cast<std::uint32_t>(out_.size() - start_ + 4);
        u32(total);
        std::copy(out_.end() - 4, out_.end(),
                  out_.begin() + static_cast<std::ptrdiff_t>(start_) + 4);
    }

private:
    Octets& out_;
    std::size_t start_;
};

/// Keeps a reader that went away from killing the process, for the length of one write.
class WithoutSigpipe {
public:
    WithoutSigpipe() {
        sigemptyset(&pipe_);
        sigaddset(&pipe_, SIGPIPE);
        sigset_t pending;
        sigpending(&pending);
        was_pending_ = sigismember(&pending, SIGPIPE) == 1;
        pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }
    WithoutSigpipe(const WithoutSigpipe&) = delete;
    WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;
    ~WithoutSigpipe() {
        const int saved = errno;
        const timespec at_once{};
        if (!was_pending_) sigtimedwait(&pipe_, nullptr, &at_once);
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
        errno = saved;
    }

private:
    sigset_t pipe_;
    sigset_t before_;
    bool was_pending_ = false;
};

}  // namespace

struct PcapngWriter::State {
    State() {
        Block block(pending, section_header_block);
        block.u32(0x1a2b3c4d);  // says which end comes first
        block.u16(1);           // version 1.0
        block.u16(0);
        block.u32(0xffffffff);  // the section's length: until the end
        block.u32(0xffffffff);
        block.option(option_application, as_octets("causeway"));
        block.u32(option_end);
        block.finish();
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        push();
        if (stream != nullptr && !broken) stream->flush();
        if (fd >= 0) ::close(fd);
    }

    [[nodiscard]] bool drops() const noexcept { return is_pipe && !options.wait_for_reader; }

    /// Gives the file what has gathered, as far as it takes it.
    void push() {
        if (broken) pending.clear();
        if (pending.empty()) return;
        if (stream != nullptr) {
            stream->write(reinterpret_cast<const char*>(pending.data()),
                          static_cast<std::streamsize>(pending.size()));
            if (!*stream) fail(EIO);
            pending.clear();
            return;
        }
        std::size_t done = 0;
        while (done < pending.size()) {
            const ssize_t n = put(Bytes(pending).subspan(done));
            if (n < 0 && errno == EINTR) continue;
            if (n < 0 && errno == EAGAIN) break;
            if (n < 0) {
                fail(errno);
                done = pending.size();
                break;
            }
            done += static_cast<std::size_t>(n);
        }
        pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(done));
    }

    ssize_t put(Bytes octets) const {
        if (!is_pipe) return ::write(fd, octets.data(), octets.size());
        const WithoutSigpipe guard;
        return ::write(fd, octets.data(), octets.size());
    }

    void fail(int error) {
        if (!broken)
            found = trouble("cannot write the capture " + path, error,
                            error == EPIPE ? "its reader went away" : "");
        broken = true;
    }

    void gathered() {
        if (options.flush_each || is_pipe || pending.size() >= gathered_octets) push();
    }

    std::string path = "stream";
    Options options;
    int fd = -1;
    std::ostream* stream = nullptr;
    bool is_pipe = false;
    bool broken = false;
    Octets pending;
    std::uint32_t interfaces = 0;
    std::optional<Trouble> found;
    Stats stats;
};

PcapngWriter::PcapngWriter(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
PcapngWriter::PcapngWriter(std::ostream& out) : state_(std::make_unique<State>()) {
    state_->stream = &out;
}
PcapngWriter::PcapngWriter(PcapngWriter&&) noexcept = default;
PcapngWriter& PcapngWriter::operator=(PcapngWriter&&) noexcept = default;
PcapngWriter::~PcapngWriter() = default;

Opened<PcapngWriter> PcapngWriter::create(const std::string& path) {
    return create(path, {});
}

Opened<PcapngWriter> PcapngWriter::create(const std::string& path, Options options) {
    auto state = std::make_unique<State>();
    state->path = path;
    state->options = options;
    constexpr mode_t readable_by_all = 0644;
    state->fd = path == "-" ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                            : ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                                     readable_by_all);
    struct stat status{};
    if (state->fd < 0 || ::fstat(state->fd, &status) != 0) {
        const int error = errno;
        state->broken = true;
        return std::unexpected(trouble("cannot write the capture " + path, error));
    }
    state->is_pipe = S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode);
    if (state->drops()) {
        const int flags = ::fcntl(state->fd, F_GETFL);
        ::fcntl(state->fd, F_SETFL, flags | O_NONBLOCK);
    }
    state->gathered();
    return PcapngWriter(std::move(state));
}

auto PcapngWriter::add_interface(LinkType type, std::string_view name) -> Interface {
    Block block(state_->pending, interface_description_block);
    block.u16(static_cast<std::uint16_t>(type));
    block.u16(0);
    block.u32(0);  // packets are never cut
    if (!name.empty())
        block.option(option_interface_name, as_octets(name.substr(0, text_octets_max)));
    const std::byte nanoseconds{9};
    block.option(option_time_resolution, Bytes(&nanoseconds, 1));
    block.u32(option_end);
    block.finish();
    state_->gathered();
    return Interface{state_->interfaces++};
}

void PcapngWriter::write(Interface on, std::uint64_t ns, Bytes packet, Direction direction,
                         std::string_view comment) {
    State& state = *state_;
    CAUSEWAY_ASSERT(static_cast<std::uint32_t>(on) < state.interfaces);
    ++state.stats.packets;
    if (state.broken) {
        ++state.stats.lost;
        return;
    }
    if (state.drops() && state.pending.size() + packet.size() > held_octets_max) {
        state.push();
        if (state.pending.size() + packet.size() > held_octets_max) {
            ++state.stats.dropped;
            return;
        }
    }
    Block block(state.pending, enhanced_packet_block);
    block.u32(static_cast<std::uint32_t>(on));
    block.u32(static_cast<std::uint32_t>(ns >> 32));
    block.u32(static_cast<std::uint32_t>(ns));
    block.u32(static_cast<std::uint32_t>(packet.size()));
    block.u32(static_cast<std::uint32_t>(packet.size()));
    block.padded(packet);
    if (!comment.empty())
        block.option(option_comment, as_octets(comment.substr(0, text_octets_max)));
    if (direction != Direction::unknown) {
        const std::array flags{static_cast<std::byte>(direction), std::byte{}, std::byte{},
                               std::byte{}};
        block.option(option_packet_flags, flags);
    }
    if (!comment.empty() || direction != Direction::unknown) block.u32(option_end);
    block.finish();
    ++state.stats.written;
    state.gathered();
}

void PcapngWriter::flush() {
    state_->push();
    if (state_->stream != nullptr && !state_->broken) state_->stream->flush();
}

std::optional<Trouble> PcapngWriter::take_trouble() {
    return std::exchange(state_->found, std::nullopt);
}

const PcapngWriter::Stats& PcapngWriter::stats() const noexcept {
    return state_->stats;
}

}  // namespace causeway::net
