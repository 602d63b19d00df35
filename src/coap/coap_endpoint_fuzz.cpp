// Any sequence of datagrams, requests, answers and moments. Half of the datagrams are made to fit
// what the endpoint has in flight: tokens and message ids that nobody could guess are copied in.
#include "coap/testing.hpp"

using namespace causeway;
using namespace causeway::coap;

namespace {

class Session {
public:
    explicit Session(Bytes script) : script_(script), endpoint_(settings(), Random(1), now_) {
        server_.add({.path = "/a",
                     .methods = {Code::get, Code::put, Code::post, Code::delete_, Code::fetch},
                     .handler =
                         [this](const RequestView& request) {
                             if (request.method == Code::put) store_ = to_octets(request.payload);
                             return content_of(ContentFormat::octet_stream, store_);
                         },
                     .observable = true});
    }

    void run() {
        for (int steps = 0; script_.more() && steps < 400; ++steps) {
            step();
            drain();
            CAUSEWAY_ASSERT(endpoint_.stats().balanced());
            CAUSEWAY_ASSERT(endpoint_.transactions() <= settings().transactions_max);
            CAUSEWAY_ASSERT(endpoint_.observers() <= settings().observers_max);
        }
        // Time alone brings it to rest, but for what it observes and who observes it.
        for (int steps = 0; steps < 200 && endpoint_.next_deadline() != never; ++steps) tick();
    }

private:
    static Settings settings() {
        Settings s = Settings::for_node();
        s.body_octets_max = 300;
        s.block_szx = 0;
        return s;
    }
    Peer peer() { return testing::peer_at(static_cast<std::uint8_t>(script_.u8() % 3)); }

    void tick() {
        const Instant due = endpoint_.next_deadline();
        if (due == never) return;
        now_ = std::max(now_, due);
        endpoint_.handle_timeout(now_);
        const bool said_something = drain();
        CAUSEWAY_ASSERT(said_something || endpoint_.next_deadline() > due);
    }

    void step() {
        switch (script_.u8() % 9) {
            case 0:
                return receive(to_octets(
                    script_.take(std::min<std::size_t>(script_.u8(), script_.remaining()))));
            case 1:
            case 2:
                return receive(fitting());
            case 3:
                return request();
            case 4:
                return tick();
            case 5:
                now_ += std::chrono::milliseconds(script_.be16());
                return endpoint_.handle_timeout(now_);
            case 6:
                return endpoint_.handle(now_, Cancel{RequestId{script_.u8() % 8u}});
            case 7:
                return endpoint_.handle(now_, ResourceChanged{"a", script_.u8() % 2 == 0});
            default:
                return odd();
        }
    }

    void receive(Octets datagram) {
        const Peer from = peer();
        const bool multicast = script_.u8() % 16 == 0;
        endpoint_.handle(now_, DatagramReceived{from, std::move(datagram), multicast});
    }

    /// A message about the last one that went out.
    Octets fitting() {
        Message message;
        message.type = Type(script_.u8() & 3u);
        message.code = Code{script_.u8()};
        message.id = script_.u8() % 4 == 0 ? script_.be16() : last_.id;
        if (message.code == Code::empty) return emitted(message);
        message.token = script_.u8() % 4 == 0 ? Token("0a"_hex) : last_.token;
        const unsigned wanted = script_.u8();
        if ((wanted & 1) != 0) message.options.add_path("a");
        if ((wanted & 2) != 0) message.options.add_uint(OptionNumber::observe, script_.u8());
        if ((wanted & 4) != 0) message.options.add_uint(OptionNumber::block2, script_.u8());
        if ((wanted & 8) != 0) message.options.add_uint(OptionNumber::block1, script_.u8());
        if ((wanted & 16) != 0)
            message.options.add(OptionNumber::etag, Octets{std::byte{script_.u8()}});
        if ((wanted & 32) != 0) message.options.add_uint(OptionNumber::max_age, script_.be32());
        if ((wanted & 64) != 0)
            message.options.add(OptionNumber{script_.be16()},
                                script_.take(std::min<std::size_t>(3, script_.remaining())));
        message.payload = Octets((wanted & 128) != 0 ? 16 : script_.u8() % 40, std::byte{'x'});
        return emitted(message);
    }

    void request() {
        Request request;
        request.id = RequestId{script_.u8() % 8u};
        request.peer = peer();
        if (script_.u8() % 8 == 0) request.peer.address[0] = std::byte{0xff};
        request.code = Code{static_cast<std::uint8_t>(script_.u8() % 9)};
        const unsigned how = script_.u8();
        request.confirmable = (how & 1) != 0;
        request.observe = (how & 2) != 0;
        if ((how & 4) != 0) request.payload = Octets(script_.u8(), std::byte{'y'});
        if ((how & 8) != 0) request.options.add_uint(OptionNumber::no_response, 26);
        if ((how & 16) != 0) request.options.add_uint(OptionNumber::block2, script_.u8());
        endpoint_.handle(now_, std::move(request));
    }

    void odd() {
        const ExchangeId exchange{script_.u8() % 16u};
        switch (script_.u8() % 4) {
            case 0:
                return endpoint_.handle(now_, Decline{exchange});
            case 1:
                return endpoint_.handle(now_, Respond{exchange, {Code::content, {}, store_, true}});
            case 2:
                return endpoint_.handle(now_, PeerUnreachable{peer()});
            default:
                slow_ = !slow_;
        }
    }

    bool drain() {
        bool any = false;
        while (auto out = endpoint_.poll_output()) {
            any = true;
            if (auto* send = std::get_if<SendDatagram>(&*out)) {
                auto message = parse_as<Message>(send->datagram);
                CAUSEWAY_ASSERT(message.has_value());  // what it sends is well-formed
                last_ = std::move(*message);
            }
            if (auto* request = std::get_if<RequestArrived>(&*out)) {
                if (slow_) continue;
                if (auto response = server_.handle(*request))
                    endpoint_.handle(now_, Respond{request->exchange, std::move(*response)});
                else
                    endpoint_.handle(now_, Decline{request->exchange});
            }
        }
        return any;
    }

    ByteReader script_;
    Instant now_ = testing::start;
    Endpoint endpoint_;
    Server server_;
    Octets store_ = Octets(100, std::byte{'z'});
    Message last_;
    bool slow_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Session(std::as_bytes(std::span(data, size))).run();
    return 0;
}
