#pragma once
// What a node is for: sensors that are read over CoAP and that report to a collector, an actuator,
// a place to keep a document. At the root: the collector. [RFC 7252; RFC 7641; RFC 8428]
//
//   /sensors/<name>   GET, observe      text, or SenML where asked for
//   /actuators/led    GET, PUT          "0" or "1"
//   /store            GET, PUT, DELETE  up to store_octets_max octets
//   /node             GET               uptime and counters as JSON
//   /readings         POST              root only: SenML of the others
//
// With Config::oscore they are there for those with the keys, too, or for nobody else; readings go
// out as they are. With Config::directory the node registers there. With Config::mqtt_sn its
// readings are published over MQTT-SN instead, see publisher.hpp. With Config::dnp3 a SCADA master
// asks for them, and switches the LED, see dnp3_station.hpp.
#include "base/engine.hpp"
#include "base/outbox.hpp"
#include "base/random.hpp"
#include "base/tap.hpp"
#include "coap/endpoint.hpp"
#include "coap/registrant.hpp"
#include "coap/server.hpp"
#include "node/dnp3_station.hpp"
#include "node/node.hpp"
#include "node/object_security.hpp"
#include "node/publisher.hpp"

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace causeway::node {

class Application {
public:
    struct DatagramReceived {
        ip::Address peer;
        std::uint16_t port;
        Octets payload;
        bool multicast = false;
        std::uint16_t target_port = coap::default_port;
    };
    /// Where the readings go from now on; none: nowhere to send them.
    struct CollectorKnown {
        std::optional<ip::Address> address;
    };
    struct PeerUnreachable {
        ip::Address peer;
        std::uint16_t port;
    };
    using Input = std::variant<DatagramReceived, CollectorKnown, PeerUnreachable>;

    struct SendDatagram {
        ip::Address peer;
        std::uint16_t port;
        Octets payload;
        std::uint16_t source_port = coap::default_port;
    };
    using Output = SendDatagram;

    struct Stats {
        std::uint64_t readings_due = 0;
        std::uint64_t readings_sent = 0;
        std::uint64_t readings_kept = 0;  // no collector known when they were due
        std::uint64_t readings_received = 0;

        template <class F>
        void visit(F&& named) const {
            named("readings_due", readings_due);
            named("readings_sent", readings_sent);
            named("readings_kept", readings_kept);
            named("readings_received", readings_received);
        }
        [[nodiscard]] bool balanced() const {
            return readings_due == readings_sent + readings_kept;
        }
    };

    static constexpr std::size_t store_octets_max = 4096;
    /// A sensor that somebody observes is looked at so often, or as often as it reports.
    static constexpr Duration sampling = std::chrono::seconds(5);

    Application(const Config& config, Random random, Teller teller, Instant now,
                Flash* flash = nullptr);
    Application(const Application&) = delete;
    Application& operator=(const Application&) = delete;

    void handle(Instant now, Input in);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output() { return out_.poll(); }
    [[nodiscard]] Instant next_deadline() const noexcept;
    [[nodiscard]] const Stats& stats() const noexcept { return stats_; }
    [[nodiscard]] bool listens_to(std::uint16_t port) const noexcept {
        return port == coap::default_port || (publisher_ && config_.mqtt_sn->port == port) ||
               (dnp3_ && config_.dnp3->port == port);
    }

private:
    struct Running {
        const Sensor* sensor;
        Instant next_report;  // never: it does not report
    };

    void add_resources();
    [[nodiscard]] coap::Peer directory() const;
    [[nodiscard]] coap::Response led(const coap::RequestView& request);
    [[nodiscard]] coap::Response store(const coap::RequestView& request);
    [[nodiscard]] coap::Response about() const;
    void answer(Instant now, const coap::RequestArrived& request);
    [[nodiscard]] bool may_ask(const coap::RequestArrived& request) const noexcept;
    void carry(Instant now);
    void report(Instant now, Running& running);
    void publish(Instant now, const Sensor& sensor);
    void ask_dnp3(Instant now, const DatagramReceived& datagram);
    void switch_led(bool on);
    [[nodiscard]] long tenths_of(const Sensor& sensor) const;
    [[nodiscard]] std::string senml(const Sensor& sensor) const;

    const Config& config_;
    Random random_;
    Teller teller_;
    Instant now_;  // of the input under way: handlers are told no time
    Instant booted_;
    std::unique_ptr<ObjectSecurityKeeper> security_;
    coap::Endpoint endpoint_;
    coap::Server server_;
    std::optional<ip::Address> collector_;
    std::vector<Running> sensors_;
    Instant next_sample_ = never;
    std::uint16_t sequence_ = 0;
    Duration phase_;  // of the day, so that nodes differ
    bool led_ = false;
    bool registering_ = false;
    Octets store_;
    std::unique_ptr<Publisher> publisher_;
    std::unique_ptr<coap::Registrant> registrant_;
    std::unique_ptr<Dnp3Station> dnp3_;
    Outbox<Output> out_;
    Stats stats_;
};

}  // namespace causeway::node
