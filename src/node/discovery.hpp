#pragma once
// The little of neighbour discovery that a route-over mesh needs: a node asks its parent for the
// contexts of the mesh, its parent passes on what the root said, and who asks for an address of
// ours is told. [RFC 4861 §6, §7; RFC 6775 §5.3, §5.4.2, §6.3, §8.1]
//
// Link-layer addresses are not resolved, they are read off the interface identifier. [RFC 6775 §5.6
// allows this for link-local addresses made from an EUI-64; the mesh's others are made likewise.]
// Left out: address registration of others than in an answer, duplicate address detection.
#include "base/engine.hpp"
#include "base/inplace_vector.hpp"
#include "base/outbox.hpp"
#include "base/random.hpp"
#include "base/tap.hpp"
#include "base/timers.hpp"
#include "ip/nd.hpp"
#include "lowpan/contexts.hpp"

#include <optional>
#include <variant>

namespace causeway::node {

class Discovery {
public:
    struct Config {
        bool root = false;
        ip::Address link_local;
        std::uint64_t eui64 = 0;
        ip::Prefix prefix;  // root only: context 0
    };

    struct MessageReceived {
        ip::nd::Envelope envelope;
        Octets message;  // a whole ICMPv6 message with a good checksum
    };
    /// The preferred parent is another one now, or there is none.
    struct ParentChanged {
        std::optional<ip::Address> parent;
    };
    struct AddressConfigured {
        ip::Address global;
    };
    using Input = std::variant<MessageReceived, ParentChanged, AddressConfigured>;

    struct SendMessage {
        ip::Address target;
        Octets message;  // a whole ICMPv6 message, its checksum left zero
    };
    struct ContextLearned {
        std::uint8_t id;
        lowpan::Context context;
    };
    using Output = std::variant<SendMessage, ContextLearned>;

    struct Stats {
        std::uint64_t received = 0;
        std::uint64_t used = 0;
        std::uint64_t invalid = 0;    // by the rules of each message
        std::uint64_t not_ours = 0;   // valid, and about somebody else or of no use here
        std::uint64_t solicited = 0;  // solicitations sent

        template <class F>
        void visit(F&& named) const {
            named("received", received);
            named("used", used);
            named("invalid", invalid);
            named("not_ours", not_ours);
            named("solicited", solicited);
        }
        [[nodiscard]] bool balanced() const { return received == used + invalid + not_ours; }
    };

    /// Contexts of others are passed on until so many are known; the rest is not learned.
    static constexpr std::size_t contexts_passed_on_max = lowpan::Contexts::contexts_max;
    /// Askers remembered until there is an answer; the others ask again.
    static constexpr std::size_t waiting_max = 8;

    /// A parent that left so many solicitations without an answer does not speak of contexts.
    static constexpr unsigned attempts_unanswered_max = 3;

    Discovery(Config config, Random random, Instant now);

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output() { return out_.poll(); }
    [[nodiscard]] Instant next_deadline() const noexcept { return timers_.next(); }
    /// The contexts of the mesh are known, or whom we asked has none to give.
    [[nodiscard]] bool settled() const noexcept {
        return !contexts_.empty() || attempts_ >= attempts_unanswered_max;
    }
    [[nodiscard]] const Stats& stats() const noexcept { return stats_; }

private:
    enum class Timer { solicit, refresh, count };

    void received(Instant now, const MessageReceived& in);
    void solicited(const ip::Address& from);
    void advertise(const ip::Address& to);
    void advertised(Instant now, const ip::nd::RouterAdvertisement& advertisement,
                    const ip::Address& from);
    void asked(const ip::nd::NeighbourSolicitation& solicitation, const ip::Address& from);
    void solicit(Instant now);
    template <class Message>
    void send(const ip::Address& target, const Message& message);

    Config config_;
    Random random_;
    std::optional<ip::Address> parent_;
    std::optional<ip::Address> global_;
    std::optional<ip::nd::BorderRouter> border_router_;
    std::vector<ip::nd::Context> contexts_;
    InplaceVector<ip::Address, waiting_max> waiting_;
    unsigned attempts_ = 0;
    Timers<Timer> timers_;
    Outbox<Output> out_;
    Stats stats_;
};

static_assert(Engine<Discovery>);
static_assert(Stats<Discovery::Stats>);

}  // namespace causeway::node
