#include "site/mistake.hpp"

namespace causeway::site {

std::string to_text(const Mistake& mistake) {
    std::string text = mistake.file;
    if (mistake.line != 0) {
        text += ':' + std::to_string(mistake.line) + ':' + std::to_string(mistake.column);
    }
    text += ": " + mistake.what;
    if (!mistake.allowed.empty()) text += "; allowed: " + mistake.allowed;
    return text;
}

std::string to_text(const std::vector<Mistake>& mistakes) {
    std::string text;
    for (const Mistake& mistake : mistakes) text += to_text(mistake) + '\n';
    return text;
}

}  // namespace causeway::site
