#pragma once
// CoRE link format [RFC 6690 §2] and the filter of its well-known interface [RFC 6690 §4.1]. What
// attribute values mean (URIs, relation types, media types) is not looked into.
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

struct Link {
    std::string target;  // the URI reference between < and >
    std::vector<LinkAttribute> attributes;

    [[nodiscard]] bool has(std::string_view name) const noexcept;
    /// The first attribute of that name that has a value.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
    /// Whether `filter`, one percent-decoded query argument, lets this link through:
    /// "rt=light-lux", "href=/sensors*". A filter without '=' lets through what has the attribute.
    [[nodiscard]] bool matches(std::string_view filter) const noexcept;

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

}  // namespace causeway::coap
