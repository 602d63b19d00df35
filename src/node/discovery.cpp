#include "node/discovery.hpp"

namespace causeway::node {
namespace {

using namespace std::chrono_literals;

/// MAX_RTR_SOLICITATION_DELAY: "this serves to alleviate congestion when many hosts start up on a
/// link at the same time" [RFC 4861 §6.3.7]; and a node changes its first parents often.
constexpr Duration solicitation_delay_max = 1s;
// Between router solicitations: a truncated binary back-off. [RFC 6775 §5.3] A parent that knows
// nothing yet remembers who asked: in a mesh of 1000 nodes that start together, asking it every two
// seconds cost 18 frames a node and ten times the air that the answers take.
constexpr Duration solicitation_interval = 5s;
constexpr Duration solicitation_interval_max = 60s;
/// What the root says its contexts and itself are good for. [RFC 6775 §9 suggests days]
constexpr std::uint16_t lifetime_minutes = 1440;

ip::nd::LinkAddress link_address(std::uint64_t eui64) {
    std::array<std::byte, 8> octets{};
    ByteWriter(octets).be64(eui64);
    ip::nd::LinkAddress address;
    address.octets.assign(octets);
    return address;
}

}  // namespace

Discovery::Discovery(Config config, Random random, Instant)
    : config_(std::move(config)), random_(random) {
    if (!config_.root) return;
    contexts_.push_back({.id = 0,
                         .compress = true,
                         .lifetime_minutes = lifetime_minutes,
                         .prefix = config_.prefix});
    out_.push(ContextLearned{0, {.prefix = config_.prefix}});
}

void Discovery::handle(Instant now, Input in) {
    std::visit(Overloaded{
                   [&](const MessageReceived& message) { received(now, message); },
                   [&](const ParentChanged& change) {
                       parent_ = change.parent;
                       attempts_ = 0;
                       if (!parent_) {
                           timers_.disarm(Timer::solicit);
                       } else if (contexts_.empty()) {
                           const Duration delay = random_.within(solicitation_delay_max);
                           timers_.arm(Timer::solicit, after(now, delay));
                       }
                   },
                   [&](const AddressConfigured& configured) {
                       global_ = configured.global;
                       if (config_.root)
                           border_router_ = {.version = 1,
                                             .lifetime_minutes = lifetime_minutes,
                                             .address = configured.global};
                   },
               },
               in);
}

void Discovery::handle_timeout(Instant now) {
    if (timers_.take_expired(Timer::solicit, now) && parent_ && contexts_.empty()) solicit(now);
    if (timers_.take_expired(Timer::refresh, now) && parent_) {
        attempts_ = 0;
        solicit(now);
    }
}

void Discovery::solicit(Instant now) {
    ++stats_.solicited;
    send(*parent_, ip::nd::RouterSolicitation{{link_address(config_.eui64)}});
    const Duration wait = std::min<Duration>(solicitation_interval * (1 << std::min(attempts_, 5u)),
                                             solicitation_interval_max);
    ++attempts_;
    timers_.arm(Timer::solicit, now + wait + random_.within(wait / 4));
}

void Discovery::received(Instant now, const MessageReceived& in) {
    ++stats_.received;
    ByteReader header(in.message);
    ip::Icmpv6View view;
    view.type = header.u8();
    view.code = header.u8();
    header.be16();
    view.body = header.rest();
    view.message = in.message;
    const auto message = ip::nd::receive(in.envelope, view);
    if (!message) {
        ++stats_.invalid;
        return;
    }
    std::visit(Overloaded{
                   [&](const ip::nd::RouterSolicitation&) { solicited(in.envelope.source); },
                   [&](const ip::nd::RouterAdvertisement& advertisement) {
                       advertised(now, advertisement, in.envelope.source);
                   },
                   [&](const ip::nd::NeighbourSolicitation& solicitation) {
                       asked(solicitation, in.envelope.source);
                   },
                   [&](const auto&) { ++stats_.not_ours; },
               },
               *message);
}

void Discovery::solicited(const ip::Address& from) {
    if (from.is_unspecified()) {  // nowhere to answer to
        ++stats_.not_ours;
        return;
    }
    if (contexts_.empty() || !border_router_) {  // nothing to say yet
        const bool asked_before = std::ranges::find(waiting_, from) != waiting_.end();
        ++(asked_before || !waiting_.full() ? stats_.used : stats_.not_ours);
        if (!asked_before && !waiting_.full()) waiting_.push_back(from);
        return;
    }
    ++stats_.used;
    advertise(from);
}

void Discovery::advertise(const ip::Address& to) {
    ip::nd::RouterAdvertisement advertisement{.hop_limit = 64, .router_lifetime_seconds = 1800};
    advertisement.options.push_back(link_address(config_.eui64));
    for (const auto& context : contexts_) advertisement.options.push_back(context);
    advertisement.options.push_back(*border_router_);
    send(to, advertisement);
}

void Discovery::advertised(Instant now, const ip::nd::RouterAdvertisement& advertisement,
                           const ip::Address& from) {
    // Only the parent is listened to, and an older version of what the border router said is
    // passed over. [RFC 6775 §8.1.3]
    const auto* border_router = ip::nd::find<ip::nd::BorderRouter>(advertisement.options);
    const bool stale =
        border_router != nullptr && border_router_ &&
        border_router->address == border_router_->address &&
        static_cast<std::int32_t>(border_router->version - border_router_->version) < 0;
    if (config_.root || from != parent_ || stale) {
        ++stats_.not_ours;
        return;
    }
    ++stats_.used;
    if (border_router != nullptr) border_router_ = *border_router;
    std::uint16_t shortest = 0xffff;
    for (const auto& option : advertisement.options) {
        const auto* context = std::get_if<ip::nd::Context>(&option);
        if (context == nullptr || context->id >= lowpan::Contexts::contexts_max) continue;
        std::erase_if(contexts_, [&](const auto& known) { return known.id == context->id; });
        if (context->lifetime_minutes == 0 || contexts_.size() == contexts_passed_on_max) continue;
        contexts_.push_back(*context);
        shortest = std::min(shortest, context->lifetime_minutes);
        out_.push(
            ContextLearned{context->id,
                           {.prefix = context->prefix,
                            .compression_allowed = context->compress,
                            .valid_until = now + std::chrono::minutes(context->lifetime_minutes)}});
    }
    if (contexts_.empty()) return;
    timers_.disarm(Timer::solicit);
    if (border_router_)
        for (const ip::Address& asker : std::exchange(waiting_, {})) advertise(asker);
    // In good time before the first of them ends. [RFC 6775 §5.4.3]
    timers_.arm(Timer::refresh, now + std::chrono::minutes(shortest) / 2 +
                                    random_.within(std::chrono::minutes(shortest) / 8));
}

void Discovery::asked(const ip::nd::NeighbourSolicitation& solicitation, const ip::Address& from) {
    const bool ours =
        solicitation.target == config_.link_local || (global_ && solicitation.target == *global_);
    if (!ours) {
        ++stats_.not_ours;
        return;
    }
    ++stats_.used;
    ip::nd::NeighbourAdvertisement answer{.router = true,
                                          .solicited = !from.is_unspecified(),
                                          .override_cache = true,
                                          .target = solicitation.target};
    auto own = link_address(config_.eui64);
    own.of_target = true;
    answer.options.push_back(own);
    // A registration is granted: routes to leaves come from their parent's DAO, not from here.
    if (const auto* wanted = ip::nd::find<ip::nd::AddressRegistration>(solicitation.options)) {
        auto granted = *wanted;
        granted.status = ip::nd::RegistrationStatus::success;
        answer.options.push_back(granted);
    }
    send(from.is_unspecified() ? ip::all_nodes() : from, answer);
}

template <class Message>
void Discovery::send(const ip::Address& target, const Message& message) {
    out_.push(SendMessage{target, emitted(message)});
}

}  // namespace causeway::node
