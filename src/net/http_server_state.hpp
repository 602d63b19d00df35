#pragma once
// What an HTTP server is made of: connections, and the way back to each. For this room's .cpp
// files.
#include "net/http_server.hpp"

#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <unordered_map>

namespace causeway::net {

/// The server's end of a reply: it lets go of it when there is nobody to answer any more.
struct HttpReply::Link {
    HttpServer::State* server = nullptr;
    StreamId stream{};
    std::function<void()> on_gone;
};

struct HttpServer::State {
    using Steady = std::chrono::steady_clock;
    using Digest = std::array<unsigned char, 32>;
    struct Parser;  // Beast's

    // Answers that have not left: requests behind them wait.
    static constexpr std::size_t unsent_octets_max = 1 << 20;
    // What came while a request is not answered: more is not read.
    static constexpr std::size_t ahead_octets_max = 64 << 10;

    struct Connection {
        std::string peer;
        std::string in;  // what the parser has not taken
        std::shared_ptr<Parser> parser;
        std::shared_ptr<HttpReply::Link> link;  // of the request that waits, or of the stream
        std::size_t unsent = 0;
        Steady::time_point due;
        Steady::time_point idle_until;  // of a stream
        bool begun = false;             // a request
        bool continued = false;         // its body was asked for
        bool keep = false;              // for the next request
        bool head = false;
        bool streaming = false;
        bool paused = false;

        /// A request was handed over, and nothing has been said to it.
        [[nodiscard]] bool awaiting() const { return link != nullptr && !streaming; }
    };

    State(Io& io, Handler asked, LaterHandler asked_later, Options chosen);
    ~State();
    void set_token(const std::string& token);

    // Connections.
    void opened(StreamId id, const StreamFacts& facts);
    void begin(Connection& connection);
    void forget(StreamId id);
    void close(StreamId id, bool at_once = false);
    void received(StreamId id, Bytes octets);
    void drained(StreamId id, std::size_t octets);
    void arm();
    void expire();
    void expire(StreamId id, Connection& connection, Steady::time_point now);
    void hold_or_go_on(StreamId id, Connection& connection);
    [[nodiscard]] Connection* find(StreamId id);

    // Requests.
    void take_requests(StreamId id);
    void ask_for_body(StreamId id, Connection& connection);
    void refuse_for(StreamId id, Connection& connection, int status);
    void refuse(StreamId id, Connection& connection, unsigned status, std::string_view why,
                std::uint64_t& counted);
    void hand_over(StreamId id, Connection& connection);
    [[nodiscard]] HttpResponse handled(const HttpRequest& request) const;
    [[nodiscard]] bool authorised(const HttpRequest& request) const;

    // Answers.
    void finish(StreamId id, const HttpResponse& response);
    void begin_stream(StreamId id, const HttpResponse& head);
    bool push(StreamId id, std::string_view octets);
    void respond(StreamId id, Connection& connection, const HttpResponse& response, bool keep,
                 bool head);
    void say(StreamId id, Connection& connection, std::string_view text);
    static void let_go(const std::shared_ptr<HttpReply::Link>& link);

    Handler handler;
    LaterHandler later;
    Options options;
    Stats stats;
    std::optional<Digest> token_wanted;
    std::unordered_map<StreamId, Connection> connections;
    boost::asio::steady_timer timer;
    bool armed = false;
    bool taking = false;  // take_requests() goes on with whatever is answered meanwhile
    std::shared_ptr<const char> alive = std::make_shared<const char>();
    StreamHost host;
};

/// Text for a person, with its status.
[[nodiscard]] HttpResponse http_failure(unsigned status, std::string_view why);

}  // namespace causeway::net
