// Telnet with the com port option: however a stream is cut, the same comes of it; what is encoded
// comes back; and commands survive being written and read again.
#include "base/repr.hpp"
#include "scada/tunnel/telnet.hpp"

using namespace causeway;
using namespace causeway::scada::tunnel;

namespace {

struct Carried {
    Octets octets;
    std::vector<ComPortMessage> messages;
    std::vector<std::size_t> places;  // of the messages, between the octets
    Octets reply;
    friend bool operator==(const Carried&, const Carried&) = default;
};

Carried carry(Telnet::Role role, Bytes stream, std::size_t step) {
    Telnet telnet(role);
    [[maybe_unused]] const Octets hello = telnet.hello();
    Carried all;
    for (std::size_t at = 0; at < stream.size(); at += step) {
        const auto items =
            telnet.feed(stream.subspan(at, std::min(step, stream.size() - at)), all.reply);
        for (const TelnetItem& item : items) {
            if (const auto* octets = std::get_if<Bytes>(&item)) {
                CAUSEWAY_ASSERT(!octets->empty());
                all.octets.insert(all.octets.end(), octets->begin(), octets->end());
            } else {
                all.messages.push_back(std::get<ComPortMessage>(item));
                all.places.push_back(all.octets.size());
            }
        }
    }
    CAUSEWAY_ASSERT(telnet.stats().balanced());
    CAUSEWAY_ASSERT(telnet.stats().commands == all.messages.size());
    return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const Bytes stream = std::as_bytes(std::span(data + 1, size - 1));
    const auto role = (data[0] & 1) != 0 ? Telnet::Role::server : Telnet::Role::client;
    const Carried whole = carry(role, stream, stream.size());
    CAUSEWAY_ASSERT(whole == carry(role, stream, 1u + data[0] / 2u % 16u));

    for (const ComPortMessage& message : whole.messages) {
        const auto back = parse_as<ComPortMessage>(emitted(message));
        CAUSEWAY_ASSERT(back && *back == message);
        Octets wire;
        Telnet::encode(message, wire);
        const Carried again = carry(role, wire, 3);
        CAUSEWAY_ASSERT(again.octets.empty() && again.messages == std::vector{message});
    }
    Telnet sender(role);
    Octets reply;
    if ((data[0] & 64) != 0) {
        const std::array refused{std::byte{255}, std::byte{254}, std::byte{0}};
        [[maybe_unused]] const auto none = sender.feed(refused, reply);
    }
    Octets wire;
    sender.encode(stream, wire);
    std::size_t cost = 0;
    for (const std::byte octet : stream) cost += sender.encoded_octets(octet);
    CAUSEWAY_ASSERT(cost == wire.size());
    if ((data[0] & 64) == 0) CAUSEWAY_ASSERT(same(carry(role, wire, 5).octets, stream));
    return 0;
}
