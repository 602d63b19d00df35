#pragma once
// The HTTP side of the gateway's proxy on real sockets: a server whose requests become CoAP's, and
// a client for what CoAP clients want of HTTP servers. [RFC 8075; RFC 7252 §10]
#include "coap/http_gateway.hpp"
#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "site/coap_site.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace causeway::site {

class CoapHttp {
public:
    using Tell = std::function<void(coap::CrossProxy::Input)>;

    /// `tell` takes what HTTP has to say to the proxy.
    [[nodiscard]] static net::Opened<CoapHttp> open(net::Io& io, const Coap& plan, Tell tell);

    /// What the proxy wants of HTTP.
    void act(coap::HttpFetch fetch);
    void act(const coap::HttpCancel& cancel);
    void act(const coap::HttpResponseOut& out);
    void act(const coap::HttpStreamBegin& out);
    void act(const coap::HttpEventOut& out);
    void act(const coap::HttpStreamEnd& out);

    /// "http://127.0.0.1:8080".
    [[nodiscard]] std::string listening_on() const;
    [[nodiscard]] const net::HttpServer& server() const noexcept { return *server_; }

private:
    struct State {
        Tell tell;
        std::map<std::uint64_t, net::HttpReply> replies;
        std::map<coap::RequestId, net::HttpFetchId> fetches;
        std::uint64_t last_id = 0;
    };
    CoapHttp(net::Io& io, Tell tell);
    static void heard(State& state, const net::HttpRequest& request, const net::HttpReply& reply);

    std::string scheme_;
    std::unique_ptr<State> state_;
    std::unique_ptr<net::HttpClient> client_;
    std::unique_ptr<net::HttpServer> server_;
};

}  // namespace causeway::site
