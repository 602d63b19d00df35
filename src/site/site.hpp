#pragma once
// What a site file says, checked and ready to be started.
#include "ip/address.hpp"
#include "sim/scenario.hpp"
#include "site/coap_site.hpp"
#include "site/mqtt_site.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace causeway::site {

struct Scada;  // site/scada_site.hpp

/// The mesh's way to this host's kernel: a TUN interface that the mesh's prefix is routed to.
struct Uplink {
    bool enabled = true;
    std::string tun = "causeway0";
    ip::Address host_address;  // the host's own on the interface; <prefix>::1 unless the file says
};

/// The CoAP forward proxy that reaches the nodes without any privilege.
struct Proxy {
    bool enabled = true;
    std::string listen = "127.0.0.1:5683";
};

struct Site {
    std::string name;
    std::filesystem::path state;  // a folder: what must survive a restart
    sim::Scenario mesh;
    std::vector<std::uint8_t> classes;  // of mesh.nodes, by index [RFC 7228 §3]
    /// Whether there is a mesh: a site of a broker alone opens no TUN interface and no proxy.
    bool has_mesh = true;
    Uplink uplink;
    Proxy proxy;
    /// With `proxy` among its listeners.
    std::optional<Coap> coap;
    std::optional<Mqtt> mqtt;
    std::shared_ptr<const Scada> scada;  // null: there is none
    std::optional<Management> management;
};

}  // namespace causeway::site
