#pragma once
// A Modbus client on one line: as many devices as the line has, each polled at its own pace.
//
// Requests of one device never wait for another's trouble longer than one request takes: devices
// have turns, one that is silent is suspended and probed with a back-off, and only that one. On a
// serial line one request is under way, with the silence of 3.5 characters between frames
// [MODBUS SL §2.5.1.1]; over TCP as many as `in_flight_max`, told apart by transaction ids, so that
// a late answer never passes for another's. What is wrong, late, of another unit or noise is
// counted, and the next frame is found.
//
// Items of a device that are polled at the same pace and lie next to each other are read by one
// request (`gap_max`); where the device refuses that, since there are holes between them, they are
// read apart from then on. An item that is longer than `registers_max` is read by several.
//
// Without transaction ids nobody can tell a late answer from the next one's. So a device that
// answered late, or only when it was asked again, is left alone for one timeout and a half: what it
// still has to say is said to nobody.
#include "base/engine.hpp"
#include "base/outbox.hpp"
#include "scada/line.hpp"
#include "scada/modbus/types.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace causeway::scada::modbus {

/// A stretch of bits or registers that is read every `every`.
struct PollItem {
    Area area = Area::holding_register;
    std::uint16_t address = 0;
    std::uint16_t count = 1;
    Duration every = std::chrono::seconds(1);  // zero: only once the device is found
};

struct DevicePlan {
    std::string name;
    Unit unit = 1;
    std::vector<PollItem> items{};
    Duration timeout = std::chrono::milliseconds(500);
    unsigned retries = 1;               // of a read, or a write that is known not to have arrived
    Duration pause{};                   // after each answer, before its next request
    bool close_after_poll = false;      // TCP: some take one request a connection
    std::uint16_t registers_max = 125;  // of one request; 1: one register a request
    std::uint16_t bits_max = 2'000;
    std::uint16_t gap_max = 8;  // registers nobody asked for that may be read along; 0: none
    unsigned failures_max = 3;  // requests in a row before it is suspended
    Duration probe_first = std::chrono::seconds(1);
    Duration probe_most = std::chrono::minutes(1);
    unsigned busy_retries = 3;  // of server_device_busy and acknowledge
    Duration busy_pause = std::chrono::milliseconds(100);
    bool write_single = true;  // functions 5 and 6 for one coil or register, else 15 and 16
};

struct ClientSettings {
    Framing framing = Framing::rtu;
    /// Serial: one character on the line; zero where there is no line (TCP).
    Duration character_time = std::chrono::microseconds(1146);
    /// Between frames, at least; zero: 3.5 characters, 1.75 ms above 19,200 bit/s.
    Duration silence{};
    /// The line gives back what is sent on it, as RS-485 adapters do that listen all the time.
    bool echo = false;
    unsigned in_flight_max = 1;  // TCP: requests under way on one connection, 1 to 16
    unsigned in_flight_per_device_max = 1;
    /// Not serial: after so many timeouts in a row, and not an octet, the connection leads nowhere
    /// and is closed; 0: never.
    unsigned silent_timeouts_max = 3;
    Duration broadcast_wait = std::chrono::milliseconds(100);  // turnaround delay
    std::size_t queue_max = 256;  // requests of one device that wait; more are refused
};

class Client {
public:
    using DeviceIndex = std::size_t;

    /// Anything that the functions can do. `pdu` begins with the function code.
    struct Request {
        std::uint64_t tag = 0;
        DeviceIndex device = 0;
        Octets pdu;
        bool write = false;  // it must not be done twice: it is never repeated unless it is known
                             // that it did not arrive
        bool broadcast = false;
        /// Whoever asked has given up by then: what has not left is not sent any more.
        Instant until = never;
    };
    struct SetPolling {
        DeviceIndex device = 0;
        bool on = true;
    };
    using Input = std::variant<LineOpened, LineClosed, OctetsReceived, Request, SetPolling>;

    /// The outcome of what one poll read: for each item that it covers.
    struct ItemRead {
        DeviceIndex device = 0;
        std::size_t item = 0;                    // in DevicePlan::items
        std::vector<std::uint16_t> registers{};  // bits: 0 or 1 each
    };
    struct ItemFailed {
        DeviceIndex device = 0;
        std::size_t item = 0;
        std::optional<Exception> exception{};  // none: silence, or an answer that made no sense
    };
    struct Answered {
        std::uint64_t tag = 0;
        DeviceIndex device = 0;
        Octets pdu{};  // empty: see `fate`, or it was a broadcast
        enum class Fate : std::uint8_t {
            answered,
            unanswered,   // it may have arrived
            unreachable,  // it was never sent: suspended, no line, queue full
        } fate = Fate::answered;
    };
    /// It answers again, or answers no more; at the start it is unknown and then one of the two.
    struct DeviceState {
        DeviceIndex device = 0;
        bool up = false;
    };
    using Output = std::variant<Transmit, CloseLine, ItemRead, ItemFailed, Answered, DeviceState>;

    struct Stats {
        std::uint64_t requests = 0;  // sent, each time; broadcasts apart
        std::uint64_t answers = 0;
        std::uint64_t exceptions = 0;  // among the answers
        std::uint64_t timeouts = 0;
        std::uint64_t broken = 0;  // requests under way when the line went
        std::uint64_t under_way = 0;
        std::uint64_t late = 0;        // answers nobody waits for any more
        std::uint64_t unexpected = 0;  // of another unit, another function, another length
        std::uint64_t bad_checksums = 0;
        std::uint64_t noise_octets = 0;  // thrown away while looking for a frame
        std::uint64_t suspended = 0;     // times a device was
        std::uint64_t refused = 0;       // requests, by a full queue or a suspended device
        std::uint64_t broadcasts = 0;
        std::uint64_t retried = 0;  // among the requests
        std::uint64_t split = 0;    // polls of several items that a device wants one by one

        template <class Named>
        void visit(Named&& named) const {
            named("requests", requests);
            named("answers", answers);
            named("exceptions", exceptions);
            named("timeouts", timeouts);
            named("broken", broken);
            named("under_way", under_way);
            named("late", late);
            named("unexpected", unexpected);
            named("bad_checksums", bad_checksums);
            named("noise_octets", noise_octets);
            named("suspended", suspended);
            named("refused", refused);
            named("broadcasts", broadcasts);
            named("retried", retried);
            named("split", split);
        }
        [[nodiscard]] bool balanced() const noexcept {
            return requests == answers + timeouts + broken + under_way;
        }
    };

    Client(ClientSettings settings, std::vector<DevicePlan> devices);
    Client(Client&&) noexcept;
    Client& operator=(Client&&) noexcept;
    ~Client();

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output();
    [[nodiscard]] Instant next_deadline() const;
    [[nodiscard]] const Stats& stats() const noexcept;
    [[nodiscard]] const DevicePlan& device(DeviceIndex index) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

static_assert(Engine<Client>);

// ---- requests in words: PDUs for Client::Request ------------------------------------------------

[[nodiscard]] Octets read_request(Area area, std::uint16_t address, std::uint16_t count);
[[nodiscard]] Octets write_coil_request(std::uint16_t address, bool on);
[[nodiscard]] Octets write_coils_request(std::uint16_t address, std::span<const bool> on);
[[nodiscard]] Octets write_register_request(std::uint16_t address, std::uint16_t value);
[[nodiscard]] Octets write_registers_request(std::uint16_t address,
                                             std::span<const std::uint16_t> values);
/// The exception in an answer; none where it is none.
[[nodiscard]] std::optional<Exception> exception_of(Bytes pdu) noexcept;

}  // namespace causeway::scada::modbus
