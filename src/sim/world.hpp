#pragma once
// Virtual time and the one source of chance. A run is a pure function of program, scenario and
// seed: what is due at the same instant happens in the order it was asked for.
#include "base/random.hpp"
#include "base/time.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace causeway::sim {

/// Whoever has something to do at an instant. `what` and `whom` are its own business: usually an
/// enumerator and an index.
class Actor {
public:
    virtual void act(Instant now, std::uint16_t what, std::uint32_t whom) = 0;

protected:
    ~Actor() = default;
};

enum class ActorId : std::uint16_t {};

/// A queue of plain 24-octet acts rather than of closures: scheduling allocates nothing once the
/// queue has grown. There is no cancelling: an actor that changed its mind ignores the act.
class World {
public:
    explicit World(std::uint64_t seed) noexcept : root_(seed) {}

    /// `actor` must outlive the world's last step.
    [[nodiscard]] ActorId admit(Actor& actor);

    [[nodiscard]] Instant now() const noexcept { return now_; }
    /// A stream of chance of its own for each part.
    [[nodiscard]] Random random_for(std::uint64_t part) const noexcept { return root_.fork(part); }

    /// `when` is not in the past. What is due `never` is not kept.
    void at(Instant when, ActorId actor, std::uint16_t what, std::uint32_t whom);

    /// When the next act is due; never, when none is.
    [[nodiscard]] Instant next_event() const noexcept {
        return heap_.empty() ? never : heap_.front().when;
    }
    /// Jumps to the next act and does it; false when none is left.
    bool step();
    /// Does all that is due by `end`, and then it is `end`.
    void run_until(Instant end);

    [[nodiscard]] std::size_t pending() const noexcept { return heap_.size(); }
    [[nodiscard]] std::uint64_t acts_done() const noexcept { return scheduled_ - heap_.size(); }

private:
    struct Act {
        Instant when;
        std::uint64_t order;
        std::uint32_t whom;
        std::uint16_t what;
        ActorId actor;
    };
    static_assert(sizeof(Act) == 24);
    static bool before(const Act& a, const Act& b) noexcept {
        return a.when != b.when ? a.when < b.when : a.order < b.order;
    }
    void rise(std::size_t at) noexcept;
    void sink(Act act) noexcept;

    std::vector<Act> heap_;  // 4-ary: half the levels of a binary heap, a cache line or two a level
    std::vector<Actor*> actors_;
    std::uint64_t scheduled_ = 0;
    Instant now_{};
    Random root_;
};

}  // namespace causeway::sim
