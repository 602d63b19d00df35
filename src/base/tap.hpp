#pragma once
#include "base/bytes.hpp"
#include "base/time.hpp"

#include <concepts>
#include <string_view>

namespace causeway {

enum class NodeId : std::uint32_t {};

/// Something that happened, said once. The pcap writer, the event log, the dashboard and test
/// assertions are all readers of this one stream.
struct Happening {
    Instant at;
    NodeId node;
    std::string_view what;  // "rpl.parent_changed": layer, dot, a fact in the past tense
    std::uint64_t value = 0;
    Bytes octets = {};  // borrowed for the length of the call
};

/// Observes only: must not call back into an engine, and must not fail.
class Tap {
public:
    virtual ~Tap() = default;
    virtual void saw(const Happening& happening) noexcept = 0;
};

/// An engine's way to speak to whoever listens, or to nobody.
class Teller {
public:
    Teller() = default;
    Teller(Tap* tap, NodeId node) noexcept : tap_(tap), node_(node) {}

    void tell(Instant at, std::string_view what, std::uint64_t value = 0,
              Bytes octets = {}) const noexcept {
        if (tap_ != nullptr) tap_->saw({at, node_, what, value, octets});
    }

private:
    Tap* tap_ = nullptr;
    NodeId node_{};
};

/// Counters are plain fields an engine owns. visit() names them, once, for /metrics, the
/// command line and tests; balanced() is the law that no packet vanishes uncounted.
template <class S>
concept Stats = requires(const S& stats, void (*named)(std::string_view, std::uint64_t)) {
    stats.visit(named);
    { stats.balanced() } -> std::same_as<bool>;
};

}  // namespace causeway
