#pragma once
// Whole stations on a line: a channel and the sessions on it as one engine, masters' or
// outstations'. A stack of engines is an engine.
//
// Where sessions take turns on the line, the clock of one whose request still waits for its turn
// stands still: others' slowness is not its outstation's.
#include "scada/dnp3/channel.hpp"
#include "scada/dnp3/master.hpp"
#include "scada/dnp3/outstation.hpp"

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

namespace causeway::scada::dnp3 {

/// `Application` is Master or Outstation. Inputs are the line's and, with a session's number, the
/// application's own; outputs alike.
template <class Application>
class Stations {
public:
    template <class What>
    struct Of {
        std::size_t session = 0;
        What what{};
    };
    using Input =
        std::variant<LineOpened, LineClosed, OctetsReceived, Of<typename Application::Input>>;
    using Output = std::variant<Transmit, CloseLine, Of<typename Application::Output>>;

    Stations(ChannelSettings settings, std::vector<SessionPlan> plans,
             std::vector<Application> sessions);

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    /// Never a SendFragment: those stay inside.
    [[nodiscard]] std::optional<Output> poll_output() { return out_.poll(); }
    [[nodiscard]] Instant next_deadline() const;
    [[nodiscard]] const Channel& channel() const noexcept { return channel_; }
    [[nodiscard]] const Application& session(std::size_t index) const { return sessions_[index]; }
    [[nodiscard]] std::size_t size() const noexcept { return sessions_.size(); }

private:
    struct Sending {
        std::size_t session = 0;
        std::optional<SendFragment> fragment;  // none: its turn is over
    };
    struct Told {
        std::uint64_t ms = 0;
        Instant at{};
    };
    struct Clock {
        bool busy = false;
        bool held = false;
        Instant since{};
        Duration behind{};  // how much less time has passed for it
        std::optional<Told> told{};
    };

    void give(Instant now, std::size_t index, typename Application::Input in);
    void carry(Instant now);
    void carry_session(std::size_t index);
    void mind_clocks(Instant now);
    [[nodiscard]] Instant own_time(Instant now, std::size_t index) const;
    [[nodiscard]] Instant due_of(std::size_t index) const;

    Channel channel_;
    std::vector<Application> sessions_;
    std::vector<Clock> clocks_;
    std::vector<Sending> sends_;
    std::vector<Sending> sending_;  // the same, being handed over
    Outbox<Output> out_;
    bool turns_ = false;
};

using MasterStation = Stations<Master>;
using OutstationStation = Stations<Outstation>;
extern template class Stations<Master>;
extern template class Stations<Outstation>;

}  // namespace causeway::scada::dnp3
