// What a router does with the messages it hears.
#include "rpl/router.hpp"

namespace causeway::rpl {

namespace {

bool satisfied(const SolicitedInformation& asked, const Dodag& dodag) noexcept {
    return (!asked.instance || *asked.instance == dodag.settings().instance) &&
           (!asked.dodag || *asked.dodag == dodag.id()) &&
           (!asked.version || *asked.version == dodag.version().value());
}

}  // namespace

void Router::on_message(Instant now, const MessageReceived& in) {
    ++stats_.messages_received;
    // Messages between neighbours have link-local sources; DAOs and their answers cross the DODAG
    // and "MUST be a unique-local or a global address". [RFC 6550 §6, §9.1]
    const auto take = [&]<class Message>(bool link_local, std::uint64_t& counter,
                                         const auto& instance_of, const auto& act,
                                         std::type_identity<Message>) {
        if (in.source.is_link_local() != link_local || in.source.is_multicast()) {
            ++stats_.wrong_source;
            return;
        }
        const Result<Message> message = parse_as<Message>(in.body);
        if (!message) {
            ++stats_.malformed;
            return;
        }
        if (instance_of(*message) != config_.settings.instance) {
            ++stats_.other_instance;
            return;
        }
        ++counter;
        act(*message);
    };
    const auto instance = [](const auto& message) { return message.instance; };
    switch (Code(in.code)) {
        case Code::dis:
            return take(
                true, stats_.dis_received, [&](const Dis&) { return config_.settings.instance; },
                [&](const Dis& dis) { on_dis(now, in, dis); }, std::type_identity<Dis>{});
        case Code::dio:
            return take(
                true, stats_.dio_received, instance, [&](const Dio& dio) { on_dio(now, in, dio); },
                std::type_identity<Dio>{});
        case Code::dao:
            if (!root_) {
                ++stats_.not_for_us;
                return;
            }
            return take(
                false, stats_.dao_received, instance, [&](const Dao& dao) { on_dao(now, in, dao); },
                std::type_identity<Dao>{});
        case Code::dao_ack:
            if (root_) {
                ++stats_.not_for_us;
                return;
            }
            return take(
                false, stats_.dao_ack_received, instance,
                [&](const DaoAck& ack) { on_dao_ack(now, ack); }, std::type_identity<DaoAck>{});
        case Code::secure_dis:
        case Code::secure_dio:
        case Code::secure_dao:
        case Code::secure_dao_ack:
        case Code::consistency_check:
            ++stats_.secure_refused;
            return;
    }
    // "The node MUST discard the message without any further processing." [RFC 6550 §6]
    ++stats_.unknown_code;
}

void Router::on_dis(Instant now, const MessageReceived& in, const Dis& dis) {
    if (!trickle_) return;  // nothing to tell
    const auto* asked = dis.options.find<SolicitedInformation>();
    if (asked != nullptr && !satisfied(*asked, dodag_)) return;
    // [RFC 6550 §8.3] A multicast DIS is an inconsistency, a unicast one wants an answer, "with a
    // DODAG Configuration option".
    if (in.target.is_multicast()) return reset_trickle(now);
    if (may_answer(now)) send_dio(now, in.source, false);
}

void Router::on_dio(Instant now, const MessageReceived& in, const Dio& dio) {
    if (root_) return on_own_dio(now, dio);
    const std::optional<ip::Address> parent = dodag_.preferred();
    const std::uint16_t rank = dodag_.rank();
    const DioVerdict verdict = dodag_.hear(now, in.source, in.rssi_dbm, dio);
    switch (verdict.fate) {
        case DioFate::taken:
            break;
        case DioFate::other_dodag:
            ++stats_.other_dodag;
            return;
        case DioFate::unusable:
            ++stats_.dio_unusable;
            return;
        case DioFate::table_full:
            ++stats_.neighbours_refused;
            return;
        case DioFate::needs_configuration:
            // "A node MAY transmit a unicast DIS message to a potential DODAG parent in order to
            // probe for DODAG Configuration and other parameters." [RFC 6550 §8.3]
            if (may_answer(now)) {
                ++stats_.dis_sent;
                send(in.source, Code::dis, Dis{}, false);
            }
            return;
    }
    if (verdict.version_joined) {
        ++stats_.versions_joined;
        teller_.tell(now, "rpl.version_joined", dodag_.version().value());
        trickle_.reset();  // joining is an inconsistency [§8.3], and may bring new parameters
        registration_.forget();
    }
    if (verdict.dtsn_moved && settings().mode == ModeOfOperation::non_storing) {
        // "The node MUST schedule a DAO message transmission", and "in Non-Storing mode ... MUST
        // increment its own DTSN". [RFC 6550 §9.6]
        dtsn_ = dtsn_.next();
        registration_.forget();
        reset_trickle(now);
    }
    reselect(now);
    if ((verdict.version_joined || verdict.dtsn_moved) && dodag_.attached())
        registration_.request(now, dodag_);
    if (verdict.sender_is_behind) return reset_trickle(now);
    // "A DIO from a sender with a lesser DAGRank that causes no changes to the recipient's parent
    // set, preferred parent, or Rank SHOULD be considered consistent." [RFC 6550 §8.3]
    const std::uint16_t min_hop = min_hop_rank_increase();
    if (trickle_ && !verdict.version_joined && in.target.is_multicast() &&
        parent == dodag_.preferred() && rank == dodag_.rank() &&
        dag_rank(dio.rank, min_hop) < dag_rank(rank, min_hop))
        trickle_->handle(now, Trickle::HeardConsistent{});
}

void Router::on_dao_ack(Instant now, const DaoAck& ack) {
    if (!registration_.answered(now, ack, settings())) return;
    if (ack.status >= 128) {
        ++stats_.dao_rejected;
        teller_.tell(now, "rpl.dao_rejected", ack.status);
    } else {
        teller_.tell(now, "rpl.dao_acknowledged");
    }
}

/// "The packet MUST be discarded and the Trickle timer MUST be reset" [RFC 6550 §11.2.2.2], but not
/// at anybody's will. [RFC 6553 §5.1]
void Router::on_rank_error(Instant now) {
    ++stats_.rank_errors;
    if (now >= rank_errors_until_) {
        rank_errors_until_ = after(now, std::chrono::hours(1));
        rank_errors_ = 0;
    }
    if (rank_errors_ == rank_errors_per_hour_max) {
        ++stats_.rank_errors_ignored;
        return;
    }
    ++rank_errors_;
    reset_trickle(now);
}

void Router::on_local_repair(Instant now) {
    if (root_) {
        // "Only the root would independently increment the DTSN when a DAO refresh is needed but a
        // global repair ... is not desired." [RFC 6550 §9.6]
        dtsn_ = dtsn_.next();
        return reset_trickle(now);
    }
    if (!dodag_.attached()) return;
    dodag_.detach(now);
    ++stats_.poisonings;
    teller_.tell(now, "rpl.poisoned");
    registration_.cancel();
    timers_.disarm(Timer::probe);
    out_.push(ParentChanged{});
    reset_trickle(now);
}

}  // namespace causeway::rpl
