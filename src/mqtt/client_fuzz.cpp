// A client against a server that says anything, and a host that asks for anything, in any order.
#include "mqtt/client.hpp"

#include <cstdlib>

using namespace causeway;
using namespace causeway::mqtt;

namespace {

void drain(Client& client, bool answer, Instant now) {
    for (int turns = 0; auto output = client.poll_output(); ++turns) {
        CAUSEWAY_ASSERT(turns < 1'000'000);
        if (const auto* arrived = std::get_if<client::MessageArrived>(&*output)) {
            CAUSEWAY_ASSERT(!arrived->publish.topic.empty());
            if (answer && arrived->publish.packet_id != 0)
                client.handle(now, client::Acknowledge{arrived->publish.packet_id});
        }
    }
    CAUSEWAY_ASSERT(client.stats().balanced());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ByteReader in(std::as_bytes(std::span(data, size)));
    const std::uint8_t habits = in.u8();
    ClientSettings settings;
    settings.version = (habits & 1) != 0 ? Version::v5 : Version::v3_1_1;
    settings.client_id = "f";
    settings.clean_start = (habits & 2) == 0;
    settings.session_expiry_seconds = (habits & 4) != 0 ? 100 : 0;
    settings.topic_alias_maximum = (habits & 8) != 0 ? 4 : 0;
    settings.topic_aliases_out = settings.topic_alias_maximum;
    settings.host_acknowledges = (habits & 16) != 0;
    if ((habits & 32) != 0) settings.reconnect = ClientSettings::Reconnect{};
    if ((habits & 64) != 0) settings.authentication_method = "m";
    settings.packet_octets_max = 4096;
    settings.waiting_messages_max = 50;
    settings.receive_maximum = 10;
    Client client(settings, Random(habits));
    Instant now(std::chrono::seconds(1));
    std::uint64_t ticket = 0;
    // Most inputs would end before the first CONNACK; so it is said for them.
    client.handle(now, client::DoConnect{});
    client.handle(now, client::TransportOpened{});
    if ((habits & 128) != 0) {
        const Octets connack = emitted(Connack{}, settings.version);
        client.handle(now, client::BytesReceived{connack});
    }
    drain(client, false, now);
    while (in.more()) {
        const std::uint8_t what = in.u8();
        Publish message;
        message.qos = static_cast<Qos>(what / 16 % 3);
        message.topic = "topic";
        switch (what % 16) {
            case 0:
                client.handle(now, client::DoConnect{});
                break;
            case 1:
                client.handle(now, client::TransportOpened{});
                break;
            case 2:
                client.handle(now, client::TransportClosed{});
                break;
            case 3:
                message.topic = as_text(in.take(std::min<std::size_t>(what / 16, in.remaining())));
                client.handle(now, client::DoPublish{client::Ticket{++ticket}, message});
                break;
            case 4: {
                const std::string_view filter =
                    as_text(in.take(std::min<std::size_t>(what / 16, in.remaining())));
                client.handle(now, client::DoSubscribe{client::Ticket{++ticket},
                                                       {.entries = {{filter, {}}}}});
                break;
            }
            case 5:
                client.handle(now,
                              client::DoUnsubscribe{client::Ticket{++ticket}, {.filters = {"x"}}});
                break;
            case 6:
                client.handle(now, client::DoDisconnect{});
                break;
            case 7:
                client.handle(now, client::Acknowledge{in.u8(), {}});
                break;
            case 8:
                now = std::min(client.next_deadline(), now + std::chrono::hours(1));
                client.handle_timeout(now);
                break;
            case 9:
                client.handle(now, client::AuthenticationData{{}});
                break;
            case 10:
                client.handle(now, client::DoReauthenticate{{}});
                break;
            case 11:
                client.handle(now, client::DoPublish{client::Ticket{++ticket}, message});
                break;
            case 12:
                client.handle(now, client::BytesReceived{emitted(Connack{}, settings.version)});
                break;
            default: {
                const std::size_t n = std::min<std::size_t>(in.u8(), in.remaining());
                client.handle(now, client::BytesReceived{in.take(n)});
            }
        }
        drain(client, what >= 128, now);
    }
    return 0;
}
