#pragma once
#include "base/tap.hpp"

#include <cstdint>
#include <string_view>

namespace causeway::rpl {

/// What a router has counted. Every message received ends in one of the first group.
struct RouterStats {
    std::uint64_t messages_received = 0;
    std::uint64_t dis_received = 0;
    std::uint64_t dio_received = 0;
    std::uint64_t dao_received = 0;
    std::uint64_t dao_ack_received = 0;
    std::uint64_t malformed = 0;
    std::uint64_t secure_refused = 0;  // secure variants are not supported
    std::uint64_t unknown_code = 0;
    std::uint64_t wrong_source = 0;  // a DIO that is not link-local, a DAO that is not global
    std::uint64_t other_instance = 0;
    std::uint64_t not_for_us = 0;  // a DAO at a node, an answer to nothing

    std::uint64_t other_dodag = 0;
    std::uint64_t dio_unusable = 0;
    std::uint64_t neighbours_refused = 0;  // the table was full of better ones
    std::uint64_t answers_refused = 0;     // more questions than answers_per_second_max
    std::uint64_t dao_stale = 0;
    std::uint64_t routes_refused = 0;  // no such route can be
    std::uint64_t routes_table_full = 0;
    std::uint64_t acks_dropped = 0;  // more than pending_acks_max without a route

    std::uint64_t dis_sent = 0;
    std::uint64_t dio_sent = 0;          // to everybody
    std::uint64_t dio_unicast_sent = 0;  // answers and probes
    std::uint64_t dao_sent = 0;
    std::uint64_t dao_retries = 0;
    std::uint64_t dao_given_up = 0;
    std::uint64_t dao_rejected = 0;
    std::uint64_t dao_ack_sent = 0;

    std::uint64_t joins = 0;
    std::uint64_t parent_changes = 0;
    std::uint64_t versions_joined = 0;
    std::uint64_t poisonings = 0;  // all parents lost, or left
    std::uint64_t trickle_resets = 0;
    std::uint64_t rank_errors = 0;
    std::uint64_t rank_errors_ignored = 0;  // past MAX_RPL_OPTION_RANK_ERRORS
    std::uint64_t global_repairs = 0;

    template <class Named>
    void visit(Named named) const {
        named("messages_received", messages_received);
        named("dis_received", dis_received);
        named("dio_received", dio_received);
        named("dao_received", dao_received);
        named("dao_ack_received", dao_ack_received);
        named("malformed", malformed);
        named("secure_refused", secure_refused);
        named("unknown_code", unknown_code);
        named("wrong_source", wrong_source);
        named("other_instance", other_instance);
        named("not_for_us", not_for_us);
        named("other_dodag", other_dodag);
        named("dio_unusable", dio_unusable);
        named("neighbours_refused", neighbours_refused);
        named("answers_refused", answers_refused);
        named("dao_stale", dao_stale);
        named("routes_refused", routes_refused);
        named("routes_table_full", routes_table_full);
        named("acks_dropped", acks_dropped);
        named("dis_sent", dis_sent);
        named("dio_sent", dio_sent);
        named("dio_unicast_sent", dio_unicast_sent);
        named("dao_sent", dao_sent);
        named("dao_retries", dao_retries);
        named("dao_given_up", dao_given_up);
        named("dao_rejected", dao_rejected);
        named("dao_ack_sent", dao_ack_sent);
        named("joins", joins);
        named("parent_changes", parent_changes);
        named("versions_joined", versions_joined);
        named("poisonings", poisonings);
        named("trickle_resets", trickle_resets);
        named("rank_errors", rank_errors);
        named("rank_errors_ignored", rank_errors_ignored);
        named("global_repairs", global_repairs);
    }
    [[nodiscard]] bool balanced() const noexcept {
        return messages_received == dis_received + dio_received + dao_received + dao_ack_received +
                                        malformed + secure_refused + unknown_code + wrong_source +
                                        other_instance + not_for_us;
    }
};
static_assert(Stats<RouterStats>);

}  // namespace causeway::rpl
