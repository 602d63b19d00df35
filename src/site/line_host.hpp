#pragma once
// An engine of scada/ on a line of net/: what the line says goes in, what the engine says goes out,
// and all that is neither goes to the one who knows what it means.
#include "net/host.hpp"
#include "net/lines.hpp"
#include "scada/line.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace causeway::site {

template <Engine E>
class LineHost {
public:
    /// May call input(). Never called with Transmit or CloseLine.
    using OnOutput = std::function<void(typename E::Output&&)>;
    /// `who` came, or why nobody is there; also of attempts that failed, once for each reason.
    using OnLine = std::function<void(bool there, const std::string& who)>;
    static constexpr std::string_view by_us = "closed by us";
    /// More than this that a peer does not take, and we read no more of it.
    static constexpr std::size_t unsent_most = 256 << 10;

    /// `lines` and `engine` outlive it. `on_line` may be empty.
    LineHost(net::Io& io, net::Clock clock, net::Lines& lines, E& engine, OnOutput on_output,
             OnLine on_line = {})
        : lines_(lines),
          on_output_(std::move(on_output)),
          on_line_(std::move(on_line)),
          host_(io, engine, Carry{this}, clock) {}
    LineHost(const LineHost&) = delete;
    LineHost& operator=(const LineHost&) = delete;
    ~LineHost() {
        if (line_) lines_.shut(*line_);
        if (door_) lines_.shut(*door_);
    }

    /// `door`: where the other end may connect to us, too (a dual end point [IEEE 1815 §13]). While
    /// it has, we do not try to reach it.
    [[nodiscard]] std::optional<net::Trouble> open(
        const net::LineSpec& spec, const std::optional<net::LineSpec>& door = std::nullopt) {
        if (door) {
            auto opened = lines_.open(*door, events(came_in));
            if (!opened) return std::move(opened.error());
            door_ = *opened;
        }
        auto line = lines_.open(spec, events(0));
        if (!line) return std::move(line.error());
        line_ = *line;
        kept_whole_ = std::holds_alternative<net::TcpListenSpec>(spec) ||
                      std::holds_alternative<net::TcpConnectSpec>(spec);
        if (door_) spec_ = spec;
        return std::nullopt;
    }

    void input(typename E::Input in) { host_.input(std::move(in)); }
    [[nodiscard]] Instant now() const { return host_.now(); }
    [[nodiscard]] std::string where() const {
        const std::string out = line_ ? lines_.where(*line_) : std::string();
        return door_ ? out + " and " + lines_.where(*door_) : out;
    }
    /// Counters of the line, as line_...
    template <class Named>
    void visit_line(Named&& named) const {
        for (const auto& line : {line_, door_})
            if (line)
                lines_.stats(*line).visit([&](std::string_view name, std::uint64_t value) {
                    named("line_" + std::string(name), value);
                });
    }

private:
    using Peer = net::Lines::Peer;
    struct Carry {
        LineHost* self;
        void operator()(typename E::Output&& out) const {
            std::visit(
                [&]<class What>(What& what) {
                    if constexpr (std::is_same_v<What, scada::Transmit>) {
                        self->transmit(std::move(what));
                    } else if constexpr (std::is_same_v<What, scada::CloseLine>) {
                        self->close(what.peer);
                    } else {
                        self->on_output_(std::move(out));
                    }
                },
                out);
        }
    };

    /// Of a dual end point our own connection is peer 0, and those at the door follow. Elsewhere a
    /// line's peers keep their numbers, which may be any.
    static constexpr Peer came_in = 1;

    net::Lines::Events events(Peer mark) {
        return {
            .opened = [this, mark](Peer peer, const std::string& who) { opened(peer + mark, who); },
            .received = [this, mark](Peer peer, Bytes octets) { received(peer + mark, octets); },
            .closed =
                [this, mark](Peer peer, const net::Trouble* why) {
                    closed(peer + mark, why ? why->line : "closed");
                },
            .drained = [this, mark](Peer peer, std::size_t) { drained(peer + mark); },
            .batch = {},
            .failed =
                [this](const net::Trouble& why) {
                    if (on_line_) on_line_(false, why.line);
                }};
    }
    void opened(Peer peer, const std::string& who) {
        if (on_line_) on_line_(true, who);
        if (is_guest(peer))
            ++guests_;
        else
            out_ = true;
        input(scada::LineOpened{scada::PeerId(peer)});
        rest();
    }
    void closed(Peer peer, const std::string& why) {
        if (on_line_) on_line_(false, why);
        paused_.erase(peer);
        if (is_guest(peer))
            --guests_;
        else
            out_ = false;
        input(scada::LineClosed{scada::PeerId(peer)});
        rest();
    }
    /// Of a dual end point, no attempts while the other end is here; and again when it is not.
    void rest() {
        if (!door_) return;
        if (guests_ > 0 && line_ && !out_) {
            lines_.shut(*line_);
            line_.reset();
        } else if (guests_ == 0 && !line_) {
            if (auto line = lines_.open(spec_, events(0))) line_ = *line;
        }
    }

    /// Octets that have to wait for the engine are kept: they are borrowed from the socket.
    void received(Peer peer, Bytes octets) {
        if (!host_.busy()) return input(scada::OctetsReceived{scada::PeerId(peer), octets});
        Octets keep = to_octets(octets);
        const Bytes kept = keep;
        host_.input(scada::OctetsReceived{scada::PeerId(peer), kept}, std::move(keep));
    }
    [[nodiscard]] bool is_guest(Peer peer) const noexcept { return door_ && peer >= came_in; }
    [[nodiscard]] Peer number_there(Peer peer) const noexcept {
        return is_guest(peer) ? peer - came_in : peer;
    }
    [[nodiscard]] std::optional<net::Lines::LineId> line_of(Peer peer) const {
        return is_guest(peer) ? door_ : line_;
    }
    void transmit(scada::Transmit&& what) {
        const auto peer = static_cast<Peer>(what.peer);
        const auto line = line_of(peer);
        if (!line) return;
        if (!lines_.send(*line, number_there(peer), std::move(what.octets))) {
            // A stream with a gap in it is of no use to anybody. Or nobody is there any more.
            if (kept_whole_ && lines_.queued(*line, number_there(peer)) > 0) close(what.peer);
            return;
        }
        if (!kept_whole_ || lines_.queued(*line, number_there(peer)) <= unsent_most) return;
        lines_.pause(*line, number_there(peer), true);
        paused_.insert(peer);
    }
    /// Whoever takes no answers is asked no more questions of, until it has.
    void drained(Peer peer) {
        if (paused_.empty() || !paused_.contains(peer)) return;
        const auto line = line_of(peer);
        if (!line || lines_.queued(*line, number_there(peer)) > unsent_most / 4) return;
        paused_.erase(peer);
        lines_.pause(*line, number_there(peer), false);
    }
    /// The engine has to hear of it like of any other end.
    void close(scada::PeerId id) {
        const auto peer = static_cast<Peer>(id);
        const auto line = line_of(peer);
        if (!line) return;
        lines_.close(*line, number_there(peer));
        closed(peer, std::string(by_us));
    }

    net::Lines& lines_;
    OnOutput on_output_;
    OnLine on_line_;
    std::optional<net::Lines::LineId> line_;
    std::optional<net::Lines::LineId> door_;
    net::LineSpec spec_;  // of a dual end point, to be opened again
    unsigned guests_ = 0;
    bool out_ = false;         // our own connection is there
    bool kept_whole_ = false;  // a stream, not datagrams or a port
    std::set<Peer> paused_;
    net::Host<E, Carry> host_;
};

}  // namespace causeway::site
