#pragma once
// A capture of a running site: every frame on the air with its FCS, and every packet between the
// border router and the host, as two interfaces of one pcapng file.
#include "base/tap.hpp"
#include "net/pcapng.hpp"

#include <string>

namespace causeway::site {

class Capture final : public Tap {
public:
    /// `path` as PcapngWriter::create() takes it. With `live`, each packet is out at once.
    /// `epoch_ns` is the wall time of instant zero; a simulation starts at 1970.
    [[nodiscard]] static net::Opened<Capture> create(const std::string& path, bool live,
                                                     std::uint64_t epoch_ns = 0);

    /// Takes "air.frame"; every other happening passes by.
    void saw(const Happening& happening) noexcept override;
    /// A packet on the host's side of the border router.
    void packet(Instant at, Bytes packet, bool from_host);

    [[nodiscard]] std::optional<net::Trouble> take_trouble() { return writer_.take_trouble(); }
    void flush() { writer_.flush(); }

private:
    Capture(net::PcapngWriter writer, std::uint64_t epoch_ns);
    [[nodiscard]] std::uint64_t stamp(Instant at) const noexcept;

    net::PcapngWriter writer_;
    std::uint64_t epoch_ns_;
    net::PcapngWriter::Interface air_;
    net::PcapngWriter::Interface host_;
    Octets frame_;
};

/// Several listeners as one.
class Taps final : public Tap {
public:
    void add(Tap* tap) {
        if (tap != nullptr) taps_.push_back(tap);
    }
    void saw(const Happening& happening) noexcept override {
        for (Tap* tap : taps_) tap->saw(happening);
    }

private:
    std::vector<Tap*> taps_;
};

}  // namespace causeway::site
