#pragma once
// Events that wait to be reported: for each class in the order in which they happened, bounded, in
// one slab, so that numbers cost no allocation of their own. [IEEE 1815 §4.1.6, §5.1.6]
//
// An event waits; a read selects it; it is written into a response; and when that is confirmed it
// goes. Without a confirmation it waits again. Responses have the oldest first, whatever its class.
#include "scada/dnp3/fragment.hpp"
#include "scada/dnp3/measurement.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace causeway::scada::dnp3 {

class EventBuffer {
public:
    explicit EventBuffer(std::array<std::size_t, 3> most);

    /// `variation` is the one it is told in where nobody asks for another. Where its class is full
    /// the oldest of it goes, and that is an overflow; false then.
    bool add(Measurement measurement, EventClass event_class, std::uint8_t variation);
    [[nodiscard]] bool takes(EventClass event_class) const noexcept;

    /// Up to `most` of what waits, the oldest first. By class, in their own variations; or by type
    /// and in one, where it is not 0.
    void select(Classes classes, std::size_t most);
    void select(PointType type, std::uint8_t variation, std::size_t most);
    /// Selected ones into the fragment, as many as fit. True when none is left.
    bool write_selected(FragmentWriter& out);
    /// Of those that wait, as many as fit: an unsolicited response. Which classes are among them.
    Classes write(Classes classes, FragmentWriter& out);
    /// Whether an event has been written since the last confirm() or put_back().
    [[nodiscard]] bool any_written() const noexcept { return !written_.empty(); }

    /// What was written is gone; how many that were.
    std::size_t confirm();
    /// Nobody confirmed: all of them wait again.
    void put_back();

    /// Neither written nor thrown away, selected ones among them.
    [[nodiscard]] std::size_t waiting(Classes classes) const noexcept;
    [[nodiscard]] std::size_t size() const noexcept;  // written ones, too
    [[nodiscard]] std::array<std::size_t, 3> sizes() const noexcept;
    /// Whether any class has no room for one more.
    [[nodiscard]] bool full() const noexcept;

private:
    enum class Stage : std::uint8_t { free, waiting, selected, written };
    static constexpr std::uint32_t none = 0xffff'ffff;
    struct Event {
        Measurement measurement{};
        std::uint64_t order = 0;
        std::uint32_t before = none;
        std::uint32_t after = none;
        Stage stage = Stage::free;
        std::uint8_t list = 0;
        std::uint8_t variation = 0;
        std::uint8_t asked = 0;  // variation, while it is selected
    };
    struct List {
        std::uint32_t first = none;
        std::uint32_t last = none;
        std::size_t size = 0;
        std::size_t written = 0;
        std::size_t most = 0;
    };
    struct Written {
        std::uint32_t slot;
        std::uint64_t order;
    };
    /// Events of several classes in the order in which they happened.
    class Walk;

    void remove(std::uint32_t slot);
    template <class Wanted>
    bool write_those(FragmentWriter& out, Walk& walk, Wanted&& wanted);

    std::array<List, 3> lists_;
    std::vector<Event> slab_;
    std::uint32_t free_ = none;  // linked by `after`
    std::uint64_t order_ = 0;
    bool selected_ = false;
    std::array<std::uint32_t, 3> go_on_{none, none, none};  // selected ones: none before these
    std::vector<Written> written_;
    std::vector<Measurement> run_;
    std::vector<std::uint32_t> slots_;
};

}  // namespace causeway::scada::dnp3
