#pragma once
// The broker at work: its engine between sockets, the store and the users' passwords. Everything
// here happens on the Io's thread; the store and the hashing of passwords have threads of their own
// and post back.
#include "mqtt/broker/broker.hpp"
#include "net/io.hpp"
#include "net/stream_host.hpp"
#include "net/trouble.hpp"
#include "site/mqtt_policy.hpp"
#include "site/mqtt_site.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace causeway::site {

class MqttService {
public:
    /// One line each, for a person; never a secret.
    using Log = std::function<void(std::string_view line)>;

    /// Opens the store and every listener; nothing stays open when one thing fails.
    [[nodiscard]] static net::Opened<MqttService> open(net::Io& io, const Mqtt& site,
                                                       const std::filesystem::path& state, Log log);
    MqttService(MqttService&&) noexcept;
    MqttService& operator=(MqttService&&) noexcept;
    ~MqttService();

    /// "mqtt-1883 on 127.0.0.1:1883", one for each listener.
    [[nodiscard]] std::vector<std::string> listening() const;

    /// Reads passwords, access rules and certificates again. What is bad is refused whole and the
    /// old stays; nobody is dropped. Says what changed, or what is wrong, one line each, and
    /// whether all was well.
    using Reloaded = MqttPolicy::Loaded;
    Reloaded reload();

    /// Every client is told and closed; calls back once that has been written and stored.
    void shut_down(std::function<void()> done);

    [[nodiscard]] const mqtt::Broker& broker() const noexcept;
    [[nodiscard]] net::StreamHost::Stats streams() const;
    [[nodiscard]] Instant now() const;
    [[nodiscard]] std::optional<mqtt::ClientReport> client(const std::string& client_id) const;
    /// False when there is no such client.
    bool kick(const std::string& client_id, bool session_too);
    void publish(mqtt::MessageRef message);

    // ---- connections from within: bridges and gateways speak MQTT to the broker like anybody

    enum class LinkId : std::uint32_t {};
    struct LinkEvents {
        std::function<void(Bytes)> received;  // borrowed for the call
        std::function<void()> closed;         // by the broker; the link is gone by then
        std::function<void(bool)> paused;  // it wants no more for a while, or again; may be empty
        bool says_drained = false;  // calls drained(); else what is received is done with at once
    };
    [[nodiscard]] LinkId open_link(std::string name, LinkEvents events);
    void send(LinkId link, Octets octets);
    void drained(LinkId link, std::size_t octets);
    void close(LinkId link);

private:
    struct State;
    explicit MqttService(std::unique_ptr<State> state) noexcept;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::site
