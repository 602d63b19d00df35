// Any octets, on a line of any kind, to a channel of any role: what it hands over is within bounds,
// its books balance, what it sends is sound. [IEEE 1815 §8, §9]
#include "scada/dnp3/channel.hpp"
#include "scada/dnp3/link.hpp"

#include <algorithm>

namespace causeway::scada::dnp3::dnp3_channel_fuzz {
namespace {

std::vector<SessionPlan> plans(bool master, bool confirm) {
    if (master)
        return {{.local = 1, .remote = 10, .confirm_frames = confirm},
                {.local = 1, .remote = 11, .fragment_octets_max = 300}};
    return {{.local = 10, .remote = 1, .confirm_frames = confirm},
            {.local = 11, .any_remote = true}};
}

/// As many octets as the next one says, or there are.
Bytes some(ByteReader& in, std::size_t most) {
    const std::size_t wanted = in.u8();
    return in.take(std::min(most, std::min(wanted, in.remaining())));
}

void drain(Channel& channel, bool datagrams) {
    while (const auto out = channel.poll_output()) {
        if (const auto* received = std::get_if<Channel::Received>(&*out)) {
            CAUSEWAY_ASSERT(!received->fragment.octets.empty());
            CAUSEWAY_ASSERT(received->fragment.octets.size() <= fragment_octets_max);
        } else if (const auto* transmit = std::get_if<Transmit>(&*out)) {
            CAUSEWAY_ASSERT(!datagrams || transmit->octets.size() <= 600);
            Framer framer;
            framer.feed(transmit->octets);
            while (framer.next()) {
            }
            CAUSEWAY_ASSERT(framer.pending() == 0 && framer.stats().noise_octets == 0);
        }
    }
    CAUSEWAY_ASSERT(channel.stats().balanced());
}

}  // namespace
}  // namespace causeway::scada::dnp3::dnp3_channel_fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace causeway;
    using namespace causeway::scada;
    using namespace causeway::scada::dnp3;
    using namespace causeway::scada::dnp3::dnp3_channel_fuzz;
    ByteReader in(std::as_bytes(std::span(data, size)));
    const unsigned kind = in.u8();
    const bool datagrams = (kind & 2) != 0;
    Channel channel({.master = (kind & 1) != 0,
                     .datagrams = datagrams,
                     .datagram_octets_max = 600,
                     .take_turns = (kind & 4) != 0,
                     .self_address = (kind & 8) != 0,
                     .newest_wins = (kind & 16) != 0},
                    plans((kind & 1) != 0, (kind & 32) != 0));
    Instant now{};
    channel.handle(now, LineOpened{});
    drain(channel, datagrams);
    while (in.more()) {
        const unsigned what = in.u8();
        now += std::chrono::milliseconds(1 << (what >> 4));
        const PeerId peer{what >> 3 & 1};
        switch (what & 7) {
            case 0:
                channel.handle(now, LineOpened{peer});
                break;
            case 1:
                channel.handle(now, LineClosed{peer});
                break;
            case 2:
                channel.handle(now, Channel::TurnOver{what >> 3 & 1});
                break;
            case 3:
                channel.handle(now, Channel::Send{what >> 3 & 1, {in.le16(), Octets(in.u8() * 9)}});
                break;
            case 4:
                channel.handle_timeout(now);
                break;
            case 5: {  // a sound frame, so that what comes after checksums is reached
                FrameHeader header{.from_master = (kind & 1) == 0};
                const unsigned control = in.u8();
                header.primary = (control & 0x40) != 0;
                header.count_bit = (control & 0x20) != 0;
                header.count_valid = (control & 0x10) != 0;
                header.function = control & 0x0f;
                header.destination = in.u8();
                header.source = in.u8();
                Octets octets;
                append_frame(header, {}, some(in, frame_data_max), octets);
                channel.handle(now, OctetsReceived{peer, octets});
                break;
            }
            default:
                channel.handle(now, OctetsReceived{peer, some(in, 255)});
        }
        drain(channel, datagrams);
        if (channel.next_deadline() <= now) {
            channel.handle_timeout(now);
            drain(channel, datagrams);
            CAUSEWAY_ASSERT(channel.next_deadline() > now);
        }
    }
    return 0;
}
