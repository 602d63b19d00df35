#include "net/tun.hpp"

#include "base/tap.hpp"
#include "net/tun_setup.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace causeway::net {

static_assert(Stats<Tun::Stats>);

namespace {

constexpr std::size_t packet_octets_max = 65'536;
constexpr std::size_t ipv6_header_octets = 40;  // [RFC 8200 §3]

bool is_whole_ipv6(Bytes packet) {
    if (packet.size() < ipv6_header_octets || (packet[0] >> 4) != std::byte{6}) return false;
    ByteReader in(packet.subspan(4));
    return in.be16() == packet.size() - ipv6_header_octets;
}

/// The host's kernel believes that it has neighbours on this link. What it says to them would mean
/// nothing in the mesh, and what is addressed to one link must not leave it. [RFC 4291 §2.5.6]
bool is_link_chatter(Bytes packet) {
    const Bytes source = packet.subspan(8, 16);
    const Bytes destination = packet.subspan(24, 16);
    if (std::ranges::all_of(source, [](std::byte b) { return b == std::byte{0}; })) return true;
    if (destination[0] == std::byte{0xff})
        return (destination[1] & std::byte{0x0f}) <= std::byte{2};
    return destination[0] == std::byte{0xfe} &&
           (destination[1] & std::byte{0xc0}) == std::byte{0x80};
}

}  // namespace

struct Tun::State : std::enable_shared_from_this<State> {
    State(Io& io, TunSetup made, const Settings& chosen)
        : descriptor(io, made.fd),
          settings(chosen),
          index(made.index),
          warning(std::move(made.warning)),
          buffer(packet_octets_max) {}

    void wait() {
        if (!descriptor.is_open()) return;
        descriptor.async_wait(boost::asio::posix::descriptor_base::wait_read,
                              [self = shared_from_this()](const boost::system::error_code& closed) {
                                  if (!closed) self->turn();
                              });
    }

    void turn() {
        for (std::size_t n = 0; n < std::max<std::size_t>(settings.batch_max, 1); ++n) {
            if (!descriptor.is_open() || !take_one()) break;
        }
        wait();
    }

    /// False when the kernel has none left.
    bool take_one() {
        const ssize_t n = ::read(descriptor.native_handle(), buffer.data(), buffer.size());
        if (n < 0) {
            if (errno != EAGAIN && errno != EINTR) lose(errno);
            return errno == EINTR;
        }
        const Bytes packet = Bytes(buffer).first(static_cast<std::size_t>(n));
        ++stats.received;
        if (!is_whole_ipv6(packet)) {
            ++stats.malformed;
        } else if (is_link_chatter(packet)) {
            ++stats.noise;
        } else {
            ++stats.delivered;
            on_packet(packet);
        }
        return true;
    }

    void lose(int error) {
        boost::system::error_code ignored;
        descriptor.close(ignored);
        if (on_lost) {
            on_lost(trouble("lost the interface " + settings.name, error,
                            error == EBADFD ? "somebody deleted it" : ""));
        }
    }

    boost::asio::posix::stream_descriptor descriptor;
    Settings settings;
    unsigned index;
    std::optional<std::string> warning;
    Octets buffer;
    OnPacket on_packet;
    OnLost on_lost;
    Stats stats;
};

Tun::Tun(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
Tun::Tun(Tun&&) noexcept = default;
Tun& Tun::operator=(Tun&& other) noexcept {
    if (this != &other) {
        close();
        state_ = std::move(other.state_);
    }
    return *this;
}
Tun::~Tun() {
    close();
}

Opened<Tun> Tun::open(Io& io, const Settings& settings) {
    auto made = set_up_tun(settings);
    if (!made) return std::unexpected(std::move(made.error()));
    return Tun(std::make_shared<State>(io, std::move(*made), settings));
}

void Tun::receive(OnPacket on_packet, OnLost on_lost) {
    CAUSEWAY_ASSERT(!state_->on_packet && on_packet);
    state_->on_packet = std::move(on_packet);
    state_->on_lost = std::move(on_lost);
    state_->wait();
}

bool Tun::send(Bytes packet) {
    ssize_t n = -1;
    if (is_whole_ipv6(packet)) {
        do {
            n = ::write(state_->descriptor.native_handle(), packet.data(), packet.size());
        } while (n < 0 && errno == EINTR);
    }
    ++(n < 0 ? state_->stats.send_refused : state_->stats.sent);
    return n >= 0;
}

void Tun::close() {
    if (!state_) return;
    boost::system::error_code ignored;
    state_->descriptor.close(ignored);
}

const std::string& Tun::name() const noexcept {
    return state_->settings.name;
}
unsigned Tun::index() const noexcept {
    return state_->index;
}
const Tun::Stats& Tun::stats() const noexcept {
    return state_->stats;
}
const std::optional<std::string>& Tun::warning() const noexcept {
    return state_->warning;
}

}  // namespace causeway::net
