#include "site/mistake.hpp"

#include <algorithm>

namespace causeway::site {

std::string to_text(const Mistake& mistake) {
    std::string text = mistake.file;
    if (mistake.line != 0) {
        text += ':' + std::to_string(mistake.line) + ':' + std::to_string(mistake.column);
    }
    text += ": " + mistake.what;
    if (!mistake.allowed.empty()) text += "; allowed: " + mistake.allowed;
    // What came from the file moves no cursor and breaks no line.
    const auto control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
    std::ranges::replace_if(text, control, '?');
    return text;
}

std::string to_text(const std::vector<Mistake>& mistakes) {
    std::string text;
    for (const Mistake& mistake : mistakes) text += to_text(mistake) + '\n';
    return text;
}

}  // namespace causeway::site
