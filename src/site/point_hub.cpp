#include "site/point_hub.hpp"

#include "net/host.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <utility>
#include <vector>

namespace causeway::site {

struct PointHub::State : std::enable_shared_from_this<State> {
    State(net::Io& hub_io, net::Clock hub_clock, points::Table::Settings settings)
        : io(hub_io), clock(hub_clock), table(settings), timer(hub_io) {}

    /// Once a turn of the loop, however much happens in it.
    void stir() {
        if (stirred) return;
        stirred = true;
        boost::asio::post(io, [self = weak_from_this()] {
            if (const auto state = self.lock()) state->carry();
        });
    }
    void carry() {
        stirred = false;
        while (const auto out = table.poll_output()) std::visit(*this, *out);
        arm();
    }
    void arm() {
        const Instant due = table.next_deadline();
        if (due == armed_for) return;
        armed_for = due;
        if (due == never) {
            timer.cancel();
            return;
        }
        timer.expires_at(clock.real(due));
        timer.async_wait([self = weak_from_this()](const boost::system::error_code& gone) {
            const auto state = gone ? nullptr : self.lock();
            if (!state) return;
            state->armed_for = never;
            state->table.handle_timeout(state->clock.now());
            state->carry();
        });
    }

    void operator()(const points::Table::Ready& ready) const {
        subscribers[static_cast<std::size_t>(ready.subscriber)]();
    }
    void operator()(const points::Table::Execute& execute) const {
        drivers[static_cast<std::size_t>(execute.driver)](execute.id, execute.command);
    }
    void operator()(const points::Table::Completed& completed) const {
        requesters[static_cast<std::size_t>(completed.command.requester)](completed);
    }

    net::Io& io;
    net::Clock clock;
    points::Table table;
    boost::asio::steady_timer timer;
    std::vector<Execute> drivers;
    std::vector<Ready> subscribers;  // by the table's number: nobody else subscribes
    std::vector<Completed> requesters;
    Instant armed_for = never;
    bool stirred = false;
};

PointHub::PointHub(net::Io& io, net::Clock clock, points::Table::Settings settings)
    : state_(std::make_shared<State>(io, clock, settings)) {}
PointHub::~PointHub() = default;

points::Table& PointHub::table() noexcept {
    return state_->table;
}
const points::Table& PointHub::table() const noexcept {
    return state_->table;
}

points::DriverId PointHub::add_driver(Execute execute) {
    state_->drivers.push_back(std::move(execute));
    return points::DriverId(state_->drivers.size() - 1);
}
points::SubscriberId PointHub::add_subscriber(points::SubscriberSettings settings, Ready ready) {
    state_->subscribers.push_back(std::move(ready));
    const auto id = state_->table.subscribe(settings);
    CAUSEWAY_ASSERT(static_cast<std::size_t>(id) + 1 == state_->subscribers.size());
    state_->stir();  // for what its watch() calls find known already
    return id;
}
points::RequesterId PointHub::add_requester(Completed completed) {
    state_->requesters.push_back(std::move(completed));
    return points::RequesterId(state_->requesters.size() - 1);
}

void PointHub::update(points::PointId point, points::Sample sample) {
    state_->table.update(state_->clock.now(), point, std::move(sample));
    state_->stir();
}
void PointHub::flag(points::DriverId driver, std::string_view device, points::Flag flag, bool on) {
    state_->table.flag(
        state_->clock.now(),
        {.driver = driver, .device = std::string(device), .flag = flag, .on = on, .ms = wall_ms()});
    state_->stir();
}
points::CommandId PointHub::command(points::Command command) {
    const auto id = state_->table.command(state_->clock.now(), std::move(command));
    state_->stir();
    return id;
}
void PointHub::answer(points::CommandId command, points::Answer answer) {
    state_->table.answer(state_->clock.now(), command, answer);
    state_->stir();
}

Instant PointHub::now() const {
    return state_->clock.now();
}
Instant PointHub::given_up(const points::Command& command) const {
    const Duration own = command.timeout;
    return after(now(), own > Duration::zero()
                            ? own
                            : state_->table.definition(command.point).command_timeout);
}
std::int64_t PointHub::wall_ms() const {
    return static_cast<std::int64_t>(net::Clock::wall_now_ns() / 1'000'000);
}
points::Time PointHub::arrival() const {
    return {.ms = wall_ms(), .source = points::Time::Source::arrival};
}

}  // namespace causeway::site
