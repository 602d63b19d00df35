#pragma once
// The client role: requests of ours, from queue [RFC 7252 §4.7] to response, with the blocks of
// both bodies [RFC 7959 §2.4, §2.5] and observation [RFC 7641 §3]. requests.cpp has the life of a
// request, requests_send.cpp what it says, requests_response.cpp what responses mean,
// requests_block.cpp their blocks, requests_qblock.cpp those that are not waited for [RFC 9177].
#include "base/deadlines.hpp"
#include "coap/block.hpp"
#include "coap/core.hpp"
#include "coap/observe_client.hpp"

#include <memory>

namespace causeway::coap {

enum class Verdict : std::uint8_t {
    accepted,
    unmatched,  // no request waits for it
    rejected,   // it is for a request, but may not be processed
    forged,     // it is for a request, but not from whom that was for
};

class Requests {
public:
    void start(Core& core, Instant now, Request request);
    void cancel(Core& core, Instant now, RequestId id);

    /// An acknowledgement of one of our requests; with a response, if it is not Empty.
    Verdict acknowledged(Core& core, Instant now, std::uint64_t key, Message&& message);
    /// A response in a message of its own.
    Verdict response(Core& core, Instant now, const Peer& peer, Message&& message);
    void rejected(Core& core, Instant now, std::uint64_t key);
    /// Whether a reset was about a non-confirmable request of ours.
    bool rejected_unconfirmed(Core& core, Instant now, const Peer& peer, std::uint16_t id);
    void gave_up(Core& core, Instant now, std::uint64_t key);
    void unreachable(Core& core, Instant now, const Peer& peer);
    void closed(Core& core, Instant now, const ChannelClosed& gone);

    void handle_timeout(Core& core, Instant now);
    [[nodiscard]] Instant next() const noexcept { return table_ ? table_->due.next() : never; }
    [[nodiscard]] std::size_t size() const noexcept { return table_ ? table_->all.size() : 0; }

private:
    /// Which message of the transaction is due, or on its way.
    enum class Step : std::uint8_t {
        whole,
        upload,
        download,
        deregister,
        probe,  // whether the server takes Q-Blocks
        quick_upload,
        quick_download
    };
    enum class Flight : std::uint8_t {
        none,      // nothing on its way: an observation at rest
        queued,    // NSTART does not allow it yet
        unacked,   // confirmable, no acknowledgement yet
        expecting  // its response may come at any time
    };

    struct Download {
        Code code{};
        Options options;  // of the first block's response
        Octets body;
        Octets etag;
        bool tagged = false;
        std::uint8_t szx = 0;
        std::optional<std::uint32_t> observe;
        std::uint8_t restarts = 0;
    };

    /// Of a request that uses Q-Blocks.
    struct Quick {
        Step then = Step::whole;  // after the probe; and without Q-Blocks
        std::optional<QBlock1Client> up{};
        std::optional<QBlock2Client> down{};
        Token up_mark{};  // what their tokens have in common, once there are any
        Token down_mark{};
    };

    struct Transaction {
        std::uint64_t key = 0;  // ours, never used twice: a serial number, and the place below
        std::uint32_t place = 0;
        RequestId id{};
        Peer peer;
        Code code{};
        bool confirmable = true;
        bool multicast = false;
        bool by_hand = false;       // the caller does the blocks
        bool block1_tried = false;  // a body that went whole was too large
        bool answered = false;      // multicast: at least one response came
        bool one_way = false;       // nobody wants a response [RFC 7967]
        bool known = true;          // by its id, until it is cancelled
        bool noted = false;         // by the id of its non-confirmable message
        bool echoed = false;        // since the last success
        Step step = Step::whole;
        Flight flight = Flight::none;
        std::uint8_t szx1 = 0;             // of the upload
        std::optional<std::uint8_t> szx2;  // asked for in the first request
        std::uint16_t message_id = 0;      // of the message in flight
        Token token;                       // of the message in flight
        Token wished;                      // for the first message; empty once used
        Binding binding;                   // of the message in flight, if it was protected
        std::size_t sent = 0;              // octets of the body the server has
        std::size_t sending = 0;           // octets of the block in flight
        Instant due = never;               // the response's last moment, or the time to renew
        bool outstanding = false;          // counts against NSTART [RFC 7252 §4.7]
        Instant release = never;           // when it stops to count, answered or not
        Octets echo;                       // what the next message is to say [RFC 9175 §2.3]
        Options options;
        Octets body;
        std::unique_ptr<Observation> observation;
        std::unique_ptr<Download> download;
        std::unique_ptr<Quick> quick;
    };

    using Pointer = Transaction*;

    struct Table {
        Pool<std::unique_ptr<Transaction>> all;
        FlatIndex by_id;
        FlatIndex by_token;    // of the message in flight, and of the observation
        FlatIndex by_mark;     // of bodies in Q-Blocks
        FlatIndex by_message;  // non-confirmable ones, which may be reset too
        ByPeer by_peer;        // busy: how many count against NSTART
        ByPeer queued;
        Deadlines due;
    };

    [[nodiscard]] Transaction& at(std::uint32_t place) const noexcept {
        return *table_->all[place];
    }
    [[nodiscard]] Pointer find(std::uint64_t key) const noexcept;
    [[nodiscard]] Pointer find(const Core& core, RequestId id) const;
    [[nodiscard]] bool token_in_use(const Core& core, const Token& token) const;
    [[nodiscard]] bool may_send(const Core& core, const Peer& peer) const;
    [[nodiscard]] std::vector<std::uint64_t> keys_of(const ByPeer::Group* group) const;

    void use_token(const Core& core, Transaction& t, Token token);
    void set_outstanding(Transaction& t, bool outstanding);
    void schedule(Transaction& t);
    void tag_request(const Core& core, Transaction& t) const;
    void expire(Core& core, Instant now, Transaction& t);
    void prepare(const Core& core, Transaction& t, Request&& request);
    void dispatch(Core& core, Instant now, Transaction& t);
    void transmit(Core& core, Instant now, Transaction& t);
    [[nodiscard]] static Message message_for(const Core& core, Transaction& t);
    void send_queued(Core& core, Instant now, const Peer& peer);
    void land(Core& core, Transaction& t);
    void finish(Core& core, Instant now, Transaction& t);
    void fail(Core& core, Instant now, Transaction& t, Failure reason, Code code = Code::empty);
    void rest(Core& core, Transaction& t);

    /// How a response found its request.
    enum class Match : std::uint8_t { piggybacked, in_flight, notification };
    /// Takes object security off a response. [RFC 8613 §8.4]
    enum class Opening : std::uint8_t { opened, superseded, unprotected, forged };
    static Opening open(Core& core, Instant now, Transaction& t, Message& message, Match match);
    Verdict process(Core& core, Instant now, Transaction& t, const Peer& from, Message&& message,
                    Match match);
    static void process_multicast(Core& core, Transaction& t, const Peer& from, Message&& message);
    /// Registers, renews or ends the observation; false: an old notification, to be dropped.
    static bool take_note(Core& core, Instant now, Transaction& t, const Message& message,
                          Match match);
    /// Says once more, with what it is to echo, what was answered with a question whether we are
    /// there. False: it was no such answer. [RFC 9175 §2.3]
    bool echo(Core& core, Instant now, Transaction& t, const Message& message);
    [[nodiscard]] static std::uint8_t next_szx(const Core& core, const Transaction& t,
                                               const Block& given) noexcept;
    void on_first(Core& core, Instant now, Transaction& t, Message&& message);
    void on_upload(Core& core, Instant now, Transaction& t, Message&& message);
    void on_download(Core& core, Instant now, Transaction& t, Message&& message);
    void restart_download(Core& core, Instant now, Transaction& t);
    /// `whole` is the first response, or what was put together of several.
    void deliver(Core& core, Instant now, Transaction& t, Download&& whole);
    void continue_with(Core& core, Instant now, Transaction& t, Step step);

    // With Q-Blocks.
    void negotiate(Core& core, Instant now, Transaction& t);
    void set_mark(const Core& core, Transaction& t, Token& mark, const Token& of);
    void forget_quick(const Core& core, Transaction& t);
    [[nodiscard]] Pointer find_by_mark(const Core& core, const Peer& peer,
                                       const Token& token) const;
    void transmit_upload(Core& core, Instant now, Transaction& t);
    void drain_upload(Core& core, Instant now, Transaction& t);
    bool take_quick(Core& core, Instant now, Transaction& t, Message& message, Match match);
    void take_download(Core& core, Instant now, Transaction& t, Message&& message);
    void drain_download(Core& core, Instant now, Transaction& t, Failure reason);
    bool expire_quick(Core& core, Instant now, Transaction& t);
    /// Goes on without Q-Blocks, which the server does not know. [RFC 9177 §4.1]
    bool fall_back(Core& core, Instant now, Transaction& t);

    std::unique_ptr<Table> table_;
    std::uint64_t last_serial_ = 0;
    bool sending_queued_ = false;
};

}  // namespace causeway::coap
