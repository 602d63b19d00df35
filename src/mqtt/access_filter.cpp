#include "mqtt/access_filter.hpp"

namespace causeway::mqtt::access {
namespace {

/// The levels of a topic, one after the other.
class Levels {
public:
    explicit Levels(std::string_view topic) : rest_(topic) { find(); }
    [[nodiscard]] bool more() const noexcept { return more_; }
    [[nodiscard]] std::string_view level() const noexcept { return rest_.substr(0, size_); }
    /// This level and all behind it.
    [[nodiscard]] std::string_view rest() const noexcept { return rest_; }
    void next() {
        more_ = size_ < rest_.size();
        rest_.remove_prefix(more_ ? size_ + 1 : size_);
        find();
    }

private:
    void find() {
        const std::size_t at = rest_.find('/');
        size_ = at == rest_.npos ? rest_.size() : at;
    }
    std::string_view rest_;
    std::size_t size_ = 0;
    bool more_ = true;
};

bool is_wild(std::string_view level) {
    return level == "+" || level == "#";
}

/// A wildcard in front matches nothing that begins with `$` [MQTT-4.7.2-1].
bool hidden_from(std::string_view filter, std::string_view other) {
    return other.starts_with('$') && is_wild(Levels(filter).level());
}

/// Of a pattern: `%u`, `%c`, or a piece of text up to the next of them; taken off `level`.
struct Piece {
    std::string_view text;
    bool is_name = false;
};
Piece next_piece(std::string_view& level, const Fillings& names) {
    const auto is_mark = [&](std::size_t at) {
        return level[at] == '%' && at + 1 < level.size() &&
               (level[at + 1] == 'u' || level[at + 1] == 'c');
    };
    if (is_mark(0)) {
        const bool user = level[1] == 'u';
        level.remove_prefix(2);
        return {user ? names.user : names.client_id, true};
    }
    std::size_t end = 1;
    while (end < level.size() && !is_mark(end)) ++end;
    const std::string_view text = level.substr(0, end);
    level.remove_prefix(end);
    return {text, false};
}

/// A level of a pattern, filled, against a level of a name. `first`: no name that begins with `$`
/// may begin it.
bool level_matches(std::string_view level, const Fillings& names, std::string_view name,
                   bool first) {
    if (level.find('%') == level.npos) return level == name;
    const bool front = first;
    std::string_view unmatched = name;
    bool fits = true;
    bool begins = true;
    while (!level.empty()) {
        const Piece piece = next_piece(level, names);
        if (piece.is_name &&
            (piece.text.empty() || (front && begins && piece.text.starts_with('$'))))
            return names.unfilled_matches && !(front && name.starts_with('$'));
        begins = false;
        fits = fits && unmatched.starts_with(piece.text);
        if (fits) unmatched.remove_prefix(piece.text.size());
    }
    return fits && unmatched.empty();
}

}  // namespace

std::optional<std::string> intersection(std::string_view a, std::string_view b) {
    if (hidden_from(a, b) || hidden_from(b, a)) return std::nullopt;
    std::string common;
    bool first = true;
    const auto add = [&](std::string_view levels) {
        if (!first) common += '/';
        common += levels;
        first = false;
    };
    Levels left(a);
    Levels right(b);
    while (left.more() || right.more()) {
        // `#` takes whatever is left of the other, nothing included: `a/#` matches `a`, too.
        if (left.more() && left.level() == "#") {
            if (right.more()) add(right.rest());
            return common;
        }
        if (right.more() && right.level() == "#") {
            if (left.more()) add(left.rest());
            return common;
        }
        if (!left.more() || !right.more()) return std::nullopt;
        if (left.level() == "+")
            add(right.level());
        else if (right.level() == "+" || left.level() == right.level())
            add(left.level());
        else
            return std::nullopt;
        left.next();
        right.next();
    }
    return common;
}

bool covers(std::string_view wide, std::string_view narrow) {
    if (hidden_from(wide, narrow)) return false;
    Levels outer(wide);
    Levels inner(narrow);
    while (outer.more()) {
        if (outer.level() == "#") return true;
        if (!inner.more() || inner.level() == "#") return false;
        if (outer.level() != "+" && outer.level() != inner.level()) return false;
        outer.next();
        inner.next();
    }
    return !inner.more();
}

bool matches_filled(std::string_view pattern, const Fillings& names, std::string_view name) {
    if (hidden_from(pattern, name)) return false;
    Levels wanted(pattern);
    Levels given(name);
    bool first = true;
    while (wanted.more()) {
        if (wanted.level() == "#") return true;
        if (!given.more()) return false;
        if (wanted.level() != "+" && !level_matches(wanted.level(), names, given.level(), first))
            return false;
        first = false;
        wanted.next();
        given.next();
    }
    return !given.more();
}

std::optional<std::string> filled(std::string_view pattern, const Fillings& names) {
    std::string all;
    for (Levels levels(pattern); levels.more(); levels.next()) {
        const bool first = levels.rest().data() == pattern.data();
        if (!first) all += '/';
        const std::size_t start = all.size();
        std::string_view level = levels.level();
        while (!level.empty()) {
            const Piece piece = next_piece(level, names);
            const bool unfit =
                piece.text.empty() || (first && all.empty() && piece.text.starts_with('$'));
            if (piece.is_name && unfit) {
                if (!names.unfilled_matches) return std::nullopt;
                all.resize(start);
                all += '+';
                break;
            }
            all += piece.text;
        }
    }
    return all;
}

}  // namespace causeway::mqtt::access
