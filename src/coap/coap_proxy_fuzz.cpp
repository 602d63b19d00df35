// Any sequence of datagrams on both sides of a proxy, half of them made to fit what it sent.
#include "coap/proxy.hpp"
#include "coap/testing.hpp"

using namespace causeway;
using namespace causeway::coap;

namespace {

class Session {
public:
    explicit Session(Bytes script)
        : script_(script), proxy_(settings(), resolve, Random(1), now_) {}

    void run() {
        for (int steps = 0; script_.more() && steps < 300; ++steps) {
            step();
            drain();
            CAUSEWAY_ASSERT(proxy_.stats().balanced());
            CAUSEWAY_ASSERT(proxy_.front().stats().balanced());
            CAUSEWAY_ASSERT(proxy_.back().stats().balanced());
        }
        for (int steps = 0; steps < 100 && proxy_.next_deadline() != never; ++steps) tick();
    }

private:
    static ProxySettings settings() {
        ProxySettings s;
        s.front.body_octets_max = s.back.body_octets_max = 300;
        s.front.exchanges_max = 4;
        s.front.observers_max = 3;
        s.back.transactions_max = 4;
        s.back.block_szx = 0;
        s.cache = {.entries_max = 2, .octets_max = 200};
        return s;
    }
    static std::optional<Peer> resolve(std::string_view host, std::uint16_t port) {
        const auto address = address_from_literal(host);
        return address ? std::optional(Peer{*address, port}) : std::nullopt;
    }
    Peer client() { return testing::peer_at(static_cast<std::uint8_t>(script_.u8() % 3)); }

    void tick() {
        const Instant due = proxy_.next_deadline();
        if (due == never) return;
        now_ = std::max(now_, due);
        proxy_.handle_timeout(now_);
        const bool said_something = drain();
        CAUSEWAY_ASSERT(said_something || proxy_.next_deadline() > due);
    }

    void step() {
        switch (script_.u8() % 6) {
            case 0:
                return tick();
            case 1:
                return proxy_.handle(now_, ForwardProxy::FrontDatagram{client(), raw()});
            case 2:
            case 3: {
                const Peer from = client();
                return proxy_.handle(now_, ForwardProxy::FrontDatagram{from, asking()});
            }
            case 4: {
                const Octets reply = replying(to_back_);
                return proxy_.handle(now_, ForwardProxy::BackDatagram{target_, reply});
            }
            default: {
                const Octets reply = replying(to_front_);
                const Peer from = client();
                return proxy_.handle(now_, ForwardProxy::FrontDatagram{from, reply});
            }
        }
    }

    Octets raw() {
        return to_octets(script_.take(std::min<std::size_t>(script_.u8(), script_.remaining())));
    }

    Octets asking() {
        static constexpr std::array<std::string_view, 4> uris{
            "coap://[fd00::7]/a", "coap://[fd00::7]/b", "http://x/", "coap://1.2.3.4/?q"};
        Message message;
        message.type = script_.u8() % 4 == 0 ? Type::non_confirmable : Type::confirmable;
        message.code = Code{static_cast<std::uint8_t>(1 + script_.u8() % 5)};
        message.id = ++last_id_;
        message.token = Token(Octets{std::byte(script_.u8() & 3)});
        const unsigned wanted = script_.u8();
        message.options.add_text(OptionNumber::proxy_uri, uris[wanted & 3]);
        if ((wanted & 4) != 0) message.options.add_uint(OptionNumber::observe, script_.u8() & 1);
        if ((wanted & 8) != 0) message.options.add(OptionNumber::etag, Octets{std::byte{1}});
        if ((wanted & 16) != 0) message.options.add_uint(OptionNumber::block1, script_.u8());
        if ((wanted & 32) != 0) message.options.add_uint(OptionNumber::block2, script_.u8());
        if ((wanted & 64) != 0) message.payload = Octets(16, std::byte{'x'});
        return emitted(message);
    }

    Octets replying(const Message& to) {
        Message message;
        message.type = Type(script_.u8() & 3u);
        message.id = to.id;
        if (script_.u8() % 8 == 0) return emitted(message);
        message.code = script_.u8() % 4 == 0 ? Code{script_.u8()} : Code::content;
        if (message.code == Code::empty) return emitted(message);
        if (message.type != Type::acknowledgement) message.id = ++last_id_;
        message.token = to.token;
        const unsigned wanted = script_.u8();
        if ((wanted & 1) != 0) message.options.add_uint(OptionNumber::observe, ++sequence_);
        if ((wanted & 2) != 0) message.options.add(OptionNumber::etag, Octets{std::byte{1}});
        if ((wanted & 4) != 0) message.options.add_uint(OptionNumber::max_age, script_.u8());
        if ((wanted & 8) != 0) message.options.add_uint(OptionNumber::block2, script_.u8());
        if ((wanted & 16) != 0) message.options.add_uint(OptionNumber::block1, script_.u8());
        message.payload = Octets((wanted & 32) != 0 ? 16 : script_.u8() % 50, std::byte{'x'});
        return emitted(message);
    }

    bool drain() {
        bool any = false;
        while (auto out = proxy_.poll_output()) {
            any = true;
            if (auto* f = std::get_if<ForwardProxy::SendFront>(&*out))
                to_front_ = testing::message_of(f->datagram);
            if (auto* b = std::get_if<ForwardProxy::SendBack>(&*out)) {
                to_back_ = testing::message_of(b->datagram);
                target_ = b->peer;
            }
        }
        return any;
    }

    ByteReader script_;
    Instant now_ = testing::start;
    ForwardProxy proxy_;
    Message to_front_;
    Message to_back_;
    Peer target_;
    std::uint16_t last_id_ = 0;
    std::uint32_t sequence_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Session(std::as_bytes(std::span(data, size))).run();
    return 0;
}
