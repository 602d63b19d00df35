#include "coap_show.hpp"

#include "base/cbor.hpp"
#include "base/hex.hpp"
#include "coap/link_format.hpp"
#include "coap/text.hpp"
#include "coap_senml.hpp"
#include "net/clock.hpp"
#include "printable.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace causeway::cli {
namespace {

using coap::ContentFormat;

/// "application/concise-problem-details+cbor". [RFC 9290 §6.3]
constexpr ContentFormat problem_details{257};
constexpr std::size_t dump_octets_max = 64u << 10;

using Row = std::vector<std::string>;

/// Columns side by side; one that is empty in every row is left out.
std::string table(const Row& head, const std::vector<Row>& rows) {
    std::vector<std::size_t> widths(head.size(), 0);
    for (const Row& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    std::string out;
    const auto put = [&](const Row& row) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i)
            if (widths[i] != 0)
                line += fmt::format("{:<{}}  ", row[i], std::max(widths[i], head[i].size()));
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + '\n';
    };
    put(head);
    for (const Row& row : rows) put(row);
    return out;
}

/// Short names: "application/" goes without saying.
std::string formats_text(std::string_view numbers) {
    constexpr std::string_view usual = "application/";
    std::string out;
    while (!numbers.empty()) {
        const std::string_view word = numbers.substr(0, numbers.find(' '));
        numbers.remove_prefix(std::min(numbers.size(), word.size() + 1));
        std::uint16_t number = 0;
        const auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), number);
        const bool known = fault == std::errc{} && end == word.data() + word.size();
        if (!out.empty()) out += ' ';
        const std::string name = known ? coap::to_text(ContentFormat{number}) : printable(word);
        out += name.starts_with(usual) ? name.substr(usual.size()) : name;
    }
    return out;
}

std::optional<std::string> links_to_text(Bytes payload) {
    const auto document = parse_as<coap::LinkFormat>(payload);
    if (!document) return std::nullopt;
    static constexpr std::array columns{"rt", "if", "ct", "sz", "obs", "title"};
    std::vector<Row> rows;
    for (const coap::Link& link : document->links) {
        Row row{printable(link.target)};
        for (const std::string_view name : columns) {
            const std::string_view value = link.find(name).value_or("");
            row.push_back(name == "obs"  ? (link.has(name) ? "yes" : "")
                          : name == "ct" ? formats_text(value)
                                         : printable(value));
        }
        std::string others;
        for (const coap::LinkAttribute& attribute : link.attributes) {
            if (std::ranges::find(columns, attribute.name) != columns.end()) continue;
            others += others.empty() ? "" : " ";
            others += printable(attribute.name);
            if (attribute.value) others += "=" + printable(*attribute.value);
        }
        row.push_back(std::move(others));
        rows.push_back(std::move(row));
    }
    return table({"path", "type", "interface", "format", "size", "observable", "title", "more"},
                 rows);
}

std::string senml_to_text(const std::vector<SenmlRow>& measured) {
    std::vector<Row> rows;
    for (const SenmlRow& row : measured)
        rows.push_back({printable(row.name), printable(row.value), printable(row.unit), row.time});
    return table({"name", "value", "unit", "time"}, rows);
}

/// Two blanks a level; numbers and strings stay as they were written.
std::string indented_json(std::string_view json) {
    std::string out;
    std::size_t depth = 0;
    bool quoted = false;
    bool escaped = false;
    const auto new_line = [&] { out.append(1, '\n').append(2 * depth, ' '); };
    for (std::size_t i = 0; i < json.size(); ++i) {
        const char c = json[i];
        if (quoted) {
            out += c;
            quoted = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
        const bool closes = c == '}' || c == ']';
        const bool was_empty = closes && !out.empty() && (out.back() == '{' || out.back() == '[');
        if (closes) {
            --depth;
            if (!was_empty) new_line();
        } else if (!out.empty() && (out.back() == '{' || out.back() == '[')) {
            new_line();
        }
        out += c;
        quoted = c == '"';
        if (c == '{' || c == '[') ++depth;
        if (c == ':') out += ' ';
        if (c == ',') new_line();
    }
    return out + '\n';
}

std::string lines_of(Bytes text) {
    std::string out;
    for (std::string_view rest = as_text(text); !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        // Tabs are harmless; a carriage return would write over what stands there.
        for (std::string_view part = line;;) {
            const std::size_t tab = part.find('\t');
            out += printable(part.substr(0, tab));
            if (tab == std::string_view::npos) break;
            out += '\t';
            part.remove_prefix(tab + 1);
        }
        out += '\n';
    }
    return out;
}

std::optional<std::string> json_to_text(Bytes payload) {
    boost::json::error_code fault;
    (void)boost::json::parse(as_text(payload), fault);
    if (fault || !is_plain_text(payload)) return std::nullopt;
    return lines_of(as_octets(indented_json(as_text(payload))));
}

std::optional<std::string> cbor_to_text(Bytes payload) {
    const auto text = cbor_diagnostic(payload, CborLayout::indent);
    if (!text) return std::nullopt;
    return lines_of(as_octets(*text));
}

bool is_cbor(ContentFormat format) {
    switch (format) {
        case ContentFormat::cbor:
        case ContentFormat::cwt:
        case ContentFormat::cose_encrypt0:
        case ContentFormat::cose_mac0:
        case ContentFormat::cose_sign1:
        case ContentFormat::senml_cbor:
        case ContentFormat::sensml_cbor:
            return true;
        default:
            return format == problem_details || coap::name_of(format).ends_with("+cbor");
    }
}

bool is_json(ContentFormat format) {
    return format == ContentFormat::json || coap::name_of(format).ends_with("+json");
}

double now_s() {
    return static_cast<double>(net::Clock::wall_now_ns()) / 1e9;
}

std::optional<std::string> decoded(ContentFormat format, Bytes payload) {
    if (format == ContentFormat::link_format) return links_to_text(payload);
    if (format == ContentFormat::senml_json)
        if (const auto rows = senml_from_json(payload, now_s())) return senml_to_text(*rows);
    if (format == ContentFormat::senml_cbor)
        if (const auto rows = senml_from_cbor(payload, now_s())) return senml_to_text(*rows);
    if (is_json(format)) return json_to_text(payload);
    if (is_cbor(format)) return cbor_to_text(payload);
    return std::nullopt;
}

/// Title, detail and what else has a name, in the order of their keys. [RFC 9290 §2]
struct ProblemDetails {
    std::string title;
    std::string detail;
    std::string instance;
    std::string others;

    static std::optional<ProblemDetails> read(Bytes payload) {
        CborReader in(payload);
        if (in.kind() != CborKind::map) return std::nullopt;
        ProblemDetails problem;
        in.enter_map();
        while (in.more()) {
            if (in.kind() == CborKind::negative) {
                const std::int64_t key = in.integer();
                if (std::string* const known = problem.named(key);
                    known != nullptr && in.kind() == CborKind::text) {
                    *known = in.text();
                    continue;
                }
                problem.add_other(fmt::format("{}", key), in.item());
            } else {
                const auto key = cbor_diagnostic(in.item());
                problem.add_other(key.value_or("?"), in.item());
            }
        }
        in.leave();
        if (!in.done()) return std::nullopt;
        return problem;
    }

    [[nodiscard]] std::string to_text() const {
        std::string out;
        for (const std::string* const part : {&title, &detail, &instance, &others})
            if (!part->empty()) out += (out.empty() ? "" : ": ") + printable(*part);
        return out;
    }

private:
    std::string* named(std::int64_t key) {
        return key == -1 ? &title : key == -2 ? &detail : key == -3 ? &instance : nullptr;
    }
    void add_other(const std::string& key, Bytes value) {
        static constexpr std::array names{"response-code", "base-uri", "base-lang", "base-rtl"};
        std::int64_t number = 0;
        std::from_chars(key.data(), key.data() + key.size(), number);
        const bool known = number <= -4 && number >= -7;
        others += fmt::format("{}{} {}", others.empty() ? "" : ", ",
                              known ? names[static_cast<std::size_t>(-4 - number)] : key,
                              cbor_diagnostic(value).value_or("?"));
    }
};

}  // namespace

std::optional<ContentFormat> content_format_of(const coap::Options& options) {
    const auto number = options.uint(coap::OptionNumber::content_format);
    if (!number || *number > 0xffff) return std::nullopt;
    return ContentFormat{static_cast<std::uint16_t>(*number)};
}

std::string hex_dump(Bytes octets) {
    constexpr std::size_t per_line = 16;
    std::string out;
    const Bytes shown = octets.first(std::min(octets.size(), dump_octets_max));
    for (std::size_t at = 0; at < shown.size(); at += per_line) {
        const Bytes line = shown.subspan(at, std::min(per_line, shown.size() - at));
        out += fmt::format("{:08x}  {:<47}  ", at, to_hex(line, " "));
        for (const std::byte octet : line) {
            const auto c = std::to_integer<unsigned char>(octet);
            out += c >= 0x20 && c < 0x7f ? static_cast<char>(c) : '.';
        }
        out += '\n';
    }
    if (shown.size() < octets.size()) out += fmt::format("... {} octets in all\n", octets.size());
    return out;
}

std::string payload_to_text(std::optional<ContentFormat> format, Bytes payload) {
    if (payload.empty()) return {};
    if (format)
        if (auto text = decoded(*format, payload)) return *std::move(text);
    const bool octets = format == ContentFormat::octet_stream;
    return !octets && is_plain_text(payload) ? lines_of(payload) : hex_dump(payload);
}

std::string error_to_text(const coap::ResponseArrived& response) {
    std::string line = coap::to_text(response.code);
    if (response.payload.empty()) return line;
    const auto format = content_format_of(response.options);
    if (format == problem_details) {
        if (const auto problem = ProblemDetails::read(response.payload))
            return line + ": " + problem->to_text();
    } else if (is_plain_text(response.payload)) {
        // "a brief human-readable diagnostic message" [RFC 7252 §5.5.2]
        const std::string_view words = as_text(response.payload);
        return words == coap::name_of(response.code) ? line : line + ": " + printable(words);
    }
    return line + "\n" + payload_to_text(format, response.payload);
}

boost::json::object response_to_json(const coap::ResponseArrived& response) {
    boost::json::array options;
    for (const coap::Option& option : response.options) {
        options.push_back({{"number", std::to_underlying(option.number)},
                           {"hex", to_hex(option.value)},
                           {"text", printable(coap::to_text(option))}});
    }
    boost::json::object result{{"code", fmt::format("{}.{:02}", coap::class_of(response.code),
                                                    coap::detail_of(response.code))},
                               {"name", coap::name_of(response.code)},
                               {"from", coap::to_text(response.peer)},
                               {"options", std::move(options)}};
    const auto format = content_format_of(response.options);
    if (format) result["content_format"] = coap::to_text(*format);
    if (response.observe) result["observe"] = *response.observe;
    if (is_plain_text(response.payload))
        result["payload"] = as_text(response.payload);
    else
        result["payload_hex"] = to_hex(response.payload);
    if (format == problem_details)
        if (const auto problem = ProblemDetails::read(response.payload))
            result["problem"] = {{"title", problem->title},
                                 {"detail", problem->detail},
                                 {"instance", problem->instance}};
    return result;
}

}  // namespace causeway::cli
