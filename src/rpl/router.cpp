#include "rpl/router.hpp"

#include <algorithm>

namespace causeway::rpl {

namespace {

ip::Address root_address(const Router::Config& config) {
    return config.prefix ? config.prefix->with(config.interface_id) : ip::Address{};
}

/// Imin and Imax as announced, within what makes sense: 8 ms (DEFAULT_DIO_INTERVAL_MIN) to 9 hours.
/// What is announced is passed on unchanged; only this node's timer is bounded.
Trickle::Config trickle_config(const Settings& settings) {
    const unsigned min = std::clamp<unsigned>(settings.dio_interval_min, 3, 25);
    const unsigned doublings = std::min<unsigned>(settings.dio_interval_doublings, 25 - min);
    return {.interval_min = std::chrono::milliseconds(std::int64_t{1} << min),
            .doublings = doublings,
            .redundancy = settings.dio_redundancy};
}

enum RandomLabel : std::uint64_t { for_trickle = 1, for_registration = 2, for_router = 3 };

}  // namespace

Router::Router(Config config, Random random, Teller teller, Instant now)
    : config_(std::move(config)),
      random_(random.fork(for_router)),
      teller_(teller),
      dodag_(config_.root ? Dodag(config_.settings, config_.link_local, root_address(config_),
                                  config_.prefix.value_or(ip::Prefix{}))
                          : Dodag(config_.settings, config_.link_local)),
      registration_(random.fork(for_registration)) {
    if (config_.root) {
        global_ = root_address(config_);
        root_ = std::make_unique<Root>(Root{.routes = Routes(*global_, config_.settings.routes_max),
                                            .pending = {},
                                            .next_ack = {}});
        announce_prefix();
        start_trickle(now);
    } else {
        arm_solicit(now, solicit_first * 3 / 2);
    }
    set_deadline();
}

void Router::handle(Instant now, Input in) {
    std::visit(Overloaded{
                   [&](const MessageReceived& message) { on_message(now, message); },
                   [&](const LinkMeasured& link) { on_link(now, link); },
                   [&](const NeighbourUnreachable& lost) {
                       if (dodag_.unreachable(now, lost.neighbour)) reselect(now);
                       if (root_ && announced_)
                           (void)root_->routes.demote(
                               announced_->with(lost.neighbour.interface_id()), *global_);
                   },
                   [&](const RankErrorSeen&) { on_rank_error(now); },
                   [&](const SourceRouteFailed& failed) {
                       if (root_) (void)root_->routes.demote(failed.unreachable, failed.reporter);
                   },
                   [&](const GlobalRepair&) {
                       if (root_) global_repair(now, dodag_.version().next());
                   },
                   [&](const LocalRepair&) { on_local_repair(now); },
               },
               in);
    set_deadline();
}

void Router::handle_timeout(Instant now) {
    if (now < deadline_) return;
    if (dodag_.phase_ends() <= now) {
        dodag_.end_phase(now);
        if (!dodag_.known()) trickle_.reset();  // forgotten, and so is what we said of it
        if (!timers_.armed(Timer::solicit)) {
            solicit_wait_ = solicit_first;
            arm_solicit(now, solicit_first / 8);
        }
        reselect(now);
    }
    if (trickle_) {
        trickle_->handle_timeout(now);
        if (trickle_->poll_output()) send_dio(now, ip::all_rpl_nodes(), false);
    }
    if (timers_.take_expired(Timer::solicit, now)) solicit(now);
    if (timers_.take_expired(Timer::probe, now)) probe(now);
    if (timers_.take_expired(Timer::answers, now)) send_pending_acks(now);
    if (registration_.next_deadline() <= now) {
        if (registration_.due(now, dodag_)) send_dao(now);
        if (registration_.has_given_up()) {
            ++stats_.dao_given_up;
            teller_.tell(now, "rpl.dao_given_up");
        }
    }
    if (root_) root_->routes.expire(now);
    set_deadline();
}

/// Has the DODAG choose again, and does what follows from it.
void Router::reselect(Instant now) {
    if (root_) return;
    const bool was_attached = dodag_.attached();
    const Selection selection = dodag_.select(now);
    if (selection.lost) {
        // "A node poisons routes by advertising a Rank of INFINITE_RANK." [RFC 6550 §8.2.2.5]
        ++stats_.poisonings;
        teller_.tell(now, "rpl.poisoned");
        registration_.cancel();
        timers_.disarm(Timer::probe);
        out_.push(ParentChanged{});
        reset_trickle(now);
        return;
    }
    if (!dodag_.attached()) return;
    announce_prefix();
    if (!was_attached) {
        ++stats_.joins;
        teller_.tell(now, "rpl.joined", dodag_.rank());
        timers_.disarm(Timer::solicit);
        solicit_wait_ = solicit_first;
    }
    if (selection.preferred_changed) {
        ++stats_.parent_changes;
        teller_.tell(now, "rpl.parent_changed", dodag_.rank(), dodag_.preferred()->bytes());
        out_.push(ParentChanged{dodag_.preferred()});
        probes_fast_ = probes_fast_max;
        arm_probe(now);
    }
    if (selection.preferred_changed || selection.set_changed) registration_.request(now, dodag_);
    if (!trickle_) return start_trickle(now);
    // A Rank that children have to know of soon: back from none, or off by a whole hop, or far out,
    // where that is noise, by what makes them choose anew.
    const int moved = int{dodag_.rank()} - int{dodag_.last_advertised()};
    const int much = std::max<int>(min_hop_rank_increase(),
                                   static_cast<int>(dodag_.rank() / mrhof::parent_switch_share));
    if (!was_attached || moved >= much || -moved >= much) reset_trickle(now);
}

void Router::announce_prefix() {
    const std::optional<PrefixInformation>& info = dodag_.prefix();
    if (!info || !info->autonomous || info->length != 64) return;
    const ip::Prefix prefix = info->prefix();
    if (announced_ == prefix) return;
    announced_ = prefix;
    global_ = prefix.with(config_.interface_id);
    out_.push(PrefixAnnounced{prefix});
}

void Router::start_trickle(Instant now) {
    trickle_.emplace(trickle_config(dodag_.settings()), random_.fork(for_trickle), now);
    random_.next();  // the next timer, of another DODAG, gets a stream of its own
}

void Router::reset_trickle(Instant now) {
    if (!trickle_) return;
    ++stats_.trickle_resets;
    trickle_->handle(now, Trickle::HeardInconsistent{});
}

void Router::send_dio(Instant now, const ip::Address& target, bool bare) {
    Dio dio = dodag_.describe(global_, bare);
    dio.dtsn = dtsn_.value();
    ++(target.is_multicast() ? stats_.dio_sent : stats_.dio_unicast_sent);
    dodag_.advertised(now, dio.rank);
    send(target, Code::dio, dio, false);
}

void Router::send_dao(Instant now) {
    // "If the MOP is 0 ... nodes MUST NOT transmit DAO messages." [RFC 6550 §9.2, rule 2]
    if (!dodag_.attached() || !global_ || settings().mode != ModeOfOperation::non_storing)
        return registration_.cancel();
    const Dao dao = registration_.compose(now, dodag_, *global_);
    // "The DODAG Parent Address subfield ... MUST contain one or more addresses." [§9.7, rule 1]
    if (dao.options.find<Transit>() == nullptr) {
        registration_.cancel();
        return registration_.postpone(now, dao_delay * 4);
    }
    ++stats_.dao_sent;
    if (registration_.retries() > 0) ++stats_.dao_retries;
    send(dodag_.id(), Code::dao, dao, true);
}

/// Asks everybody in reach for a DODAG. [RFC 6550 §18.2.1.1]
void Router::solicit(Instant now) {
    if (dodag_.attached() || dodag_.repairing()) return;
    ++stats_.dis_sent;
    send(ip::all_rpl_nodes(), Code::dis, Dis{}, false);
    solicit_wait_ = std::min(solicit_wait_ * 2, solicit_max);
    arm_solicit(now, solicit_wait_);
}

void Router::arm_solicit(Instant now, Duration around) {
    timers_.arm(Timer::solicit, after(now, around / 2 + random_.within(around)));
}

/// A unicast DIO whose acknowledgements tell about the link: candidates carry no traffic, and
/// without it nobody would ever learn how good they are. [RFC 6719 §3.1, RFC 6550 §13]
void Router::probe(Instant now) {
    if (!dodag_.attached()) return;
    const bool suspicious = std::exchange(suspicious_, false);
    if (Neighbour* neighbour =
            suspicious ? dodag_.preferred_neighbour() : dodag_.worth_probing(now)) {
        neighbour->probed = std::max(now, Instant(Duration(1)));
        if (probes_fast_ > 0) --probes_fast_;
        send_dio(now, neighbour->link_local, true);
    } else {
        probes_fast_ = 0;
    }
    arm_probe(now);
}

void Router::arm_probe(Instant now) {
    const Duration least = probes_fast_ > 0 ? probe_interval_fast : probe_interval;
    timers_.arm(Timer::probe, after(now, least + random_.within(least)));
}

void Router::on_link(Instant now, const LinkMeasured& link) {
    const Dodag::LinkNews news = dodag_.measured(now, link.neighbour, link.etx_128, link.fresh);
    if (!news.changed) return;
    const std::optional<ip::Address> parent = dodag_.preferred();
    reselect(now);
    if (!news.suspicious || parent != dodag_.preferred()) return;
    suspicious_ = true;
    const Instant soon = after(now, probe_suspicion + random_.within(probe_suspicion));
    timers_.arm(Timer::probe, std::min(soon, timers_.due(Timer::probe)));
}

/// A bound on what strangers can make this node send.
bool Router::may_answer(Instant now) noexcept {
    if (now >= answers_until_) {
        answers_until_ = after(now, std::chrono::seconds(1));
        answers_ = 0;
    }
    if (answers_ == answers_per_second_max) {
        ++stats_.answers_refused;
        return false;
    }
    ++answers_;
    return true;
}

template <Repr Message>
void Router::send(const ip::Address& target, Code code, const Message& message, bool from_global) {
    out_.push(SendMessage{.target = target,
                          .code = std::to_underlying(code),
                          .body = emitted(message),
                          .from_global = from_global});
}
template void Router::send(const ip::Address&, Code, const Dis&, bool);
template void Router::send(const ip::Address&, Code, const Dio&, bool);
template void Router::send(const ip::Address&, Code, const DaoAck&, bool);

void Router::set_deadline() noexcept {
    deadline_ = std::min({timers_.next(), registration_.next_deadline(), dodag_.phase_ends()});
    if (trickle_) deadline_ = std::min(deadline_, trickle_->next_deadline());
    if (root_) deadline_ = std::min(deadline_, root_->routes.next_expiry());
}

bool Router::reachable() const noexcept {
    if (!joined() || root_) return joined();
    if (settings().mode != ModeOfOperation::non_storing || !settings().dao_ack) return true;
    return registration_.accepted();
}

std::optional<ip::Address> Router::dodag_id() const noexcept {
    return dodag_.known() ? std::optional(dodag_.id()) : std::nullopt;
}

std::optional<SourceRoute> Router::source_route(const ip::Address& target) const {
    return root_ ? root_->routes.source_route(target) : std::nullopt;
}

}  // namespace causeway::rpl
