// OSCORE: the option, and two ends with an attacker between them who follows a script: what goes
// over the wire is kept, repeated, reordered and damaged, and both ends lose their power. Whatever
// happens, no request is heard twice, no number is used twice, and the counters add up.
#include "base/cbor.hpp"
#include "base/hex.hpp"
#include "secure/oscore.hpp"

#include <set>

using namespace causeway;
using namespace causeway::secure;
using coap::Code;
using coap::Message;
using coap::Opened;
using coap::OptionNumber;

namespace {

constexpr std::size_t kept_max = 32;

ContextConfig config_of(bool server) {
    ContextConfig config{.master_secret = "0102030405060708"_hex,
                         .id_context = "aa"_hex,
                         .sender_id = "c1"_hex,
                         .recipient_id = {}};
    if (server) std::swap(config.sender_id, config.recipient_id);
    return config;
}

struct Wire {
    Message message;
    coap::Binding binding;
    std::uint64_t label = 0;  // says which request it was, in secret
};

struct End {
    explicit End(bool is_server) : server(is_server) { start(); }

    void start() {
        if (oscore) CAUSEWAY_ASSERT(oscore->stats().balanced());
        ContextConfig config = config_of(server);
        config.state = state;
        oscore.emplace(
            OscoreSettings{.replay_window = 16, .reserve_step = 3, .observations_max = 2},
            Random(++lives));
        peer.context = oscore->add(config).value();
        drain();
    }
    void drain() {
        while (auto save = oscore->poll_output()) state = save->state;
    }
    /// What leaves is looked at: a number of this end's own is a new one.
    void sent(const Message& message, Bytes request) {
        drain();
        const auto value = message.options.find(OptionNumber::oscore);
        CAUSEWAY_ASSERT(value.has_value());
        const auto option = parse_as<OscoreOption>(*value);
        CAUSEWAY_ASSERT(option.has_value());
        if (option->partial_iv.empty())
            CAUSEWAY_ASSERT(borrowed.insert(sequence_of(request)).second);
        else
            CAUSEWAY_ASSERT(numbers.insert(sequence_of(option->partial_iv.bytes())).second);
    }

    bool server;
    std::optional<Oscore> oscore;
    coap::Peer peer;
    Octets state;
    std::uint64_t lives = 0;
    std::set<std::uint64_t> numbers;   // used, over all lives
    std::set<std::uint64_t> borrowed;  // numbers of requests whose nonce was used
    std::set<std::uint64_t> heard;     // requests
};

class Script {
public:
    explicit Script(Bytes octets) : in_(octets) {}

    void run() {
        while (in_.more()) step();
        for (End* end : {&client_, &server_}) CAUSEWAY_ASSERT(end->oscore->stats().balanced());
    }

private:
    std::uint8_t pick(std::size_t bound) {
        return bound == 0 ? std::uint8_t{0} : static_cast<std::uint8_t>(in_.u8() % bound);
    }
    void keep(std::vector<Wire>& where, Wire wire) {
        if (where.size() == kept_max) where.erase(where.begin());
        where.push_back(std::move(wire));
    }

    void step() {
        switch (in_.u8() % 10) {
            case 0:
                return request();
            case 1:
                return deliver(false);
            case 2:
                return deliver(true);
            case 3:
                return answer(false);
            case 4:
                return answer(true);
            case 5:
                return hear(false);
            case 6:
                return hear(true);
            case 7:
                return restart();
            case 8:
                return raw();
            default:
                return option();
        }
    }

    void request() {
        Message message;
        message.code = Code::get;
        const std::uint8_t how = in_.u8();
        if ((how & 1) != 0) message.options.add_uint(OptionNumber::observe, how >> 1 & 1);
        if ((how & 4) != 0 && !echo_.empty()) message.options.add(OptionNumber::echo, echo_);
        if ((how & 8) != 0) message.options.add(OptionNumber{in_.be16()}, in_.take(how >> 4));
        message.payload.resize(8);
        const std::uint64_t label = ++labels_;
        ByteWriter(message.payload).be64(label);
        Wire wire{.message = {}, .binding = {}, .label = label};
        auto sealed =
            client_.oscore->protect_request({}, client_.peer, std::move(message), wire.binding);
        if (!sealed) return;
        client_.sent(*sealed, {});
        wire.message = std::move(*sealed);
        keep(requests_, std::move(wire));
    }

    void damage(Message& message) {
        if (message.payload.empty()) return;
        message.payload[in_.u8() % message.payload.size()] ^= std::byte{in_.u8()};
    }

    void deliver(bool damaged) {
        if (requests_.empty()) return;
        const Wire wire = requests_[pick(requests_.size())];
        Message message = wire.message;
        if (damaged) damage(message);
        const bool changed = message.payload != wire.message.payload;
        const Opened opened = server_.oscore->open_request({}, {}, message);
        server_.drain();
        if (opened.reply && opened.reply->options.has(OptionNumber::oscore)) {
            server_.sent(*opened.reply, wire.binding.bytes());
            keep(replies_, {.message = *opened.reply, .binding = wire.binding});
        }
        if (opened.verdict != Opened::Verdict::opened) return;
        CAUSEWAY_ASSERT(!changed && opened.context == server_.peer.context);
        CAUSEWAY_ASSERT(same(opened.binding.bytes(), wire.binding.bytes()));
        CAUSEWAY_ASSERT(ByteReader(message.payload).be64() == wire.label);
        CAUSEWAY_ASSERT(server_.heard.insert(wire.label).second);
        keep(open_, {.message = std::move(message), .binding = opened.binding});
    }

    void answer(bool notification) {
        if (open_.empty()) return;
        const Wire& wire = open_[pick(open_.size())];
        Message message;
        message.code = Code::content;
        if (notification) message.options.add_uint(OptionNumber::observe, in_.u8());
        message.payload = to_octets(wire.binding.bytes());
        auto sealed = server_.oscore->protect_response({}, server_.peer, std::move(message),
                                                       wire.binding, notification);
        if (!sealed) return;
        server_.sent(*sealed, wire.binding.bytes());
        keep(replies_, {.message = std::move(*sealed), .binding = wire.binding});
    }

    void hear(bool damaged) {
        if (replies_.empty()) return;
        const Wire wire = replies_[pick(replies_.size())];
        coap::Binding binding = wire.binding;
        if (!requests_.empty() && (in_.u8() & 1) != 0)
            binding = requests_[pick(requests_.size())].binding;
        Message message = wire.message;
        if (damaged) damage(message);
        const bool changed = message.payload != wire.message.payload;
        if (!client_.oscore->open_response({}, client_.peer, message, binding)) return;
        CAUSEWAY_ASSERT(!changed && binding == wire.binding);
        if (message.code == Code::unauthorized)
            echo_ = to_octets(message.options.find(OptionNumber::echo).value());
        else if (message.code == Code::content)
            CAUSEWAY_ASSERT(same(message.payload, binding.bytes()));
    }

    void restart() {
        const std::uint8_t how = in_.u8();
        End& end = (how & 1) != 0 ? server_ : client_;
        if ((how & 2) != 0) end.oscore->close();
        end.drain();
        end.start();
        if (end.server) open_.clear();
    }

    /// Octets that no key made.
    void raw() {
        Message message;
        const std::uint8_t how = in_.u8();
        message.code = Code{in_.u8()};
        message.options.add(OptionNumber::oscore, in_.take(how & 15u));
        const Bytes payload = in_.take(how >> 4);
        message.payload = to_octets(payload);
        Message copy = message;
        const Opened opened = server_.oscore->open_request({}, {}, message);
        CAUSEWAY_ASSERT(opened.verdict == Opened::Verdict::refused);
        CAUSEWAY_ASSERT(
            !client_.oscore->open_response({}, client_.peer, copy, coap::Binding("00"_hex)));
    }

    void option() {
        const Bytes octets = in_.take(in_.u8());
        const auto option = parse_as<OscoreOption>(octets);
        if (!option) return;
        CAUSEWAY_ASSERT(parse_as<OscoreOption>(emitted(*option)) == option);
        if (same(octets, "00"_hex)) return;  // what should have been empty
        CAUSEWAY_ASSERT(emitted(*option) == to_octets(octets));
    }

    ByteReader in_;
    End client_{false};
    End server_{true};
    std::vector<Wire> requests_;
    std::vector<Wire> open_;
    std::vector<Wire> replies_;
    Octets echo_;
    std::uint64_t labels_ = 0;
};

/// A stored state is read, or refused.
void restore(Bytes octets) {
    ContextConfig config = config_of(true);
    config.state = to_octets(octets);
    Oscore oscore({}, Random(1));
    (void)oscore.add(config);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes octets = std::as_bytes(std::span(data, size));
    if (size > 0 && data[0] == 0xff)
        restore(octets.subspan(1));
    else
        Script(octets).run();
    return 0;
}
