#pragma once
// Puts the fragments of IPv6 packets together at their destination [RFC 8200 §4.5], for a node
// that has little memory: as many packets at once as the settings say, of the size that every node
// has to accept and no more.
//
// Left out: taking an overlap for a duplicate. Pieces that meet in any other way than edge to edge
// end their packet, silently, unless one was there before, octet for octet [RFC 8200 §4.5].
#include "base/tap.hpp"
#include "ip/extension.hpp"
#include "ip/icmp_errors.hpp"

#include <optional>
#include <vector>

namespace causeway::ip {

class FragmentReassembly {
public:
    struct Settings {
        std::size_t packets_max = 2;
        /// "at least 1500 octets" [RFC 8200 §5]
        std::size_t packet_octets_max = 1500;
        /// [RFC 8200 §4.5]
        Duration timeout = std::chrono::seconds(60);
    };

    struct Stats {
        // Every fragment ends in exactly one of these.
        std::uint64_t received = 0;
        std::uint64_t used = 0;
        std::uint64_t duplicate = 0;
        std::uint64_t malformed = 0;
        std::uint64_t refused = 0;      // packets_max
        std::uint64_t too_long = 0;     // packet_octets_max: its packet is given up
        std::uint64_t overlapping = 0;  // its packet is given up

        // Every packet begun ends in exactly one of these, or is pending.
        std::uint64_t begun = 0;
        std::uint64_t whole = 0;
        std::uint64_t expired = 0;
        std::uint64_t given_up = 0;
        std::uint64_t pending = 0;  // now

        void visit(auto&& named) const {
            named("received", received);
            named("used", used);
            named("duplicate", duplicate);
            named("malformed", malformed);
            named("refused", refused);
            named("too_long", too_long);
            named("overlapping", overlapping);
            named("begun", begun);
            named("whole", whole);
            named("expired", expired);
            named("given_up", given_up);
            named("pending", pending);
        }
        [[nodiscard]] bool balanced() const noexcept {
            return received == used + duplicate + malformed + refused + too_long + overlapping &&
                   begun == whole + expired + given_up + pending;
        }
    };

    /// What came of a fragment: a whole packet, without its fragment header; or an error to be sent
    /// about the fragment; or nothing yet, or nothing more.
    struct Outcome {
        std::optional<Octets> whole;
        std::optional<IcmpError> error;
        bool lost = false;  // this fragment will be of no use
    };

    FragmentReassembly() = default;
    explicit FragmentReassembly(Settings settings) : settings_(settings) {}

    /// `packet` is an IPv6 packet whose fragment header stands at `header_at`, and is named in the
    /// octet at `named_at`, as an ExtensionWalk says.
    [[nodiscard]] Outcome add(Instant now, Bytes packet, std::size_t header_at,
                              std::size_t named_at);

    /// What has waited too long, one a call: the fragment at offset zero with its headers, about
    /// which time exceeded is said; empty when that one never came. nullopt when no more is due.
    [[nodiscard]] std::optional<Octets> expire(Instant now);
    [[nodiscard]] Instant next_deadline() const noexcept { return next_deadline_; }

    [[nodiscard]] const Stats& stats() const noexcept { return stats_; }

private:
    /// A stretch of the fragmentable part that is there: octets from the part's start.
    struct Span {
        std::size_t begin;
        std::size_t end;
    };
    struct Pending {
        Address source;
        Address target;
        std::uint32_t identification;
        Instant due;
        Octets first;                       // the fragment at offset zero; empty until it comes
        std::size_t headers = 0;            // octets of it before its fragment header
        std::size_t named_at = 0;           // in it: the Next Header octet that says "fragment"
        Octets part;                        // the fragmentable part, as far as it is known
        std::vector<Span> spans;            // of it that are there, one a fragment, in order
        std::optional<std::size_t> length;  // of the part, once the last fragment is there
    };

    Pending* find(const Address& source, const Address& target, std::uint32_t identification);
    Outcome give_up(Pending& pending, std::uint64_t& why);
    void remove(Pending& pending);
    [[nodiscard]] static bool is_complete(const Pending& pending) noexcept;
    void find_next_deadline() noexcept;

    Settings settings_;
    std::vector<Pending> pending_;  // in the order they began
    Instant next_deadline_ = never;
    Stats stats_;
};

static_assert(causeway::Stats<FragmentReassembly::Stats>);

}  // namespace causeway::ip
