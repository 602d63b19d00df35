#pragma once
// What a broker knows of one connection. Idle ones are many, so that what most never need hangs on
// pointers: aliases, an authentication under way, octets that came early, large bodies to send.
#include "base/short_text.hpp"
#include "mqtt/broker/events.hpp"
#include "mqtt/broker/subscribers.hpp"
#include "mqtt/broker/timer_heap.hpp"
#include "mqtt/framer.hpp"

#include <memory>
#include <string>
#include <vector>

namespace causeway::mqtt {

struct Session;

/// The aliases that we gave to a client for topics, first come, first served.
class AliasesOut {
public:
    struct Use {
        std::uint16_t alias = 0;  // 0: none
        bool known = false;       // the client knows it: the topic need not be said
    };
    /// Gives one if there is one left.
    Use use(std::string_view topic, std::uint64_t hash, std::uint16_t max);

private:
    struct Given {
        std::uint64_t hash;
        ShortText<40> topic;
    };
    std::vector<Given> given_;          // by alias, less one
    std::vector<std::uint16_t> slots_;  // aliases, open addressing; a power of two
};

struct ConnectionExtras {
    std::vector<std::string> aliases_in;  // topics, by alias
    AliasesOut aliases_out;
    Octets connect;         // the CONNECT packet, while it is being judged
    Octets early;           // what came behind it
    std::string method;     // of enhanced authentication
    Octets connack_data;    // of the last step of it
    std::string user_name;  // as the host has it, once it has judged
    std::uint32_t ticket = 0;
    bool reauthenticating = false;
    bool session_present = false;  // for the CONNACK that waits
    bool assigned_id = false;
    bool tell_keep_alive = false;
    bool tell_expiry = false;
    std::vector<SubscriberId> held_by;  // subscribers that cannot keep up
    std::vector<Octets> late;           // what came while one of them held it back
    /// Times up to which the budgets of a rate limit are used up.
    Instant publishes_paid{};
    Instant octets_paid{};
};

struct Connection : Timed {
    enum class Phase : std::uint8_t {
        awaiting_connect,
        authenticating,  // the host was asked
        challenged,      // the client was
        opening,         // CONNACK waits for a commit
        open,
        closing,  // nothing is read or sent any more; Close was not polled yet
    };
    /// Why its host does not read from it.
    enum Pause : std::uint8_t {
        by_subscriber = 1,
        by_rate = 2,
        by_itself = 4,  // it does not read what it is sent
        by_judgement = 8,
        by_store = 16,  // too many of its answers wait for a commit
    };
    struct Part {
        Octets octets;
        MessageRef body_of;
    };

    ConnectionId id{};
    std::uint32_t generation = 0;
    Session* session = nullptr;
    Octets out;
    std::unique_ptr<std::vector<Part>> parts;  // before `out`
    std::unique_ptr<Framer> framer;            // holds a packet that is not whole yet
    std::unique_ptr<ConnectionExtras> extras;
    Instant opened_at{};
    Instant heard_at{};
    std::uint64_t unsent = 0;
    std::uint32_t waiting = 0;                     // answers that wait for a commit
    std::uint32_t packet_octets_max = UINT32_MAX;  // of the client
    std::uint16_t keep_alive = 0;
    std::uint16_t window = 0;    // QoS 1 and 2 to the client, not acknowledged
    std::uint16_t received = 0;  // QoS 1 and 2 of the client, not acknowledged by us
    std::uint16_t alias_out_max = 0;
    std::uint16_t listener = 0;
    Phase phase = Phase::awaiting_connect;
    Version version = Version::v3_1_1;
    std::uint8_t paused = 0;
    std::uint8_t out_hint = 0;  // log2 of what it was last sent at once
    bool pause_told : 1 = false;
    bool dirty : 1 = false;
    bool blocked : 1 = false;  // too much is unsent: messages wait in the queue
    bool internal : 1 = false;
    bool flushing : 1 = false;  // it is gone: what it sent is taken, whoever holds it back
    bool bridge : 1 = false;    // it says so: Connect::bridge
    bool anonymous_allowed : 1 = false;
    bool proven : 1 = false;  // extras->user_name is
    bool problem_information : 1 = true;
    bool close_at_once : 1 = false;
    bool doomed = false;
    bool will_stays_unsaid : 1 = false;
    ShortText<24> peer;

    [[nodiscard]] bool v5() const noexcept { return version == Version::v5; }
    [[nodiscard]] bool ready() const noexcept { return phase == Phase::open; }
    [[nodiscard]] bool held_back() const noexcept {
        return ready() && (paused & by_subscriber) != 0 && !flushing;
    }
    [[nodiscard]] bool writable() const noexcept { return ready() && !blocked; }
    ConnectionExtras& more() {
        if (extras == nullptr) extras = std::make_unique<ConnectionExtras>();
        return *extras;
    }
};

}  // namespace causeway::mqtt
