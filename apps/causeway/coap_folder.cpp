#include "coap_folder.hpp"

#include "coap/server.hpp"
#include "crypto/digest.hpp"
#include "printable.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace causeway::cli {
namespace {

using coap::Code;
using coap::ContentFormat;
using coap::OptionNumber;

constexpr int folder_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr std::size_t name_octets_max = 255;

struct Ending {
    std::string_view ending;
    ContentFormat format;
};
constexpr std::array endings{
    Ending{".txt", ContentFormat::text_plain},
    Ending{".json", ContentFormat::json},
    Ending{".xml", ContentFormat::xml},
    Ending{".cbor", ContentFormat::cbor},
    Ending{".senml", ContentFormat::senml_json},
    Ending{".senmlc", ContentFormat::senml_cbor},
    Ending{".sensml", ContentFormat::sensml_json},
    Ending{".sensmlc", ContentFormat::sensml_cbor},
    Ending{".exi", ContentFormat::exi},
    Ending{".wlnk", ContentFormat::link_format},
    Ending{".bin", ContentFormat::octet_stream},
    Ending{".gif", ContentFormat{21}},
    Ending{".jpg", ContentFormat{22}},
    Ending{".jpeg", ContentFormat{22}},
    Ending{".png", ContentFormat{23}},
    Ending{".css", ContentFormat{20000}},
    Ending{".js", ContentFormat{20002}},
    Ending{".svg", ContentFormat{30000}},
};

/// The segments, or nothing when one of them could lead astray or names what is hidden.
std::optional<std::vector<std::string>> path_in(const coap::Options& options) {
    std::vector<std::string> path;
    for (const coap::Option option : options) {
        if (option.number != OptionNumber::uri_path) continue;
        const std::string_view segment = option.as_text();
        if (segment.starts_with('.') || segment.size() > name_octets_max ||
            segment.find('/') != std::string_view::npos ||
            segment.find('\0') != std::string_view::npos)
            return std::nullopt;
        path.emplace_back(segment);
    }
    // "/folder/" is "/folder".
    if (!path.empty() && path.back().empty()) path.pop_back();
    if (std::ranges::find(path, std::string()) != path.end()) return std::nullopt;
    return path;
}

coap::Response missing() {
    return coap::response_of(errno == EACCES || errno == ELOOP ? Code::forbidden : Code::not_found);
}

Octets tag_of(Bytes contents) {
    const crypto::Sha256 digest = crypto::sha256(contents);
    return {digest.begin(), digest.begin() + 8};
}

bool names(const coap::Options& options, OptionNumber number, Bytes tag) {
    return std::ranges::any_of(options, [&](const coap::Option& option) {
        return option.number == number && same(option.value, tag);
    });
}

bool accepts(const coap::Options& options, ContentFormat format) {
    const auto wanted = options.uint(OptionNumber::accept);
    return !wanted || *wanted == std::to_underlying(format);
}

/// 2.05, or 2.03 to who has it already. [RFC 7252 §5.10.6.2]
coap::Response represented(const coap::RequestArrived& request, ContentFormat format,
                           Bytes contents, std::optional<std::uint32_t> max_age) {
    const Octets tag = tag_of(contents);
    coap::Response response;
    if (names(request.options, OptionNumber::etag, tag))
        response.code = Code::valid;
    else
        response = coap::content_of(format, contents);
    response.options.add(OptionNumber::etag, tag);
    if (max_age) response.options.add_uint(OptionNumber::max_age, *max_age);
    response.observe = true;
    return response;
}

std::string_view ending_for(const coap::Options& options) {
    const auto format = options.uint(OptionNumber::content_format);
    if (!format) return "";
    for (const Ending& known : endings)
        if (std::to_underlying(known.format) == *format) return known.ending;
    return "";
}

std::string joined(const std::vector<std::string>& path) {
    std::string out;
    for (const std::string& segment : path) out += "/" + segment;
    return out;
}

}  // namespace

Handle& Handle::operator=(Handle&& other) noexcept {
    if (this == &other) return *this;
    if (fd_ >= 0) ::close(fd_);
    fd_ = other.release();
    return *this;
}

Handle::~Handle() {
    if (fd_ >= 0) ::close(fd_);
}

ContentFormat content_format_of_file(const std::string& name, Bytes contents) {
    for (const Ending& known : endings)
        if (name.ends_with(known.ending)) return known.format;
    return is_plain_text(contents) ? ContentFormat::text_plain : ContentFormat::octet_stream;
}

std::expected<ServedFolder, std::string> ServedFolder::open(const std::string& path,
                                                            const Options& options) {
    Handle root(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root) return std::unexpected("cannot open " + path + ": " + std::strerror(errno));
    return ServedFolder(std::move(root), options);
}

Handle ServedFolder::folder_of(const Path& path, std::size_t segments) const {
    Handle at(::openat(root_.fd(), ".", folder_flags));
    for (std::size_t i = 0; i < segments && at; ++i)
        at = Handle(::openat(at.fd(), path[i].c_str(), folder_flags));
    return at;
}

coap::Response ServedFolder::handle(const coap::RequestArrived& request) {
    const auto path = path_in(request.options);
    if (!path) return coap::response_of(Code::not_found);
    if (request.method == Code::get) return get(request, *path);
    const bool changes = request.method == Code::put || request.method == Code::post ||
                         request.method == Code::delete_;
    if (!changes || !options_.writable) return coap::response_of(Code::method_not_allowed);
    if (request.method == Code::put) return put(request, *path);
    if (request.method == Code::post) return post(request, *path);
    return remove(request, *path);
}

// ---- reading -----------------------------------------------------------------------------------

coap::Response ServedFolder::get(const coap::RequestArrived& request, const Path& path) const {
    if (path.empty()) return get_folder(request, path, folder_of(path, 0));
    const Handle folder = folder_of(path, path.size() - 1);
    if (!folder) return missing();
    const Handle file(
        ::openat(folder.fd(), path.back().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat facts{};
    if (!file || ::fstat(file.fd(), &facts) != 0) return missing();
    if (S_ISDIR(facts.st_mode)) return get_folder(request, path, file);
    if (!S_ISREG(facts.st_mode)) return coap::response_of(Code::forbidden);
    return get_file(request, path.back(), file, facts);
}

coap::Response ServedFolder::get_file(const coap::RequestArrived& request, const std::string& name,
                                      const Handle& file, const struct stat& facts) const {
    const auto contents = read(file, facts);
    if (!contents) return coap::response_of(Code::internal_server_error, "cannot be read");
    const ContentFormat format = content_format_of_file(name, *contents);
    if (!accepts(request.options, format)) return coap::response_of(Code::not_acceptable);
    return represented(request, format, *contents, options_.max_age);
}

coap::Response ServedFolder::get_folder(const coap::RequestArrived& request, const Path& path,
                                        const Handle& folder) const {
    if (!accepts(request.options, ContentFormat::link_format))
        return coap::response_of(Code::not_acceptable);
    coap::LinkFormat document;
    add_links_of(folder, joined(path), 0, document);
    return represented(request, ContentFormat::link_format, as_octets(coap::to_text(document)),
                       options_.max_age);
}

std::optional<Octets> ServedFolder::read(const Handle& file, const struct stat& facts) const {
    const auto size = static_cast<std::size_t>(facts.st_size);
    if (size > options_.file_octets_max) return std::nullopt;
    Octets contents(size);
    std::size_t got = 0;
    while (got < size) {
        const ssize_t n =
            ::pread(file.fd(), contents.data() + got, size - got, static_cast<off_t>(got));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return std::nullopt;
        if (n == 0) break;  // it became shorter meanwhile
        got += static_cast<std::size_t>(n);
    }
    contents.resize(got);
    return contents;
}

// ---- writing -----------------------------------------------------------------------------------

std::optional<Code> ServedFolder::precondition(const coap::RequestArrived& request,
                                               const Handle& folder,
                                               const std::string& name) const {
    const bool if_match = request.options.has(OptionNumber::if_match);
    const bool if_none_match = request.options.has(OptionNumber::if_none_match);
    if (!if_match && !if_none_match) return std::nullopt;
    const Handle file(
        ::openat(folder.fd(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat facts{};
    const bool there = file && ::fstat(file.fd(), &facts) == 0 && S_ISREG(facts.st_mode);
    if (if_none_match && there) return Code::precondition_failed;
    if (!if_match) return std::nullopt;
    if (!there) return Code::precondition_failed;
    if (names(request.options, OptionNumber::if_match, {})) return std::nullopt;
    const auto contents = read(file, facts);
    if (contents && names(request.options, OptionNumber::if_match, tag_of(*contents)))
        return std::nullopt;
    return Code::precondition_failed;
}

/// A file beside it takes its place once it is whole.
bool ServedFolder::write(const Handle& folder, const std::string& name, Bytes contents) const {
    std::string fresh;
    Handle file;
    for (unsigned attempt = 0; !file && attempt < 100; ++attempt) {
        fresh = ".causeway-" + std::to_string(::getpid()) + "-" + std::to_string(attempt);
        file = Handle(::openat(folder.fd(), fresh.c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
        if (!file && errno != EEXIST) return false;
    }
    if (!file) return false;
    bool good = true;
    while (good && !contents.empty()) {
        const ssize_t n = ::write(file.fd(), contents.data(), contents.size());
        if (n < 0 && errno == EINTR) continue;
        good = n >= 0;
        if (good) contents = contents.subspan(static_cast<std::size_t>(n));
    }
    good = good && ::fsync(file.fd()) == 0 &&
           ::renameat(folder.fd(), fresh.c_str(), folder.fd(), name.c_str()) == 0;
    if (!good) ::unlinkat(folder.fd(), fresh.c_str(), 0);
    return good;
}

coap::Response ServedFolder::put(const coap::RequestArrived& request, const Path& path) {
    if (path.empty()) return coap::response_of(Code::method_not_allowed, "a folder");
    const Handle folder = folder_of(path, path.size() - 1);
    if (!folder) return coap::response_of(Code::conflict, "no such folder");
    struct stat facts{};
    const bool there =
        ::fstatat(folder.fd(), path.back().c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0;
    if (there && !S_ISREG(facts.st_mode))
        return coap::response_of(Code::method_not_allowed, "no file");
    if (const auto stop = precondition(request, folder, path.back()))
        return coap::response_of(*stop);
    if (!write(folder, path.back(), request.payload))
        return coap::response_of(Code::internal_server_error, std::strerror(errno));
    coap::Response response = coap::response_of(there ? Code::changed : Code::created);
    response.options.add(OptionNumber::etag, tag_of(request.payload));
    return response;
}

/// To a folder: a file with a name of our choice.
coap::Response ServedFolder::post(const coap::RequestArrived& request, const Path& path) {
    const Handle folder = folder_of(path, path.size());
    if (!folder)
        return errno == ENOTDIR ? coap::response_of(Code::method_not_allowed, "a file") : missing();
    std::string name;
    struct stat facts{};
    do {
        name = std::to_string(++posted_) + std::string(ending_for(request.options));
    } while (::fstatat(folder.fd(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0);
    if (!write(folder, name, request.payload))
        return coap::response_of(Code::internal_server_error, std::strerror(errno));
    coap::Response response = coap::response_of(Code::created);
    for (const std::string& segment : path)
        response.options.add_text(OptionNumber::location_path, segment);
    response.options.add_text(OptionNumber::location_path, name);
    return response;
}

coap::Response ServedFolder::remove(const coap::RequestArrived& request, const Path& path) {
    if (path.empty()) return coap::response_of(Code::method_not_allowed, "a folder");
    const Handle folder = folder_of(path, path.size() - 1);
    if (!folder) return missing();
    struct stat facts{};
    const bool there =
        ::fstatat(folder.fd(), path.back().c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0;
    if (there && !S_ISREG(facts.st_mode))
        return coap::response_of(Code::method_not_allowed, "no file");
    if (const auto stop = precondition(request, folder, path.back()))
        return coap::response_of(*stop);
    // "2.02 ... on success or in case the resource did not exist before" [RFC 7252 §5.8.4]
    if (there && ::unlinkat(folder.fd(), path.back().c_str(), 0) != 0)
        return coap::response_of(Code::internal_server_error, std::strerror(errno));
    return coap::response_of(Code::deleted);
}

}  // namespace causeway::cli
