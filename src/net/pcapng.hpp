#pragma once
// Writes captures in pcapng (IETF draft-ietf-opsawg-pcapng): section header, interface description
// and enhanced packet blocks, to a file, a pipe that Wireshark reads live, or a stream.
//
// Nothing goes in but what the caller says: no wall clock, no host name, little-endian on every
// machine. So the capture of a simulation is the same to the octet in every run. Of an IEEE
// 802.15.4 frame the caller says by the interface's link type whether the FCS is there.
#include "base/bytes.hpp"
#include "net/link_type.hpp"
#include "net/trouble.hpp"

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace causeway::net {

class PcapngWriter {
public:
    enum class Interface : std::uint32_t {};
    enum class Direction : std::uint8_t { unknown, inbound, outbound };

    struct Options {
        /// Each packet is on its way before write() returns: for a reader who watches. A pipe is
        /// always written so.
        bool flush_each = false;
        /// A reader slower than the packets slows the caller down. Else packets are dropped and
        /// counted: for a program that serves others meanwhile.
        bool wait_for_reader = true;
    };

    struct Stats {
        std::uint64_t packets = 0;
        std::uint64_t written = 0;
        std::uint64_t dropped = 0;  // the reader was too slow
        std::uint64_t lost = 0;     // after the trouble

        template <class Named>
        void visit(Named&& named) const {
            named("packets", packets);
            named("written", written);
            named("dropped", dropped);
            named("lost", lost);
        }
        [[nodiscard]] bool balanced() const noexcept { return packets == written + dropped + lost; }
    };

    /// Makes the file, or empties it. "-" is standard output. For a named pipe this returns when
    /// somebody reads it.
    [[nodiscard]] static Opened<PcapngWriter> create(const std::string& path, Options options);
    [[nodiscard]] static Opened<PcapngWriter> create(const std::string& path);
    /// Onto a stream that outlives this.
    explicit PcapngWriter(std::ostream& out);

    PcapngWriter(PcapngWriter&&) noexcept;
    PcapngWriter& operator=(PcapngWriter&&) noexcept;
    ~PcapngWriter();

    /// At any time, as often as wanted. The name is what Wireshark shows: a node's, say.
    Interface add_interface(LinkType type, std::string_view name);
    /// `ns` since 1970, or since whatever the caller's time starts with.
    void write(Interface on, std::uint64_t ns, Bytes packet,
               Direction direction = Direction::unknown, std::string_view comment = {});
    void flush();

    /// The first thing that went wrong with the file, once. From then on packets are lost.
    [[nodiscard]] std::optional<Trouble> take_trouble();
    [[nodiscard]] const Stats& stats() const noexcept;

private:
    struct State;
    explicit PcapngWriter(std::unique_ptr<State> state) noexcept;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::net
