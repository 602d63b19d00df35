#include "net/trouble.hpp"

namespace causeway::net {

std::string reason_of(int error) {
    std::string words = std::generic_category().message(error);
    // Leave "I/O error" alone: only a capital before a small letter is the start of a sentence.
    const auto capital = [](char c) { return c >= 'A' && c <= 'Z'; };
    if (words.size() > 1 && capital(words[0]) && words[1] >= 'a' && words[1] <= 'z')
        words[0] = static_cast<char>(words[0] - 'A' + 'a');
    return words;
}

Trouble trouble(std::string_view doing, int error, std::string_view reason) {
    std::string line(doing);
    line += ": ";
    line += reason.empty() ? reason_of(error) : std::string(reason);
    return {std::move(line), std::error_code(error, std::generic_category())};
}

}  // namespace causeway::net
