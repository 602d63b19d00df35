#pragma once
// CBOR [RFC 8949]: a reader, a writer and the diagnostic notation [RFC 8949 §8]. Sequences of items
// [RFC 8742] are read and written as they come: an item is whatever stands next.
//
// Reading takes every well-formed encoding, of definite and indefinite length [RFC 8949 §3.2];
// was_preferred() tells whether it was the preferred one [RFC 8949 §4.1], for who must insist.
// Writing is deterministic [RFC 8949 §4.2]: shortest arguments, shortest floats, definite lengths;
// write_map() sorts keys. Leaves out: the meaning of tags (bignums apart, in the notation), and a
// search for keys that are there twice.
#include "base/bytes.hpp"
#include "base/inplace_vector.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace causeway {

/// What stands next. `end`: nothing does, in the array or map that was entered last, or in the
/// octets; or the reader has failed.
enum class CborKind : std::uint8_t {
    end,
    uint,      // 0 .. 2^64-1
    negative,  // -2^64 .. -1
    bytes,
    text,
    array,
    map,
    tag,
    boolean,
    null,
    undefined,
    simple,
    floating,
};

/// Reads items from borrowed octets. The first failure sticks, as ByteReader's does: later reads
/// give zeros and empty spans, and ok() is asked once, at the end. What is not of the kind asked
/// for is Fault::bad_value.
class CborReader {
public:
    /// Arrays, maps and tags inside each other. More is Fault::unsupported.
    static constexpr std::size_t depth_max = 16;

    explicit CborReader(Bytes in) noexcept : begin_(in.data()), in_(in) {}

    [[nodiscard]] CborKind kind() const noexcept;
    /// Another item in the array or map entered last, or in the octets where none was.
    [[nodiscard]] bool more() const noexcept { return kind() != CborKind::end; }

    std::uint64_t uint();
    /// Any integer that fits.
    std::int64_t integer();
    /// n of the integer -1 - n.
    std::uint64_t negative();
    bool boolean();
    void null();
    void undefined();
    /// The number of a simple value, false, true, null and undefined among them.
    std::uint8_t simple();
    /// A float of any of the three sizes.
    double floating();
    std::uint64_t tag();
    /// Borrowed from the input; when it came in chunks, from the reader. [RFC 8949 §3.2.3]
    Bytes bytes();
    /// The same, and valid UTF-8. [RFC 8949 §3.1]
    std::string_view text();

    // Steps into an array or a map, whose items (keys and values in turn) are read next. The number
    // of items, pairs for a map; nullopt when only its end will tell (or after a failure).
    std::optional<std::uint64_t> enter_array();
    std::optional<std::uint64_t> enter_map();
    /// Steps out of what was entered last; items not read yet are skipped, and checked.
    void leave();
    /// Steps into an array of exactly `items`; otherwise fails with Fault::bad_length.
    void expect_array(std::uint64_t items);

    /// One whole item as it stands, well-formedness checked; borrowed from the input.
    Bytes item();
    void skip() { item(); }

    void fail(Fault why) noexcept { in_.fail(why); }
    [[nodiscard]] bool ok() const noexcept { return in_.ok(); }
    /// ok, nothing entered, nothing left.
    [[nodiscard]] bool done() const noexcept {
        return ok() && levels_.empty() && in_.remaining() == 0;
    }
    [[nodiscard]] WireError error() const noexcept { return in_.error(); }
    [[nodiscard]] std::size_t consumed() const noexcept { return in_.consumed(); }
    /// False once an argument or a float could have been shorter, or a length was indefinite.
    [[nodiscard]] bool was_preferred() const noexcept { return preferred_; }

private:
    struct Level {
        std::uint64_t left = 0;  // items, where that is known
        bool indefinite = false;
        bool is_map = false;
        bool odd = false;  // a key was read and its value was not
    };
    struct Head {
        std::uint8_t major = 0;
        std::uint8_t info = 0;
        std::uint64_t argument = 0;
    };

    [[nodiscard]] std::uint8_t peek() const noexcept { return in_.peek(); }
    Head head() noexcept;
    Head head_of(std::uint8_t major) noexcept;
    void count_item() noexcept;
    Bytes string(std::uint8_t major);
    std::optional<std::uint64_t> enter(std::uint8_t major);
    void walk(std::size_t depth);

    const std::byte* begin_;
    ByteReader in_;
    InplaceVector<Level, depth_max> levels_;
    std::vector<Octets> joined_;  // strings that came in chunks
    bool preferred_ = true;
};

/// Appends items to octets that somebody owns.
class CborWriter {
public:
    explicit CborWriter(Octets& out) noexcept : out_(out) {}

    CborWriter& uint(std::uint64_t value) { return head(0, value); }
    CborWriter& integer(std::int64_t value);
    /// The integer -1 - n.
    CborWriter& negative(std::uint64_t n) { return head(1, n); }
    CborWriter& bytes(Bytes value);
    CborWriter& text(std::string_view value);
    /// The head alone: `items` items follow.
    CborWriter& array(std::uint64_t items) { return head(4, items); }
    /// The head alone: `pairs` pairs follow, which the caller brings in the order of RFC 8949
    /// §4.2.1.
    CborWriter& map(std::uint64_t pairs) { return head(5, pairs); }
    CborWriter& tag(std::uint64_t number) { return head(6, number); }
    CborWriter& boolean(bool value) { return simple(value ? 21 : 20); }
    CborWriter& null() { return simple(22); }
    CborWriter& undefined() { return simple(23); }
    /// 24 to 31 do not exist. [RFC 8949 §3.3]
    CborWriter& simple(std::uint8_t number);
    /// In the shortest of the three sizes that keeps the value. [RFC 8949 §4.2.2]
    CborWriter& floating(double value);
    /// Items encoded already.
    CborWriter& raw(Bytes items);

private:
    CborWriter& head(std::uint8_t major, std::uint64_t argument);

    Octets& out_;
};

/// Octets that the head of an item with this argument takes.
[[nodiscard]] constexpr std::size_t cbor_head_octets(std::uint64_t argument) noexcept {
    return argument < 24              ? 1
           : argument <= 0xff         ? 2
           : argument <= 0xffff       ? 3
           : argument <= 0xffff'ffffu ? 5
                                      : 9;
}

/// Octets of the shortest float that keeps the value, without its head: 2, 4 or 8. [RFC 8949 §4.1]
[[nodiscard]] std::size_t cbor_float_octets(double value) noexcept;

/// One key and its value, encoded.
struct CborPair {
    Octets key;
    Octets value;
};
/// A map with its keys in the order of their octets. [RFC 8949 §4.2.1]
void write_map(CborWriter& out, std::vector<CborPair> pairs);

enum class CborLayout : bool {
    line,    // all in one line
    indent,  // arrays and maps of more than one item over several lines, two blanks a level
};

/// The items of a sequence in diagnostic notation, ", " (or a newline) between them; what was wrong
/// where that is so. At most 4 characters for an octet, besides indentation. [RFC 8949 §8]
[[nodiscard]] Result<std::string> cbor_diagnostic(Bytes items,
                                                  CborLayout layout = CborLayout::line);

}  // namespace causeway
