#pragma once
// The point table at work: drivers, faces and subscribers on one Io, and none of them knows
// another. What an update sets off is carried on at the end of the loop's turn, so that a poll of a
// hundred registers wakes a face once.
#include "net/clock.hpp"
#include "net/io.hpp"
#include "points/table.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace causeway::site {

class PointHub {
public:
    /// Do so, and answer(), now or later.
    using Execute = std::function<void(points::CommandId id, const points::Command& command)>;
    /// take() until nothing is left.
    using Ready = std::function<void()>;
    using Completed = std::function<void(const points::Table::Completed& completed)>;

    PointHub(net::Io& io, net::Clock clock, points::Table::Settings settings = {});
    PointHub(const PointHub&) = delete;
    PointHub& operator=(const PointHub&) = delete;
    ~PointHub();

    /// For definitions and for reading. What changes anything at work goes through the hub.
    [[nodiscard]] points::Table& table() noexcept;
    [[nodiscard]] const points::Table& table() const noexcept;

    points::DriverId add_driver(Execute execute);
    points::SubscriberId add_subscriber(points::SubscriberSettings settings, Ready ready);
    points::RequesterId add_requester(Completed completed);

    void update(points::PointId point, points::Sample sample);
    void flag(points::DriverId driver, std::string_view device, points::Flag flag, bool on);
    points::CommandId command(points::Command command);
    void answer(points::CommandId command, points::Answer answer);

    [[nodiscard]] Instant now() const;
    /// When whoever gave this command to its driver just now will not wait for it any more.
    [[nodiscard]] Instant given_up(const points::Command& command) const;
    /// Milliseconds since 1970, as the machine believes now.
    [[nodiscard]] std::int64_t wall_ms() const;
    /// Our own clock's stamp.
    [[nodiscard]] points::Time arrival() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace causeway::site
