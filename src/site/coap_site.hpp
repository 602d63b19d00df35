#pragma once
// What a site file says of the gateway's CoAP endpoint. Files are named, not read: what is in them
// may change while the site runs.
#include "base/time.hpp"
#include "coap/peer.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace causeway::site {

struct CoapListener {
    std::string name;
    coap::Transport transport = coap::Transport::udp;
    std::string listen;  // "127.0.0.1:5683"
    std::vector<std::string> groups;
    std::string certificate;
    std::string key;
    std::string client_ca;
    bool client_certificate_required = false;
    std::string psk_file;
    std::string raw_key;
    std::vector<std::string> pinned_keys;  // paths, or "sha256:..."
};

struct CoapContext {
    std::string name;
    std::string keys;  // a file
};

struct CoapEdhoc {
    std::string key;  // files
    std::string peers;
};

struct CoapReverse {
    std::string path;
    std::string target;
};

struct CoapHttpPlan {
    std::string listen;
    std::string path;
    std::string certificate;
    std::string key;
    std::string token_file;
    bool fetch = false;  // CoAP to HTTP
};

struct Coap {
    enum class ProxyTo : std::uint8_t { nowhere, mesh, loopback, anywhere };

    std::vector<CoapListener> listeners;
    bool resource_directory = true;
    std::uint32_t registrations_max = 10'000;
    ProxyTo proxy_to = ProxyTo::mesh;
    bool echo = true;
    std::uint32_t body_octets_max = 1 << 20;
    std::uint16_t observers_max = 10'000;
    std::uint16_t observers_per_peer_max = 256;
    std::uint16_t requests_max = 4096;
    std::uint32_t dtls_sessions_max = 20'000;
    std::uint32_t dtls_handshakes_max = 1000;
    Duration dtls_idle = std::chrono::hours(24);
    std::uint32_t connections_max = 10'000;
    std::vector<CoapContext> contexts;
    std::optional<CoapEdhoc> edhoc;
    std::vector<CoapReverse> reverse;
    std::optional<CoapHttpPlan> http;
};

}  // namespace causeway::site
