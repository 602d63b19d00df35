#include "site/coap_credentials.hpp"

namespace causeway::site {

CoapListen coap_listen(const CoapListener& plan) {
    CoapListen listen;
    listen.name = plan.name;
    listen.transport = plan.transport;
    listen.address = plan.listen;
    listen.groups = plan.groups;
    switch (plan.transport) {
        case coap::Transport::dtls:
            listen.dtls =
                net::DtlsServer{.certificate = plan.certificate,
                                .key = plan.key,
                                .client_ca = plan.client_ca,
                                .client_certificate_required = plan.client_certificate_required,
                                .psk_file = plan.psk_file,
                                .psk_hint = {},
                                .raw_key = plan.raw_key,
                                .pinned_keys = plan.pinned_keys};
            break;
        case coap::Transport::tls:
        case coap::Transport::wss:
            listen.tls =
                net::TlsServer{.certificate = plan.certificate,
                               .key = plan.key,
                               .client_ca = plan.client_ca,
                               .client_certificate_required = plan.client_certificate_required,
                               .psk_file = plan.psk_file};
            break;
        default:
            break;
    }
    return listen;
}

}  // namespace causeway::site
