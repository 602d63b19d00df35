#pragma once
// One security context: keys and Common IV [RFC 8613 §3.2.1], nonces [RFC 8613 §5.2], associated
// data [RFC 8613 §5.4], the sender's sequence numbers and the recipient's window [RFC 8613 §7.2,
// §7.4]. Nothing here knows of messages.
#include "base/inplace_bytes.hpp"
#include "secure/oscore_option.hpp"
#include "secure/oscore_settings.hpp"

#include <array>
#include <expected>
#include <vector>

namespace causeway::secure {

using Nonce = InplaceBytes<crypto::aead_nonce_octets_max>;

/// Sender Key, Recipient Key and Common IV.
struct OscoreKeys {
    Octets sender_key;
    Octets recipient_key;
    Octets common_iv;

    [[nodiscard]] static OscoreKeys derive(const ContextConfig& config);
};

/// The info of a key ("Key", with an id) or of the Common IV ("IV", no id). [RFC 8613 §3.2.1]
[[nodiscard]] Octets oscore_info(const ContextConfig& config, Bytes id, std::string_view type,
                                 std::size_t octets);

[[nodiscard]] Nonce oscore_nonce(Bytes common_iv, Bytes id, Bytes partial_iv);

/// Which numbers of the other end were received. Numbers below `floor` are of a time that is not
/// remembered, for instance before a restart: one of them counts only with proof that the request
/// is fresh. [RFC 8613 §7.4, Appendix B.1.2]
class ReplayWindow {
public:
    explicit ReplayWindow(unsigned size) noexcept : size_(size) {}

    enum class Verdict : std::uint8_t { fresh, replayed, unknown };
    [[nodiscard]] Verdict verdict(std::uint64_t sequence) const noexcept;
    /// It was received, and one response may use its nonce.
    void received(std::uint64_t sequence) noexcept;
    /// True once for a number that was received and is still in the window: its nonce is free for
    /// one response. [RFC 8613 §7.2, Appendix D.4]
    [[nodiscard]] bool take_nonce(std::uint64_t sequence) noexcept;

    /// Everything may have been received before; the next fresh number shows from where on it is
    /// known.
    void lose() noexcept;
    [[nodiscard]] bool synchronised() const noexcept { return synchronised_; }

    // For a restart in good order.
    [[nodiscard]] std::uint64_t highest() const noexcept { return highest_; }
    [[nodiscard]] bool any() const noexcept { return any_; }
    /// Bit n: `highest - n` is known or assumed to have been received.
    [[nodiscard]] std::uint64_t mask() const noexcept;
    void restore(std::uint64_t highest, std::uint64_t mask) noexcept;

private:
    unsigned size_;
    bool synchronised_ = true;
    bool any_ = false;
    std::uint64_t highest_ = 0;
    std::uint64_t floor_ = 0;
    std::uint64_t seen_ = 0;    // bit n: highest - n was received
    std::uint64_t nonces_ = 0;  // bit n: a response may use the nonce of highest - n
};

/// An observation of ours. [RFC 8613 §4.1.3.5.2, §7.4.1]
struct Observation {
    std::uint64_t request = 0;  // the registration's number
    std::uint64_t highest = 0;  // the Notification Number
    bool any = false;           // there is one
    bool bare = false;          // a notification without Partial IV came
};

class OscoreContext {
public:
    /// Asserts nothing of `config` but what Oscore::add() checked.
    OscoreContext(ContextConfig config, const OscoreKeys& keys, unsigned window);

    /// The next number, or nullopt when all are used up. [RFC 8613 §7.2.1]
    [[nodiscard]] std::optional<std::uint64_t> next_sequence() noexcept;
    [[nodiscard]] bool exhausted() const noexcept { return sequence > sequence_max; }

    [[nodiscard]] Nonce sender_nonce(Bytes partial_iv) const {
        return oscore_nonce(common_iv, facts.sender_id, partial_iv);
    }
    [[nodiscard]] Nonce recipient_nonce(Bytes partial_iv) const {
        return oscore_nonce(common_iv, facts.recipient_id, partial_iv);
    }
    /// The Enc_structure of a request of `request_kid`, and of its responses, into `out`.
    void associated(Octets& out, Octets& scratch, Bytes request_kid, Bytes request_piv) const;

    /// What a Save holds: [1, fingerprint, first number not reserved, window or null]. The window
    /// is told only when nothing more will be received.
    [[nodiscard]] Octets state(bool closing) const;
    /// What is wrong with the state, if anything.
    [[nodiscard]] std::optional<ContextFault> restore(Bytes state);

    /// The observation that `request` registered; nullptr when there is none.
    [[nodiscard]] Observation* observation(std::uint64_t request) noexcept;

    ContextFacts facts;
    crypto::AeadAlgorithm algorithm;
    bool send_id_context;
    std::array<std::byte, 8> fingerprint{};  // of the keys
    InplaceBytes<crypto::aead_nonce_octets_max> common_iv;
    crypto::Aead sender;
    crypto::Aead recipient;

    std::uint64_t sequence = 0;  // the next number to send with
    std::uint64_t reserved = 0;  // the first that no Save has reserved
    ReplayWindow window;
    std::optional<std::array<std::byte, 8>> echo;  // what a fresh request must bring
    std::vector<Observation> observations;         // least recently used first
    std::uint32_t notifications = 0;               // opened, which gives them their order
};

}  // namespace causeway::secure
