#pragma once
// Which requests of one direction are not answered yet, and which are observations: what a
// connection has to know to tell custody [RFC 8323 §5.4.1], to close when all is answered
// [RFC 8323 §5.5] and to find itself idle [RFC 8323 §3]. Tokens are kept as fingerprints: two that
// collide merely end the wait of one of them too early.
#include "coap/message.hpp"

#include <vector>

namespace causeway::coap {

class StreamLedger {
public:
    explicit StreamLedger(std::size_t entries_max) noexcept : entries_max_(entries_max) {}

    /// A request; false: the oldest had to be forgotten for it.
    bool asked(const Message& request);
    /// A response: the last one, or a notification that more may follow.
    void answered(const Message& response);

    [[nodiscard]] std::size_t unanswered() const noexcept { return unanswered_.size(); }
    [[nodiscard]] std::size_t observations() const noexcept { return observations_.size(); }
    [[nodiscard]] bool quiet() const noexcept {
        return unanswered_.empty() && observations_.empty();
    }
    /// What the next request will be.
    [[nodiscard]] std::uint64_t next_serial() const noexcept { return next_serial_; }
    /// Every request before `serial` has its answer.
    [[nodiscard]] bool answered_before(std::uint64_t serial) const noexcept {
        return unanswered_.empty() || unanswered_.front().serial >= serial;
    }

private:
    struct Entry {
        std::uint64_t fingerprint;
        std::uint64_t serial;
    };

    std::size_t entries_max_;
    std::uint64_t next_serial_ = 0;
    std::vector<Entry> unanswered_;            // the oldest first
    std::vector<std::uint64_t> observations_;  // by fingerprint
};

}  // namespace causeway::coap
