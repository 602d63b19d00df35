#pragma once
// A Modbus server: one or many units behind one line, each an image of bits and registers that
// reads are answered from. Writes are done at once, or (where the image is a window on something
// else) handed out and answered when their outcome is known.
//
// On a serial line it keeps quiet about frames for others, broadcasts, bad checksums and other
// servers' answers; over TCP peers are apart, and what one of them sends harms no other:
// listen-only mode [MODBUS AP §6.8.1] is between a unit and the peer that asked for it.
//
// A request that comes while a write waits for its outcome, on a line without transaction ids, ends
// the wait of the first: its answer would be taken for the second's. The same write once more is no
// second write: it waits for the outcome of the first.
#include "base/engine.hpp"
#include "base/outbox.hpp"
#include "scada/line.hpp"
#include "scada/modbus/types.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace causeway::scada::modbus {

/// A stretch of addresses that are there. Outside of all of them: illegal_data_address.
struct Extent {
    Area area = Area::holding_register;
    std::uint16_t address = 0;
    std::uint32_t count = 1;
    bool writable = false;  // coils and holding registers; else a write is illegal_data_address
    bool asked = false;     // writes are handed out (WriteRequested) and wait for WriteAnswered
};

/// [MODBUS AP §6.21]; by object id: 0 vendor, 1 product code, 2 revision
/// ... empty ones are not there.
using Identification = std::array<std::string, 7>;

struct UnitPlan {
    Unit unit = 1;
    std::vector<Extent> extents{};
    Identification identification{};
    /// Function 17: the id, 0xff for "it runs", anything else, as it goes over the line. Empty:
    /// illegal_function.
    std::vector<std::uint8_t> server_id{};
    std::uint16_t files_max = 0;  // function 20, 21: files of 10,000 registers, from 1
};

struct ServerSettings {
    Framing framing = Framing::rtu;
    Duration character_time = std::chrono::microseconds(1146);  // serial; zero: no line
    /// Between frames; zero: 3.5 characters, 1.75 ms at least.
    Duration silence{};
    /// The line gives back what is sent on it, as RS-485 adapters do that listen all the time.
    bool echo = false;
    /// A unit that is not there: TCP gateways say so, serial lines are silent.
    bool answer_for_missing_units = true;  // TCP: exception gateway_target_failed
    /// TCP: every unit id is the first plan's. Where there is one plan, 0 and 255, which mean the
    /// device itself [MODBUS TCP §4.4], are it in any case.
    bool any_unit = false;
    std::size_t peers_max = 64;
    std::size_t writes_max = 256;  // WriteRequested that wait; more are answered busy
    Duration write_within = std::chrono::seconds(10);  // then server_device_failure
};

class Server {
public:
    enum class WriteId : std::uint64_t {};

    struct WriteAnswered {
        WriteId id{};
        std::optional<Exception> exception{};  // none: done, and the image takes the new values
    };
    using Input = std::variant<LineOpened, LineClosed, OctetsReceived, WriteAnswered>;

    /// All of the write, which may be of several registers; the image still has the old values.
    /// Function 22 and 23 come as what they amount to.
    struct WriteRequested {
        WriteId id{};
        PeerId peer{};
        Unit unit = 1;
        Area area = Area::holding_register;
        std::uint16_t address = 0;
        std::vector<std::uint16_t> values{};  // coils: 0 or 1
        bool broadcast = false;               // nobody is answered
    };
    /// A write that was done at once.
    struct Written {
        Unit unit = 1;
        Area area = Area::holding_register;
        std::uint16_t address = 0;
        std::vector<std::uint16_t> values{};
    };
    using Output = std::variant<Transmit, CloseLine, WriteRequested, Written>;

    struct Stats {
        std::uint64_t requests = 0;  // for us
        std::uint64_t answers = 0;
        std::uint64_t exceptions = 0;  // among the answers
        std::uint64_t broadcasts = 0;
        std::uint64_t listen_only = 0;  // taken while diagnostics keep us silent
        std::uint64_t waiting = 0;      // for WriteAnswered
        std::uint64_t abandoned = 0;    // the peer went while its write was under way
        std::uint64_t for_others = 0;
        std::uint64_t bad_checksums = 0;
        std::uint64_t bad_frames = 0;
        std::uint64_t noise_octets = 0;
        std::uint64_t peers_refused = 0;  // more than `peers_max`
        std::uint64_t writes_busy = 0;    // more than `writes_max`, among the exceptions

        template <class Named>
        void visit(Named&& named) const {
            named("requests", requests);
            named("answers", answers);
            named("exceptions", exceptions);
            named("broadcasts", broadcasts);
            named("listen_only", listen_only);
            named("waiting", waiting);
            named("abandoned", abandoned);
            named("for_others", for_others);
            named("bad_checksums", bad_checksums);
            named("bad_frames", bad_frames);
            named("noise_octets", noise_octets);
            named("peers_refused", peers_refused);
            named("writes_busy", writes_busy);
        }
        [[nodiscard]] bool balanced() const noexcept {
            return requests == answers + broadcasts + listen_only + waiting + abandoned;
        }
    };

    Server(ServerSettings settings, std::vector<UnitPlan> units);
    Server(Server&&) noexcept;
    Server& operator=(Server&&) noexcept;
    ~Server();

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output();
    [[nodiscard]] Instant next_deadline() const;
    [[nodiscard]] const Stats& stats() const noexcept;

    // The image; addresses outside of the extents are left alone and answered false.
    bool set(Unit unit, Area area, std::uint16_t address, std::span<const std::uint16_t> values);
    [[nodiscard]] std::optional<std::uint16_t> at(Unit unit, Area area,
                                                  std::uint16_t address) const;
    /// A stretch that answers reads with this exception, until it is lifted (none): the device
    /// behind it is away.
    void fail(Unit unit, Area area, std::uint16_t address, std::uint32_t count,
              std::optional<Exception> exception);
    /// Function 24: what stands in the queue at this address; 31 at most.
    void set_fifo(Unit unit, std::uint16_t address, std::vector<std::uint16_t> values);
    /// Function 7.
    void set_exception_status(Unit unit, std::uint8_t status);

private:
    struct State;
    std::unique_ptr<State> state_;
};

static_assert(Engine<Server>);

}  // namespace causeway::scada::modbus
