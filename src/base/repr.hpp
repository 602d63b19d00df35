#pragma once
#include "base/bytes.hpp"

namespace causeway {

/// What every wire format offers. One generic test, one fuzzer and one bench run over all of them.
template <class T>
concept Repr =
    std::equality_comparable<T> && requires(const T& value, ByteReader& in, ByteWriter& out) {
        { T::parse(in) } -> std::same_as<Result<T>>;
        { value.wire_size() } -> std::same_as<std::size_t>;
        { value.emit(out) } -> std::same_as<void>;
    };

/// The whole of `octets` as one `T`. What the format leaves unread is the format's own business.
template <Repr T>
[[nodiscard]] Result<T> parse_as(Bytes octets) {
    ByteReader in(octets);
    return T::parse(in);
}

template <Repr T>
[[nodiscard]] Octets emitted(const T& value) {
    Octets octets(value.wire_size());
    ByteWriter out(octets);
    value.emit(out);
    CAUSEWAY_ASSERT(out.written() == octets.size());
    return octets;
}

}  // namespace causeway
