// causeway dissect: what is in a capture, or in a frame somebody wrote down.
#include "command.hpp"
#include "dissect/input.hpp"
#include "printable.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>

namespace causeway::cli {
namespace {

struct DissectOptions {
    std::vector<std::string> inputs;
    std::string link;
    std::vector<std::string> contexts;
    bool summary = false;
    bool json = false;
};

boost::json::array fields_to_json(const std::vector<dissect::Field>& fields) {
    boost::json::array array;
    for (const dissect::Field& field : fields) {
        boost::json::object object{{"name", field.name}, {"value", field.value}};
        if (!field.fields.empty()) object["fields"] = fields_to_json(field.fields);
        array.push_back(std::move(object));
    }
    return array;
}

boost::json::object to_json(const dissect::Dissection& dissection) {
    boost::json::array layers;
    for (const dissect::Layer& layer : dissection.layers)
        layers.push_back({{"layer", layer.name},
                          {"summary", layer.value},
                          {"fields", fields_to_json(layer.fields)}});
    boost::json::array malformed;
    boost::json::array not_dissected;
    for (const dissect::Flaw& flaw : dissection.flaws) {
        const boost::json::object told{{"layer", flaw.layer},
                                       {"offset", flaw.error.offset},
                                       {"fault", name_of(flaw.error.fault)}};
        (flaw.malformed() ? malformed : not_dissected).push_back(told);
    }
    return {{"source", dissection.source},
            {"destination", dissection.target},
            {"protocol", dissection.protocol},
            {"info", dissection.info},
            {"layers", std::move(layers)},
            {"malformed", std::move(malformed)},
            {"not_dissected", std::move(not_dissected)}};
}

/// Dissects one frame after the other and prints each at once. With --json the whole is one object,
/// a frame a line.
class Printer {
public:
    Printer(const DissectOptions& options, lowpan::Contexts contexts)
        : options_(options), dissector_(std::move(contexts)) {
        if (options_.json) fmt::print("{{\"frames\":[");
    }
    Printer(const Printer&) = delete;
    Printer& operator=(const Printer&) = delete;
    ~Printer() {
        if (options_.json) fmt::print("{}]}}\n", number_ == 0 ? "" : "\n");
    }

    void print(const dissect::Frame& frame) {
        ++number_;
        const double seconds = since_first(frame.unix_ns);
        dissect::Dissection dissection;
        if (frame.link) {
            const auto at = Instant(Duration(static_cast<std::int64_t>(seconds * 1e9)));
            dissection = dissector_.dissect(at, *frame.link, frame.octets);
        } else {
            dissection.says(frame.note, "not dissected");
        }
        if (options_.json) return print_json(frame, seconds, to_json(dissection));
        std::string line = fmt::format("{:5}  ", number_);
        if (frame.unix_ns) line += fmt::format("{:11.6f}  ", seconds);
        line += dissect::summary(dissection, frame.octets.size());
        if (frame.missing_octets > 0)
            line += fmt::format("  [{} more not captured]", frame.missing_octets);
        fmt::print("{}\n", line);
        if (!options_.summary) fmt::print("{}\n", dissect::details(dissection));
    }

private:
    double since_first(std::optional<std::uint64_t> unix_ns) {
        if (!unix_ns) return 0;
        if (!first_ns_) first_ns_ = unix_ns;
        const bool later = *unix_ns >= *first_ns_;
        const std::uint64_t apart = later ? *unix_ns - *first_ns_ : *first_ns_ - *unix_ns;
        constexpr double longest = 9e9;  // three centuries, in seconds: a forged time stamp
        return (later ? 1 : -1) * std::min(static_cast<double>(apart) / 1e9, longest);
    }

    void print_json(const dissect::Frame& frame, double seconds, boost::json::object dissection) {
        boost::json::object object{{"frame", number_}, {"octets", frame.octets.size()}};
        if (frame.missing_octets > 0) object["octets_missing"] = frame.missing_octets;
        if (frame.unix_ns) object["time_s"] = seconds;
        if (!frame.note.empty()) object["interface"] = printable(frame.note);
        for (auto& [name, value] : dissection) object[name] = std::move(value);
        fmt::print("{}\n{}", number_ == 1 ? "" : ",", boost::json::serialize(object));
    }

    const DissectOptions& options_;
    dissect::Dissector dissector_;
    std::size_t number_ = 0;
    std::optional<std::uint64_t> first_ns_;
};

/// "0=fd00:ca5e::/64"
bool set_context(const std::string& text, lowpan::Contexts& contexts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) return false;
    std::uint8_t id = 0;
    const auto [stop, fault] = std::from_chars(text.data(), text.data() + equals, id);
    const auto prefix = ip::Prefix::from_text(std::string_view(text).substr(equals + 1));
    if (fault != std::errc{} || stop != text.data() + equals || !prefix) return false;
    return contexts.set(id, {.prefix = *prefix});
}

bool is_one_octet(const std::string& text) {
    const auto octets = dissect::octets_from_text(text);
    return octets && octets->size() == 1;
}

/// Prints what an argument names or holds; the exit status.
int take_input(const std::string& input, std::optional<dissect::Link> link, Printer& printer) {
    const auto print = [&](const dissect::Frame& frame) { printer.print(frame); };
    const auto read = [&](std::istream& in, std::string_view name) {
        const auto sound = dissect::read_frames(in, link, print);
        std::fflush(stdout);
        return sound ? done : say_why(failed, fmt::format("{}: {}", name, sound.error()));
    };
    if (input == "-") return read(std::cin, "standard input");
    std::error_code unknown;
    if (std::filesystem::exists(input, unknown)) {
        std::ifstream file(input, std::ios::binary);
        if (!file || std::filesystem::is_directory(input, unknown))
            return say_why(failed, fmt::format("{}: cannot be read", input));
        return read(file, input);
    }
    const auto octets = dissect::octets_from_text(input);
    if (!octets)
        return say_why(failed, fmt::format("{}: no such file, nor hexadecimal octets", input));
    printer.print({.unix_ns = {},
                   .link = link.value_or(dissect::guess(*octets)),
                   .octets = *octets,
                   .missing_octets = 0,
                   .note = {}});
    return done;
}

/// Octets that the shell has taken apart belong together.
std::vector<std::string> whole_inputs(const std::vector<std::string>& inputs) {
    std::vector<std::string> result;
    bool open = false;
    for (const std::string& input : inputs) {
        const bool octet = is_one_octet(input);
        if (octet && open)
            result.back() += " " + input;
        else
            result.push_back(input);
        open = octet;
    }
    if (result.empty()) result.emplace_back("-");
    return result;
}

int dissect_all(const DissectOptions& options) {
    lowpan::Contexts contexts;
    for (const std::string& text : options.contexts)
        if (!set_context(text, contexts))
            return say_why(bad_usage, fmt::format("--context {}: wanted ID=PREFIX with an id from "
                                                  "0 to 15, as in 0=fd00:ca5e::/64",
                                                  text));
    std::optional<dissect::Link> link;
    if (options.link == "ieee802154")
        link = dissect::Link::ieee802154;
    else if (options.link == "ieee802154-nofcs")
        link = dissect::Link::ieee802154_no_fcs;
    else if (options.link == "ip")
        link = dissect::Link::ip;
    else if (options.link == "dnp3")
        link = dissect::Link::dnp3;
    std::ios::sync_with_stdio(false);
    Printer printer(options, std::move(contexts));
    int status = done;
    for (const std::string& input : whole_inputs(options.inputs))
        status = std::max(status, take_input(input, link, printer));
    return status;
}

}  // namespace

void add_dissect(CLI::App& app, Work& work) {
    auto* command = app.add_subcommand("dissect", "Take captured frames apart, layer by layer");
    command->footer(
        "Examples:\n"
        "  causeway dissect capture.pcapng\n"
        "  causeway dissect -q --context 0=fd00:ca5e::/64 capture.pcapng\n"
        "  causeway dissect 41c83ccdabffff14100000000000027b3b3a1a9b00570d0000d8dd\n"
        "  causeway dissect 05640bc40a000100acd1c6c5013c02069324\n"
        "  causeway sim site.toml --for 5m --pcap - | causeway dissect --json\n\n"
        "Malformed frames are what it is for: they are told with layer, offset and fault, and the\n"
        "exit status stays 0. It is 1 where a file cannot be read to its end.");
    auto options = std::make_shared<DissectOptions>();
    command
        ->add_option("INPUT", options->inputs,
                     "Captures (pcap, pcapng), files with a frame a line in hexadecimal, or "
                     "frames in hexadecimal; standard input without any")
        ->type_name("FILE|HEX");
    command
        ->add_option("--link", options->link,
                     "What frames begin with; else as the capture says, or guessed")
        ->type_name("LINK")
        ->check(CLI::IsMember({"ieee802154", "ieee802154-nofcs", "ip", "dnp3"}));
    command
        ->add_option("--context", options->contexts,
                     "A 6LoWPAN context; others are learnt from router advertisements")
        ->type_name("ID=PREFIX")
        ->allow_extra_args(false);
    command->add_flag("-q,--summary", options->summary, "One line a frame");
    command->add_flag("--json", options->json, "Print one JSON object");
    command->callback([options, &work] { work = [options] { return dissect_all(*options); }; });
}

}  // namespace causeway::cli
