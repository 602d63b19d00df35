// How lines come to be, are opened again, and end.
#include "net/lines_state.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

namespace causeway::net {
namespace {

// A connection that lasted so long was a good one: the next attempt comes soon.
constexpr auto good_connection = std::chrono::seconds(5);
constexpr auto udp_reopen = std::chrono::seconds(1);
constexpr auto udp_reopen_most = std::chrono::seconds(30);
constexpr std::uint32_t slots_limit = 65'535;
// Newcomers that are looked at, although there is no place for them.
constexpr std::uint32_t strangers_max = 16;

std::expected<unsigned, std::string> prefix_bits(std::string_view text, unsigned most) {
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
    if (error != std::errc{} || end != text.data() + text.size() || bits > most)
        return std::unexpected("bad prefix length \"" + std::string(text) + "\"");
    return bits;
}

bool begins_alike(const std::array<std::byte, 16>& a, const std::array<std::byte, 16>& b,
                  unsigned bits) {
    const std::size_t whole = bits / 8;
    if (std::memcmp(a.data(), b.data(), whole) != 0) return false;
    if (bits % 8 == 0) return true;
    const auto mask = static_cast<std::byte>(0xff << (8 - bits % 8));
    return (a[whole] & mask) == (b[whole] & mask);
}

}  // namespace

std::expected<AllowList, std::string> AllowList::parse(const std::vector<std::string>& entries) {
    AllowList list;
    for (const std::string& entry : entries) {
        const auto slash = entry.find('/');
        const auto address = Endpoint::parse(entry.substr(0, slash), 0);
        if (!address)
            return std::unexpected("\"" + entry + "\" is neither an address nor a prefix");
        const unsigned most = address->v6 ? 128 : 32;
        unsigned bits = most;
        if (slash != std::string::npos) {
            const auto given = prefix_bits(std::string_view(entry).substr(slash + 1), most);
            if (!given) return std::unexpected(given.error());
            bits = *given;
        }
        list.prefixes_.push_back({address->octets16(), address->v6 ? bits : bits + 96});
    }
    return list;
}

bool AllowList::allows(const Endpoint& peer) const {
    const auto address = peer.octets16();
    return prefixes_.empty() || std::ranges::any_of(prefixes_, [&](const Prefix& prefix) {
               return begins_alike(prefix.address, address, prefix.bits);
           });
}

Lines::State::Line::Line(Io& io, LineId number, const LineSpec& chosen, Events said)
    : id(number), spec(chosen), events(std::move(said)), reopen(io) {}

Opened<Lines::LineId> Lines::State::open(const LineSpec& spec, Events&& events) {
    const LineId id{static_cast<std::uint32_t>(lines.size())};
    auto line = std::make_unique<Line>(io, id, spec, std::move(events));
    auto wrong = std::visit([&](const auto& what) { return start(*line, what); }, line->spec);
    if (wrong) return std::unexpected(std::move(*wrong));
    lines.push_back(std::move(line));
    return id;
}

// ---- each kind ---------------------------------------------------------------------------------

std::optional<Trouble> Lines::State::start(Line& line, const SerialSpec& spec) {
    line.slots.resize(1);
    line.wait_first = line.wait_next = spec.reopen_first;
    line.wait_most = std::max(spec.reopen_most, spec.reopen_first);
    Line* const self = &line;
    const auto opened = [this, self] {
        alone(*self, [&] {
            self->last_failure.clear();
            if (!self->slots[0].used)
                peer_opened(*self, 0, std::get<SerialSpec>(self->spec).device);
        });
    };
    const auto closed = [this, self](const Trouble& why) {
        alone(*self, [&] {
            if (self->slots[0].used) return peer_closed(*self, 0, &why);
            failed(*self, why);
        });
    };
    std::function<void(const SerialFormat&)> format_asked;
    if (line.events.format_asked)
        format_asked = [this, self](const SerialFormat& format) {
            alone(*self, [&] { self->events.format_asked(format); });
        };
    const auto other_end = [this, self](bool there) {
        alone(*self, [&] {
            if (self->events.other_end) self->events.other_end(there);
        });
    };
    auto port = SerialPort::open(
        io, spec,
        {.opened = opened,
         .received = [this, self](Bytes octets) { alone(*self, [&] { heard(*self, 0, octets); }); },
         .closed = closed,
         .drained =
             [this, self](std::size_t octets) {
                 alone(*self, [&] {
                     if (self->slots[0].used && self->events.drained)
                         self->events.drained(0, octets);
                 });
             },
         .format_asked = std::move(format_asked),
         .other_end = other_end});
    if (!port) return std::move(port.error());
    line.port = std::move(*port);
    return {};
}

std::optional<Trouble> Lines::State::start(Line& line, const TcpConnectSpec& spec) {
    if (spec.host.empty()) return Trouble{"a connection takes a host", {}};
    if (spec.port == 0) return Trouble{"a connection to " + spec.host + " takes a port", {}};
    line.slots.resize(1);
    line.wait_first = spec.reopen_first;
    line.wait_most = std::max(spec.reopen_most, spec.reopen_first);
    line.wait_next = line.wait_first;
    open_now(line);
    return {};
}

std::optional<Trouble> Lines::State::start(Line& line, const TcpListenSpec& spec) {
    auto allow = AllowList::parse(spec.allow);
    if (!allow) return Trouble{"cannot listen on " + spec.address + ": " + allow.error(), {}};
    line.allow = std::move(*allow);
    ListenSpec listen{.name = "line", .address = spec.address, .tls = spec.tls};
    listen.subprotocol.clear();
    listen.streams_max = std::min(spec.peers_max, slots_limit) + strangers_max;
    listen.watch_peer = true;
    listen.hear_out = true;
    const auto listener = host.listen(listen);
    if (!listener) return listener.error();
    line.listener = *listener;
    by_listener.resize(std::max(by_listener.size(), *listener + 1), nullptr);
    by_listener[*listener] = &line;
    return {};
}

std::optional<Trouble> Lines::State::start(Line& line, const UdpSpec& spec) {
    auto socket = UdpSocket::open(io, spec.local);
    if (!socket) return std::move(socket.error());
    line.udp = std::move(*socket);
    line.wait_first = line.wait_next = udp_reopen;
    line.wait_most = udp_reopen_most;
    Line* const self = &line;
    line.udp->on_batch_end([this, self] { tell_batch(*self); });
    line.udp->receive([this, self](const Endpoint& from, Bytes octets) {
        if (!self->shut) datagram(*self, from, octets);
    });
    if (spec.remote.empty()) return {};
    line.slots.resize(1);  // kept for it
    if (const auto remote = Endpoint::parse(spec.remote))
        line.remote = *remote;
    else if (const auto colon = spec.remote.rfind(':');
             colon == std::string::npos || colon == 0 ||
             spec.remote.find_first_of("[]") != std::string::npos)
        return Trouble{remote.error(), {}};
    boost::asio::post(io, [this, self, living = std::weak_ptr<const char>(line.alive)] {
        if (!living.expired() && !self->shut) open_now(*self);
    });
    return {};
}

// ---- again -------------------------------------------------------------------------------------

void Lines::State::open_now(Line& line) {
    if (const auto* tcp = std::get_if<TcpConnectSpec>(&line.spec)) {
        ConnectSpec connect{.host = tcp->host, .port = tcp->port};
        connect.tls = tcp->tls;
        connect.bind_address = tcp->bind_address;
        connect.watch_peer = true;
        connect.hear_out = true;
        line.connecting = host.connect(connect);
        remember(*line.connecting, line, 0);
        return;
    }
    if (std::holds_alternative<UdpSpec>(line.spec)) {
        if (!line.remote) return find_remote(line);
        const Endpoint to = *line.remote;
        line.slots[0].endpoint = to;
        const auto octets = to.octets16();
        line.by_endpoint[{octets, to.port, to.scope}] = 0;
        return alone(line, [&] { peer_opened(line, 0, to.text()); });
    }
    if (line.port && line.port->is_open())
        alone(line, [&] { peer_opened(line, 0, std::get<SerialSpec>(line.spec).device); });
}

void Lines::State::open_later(Line& line) {
    if (Steady::now() - line.opened_at >= good_connection && line.opened_at != Steady::time_point{})
        line.wait_next = line.wait_first;
    line.opened_at = {};
    // Those that lost the same peer do not all come back at once.
    const auto spread = line.wait_next / 128 * (static_cast<std::uint32_t>(line.id) * 37 % 32);
    line.reopen.expires_after(line.wait_next + spread);
    line.wait_next = std::min(line.wait_next * 2, line.wait_most);
    Line* const self = &line;
    line.reopen.async_wait([this, self, living = std::weak_ptr<const char>(line.alive)](
                               const boost::system::error_code& cancelled) {
        if (!cancelled && !living.expired() && !self->shut) open_now(*self);
    });
}

void Lines::State::find_remote(Line& line) {
    const std::string& remote = std::get<UdpSpec>(line.spec).remote;
    const auto colon = remote.rfind(':');
    resolver.async_resolve(
        line.udp->local().v6 ? boost::asio::ip::udp::v6() : boost::asio::ip::udp::v4(),
        remote.substr(0, colon), remote.substr(colon + 1),
        [this, self = &line, living = std::weak_ptr<const char>(line.alive)](
            const boost::system::error_code& error,
            const boost::asio::ip::udp::resolver::results_type& found) {
            if (living.expired() || self->shut) return;
            const auto address =
                error || found.empty()
                    ? std::expected<Endpoint, std::string>(std::unexpected(std::string()))
                    : Endpoint::parse(
                          (self->udp->local().v6
                               ? '[' + found.begin()->endpoint().address().to_string() + ']'
                               : found.begin()->endpoint().address().to_string()) +
                          ':' + std::to_string(found.begin()->endpoint().port()));
            if (!address) {
                alone(*self, [&] {
                    failed(*self, {"cannot find " + std::get<UdpSpec>(self->spec).remote +
                                       ": no such host",
                                   error});
                });
                if (!self->shut) open_later(*self);
                return;
            }
            self->remote = *address;
            open_now(*self);
        });
}

void Lines::State::failed(Line& line, const Trouble& why) {
    ++line.stats.failed;
    if (std::exchange(line.last_failure, why.line) == why.line) return;
    if (line.events.failed) line.events.failed(why);
}

// ---- the end -----------------------------------------------------------------------------------

void Lines::State::shut(Line& line) {
    line.shut = true;
    line.reopen.cancel();
    if (line.connecting) {
        by_stream[static_cast<std::size_t>(*line.connecting)] = {};
        host.close(*line.connecting);
        line.connecting.reset();
    } else if (std::holds_alternative<TcpListenSpec>(line.spec)) {
        host.stop_listening(line.listener);
        by_listener[line.listener] = nullptr;
        for (const Slot& slot : line.slots) {
            if (!slot.used) continue;
            by_stream[static_cast<std::size_t>(slot.stream)] = {};
            host.close(slot.stream);
        }
    }
    if (line.udp) line.udp->close();
    auto& place = lines[static_cast<std::size_t>(line.id)];
    // It may be one of its own events that says so: it goes when that has returned.
    shut_lines.push_back(std::move(place));
    boost::asio::post(io, [this, living = std::weak_ptr<const char>(alive)] {
        if (!living.expired()) shut_lines.clear();
    });
}

}  // namespace causeway::net
