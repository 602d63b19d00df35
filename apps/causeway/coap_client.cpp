#include "coap_client.hpp"

#include "coap/endpoint.hpp"
#include "coap/text.hpp"
#include "command.hpp"
#include "net/host.hpp"
#include "net/signals.hpp"
#include "net/udp_socket.hpp"

#include <fmt/format.h>
#include <boost/asio/ip/udp.hpp>

#include <net/if.h>

#include <algorithm>
#include <random>

namespace causeway::cli {
namespace {

namespace asio = boost::asio;

/// What a download may come to; more is refused rather than kept.
constexpr std::uint32_t body_octets_max = 64u << 20;
/// How long a peer gets to acknowledge that an observation is over.
constexpr Duration farewell = std::chrono::seconds(3);

net::Endpoint endpoint_of(const coap::Peer& peer, std::uint32_t scope) {
    net::Endpoint endpoint{.port = peer.port, .scope = scope, .v6 = !peer.is_ipv4()};
    const auto from = peer.address.begin() + (endpoint.v6 ? 0 : 12);
    std::copy(from, peer.address.end(), endpoint.address.begin());
    return endpoint;
}

coap::Peer peer_of(const net::Endpoint& endpoint) {
    coap::Peer peer{.port = endpoint.port};
    if (endpoint.v6) {
        peer.address = endpoint.address;
        return peer;
    }
    peer.address[10] = peer.address[11] = std::byte{0xff};
    std::copy_n(endpoint.address.begin(), 4, peer.address.begin() + 12);
    return peer;
}

coap::Settings settings_for(const Conversation& conversation) {
    coap::Settings settings = coap::Settings::for_host();
    settings.body_octets_max = body_octets_max;
    settings.response_timeout = std::max(settings.response_timeout, conversation.patience);
    if (conversation.block_szx) settings.block_szx = *conversation.block_szx;
    return settings;
}

Random unpredictable() {
    std::random_device source;
    const std::uint64_t high = source();
    const std::uint64_t low = source();
    return Random(high << 32 | low);
}

class Talk {
public:
    Talk(const Conversation& conversation,
         const std::function<void(const coap::ResponseArrived&)>& on_response)
        : conversation_(conversation),
          on_response_(on_response),
          to_(endpoint_of(conversation.request.peer, conversation.scope)),
          endpoint_(settings_for(conversation), unpredictable(), Instant{}),
          waiting_(io_),
          ending_(io_) {}

    std::expected<void, std::string> hold() {
        auto opened = net::UdpSocket::open(io_, to_.v6 ? "[::]:0" : "0.0.0.0:0");
        if (!opened) return std::unexpected(opened.error().line);
        socket_.emplace(*std::move(opened));
        socket_->receive([this](const net::Endpoint& from, Bytes octets) { heard(from, octets); });
        host_ = std::make_unique<EndpointHost>(
            io_, endpoint_, [this](coap::EndpointOutput output) { act(std::move(output)); });
        const net::Signals signals(io_, [this](int) { interrupted(); });
        wait_for_answer();
        if (conversation_.request.observe && conversation_.span) {
            ending_.expires_after(*conversation_.span);
            ending_.async_wait([this](const boost::system::error_code& gone) {
                if (!gone) part();
            });
        }
        host_->input(conversation_.request);
        if (!over_) io_.run();
        if (trouble_) return std::unexpected(*std::move(trouble_));
        return {};
    }

private:
    using EndpointHost = net::Host<coap::Endpoint, std::function<void(coap::EndpointOutput)>>;

    void heard(const net::Endpoint& from, Bytes octets) {
        const coap::Peer peer = peer_of(from);
        if (conversation_.verbose) show("<-", peer, octets);
        if (peer == conversation_.request.peer && !parting_ && answers_ == 0) wait_for_answer();
        host_->input(coap::DatagramReceived{peer, to_octets(octets)});
        if (parting_ && endpoint_.transactions() == 0) end();
    }

    void act(coap::EndpointOutput output) {
        std::visit(Overloaded{
                       [&](const coap::SendDatagram& send) {
                           if (conversation_.verbose) show("->", send.peer, send.datagram);
                           const bool sent = socket_->send(
                               endpoint_of(send.peer, conversation_.scope), send.datagram);
                           if (!sent && !parting_) host_->input(coap::PeerUnreachable{send.peer});
                       },
                       [&](const coap::RequestArrived& request) {  // we serve nobody
                           host_->input(coap::Decline{request.exchange});
                       },
                       [&](const coap::ResponseArrived& response) {
                           if (parting_) return;
                           waiting_.cancel();
                           ++answers_;
                           on_response_(response);
                           if (!response.more_to_come) end();
                       },
                       [&](const coap::RequestFailed& failed) {
                           // Of a request to a group nobody knows how many will answer.
                           if (failed.reason == coap::Failure::ended || parting_) return end();
                           fail(reason_text(failed.reason));
                       },
                   },
                   output);
    }

    [[nodiscard]] std::string reason_text(coap::Failure reason) const {
        const std::string peer = coap::to_text(conversation_.request.peer);
        switch (reason) {
            case coap::Failure::timeout:
                return fmt::format("{} did not answer in {}", peer,
                                   duration_to_text(host_->now() - Instant{}));
            case coap::Failure::unreachable:
                return fmt::format("{} cannot be reached", peer);
            case coap::Failure::reset:
                return fmt::format("{} rejected the message", peer);
            case coap::Failure::too_large:
                return fmt::format("the response is longer than {} octets", body_octets_max);
            default:
                return fmt::format("{}: {}", peer, coap::name_of(reason));
        }
    }

    void wait_for_answer() {
        waiting_.expires_after(conversation_.patience);
        waiting_.async_wait([this](const boost::system::error_code& gone) {
            if (gone || over_) return;
            fail(fmt::format("{} did not answer in {}", coap::to_text(conversation_.request.peer),
                             duration_to_text(conversation_.patience)));
        });
    }

    void interrupted() {
        if (conversation_.request.observe && answers_ > 0) return part();
        fail("interrupted");
    }

    /// Tells the peer that the observation is over, and gives it a moment to say that it heard.
    void part() {
        if (answers_ == 0) return fail("no answer in the time given");
        parting_ = true;
        host_->input(coap::Cancel{conversation_.request.id});
        if (endpoint_.transactions() == 0) return end();
        waiting_.expires_after(farewell);
        waiting_.async_wait([this](const boost::system::error_code& gone) {
            if (!gone) end();
        });
    }

    void fail(std::string why) {
        if (!over_) trouble_ = std::move(why);
        end();
    }
    void end() {
        over_ = true;
        io_.stop();
    }

    static void show(std::string_view way, const coap::Peer& peer, Bytes datagram) {
        const auto message = parse_as<coap::Message>(datagram);
        const std::string text =
            message ? coap::to_text(*message)
                    : fmt::format("not CoAP: {} at octet {}",
                                  causeway::name_of(message.error().fault), message.error().offset);
        fmt::print(stderr, "{} {} {}\n", way, coap::to_text(peer), text);
    }

    const Conversation& conversation_;
    const std::function<void(const coap::ResponseArrived&)>& on_response_;
    asio::io_context io_{1};
    net::Endpoint to_;
    coap::Endpoint endpoint_;
    std::optional<net::UdpSocket> socket_;
    std::unique_ptr<EndpointHost> host_;
    asio::steady_timer waiting_;
    asio::steady_timer ending_;
    std::size_t answers_ = 0;
    bool parting_ = false;
    bool over_ = false;
    std::optional<std::string> trouble_;
};

}  // namespace

std::expected<std::uint32_t, std::string> take_zone(std::string& uri) {
    const std::size_t open = uri.find("://[");
    const std::size_t close = uri.find(']');
    if (open == std::string::npos || close == std::string::npos) return 0u;
    const std::size_t percent = uri.find('%', open);
    if (percent > close) return 0u;
    std::string zone = uri.substr(percent + 1, close - percent - 1);
    if (zone.starts_with("25") && zone.size() > 2) zone.erase(0, 2);
    const unsigned index = if_nametoindex(zone.c_str());
    if (index == 0) return std::unexpected(fmt::format("no interface is called {}", zone));
    uri.erase(percent, close - percent);
    return index;
}

std::optional<Destination> look_up(const std::string& host, std::uint16_t port) {
    asio::io_context io(1);
    asio::ip::udp::resolver resolver(io);
    boost::system::error_code unknown;
    const auto found = resolver.resolve(host, std::to_string(port), unknown);
    if (unknown || found.empty()) return std::nullopt;
    const asio::ip::address address = found.begin()->endpoint().address();
    Destination destination{.peer = {.port = port}};
    auto& octets = destination.peer.address;
    if (address.is_v6()) {
        const auto v6 = address.to_v6();
        std::ranges::transform(v6.to_bytes(), octets.begin(),
                               [](unsigned char c) { return std::byte{c}; });
        destination.scope = static_cast<std::uint32_t>(v6.scope_id());
        return destination;
    }
    octets[10] = octets[11] = std::byte{0xff};
    std::ranges::transform(address.to_v4().to_bytes(), octets.begin() + 12,
                           [](unsigned char c) { return std::byte{c}; });
    return destination;
}

std::expected<void, std::string> converse(
    const Conversation& conversation,
    const std::function<void(const coap::ResponseArrived&)>& on_response) {
    Talk talk(conversation, on_response);
    return talk.hold();
}

}  // namespace causeway::cli
