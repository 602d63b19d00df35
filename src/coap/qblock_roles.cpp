// The four roles of a body in Q-Blocks: what messages mean to it, and what it says. [RFC 9177 §4]
#include "coap/qblock.hpp"

#include <algorithm>
#include <array>

namespace causeway::coap {
namespace {

Message non_confirmable(Message message) {
    message.type = Type::non_confirmable;
    message.id = 0;
    return message;
}

void remove(Options& options, std::initializer_list<OptionNumber> numbers) {
    for (const OptionNumber number : numbers) options.remove(number);
}

/// Whether so many octets can be a body of blocks of that size, and one that we take.
bool acceptable(std::size_t octets, std::uint8_t szx, const QBlockSettings& settings) noexcept {
    return octets <= settings.body_octets_max &&
           octets <= (Block::number_max + std::size_t{1}) * block_octets(szx);
}

bool is_missing_report(const Message& response) {
    return response.code == Code::request_entity_incomplete &&
           response.options.uint(OptionNumber::content_format) == missing_blocks_format;
}

}  // namespace

// ---- a large request of ours -------------------------------------------------------------------

QBlock1Client::QBlock1Client(const QBlockSettings& settings, Message request, Octets body,
                             std::uint8_t szx, Bytes tag, Random& random, Instant now,
                             QBlockStats& stats)
    : stats_(&stats),
      request_(non_confirmable(std::move(request))),
      sender_(settings, std::move(body), szx, random, now),
      tokens_(random) {
    // "MUST be present in all payloads of the request" [RFC 9177 §4.3, §4.6]
    request_.options.set(OptionNumber::request_tag, tag);
    request_.options.set_uint(OptionNumber::size1, static_cast<std::uint32_t>(sender_.size()));
    request_.payload.clear();
    pump(now);
}

void QBlock1Client::pump(Instant now) {
    while (const auto piece = sender_.poll(now, *stats_)) {
        if (!piece->again && piece->block.number == sender_.set_begin())
            set_tokens_ = tokens_.drawn();
        // "Each individual message that carries a block of the body is treated as a new request"
        // [RFC 9177 §4.3]
        Message message = request_;
        message.token = tokens_.draw();
        message.options.set_uint(OptionNumber::q_block1, piece->block.to_uint());
        message.payload = to_octets(piece->payload);
        out_.push(QBlockSend{std::move(message)});
    }
}

void QBlock1Client::handle(Instant now, Message response) {
    const auto number = tokens_.number_of(response.token);
    if (over_ || !number) return;
    if (response.code == Code::continue_) {
        const BlockOption said = BlockOption::read(response.options, OptionNumber::q_block1);
        // Without the option, the token says which set it is about.
        const bool current = said.present ? !said.invalid && said.block.number + 1 == sender_.next()
                                          : *number >= set_tokens_;
        if (current) sender_.go_on(now, sender_.next());
        return pump(now);
    }
    if (is_missing_report(response)) {
        const auto missing = parse_missing_blocks(response.payload);
        if (!missing) {
            ++stats_->reports_ignored;
            return;
        }
        sender_.repeat(now, *missing, *stats_);
        return pump(now);
    }
    over_ = true;
    out_.push(QBlockAnswer{std::move(response)});
}

void QBlock1Client::handle_timeout(Instant now) {
    if (over_) return;
    if (sender_.expires() <= now) {
        ++stats_->bodies_abandoned;
        over_ = true;
        out_.push(QBlockFailed{});
        return;
    }
    pump(now);
}

Instant QBlock1Client::next_deadline() const noexcept {
    return over_ ? never : sender_.next_deadline();
}

// ---- a large request of others -----------------------------------------------------------------

QBlock1Server::QBlock1Server(const QBlockSettings& settings, Instant now, QBlockStats& stats)
    : settings_(settings),
      stats_(&stats),
      kept_until_(after(now, settings.non_partial_timeout())) {}

void QBlock1Server::handle(Instant now, Message request) {
    if (over_) return;
    ++stats_->payloads_received;
    const BlockOption block = BlockOption::read(request.options, OptionNumber::q_block1);
    const auto size = request.options.uint(OptionNumber::size1);
    if (mixes_blocks(request.options))
        return refuse(request, Code::bad_option, "Q-Block and Block");  // [RFC 9177 §4.1]
    // "MUST be returned if the request does not include a Request-Tag option or a Size1 option"
    // [RFC 9177 §4.3]
    if (!block.present || block.invalid || !size || !request.options.has(OptionNumber::request_tag))
        return refuse(request, Code::bad_request, "Q-Block1 without Request-Tag and Size1");
    if (whole_) {
        ++stats_->payloads_duplicate;
        if (!answer_) return;
        Message again = *answer_;
        again.token = request.token;
        return reply(std::move(again));
    }
    if (!receiver_) {
        confirmable_ = request.type == Type::confirmable;
        if (!acceptable(*size, block.block.szx, settings_)) {
            ++stats_->payloads_refused;
            Message refusal;
            refusal.code = Code::request_entity_too_large;
            refusal.token = request.token;
            refusal.options.add_uint(OptionNumber::size1, settings_.body_octets_max);
            reply(std::move(refusal));
            over_ = true;
            return;
        }
        receiver_.emplace(settings_, *size, block.block.szx, !confirmable_, now);
    }
    if (*size != receiver_->size())
        return refuse(request, Code::bad_request, "another Size1");  // [RFC 9177 §4.6]
    switch (receiver_->take(now, block.block, request.payload)) {
        case QBlockReceiver::Taken::refused:
            return refuse(request, Code::bad_request, "the block fits no place");
        case QBlockReceiver::Taken::duplicate:
            ++stats_->payloads_duplicate;
            break;
        case QBlockReceiver::Taken::stored:
            ++stats_->payloads_taken;
            break;
    }
    last_ = request.token;
    if (!receiver_->complete()) return say(now);
    ++stats_->bodies_received;
    whole_ = true;
    kept_until_ = after(now, settings_.non_partial_timeout());
    QBlockBody body{receiver_->take_body(), std::move(request)};
    receiver_.reset();
    body.last.payload.clear();
    remove(body.last.options,
           {OptionNumber::q_block1, OptionNumber::size1, OptionNumber::request_tag});
    out_.push(std::move(body));
}

void QBlock1Server::refuse(const Message& request, Code code, std::string_view diagnostic) {
    ++stats_->payloads_refused;
    Message message;
    message.code = code;
    message.token = request.token;
    message.payload = to_octets(as_octets(diagnostic));
    reply(std::move(message));
    if (!receiver_ && !whole_) over_ = true;
}

void QBlock1Server::say(Instant now) {
    const QBlockReceiver::Report report = receiver_->report(now);
    if (report.gave_up) {
        ++stats_->bodies_abandoned;
        over_ = true;
        out_.push(QBlockFailed{});
        return;
    }
    Message message;
    message.token = last_;
    if (report.go_on) {
        ++stats_->continues_sent;
        message.code = Code::continue_;
        message.options.add_uint(OptionNumber::q_block1,
                                 Block{*report.go_on - 1, true, receiver_->szx()}.to_uint());
        reply(std::move(message));
    } else if (!report.missing.empty()) {
        ++stats_->missing_reports;
        message.code = Code::request_entity_incomplete;
        message.options.add_uint(OptionNumber::content_format, missing_blocks_format);
        message.payload = missing_blocks(report.missing);
        reply(std::move(message));
    }
}

void QBlock1Server::reply(Message message) {
    out_.push(QBlockSend{non_confirmable(std::move(message))});
}

void QBlock1Server::answer(Instant now, Message response) {
    if (!whole_ || over_) return;
    response.token = last_;
    answer_ = response;
    kept_until_ = after(now, settings_.non_partial_timeout());
    reply(std::move(response));
}

void QBlock1Server::handle_timeout(Instant now) {
    if (over_) return;
    if (receiver_ && receiver_->next_deadline() <= now) return say(now);
    if (!receiver_ && kept_until_ <= now) {
        over_ = true;
        out_.push(QBlockFailed{});
    }
}

Instant QBlock1Server::next_deadline() const noexcept {
    return over_ ? never : receiver_ ? receiver_->next_deadline() : kept_until_;
}

// ---- a large response of ours ------------------------------------------------------------------

QBlock2Server::QBlock2Server(const QBlockSettings& settings, Message response, Octets body,
                             std::uint8_t szx, Random& random, Instant now, QBlockStats& stats)
    : settings_(settings),
      stats_(&stats),
      response_(non_confirmable(std::move(response))),
      sender_(settings, std::move(body), szx, random, now) {
    // "MUST be present in all payloads of the response" [RFC 9177 §4.6]
    response_.options.set_uint(OptionNumber::size2, static_cast<std::uint32_t>(sender_.size()));
    response_.payload.clear();
}

void QBlock2Server::pump(Instant now) {
    while (const auto piece = sender_.poll(now, *stats_)) {
        Message message = response_;
        if (piece->again) {
            // "If a missing payload is requested by a client, then both the request and response
            // MUST NOT include the Observe option." [RFC 9177 §4.5]
            message.token = asked_token_;
            message.options.remove(OptionNumber::observe);
        }
        message.options.set_uint(OptionNumber::q_block2, piece->block.to_uint());
        message.payload = to_octets(piece->payload);
        out_.push(QBlockSend{std::move(message)});
    }
}

void QBlock2Server::start(Instant now) {
    if (std::exchange(started_, true)) return;
    pump(now);
}

void QBlock2Server::handle(Instant now, Message request) {
    if (over_) return;
    const auto refuse = [&](Code code, std::string_view why) {
        Message message;
        message.code = code;
        message.token = request.token;
        message.payload = to_octets(as_octets(why));
        ++stats_->reports_ignored;
        out_.push(QBlockSend{non_confirmable(std::move(message))});
    };
    if (mixes_blocks(request.options)) return refuse(Code::bad_option, "Q-Block and Block");
    // "SHOULD respond with a 4.00 (Bad Request) to requests not adhering" [RFC 9177 §4.4]
    const auto wanted = QBlock2Wanted::read(request.options, settings_.max_payloads);
    if (!wanted) return refuse(Code::bad_request, "Q-Block2");
    if (wanted->kind == QBlock2Wanted::Kind::whole) {
        if (started_) return;
        response_.token = request.token;
        return start(now);
    }
    if (wanted->szx != sender_.szx()) return refuse(Code::bad_request, "another block size");
    if (wanted->kind == QBlock2Wanted::Kind::go_on) {
        if (std::exchange(started_, true)) {
            sender_.go_on(now, wanted->from);
        } else {
            response_.token = request.token;
            sender_.begin_at(wanted->from);
        }
        return pump(now);
    }
    if (wanted->numbers.front() >= sender_.count())
        return refuse(Code::bad_request, "past the end");
    // Whoever asks for some blocks of a body that was forgotten gets these of the present one.
    // [RFC 9177 §4.4]
    if (!std::exchange(started_, true)) sender_.begin_at(sender_.count());
    asked_token_ = request.token;
    sender_.repeat(now, wanted->numbers, *stats_);
    pump(now);
}

void QBlock2Server::handle_timeout(Instant now) {
    if (over_) return;
    if (sender_.expires() <= now) {
        over_ = true;
        out_.push(QBlockFailed{});
        return;
    }
    if (started_) pump(now);
}

Instant QBlock2Server::next_deadline() const noexcept {
    return over_ ? never : started_ ? sender_.next_deadline() : sender_.expires();
}

// ---- a large response --------------------------------------------------------------------------

QBlock2Client::QBlock2Client(const QBlockSettings& settings, Message request, Random& random,
                             QBlockStats& stats)
    : settings_(settings),
      stats_(&stats),
      request_(non_confirmable(std::move(request))),
      tokens_(random) {
    // "MUST NOT include the Observe option", and an entity-tag might be answered by a 2.03.
    // [RFC 9177 §4.4, §4.5]
    remove(request_.options, {OptionNumber::observe, OptionNumber::etag, OptionNumber::q_block1,
                              OptionNumber::q_block2, OptionNumber::size1});
    request_.payload.clear();
}

void QBlock2Client::handle(Instant now, Message response) {
    ++stats_->payloads_received;
    const BlockOption block = BlockOption::read(response.options, OptionNumber::q_block2);
    const auto size = response.options.uint(OptionNumber::size2);
    const Octets etag = to_octets(response.options.find(OptionNumber::etag).value_or(Bytes()));
    const auto observe = response.options.uint(OptionNumber::observe);
    const auto is = [&](const std::optional<Version>& version) {
        return version && version->etag == etag && (!observe || observe == version->observe);
    };
    if (!block.present || block.invalid || !size || mixes_blocks(response.options) ||
        !acceptable(*size, block.block.szx, settings_)) {
        ++stats_->payloads_refused;
        if (receiver_) return;
        out_.push(QBlockFailed{});
        return;
    }
    if (receiver_ ? is(replaced_) && !is(version_) : is(done_)) {
        ++stats_->payloads_duplicate;  // late
        return;
    }
    if (receiver_ && (etag != version_->etag || *size != receiver_->size())) {
        // "the client should remove any partially received body held for a previous ETag"
        // [RFC 9177 §4.4]
        ++stats_->bodies_replaced;
        replaced_ = std::move(version_);
        receiver_.reset();
    }
    if (!receiver_) {
        receiver_.emplace(settings_, *size, block.block.szx, true, now);
        version_ = Version{etag, observe};
    }
    if (observe) version_->observe = observe;
    switch (receiver_->take(now, block.block, response.payload)) {
        case QBlockReceiver::Taken::refused:
            ++stats_->payloads_refused;
            return;
        case QBlockReceiver::Taken::duplicate:
            ++stats_->payloads_duplicate;
            break;
        case QBlockReceiver::Taken::stored:
            ++stats_->payloads_taken;
            break;
    }
    if (!receiver_->complete()) return say(now);
    ++stats_->bodies_received;
    QBlockBody body{receiver_->take_body(), std::move(response)};
    receiver_.reset();
    body.last.payload.clear();
    remove(body.last.options, {OptionNumber::q_block2, OptionNumber::size2});
    // The last may have been one that was asked for again, which does not say it.
    if (version_->observe) body.last.options.set_uint(OptionNumber::observe, *version_->observe);
    done_ = std::move(version_);
    replaced_.reset();
    out_.push(std::move(body));
}

void QBlock2Client::say(Instant now) {
    const QBlockReceiver::Report report = receiver_->report(now);
    if (report.gave_up) {
        ++stats_->bodies_abandoned;
        receiver_.reset();
        out_.push(QBlockFailed{});
        return;
    }
    if (!report.go_on && report.missing.empty()) return;
    Message message = request_;
    message.token = tokens_.draw();
    const std::uint8_t szx = receiver_->szx();
    const auto ask = [&](std::uint32_t number, bool more) {
        message.options.add_uint(OptionNumber::q_block2, Block{number, more, szx}.to_uint());
    };
    if (report.go_on) {
        ++stats_->continues_sent;
        ask(*report.go_on, true);
    } else {
        ++stats_->missing_reports;
        // All that is left of a set can be asked for in one; where a set begins, that would be a
        // Continue. [RFC 9177 §4.4, §10.2.4]
        const std::uint32_t first = report.missing.front();
        const std::uint32_t set = std::max<std::uint32_t>(settings_.max_payloads, 1);
        const std::uint32_t end = std::min((first / set + 1) * set, receiver_->count());
        const bool tail = report.missing.size() > 1 && first % set != 0 &&
                          report.missing.back() + 1 == end && report.missing.size() == end - first;
        if (tail) {
            ask(first, true);
        } else {
            for (const std::uint32_t number : report.missing) ask(number, false);
        }
    }
    out_.push(QBlockSend{std::move(message)});
}

void QBlock2Client::handle_timeout(Instant now) {
    if (receiver_ && receiver_->next_deadline() <= now) say(now);
}

Instant QBlock2Client::next_deadline() const noexcept {
    return receiver_ ? receiver_->next_deadline() : never;
}

}  // namespace causeway::coap
