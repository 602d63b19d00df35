// causeway coap serve: a folder as CoAP resources, over every transport; or resources for tests.
#include "coap.hpp"
#include "coap/text.hpp"
#include "coap_client.hpp"
#include "coap_credentials.hpp"
#include "coap_folder.hpp"
#include "coap_oscore.hpp"
#include "coap_testbed.hpp"
#include "net/endpoint.hpp"
#include "net/signals.hpp"

#include "base/hex.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <memory>

namespace causeway::cli {
namespace {

namespace asio = boost::asio;
using coap::Code;

struct ServeOptions {
    std::string folder;
    bool test = false;
    std::vector<std::string> listen{"coap://127.0.0.1:5683"};
    std::vector<std::string> groups;
    bool writable = false;
    std::optional<std::uint32_t> max_age;
    std::string period = "5";
    std::uint32_t body_octets_max = 16u << 20;
    std::uint16_t observers_max = 10'000;
    CredentialOptions credentials;
    std::string oscore;
    bool verbose = false;
};

/// "coaps://[::1]:5684", "127.0.0.1": a scheme or none, a port or none.
Understood<site::CoapListen> listen_of(const std::string& text, const ServeOptions& options,
                                       const KeyTable& keys) {
    site::CoapListen listen;
    listen.name = text;
    std::string address = text;
    if (const std::size_t scheme = text.find("://"); scheme != std::string::npos) {
        const auto transport = coap::transport_of(std::string_view(text).substr(0, scheme));
        if (!transport)
            return misused(
                fmt::format("--listen {}: allowed: coap, coaps, coap+tcp, coaps+tcp, "
                            "coap+ws, coaps+ws",
                            text));
        listen.transport = *transport;
        address = text.substr(scheme + 3);
    }
    if (address.ends_with('/')) address.pop_back();
    const auto endpoint = net::Endpoint::parse(address, coap::default_port_of(listen.transport));
    if (!endpoint) return misused(fmt::format("--listen {}: {}", text, endpoint.error()));
    listen.address = endpoint->text();
    if (listen.transport == coap::Transport::udp) listen.groups = options.groups;
    const bool secure = listen.transport == coap::Transport::dtls ||
                        listen.transport == coap::Transport::tls ||
                        listen.transport == coap::Transport::wss;
    if (!secure) return listen;
    if (!options.credentials.any())
        return misused(fmt::format("--listen {}: wants -k, -c or -M, to prove who we are", text));
    if (listen.transport == coap::Transport::dtls) {
        auto dtls = dtls_server_of(options.credentials, keys);
        if (!dtls) return std::unexpected(dtls.error());
        listen.dtls = *std::move(dtls);
    } else {
        auto tls = tls_server_of(options.credentials, keys);
        if (!tls) return std::unexpected(tls.error());
        listen.tls = *std::move(tls);
    }
    return listen;
}

site::CoapHost::Options host_options(const ServeOptions& options, coap::Protection* protection) {
    site::CoapHost::Options host;
    host.settings.body_octets_max = options.body_octets_max;
    host.settings.observers_max = options.observers_max;
    host.protection = protection;
    return host;
}

class Service {
public:
    Service(const ServeOptions& options, std::optional<ServedFolder> folder,
            std::unique_ptr<coap::Protection> protection, Duration period)
        : options_(options),
          folder_(std::move(folder)),
          protection_(std::move(protection)),
          period_(period),
          host_(io_, host_options(options, protection_.get()), events()),
          look_(io_),
          tick_(io_) {
        if (options.test) bed_.emplace([this](const coap::Peer& peer) { return who_is(peer); });
    }

    std::expected<void, std::string> listen(const site::CoapListen& where) {
        const auto listener = host_.listen(where);
        if (!listener) return std::unexpected(listener.error().line);
        fmt::print("listening on {}://{}\n", coap::scheme_of(where.transport),
                   host_.listening_on(*listener));
        std::fflush(stdout);
        return {};
    }

    void run() {
        const net::Signals signals(io_, [this](int) { io_.stop(); });
        if (folder_) look();
        if (bed_) tick();
        io_.run();
    }

private:
    site::CoapHost::Events events() {
        site::CoapHost::Events events;
        events.request = [this](coap::RequestArrived&& request) { serve(request); };
        events.observer_gone = [this](coap::ObserverGone&& gone) {
            if (folder_) folder_->forget(key_of(gone.peer, gone.token));
        };
        if (options_.verbose) {
            events.trace = [](bool sent, const coap::Peer& peer, const coap::Message& message) {
                show_message(sent, peer, message);
            };
            events.trouble = [](const coap::Peer& peer, const net::Trouble& trouble) {
                fmt::print(stderr, "{}: {}\n", coap::to_text(peer), trouble.line);
            };
        }
        return events;
    }

    static std::string key_of(const coap::Peer& peer, const coap::Token& token) {
        return fmt::format("{}/{}/{}/{}/{}", coap::to_text(peer),
                           std::to_underlying(peer.transport), peer.channel, peer.context,
                           to_hex(token.bytes()));
    }

    void serve(const coap::RequestArrived& request) {
        auto response = answer(request);
        if (!response) return host_.input(coap::Decline{request.exchange});
        if (bed_ && TestBed::is_separate(request.options)) return later(request, *response);
        host_.input(coap::Respond{request.exchange, *std::move(response)});
        tell();
    }

    std::optional<coap::Response> answer(const coap::RequestArrived& request) {
        const coap::Options& options = request.options;
        if (options.path_is(".well-known/core")) return discover(request);
        if (bed_ && (!folder_ || bed_->has(options))) return bed_->handle(request);
        // "MUST cause the return of a 5.05" [RFC 7252 §5.10.2]
        if (options.has(coap::OptionNumber::proxy_uri) ||
            options.has(coap::OptionNumber::proxy_scheme))
            return refusal(request, Code::proxying_not_supported);
        coap::Response response = folder_->handle(request);
        if (request.multicast && !coap::is_success(response.code)) return std::nullopt;
        if (response.observe && request.observe)
            folder_->watch(key_of(request.peer, request.token), options.path());
        if (coap::is_success(response.code) && request.method != Code::get) changed_ = true;
        return response;
    }

    static std::optional<coap::Response> refusal(const coap::RequestArrived& request, Code code) {
        if (request.multicast) return std::nullopt;
        return coap::response_of(code);
    }

    [[nodiscard]] std::optional<coap::Response> discover(
        const coap::RequestArrived& request) const {
        if (request.method != Code::get) return refusal(request, Code::method_not_allowed);
        const auto accept = request.options.uint(coap::OptionNumber::accept);
        if (accept && *accept != std::to_underlying(coap::ContentFormat::link_format))
            return refusal(request, Code::not_acceptable);
        coap::LinkFormat document;
        if (bed_) document = bed_->links();
        if (folder_) folder_->add_links(document);
        for (const coap::Option option : request.options)
            if (option.number == coap::OptionNumber::uri_query)
                std::erase_if(document.links, [&](const coap::Link& link) {
                    return !link.matches(option.as_text());
                });
        // "A multicast request with a query string SHOULD NOT be responded to ... if the filter
        // does not match" [RFC 6690 §4.1]
        if (request.multicast && document.links.empty()) return std::nullopt;
        return coap::content_of(coap::ContentFormat::link_format, coap::to_text(document));
    }

    /// Behind an acknowledgement of its own. [RFC 7252 §5.2.2]
    void later(const coap::RequestArrived& request, coap::Response& response) {
        auto timer = std::make_shared<asio::steady_timer>(io_);
        timer->expires_after(coap::Settings::for_host().piggyback_window +
                             std::chrono::milliseconds(500));
        timer->async_wait([this, timer, exchange = request.exchange,
                           said = std::move(response)](const boost::system::error_code& gone) {
            if (!gone) host_.input(coap::Respond{exchange, said});
        });
    }

    /// What observers should hear of.
    void tell() {
        if (bed_)
            while (auto changed = bed_->poll_changed()) host_.input(*std::move(changed));
        if (folder_ && std::exchange(changed_, false)) tell_of_files();
    }
    void tell_of_files() {
        for (std::string& path : folder_->changed())
            host_.input(coap::ResourceChanged{std::move(path), true});
    }

    void look() {
        look_.expires_after(std::chrono::seconds(1));
        look_.async_wait([this](const boost::system::error_code& gone) {
            if (gone) return;
            tell_of_files();
            look();
        });
    }
    void tick() {
        tick_.expires_after(period_);
        tick_.async_wait([this](const boost::system::error_code& gone) {
            if (gone) return;
            bed_->tick();
            tell();
            tick();
        });
    }

    [[nodiscard]] std::string who_is(const coap::Peer& peer) const {
        std::string text;
        if (const auto identity = host_.identity(peer); identity && !identity->credentials.empty())
            text = identity->credentials + " " + identity->identity;
        if (peer.context != 0) text += fmt::format("{}oscore", text.empty() ? "" : ", ");
        return text.empty() ? "nobody in particular" : text;
    }

    const ServeOptions& options_;
    asio::io_context io_{1};
    std::optional<ServedFolder> folder_;
    std::optional<TestBed> bed_;
    std::unique_ptr<coap::Protection> protection_;
    Duration period_;
    site::CoapHost host_;
    asio::steady_timer look_;
    asio::steady_timer tick_;
    bool changed_ = false;
};

int serve(const ServeOptions& options) {
    if (options.folder.empty() && !options.test)
        return say_why(bad_usage, "a folder is wanted, or --test");
    const auto period = duration_from_text(options.period);
    if (!period || *period < std::chrono::milliseconds(10))
        return say_why(bad_usage, fmt::format("--period {}: not a duration", options.period));
    KeyTable keys;
    if (const auto made = keys.make(options.credentials); !made)
        return say_why(made.error().status, made.error().line);
    std::vector<site::CoapListen> places;
    for (const std::string& text : options.listen) {
        auto place = listen_of(text, options, keys);
        if (!place) return say_why(place.error().status, place.error().line);
        places.push_back(*std::move(place));
    }
    std::optional<ServedFolder> folder;
    if (!options.folder.empty()) {
        auto opened = ServedFolder::open(
            options.folder, {.writable = options.writable, .max_age = options.max_age});
        if (!opened) return say_why(failed, opened.error());
        folder = *std::move(opened);
    }
    std::unique_ptr<coap::Protection> protection;
    if (!options.oscore.empty()) {
        auto context = oscore_of(options.oscore);
        if (!context) return say_why(context.error().status, context.error().line);
        protection = std::move(context->protection);
    }
    Service service(options, std::move(folder), std::move(protection), *period);
    for (const site::CoapListen& place : places)
        if (const auto listening = service.listen(place); !listening)
            return say_why(failed, listening.error());
    service.run();
    return done;
}

}  // namespace

void add_coap_serve(CLI::App& coap, Work& work) {
    auto* command = coap.add_subcommand("serve", "Serve a folder, or resources for tests");
    command->footer(
        "Examples:\n"
        "  causeway coap serve www\n"
        "  causeway coap serve www --writable --listen coap://[::1] --listen coap+tcp://[::1]\n"
        "  causeway coap serve --test --listen coaps://127.0.0.1 -u me -k secret\n\n"
        "A file's content format follows the end of its name; .senml and .senmlc are SenML in\n"
        "JSON and CBOR, .wlnk is link format. Names that begin with a dot are not served, and\n"
        "symbolic links are not followed.");
    auto options = std::make_shared<ServeOptions>();
    command->add_option("DIR", options->folder, "The folder");
    command->add_flag("--test", options->test, "The resources of the ETSI CoAP plugtests");
    command
        ->add_option("--listen", options->listen,
                     "SCHEME://ADDRESS[:PORT], of coap, coaps, coap+tcp, coaps+tcp, coap+ws or "
                     "coaps+ws; may repeat")
        ->type_name("ADDRESS")
        ->allow_extra_args(false)
        ->capture_default_str();
    command
        ->add_option("--group", options->groups,
                     "Join this group, as in ff02::fd%eth0 or 224.0.1.187; may repeat")
        ->type_name("ADDRESS")
        ->allow_extra_args(false);
    command->add_flag("--writable", options->writable, "PUT, POST and DELETE change files");
    command->add_option("--max-age", options->max_age, "How long answers are good, seconds")
        ->type_name("SECONDS");
    command->add_option("--period", options->period, "With --test: how often /obs changes")
        ->type_name("SECONDS")
        ->capture_default_str();
    command->add_option("--body-max", options->body_octets_max, "Largest body that is taken")
        ->type_name("OCTETS")
        ->capture_default_str();
    command->add_option("--observers-max", options->observers_max, "Observers at once")
        ->type_name("COUNT")
        ->capture_default_str();
    options->credentials.add_to(*command, true);
    command
        ->add_option("--oscore", options->oscore,
                     "Let in requests under the OSCORE contexts of this file (OSCORE: RFC 8613)")
        ->type_name("FILE")
        ->group("Credentials");
    command->add_flag("-v,--verbose", options->verbose, "Show every message on stderr");
    command->callback([options, &work] { work = [options] { return serve(*options); }; });
}

}  // namespace causeway::cli
