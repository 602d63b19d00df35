#include "base/bytes.hpp"

namespace causeway {

void ByteWriter::be24(std::uint32_t v) {
    u8(static_cast<std::uint8_t>(v >> 16));
    be16(static_cast<std::uint16_t>(v));
}

void ByteWriter::zeros(std::size_t n) {
    CAUSEWAY_ASSERT(n <= room());
    if (n != 0) std::memset(&out_[done_], 0, n);
    done_ += n;
}

void ByteWriter::patch_u8(std::size_t at, std::uint8_t v) {
    CAUSEWAY_ASSERT(at < done_);
    out_[at] = std::byte{v};
}

void ByteWriter::patch_be16(std::size_t at, std::uint16_t v) {
    CAUSEWAY_ASSERT(at + 2 <= done_);
    out_[at] = std::byte(v >> 8);
    out_[at + 1] = std::byte(v & 0xff);
}

}  // namespace causeway
