#pragma once
// For tests of streams: an engine that only remembers, and a peer that is nothing but a socket.
#include "net/connector.hpp"
#include "net/endpoint.hpp"
#include "net/sockaddr.hpp"
#include "net/stream_host.hpp"
#include "net/testing.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cstdint>
#include <set>
#include <thread>

namespace causeway::net::testing {

inline std::string noise(std::size_t octets) {
    std::string text(octets, '\0');
    std::uint32_t state = 1;
    for (char& c : text) {
        state = state * 1664525u + 1013904223u;
        c = static_cast<char>(state >> 24);
    }
    return text;
}

template <class Duration>
void turn_for(boost::asio::io_context& io, Duration during) {
    const auto end = std::chrono::steady_clock::now() + during;
    while (std::chrono::steady_clock::now() < end) {
        io.restart();
        io.run_one_until(end);
    }
}

/// A ConnectSpec for "127.0.0.1:1883".
inline ConnectSpec to(const std::string& address) {
    const auto colon = address.rfind(':');
    return {.host = address.substr(0, colon),
            .port = static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1)))};
}

/// A StreamHost and all that it said.
struct Side {
    Side(Io& io, StreamHost::Options options)
        : host(io, options,
               {.opened =
                    [this](StreamId id, const StreamFacts& said) {
                        ++opened;
                        open_.insert(id);
                        last = id;
                        facts = said;
                        unbatched = true;
                        if (on_opened) on_opened(id);
                    },
                .received =
                    [this](StreamId id, Bytes octets) {
                        heard += as_text(octets);
                        if (echo) host.send(id, {to_octets(octets), {}, {}});
                        unbatched = true;
                        if (on_received) on_received(id);
                    },
                .drained =
                    [this](StreamId, std::size_t octets) {
                        drained += octets;
                        unbatched = true;
                    },
                .closed =
                    [this](StreamId id, const Trouble* why) {
                        ++closed;
                        open_.erase(id);
                        trouble.reset();
                        if (why != nullptr) trouble = *why;
                        unbatched = true;
                    },
                .batch =
                    [this] {
                        ++batches;
                        unbatched = false;
                    },
                .refused = [this](std::size_t, const std::string&,
                                  const Trouble& why) { refusals.push_back(why.line); }}) {}

    StreamId connect(const Side& server, std::size_t listener) {
        return host.connect(to(server.host.listening_on(listener)));
    }
    void say(StreamId id, std::string_view text) {
        host.send(id, {to_octets(as_octets(text)), {}, {}});
    }
    [[nodiscard]] bool open(StreamId id) const { return open_.contains(id); }

    StreamHost host;
    std::function<void(StreamId)> on_opened;
    std::function<void(StreamId)> on_received;
    std::size_t opened = 0;
    std::size_t closed = 0;
    std::size_t batches = 0;
    std::size_t drained = 0;
    bool unbatched = false;
    bool echo = false;
    StreamId last{};
    StreamFacts facts;
    std::string heard;
    std::optional<Trouble> trouble;
    std::vector<std::string> refusals;

private:
    std::set<StreamId> open_;
};

/// A client's socket with no manners of its own.
class Peer {
public:
    explicit Peer(const std::string& address) {
        const auto [where, size] = to_sockaddr(*Endpoint::parse(address));
        fd_ = ::socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const bool connected = ::connect(fd_, reinterpret_cast<const sockaddr*>(&where), size) == 0;
        EXPECT_TRUE(connected) << reason_of(errno);
    }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    ~Peer() { close(); }

    void say(std::string_view text) {
        EXPECT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
    }
    /// What there is, without waiting.
    std::string hear() {
        std::string text;
        std::array<char, 1 << 16> some;
        for (;;) {
            const ssize_t n = ::recv(fd_, some.data(), some.size(), MSG_DONTWAIT);
            if (n > 0) {
                text.append(some.data(), static_cast<std::size_t>(n));
                continue;
            }
            if (n == 0 || errno != EAGAIN) ended_ = true;
            return text;
        }
    }
    [[nodiscard]] bool ended() const { return ended_; }
    void close() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }
    [[nodiscard]] int descriptor() const { return fd_; }

private:
    int fd_ = -1;
    bool ended_ = false;
};

}  // namespace causeway::net::testing
