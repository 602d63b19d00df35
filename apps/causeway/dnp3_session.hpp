#pragma once
// A DNP3 master in real time on a line of any kind: what the tools of `causeway dnp3` share.
#include "command.hpp"
#include "net/lines.hpp"
#include "scada/dnp3/stations.hpp"

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace causeway::cli {

/// Options of every one of the tools.
struct Dnp3Options {
    /// HOST[:PORT], unless there is a serial port, and what the tool itself takes.
    std::vector<std::string> words;
    std::string serial;
    std::string baud = "9600-8N1";
    bool udp = false;
    scada::dnp3::Address outstation = 1024;
    scada::dnp3::Address master = 1;
    std::string timeout = "5s";
    bool json = false;

    /// `takes`: what words there are behind the place.
    void add_to(CLI::App& app, const std::string& takes = {});
};

/// How the outstation is reached, and how long it may take.
struct Dnp3Plan {
    net::LineSpec line{};
    std::string where;  // for people
    scada::dnp3::ChannelSettings channel{};
    /// Nothing at the start, no polls, no events taken from another master: the tool says what it
    /// wants.
    scada::dnp3::MasterSettings master{};
};
/// Or what is wrong with the options. Takes the place away from the words; `more`: others may
/// follow.
[[nodiscard]] std::expected<Dnp3Plan, std::string> dnp3_plan_from(Dnp3Options& options,
                                                                  bool more = false);

class Dnp3Session {
public:
    using Master = scada::dnp3::Master;
    struct Hooks {
        std::function<void()> opened;  // the line, each time
        std::function<void(const Master::Measured&)> measured;
        std::function<void(const Master::ResponseDone&)> done;
        std::function<void(const Master::Completed&)> completed;
        std::function<void()> changed;  // of Master::Status
    };

    /// `stays`: a line that cannot be opened, or is lost, is waited for; else it is the end.
    Dnp3Session(Dnp3Plan plan, Hooks hooks, bool stays);
    Dnp3Session(const Dnp3Session&) = delete;
    Dnp3Session& operator=(const Dnp3Session&) = delete;
    ~Dnp3Session();

    /// Until end(), a signal, or what no waiting mends; the exit status.
    [[nodiscard]] int run();
    void input(Master::Input in);
    void end(int status);
    /// Whatever happens, not longer than so.
    void end_after(Duration time, int status, std::string line = {});
    [[nodiscard]] const Master& master() const;
    [[nodiscard]] const scada::dnp3::Channel& channel() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// One request, and the exit status: what came of it is told by `hooks.completed`, which gives the
/// status; measurements on the way by the other hooks.
[[nodiscard]] int ask_dnp3(const Dnp3Plan& plan, scada::dnp3::Master::Input request,
                           std::function<int(const scada::dnp3::Master::Completed&)> completed,
                           std::function<void(const scada::dnp3::Master::Measured&)> measured = {});

}  // namespace causeway::cli
