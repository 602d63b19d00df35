#pragma once
// The point table and CoAP [RFC 7252], both ways, through the gateway's own endpoint.
//
// The face:
//
//   /points               GET: links to all points [RFC 6690], or all of them as SenML [RFC 8428]
//   /points/DEVICE        GET: the same of one device
//   /points/DEVICE/NAME   GET: text/plain, SenML in JSON or CBOR by Accept; can be observed
//                         PUT: a command, direct or as the query says ("?step=select"); text/plain
//                         or SenML; answered when the device has answered
//
// SenML records have the point's unit and time, and "q" with its flags where it is not good, a
// label of ours [RFC 8428 §12.2]. A point that never said anything is 5.03 as text/plain, and has
// no record. Outcomes of commands are 2.04, 4.xx and 5.xx with their name as diagnostic payload; an
// answer that takes its time comes as a separate response [RFC 7252 §5.2.2].
//
// The driver: resources of other servers, or of nodes of the mesh, become points, by observation,
// or, where a server does not offer that or none is wanted, by polling; commands are PUT there.
// Leaves out: credentials; servers are asked in clear, or nodes with what the gateway shares with
// them.
#include "net/io.hpp"
#include "points/scaling.hpp"
#include "points/table.hpp"
#include "site/coap_service.hpp"
#include "site/point_hub.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace causeway::site {

enum class PointsCoapFormat : std::uint8_t { text, senml };

/// A point that a resource feeds.
struct PointsCoapSource {
    points::Definition definition{};  // without its driver
    points::Scaling scaling{};
    std::string path{};  // "/sensors/temperature", with a query if need be
    PointsCoapFormat format = PointsCoapFormat::text;
    /// The SenML record, by the end of its name; empty: the first that has a value.
    std::string record{};
    std::string command_path{};  // of a point that is writable; empty: `path`
    bool observe = true;
    Duration every{};        // between polls, and of attempts; zero: the device's
    Duration stale_after{};  // silence so long is comm_lost; zero: only a failed request is
};
struct PointsCoapDevice {
    std::string name{};
    std::string uri{};  // "coap://[fd00::1]:5683", "coap://node-24": a node's name will do
    Duration every = std::chrono::seconds(10);
    std::vector<PointsCoapSource> points{};
};

struct PointsCoapFacePlan {
    std::string path = "/points";
    std::vector<std::string> devices{};  // empty: all
    bool commands = true;
    /// Points with links of their own in /.well-known/core; where there are more, /points has them.
    std::size_t discoverable_max = 256;
};

struct PointsCoapPlan {
    std::optional<PointsCoapFacePlan> face{PointsCoapFacePlan{}};
    std::vector<PointsCoapDevice> devices{};
};

class PointsCoap {
public:
    struct Stats {
        std::uint64_t requests = 0;   // to the face
        std::uint64_t commands = 0;   // of them, that went to the table, of which:
        std::uint64_t completed = 0;  //   it has answered
        std::uint64_t under_way = 0;
        std::uint64_t fetches = 0;     // by the driver: GETs, observations among them
        std::uint64_t responses = 0;   // notifications among them
        std::uint64_t failures = 0;    // requests that got no answer, or an error
        std::uint64_t unreadable = 0;  // responses that were no value
        std::uint64_t stale = 0;       // points that fell silent
        std::uint64_t sent = 0;        // commands, by the driver

        template <class Named>
        void visit(Named&& named) const {
            named("requests", requests);
            named("commands", commands);
            named("completed", completed);
            named("under_way", under_way);
            named("fetches", fetches);
            named("responses", responses);
            named("failures", failures);
            named("unreadable", unreadable);
            named("stale", stale);
            named("sent", sent);
        }
        [[nodiscard]] bool balanced() const noexcept { return commands == completed + under_way; }
    };

    /// Defines the points of its devices, whose names nobody else has; says nothing yet. `hub` and
    /// `coap` are borrowed.
    PointsCoap(net::Io& io, PointsCoapPlan plan, PointHub& hub, CoapService& coap,
               CoapService::Log log);
    PointsCoap(PointsCoap&&) noexcept;
    PointsCoap& operator=(PointsCoap&&) noexcept;
    ~PointsCoap();

    /// When all points are defined: shows them, and begins to ask others.
    void start();
    [[nodiscard]] const Stats& stats() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::site
