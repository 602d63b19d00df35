// causeway coap: CoAP requests, as a person or a script asks for them.
#include "coap.hpp"

#include "coap_options.hpp"
#include "coap_show.hpp"
#include "printable.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include <unistd.h>
#include <chrono>
#include <fstream>
#include <memory>

namespace causeway::cli {
namespace {

/// "12:34:56.789", local time.
std::string clock_text() {
    const auto now = std::chrono::system_clock::now();
    const auto ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
    return fmt::format("{:%H:%M:%S}.{:03}",
                       fmt::localtime(std::chrono::system_clock::to_time_t(now)), ms % 1000);
}

/// Puts responses where they belong, and remembers how it went.
class Answer {
public:
    explicit Answer(const CoapOptions& options, bool many, bool observed)
        : options_(options),
          to_file_(!options.output.empty() && options.output != "-"),
          on_terminal_(!to_file_ && isatty(STDOUT_FILENO) == 1),
          many_(many),
          observed_(observed) {}

    void take(const coap::ResponseArrived& response) {
        const bool good = coap::is_success(response.code);
        if (!good) status_ = failed;
        if (options_.json) fmt::print("{}\n", boost::json::serialize(response_to_json(response)));
        if (!good)
            fmt::print(stderr, "{}\n", error_to_text(response));
        else if (!options_.json || to_file_)
            put(response);
        std::fflush(stdout);
    }
    void note(const std::string& line) {
        if (isatty(STDERR_FILENO) == 1 || options_.verbose > 0)
            fmt::print(stderr, "causeway: {}\n", line);
    }
    [[nodiscard]] int status() const { return status_; }

private:
    void put(const coap::ResponseArrived& response) {
        if (on_terminal_) return show(response);
        // Notifications, and answers of a group, are a line each; of anything else a pipe gets the
        // octets and no more.
        const std::string_view payload = as_text(response.payload);
        std::string out(payload);
        const bool unended = !payload.empty() && payload.back() != '\n';
        if (options_.newline ||
            ((observed_ || many_) && unended && is_plain_text(response.payload)))
            out += '\n';
        if (!to_file_) {
            std::fwrite(out.data(), 1, out.size(), stdout);
            return;
        }
        if (!file_.is_open()) file_.open(options_.output, std::ios::binary);
        file_.write(out.data(), static_cast<std::streamsize>(out.size()));
        file_.flush();
        if (file_.good() || std::exchange(told_, true)) return;
        status_ = say_why(failed, fmt::format("cannot write {}", options_.output));
    }

    void show(const coap::ResponseArrived& response) {
        const std::string text =
            payload_to_text(content_format_of(response.options), response.payload);
        const bool one_line = text.find('\n') + 1 == text.size();
        if (many_) fmt::print("{}:\n", coap::to_text(response.peer));
        if (observed_) fmt::print("{}{}", clock_text(), one_line || text.empty() ? "  " : "\n");
        fmt::print("{}", text);
        if (observed_ && text.empty()) fmt::print("\n");
        if (response.code != coap::Code::content && response.payload.empty() && !observed_)
            fmt::print(stderr, "{}\n", told_of(response));
    }

    /// What a change came to, where no payload says so.
    static std::string told_of(const coap::ResponseArrived& response) {
        std::string line = coap::to_text(response.code);
        std::string location;
        for (const coap::Option option : response.options) {
            if (option.number == coap::OptionNumber::location_path)
                location += "/" + coap::percent_encoded(option.as_text(), ":@");
            if (option.number == coap::OptionNumber::location_query)
                location += (location.find('?') == std::string::npos ? "?" : "&") +
                            coap::percent_encoded(option.as_text(), ":@/?");
        }
        return location.empty() ? line : line + " " + location;
    }

    const CoapOptions& options_;
    bool to_file_;
    bool on_terminal_;
    bool many_;  // a group answers
    bool observed_;
    std::ofstream file_;
    int status_ = done;
    bool told_ = false;
};

int ask(const CoapOptions& options) {
    const auto conversation = understood(options);
    if (!conversation) return say_why(conversation.error().status, conversation.error().line);
    const auto literal = coap::address_from_literal(conversation->target.host);
    const bool many = literal && coap::Peer{.address = *literal}.is_multicast();
    Answer answer(options, many, conversation->request.observe);
    const auto held =
        converse(*conversation,
                 {.response = [&](const coap::ResponseArrived& response) { answer.take(response); },
                  .note = [&](const std::string& line) { answer.note(line); }});
    if (held) return answer.status();
    if (options.json)
        fmt::print("{}\n", boost::json::serialize(boost::json::object{{"error", held.error()}}));
    return say_why(failed, held.error());
}

constexpr CoapVerb verbs[] = {
    {"get", coap::Code::get, "Fetch a resource", false,
     "  causeway coap get coap://[fd00:ca5e::1]/.well-known/core\n"
     "  causeway coap get -u me -k @key coaps://[fd00:ca5e::1]/sensors/temperature\n"
     "  causeway coap get -P coap://127.0.0.1 coap://[fd00:ca5e::2]/sensors/temperature"},
    {"post", coap::Code::post, "Let a resource process a payload", true,
     "  causeway coap post -t json -f reading.json coap://example.org/readings"},
    {"put", coap::Code::put, "Create or replace a resource", true,
     "  causeway coap put -e 21.5 coap://[fd00:ca5e::2]/setpoint"},
    {"delete", coap::Code::delete_, "Delete a resource", false,
     "  causeway coap delete coap://[fd00:ca5e::2]/setpoint"},
    {"fetch", coap::Code::fetch, "Fetch the part of a resource that a payload names", true,
     "  causeway coap fetch -t 320 -f query.json coap://example.org/readings"},
    {"patch", coap::Code::patch, "Change a part of a resource", true,
     "  causeway coap patch -t json-patch+json -f change.json coap://example.org/config"},
    {"ipatch", coap::Code::ipatch, "Change a part of a resource, once or twice the same", true,
     "  causeway coap ipatch -t merge-patch+json -e '{\"on\":true}' coap://example.org/config"},
    {"observe", coap::Code::get, "Follow a resource as it changes", false,
     "  causeway coap observe -s 60 coap://[fd00:ca5e::2]/sensors/temperature"},
    {"discover", coap::Code::get, "List what a server, or a group of them, has", false,
     "  causeway coap discover coap://[fd00:ca5e::1]\n"
     "  causeway coap discover -B 3 coap://[ff02::fd%eth0] rt=temperature"},
};

std::shared_ptr<CoapOptions> options_for(CLI::App& command, const CoapVerb& verb) {
    auto options = std::make_shared<CoapOptions>();
    options->observe = std::string_view(verb.name) == "observe";
    options->discover = std::string_view(verb.name) == "discover";
    options->add_to(command, verb);
    return options;
}

void add_verb(CLI::App& coap, Work& work, const CoapVerb& verb) {
    auto* command = coap.add_subcommand(verb.name, verb.purpose);
    command->footer(fmt::format("Example:\n{}", verb.example));
    const auto options = options_for(*command, verb);
    command->callback([options, &work] { work = [options] { return ask(*options); }; });
}

/// `causeway coap [-m METHOD] ... URI`, as coap-client has it.
void add_bare(CLI::App& coap, Work& work) {
    const auto options = options_for(coap, verbs[0]);
    for (CLI::Option* const option : coap.get_options())
        if (option->get_name() != "--help") option->required(false)->group("");
    coap.callback([options, &coap, &work] {
        if (!coap.get_subcommands().empty()) return;
        if (options->words.empty()) throw CLI::RequiredError("A subcommand");
        work = [options] { return ask(*options); };
    });
}

}  // namespace

void add_coap(CLI::App& app, Work& work) {
    auto* command = app.add_subcommand("coap", "Talk to a CoAP server");
    command->footer(
        "Examples:\n"
        "  causeway coap get coap://[fd00:ca5e::1]/.well-known/core\n"
        "  causeway coap put -e 21.5 coap://[fd00:ca5e::2]/setpoint\n"
        "  causeway coap observe -s 60 coap://[fd00:ca5e::2]/sensors/temperature\n"
        "  causeway coap -m get coaps+tcp://example.org/  (as libcoap's coap-client has it)\n\n"
        "Exit status: 0 answered with 2.xx, 1 with 4.xx or 5.xx or not at all, 2 bad usage.");
    command->require_subcommand(0, 1);
    for (const CoapVerb& verb : verbs) add_verb(*command, work, verb);
    add_coap_ping(*command, work);
    add_coap_serve(*command, work);
    add_coap_bench(*command, work);
    add_bare(*command, work);
}

}  // namespace causeway::cli
