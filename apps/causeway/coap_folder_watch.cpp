// Which files there are, and which of those that are observed have changed.
#include "coap/uri.hpp"
#include "coap_folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

namespace causeway::cli {
namespace {

/// Folders in folders that /.well-known/core goes into.
constexpr unsigned depth_max = 8;

struct CloseFolder {
    void operator()(DIR* folder) const { ::closedir(folder); }
};

}  // namespace

void ServedFolder::add_links(coap::LinkFormat& document) const {
    add_links_of(folder_of({}, 0), "", depth_max, document);
}

/// `depth`: how many levels below this one are listed too; folders themselves only at zero.
void ServedFolder::add_links_of(const Handle& folder, const std::string& prefix, unsigned depth,
                                coap::LinkFormat& document) const {
    const int again = folder ? ::openat(folder.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (again < 0) return;
    const std::unique_ptr<DIR, CloseFolder> listing(::fdopendir(again));
    if (listing == nullptr) return;
    std::vector<std::string> names;
    while (const dirent* const entry = ::readdir(listing.get()))
        if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
    std::ranges::sort(names);
    for (const std::string& name : names) {
        if (document.links.size() >= coap::LinkFormat::links_max) return;
        struct stat facts{};
        if (::fstatat(folder.fd(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) continue;
        coap::Link link;
        link.target = prefix + "/" + coap::percent_encoded(name, ":@");
        if (S_ISDIR(facts.st_mode)) {
            if (depth > 0) {
                const Handle inner(::openat(folder.fd(), name.c_str(),
                                            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
                add_links_of(inner, link.target, depth - 1, document);
                continue;
            }
            link.attributes.push_back({"ct", "40"});
        } else if (S_ISREG(facts.st_mode)) {
            // What is in it tells nothing here: that would be to read every file.
            const auto format = content_format_of_file(name, {});
            if (format != coap::ContentFormat::text_plain || name.ends_with(".txt"))
                link.attributes.push_back({"ct", std::to_string(std::to_underlying(format))});
            link.attributes.push_back({"sz", std::to_string(facts.st_size)});
        } else {
            continue;
        }
        link.attributes.push_back({"obs", std::nullopt});
        document.links.push_back(std::move(link));
    }
}

ServedFolder::Mark ServedFolder::mark_of(const struct stat& facts) {
    return {facts.st_ino,
            std::int64_t{facts.st_ctim.tv_sec} * 1'000'000'000 + facts.st_ctim.tv_nsec,
            facts.st_size};
}

ServedFolder::Mark ServedFolder::mark_at(const std::string& path) const {
    Path segments;
    for (std::size_t at = 0; at < path.size();) {
        const std::size_t begin = at + 1;
        at = std::min(path.find('/', begin), path.size());
        if (at > begin) segments.push_back(path.substr(begin, at - begin));
    }
    struct stat facts{};
    if (segments.empty()) return ::fstat(root_.fd(), &facts) == 0 ? mark_of(facts) : Mark{};
    const Handle folder = folder_of(segments, segments.size() - 1);
    if (!folder ||
        ::fstatat(folder.fd(), segments.back().c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0)
        return {};
    return mark_of(facts);
}

void ServedFolder::watch(const std::string& key, const std::string& path) {
    forget(key);
    observers_[key] = path;
    const auto [at, fresh] = watched_.try_emplace(path);
    if (fresh) at->second.mark = mark_at(path);
    ++at->second.watchers;
}

void ServedFolder::forget(const std::string& key) {
    const auto observer = observers_.find(key);
    if (observer == observers_.end()) return;
    const auto watch = watched_.find(observer->second);
    if (watch != watched_.end() && --watch->second.watchers == 0) watched_.erase(watch);
    observers_.erase(observer);
}

std::vector<std::string> ServedFolder::changed() {
    std::vector<std::string> paths;
    for (auto& [path, watch] : watched_) {
        const Mark now = mark_at(path);
        if (now == watch.mark) continue;
        watch.mark = now;
        paths.push_back(path);
    }
    return paths;
}

}  // namespace causeway::cli
