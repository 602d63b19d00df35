// An external program sends what it likes, when it likes; nodes send and fail meanwhile. Nothing
// asserts, and the books balance.
#include "sim/medium.hpp"

#include <memory>

namespace causeway::sim {
namespace {

using link::ieee802154::Frame;

struct Listener final : Medium::Listener {
    std::array<bool, 3> busy{};
    void frame_received(std::uint32_t, const link::ieee802154::FrameReceived&) override {}
    void transmit_ended(std::uint32_t radio, bool) override { busy[radio] = false; }
};

}  // namespace
}  // namespace causeway::sim

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace causeway;
    using namespace causeway::sim;
    ByteReader in(std::as_bytes(std::span(data, size)));
    World world(1);
    Listener listener;
    MediumPlan plan;
    plan.radios = {{.at = {0, 0}, .eui64 = 1},
                   {.at = {30, 0}, .eui64 = 2},
                   {.at = {60, 0}, .eui64 = 3},
                   {.at = {30, 20}, .external = true}};
    Medium medium(world, plan, listener);
    std::array<bool, 3> on{};
    while (in.more()) {
        const std::uint8_t what = in.u8();
        const std::uint32_t radio = what % 3;
        const Frame frame(
            in.take(std::min<std::size_t>(in.u8() % (Frame::capacity + 1), in.remaining())));
        switch (what >> 6) {
            case 0:
                on[radio] = !on[radio];
                listener.busy[radio] = false;
                medium.set_power(radio, on[radio]);
                break;
            case 1:
                if (!on[radio] || listener.busy[radio]) break;
                listener.busy[radio] = true;
                medium.transmit(radio, {.frame = frame, .assess_channel = (what & 0x20) != 0});
                break;
            case 2:
                medium.transmit_external(3, frame);
                break;
            default:
                world.run_until(world.now() + std::chrono::microseconds(100) * what);
                break;
        }
    }
    world.run_until(world.now() + std::chrono::seconds(1));
    CAUSEWAY_ASSERT(medium.stats().balanced());
    for (std::uint32_t i = 0; i < 3; ++i)
        CAUSEWAY_ASSERT(medium.times(i).total() == world.now() - Instant{});
    return 0;
}
