#include "site/points_coap.hpp"

#include "site/points_coap_driver.hpp"
#include "site/points_coap_face.hpp"

namespace causeway::site {

struct PointsCoap::State {
    State(net::Io& io, PointsCoapPlan plan, PointHub& hub, CoapService& coap, CoapService::Log log)
        : driver(io, std::move(plan.devices), hub, coap, stats, std::move(log)) {
        if (plan.face) face.emplace(*std::move(plan.face), hub, coap, stats);
    }

    Stats stats;
    PointsCoapDriver driver;
    std::optional<PointsCoapFace> face;
};

PointsCoap::PointsCoap(net::Io& io, PointsCoapPlan plan, PointHub& hub, CoapService& coap,
                       CoapService::Log log)
    : state_(std::make_unique<State>(io, std::move(plan), hub, coap, std::move(log))) {}
PointsCoap::PointsCoap(PointsCoap&&) noexcept = default;
PointsCoap& PointsCoap::operator=(PointsCoap&&) noexcept = default;
PointsCoap::~PointsCoap() = default;

void PointsCoap::start() {
    state_->driver.start();
    if (state_->face) state_->face->start();
}

const PointsCoap::Stats& PointsCoap::stats() const noexcept {
    return state_->stats;
}

}  // namespace causeway::site
