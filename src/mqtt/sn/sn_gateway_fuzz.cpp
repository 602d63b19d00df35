// A gateway between forged datagrams and a forged broker: nothing crashes, nothing spins, every
// table keeps its limit and every sum its balance.
// The input is a list of steps: a datagram, octets or a whole packet of the broker, a hang-up,
// time.
#include "mqtt/packet.hpp"
#include "mqtt/sn/gateway.hpp"
#include "mqtt/sn/packet.hpp"

using namespace causeway;

namespace {

mqtt::sn::GatewaySettings settings_for(std::uint8_t choice) {
    mqtt::sn::GatewaySettings settings;
    if ((choice & 1) != 0) settings.mode = mqtt::sn::GatewaySettings::Mode::aggregating;
    if ((choice & 2) != 0) settings.version = mqtt::Version::v3_1_1;
    settings.predefined = {{1, "p/1", {}}, {2, "p/2", "a"}};
    settings.clients_max = 4;
    settings.topics_max_each = 4;
    settings.subscriptions_max_each = 4;
    settings.upward_max_each = 4;
    settings.buffered_max_each = 4;
    settings.minus_one_waiting_max = 4;
    settings.searches_max = 4;
    settings.advertise_to = mqtt::sn::Peer{};
    return settings;
}

struct Harness {
    explicit Harness(std::uint8_t choice)
        : gateway(settings_for(choice), Random(1), now),
          version((choice & 3) == 2 ? mqtt::Version::v3_1_1 : mqtt::Version::v5) {}

    void drain() {
        for (int outputs = 0;; ++outputs) {
            CAUSEWAY_ASSERT(outputs < 10'000);
            const auto output = gateway.poll_output();
            if (!output) break;
            if (const auto* open = std::get_if<mqtt::sn::OpenBroker>(&*output)) link = open->link;
            if (const auto* datagram = std::get_if<mqtt::sn::SendDatagram>(&*output))
                CAUSEWAY_ASSERT(!datagram->octets.empty() && datagram->octets.size() <= 65535 + 19);
        }
        const auto& stats = gateway.stats();
        CAUSEWAY_ASSERT(stats.balanced());
        CAUSEWAY_ASSERT(stats.clients <= 4 && stats.clients == gateway.clients().size());
        CAUSEWAY_ASSERT(stats.deliveries_waiting <= 16);
    }

    void broker(const mqtt::Packet& packet) {
        const Octets octets = mqtt::emitted(packet, version);
        gateway.handle(now, mqtt::sn::BrokerReceived{link, octets});
    }

    void wait(Duration span) {
        const Instant end = now + span;
        for (int turns = 0; gateway.next_deadline() <= end; ++turns) {
            CAUSEWAY_ASSERT(turns < 100'000);
            now = std::max(now, gateway.next_deadline());
            gateway.handle_timeout(now);
            drain();
        }
        now = end;
    }

    Instant now{};
    mqtt::sn::Gateway gateway;
    mqtt::Version version;
    mqtt::sn::LinkId link{};
};

void step_of_broker(Harness& harness, ByteReader& in) {
    const std::uint8_t choice = in.u8();
    switch (choice & 3) {
        case 0:
            return harness.broker(mqtt::Connack{});
        case 1: {
            mqtt::Ack ack;
            ack.type = static_cast<mqtt::PacketType>(4 + (choice >> 2 & 3));
            ack.packet_id = static_cast<std::uint16_t>(1 + in.u8());
            return harness.broker(ack);
        }
        case 2: {
            mqtt::Publish publish;
            publish.qos = static_cast<mqtt::Qos>((choice >> 2 & 3) % 3);
            if (publish.qos != mqtt::Qos::at_most_once)
                publish.packet_id = static_cast<std::uint16_t>(1 + in.u8());
            publish.topic = (choice & 16) != 0 ? "p/1" : (choice & 32) != 0 ? "ab" : "t/x";
            publish.retain = (choice & 64) != 0;
            return harness.broker(publish);
        }
        default: {
            mqtt::Suback suback;
            suback.packet_id = static_cast<std::uint16_t>(1 + in.u8());
            suback.reasons.push_back((choice & 4) != 0 ? mqtt::Reason::unspecified_error
                                                       : mqtt::Reason::granted_qos_1);
            return harness.broker(suback);
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ByteReader in(std::as_bytes(std::span(data, size)));
    Harness harness(in.u8());
    while (in.more()) {
        const std::uint8_t step = in.u8();
        switch (step & 7) {
            case 0:
                harness.wait(std::chrono::milliseconds(100) * (1 << (step >> 4)));
                break;
            case 1:
                step_of_broker(harness, in);
                break;
            case 2: {
                const Bytes octets = in.take(std::min<std::size_t>(step >> 3, in.remaining()));
                harness.gateway.handle(harness.now, mqtt::sn::BrokerReceived{harness.link, octets});
                break;
            }
            case 3:
                if ((step >> 3) == 31)
                    harness.gateway.handle(harness.now, mqtt::sn::ShutDown{});
                else
                    harness.gateway.handle(harness.now, mqtt::sn::BrokerClosed{harness.link});
                break;
            default: {
                mqtt::sn::Peer peer;
                peer.port = static_cast<std::uint16_t>(step >> 5);
                const std::size_t octets = std::max<std::size_t>(in.peek(), 2);
                harness.gateway.handle(
                    harness.now,
                    mqtt::sn::DatagramReceived{peer, in.take(std::min(octets, in.remaining()))});
                break;
            }
        }
        harness.drain();
    }
    return 0;
}
