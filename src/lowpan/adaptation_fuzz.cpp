// Frames, packets and outcomes in any order. Every packet is answered once, limits hold, counters
// balance, time moves on.
#include "lowpan/adaptation.hpp"

namespace {

using namespace causeway;
using namespace causeway::lowpan;

using Link = link::ieee802154::Address;

struct Host {
    Adaptation engine;
    std::vector<SendFrame> frames;
    std::uint64_t answered = 0;

    void drain() {
        while (auto out = engine.poll_output()) {
            std::visit(
                Overloaded{
                    [&](SendFrame& frame) {
                        CAUSEWAY_ASSERT(frame.header_octets <= frame.payload.size());
                        CAUSEWAY_ASSERT(!frame.payload.empty());
                        frames.push_back(std::move(frame));
                    },
                    [](PacketArrived& packet) { CAUSEWAY_ASSERT(packet.packet.size() >= 40); },
                    [&](PacketSent& sent) {
                        ++answered;
                        CAUSEWAY_ASSERT(sent.delivered == (sent.reason == PacketFailure::none));
                    }},
                *out);
        }
        CAUSEWAY_ASSERT(engine.stats().balanced());
        CAUSEWAY_ASSERT(frames.size() <= 2 * engine.settings().outgoing_packets_max);
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ByteReader in(std::as_bytes(std::span(data, size)));
    Contexts contexts;
    contexts.set(
        0, {.prefix = ip::Prefix::of({}, 64), .valid_until = Instant(std::chrono::seconds(9))});
    Instant now{};
    Host host{
        .engine = Adaptation(Link::extended(1), {.reassemblies_max = 2}, contexts, Random(1), now),
        .frames = {}};
    std::uint64_t asked = 0;
    while (in.more()) {
        const unsigned control = in.u8();
        const unsigned extra = in.u8();
        switch (control & 3) {
            case 0: {
                const std::size_t n = std::min<std::size_t>(extra, frame_payload_capacity);
                const Bytes payload = in.take(std::min(n, in.remaining()));
                host.engine.handle(now, FrameArrived{Link::extended(2 + (control >> 6)),
                                                     Link::extended(1), FramePayload(payload)});
                break;
            }
            case 1: {
                // A plausible header, then what the input has.
                const Bytes start = in.take(std::min<std::size_t>(extra, in.remaining()));
                Octets packet(std::size_t{extra} * 6);
                std::ranges::copy(start.first(std::min(start.size(), packet.size())),
                                  packet.begin());
                if (packet.size() >= 40 && (control & 4) != 0) {
                    packet[0] = std::byte{0x60};
                    packet[4] = std::byte((packet.size() - 40) >> 8);
                    packet[5] = std::byte((packet.size() - 40) & 0xff);
                }
                ++asked;
                host.engine.handle(
                    now, SendPacket{std::move(packet),
                                    (control & 8) != 0 ? Link::broadcast() : Link::extended(2),
                                    extra, (control & 16) != 0});
                break;
            }
            case 2:
                if (!host.frames.empty()) {
                    const std::size_t which = extra % host.frames.size();
                    const std::uint32_t handle = host.frames[which].frame_handle;
                    host.frames.erase(host.frames.begin() + std::ptrdiff_t(which));
                    host.engine.handle(now, FrameSent{handle, (control & 0xf0) != 0,
                                                      static_cast<std::uint8_t>(extra), 125});
                }
                break;
            default:
                if (extra == 255) host.engine.handle(now, Disassociated{});
                now += std::chrono::milliseconds(extra * 16);
                host.engine.handle_timeout(now);
                CAUSEWAY_ASSERT(host.engine.next_deadline() > now);
        }
        host.drain();
        CAUSEWAY_ASSERT(host.answered + host.engine.outgoing_packets() == asked);
        while (host.frames.size() > 12) host.frames.erase(host.frames.begin());
    }
    return 0;
}
