// A whole node under forged frames: nothing crashes, nothing is wedged, nothing grows without
// bound.
// The input is a list of steps: wait, hear a frame, answer the radio, or take a packet from a host.
#include "link/ieee802154/mac.hpp"
#include "node/node.hpp"

#include <cstdlib>

namespace {

using namespace causeway;

struct Harness {
    explicit Harness(bool root)
        : node({.eui64 = root ? 0x0200'0000'0000'1000u : 0x0200'0000'0000'1001u,
                .root = root,
                .prefix = *ip::Prefix::from_text("fd00:ca5e::/64"),
                .sensors = {{.name = "t", .every = std::chrono::seconds(10)}}},
               Random(1), {}, Instant{}) {
        drain();
    }

    void drain() {
        for (int outputs = 0;; ++outputs) {
            if (outputs > 1000) std::abort();
            const auto out = node.poll_output();
            if (!out) return;
            if (!std::holds_alternative<link::ieee802154::TransmitFrame>(*out)) continue;
            // At most one frame with the radio, unless that has been silent for too long.
            if (radio_busy && now - handed_over < link::ieee802154::Mac::radio_answer_max)
                std::abort();
            radio_busy = true;
            handed_over = now;
        }
    }

    void until(Instant end) {
        for (int turns = 0; node.next_deadline() <= end; ++turns) {
            if (turns > 100'000) std::abort();
            now = std::max(now, node.next_deadline());
            node.handle_timeout(now);
            drain();
        }
        now = end;
    }

    node::Node node;
    Instant now{};
    Instant handed_over{};
    bool radio_busy = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ByteReader in(std::as_bytes(std::span(data, size)));
    Harness harness((in.u8() & 1) != 0);
    while (in.more()) {
        const std::uint8_t step = in.u8();
        if ((step & 3) == 0) {
            harness.until(harness.now + std::chrono::milliseconds(in.u8()) * (step >> 2));
        } else if ((step & 3) == 1 && harness.radio_busy) {
            harness.radio_busy = false;
            harness.node.handle(harness.now, link::ieee802154::TransmitEnded{(step & 4) != 0});
        } else if ((step & 3) == 2) {
            const Bytes frame = in.take(std::min<std::size_t>(in.u8() % 126, in.remaining()));
            harness.node.handle(harness.now, link::ieee802154::FrameReceived{
                                                 link::ieee802154::Frame(frame), -60, 200});
        } else if ((step & 3) == 3) {
            const Bytes packet = in.take(std::min<std::size_t>(in.u8(), in.remaining()));
            harness.node.handle(harness.now, node::PacketFromHost{to_octets(packet)});
        }
        harness.drain();
    }
    return 0;
}
