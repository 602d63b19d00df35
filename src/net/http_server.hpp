#pragma once
// A small HTTP/1.1 server [RFC 9112] for management: a request comes whole, a function answers it,
// and every bound has a number. Plain or TLS, TCP or a Unix socket.
//
// Leaves out: files, streams of any length, WebSocket, compression, HTTP/2.
#include "net/http_target.hpp"
#include "net/io.hpp"
#include "net/stream_host.hpp"
#include "net/trouble.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace causeway::net {

struct HttpRequest {
    std::string method;  // "GET"; a HEAD is a GET here, and its body is not sent
    HttpTarget target;
    std::vector<std::pair<std::string, std::string>> headers;  // as sent, in order
    std::string body;
    std::string peer;

    /// Whatever the case of its letters; the first of that name.
    [[nodiscard]] const std::string* header(std::string_view name) const;
    [[nodiscard]] const std::string* query(std::string_view name) const;
};

struct HttpResponse {
    unsigned status = 200;
    std::string body;
    std::string type = "application/json";
    std::vector<std::pair<std::string, std::string>> headers;  // what else there is
};

class HttpServer {
public:
    /// On the Io's thread. It must not destroy the server; what it throws is a 500.
    using Handler = std::function<HttpResponse(const HttpRequest&)>;

    struct Options {
        std::optional<TlsServer> tls;
        /// Asked for with "Authorization: Bearer"; empty: nobody is asked.
        std::string bearer_token;
        std::uint32_t connections_max = 64;
        std::size_t body_octets_max = 1 << 20;
        std::size_t header_octets_max = 16 << 10;
        /// From the first octet of a request to its last; between requests; for an answer to leave.
        std::chrono::milliseconds within{30'000};
    };

    struct Stats {
        std::uint64_t requests = 0;
        std::uint64_t answered = 0;  // by the handler
        std::uint64_t unauthorised = 0;
        std::uint64_t malformed = 0;
        std::uint64_t too_large = 0;
        std::uint64_t late = 0;          // not whole in time
        std::uint64_t broken_off = 0;    // by the peer
        std::uint64_t pending = 0;       // begun
        std::uint64_t unread = 0;        // connections given up with answers that did not leave
        std::uint64_t refused_full = 0;  // connections

        template <class Named>
        void visit(Named&& named) const {
            named("requests", requests);
            named("answered", answered);
            named("unauthorised", unauthorised);
            named("malformed", malformed);
            named("too_large", too_large);
            named("late", late);
            named("broken_off", broken_off);
            named("pending", pending);
            named("unread", unread);
            named("refused_full", refused_full);
        }
        [[nodiscard]] bool balanced() const noexcept {
            return requests ==
                   answered + unauthorised + malformed + too_large + late + broken_off + pending;
        }
    };

    /// `address` as for StreamHost::listen().
    [[nodiscard]] static Opened<HttpServer> listen(Io& io, const std::string& address,
                                                   Handler handler, Options options);
    [[nodiscard]] static Opened<HttpServer> listen(Io& io, const std::string& address,
                                                   Handler handler);
    HttpServer(HttpServer&&) noexcept;
    HttpServer& operator=(HttpServer&&) noexcept;
    ~HttpServer();

    /// "127.0.0.1:8080", port 0 resolved.
    [[nodiscard]] std::string listening_on() const;
    [[nodiscard]] std::optional<Trouble> reload(const TlsServer& tls);
    void set_bearer_token(std::string token);
    [[nodiscard]] Stats stats() const;

private:
    struct State;
    explicit HttpServer(std::unique_ptr<State> state) noexcept;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::net
