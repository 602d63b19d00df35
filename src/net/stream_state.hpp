#pragma once
// The inside of a StreamHost: the table of streams, what shards say of them, and the turns of its
// loop. For this room's .cpp files.
#include "net/listener.hpp"
#include "net/stream.hpp"
#include "net/stream_host.hpp"
#include "net/stream_shard.hpp"
#include "net/stream_worker.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace causeway::net {

struct StreamHost::State final : StreamSink, Pollee {
    static constexpr unsigned workers_max = 256;

    State(Io& loop, Options chosen, Events said);
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() override;

    [[nodiscard]] std::expected<std::size_t, Trouble> listen(const ListenSpec& spec);
    void accepted(std::size_t index, int fd, const SocketAddress& peer);
    [[nodiscard]] StreamId connect(const ConnectSpec& spec);
    void resolve(Stream& stream, const ConnectSpec& spec);
    void resolved(std::uint64_t serial, const boost::system::error_code& error,
                  const boost::asio::ip::tcp::resolver::results_type& found);
    void start_connect(Stream& stream);
    [[nodiscard]] std::expected<TlsContext, Trouble> context_of(const TlsClient& settings);

    void arm();
    void need_turn();
    void turn();
    [[nodiscard]] bool unsubmitted() const;
    /// The workers' bell.
    void ready() override;

    Stream& make_stream(std::uint32_t listener);
    void number(Stream& stream);
    void forget(Stream& stream);
    [[nodiscard]] Stream* find(StreamId id) const;
    void release(Stream& stream, bool at_once);

    void opened(Stream& stream, StreamFacts&& facts) override;
    void received(Stream& stream, Bytes octets) override;
    void drained(Stream& stream, std::size_t octets) override;
    void closed(Stream& stream, End&& end) override;
    void gone(Stream& stream) override;

    Io& io;
    Options options;
    Events events;
    Stats stats;
    Bell bell;
    StreamShard front;  // the listeners; and the streams where there are no workers
    std::vector<std::unique_ptr<StreamWorker>> workers;
    std::vector<std::unique_ptr<Listener>> listeners;
    std::vector<std::unique_ptr<Stream>> all;
    std::vector<Stream*> table;  // by id
    std::vector<std::uint32_t> free;
    std::size_t next_worker = 0;

    boost::asio::posix::stream_descriptor descriptor;
    boost::asio::ip::tcp::resolver resolver;
    std::vector<std::pair<std::uint64_t, Stream*>> resolving;
    std::uint64_t resolve_serial = 0;
    /// A load generator connects thousands alike: files are read once for all of them.
    struct KnownContext {
        TlsClient settings;
        TlsContext context;
        std::chrono::steady_clock::time_point read_at;
    };
    std::optional<KnownContext> known_context;

    bool armed = false;
    bool posted = false;
    bool turning = false;
    bool wanted = false;  // a batch event
    std::shared_ptr<const char> alive = std::make_shared<const char>();
};

}  // namespace causeway::net
