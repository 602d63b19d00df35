#pragma once
#include "base/assert.hpp"
#include "base/result.hpp"

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace causeway {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;
/// Octets that somebody owns.
using Octets = std::vector<std::byte>;

/// The octets of a text, borrowed.
[[nodiscard]] inline Bytes as_octets(std::string_view text) noexcept {
    return std::as_bytes(std::span(text));
}
/// Octets seen as a text, borrowed; nothing is checked.
[[nodiscard]] inline std::string_view as_text(Bytes octets) noexcept {
    return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}
[[nodiscard]] inline Octets to_octets(Bytes from) {
    return {from.begin(), from.end()};
}
/// Equality of contents; spans have none of their own.
[[nodiscard]] inline bool same(Bytes a, Bytes b) noexcept {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

/// Reads fields from borrowed octets. The first failure sticks: later reads give zeros and
/// empty spans, so a parser reads straight down the page and asks ok() once, at the end.
class ByteReader {
public:
    explicit ByteReader(Bytes in) noexcept
        : begin_(in.data()), next_(in.data()), end_(in.data() + in.size()) {}

    std::uint8_t u8() noexcept { return read<std::uint8_t, std::endian::big>(); }
    std::uint16_t be16() noexcept { return read<std::uint16_t, std::endian::big>(); }
    std::uint32_t be24() noexcept;
    std::uint32_t be32() noexcept { return read<std::uint32_t, std::endian::big>(); }
    std::uint64_t be64() noexcept { return read<std::uint64_t, std::endian::big>(); }
    std::uint16_t le16() noexcept { return read<std::uint16_t, std::endian::little>(); }
    std::uint32_t le32() noexcept { return read<std::uint32_t, std::endian::little>(); }
    std::uint64_t le64() noexcept { return read<std::uint64_t, std::endian::little>(); }
    Bytes take(std::size_t n) noexcept;  // borrowed, never copied
    Bytes rest() noexcept { return take(remaining()); }
    /// The next octet without taking it; zero where none is left, and no failure.
    [[nodiscard]] std::uint8_t peek() const noexcept {
        return more() ? std::to_integer<std::uint8_t>(*next_) : std::uint8_t{0};
    }
    /// Fills `out` exactly, or fails and leaves it as it was.
    void read_into(MutableBytes out) noexcept;

    void fail(Fault why) noexcept;
    [[nodiscard]] bool ok() const noexcept { return fault_ == Fault::none; }
    [[nodiscard]] bool more() const noexcept { return next_ != end_; }  // false once failed
    [[nodiscard]] std::size_t remaining() const noexcept { return std::size_t(end_ - next_); }
    [[nodiscard]] std::size_t consumed() const noexcept { return std::size_t(next_ - begin_); }
    [[nodiscard]] WireError error() const noexcept;

private:
    template <std::unsigned_integral U, std::endian Order>
    U read() noexcept;

    const std::byte* begin_;
    const std::byte* next_;
    const std::byte* end_;
    Fault fault_ = Fault::none;
};

/// Writes fields into a buffer the caller sized with wire_size(). Overrunning it is our bug,
/// never the peer's doing, so it asserts.
class ByteWriter {
public:
    explicit ByteWriter(MutableBytes out) noexcept : out_(out) {}

    void u8(std::uint8_t v) { write<std::uint8_t, std::endian::big>(v); }
    void be16(std::uint16_t v) { write<std::uint16_t, std::endian::big>(v); }
    void be24(std::uint32_t v);
    void be32(std::uint32_t v) { write<std::uint32_t, std::endian::big>(v); }
    void be64(std::uint64_t v) { write<std::uint64_t, std::endian::big>(v); }
    void le16(std::uint16_t v) { write<std::uint16_t, std::endian::little>(v); }
    void le32(std::uint32_t v) { write<std::uint32_t, std::endian::little>(v); }
    void le64(std::uint64_t v) { write<std::uint64_t, std::endian::little>(v); }
    void put(Bytes v);
    void zeros(std::size_t n);
    void patch_u8(std::size_t at, std::uint8_t v);
    void patch_be16(std::size_t at, std::uint16_t v);  // a length or checksum left open earlier
    [[nodiscard]] std::size_t written() const noexcept { return done_; }
    [[nodiscard]] std::size_t room() const noexcept { return out_.size() - done_; }

private:
    template <std::unsigned_integral U, std::endian Order>
    void write(U v);

    MutableBytes out_;
    std::size_t done_ = 0;
};

// ---- inline parts ------------------------------------------------------------------------------

inline void ByteReader::fail(Fault why) noexcept {
    if (!ok()) return;
    fault_ = why;
    end_ = next_;
}

inline WireError ByteReader::error() const noexcept {
    return {fault_, static_cast<std::uint32_t>(next_ - begin_)};
}

inline Bytes ByteReader::take(std::size_t n) noexcept {
    if (n <= remaining()) return Bytes(std::exchange(next_, next_ + n), n);
    fail(Fault::truncated);
    return {};
}

inline std::uint32_t ByteReader::be24() noexcept {
    if (remaining() < 3) return fail(Fault::truncated), 0u;
    const std::uint32_t high = u8();
    return high << 16 | be16();
}

inline void ByteReader::read_into(MutableBytes out) noexcept {
    const Bytes from = take(out.size());
    if (!from.empty()) std::memcpy(out.data(), from.data(), from.size());
}

template <std::unsigned_integral U, std::endian Order>
U ByteReader::read() noexcept {
    if (sizeof(U) > remaining()) return fail(Fault::truncated), U{0};
    U value;
    std::memcpy(&value, std::exchange(next_, next_ + sizeof(U)), sizeof(U));
    return Order == std::endian::native ? value : std::byteswap(value);
}

template <std::unsigned_integral U, std::endian Order>
void ByteWriter::write(U v) {
    CAUSEWAY_ASSERT(sizeof(U) <= room());
    if constexpr (Order != std::endian::native) v = std::byteswap(v);
    std::memcpy(&out_[done_], &v, sizeof(U));
    done_ += sizeof(U);
}

inline void ByteWriter::put(Bytes v) {
    CAUSEWAY_ASSERT(v.size() <= room());
    if (!v.empty()) std::memcpy(&out_[done_], v.data(), v.size());
    done_ += v.size();
}

}  // namespace causeway
