#include "coap/link_format.hpp"

#include <algorithm>

namespace causeway::coap {
namespace {

bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/// Where a name or an unquoted value ends.
bool ends_word(char c) noexcept {
    return c == ';' || c == ',' || c == '=' || is_blank(c);
}

class Scanner {
public:
    explicit Scanner(ByteReader& in) noexcept : in_(in) {}

    void skip_blanks() noexcept {
        while (in_.more() && is_blank(peek())) in_.u8();
    }
    [[nodiscard]] char peek() const noexcept { return static_cast<char>(in_.peek()); }
    [[nodiscard]] bool more() const noexcept { return in_.more(); }
    bool take(char wanted) noexcept {
        if (!in_.more() || peek() != wanted) return false;
        in_.u8();
        return true;
    }
    void fail() noexcept { in_.fail(Fault::bad_value); }

    std::string until(char end) {
        std::string text;
        while (in_.more() && peek() != end) text += static_cast<char>(in_.u8());
        if (!take(end)) fail();
        return text;
    }
    /// A value may hold '=' (ptokenchar does), a name may not.
    std::string word(bool value) {
        std::string text;
        while (in_.more() && (!ends_word(peek()) || (value && peek() == '=')))
            text += static_cast<char>(in_.u8());
        if (text.empty()) fail();
        return text;
    }
    /// Behind the opening quote. [RFC 2616 §2.2]
    std::string quoted() {
        std::string text;
        while (in_.more() && peek() != '"') {
            if (take('\\') && !in_.more()) break;
            text += static_cast<char>(in_.u8());
        }
        if (!take('"')) fail();
        return text;
    }

private:
    ByteReader& in_;
};

Link read_link(Scanner& in) {
    Link link;
    if (!in.take('<')) in.fail();
    link.target = in.until('>');
    in.skip_blanks();
    while (in.take(';')) {
        in.skip_blanks();
        LinkAttribute attribute{in.word(false), std::nullopt};
        in.skip_blanks();
        if (in.take('=')) {
            in.skip_blanks();
            attribute.value = in.take('"') ? in.quoted() : in.word(true);
        }
        link.attributes.push_back(std::move(attribute));
        in.skip_blanks();
    }
    return link;
}

bool is_token(std::string_view text) noexcept {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return c > ' ' && c < '\x7f' && !std::string_view("\",;\\").contains(c);
    });
}

/// Where the grammar has no quotes, and the value is one that can do without: sz and ct are
/// cardinals (several of ct's are quoted [RFC 7252 §7.2.1]), hreflang is a language tag, and what
/// ends in a star has an encoding of its own [RFC 6690 §2]. Everything else may be quoted.
bool goes_bare(const LinkAttribute& attribute) noexcept {
    const std::string_view value = *attribute.value;
    if (attribute.name == "sz" || attribute.name == "ct")
        return !value.empty() &&
               std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
    return (attribute.name == "hreflang" || attribute.name.ends_with('*')) && is_token(value);
}

template <class Put>
void write_link(const Link& link, Put&& put) {
    put(std::string_view("<"));
    put(std::string_view(link.target));
    put(std::string_view(">"));
    for (const LinkAttribute& attribute : link.attributes) {
        put(std::string_view(";"));
        put(std::string_view(attribute.name));
        if (!attribute.value) continue;
        put(std::string_view("="));
        if (goes_bare(attribute)) {
            put(std::string_view(*attribute.value));
            continue;
        }
        put(std::string_view("\""));
        for (const char& c : *attribute.value) {
            if (c == '"' || c == '\\') put(std::string_view("\\"));
            put(std::string_view(&c, 1));
        }
        put(std::string_view("\""));
    }
}

template <class Put>
void write_links(const LinkFormat& document, Put&& put) {
    bool first = true;
    for (const Link& link : document.links) {
        if (!std::exchange(first, false)) put(std::string_view(","));
        write_link(link, put);
    }
}

/// "relation-type target attributes can contain multiple values, and each value MUST be treated as
/// a separate target attribute when matching" [RFC 6690 §4.1]
bool holds_several(std::string_view name) noexcept {
    return name == "rt" || name == "if" || name == "rel" || name == "rev" || name == "ct";
}

}  // namespace

bool Link::has(std::string_view name) const noexcept {
    return std::ranges::any_of(attributes, [&](const auto& a) { return a.name == name; });
}

std::optional<std::string_view> Link::find(std::string_view name) const noexcept {
    for (const LinkAttribute& a : attributes)
        if (a.name == name && a.value) return *a.value;
    return std::nullopt;
}

// ---- filters -----------------------------------------------------------------------------------

LinkFilter::LinkFilter(std::string_view argument) noexcept {
    const std::size_t equals = argument.find('=');
    name_ = argument.substr(0, equals);
    wanted_ = equals == std::string_view::npos ? "*" : argument.substr(equals + 1);
    prefix_ = wanted_.ends_with('*');
    if (prefix_) wanted_.remove_suffix(1);
}

bool LinkFilter::takes(std::string_view value) const noexcept {
    return prefix_ ? value.starts_with(wanted_) : value == wanted_;
}

bool LinkFilter::takes(std::string_view head, std::string_view tail) const noexcept {
    if (wanted_.size() <= head.size())
        return prefix_ ? head.starts_with(wanted_) : tail.empty() && head == wanted_;
    const std::string_view rest = wanted_.substr(head.size());
    return wanted_.starts_with(head) && (prefix_ ? tail.starts_with(rest) : tail == rest);
}

bool LinkFilter::matches(const LinkAttribute& attribute) const noexcept {
    if (attribute.name != name_) return false;
    std::string_view value = attribute.value ? std::string_view(*attribute.value) : "";
    if (!holds_several(name_) || takes(value)) return takes(value);
    for (;;) {
        const std::size_t blank = value.find(' ');
        const std::string_view one = value.substr(0, blank);
        if (!one.empty() && takes(one)) return true;
        if (blank == std::string_view::npos) return false;
        value.remove_prefix(blank + 1);
    }
}

bool LinkFilter::matches(const Link& link) const noexcept {
    if (name_ == "href") return takes(link.target);
    return std::ranges::any_of(link.attributes, [&](const LinkAttribute& a) { return matches(a); });
}

// ---- documents ---------------------------------------------------------------------------------

Result<LinkFormat> LinkFormat::parse(ByteReader& in) {
    LinkFormat document;
    Scanner scanner(in);
    scanner.skip_blanks();
    while (scanner.more()) {
        if (document.links.size() == links_max) in.fail(Fault::unsupported);
        document.links.push_back(read_link(scanner));
        if (!in.ok()) break;
        scanner.skip_blanks();
        if (!scanner.more()) break;
        if (!scanner.take(',')) scanner.fail();
        scanner.skip_blanks();
        if (in.ok() && !scanner.more()) scanner.fail();  // a comma with nothing behind
    }
    if (!in.ok()) return std::unexpected(in.error());
    return document;
}

std::size_t LinkFormat::wire_size() const noexcept {
    std::size_t size = 0;
    write_links(*this, [&](std::string_view part) { size += part.size(); });
    return size;
}

void LinkFormat::emit(ByteWriter& out) const {
    write_links(*this, [&](std::string_view part) { out.put(as_octets(part)); });
}

std::string to_text(const LinkFormat& document) {
    std::string text;
    write_links(document, [&](std::string_view part) { text += part; });
    return text;
}

void append_to(std::string& document, const Link& link) {
    if (!document.empty()) document += ',';
    write_link(link, [&](std::string_view part) { document += part; });
}

}  // namespace causeway::coap
