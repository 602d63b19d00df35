// causeway modbus scan: which units are on a line, or which addresses a unit has.
#include "modbus.hpp"
#include "modbus_session.hpp"
#include "scada/modbus/pdu.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include <memory>

namespace causeway::cli {
namespace modbus_tool {
namespace {

using namespace scada::modbus;

struct ScanOptions : ModbusOptions {
    std::string units = "1-247";
    std::string addresses;
    std::string table = "holding";
};

struct NumberRange {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
};

/// "7", "1-247".
std::optional<NumberRange> number_range_from(std::string_view text, std::uint32_t most) {
    const auto dash = text.find('-', 1);
    const auto first = modbus_integer_from(text.substr(0, dash));
    const auto last =
        dash == std::string_view::npos ? first : modbus_integer_from(text.substr(dash + 1));
    if (!first || !last || *first < 0 || *last < *first || *last > most) return std::nullopt;
    return NumberRange{static_cast<std::uint32_t>(*first), static_cast<std::uint32_t>(*last)};
}

/// Whoever says anything is there; a gateway that speaks of somebody is not he.
int scan_units(const ScanOptions& options, const ModbusPlan& plan, NumberRange range) {
    std::vector<Unit> units;
    for (std::uint32_t unit = range.first; unit <= range.last; ++unit)
        units.push_back(static_cast<Unit>(unit));
    ModbusSession session(plan, units);
    if (const auto opened = session.open(); !opened) return say_why(failed, opened.error());
    std::size_t found = 0;
    for (std::size_t i = 0; i < units.size() && !session.interrupted(); ++i) {
        const auto answer = session.ask(i, read_request(Area::holding_register, 0, 1));
        if (!answer) continue;
        const auto exception = exception_of(*answer);
        if (exception == Exception::gateway_path_unavailable ||
            exception == Exception::gateway_target_failed)
            continue;
        ++found;
        if (options.json)
            fmt::print("{}\n", boost::json::serialize(boost::json::object{{"unit", units[i]}}));
        else if (exception)
            fmt::print("unit {}: there; {}\n", units[i], name_of(*exception));
        else
            fmt::print("unit {}: there; holding register 0 is {}\n", units[i],
                       ByteReader(Bytes(*answer).subspan(2)).be16());
        std::fflush(stdout);
    }
    if (session.interrupted()) return failed;
    return found != 0 ? done : say_why(failed, "nobody answers");
}

/// Reads in large steps, and halves those that are refused until it is known why.
class AddressScan {
public:
    AddressScan(ModbusSession& session, Area area) : session_(session), area_(area) {}

    std::expected<void, std::string> look(std::uint32_t first, std::uint32_t last) {
        const std::uint32_t count = last - first + 1;
        const std::uint32_t most = 100;
        if (count > most) {
            for (std::uint32_t at = first; at <= last; at += most)
                if (auto seen = look(at, std::min(last, at + most - 1)); !seen) return seen;
            return {};
        }
        const auto answer = session_.ask(0, read_request(area_, static_cast<std::uint16_t>(first),
                                                         static_cast<std::uint16_t>(count)));
        if (!answer) return std::unexpected(answer.error());
        const auto exception = exception_of(*answer);
        if (!exception) {
            note(first, last);
        } else if (*exception == Exception::illegal_function) {
            return std::unexpected(fmt::format("no {} can be read", modbus_area_text(area_)));
        } else if (count > 1) {
            const std::uint32_t middle = first + count / 2;
            if (auto seen = look(first, middle - 1); !seen) return seen;
            return look(middle, last);
        }
        return {};
    }
    [[nodiscard]] const std::vector<NumberRange>& found() const { return found_; }

private:
    void note(std::uint32_t first, std::uint32_t last) {
        if (!found_.empty() && found_.back().last + 1 == first)
            found_.back().last = last;
        else
            found_.push_back({first, last});
    }

    ModbusSession& session_;
    Area area_;
    std::vector<NumberRange> found_;
};

int scan_addresses(const ScanOptions& options, const ModbusPlan& plan, NumberRange range) {
    const auto area = modbus_area_from(options.table);
    if (!area)
        return say_why(bad_usage, fmt::format("--table {}: allowed: coil, discrete, input, holding",
                                              options.table));
    ModbusSession session(plan, {plan.unit});
    if (const auto opened = session.open(); !opened) return say_why(failed, opened.error());
    AddressScan scan(session, *area);
    const auto looked = scan.look(range.first, range.last);
    for (const NumberRange& found : scan.found()) {
        if (options.json)
            fmt::print("{}\n", boost::json::serialize(
                                   boost::json::object{{"table", std::string(name_of(*area))},
                                                       {"first", found.first},
                                                       {"last", found.last}}));
        else
            fmt::print("{} {} to {}\n", modbus_area_text(*area), found.first, found.last);
    }
    if (!looked) return say_why(failed, looked.error());
    return scan.found().empty() ? say_why(failed, "none of them is there") : done;
}

int scan(ScanOptions& options, bool timeout_given) {
    if (!timeout_given) options.timeout = options.addresses.empty() ? "200ms" : "1s";
    if (options.addresses.empty()) options.retries = 0;
    const auto plan = modbus_plan_from(options);
    if (!plan) return say_why(bad_usage, plan.error());
    if (!options.words.empty())
        return say_why(bad_usage, fmt::format("{}: what is that?", options.words.front()));
    if (!options.addresses.empty()) {
        const auto range = number_range_from(options.addresses, 65'535);
        if (!range)
            return say_why(bad_usage, fmt::format("--addresses {}: 0-999 is wanted, to 65535",
                                                  options.addresses));
        return scan_addresses(options, *plan, *range);
    }
    const auto range = number_range_from(options.units, 255);
    if (!range)
        return say_why(bad_usage, fmt::format("--units {}: 1-247 is wanted", options.units));
    return scan_units(options, *plan, *range);
}

}  // namespace
}  // namespace modbus_tool

void add_modbus_scan(CLI::App& modbus, Work& work) {
    using namespace modbus_tool;
    CLI::App* const app = modbus.add_subcommand("scan", "Find units, or a unit's addresses");
    app->footer(R"(Examples:
  causeway modbus scan /dev/ttyUSB0 --baud 9600-8E1
  causeway modbus scan 10.0.0.7 --units 1-32
  causeway modbus scan 10.0.0.7 -a 1 --table input --addresses 0-9999

Units are asked once each, and given 200ms unless --timeout says.)");
    auto options = std::make_shared<ScanOptions>();
    options->add_to(*app);
    app->add_option("--units", options->units, "Look for these units")
        ->type_name("FIRST-LAST")
        ->capture_default_str();
    app->add_option("--addresses", options->addresses, "Look for these addresses of --unit")
        ->type_name("FIRST-LAST");
    app->add_option("--table", options->table, "coil, discrete, input or holding")
        ->type_name("TABLE")
        ->capture_default_str();
    app->callback([options, app, &work] {
        const bool timeout_given = app->count("--timeout") != 0;
        work = [options, timeout_given] { return scan(*options, timeout_given); };
    });
}

}  // namespace causeway::cli
