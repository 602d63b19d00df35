#pragma once
// TLS without a socket: contexts made of files, and sessions that turn octets of the wire into
// octets of the engine and back. TLS 1.2 and 1.3, certificates and pre-shared keys.
// For this room's .cpp files.
#include "base/bytes.hpp"
#include "net/stream_host.hpp"

#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct ssl_ctx_st;
struct ssl_st;

namespace causeway::net {

using TlsContext = std::shared_ptr<ssl_ctx_st>;

/// Clients that ask for `alpn` are told that they have it, and others are served as well; the
/// settings may want it otherwise.
[[nodiscard]] std::expected<TlsContext, Trouble> server_context(const TlsServer& settings,
                                                                std::string_view alpn);
[[nodiscard]] std::expected<TlsContext, Trouble> client_context(const TlsClient& settings);

class TlsSession {
public:
    enum class Step {
        going,   // wants more from the peer
        shaken,  // hands
        ended,   // the peer said goodbye
        failed,  // failure() says why
    };

    [[nodiscard]] static std::unique_ptr<TlsSession> server(const TlsContext& context);
    /// `host` is for the name's check and SNI where `settings` names none.
    [[nodiscard]] static std::expected<std::unique_ptr<TlsSession>, Trouble> client(
        const TlsContext& context, const TlsClient& settings, const std::string& host);
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;
    ~TlsSession();

    /// What follows reads from `cipher`, which is to stay until it is used up, and appends to
    /// `wire` what the peer has to be sent.
    void begin(Bytes cipher, Octets& wire) noexcept;

    [[nodiscard]] Step shake_hands();
    /// The octets read; or none, and `step` says why.
    [[nodiscard]] std::size_t read(MutableBytes into, Step& step);
    /// At most record_octets_max; false: the session is broken.
    [[nodiscard]] bool write(Bytes plain);
    void goodbye();

    [[nodiscard]] const std::string& failure() const noexcept { return failure_; }
    /// Of a verified certificate of the peer.
    [[nodiscard]] std::optional<std::string> certificate_name() const;
    /// The protocol that was settled on; empty: none.
    [[nodiscard]] std::string alpn() const;
    /// Of the key that was used.
    [[nodiscard]] std::optional<std::string> psk_identity() const;

    static constexpr std::size_t record_octets_max = 16 << 10;

private:
    friend struct TlsCallbacks;
    friend struct TlsBio;
    explicit TlsSession(TlsContext context);
    Step failed(int result);

    TlsContext context_;
    ssl_st* ssl_;
    Bytes cipher_;
    Octets* wire_ = nullptr;
    std::string psk_identity_;  // a client's; or a server's that was offered
    Octets psk_;                // a client's
    std::string failure_;
    bool alpn_required_ = false;  // a client's
    bool broken_ = false;
    bool shaken_ = false;
};

}  // namespace causeway::net
