// A bridge between two brokers that say whatever they like: well-formed packets in any order, and
// octets that are none. An octet says which, of which side; nothing may be asserted, every message
// is counted, and the bridge keeps what it may not forget to say.
#include "base/assert.hpp"
#include "mqtt/bridge.hpp"
#include "mqtt/framer.hpp"
#include "mqtt/packet.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace {

using namespace causeway;
using namespace causeway::mqtt;

class Host {
public:
    explicit Host(std::uint8_t mode) : version_(mode % 2 == 0 ? Version::v5 : Version::v3_1_1) {
        BridgeSettings settings;
        settings.name = "f";
        settings.remote_version = version_;
        settings.clean = (mode & 2) != 0;
        settings.receive_maximum = 3;
        settings.packet_octets_max = 200;
        settings.unsent_octets_high = 100;
        settings.unsent_octets_low = 10;
        settings.topics = {{.filter = "#",
                            .direction = BridgeTopic::Direction::both,
                            .qos = Qos::exactly_once,
                            .local_prefix = "l/"},
                           {.filter = "a", .direction = BridgeTopic::Direction::in}};
        bridge_.emplace(std::move(settings), Random(mode), Instant{});
    }

    void run(ByteReader& in) {
        timeout();
        while (in.more()) {
            const std::uint8_t what = in.u8();
            const bool remote = (what & 0x80) != 0;
            switch (what & 0x1f) {
                case 0:
                    handle(bridge::RemoteOpened{});
                    break;
                case 1:
                    remote_open_ = false;
                    handle(bridge::RemoteClosed{remote});
                    break;
                case 2:
                    if (!local_open_) break;
                    local_open_ = false;
                    handle(bridge::LocalClosed{});
                    break;
                case 3:
                    handle(bridge::LocalPaused{remote});
                    break;
                case 4:
                    handle(bridge::RemoteDrained{in.u8()});
                    break;
                case 5:
                    now_ = std::max(
                        now_, bridge_->next_deadline() == never ? now_ : bridge_->next_deadline());
                    timeout();
                    break;
                case 6:
                    raw(remote, in.take(std::min<std::size_t>(in.u8(), in.remaining())));
                    break;
                case 7:
                    connack(remote, in.u8());
                    break;
                case 8:
                    ack(remote, PacketType::puback, in.u8());
                    break;
                case 9:
                    ack(remote, PacketType::pubrec, in.u8());
                    break;
                case 10:
                    ack(remote, PacketType::pubrel, in.u8());
                    break;
                case 11:
                    ack(remote, PacketType::pubcomp, in.u8());
                    break;
                case 12:
                    say(remote, Disconnect{.reason = Reason::payload_format_invalid});
                    break;
                case 13:
                    say(remote, Suback{.packet_id = 65535,
                                       .reasons = {in.u8() < 128 ? Reason::granted_qos_1
                                                                 : Reason::not_authorized}});
                    break;
                case 14:
                    say(remote, Pingresp{});
                    break;
                case 15:
                    handle(bridge::Stop{});
                    break;
                default:
                    publish(remote, what, in.u8());
                    break;
            }
        }
    }

private:
    void raw(bool remote, Bytes octets) {
        if (remote ? !remote_open_ : !local_open_) return;
        if (remote)
            handle(bridge::RemoteReceived{octets});
        else
            handle(bridge::LocalReceived{octets});
    }
    void say(bool remote, const Packet& packet) {
        const Version version = remote ? version_ : Version::v5;
        if (version != Version::v5 && std::holds_alternative<Disconnect>(packet)) return;
        raw(remote, emitted(packet, version));
    }
    void connack(bool remote, std::uint8_t how) {
        Connack connack;
        connack.session_present = (how & 1) != 0;
        if ((how & 0xe0) == 0xe0) connack.reason = Reason::unsupported_protocol_version;
        if ((how & 2) != 0) connack.properties.receive_maximum = 1;
        if ((how & 4) != 0) connack.properties.maximum_qos = how >> 4 & 1;
        if ((how & 8) != 0) connack.properties.maximum_packet_octets = 30;
        say(remote, connack);
    }
    void ack(bool remote, PacketType type, std::uint8_t how) {
        const bool may_refuse = type == PacketType::puback || type == PacketType::pubrec;
        say(remote, Ack{.type = type,
                        .packet_id = static_cast<std::uint16_t>(1 + (how & 7)),
                        .reason = !may_refuse || how < 0xc0 ? Reason::success
                                  : how < 0xe0              ? Reason::quota_exceeded
                                                            : Reason::not_authorized});
    }
    void publish(bool remote, std::uint8_t what, std::uint8_t how) {
        Publish publish;
        publish.qos = static_cast<Qos>((what & 3) % 3);
        publish.dup = publish.qos != Qos::at_most_once && (what & 0x20) != 0;
        publish.topic = remote ? "a/b" : (what & 0x40) != 0 ? "x" : "l/a/b";
        if (publish.qos != Qos::at_most_once)
            publish.packet_id = static_cast<std::uint16_t>(how < 250 ? 1 + (how & 7) : 65535);
        payload_.assign(how & 0x7f, 'p');
        publish.payload = as_octets(payload_);
        say(remote, publish);
    }
    void handle(bridge::Input input) {
        bridge_->handle(now_, input);
        drain();
    }
    void timeout() {
        const Instant due = bridge_->next_deadline();
        bridge_->handle_timeout(now_);
        const bool spoke = drain();
        CAUSEWAY_ASSERT(due > now_ || spoke || bridge_->next_deadline() > due);
    }
    bool drain() {
        bool any = false;
        while (const auto output = bridge_->poll_output()) {
            any = true;
            std::visit([&](const auto& it) { done(it); }, *output);
        }
        CAUSEWAY_ASSERT(bridge_->stats().balanced());
        CAUSEWAY_ASSERT(bridge_->connected() == connected_);
        CAUSEWAY_ASSERT(!connected_ || (remote_open_ && local_open_));
        return any;
    }
    void done(const bridge::OpenRemote&) {
        CAUSEWAY_ASSERT(!remote_open_);
        remote_open_ = true;
    }
    void done(const bridge::CloseRemote&) { remote_open_ = false; }
    void done(const bridge::OpenLocal&) {
        CAUSEWAY_ASSERT(remote_open_);
        local_open_ = true;
    }
    void done(const bridge::CloseLocal&) { local_open_ = false; }
    void done(const bridge::SendRemote& it) {
        CAUSEWAY_ASSERT(remote_open_);
        check(it.octets, version_);
    }
    void done(const bridge::SendLocal& it) {
        CAUSEWAY_ASSERT(local_open_);
        check(it.octets, Version::v5);
    }
    void done(const bridge::State& it) {
        CAUSEWAY_ASSERT(it.connected != connected_ || !it.connected);
        connected_ = it.connected;
    }
    void done(const auto&) {}
    /// What a bridge says is well-formed.
    static void check(Bytes octets, Version version) {
        Framer framer(268'435'460);
        while (const auto step = framer.next(octets)) {
            CAUSEWAY_ASSERT(!step->refused);
            CAUSEWAY_ASSERT(parse_packet(step->packet, version).has_value());
        }
        CAUSEWAY_ASSERT(framer.held() == 0);
    }

    Version version_;
    std::optional<Bridge> bridge_;
    Instant now_{};
    std::string payload_;
    bool remote_open_ = false;
    bool local_open_ = false;
    bool connected_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ByteReader in(Bytes(reinterpret_cast<const std::byte*>(data), size));
    Host host(in.u8());
    host.run(in);
    return 0;
}
