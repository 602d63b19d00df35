#include "coap/qblock.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace causeway::coap {
namespace {

std::uint32_t blocks_of(std::size_t octets, std::uint8_t szx) noexcept {
    const std::size_t size = block_octets(szx);
    return static_cast<std::uint32_t>(std::max<std::size_t>((octets + size - 1) / size, 1));
}

}  // namespace

// ---- sending -----------------------------------------------------------------------------------

QBlockSender::QBlockSender(const QBlockSettings& settings, Octets body, std::uint8_t szx,
                           Random& random, Instant now)
    : body_(std::move(body)),
      max_payloads_(std::max<std::uint32_t>(settings.max_payloads, 1)),
      count_(blocks_of(body_.size(), szx)),
      repeats_left_((settings.non_max_retransmit + std::uint64_t{1}) * count_),
      // "between NON_TIMEOUT and (NON_TIMEOUT * ACK_RANDOM_FACTOR)" [RFC 9177 §7.2]
      pause_(settings.non_timeout +
             random.within(settings.non_timeout * (settings.random_permille - 1000) / 1000)),
      patience_(settings.non_receive_timeout -
                settings.non_timeout * settings.random_permille / 1000),
      kept_(settings.non_partial_timeout()),
      hold_(now),
      sent_at_(now),
      expires_(after(now, kept_)),
      szx_(szx) {
    CAUSEWAY_ASSERT(szx <= Block::szx_max && count_ - 1 <= Block::number_max);
}

std::optional<QBlockSender::Piece> QBlockSender::poll(Instant now, QBlockStats& stats) {
    std::uint32_t number = 0;
    bool again = false;
    if (open_ == 0) {
        // "a delay of NON_TIMEOUT_RANDOM MUST be introduced before sending the next" set, of
        // missing blocks too. [RFC 9177 §7.2]
        if (hold_ > now) return std::nullopt;
        if (!asked_.empty()) {
            const std::uint32_t set = set_of(asked_.front());
            open_ = static_cast<std::size_t>(std::ranges::count(
                asked_, set, [this](std::uint32_t asked) { return set_of(asked); }));
        }
    }
    if (open_ != 0) {
        number = asked_.front();
        again = true;
        asked_.erase(asked_.begin());
        if (--open_ == 0) {
            pause_at_boundary(now);
            if (!asked_.empty()) hold_ = after(now, pause_);
        }
        ++stats.payloads_repeated;
    } else {
        if (next_ >= count_) return std::nullopt;
        number = next_++;
        sent_at_ = now;
        pause_at_boundary(now);
    }
    ++stats.payloads_sent;
    expires_ = after(now, kept_);
    const Block block{number, number + 1 < count_, szx_};
    const std::size_t size = std::min(block.size(), body_.size() - block.offset());
    return Piece{block, Bytes(body_).subspan(block.offset(), size), again};
}

void QBlockSender::pause_at_boundary(Instant now) noexcept {
    if (next_ % max_payloads_ == 0 || next_ == count_) hold_ = after(now, pause_);
}

void QBlockSender::begin_at(std::uint32_t number) noexcept {
    next_ = std::min(number, count_);
}

void QBlockSender::go_on(Instant now, std::uint32_t number) noexcept {
    // "the next MAX_PAYLOADS_SET MAY start transmission immediately" [RFC 9177 §7.2]
    if (!asked_.empty()) return;
    if (number == next_) {
        hold_ = now;
        return;
    }
    // It went, and did not come: a Continue that only crossed it on its way would be here sooner.
    // [RFC 9177 §10.2.4]
    const std::uint32_t again = next_ - std::min(number, next_);
    if (number != set_begin() || now < after(sent_at_, patience_) || repeats_left_ < again) return;
    repeats_left_ -= again;
    next_ = number;
    hold_ = now;
}

void QBlockSender::repeat(Instant now, std::span<const std::uint32_t> numbers, QBlockStats& stats) {
    const bool waiting = !asked_.empty();
    for (const std::uint32_t number : numbers) {
        if (number >= count_) continue;
        // Its turn has not come: the receiver is done with what went before, and waits.
        if (number >= next_) {
            hold_ = std::min(hold_, now);
            continue;
        }
        const auto at = std::ranges::lower_bound(asked_, number);
        if (at != asked_.end() && *at == number) continue;
        if (repeats_left_ == 0) {
            ++stats.repeats_refused;
            continue;
        }
        --repeats_left_;
        asked_.insert(at, number);
    }
    expires_ = after(now, kept_);
    // "the missing payloads SHOULD be retransmitted before going into another NON_TIMEOUT_RANDOM
    // delay": the first set of them at once. [RFC 9177 §7.2]
    if (waiting || asked_.empty()) return;
    hold_ = now;
}

Instant QBlockSender::next_deadline() const noexcept {
    return asked_.empty() && next_ >= count_ ? expires_ : std::min(hold_, expires_);
}

std::uint32_t QBlockSender::set_begin() const noexcept {
    return next_ == 0 ? 0 : (next_ - 1) / max_payloads_ * max_payloads_;
}

// ---- receiving ---------------------------------------------------------------------------------

QBlockReceiver::QBlockReceiver(const QBlockSettings& settings, std::size_t octets, std::uint8_t szx,
                               bool reports, Instant now)
    : settings_(settings),
      octets_(octets),
      count_(blocks_of(octets, szx)),
      left_(count_),
      reports_(reports),
      here_(count_),
      szx_(szx) {
    settings_.max_payloads = std::max<std::uint8_t>(settings_.max_payloads, 1);
    wait(now);
}

QBlockReceiver::Taken QBlockReceiver::take(Instant now, const Block& block, Bytes payload) {
    if (block.szx != szx_ || block.number >= count_) return Taken::refused;
    const bool last = block.number + 1 == count_;
    const std::size_t expected = last ? octets_ - block.offset() : block.size();
    if (block.more == last || payload.size() != expected) return Taken::refused;
    if (here_[block.number]) {
        // "it MUST ignore the payload of the packet but MUST still respond as if the block was
        // received for the first time" [RFC 9177 §4.3]
        if (block.number + 1 == whole_ && told_ == whole_) {
            told_ = 0;
            due_ = true;
        }
        return Taken::duplicate;
    }
    here_[block.number] = true;
    --left_;
    beyond_ = std::max(beyond_, block.number + 1);
    while (whole_ < count_ && here_[whole_]) ++whole_;
    if (body_.size() < block.offset() + payload.size())
        body_.resize(block.offset() + payload.size());
    std::ranges::copy(payload, body_.begin() + static_cast<std::ptrdiff_t>(block.offset()));
    requests_ = 0;
    due_ = true;
    wait(now);
    return Taken::stored;
}

void QBlockReceiver::wait(Instant now) noexcept {
    // "Time-to-Wait = NON_RECEIVE_TIMEOUT * (2 ** (Re-Request-Count - 1))" [RFC 9177 §7.2]
    deadline_ = after(now, reports_ ? settings_.non_receive_timeout * (std::int64_t{1} << requests_)
                                    : settings_.non_partial_timeout());
}

QBlockReceiver::Report QBlockReceiver::report(Instant now) {
    Report report;
    if (complete()) return report;
    const std::uint32_t set = settings_.max_payloads;
    if (std::exchange(due_, false)) {
        if (!reports_) return report;
        if (whole_ == beyond_ && whole_ % set == 0) {
            // "on receipt of all of the MAX_PAYLOADS_SET to prevent the client unnecessarily
            // delaying the transfer" [RFC 9177 §7.2]
            if (told_ < whole_) report.go_on = told_ = whole_;
            return report;
        }
        // "On receipt of a payload from the next MAX_PAYLOADS_SET, the server SHOULD send a 4.08
        // [...] indicating any missing payloads from any previous" set. [RFC 9177 §7.2]
        const std::uint32_t sets_before = beyond_ == 0 ? 0 : (beyond_ - 1) / set;
        if (sets_before <= asked_sets_) return report;
        asked_sets_ = sets_before;
        report.missing = missing_before(sets_before * set);
        return report;
    }
    if (now < deadline_) return report;
    if (!reports_ || requests_ >= settings_.non_max_retransmit) {
        // "SHOULD discard the partial body and stop requesting" [RFC 9177 §7.2]
        report.gave_up = true;
        deadline_ = never;
        return report;
    }
    ++requests_;
    wait(now);
    // Of the set that is on its way; behind a Continue that is the next one.
    const std::uint32_t seen = std::max(beyond_, whole_ + 1) - 1;
    report.missing = missing_before(std::min((seen / set + 1) * set, count_));
    return report;
}

std::vector<std::uint32_t> QBlockReceiver::missing_before(std::uint32_t end) const {
    std::vector<std::uint32_t> numbers;
    for (std::uint32_t n = whole_; n < end && numbers.size() < settings_.max_payloads; ++n)
        if (!here_[n]) numbers.push_back(n);
    return numbers;
}

// ---- what messages say -------------------------------------------------------------------------

Octets missing_blocks(std::span<const std::uint32_t> numbers) {
    // CBOR's unsigned integers in their shortest form. [RFC 8949 §3.1]
    std::array<std::byte, 5> longest;
    Octets payload;
    for (const std::uint32_t n : numbers) {
        ByteWriter out(longest);
        if (n < 24) {
            out.u8(static_cast<std::uint8_t>(n));
        } else if (n <= 0xff) {
            out.u8(24);
            out.u8(static_cast<std::uint8_t>(n));
        } else if (n <= 0xffff) {
            out.u8(25);
            out.be16(static_cast<std::uint16_t>(n));
        } else {
            out.u8(26);
            out.be32(n);
        }
        const Bytes written = Bytes(longest).first(out.written());
        payload.insert(payload.end(), written.begin(), written.end());
    }
    return payload;
}

std::optional<std::vector<std::uint32_t>> parse_missing_blocks(Bytes payload) {
    ByteReader in(payload);
    std::vector<std::uint32_t> numbers;
    while (in.more()) {
        const std::uint8_t head = in.u8();
        const std::uint64_t n = head < 24    ? head
                                : head == 24 ? in.u8()
                                : head == 25 ? in.be16()
                                : head == 26 ? in.be32()
                                : head == 27 ? in.be64()
                                             : UINT64_MAX;
        if (!in.ok() || n > Block::number_max) return std::nullopt;
        const auto number = static_cast<std::uint32_t>(n);
        // "the client MUST ignore any duplicates", and "SHOULD silently drop" what is not in
        // ascending order. [RFC 9177 §5]
        if (!numbers.empty() && number < numbers.back()) return std::nullopt;
        if (numbers.empty() || number != numbers.back()) numbers.push_back(number);
    }
    if (numbers.empty()) return std::nullopt;
    return numbers;
}

Token QBlockTokens::draw() {
    std::array<std::byte, 8> octets;
    ByteWriter out(octets);
    out.be32(next_++);
    out.be32(body_);
    return Token(octets);
}

std::optional<std::uint32_t> QBlockTokens::number_of(const Token& token) const noexcept {
    if (token.size() != 8) return std::nullopt;
    ByteReader in(token.bytes());
    const std::uint32_t number = in.be32();
    return in.be32() == body_ && number < next_ ? std::optional(number) : std::nullopt;
}

std::optional<QBlock2Wanted> QBlock2Wanted::read(const Options& options,
                                                 std::uint8_t max_payloads) {
    QBlock2Wanted wanted;
    std::optional<std::uint32_t> previous;
    const std::uint32_t set = std::max<std::uint32_t>(max_payloads, 1);
    std::size_t count = 0;
    bool more = false;
    for (const Option option : options) {
        if (option.number != OptionNumber::q_block2) continue;
        const auto value = option.as_uint();
        if (!value || option.value.size() > 3 || (*value & 7u) > Block::szx_max)
            return std::nullopt;
        const std::uint32_t number = *value >> 4;
        const auto szx = static_cast<std::uint8_t>(*value & 7u);
        more = (*value & 8u) != 0;
        // "MUST have an increasing block number in each additional Q-Block2 option with no
        // duplicates" [RFC 9177 §4.4]
        if (previous && (number <= *previous || szx != wanted.szx)) return std::nullopt;
        previous = number;
        wanted.szx = szx;
        ++count;
        // "the server MUST only send back one instance of that block" [RFC 9177 §4.4]
        const std::uint32_t end = more ? (number / set + 1) * set : number + 1;
        for (std::uint32_t n = number; n < end; ++n)
            if (wanted.numbers.empty() || n > wanted.numbers.back()) wanted.numbers.push_back(n);
    }
    if (count == 0) return std::nullopt;
    if (count == 1 && more && *previous % set == 0) {
        wanted.kind = *previous == 0 ? Kind::whole : Kind::go_on;
        wanted.from = *previous;
        wanted.numbers.clear();
    } else {
        wanted.kind = Kind::blocks;
    }
    return wanted;
}

bool mixes_blocks(const Options& options) noexcept {
    const bool quick = options.has(OptionNumber::q_block1) || options.has(OptionNumber::q_block2);
    return quick && (options.has(OptionNumber::block1) || options.has(OptionNumber::block2));
}

}  // namespace causeway::coap
