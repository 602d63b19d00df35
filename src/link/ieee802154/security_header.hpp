#pragma once
// The auxiliary security header: which key, which level, which frame counter. What it says is kept;
// nothing is decrypted or checked here. [IEEE 802.15.4-2015 §9.4]
#include "base/repr.hpp"

#include <cstdint>
#include <optional>

namespace causeway::link::ieee802154 {

/// [IEEE 802.15.4-2015 §9.4.2.3]
enum class KeyIdMode : std::uint8_t { implicit = 0, index = 1, source_4 = 2, source_8 = 3 };

struct AuxiliarySecurity {
    std::uint8_t level = 0;  // 0 to 7: bit 2 encrypts, bits 0 and 1 choose the MIC's length
    KeyIdMode key_id_mode = KeyIdMode::implicit;
    bool asn_in_nonce = false;                        // 2015 only
    std::optional<std::uint32_t> frame_counter = 0u;  // nullopt: suppressed, 2015 only
    std::uint64_t key_source = 0;                     // as wide as the mode says
    std::uint8_t key_index = 0;

    [[nodiscard]] bool encrypts() const noexcept { return (level & 4) != 0; }
    /// Octets of message integrity code at the end of the frame. [IEEE 802.15.4-2015 Table 9-6]
    [[nodiscard]] std::size_t mic_octets() const noexcept {
        return (level & 3) == 0 ? 0 : std::size_t{2} << (level & 3);
    }

    static Result<AuxiliarySecurity> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept;
    void emit(ByteWriter& out) const;
    friend bool operator==(const AuxiliarySecurity&, const AuxiliarySecurity&) = default;
};

static_assert(Repr<AuxiliarySecurity>);

}  // namespace causeway::link::ieee802154
