#include "mqtt/access.hpp"
#include "mqtt/topic.hpp"

#include <algorithm>
#include <map>

namespace causeway::mqtt {
namespace {

constexpr std::string_view blanks = " \t";

std::string_view without_blanks_behind(std::string_view text) {
    const std::size_t last = text.find_last_not_of(" \t\r\f\v");
    return last == text.npos ? std::string_view{} : text.substr(0, last + 1);
}

/// The next word of `rest`; what is left of it then begins with the word after.
std::string_view take_word(std::string_view& rest) {
    const std::size_t end = std::min(rest.find_first_of(blanks), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(std::min(rest.find_first_not_of(blanks, end), rest.size()));
    return word;
}

}  // namespace

struct AccessRules::Parser {
    AccessRules rules;
    std::vector<AccessMistake> mistakes;
    std::string_view line;
    std::size_t number = 0;
    std::map<std::string, std::vector<Rule>> sections;  // a user may have several: they are one
    std::vector<Rule>* section = nullptr;               // being described

    void parse(std::string_view file);
    void understand(std::string_view rest);
    void understand_user(std::string_view rest);
    void understand_rule(std::vector<Rule>& into, std::string_view keyword, std::string_view rest);
    void complain(std::string_view at, std::string what);
};

std::expected<AccessRules, std::vector<AccessMistake>> AccessRules::parse(std::string_view file) {
    Parser parser;
    parser.parse(file);
    if (!parser.mistakes.empty()) return std::unexpected(std::move(parser.mistakes));
    return std::move(parser.rules);
}

void AccessRules::Parser::complain(std::string_view at, std::string what) {
    const std::string_view before =
        line.substr(0, static_cast<std::size_t>(at.data() - line.data()));
    const auto characters = std::ranges::count_if(
        before, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
    mistakes.push_back({number, static_cast<std::size_t>(characters) + 1, std::move(what)});
}

void AccessRules::Parser::parse(std::string_view file) {
    rules.listed_ = true;
    section = &rules.anonymous_;
    if (file.starts_with("\xef\xbb\xbf")) file.remove_prefix(3);  // some editors' mark
    while (!file.empty()) {
        const std::size_t end = std::min(file.find('\n'), file.size());
        line = without_blanks_behind(file.substr(0, end));
        file.remove_prefix(std::min(end + 1, file.size()));
        ++number;
        const std::size_t start = line.find_first_not_of(blanks);
        if (start == line.npos || line[start] == '#') continue;
        understand(line.substr(start));
    }
    for (auto& [user, list] : sections) rules.users_.push_back({user, std::move(list)});
}

void AccessRules::Parser::understand(std::string_view rest) {
    const std::string_view keyword = take_word(rest);
    if (keyword == "user")
        understand_user(rest);
    else if (keyword == "topic")
        understand_rule(*section, keyword, rest);
    else if (keyword == "pattern")
        understand_rule(rules.patterns_, keyword, rest);
    else
        complain(keyword, "no such line; wanted user, topic or pattern, or # before a comment");
}

void AccessRules::Parser::understand_user(std::string_view rest) {
    // Even without a good name: what follows must not become somebody else's.
    section = &sections[std::string(rest)];
    if (rest.empty())
        complain(line.substr(line.size()), "the user name is missing, as in `user alice`");
    else if (!is_utf8_text(rest))
        complain(rest, "the user name is not UTF-8 text");
}

void AccessRules::Parser::understand_rule(std::vector<Rule>& into, std::string_view keyword,
                                          std::string_view rest) {
    const std::string as_in = ", as in `" + std::string(keyword) + " read home/#`";
    if (rest.empty()) return complain(line.substr(line.size()), "the topic is missing" + as_in);
    const std::string_view all = rest;
    const std::string_view word = take_word(rest);
    Rule rule{{}, true, true, false};
    const bool is_access =
        word == "read" || word == "write" || word == "readwrite" || word == "deny";
    if (is_access) {
        rule.deny = word == "deny";
        rule.read = word == "read" || word == "readwrite";
        rule.write = word == "write" || word == "readwrite";
        if (rest.empty())
            return complain(line.substr(line.size()),
                            "the topic is missing behind `" + std::string(word) + "`" + as_in);
    } else if (!rest.empty()) {
        return complain(word,
                        "no such access; wanted read, write, readwrite or deny, which a topic "
                        "with a blank in it needs");
    } else {
        rest = all;
    }
    if (!is_utf8_text(rest)) return complain(rest, "the topic is not UTF-8 text");
    if (rest.starts_with("$share/"))
        return complain(rest,
                        "a shared subscription is allowed by what it subscribes to: leave "
                        "$share/NAME/ out");
    if (!is_topic_filter(rest))
        return complain(rest,
                        "not a topic filter: + and # stand alone between slashes, # last, "
                        "and 65,535 octets are the most");
    rule.filter = rest;
    into.push_back(std::move(rule));
}

}  // namespace causeway::mqtt
