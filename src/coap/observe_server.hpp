#pragma once
// A server's list of observers, and when each of them is told what. [RFC 7641 §4]
#include "base/deadlines.hpp"
#include "coap/core.hpp"

namespace causeway::coap {

struct Observer {
    enum class State : std::uint8_t {
        idle,
        asking,   // the application was asked for the representation
        unacked,  // a confirmable notification is on its way
        spacing   // a non-confirmable one went; the next must wait
    };

    std::uint64_t serial = 0;  // never used twice, and the place in the list
    Peer peer{};
    Token token{};
    Code method = Code::get;
    Binding binding{};             // to the registration, if it was protected
    std::uint8_t szx = 6;          // the client's limit, or ours
    bool szx_asked = false;        // the client's
    bool quick = false;            // takes long notifications in Q-Blocks
    std::uint8_t unconfirmed = 0;  // notifications since the client last showed itself
    State state = State::idle;
    bool changed = false;
    bool confirmable = false;   // the next notification
    bool queued = false;        // to be asked for, or until its client has time
    bool noted = false;         // last_id may still be reset
    std::uint16_t last_id = 0;  // of the last non-confirmable notification
    std::optional<std::uint32_t> content_format{};
    Instant confirmed_at{};
    std::optional<Effort> superseded{};  // the effort of the notification the next one replaces
    std::uint64_t key = 0;               // transfer_key of the request
    Options options{};                   // of the request, as RequestArrived had them
    Octets payload{};                    // of a FETCH [RFC 8132 §2.4]
};

class Observers {
public:
    [[nodiscard]] std::size_t size() const noexcept { return all_.size(); }
    [[nodiscard]] Observer* find(std::uint64_t serial) noexcept;
    [[nodiscard]] Observer* find(const PeerHash& hash, const Peer& peer, const Token& token);
    [[nodiscard]] Observer* find_by_message(const PeerHash& hash, const Peer& peer,
                                            std::uint16_t id);

    /// Adds or replaces: a client has one entry for each token, and one for each resource. nullptr
    /// when the list, or that client's share of it, is full.
    Observer* add(Core& core, Instant now, Observer observer);
    bool remove(Core& core, std::uint64_t serial);
    bool remove(Core& core, const Peer& peer, const Token& token);
    void remove_unacknowledged(Core& core, const Peer& peer);
    void closed(Core& core, const ChannelClosed& gone);

    void mark_changed(const PeerHash& hash, std::string_view path, bool confirmable);
    void mark_changed(Observer& observer, bool confirmable);

    /// An observer whose turn it is to be told of a change, its state set to asking; nullptr when
    /// all wait, or know everything. At most NSTART a client at once. [RFC 7641 §4.5.1]
    Observer* next_to_ask(const Core& core);
    /// Sequence number and type of the notification that goes out now. [RFC 7641 §4.4, §4.5]
    std::uint32_t next_sequence(Instant now) noexcept;
    [[nodiscard]] static bool must_confirm(Instant now, const Observer& observer,
                                           const Settings& settings) noexcept;

    void sent(const Core& core, Instant now, Observer& observer, bool confirmable,
              std::uint16_t id);
    void acknowledged(Instant now, std::uint64_t serial);
    /// The next notification takes the place of the one under way, and goes on with its effort.
    void supersede(Observer& observer, const Effort& effort);
    /// The application had nothing to say.
    void unanswered(Instant now, std::uint64_t serial);
    void handle_timeout(Instant now, const Settings& settings);
    [[nodiscard]] Instant next() const noexcept { return due_.next(); }

private:
    [[nodiscard]] static std::uint32_t place_of(const Observer& observer) noexcept;
    [[nodiscard]] static std::uint64_t hash_of(const PeerHash& hash, const Peer& peer,
                                               const Token& token) noexcept;
    [[nodiscard]] static std::uint64_t hash_of(const PeerHash& hash, const Observer& o) noexcept;
    [[nodiscard]] static std::uint64_t hash_of_path(const PeerHash& hash, std::string_view path);
    void forget_message(const PeerHash& hash, Observer& observer);
    void unlist(Core& core, Observer& observer);
    void set_state(Observer& observer, Observer::State state);
    void wake(Observer& observer);
    void rest(Instant now, Observer& observer);

    Pool<Observer> all_;
    FlatIndex by_token_;
    FlatIndex by_request_;
    FlatIndex by_message_;
    ByPeer by_peer_;  // busy: how many are not idle
    Grouped<std::uint64_t> by_path_;
    ByPeer waiting_;  // changed, but their client is told of others
    Deadlines due_;
    std::vector<std::uint64_t> ready_;  // serials, to be asked for in this order
    std::size_t asked_ = 0;             // of those
    std::uint64_t last_serial_ = 0;
    std::uint32_t sequence_ = 0;
};

}  // namespace causeway::coap
