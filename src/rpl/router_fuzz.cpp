// A router and a root under a forged script of messages, link news and time: the engine's laws
// hold, tables stay bounded, counters balance.
#include "rpl/router.hpp"

#include <cstdlib>

namespace {

using namespace causeway;

ip::InterfaceId iid(std::uint8_t n) {
    ip::InterfaceId id{};
    id[0] = std::byte{2};
    id[7] = std::byte{n};
    return id;
}

void drain(rpl::Router& router) {
    for (int i = 0; router.poll_output(); ++i)
        if (i > 64) std::abort();
}

void advance(rpl::Router& router, Instant now) {
    for (int i = 0; router.next_deadline() <= now; ++i) {
        const Instant before = router.next_deadline();
        router.handle_timeout(now);
        bool spoke = false;
        while (router.poll_output()) spoke = true;
        if (!spoke && router.next_deadline() <= before) std::abort();
        if (i > 1000) std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ByteReader in(std::as_bytes(std::span(data, size)));
    rpl::Settings settings;
    settings.neighbours_max = 4;
    settings.routes_max = 16;
    const bool root = (in.u8() & 1) != 0;
    rpl::Router::Config config{.root = root,
                               .link_local = ip::link_local(iid(1)),
                               .interface_id = iid(1),
                               .prefix = {},
                               .settings = settings};
    const ip::Prefix mesh = *ip::Prefix::from_text("fd00::/64");
    if (root) config.prefix = mesh;
    Instant now{};
    rpl::Router router(config, Random(1), {}, now);
    drain(router);
    for (int step = 0; in.more() && step < 256; ++step) {
        const std::uint8_t what = in.u8();
        const std::uint8_t who = in.u8() % 8;
        switch (what % 12) {
            case 0:
                router.handle(now, rpl::Router::LocalRepair{});
                break;
            case 1:
                router.handle(now, rpl::Router::GlobalRepair{});
                break;
            case 2:
                router.handle(now, rpl::Router::RankErrorSeen{});
                break;
            case 3:
                router.handle(now, rpl::Router::NeighbourUnreachable{ip::link_local(iid(who))});
                break;
            case 4: {
                const std::uint16_t etx = in.be16();
                router.handle(now, rpl::Router::LinkMeasured{ip::link_local(iid(who)), etx,
                                                             (what & 0x80) != 0});
                break;
            }
            case 5:
                now += std::chrono::milliseconds(in.be16());
                break;
            case 6:
                now += std::chrono::seconds(in.u8());
                break;
            case 7:
                router.handle(now, rpl::Router::SourceRouteFailed{mesh.with(iid(who)),
                                                                  mesh.with(iid(in.u8() % 8))});
                break;
            default: {
                const std::uint8_t code = in.u8();
                const std::size_t length = in.u8();
                const Bytes body = in.take(std::min(length, in.remaining()));
                const bool global = (what & 0x40) != 0;
                router.handle(
                    now,
                    rpl::Router::MessageReceived{
                        .source = global ? mesh.with(iid(who)) : ip::link_local(iid(who)),
                        .target = (what & 0x20) != 0 ? ip::all_rpl_nodes() : ip::link_local(iid(1)),
                        .code = static_cast<std::uint8_t>((what & 0x10) != 0 ? code : code % 4),
                        .body = to_octets(body)});
                break;
            }
        }
        drain(router);
        advance(router, now);
        for (std::uint8_t n = 0; n < 8; ++n) (void)router.source_route(mesh.with(iid(n)));
        if (router.dodag().neighbours().size() > settings.neighbours_max) std::abort();
        if (router.routes() != nullptr && router.routes()->size() > settings.routes_max)
            std::abort();
        if (!router.stats().balanced()) std::abort();
        if (router.joined() != (router.rank() != rpl::infinite_rank)) std::abort();
    }
    return 0;
}
