#pragma once
// The opening handshake of a WebSocket [RFC 6455 §4], either side: HTTP text in, HTTP text out.
// For websocket.cpp.
#include "base/bytes.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace causeway::net {

class WebSocketOpening {
public:
    enum class Verdict { more, done, failed };
    static constexpr std::size_t header_octets_max = 8 << 10;

    /// `path`: where it is asked for; empty: anywhere.
    [[nodiscard]] static std::unique_ptr<WebSocketOpening> server(std::string subprotocol,
                                                                  std::string path = {});
    [[nodiscard]] static std::unique_ptr<WebSocketOpening> client(std::string host,
                                                                  std::string path,
                                                                  std::string subprotocol);
    /// A client's request.
    void ask(Octets& wire);
    /// Looks at what has come; takes no more than the header's octets of it, and says how many.
    /// A server appends its answer to `wire`, a refusal too.
    Verdict take(Bytes raw, std::size_t& used, Octets& wire);
    [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

private:
    WebSocketOpening() = default;
    Verdict answer(Octets& wire);
    Verdict check();
    Verdict refuse(Octets& wire, std::string_view status, std::string why);

    bool client_ = false;
    bool asked_ = false;
    std::string host_;
    std::string path_;
    std::string subprotocol_;
    std::string key_;
    std::string header_;
    std::string failure_;
};

/// What Sec-WebSocket-Accept has to say to a key [RFC 6455 §4.2.2].
[[nodiscard]] std::string websocket_accept(std::string_view key);

}  // namespace causeway::net
