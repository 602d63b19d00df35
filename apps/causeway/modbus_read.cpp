// causeway modbus read, write: bits and registers, as numbers of any type and order.
#include "modbus.hpp"
#include "modbus_session.hpp"
#include "printable.hpp"
#include "scada/modbus/data.hpp"
#include "scada/modbus/pdu.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <memory>

namespace causeway::cli {
namespace modbus_tool {
namespace {

using namespace scada::modbus;
using Registers = std::vector<std::uint16_t>;

struct ValueOptions : ModbusOptions {
    std::string type = "u16";
    std::string order = "abcd";
    std::uint32_t count = 1;
    std::uint16_t length = 8;  // registers of a text
    bool one_based = false;
    bool hex = false;
    std::string every;
    std::uint64_t times = 0;
    bool multiple = false;

    void add_values(CLI::App& app) {
        app.add_option("-t,--type", type,
                       "u16, i16, u32, i32, u64, i64, f32, f64, bcd16, bcd32 or text")
            ->type_name("TYPE")
            ->capture_default_str();
        app.add_option("--order", order, "Octets of a number: abcd, cdab, badc, dcba")
            ->type_name("ORDER")
            ->capture_default_str();
        app.add_option("--length", length, "Registers of a text, of two characters each")
            ->capture_default_str();
        // Without a short name: -1 is a value that people write.
        app.add_flag("--one-based", one_based, "Addresses begin at 1");
    }
};

/// What is read or written where.
struct ValuePlace {
    Area area = Area::holding_register;
    std::uint16_t address = 0;
    Type type = Type::u16;
    Order order = Order::abcd;
    std::size_t each = 1;  // registers or bits of a value
};

std::expected<ValuePlace, std::string> value_place_from(ValueOptions& options) {
    ValuePlace place;
    if (options.words.size() < 2) return std::unexpected("a table and an address are wanted");
    const auto area = modbus_area_from(options.words[0]);
    if (!area)
        return std::unexpected(
            fmt::format("{}: allowed: coil, discrete, input, holding", options.words[0]));
    const auto address = modbus_integer_from(options.words[1]);
    const std::int64_t base = options.one_based ? 1 : 0;
    if (!address || *address < base || *address > 65'535 + base)
        return std::unexpected(fmt::format("{}: an address is wanted, {} to {}", options.words[1],
                                           base, 65'535 + base));
    options.words.erase(options.words.begin(), options.words.begin() + 2);
    const auto type = type_from(options.type);
    if (!type)
        return std::unexpected(fmt::format(
            "--type {}: allowed: u16, i16, u32, i32, u64, i64, f32, f64, bcd16, bcd32, text",
            options.type));
    const auto order = order_from(options.order);
    if (!order)
        return std::unexpected(
            fmt::format("--order {}: allowed: abcd, cdab, badc, dcba", options.order));
    place.area = *area;
    place.address = static_cast<std::uint16_t>(*address - base);
    place.order = *order;
    place.type = has_bits(*area) ? Type::bit : *type;
    place.each = has_bits(*area) ? 1 : registers_of(*type, options.length);
    if (place.each == 0 || place.each > read_registers_max)
        return std::unexpected(
            fmt::format("--length {}: 1 to {}", options.length, read_registers_max));
    return place;
}

/// All of it, by as many requests as that takes; no value is torn apart.
std::expected<Registers, std::string> read_all(ModbusSession& session, const ValuePlace& place,
                                               std::uint32_t count) {
    const bool bits = has_bits(place.area);
    const std::size_t at_most = bits ? read_bits_max : read_registers_max;
    const std::size_t step = at_most / place.each * place.each;
    Registers all;
    for (std::size_t at = 0, total = count * place.each; at < total; at += step) {
        const auto some = static_cast<std::uint16_t>(std::min(step, total - at));
        const auto answer = session.get(
            0, read_request(place.area, static_cast<std::uint16_t>(place.address + at), some));
        if (!answer) return std::unexpected(answer.error());
        ByteReader in(Bytes(*answer).subspan(2));
        for (std::size_t i = 0; i < some; ++i) {
            if (bits)
                all.push_back(std::to_integer<unsigned>((*answer)[2 + i / 8]) >> i % 8 & 1);
            else
                all.push_back(in.be16());
        }
    }
    return all;
}

std::string number_text(const std::optional<Number>& number, Type type) {
    if (!number) return "none";  // digits of BCD that are none
    if (const auto* real = std::get_if<double>(&*number); real != nullptr && type == Type::f32)
        return fmt::format("{}", static_cast<float>(*real));  // as short as it reads back
    if (const auto* text = std::get_if<std::string>(&*number)) return printable(*text);
    return std::visit([](const auto& value) { return fmt::format("{}", value); }, *number);
}

boost::json::value number_json(const std::optional<Number>& number, Type type) {
    if (!number) return nullptr;
    if (const auto* whole = std::get_if<std::int64_t>(&*number)) return *whole;
    const std::string text = number_text(number, type);
    const auto* real = std::get_if<double>(&*number);
    if (real == nullptr || !std::isfinite(*real)) return boost::json::string(text);
    return std::strtod(text.c_str(), nullptr);
}

/// A u64, digit for digit where a Number would be a real one.
std::optional<std::uint64_t> large_whole(std::span<const std::uint16_t> raw,
                                         const ValuePlace& place) {
    if (place.type != Type::u64) return std::nullopt;
    const auto bits = decode(raw, Type::i64, place.order);
    if (!bits) return std::nullopt;
    return static_cast<std::uint64_t>(std::get<std::int64_t>(*bits));
}

void print_values(const ValueOptions& options, const ValuePlace& place, const ModbusPlan& plan,
                  const Registers& registers) {
    boost::json::array values;
    for (std::size_t at = 0; at < registers.size(); at += place.each) {
        const auto raw = std::span(registers).subspan(at, place.each);
        const auto number = decode(raw, place.type, place.order);
        const auto large = large_whole(raw, place);
        if (options.json) {
            if (large)
                values.push_back(*large);
            else
                values.push_back(number_json(number, place.type));
            continue;
        }
        fmt::print("{}: {}", place.address + at + (options.one_based ? 1 : 0),
                   large ? fmt::format("{}", *large) : number_text(number, place.type));
        if (options.hex) fmt::print("  0x{:04x}", fmt::join(raw, " 0x"));
        fmt::print("\n");
    }
    if (options.json)
        fmt::print("{}\n", boost::json::serialize(
                               boost::json::object{{"unit", plan.unit},
                                                   {"table", std::string(name_of(place.area))},
                                                   {"address", place.address},
                                                   {"type", std::string(name_of(place.type))},
                                                   {"values", std::move(values)}}));
    std::fflush(stdout);
}

int read_values(ValueOptions& options) {
    auto plan = modbus_plan_from(options);
    if (!plan) return say_why(bad_usage, plan.error());
    const auto place = value_place_from(options);
    if (!place) return say_why(bad_usage, place.error());
    if (!options.words.empty())
        return say_why(bad_usage, fmt::format("{}: what is that?", options.words.front()));
    if (plan->broadcast) return say_why(bad_usage, "nobody answers unit 0 of a serial line");
    if (options.count == 0 || place->address + options.count * place->each > 65'536)
        return say_why(bad_usage,
                       fmt::format("--count {}: goes beyond address 65535", options.count));
    std::optional<Duration> every;
    if (!options.every.empty()) {
        every = duration_from_text(options.every);
        if (!every || *every <= Duration{})
            return say_why(bad_usage,
                           fmt::format("--every {}: a time is wanted, such as 1s", options.every));
    }
    const std::uint64_t times = options.times != 0 ? options.times : every ? UINT64_MAX : 1;
    ModbusSession session(*plan, {plan->unit});
    if (const auto opened = session.open(); !opened) return say_why(failed, opened.error());
    int status = done;
    for (std::uint64_t turn = 0; turn < times; ++turn) {
        if (turn != 0 && !session.wait(every.value_or(std::chrono::seconds(1)))) break;
        const auto registers = read_all(session, *place, options.count);
        if (session.interrupted()) break;
        if (registers) {
            print_values(options, *place, *plan, *registers);
            continue;
        }
        status = say_why(failed, registers.error());
        if (!every) break;
    }
    return status;
}

std::expected<Number, std::string> number_from(const std::string& text, Type type) {
    if (type == Type::text) return Number(text);
    if (type == Type::bit) {
        if (text == "on" || text == "true" || text == "1") return Number(std::int64_t{1});
        if (text == "off" || text == "false" || text == "0") return Number(std::int64_t{0});
        return std::unexpected(fmt::format("{}: on or off is wanted", text));
    }
    if (const auto whole = modbus_integer_from(text)) return Number(*whole);
    double real = 0;
    const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), real);
    if (wrong != std::errc{} || end != text.data() + text.size())
        return std::unexpected(fmt::format("{}: a number is wanted", text));
    return Number(real);
}

/// The registers of one value; none where the type does not hold it. Nothing is rounded: who writes
/// 12.5 into whole registers has forgotten the type.
std::optional<Registers> registers_from(const std::string& text, const Number& number,
                                        const ValuePlace& place) {
    if (const double* real = std::get_if<double>(&number);
        real != nullptr && place.type != Type::f32 && place.type != Type::f64) {
        std::uint64_t large = 0;
        const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), large);
        if (place.type == Type::u64 && wrong == std::errc{} && end == text.data() + text.size())
            return encode(static_cast<std::int64_t>(large), Type::i64, place.order);
        if (std::round(*real) != *real) return std::nullopt;
    }
    return encode(number, place.type, place.order, place.each);
}

std::expected<Octets, std::string> write_request(const ValueOptions& options,
                                                 const ValuePlace& place) {
    Registers registers;
    for (const std::string& text : options.words) {
        const auto number = number_from(text, place.type);
        if (!number) return std::unexpected(number.error());
        const auto encoded = registers_from(text, *number, place);
        if (!encoded)
            return std::unexpected(fmt::format("{}: no {} holds it", text, name_of(place.type)));
        registers.insert(registers.end(), encoded->begin(), encoded->end());
    }
    const bool bits = has_bits(place.area);
    const std::size_t at_most = bits ? write_bits_max : write_registers_max;
    if (registers.size() > at_most)
        return std::unexpected(fmt::format("one request writes {} at most", at_most));
    if (place.address + registers.size() > 65'536)
        return std::unexpected("that goes beyond address 65535");
    if (!bits)
        return registers.size() == 1 && !options.multiple
                   ? write_register_request(place.address, registers[0])
                   : write_registers_request(place.address, registers);
    if (registers.size() == 1 && !options.multiple)
        return write_coil_request(place.address, registers[0] != 0);
    const auto on = std::make_unique<bool[]>(registers.size());
    for (std::size_t i = 0; i < registers.size(); ++i) on[i] = registers[i] != 0;
    return write_coils_request(place.address, {on.get(), registers.size()});
}

int write_values(ValueOptions& options) {
    auto plan = modbus_plan_from(options);
    if (!plan) return say_why(bad_usage, plan.error());
    const auto place = value_place_from(options);
    if (!place) return say_why(bad_usage, place.error());
    if (place->area != Area::coil && place->area != Area::holding_register)
        return say_why(bad_usage, fmt::format("a {} is only read", modbus_area_text(place->area)));
    if (options.words.empty()) return say_why(bad_usage, "a value is wanted");
    auto request = write_request(options, *place);
    if (!request) return say_why(bad_usage, request.error());
    ModbusSession session(*plan, {plan->unit});
    if (const auto opened = session.open(); !opened) return say_why(failed, opened.error());
    const auto answer = session.get(0, *std::move(request), true);
    if (!answer) return say_why(failed, answer.error());
    if (options.json)
        fmt::print("{}\n", boost::json::serialize(
                               boost::json::object{{"unit", plan->unit},
                                                   {"table", std::string(name_of(place->area))},
                                                   {"address", place->address},
                                                   {"written", options.words.size()}}));
    return done;
}

}  // namespace
}  // namespace modbus_tool

void add_modbus_read(CLI::App& modbus, Work& work) {
    using namespace modbus_tool;
    CLI::App* const read = modbus.add_subcommand("read", "Read bits or registers");
    read->footer(R"(Tables: coil, discrete, input, holding (or 0, 1, 3, 4).
Examples:
  causeway modbus read 10.0.0.7 holding 0 -c 10
  causeway modbus read 10.0.0.7 input 8 --type f32 --every 1s
  causeway modbus read /dev/ttyUSB0 -a 17 coil 0 -c 8 --json)");
    auto reading = std::make_shared<ValueOptions>();
    reading->add_to(*read, "TABLE ADDRESS");
    reading->add_values(*read);
    read->add_option("-c,--count", reading->count, "How many values")->capture_default_str();
    read->add_flag("--hex", reading->hex, "Show the registers, too");
    read->add_option("-l,--every", reading->every, "Again, after such a pause; 1s with --times")
        ->type_name("TIME");
    read->add_option("--times", reading->times,
                     "So many times; 1 by default, with --every until a signal");
    read->callback([reading, &work] { work = [reading] { return read_values(*reading); }; });

    CLI::App* const write = modbus.add_subcommand("write", "Write coils or registers");
    write->footer(R"(Tables: coil, holding (or 0, 4). Values: on, off; 12, 0x1f; 21.5; a text.
Nothing is written twice: what is not answered may or may not have arrived.
Examples:
  causeway modbus write 10.0.0.7 coil 0 on
  causeway modbus write 10.0.0.7 holding 0 1 2 3
  causeway modbus write 10.0.0.7 holding 2 -21.5 --type f32 --order cdab)");
    auto writing = std::make_shared<ValueOptions>();
    writing->add_to(*write, "TABLE ADDRESS VALUE...");
    writing->add_values(*write);
    write->add_flag("--multiple", writing->multiple, "Functions 15 and 16 for a single value, too");
    write->callback([writing, &work] { work = [writing] { return write_values(*writing); }; });
}

}  // namespace causeway::cli
