#pragma once
// The gateway's CoAP endpoint at work: its own resources and its resource directory, over every
// transport that the site file asks for; the proxy to the mesh and, where that is allowed, beyond
// it; HTTP on either side. Everything happens on the Io's thread.
//
//   /.well-known/core   what there is
//   /status             JSON: the site and its counters
//   /nodes/NAME/...     the resources of a node of the mesh, by reverse proxy
//   /rd, /rd-lookup/*   the resource directory [RFC 9176]
//
// A node's name will do for its address in Proxy-Uri: coap://node-24/sensors/temperature.
#include "coap/http_gateway.hpp"
#include "ip/address.hpp"
#include "net/io.hpp"
#include "net/trouble.hpp"
#include "site/coap_host.hpp"
#include "site/coap_within.hpp"
#include "site/site.hpp"
#include "store/kept_states.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace causeway::site {

class CoapService {
public:
    /// One line each, for a person; never a secret.
    using Log = std::function<void(std::string_view line)>;
    /// Datagrams to nodes of the mesh.
    using ToMesh = std::function<void(const ip::Address& to, std::uint16_t port, Bytes octets)>;

    struct Options {
        /// Where sequence numbers of security contexts are kept; outlives the service. Null: there
        /// are none.
        store::KeptStates* states = nullptr;
        ToMesh to_mesh;  // empty: there is no mesh
        Log log;
    };

    /// `site.coap` is there. Nothing stays open when one thing fails.
    [[nodiscard]] static net::Opened<CoapService> open(net::Io& io, const Site& site,
                                                       Options options);
    CoapService(CoapService&&) noexcept;
    CoapService& operator=(CoapService&&) noexcept;
    ~CoapService();

    /// What a node said to the gateway's client in the mesh.
    void from_mesh(const ip::Address& from, std::uint16_t port, Bytes octets);

    /// "coap://127.0.0.1:5683", one for each listener.
    [[nodiscard]] std::vector<std::string> listening() const;
    /// The first of them without security, over UDP: "127.0.0.1:5683".
    [[nodiscard]] std::optional<std::string> plain() const;
    /// Where HTTP clients go: "http://127.0.0.1:8080/hc/".
    [[nodiscard]] std::optional<std::string> http() const;

    /// Resources and requests of others in this program, who go before the service does.
    [[nodiscard]] CoapWithin& within() noexcept;
    /// A link in /.well-known/core to one of those resources; its handler is never asked.
    void describe(coap::Resource resource);

    struct Reloaded {
        bool well = true;
        std::vector<std::string> lines;
    };
    /// Reads credentials again, for the next handshakes.
    Reloaded reload();
    /// Writes down what a restart in good order wants to know.
    void shut_down();

    /// Every counter, as `named(group, name, value)`.
    void visit(const std::function<void(std::string_view group, std::string_view name,
                                        std::uint64_t value)>& named) const;
    [[nodiscard]] const CoapHost& host() const noexcept;

private:
    struct State;
    explicit CoapService(std::unique_ptr<State> state) noexcept;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::site
