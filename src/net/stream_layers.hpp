#pragma once
// What lies between a socket and an engine's octets where that is more than nothing: the PROXY
// header, TLS, WebSocket, in this order. Feeds what was read upwards, and turns what is to be
// written into the octets of the wire. No socket in here. For this room's .cpp files.
#include "base/bytes.hpp"
#include "net/connector.hpp"
#include "net/out_queue.hpp"
#include "net/stream_host.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace causeway::net {

class TlsSession;
class WebSocket;

class StreamLayers {
public:
    class Above {
    public:
        virtual ~Above() = default;
        virtual void opened(StreamFacts&& facts) = 0;
        virtual void octets(Bytes octets) = 0;
    };
    enum class Step {
        going,
        ended,   // the peer said goodbye in an orderly way
        failed,  // trouble() says why; wire() may have a last word for the peer
    };
    struct Parts {
        bool proxy = false;
        std::unique_ptr<TlsSession> tls;
        std::unique_ptr<WebSocket> websocket;
        std::unique_ptr<ConnectPlan> plan;  // the client's side, until it is connected
    };

    StreamLayers(StreamFacts facts, Parts parts);
    StreamLayers(const StreamLayers&) = delete;
    StreamLayers& operator=(const StreamLayers&) = delete;
    ~StreamLayers();

    /// A client speaks first; where there is nothing to say, this opens.
    Step start(Above& above, MutableBytes scratch);
    /// `raw` is changed in place. `scratch` is for what TLS uncovers.
    Step feed(MutableBytes raw, MutableBytes scratch, Above& above);
    /// Moves from `queue` what fits the bound of what is ready for the wire.
    void encode(OutQueue& queue, MutableBytes scratch);
    /// After the last octet: tells the peer's TLS and WebSocket that this is the end.
    void goodbye();

    [[nodiscard]] Bytes wire() const noexcept { return Bytes(wire_).subspan(sent_); }
    /// So much of wire() has left; how many of the engine's octets are through with it.
    [[nodiscard]] std::size_t wrote(std::size_t octets);

    [[nodiscard]] bool open() const noexcept { return open_; }
    /// Nothing is left between the socket and the engine.
    [[nodiscard]] bool transparent() const noexcept { return open_ && !tls_ && !websocket_; }
    /// Pieces in the queue are messages, to be pushed apart.
    [[nodiscard]] bool whole_messages() const noexcept;
    [[nodiscard]] const Trouble& trouble() const noexcept { return trouble_; }
    /// Says whom we wanted to connect to, where it was us.
    [[nodiscard]] Trouble about(Trouble trouble) const;
    [[nodiscard]] const StreamFacts& facts() const noexcept { return facts_; }
    [[nodiscard]] ConnectPlan* plan() noexcept { return plan_.get(); }

private:
    Step fail(std::string why);
    Step take_proxy(MutableBytes& raw);
    Step shake_hands(MutableBytes scratch, Above& above);
    Step pull(MutableBytes scratch, Above& above);
    Step above_tls(MutableBytes plain, Above& above);
    void open_now(Above& above);

    StreamFacts facts_;
    std::unique_ptr<TlsSession> tls_;
    std::unique_ptr<WebSocket> websocket_;
    std::unique_ptr<ConnectPlan> plan_;
    Trouble trouble_;
    std::unique_ptr<Octets> proxy_;  // what there is of the header; none: not waited for
    Octets wire_;
    std::size_t sent_ = 0;
    std::size_t credit_ = 0;        // the engine's octets within wire_
    std::size_t message_left_ = 0;  // octets of the message on its way that are still in the queue
    bool open_ = false;
    bool failed_ = false;
};

}  // namespace causeway::net
