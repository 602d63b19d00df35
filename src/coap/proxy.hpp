#pragma once
// A proxy [RFC 7252 §5.7]: forward, by Proxy-Uri or Proxy-Scheme, and reverse, by a table of paths.
//
// Proxy is an engine without endpoints. In front of it is whoever hands it requests, at the back
// whoever sends its own: endpoints over any transport, one or two or many, the same one if that is
// how a host is built, or an HTTP server and client (http_gateway.hpp):
//
//   FrontRequest -> ToFront Respond                           from the cache, or refused
//   FrontRequest -> ToBack Request  -> ResponseArrived | RequestFailed -> ToFront Respond
//   FrontRequest -> HttpFetch       -> HttpFetched | HttpFailed        -> ToFront Respond
//   FrontRequest -> Local                                     no proxy request: the owner answers
//   observed:       ... ResponseArrived -> ToFront ObserverChanged -> FrontRequest notification
//                   -> ToFront Respond; FrontObserverGone of the last -> ToBack Cancel
//
// It keeps a cache, asks one question once however many wait for its answer, has one relation at
// the back for all observers in front [RFC 7641 §5], and counts hops [RFC 8768]. Bodies are whole:
// each side has blocks of its own size. Whatever the back does or leaves, every request in front is
// answered in time, and every table has its limit.
//
// Left out: multicast targets, chains of forward proxies, polling of what cannot be observed.
#include "base/engine.hpp"
#include "coap/client.hpp"
#include "coap/endpoint.hpp"
#include "coap/http_mapping.hpp"
#include "coap/response_cache.hpp"

#include <map>
#include <set>

namespace causeway::coap {

/// Which of several front sides a request came by: the owner's numbers.
enum class FrontId : std::uint16_t {};

/// What cannot be done, and why in a few words (the diagnostic payload).
struct Refusal {
    Code code = Code::proxying_not_supported;
    std::string why{};
};
/// The authority is the proxy's own.
struct RouteHere {};
/// Where a URI is: a peer, with its transport, its channel and its OSCORE context; 5.05 for what
/// may not be reached from here, 5.02 or 5.04 for what cannot. [RFC 7252 §5.7.2]
using Route = std::variant<Peer, RouteHere, Refusal>;
/// Asked at every request, cached or not; for literal addresses too. `client` is who wants to go
/// there: "the request towards the proxy SHOULD be sent using DTLS" where the target's scheme is
/// secure [RFC 7252 §5.7], which only the owner can judge.
using Router = std::function<Route(const Uri&, const Peer& client)>;
/// The same for http and https: nullopt lets it pass.
using HttpRouter = std::function<std::optional<Refusal>(const HttpUrl&, const Peer& client)>;

/// What stands at `prefix` here is `target` there. A segment "{name}" of the prefix matches any,
/// and "{name}" in the target is what it matched: {"/nodes/{address}", "coap://[{address}]"},
/// {"/lamp", "coap://[fd00::7]/actuators/lamp"}. [RFC 7252 §5.7.3]
struct ReverseRule {
    std::string prefix;
    std::string target;
};

struct ProxyOptions {
    std::string name = "causeway";  // in diagnostics and Via; no blanks [RFC 8768 §4]
    std::uint8_t hop_limit = 16;    // inserted where there is none; zero: none is [RFC 8768 §3]
    bool forward = true;            // Proxy-Uri and Proxy-Scheme are heeded
    std::vector<ReverseRule> reverse{};
    HttpMapping http{};  // of media types; `name` is the one above

    /// From a request to its answer, whatever the back does.
    Duration patience = std::chrono::minutes(4);
    /// A front that does not ask on an observer's behalf for so long after it was told of a change
    /// has lost it without saying so.
    Duration observer_patience = std::chrono::minutes(5);

    ResponseCache::Limits cache{};
    std::size_t fetches_max = 1024;           // requests at the back
    std::size_t fetches_per_target_max = 64;  // so that one that is silent does not take them all
    std::size_t waiting_max = 4096;           // requests in front that wait for them
    std::size_t observers_max = 4096;
    std::size_t body_octets_max = 1u << 20;

    /// Requests at the back are numbered from here, so that an endpoint may have others, too.
    std::uint64_t first_request = 1;
};

class Proxy {
public:
    // ---- inputs
    struct FrontRequest {
        RequestArrived request{};
        FrontId front{};
        bool bypass_cache = false;  // an answer from the cache will not do
    };
    /// An observer is no more. A front that could not take one on, after Respond with `observe`,
    /// says so too; one that only replaced an entry by a newer one of the same token does not.
    struct FrontObserverGone {
        ObserverGone gone{};
        FrontId front{};
    };
    using Input = std::variant<FrontRequest, FrontObserverGone, ResponseArrived, RequestFailed,
                               HttpFetched, HttpFailed>;

    // ---- outputs
    struct ToFront {
        FrontId front{};
        std::variant<Respond, Decline, ObserverChanged> event{};
    };
    struct ToBack {
        std::variant<Request, Cancel> event{};
    };
    /// It is no proxy request, or its target is the proxy itself, and then it is without Proxy-Uri
    /// and Proxy-Scheme. To be answered in front. Critical options were looked at.
    struct Local {
        FrontId front{};
        RequestArrived request{};
    };
    using Output = std::variant<ToFront, ToBack, Local, HttpFetch, HttpCancel>;

    struct Stats {
        std::uint64_t requests = 0;  // in front; each is one of the next five
        std::uint64_t forwarded = 0;
        std::uint64_t joined = 0;  // another client had asked for the same already
        std::uint64_t from_cache = 0;
        std::uint64_t refused = 0;        // no target, one that may not be reached, or no room
        std::uint64_t local = 0;          // for the proxy itself
        std::uint64_t revalidated = 0;    // 2.03: what the cache held is still good
        std::uint64_t notifications = 0;  // from the back
        std::uint64_t failed = 0;         // 5.02, 5.03, 5.04
        std::uint64_t late = 0;           // of those: after `patience`
        std::uint64_t loops = 0;          // Hop-Limit used up, a route to ourselves, our own 5.08
        std::uint64_t full = 0;           // refused for a limit: fetches, waiting, bodies
        std::uint64_t observers_refused = 0;  // answered, but not observed: observers_max
        std::uint64_t observers_lost = 0;     // the front forgot them in silence
        std::uint64_t cache_evicted = 0;

        void visit(auto&& named) const {
            named("requests", requests);
            named("forwarded", forwarded);
            named("joined", joined);
            named("from_cache", from_cache);
            named("refused", refused);
            named("local", local);
            named("revalidated", revalidated);
            named("notifications", notifications);
            named("failed", failed);
            named("late", late);
            named("loops", loops);
            named("full", full);
            named("observers_refused", observers_refused);
            named("observers_lost", observers_lost);
            named("cache_evicted", cache_evicted);
        }
        [[nodiscard]] bool balanced() const noexcept {
            return requests == forwarded + joined + from_cache + refused + local;
        }
    };

    /// Without `http` nothing is fetched over HTTP.
    Proxy(ProxyOptions options, Router route, HttpRouter http = {}, Teller teller = {});

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output() { return out_.poll(); }
    [[nodiscard]] Instant next_deadline() const noexcept;

    [[nodiscard]] Stats stats() const noexcept;
    /// Whether a response is to a request of the proxy's.
    [[nodiscard]] bool owns(RequestId id) const noexcept {
        return fetches_.contains(std::to_underlying(id));
    }
    [[nodiscard]] std::size_t fetches() const noexcept { return fetches_.size(); }
    [[nodiscard]] std::size_t observers() const noexcept { return observers_.size(); }

private:
    /// An observer, or who may become one.
    struct Client {
        FrontId front{};
        Peer peer{};
        Token token{};

        bool operator<(const Client& other) const noexcept;
    };
    /// What a reverse proxy hides: the target's path below `actual` is seen below `shown`.
    struct Mask {
        std::vector<std::string> shown;
        std::vector<std::string> actual;
        bool links = false;  // the payload is a list of them
    };
    /// A request in front that waits for the back.
    struct Waiting {
        ExchangeId exchange{};
        Client client;
        bool observe = false;
        Options tags;  // its ETag options
        std::optional<Mask> mask;
    };
    /// A request at the back, over when it has nobody in front left.
    struct Fetch {
        Octets key;
        std::string uri;
        std::string target;  // who is counted in targets_
        Code method{};
        std::uint8_t hop_limit = 0;  // as sent; zero: none
        bool http = false;
        bool observes = false;     // was sent with Observe
        bool registered = false;   // and the target agreed
        bool ended = false;        // nothing more comes from the back
        bool conditional = false;  // with entity-tags of one client
        bool cacheable = false;    // the method and the options allow it
        Instant deadline = never;
        std::vector<Waiting> waiting;
        std::set<Client> observers;
        Response latest;
        Instant latest_at;
    };
    struct Observer {
        std::uint64_t fetch = 0;
        std::optional<Mask> mask;
        Instant lost_at = never;  // unless the front asks before
    };
    /// Where a request wants to go.
    struct Target {
        std::variant<Uri, HttpUrl> uri;
        std::optional<Mask> mask;  // of a reverse rule
    };
    /// And how it gets there.
    struct Found {
        std::variant<Peer, HttpUrl> to;
        std::string uri;     // of the cache key
        std::string target;  // who is counted in targets_
        std::optional<Mask> mask;
        Options options;  // that go on, with the Uri-* ones
        std::uint8_t hop_limit = 0;
        bool cacheable = false;
        Octets key;
    };
    using Fetches = std::map<std::uint64_t, Fetch>;

    // In front.
    void on_request(Instant now, FrontRequest&& in);
    void on_notification_due(Instant now, const FrontRequest& in);
    void pass_local(FrontRequest&& in);
    void forward(Instant now, FrontRequest&& in, Found&& found);
    bool answer_at_once(Instant now, const FrontRequest& in, const Found& found,
                        const Waiting& waiting);
    bool join(const FrontRequest& in, const Found& found, Waiting& waiting);
    void start(Instant now, FrontRequest&& in, Found&& found, Waiting&& waiting);
    void refuse(const FrontRequest& in, Refusal refusal);
    void respond(const Waiting& waiting, Response response);
    // Where to.
    [[nodiscard]] std::expected<std::optional<Target>, Refusal> target_of(
        const Options& options) const;
    [[nodiscard]] std::expected<std::optional<Target>, Refusal> reverse_target(
        const Options& options) const;
    /// nullopt: it was passed on as local, or refused.
    [[nodiscard]] std::optional<Found> find_way(FrontRequest& in, Target&& target);
    [[nodiscard]] std::optional<Refusal> count_hop(const FrontRequest& in, Found& found);
    static void unmask(Response& response, const std::optional<Mask>& mask);
    // At the back.
    void on_response(Instant now, ResponseArrived&& response);
    void on_fetched(Instant now, const HttpFetched& fetched);
    void fail(Instant now, std::uint64_t id, Code code);
    void settle(Instant now, Fetches::iterator at, Response&& response, std::string origin_tag);
    void answer(Instant now, Fetches::iterator at);
    void note_hop_limit(Response& response);
    [[nodiscard]] bool observe(const Waiting& waiting, std::uint64_t id);
    void drop_observer(const Client& client);
    void let_go(std::uint64_t id);
    void cancel(Fetches::iterator at);
    void set_deadline(Fetches::iterator at, Instant deadline);

    ProxyOptions options_;
    Router route_;
    HttpRouter http_;
    Teller teller_;
    ResponseCache cache_;
    Fetches fetches_;
    std::map<Octets, std::uint64_t> asked_;       // by cache key: what others may join
    std::map<std::string, std::size_t> targets_;  // fetches under way, by target
    std::map<Client, Observer> observers_;
    std::set<std::pair<Instant, std::uint64_t>> deadlines_;  // of fetches
    std::set<std::pair<Instant, Client>> silences_;          // of observers
    std::size_t waiting_ = 0;
    std::uint64_t next_id_;
    Outbox<Output> out_;
    Stats stats_;
};

static_assert(Engine<Proxy>);
static_assert(causeway::Stats<Proxy::Stats>);

// ---- between two UDP endpoints -----------------------------------------------------------------

struct ProxySettings {
    Settings front = front_defaults();
    Settings back = back_defaults();
    ResponseCache::Limits cache;

    [[nodiscard]] static constexpr Settings front_defaults() noexcept {
        Settings settings = Settings::for_host();
        // Longer than the back takes to give up.
        settings.response_timeout = settings.exchange_lifetime();
        // Confirmable throughout: a client close by need not wait 3 seconds for the next one, and
        // one that went away is noticed at once.
        settings.unconfirmed_notifications_max = 0;
        return settings;
    }
    [[nodiscard]] static constexpr Settings back_defaults() noexcept {
        Settings settings = Settings::for_host();
        settings.block_szx = 2;  // a block fits a frame of 802.15.4
        return settings;
    }
};

/// A forward proxy for coap between two endpoints of its own: in front the clients, at the back the
/// network where the targets are.
class ForwardProxy {
public:
    struct FrontDatagram {
        Peer peer;
        Octets datagram;
    };
    struct BackDatagram {
        Peer peer;
        Octets datagram;
    };
    struct BackUnreachable {
        Peer peer;
    };
    struct SendFront {
        Peer peer;
        Octets datagram;
    };
    struct SendBack {
        Peer peer;
        Octets datagram;
    };
    using Input = std::variant<FrontDatagram, BackDatagram, BackUnreachable>;
    using Output = std::variant<SendFront, SendBack>;
    using Stats = Proxy::Stats;

    /// `resolve` says where a host is and whether it may be reached from here: nullopt is 5.05. It
    /// is asked for literal addresses too.
    ForwardProxy(const ProxySettings& settings, Resolver resolve, Random random, Instant now,
                 Teller teller = {});

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output() { return out_.poll(); }
    [[nodiscard]] Instant next_deadline() const noexcept {
        return std::min({front_.next_deadline(), back_.next_deadline(), proxy_.next_deadline()});
    }

    [[nodiscard]] Stats stats() const noexcept { return proxy_.stats(); }
    [[nodiscard]] const Endpoint& front() const noexcept { return front_; }
    [[nodiscard]] const Endpoint& back() const noexcept { return back_; }

private:
    void drain(Instant now);
    bool drain_front(Instant now);
    bool drain_back(Instant now);
    bool drain_proxy(Instant now);
    void on_local(Instant now, const RequestArrived& request);
    void respond(Instant now, Respond&& response);

    Endpoint front_;
    Endpoint back_;
    Proxy proxy_;
    struct Asking {
        Peer peer;
        Token token;
    };
    std::map<ExchangeId, Asking> asking_;  // who would observe, or does
    Outbox<Output> out_;
};

static_assert(Engine<ForwardProxy>);

}  // namespace causeway::coap
