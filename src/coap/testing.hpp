#pragma once
// For this room's tests: one endpoint on a bench, and two with a bad network between them.
#include "base/hex.hpp"
#include "coap/endpoint.hpp"
#include "coap/server.hpp"
#include "coap/text.hpp"

#include <algorithm>
#include <deque>
#include <functional>

namespace causeway::coap::testing {

using namespace std::chrono_literals;

inline constexpr Instant start{std::chrono::seconds(1000)};

/// 2001:db8::`host`.
[[nodiscard]] inline Peer peer_at(std::uint8_t host, std::uint16_t port = default_port) {
    Peer peer;
    peer.address[0] = std::byte{0x20};
    peer.address[1] = std::byte{0x01};
    peer.address[2] = std::byte{0x0d};
    peer.address[3] = std::byte{0xb8};
    peer.address[15] = std::byte{host};
    peer.port = port;
    return peer;
}

[[nodiscard]] inline Octets text(std::string_view s) {
    return to_octets(as_octets(s));
}

[[nodiscard]] inline Options path_options(std::string_view path) {
    Options options;
    options.add_path(path);
    return options;
}

[[nodiscard]] inline Message message_of(Bytes datagram) {
    auto message = parse_as<Message>(datagram);
    CAUSEWAY_ASSERT(message.has_value());
    return std::move(*message);
}

/// `size` octets that are all different from their neighbours.
[[nodiscard]] inline Octets body_of(std::size_t size, std::uint64_t seed = 7) {
    Random random(seed);
    Octets body(size);
    for (std::byte& b : body) b = std::byte(random.next() & 0xff);
    return body;
}

/// An endpoint, the time, and everything it put out, sorted.
class Bench {
public:
    explicit Bench(const Settings& settings = {}, std::uint64_t seed = 1,
                   Protection* protection = nullptr)
        : endpoint(settings, Random(seed), start, {}, protection) {}

    void handle(Endpoint::Input in) {
        endpoint.handle(now, std::move(in));
        collect();
    }
    void receive(const Peer& from, Octets datagram, bool multicast = false) {
        handle(DatagramReceived{from, std::move(datagram), multicast});
    }
    void receive(const Peer& from, const Message& message, bool multicast = false) {
        receive(from, emitted(message), multicast);
    }
    void receive_message(const Peer& from, Message message) {
        handle(MessageReceived{from, std::move(message)});
    }
    /// Moves time on, stopping at every deadline on the way.
    void pass(Duration span) {
        const Instant until = now + span;
        for (int steps = 0; endpoint.next_deadline() <= until; ++steps) {
            CAUSEWAY_ASSERT(steps < 10000);
            now = std::max(now, endpoint.next_deadline());
            endpoint.handle_timeout(now);
            collect();
        }
        now = until;
    }

    /// The one datagram sent since the last look.
    Message sent() {
        CAUSEWAY_ASSERT(datagrams.size() == 1);
        return take_sent();
    }
    Message take_sent() {
        CAUSEWAY_ASSERT(!datagrams.empty());
        Message message = message_of(datagrams.front().datagram);
        datagrams.pop_front();
        return message;
    }
    /// The one message that went over a stream since the last look.
    Message sent_message() {
        CAUSEWAY_ASSERT(messages.size() == 1);
        return take(messages).message;
    }
    RequestArrived request() { return take(requests); }
    ResponseArrived response() { return take(responses); }
    RequestFailed failure() { return take(failures); }
    [[nodiscard]] bool silent() const {
        return datagrams.empty() && messages.empty() && requests.empty() && responses.empty() &&
               failures.empty();
    }

    Endpoint endpoint;
    Instant now = start;
    std::deque<SendDatagram> datagrams;
    std::deque<RequestArrived> requests;
    std::deque<ResponseArrived> responses;
    std::deque<RequestFailed> failures;
    std::deque<SendMessage> messages;
    std::deque<ObserverGone> gone;

private:
    template <class T>
    static T take(std::deque<T>& queue) {
        CAUSEWAY_ASSERT(!queue.empty());
        T front = std::move(queue.front());
        queue.pop_front();
        return front;
    }
    void collect() {
        while (auto out = endpoint.poll_output()) {
            std::visit(Overloaded{
                           [&](SendDatagram& o) { datagrams.push_back(std::move(o)); },
                           [&](RequestArrived& o) { requests.push_back(std::move(o)); },
                           [&](ResponseArrived& o) { responses.push_back(std::move(o)); },
                           [&](RequestFailed& o) { failures.push_back(std::move(o)); },
                           [&](SendMessage& o) { messages.push_back(std::move(o)); },
                           [&](ObserverGone& o) { gone.push_back(std::move(o)); },
                       },
                       *out);
        }
    }
};

/// A client and a server with a network between them that loses, repeats and delays datagrams.
class Network {
public:
    struct Badness {
        unsigned loss_percent = 0;
        unsigned duplicate_percent = 0;
        Duration delay_min = 10ms;
        Duration delay_max = 10ms;
    };

    Network(const Settings& client_settings, const Settings& server_settings,
            const Badness& badness, std::uint64_t seed, Protection* client_protection = nullptr,
            Protection* server_protection = nullptr)
        : client(client_settings, Random(seed).fork(1), start, {}, client_protection),
          endpoint(server_settings, Random(seed).fork(2), start, {}, server_protection),
          badness_(badness),
          random_(Random(seed).fork(3)) {}

    Peer client_peer = peer_at(1, 40000);  // as the server sees it
    Peer server_peer = peer_at(2);
    std::uint32_t context = 0;  // of requests
    Endpoint client;
    Endpoint endpoint;  // of the server
    Server server;
    Instant now = start;
    std::vector<ResponseArrived> responses;
    std::vector<RequestFailed> failures;
    std::function<void(const ResponseArrived&)> on_response;
    std::size_t datagrams = 0;
    std::size_t messages = 0;  // over streams, which lose nothing
    std::size_t largest = 0;

    void request(Request in) {
        in.peer = server_peer;
        in.peer.context = context;
        client.handle(now, std::move(in));
        carry();
    }
    void changed(std::string_view path) {
        server.changed(path);
        carry();
    }
    /// Until nothing is on its way and no timer is armed before `until`.
    void run(Duration span) {
        const Instant until = now + span;
        for (int steps = 0; steps < 2'000'000; ++steps) {
            Instant next = std::min(client.next_deadline(), endpoint.next_deadline());
            for (const Flying& f : flying_) next = std::min(next, f.at);
            if (next > until) {
                now = until;
                return;
            }
            now = std::max(now, next);
            if (client.next_deadline() <= now) client.handle_timeout(now);
            if (endpoint.next_deadline() <= now) endpoint.handle_timeout(now);
            for (std::size_t i = 0; i < flying_.size(); ++i) {
                if (flying_[i].at > now) continue;
                Flying f = std::move(flying_[i]);
                flying_.erase(flying_.begin() + static_cast<std::ptrdiff_t>(i));
                if (f.to_server)
                    endpoint.handle(now, DatagramReceived{client_peer, std::move(f.datagram)});
                else
                    client.handle(now, DatagramReceived{server_peer, std::move(f.datagram)});
                break;
            }
            carry();
        }
        const bool came_to_rest = false;
        CAUSEWAY_ASSERT(came_to_rest);
    }

private:
    struct Flying {
        Instant at;
        bool to_server;
        Octets datagram;
    };

    void launch(bool to_server, const Octets& datagram) {
        ++datagrams;
        largest = std::max(largest, datagram.size());
        const unsigned copies = random_.below(100) < badness_.duplicate_percent ? 2 : 1;
        for (unsigned i = 0; i < copies; ++i) {
            if (random_.below(100) < badness_.loss_percent) continue;
            const Duration jitter =
                random_.within(badness_.delay_max - badness_.delay_min + Duration(1));
            flying_.push_back({now + badness_.delay_min + jitter, to_server, datagram});
        }
    }

    void carry() {
        for (bool more = true; more;) {
            more = false;
            while (auto change = server.poll_changed()) endpoint.handle(now, std::move(*change));
            while (auto out = endpoint.poll_output()) {
                more = true;
                if (auto* send = std::get_if<SendDatagram>(&*out)) launch(false, send->datagram);
                if (auto* send = std::get_if<SendMessage>(&*out)) {
                    ++messages;
                    client.handle(now, MessageReceived{server_peer, std::move(send->message)});
                }
                if (auto* request = std::get_if<RequestArrived>(&*out)) {
                    if (auto response = server.handle(*request))
                        endpoint.handle(now, Respond{request->exchange, std::move(*response)});
                    else
                        endpoint.handle(now, Decline{request->exchange});
                }
            }
            while (auto out = client.poll_output()) {
                more = true;
                if (auto* send = std::get_if<SendDatagram>(&*out)) launch(true, send->datagram);
                if (auto* send = std::get_if<SendMessage>(&*out)) {
                    ++messages;
                    endpoint.handle(now, MessageReceived{client_peer, std::move(send->message)});
                }
                if (auto* failed = std::get_if<RequestFailed>(&*out)) failures.push_back(*failed);
                if (auto* response = std::get_if<ResponseArrived>(&*out)) {
                    responses.push_back(*response);
                    if (on_response) on_response(responses.back());
                }
            }
        }
    }

    Badness badness_;
    Random random_;
    std::vector<Flying> flying_;
};

}  // namespace causeway::coap::testing
