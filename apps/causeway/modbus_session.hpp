#pragma once
// A Modbus client in real time on a line of any kind: what the tools of `causeway modbus` share.
#include "command.hpp"
#include "net/lines.hpp"
#include "scada/modbus/client.hpp"

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace causeway::cli {

/// Options of every one of the tools.
struct ModbusOptions {
    /// The place, unless there is --serial, and what the tool itself takes.
    std::vector<std::string> words;
    std::string serial;
    std::string baud = "19200-8E1";
    std::string framing;
    bool udp = false;
    bool echo = false;
    unsigned unit = 1;
    std::string timeout = "1s";
    unsigned retries = 1;
    bool json = false;

    /// `takes`: what words there are behind the place.
    void add_to(CLI::App& app, const std::string& takes = {});
};

/// How the server is reached.
struct ModbusPlan {
    net::LineSpec line{};
    std::string where;  // for people
    scada::modbus::ClientSettings settings{};
    scada::modbus::Unit unit = 1;
    bool broadcast = false;  // unit 0 of a serial line
    Duration timeout{};
    unsigned retries = 0;
    std::string host{};  // where the line is a TCP connection
    std::uint16_t port = 0;
};
/// Or what is wrong with the options. Takes the place away from the words.
[[nodiscard]] std::expected<ModbusPlan, std::string> modbus_plan_from(ModbusOptions& options);

/// "coil", "discrete", "input", "holding"; "0", "1", "3", "4" too, as mbpoll has them.
[[nodiscard]] std::optional<scada::modbus::Area> modbus_area_from(std::string_view text);
/// "input 8", of a table that is addressed from `base`.
[[nodiscard]] std::string_view modbus_area_text(scada::modbus::Area area);
/// 12, 0x1f.
[[nodiscard]] std::optional<std::int64_t> modbus_integer_from(std::string_view text);

class ModbusSession {
public:
    /// A device for each unit, in this order.
    ModbusSession(ModbusPlan plan, std::vector<scada::modbus::Unit> units);
    ModbusSession(const ModbusSession&) = delete;
    ModbusSession& operator=(const ModbusSession&) = delete;
    ~ModbusSession();

    /// Waits for the line; or why there is none.
    [[nodiscard]] std::expected<void, std::string> open();
    /// Waits for the answer, which may be an exception; or why there is none.
    [[nodiscard]] std::expected<Octets, std::string> ask(std::size_t device, Octets pdu,
                                                         bool write = false);
    /// The same, and an exception is no answer.
    [[nodiscard]] std::expected<Octets, std::string> get(std::size_t device, Octets pdu,
                                                         bool write = false);
    /// Until a signal, or the time is over: false after a signal.
    bool wait(Duration time);
    [[nodiscard]] bool interrupted() const;
    [[nodiscard]] const ModbusPlan& plan() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::cli
