#include "net/radio_port.hpp"

#include "base/tap.hpp"
#include "net/clock.hpp"
#include "net/udp_socket.hpp"

namespace causeway::net {

static_assert(Stats<RadioPort::Stats>);

namespace {

constexpr std::size_t frame_octets_min = 3;  // one of frame control would still need two of FCS
constexpr std::uint8_t sound_bit = 0x80;

}  // namespace

struct RadioPort::State {
    State(UdpSocket opened, const Options& chosen) : socket(std::move(opened)), options(chosen) {}

    void take(const Endpoint& from, Bytes octets, const OnFrame& on_frame) {
        ++stats.received;
        if (from != options.remote) {
            ++stats.foreign;
            return;
        }
        const auto packet = parse_as<zep::Packet>(octets);
        if (!packet) {
            const Fault why = packet.error().fault;
            const bool other = why == Fault::unsupported || why == Fault::bad_version;
            ++(other ? stats.unsupported : stats.malformed);
            return;
        }
        const auto* data = std::get_if<zep::Data>(&packet->body);
        if (data == nullptr) {
            ++stats.acks;
            return;
        }
        Received received{.frame = data->frame.bytes(),
                          .lqi = data->lqi,
                          .channel = data->channel,
                          .has_fcs = data->trailer == zep::Trailer::fcs};
        if (received.frame.size() < frame_octets_min) {
            ++stats.malformed;
            return;
        }
        if (!received.has_fcs) {
            if ((std::to_integer<std::uint8_t>(received.frame.back()) & sound_bit) == 0) {
                ++stats.unsound;
                return;
            }
            received.frame = received.frame.first(received.frame.size() - 2);
        }
        ++stats.delivered;
        on_frame(received);
    }

    UdpSocket socket;
    Options options;
    std::uint32_t sequence = 0;
    zep::Packet outgoing;
    std::array<std::byte, zep::data_header_octets + zep::frame_octets_max> wire;
    Stats stats;
};

RadioPort::RadioPort(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
RadioPort::RadioPort(RadioPort&&) noexcept = default;
RadioPort& RadioPort::operator=(RadioPort&& other) noexcept {
    if (this != &other) {
        if (state_) state_->socket.close();
        state_ = std::move(other.state_);
    }
    return *this;
}
RadioPort::~RadioPort() {
    if (state_) state_->socket.close();
}

Opened<RadioPort> RadioPort::open(Io& io, const Options& options) {
    if (options.local.v6 != options.remote.v6) {
        return std::unexpected(Trouble{"cannot reach " + options.remote.text() + " from " +
                                           options.local.text() + ": one is IPv4, the other IPv6",
                                       {}});
    }
    auto socket = UdpSocket::open(io, options.local);
    if (!socket) return std::unexpected(socket.error());
    return RadioPort(std::make_shared<State>(std::move(*socket), options));
}

void RadioPort::receive(OnFrame on_frame) {
    state_->socket.receive([weak = std::weak_ptr<State>(state_), on_frame = std::move(on_frame)](
                               const Endpoint& from, Bytes octets) {
        if (const auto state = weak.lock()) state->take(from, octets, on_frame);
    });
}

bool RadioPort::send(Bytes frame_with_fcs, std::uint8_t lqi, std::uint8_t channel) {
    State& state = *state_;
    CAUSEWAY_ASSERT(frame_with_fcs.size() >= frame_octets_min &&
                    frame_with_fcs.size() <= zep::frame_octets_max);
    auto& data = std::get<zep::Data>(state.outgoing.body);
    data.channel = channel;
    data.device = state.options.device;
    data.lqi = lqi;
    data.time = zep::ntp_time(Clock::wall_now_ns());
    data.sequence = ++state.sequence;
    data.frame.assign(frame_with_fcs);
    ByteWriter out(state.wire);
    state.outgoing.emit(out);
    const bool away =
        state.socket.send(state.options.remote, Bytes(state.wire).first(out.written()));
    ++(away ? state.stats.sent : state.stats.send_refused);
    return away;
}

const Endpoint& RadioPort::local() const noexcept {
    return state_->socket.local();
}
const RadioPort::Stats& RadioPort::stats() const noexcept {
    return state_->stats;
}

}  // namespace causeway::net
