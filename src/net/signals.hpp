#pragma once
// A polite end: the first SIGINT or SIGTERM calls back from the event loop, and a second SIGINT
// ends the process at once with status 130, even if the loop has stopped turning.
#include "net/io.hpp"

#include <functional>
#include <memory>

namespace causeway::net {

/// One at a time in a process. Destroying it puts back what was there before.
class Signals {
public:
    /// `on_stop` is called once, on the loop's thread, with the signal's number. Without a loop
    /// (a simulation in virtual time) ask raised() now and then. Keeps the loop running until it
    /// has called back or is destroyed.
    Signals(Io& io, std::function<void(int signal)> on_stop);
    Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;
    ~Signals();

    /// The first signal's number, or zero.
    [[nodiscard]] static int raised() noexcept;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace causeway::net
