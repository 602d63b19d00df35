#pragma once
// A folder as CoAP resources: files are representations, folders are lists of links, and whoever
// observes a file hears when it changes. No path leads out of the folder: no "..", no symbolic
// link, nothing that begins with a dot.
#include "coap/content_format.hpp"
#include "coap/events.hpp"
#include "coap/link_format.hpp"

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <vector>

struct stat;

namespace causeway::cli {

/// A file descriptor with an owner.
class Handle {
public:
    Handle() = default;
    explicit Handle(int fd) noexcept : fd_(fd) {}
    Handle(Handle&& other) noexcept : fd_(other.release()) {}
    Handle& operator=(Handle&& other) noexcept;
    ~Handle();
    [[nodiscard]] int fd() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    int release() noexcept { return std::exchange(fd_, -1); }

private:
    int fd_ = -1;
};

class ServedFolder {
public:
    struct Options {
        bool writable = false;
        std::optional<std::uint32_t> max_age;  // seconds; none: nothing is said
        std::size_t file_octets_max = 64u << 20;
    };

    [[nodiscard]] static std::expected<ServedFolder, std::string> open(const std::string& path,
                                                                       const Options& options);

    [[nodiscard]] coap::Response handle(const coap::RequestArrived& request);
    /// All files, for /.well-known/core.
    void add_links(coap::LinkFormat& document) const;

    /// The observer `key` listens to `path` from now on; or no more.
    void watch(const std::string& key, const std::string& path);
    void forget(const std::string& key);
    /// Paths that are watched and whose file is another than at the last call. To be called every
    /// second or so, and after a change of ours.
    [[nodiscard]] std::vector<std::string> changed();

private:
    using Path = std::vector<std::string>;
    /// What a file is told apart by: when any of it differs, it has changed.
    struct Mark {
        std::uint64_t inode = 0;
        std::int64_t changed_ns = -1;
        std::int64_t size = 0;
        friend bool operator==(const Mark&, const Mark&) = default;
    };
    struct Watch {
        Mark mark;
        std::size_t watchers = 0;
    };

    ServedFolder(Handle root, const Options& options) : root_(std::move(root)), options_(options) {}

    [[nodiscard]] Handle folder_of(const Path& path, std::size_t segments) const;
    [[nodiscard]] static Mark mark_of(const struct stat& facts);
    [[nodiscard]] Mark mark_at(const std::string& path) const;

    coap::Response get(const coap::RequestArrived& request, const Path& path) const;
    coap::Response get_file(const coap::RequestArrived& request, const std::string& name,
                            const Handle& file, const struct stat& facts) const;
    coap::Response get_folder(const coap::RequestArrived& request, const Path& path,
                              const Handle& folder) const;
    coap::Response put(const coap::RequestArrived& request, const Path& path);
    coap::Response post(const coap::RequestArrived& request, const Path& path);
    coap::Response remove(const coap::RequestArrived& request, const Path& path);
    [[nodiscard]] std::optional<coap::Code> precondition(const coap::RequestArrived& request,
                                                         const Handle& folder,
                                                         const std::string& name) const;
    [[nodiscard]] std::optional<Octets> read(const Handle& file, const struct stat& facts) const;
    bool write(const Handle& folder, const std::string& name, Bytes contents) const;
    void add_links_of(const Handle& folder, const std::string& prefix, unsigned depth,
                      coap::LinkFormat& document) const;

    Handle root_;
    Options options_;
    std::map<std::string, Watch> watched_;          // by path
    std::map<std::string, std::string> observers_;  // key -> path
    std::uint64_t posted_ = 0;
};

/// By the end of the name; for others, text/plain or octets, as the contents look.
[[nodiscard]] coap::ContentFormat content_format_of_file(const std::string& name, Bytes contents);

}  // namespace causeway::cli
