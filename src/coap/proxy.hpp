#pragma once
// A CoAP-to-CoAP forward proxy [RFC 7252 §5.7]: two endpoints and a cache between them. In front,
// clients that name their target by Proxy-Uri or Proxy-Scheme; at the back, the network where the
// targets are. Observation passes through, one relation at the back for all clients in front
// [RFC 7641 §5]; bodies are put together here and cut anew, so each side has blocks of its own
// size.
//
// Left out: other schemes than coap, chains of proxies, multicast targets, FETCH from the cache.
#include "base/engine.hpp"
#include "coap/client.hpp"
#include "coap/endpoint.hpp"
#include "coap/response_cache.hpp"

namespace causeway::coap {

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

    struct Stats {
        std::uint64_t requests = 0;  // in front; each is one of the next five
        std::uint64_t forwarded = 0;
        std::uint64_t joined = 0;  // another client had asked for the same already
        std::uint64_t from_cache = 0;
        std::uint64_t refused = 0;        // no target, or one that may not be reached from here
        std::uint64_t local = 0;          // for the proxy itself
        std::uint64_t revalidated = 0;    // 2.03: what the cache held is still good
        std::uint64_t notifications = 0;  // from the back
        std::uint64_t failed = 0;         // 5.02, 5.03, 5.04

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
        }
        [[nodiscard]] bool balanced() const noexcept {
            return requests == forwarded + joined + from_cache + refused + local;
        }
    };

    /// `resolve` says where a host is and whether it may be reached from here: nullopt is 5.05. It
    /// is asked for literal addresses too.
    ForwardProxy(const ProxySettings& settings, Resolver resolve, Random random, Instant now,
                 Teller teller = {});

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output() { return out_.poll(); }
    [[nodiscard]] Instant next_deadline() const noexcept {
        return std::min(front_.next_deadline(), back_.next_deadline());
    }

    [[nodiscard]] const Stats& stats() const noexcept { return stats_; }
    [[nodiscard]] const Endpoint& front() const noexcept { return front_; }
    [[nodiscard]] const Endpoint& back() const noexcept { return back_; }

private:
    struct Client {
        Peer peer;
        Token token;
    };
    /// A request in front that waits for the back.
    struct Waiting {
        ExchangeId exchange{};
        Client client;
        bool observe = false;
        Options tags;  // its ETag options
    };
    /// A request at the back, over when it has nobody in front left.
    struct Fetch {
        RequestId id{};
        Octets key;
        Code method{};
        bool observes = false;     // was sent with Observe
        bool registered = false;   // and the target agreed
        bool ended = false;        // nothing more comes from the back
        bool revalidates = false;  // our entity-tag was added
        std::vector<Waiting> waiting;
        std::vector<Client> observers;
        Response latest;
        Instant latest_at;
    };

    void drain(Instant now);
    void on_request(Instant now, RequestArrived&& request);
    void on_notification_due(Instant now, const RequestArrived& request);
    void on_local(Instant now, const RequestArrived& request);
    void forward(Instant now, RequestArrived&& request, const Uri& uri, const Peer& target);
    bool answer_at_once(Instant now, const RequestArrived& request, Bytes key);
    void on_response(Instant now, ResponseArrived&& response);
    void on_failure(Instant now, const RequestFailed& failure);
    void answer(Instant now, Fetch& fetch, bool observable);
    void respond(Instant now, ExchangeId exchange, Response response, const Options& tags);
    void refuse(Instant now, ExchangeId exchange, Code code);
    void tidy_up(Instant now);
    [[nodiscard]] Fetch* find(RequestId id) noexcept;
    [[nodiscard]] Fetch* find(Bytes key) noexcept;

    Endpoint front_;
    Endpoint back_;
    Resolver resolve_;
    ResponseCache cache_;
    std::vector<std::unique_ptr<Fetch>> fetches_;
    std::uint64_t last_id_ = 0;
    std::uint64_t removed_seen_ = 0;  // of front_.stats().observers_removed
    Outbox<Output> out_;
    Stats stats_;
};

static_assert(Engine<ForwardProxy>);
static_assert(causeway::Stats<ForwardProxy::Stats>);

}  // namespace causeway::coap
