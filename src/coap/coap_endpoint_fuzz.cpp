// Any sequence of datagrams, messages of streams, requests, answers, closings and moments, some of
// them under a toy of object security. Half of the datagrams are made to fit what the endpoint has
// in flight: tokens and message ids that nobody could guess are copied in.
#include "coap/testing_protection.hpp"

using namespace causeway;
using namespace causeway::coap;

namespace {

class Session {
public:
    explicit Session(Bytes script)
        : script_(script),
          settings_(settings_of(script_.u8())),
          endpoint_(settings_, Random(1), now_, {}, &here_) {
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
            CAUSEWAY_ASSERT(endpoint_.transactions() <= settings_.transactions_max);
            CAUSEWAY_ASSERT(endpoint_.observers() <= settings_.observers_max);
        }
        // Time alone brings it to rest, but for what it observes and who observes it.
        for (int steps = 0; steps < 200 && endpoint_.next_deadline() != never; ++steps) tick();
    }

private:
    static Settings settings_of(unsigned wanted) {
        Settings s = Settings::for_node();
        s.body_octets_max = 300;
        s.assembly_octets_max = 400;
        s.transfer_octets_max = 400;
        s.block_szx = 0;
        s.streams_max = 2;
        s.verified_max = 2;
        s.echo_amplification = (wanted & 1) != 0;
        if ((wanted & 2) != 0) s.token_octets_max = 20;
        if ((wanted & 4) != 0) s.nstart = 3;
        s.qblock = (wanted & 8) != 0;
        return s;
    }
    Peer peer() {
        const unsigned drawn = script_.u8();
        Peer peer = testing::peer_at(static_cast<std::uint8_t>(drawn % 3));
        if (drawn % 8 == 6) peer.transport = Transport::dtls;
        if (drawn % 8 == 7) peer.transport = Transport::tcp;
        if (peer.transport != Transport::udp) peer.channel = drawn % 3;
        return peer;
    }

    void tick() {
        const Instant due = endpoint_.next_deadline();
        if (due == never) return;
        now_ = std::max(now_, due);
        endpoint_.handle_timeout(now_);
        const bool said_something = drain();
        CAUSEWAY_ASSERT(said_something || endpoint_.next_deadline() > due);
    }

    void step() {
        switch (script_.u8() % 12) {
            case 9:
                return stream_message();
            case 10:
                return protected_request();
            case 11:
                return receive(quick());
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

    void stream_message() {
        Message message = *parse_as<Message>(fitting());
        Peer from = peer();
        from.transport = Transport::tcp;
        endpoint_.handle(now_, MessageReceived{from, std::move(message)});
    }
    /// As the other end would make it, now and then with a flaw or once more.
    void protected_request() {
        Message message = *parse_as<Message>(fitting());
        if (!is_request(message.code)) message.code = Code::get;
        Peer from = peer();
        from.context = script_.u8() % 4;
        Binding binding;
        const Type type = message.type;
        const std::uint16_t id = message.id;
        auto sealed = there_.protect_request(now_, from, std::move(message), binding);
        if (!sealed) return;
        sealed->type = type;
        sealed->id = id;
        if (script_.u8() % 8 == 0) sealed->payload.front() ^= std::byte{1};
        for (unsigned copies = script_.u8() % 8 == 0 ? 2 : 1; copies != 0; --copies) {
            if (from.is_reliable())
                endpoint_.handle(now_, MessageReceived{from, *sealed});
            else
                endpoint_.handle(now_, DatagramReceived{from, emitted(*sealed)});
            ++sealed->id;
        }
    }
    /// The response to a protected request of ours, as its server would make it.
    void protected_response() {
        if (!asked_) return;
        Message request = *asked_;
        Opened opened = there_.open_request(now_, asked_peer_, request);
        Message message = *parse_as<Message>(fitting());
        if (!is_response(message.code)) message.code = Code::content;
        const Message outer = message;
        Peer peer = asked_peer_;
        peer.context = opened.context;
        auto sealed = there_.protect_response(now_, peer, std::move(message), opened.binding,
                                              script_.u8() % 2 == 0);
        if (!sealed) return;
        sealed->type = outer.type;
        sealed->id = outer.id;
        sealed->token = asked_->token;
        if (asked_peer_.is_reliable())
            return endpoint_.handle(now_, MessageReceived{asked_peer_, std::move(*sealed)});
        endpoint_.handle(now_, DatagramReceived{asked_peer_, emitted(*sealed)});
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

    /// One of a body in Q-Blocks, or a word about one.
    Octets quick() {
        Message message = *parse_as<Message>(fitting());
        if (message.code == Code::empty) return emitted(message);
        message.type = script_.u8() % 4 == 0 ? Type::confirmable : Type::non_confirmable;
        const unsigned wanted = script_.u8();
        if ((wanted & 1) != 0) message.options.set_uint(OptionNumber::q_block1, script_.u8());
        if ((wanted & 2) != 0) message.options.add_uint(OptionNumber::q_block2, script_.u8());
        if ((wanted & 4) != 0) message.options.add_uint(OptionNumber::q_block2, script_.u8());
        if ((wanted & 8) != 0) message.options.set_uint(OptionNumber::size1, script_.u8());
        if ((wanted & 16) != 0) message.options.set_uint(OptionNumber::size2, script_.u8());
        if ((wanted & 32) != 0)
            message.options.set(OptionNumber::request_tag, Octets{std::byte{script_.u8()}});
        if ((wanted & 64) != 0) {
            message.code = Code::request_entity_incomplete;
            message.options.set_uint(OptionNumber::content_format, missing_blocks_format);
            message.payload =
                to_octets(script_.take(std::min<std::size_t>(4, script_.remaining())));
        }
        if ((wanted & 128) != 0) message.id = script_.be16();
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
        if ((how & 32) != 0) request.peer.context = script_.u8() % 4;
        if ((how & 64) != 0) request.token = Token(Octets(script_.u8() % 20, std::byte{5}));
        endpoint_.handle(now_, std::move(request));
    }

    void odd() {
        const ExchangeId exchange =
            open_.empty() ? ExchangeId{script_.u8()} : open_[script_.u8() % open_.size()];
        switch (script_.u8() % 8) {
            case 3:
                return protected_response();
            case 4: {
                const auto octets = std::uint32_t{script_.be16()};
                return endpoint_.handle(now_, StreamSettings{peer(), octets, octets % 2 == 0});
            }
            case 5: {
                const Peer closing = peer();
                return endpoint_.handle(now_, ChannelClosed{closing.transport, closing.channel});
            }
            case 6:
                there_.contexts.insert(3);
                return void(here_.contexts.erase(2));
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
                CAUSEWAY_ASSERT(!send->peer.is_reliable() && send->peer.context == 0);
                sent(send->peer, std::move(*message));
            }
            if (auto* send = std::get_if<SendMessage>(&*out)) {
                CAUSEWAY_ASSERT(send->peer.is_reliable() && send->peer.context == 0);
                sent(send->peer, std::move(send->message));
            }
            if (auto* request = std::get_if<RequestArrived>(&*out)) {
                open_.push_back(request->exchange);
                if (open_.size() > 16) open_.erase(open_.begin());
                if (slow_) continue;
                if (auto response = server_.handle(*request))
                    endpoint_.handle(now_, Respond{request->exchange, std::move(*response)});
                else
                    endpoint_.handle(now_, Decline{request->exchange});
            }
        }
        return any;
    }

    void sent(const Peer& peer, Message message) {
        last_ = std::move(message);
        if (!is_request(last_.code) || !last_.options.has(OptionNumber::oscore)) return;
        asked_ = last_;
        asked_peer_ = peer;
    }

    ByteReader script_;
    Instant now_ = testing::start;
    testing::ToyProtection here_;
    testing::ToyProtection there_;
    Settings settings_;
    Endpoint endpoint_;
    std::vector<ExchangeId> open_;
    std::optional<Message> asked_;
    Peer asked_peer_;
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
