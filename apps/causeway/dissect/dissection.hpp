#pragma once
// A frame or packet taken apart, layer by layer, for people and programs. What the rooms of src/
// parse is told here in words; nothing is parsed twice.
//
// Knows what has to be known across frames: fragments to be put together, and the 6LoWPAN contexts
// that router advertisements announce. Left out: opening secured frames, IPv4, TCP.
#include "base/bytes.hpp"
#include "base/time.hpp"
#include "ip/address.hpp"
#include "lowpan/reassembly.hpp"
#include "scada/dnp3/link.hpp"
#include "scada/dnp3/transport.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace causeway::dissect {

/// A line, and what hangs below it.
struct Field {
    std::string name;
    std::string value;
    std::vector<Field> fields;

    Field& add(std::string_view field, std::string said = {});
    /// Two digits an octet; nothing for no octets.
    Field& add_hex(std::string_view field, Bytes octets);
};

struct Layer : Field {
    explicit Layer(std::string_view layer) { name = layer; }
};

/// What is wrong, and where: the offset counts from the layer's first octet.
struct Flaw {
    std::string layer;
    WireError error;

    /// Else it may be sound, but goes beyond what is known here.
    [[nodiscard]] bool malformed() const noexcept { return error.fault != Fault::unsupported; }
};

struct Dissection {
    std::vector<Layer> layers;
    std::vector<Flaw> flaws;
    // The last layer that has a say in it has the last word.
    std::string source;
    std::string target;
    std::string protocol;
    std::string info;

    void says(std::string_view what, std::string said) {
        protocol = what;
        info = std::move(said);
    }
    void wrong(std::string_view layer, WireError error, std::size_t further = 0) {
        error.offset += static_cast<std::uint32_t>(further);
        flaws.push_back({std::string(layer), error});
    }
};

enum class Link : std::uint8_t { ieee802154, ieee802154_no_fcs, ip, dnp3 };

/// What octets that nobody says anything about most likely are.
[[nodiscard]] Link guess(Bytes octets);

class Dissector {
public:
    explicit Dissector(lowpan::Contexts contexts);

    /// `at` never goes back.
    [[nodiscard]] Dissection dissect(Instant at, Link link, Bytes octets);

private:
    void take_mac(Bytes frame, Dissection& out);
    void take_lowpan(const lowpan::LinkEnds& ends, Bytes octets, Dissection& out);
    void take_fragment(const lowpan::LinkEnds& ends, Bytes octets, Layer layer, Dissection& out);
    void take_whole(const lowpan::LinkEnds& ends, Bytes octets, Layer layer, Dissection& out);
    void take_ipv6(Bytes packet, Dissection& out, unsigned depth = 0);

    struct Envelope {
        ip::Address source;
        ip::Address target;  // the final one
        std::uint8_t hop_limit = 0;
    };
    void take_icmpv6(const Envelope& envelope, Bytes message, Dissection& out);
    void take_udp(const Envelope& envelope, Bytes datagram, Dissection& out);

    void take_dnp3(Bytes octets, Dissection& out);
    void take_dnp3_frame(const scada::dnp3::Frame& frame, Dissection& out);

    void learn_contexts(Bytes advertisement);

    lowpan::Contexts contexts_;
    lowpan::Reassembly reassembly_;
    /// By source and destination: fragments that are not whole yet.
    static constexpr std::size_t dnp3_fragments_max = 256;
    std::map<std::pair<std::uint16_t, std::uint16_t>, scada::dnp3::FragmentAssembly>
        dnp3_fragments_;
    Instant now_{};
};

/// One line for the frame, without its number and time.
[[nodiscard]] std::string summary(const Dissection& dissection, std::size_t octets);
/// The layers, indented, a line each, and what is wrong.
[[nodiscard]] std::string details(const Dissection& dissection);

}  // namespace causeway::dissect
