#pragma once
// Object Security for Constrained RESTful Environments [RFC 8613]: the security contexts of an
// endpoint, and the protection of its messages with them. Freshness after a restart by the Echo
// option [RFC 9175 §2; RFC 8613 Appendix B.1.2].
//
//   Oscore oscore({}, Random(seed));
//   auto context = oscore.add({.name = "valve", .master_secret = ..., .sender_id = ...});
//   Endpoint endpoint(settings, random, now, teller, &oscore);
//   loop: endpoint.handle(now, input);
//         while (auto save = oscore.poll_output()) store(*save);   // durably, and first
//         while (auto out = endpoint.poll_output()) act(*out);
//
// Numbers survive restarts without reuse [RFC 8613 §7.5]: a message with a number that no durable
// Save covers must not leave. Hence the order above: Saves are drained, and are durable, before the
// endpoint's outputs are acted upon, also after add(). A Save reserves `reserve_step` numbers, so
// there is one every so many messages with a number of their own. After a restart the numbers that
// were reserved are skipped, and the first request of each context is asked for Echo; unless
// close() wrote the window down, and its Saves were the last.
//
// A nonce is never used twice: the nonce of a request serves one response at most, whatever the
// caller says; others get a number of their own.
//
// Leaves out: Group OSCORE; deriving contexts anew by exchanging ID Contexts [RFC 8613 Appendix
// B.2]; Outer Block-wise transfers [RFC 8613 §4.1.3.4.2]: Outer Block options are discarded, and a
// message that a proxy cut to pieces does not open; protected signaling [RFC 8613 §4.3]; HTTP
// [RFC 8613 §11].
#include "base/inplace_vector.hpp"
#include "base/lookup.hpp"
#include "base/outbox.hpp"
#include "base/random.hpp"
#include "coap/protection.hpp"
#include "secure/oscore_context.hpp"

#include <expected>
#include <memory>

namespace causeway::secure {

class Oscore final : public coap::Protection {
public:
    /// `random` gives Echo values and the key of the tables: its seed is a secret of this run.
    Oscore(const OscoreSettings& settings, Random random);
    ~Oscore() override;

    /// Its number, never 0. A number is used again after 2^32 others.
    std::expected<std::uint32_t, ContextFault> add(ContextConfig config);
    /// False when there is none.
    bool remove(std::uint32_t context);
    /// The context whose Recipient ID is `kid`; when several are, the one that was added first.
    [[nodiscard]] std::optional<std::uint32_t> find(
        Bytes kid, std::optional<Bytes> kid_context = std::nullopt) const;
    /// nullptr when there is none. Borrowed until the context goes.
    [[nodiscard]] const ContextFacts* facts(std::uint32_t context) const noexcept;
    [[nodiscard]] std::size_t contexts() const noexcept { return live_; }

    /// A Save for every context that is saved, with its window, so that the next start needs no
    /// Echo. From here on nothing is protected or opened: those Saves are true only when last.
    void close();
    [[nodiscard]] std::optional<Save> poll_output() { return outbox_.poll(); }
    [[nodiscard]] const OscoreStats& stats() const noexcept { return stats_; }

    // Protection. The time is not asked for: freshness is by event. [RFC 9175 §2.3]
    std::optional<coap::Message> protect_request(Instant now, const coap::Peer& peer,
                                                 coap::Message message,
                                                 coap::Binding& binding) override;
    bool open_response(Instant now, const coap::Peer& peer, coap::Message& message,
                       const coap::Binding& binding) override;
    coap::Opened open_request(Instant now, const coap::Peer& outer,
                              coap::Message& message) override;
    std::optional<coap::Message> protect_response(Instant now, const coap::Peer& peer,
                                                  coap::Message message,
                                                  const coap::Binding& binding,
                                                  bool notification) override;

private:
    static constexpr std::size_t alike_max = 8;
    using Slots = InplaceVector<std::uint16_t, alike_max>;
    struct Slot {
        std::unique_ptr<OscoreContext> context;
        std::uint32_t number = 0;
        // The list of evictable contexts, least recently used first.
        std::uint16_t before = 0;
        std::uint16_t behind = 0;
        bool listed = false;
    };

    /// Of a context's number; 0 when there is none.
    [[nodiscard]] std::uint16_t slot_of(std::uint32_t context) const noexcept;
    [[nodiscard]] Slots candidates(Bytes kid, std::optional<Bytes> kid_context) const;
    std::optional<std::uint16_t> vacant_slot();
    void vacate(std::uint16_t slot);
    void list(std::uint16_t slot) noexcept;
    void unlist(std::uint16_t slot) noexcept;
    void used(std::uint16_t slot) noexcept;
    void save(std::uint16_t slot);

    std::optional<std::uint64_t> take_sequence(std::uint16_t slot);
    [[nodiscard]] bool fits(const OscoreContext& context) const noexcept;
    void seal_into(coap::Message& outer, OscoreContext& context, const Nonce& nonce,
                   Bytes request_kid, Bytes request_piv);
    std::optional<coap::Message> seal_response(std::uint16_t slot, coap::Message message,
                                               Bytes request_piv, bool own_number);
    [[nodiscard]] bool open(OscoreContext& context, const Nonce& nonce, Bytes request_kid,
                            Bytes request_piv, Bytes sealed);
    coap::Opened open_with(std::uint16_t slot, Bytes partial_iv, coap::Message& message);
    coap::Opened ask_for_echo(std::uint16_t slot, Bytes partial_iv, bool stale);
    [[nodiscard]] coap::Opened refusal(coap::Code code, std::string_view words) const;
    void remember_observation(OscoreContext& context, std::uint64_t request);
    bool take_notification(OscoreContext& context, Observation& observation, Bytes partial_iv,
                           coap::Options& options);

    OscoreSettings settings_;
    Random random_;
    std::vector<Slot> slots_;  // slot 0 is never used: it is both ends of the list
    std::vector<std::uint16_t> vacant_;
    std::size_t live_ = 0;
    std::uint32_t last_number_ = 0;
    Lookup<std::uint16_t> by_number_;
    Lookup<Slots> by_ids_;          // kid and kid context, or none
    Lookup<Slots> by_kid_;          // kid of those that have a kid context
    Lookup<std::uint16_t> by_key_;  // fingerprint
    Outbox<Save> outbox_;
    OscoreStats stats_;
    bool closed_ = false;
    Octets plaintext_;  // scratch, as are these
    Octets associated_;
    Octets external_;
};

}  // namespace causeway::secure
