#pragma once
// A server's list of observers, and when each of them is told what. [RFC 7641 §4]
#include "coap/core.hpp"

namespace causeway::coap {

struct Observer {
    enum class State : std::uint8_t {
        idle,
        asking,   // the application was asked for the representation
        unacked,  // a confirmable notification is on its way
        spacing   // a non-confirmable one went; the next must wait
    };

    std::uint64_t serial = 0;
    Peer peer;
    Token token;
    Code method = Code::get;
    std::uint8_t szx = 6;          // the client's limit, or ours
    std::uint8_t unconfirmed = 0;  // notifications since the client last showed itself
    State state = State::idle;
    bool changed = false;
    bool confirmable = false;   // the next notification
    std::uint16_t last_id = 0;  // of the last non-confirmable notification
    std::optional<std::uint32_t> content_format;
    Instant due = never;
    Instant confirmed_at;
    std::optional<Effort> superseded;  // the effort of the notification the next one replaces
    std::uint64_t key = 0;             // transfer_key of the request
    Options options;                   // of the request, as RequestArrived had them
};

class Observers {
public:
    [[nodiscard]] std::size_t size() const noexcept { return observers_.size(); }
    [[nodiscard]] Observer* find(std::uint64_t serial) noexcept;
    [[nodiscard]] const Observer* find(const Peer& peer, const Token& token) const noexcept;
    [[nodiscard]] Observer* find(const Peer& peer, const Token& token) noexcept;
    [[nodiscard]] Observer* find_by_message(const Peer& peer, std::uint16_t id) noexcept;

    /// Adds or replaces: a client has one entry for each token, and one for each resource. nullptr
    /// when the list is full.
    Observer* add(Core& core, Instant now, Observer observer);
    bool remove(Core& core, std::uint64_t serial);
    bool remove(Core& core, const Peer& peer, const Token& token);
    void remove_unacknowledged(Core& core, const Peer& peer);

    void mark_changed(std::string_view path, bool confirmable);
    void mark_changed(Observer& observer, bool confirmable);

    /// An observer whose turn it is to be told of a change, its state set to asking; nullptr when
    /// all wait, or know everything. At most NSTART a client at once. [RFC 7641 §4.5.1]
    Observer* next_to_ask(const Settings& settings) noexcept;
    /// Sequence number and type of the notification that goes out now. [RFC 7641 §4.4, §4.5]
    std::uint32_t next_sequence(Instant now) noexcept;
    [[nodiscard]] static bool must_confirm(Instant now, const Observer& observer,
                                           const Settings& settings) noexcept;

    void sent(Instant now, Observer& observer, bool confirmable, std::uint16_t id,
              const Settings& settings);
    void acknowledged(Instant now, std::uint64_t serial);
    /// The next notification takes the place of the one under way, and goes on with its effort.
    void supersede(Observer& observer, const Effort& effort);
    /// The application had nothing to say.
    void unanswered(Instant now, std::uint64_t serial);
    void handle_timeout(Instant now, const Settings& settings);
    [[nodiscard]] Instant next() const noexcept;

private:
    void rest(Instant now, Observer& observer);

    std::vector<Observer> observers_;
    std::uint64_t last_serial_ = 0;
    std::uint32_t sequence_ = 0;
    bool asking_due_ = false;  // some observer is idle and changed
};

}  // namespace causeway::coap
