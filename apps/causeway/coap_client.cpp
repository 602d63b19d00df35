#include "coap_client.hpp"

#include "coap/text.hpp"
#include "command.hpp"
#include "net/signals.hpp"

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>

namespace causeway::cli {
namespace {

namespace asio = boost::asio;

/// What a download may come to; more is refused rather than kept.
constexpr std::uint32_t body_octets_max = 64u << 20;
/// How long a peer gets to acknowledge that an observation is over.
constexpr Duration farewell = std::chrono::seconds(3);
/// Between attempts to observe again what is gone: doubled up to the latter.
constexpr Duration again_first = std::chrono::seconds(1);
constexpr Duration again_most = std::chrono::seconds(30);

class Talk {
public:
    Talk(const Conversation& conversation, const Listener& listener)
        : conversation_(conversation),
          listener_(listener),
          host_(io_, host_options_for(conversation), events()),
          waiting_(io_),
          ending_(io_),
          again_(io_) {}

    std::expected<void, std::string> hold() {
        const net::Signals signals(io_, [this](int) { interrupted(); });
        if (conversation_.request.observe && conversation_.span) {
            ending_.expires_after(*conversation_.span);
            ending_.async_wait([this](const boost::system::error_code& gone) {
                if (!gone) part();
            });
        }
        begin();
        if (!over_) io_.run();
        if (trouble_) return std::unexpected(*std::move(trouble_));
        return {};
    }

private:
    site::CoapHost::Events events() {
        return {
            .request =
                [this](coap::RequestArrived&& request) {  // we serve nobody
                    host_.input(coap::Decline{request.exchange});
                },
            .response = [this](coap::ResponseArrived&& response) { answered(response); },
            .failed =
                [this](coap::RequestFailed&& gone) {
                    if (gone.id == id_) failed(gone.reason);
                },
            .observer_gone = {},
            .trace =
                [this](bool sent, const coap::Peer& peer, const coap::Message& message) {
                    if (conversation_.verbose) show_message(sent, peer, message);
                    // Who says anything is waited for on.
                    if (!sent && peer_ && peer.address == peer_->address && answers_ == 0 &&
                        !parting_)
                        wait_for_answer();
                },
            .trouble = [this](const coap::Peer&,
                              const net::Trouble& trouble) { channel_trouble_ = trouble.line; },
            .batch =
                [this] {
                    if (parting_ && host_.endpoint().transactions() == 0) end();
                },
        };
    }

    void begin() {
        if (!peer_) {
            const auto peer = host_.open(conversation_.target);
            if (!peer) {
                if (seen_ == 0) return fail(peer.error().line);
                return begin_again(peer.error().line);
            }
            peer_ = *peer;
        }
        answers_ = 0;
        channel_trouble_.clear();
        coap::Request request = request_to(*peer_, conversation_);
        request.id = id_ = coap::RequestId{std::to_underlying(id_) + 1};
        began_ = host_.now();
        wait_for_answer();
        host_.input(std::move(request));
    }

    void answered(const coap::ResponseArrived& response) {
        if (parting_ || over_ || response.id != id_) return;
        waiting_.cancel();
        ++answers_;
        ++seen_;
        pause_ = again_first;
        listener_.response(response);
        if (response.more_to_come) return;
        if (conversation_.request.observe && coap::is_success(response.code))
            listener_.note("the resource cannot be observed: there will be no other answer");
        if (++times_ >= conversation_.times) return end();
        after(conversation_.pause);
    }

    void failed(coap::Failure reason) {
        if (over_) return;
        // Of a request to a group nobody knows how many will answer.
        if (reason == coap::Failure::ended || parting_) return end();
        const std::string line =
            channel_trouble_.empty()
                ? reason_text(reason, conversation_.target_text, host_.now() - began_)
                : channel_trouble_;
        const bool gone = reason == coap::Failure::timeout || reason == coap::Failure::reset ||
                          reason == coap::Failure::unreachable || reason == coap::Failure::closed;
        if (!conversation_.request.observe || seen_ == 0 || !gone) return fail(line);
        begin_again(line);
    }

    /// Notifications came and then the server went: it may be back soon.
    void begin_again(const std::string& why) {
        waiting_.cancel();
        if (peer_) host_.close(*peer_);
        peer_.reset();
        listener_.note(fmt::format("{}; asking again in {}", why, duration_to_text(pause_)));
        after(pause_);
        pause_ = std::min(2 * pause_, again_most);
    }

    void after(Duration pause) {
        again_.expires_after(pause);
        again_.async_wait([this](const boost::system::error_code& gone) {
            if (!gone && !over_ && !parting_) begin();
        });
    }

    void wait_for_answer() {
        waiting_.expires_after(conversation_.patience);
        waiting_.async_wait([this](const boost::system::error_code& gone) {
            if (gone || over_) return;
            if (seen_ > 0 && conversation_.request.observe) {
                host_.input(coap::Cancel{id_});
                return failed(coap::Failure::timeout);
            }
            fail(reason_text(coap::Failure::timeout, conversation_.target_text,
                             conversation_.patience));
        });
    }

    void interrupted() {
        if (conversation_.request.observe && seen_ > 0) return part();
        fail("interrupted");
    }

    /// Tells the peer that the observation is over, and gives it a moment to say that it heard.
    void part() {
        if (seen_ == 0) return fail("no answer in the time given");
        parting_ = true;
        again_.cancel();
        host_.input(coap::Cancel{id_});
        if (host_.endpoint().transactions() == 0) return end();
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

    const Conversation& conversation_;
    const Listener& listener_;
    asio::io_context io_{1};
    site::CoapHost host_;
    asio::steady_timer waiting_;
    asio::steady_timer ending_;
    asio::steady_timer again_;
    std::optional<coap::Peer> peer_;
    coap::RequestId id_{0};
    Instant began_{};
    Duration pause_ = again_first;
    std::size_t answers_ = 0;  // of the request under way
    std::size_t seen_ = 0;     // of all
    unsigned times_ = 0;
    bool parting_ = false;
    bool over_ = false;
    std::string channel_trouble_;
    std::optional<std::string> trouble_;
};

}  // namespace

coap::Request request_to(const coap::Peer& peer, const Conversation& conversation) {
    coap::Request request = conversation.request;
    request.peer = peer;
    if (!conversation.uri) return request;
    coap::Options uri;
    conversation.uri->add_to(uri, peer);
    if (conversation.bare) {
        uri.remove(coap::OptionNumber::uri_host);
        uri.remove(coap::OptionNumber::uri_port);
    }
    for (const coap::Option option : uri) request.options.add(option.number, option.value);
    return request;
}

site::CoapHost::Options host_options_for(const Conversation& conversation) {
    site::CoapHost::Options options;
    coap::Settings& settings = options.settings;
    settings.body_octets_max = body_octets_max;
    settings.response_timeout = std::max(settings.response_timeout, conversation.patience);
    if (conversation.multicast_window) settings.multicast_window = *conversation.multicast_window;
    if (conversation.block_szx) settings.block_szx = *conversation.block_szx;
    if (conversation.without_token) settings.token_octets = 0;
    options.protection = conversation.protection.get();
    return options;
}

void show_message(bool sent, const coap::Peer& peer, const coap::Message& message) {
    std::string text = coap::to_text(message);
    // Over a stream the type and the id mean nothing.
    if (peer.is_reliable() && text.size() > 4) {
        text.erase(0, 4);
        if (const std::size_t id = text.find(" id "); id != std::string::npos) text.erase(id, 8);
    }
    fmt::print(stderr, "{} {} {}\n", sent ? "->" : "<-", coap::to_text(peer), text);
}

std::string reason_text(coap::Failure reason, const std::string& peer, Duration waited) {
    switch (reason) {
        case coap::Failure::timeout:
            return fmt::format("{} did not answer in {}", peer, duration_to_text(waited));
        case coap::Failure::unreachable:
            return fmt::format("{} cannot be reached", peer);
        case coap::Failure::reset:
            return fmt::format("{} rejected the message", peer);
        case coap::Failure::closed:
            return fmt::format("{} closed the connection", peer);
        case coap::Failure::protection:
            return fmt::format("{} did not answer under the OSCORE context, or it is used up",
                               peer);
        case coap::Failure::too_large:
            return fmt::format("the response is longer than {} octets", body_octets_max);
        default:
            return fmt::format("{}: {}", peer, coap::name_of(reason));
    }
}

std::expected<void, std::string> converse(const Conversation& conversation,
                                          const Listener& listener) {
    Talk talk(conversation, listener);
    return talk.hold();
}

}  // namespace causeway::cli
