// causeway coap ping: whether a CoAP endpoint is there, and how far away. Over datagrams an Empty
// confirmable message, which every endpoint rejects [RFC 7252 §4.3]; over streams the signal for it
// [RFC 8323 §5.4].
#include "coap_options.hpp"

#include "net/signals.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

namespace causeway::cli {
namespace {

namespace asio = boost::asio;

struct PingOptions : CoapOptions {
    std::uint64_t count = 0;
    std::string interval = "1";
    bool quiet = false;
};

struct PingPlan {
    std::uint64_t count = 0;  // zero: until interrupted
    Duration interval{};
    Duration patience{};
    bool quiet = false;
};

double ms(Duration duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}

class Pinger {
public:
    Pinger(const Conversation& conversation, const PingPlan& plan)
        : conversation_(conversation),
          plan_(plan),
          host_(io_, host_options_for(conversation), events()),
          waiting_(io_),
          next_(io_) {}

    std::expected<void, std::string> run() {
        const net::Signals signals(io_, [this](int) { io_.stop(); });
        const auto peer = host_.open(conversation_.target);
        if (!peer) return std::unexpected(peer.error().line);
        peer_ = *peer;
        ping();
        io_.run();
        if (trouble_) return std::unexpected(*trouble_);
        return {};
    }

    [[nodiscard]] std::uint64_t answered() const { return answered_; }

    [[nodiscard]] std::string to_text() const {
        std::string out = fmt::format("--- {}: {} sent, {} answered, {:.0f} % lost\n",
                                      conversation_.target_text, sent_, answered_, lost_percent());
        if (answered_ > 0)
            out += fmt::format("    min {:.3f}  mean {:.3f}  max {:.3f}  deviation {:.3f} ms\n",
                               least_, mean(), most_, deviation());
        return out;
    }
    [[nodiscard]] boost::json::object to_json() const {
        boost::json::object result{
            {"target", conversation_.target_text}, {"sent", sent_}, {"answered", answered_}};
        if (answered_ > 0)
            result["ms"] = {
                {"min", least_}, {"mean", mean()}, {"max", most_}, {"deviation", deviation()}};
        return result;
    }

private:
    site::CoapHost::Events events() {
        return {
            .request = [this](coap::RequestArrived&& r) { host_.input(coap::Decline{r.exchange}); },
            .response = [this](coap::ResponseArrived&& r) { answer(std::to_underlying(r.id)); },
            .failed =
                [this](coap::RequestFailed&& gone) {
                    if (std::to_underlying(gone.id) != sent_ || !under_way_) return;
                    give_up(
                        reason_text(gone.reason, conversation_.target_text, host_.now() - began_));
                },
            .observer_gone = {},
            .trace =
                [this](bool sent, const coap::Peer& peer, const coap::Message& message) {
                    if (conversation_.verbose) show_message(sent, peer, message);
                },
            .trouble =
                [this](const coap::Peer&, const net::Trouble& trouble) {
                    trouble_ = trouble.line;
                    io_.stop();
                },
            .pong = [this](const coap::Peer&) { answer(sent_); },
            .batch =
                [this] {
                    // A connection that has just opened.
                    if (under_way_ && !asked_) asked_ = host_.ping(peer_);
                },
        };
    }

    void ping() {
        under_way_ = true;
        began_ = host_.now();
        ++sent_;
        if (peer_.is_reliable()) {
            asked_ = host_.ping(peer_);
        } else {
            asked_ = true;
            coap::Request request;
            request.id = coap::RequestId{sent_};
            request.peer = peer_;
            request.code = coap::Code::empty;
            host_.input(std::move(request));
        }
        waiting_.expires_after(plan_.patience);
        waiting_.async_wait([this](const boost::system::error_code& gone) {
            if (gone || !under_way_) return;
            if (!peer_.is_reliable()) host_.input(coap::Cancel{coap::RequestId{sent_}});
            give_up(fmt::format("no answer in {}", duration_to_text(plan_.patience)));
        });
    }

    void answer(std::uint64_t number) {
        if (!under_way_ || number != sent_) return;
        const double took = ms(host_.now() - began_);
        ++answered_;
        least_ = std::min(least_, took);
        most_ = std::max(most_, took);
        sum_ += took;
        squares_ += took * took;
        settle(fmt::format("time {:.3f} ms", took));
    }

    void give_up(const std::string& why) { settle(why); }

    void settle(const std::string& what) {
        under_way_ = false;
        waiting_.cancel();
        if (!plan_.quiet) {
            fmt::print("{}: {} {}\n", conversation_.target_text, sent_, what);
            std::fflush(stdout);
        }
        if (sent_ == plan_.count) return io_.stop();
        const Duration left = plan_.interval - (host_.now() - began_);
        next_.expires_after(std::max(left, Duration{}));
        next_.async_wait([this](const boost::system::error_code& gone) {
            if (!gone) ping();
        });
    }

    [[nodiscard]] double lost_percent() const {
        const std::uint64_t over = sent_ - (under_way_ ? 1 : 0);
        if (over == 0) return 0;
        return 100.0 * static_cast<double>(over - answered_) / static_cast<double>(over);
    }
    [[nodiscard]] double mean() const { return sum_ / static_cast<double>(answered_); }
    [[nodiscard]] double deviation() const {
        const double square = squares_ / static_cast<double>(answered_) - mean() * mean();
        return std::sqrt(std::max(square, 0.0));
    }

    const Conversation& conversation_;
    const PingPlan& plan_;
    asio::io_context io_{1};
    site::CoapHost host_;
    asio::steady_timer waiting_;
    asio::steady_timer next_;
    coap::Peer peer_;
    Instant began_{};
    bool under_way_ = false;
    bool asked_ = false;
    std::uint64_t sent_ = 0;
    std::uint64_t answered_ = 0;
    double least_ = std::numeric_limits<double>::max();
    double most_ = 0;
    double sum_ = 0;
    double squares_ = 0;
    std::optional<std::string> trouble_;
};

int ping(const PingOptions& options) {
    if (options.words.size() != 1)
        return say_why(bad_usage, fmt::format("{}: one URI is enough", options.words.back()));
    auto conversation = reached(options);
    if (!conversation) return say_why(conversation.error().status, conversation.error().line);
    const auto interval = duration_from_text(options.interval);
    if (!interval)
        return say_why(bad_usage, fmt::format("-i {}: not a duration; allowed: 1, 200ms, 1m",
                                              options.interval));
    const PingPlan plan{
        .count = options.count,
        .interval = *interval,
        .patience = options.timeout_seconds ? conversation->patience : std::chrono::seconds(2),
        .quiet = options.quiet || options.json,
    };
    Pinger pinger(*conversation, plan);
    if (const auto ran = pinger.run(); !ran) return say_why(failed, ran.error());
    if (options.json)
        fmt::print("{}\n", boost::json::serialize(pinger.to_json()));
    else
        fmt::print("{}", pinger.to_text());
    return pinger.answered() > 0 ? done : failed;
}

}  // namespace

void add_coap_ping(CLI::App& coap, Work& work) {
    auto* command = coap.add_subcommand("ping", "Ask again and again whether it is there");
    command->footer(
        "Example:\n"
        "  causeway coap ping -c 5 coap://[fd00:ca5e::2]");
    auto options = std::make_shared<PingOptions>();
    command->add_option("URI", options->words, "SCHEME://HOST[:PORT]")->required()->expected(1);
    command->add_option("-c,--count", options->count, "So many times; else until Ctrl-C")
        ->type_name("COUNT");
    command->add_option("-i,--interval", options->interval, "Between two of them")
        ->type_name("SECONDS")
        ->capture_default_str();
    command->add_flag("-q,--quiet", options->quiet, "The summary alone");
    add_coap_reach(*command, *options);
    command->callback([options, &work] { work = [options] { return ping(*options); }; });
}

}  // namespace causeway::cli
