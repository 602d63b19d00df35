#include "site/coap_http.hpp"

#include "net/endpoint.hpp"
#include "site/text_file.hpp"

namespace causeway::site {
namespace {

net::HttpResponse response_from(unsigned status, const coap::HttpHeaders& headers, std::string body,
                                std::string reason = {}) {
    net::HttpResponse response{.status = status, .body = std::move(body), .type = {}};
    response.reason = std::move(reason);
    for (const auto& [name, value] : headers) {
        if (name == "Content-Type")
            response.type = value;
        else
            response.headers.emplace_back(name, value);
    }
    return response;
}

coap::HttpFailure failure_of(net::HttpFault fault) {
    switch (fault) {
        case net::HttpFault::late:
            return coap::HttpFailure::timeout;
        case net::HttpFault::full:
            return coap::HttpFailure::busy;
        case net::HttpFault::malformed:
        case net::HttpFault::too_large:
        case net::HttpFault::invalid:
            return coap::HttpFailure::bad_response;
        case net::HttpFault::unreachable:
            break;
    }
    return coap::HttpFailure::unreachable;
}

}  // namespace

CoapHttp::CoapHttp(net::Io& io, Tell tell)
    : state_(std::make_unique<State>(State{std::move(tell), {}, {}, 0})),
      client_(std::make_unique<net::HttpClient>(io, net::HttpClient::Options{})) {}

net::Opened<CoapHttp> CoapHttp::open(net::Io& io, const Coap& plan, Tell tell) {
    const CoapHttpPlan& http = *plan.http;
    CoapHttp opened(io, std::move(tell));
    net::HttpServer::Options options;
    options.body_octets_max = plan.body_octets_max;
    options.connections_max = 1024;
    options.any_target = true;  // "/hc/coap://host/" is no path of files
    if (!http.certificate.empty())
        options.tls = net::TlsServer{.certificate = http.certificate,
                                     .key = http.key,
                                     .client_ca = {},
                                     .client_certificate_required = false,
                                     .psk_file = {}};
    if (!http.token_file.empty()) {
        const auto token = read_first_line(http.token_file);
        if (!token) return std::unexpected(net::Trouble{token.error(), {}});
        options.bearer_token = *token;
    }
    opened.scheme_ = options.tls ? "https://" : "http://";
    auto server = net::HttpServer::listen_later(
        io, http.listen,
        [state = opened.state_.get()](const net::HttpRequest& request, net::HttpReply reply) {
            heard(*state, request, reply);
        },
        options);
    if (!server) return std::unexpected(server.error());
    opened.server_ = std::make_unique<net::HttpServer>(*std::move(server));
    return opened;
}

void CoapHttp::heard(State& state, const net::HttpRequest& request, const net::HttpReply& reply) {
    const std::uint64_t id = ++state.last_id;
    state.replies.emplace(id, reply);
    reply.on_gone([&state, id] {
        state.replies.erase(id);
        state.tell(coap::HttpGone{id});
    });
    coap::HttpRequestIn in{.id = id,
                           .method = request.method,
                           .target = request.target_text,
                           .headers = request.headers,
                           .body = request.body,
                           .secure = request.secure};
    if (const auto from = net::Endpoint::parse(request.peer))
        in.client = {.address = from->octets16(), .port = from->port};
    state.tell(std::move(in));
}

void CoapHttp::act(const coap::HttpResponseOut& out) {
    const auto found = state_->replies.find(out.id);
    if (found == state_->replies.end()) return;
    const net::HttpReply reply = found->second;
    state_->replies.erase(found);
    reply.answer(
        response_from(out.answer.status, out.answer.headers, out.answer.body, out.answer.reason));
}

void CoapHttp::act(const coap::HttpStreamBegin& out) {
    const auto found = state_->replies.find(out.id);
    if (found != state_->replies.end())
        found->second.begin(response_from(out.status, out.headers, {}));
}

void CoapHttp::act(const coap::HttpEventOut& out) {
    const auto found = state_->replies.find(out.id);
    if (found != state_->replies.end()) found->second.push(out.event);
}

void CoapHttp::act(const coap::HttpStreamEnd& out) {
    const auto found = state_->replies.find(out.id);
    if (found == state_->replies.end()) return;
    const net::HttpReply reply = found->second;
    state_->replies.erase(found);
    reply.end();
}

void CoapHttp::act(coap::HttpFetch fetch) {
    net::HttpClientRequest request{.method = fetch.method,
                                   .secure = fetch.url.secure,
                                   .host = fetch.url.host,
                                   .port = fetch.url.port,
                                   .target = fetch.url.target,
                                   .headers = std::move(fetch.headers),
                                   .body = std::move(fetch.body)};
    state_->fetches[fetch.id] = client_->fetch(
        std::move(request),
        [state = state_.get(),
         id = fetch.id](std::expected<net::HttpClientResponse, net::HttpClientTrouble>&& done) {
            state->fetches.erase(id);
            if (done)
                state->tell(coap::HttpFetched{id, done->status, std::move(done->headers),
                                              std::move(done->body)});
            else
                state->tell(coap::HttpFailed{id, failure_of(done.error().fault)});
        });
}

void CoapHttp::act(const coap::HttpCancel& cancel) {
    const auto found = state_->fetches.find(cancel.id);
    if (found == state_->fetches.end()) return;
    client_->cancel(found->second);
    state_->fetches.erase(found);
}

std::string CoapHttp::listening_on() const {
    return scheme_ + server_->listening_on();
}

}  // namespace causeway::site
