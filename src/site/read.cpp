#include "site/read.hpp"

#include "site/build.hpp"
#include "site/overrides.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

namespace causeway::site {
namespace {

Mistake spoken(Complaint complaint, const std::filesystem::path& file,
               std::span<const std::string> sets) {
    const Place at = complaint.at;
    return {at.override == 0 ? file.string() : "--set " + sets[at.override - 1], at.line, at.column,
            std::move(complaint.what), std::move(complaint.allowed)};
}

/// By place: the file's from top to bottom, then those of each override in turn.
Mistakes spoken(Complaints complaints, const std::filesystem::path& file,
                std::span<const std::string> sets) {
    std::ranges::sort(complaints, {}, [](const Complaint& complaint) {
        const Place at = complaint.at;
        return std::tuple(at.override, at.line, at.column, std::string_view(complaint.what));
    });
    Mistakes mistakes;
    for (Complaint& complaint : complaints) {
        Mistake mistake = spoken(std::move(complaint), file, sets);
        // What several look at is wrong once.
        if (mistakes.empty() || mistakes.back() != mistake) mistakes.push_back(std::move(mistake));
    }
    return mistakes;
}

}  // namespace

std::expected<Site, Mistakes> read_text(std::string_view text, const std::filesystem::path& file,
                                        std::span<const std::string> sets) {
    auto document = parse_document(text);
    if (!document) {
        const SyntaxError& error = document.error();
        return std::unexpected(
            Mistakes{{file.string(), error.at.line, error.at.column, error.what, {}}});
    }
    Complaints complaints;
    apply_overrides(*document, sets, complaints);
    check_keys(*document, complaints);
    Site site = build(*document, file, complaints);
    if (complaints.empty()) return site;
    return std::unexpected(spoken(std::move(complaints), file, sets));
}

std::expected<Site, Mistakes> read_file(const std::filesystem::path& file,
                                        std::span<const std::string> sets) {
    const auto unreadable = [&](std::string why) {
        return std::unexpected(Mistakes{{file.string(), 0, 0, "cannot be read: " + why, {}}});
    };
    std::error_code error;
    if (std::filesystem::is_directory(file, error)) return unreadable("it is a folder");
    std::ifstream in(file, std::ios::binary);
    if (!in) return unreadable(std::generic_category().message(errno));
    std::string text(document_octets_max + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad()) return unreadable("reading failed");
    text.resize(static_cast<std::size_t>(in.gcount()));
    return read_text(text, file, sets);
}

}  // namespace causeway::site
