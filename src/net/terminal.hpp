#pragma once
// What a person sees while work is under way: a few lines that are drawn over and over on a
// terminal, and nothing at all in a pipe or a file.
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace causeway::net {

struct Terminal {
    int fd = 2;
    bool interactive = false;  // a terminal that can move its cursor
    bool colour = false;       // interactive, and NO_COLOR is not set

    /// Looks at `fd`, TERM and NO_COLOR (https://no-color.org: any value that is not empty).
    [[nodiscard]] static Terminal of(int fd);
    /// Now: windows change. 80 when nobody knows.
    [[nodiscard]] std::size_t columns() const;
    [[nodiscard]] std::size_t rows() const;
};

/// The first `columns` of a line. Escape sequences take no room, other characters one column each.
[[nodiscard]] std::string_view fitted(std::string_view line, std::size_t columns);

/// Redraws in place, below what was printed before. Leaves its last state on the screen when it
/// goes, unless clear() was called.
class LiveRegion {
public:
    explicit LiveRegion(Terminal terminal) : terminal_(terminal) {}
    LiveRegion(const LiveRegion&) = delete;
    LiveRegion& operator=(const LiveRegion&) = delete;

    /// Lines that are too wide are cut, and what does not fit the screen's height is left out.
    void draw(std::span<const std::string> lines);
    void draw(const std::string& line) { draw(std::span(&line, 1)); }
    /// A line for good, above the region. Also written where nothing is drawn live.
    void print(std::string_view line);
    void clear();

private:
    [[nodiscard]] std::string rewind() const;
    void write(std::string_view text);

    Terminal terminal_;
    std::string shown_;
    std::size_t height_ = 0;
};

}  // namespace causeway::net
