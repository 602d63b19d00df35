#pragma once
// CoRE link format [RFC 6690 §2] and the filter of its well-known interface [RFC 6690 §4.1], which
// lookups in a resource directory have too [RFC 9176 §6.2]. What attribute values mean (URIs,
// relation types, media types) is not looked into.
#include "base/repr.hpp"

#include <optional>
#include <string>
#include <vector>

namespace causeway::coap {

struct LinkAttribute {
    std::string name;                  // "rt", "obs"
    std::optional<std::string> value;  // unquoted, unescaped; none for a bare name

    friend bool operator==(const LinkAttribute&, const LinkAttribute&) = default;
};

struct Link;

/// One criterion: a query argument, percent-decoded, which it borrows. "rt=light-lux" wants that
/// value, "href=/sensors*" whatever begins like that, and "obs", without '=', what is there at all.
/// Values that are lists (rt, if, rel, rev; ct) are looked at one by one. [RFC 6690 §4.1]
class LinkFilter {
public:
    explicit LinkFilter(std::string_view argument) noexcept;

    [[nodiscard]] std::string_view name() const noexcept { return name_; }
    /// Without the '*' at its end.
    [[nodiscard]] std::string_view wanted() const noexcept { return wanted_; }
    /// Whether a '*' was there, or no '='.
    [[nodiscard]] bool is_prefix() const noexcept { return prefix_; }

    /// The value as a whole, whatever its name.
    [[nodiscard]] bool takes(std::string_view value) const noexcept;
    /// The value that begins with `head` and goes on with `tail`.
    [[nodiscard]] bool takes(std::string_view head, std::string_view tail) const noexcept;
    [[nodiscard]] bool matches(const LinkAttribute& attribute) const noexcept;
    /// "href" is the target; everything else an attribute.
    [[nodiscard]] bool matches(const Link& link) const noexcept;

private:
    std::string_view name_;
    std::string_view wanted_;
    bool prefix_;
};

struct Link {
    std::string target;  // the URI reference between < and >
    std::vector<LinkAttribute> attributes;

    [[nodiscard]] bool has(std::string_view name) const noexcept;
    /// The first attribute of that name that has a value.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
    /// Whether LinkFilter lets this link through.
    [[nodiscard]] bool matches(std::string_view filter) const noexcept {
        return LinkFilter(filter).matches(*this);
    }

    friend bool operator==(const Link&, const Link&) = default;
};

struct LinkFormat {
    /// More links than that in one document are refused.
    static constexpr std::size_t links_max = 4096;

    std::vector<Link> links;

    /// Linefeeds and blanks around separators are taken for what they are in examples: layout.
    static Result<LinkFormat> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept;
    void emit(ByteWriter& out) const;

    friend bool operator==(const LinkFormat&, const LinkFormat&) = default;
};

static_assert(Repr<LinkFormat>);

[[nodiscard]] std::string to_text(const LinkFormat& document);
/// Adds a link to a document in the making, behind a comma where one is needed.
void append_to(std::string& document, const Link& link);

}  // namespace causeway::coap
