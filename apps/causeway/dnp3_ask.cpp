// causeway dnp3 time, restart, freeze, assign-class, deadband, read: everything else that a master
// asks for.
#include "dnp3.hpp"
#include "dnp3_session.hpp"
#include "dnp3_show.hpp"
#include "printable.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "base/hex.hpp"

#include <charconv>
#include <memory>
#include <optional>

namespace causeway::cli {
namespace dnp3_ask {
namespace {

using namespace scada::dnp3;

struct Dnp3AskOptions : Dnp3Options {
    bool warm = false;
    bool clear = false;
    bool no_ack = false;
    bool measure = false;
};

struct IndexRange {
    std::uint32_t start = 0;
    std::uint32_t stop = 0;
};

std::optional<std::uint32_t> part_from(std::string_view text, std::uint32_t most) {
    std::uint32_t number = 0;
    const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (wrong != std::errc{} || end != text.data() + text.size() || number > most)
        return std::nullopt;
    return number;
}

/// "7", "0-9".
std::optional<IndexRange> index_range_from(std::string_view text) {
    const auto dash = text.find('-');
    const auto start = part_from(text.substr(0, dash), 0xffff);
    const auto stop =
        dash == std::string_view::npos ? start : part_from(text.substr(dash + 1), 0xffff);
    if (!start || !stop || *stop < *start) return std::nullopt;
    return IndexRange{*start, *stop};
}

bool write_header(FragmentWriter& to, std::uint8_t group, std::uint8_t variation,
                  const std::optional<IndexRange>& range) {
    return range ? to.header_range(group, variation, range->start, range->stop)
                 : to.header_all(group, variation);
}

/// "30/5", "30/5:0-9", "60/2".
bool write_wanted(FragmentWriter& to, std::string_view word) {
    const auto slash = word.find('/');
    const auto colon = word.find(':');
    if (slash == std::string_view::npos || (colon != std::string_view::npos && colon < slash))
        return false;
    const auto group = part_from(word.substr(0, slash), 255);
    const auto variation = part_from(
        word.substr(slash + 1, colon == std::string_view::npos ? colon : colon - slash - 1), 255);
    std::optional<IndexRange> range;
    if (colon != std::string_view::npos) {
        range = index_range_from(word.substr(colon + 1));
        if (!range) return false;
    }
    return group && variation &&
           write_header(to, static_cast<std::uint8_t>(*group),
                        static_cast<std::uint8_t>(*variation), range);
}

/// The static group of a type's name, as `poll` prints it, with '-' or '_'.
std::optional<std::uint8_t> group_from(std::string word) {
    for (char& c : word)
        if (c == '-') c = '_';
    for (std::size_t i = 0; i < point_types; ++i)
        if (const auto type = static_cast<PointType>(i); word == dnp3_type_word(type))
            return static_group(type);
    return std::nullopt;
}

/// The objects behind a request's header, written by `write`; none where they are malformed.
template <class Write>
std::optional<Octets> objects_of(const Write& write) {
    FragmentWriter writer;
    writer.request({}, Function::read);
    if (!write(writer)) return std::nullopt;
    return to_octets(writer.fragment().subspan(2));
}

bool answered_well(const Master::Completed& completed) {
    return completed.fate == Master::Completed::Fate::answered &&
           !completed.iin.has(Iin::no_func_code_support) &&
           !completed.iin.has(Iin::object_unknown) && !completed.iin.has(Iin::parameter_error) &&
           !completed.iin.has(Iin::already_executing);
}

/// How long a restart takes, as the outstation thinks.
std::optional<std::uint64_t> delay_of(const Master::Completed& completed) {
    ObjectReader reader(completed.objects, ObjectReader::Carry::objects);
    while (const auto header = reader.next())
        if (header->group == 52)
            if (const auto ms = time_of(*header)) return *ms;
    return std::nullopt;
}

/// What came of a request whose answer says little.
int show_done(const Dnp3AskOptions& options, const Master::Completed& completed,
              const std::string& what) {
    const bool answered = completed.fate == Master::Completed::Fate::answered;
    const bool sent = options.no_ack && completed.fate == Master::Completed::Fate::unanswered;
    const bool well = answered_well(completed) || sent;
    const std::string_view outcome = sent       ? "sent"
                                     : well     ? "done"
                                     : answered ? "refused"
                                                : "unanswered";
    const auto back_in_ms = delay_of(completed);
    if (options.json) {
        boost::json::object out{{"request", what},
                                {"outcome", outcome},
                                {"indications", dnp3_indications_json(completed.iin)}};
        if (back_in_ms) out["back_in_ms"] = *back_in_ms;
        fmt::print("{}\n", boost::json::serialize(out));
    } else {
        fmt::print("{}: {}\n", what, outcome);
        if (completed.iin.bits() != 0)
            fmt::print("indications: {}\n", dnp3_indications_text(completed.iin));
        if (back_in_ms)
            fmt::print("it is back in {:.1f} s\n", static_cast<double>(*back_in_ms) / 1e3);
    }
    return well ? done : failed;
}

/// A device attribute: type, length, value. [IEEE 1815 §A.1]
std::string attribute_text(Bytes attribute) {
    ByteReader in(attribute);
    const auto type = in.u8();
    const auto value = in.take(in.u8());
    if (!in.ok()) return {};
    if (type == 1) return '"' + printable(as_text(value)) + '"';
    if ((type == 2 || type == 3) && value.size() <= 8) {
        std::uint64_t number = 0;
        for (std::size_t i = value.size(); i-- > 0;)
            number = number << 8 | std::to_integer<std::uint64_t>(value[i]);
        const auto bits = value.size() * 8;
        if (type == 3 && bits != 0 && bits < 64 && (number >> (bits - 1)) != 0)
            number |= ~std::uint64_t{0} << bits;
        return type == 2 ? fmt::format("{}", number)
                         : fmt::format("{}", static_cast<std::int64_t>(number));
    }
    return to_hex(value, " ");
}

/// What is no measurement: attributes in words, anything else as octets.
void show_others(Bytes objects, boost::json::array* list) {
    ObjectReader reader(objects, ObjectReader::Carry::objects);
    while (const auto header = reader.next()) {
        if (measured_group(header->group)) continue;
        const auto value =
            header->group == 0 ? attribute_text(header->octets) : to_hex(header->octets, " ");
        if (list)
            list->push_back({{"group", header->group},
                             {"variation", header->variation},
                             {"start", header->start},
                             {"value", value}});
        else
            fmt::print("{}/{}  {}\n", header->group, header->variation, value);
    }
}

int read_objects(Dnp3AskOptions& options, const Dnp3Plan& plan) {
    const auto objects = objects_of([&](FragmentWriter& to) {
        bool all = !options.words.empty();
        for (const auto& word : options.words) all = all && write_wanted(to, word);
        return all;
    });
    if (!objects)
        return say_why(bad_usage, "wanted: GROUP/VARIATION or GROUP/VARIATION:START-STOP");
    Dnp3Table table;
    return ask_dnp3(
        plan, Master::Ask{.tag = 1, .objects = *objects},
        [&](const Master::Completed& completed) {
            const bool answered = completed.fate == Master::Completed::Fate::answered;
            if (options.json) {
                auto out = table.to_json();
                boost::json::array others;
                show_others(completed.objects, &others);
                out["objects"] = std::move(others);
                out["answered"] = answered;
                out["indications"] = dnp3_indications_json(completed.iin);
                fmt::print("{}\n", boost::json::serialize(out));
            } else {
                const auto text = table.to_text();
                fmt::print("{}", text);
                show_others(completed.objects, nullptr);
                if (completed.iin.bits() != 0)
                    fmt::print("{}indications: {}\n", text.empty() ? "" : "\n",
                               dnp3_indications_text(completed.iin));
            }
            if (answered) return answered_well(completed) ? done : failed;
            return say_why(failed, fmt::format("outstation {} at {} does not answer",
                                               options.outstation, plan.where));
        },
        [&](const Master::Measured& measured) { table.add(measured); });
}

int write_time(Dnp3AskOptions& options, Dnp3Plan plan) {
    if (options.measure) plan.master.time_sync = TimeSync::serial;
    return ask_dnp3(plan, Master::Synchronise{.tag = 1}, [&](const Master::Completed& completed) {
        return show_done(options, completed, "time");
    });
}

int restart(Dnp3AskOptions& options, const Dnp3Plan& plan) {
    const auto function = options.warm ? Function::warm_restart : Function::cold_restart;
    return ask_dnp3(plan, Master::Ask{.tag = 1, .function = function},
                    [&](const Master::Completed& completed) {
                        return show_done(options, completed, "restart");
                    });
}

int freeze(Dnp3AskOptions& options, const Dnp3Plan& plan) {
    std::optional<IndexRange> range;
    if (!options.words.empty()) range = index_range_from(options.words.front());
    if (options.words.size() > 1 || (!range && !options.words.empty()))
        return say_why(bad_usage, "wanted: indexes of counters, such as 0-9, or nothing for all");
    const auto objects =
        objects_of([&](FragmentWriter& to) { return write_header(to, 20, 0, range); });
    const auto function = options.clear    ? (options.no_ack ? Function::freeze_and_clear_no_ack
                                                             : Function::freeze_and_clear)
                          : options.no_ack ? Function::immediate_freeze_no_ack
                                           : Function::immediate_freeze;
    return ask_dnp3(plan, Master::Ask{.tag = 1, .function = function, .objects = *objects},
                    [&](const Master::Completed& completed) {
                        return show_done(options, completed, "freeze");
                    });
}

int assign_class(Dnp3AskOptions& options, const Dnp3Plan& plan) {
    const auto& words = options.words;
    const auto bad = [] {
        return say_why(bad_usage, "wanted: CLASS TYPE [INDEX[-INDEX]], such as 2 analog 0-9");
    };
    if (words.size() < 2 || words.size() > 3) return bad();
    const auto number = part_from(words[0], 3);
    const auto group = group_from(words[1]);
    std::optional<IndexRange> range;
    if (words.size() == 3) range = index_range_from(words[2]);
    if (!number || !group || (words.size() == 3 && !range)) return bad();
    const auto objects = objects_of([&](FragmentWriter& to) {
        return to.header_all(60, static_cast<std::uint8_t>(*number + 1)) &&
               write_header(to, *group, 0, range);
    });
    return ask_dnp3(plan,
                    Master::Ask{.tag = 1, .function = Function::assign_class, .objects = *objects},
                    [&](const Master::Completed& completed) {
                        return show_done(options, completed, "assign-class");
                    });
}

/// g34v3, a deadband as a float. [IEEE 1815 §A.18]
int deadband(Dnp3AskOptions& options, const Dnp3Plan& plan) {
    const auto& words = options.words;
    float value = 0;
    std::optional<std::uint32_t> index;
    if (words.size() == 2) {
        index = part_from(words[0], 0xffff);
        const auto& text = words[1];
        const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (wrong != std::errc{} || end != text.data() + text.size()) index.reset();
    }
    if (!index) return say_why(bad_usage, "wanted: INDEX VALUE");
    const auto objects = objects_of([&](FragmentWriter& to) {
        Octets number(4);
        ByteWriter out(number);
        out.le32(std::bit_cast<std::uint32_t>(value));
        return to.header_range(34, 3, *index, *index) && to.raw(number);
    });
    return ask_dnp3(plan, Master::Ask{.tag = 1, .function = Function::write, .objects = *objects},
                    [&](const Master::Completed& completed) {
                        return show_done(options, completed, "deadband");
                    });
}

template <class Run>
std::shared_ptr<Dnp3AskOptions> add_ask(CLI::App& dnp3, Work& work, const char* name,
                                        const char* what, const char* takes, const char* example,
                                        Run run, CLI::App** added = nullptr) {
    auto options = std::make_shared<Dnp3AskOptions>();
    CLI::App* const app = dnp3.add_subcommand(name, what);
    options->add_to(*app, takes);
    app->footer(
        fmt::format("Example:\n  causeway dnp3 {} 10.0.0.7 --outstation 10{}", name, example));
    app->callback([options, run, takes, &work] {
        work = [options, run, takes] {
            const auto plan = dnp3_plan_from(*options, *takes != 0);
            if (!plan) return say_why(bad_usage, plan.error());
            return run(*options, *plan);
        };
    });
    if (added) *added = app;
    return options;
}

}  // namespace
}  // namespace dnp3_ask

void add_dnp3_ask(CLI::App& dnp3, Work& work) {
    using namespace dnp3_ask;
    CLI::App* app = nullptr;
    auto options =
        add_ask(dnp3, work, "time", "Set the outstation's clock to ours", "", "", write_time, &app);
    app->add_flag("--measure", options->measure,
                  "Measure the delay, as on serial lines, instead of recording the time");
    options =
        add_ask(dnp3, work, "restart", "Restart the outstation", "", " --warm", restart, &app);
    app->add_flag("--warm", options->warm, "Only what is not needed to go on");
    options =
        add_ask(dnp3, work, "freeze", "Freeze counters", "[INDEX[-INDEX]]", " 0-3", freeze, &app);
    app->add_flag("--clear", options->clear, "And set them to zero");
    app->add_flag("--no-ack", options->no_ack, "Want no answer");
    (void)add_ask(dnp3, work, "assign-class", "Put points into an event class; 0: into none",
                  "CLASS TYPE [INDEX[-INDEX]]", " 2 analog 0-9", assign_class);
    (void)add_ask(dnp3, work, "deadband", "Set the deadband of an analog", "INDEX VALUE", " 0 2.5",
                  deadband);
    (void)add_ask(dnp3, work, "read", "Read objects by group and variation",
                  "GROUP/VARIATION[:START-STOP]...", " 30/5:0-9 0/254:0", read_objects);
}

}  // namespace causeway::cli
