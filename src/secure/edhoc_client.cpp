#include "secure/edhoc_client.hpp"

#include "base/engine.hpp"

#include <algorithm>

namespace causeway::secure {

static_assert(Engine<EdhocClient>);

EdhocClient::EdhocClient(const EdhocConfig& config, Start start)
    : config_(&config), start_(std::move(start)), randomness_(start_.seed) {
    if (!start_.options.has(coap::OptionNumber::uri_path)) start_.options.add_path(edhoc_path);
    start_.options.set_uint(coap::OptionNumber::content_format, format_cid_edhoc);
    begin({});
}

void EdhocClient::begin(const SuiteNumbers& suites_r) {
    ++runs_;
    // A key of its own for every message_1. [RFC 9528 §6.3.2]
    initiator_.emplace(*config_, EdhocInitiator::Start{.method = start_.method,
                                                       .c_i = start_.c_i,
                                                       .randomness = randomness_.draw(),
                                                       .suites_r = suites_r});
    const auto message = initiator_->message_1();
    if (!message) return fail({.fault = message.error().fault});
    Octets payload;
    CborWriter(payload).boolean(true).raw(*message);
    request(std::move(payload));
}

void EdhocClient::request(Octets payload) {
    echoes_ = 0;
    request_ = {.id = start_.id,
                .peer = start_.peer,
                .code = coap::Code::post,
                .options = start_.options,
                .payload = std::move(payload)};
    outbox_.push(request_);
}

void EdhocClient::handle(Instant, Input input) {
    std::visit(Overloaded{[&](const coap::ResponseArrived& response) {
                              if (response.id != start_.id || over()) return;
                              on_response(response);
                          },
                          [&](const coap::RequestFailed& failed) {
                              if (failed.id != start_.id || over()) return;
                              fail({.fault = EdhocFault::peer_error, .failure = failed.reason});
                          }},
               input);
}

void EdhocClient::on_response(const coap::ResponseArrived& response) {
    if (!coap::is_success(response.code)) return on_error(response);
    if (state_ == State::wait_2) {
        auto message_3 = initiator_->on_message_2(response.payload);
        if (!message_3) return refuse(std::move(message_3.error()));
        Octets payload;
        CborWriter out(payload);
        write_identifier(out, initiator_->c_r()->bytes());
        out.raw(*message_3);
        state_ = State::wait_4;
        return request(std::move(payload));
    }
    // Without message_4 the answer is empty; where it comes unasked, it confirms.
    if (config_->message_4 || !response.payload.empty()) {
        const auto confirmed = initiator_->on_message_4(response.payload);
        if (!confirmed) return refuse(confirmed.error());
    }
    establish();
}

void EdhocClient::on_error(const coap::ResponseArrived& response) {
    const auto echo = response.options.find(coap::OptionNumber::echo);
    if (response.code == coap::Code::unauthorized && echo && echoes_ < echoes_max) {
        ++echoes_;
        request_.options.set(coap::OptionNumber::echo, *echo);
        outbox_.push(request_);
        return;
    }
    EdhocFailed why{.code = response.code};
    if (auto said = EdhocErrorMessage::parse(response.payload)) why.said = std::move(*said);
    if (state_ == State::wait_2 && why.said && why.said->code == EdhocErrorMessage::wrong_suite) {
        why.fault = EdhocFault::suite;
        if (runs_ < runs_max && is_another_suite(why.said->suites)) return begin(why.said->suites);
    }
    fail(std::move(why));
}

/// Whether with SUITES_R another than the one that was refused will be selected; else there would
/// be no end to it. [RFC 9528 §6.3.1]
bool EdhocClient::is_another_suite(const SuiteNumbers& suites_r) const {
    const bool signs = start_.method == 0 || start_.method == 1;
    for (const std::int64_t number : config_->usable_suites(signs))
        if (std::ranges::find(suites_r, number) != suites_r.end())
            return number != initiator_->selected_suite();
    return false;
}

/// The other end is told, in a request that nobody waits for an answer to. [RFC 9528 §A.2.1]
void EdhocClient::refuse(EdhocFailure failure) {
    if (!failure.reply.empty() && initiator_->c_r() != nullptr) {
        Octets payload;
        CborWriter out(payload);
        write_identifier(out, initiator_->c_r()->bytes());
        out.raw(failure.reply);
        request(std::move(payload));
    }
    fail({.fault = failure.fault, .said = std::move(failure.said)});
}

void EdhocClient::establish() {
    state_ = State::over;
    outbox_.push(EdhocEstablished{.peer = start_.peer, .result = *initiator_->result()});
}

void EdhocClient::fail(EdhocFailed why) {
    state_ = State::over;
    outbox_.push(std::move(why));
}

}  // namespace causeway::secure
