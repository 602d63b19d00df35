// What comes back to a proxy, from CoAP and from HTTP, and who is told.
#include "coap/proxy.hpp"

#include <algorithm>

namespace causeway::coap {
namespace {

/// What a 5.08 may grow to: "only if there is enough space as determined by the Path MTU".
constexpr std::size_t words_octets_max = 1024;

/// A Location as a path of the target's, which a 2.01 says was made. [RFC 7252 §5.10.7]
std::optional<Uri> created_at(std::string_view target, const Options& options) {
    auto uri = Uri::from_text(target);
    if (!uri || !options.has(OptionNumber::location_path)) return std::nullopt;
    uri->path.clear();
    uri->query.clear();
    for (const Option option : options) {
        if (option.number == OptionNumber::location_path) uri->path.emplace_back(option.as_text());
        if (option.number == OptionNumber::location_query)
            uri->query.emplace_back(option.as_text());
    }
    return *uri;
}

}  // namespace

void Proxy::on_response(Instant now, ResponseArrived&& response) {
    const auto at = fetches_.find(std::to_underlying(response.id));
    if (at == fetches_.end() || at->second.http || at->second.ended) return;
    Fetch& fetch = at->second;
    // "Unsafe options in a response that are not recognized ... MUST lead to a 5.02"
    // [RFC 7252 §5.7.1]
    const bool unfit = first_unacceptable(response.options, true).has_value() ||
                       response.payload.size() > options_.body_octets_max;
    if (unfit) {
        if (response.more_to_come) out_.push(ToBack{Cancel{response.id}});
        return fail(now, at->first, Code::bad_gateway);
    }
    if (fetch.registered && response.more_to_come) ++stats_.notifications;
    fetch.ended = !response.more_to_come;
    // An observation that ends although the resource is there: the target has no room for it.
    const bool lost = fetch.registered && fetch.ended && is_success(response.code);
    fetch.registered = response.more_to_come;
    if (fetch.registered) set_deadline(at, never);
    settle(now, at,
           {response.code, std::move(response.options), std::move(response.payload), false}, {});
    if (lost) fetch.latest = {.code = Code::service_unavailable};
    answer(now, at);
}

void Proxy::on_fetched(Instant now, const HttpFetched& fetched) {
    const auto at = fetches_.find(std::to_underlying(fetched.id));
    if (at == fetches_.end() || !at->second.http || at->second.ended) return;
    if (fetched.body.size() > options_.body_octets_max)
        return fail(now, at->first, Code::bad_gateway);
    at->second.ended = true;
    const std::string* tag = find_header(fetched.headers, "ETag");
    settle(now, at, coap::response_of(fetched, at->second.method, options_.http),
           tag != nullptr ? *tag : std::string());
    answer(now, at);
}

void Proxy::fail(Instant now, std::uint64_t id, Code code) {
    const auto at = fetches_.find(id);
    if (at == fetches_.end()) return;
    ++stats_.failed;
    Fetch& fetch = at->second;
    fetch.ended = true;
    fetch.registered = false;
    fetch.latest = {.code = code};
    fetch.latest_at = now;
    answer(now, at);
}

/// The response becomes the latest state, and the cache learns from it.
void Proxy::settle(Instant now, Fetches::iterator at, Response&& response, std::string origin_tag) {
    Fetch& fetch = at->second;
    fetch.latest = std::move(response);
    fetch.latest_at = now;
    note_hop_limit(fetch.latest);

    const Code code = fetch.latest.code;
    ResponseCache::Entry* entry = fetch.cacheable ? cache_.find(fetch.key) : nullptr;
    const auto tag = fetch.latest.options.find(OptionNumber::etag);
    if (code == Code::valid && entry != nullptr) {
        const auto ours = entry->response.options.find(OptionNumber::etag);
        // A 304 may leave the entity-tag out where only one was asked about; CoAP's 2.03 has it.
        const bool it_is_ours =
            ours && (tag ? same(*ours, *tag) : fetch.http && !fetch.conditional);
        if (it_is_ours) {
            ++stats_.revalidated;
            ResponseCache::refresh(now, *entry, fetch.latest.options);
            cache_.used(*entry);
            fetch.latest = entry->response;
        }
    } else if (fetch.cacheable) {
        cache_.store(now, fetch.key, fetch.latest, std::move(origin_tag));
    } else if (is_success(code) && fetch.method != Code::get && fetch.method != Code::fetch) {
        // "a cache MUST mark any stored response for the changed resource as not fresh"
        // [RFC 7252 §5.9.1.2 to §5.9.1.4; RFC 8132 §3]; forgetting it is that, and simpler.
        cache_.forget_target(fetch.uri);
        if (const auto created = created_at(fetch.uri, fetch.latest.options))
            cache_.forget_target(created->to_text());
    }
}

/// Passes the latest response on to whoever waits for it, and tells whoever observes.
void Proxy::answer(Instant now, Fetches::iterator at) {
    const std::uint64_t id = at->first;
    Fetch& fetch = at->second;
    if (fetch.ended) {
        // Nobody joins any more.
        const auto asked = asked_.find(fetch.key);
        if (asked != asked_.end() && asked->second == id) asked_.erase(asked);
        set_deadline(at, never);
    }
    for (const Client& client : fetch.observers) {
        Observer& observer = observers_.at(client);
        if (observer.lost_at == never) {
            observer.lost_at = after(now, options_.observer_patience);
            silences_.insert({observer.lost_at, client});
        }
        out_.push(ToFront{client.front, ObserverChanged{client.peer, client.token, false}});
    }
    waiting_ -= fetch.waiting.size();
    for (const Waiting& waiting : std::exchange(fetch.waiting, {})) {
        Response response = fetch.latest;
        response.observe = waiting.observe && fetch.registered && observe(waiting, id);
        respond(waiting, std::move(response));
    }
    let_go(id);
}

/// "Each intermediate proxy involved in relaying a 5.08 ... prepends its own identifier"; one that
/// finds it there already "MUST NOT forward" it. [RFC 8768 §4]
void Proxy::note_hop_limit(Response& response) {
    if (response.code != Code::hop_limit_reached) return;
    ++stats_.loops;
    const std::string path = " " + std::string(as_text(response.payload)) + " ";
    if (path.contains(" " + options_.name + " ")) {
        response = {.code = Code::bad_gateway};
        return;
    }
    std::string said = options_.name;
    if (!response.payload.empty()) said += " " + std::string(as_text(response.payload));
    if (said.size() <= words_octets_max) response.payload = to_octets(as_octets(said));
}

}  // namespace causeway::coap
