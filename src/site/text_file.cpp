#include "site/text_file.hpp"

#include "net/trouble.hpp"

#include <cerrno>
#include <filesystem>
#include <fstream>

namespace causeway::site {

std::expected<std::string, std::string> read_text_file(const std::string& path) {
    const auto unreadable = [&](const std::string& why) {
        return std::unexpected(path + ": cannot be read: " + why);
    };
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) return unreadable("it is a folder");
    const auto size = std::filesystem::file_size(path, error);
    if (!error && size > text_file_octets_max) return unreadable("it is larger than 64 MiB");
    std::ifstream in(path, std::ios::binary);
    if (!in) return unreadable(net::reason_of(errno));
    std::string text(std::istreambuf_iterator<char>(in), {});
    if (in.bad()) return unreadable("reading failed");
    return text;
}

std::expected<std::string, std::string> read_first_line(const std::string& path) {
    auto text = read_text_file(path);
    if (!text) return text;
    text->resize(std::min(text->find_first_of("\r\n"), text->size()));
    if (text->empty()) return std::unexpected(path + ": its first line is empty");
    return text;
}

}  // namespace causeway::site
