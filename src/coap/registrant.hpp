#pragma once
// The other side of a resource directory: registers the links of a node or a program, and keeps
// them registered [RFC 9176 §5, §5.3]. It renews well before the lifetime ends, registers anew when
// its links change or the directory lost them, and tries again, less and less often, while nobody
// answers. Finding a directory (§4.1) and the location of its functions (§4.3) is left to others.
//
// Its requests go to an Endpoint; what that says of those whose id it owns() comes back.
#include "base/engine.hpp"
#include "base/outbox.hpp"
#include "base/random.hpp"
#include "base/tap.hpp"
#include "coap/events.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace causeway::coap {

class Registrant {
public:
    struct Settings {
        std::string endpoint{};                 // ep
        std::string sector{};                   // d; empty: none
        std::string base{};                     // empty: where the requests come from
        std::vector<std::string> attributes{};  // "et=core.rd-group"
        std::string path = "/rd";               // of the directory
        std::uint32_t lifetime = 90'000;        // lt, seconds
        /// The first registration waits up to this long: nodes may all have started at once.
        Duration spread = std::chrono::seconds(10);
        Duration retry_first = std::chrono::seconds(60);
        Duration retry_max = std::chrono::hours(1);
        /// Requests are numbered from here; 65,536 numbers are used.
        std::uint64_t first_request = std::uint64_t{0x5245} << 48;
    };

    /// Registers `links`, a link-format document, at `directory`; in place of what was before.
    struct Start {
        Peer directory{};
        std::string links{};
    };
    /// Takes the registration back.
    struct Stop {};
    struct LinksChanged {
        std::string links{};
    };
    using Input = std::variant<Start, Stop, LinksChanged, ResponseArrived, RequestFailed>;
    using Output = Request;

    struct Stats {
        // Every request is answered well, refused, failed, given up or under way.
        std::uint64_t requests = 0;
        std::uint64_t registered = 0;
        std::uint64_t renewed = 0;
        std::uint64_t removed = 0;
        std::uint64_t forgotten = 0;  // there was no registration any more
        std::uint64_t refused = 0;
        std::uint64_t failed = 0;     // nobody answered
        std::uint64_t abandoned = 0;  // another directory took over
        std::uint64_t pending = 0;    // a gauge

        void visit(auto&& named) const {
            named("requests", requests);
            named("registered", registered);
            named("renewed", renewed);
            named("removed", removed);
            named("forgotten", forgotten);
            named("refused", refused);
            named("failed", failed);
            named("abandoned", abandoned);
            named("pending", pending);
        }
        [[nodiscard]] bool balanced() const {
            return requests == registered + renewed + removed + forgotten + refused + failed +
                                   abandoned + pending;
        }
    };

    Registrant(Settings settings, Random random);

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output() { return out_.poll(); }
    [[nodiscard]] Instant next_deadline() const noexcept { return due_; }

    /// Whether the request is one of its own.
    [[nodiscard]] bool owns(RequestId id) const noexcept;
    /// The directory said so, and the lifetime is not over.
    [[nodiscard]] bool is_registered(Instant now) const noexcept { return now < good_until_; }
    [[nodiscard]] const Stats& stats() const noexcept { return stats_; }

private:
    enum class State : std::uint8_t {
        stopped,
        waiting,      // to register, at due_
        registering,  // asked
        registered,   // to renew, at due_
        renewing,     // asked
        leaving       // asked
    };

    void start(Instant now, Start&& start);
    void stop(Instant now);
    void links_changed(Instant now, std::string&& links);
    /// Whether it is about the request under way, which then is no more.
    [[nodiscard]] bool take(RequestId id);
    void answered(Instant now, const ResponseArrived& response);
    void failed(Instant now, const RequestFailed& failure);
    void succeeded(Instant now, const Options& options);
    void retry(Instant now, Duration at_least);
    void leave(Instant now);
    void rest();

    [[nodiscard]] bool is_asking() const noexcept {
        return state_ == State::registering || state_ == State::renewing ||
               state_ == State::leaving;
    }
    void ask_to_register(Instant now);
    void ask_to_renew(Instant now);
    [[nodiscard]] Request request_to(Code code) const;
    void ask(Instant now, State state, Request&& request);

    Settings settings_;
    Random random_;
    Peer directory_;
    std::string links_;
    std::vector<std::string> location_;  // segments; empty: nowhere
    State state_ = State::stopped;
    bool outdated_ = false;  // the directory has other links
    bool stopping_ = false;
    std::uint16_t serial_ = 0;  // of the latest request
    Duration back_off_{};
    Instant asked_at_{};
    Instant good_until_ = Instant::min();
    Instant due_ = never;
    Outbox<Output> out_;
    Stats stats_;
};

static_assert(Engine<Registrant>);

}  // namespace causeway::coap
