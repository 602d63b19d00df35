#include "secure/edhoc_resource.hpp"

#include <algorithm>

namespace causeway::secure {
namespace {

coap::Response response_of(coap::Code code, Octets message) {
    coap::Response response{.code = code, .payload = std::move(message)};
    if (!response.payload.empty())
        response.options.set_uint(coap::OptionNumber::content_format, format_edhoc);
    return response;
}

/// An EDHOC error goes into an error response. [RFC 9528 §A.2.3]
coap::Response response_of(EdhocFailure failure) {
    const bool ours = failure.fault == EdhocFault::no_identity;
    return response_of(ours ? coap::Code::internal_server_error : coap::Code::bad_request,
                       std::move(failure.reply));
}

/// Why it is no request for an EDHOC resource; nullopt when it is one.
std::optional<coap::Code> unfit(const coap::RequestArrived& request) {
    // Of a group, one is spoken to at a time.
    if (request.method != coap::Code::post || request.multicast)
        return coap::Code::method_not_allowed;
    const auto format = request.options.uint(coap::OptionNumber::content_format);
    // Clients that leave it out are understood all the same.
    if (request.options.has(coap::OptionNumber::content_format) && format != format_cid_edhoc)
        return coap::Code::unsupported_content_format;
    if (request.options.has(coap::OptionNumber::accept) &&
        request.options.uint(coap::OptionNumber::accept) != format_edhoc)
        return coap::Code::not_acceptable;
    return std::nullopt;
}

}  // namespace

crypto::Secret EdhocRandomness::draw() {
    const auto derive = [this](std::string_view label) {
        crypto::Sha256 octets = crypto::hmac_sha256(state_.bytes(), as_octets(label));
        const crypto::Secret secret(octets);
        crypto::wipe(octets);
        return secret;
    };
    const crypto::Secret drawn = derive("draw");
    state_ = derive("next");
    return drawn;
}

std::uint64_t EdhocRandomness::number() {
    const crypto::Secret drawn = draw();
    return ByteReader(drawn.bytes()).be64();
}

EdhocResource::EdhocResource(const EdhocConfig& config, const EdhocResourceSettings& settings,
                             const crypto::Secret& seed)
    : config_(&config), settings_(settings), randomness_(seed) {
    CAUSEWAY_ASSERT(settings.runs_max > 0 && settings.runs_per_address_max > 0 &&
                    settings.identifiers_max <= 60'000);
}

coap::Response EdhocResource::handle(Instant now, const coap::RequestArrived& request) {
    handle_timeout(now);
    ++stats_.requests;
    const auto code = unfit(request);
    // `true`, or the C_R of a run, stands in front of the message. [RFC 9528 §A.2]
    const bool first = !request.payload.empty() && request.payload[0] == std::byte{0xf5};
    CborReader in(request.payload);
    Octets identifier;
    if (first)
        in.skip();
    else
        identifier = read_identifier(in);
    if (code || !in.ok() || !in.was_preferred()) {
        ++stats_.not_edhoc;
        return {.code = code.value_or(coap::Code::bad_request)};
    }
    const Bytes message = Bytes(request.payload).subspan(in.consumed());
    return first ? on_message_1(now, request.peer, message)
                 : on_message_3(request.peer, identifier, message);
}

coap::Response EdhocResource::on_message_1(Instant now, const coap::Peer& peer, Bytes message) {
    // The same message again begins no second run. [RFC 9528 §7]
    const crypto::Sha256 hash = crypto::sha256(message);
    for (const Run& run : runs_)
        if (run.responder.message_1_hash() == hash && run.peer == peer) {
            ++stats_.message_1_repeated;
            return response_of(coap::Code::changed, run.message_2);
        }
    if (taken_.size() >= settings_.identifiers_max) {
        ++stats_.identifiers_used_up;
        return {.code = coap::Code::service_unavailable};
    }
    ConnectionId c_i;
    if (const auto parsed = EdhocMessage1::parse(message)) c_i = parsed->c_i;
    Run run{.responder = EdhocResponder(
                *config_, {.c_r = free_identifier(c_i), .randomness = randomness_.draw()}),
            .peer = peer,
            .expires = after(now, settings_.run_lifetime),
            .message_2 = {}};
    auto answer = run.responder.on_message_1(message);
    if (!answer) {
        ++stats_.message_1_refused;
        return response_of(std::move(answer.error()));
    }
    run.message_2 = *answer;
    make_room(peer);
    taken_.insert(to_octets(run.responder.c_r().bytes()));
    runs_.push_back(std::move(run));
    ++stats_.runs_started;
    stats_.runs_waiting = runs_.size();
    return response_of(coap::Code::changed, std::move(*answer));
}

coap::Response EdhocResource::on_message_3(const coap::Peer& peer, Bytes identifier,
                                           Bytes message) {
    const auto run = std::ranges::find_if(
        runs_, [&](const Run& r) { return same(r.responder.c_r().bytes(), identifier); });
    if (run == runs_.end()) {
        // Perhaps a repetition of what was answered long ago: no EDHOC error. [RFC 9528 §6]
        ++stats_.run_unknown;
        return {.code = coap::Code::bad_request};
    }
    auto answer = run->responder.on_message_3(message);
    if (!answer) {
        const bool error = answer.error().fault == EdhocFault::peer_error;
        ++(error ? stats_.errors_received : stats_.message_3_refused);
        forget(run);
        if (error) return response_of(coap::Code::changed, {});
        return response_of(std::move(answer.error()));
    }
    ++stats_.established;
    outbox_.push({.peer = peer, .result = *run->responder.result()});
    runs_.erase(run);  // its identifier stays taken
    stats_.runs_waiting = runs_.size();
    return response_of(coap::Code::changed, std::move(*answer));
}

void EdhocResource::handle_timeout(Instant now) {
    while (!runs_.empty() && runs_.front().expires <= now) {
        ++stats_.runs_expired;
        forget(runs_.begin());
    }
}

Instant EdhocResource::next_deadline() const noexcept {
    return runs_.empty() ? never : runs_.front().expires;
}

void EdhocResource::make_room(const coap::Peer& peer) {
    const auto is_theirs = [&](const Run& run) { return run.peer.address == peer.address; };
    const auto theirs = std::ranges::count_if(runs_, is_theirs);
    if (static_cast<std::size_t>(theirs) >= settings_.runs_per_address_max) {
        ++stats_.runs_evicted;
        forget(std::ranges::find_if(runs_, is_theirs));
    } else if (runs_.size() >= settings_.runs_max) {
        ++stats_.runs_evicted;
        forget(runs_.begin());
    }
}

void EdhocResource::forget(Runs::iterator run) {
    release(run->responder.c_r().bytes());
    runs_.erase(run);
    stats_.runs_waiting = runs_.size();
}

bool EdhocResource::reserve(Bytes identifier) {
    if (taken_.size() >= settings_.identifiers_max) return false;
    taken_.insert(to_octets(identifier));
    return true;
}

void EdhocResource::release(Bytes identifier) {
    taken_.erase(to_octets(identifier));
}

/// The first free one from a random one on, of the shortest there are: those that a message says in
/// one octet, then those of one octet, then of two. [RFC 9528 §9.5]
ConnectionId EdhocResource::free_identifier(const ConnectionId& other) {
    const auto try_all = [&](std::size_t count, auto make) -> std::optional<ConnectionId> {
        const std::size_t start = randomness_.number() % count;
        for (std::size_t i = 0; i < count; ++i) {
            const ConnectionId id(Octets(make((start + i) % count)));
            if (!(id == other) && !taken_.contains(to_octets(id.bytes()))) return id;
        }
        return std::nullopt;
    };
    const auto octet = [](std::size_t n) { return static_cast<std::byte>(n & 0xffu); };
    if (auto id = try_all(48, [&](std::size_t n) { return Octets{octet(n < 24 ? n : n + 8)}; }))
        return *id;
    if (auto id = try_all(256, [&](std::size_t n) { return Octets{octet(n)}; })) return *id;
    auto id = try_all(65536, [&](std::size_t n) { return Octets{octet(n >> 8u), octet(n)}; });
    CAUSEWAY_ASSERT(id.has_value());  // identifiers_max leaves some
    return *id;
}

}  // namespace causeway::secure
