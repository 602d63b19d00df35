// How streams come to be: accepted by a listener, or connected.
#include "net/stream_layers.hpp"
#include "net/stream_state.hpp"
#include "net/tls.hpp"
#include "net/websocket.hpp"

#include <unistd.h>

#include <cstring>

namespace causeway::net {
namespace {

constexpr std::chrono::seconds context_kept{5};

bool same_files(const TlsClient& a, const TlsClient& b) {
    return a.ca_file == b.ca_file && a.ca_folder == b.ca_folder && a.certificate == b.certificate &&
           a.key == b.key && a.alpn == b.alpn && a.psk.empty() == b.psk.empty();
}

std::string path_of(const ConnectSpec& spec) {
    if (!spec.path.empty()) return spec.path;
    return spec.subprotocol == "coap" ? "/.well-known/coap" : "/mqtt";
}

template <class Spec>
std::optional<std::size_t> message_max_of(const Spec& spec) {
    return spec.whole_messages ? std::optional(spec.message_octets_max) : std::nullopt;
}

}  // namespace

std::expected<std::size_t, Trouble> StreamHost::State::listen(const ListenSpec& spec) {
    auto listener = Listener::open(front, listeners.size(), spec);
    if (!listener) return std::unexpected(std::move(listener.error()));
    listeners.push_back(std::move(*listener));
    listeners.back()->begin(
        [this](std::size_t index, int fd, const SocketAddress& peer) { accepted(index, fd, peer); },
        stats.refused_descriptors);
    return listeners.size() - 1;
}

void StreamHost::State::accepted(std::size_t index, int fd, const SocketAddress& peer) {
    Listener& listener = *listeners[index];
    const ListenSpec& spec = listener.spec();
    const bool plain = !spec.tls && !spec.websocket && !spec.proxy_protocol;
    ++stats.accepted;
    if (listener.streams >= spec.streams_max ||
        (!plain && stats.pending >= options.handshakes_max)) {
        ++stats.refused_full;
        ::close(fd);
        return;
    }
    ++listener.streams;
    ++stats.pending;
    const bool local = peer.storage.ss_family == AF_UNIX;
    if (!local) set_no_delay(fd);
    Stream& stream = make_stream(static_cast<std::uint32_t>(index));
    stream.fd = fd;
    stream.hear_out = spec.hear_out;
    if (spec.watch_peer && !local) set_keep_alive(fd);
    StreamFacts facts{.listener = index, .peer = local ? listener.address() : peer.text()};
    if (!plain) {
        StreamLayers::Parts parts;
        parts.proxy = spec.proxy_protocol;
        if (spec.tls) parts.tls = TlsSession::server(listener.tls());
        if (spec.websocket)
            parts.websocket = WebSocket::server(spec.subprotocol, spec.path, message_max_of(spec));
        stream.layers = std::make_unique<StreamLayers>(std::move(facts), std::move(parts));
    }
    if (workers.empty())
        front.adopt(stream);
    else
        workers[stream.shard]->adopt(stream);
    if (plain) opened(stream, std::move(facts));
}

StreamId StreamHost::State::connect(const ConnectSpec& spec) {
    Stream& stream = make_stream(Stream::none);
    number(stream);
    stream.watch_peer = spec.watch_peer && spec.unix_path.empty();
    stream.hear_out = spec.hear_out;
    const StreamId id{stream.id};
    StreamLayers::Parts parts;
    auto plan = plan_connect(spec);
    std::optional<Trouble> wrong;
    if (!plan) wrong = std::move(plan.error());
    const std::string to = plan ? "cannot connect to " + plan->to + ": " : std::string();
    if (!wrong && spec.tls) {
        auto context = context_of(*spec.tls);
        if (context) {
            auto session = TlsSession::client(*context, *spec.tls, spec.host);
            if (session)
                parts.tls = std::move(*session);
            else
                wrong = Trouble{to + session.error().line, session.error().code};
        } else {
            wrong = Trouble{to + context.error().line, context.error().code};
        }
    }
    const bool lookup = !wrong && plan->addresses.empty();
    if (spec.websocket) {
        const bool v6 = spec.host.find(':') != std::string::npos && !spec.host.starts_with('[');
        const std::string host = v6 ? "[" + spec.host + "]" : spec.host;
        parts.websocket = WebSocket::client(
            spec.unix_path.empty() ? host + ":" + std::to_string(spec.port) : "localhost",
            path_of(spec), spec.subprotocol, message_max_of(spec));
    }
    parts.plan = std::make_unique<ConnectPlan>();
    if (plan) *parts.plan = std::move(*plan);
    if (wrong) parts.plan->addresses.clear();
    parts.plan->refusal = std::move(wrong);
    stream.layers = std::make_unique<StreamLayers>(StreamFacts{}, std::move(parts));
    if (lookup)
        resolve(stream, spec);
    else
        start_connect(stream);
    return id;
}

void StreamHost::State::start_connect(Stream& stream) {
    if (workers.empty())
        front.connect(stream);
    else
        workers[stream.shard]->connect(stream);
    need_turn();
}

void StreamHost::State::resolve(Stream& stream, const ConnectSpec& spec) {
    const std::uint64_t serial = ++resolve_serial;
    resolving.emplace_back(serial, &stream);
    resolver.async_resolve(spec.host, std::to_string(spec.port),
                           [this, serial, living = std::weak_ptr<const char>(alive)](
                               const boost::system::error_code& error,
                               const boost::asio::ip::tcp::resolver::results_type& found) {
                               if (!living.expired()) resolved(serial, error, found);
                           });
}

void StreamHost::State::resolved(std::uint64_t serial, const boost::system::error_code& error,
                                 const boost::asio::ip::tcp::resolver::results_type& found) {
    const auto entry =
        std::ranges::find(resolving, serial, &std::pair<std::uint64_t, Stream*>::first);
    if (entry == resolving.end()) return;  // closed meanwhile
    Stream& stream = *entry->second;
    resolving.erase(entry);
    ConnectPlan& plan = *stream.layers->plan();
    if (error) plan.refusal = Trouble{"cannot connect to " + plan.to + ": no such host", error};
    for (const auto& result : found) {
        SocketAddress address;
        address.size = static_cast<socklen_t>(result.endpoint().size());
        std::memcpy(&address.storage, result.endpoint().data(), address.size);
        plan.addresses.push_back(address);
    }
    start_connect(stream);
}

std::expected<TlsContext, Trouble> StreamHost::State::context_of(const TlsClient& settings) {
    const auto now = std::chrono::steady_clock::now();
    if (known_context && now - known_context->read_at < context_kept &&
        same_files(known_context->settings, settings))
        return known_context->context;
    auto context = client_context(settings);
    if (context) known_context = KnownContext{settings, *context, now};
    return context;
}

}  // namespace causeway::net
