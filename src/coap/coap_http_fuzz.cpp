// Any HTTP requests to the gateway and any answers of what is behind it, CoAP's and HTTP's.
#include "coap/http_gateway.hpp"
#include "coap/testing.hpp"

using namespace causeway;
using namespace causeway::coap;

namespace {

class Session {
public:
    explicit Session(Bytes script)
        : script_(script), cross_(proxy_options(), gateway_options(), route, allow) {}

    void run() {
        for (int steps = 0; script_.more() && steps < 200; ++steps) {
            step();
            drain();
        }
        // Whatever happened, nobody waits for ever.
        for (int steps = 0; steps < 1000 && cross_.next_deadline() != never; ++steps) {
            now_ = std::max(now_, cross_.next_deadline());
            cross_.handle_timeout(now_);
            drain();
        }
        CAUSEWAY_ASSERT(cross_.gateway().stats().pending == 0);
    }

private:
    struct HttpHeaderPair {
        const char* name;
        const char* value;
    };

    static ProxyOptions proxy_options() {
        ProxyOptions options;
        options.reverse = {{"/n/{a}", "coap://[{a}]"}, {"/w", "http://w/"}, {"/x/{y}", "{y}"}};
        options.cache = {.entries_max = 3, .octets_max = 200};
        options.fetches_max = 6;
        options.fetches_per_target_max = 4;
        options.waiting_max = 8;
        options.observers_max = 3;
        options.body_octets_max = 300;
        return options;
    }
    static HttpGateway::Options gateway_options() {
        HttpGateway::Options options;
        options.requests_max = 8;
        options.streams_max = 4;
        options.body_octets_max = 300;
        return options;
    }
    static Route route(const Uri& uri, const Peer&) {
        const auto peer = uri.peer();
        if (uri.host == "here") return RouteHere{};
        return peer ? Route(*peer) : Route(Refusal{Code::bad_gateway, "who?"});
    }
    static std::optional<Refusal> allow(const HttpUrl&, const Peer&) { return std::nullopt; }

    std::string text() {
        const std::size_t size = std::min<std::size_t>(script_.u8(), script_.remaining());
        return std::string(as_text(script_.take(size)));
    }

    HttpRequestIn request() {
        static constexpr std::array<const char*, 8> targets{"/hc/coap://%5Bfd00::7%5D/a",
                                                            "/hc/coap://%5Bfd00::7%5D/b?c",
                                                            "/hc/http://w/",
                                                            "/n/fd00::7/.well-known/core",
                                                            "/w/a",
                                                            "/hc/coap://here/a",
                                                            "/a",
                                                            "coap://[fd00::8]/"};
        static constexpr std::array<const char*, 6> methods{"GET",    "PUT",   "POST",
                                                            "DELETE", "PATCH", "QUERY"};
        static constexpr std::array<HttpHeaderPair, 10> headers{{
            {"Accept", "text/event-stream"},
            {"Accept", "application/cbor, */*;q=0.1"},
            {"If-None-Match", "\"01\""},
            {"If-Match", "*"},
            {"Cache-Control", "no-cache"},
            {"Content-Type", "application/json"},
            {"Via", "1.1 causeway"},
            {"Content-Encoding", "gzip"},
            {"If-None-Match", "*"},
            {"Accept", "application/json"},
        }};
        HttpRequestIn in{.id = script_.u8() % 16u};
        const unsigned kind = script_.u8();
        in.method = methods[kind % methods.size()];
        in.target = (kind & 64) != 0 ? text() : targets[script_.u8() % targets.size()];
        for (unsigned wanted = script_.u8(); wanted != 0; wanted >>= 4)
            if ((wanted & 15u) < headers.size())
                in.headers.emplace_back(headers[wanted & 15u].name, headers[wanted & 15u].value);
        if ((kind & 128) != 0) in.headers.emplace_back(text(), text());
        if (in.method != "GET") in.body = text();
        return in;
    }

    void step() {
        switch (script_.u8() % 6) {
            case 0:
            case 1:
            case 2:
                return cross_.handle(now_, request());
            case 3: {
                if (http_.id != RequestId{} && script_.u8() % 2 == 0) {
                    HttpFetched fetched{.id = http_.id};
                    fetched.status = 100 + script_.u8() * 2u;
                    fetched.headers = {{"Content-Type", text()}, {"Cache-Control", text()}};
                    fetched.headers.emplace_back("ETag", text());
                    fetched.headers.emplace_back("Expires", text());
                    fetched.body = text();
                    return cross_.handle(now_, std::move(fetched));
                }
                return cross_.handle(now_, response());
            }
            case 4:
                now_ += std::chrono::seconds(script_.u8());
                return cross_.handle_timeout(now_);
            default:
                if (script_.u8() % 2 == 0) return cross_.handle(now_, HttpGone{script_.u8() % 16u});
                return cross_.handle(now_, RequestFailed{coap_, Failure(script_.u8() % 11u)});
        }
    }

    ResponseArrived response() {
        ResponseArrived response{.id = coap_};
        response.code = script_.u8() % 4 == 0 ? Code{script_.u8()} : Code::content;
        const unsigned wanted = script_.u8();
        if ((wanted & 1) != 0) response.more_to_come = true;
        if ((wanted & 2) != 0) response.options.add(OptionNumber::etag, Octets{std::byte{1}});
        if ((wanted & 4) != 0) response.options.add_uint(OptionNumber::max_age, script_.u8());
        if ((wanted & 8) != 0) response.options.add_uint(OptionNumber::content_format, 40);
        if ((wanted & 16) != 0) response.options.add_text(OptionNumber::location_path, text());
        if ((wanted & 32) != 0) response.options.add_uint(OptionNumber::content_format, 0);
        response.payload = testing::text(text());
        return response;
    }

    void drain() {
        while (auto out = cross_.poll_output()) {
            if (const auto* back = std::get_if<Proxy::ToBack>(&*out)) {
                if (const auto* request = std::get_if<Request>(&back->event)) coap_ = request->id;
            } else if (const auto* fetch = std::get_if<HttpFetch>(&*out)) {
                http_ = *fetch;
            } else if (auto* local = std::get_if<Proxy::Local>(&*out)) {
                cross_.handle(now_,
                              Proxy::ToFront{local->front, Respond{local->request.exchange, {}}});
            } else if (const auto* event = std::get_if<HttpEventOut>(&*out)) {
                CAUSEWAY_ASSERT(event->event.ends_with("\n\n"));
            }
        }
        CAUSEWAY_ASSERT(cross_.gateway().stats().balanced());
        CAUSEWAY_ASSERT(cross_.proxy().stats().balanced());
        CAUSEWAY_ASSERT(cross_.proxy().fetches() <= 6 && cross_.proxy().observers() <= 3);
    }

    ByteReader script_;
    Instant now_ = testing::start;
    CrossProxy cross_;
    RequestId coap_{};
    HttpFetch http_;
};

void check_uris(std::string_view text) {
    const std::size_t half = text.size() / 2;
    const auto hct = UriTemplate::parse(text.substr(0, half));
    if (hct) {
        if (const auto uri = hct->match(text.substr(half))) (void)Uri::from_text(*uri);
        (void)hct->expand(*Uri::from_text("coap://[fd00::1]:7/a?b"));
    }
    if (const auto url = HttpUrl::from_text(text)) {
        const std::string again = url->to_text();
        CAUSEWAY_ASSERT(HttpUrl::from_text(again) == *url);
    }
    if (const auto format = content_format_of(text, {}))
        CAUSEWAY_ASSERT(content_format_of(media_type_of(*format), {}) == format);
    CAUSEWAY_ASSERT(accepts_of(text, {}).size() <= accepts_max);
    if (const auto tag = tag_of_ours(text)) CAUSEWAY_ASSERT(http_tag_of(*tag) == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes octets = std::as_bytes(std::span(data, size));
    check_uris(as_text(octets));
    Session(octets).run();
    return 0;
}
