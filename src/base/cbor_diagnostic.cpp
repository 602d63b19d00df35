// The diagnostic notation. [RFC 8949 §8]
#include "base/cbor.hpp"
#include "base/hex.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace causeway {
namespace {

constexpr std::size_t bignum_octets_max = 64;

std::string decimal(std::uint64_t value) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    return {digits, end};
}

/// A number of any length, most significant octet first.
std::string decimal_of(Octets octets) {
    std::string digits;
    while (std::ranges::any_of(octets, [](std::byte b) { return b != std::byte{0}; })) {
        unsigned rest = 0;
        for (std::byte& b : octets) {
            const unsigned here = rest << 8 | std::to_integer<unsigned>(b);
            b = std::byte(here / 10);
            rest = here % 10;
        }
        digits += static_cast<char>('0' + rest);
    }
    if (digits.empty()) digits = "0";
    std::ranges::reverse(digits);
    return digits;
}

/// -1 - n.
std::string negative_of(Octets n) {
    std::size_t i = n.size();
    while (i > 0 && n[i - 1] == std::byte{0xff}) n[--i] = std::byte{0};
    if (i > 0)
        n[i - 1] = std::byte(std::to_integer<unsigned>(n[i - 1]) + 1);
    else
        n.insert(n.begin(), std::byte{1});
    return "-" + decimal_of(std::move(n));
}

/// As few digits as tell it from its neighbours, laid out as JavaScript does, with a point always.
std::string number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    char buffer[32];
    const auto end =
        std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
    std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
    std::string out;
    if (text.front() == '-') {
        out = "-";
        text.remove_prefix(1);
    }
    const std::size_t e = text.find('e');
    std::string_view power = text.substr(e + 1);
    if (power.front() == '+') power.remove_prefix(1);
    int exponent = 0;
    std::from_chars(power.data(), power.data() + power.size(), exponent);
    std::string digits(text.substr(0, e));
    std::erase(digits, '.');
    const int count = static_cast<int>(digits.size());
    if (exponent >= 21 || exponent < -6) {
        out += digits.front();
        out += '.';
        out += count > 1 ? digits.substr(1) : "0";
        out += 'e';
        out += exponent < 0 ? '-' : '+';
        return out + decimal(static_cast<std::uint64_t>(std::abs(exponent)));
    }
    if (exponent < 0) return out + "0." + std::string(std::size_t(-exponent - 1), '0') + digits;
    if (count <= exponent + 1)
        return out + digits + std::string(std::size_t(exponent + 1 - count), '0') + ".0";
    digits.insert(std::size_t(exponent + 1), 1, '.');
    return out + digits;
}

class Diagnostic {
public:
    Diagnostic(Bytes items, CborLayout layout)
        : items_(items), in_(items), indent_(layout == CborLayout::indent) {}

    Result<std::string> run() {
        for (bool first = true; in_.more(); first = false) {
            if (!first) out_ += indent_ ? "\n" : ", ";
            item(0);
        }
        if (!in_.ok()) return std::unexpected(in_.error());
        return std::move(out_);
    }

private:
    void item(std::size_t depth) {
        switch (in_.kind()) {
            case CborKind::uint:
                out_ += decimal(in_.uint());
                return;
            case CborKind::negative:
                negative(in_.negative());
                return;
            case CborKind::bytes:
            case CborKind::text:
                string();
                return;
            case CborKind::array:
                array(depth);
                return;
            case CborKind::map:
                map(depth);
                return;
            case CborKind::tag:
                tagged(depth);
                return;
            case CborKind::boolean:
                out_ += in_.boolean() ? "true" : "false";
                return;
            case CborKind::null:
                in_.null();
                out_ += "null";
                return;
            case CborKind::undefined:
                in_.undefined();
                out_ += "undefined";
                return;
            case CborKind::simple:
                out_ += "simple(" + decimal(in_.simple()) + ")";
                return;
            case CborKind::floating:
                out_ += number(in_.floating());
                return;
            case CborKind::end:
                in_.fail(Fault::truncated);
                return;
        }
    }

    void negative(std::uint64_t n) {
        Octets octets(8);
        ByteWriter(octets).be64(n);
        out_ += negative_of(std::move(octets));
    }

    void put_string(Bytes octets, bool is_text) {
        if (!is_text) {
            out_ += "h'" + to_hex(octets) + "'";
            return;
        }
        out_ += '"';
        for (const char c : as_text(octets)) {
            const auto code = static_cast<unsigned char>(c);
            if (c == '"' || c == '\\') {
                out_ += '\\';
                out_ += c;
            } else if (c == '\n') {
                out_ += "\\n";
            } else if (c == '\r') {
                out_ += "\\r";
            } else if (c == '\t') {
                out_ += "\\t";
            } else if (code < 0x20 || code == 0x7f) {
                const std::byte octet{code};
                out_ += "\\u00" + to_hex(Bytes(&octet, 1));
            } else {
                out_ += c;
            }
        }
        out_ += '"';
    }

    /// Chunks are told apart: "(_ h'01', h'02')". [RFC 8949 §8.1]
    void string() {
        const bool is_text = in_.kind() == CborKind::text;
        const std::size_t from = in_.consumed();
        if (std::to_integer<unsigned>(items_[from] & std::byte{0x1f}) != 31) {
            put_string(is_text ? as_octets(in_.text()) : in_.bytes(), is_text);
            return;
        }
        const Bytes whole = in_.item();
        if (!in_.ok()) return;
        if (whole.size() == 2) {
            out_ += is_text ? "\"\"_" : "''_";
            return;
        }
        out_ += "(_ ";
        CborReader chunks(whole.subspan(1, whole.size() - 2));
        for (bool first = true; chunks.more(); first = false) {
            if (!first) out_ += ", ";
            put_string(is_text ? as_octets(chunks.text()) : chunks.bytes(), is_text);
        }
        out_ += ')';
    }

    void array(std::size_t depth) {
        const auto count = in_.enter_array();
        out_ += count || !in_.ok() ? "[" : "[_ ";
        const bool broken = indent_ && (!count || *count > 1);
        for (bool first = true; in_.more(); first = false) {
            between(first, broken, depth + 1);
            item(depth + 1);
        }
        in_.leave();
        close(']', broken, depth);
    }

    void map(std::size_t depth) {
        const auto count = in_.enter_map();
        out_ += count || !in_.ok() ? "{" : "{_ ";
        const bool broken = indent_ && (!count || *count > 1);
        for (bool first = true; in_.more(); first = false) {
            between(first, broken, depth + 1);
            item(depth + 1);
            out_ += ": ";
            item(depth + 1);
        }
        in_.leave();
        close('}', broken, depth);
    }

    /// Of tags, those of bignums alone have a notation of their own. [RFC 8949 §3.4.3, §8]
    void tagged(std::size_t depth) {
        const std::uint64_t number = in_.tag();
        if (depth == CborReader::depth_max) in_.fail(Fault::unsupported);
        if (!in_.ok()) return;
        if ((number == 2 || number == 3) && in_.kind() == CborKind::bytes) {
            const std::size_t from = in_.consumed();
            const Bytes octets = in_.bytes();
            if (!in_.ok()) return;
            if (octets.size() <= bignum_octets_max) {
                out_ +=
                    number == 2 ? decimal_of(to_octets(octets)) : negative_of(to_octets(octets));
                return;
            }
            const bool chunked = std::to_integer<unsigned>(items_[from] & std::byte{0x1f}) == 31;
            out_ += decimal(number) + (chunked ? "(_ " : "(");
            put_string(octets, false);
            out_ += ')';
            return;
        }
        out_ += decimal(number) + "(";
        item(depth + 1);
        out_ += ')';
    }

    void between(bool first, bool broken, std::size_t depth) {
        if (!first) out_ += broken ? "," : ", ";
        if (broken) out_ += "\n" + std::string(2 * depth, ' ');
    }
    void close(char bracket, bool broken, std::size_t depth) {
        if (broken) out_ += "\n" + std::string(2 * depth, ' ');
        out_ += bracket;
    }

    Bytes items_;
    CborReader in_;
    bool indent_;
    std::string out_;
};

}  // namespace

Result<std::string> cbor_diagnostic(Bytes items, CborLayout layout) {
    return Diagnostic(items, layout).run();
}

}  // namespace causeway
