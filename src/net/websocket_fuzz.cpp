#include "base/assert.hpp"
#include "net/websocket.hpp"

using namespace causeway;
using net::WebSocket;

namespace {

constexpr std::string_view request =
    "GET /mqtt HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: mqtt\r\n\r\n";

struct Heard {
    Octets octets;
    std::size_t messages = 0;
    Octets wire;
    WebSocket::Phase phase;
    std::string failure;
};

constexpr std::size_t message_max = 300;

/// Fed in pieces of `step` octets.
Heard run(Bytes octets, std::size_t step, bool opened, bool whole_messages) {
    const auto socket =
        WebSocket::server("mqtt", {}, whole_messages ? std::optional(message_max) : std::nullopt);
    Heard heard;
    const auto feed = [&](Bytes part) {
        Octets copy = to_octets(part);
        socket->feed(copy);
        std::size_t pieces = 0;
        while (const auto piece = socket->next(heard.wire)) {
            CAUSEWAY_ASSERT(whole_messages ? piece->size() <= message_max : !piece->empty());
            CAUSEWAY_ASSERT(++pieces <= part.size());
            heard.octets.insert(heard.octets.end(), piece->begin(), piece->end());
            if (whole_messages) ++heard.messages;
        }
    };
    if (opened) feed(as_octets(request));
    for (std::size_t at = 0; at < octets.size(); at += step)
        feed(octets.subspan(at, std::min(step, octets.size() - at)));
    heard.phase = socket->phase();
    heard.failure = socket->failure();
    return heard;
}

}  // namespace

/// The first octet says whether the handshake is over and messages are whole; however the rest is
/// cut, the same is heard and said.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const Bytes octets = std::as_bytes(std::span(data, size));
    const bool opened = (data[0] & 1) != 0;
    const bool whole_messages = (data[0] & 2) != 0;
    const std::size_t step = 1u + data[0] / 4u;
    const Heard whole = run(octets.subspan(1), size, opened, whole_messages);
    const Heard cut = run(octets.subspan(1), step, opened, whole_messages);
    CAUSEWAY_ASSERT(whole.messages == cut.messages);
    CAUSEWAY_ASSERT(whole.octets == cut.octets && whole.wire == cut.wire);
    CAUSEWAY_ASSERT(whole.phase == cut.phase && whole.failure == cut.failure);
    CAUSEWAY_ASSERT(whole.octets.size() <= size);
    return 0;
}
