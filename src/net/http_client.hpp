#pragma once
// A small HTTP/1.1 client [RFC 9112]: one request a connection, plain or TLS, and every bound has a
// number. Answers come whole; chunks are put together.
//
// Leaves out: redirections, cookies, compression, connections kept for the next request, HTTP/2.
#include "net/io.hpp"
#include "net/stream_host.hpp"
#include "net/trouble.hpp"

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace causeway::net {

struct HttpClientRequest {
    std::string method = "GET";
    bool secure = false;  // https
    std::string host;     // a name or an address, without brackets
    std::uint16_t port = 80;
    std::string target = "/";                                  // path and query
    std::vector<std::pair<std::string, std::string>> headers;  // but Host and Content-Length
    std::string body;
};

struct HttpClientResponse {
    unsigned status = 0;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
};

enum class HttpFault : std::uint8_t {
    unreachable,  // no such host, no connection, no TLS with it
    late,         // no whole answer in time
    malformed,    // no HTTP, or cut off
    too_large,    // the answer's header or body
    full,         // requests_max
    invalid,      // the request: a line break where none may be
};

struct HttpClientTrouble {
    HttpFault fault = HttpFault::unreachable;
    std::string line;
};

/// A request under way.
enum class HttpFetchId : std::uint64_t {};

class HttpClient {
public:
    struct Options {
        TlsClient tls{};                     // for https
        std::uint32_t connections_max = 32;  // at once; what comes beyond waits its turn
        std::uint32_t requests_max = 1024;   // under way and waiting
        std::size_t body_octets_max = 1 << 20;
        std::size_t header_octets_max = 32 << 10;
        std::chrono::milliseconds within{30'000};  // from fetch() to the last octet
    };
    struct Stats {
        std::uint64_t requests = 0;  // each is one of the next eight
        std::uint64_t answered = 0;
        std::uint64_t unreachable = 0;
        std::uint64_t late = 0;
        std::uint64_t malformed = 0;
        std::uint64_t too_large = 0;
        std::uint64_t refused = 0;  // requests_max, or no request at all
        std::uint64_t cancelled = 0;
        std::uint64_t pending = 0;

        template <class Named>
        void visit(Named&& named) const {
            named("requests", requests);
            named("answered", answered);
            named("unreachable", unreachable);
            named("late", late);
            named("malformed", malformed);
            named("too_large", too_large);
            named("refused", refused);
            named("cancelled", cancelled);
            named("pending", pending);
        }
        [[nodiscard]] bool balanced() const noexcept {
            return requests == answered + unreachable + late + malformed + too_large + refused +
                                   cancelled + pending;
        }
    };

    using Done = std::function<void(std::expected<HttpClientResponse, HttpClientTrouble>&&)>;

    HttpClient(Io& io, Options options);
    HttpClient(HttpClient&&) noexcept;
    HttpClient& operator=(HttpClient&&) noexcept;
    /// Nothing is told any more.
    ~HttpClient();

    /// `done` is called once, on the Io's thread, never before this returns; it may fetch again,
    /// but must not destroy the client.
    HttpFetchId fetch(HttpClientRequest request, Done done);
    /// `done` will not be called.
    void cancel(HttpFetchId id);

    [[nodiscard]] Stats stats() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::net
