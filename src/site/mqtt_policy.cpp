#include "site/mqtt_policy.hpp"

#include "site/text_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace causeway::site {
namespace {

template <class Mistake>
void add_mistakes(std::vector<std::string>& lines, const std::string& path,
                  const std::vector<Mistake>& mistakes) {
    for (const Mistake& mistake : mistakes) {
        lines.push_back(
            fmt::format("{}:{}:{}: {}", path, mistake.line, mistake.column, mistake.what));
    }
}

/// Every line that says something, sorted.
std::vector<std::string_view> sorted_lines(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (!line.empty() && !line.starts_with('#')) lines.push_back(line);
    }
    std::ranges::sort(lines);
    return lines;
}

std::size_t lines_not_in(std::string_view text, std::string_view other) {
    std::vector<std::string_view> lines;
    std::ranges::set_difference(sorted_lines(text), sorted_lines(other), std::back_inserter(lines));
    return lines.size();
}

std::string change(const std::string& path, std::string_view before, std::string_view now) {
    if (before == now) return path + ": unchanged";
    return fmt::format("{}: {} lines new, {} gone", path, lines_not_in(now, before),
                       lines_not_in(before, now));
}

}  // namespace

MqttPolicy::Loaded MqttPolicy::load() {
    Loaded loaded;
    std::shared_ptr<const MqttUsers> users;
    std::shared_ptr<const mqtt::AccessRules> rules = std::make_shared<mqtt::AccessRules>();
    std::string passwords_text;
    std::string access_text;
    const auto read = [&](const std::string& path, std::string& text) {
        auto contents = read_text_file(path);
        if (contents) {
            text = *std::move(contents);
            return true;
        }
        loaded.lines.push_back(contents.error());
        return loaded.well = false;
    };
    if (!passwords_.empty() && read(passwords_, passwords_text)) {
        if (auto parsed = MqttUsers::load(passwords_text)) {
            users = std::make_shared<MqttUsers>(*std::move(parsed));
        } else {
            add_mistakes(loaded.lines, passwords_, parsed.error());
            loaded.well = false;
        }
    }
    if (!access_.empty() && read(access_, access_text)) {
        if (auto parsed = mqtt::AccessRules::parse(access_text)) {
            rules = std::make_shared<mqtt::AccessRules>(*std::move(parsed));
        } else {
            add_mistakes(loaded.lines, access_, parsed.error());
            loaded.well = false;
        }
    }
    if (!loaded.well) return loaded;
    if (!passwords_.empty()) {
        loaded.lines.push_back(change(passwords_, passwords_text_, passwords_text));
    }
    if (!access_.empty()) loaded.lines.push_back(change(access_, access_text_, access_text));
    users_ = std::move(users);
    rules_ = std::move(rules);
    passwords_text_ = std::move(passwords_text);
    access_text_ = std::move(access_text);
    return loaded;
}

}  // namespace causeway::site
