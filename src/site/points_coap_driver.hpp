#pragma once
// Points that resources of other servers feed, and commands to them. See points_coap.hpp.
#include "base/deadlines.hpp"
#include "coap/content_format.hpp"
#include "site/coap_within.hpp"
#include "site/point_hub.hpp"
#include "site/points_coap.hpp"

#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace causeway::site {

class PointsCoapDriver {
public:
    /// Defines the devices' points.
    PointsCoapDriver(net::Io& io, std::vector<PointsCoapDevice> devices, PointHub& hub,
                     CoapService& coap, PointsCoap::Stats& stats, CoapService::Log log);
    ~PointsCoapDriver();
    PointsCoapDriver(const PointsCoapDriver&) = delete;
    PointsCoapDriver& operator=(const PointsCoapDriver&) = delete;

    void start();

private:
    struct Source {
        const PointsCoapSource* plan = nullptr;
        const PointsCoapDevice* device = nullptr;
        points::PointId point{};
        coap::Uri read_from;
        coap::Uri write_to;
        coap::ContentFormat accept = coap::ContentFormat::senml_cbor;  // of SenML
        std::optional<coap::RequestId> open{};                         // a GET, or an observation
        Instant asked_at{};
        Instant heard_at{};
    };

    void fetch(std::size_t source);
    void heard(std::size_t source, const CoapWithin::Heard& heard);
    void response(Source& source, const coap::ResponseArrived& response);
    [[nodiscard]] std::optional<points::Sample> sample_in(
        const Source& source, const coap::ResponseArrived& response) const;
    void mark(const Source& source, points::Flag flag);
    [[nodiscard]] static Duration pace_of(const Source& source);
    void woken(std::size_t source);
    void arm();
    void execute(points::CommandId id, const points::Command& command);

    PointHub& hub_;
    CoapService& coap_;
    PointsCoap::Stats& stats_;
    CoapService::Log log_;
    points::DriverId driver_{};
    std::vector<PointsCoapDevice> devices_;
    std::vector<Source> sources_;
    std::map<points::PointId, std::size_t> by_point_;
    Deadlines due_;  // by source: the next request, or the end of patience
    Instant armed_for_ = never;
    boost::asio::steady_timer timer_;
    std::shared_ptr<const char> alive_ = std::make_shared<const char>();
};

}  // namespace causeway::site
