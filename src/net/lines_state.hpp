#pragma once
// The inside of Lines: what stands behind a LineId, and who speaks on it. For this room's .cpp
// files.
#include "net/endpoint.hpp"
#include "net/lines.hpp"
#include "net/stream_host.hpp"
#include "net/udp_socket.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace causeway::net {

/// Who may connect: "10.0.0.0/8", "192.0.2.7", "fd00::/8".
class AllowList {
public:
    /// The error is a sentence.
    [[nodiscard]] static std::expected<AllowList, std::string> parse(
        const std::vector<std::string>& entries);
    [[nodiscard]] bool allows(const Endpoint& peer) const;

private:
    struct Prefix {
        std::array<std::byte, 16> address;
        unsigned bits;
    };
    std::vector<Prefix> prefixes_;
};

struct Lines::State {
    using Steady = std::chrono::steady_clock;
    using EndpointKey = std::tuple<std::array<std::byte, 16>, std::uint16_t, std::uint32_t>;

    struct Slot {
        bool used = false;
        bool spoke = false;
        std::uint16_t generation = 0;
        StreamId stream{};
        std::size_t queued = 0;   // at a stream
        std::uint64_t heard = 0;  // Line::hearings when it spoke last
        Steady::time_point heard_at;
        Endpoint endpoint;
    };
    struct Line {
        Line(Io& io, LineId number, const LineSpec& chosen, Events said);
        Line(const Line&) = delete;
        Line& operator=(const Line&) = delete;

        LineId id;
        LineSpec spec;
        Events events;
        Stats stats;
        std::vector<Slot> slots;
        std::vector<std::uint16_t> free;
        std::uint64_t hearings = 0;
        bool shut = false;
        bool touched = false;  // by the batch under way
        std::string last_failure;
        std::shared_ptr<const char> alive = std::make_shared<const char>();

        // What is ours.
        boost::asio::steady_timer reopen;
        Duration wait_first{};
        Duration wait_most{};
        Duration wait_next{};
        Steady::time_point opened_at;
        std::optional<StreamId> connecting;

        std::size_t listener = 0;
        AllowList allow;

        std::optional<UdpSocket> udp;
        std::optional<Endpoint> remote;
        std::map<EndpointKey, std::uint16_t> by_endpoint;
        std::size_t udp_left = 0;  // to be told as drained

        std::optional<SerialPort> port;
    };
    struct Place {
        Line* line = nullptr;
        std::uint16_t slot = 0;
    };

    explicit State(Io& loop);
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    // ---- lines_open.cpp: how lines come to be
    [[nodiscard]] Opened<LineId> open(const LineSpec& spec, Events&& events);
    [[nodiscard]] std::optional<Trouble> start(Line& line, const SerialSpec& spec);
    [[nodiscard]] std::optional<Trouble> start(Line& line, const TcpConnectSpec& spec);
    [[nodiscard]] std::optional<Trouble> start(Line& line, const TcpListenSpec& spec);
    [[nodiscard]] std::optional<Trouble> start(Line& line, const UdpSpec& spec);
    void open_now(Line& line);
    void open_later(Line& line);
    void find_remote(Line& line);
    void failed(Line& line, const Trouble& why);
    void shut(Line& line);

    // ---- lines.cpp: who speaks
    [[nodiscard]] Line* find(LineId line) const;
    [[nodiscard]] static Slot* slot_of(Line& line, Peer peer);
    [[nodiscard]] static Peer number_of(const Line& line, std::uint16_t slot);
    [[nodiscard]] static std::uint16_t take_slot(Line& line);
    static void give_slot(Line& line, std::uint16_t slot);

    void peer_opened(Line& line, std::uint16_t slot, const std::string& who);
    void peer_closed(Line& line, std::uint16_t slot, const Trouble* why);
    void heard(Line& line, std::uint16_t slot, Bytes octets);
    void touch(Line& line);
    void tell_batch(Line& line);
    /// For what comes from neither a stream nor a datagram: its batch is itself.
    template <class What>
    void alone(Line& line, What what) {
        if (line.shut) return;
        what();
        if (!line.shut && line.events.batch) line.events.batch();
    }

    void stream_opened(StreamId id, const StreamFacts& facts);
    void stream_received(StreamId id, Bytes octets);
    void stream_drained(StreamId id, std::size_t octets);
    void stream_closed(StreamId id, const Trouble* why);
    void stream_batch();
    void accepted(Line& line, StreamId id, const StreamFacts& facts);
    void displace(Line& line);
    void remember(StreamId id, Line& line, std::uint16_t slot);
    [[nodiscard]] Place place_of(StreamId id) const;

    void datagram(Line& line, const Endpoint& from, Bytes octets);
    [[nodiscard]] std::optional<std::uint16_t> new_sender(Line& line, const Endpoint& from);
    void forget_endpoint(Line& line, std::uint16_t slot);

    template <class Some>
    bool send(LineId id, Peer peer, Some&& octets);
    void close(Line& line, Peer peer);

    Io& io;
    std::vector<std::unique_ptr<Line>> lines;
    std::vector<std::unique_ptr<Line>> shut_lines;  // one of them may be speaking
    std::vector<Place> by_stream;
    std::vector<Line*> by_listener;
    std::vector<Line*> touched;
    boost::asio::ip::udp::resolver resolver;
    std::shared_ptr<const char> alive = std::make_shared<const char>();
    StreamHost host;
};

}  // namespace causeway::net
