#pragma once
// A small HTTP/1.1 server [RFC 9112] for management and for gateways: a request comes whole, a
// function answers it, at once or later or with a stream of events, and every bound has a number.
// Plain or TLS, TCP or a Unix socket.
//
// Leaves out: files, requests of any length, WebSocket, compression, HTTP/2.
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
    std::string target_text;                                   // as it stood in the request line
    std::vector<std::pair<std::string, std::string>> headers;  // as sent, in order
    std::string body;
    std::string peer;
    bool secure = false;  // it came over TLS

    /// Whatever the case of its letters; the first of that name.
    [[nodiscard]] const std::string* header(std::string_view name) const;
    [[nodiscard]] const std::string* query(std::string_view name) const;
};

struct HttpResponse {
    unsigned status = 200;
    std::string body;
    std::string type = "application/json";
    std::vector<std::pair<std::string, std::string>> headers;  // what else there is
    std::string reason = {};  // of the status line; empty: what belongs to the status
};

/// The way back to a client whose request is answered later, or with a stream of events. May be
/// copied and kept for as long as one likes, on the Io's thread: once the client or the server is
/// gone, or the request was answered, it does nothing.
class HttpReply {
public:
    /// False: there is nobody to answer.
    bool answer(const HttpResponse& response) const;  // NOLINT(modernize-use-nodiscard)

    /// Begins a stream of events [WHATWG HTML §9.2]; its Content-Type is text/event-stream unless
    /// `head` says otherwise, and the body of `head` is its first octets.
    bool begin(const HttpResponse& head) const;  // NOLINT(modernize-use-nodiscard)
    /// More of the stream. False: nobody is there, or so much waits already that it was dropped,
    /// and counted.
    bool push(std::string_view octets) const;  // NOLINT(modernize-use-nodiscard)
    void end() const;

    /// Called once if the client leaves, or is given up, before answer() or end().
    void on_gone(std::function<void()> told) const;
    [[nodiscard]] bool gone() const;

private:
    friend class HttpServer;
    struct Link;
    explicit HttpReply(std::shared_ptr<Link> link) noexcept : link_(std::move(link)) {}
    std::shared_ptr<Link> link_;
};

class HttpServer {
public:
    /// On the Io's thread. It must not destroy the server; what it throws is a 500.
    using Handler = std::function<HttpResponse(const HttpRequest&)>;
    /// The same for answers that take their time: `answer_within` at most, then it is a 504.
    using LaterHandler = std::function<void(const HttpRequest&, HttpReply)>;

    struct Options {
        std::optional<TlsServer> tls;
        /// Asked for with "Authorization: Bearer"; empty: nobody is asked.
        std::string bearer_token;
        std::uint32_t connections_max = 64;
        std::size_t body_octets_max = 1 << 20;
        std::size_t header_octets_max = 16 << 10;
        /// From the first octet of a request to its last; between requests; for an answer to leave.
        std::chrono::milliseconds within{30'000};
        /// A LaterHandler's time.
        std::chrono::milliseconds answer_within{300'000};
        /// Nothing was said in a stream for so long: a comment keeps it alive.
        std::chrono::milliseconds stream_idle{15'000};
        /// Octets of a stream that the client has not taken; more are dropped.
        std::size_t stream_octets_max = 256 << 10;
        /// Targets that are no path of ours ("coap://host/", "/%00") come too, with `target` empty.
        bool any_target = false;
    };

    struct Stats {
        std::uint64_t requests = 0;
        std::uint64_t answered = 0;  // by the handler
        std::uint64_t unauthorised = 0;
        std::uint64_t malformed = 0;
        std::uint64_t too_large = 0;
        std::uint64_t late = 0;          // not whole in time
        std::uint64_t broken_off = 0;    // by the peer
        std::uint64_t pending = 0;       // begun, or not answered yet
        std::uint64_t unread = 0;        // connections given up with answers that did not leave
        std::uint64_t refused_full = 0;  // connections
        std::uint64_t unanswered = 0;    // of those answered: by a 504, since nobody else did
        std::uint64_t streams = 0;       // of those answered
        std::uint64_t streaming = 0;     // not over
        std::uint64_t events = 0;        // pushed
        std::uint64_t events_dropped = 0;

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
            named("unanswered", unanswered);
            named("streams", streams);
            named("streaming", streaming);
            named("events", events);
            named("events_dropped", events_dropped);
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
    [[nodiscard]] static Opened<HttpServer> listen_later(Io& io, const std::string& address,
                                                         LaterHandler handler, Options options);
    HttpServer(HttpServer&&) noexcept;
    HttpServer& operator=(HttpServer&&) noexcept;
    ~HttpServer();

    /// "127.0.0.1:8080", port 0 resolved.
    [[nodiscard]] std::string listening_on() const;
    [[nodiscard]] std::optional<Trouble> reload(const TlsServer& tls);
    void set_bearer_token(std::string token);
    [[nodiscard]] Stats stats() const;

private:
    friend class HttpReply;
    struct State;
    explicit HttpServer(std::unique_ptr<State> state) noexcept;
    [[nodiscard]] static Opened<HttpServer> open(std::unique_ptr<State> state,
                                                 const std::string& address);
    std::unique_ptr<State> state_;
};

}  // namespace causeway::net
