#include "replace_file.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace causeway::cli {
namespace {

bool write_all(int file, std::string_view contents) {
    while (!contents.empty()) {
        const ssize_t written = ::write(file, contents.data(), contents.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        contents.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

/// Owner, group and the group's right to read stay as they were; nobody else gets any.
bool take_after(int file, const std::string& old) {
    struct stat was{};
    if (::stat(old.c_str(), &was) != 0) return true;
    struct stat is{};
    if (::fstat(file, &is) != 0) return false;
    if ((is.st_uid != was.st_uid || is.st_gid != was.st_gid) &&
        ::fchown(file, was.st_uid, was.st_gid) != 0)
        return false;
    return ::fchmod(file, 0600 | (was.st_mode & 0040)) == 0;
}

}  // namespace

std::optional<std::string> replace_file(const std::string& path, std::string_view contents) {
    std::error_code missing;
    std::filesystem::path target = std::filesystem::canonical(path, missing);
    if (missing) target = path;
    std::string fresh = target.string() + ".XXXXXX";
    const int file = ::mkostemp(fresh.data(), O_CLOEXEC);  // mode 0600
    const auto trouble = [&] { return "cannot write " + path + ": " + std::strerror(errno); };
    if (file < 0) return trouble();
    std::optional<std::string> wrong;
    if (!write_all(file, contents) || !take_after(file, target) || ::fsync(file) != 0)
        wrong = trouble();
    if (::close(file) != 0 && !wrong) wrong = trouble();
    if (!wrong && ::rename(fresh.c_str(), target.c_str()) != 0) wrong = trouble();
    if (wrong) {
        ::unlink(fresh.c_str());
        return wrong;
    }
    const std::filesystem::path folder =
        target.has_parent_path() ? target.parent_path() : std::filesystem::path(".");
    const int handle = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (handle >= 0) {
        ::fsync(handle);
        ::close(handle);
    }
    return std::nullopt;
}

}  // namespace causeway::cli
