// [coap] and what stands below it.
#include "coap/uri.hpp"
#include "net/endpoint.hpp"
#include "site/build.hpp"

#include <algorithm>
#include <array>

namespace causeway::site {
namespace {

using coap::Transport;

constexpr std::string_view listen_example =
    "a scheme, an address and a port, as in coap://127.0.0.1:5683 or coaps+tcp://[::1]:5684";

/// nullopt: no scheme of ours, or no address and port behind it.
std::optional<std::pair<Transport, std::string>> place_of(std::string_view text) {
    const std::size_t end = text.find("://");
    if (end == std::string_view::npos) return std::nullopt;
    for (const Transport transport : {Transport::udp, Transport::dtls, Transport::tcp,
                                      Transport::tls, Transport::ws, Transport::wss}) {
        if (text.substr(0, end) != coap::scheme_of(transport)) continue;
        const std::string place(text.substr(end + 3));
        if (!net::Endpoint::parse(place)) return std::nullopt;
        return std::pair{transport, place};
    }
    return std::nullopt;
}

constexpr bool needs_credentials(Transport transport) {
    return transport == Transport::dtls || transport == Transport::tls ||
           transport == Transport::wss;
}

class CoapBuilder {
public:
    CoapBuilder(const Section& coap, const std::filesystem::path& file, const Proxy& proxy)
        : coap_(coap), file_(file), proxy_(proxy) {}

    Coap build() {
        read_conduct();
        read_listeners();
        for (const Section& section : coap_.sections("oscore")) read_context(section);
        if (coap_.has("edhoc")) {
            const Section edhoc = coap_.section("edhoc");
            (void)edhoc.take_required<std::string>("key");
            (void)edhoc.take_required<std::string>("peers");
            site_.edhoc = {file_beside(edhoc, "key", file_), file_beside(edhoc, "peers", file_)};
        }
        for (const Section& section : coap_.sections("reverse")) read_reverse(section);
        read_http(coap_.section("http"));
        return std::move(site_);
    }

private:
    void read_conduct() {
        site_.resource_directory = coap_.take<bool>("resource_directory").value;
        set(site_.registrations_max, coap_, "registrations_max");
        const std::string to = coap_.take<std::string>("proxy_to").value;
        site_.proxy_to = to == "nowhere"    ? Coap::ProxyTo::nowhere
                         : to == "loopback" ? Coap::ProxyTo::loopback
                         : to == "anywhere" ? Coap::ProxyTo::anywhere
                                            : Coap::ProxyTo::mesh;
        site_.echo = coap_.take<bool>("echo").value;
        set(site_.body_octets_max, coap_, "body_octets_max");
        set(site_.observers_max, coap_, "observers_max");
        set(site_.observers_per_peer_max, coap_, "observers_per_peer_max");
        set(site_.requests_max, coap_, "requests_max");
        set(site_.dtls_sessions_max, coap_, "dtls_sessions_max");
        set(site_.dtls_handshakes_max, coap_, "dtls_handshakes_max");
        site_.dtls_idle = coap_.take<Duration>("dtls_idle").value;
        set(site_.connections_max, coap_, "connections_max");
    }

    void read_listeners() {
        if (proxy_.enabled) {
            CoapListener listener;
            listener.listen = proxy_.listen;
            add(std::move(listener), coap_, {});
        }
        const auto sections = coap_.sections("listener");
        const auto plain = coap_.take<std::vector<std::string>>("listen");
        std::vector<std::string> listens = plain.value;
        if (!plain.given && sections.empty() && !proxy_.enabled)
            listens = {"coap://127.0.0.1:5683"};
        for (const std::string& listen : listens) {
            const auto place = place_of(listen);
            if (!place || needs_credentials(place->first)) {
                coap_.complain(plain.at, "coap.listen: \"" + listen + "\" will not do",
                               "coap, coap+tcp or coap+ws, an address and a port, as in "
                               "coap://127.0.0.1:5683; with credentials: [[coap.listener]]");
                continue;
            }
            CoapListener listener;
            listener.transport = place->first;
            listener.listen = place->second;
            add(std::move(listener), coap_, plain.at);
        }
        for (const Section& section : sections) read_listener(section);
    }

    void read_listener(const Section& section) {
        CoapListener listener;
        const auto listen = section.take_required<std::string>("listen");
        const auto place = place_of(listen.value);
        if (listen.usable() && !place)
            section.complain(listen.at,
                             "coap.listener.listen: \"" + listen.value + "\" will not do",
                             std::string(listen_example));
        if (place) {
            listener.transport = place->first;
            listener.listen = place->second;
        }
        if (const auto name = section.take<std::string>("name"); name.usable())
            listener.name = name.value;
        read_groups(section, listener);
        read_credentials(section, listener, place.has_value());
        if (place) add(std::move(listener), section, listen.at);
    }

    static void read_groups(const Section& section, CoapListener& listener) {
        const auto groups = section.take<std::vector<std::string>>("groups");
        listener.groups = groups.value;
        if (!listener.groups.empty() && listener.transport != Transport::udp)
            section.complain(groups.at, "coap.listener.groups: only UDP has groups",
                             "a listener with the scheme coap");
        for (const std::string& group : listener.groups) {
            const std::string_view literal = std::string_view(group).substr(0, group.find('%'));
            const auto address = coap::address_from_literal(literal);
            if (address && coap::Peer{.address = *address}.is_multicast()) continue;
            section.complain(groups.at,
                             "coap.listener.groups: \"" + group + "\" is no multicast group",
                             "as in ff02::fd%eth0 or 224.0.1.187%eth0");
        }
    }

    void read_credentials(const Section& section, CoapListener& listener, bool sound) {
        listener.certificate = file_beside(section, "certificate", file_);
        listener.key = file_beside(section, "key", file_);
        listener.client_ca = file_beside(section, "client_ca", file_);
        listener.psk_file = file_beside(section, "psk_file", file_);
        listener.raw_key = file_beside(section, "raw_key", file_);
        const auto required = section.take<bool>("client_certificate_required");
        listener.client_certificate_required = required.value;
        const auto pins = section.take<std::vector<std::string>>("pinned_keys");
        for (const std::string& pin : pins.value)
            listener.pinned_keys.push_back(pin.starts_with("sha256:") ? pin
                                                                      : path_beside(pin, file_));
        if (listener.certificate.empty() != listener.key.empty())
            section.complain(section.at(), "coap.listener: a certificate and its key go together",
                             "both, or neither");
        const bool some = !listener.certificate.empty() || !listener.psk_file.empty() ||
                          !listener.raw_key.empty();
        if (sound && needs_credentials(listener.transport) && !some)
            section.complain(section.at(), "coap.listener: who are we?",
                             "a certificate and key, a psk_file or a raw_key");
        if (sound && !needs_credentials(listener.transport) && some)
            section.complain(section.at(),
                             "coap.listener: its scheme has no security, but credentials are given",
                             "coaps, coaps+tcp or coaps+ws");
        const bool raw = !listener.raw_key.empty() || !listener.pinned_keys.empty();
        if (sound && raw && listener.transport != Transport::dtls)
            section.complain(section.at(), "coap.listener: raw public keys are DTLS's",
                             "a listener with the scheme coaps");
        if (required.value && listener.client_ca.empty() && listener.pinned_keys.empty())
            section.complain(required.at,
                             "coap.listener.client_certificate_required: who is let in?",
                             "a client_ca or pinned_keys beside it");
    }

    void add(CoapListener listener, const Section& section, Place at) {
        const auto of_udp = [](Transport t) { return t == Transport::udp || t == Transport::dtls; };
        for (const CoapListener& other : site_.listeners) {
            if (other.listen != listener.listen || listener.listen.ends_with(":0") ||
                of_udp(other.transport) != of_udp(listener.transport))
                continue;
            section.complain(at, "coap: " + listener.listen + " is listened on twice",
                             "another port");
        }
        if (listener.name.empty())
            listener.name = std::string(coap::scheme_of(listener.transport)) + '-' +
                            listener.listen.substr(listener.listen.rfind(':') + 1);
        site_.listeners.push_back(std::move(listener));
    }

    void read_context(const Section& section) {
        const auto name = section.take_required<std::string>("name");
        (void)section.take_required<std::string>("keys");
        for (const CoapContext& other : site_.contexts)
            if (name.usable() && other.name == name.value)
                section.complain(name.at, "coap.oscore.name: \"" + name.value + "\" is taken",
                                 "a name of its own for each context");
        site_.contexts.push_back({name.value, file_beside(section, "keys", file_)});
    }

    void read_reverse(const Section& section) {
        const auto path = section.take_required<std::string>("path");
        const auto target = section.take_required<std::string>("target");
        if (path.usable() && !path.value.starts_with('/'))
            section.complain(path.at, "coap.reverse.path: \"" + path.value + "\" will not do",
                             "a path that begins with a slash");
        if (target.usable() && !coap::Uri::from_text(target.value))
            section.complain(target.at,
                             "coap.reverse.target: \"" + target.value + "\" is no CoAP URI",
                             "as in coap://[fd00:ca5e::1001]/sensors");
        site_.reverse.push_back({path.value, target.value});
    }

    void read_http(const Section& section) {
        CoapHttpPlan http;
        http.listen = section.take<net::Endpoint>("listen").value.text();
        const auto path = section.take<std::string>("path");
        http.path = path.value;
        if (path.usable() && !(http.path.starts_with('/') && http.path.ends_with('/')))
            section.complain(path.at, "coap.http.path: \"" + http.path + "\" will not do",
                             "a path that begins and ends with a slash");
        http.certificate = file_beside(section, "certificate", file_);
        http.key = file_beside(section, "key", file_);
        http.token_file = file_beside(section, "token_file", file_);
        http.fetch = section.take<bool>("fetch").value;
        if (http.certificate.empty() != http.key.empty())
            section.complain(section.at(), "coap.http: a certificate and its key go together",
                             "both, or neither");
        if (coap_.has("http")) site_.http = std::move(http);
    }

    Section coap_;
    const std::filesystem::path& file_;
    const Proxy& proxy_;
    Coap site_;
};

}  // namespace

Coap build_coap(const Section& coap, const std::filesystem::path& file, const Proxy& proxy) {
    return CoapBuilder(coap, file, proxy).build();
}

}  // namespace causeway::site
