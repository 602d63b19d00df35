// A Proxy between two endpoints.
#include "coap/proxy.hpp"

#include <algorithm>

namespace causeway::coap {
namespace {

Settings forwarding(Settings settings) noexcept {
    settings.forwarding = true;
    return settings;
}

ProxyOptions options_of(const ProxySettings& settings) {
    ProxyOptions options;
    options.cache = settings.cache;
    options.body_octets_max = settings.front.body_octets_max;
    // The front has given up on whoever waited longer.
    options.patience = std::min(options.patience, settings.front.response_timeout);
    return options;
}

/// Plain CoAP over UDP, and nothing else.
Router router_of(Resolver resolve) {
    return [resolve = std::move(resolve)](const Uri& uri, const Peer&) -> Route {
        if (uri.transport != Transport::udp) return Refusal{};
        const auto peer = resolve(uri.host, uri.port);
        return peer ? Route(*peer) : Route(Refusal{});
    };
}

EndpointInput input_of(auto&& event) {
    return std::visit([](auto& e) { return EndpointInput(std::move(e)); }, event);
}

}  // namespace

ForwardProxy::ForwardProxy(const ProxySettings& settings, Resolver resolve, Random random,
                           Instant now, Teller teller)
    : front_(forwarding(settings.front), random.fork(1), now, teller),
      back_(forwarding(settings.back), random.fork(2), now, teller),
      proxy_(options_of(settings), router_of(std::move(resolve)), {}, teller) {}

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
    proxy_.handle_timeout(now);
    drain(now);
}

/// What one of the three puts out may be work for another; until all are silent.
void ForwardProxy::drain(Instant now) {
    while (drain_front(now) || drain_back(now) || drain_proxy(now)) {
    }
}

bool ForwardProxy::drain_front(Instant now) {
    auto out = front_.poll_output();
    if (!out) return false;
    if (auto* send = std::get_if<SendDatagram>(&*out)) {
        out_.push(SendFront{send->peer, std::move(send->datagram)});
    } else if (auto* request = std::get_if<RequestArrived>(&*out)) {
        if (request->observe || request->notification)
            asking_[request->exchange] = {request->peer, request->token};
        proxy_.handle(now, Proxy::FrontRequest{.request = std::move(*request)});
    } else if (const auto* gone = std::get_if<ObserverGone>(&*out)) {
        if (!front_.observed_by(gone->peer, gone->token))
            proxy_.handle(now, Proxy::FrontObserverGone{*gone});
    }
    return true;
}

bool ForwardProxy::drain_back(Instant now) {
    auto out = back_.poll_output();
    if (!out) return false;
    if (auto* send = std::get_if<SendDatagram>(&*out))
        out_.push(SendBack{send->peer, std::move(send->datagram)});
    else if (auto* response = std::get_if<ResponseArrived>(&*out))
        proxy_.handle(now, std::move(*response));
    else if (const auto* failure = std::get_if<RequestFailed>(&*out))
        proxy_.handle(now, *failure);
    else if (const auto* request = std::get_if<RequestArrived>(&*out))
        // Nobody at the back is served here.
        back_.handle(now, Respond{request->exchange, {Code::not_found, {}, {}, false}});
    return true;
}

bool ForwardProxy::drain_proxy(Instant now) {
    auto out = proxy_.poll_output();
    if (!out) return false;
    if (auto* front = std::get_if<Proxy::ToFront>(&*out)) {
        if (auto* response = std::get_if<Respond>(&front->event))
            respond(now, std::move(*response));
        else
            front_.handle(now, input_of(front->event));
    } else if (auto* back = std::get_if<Proxy::ToBack>(&*out)) {
        back_.handle(now, input_of(back->event));
    } else if (const auto* local = std::get_if<Proxy::Local>(&*out)) {
        on_local(now, local->request);
    }
    return true;
}

/// The proxy has no resources, and says so in the one place where it is asked for them.
void ForwardProxy::on_local(Instant now, const RequestArrived& request) {
    Response response;
    if (!request.options.path_is("/.well-known/core"))
        response.code = Code::not_found;
    else if (request.method != Code::get)
        response.code = Code::method_not_allowed;
    else
        response.options.add_uint(OptionNumber::content_format,
                                  std::to_underlying(ContentFormat::link_format));
    respond(now, {request.exchange, std::move(response)});
}

void ForwardProxy::respond(Instant now, Respond&& response) {
    const auto asked = asking_.find(response.exchange);
    const bool observe = response.response.observe;
    front_.handle(now, std::move(response));
    if (asked == asking_.end()) return;
    const Asking client = std::move(asked->second);
    asking_.erase(asked);
    // There may have been no room for it.
    if (observe && !front_.observed_by(client.peer, client.token))
        proxy_.handle(now, Proxy::FrontObserverGone{{client.peer, client.token}});
}

}  // namespace causeway::coap
