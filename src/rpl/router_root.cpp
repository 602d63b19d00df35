// What only the root does: versions, and the table of downward routes.
#include "rpl/router.hpp"

#include <algorithm>

namespace causeway::rpl {

namespace {

/// Unqualified rejection. [RFC 9010 §6.3, §12.6]
constexpr std::uint8_t status_rejected = 0x80;

}  // namespace

/// Somebody speaks of this root's own DODAG. A newer version than the root's is one from before the
/// root restarted: it has to be passed, or nobody would listen to the root. [RFC 6550 §7.2]
void Router::on_own_dio(Instant now, const Dio& dio) {
    if (dio.dodag != dodag_.id()) {
        ++stats_.other_dodag;
        return;
    }
    const Sequence heard(dio.version);
    if (heard.newer_than(dodag_.version())) global_repair(now, heard.next());
}

void Router::global_repair(Instant now, Sequence version) {
    ++stats_.global_repairs;
    dodag_.set_version(version);
    teller_.tell(now, "rpl.global_repair", version.value());
    start_trickle(now);
}

void Router::on_dao(Instant now, const MessageReceived& in, const Dao& dao) {
    if (dao.dodag && *dao.dodag != dodag_.id()) {
        ++stats_.other_dodag;
        return;
    }
    if (settings().mode != ModeOfOperation::non_storing) return;
    const std::uint8_t status = take_routes(now, dao);
    // "A node receiving a unicast DAO message with the 'K' flag set SHOULD respond", and without it
    // "MAY ..., especially to report an error condition". [RFC 6550 §9.3]
    if (dao.ack_wanted || status != 0)
        acknowledge(in.source, {.instance = dao.instance,
                                .sequence = dao.sequence,
                                .status = status,
                                .dodag = dao.dodag,
                                .options = {}});
    send_pending_acks(now);
}

/// The groups of a DAO: one or more targets, then one or more transits that hold for all of them.
/// [RFC 6550 §9.4] Returns the status for the answer.
std::uint8_t Router::take_routes(Instant now, const Dao& dao) {
    std::uint8_t status = 0;
    std::vector<Target> targets;
    std::vector<Transit> transits;
    const std::chrono::seconds unit(settings().lifetime_unit_seconds);
    const auto close_group = [&] {
        for (const Target& target : targets) {
            switch (root_->routes.update(now, target, transits, unit)) {
                case Routes::Update::accepted:
                case Routes::Update::refreshed:
                case Routes::Update::removed:
                    break;
                case Routes::Update::stale:
                    ++stats_.dao_stale;
                    break;
                case Routes::Update::refused:
                    ++stats_.routes_refused;
                    status = status_rejected;
                    break;
                case Routes::Update::table_full:
                    ++stats_.routes_table_full;
                    status = status_rejected;
                    break;
            }
        }
        targets.clear();
        transits.clear();
    };
    for (const Option& option : dao.options.list) {
        if (const auto* target = std::get_if<Target>(&option.data)) {
            if (!transits.empty()) close_group();
            targets.push_back(*target);
        } else if (const auto* transit = std::get_if<Transit>(&option.data)) {
            transits.push_back(*transit);
        }
    }
    close_group();
    return status;
}

/// An answer travels along a source route. Until the DAOs of those in between have come there is
/// none, so it waits for them rather than for the sender to ask again.
void Router::acknowledge(const ip::Address& target, const DaoAck& ack) {
    for (PendingAck& waiting : root_->pending)
        if (waiting.target == target) {
            waiting.ack = ack;  // only the last one asked for is of use
            return;
        }
    if (root_->pending.size() >= pending_acks_max) {
        ++stats_.acks_dropped;
        root_->pending.erase(root_->pending.begin());
    }
    root_->pending.push_back({target, ack});
}

/// One at a time: the first that can be sent, and the next when its time has come.
void Router::send_pending_acks(Instant now) {
    const auto can_go = [&](const PendingAck& waiting) {
        return waiting.ack.status >= 128 || root_->routes.source_route(waiting.target);
    };
    if (now < root_->next_ack) {
        if (!root_->pending.empty()) timers_.arm(Timer::answers, root_->next_ack);
        return;
    }
    const auto next = std::ranges::find_if(root_->pending, can_go);
    if (next == root_->pending.end()) return;
    ++stats_.dao_ack_sent;
    send(next->target, Code::dao_ack, next->ack, true);
    root_->pending.erase(next);
    root_->next_ack = after(now, ack_spacing);
    if (!root_->pending.empty()) timers_.arm(Timer::answers, root_->next_ack);
}

}  // namespace causeway::rpl
