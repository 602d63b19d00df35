#pragma once
// What a client remembers, for its files only: devices and what they are asked, requests under way,
// the line.
#include "base/deadlines.hpp"
#include "scada/modbus/client.hpp"
#include "scada/modbus/client_plan.hpp"
#include "scada/modbus/framing.hpp"
#include "scada/modbus/pdu.hpp"

#include <algorithm>
#include <deque>
#include <variant>

namespace causeway::scada::modbus {

struct Client::State {
    /// A group's poll, or a request of somebody's.
    struct Job {
        DeviceIndex device = 0;
        std::optional<std::size_t> group{};
        std::uint64_t tag = 0;
        bool repeatable = false;
        bool broadcast = false;
        Instant until = never;
        unsigned attempts = 0;
        unsigned busy = 0;
        InplaceBytes<pdu_octets_max> pdu{};
    };
    struct Slot {
        Job job{};
        std::uint16_t transaction = 0;
        Instant deadline{};
    };
    /// An item that several requests read.
    struct Parted {
        enum class Seen : std::uint8_t { not_yet, read, failed };
        std::vector<Seen> seen{};  // of each part, since the item was told of
        std::optional<Exception> exception{};
        std::vector<std::uint16_t> registers{};

        [[nodiscard]] bool has(Seen what) const {
            return std::ranges::find(seen, what) != seen.end();
        }
        void forget() {
            std::ranges::fill(seen, Seen::not_yet);
            exception.reset();
        }
    };
    struct Device {
        DevicePlan plan{};
        std::vector<PollGroup> groups{};
        std::vector<Parted> items{};
        std::deque<Job> commands{};
        std::deque<Job> again{};  // asked before, and asked again next
        Instant not_before{};
        bool polling = true;
        bool suspended = false;
        std::optional<bool> up{};
        bool ready = false;  // has its place in `turns`
        bool command_last = false;
        unsigned failures = 0;
        unsigned under_way = 0;
        unsigned owes = 0;  // answers that were given up
        std::size_t probe = 0;
        Duration back_off{};
        Instant probe_at{};
    };
    enum class Line : std::uint8_t { away, here, between };  // polls, by our own will

    State(ClientSettings given, std::vector<DevicePlan> plans);

    // ---- the line: client.cpp
    void opened(Instant now, PeerId peer);
    /// Nobody is reachable any more.
    void lost();
    void close_line(Instant now, bool between_polls);
    void received(Instant now, Bytes octets);
    void timeout(Instant now);
    [[nodiscard]] Instant next_deadline() const;
    void tell_faults();

    // ---- turns: client_turns.cpp
    void request(Instant now, Request&& wanted);
    void set_polling(Instant now, DeviceIndex index, bool on);
    /// When it wants its turn, as things are.
    [[nodiscard]] Instant wants(const Device& device) const;
    void plan_turn(Instant now, DeviceIndex index);
    void advance(Instant now);
    [[nodiscard]] bool may_send(Instant now) const;
    [[nodiscard]] std::optional<Job> next_job(Instant now, DeviceIndex index);
    void drop_late(Instant now, Device& device);
    [[nodiscard]] Job poll_of(Instant now, DeviceIndex index, std::size_t group);
    void send(Instant now, Job job);

    // ---- outcomes: client_outcomes.cpp
    /// The frame that came; whose it is, if anybody's.
    void frame(Instant now, const Adu& adu);
    void answered(Instant now, std::size_t at, Bytes pdu);
    void expired(Instant now, std::size_t at);
    void deliver(Instant now, const Job& job, Bytes pdu);
    void fail(const Job& job, std::optional<Exception> exception, Answered::Fate fate);
    void item_done(DeviceIndex index, const PollSlice& slice, std::span<const std::uint16_t> read,
                   std::optional<Exception> exception, bool failed);
    void read(const Job& job, Bytes pdu);
    bool split(Instant now, const Job& job, Exception exception);
    void alive(Instant now, DeviceIndex index);
    void failed(Instant now, DeviceIndex index);
    void state_is(DeviceIndex index, bool up);
    Slot take_slot(std::size_t at);

    [[nodiscard]] bool has_ids() const noexcept { return settings.framing == Framing::tcp; }
    [[nodiscard]] bool is_serial() const noexcept {
        return settings.character_time > Duration{} && !has_ids();
    }

    ClientSettings settings;
    std::vector<Device> devices;
    std::vector<Slot> slots;
    std::size_t slots_max = 1;
    std::deque<std::uint32_t> turns;  // who is ready, in order
    Deadlines wakes;                  // who will be

    Line line = Line::away;
    PeerId peer{};
    std::variant<TcpFrames, RtuAnswers, AsciiFrames> frames{};
    Octets echoed;
    Instant quiet_at{};    // nobody has spoken for long enough
    Instant busy_since{};  // without such a silence
    Instant gap_at = never;
    Instant between_until = never;
    unsigned silent_timeouts = 0;  // in a row, and not an octet came
    std::uint16_t transaction = 0;
    FrameFaults faults;
    Stats stats;
    Outbox<Output> outbox;
};

}  // namespace causeway::scada::modbus
