#pragma once
// HTTP in front of a Proxy [RFC 8075]: an engine that turns HTTP requests into FrontRequests and
// what the proxy says into HTTP responses. A client that accepts text/event-stream observes: it
// gets an event for every notification until it leaves.
//
// CrossProxy puts both together; its owner only carries requests, responses and events to sockets.
//
// Left out: an HTTP proxy's cache of its own (the Proxy has one), CONNECT, multicast (403).
#include "coap/proxy.hpp"

namespace causeway::coap {

// ---- inputs
struct HttpRequestIn {
    std::uint64_t id = 0;  // the owner's; unique among those not answered and not over
    std::string method{};
    std::string target{};  // as it stood in the request line
    HttpHeaders headers{};
    std::string body{};
    bool secure = false;  // over TLS
    Peer client{};        // where it came from, for the Router; may be left empty
};
/// The client left, before its answer or in the middle of its events.
struct HttpGone {
    std::uint64_t id = 0;
};

// ---- outputs
struct HttpResponseOut {
    std::uint64_t id = 0;
    HttpAnswer answer{};
};
/// Instead of a response: events follow until HttpStreamEnd.
struct HttpStreamBegin {
    std::uint64_t id = 0;
    unsigned status = 200;
    HttpHeaders headers{};  // Content-Type: text/event-stream among them
};
struct HttpEventOut {
    std::uint64_t id = 0;
    std::string event{};  // as it goes on the wire, with the empty line that ends it
};
struct HttpStreamEnd {
    std::uint64_t id = 0;
};

class HttpGateway {
public:
    struct Options {
        HttpMapping mapping{};
        FrontId front{1};                 // the proxy's name for this side
        std::size_t requests_max = 1024;  // not answered yet; more get 503
        std::size_t streams_max = 256;    // that observe; more get 503
        std::size_t body_octets_max = 1u << 20;
    };

    using Input = std::variant<HttpRequestIn, HttpGone, Proxy::ToFront>;
    using Output = std::variant<HttpResponseOut, HttpStreamBegin, HttpEventOut, HttpStreamEnd,
                                Proxy::FrontRequest, Proxy::FrontObserverGone>;

    struct Stats {
        std::uint64_t requests = 0;  // each is one of the next five
        std::uint64_t answered = 0;
        std::uint64_t refused = 0;   // by this side: no target, a method or a type CoAP lacks
        std::uint64_t left = 0;      // the client did, before its answer
        std::uint64_t streamed = 0;  // became a stream
        std::uint64_t pending = 0;
        std::uint64_t full = 0;     // of those refused: requests_max, streams_max, bodies
        std::uint64_t loops = 0;    // of those refused: our own name in Via
        std::uint64_t retried = 0;  // another format after 4.06
        std::uint64_t events = 0;

        void visit(auto&& named) const {
            named("requests", requests);
            named("answered", answered);
            named("refused", refused);
            named("left", left);
            named("streamed", streamed);
            named("pending", pending);
            named("full", full);
            named("loops", loops);
            named("retried", retried);
            named("events", events);
        }
        [[nodiscard]] bool balanced() const noexcept {
            return requests == answered + refused + left + streamed + pending;
        }
    };

    /// A mapping whose `hct` is no template falls back to the default one.
    explicit HttpGateway(Options options);

    void handle(Instant now, Input in);
    void handle_timeout(Instant /*now*/) {}
    [[nodiscard]] std::optional<Output> poll_output() { return out_.poll(); }
    [[nodiscard]] Instant next_deadline() const noexcept { return never; }  // the proxy has them

    [[nodiscard]] Stats stats() const noexcept;
    [[nodiscard]] const HttpMapping& mapping() const noexcept { return options_.mapping; }
    [[nodiscard]] std::size_t streams() const noexcept { return streams_; }

private:
    struct Exchange {
        std::uint64_t id = 0;  // the owner's
        Question question;
        Peer client;
        std::size_t accept = 0;  // which of question.accepts is being tried
        bool stream = false;     // begun
        bool gone = false;       // nobody waits; but an observation may come of it yet
        std::uint64_t events = 0;
    };
    using Exchanges = std::map<std::uint64_t, Exchange>;  // by ExchangeId and token

    void on_request(HttpRequestIn&& in);
    void on_gone(std::uint64_t id);
    void on_front(Proxy::ToFront&& in);
    void on_response(Exchanges::iterator at, Response&& response);
    void ask(std::uint64_t number, const Exchange& exchange, bool notification);
    void refuse(std::uint64_t id, const HttpRefusal& refusal);
    void end(Exchanges::iterator at);
    void forget_observer(Exchanges::iterator at);
    [[nodiscard]] bool discovers(const HttpRequestIn& in) const;
    [[nodiscard]] bool went_through_here(const HttpHeaders& headers) const;

    Options options_;
    UriTemplate hct_;
    Exchanges exchanges_;
    std::map<std::uint64_t, std::uint64_t> numbers_;  // the owner's id to ours
    std::size_t observing_ = 0;                       // that are streams, or want to be
    std::size_t streams_ = 0;
    std::uint64_t last_number_ = 0;
    Outbox<Output> out_;
    Stats stats_;
};

static_assert(Engine<HttpGateway>);
static_assert(causeway::Stats<HttpGateway::Stats>);

/// A Proxy with CoAP and HTTP on both sides. What is Proxy's goes to its owner as it is, but for
/// what HTTP clients get; a Local request of theirs (its front is the gateway's) may be answered by
/// giving a ToFront back.
class CrossProxy {
public:
    using Input =
        std::variant<Proxy::FrontRequest, Proxy::FrontObserverGone, ResponseArrived, RequestFailed,
                     HttpFetched, HttpFailed, HttpRequestIn, HttpGone, Proxy::ToFront>;
    using Output = std::variant<Proxy::ToFront, Proxy::ToBack, Proxy::Local, HttpFetch, HttpCancel,
                                HttpResponseOut, HttpStreamBegin, HttpEventOut, HttpStreamEnd>;

    CrossProxy(ProxyOptions proxy, HttpGateway::Options http, Router route, HttpRouter http_route,
               Teller teller = {});

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output() { return out_.poll(); }
    [[nodiscard]] Instant next_deadline() const noexcept { return proxy_.next_deadline(); }

    [[nodiscard]] const Proxy& proxy() const noexcept { return proxy_; }
    [[nodiscard]] const HttpGateway& gateway() const noexcept { return gateway_; }

private:
    void drain(Instant now);

    FrontId front_;
    Proxy proxy_;
    HttpGateway gateway_;
    Outbox<Output> out_;
};

static_assert(Engine<CrossProxy>);

}  // namespace causeway::coap
