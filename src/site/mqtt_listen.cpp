#include "site/mqtt_listen.hpp"

#include <sched.h>

#include <algorithm>

namespace causeway::site {

net::ListenSpec listen_spec(const MqttListener& listener, std::uint32_t streams_max) {
    net::ListenSpec spec;
    spec.name = listener.name;
    spec.address = listener.listen;
    spec.websocket = listener.websocket;
    spec.proxy_protocol = listener.proxy_protocol;
    spec.streams_max = streams_max;
    if (listener.certificate.empty() && listener.psk_file.empty()) return spec;
    spec.tls = net::TlsServer{.certificate = listener.certificate,
                              .key = listener.key,
                              .client_ca = listener.client_ca,
                              .client_certificate_required = listener.client_certificate_required,
                              .psk_file = listener.psk_file};
    return spec;
}

unsigned spare_processors() {
    constexpr unsigned workers_max = 16;
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 0;
    const auto processors = static_cast<unsigned>(CPU_COUNT(&allowed));
    return std::min(processors - std::min(processors, 1u), workers_max);
}

}  // namespace causeway::site
