#include "site/mqtt_service.hpp"

#include "base/assert.hpp"
#include "net/clock.hpp"
#include "net/descriptor_limit.hpp"
#include "site/mqtt_auth.hpp"
#include "site/mqtt_listen.hpp"
#include "site/mqtt_notes.hpp"
#include "site/mqtt_policy.hpp"
#include "store/mqtt_store.hpp"

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <malloc.h>

#include <algorithm>
#include <deque>
#include <unordered_map>

namespace causeway::site {
namespace {

using mqtt::ConnectionId;
using net::StreamId;
using LinkId = MqttService::LinkId;

/// What stands behind a connection of the broker.
struct Behind {
    enum class Kind : std::uint8_t { nothing, stream, link };
    Kind kind = Kind::nothing;
    std::uint32_t index = 0;  // of a StreamId or a LinkId
};

/// Dense numbers, each given again only after everything said about its last owner is done with.
class Connections {
public:
    ConnectionId add(Behind behind) {
        std::uint32_t id = static_cast<std::uint32_t>(table_.size());
        if (!free_.empty()) {
            id = free_.back();
            free_.pop_back();
            table_[id] = behind;
        } else {
            table_.push_back(behind);
        }
        return ConnectionId{id};
    }
    Behind& operator[](ConnectionId id) { return table_[static_cast<std::uint32_t>(id)]; }
    void remove(ConnectionId id) {
        (*this)[id] = {};
        leaving_.push_back(static_cast<std::uint32_t>(id));
    }
    /// Nothing of the engine's waits any more.
    void settle() {
        free_.insert(free_.end(), leaving_.begin(), leaving_.end());
        leaving_.clear();
    }

private:
    std::vector<Behind> table_;
    std::vector<std::uint32_t> free_;
    std::vector<std::uint32_t> leaving_;
};

struct Link {
    MqttService::LinkEvents events;
    ConnectionId connection{};
};

}  // namespace

struct MqttService::State {
    State(net::Io& io_loop, const Mqtt& opened_site, Log given_log)
        : io(io_loop),
          site(opened_site),
          log(std::move(given_log)),
          policy(opened_site.passwords, opened_site.access),
          auth(io_loop, [this](mqtt::Authenticated answer) { tell(std::move(answer)); }),
          timer(io_loop) {}

    std::optional<net::Trouble> open(const std::filesystem::path& state);
    std::optional<net::Trouble> open_store(const std::filesystem::path& state,
                                           mqtt::Recovered& recovered);
    net::StreamHost::Events stream_events();
    void on_opened(StreamId stream, const net::StreamFacts& facts);

    /// An input from elsewhere than a stream: what it leads to is done at once.
    void tell(mqtt::BrokerInput input);
    void pump();
    void arm();
    void on_output(mqtt::BrokerOutput output);
    void on_send(mqtt::Send out);
    void on_close(const mqtt::Close& out);
    void on_committed(std::uint64_t sequence, bool well, const std::string& why);
    void finish_shut_down();
    void give_back_memory();

    [[nodiscard]] mqtt::UnixMillis unix_now() const {
        return mqtt::UnixMillis{static_cast<std::int64_t>(clock.wall_ns(clock.now()) / 1'000'000)};
    }
    void remove(ConnectionId connection) {
        auth.forget(connection);
        connections.remove(connection);
    }
    ConnectionId& connection_of(StreamId stream) {
        const auto index = static_cast<std::size_t>(stream);
        if (index >= by_stream.size()) by_stream.resize(index + 1);
        return by_stream[index];
    }

    net::Io& io;
    Mqtt site;
    Log log;
    net::Clock clock;
    MqttPolicy policy;
    MqttAuth auth;
    std::optional<mqtt::Broker> broker;
    std::optional<store::MqttStore> store;
    boost::asio::steady_timer timer;
    Instant armed_for = never;
    std::uint64_t crowd = 0;  // most connections since memory was last given back
    Connections connections;
    std::vector<ConnectionId> by_stream;
    std::unordered_map<std::uint32_t, Link> links;
    std::uint32_t next_link = 0;
    std::deque<mqtt::BrokerInput> waiting;  // said while outputs were handed out
    std::deque<Octets> waiting_octets;      // what BytesReceived of a link borrows
    bool pumping = false;
    std::uint64_t journalled = 0;
    std::uint64_t committed = 0;
    std::function<void()> on_shut_down;
    std::shared_ptr<const char> alive = std::make_shared<const char>();
    std::unique_ptr<net::StreamHost> streams;  // last: its callbacks use all of the above
};

std::optional<net::Trouble> MqttService::State::open_store(const std::filesystem::path& state,
                                                           mqtt::Recovered& recovered) {
    if (!site.broker.persistent) return std::nullopt;
    store::MqttStore::Options options;
    options.sqlite.fsync = site.sync;
    auto opened = store::MqttStore::open(
        (state / "mqtt").string(), options,
        [this, life = std::weak_ptr<const char>(alive)](std::uint64_t sequence, bool well,
                                                        std::string why) {
            boost::asio::post(io, [this, life, sequence, well, why = std::move(why)] {
                if (!life.expired()) on_committed(sequence, well, why);
            });
        });
    if (!opened) return net::Trouble{opened.error().line, {}};
    auto records = opened->recover(unix_now(), clock.now());
    if (!records) return net::Trouble{records.error().line, {}};
    recovered = *std::move(records);
    store.emplace(*std::move(opened));
    return std::nullopt;
}

std::optional<net::Trouble> MqttService::State::open(const std::filesystem::path& state) {
    if (auto loaded = policy.load(); !loaded.well) {
        std::string lines;
        for (const std::string& line : loaded.lines) lines += (lines.empty() ? "" : "\n") + line;
        return net::Trouble{lines, {}};
    }
    mqtt::Recovered recovered;
    if (auto trouble = open_store(state, recovered)) return trouble;
    broker.emplace(site.broker, Random(net::Clock::wall_now_ns()), clock.now(), unix_now(),
                   std::move(recovered));
    broker->handle(clock.now(), mqtt::RulesReplaced{policy.rules()});
    auth.replace(policy.users());

    net::raise_descriptor_limit();
    net::StreamHost::Options options;
    options.workers = site.workers.value_or(spare_processors());
    streams = std::make_unique<net::StreamHost>(io, options, stream_events());
    for (const MqttListener& listener : site.listeners) {
        const auto index = streams->listen(listen_spec(listener, site.broker.connections_max));
        if (!index) return index.error();
    }
    pump();
    return std::nullopt;
}

net::StreamHost::Events MqttService::State::stream_events() {
    return {
        .opened = [this](StreamId stream,
                         const net::StreamFacts& facts) { on_opened(stream, facts); },
        .received =
            [this](StreamId stream, Bytes octets) {
                broker->handle(clock.now(), mqtt::BytesReceived{connection_of(stream), octets});
            },
        .drained =
            [this](StreamId stream, std::size_t octets) {
                broker->handle(clock.now(), mqtt::Drained{connection_of(stream), octets});
            },
        .closed =
            [this](StreamId stream, const net::Trouble*) {
                const ConnectionId connection = connection_of(stream);
                broker->handle(clock.now(), mqtt::ConnectionClosed{connection});
                remove(connection);
            },
        .batch = [this] { pump(); },
        .refused =
            [this](std::size_t listener, const std::string& peer, const net::Trouble& trouble) {
                log(fmt::format("mqtt: ({}) refused by {}: {}", printable(peer),
                                site.listeners[listener].name, trouble.line));
            },
    };
}

void MqttService::State::on_opened(StreamId stream, const net::StreamFacts& facts) {
    const ConnectionId connection =
        connections.add({Behind::Kind::stream, static_cast<std::uint32_t>(stream)});
    connection_of(stream) = connection;
    const MqttListener& listener = site.listeners[facts.listener];
    mqtt::ConnectionOpened opened{
        .id = connection, .peer = facts.peer, .listener = listener.name, .proven_user = {}};
    opened.proven_user = facts.certificate_name ? facts.certificate_name : facts.psk_identity;
    opened.anonymous_allowed = listener.anonymous;
    broker->handle(clock.now(), std::move(opened));
}

void MqttService::State::tell(mqtt::BrokerInput input) {
    if (pumping) {
        waiting.push_back(std::move(input));
        return;
    }
    broker->handle(clock.now(), std::move(input));
    pump();
    // What was sent leaves with the next batch.
    if (streams) streams->wake();
}

void MqttService::State::pump() {
    if (pumping || !broker) return;
    pumping = true;
    for (;;) {
        while (auto output = broker->poll_output()) on_output(*std::move(output));
        if (waiting.empty()) break;
        mqtt::BrokerInput input = std::move(waiting.front());
        waiting.pop_front();
        broker->handle(clock.now(), std::move(input));
    }
    waiting_octets.clear();
    connections.settle();
    pumping = false;
    arm();
    give_back_memory();
    finish_shut_down();
}

/// The allocator keeps what a crowd of clients needed, for the next crowd: after half of it has
/// left, the system is given it back.
void MqttService::State::give_back_memory() {
    constexpr std::uint64_t crowd_min = 1000;
    const std::uint64_t now = broker->stats().connections;
    crowd = std::max(crowd, now);
    if (crowd < crowd_min || now > crowd / 2) return;
    ::malloc_trim(0);
    crowd = now;
}

void MqttService::State::arm() {
    const Instant due = broker->next_deadline();
    if (due == armed_for) return;
    // An earlier wait is kept where it comes first: waking once in vain is cheaper than to arm
    // again at every batch.
    if (due != never && armed_for != never && armed_for < due) return;
    armed_for = due;
    if (due == never) return;
    timer.expires_at(clock.real(due));
    timer.async_wait([this, life = std::weak_ptr<const char>(alive)](
                         const boost::system::error_code& superseded) {
        if (superseded || life.expired()) return;
        armed_for = never;
        broker->handle_timeout(clock.now());
        pump();
        streams->wake();
    });
}

void MqttService::State::on_output(mqtt::BrokerOutput output) {
    std::visit(Overloaded{
                   [&](mqtt::Send& out) { on_send(std::move(out)); },
                   [&](const mqtt::Close& out) { on_close(out); },
                   [&](const mqtt::PauseReading& out) {
                       const Behind behind = connections[out.id];
                       if (behind.kind == Behind::Kind::stream) {
                           streams->pause(StreamId{behind.index}, out.paused);
                       } else if (behind.kind == Behind::Kind::link) {
                           const auto& events = links[behind.index].events;
                           if (events.paused) events.paused(out.paused);
                       }
                   },
                   [&](mqtt::Authenticate& out) { auth.ask(std::move(out)); },
                   [&](mqtt::Journal& out) {
                       journalled = out.sequence;
                       CAUSEWAY_ASSERT(store.has_value());
                       store->submit(out.sequence, std::move(out.facts));
                   },
                   [&](const mqtt::Note& note) { log(to_line(note)); },
               },
               output);
}

void MqttService::State::on_send(mqtt::Send out) {
    const Behind behind = connections[out.id];
    const Bytes body = out.body_of ? out.body_of->payload() : Bytes{};
    if (behind.kind == Behind::Kind::stream) {
        streams->send(StreamId{behind.index},
                      {std::move(out.octets), body, std::move(out.body_of)});
    } else if (behind.kind == Behind::Kind::link) {
        const std::size_t octets = out.octets.size() + body.size();
        // The callback may close the link it is called for.
        const bool says_drained = links[behind.index].events.says_drained;
        const auto received = links[behind.index].events.received;
        received(out.octets);
        if (!body.empty()) received(body);
        if (!says_drained) waiting.push_back(mqtt::Drained{out.id, octets});
    }
}

void MqttService::State::on_close(const mqtt::Close& out) {
    const Behind behind = connections[out.id];
    if (behind.kind == Behind::Kind::stream) {
        streams->close(StreamId{behind.index}, out.at_once);
    } else if (behind.kind == Behind::Kind::link) {
        auto node = links.extract(behind.index);
        if (node && node.mapped().events.closed) node.mapped().events.closed();
    }
    if (behind.kind != Behind::Kind::nothing) remove(out.id);
}

void MqttService::State::on_committed(std::uint64_t sequence, bool well, const std::string& why) {
    if (well) {
        committed = sequence;
        tell(mqtt::Committed{sequence});
    } else {
        log("the store cannot write: " + why);
        tell(mqtt::CommitFailed{sequence});
    }
}

void MqttService::State::finish_shut_down() {
    if (!on_shut_down || committed < journalled) return;
    boost::asio::post(io, std::exchange(on_shut_down, nullptr));
}

net::Opened<MqttService> MqttService::open(net::Io& io, const Mqtt& site,
                                           const std::filesystem::path& state, Log log) {
    auto opened = std::make_unique<State>(io, site, std::move(log));
    if (auto trouble = opened->open(state)) return std::unexpected(*std::move(trouble));
    return MqttService(std::move(opened));
}

MqttService::MqttService(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
MqttService::MqttService(MqttService&&) noexcept = default;
MqttService& MqttService::operator=(MqttService&&) noexcept = default;
MqttService::~MqttService() = default;

std::vector<std::string> MqttService::listening() const {
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < state_->site.listeners.size(); ++i) {
        lines.push_back(state_->site.listeners[i].name + " on " + state_->streams->listening_on(i));
    }
    return lines;
}

MqttService::Reloaded MqttService::reload() {
    Reloaded reloaded = state_->policy.load();
    if (reloaded.well) {
        state_->auth.replace(state_->policy.users());
        state_->tell(mqtt::RulesReplaced{state_->policy.rules()});
    }
    for (std::size_t i = 0; i < state_->site.listeners.size(); ++i) {
        const auto spec = listen_spec(state_->site.listeners[i], 0);
        if (!spec.tls) continue;
        if (const auto trouble = state_->streams->reload(i, *spec.tls)) {
            reloaded.well = false;
            reloaded.lines.push_back(trouble->line + "; the old certificate stays");
        }
    }
    return reloaded;
}

void MqttService::shut_down(std::function<void()> done) {
    state_->streams->stop_listening();
    state_->on_shut_down = std::move(done);
    state_->tell(mqtt::ShutDown{});
}

const mqtt::Broker& MqttService::broker() const noexcept {
    return *state_->broker;
}

net::StreamHost::Stats MqttService::streams() const {
    return state_->streams->stats();
}

Instant MqttService::now() const {
    return state_->clock.now();
}

std::optional<mqtt::ClientReport> MqttService::client(const std::string& client_id) const {
    return state_->broker->client(now(), client_id);
}

bool MqttService::kick(const std::string& client_id, bool session_too) {
    if (!state_->broker->knows(client_id)) return false;
    state_->tell(mqtt::Kick{client_id, session_too});
    return true;
}

void MqttService::publish(mqtt::MessageRef message) {
    state_->tell(mqtt::PublishHere{std::move(message)});
}

MqttService::LinkId MqttService::open_link(std::string name, LinkEvents events) {
    const std::uint32_t id = state_->next_link++;
    const ConnectionId connection = state_->connections.add({Behind::Kind::link, id});
    state_->links.emplace(id, Link{std::move(events), connection});
    mqtt::ConnectionOpened opened{
        .id = connection, .peer = name, .listener = std::move(name), .proven_user = {}};
    opened.anonymous_allowed = true;
    opened.internal = true;
    state_->tell(std::move(opened));
    return LinkId{id};
}

void MqttService::send(LinkId link, Octets octets) {
    const auto found = state_->links.find(static_cast<std::uint32_t>(link));
    if (found == state_->links.end()) return;
    const ConnectionId connection = found->second.connection;
    if (!state_->pumping) {
        state_->tell(mqtt::BytesReceived{connection, octets});
        return;
    }
    state_->waiting_octets.push_back(std::move(octets));
    state_->waiting.push_back(mqtt::BytesReceived{connection, state_->waiting_octets.back()});
}

void MqttService::drained(LinkId link, std::size_t octets) {
    const auto found = state_->links.find(static_cast<std::uint32_t>(link));
    if (found != state_->links.end()) {
        state_->tell(mqtt::Drained{found->second.connection, octets});
    }
}

void MqttService::close(LinkId link) {
    auto node = state_->links.extract(static_cast<std::uint32_t>(link));
    if (!node) return;
    const ConnectionId connection = node.mapped().connection;
    state_->tell(mqtt::ConnectionClosed{connection});
    state_->remove(connection);
}

}  // namespace causeway::site
