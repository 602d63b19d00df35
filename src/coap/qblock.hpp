#pragma once
// Bodies that go in blocks without waiting for an answer to each: Q-Block1 and Q-Block2 of messages
// that are non-confirmable [RFC 9177]. A body goes out in sets of MAX_PAYLOADS blocks, with a pause
// between sets that the receiver can cut short by saying Continue; what is missing is asked for by
// number, and sent again.
//
// Four machines, one for each role, all of one shape: messages go in, and out come messages, the
// body, or that it failed. Whoever owns one finds it by peer and token (or Request-Tag), gives the
// messages their type and id, and holds them to PROBING_RATE [RFC 9177 §7.2].
//
//   QBlock1Client   our large request:         start, then 2.31, 4.08 and the answer go in
//   QBlock1Server   a large request of others: requests go in; the body comes out; answer() goes in
//   QBlock2Server   our large response:        the request goes in, and those for what is missing
//   QBlock2Client   a large response:          responses go in; the body comes out
//
// Left out: confirmable bodies, but that a QBlock1Server says neither Continue nor what is missing
// to a client whose requests are confirmable; bodies that change block size on their way.
#include "base/engine.hpp"
#include "base/outbox.hpp"
#include "base/random.hpp"
#include "base/tap.hpp"
#include "coap/block.hpp"
#include "coap/message.hpp"

#include <span>
#include <variant>
#include <vector>

namespace causeway::coap {

/// The parameters of RFC 9177 §7.2, and limits.
struct QBlockSettings {
    std::uint8_t max_payloads = 10;  // of a set; both ends have the same
    Duration non_timeout = std::chrono::seconds(2);
    Duration non_receive_timeout = std::chrono::seconds(4);
    Duration max_latency = std::chrono::seconds(100);
    std::uint16_t random_permille = 1500;  // ACK_RANDOM_FACTOR, in thousandths
    std::uint8_t non_max_retransmit = 4;

    std::uint32_t body_octets_max = 4096;  // of one from outside

    [[nodiscard]] constexpr Duration non_partial_timeout() const noexcept {
        return span() + 2 * max_latency + non_timeout;
    }
    [[nodiscard]] constexpr Duration non_probing_wait(Duration non_timeout_random) const noexcept {
        return span() + 2 * max_latency + non_timeout_random;
    }

private:
    [[nodiscard]] constexpr Duration span() const noexcept {
        return non_timeout * ((std::int64_t{1} << non_max_retransmit) - 1) * random_permille / 1000;
    }
};

struct QBlockStats {
    std::uint64_t payloads_sent = 0;
    std::uint64_t payloads_repeated = 0;  // of these: asked for
    std::uint64_t repeats_refused = 0;    // asked for too often
    // Every payload that comes in is one of the three below.
    std::uint64_t payloads_received = 0;
    std::uint64_t payloads_taken = 0;
    std::uint64_t payloads_duplicate = 0;
    std::uint64_t payloads_refused = 0;  // they fit no body, or too large a one
    std::uint64_t bodies_received = 0;
    std::uint64_t bodies_abandoned = 0;  // NON_MAX_RETRANSMIT, NON_PARTIAL_TIMEOUT
    std::uint64_t bodies_replaced = 0;   // another entity-tag came before they were whole
    std::uint64_t continues_sent = 0;
    std::uint64_t missing_reports = 0;
    std::uint64_t reports_ignored = 0;  // of the peer: malformed

    void visit(auto&& named) const {
        named("payloads_sent", payloads_sent);
        named("payloads_repeated", payloads_repeated);
        named("repeats_refused", repeats_refused);
        named("payloads_received", payloads_received);
        named("payloads_taken", payloads_taken);
        named("payloads_duplicate", payloads_duplicate);
        named("payloads_refused", payloads_refused);
        named("bodies_received", bodies_received);
        named("bodies_abandoned", bodies_abandoned);
        named("bodies_replaced", bodies_replaced);
        named("continues_sent", continues_sent);
        named("missing_reports", missing_reports);
        named("reports_ignored", reports_ignored);
    }
    [[nodiscard]] bool balanced() const noexcept {
        return payloads_received == payloads_taken + payloads_duplicate + payloads_refused;
    }
};
static_assert(causeway::Stats<QBlockStats>);

// ---- the two ends of a body, which know no messages --------------------------------------------

class QBlockSender {
public:
    struct Piece {
        Block block;
        Bytes payload;  // borrowed from the body
        bool again;     // it was asked for
    };

    /// The pause between sets, NON_TIMEOUT_RANDOM, is drawn once. The body has at most
    /// Block::number_max + 1 blocks.
    QBlockSender(const QBlockSettings& settings, Octets body, std::uint8_t szx, Random& random,
                 Instant now);

    /// What may go now, the missing ones first.
    [[nodiscard]] std::optional<Piece> poll(Instant now, QBlockStats& stats);
    /// Begins there, rather than with block 0; the number is that of a set's first block.
    void begin_at(std::uint32_t number) noexcept;
    /// The receiver has all blocks before `number`.
    void go_on(Instant now, std::uint32_t number) noexcept;
    /// These are missing: in ascending order. Those that the body has not got are passed over.
    void repeat(Instant now, std::span<const std::uint32_t> numbers, QBlockStats& stats);

    /// When poll() may have something again; when the body is of no use to anybody any more.
    [[nodiscard]] Instant next_deadline() const noexcept;
    [[nodiscard]] Instant expires() const noexcept { return expires_; }
    [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
    [[nodiscard]] std::uint8_t szx() const noexcept { return szx_; }
    [[nodiscard]] std::size_t size() const noexcept { return body_.size(); }
    /// The first block of the set that is on its way, or went last.
    [[nodiscard]] std::uint32_t set_begin() const noexcept;
    /// The first block that has not gone yet.
    [[nodiscard]] std::uint32_t next() const noexcept { return next_; }

private:
    [[nodiscard]] std::uint32_t set_of(std::uint32_t number) const noexcept {
        return number / max_payloads_;
    }
    void pause_at_boundary(Instant now) noexcept;

    Octets body_;
    std::uint32_t max_payloads_;
    std::uint32_t count_;
    std::uint32_t next_ = 0;
    std::uint64_t repeats_left_;  // nobody makes us send a body for ever
    std::size_t open_ = 0;        // of asked_, those that may go now: of one set
    std::vector<std::uint32_t> asked_;
    Duration pause_;
    Duration patience_;  // what the receiver waits longer than we pause
    Duration kept_;
    Instant hold_;     // the next set does not go before
    Instant sent_at_;  // when a block last went unasked
    Instant expires_;
    std::uint8_t szx_;
};

class QBlockReceiver {
public:
    /// `octets`: Size1 or Size2, which is exact. Without `reports` it only waits.
    QBlockReceiver(const QBlockSettings& settings, std::size_t octets, std::uint8_t szx,
                   bool reports, Instant now);

    enum class Taken : std::uint8_t { stored, duplicate, refused };
    [[nodiscard]] Taken take(Instant now, const Block& block, Bytes payload);

    /// What is to be said to the sender, after take() or a timeout.
    struct Report {
        std::optional<std::uint32_t> go_on;  // all before that number are here
        std::vector<std::uint32_t> missing;  // in ascending order, at most a set
        bool gave_up = false;
    };
    [[nodiscard]] Report report(Instant now);

    [[nodiscard]] Instant next_deadline() const noexcept { return deadline_; }
    [[nodiscard]] bool complete() const noexcept { return left_ == 0; }
    [[nodiscard]] std::uint8_t szx() const noexcept { return szx_; }
    [[nodiscard]] std::size_t size() const noexcept { return octets_; }
    [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
    [[nodiscard]] Octets take_body() noexcept { return std::move(body_); }

private:
    [[nodiscard]] std::vector<std::uint32_t> missing_before(std::uint32_t end) const;
    void wait(Instant now) noexcept;

    QBlockSettings settings_;
    std::size_t octets_;
    std::uint32_t count_;
    std::uint32_t left_;            // blocks that are missing
    std::uint32_t whole_ = 0;       // all blocks before that one are here
    std::uint32_t beyond_ = 0;      // and none from that one on
    std::uint32_t told_ = 0;        // what go_on said last
    std::uint32_t asked_sets_ = 0;  // sets whose missing blocks were asked for without waiting
    std::uint8_t requests_ = 0;     // for what is missing, since anything came
    bool reports_;
    bool due_ = false;  // something came
    std::vector<bool> here_;
    Octets body_;
    Instant deadline_;
    std::uint8_t szx_;
};

// ---- what messages say -------------------------------------------------------------------------

/// "application/missing-blocks+cbor-seq": numbers as CBOR has them, one after the other.
/// [RFC 9177 §5]
inline constexpr std::uint32_t missing_blocks_format = 272;
[[nodiscard]] Octets missing_blocks(std::span<const std::uint32_t> numbers);
/// In ascending order, repetitions left out; nullopt: to be dropped in silence.
[[nodiscard]] std::optional<std::vector<std::uint32_t>> parse_missing_blocks(Bytes payload);

/// The tokens of one body's requests: a number, and 32 bits by chance that they have in common.
/// [RFC 9177 §6]
class QBlockTokens {
public:
    explicit QBlockTokens(Random& random) noexcept
        : body_(static_cast<std::uint32_t>(random.next())) {}

    [[nodiscard]] Token draw();
    /// Which of them it is.
    [[nodiscard]] std::optional<std::uint32_t> number_of(const Token& token) const noexcept;
    [[nodiscard]] bool owns(const Token& token) const noexcept {
        return number_of(token).has_value();
    }
    [[nodiscard]] std::uint32_t drawn() const noexcept { return next_; }

private:
    std::uint32_t body_;
    std::uint32_t next_ = 0;
};

/// What the Q-Block2 options of a request ask for. [RFC 9177 §4.4]
struct QBlock2Wanted {
    enum class Kind : std::uint8_t { whole, go_on, blocks };
    Kind kind = Kind::whole;
    std::uint8_t szx = 6;
    std::uint32_t from = 0;                // go_on
    std::vector<std::uint32_t> numbers{};  // blocks, ascending

    /// nullopt: a 4.00, for they are out of order, repeated, or of several sizes.
    static std::optional<QBlock2Wanted> read(const Options& options, std::uint8_t max_payloads);
};

/// "There MUST NOT be a mix of Q-Block and Block options in the same packet": 4.02.
/// [RFC 9177 §4.1]
[[nodiscard]] bool mixes_blocks(const Options& options) noexcept;

// ---- the four roles ----------------------------------------------------------------------------

/// To the peer; non-confirmable, without a message id.
struct QBlockSend {
    Message message{};
};
/// It is whole. `last` is the message that made it so, without payload, Q-Block1, Size1 and
/// Request-Tag; or without payload, Q-Block2 and Size2.
struct QBlockBody {
    Octets body{};
    Message last{};
};
/// A response to the request in blocks that is neither a 2.31 nor a report.
struct QBlockAnswer {
    Message message{};
};
/// Nothing more comes of it, or is kept for it.
struct QBlockFailed {};
using QBlockOutput = std::variant<QBlockSend, QBlockBody, QBlockAnswer, QBlockFailed>;

class QBlock1Client {
public:
    using Input = Message;
    using Output = QBlockOutput;

    /// `request`: code and options, without Q-Block1, Size1 and Request-Tag, which are put in.
    /// `tag`: never used for another body [RFC 9177 §4.3].
    QBlock1Client(const QBlockSettings& settings, Message request, Octets body, std::uint8_t szx,
                  Bytes tag, Random& random, Instant now, QBlockStats& stats);

    /// A response with a token that this owns.
    void handle(Instant now, Message response);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output() { return out_.poll(); }
    [[nodiscard]] Instant next_deadline() const noexcept;
    [[nodiscard]] bool owns(const Token& token) const noexcept { return tokens_.owns(token); }
    [[nodiscard]] bool over() const noexcept { return over_; }
    /// With its Request-Tag: a QBlock2Client for the answer goes on from it.
    [[nodiscard]] const Message& request() const noexcept { return request_; }

private:
    void pump(Instant now);

    QBlockStats* stats_;
    Message request_;
    QBlockSender sender_;
    QBlockTokens tokens_;
    std::uint32_t set_tokens_ = 0;  // drawn before the latest set
    bool over_ = false;
    Outbox<Output> out_;
};

class QBlock1Server {
public:
    using Input = Message;
    using Output = QBlockOutput;

    QBlock1Server(const QBlockSettings& settings, Instant now, QBlockStats& stats);

    /// Every request of one peer, method and resource with the same Request-Tag.
    void handle(Instant now, Message request);
    /// To the whole body, under the token of the last request, and to what comes of it again.
    void answer(Instant now, Message response);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output() { return out_.poll(); }
    [[nodiscard]] Instant next_deadline() const noexcept;
    /// Nothing is kept any more.
    [[nodiscard]] bool over() const noexcept { return over_; }

private:
    void refuse(const Message& request, Code code, std::string_view diagnostic);
    void say(Instant now);
    void reply(Message message);

    QBlockSettings settings_;
    QBlockStats* stats_;
    std::optional<QBlockReceiver> receiver_;
    Token last_;
    bool confirmable_ = false;
    bool whole_ = false;
    bool over_ = false;
    std::optional<Message> answer_;
    Instant kept_until_;
    Outbox<Output> out_;
};

class QBlock2Server {
public:
    using Input = Message;
    using Output = QBlockOutput;

    /// `response`: code and options, an ETag among them, and Observe for a notification; without
    /// Q-Block2 and Size2, which are put in. `token`: of the request, or of the observation.
    /// Nothing goes out before start() or handle().
    QBlock2Server(const QBlockSettings& settings, Message response, Octets body, std::uint8_t szx,
                  Random& random, Instant now, QBlockStats& stats);

    /// All of it: a notification.
    void start(Instant now);
    /// The request that it answers; or one for what is missing; or a Continue.
    void handle(Instant now, Message request);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output() { return out_.poll(); }
    [[nodiscard]] Instant next_deadline() const noexcept;
    [[nodiscard]] bool over() const noexcept { return over_; }
    [[nodiscard]] std::uint8_t szx() const noexcept { return sender_.szx(); }

private:
    void pump(Instant now);

    QBlockSettings settings_;
    QBlockStats* stats_;
    Message response_;
    Token asked_token_;  // of the last request for what is missing
    QBlockSender sender_;
    bool started_ = false;
    bool over_ = false;
    Outbox<Output> out_;
};

class QBlock2Client {
public:
    using Input = Message;
    using Output = QBlockOutput;

    /// `request`: what was asked: code and options, with its Request-Tag if it had one. Observe,
    /// ETag, Q-Block1, Q-Block2 and Size1 are taken out.
    QBlock2Client(const QBlockSettings& settings, Message request, Random& random,
                  QBlockStats& stats);

    /// A response with a Q-Block2 option, under the request's token or one that this owns. One with
    /// another entity-tag begins another body.
    void handle(Instant now, Message response);
    void handle_timeout(Instant now);
    [[nodiscard]] std::optional<Output> poll_output() { return out_.poll(); }
    [[nodiscard]] Instant next_deadline() const noexcept;
    [[nodiscard]] bool owns(const Token& token) const noexcept { return tokens_.owns(token); }
    /// No body is on its way: there was none yet, it is whole, or it failed.
    [[nodiscard]] bool idle() const noexcept { return !receiver_; }

private:
    struct Version {
        Octets etag;
        std::optional<std::uint32_t> observe;
    };
    void say(Instant now);

    QBlockSettings settings_;
    QBlockStats* stats_;
    Message request_;
    QBlockTokens tokens_;
    std::optional<QBlockReceiver> receiver_;
    std::optional<Version> version_;   // of the body on its way
    std::optional<Version> done_;      // of the last one that was whole
    std::optional<Version> replaced_;  // of the one that gave way to it
    Outbox<Output> out_;
};

static_assert(Engine<QBlock1Client> && Engine<QBlock1Server>);
static_assert(Engine<QBlock2Server> && Engine<QBlock2Client>);

}  // namespace causeway::coap
