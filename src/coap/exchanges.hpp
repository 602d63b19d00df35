#pragma once
// The server role: requests of others, from arrival to response, piggybacked or separate
// [RFC 7252 §5.2], late and quiet for multicast [RFC 7252 §8.2], with the blocks of both bodies and
// with observers. exchanges.cpp has arrivals, exchanges_response.cpp responses,
// exchanges_qblock.cpp bodies that do not wait for an answer to each block [RFC 9177].
#include "coap/block_server.hpp"
#include "coap/observe_server.hpp"

#include <memory>

namespace causeway::coap {

/// How a request came.
struct Arrival {
    Peer peer{};  // with the context that protected it
    Binding binding{};
    std::size_t octets = 0;
    bool multicast = false;
};

class Exchanges {
public:
    void arrived(Core& core, Instant now, const Arrival& arrival, Message&& message);
    /// One that object security refuses.
    void refused(Core& core, Instant now, const Arrival& arrival, const Message& message,
                 Opened&& opened);
    void respond(Core& core, Instant now, ExchangeId id, Response&& response);
    void decline(Core& core, Instant now, ExchangeId id);

    void resource_changed(Core& core, Instant now, std::string_view path, bool confirmable);
    void observer_changed(Core& core, Instant now, const Peer& peer, const Token& token,
                          bool confirmable);
    void unreachable(Core& core, Instant now, const Peer& peer);
    void closed(Core& core, const ChannelClosed& gone);

    // What became of a notification.
    void acknowledged(Core& core, Instant now, std::uint64_t serial);
    /// Reset, or every retransmission failed: "the server MUST remove the associated entry".
    void rejected(Core& core, Instant now, std::uint64_t serial);
    bool rejected_unconfirmed(Core& core, Instant now, const Peer& peer, std::uint16_t id);
    /// A newer state waits: the notification is replaced rather than repeated [RFC 7641 §4.5.2].
    bool supersede(Core& core, Instant now, std::uint64_t serial, const Effort& effort);

    void handle_timeout(Core& core, Instant now);
    [[nodiscard]] Instant next() const noexcept {
        const Instant due = table_ ? table_->due.next() : never;
        if (!shelf_) return due;
        const Shelf& s = *shelf_;
        return std::min(
            {due, s.observers.next(), s.quick_uploads.next(), s.quick_transfers.next()});
    }

    [[nodiscard]] bool observed_by(const Core& core, const Peer& peer, const Token& token) const;
    [[nodiscard]] std::size_t observers() const noexcept {
        return shelf_ ? shelf_->observers.size() : 0;
    }

private:
    struct Kept {
        Options options;
        Octets payload;
    };
    /// Of a request with Q-Block options.
    struct Quick {
        std::uint64_t upload = 0;  // serial; its body came in Q-Blocks
        std::optional<QBlock2Wanted> wanted{};
        Options asked{};  // nothing but its Q-Block2
    };
    struct Exchange {
        ExchangeId id{};  // a serial number, and the place in the table
        Peer peer;
        Token token;
        Binding binding;  // to the protected request
        std::uint16_t message_id = 0;
        Code method{};
        bool confirmable = false;
        bool acknowledged = false;  // or nobody waits for that: the transport is reliable
        bool multicast = false;
        bool unverified = false;               // its source may be forged [RFC 9175 §2.4]
        std::uint32_t octets = 0;              // of the request
        bool registers = false;                // Observe 0
        bool wants_size = false;               // Size2 in the request [RFC 7959 §4]
        std::optional<std::uint8_t> unwanted;  // classes of response, a bit each [RFC 7967]
        std::optional<Block> block1;           // to be acknowledged by the response
        std::optional<Block> block2;
        std::uint64_t observer = 0;  // serial; this is for a notification
        std::uint64_t key = 0;
        std::unique_ptr<Kept> kept;  // to register an observer
        std::unique_ptr<Quick> quick;
        std::unique_ptr<Message> delayed;  // a response that waits for its moment [§8.2]
    };
    struct Table {
        Pool<Exchange> all;
        ByPeer by_channel;  // of those that have one
        Deadlines due;      // to acknowledge, to answer a group, or to give up
    };

    /// What only some endpoints ever need.
    struct Shelf {
        Assemblies assemblies;
        Transfers transfers;
        Observers observers;
        QBlockTable<QBlock1Server> quick_uploads;
        QBlockTable<QBlock2Server> quick_transfers;
    };

    Shelf& shelf();
    [[nodiscard]] static Exchange exchange_for(const Arrival& arrival, const Message& message);
    /// The largest block we would take next, given that one of any size came.
    [[nodiscard]] static std::uint8_t szx_max_for(const Core& core, const Peer& peer) noexcept {
        return peer.is_reliable() ? Block::bert : core.settings.block_szx;
    }
    [[nodiscard]] static std::uint32_t place_of(ExchangeId id) noexcept;
    [[nodiscard]] Exchange* find(ExchangeId id) const noexcept;
    Exchange& open(const Core& core, Exchange&& e, Instant due);
    void close(ExchangeId id);
    void ask(Core& core, Instant now);

    /// Tells the application of a request that is whole.
    void admit(Core& core, Instant now, Exchange&& e, Message&& message, bool first_block);
    // Whether the request is taken care of, without the application.
    bool challenged(Core& core, Instant now, Exchange& e, Message& message);
    bool put_together(Core& core, Instant now, Exchange& e, Message& message);
    bool serve_block(Core& core, Instant now, const Exchange& e, bool bodiless);
    [[nodiscard]] static bool amplifies(const Exchange& e, const Message& message) noexcept;
    static void challenge(Core& core, Instant now, const Exchange& e);
    static void send(Core& core, Instant now, const Exchange& e, Message&& message);
    static void answer(Core& core, Instant now, const Exchange& e, Message&& message);
    [[nodiscard]] static std::optional<Message> sealed(Core& core, Instant now, const Exchange& e,
                                                       Message&& message, bool notification);
    void answer_code(Core& core, Instant now, const Exchange& e, Code code,
                     std::string_view diagnostic = {});
    void notify(Core& core, Instant now, Exchange& e, Response&& response);
    void register_observer(Core& core, Instant now, Exchange& e, const Response& response,
                           Message& message);
    void last_word(Core& core, Instant now, const Exchange& e, Response&& response);
    bool put_body(Core& core, Instant now, const Exchange& e, Response&& response, std::uint8_t szx,
                  Message& message);

    // With Q-Blocks.
    bool take_quick(Core& core, Instant now, Exchange& e, Message& message);
    void take_upload(Core& core, Instant now, const Exchange& e, Message&& message);
    void flush_upload(Core& core, Instant now, std::uint32_t at, const Exchange* e);
    void respond_quick(Core& core, Instant now, Exchange& e, Response&& response,
                       Message&& message);
    std::uint32_t open_transfer(Core& core, Instant now, const Exchange& e, Message&& message,
                                Octets body, std::uint8_t szx);
    /// The id of the first message that went, which is `first` if that is given.
    std::optional<std::uint16_t> flush_transfer(Core& core, Instant now, std::uint32_t at,
                                                const Observer* first = nullptr,
                                                bool confirm = false);
    bool notify_quick(Core& core, Instant now, const Exchange& e, Observer& o, Octets& body,
                      Message& message, bool confirm);
    bool reject_quick(Core& core, const Peer& peer, std::uint16_t id);
    void quick_timeout(Core& core, Instant now);

    std::unique_ptr<Table> table_;
    std::unique_ptr<Shelf> shelf_;
    std::uint64_t last_serial_ = 0;
};

}  // namespace causeway::coap
