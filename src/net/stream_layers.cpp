#include "net/stream_layers.hpp"

#include "net/proxy_protocol.hpp"
#include "net/tls.hpp"
#include "net/websocket.hpp"

#include <algorithm>
#include <utility>

namespace causeway::net {
namespace {

// What is ready for the wire and has not left: beyond it, the engine's octets wait as they are.
constexpr std::size_t wire_octets_max = 128 << 10;
// A peer that has us answer (pongs, new keys) and reads no answer is given up here.
constexpr std::size_t answers_octets_max = 512 << 10;

void append(Octets& to, Bytes octets) {
    to.insert(to.end(), octets.begin(), octets.end());
}

}  // namespace

StreamLayers::StreamLayers(StreamFacts facts, Parts parts)
    : facts_(std::move(facts)),
      tls_(std::move(parts.tls)),
      websocket_(std::move(parts.websocket)),
      plan_(std::move(parts.plan)) {
    if (parts.proxy) proxy_ = std::make_unique<Octets>();
}

StreamLayers::~StreamLayers() = default;

bool StreamLayers::whole_messages() const noexcept {
    return websocket_ && websocket_->whole_messages();
}

Trouble StreamLayers::about(Trouble trouble) const {
    if (plan_) trouble.line.insert(0, "cannot connect to " + plan_->to + ": ");
    return trouble;
}

StreamLayers::Step StreamLayers::fail(std::string why) {
    trouble_ = about({std::move(why), {}});
    failed_ = true;
    return Step::failed;
}

StreamLayers::Step StreamLayers::start(Above& above, MutableBytes scratch) {
    facts_.peer = plan_->peer();
    if (tls_) {
        tls_->begin({}, wire_);
        return shake_hands(scratch, above);
    }
    return above_tls({}, above);
}

StreamLayers::Step StreamLayers::feed(MutableBytes raw, MutableBytes scratch, Above& above) {
    if (failed_) return Step::failed;
    if (wire_.size() - sent_ > answers_octets_max) return fail("the peer reads no answers");
    if (proxy_) {
        if (const Step step = take_proxy(raw); step != Step::going || proxy_) return step;
    }
    if (!tls_) return above_tls(raw, above);
    tls_->begin(raw, wire_);
    return shake_hands(scratch, above);
}

StreamLayers::Step StreamLayers::take_proxy(MutableBytes& raw) {
    // The header is short: what belongs to the layers above it is left where it lies.
    const std::size_t before = proxy_->size();
    const std::size_t some = std::min(raw.size(), proxy_octets_max - before);
    append(*proxy_, raw.first(some));
    const ProxyParsed parsed = parse_proxy(*proxy_);
    switch (parsed.verdict) {
        case ProxyParsed::Verdict::more:
            return Step::going;
        case ProxyParsed::Verdict::bad:
            return fail("PROXY protocol: " + parsed.why);
        case ProxyParsed::Verdict::whole:
            break;
    }
    raw = raw.subspan(parsed.size - before);
    if (!parsed.peer.empty()) facts_.peer = parsed.peer;
    proxy_.reset();
    return Step::going;
}

StreamLayers::Step StreamLayers::shake_hands(MutableBytes scratch, Above& above) {
    switch (tls_->shake_hands()) {
        case TlsSession::Step::going:
            return Step::going;
        case TlsSession::Step::ended:
        case TlsSession::Step::failed:
            return fail("TLS: " + tls_->failure());
        case TlsSession::Step::shaken:
            break;
    }
    if (!open_ && facts_.certificate_name == std::nullopt && !facts_.psk_identity) {
        facts_.certificate_name = tls_->certificate_name();
        facts_.psk_identity = tls_->psk_identity();
    }
    if (!open_) facts_.alpn = tls_->alpn();
    if (!open_) {
        if (const Step step = above_tls({}, above); step != Step::going) return step;
    }
    return pull(scratch, above);
}

StreamLayers::Step StreamLayers::pull(MutableBytes scratch, Above& above) {
    for (;;) {
        TlsSession::Step step = TlsSession::Step::going;
        const std::size_t n = tls_->read(scratch, step);
        if (n == 0) {
            if (step == TlsSession::Step::ended) return Step::ended;
            if (step == TlsSession::Step::failed) return fail("TLS: " + tls_->failure());
            return Step::going;
        }
        const Step on = above_tls(scratch.first(n), above);
        if (on != Step::going) return on;
    }
}

/// What WebSocket says goes through TLS, where there is any.
StreamLayers::Step StreamLayers::above_tls(MutableBytes plain, Above& above) {
    if (!websocket_) {
        open_now(above);
        if (!plain.empty()) above.octets(plain);
        return Step::going;
    }
    Octets said;
    Octets& out = tls_ ? said : wire_;
    if (plain.empty()) websocket_->start(out);
    websocket_->feed(plain);
    while (const auto piece = websocket_->next(out)) {
        open_now(above);
        above.octets(*piece);
    }
    if (tls_ && !said.empty() && !tls_->write(said)) return fail("TLS: " + tls_->failure());
    switch (websocket_->phase()) {
        case WebSocket::Phase::handshake:
            return Step::going;
        case WebSocket::Phase::open:
            open_now(above);
            return Step::going;
        case WebSocket::Phase::ended:
            return Step::ended;
        case WebSocket::Phase::failed:
            return fail("WebSocket: " + websocket_->failure());
    }
    return Step::going;
}

void StreamLayers::open_now(Above& above) {
    if (open_) return;
    open_ = true;
    plan_.reset();
    above.opened(std::move(facts_));
    facts_ = {};
}

void StreamLayers::encode(OutQueue& queue, MutableBytes scratch) {
    if (!open_ || failed_) return;
    const std::size_t room = websocket_ ? WebSocket::frame_room : 0;
    const std::size_t chunk = std::min(scratch.size(), TlsSession::record_octets_max) - room;
    while (wire_.size() - sent_ < wire_octets_max && !queue.empty()) {
        std::size_t n = 0;
        Bytes plain;
        if (whole_messages()) {
            std::size_t header = 0;
            if (message_left_ == 0) {
                message_left_ = queue.next_octets();
                header = websocket_->begin_message(scratch, message_left_);
            }
            n = queue.move_to(scratch.subspan(header, std::min(chunk, message_left_)));
            websocket_->carry_on(scratch.subspan(header, n));
            message_left_ -= n;
            plain = scratch.first(header + n);
        } else {
            n = queue.move_to(scratch.subspan(room, chunk));
            plain = websocket_ ? websocket_->frame(scratch, n) : Bytes(scratch.first(n));
        }
        if (!tls_) {
            append(wire_, plain);
        } else {
            tls_->begin({}, wire_);
            if (!tls_->write(plain)) fail("TLS: " + tls_->failure());
        }
        credit_ += n;
        if (failed_) return;
    }
}

void StreamLayers::goodbye() {
    if (failed_ || !open_) return;
    if (tls_) tls_->begin({}, wire_);
    if (websocket_) {
        Octets said;
        websocket_->goodbye(tls_ ? said : wire_);
        if (!said.empty() && !tls_->write(said)) return;
    }
    if (tls_) tls_->goodbye();
}

std::size_t StreamLayers::wrote(std::size_t octets) {
    sent_ += octets;
    if (sent_ < wire_.size()) return 0;
    sent_ = 0;
    wire_ = {};  // an idle stream keeps no buffer
    return std::exchange(credit_, 0);
}

}  // namespace causeway::net
