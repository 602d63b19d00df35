// causeway mqtt passwd: adds, changes and deletes users in the broker's password file. Other lines,
// comments included, stay as they are.
#include "command.hpp"
#include "mqtt.hpp"

#include "crypto/entropy.hpp"
#include "crypto/password_hash.hpp"
#include "crypto/scram.hpp"
#include "printable.hpp"
#include "replace_file.hpp"
#include "secret_prompt.hpp"
#include "site/mqtt_users.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <utility>

namespace causeway::cli {
namespace {

struct PasswdOptions {
    bool create = false;
    bool remove = false;
    bool batch = false;
    bool scram = false;
    std::optional<std::uint32_t> iterations;
    std::string file;
    std::string user;
    std::optional<std::string> password;
};

/// What is wrong with the command line, or nothing.
std::optional<std::string> misuse(const PasswdOptions& options) {
    if (options.user.empty()) return "the user name is empty";
    if (options.user.find(':') != std::string::npos)
        return "a user name has no colon in it: that is what ends it in the file";
    if (options.user.starts_with('#'))
        return "a user name does not begin with #: such lines are comments";
    if (!is_plain_text(as_octets(options.user)) ||
        options.user.find_first_of("\n\t\r") != std::string::npos || options.user.size() > 65535)
        return "a user name is UTF-8 text of at most 65535 octets, without control characters";
    if (options.batch && !options.remove && !options.password)
        return "-b wants the password behind the user name";
    if (options.password && options.remove) return "-D wants no password";
    if (options.password && !options.batch)
        return "a password on the command line wants -b; others on this machine may see it there";
    if (options.create && options.remove) return "-c and -D exclude each other";
    if (options.iterations && !options.scram) return "-I is for --scram";
    return std::nullopt;
}

std::expected<std::string, std::string> hash_of(const PasswdOptions& options,
                                                std::string_view password) {
    Octets salt(crypto::salt_octets);
    if (!crypto::system_random(salt))
        return std::unexpected(std::string("the system has no random octets to give"));
    if (!options.scram) return crypto::PasswordHash::of(as_octets(password), salt).text();
    const std::uint32_t iterations = options.iterations.value_or(crypto::scram_iterations);
    return crypto::ScramVerifier::of(as_octets(password), salt, iterations).text();
}

/// `text` with `line` where the user stood or else at its end; without the user when there is none.
struct Edited {
    std::string text;
    bool found = false;
};
Edited edited(std::string_view text, std::string_view user, const std::string& line) {
    Edited after;
    const std::string front = std::string(user) + ":";
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view old = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (!old.starts_with(front)) {
            after.text += old;
            after.text += '\n';
        } else if (!std::exchange(after.found, true) && !line.empty()) {
            after.text += line + '\n';
        }
    }
    if (!after.found && !line.empty()) after.text += line + '\n';
    return after;
}

std::expected<std::string, std::string> contents_of(const PasswdOptions& options) {
    if (options.create) return std::string();
    std::ifstream file(options.file, std::ios::binary);
    if (!file) {
        const int error = errno;
        return std::unexpected(fmt::format("cannot read {}: {}{}", options.file,
                                           std::strerror(error),
                                           error == ENOENT ? " (-c makes a new one)" : ""));
    }
    std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (file.bad()) return std::unexpected(fmt::format("cannot read {}", options.file));
    return text;
}

int passwd(const PasswdOptions& options) {
    if (const auto wrong = misuse(options)) return say_why(bad_usage, *wrong);
    // Before anything is asked for: who typed a password wants it to be of use.
    const auto before = contents_of(options);
    if (!before) return say_why(failed, before.error());
    const std::string user = printable(options.user);
    if (options.remove && !edited(*before, options.user, {}).found)
        return say_why(failed, fmt::format("{} has no user {}", options.file, user));

    std::string line;
    if (!options.remove) {
        auto password = options.password
                            ? std::expected<std::string, std::string>(*options.password)
                            : read_new_secret();
        if (!password) return say_why(failed, password.error());
        if (password->empty()) return say_why(failed, "the password is empty");
        auto hash = hash_of(options, *password);
        if (!hash) return say_why(failed, hash.error());
        line = options.user + ":" + *hash;
    }
    const Edited after = edited(*before, options.user, line);
    if (const auto wrong = replace_file(options.file, after.text)) return say_why(failed, *wrong);
    fmt::print("{}: user {} {}\n", options.file, user,
               options.remove ? "deleted"
               : after.found  ? "changed"
                              : "added");
    // What the broker would refuse is worth knowing now, though others wrote it.
    if (const auto users = site::MqttUsers::load(after.text); !users)
        for (const auto& mistake : users.error())
            fmt::print(stderr, "causeway: {}:{}:{}: {}\n", options.file, mistake.line,
                       mistake.column, mistake.what);
    return done;
}

}  // namespace

void add_mqtt_passwd(CLI::App& mqtt, Work& work) {
    auto* command =
        mqtt.add_subcommand("passwd", "Add, change or delete a user in the password file");
    command->footer(
        "Examples:\n"
        "  causeway mqtt passwd -c passwords alice       # a new file; asks for the password\n"
        "  causeway mqtt passwd passwords bob < secret   # from the first line of a file\n"
        "  causeway mqtt passwd --scram passwords carol  # may also log in by SCRAM-SHA-256\n"
        "  causeway mqtt passwd -D passwords bob\n\n"
        "The broker reads the file again on SIGHUP.\n"
        "Exit status: 0 done, 1 it failed and the file is as it was, 2 bad usage.");
    auto options = std::make_shared<PasswdOptions>();
    command->add_flag("-c,--create", options->create, "Make a new file; one that is there goes");
    command->add_flag("-D,--delete", options->remove, "Delete the user");
    command->add_flag("-b,--batch", options->batch, "The password is on the command line");
    command->add_flag("--scram", options->scram,
                      "Keep a verifier for SCRAM-SHA-256; logs in with a password as well");
    command
        ->add_option("-I,--iterations", options->iterations,
                     "What a log-in by SCRAM costs the client; 10000 unless given")
        ->check(CLI::Range(crypto::scram_iterations_min, crypto::scram_iterations_max))
        ->type_name("N");
    command->add_option("FILE", options->file, "The password file")->required();
    command->add_option("USER", options->user, "The user's name")->required();
    command->add_option("PASSWORD", options->password, "With -b only");
    command->callback([options, &work] { work = [options] { return passwd(*options); }; });
}

}  // namespace causeway::cli
