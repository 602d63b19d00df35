#pragma once
// The table of objects: what an object of a group and variation is made of, for those who read and
// those who write them. [IEEE 1815 §A]
//
// Left out: data sets (g85 to g88), files (g70) and most of authentication (g120), whose objects
// have no length of their own and go by size prefixes; obsolete g83, g90, g91, g100.
#include "scada/dnp3/measurement.hpp"

#include <cstddef>
#include <cstdint>

namespace causeway::scada::dnp3 {

enum class ValueForm : std::uint8_t {
    none,  // known by its length alone
    packed_bit,
    packed_pair,
    flag_bit,   // the state in bit 7 of the flags
    flag_pair,  // in bits 6 and 7
    u32,
    u16,
    i32,
    i16,
    f32,
    f64,
    text,  // as many octets as the variation says
};
enum class TimeForm : std::uint8_t { none, absolute, relative };

struct Layout {
    std::uint8_t group = 0;
    std::uint8_t variation = 0;
    std::uint8_t octets = 0;  // 0: packed bits
    ValueForm value = ValueForm::none;
    bool flags = false;  // an octet before the value; with flag_bit and flag_pair: it is the value
    TimeForm time = TimeForm::none;
};

/// Null where the group and variation are not in the table.
[[nodiscard]] const Layout* layout_of(std::uint8_t group, std::uint8_t variation) noexcept;

/// `object` has the layout's octets, not packed ones. `common` is for relative times.
void read_object(const Layout& layout, Bytes object, const std::optional<Timestamp>& common,
                 Measurement& into);
/// `base_ms` is for relative times. What does not fit the variation is clamped, and its flags
/// (where it has any) say so. [IEEE 1815 §11.6]
void write_object(const Layout& layout, const Measurement& measurement, std::uint64_t base_ms,
                  ByteWriter& out);

[[nodiscard]] std::uint64_t read_le48(ByteReader& in) noexcept;
void write_le48(std::uint64_t value, ByteWriter& out);

/// The integer nearest to `value`, within the bounds; NaN is 0. `exceeded` is set where it was not.
[[nodiscard]] std::int32_t clamped(double value, std::int32_t least, std::int32_t most,
                                   bool& exceeded) noexcept;
/// Numbers beyond a float's become its largest; infinities and NaN remain.
[[nodiscard]] float clamped_float(double value, bool& exceeded) noexcept;

}  // namespace causeway::scada::dnp3
