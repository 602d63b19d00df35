#include "site/coap_service.hpp"

#include "coap/server.hpp"
#include "net/host.hpp"
#include "site/build.hpp"
#include "site/coap_credentials.hpp"
#include "site/coap_directory.hpp"
#include "site/coap_http.hpp"
#include "site/coap_routes.hpp"
#include "site/coap_security.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace causeway::site {
namespace {

using namespace std::chrono_literals;
using coap::Peer;
using coap::Transport;

constexpr coap::FrontId coap_front{0};
constexpr coap::FrontId http_front{1};

// The fronts of the directory, and of those within.
constexpr std::uint32_t of_host = 0;
constexpr std::uint32_t of_mesh = 1;
constexpr std::uint32_t of_http = 2;

coap::Settings front_settings(const Coap& plan) {
    coap::Settings settings = coap::Settings::for_host();
    // Longer than the mesh takes to give up.
    settings.response_timeout = settings.exchange_lifetime();
    settings.forwarding = true;
    settings.body_octets_max = plan.body_octets_max;
    settings.observers_max = plan.observers_max;
    settings.observers_per_peer_max = plan.observers_per_peer_max;
    settings.exchanges_max = plan.requests_max;
    settings.echo_amplification = plan.echo;
    // A client close by need not wait 3 seconds for the next one, and one that went away is noticed
    // at once.
    settings.unconfirmed_notifications_max = 0;
    return settings;
}

coap::Settings mesh_settings(const Coap& plan) {
    coap::Settings settings = coap::Settings::for_host();
    settings.block_szx = 2;  // a block fits a frame of 802.15.4
    settings.body_octets_max = plan.body_octets_max;
    return settings;
}

CoapHost::Options host_options(const Coap& plan, coap::Protection* protection) {
    CoapHost::Options options;
    options.settings = front_settings(plan);
    options.protection = protection;
    options.connections_max = plan.connections_max;
    options.dtls.sessions_max = plan.dtls_sessions_max;
    options.dtls.half_open_max = plan.dtls_handshakes_max;
    options.dtls.idle_after = std::chrono::duration_cast<std::chrono::milliseconds>(plan.dtls_idle);
    return options;
}

coap::ProxyOptions proxy_options(const Site& site) {
    coap::ProxyOptions options;
    options.forward = site.coap->proxy_to != Coap::ProxyTo::nowhere;
    options.body_octets_max = site.coap->body_octets_max;
    options.observers_max = site.coap->observers_max;
    for (const CoapReverse& rule : site.coap->reverse)
        options.reverse.push_back({rule.path, rule.target});
    if (site.has_mesh) options.reverse.push_back({"/nodes/{node}", "coap://{node}"});
    return options;
}

coap::HttpGateway::Options http_options(const Coap& plan) {
    coap::HttpGateway::Options options;
    options.front = http_front;
    if (plan.http) options.mapping.base = plan.http->path;
    options.body_octets_max = plan.body_octets_max;
    return options;
}

}  // namespace

struct CoapService::State {
    using MeshHost = net::Host<coap::Endpoint, std::function<void(coap::EndpointOutput)>>;

    State(net::Io& io_loop, const Site& opened_site, Options given)
        : io(io_loop),
          site(opened_site),
          options(std::move(given)),
          security(site, options.states, [this](std::string_view line) { log(line); }),
          host(io_loop, host_options(*site.coap, &security.protection()), events()),
          routes(site, host),
          proxy(
              proxy_options(site), http_options(*site.coap),
              [this](const coap::Uri& uri, const Peer& client) { return routes.to(uri, client); },
              [this](const coap::HttpUrl& url, const Peer&) { return routes.to(url); }),
          proxy_host(io_loop, proxy, [this](auto output) { act(std::move(output)); }),
          mesh(mesh_settings(*site.coap), unpredictable(), Instant{}, {}, &security.protection()),
          mesh_host(io_loop, mesh,
                    [this](coap::EndpointOutput output) { act_in_mesh(std::move(output)); }),
          within(io_loop, tells(), [this](const coap::Uri& uri) { return way_to(uri); }) {}

    std::vector<CoapWithin::Tell> tells() {
        return {[this](coap::EndpointInput in) { host.input(std::move(in)); },
                [this](coap::EndpointInput in) { mesh_host.input(std::move(in)); },
                [this](coap::EndpointInput in) { tell_http(std::move(in)); }};
    }

    [[nodiscard]] std::expected<CoapWithin::Way, std::string> way_to(const coap::Uri& uri) {
        const auto peer = routes.reach(uri);
        if (!peer) return std::unexpected(peer.error());
        return CoapWithin::Way{*peer, routes.in_mesh(*peer) ? of_mesh : of_host};
    }

    CoapHost::Events events() {
        CoapHost::Events told;
        told.request = [this](coap::RequestArrived&& request) { on_request(std::move(request)); };
        told.response = [this](coap::ResponseArrived&& response) { take(std::move(response)); };
        told.failed = [this](coap::RequestFailed&& failed) { take(failed); };
        told.observer_gone = [this](coap::ObserverGone&& gone) {
            proxy_host.input(coap::Proxy::FrontObserverGone{std::move(gone), coap_front});
        };
        told.closed = [this](const Peer& peer) { routes.closed(peer); };
        return told;
    }

    [[nodiscard]] ip::Address address_of(const sim::NodePlan& node) const {
        return site.mesh.nodes.front().config.prefix.with(interface_id_of(node.config.eui64));
    }

    // ---- opening -------------------------------------------------------------------------------

    std::optional<net::Trouble> open() {
        auto trouble = security.open([this](const ip::Address& node, std::uint32_t context) {
            routes.protect(node, context);
        });
        if (trouble) return trouble;
        if (site.has_mesh)
            for (const sim::NodePlan& node : site.mesh.nodes)
                routes.name(node.name, address_of(node));
        add_resources();
        for (const CoapListener& plan : site.coap->listeners) {
            const auto index = host.listen(coap_listen(plan));
            if (!index) return index.error();
            if (const auto at = net::Endpoint::parse(host.listening_on(*index)))
                routes.own(
                    {.address = at->octets16(), .port = at->port, .transport = plan.transport});
        }
        if (site.coap->http) {
            auto opened = CoapHttp::open(io, *site.coap, [this](coap::CrossProxy::Input input) {
                proxy_host.input(std::move(input));
            });
            if (!opened) return opened.error();
            http = *std::move(opened);
        }
        return std::nullopt;
    }

    void add_resources() {
        server.add({.path = "/status",
                    .methods = {coap::Code::get},
                    .handler =
                        [this](const coap::RequestView&) {
                            return coap::content_of(coap::ContentFormat::json, status());
                        },
                    .type = "status",
                    .formats = {coap::ContentFormat::json}});
        if (!site.coap->resource_directory) return;
        directory.emplace(io, site.coap->registrations_max,
                          std::vector<CoapDirectory::Tell>{
                              [this](coap::EndpointInput in) { host.input(std::move(in)); },
                              [this](coap::EndpointInput in) { mesh_host.input(std::move(in)); }},
                          net::Clock());
        for (coap::Resource& resource : coap::ResourceDirectory::resources())
            server.add(std::move(resource));
    }

    // ---- responses to requests of ours ---------------------------------------------------------

    template <class Outcome>
    void take(Outcome&& outcome) {
        if (directory && directory->take(outcome)) return;
        if (within.take(outcome)) return;
        proxy_host.input(std::forward<Outcome>(outcome));
    }

    [[nodiscard]] std::string status() const {
        const auto uptime =
            std::chrono::duration_cast<std::chrono::seconds>(host.now().time_since_epoch());
        return fmt::format(
            R"({{"name":"{}","uptime":{},"requests":{},"observers":{},"registrations":{}}})",
            site.name, uptime.count(), host.endpoint().stats().requests,
            host.endpoint().observers(), directory ? directory->size() : 0);
    }

    // ---- requests ------------------------------------------------------------------------------

    void on_request(coap::RequestArrived&& request) {
        if (concerns_proxy(request.options))
            return proxy_host.input(coap::Proxy::FrontRequest{std::move(request), coap_front});
        // The endpoint let pass what a proxy may pass on: critical options that are safe.
        if (const auto bad = coap::first_unacceptable(request.options, false)) {
            return host.input(coap::Respond{
                request.exchange,
                coap::response_of(coap::Code::bad_option,
                                  "option " + std::to_string(std::to_underlying(*bad)))});
        }
        answer(std::move(request));
    }

    [[nodiscard]] bool concerns_proxy(const coap::Options& of) const {
        using enum coap::OptionNumber;
        if (of.has(proxy_uri) || of.has(proxy_scheme)) return true;
        if (site.coap->reverse.empty() && !site.has_mesh) return false;
        const auto first = of.text(uri_path);
        if (!first) return false;
        if (site.has_mesh && *first == "nodes") return true;
        return std::ranges::any_of(site.coap->reverse, [&](const CoapReverse& rule) {
            return std::string_view(rule.path).substr(1).starts_with(*first);
        });
    }

    void answer(coap::RequestArrived&& request) {
        if (security.exchanges_keys() && request.options.path_is(secure::edhoc_path)) {
            host.input(coap::Respond{request.exchange, security.answer(host.now(), request)});
        } else if (directory && CoapDirectory::owns(request.options)) {
            directory->answer(request, identity_of(request.peer), of_host);
        } else if (within.take(request, of_host)) {
            return;
        } else if (auto response = server.handle(request)) {
            host.input(coap::Respond{request.exchange, *std::move(response)});
        } else {
            host.input(coap::Decline{request.exchange});
        }
        while (auto changed = server.poll_changed()) host.input(*std::move(changed));
    }

    /// Who proved to be asking; empty: nobody did.
    [[nodiscard]] std::string identity_of(const Peer& peer) const {
        if (peer.context != 0) return "oscore:" + security.name_of(peer.context);
        const auto identity = host.identity(peer);
        if (!identity || identity->identity.empty()) return {};
        return identity->credentials + ':' + identity->identity;
    }

    void act(coap::CrossProxy::Output&& output) {
        std::visit(Overloaded{
                       [&](coap::Proxy::ToFront& out) {
                           std::visit([&](auto& event) { host.input(std::move(event)); },
                                      out.event);
                       },
                       [&](coap::Proxy::ToBack& out) { to_back(std::move(out)); },
                       [&](coap::Proxy::Local& out) { on_local(std::move(out)); },
                       [&](auto& out) {
                           if (http) http->act(std::move(out));
                       },
                   },
                   output);
    }

    void to_back(coap::Proxy::ToBack&& out) {
        if (auto* request = std::get_if<coap::Request>(&out.event)) {
            if (routes.in_mesh(request->peer))
                mesh_host.input(std::move(*request));
            else
                host.input(std::move(*request));
            return;
        }
        // Whose it is, its owner knows; to the other it says nothing.
        const auto& cancel = std::get<coap::Cancel>(out.event);
        mesh_host.input(cancel);
        host.input(cancel);
    }

    void on_local(coap::Proxy::Local&& out) {
        if (out.front == coap_front) return answer(std::move(out.request));
        if (within.take(out.request, of_http)) return;
        auto response = server.handle(out.request);
        const coap::ExchangeId exchange = out.request.exchange;
        coap::Proxy::ToFront back{.front = http_front, .event = coap::Decline{exchange}};
        if (response) back.event = coap::Respond{exchange, *std::move(response)};
        proxy_host.input(std::move(back));
    }

    void tell_http(coap::EndpointInput&& in) {
        if (auto* respond = std::get_if<coap::Respond>(&in))
            proxy_host.input(coap::Proxy::ToFront{http_front, std::move(*respond)});
        else if (const auto* decline = std::get_if<coap::Decline>(&in))
            proxy_host.input(coap::Proxy::ToFront{http_front, *decline});
    }

    void act_in_mesh(coap::EndpointOutput&& output) {
        std::visit(Overloaded{
                       [&](const coap::SendDatagram& out) {
                           if (options.to_mesh)
                               options.to_mesh(ip::Address{out.peer.address}, out.peer.port,
                                               out.datagram);
                       },
                       [&](coap::RequestArrived& request) { on_node(std::move(request)); },
                       [&](coap::ResponseArrived& out) { take(std::move(out)); },
                       [&](const coap::RequestFailed& out) { take(out); },
                       [](const auto&) {},
                   },
                   output);
    }

    /// A request of a node's, to the gateway's address in the mesh.
    void on_node(coap::RequestArrived&& request) {
        if (directory && CoapDirectory::owns(request.options))
            return directory->answer(request, identity_of(request.peer), of_mesh);
        if (within.take(request, of_mesh)) return;
        if (auto response = server.handle(request))
            mesh_host.input(coap::Respond{request.exchange, *std::move(response)});
        else
            mesh_host.input(coap::Decline{request.exchange});
    }

    void log(std::string_view line) const {
        if (options.log) options.log(line);
    }

    net::Io& io;
    Site site;
    Options options;
    CoapSecurity security;
    coap::Server server;
    CoapHost host;
    CoapRoutes routes;
    coap::CrossProxy proxy;
    net::Host<coap::CrossProxy, std::function<void(coap::CrossProxy::Output)>> proxy_host;
    coap::Endpoint mesh;
    MeshHost mesh_host;
    CoapWithin within;
    std::optional<CoapDirectory> directory;
    std::optional<CoapHttp> http;
};

net::Opened<CoapService> CoapService::open(net::Io& io, const Site& site, Options options) {
    auto state = std::make_unique<State>(io, site, std::move(options));
    if (auto trouble = state->open()) return std::unexpected(*std::move(trouble));
    return CoapService(std::move(state));
}

CoapService::CoapService(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
CoapService::CoapService(CoapService&&) noexcept = default;
CoapService& CoapService::operator=(CoapService&&) noexcept = default;
CoapService::~CoapService() = default;

void CoapService::from_mesh(const ip::Address& from, std::uint16_t port, Bytes octets) {
    state_->mesh_host.input(
        coap::DatagramReceived{{.address = from.octets, .port = port}, to_octets(octets), false});
}

std::vector<std::string> CoapService::listening() const {
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < state_->site.coap->listeners.size(); ++i)
        lines.push_back(fmt::format("{}://{}",
                                    coap::scheme_of(state_->site.coap->listeners[i].transport),
                                    state_->host.listening_on(i)));
    return lines;
}

std::optional<std::string> CoapService::plain() const {
    const auto& listeners = state_->site.coap->listeners;
    const auto found = std::ranges::find(listeners, Transport::udp, &CoapListener::transport);
    if (found == listeners.end()) return std::nullopt;
    return state_->host.listening_on(static_cast<std::size_t>(found - listeners.begin()));
}

std::optional<std::string> CoapService::http() const {
    if (!state_->http) return std::nullopt;
    return state_->http->listening_on() + state_->site.coap->http->path;
}

CoapWithin& CoapService::within() noexcept {
    return state_->within;
}

void CoapService::describe(coap::Resource resource) {
    resource.handler = [](const coap::RequestView&) {
        return coap::response_of(coap::Code::not_found);
    };
    state_->server.add(std::move(resource));
}

CoapService::Reloaded CoapService::reload() {
    Reloaded reloaded;
    for (std::size_t i = 0; i < state_->site.coap->listeners.size(); ++i) {
        const CoapListener& plan = state_->site.coap->listeners[i];
        if (const auto trouble = state_->host.reload(i, coap_listen(plan))) {
            reloaded.well = false;
            reloaded.lines.push_back(trouble->line);
        }
    }
    return reloaded;
}

void CoapService::shut_down() {
    state_->security.close();
}

void CoapService::visit(
    const std::function<void(std::string_view, std::string_view, std::uint64_t)>& named) const {
    const auto group = [&](std::string_view name, const auto& stats) {
        stats.visit(
            [&](std::string_view counter, std::uint64_t value) { named(name, counter, value); });
    };
    group("endpoint", state_->host.endpoint().stats());
    group("dtls", state_->host.dtls_stats());
    group("streams", state_->host.stream_stats());
    group("oscore", state_->security.stats());
    if (const auto* edhoc = state_->security.edhoc_stats()) group("edhoc", *edhoc);
    group("proxy", state_->proxy.proxy().stats());
    if (state_->site.has_mesh) group("mesh", state_->mesh.stats());
    if (state_->directory) group("directory", state_->directory->stats());
    if (state_->http) group("http", state_->proxy.gateway().stats());
}

const CoapHost& CoapService::host() const noexcept {
    return state_->host;
}

}  // namespace causeway::site
