#pragma once
// What is behind a DtlsHost: the table of sessions, their timers, and what is counted.
// For dtls*.cpp.
#include "net/clock.hpp"
#include "net/dtls.hpp"
#include "net/dtls_session.hpp"
#include "net/udp_socket.hpp"

#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <list>
#include <map>
#include <set>
#include <unordered_map>

namespace causeway::net {

struct DtlsHost::State final : DtlsWire {
    using Time = Clock::Steady::time_point;

    /// What only a handshake needs.
    struct Handshake {
        Time deadline;
        Time due;  // as it stands in flights
        std::deque<Octets> queued;
        std::string resumable_as;  // a client's, for the cache
    };
    struct Session {
        std::uint32_t channel = 0;
        std::unique_ptr<DtlsSession> dtls;
        std::unique_ptr<Handshake> handshake;  // null once it is open
        std::array<std::byte, 32> hello_random{};
        DtlsReplayWindow window;
        Time last{};
        std::list<std::uint32_t>::iterator place;  // in quiet, once it is open
    };
    /// Strangers choose addresses; where they end up in the table is not theirs to choose.
    struct Hash {
        Hash();
        std::uint64_t seed;
        std::size_t operator()(const Endpoint& endpoint) const noexcept;
    };

    static constexpr std::chrono::milliseconds look_again{1'000};
    static constexpr std::size_t client_credentials_max = 64;

    State(Io& io, UdpSocket bound, Options chosen, Events told_to);
    ~State();

    void start();
    void datagram(const UdpSocket::Arrival& arrival);
    void client_hello(const Endpoint& from, const Endpoint& local, const DtlsHello& hello,
                      Bytes octets, Session* known);
    [[nodiscard]] Session* accept(const Endpoint& from, const Endpoint& local,
                                  const DtlsHello& hello, const DtlsCookies::Prestate& prestate);
    [[nodiscard]] std::expected<std::uint32_t, Trouble> connect(const Endpoint& to,
                                                                const DtlsClient& as);
    [[nodiscard]] std::expected<std::uint32_t, Trouble> begin(const Endpoint& to,
                                                              const DtlsClient& as,
                                                              DtlsCredentials::Shared credentials,
                                                              const std::string& digest);
    [[nodiscard]] DtlsSession::Timing timing() const;
    [[nodiscard]] std::optional<Trouble> reload(const DtlsServer& server);
    void feed(std::uint32_t channel, Bytes octets);
    void shake(Session& session, const DtlsRecord* record);
    void take(Session& session, const DtlsRecord& record);
    void has_opened(Session& session);
    void has_failed(Session& session);
    /// It is counted already.
    void end_handshake(Session& session, const std::string& reason);
    void remember(const std::string& as, Octets data);
    void forget(const std::string& as);
    void unreachable(const Endpoint& to);
    bool send(std::uint32_t channel, Bytes octets);
    void close(std::uint32_t channel);
    void send_datagram(const DtlsSession& session, Bytes octets) override;

    [[nodiscard]] Session* find(std::uint32_t channel);
    [[nodiscard]] Session* find(const Endpoint& peer);
    [[nodiscard]] Session& insert(std::unique_ptr<DtlsSession> dtls);
    /// Out of every table; its numbers are the caller's business.
    void remove(Session& session);
    /// Whether there is room for one more.
    [[nodiscard]] bool make_room();
    void touch(Session& session);
    void stop_shaking(Session& session);
    void set_flight(Session& session);

    void on_timer();
    void expire_idle(Time now);
    void arm();
    /// Told in order, when nothing of the host is in the middle of something.
    void tell_closed(std::uint32_t channel, std::optional<Trouble> trouble);
    void tell();
    void tell_later();

    struct Closed {
        std::uint32_t channel;
        std::optional<Trouble> trouble;
    };

    Io& io;
    UdpSocket socket;
    Options options;
    Events events;
    Stats stats;
    DtlsCookies cookies;
    DtlsCredentials::Shared server;                          // null: none
    std::map<std::string, DtlsCredentials::Shared> clients;  // by digest of their DtlsClient
    std::map<std::string, Octets> resumable;
    std::deque<std::string> resumable_order;
    std::unordered_map<std::uint32_t, Session> sessions;
    std::unordered_map<Endpoint, Session*, Hash> by_peer;
    std::list<std::uint32_t> quiet;  // open sessions, longest silent first
    std::set<std::pair<Time, std::uint32_t>> flights;
    std::uint32_t accepting = 0;  // of stats.half_open, those of clients
    std::uint32_t next_channel = 1;
    std::vector<Closed> closed;
    Octets buffer;  // for what records hold
    boost::asio::steady_timer timer;
    Time armed_for = Time::max();
    bool telling_soon = false;
    bool told = false;  // something since the last batch event
    std::shared_ptr<const char> alive = std::make_shared<const char>();
};

}  // namespace causeway::net
