#pragma once
// For tests: routers on an in-memory radio in virtual time. Links are symmetric and lossy;
// unicast is retried, as a MAC does, and measured; DAOs and their answers travel hop by hop.
#include "rpl/router.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace causeway::rpl::testing {

using namespace std::chrono_literals;

inline ip::InterfaceId iid(std::size_t n) {
    ip::InterfaceId id{};
    id[0] = std::byte{0x02};
    id[6] = static_cast<std::byte>(n >> 8);
    id[7] = static_cast<std::byte>(n);
    return id;
}
inline ip::Address link_local(std::size_t n) {
    return ip::link_local(iid(n));
}
inline ip::Prefix mesh_prefix() {
    return *ip::Prefix::from_text("fd00:ca5e::/64");
}
inline ip::Address global(std::size_t n) {
    return mesh_prefix().with(iid(n));
}

class Bus {
public:
    static constexpr Duration hop_time = 5ms;
    static constexpr int attempts_max = 4;

    /// Node 0 is the root.
    Bus(std::size_t nodes, std::uint64_t seed, Settings settings = {})
        : chance_(Random(seed).fork(999)) {
        for (std::size_t n = 0; n < nodes; ++n) {
            Router::Config config{.root = n == 0,
                                  .link_local = link_local(n),
                                  .interface_id = iid(n),
                                  .prefix = {},
                                  .settings = settings};
            if (n == 0) config.prefix = mesh_prefix();
            nodes_.push_back(
                {std::make_unique<Router>(config, Random(seed).fork(n), Teller{}, now_), {}, true});
        }
        for (std::size_t n = 0; n < nodes; ++n) drain(n);
    }

    /// `percent` of frames get through, either way.
    void link(std::size_t a, std::size_t b, unsigned percent = 100) {
        links_[{std::min(a, b), std::max(a, b)}] = percent;
    }
    void line(unsigned percent = 100) {
        for (std::size_t n = 1; n < nodes_.size(); ++n) link(n - 1, n, percent);
    }
    /// Rows of `width`, with diagonals.
    void grid(std::size_t width, unsigned percent) {
        for (std::size_t a = 0; a < nodes_.size(); ++a)
            for (std::size_t b = a + 1; b < nodes_.size(); ++b) {
                const auto column = [&](std::size_t n) { return static_cast<int>(n % width); };
                const auto row = [&](std::size_t n) { return static_cast<int>(n / width); };
                if (std::abs(column(a) - column(b)) <= 1 && std::abs(row(a) - row(b)) <= 1)
                    link(a, b, percent);
            }
    }
    void kill(std::size_t n) { nodes_[n].alive = false; }
    void revive(std::size_t n) { nodes_[n].alive = true; }
    void cut(std::size_t a, std::size_t b) { links_.erase({std::min(a, b), std::max(a, b)}); }

    [[nodiscard]] Router& router(std::size_t n) { return *nodes_[n].router; }
    [[nodiscard]] std::size_t size() const { return nodes_.size(); }
    [[nodiscard]] bool alive(std::size_t n) const { return nodes_[n].alive; }
    [[nodiscard]] Instant now() const { return now_; }

    void tell(std::size_t n, Router::Input in) {
        router(n).handle(now_, std::move(in));
        drain(n);
    }

    /// From now on every node sends a reading to the root this often.
    void traffic(Duration every) {
        for (std::size_t n = 1; n < size(); ++n)
            events_.emplace(now_ + every * static_cast<int>(n) / static_cast<int>(size()),
                            reading(n));
        every_ = every;
    }
    std::uint64_t readings_sent = 0;
    std::uint64_t readings_received = 0;

    void run_for(Duration time) {
        const Instant end = now_ + time;
        for (std::uint64_t step = 0;; ++step) {
            ASSERT_LT(step, 5'000'000u) << "livelock";
            Instant next = events_.empty() ? never : events_.begin()->first;
            for (const Node& node : nodes_)
                if (node.alive) next = std::min(next, node.router->next_deadline());
            if (next > end) break;
            now_ = std::max(now_, next);
            while (!events_.empty() && events_.begin()->first <= now_) {
                Event event = std::move(events_.begin()->second);
                events_.erase(events_.begin());
                act(std::move(event));
            }
            for (std::size_t n = 0; n < nodes_.size(); ++n)
                if (nodes_[n].alive && nodes_[n].router->next_deadline() <= now_) {
                    const Instant before = nodes_[n].router->next_deadline();
                    router(n).handle_timeout(now_);
                    const bool spoke = drain(n) > 0;
                    ASSERT_TRUE(spoke || router(n).next_deadline() > before) << "no progress";
                }
        }
        now_ = end;
    }

    /// When `done` first holds, looked at every 100 ms; never within `limit`.
    template <class Done>
    [[nodiscard]] Duration time_until(Done done, Duration limit) {
        const Instant start = now_;
        while (!done() && now_ - start < limit) run_for(100ms);
        return done() ? now_ - start : Duration::max();
    }

    [[nodiscard]] bool all_joined() {
        for (std::size_t n = 0; n < size(); ++n)
            if (alive(n) && !router(n).joined()) return false;
        return true;
    }
    [[nodiscard]] bool all_reachable() {
        for (std::size_t n = 0; n < size(); ++n)
            if (alive(n) && !router(n).reachable()) return false;
        return true;
    }
    /// Hops along preferred parents; nullopt when they do not lead to the root.
    [[nodiscard]] std::optional<std::size_t> depth(std::size_t n) {
        std::size_t hops = 0;
        for (; n != 0; ++hops) {
            const auto& parent = router(n).preferred_parent();
            if (!parent || hops > size() || !alive(n)) return std::nullopt;
            n = number(*parent);
        }
        return hops;
    }
    [[nodiscard]] bool loop_free() {
        for (std::size_t n = 1; n < size(); ++n) {
            std::size_t at = n;
            std::size_t hops = 0;
            while (at != 0 && router(at).preferred_parent() && hops <= size()) {
                at = number(*router(at).preferred_parent());
                ++hops;
            }
            if (alive(n) && hops > size()) return false;
        }
        return true;
    }
    /// The root's route to `n` follows links and ends there.
    [[nodiscard]] bool route_works(std::size_t n) {
        const auto route = router(0).source_route(global(n));
        if (!route) return false;
        std::size_t at = 0;
        for (const ip::Address& hop : *route) {
            const std::size_t next = number(hop);
            if (!alive(next) || quality(at, next) == 0) return false;
            at = next;
        }
        return at == n;
    }
    [[nodiscard]] static std::size_t number(const ip::Address& address) {
        return std::to_integer<std::size_t>(address.octets[14]) << 8 |
               std::to_integer<std::size_t>(address.octets[15]);
    }
    /// Everything that left a node, as one text: equal runs give equal texts.
    [[nodiscard]] const std::string& log() const { return log_; }
    std::uint64_t frames = 0;

private:
    struct Node {
        std::unique_ptr<Router> router;
        std::map<std::size_t, std::pair<std::uint32_t, std::uint32_t>> tries;  // (etx*128, samples)
        bool alive;
    };
    struct Event {
        std::size_t at;      // the node it is at
        std::size_t origin;  // the node it came from originally
        Router::SendMessage message;
        SourceRoute route;     // what is left of it
        std::size_t hop = 0;   // in the route
        std::size_t from = 0;  // the neighbour it came from
        int hops = 0;
    };

    static constexpr std::uint8_t reading_code = 0x77;  // no RPL message: passed on, not handled
    static Event reading(std::size_t n) {
        return {n,  n, {.target = global(0), .code = reading_code, .body = {}, .from_global = true},
                {}, 0, n,
                0};
    }

    [[nodiscard]] unsigned quality(std::size_t a, std::size_t b) const {
        const auto at = links_.find({std::min(a, b), std::max(a, b)});
        return at == links_.end() ? 0 : at->second;
    }
    bool lucky(unsigned percent) { return chance_.below(100) < percent; }

    std::size_t drain(std::size_t n) {
        std::size_t count = 0;
        while (auto out = router(n).poll_output()) {
            if (++count > 1000) {
                ADD_FAILURE() << "node " << n << " does not stop talking";
                break;
            }
            if (auto* message = std::get_if<Router::SendMessage>(&*out))
                send(n, std::move(*message));
        }
        return count;
    }

    void send(std::size_t n, Router::SendMessage message) {
        log_ += std::to_string(now_.time_since_epoch().count()) + ' ' + std::to_string(n) + ' ' +
                std::to_string(message.code) + ' ' + std::to_string(message.body.size()) + '\n';
        if (message.target.is_multicast()) {
            ++frames;
            for (std::size_t to = 0; to < size(); ++to)
                if (to != n && nodes_[to].alive && quality(n, to) > 0 && lucky(quality(n, to)))
                    events_.emplace(now_ + hop_time, Event{to, n, message, {}, 0, n, 0});
            return;
        }
        if (message.target.is_link_local()) {
            hop(Event{n, n, std::move(message), {}, 0, n, 0}, number(message.target));
            return;
        }
        Event event{n, n, std::move(message), {}, 0, n, 0};
        if (n == 0) {
            const auto route = router(0).source_route(event.message.target);
            if (!route) return;
            event.route = *route;
        }
        forward(std::move(event));
    }

    void forward(Event event) {
        if (++event.hops > 64) return;
        if (!event.route.empty()) {
            const std::size_t next = number(event.route[event.hop++]);
            return hop(std::move(event), next);
        }
        const auto& parent = router(event.at).preferred_parent();
        if (parent) hop(std::move(event), number(*parent));
    }

    /// One hop with retries; tells the sender's router how it went.
    void hop(Event event, std::size_t next) {
        const std::size_t n = event.at;
        const unsigned percent = nodes_[next].alive ? quality(n, next) : 0;
        int tries = 0;
        bool arrived = false;
        bool acked = false;
        while (tries < attempts_max && !acked) {
            ++tries;
            ++frames;
            const bool there = lucky(percent);
            const bool back = lucky(percent);
            arrived |= there;
            acked = there && back;
        }
        auto& [etx, samples] = nodes_[n].tries[next];
        const auto sample = static_cast<std::uint32_t>(acked ? tries * 128 : 8 * 128);
        etx = samples == 0 ? sample : (etx * 7 + sample) / 8;
        ++samples;
        const Instant done = now_ + hop_time * tries;
        if (arrived) {
            Event there = event;
            there.from = n;
            there.at = next;
            events_.emplace(done, std::move(there));
        }
        reports_.emplace_back(
            n,
            Router::LinkMeasured{link_local(next), static_cast<std::uint16_t>(etx), samples >= 3});
        auto& failures = failed_[{n, next}];
        failures = acked ? 0 : failures + 1;
        if (failures >= 3) reports_.emplace_back(n, Router::NeighbourUnreachable{link_local(next)});
        if (!reporting_) report();
    }

    void report() {
        reporting_ = true;
        while (!reports_.empty()) {
            auto [n, in] = std::move(reports_.front());
            reports_.erase(reports_.begin());
            router(n).handle(now_, std::move(in));
            drain(n);
        }
        reporting_ = false;
    }

    void act(Event event) {
        if (!nodes_[event.at].alive) return;
        if (event.message.code == reading_code) {
            if (event.at == 0) {
                ++readings_received;
                return;
            }
            if (event.hops == 0) {
                ++readings_sent;
                events_.emplace(now_ + every_, reading(event.at));
            }
            return forward(std::move(event));
        }
        const auto& target = event.message.target;
        if (target.is_multicast() || target.is_link_local() || target == global(event.at)) {
            const std::size_t n = event.at;
            router(n).handle(now_, Router::MessageReceived{.source = event.message.from_global
                                                                         ? global(event.origin)
                                                                         : link_local(event.origin),
                                                           .target = target,
                                                           .code = event.message.code,
                                                           .body = event.message.body});
            drain(n);
            return;
        }
        forward(std::move(event));
    }

    Instant now_{};
    Random chance_;
    std::vector<Node> nodes_;
    std::map<std::pair<std::size_t, std::size_t>, unsigned> links_;
    std::map<std::pair<std::size_t, std::size_t>, int> failed_;
    std::multimap<Instant, Event> events_;
    std::vector<std::pair<std::size_t, Router::Input>> reports_;
    std::string log_;
    Duration every_{};
    bool reporting_ = false;
};

}  // namespace causeway::rpl::testing
