#pragma once
// A file's new contents, all of them or none, whatever happens meanwhile.
#include <optional>
#include <string>
#include <string_view>

namespace causeway::cli {

/// Writes `path` anew: a file beside it takes its place once it is on the disk. For its owner only;
/// one that was there keeps owner and group, and the group's right to read. A link is followed.
/// What went wrong, in one line; then nothing has changed.
[[nodiscard]] std::optional<std::string> replace_file(const std::string& path,
                                                      std::string_view contents);

}  // namespace causeway::cli
