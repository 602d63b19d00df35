// A proxy's front: requests come, responses go. Where they want to go: proxy_route.cpp; what comes
// back: proxy_back.cpp.
#include "coap/proxy.hpp"

#include <algorithm>

namespace causeway::coap {
namespace {

bool stays_here(OptionNumber number) noexcept {
    switch (number) {
        case OptionNumber::proxy_uri:
        case OptionNumber::proxy_scheme:
        case OptionNumber::uri_host:
        case OptionNumber::uri_port:
        case OptionNumber::uri_path:
        case OptionNumber::uri_query:
        // Ours to heed, in front: at the back every response is wanted. [RFC 7967 §2]
        case OptionNumber::no_response:
        // Of the blocks that were put together in front. [RFC 9175 §3.2]
        case OptionNumber::request_tag:
        case OptionNumber::hop_limit:  // counted
            return true;
        default:
            return false;
    }
}

Options only(const Options& options, OptionNumber number) {
    Options kept;
    for (const Option option : options)
        if (option.number == number) kept.add(number, option.value);
    return kept;
}

bool has_value(const Options& options, Bytes value) {
    return std::ranges::any_of(options,
                               [&](const Option& option) { return same(option.value, value); });
}

}  // namespace

bool Proxy::Client::operator<(const Client& other) const noexcept {
    if (front != other.front) return front < other.front;
    if (peer != other.peer) return peer < other.peer;
    return std::ranges::lexicographical_compare(token, other.token);
}

Proxy::Proxy(ProxyOptions options, Router route, HttpRouter http, Teller teller)
    : options_(std::move(options)),
      route_(std::move(route)),
      http_(std::move(http)),
      teller_(teller),
      cache_(options_.cache),
      next_id_(options_.first_request) {
    options_.http.name = options_.name;
}

void Proxy::handle(Instant now, Input in) {
    std::visit(
        Overloaded{
            [&](FrontRequest& event) {
                if (event.request.notification)
                    on_notification_due(now, event);
                else
                    on_request(now, std::move(event));
            },
            [&](FrontObserverGone& event) {
                drop_observer({event.front, event.gone.peer, event.gone.token});
            },
            [&](ResponseArrived& event) { on_response(now, std::move(event)); },
            [&](RequestFailed& event) {
                const Code code = event.reason == Failure::timeout      ? Code::gateway_timeout
                                  : event.reason == Failure::queue_full ? Code::service_unavailable
                                                                        : Code::bad_gateway;
                fail(now, std::to_underlying(event.id), code);
            },
            [&](HttpFetched& event) { on_fetched(now, event); },
            [&](HttpFailed& event) {
                const Code code = event.reason == HttpFailure::timeout ? Code::gateway_timeout
                                  : event.reason == HttpFailure::busy  ? Code::service_unavailable
                                                                       : Code::bad_gateway;
                fail(now, std::to_underlying(event.id), code);
            },
        },
        in);
}

void Proxy::handle_timeout(Instant now) {
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
        const std::uint64_t id = deadlines_.begin()->second;
        const auto at = fetches_.find(id);
        ++stats_.late;
        teller_.tell(now, "coap.proxy_late", id);
        cancel(at);
        fail(now, id, Code::gateway_timeout);
    }
    while (!silences_.empty() && silences_.begin()->first <= now) {
        ++stats_.observers_lost;
        drop_observer(Client(silences_.begin()->second));
    }
}

Instant Proxy::next_deadline() const noexcept {
    const Instant late = deadlines_.empty() ? never : deadlines_.begin()->first;
    return silences_.empty() ? late : std::min(late, silences_.begin()->first);
}

Proxy::Stats Proxy::stats() const noexcept {
    Stats stats = stats_;
    stats.cache_evicted = cache_.evicted();
    return stats;
}

// ---- requests ----------------------------------------------------------------------------------

void Proxy::refuse(const FrontRequest& in, Refusal refusal) {
    ++stats_.refused;
    const ExchangeId exchange = in.request.exchange;
    // "in particular if it doesn't have anything useful to respond" [RFC 7252 §8.2]
    if (in.request.multicast) {
        out_.push(ToFront{in.front, Decline{exchange}});
        return;
    }
    Response response{.code = refusal.code};
    response.payload = to_octets(as_octets(refusal.why));
    out_.push(ToFront{in.front, Respond{exchange, std::move(response)}});
}

void Proxy::on_request(Instant now, FrontRequest&& in) {
    ++stats_.requests;
    const Options& options = in.request.options;
    // "Unsafe options in a request that are not recognized by the proxy MUST lead to a 4.02"
    // [RFC 7252 §5.7.1]
    if (first_unacceptable(options, true)) return refuse(in, {Code::bad_option, {}});
    if (const auto hops = options.find(OptionNumber::hop_limit)) {
        const auto value = options.uint(OptionNumber::hop_limit);
        // "set to '0' or greater than '255' MUST be rejected" [RFC 8768 §3]
        if (!value || *value == 0 || *value > 255)
            return refuse(in, {Code::bad_request, "Hop-Limit"});
    }
    auto target = target_of(options);
    if (!target) return refuse(in, std::move(target.error()));
    if (!*target) return pass_local(std::move(in));
    auto found = find_way(in, std::move(**target));
    if (!found) return;
    if (in.request.payload.size() > options_.body_octets_max) {
        ++stats_.full;
        return refuse(in, {Code::request_entity_too_large, {}});
    }
    forward(now, std::move(in), std::move(*found));
}

/// Who forwards nothing has to heed what is critical, safe or not. [RFC 7252 §5.4.1]
void Proxy::pass_local(FrontRequest&& in) {
    if (first_unacceptable(in.request.options, false)) return refuse(in, {Code::bad_option, {}});
    ++stats_.local;
    out_.push(Local{in.front, std::move(in.request)});
}

void Proxy::forward(Instant now, FrontRequest&& in, Found&& found) {
    const RequestArrived& request = in.request;
    if (auto refusal = count_hop(in, found)) {
        ++stats_.loops;
        teller_.tell(now, "coap.proxy_loop");
        return refuse(in, std::move(*refusal));
    }
    // The rest goes on as it is, but for what named the target. [RFC 7252 §5.7.1, §5.7.2]
    for (const Option option : request.options)
        if (!stays_here(option.number)) found.options.add(option.number, option.value);
    // What OSCORE protects is fresh every time, and nobody else's. [RFC 8613 §10]
    found.cacheable = (request.method == Code::get || request.method == Code::fetch) &&
                      !request.options.has(OptionNumber::oscore);
    const Peer* peer = std::get_if<Peer>(&found.to);
    found.key = cache_key(found.uri, peer != nullptr ? peer->context : 0, request.method,
                          found.options, request.payload);

    Waiting waiting{.exchange = request.exchange,
                    .client = {in.front, request.peer, request.token},
                    .observe = request.observe && peer != nullptr,
                    .tags = only(request.options, OptionNumber::etag),
                    .mask = std::move(found.mask)};
    if (found.cacheable) {
        if (answer_at_once(now, in, found, waiting)) return;
        if (join(in, found, waiting)) return;
    }
    start(now, std::move(in), std::move(found), std::move(waiting));
}

/// From an observation under way, or from the cache.
bool Proxy::answer_at_once(Instant now, const FrontRequest& in, const Found& found,
                           const Waiting& waiting) {
    const auto asked = asked_.find(found.key);
    if (waiting.observe) {
        if (asked == asked_.end()) return false;
        const Fetch& fetch = fetches_.at(asked->second);
        if (!fetch.registered) return false;
        // "MUST register itself only once with the next hop and fan out" [RFC 7641 §5]
        ++stats_.joined;
        Response response = aged(fetch.latest, now - fetch.latest_at);
        response.observe = observe(waiting, asked->second);
        respond(waiting, std::move(response));
        return true;
    }
    if (in.bypass_cache) return false;
    const ResponseCache::Entry* entry = cache_.find(found.key);
    if (entry == nullptr || entry->fresh_until <= now) return false;
    ++stats_.from_cache;
    cache_.used(*entry);
    respond(waiting, aged(entry->response, now - entry->stored));
    return true;
}

/// Waits for what another client asked for already.
bool Proxy::join(const FrontRequest& in, const Found& found, Waiting& waiting) {
    const auto asked = asked_.find(found.key);
    if (asked == asked_.end()) return false;
    Fetch& fetch = fetches_.at(asked->second);
    // A response to somebody's entity-tags may be no representation; a shorter way may end in 5.08
    // where a longer one would not [RFC 8768 §3].
    const bool alike = !fetch.conditional && waiting.tags.empty() && !fetch.waiting.empty() &&
                       (fetch.observes || !waiting.observe) && fetch.hop_limit >= found.hop_limit;
    if (!alike || in.bypass_cache || waiting_ >= options_.waiting_max) return false;
    ++stats_.joined;
    ++waiting_;
    fetch.waiting.push_back(std::move(waiting));
    return true;
}

void Proxy::start(Instant now, FrontRequest&& in, Found&& found, Waiting&& waiting) {
    std::size_t& at_target = targets_[found.target];
    const bool full = fetches_.size() >= options_.fetches_max ||
                      at_target >= options_.fetches_per_target_max ||
                      waiting_ >= options_.waiting_max;
    if (full) {
        if (at_target == 0) targets_.erase(found.target);
        ++stats_.full;
        return refuse(in, {Code::service_unavailable, {}});
    }
    RequestArrived& request = in.request;
    const std::uint64_t id = next_id_;
    Fetch fetch{.key = std::move(found.key),
                .uri = std::move(found.uri),
                .target = found.target,
                .method = request.method,
                .hop_limit = found.hop_limit,
                .observes = waiting.observe,
                .cacheable = found.cacheable};
    Options& options = found.options;
    const ResponseCache::Entry* stale = nullptr;
    // An observation must bring every state in full: it is for whoever joins later, too.
    if (waiting.observe && found.cacheable)
        options.remove(OptionNumber::etag);
    else if (found.cacheable)
        stale = cache_.find(fetch.key);
    const auto tag =
        stale != nullptr ? stale->response.options.find(OptionNumber::etag) : std::nullopt;
    fetch.conditional = options.has(OptionNumber::etag);
    // "an endpoint ... can use the ETag Option in the GET request to give the origin server an
    // opportunity" [RFC 7252 §5.6.2]; with FETCH as well [RFC 8132 §2.3.2].
    if (tag && !has_value(only(options, OptionNumber::etag), *tag))
        options.add(OptionNumber::etag, *tag);

    if (const auto* url = std::get_if<HttpUrl>(&found.to)) {
        auto http =
            fetch_of(request.method, *url, options, request.payload,
                     stale != nullptr ? std::string_view(stale->origin_tag) : std::string_view(),
                     options_.http);
        if (!http) {
            if (at_target == 0) targets_.erase(found.target);
            return refuse(in, {http.error(), {}});
        }
        http->id = RequestId{id};
        fetch.http = true;
        out_.push(std::move(*http));
    } else {
        const bool confirmable = request.confirmable || request.peer.is_reliable();
        out_.push(ToBack{Request{.id = RequestId{id},
                                 .peer = std::get<Peer>(found.to),
                                 .code = request.method,
                                 .options = std::move(options),
                                 .payload = std::move(request.payload),
                                 .confirmable = confirmable,
                                 .observe = waiting.observe}});
    }
    ++stats_.forwarded;
    ++next_id_;
    ++at_target;
    ++waiting_;
    fetch.waiting.push_back(std::move(waiting));
    if (fetch.cacheable && (fetch.observes || !asked_.contains(fetch.key))) asked_[fetch.key] = id;
    const auto at = fetches_.emplace(id, std::move(fetch)).first;
    set_deadline(at, after(now, options_.patience));
}

// ---- responses ---------------------------------------------------------------------------------

/// Says 2.03 to a client that has the representation. [RFC 7252 §5.10.6.2]
void Proxy::respond(const Waiting& waiting, Response response) {
    const auto tag = response.options.find(OptionNumber::etag);
    if (response.code == Code::content && tag && has_value(waiting.tags, *tag)) {
        response.code = Code::valid;
        response.payload.clear();
        response.options.remove(OptionNumber::content_format);
    }
    unmask(response, waiting.mask);
    out_.push(ToFront{waiting.client.front, Respond{waiting.exchange, std::move(response)}});
}

void Proxy::on_notification_due(Instant now, const FrontRequest& in) {
    const Client client{in.front, in.request.peer, in.request.token};
    const auto found = observers_.find(client);
    const ExchangeId exchange = in.request.exchange;
    if (found == observers_.end()) {
        out_.push(ToFront{in.front, Respond{exchange, {.code = Code::gateway_timeout}}});
        return;
    }
    Observer& observer = found->second;
    silences_.erase({observer.lost_at, client});
    observer.lost_at = never;
    const Fetch& fetch = fetches_.at(observer.fetch);
    Response response = aged(fetch.latest, now - fetch.latest_at);
    response.observe = !fetch.ended;
    unmask(response, observer.mask);
    const bool over = fetch.ended;
    out_.push(ToFront{in.front, Respond{exchange, std::move(response)}});
    if (over) drop_observer(client);
}

/// False: there is no room for one more, and no relation then.
bool Proxy::observe(const Waiting& waiting, std::uint64_t id) {
    const auto known = observers_.find(waiting.client);
    if (known != observers_.end()) {
        // "the server MUST NOT add a new entry but MUST replace or update the existing one"
        // [RFC 7641 §4.1]
        if (known->second.fetch != id) drop_observer(waiting.client);
    } else if (observers_.size() >= options_.observers_max) {
        ++stats_.observers_refused;
        return false;
    }
    observers_[waiting.client].fetch = id;
    observers_[waiting.client].mask = waiting.mask;
    fetches_.at(id).observers.insert(waiting.client);
    return true;
}

void Proxy::drop_observer(const Client& client) {
    const auto found = observers_.find(client);
    if (found == observers_.end()) return;
    const std::uint64_t id = found->second.fetch;
    silences_.erase({found->second.lost_at, client});
    fetches_.at(id).observers.erase(client);
    observers_.erase(found);
    let_go(id);
}

/// What nobody in front wants any more is cancelled at the back.
void Proxy::let_go(std::uint64_t id) {
    const auto at = fetches_.find(id);
    if (at == fetches_.end()) return;
    Fetch& fetch = at->second;
    if (!fetch.waiting.empty() || !fetch.observers.empty()) return;
    if (!fetch.ended) cancel(at);
    set_deadline(at, never);
    const auto asked = asked_.find(fetch.key);
    if (asked != asked_.end() && asked->second == id) asked_.erase(asked);
    const auto counted = targets_.find(fetch.target);
    if (--counted->second == 0) targets_.erase(counted);
    fetches_.erase(at);
}

void Proxy::cancel(Fetches::iterator at) {
    const RequestId id{at->first};
    if (at->second.http)
        out_.push(HttpCancel{id});
    else
        out_.push(ToBack{Cancel{id}});
}

void Proxy::set_deadline(Fetches::iterator at, Instant deadline) {
    Fetch& fetch = at->second;
    if (fetch.deadline != never) deadlines_.erase({fetch.deadline, at->first});
    fetch.deadline = deadline;
    if (deadline != never) deadlines_.insert({deadline, at->first});
}

}  // namespace causeway::coap
