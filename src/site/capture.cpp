#include "site/capture.hpp"

#include "link/ieee802154/fcs.hpp"

namespace causeway::site {

net::Opened<Capture> Capture::create(const std::string& path, bool live, std::uint64_t epoch_ns) {
    auto writer = net::PcapngWriter::create(path, {.flush_each = live, .wait_for_reader = !live});
    if (!writer) return std::unexpected(writer.error());
    return Capture(*std::move(writer), epoch_ns);
}

Capture::Capture(net::PcapngWriter writer, std::uint64_t epoch_ns)
    : writer_(std::move(writer)),
      epoch_ns_(epoch_ns),
      air_(writer_.add_interface(net::LinkType::ieee802154_with_fcs, "air")),
      host_(writer_.add_interface(net::LinkType::raw_ip, "host")) {}

void Capture::saw(const Happening& happening) noexcept {
    if (happening.what != "air.frame") return;
    frame_.assign(happening.octets.begin(), happening.octets.end());
    link::ieee802154::append_fcs(frame_);
    writer_.write(air_, stamp(happening.at), frame_);
}

void Capture::packet(Instant at, Bytes packet, bool from_host) {
    writer_.write(
        host_, stamp(at), packet,
        from_host ? net::PcapngWriter::Direction::inbound : net::PcapngWriter::Direction::outbound);
}

std::uint64_t Capture::stamp(Instant at) const noexcept {
    return epoch_ns_ + static_cast<std::uint64_t>(at.time_since_epoch().count());
}

}  // namespace causeway::site
