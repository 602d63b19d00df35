#include "link/ieee802154/address.hpp"

#include "base/hex.hpp"

namespace causeway::link::ieee802154 {

std::string Address::to_text() const {
    std::array<std::byte, 8> octets{};
    ByteWriter(octets).be64(value_);
    switch (mode_) {
        case Mode::none:
            return "-";
        case Mode::short_16:
            return "0x" + to_hex(Bytes(octets).subspan(6));
        case Mode::extended:
            return to_hex(octets, ":");
    }
    return "?";
}

}  // namespace causeway::link::ieee802154
