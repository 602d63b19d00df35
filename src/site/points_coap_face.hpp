#pragma once
// Points as resources. See points_coap.hpp.
#include "site/coap_within.hpp"
#include "site/point_hub.hpp"
#include "site/points_coap.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace causeway::site {

class PointsCoapFace {
public:
    PointsCoapFace(PointsCoapFacePlan plan, PointHub& hub, CoapService& coap,
                   PointsCoap::Stats& stats);

    /// All points are defined.
    void start();

private:
    [[nodiscard]] bool shows(points::PointId point) const;
    [[nodiscard]] std::string path_of(points::PointId point) const;
    [[nodiscard]] coap::Resource resource_of(points::PointId point) const;
    void describe();

    void asked(CoapWithin::Asker asker, coap::RequestArrived&& request);
    [[nodiscard]] coap::Response collection(const std::vector<points::PointId>& of,
                                            const coap::RequestArrived& request) const;
    [[nodiscard]] coap::Response content(points::PointId point,
                                         const coap::RequestArrived& request);
    void put(points::PointId point, CoapWithin::Asker asker, const coap::RequestArrived& request);
    void completed(const points::Table::Completed& completed);
    void carry();

    PointsCoapFacePlan plan_;
    PointHub& hub_;
    CoapService& coap_;
    PointsCoap::Stats& stats_;
    std::vector<points::PointId> shown_;
    std::vector<bool> is_shown_;  // by point
    std::vector<bool> observed_;  // by point: somebody did, some time
    points::SubscriberId subscriber_{};
    points::RequesterId requester_{};
    std::uint64_t last_tag_ = 0;
    std::map<std::uint64_t, CoapWithin::Asker> askers_;  // by tag
    std::shared_ptr<const char> alive_ = std::make_shared<const char>();
};

}  // namespace causeway::site
