#pragma once
// Follows every reading from its sensor to the border router, by what a network's tap hears: sent,
// delivered or lost and why, how long it took, and how long after a fault it arrived again.
//
// Every reading has exactly one fate. A copy that is lost counts only as long as no other copy
// arrives: where an acknowledgement got lost, sender and receiver disagree about a packet, and the
// receiver is right.
#include "base/tap.hpp"
#include "node/status.hpp"
#include "sim/latency.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace causeway::sim {

struct ReadingCounts {
    std::uint64_t sent = 0;
    std::uint64_t delivered = 0;
    std::uint64_t in_flight = 0;
    std::array<std::uint64_t, std::to_underlying(node::LossReason::count)> lost{};
    /// Not heard of for so long that its successors have taken its place, and nobody said why.
    std::uint64_t lost_unexplained = 0;
    std::uint64_t duplicates = 0;  // deliveries past the first

    [[nodiscard]] std::uint64_t lost_in_all() const noexcept;
    [[nodiscard]] bool balanced() const noexcept {
        return sent == delivered + lost_in_all() + in_flight;
    }
    void add(const ReadingCounts& more) noexcept;
    void visit(auto&& named) const {
        named(std::string_view("sent"), sent);
        named(std::string_view("delivered"), delivered);
        named(std::string_view("in_flight"), in_flight);
        named(std::string_view("lost"), lost_in_all());
        named(std::string_view("lost_unexplained"), lost_unexplained);
        named(std::string_view("duplicates"), duplicates);
    }
};

class Recorder final : public Tap {
public:
    /// `next`, when given, hears everything too.
    explicit Recorder(std::size_t nodes, Tap* next = nullptr);

    void saw(const Happening& happening) noexcept override;

    struct Affected {
        std::uint32_t node = 0;
        /// When the first reading arrived that it had sent after the fault.
        Instant healed_at = never;
    };
    struct Fault {
        std::uint64_t index = 0;  // into Scenario::faults
        std::uint32_t node = 0;
        Instant at{};
        std::vector<Affected> affected;

        /// From the fault to the last affected node's first delivery; nullopt while any waits.
        [[nodiscard]] std::optional<Duration> healed_after() const;
    };

    [[nodiscard]] const ReadingCounts& readings(std::size_t node) const {
        return nodes_[node].counts;
    }
    [[nodiscard]] const Latencies& latencies(std::size_t node) const {
        return nodes_[node].latencies;
    }
    [[nodiscard]] const std::vector<Fault>& faults() const noexcept { return faults_; }
    /// Readings received that nobody is known to have sent.
    [[nodiscard]] std::uint64_t strangers() const noexcept { return strangers_; }

private:
    enum class State : std::uint8_t { none, in_flight, lost, delivered };
    struct Reading {
        Instant sent{};
        std::uint32_t key = 0;
        State state = State::none;
        node::LossReason reason{};
    };
    struct Node {
        ReadingCounts counts;
        Latencies latencies;
        std::vector<Reading> recent;  // by sequence number, modulo its size, a power of two
        std::uint32_t waiting = 0;    // faults that wait for a reading of this node
    };

    void sent(Instant at, std::uint32_t node, std::uint32_t key);
    void received(Instant at, std::uint32_t key);
    void lost(std::uint32_t key, std::uint64_t reason);
    void heal(std::uint32_t node, Instant reading_sent, Instant at);
    [[nodiscard]] Reading* find(std::uint32_t key, Node*& node);
    static bool worth_keeping(const Reading& reading, Instant now) noexcept;
    static void grow(Node& node);

    Tap* next_;
    std::vector<Node> nodes_;
    std::vector<std::uint32_t> node_of_;  // by the key's high 16 bits
    std::vector<Fault> faults_;
    std::uint64_t strangers_ = 0;
};

static_assert(Stats<ReadingCounts>);

}  // namespace causeway::sim
