#pragma once
// Fragments of the application layer: header, internal indications, object headers and what stands
// behind them. [IEEE 1815 §4.2.2, §4.2.2.7]
//
// Reading: FragmentView::parse() checks the header; objects() walks the object headers, each with
// the octets of its objects, whose length comes from the group's and variation's table. Writing:
// FragmentWriter, which says when a fragment is full.
#include "base/bytes.hpp"
#include "scada/dnp3/measurement.hpp"
#include "scada/dnp3/types.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace causeway::scada::dnp3 {

inline constexpr std::size_t fragment_octets_max = 2'048;  // what everybody has to take

/// [IEEE 1815 §4.2.2.4]
struct ApplicationControl {
    bool first = true;
    bool final = true;
    bool confirm = false;
    bool unsolicited = false;
    std::uint8_t sequence = 0;  // 0 to 15

    [[nodiscard]] constexpr std::uint8_t octet() const noexcept {
        return static_cast<std::uint8_t>((first ? 0x80 : 0) | (final ? 0x40 : 0) |
                                         (confirm ? 0x20 : 0) | (unsolicited ? 0x10 : 0) |
                                         (sequence & 0x0f));
    }
    [[nodiscard]] static constexpr ApplicationControl from_octet(std::uint8_t octet) noexcept {
        return {.first = (octet & 0x80) != 0,
                .final = (octet & 0x40) != 0,
                .confirm = (octet & 0x20) != 0,
                .unsolicited = (octet & 0x10) != 0,
                .sequence = static_cast<std::uint8_t>(octet & 0x0f)};
    }
    friend bool operator==(const ApplicationControl&, const ApplicationControl&) = default;
};

/// [IEEE 1815 §4.2.2.7.3]
enum class Qualifier : std::uint8_t {
    range8 = 0x00,
    range16 = 0x01,
    range32 = 0x02,
    all = 0x06,
    count8 = 0x07,
    count16 = 0x08,
    count32 = 0x09,
    count8_index8 = 0x17,
    count16_index16 = 0x28,
    count32_index32 = 0x39,
    free_format = 0x5b,
};

struct ObjectHeader {
    std::uint8_t group = 0;
    std::uint8_t variation = 0;
    Qualifier qualifier = Qualifier::all;
    std::uint32_t start = 0;  // of a range
    std::uint32_t count = 0;  // of objects; 0 for `all`
    /// What follows the header: packed bits, or objects one after the other, each with its index
    /// before it where the qualifier says so. In requests that only name objects: the indexes alone
    /// where the qualifier has them, else nothing. In requests `count` is whatever the other side
    /// says, up to 2^32 - 1: bound what you do with it.
    Bytes octets{};

    [[nodiscard]] bool is(std::uint8_t g, std::uint8_t v) const noexcept {
        return group == g && variation == v;
    }
    [[nodiscard]] bool has_range() const noexcept { return qualifier <= Qualifier::range32; }
    /// Any width of index with any width of count, though only the three above are ever sent.
    [[nodiscard]] bool has_index() const noexcept { return index_octets() != 0; }
    /// Octets of the index before each object: 0, 1, 2 or 4.
    [[nodiscard]] std::size_t index_octets() const noexcept {
        const unsigned code = std::to_underlying(qualifier) >> 4;
        return code == 1 || code == 2 ? code : code == 3 ? 4 : 0;
    }
    /// In requests that only name objects: the index of object `n`; nothing beyond the last.
    [[nodiscard]] std::optional<std::uint32_t> named_index(std::uint32_t n) const noexcept;
};

struct FragmentView {
    ApplicationControl control;
    Function function = Function::confirm;
    std::uint8_t function_code = 0;  // `function`, or one that we do not know
    Iins iin{};                      // of responses
    Bytes objects{};

    [[nodiscard]] static Result<FragmentView> parse(Bytes fragment) noexcept;
    [[nodiscard]] bool is_response() const noexcept {
        return function == Function::response || function == Function::unsolicited_response;
    }
};

/// Walks object headers. In a request whose function only names objects (read, assign class,
/// freeze, enable ...) nothing but indexes follows a header; in writes, commands and responses
/// objects do; a freeze at a time has the time (g50) as an object and only names the rest.
class ObjectReader {
public:
    enum class Carry : std::uint8_t { headers_only, objects, times };
    ObjectReader(Bytes objects, Carry carry) noexcept;
    [[nodiscard]] static Carry carry_of(const FragmentView& fragment) noexcept;

    enum class Trouble : std::uint8_t {
        none,
        truncated,
        unknown_object,     // group or variation: its length is not known, nothing after it is read
        unknown_qualifier,  // or a range that runs backwards
    };
    /// The next header; none at the end, or at the first trouble.
    [[nodiscard]] std::optional<ObjectHeader> next();
    [[nodiscard]] Trouble trouble() const noexcept { return trouble_; }
    /// Octets that no header was made of so far; where there was trouble it began there.
    [[nodiscard]] std::size_t remaining() const noexcept { return rest_.size(); }

private:
    std::optional<ObjectHeader> give_up(Trouble trouble) noexcept;

    Bytes rest_;
    Carry carry_;
    Trouble trouble_ = Trouble::none;
};

/// Octets of one object; 0: packed bits (see bits_of), or not known.
[[nodiscard]] std::size_t octets_of(std::uint8_t group, std::uint8_t variation) noexcept;
/// 1 or 2 for packed objects, else 0.
[[nodiscard]] unsigned bits_of(std::uint8_t group, std::uint8_t variation) noexcept;
/// Whether group and variation are measured data: which type, and whether as events.
struct MeasuredGroup {
    PointType type;
    bool event;
};
[[nodiscard]] std::optional<MeasuredGroup> measured_group(std::uint8_t group) noexcept;
[[nodiscard]] std::uint8_t static_group(PointType type) noexcept;
[[nodiscard]] std::uint8_t event_group(PointType type) noexcept;

/// The measurements behind a header, one by one; none where the group is no measured one. Events
/// with relative time (g2v3, g4v3) need the common time of occurrence (g51) before them, else they
/// have no time. Indexes beyond 65,535 are passed over.
class MeasurementReader {
public:
    MeasurementReader(const ObjectHeader& header, std::optional<Timestamp> common_time);
    /// False at the end.
    [[nodiscard]] bool next(Measurement& measurement);

private:
    ObjectHeader header_;
    std::optional<Timestamp> common_time_;
    std::uint32_t done_ = 0;
    std::size_t at_ = 0;
};
/// g51v1 (synchronised), g51v2; g50v1 and others alike: the first object as a time. g52: a delay,
/// in milliseconds whichever the variation.
[[nodiscard]] std::optional<std::uint64_t> time_of(const ObjectHeader& header) noexcept;
/// g51: what it says of the events after it.
[[nodiscard]] std::optional<Timestamp> common_time_of(const ObjectHeader& header) noexcept;
/// The commands behind g12v1 or g41; empty where it is neither, or where they have no indexes.
[[nodiscard]] std::vector<Control> controls_of(const ObjectHeader& header);

struct Layout;

/// Writes one fragment, up to a limit.
class FragmentWriter {
public:
    explicit FragmentWriter(std::size_t octets_max = fragment_octets_max);

    /// Begins anew.
    void request(ApplicationControl control, Function function);
    void response(ApplicationControl control, Function function, Iins iin);

    // Each is false, and has written nothing, where it does not fit any more.
    bool header_all(std::uint8_t group, std::uint8_t variation);
    bool header_range(std::uint8_t group, std::uint8_t variation, std::uint32_t start,
                      std::uint32_t stop);
    bool header_count(std::uint8_t group, std::uint8_t variation, std::uint32_t count);
    /// Static data, of one type and variation, with indexes in a row where they are so: as ranges.
    /// How many were written. Packed variations keep the values alone: whoever has flags to tell
    /// chooses another one. The variation of octet strings is their length, whatever is said here.
    std::size_t statics(std::uint8_t variation, std::span<const Measurement> measurements);
    /// Events of one type and variation, with index prefixes; where they are of the kind of those
    /// written last they go on behind the same header. For relative times a g51 is written before,
    /// and again when an event is too far from it. How many were written.
    std::size_t events(std::uint8_t variation, std::span<const Measurement> measurements);
    /// g12v1 or g41vN, all of one kind, with index prefixes.
    bool controls(std::span<const Control> controls);
    /// g50v1, v3, g51: a time; g52v1 (seconds), v2 (milliseconds): a delay.
    bool time(std::uint8_t group, std::uint8_t variation, std::uint64_t value);
    /// g80v1: one internal indication, as a WRITE clears it.
    bool indication(std::uint8_t index, bool value);
    /// Anything else.
    bool raw(Bytes octets);

    [[nodiscard]] Bytes fragment() const noexcept { return octets_; }
    [[nodiscard]] Octets take() noexcept { return std::move(octets_); }
    [[nodiscard]] std::size_t room() const noexcept { return most_ - octets_.size(); }
    /// The response is ready but for these.
    void set_control(ApplicationControl control);
    void set_iin(Iins iin);
    [[nodiscard]] bool has_objects() const noexcept;
    /// Index prefixes (and their counts) of 16 bits even where 8 would do, for peers that know no
    /// others.
    void always_wide(bool wide) noexcept { wide_ = wide; }

private:
    /// A header that more events may follow.
    struct Open {
        std::uint8_t group = 0;  // 0: none
        std::uint8_t variation = 0;
        bool wide = false;
        std::uint16_t count = 0;
        std::size_t count_at = 0;
        Timestamp base{};
    };
    void begin(ApplicationControl control, Function function);
    MutableBytes grow(std::size_t octets);
    bool header(std::uint8_t group, std::uint8_t variation, Qualifier qualifier,
                std::span<const std::uint32_t> numbers);
    std::size_t run(const Layout& layout, std::span<const Measurement> measurements);
    bool make_way(const Layout& layout, const Measurement& measurement, bool wide);

    Octets octets_;
    std::size_t most_;
    bool response_ = false;
    bool wide_ = false;
    Open open_{};
};

// ---- between the application layer and what is below it -----------------------------------------

/// A whole fragment, put together from segments. `octets` are borrowed for the call.
struct FragmentReceived {
    Address source = 0;
    Address destination = 0;  // ours, or a broadcast address
    Bytes octets;
};
struct SendFragment {
    Address destination = 0;
    Octets octets;
};
/// The way to the other side is there (a connection, an open port), or no more.
struct ChannelUp {};
struct ChannelDown {};

}  // namespace causeway::scada::dnp3
