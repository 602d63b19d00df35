#include "coap/proxy.hpp"

#include <algorithm>

namespace causeway::coap {
namespace {

Settings forwarding(Settings settings) noexcept {
    settings.forwarding = true;
    return settings;
}

bool is_scheme(std::string_view scheme, std::string_view wanted) noexcept {
    return std::ranges::equal(scheme, wanted, [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
    });
}

/// Where a proxy request wants to go, or what to say to it. [RFC 7252 §5.10.2]
std::expected<Uri, Code> target_of(const Options& options) {
    if (const auto text = options.text(OptionNumber::proxy_uri)) {
        const auto uri = Uri::from_text(*text);
        if (!uri)
            return std::unexpected(uri.error() == UriFault::scheme ? Code::proxying_not_supported
                                                                   : Code::bad_option);
        if (uri->secure) return std::unexpected(Code::proxying_not_supported);
        return *uri;
    }
    const auto scheme = options.text(OptionNumber::proxy_scheme);
    if (!scheme || !is_scheme(*scheme, "coap"))
        return std::unexpected(Code::proxying_not_supported);
    // Without a host the target would be this proxy.
    if (!options.has(OptionNumber::uri_host)) return std::unexpected(Code::bad_option);
    const auto uri = Uri::from_options(options, Peer{{}, default_port});
    if (!uri) return std::unexpected(Code::bad_option);
    return *uri;
}

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

Code code_for(Failure failure) noexcept {
    switch (failure) {
        case Failure::timeout:
            return Code::gateway_timeout;
        case Failure::queue_full:
            return Code::service_unavailable;
        default:
            return Code::bad_gateway;
    }
}

}  // namespace

ForwardProxy::ForwardProxy(const ProxySettings& settings, Resolver resolve, Random random,
                           Instant now, Teller teller)
    : front_(forwarding(settings.front), random.fork(1), now, teller),
      back_(forwarding(settings.back), random.fork(2), now, teller),
      resolve_(std::move(resolve)),
      cache_(settings.cache) {}

void ForwardProxy::handle(Instant now, Input in) {
    std::visit(Overloaded{
                   [&](FrontDatagram& event) {
                       front_.handle(now, DatagramReceived{event.peer, std::move(event.datagram)});
                   },
                   [&](BackDatagram& event) {
                       back_.handle(now, DatagramReceived{event.peer, std::move(event.datagram)});
                   },
                   [&](BackUnreachable& event) { back_.handle(now, PeerUnreachable{event.peer}); },
               },
               in);
    drain(now);
}

void ForwardProxy::handle_timeout(Instant now) {
    front_.handle_timeout(now);
    back_.handle_timeout(now);
    drain(now);
}

/// What one endpoint puts out may be work for the other; until both are silent.
void ForwardProxy::drain(Instant now) {
    for (;;) {
        if (auto out = front_.poll_output()) {
            if (auto* send = std::get_if<SendDatagram>(&*out))
                out_.push(SendFront{send->peer, std::move(send->datagram)});
            else if (auto* request = std::get_if<RequestArrived>(&*out))
                on_request(now, std::move(*request));
            continue;
        }
        if (auto out = back_.poll_output()) {
            if (auto* send = std::get_if<SendDatagram>(&*out))
                out_.push(SendBack{send->peer, std::move(send->datagram)});
            else if (auto* response = std::get_if<ResponseArrived>(&*out))
                on_response(now, std::move(*response));
            else if (const auto* failure = std::get_if<RequestFailed>(&*out))
                on_failure(now, *failure);
            else if (const auto* request = std::get_if<RequestArrived>(&*out))
                // Nobody at the back is served here.
                back_.handle(now, Respond{request->exchange, {Code::not_found, {}, {}, false}});
            continue;
        }
        if (front_.stats().observers_removed == removed_seen_) return;
        removed_seen_ = front_.stats().observers_removed;
        tidy_up(now);
    }
}

ForwardProxy::Fetch* ForwardProxy::find(RequestId id) noexcept {
    for (const auto& fetch : fetches_)
        if (fetch->id == id) return fetch.get();
    return nullptr;
}

ForwardProxy::Fetch* ForwardProxy::find(Bytes key) noexcept {
    Fetch* found = nullptr;
    for (const auto& fetch : fetches_) {
        if (fetch->ended || fetch->method != Code::get || !same(fetch->key, key)) continue;
        if (found == nullptr || fetch->observes) found = fetch.get();  // rather one that observes
    }
    return found;
}

// ---- in front ----------------------------------------------------------------------------------

void ForwardProxy::refuse(Instant now, ExchangeId exchange, Code code) {
    front_.handle(now, Respond{exchange, {code, {}, {}, false}});
}

void ForwardProxy::on_request(Instant now, RequestArrived&& request) {
    if (request.notification) return on_notification_due(now, request);
    ++stats_.requests;
    const bool for_proxy = request.options.has(OptionNumber::proxy_uri) ||
                           request.options.has(OptionNumber::proxy_scheme);
    if (!for_proxy) return on_local(now, request);
    const auto uri = target_of(request.options);
    const auto target = uri ? resolve_(uri->host, uri->port) : std::nullopt;
    if (!target || target->is_multicast()) {
        // "unwilling or unable to act as proxy for the request URI" [RFC 7252 §5.7.2]
        ++stats_.refused;
        return refuse(now, request.exchange, uri ? Code::proxying_not_supported : uri.error());
    }
    forward(now, std::move(request), *uri, *target);
}

/// The proxy has no resources, and says so in the one place where it is asked for them.
void ForwardProxy::on_local(Instant now, const RequestArrived& request) {
    ++stats_.local;
    if (!request.options.path_is("/.well-known/core"))
        return refuse(now, request.exchange, Code::not_found);
    if (request.method != Code::get) return refuse(now, request.exchange, Code::method_not_allowed);
    Response nothing;
    nothing.options.add_uint(OptionNumber::content_format,
                             std::to_underlying(ContentFormat::link_format));
    front_.handle(now, Respond{request.exchange, std::move(nothing)});
}

void ForwardProxy::forward(Instant now, RequestArrived&& request, const Uri& uri,
                           const Peer& target) {
    Request onward;
    onward.peer = target;
    onward.code = request.method;
    onward.confirmable = request.confirmable;
    // Unsafe options that nobody knows did not get here: the endpoint refused them. The rest goes
    // on as it is, but for those that named the target. [RFC 7252 §5.7.1, §5.7.2]
    for (const Option option : request.options)
        if (!stays_here(option.number)) onward.options.add(option.number, option.value);
    uri.add_to(onward.options, target);

    Octets key = cache_key(target, request.method, onward.options);
    Waiting waiting{request.exchange,
                    {request.peer, request.token},
                    request.observe,
                    only(request.options, OptionNumber::etag)};
    if (request.method == Code::get) {
        if (answer_at_once(now, request, key)) return;
        Fetch* same_fetch = find(key);
        const bool joins = same_fetch != nullptr && waiting.tags.empty() &&
                           (same_fetch->observes || !request.observe) &&
                           !same_fetch->waiting.empty();
        if (joins) {
            ++stats_.joined;
            same_fetch->waiting.push_back(std::move(waiting));
            return;
        }
    }
    ++stats_.forwarded;
    auto fetch = std::make_unique<Fetch>();
    fetch->id = RequestId{++last_id_};
    fetch->method = request.method;
    fetch->observes = request.observe;
    // An observation must bring every state in full: it is for whoever joins later, too.
    if (request.observe) onward.options.remove(OptionNumber::etag);
    if (request.method == Code::get && !request.observe)
        if (const ResponseCache::Entry* stale = cache_.find(key))
            if (const auto tag = stale->response.options.find(OptionNumber::etag)) {
                // "an endpoint ... can use the ETag Option in the GET request to give the origin
                // server an opportunity" [RFC 7252 §5.6.2]
                onward.options.add(OptionNumber::etag, *tag);
                fetch->revalidates = true;
            }
    fetch->key = std::move(key);
    fetch->waiting.push_back(std::move(waiting));
    onward.id = fetch->id;
    onward.observe = request.observe;
    onward.payload = std::move(request.payload);
    fetches_.push_back(std::move(fetch));
    back_.handle(now, std::move(onward));
}

/// From an observation under way, or from the cache.
bool ForwardProxy::answer_at_once(Instant now, const RequestArrived& request, Bytes key) {
    const Options tags = only(request.options, OptionNumber::etag);
    Fetch* fetch = find(key);
    if (fetch != nullptr && fetch->registered && request.observe) {
        // "MUST register itself only once with the next hop and fan out" [RFC 7641 §5]
        ++stats_.joined;
        Response response = aged(fetch->latest, now - fetch->latest_at);
        response.observe = true;
        const Client client{request.peer, request.token};
        respond(now, request.exchange, std::move(response), tags);
        std::erase_if(fetch->observers, [&](const Client& c) {
            return c.peer == client.peer && c.token == client.token;
        });
        if (front_.observed_by(client.peer, client.token)) fetch->observers.push_back(client);
        return true;
    }
    if (request.observe) return false;
    ResponseCache::Entry* entry = cache_.find(key);
    if (entry == nullptr || entry->fresh_until <= now) return false;
    ++stats_.from_cache;
    entry->used = now;
    respond(now, request.exchange, aged(entry->response, now - entry->stored), tags);
    return true;
}

/// Says 2.03 to a client that has the representation. [RFC 7252 §5.10.6.2]
void ForwardProxy::respond(Instant now, ExchangeId exchange, Response response,
                           const Options& tags) {
    const auto tag = response.options.find(OptionNumber::etag);
    if (response.code == Code::content && tag) {
        const bool held = std::ranges::any_of(
            tags, [&](const Option& option) { return same(option.value, *tag); });
        if (held) {
            response.code = Code::valid;
            response.payload.clear();
        }
    }
    front_.handle(now, Respond{exchange, std::move(response)});
}

void ForwardProxy::on_notification_due(Instant now, const RequestArrived& request) {
    for (const auto& fetch : fetches_)
        for (const Client& client : fetch->observers) {
            if (client.peer != request.peer || client.token != request.token) continue;
            Response response = aged(fetch->latest, now - fetch->latest_at);
            response.observe = true;
            front_.handle(now, Respond{request.exchange, std::move(response)});
            return;
        }
    refuse(now, request.exchange, Code::gateway_timeout);
}

// ---- at the back -------------------------------------------------------------------------------

void ForwardProxy::on_response(Instant now, ResponseArrived&& response) {
    Fetch* fetch = find(response.id);
    if (fetch == nullptr) return;
    if (fetch->registered && response.more_to_come) ++stats_.notifications;
    fetch->ended = !response.more_to_come;
    // An observation that ends although the resource is there: the target has no room for it.
    const bool lost = fetch->registered && fetch->ended && is_success(response.code);
    fetch->registered = response.more_to_come;
    fetch->latest = {response.code, std::move(response.options), std::move(response.payload),
                     false};
    fetch->latest_at = now;

    ResponseCache::Entry* entry = fetch->method == Code::get ? cache_.find(fetch->key) : nullptr;
    const auto tag = fetch->latest.options.find(OptionNumber::etag);
    if (fetch->latest.code == Code::valid && entry != nullptr && tag) {
        const auto ours = entry->response.options.find(OptionNumber::etag);
        if (ours && same(*ours, *tag)) {
            ++stats_.revalidated;
            ResponseCache::refresh(now, *entry, fetch->latest.options);
            fetch->latest = entry->response;
        }
    } else if (fetch->method == Code::get) {
        cache_.store(now, fetch->key, fetch->latest);
    } else if (is_success(fetch->latest.code) && fetch->method != Code::fetch) {
        // "a cache MUST mark any stored response for the changed resource as not fresh"
        // [RFC 7252 §5.9.1.4]; forgetting it is that, and simpler.
        cache_.forget_target(fetch->key);
    }
    if (lost) fetch->latest = {Code::service_unavailable, {}, {}, false};
    answer(now, *fetch, response.more_to_come);
}

void ForwardProxy::on_failure(Instant now, const RequestFailed& failure) {
    Fetch* fetch = find(failure.id);
    if (fetch == nullptr) return;
    ++stats_.failed;
    fetch->ended = true;
    fetch->registered = false;
    fetch->latest = {code_for(failure.reason), {}, {}, false};
    fetch->latest_at = now;
    answer(now, *fetch, false);
}

/// Passes the latest response on to whoever waits for it and whoever observes.
void ForwardProxy::answer(Instant now, Fetch& fetch, bool observable) {
    for (const Client& client : fetch.observers)
        front_.handle(now, ObserverChanged{client.peer, client.token, false});
    for (const Waiting& waiting : std::exchange(fetch.waiting, {})) {
        Response response = fetch.latest;
        response.observe = waiting.observe && observable;
        const bool observes = response.observe;
        respond(now, waiting.exchange, std::move(response), waiting.tags);
        if (observes && front_.observed_by(waiting.client.peer, waiting.client.token))
            fetch.observers.push_back(waiting.client);
    }
    tidy_up(now);
}

/// Lets go of clients that no longer observe, and of what nobody in front wants.
void ForwardProxy::tidy_up(Instant now) {
    std::vector<RequestId> unwanted;
    std::erase_if(fetches_, [&](const auto& fetch) {
        std::erase_if(fetch->observers, [&](const Client& client) {
            return !front_.observed_by(client.peer, client.token);
        });
        if (!fetch->waiting.empty() || !fetch->observers.empty()) return false;
        if (!fetch->ended) unwanted.push_back(fetch->id);
        return true;
    });
    for (const RequestId id : unwanted) back_.handle(now, Cancel{id});
}

}  // namespace causeway::coap
