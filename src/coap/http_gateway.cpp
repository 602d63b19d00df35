#include "coap/http_gateway.hpp"

#include <algorithm>

namespace causeway::coap {
namespace {

Token token_of(std::uint64_t number) {
    Octets octets(8);
    ByteWriter out(octets);
    out.be64(number);
    return Token(octets);
}

std::uint64_t number_of(const Token& token) {
    ByteReader in(token.bytes());
    return in.be64();
}

UriTemplate template_of(std::string& text) {
    auto read = UriTemplate::parse(text);
    if (read) return std::move(*read);
    text = "{+tu}";
    return *UriTemplate::parse(text);
}

/// Milliseconds after which a client asks again for what cannot be observed.
std::string retry_after(const Options& options) {
    const std::uint64_t seconds = options.uint(OptionNumber::max_age).value_or(60);
    return "retry: " + std::to_string(std::clamp<std::uint64_t>(seconds, 1, 3600) * 1000) + "\n";
}

}  // namespace

HttpGateway::HttpGateway(Options options)
    : options_(std::move(options)), hct_(template_of(options_.mapping.hct)) {}

HttpGateway::Stats HttpGateway::stats() const noexcept {
    Stats stats = stats_;
    for (const auto& [number, exchange] : exchanges_)
        stats.pending += !exchange.stream && !exchange.gone ? 1u : 0u;
    return stats;
}

void HttpGateway::handle(Instant /*now*/, Input in) {
    std::visit(Overloaded{
                   [&](HttpRequestIn& event) { on_request(std::move(event)); },
                   [&](HttpGone& event) { on_gone(event.id); },
                   [&](Proxy::ToFront& event) { on_front(std::move(event)); },
               },
               in);
}

// ---- requests ----------------------------------------------------------------------------------

void HttpGateway::refuse(std::uint64_t id, const HttpRefusal& refusal) {
    ++stats_.refused;
    HttpAnswer answer{.status = refusal.status, .body = refusal.why + "\n"};
    answer.headers.emplace_back("Content-Type", "text/plain;charset=utf-8");
    if (refusal.status == 503) answer.headers.emplace_back("Retry-After", "5");
    out_.push(HttpResponseOut{id, std::move(answer)});
}

/// Our own name among those who passed it on. [RFC 9110 §7.6.3]
bool HttpGateway::went_through_here(const HttpHeaders& headers) const {
    const std::string via = joined_header(headers, "Via");
    std::string_view rest = via;
    while (!rest.empty()) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        std::string_view one = rest.substr(0, comma);
        rest.remove_prefix(std::min(comma + 1, rest.size()));
        while (one.starts_with(' ')) one.remove_prefix(1);
        const std::size_t blank = one.find(' ');
        if (blank == std::string_view::npos) continue;
        one.remove_prefix(blank + 1);
        if (one.substr(0, one.find(' ')) == options_.mapping.name) return true;
    }
    return false;
}

/// "The URI mapping SHOULD be discoverable ... on both the HTTP and the CoAP side" [RFC 8075 §5.5]
bool HttpGateway::discovers(const HttpRequestIn& in) const {
    if (in.method != "GET" && in.method != "HEAD") return false;
    constexpr std::string_view path = "/.well-known/core";
    if (!in.target.starts_with(path)) return false;
    const std::string_view query = std::string_view(in.target).substr(path.size());
    // Other links are the owner's to tell.
    return query == "?rt=core.hc" || (query.empty() && !options_.mapping.null_mapping);
}

void HttpGateway::on_request(HttpRequestIn&& in) {
    ++stats_.requests;
    const auto full = [&](unsigned status, std::string_view why) {
        ++stats_.full;
        refuse(in.id, {status, std::string(why)});
    };
    if (went_through_here(in.headers)) {
        ++stats_.loops;
        return refuse(in.id, {508, "this request was here before"});
    }
    if (in.body.size() > options_.body_octets_max) return full(413, "the body is too large");
    if (numbers_.contains(in.id) || exchanges_.size() - streams_ >= options_.requests_max)
        return full(503, "too many requests are under way");
    if (discovers(in)) {
        ++stats_.answered;
        HttpAnswer answer{.body = hc_link(options_.mapping)};
        answer.headers.emplace_back("Content-Type", media_type_of(ContentFormat::link_format));
        out_.push(HttpResponseOut{in.id, std::move(answer)});
        return;
    }
    auto question = question_of({.method = in.method,
                                 .target = in.target,
                                 .headers = in.headers,
                                 .body = in.body,
                                 .secure = in.secure},
                                options_.mapping, hct_);
    if (!question) return refuse(in.id, question.error());
    if (question->observe) {
        if (observing_ >= options_.streams_max) return full(503, "too many clients observe");
        ++observing_;
        // Whole states are wanted, not the news that one is known.
        question->options.remove(OptionNumber::etag);
    }
    const std::uint64_t number = ++last_number_;
    numbers_[in.id] = number;
    Exchange& exchange = exchanges_[number];
    exchange.id = in.id;
    exchange.question = std::move(*question);
    exchange.client = in.client;
    ask(number, exchange, false);
}

void HttpGateway::ask(std::uint64_t number, const Exchange& exchange, bool notification) {
    const Question& question = exchange.question;
    Proxy::FrontRequest request{.request = {.exchange = ExchangeId{number},
                                            .peer = exchange.client,
                                            .method = question.method,
                                            .options = question.options,
                                            .payload = question.payload,
                                            .token = token_of(number),
                                            .confirmable = true,
                                            .observe = question.observe && !notification,
                                            .notification = notification},
                                .front = options_.front,
                                .bypass_cache = question.bypass_cache};
    if (exchange.accept < question.accepts.size())
        if (const auto format = question.accepts[exchange.accept])
            request.request.options.set_uint(OptionNumber::accept, std::to_underlying(*format));
    out_.push(std::move(request));
}

void HttpGateway::on_gone(std::uint64_t id) {
    const auto known = numbers_.find(id);
    if (known == numbers_.end()) return;
    const auto at = exchanges_.find(known->second);
    Exchange& exchange = at->second;
    if (!exchange.stream) ++stats_.left;
    if (exchange.stream) forget_observer(at);
    if (exchange.stream || !exchange.question.observe) return end(at);
    // Its answer may make an observer of it, who is to be told off then.
    exchange.gone = true;
    numbers_.erase(known);
}

void HttpGateway::forget_observer(Exchanges::iterator at) {
    out_.push(Proxy::FrontObserverGone{{at->second.client, token_of(at->first)}, options_.front});
}

void HttpGateway::end(Exchanges::iterator at) {
    const Exchange& exchange = at->second;
    if (exchange.stream) --streams_;
    if (exchange.question.observe) --observing_;
    if (!exchange.gone) numbers_.erase(exchange.id);
    exchanges_.erase(at);
}

// ---- responses ---------------------------------------------------------------------------------

void HttpGateway::on_front(Proxy::ToFront&& in) {
    std::visit(Overloaded{
                   [&](Respond& event) {
                       const auto at = exchanges_.find(std::to_underlying(event.exchange));
                       if (at != exchanges_.end()) on_response(at, std::move(event.response));
                   },
                   [&](Decline& event) {
                       const auto at = exchanges_.find(std::to_underlying(event.exchange));
                       if (at != exchanges_.end())
                           on_response(at, {.code = Code::service_unavailable});
                   },
                   [&](ObserverChanged& event) {
                       const auto at = exchanges_.find(number_of(event.token));
                       if (at != exchanges_.end() && at->second.stream)
                           ask(at->first, at->second, true);
                   },
               },
               in.event);
}

void HttpGateway::on_response(Exchanges::iterator at, Response&& response) {
    Exchange& exchange = at->second;
    const Question& question = exchange.question;
    if (exchange.gone) {
        if (response.observe) forget_observer(at);
        return end(at);
    }
    const bool reads = question.method == Code::get || question.method == Code::fetch;
    if (!exchange.stream && reads && response.code == Code::not_acceptable &&
        exchange.accept + 1 < question.accepts.size()) {
        // "which are then tried in sequence until one succeeds" [RFC 8075 §6.1]
        ++stats_.retried;
        ++exchange.accept;
        return ask(at->first, exchange, false);
    }
    const std::uint64_t id = exchange.id;
    if (!exchange.stream && (!question.observe || !is_success(response.code))) {
        ++stats_.answered;
        out_.push(HttpResponseOut{id, answer_of(response, question, options_.mapping, hct_)});
        return end(at);
    }
    std::string event;
    if (!exchange.stream) {
        ++stats_.streamed;
        ++streams_;
        exchange.stream = true;
        out_.push(HttpStreamBegin{.id = id,
                                  .headers = {{"Content-Type", "text/event-stream"},
                                              {"Cache-Control", "no-store"},
                                              {"Via", "CoAP/1 " + options_.mapping.name}}});
        if (!response.observe) event = retry_after(response.options);
    }
    ++stats_.events;
    out_.push(HttpEventOut{id, event + event_of(response, ++exchange.events)});
    if (response.observe) return;
    out_.push(HttpStreamEnd{id});
    end(at);
}

// ---- both together -----------------------------------------------------------------------------

CrossProxy::CrossProxy(ProxyOptions proxy, HttpGateway::Options http, Router route,
                       HttpRouter http_route, Teller teller)
    : front_(http.front),
      proxy_(std::move(proxy), std::move(route), std::move(http_route), teller),
      gateway_(std::move(http)) {}

void CrossProxy::handle(Instant now, Input in) {
    std::visit(
        [&]<class Event>(Event& event) {
            if constexpr (std::is_constructible_v<HttpGateway::Input, Event>)
                gateway_.handle(now, std::move(event));
            else
                proxy_.handle(now, std::move(event));
        },
        in);
    drain(now);
}

void CrossProxy::handle_timeout(Instant now) {
    proxy_.handle_timeout(now);
    drain(now);
}

void CrossProxy::drain(Instant now) {
    for (;;) {
        if (auto out = proxy_.poll_output()) {
            auto* front = std::get_if<Proxy::ToFront>(&*out);
            if (front != nullptr && front->front == front_)
                gateway_.handle(now, std::move(*front));
            else
                std::visit([&](auto& event) { out_.push(std::move(event)); }, *out);
            continue;
        }
        auto out = gateway_.poll_output();
        if (!out) return;
        std::visit(
            [&]<class Event>(Event& event) {
                if constexpr (std::is_constructible_v<Proxy::Input, Event>)
                    proxy_.handle(now, std::move(event));
                else
                    out_.push(std::move(event));
            },
            *out);
    }
}

}  // namespace causeway::coap
