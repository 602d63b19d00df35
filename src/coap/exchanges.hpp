#pragma once
// The server role: requests of others, from arrival to response, piggybacked or separate
// [RFC 7252 §5.2], late and quiet for multicast [RFC 7252 §8.2], with the blocks of both bodies and
// with observers. exchanges.cpp has arrivals, exchanges_response.cpp responses.
#include "coap/block_server.hpp"
#include "coap/observe_server.hpp"

#include <memory>

namespace causeway::coap {

class Exchanges {
public:
    void arrived(Core& core, Instant now, const Peer& peer, Message&& message, bool multicast);
    void respond(Core& core, Instant now, ExchangeId id, Response&& response);
    void decline(Core& core, Instant now, ExchangeId id);

    void resource_changed(Core& core, Instant now, std::string_view path, bool confirmable);
    void observer_changed(Core& core, Instant now, const Peer& peer, const Token& token,
                          bool confirmable);
    void unreachable(Core& core, Instant now, const Peer& peer);

    // What became of a notification.
    void acknowledged(Core& core, Instant now, std::uint64_t serial);
    /// Reset, or every retransmission failed: "the server MUST remove the associated entry".
    void rejected(Core& core, Instant now, std::uint64_t serial);
    bool rejected_unconfirmed(Core& core, Instant now, const Peer& peer, std::uint16_t id);
    /// A newer state waits: the notification is replaced rather than repeated [RFC 7641 §4.5.2].
    bool supersede(Core& core, Instant now, std::uint64_t serial, const Effort& effort);

    void handle_timeout(Core& core, Instant now);
    [[nodiscard]] Instant next() const noexcept { return next_; }
    void settle() noexcept;

    [[nodiscard]] bool observed_by(const Peer& peer, const Token& token) const noexcept;
    [[nodiscard]] std::size_t observers() const noexcept {
        return shelf_ ? shelf_->observers.size() : 0;
    }

private:
    struct Exchange {
        ExchangeId id{};
        Peer peer;
        Token token;
        std::uint16_t message_id = 0;
        Code method{};
        bool confirmable = false;
        bool acknowledged = false;
        bool multicast = false;
        bool registers = false;                // Observe 0
        bool wants_size = false;               // Size2 in the request [RFC 7959 §4]
        std::optional<std::uint8_t> unwanted;  // classes of response, a bit each [RFC 7967]
        std::optional<Block> block1;           // to be acknowledged by the response
        std::optional<Block> block2;
        std::uint64_t observer = 0;  // serial; this is for a notification
        std::uint64_t key = 0;
        Instant due = never;               // to acknowledge, to answer a group, or to give up
        std::unique_ptr<Options> options;  // kept to register an observer
        std::unique_ptr<Message> delayed;  // a response that waits for its moment [§8.2]
    };

    /// What only some endpoints ever need.
    struct Shelf {
        Assemblies assemblies;
        Transfers transfers;
        Observers observers;
    };

    Shelf& shelf();
    [[nodiscard]] Exchange* find(ExchangeId id) noexcept;
    void close(ExchangeId id);
    void ask(Core& core, Instant now);

    /// Whether the request is taken care of, without the application.
    bool put_together(Core& core, Instant now, Exchange& e, Message& message);
    bool serve_block(Core& core, Instant now, const Exchange& e);
    void answer(Core& core, Instant now, const Exchange& e, Message&& message);
    void answer_code(Core& core, Instant now, const Exchange& e, Code code,
                     std::string_view diagnostic = {});
    void notify(Core& core, Instant now, Exchange& e, Response&& response);
    void register_observer(Core& core, Instant now, Exchange& e, const Response& response,
                           Message& message);
    bool put_body(Core& core, Instant now, const Exchange& e, Response&& response, std::uint8_t szx,
                  Message& message);

    std::vector<Exchange> exchanges_;
    std::unique_ptr<Shelf> shelf_;
    std::uint64_t last_id_ = 0;
    Instant next_ = never;
    bool unsettled_ = false;
};

}  // namespace causeway::coap
