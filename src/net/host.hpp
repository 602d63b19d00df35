#pragma once
// Runs one engine in real time on an io_context: inputs in, outputs to a function, and a timer for
// the deadline. The engine's laws (base/engine.hpp) are what makes this so short.
#include "base/bytes.hpp"
#include "base/engine.hpp"
#include "net/clock.hpp"
#include "net/io.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <memory>
#include <utility>

namespace causeway::net {

/// `on_output` may call input(): what it says is taken up after the outputs in hand, so that the
/// engine never sees an input while its outputs wait. It must not destroy the host.
template <Engine E, class OnOutput>
class Host {
public:
    /// Hosts that shall agree on the time are given copies of one clock.
    Host(Io& io, E& engine, OnOutput on_output, Clock clock = {})
        : timer_(io), engine_(engine), on_output_(std::move(on_output)), clock_(clock) {
        pump();
    }

    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;

    /// `keep`: the octets that `in` borrows, for inputs that do and may have to wait.
    void input(typename E::Input in, Octets keep = {}) {
        if (pumping_) {
            waiting_.push_back({std::move(in), std::move(keep)});
            return;
        }
        engine_.handle(now(), std::move(in));
        pump();
    }

    /// Its outputs are being carried away: an input would have to wait.
    [[nodiscard]] bool busy() const noexcept { return pumping_; }
    [[nodiscard]] Instant now() const { return clock_.now(); }
    [[nodiscard]] const Clock& clock() const noexcept { return clock_; }

private:
    void pump() {
        pumping_ = true;
        for (;;) {
            while (auto out = engine_.poll_output()) on_output_(std::move(*out));
            if (waiting_.empty()) break;
            Waiting next = std::move(waiting_.front());
            waiting_.pop_front();
            engine_.handle(now(), std::move(next.in));
        }
        pumping_ = false;
        arm();
    }

    void arm() {
        const Instant due = engine_.next_deadline();
        if (due == armed_for_) return;
        armed_for_ = due;
        if (due == never) {
            timer_.cancel();
            return;
        }
        timer_.expires_at(clock_.real(due));
        // An expiry that is already queued when the host goes must not touch it.
        timer_.async_wait([this, alive = std::weak_ptr<const char>(alive_)](
                              const boost::system::error_code& superseded) {
            if (superseded || alive.expired()) return;
            armed_for_ = never;
            engine_.handle_timeout(now());
            pump();
        });
    }

    boost::asio::steady_timer timer_;
    E& engine_;
    OnOutput on_output_;
    Clock clock_;
    struct Waiting {
        typename E::Input in;
        Octets keep;
    };
    std::deque<Waiting> waiting_;
    Instant armed_for_ = never;
    bool pumping_ = false;
    std::shared_ptr<const char> alive_ = std::make_shared<const char>();
};

}  // namespace causeway::net
