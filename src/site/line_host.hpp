#pragma once
// An engine of scada/ on a line of net/: what the line says goes in, what the engine says goes out,
// and all that is neither goes to the one who knows what it means.
#include "net/host.hpp"
#include "net/lines.hpp"
#include "scada/line.hpp"

#include <functional>
#include <memory>
#include <optional>
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
    }

    [[nodiscard]] std::optional<net::Trouble> open(const net::LineSpec& spec) {
        auto line = lines_.open(
            spec, {.opened =
                       [this](Peer peer, const std::string& who) {
                           if (on_line_) on_line_(true, who);
                           input(scada::LineOpened{scada::PeerId(peer)});
                       },
                   .received = [this](Peer peer, Bytes octets) { received(peer, octets); },
                   .closed =
                       [this](Peer peer, const net::Trouble* why) {
                           if (on_line_) on_line_(false, why ? why->line : "closed");
                           input(scada::LineClosed{scada::PeerId(peer)});
                       },
                   .drained = {},
                   .batch = {},
                   .failed =
                       [this](const net::Trouble& why) {
                           if (on_line_) on_line_(false, why.line);
                       }});
        if (!line) return std::move(line.error());
        line_ = *line;
        return std::nullopt;
    }

    void input(typename E::Input in) { host_.input(std::move(in)); }
    [[nodiscard]] Instant now() const { return host_.now(); }
    [[nodiscard]] std::string where() const { return line_ ? lines_.where(*line_) : std::string(); }
    /// Counters of the line, as line_...
    template <class Named>
    void visit_line(Named&& named) const {
        if (!line_) return;
        lines_.stats(*line_).visit([&](std::string_view name, std::uint64_t value) {
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

    /// Octets that have to wait for the engine are kept: they are borrowed from the socket.
    void received(Peer peer, Bytes octets) {
        if (!host_.busy()) return input(scada::OctetsReceived{scada::PeerId(peer), octets});
        Octets keep = to_octets(octets);
        const Bytes kept = keep;
        host_.input(scada::OctetsReceived{scada::PeerId(peer), kept}, std::move(keep));
    }
    void transmit(scada::Transmit&& what) {
        if (line_) lines_.send(*line_, static_cast<Peer>(what.peer), std::move(what.octets));
    }
    /// The engine has to hear of it like of any other end.
    void close(scada::PeerId peer) {
        if (!line_) return;
        lines_.close(*line_, static_cast<Peer>(peer));
        if (on_line_) on_line_(false, std::string(by_us));
        input(scada::LineClosed{peer});
    }

    net::Lines& lines_;
    OnOutput on_output_;
    OnLine on_line_;
    std::optional<net::Lines::LineId> line_;
    net::Host<E, Carry> host_;
};

}  // namespace causeway::site
