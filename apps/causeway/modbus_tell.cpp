// causeway modbus identify, diagnose: who a device is, and how it fares.
#include "modbus.hpp"
#include "modbus_session.hpp"
#include "printable.hpp"
#include "scada/modbus/pdu.hpp"

#include "base/hex.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <memory>

namespace causeway::cli {
namespace modbus_tool {
namespace {

using namespace scada::modbus;

constexpr std::array<std::string_view, 7> object_names{
    "vendor", "product code", "revision", "vendor url", "product name", "model", "application"};

std::string shown_text(Bytes octets) {
    return printable(as_text(octets));
}

/// Lines of a report: a name and what it is.
class ModbusReport {
public:
    explicit ModbusReport(bool json) : json_(json) {}

    void add(std::string_view name, std::string value) {
        if (json_)
            object_[key_of(name)] = std::move(value);
        else
            fmt::print("{}: {}\n", name, value);
        ++lines_;
    }
    void add(std::string_view name, std::uint64_t value) {
        if (json_)
            object_[key_of(name)] = value;
        else
            fmt::print("{}: {}\n", name, value);
        ++lines_;
    }
    /// The newest is the first.
    void add_event(std::size_t number, std::string what) {
        if (!json_) return add(fmt::format("event -{}", number), std::move(what));
        auto& log = object_["log"];
        if (!log.is_array()) log.emplace_array();
        log.get_array().emplace_back(std::move(what));
    }
    int end(std::string_view nothing) {
        if (json_) fmt::print("{}\n", boost::json::serialize(object_));
        return lines_ != 0 ? done : say_why(failed, std::string(nothing));
    }

private:
    static std::string key_of(std::string_view name) {
        std::string key(name);
        std::ranges::replace(key, ' ', '_');
        return key;
    }

    bool json_;
    boost::json::object object_;
    std::size_t lines_ = 0;
};

// ---- identify

/// A stream of objects [MODBUS AP §6.21]; false: the device has none of that kind.
std::expected<bool, std::string> tell_objects(ModbusSession& session, std::uint8_t code,
                                              ModbusReport& report) {
    std::uint8_t next = 0;
    for (int turns = 0; turns < 256; ++turns) {
        const auto answer = session.ask(0, emitted(RequestPdu{ReadIdentification{code, next}}));
        if (!answer) return std::unexpected(answer.error());
        const auto pdu = parse_as<ResponsePdu>(*answer);
        const auto* read = pdu ? std::get_if<IdentificationRead>(&pdu->body) : nullptr;
        if (read == nullptr) return turns != 0;
        ByteReader in(read->objects.octets);
        while (in.more()) {
            const std::uint8_t number = in.u8();
            const Bytes text = in.take(in.u8());
            if (number < object_names.size())
                report.add(object_names[number], shown_text(text));
            else
                report.add(fmt::format("object {}", number), shown_text(text));
        }
        if (!read->more || read->next <= next) return true;
        next = read->next;
    }
    return true;
}

int identify(ModbusOptions& options) {
    const auto plan = modbus_plan_from(options);
    if (!plan) return say_why(bad_usage, plan.error());
    ModbusSession session(*plan, {plan->unit});
    if (const auto opened = session.open(); !opened) return say_why(failed, opened.error());
    ModbusReport report(options.json);
    // Extended, regular, basic: what is beyond a device it may refuse.
    for (const std::uint8_t code : std::initializer_list<std::uint8_t>{3, 2, 1}) {
        const auto told = tell_objects(session, code, report);
        if (!told) return say_why(failed, told.error());
        if (*told) break;
    }
    const auto answer = session.ask(0, emitted(RequestPdu{Bare{Function::report_server_id}}));
    if (!answer) return say_why(failed, answer.error());
    const auto pdu = parse_as<ResponsePdu>(*answer);
    if (const auto* id = pdu ? std::get_if<ServerId>(&pdu->body) : nullptr) {
        report.add("server id", to_hex(id->data.octets, " "));
        report.add("server id as text", shown_text(id->data.octets));
    }
    return report.end("it does not say who it is");
}

// ---- diagnose

struct DiagnoseOptions : ModbusOptions {
    bool clear = false;
    bool restart = false;
};

std::string event_text(std::uint8_t event) {  // [MODBUS AP §6.10]
    if (event == 0) return "restarted";
    if (event == 4) return "entered listen only mode";
    struct Bit {
        unsigned mask;
        std::string_view name;
    };
    static constexpr Bit received[] = {{0x02, "communication error"},
                                       {0x10, "character overrun"},
                                       {0x20, "listen only"},
                                       {0x40, "broadcast"}};
    static constexpr Bit sent[] = {
        {0x01, "exception 1 to 3"},     {0x02, "exception 4"},   {0x04, "busy"},
        {0x08, "negative acknowledge"}, {0x10, "write timeout"}, {0x20, "listen only"}};
    const bool in = (event & 0x80) != 0;
    std::string text(in ? "received" : "sent");
    for (const Bit& bit : in ? std::span<const Bit>(received) : std::span<const Bit>(sent))
        if ((event & bit.mask) != 0) text += fmt::format(", {}", bit.name);
    return text;
}

/// False: it does not know that one.
std::expected<bool, std::string> tell_one(ModbusSession& session, Octets request,
                                          ModbusReport& report) {
    const auto answer = session.ask(0, std::move(request));
    if (!answer) return std::unexpected(answer.error());
    const auto pdu = parse_as<ResponsePdu>(*answer);
    if (!pdu || exception_of(*answer)) return false;
    if (const auto* status = std::get_if<ExceptionStatus>(&pdu->body))
        report.add("exception status", fmt::format("{:08b}", status->status));
    if (const auto* counter = std::get_if<EventCounter>(&pdu->body)) {
        report.add("busy", counter->status != 0 ? "yes" : "no");
        report.add("events", counter->events);
    }
    if (const auto* log = std::get_if<EventLog>(&pdu->body)) {
        report.add("messages", log->messages);
        std::size_t number = 0;
        for (const std::byte event : log->log.octets)
            report.add_event(++number, event_text(std::to_integer<std::uint8_t>(event)));
    }
    if (const auto* found = std::get_if<Diagnostics>(&pdu->body);
        found != nullptr && found->data.octets.size() == 2) {
        std::string_view name = name_of(found->what);
        if (name.starts_with("return ")) name.remove_prefix(7);
        report.add(name, ByteReader(found->data.octets).be16());
    }
    return true;
}

int diagnose(DiagnoseOptions& options) {
    const auto plan = modbus_plan_from(options);
    if (!plan) return say_why(bad_usage, plan.error());
    ModbusSession session(*plan, {plan->unit});
    if (const auto opened = session.open(); !opened) return say_why(failed, opened.error());
    ModbusReport report(options.json);
    const std::array<std::byte, 2> zero{};
    const Octets echo_data = *from_hex("a537");
    const auto echo = session.ask(
        0, emitted(RequestPdu{Diagnostics{Diagnostic::return_query_data, {echo_data}}}));
    if (!echo) return say_why(failed, echo.error());
    report.add("echo", exception_of(*echo) ? "refused" : "as it was sent");
    std::vector<Octets> requests{emitted(RequestPdu{Bare{Function::read_exception_status}}),
                                 emitted(RequestPdu{Bare{Function::get_comm_event_counter}}),
                                 emitted(RequestPdu{Bare{Function::get_comm_event_log}})};
    for (const Diagnostic what :
         {Diagnostic::return_register, Diagnostic::bus_message_count,
          Diagnostic::bus_communication_error_count, Diagnostic::bus_exception_error_count,
          Diagnostic::server_message_count, Diagnostic::server_no_response_count,
          Diagnostic::server_nak_count, Diagnostic::server_busy_count,
          Diagnostic::bus_character_overrun_count})
        requests.push_back(emitted(RequestPdu{Diagnostics{what, {zero}}}));
    for (Octets& request : requests)
        if (const auto told = tell_one(session, std::move(request), report); !told)
            return say_why(failed, told.error());
    if (options.clear) {
        const auto cleared = session.get(
            0, emitted(RequestPdu{Diagnostics{Diagnostic::clear_counters, {zero}}}), true);
        if (!cleared) return say_why(failed, cleared.error());
    }
    if (options.restart) {
        const auto restarted = session.get(
            0, emitted(RequestPdu{Diagnostics{Diagnostic::restart_communications, {zero}}}), true);
        if (!restarted) return say_why(failed, restarted.error());
    }
    return report.end("it says nothing");
}

}  // namespace
}  // namespace modbus_tool

void add_modbus_tell(CLI::App& modbus, Work& work) {
    using namespace modbus_tool;
    CLI::App* const who = modbus.add_subcommand("identify", "Ask a device who it is");
    who->footer("Example:\n  causeway modbus identify 10.0.0.7 -a 255");
    auto identifying = std::make_shared<ModbusOptions>();
    identifying->add_to(*who);
    who->callback(
        [identifying, &work] { work = [identifying] { return identify(*identifying); }; });

    CLI::App* const how = modbus.add_subcommand("diagnose", "Ask a device how it fares");
    how->footer("Example:\n  causeway modbus diagnose /dev/ttyUSB0 -a 17 --clear");
    auto diagnosing = std::make_shared<DiagnoseOptions>();
    diagnosing->add_to(*how);
    how->add_flag("--clear", diagnosing->clear, "Set its counters to zero afterwards");
    how->add_flag("--restart", diagnosing->restart, "Restart its communications afterwards");
    how->callback([diagnosing, &work] { work = [diagnosing] { return diagnose(*diagnosing); }; });
}

}  // namespace causeway::cli
