#pragma once
// One unit of a server: what every function does to it, and what it counts [MODBUS AP §6]. It knows
// nothing of lines: who asks, whether anybody may be answered and when is the server's.
#include "scada/modbus/pdu.hpp"
#include "scada/modbus/server_image.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace causeway::scada::modbus {

/// The line that units share, as far as diagnostics tell of it.
struct LineCounts {
    std::uint64_t messages = 0;
    std::uint64_t errors = 0;
};

class ServerUnit {
public:
    explicit ServerUnit(UnitPlan plan);

    /// A write in registers, or in bits that are 0 or 1.
    struct Change {
        Area area = Area::holding_register;
        std::uint16_t address = 0;
        std::vector<std::uint16_t> values{};
    };
    /// What a request comes to. Where `handed_out` is set nothing was done yet and nothing stands
    /// in the answer: the same request comes again with `granted`.
    struct Effects {
        std::optional<Change> change{};
        bool handed_out = false;
        bool restarted = false;    // communications: listen-only mode is over
        bool listen_only = false;  // from now on
        std::optional<char> ascii_end{};
    };
    /// The answer's PDU, which has room for the largest; or why there is none.
    [[nodiscard]] std::optional<Exception> execute(const RequestPdu& request, bool granted,
                                                   const LineCounts& line, ByteWriter& out,
                                                   Effects& effects);

    struct Heard {
        bool broadcast = false;
        bool listen_only = false;
    };
    /// For the log and the counters: a message for this unit, before it is executed.
    void heard(const Heard& how);
    /// And its end: with an exception, an answer, or (`silent`) nothing.
    void ended(std::uint8_t function, std::optional<Exception> exception, bool silent,
               bool listen_only);

    [[nodiscard]] const UnitPlan& plan() const noexcept { return plan_; }
    [[nodiscard]] ServerImage& image() noexcept { return image_; }
    [[nodiscard]] const ServerImage& image() const noexcept { return image_; }
    void set_fifo(std::uint16_t address, std::vector<std::uint16_t> values);
    void set_exception_status(std::uint8_t status) noexcept { exception_status_ = status; }

private:
    using Refusal = std::optional<Exception>;
    struct Done {
        bool granted;
        const LineCounts& line;
        ByteWriter& out;
        Effects& effects;
    };

    Refusal run(const ReadRequest& request, Done& done);
    Refusal run(const WriteCoil& request, Done& done);
    Refusal run(const WriteRegister& request, Done& done);
    Refusal run(const Bare& request, Done& done);
    Refusal run(const Diagnostics& request, Done& done);
    Refusal run(const WriteCoils& request, Done& done);
    Refusal run(const WriteRegisters& request, Done& done);
    Refusal run(const ReadFiles& request, Done& done);
    Refusal run(const WriteFiles& request, Done& done);
    Refusal run(const MaskWrite& request, Done& done);
    Refusal run(const ReadWrite& request, Done& done);
    Refusal run(const ReadFifo& request, Done& done);
    Refusal run(const ReadIdentification& request, Done& done);
    Refusal run(const Other& request, Done& done);

    /// Writes `values`, or hands them out; true: done, and an answer is wanted.
    bool change_registers(std::uint16_t address, Bytes values, bool asked, Done& done);
    bool change_bits(std::uint16_t address, std::uint16_t count, Bytes bits, bool asked,
                     Done& done);
    void clear_counters(const LineCounts& line);
    void note(std::uint8_t event);

    struct Counters {
        std::uint64_t exceptions = 0;
        std::uint64_t messages = 0;
        std::uint64_t unanswered = 0;
        std::uint64_t refusals = 0;  // negative acknowledge
        std::uint64_t busy = 0;
        std::uint64_t events = 0;
    };

    UnitPlan plan_;
    ServerImage image_;
    Counters counters_;
    LineCounts cleared_at_;
    std::array<std::uint8_t, event_log_max> log_{};  // a ring
    std::size_t log_next_ = 0;
    std::size_t log_size_ = 0;
    std::uint8_t exception_status_ = 0;
    std::map<std::uint16_t, std::vector<std::uint16_t>> fifos_;
    std::map<std::uint16_t, Octets> files_;  // those that were written
};

}  // namespace causeway::scada::modbus
