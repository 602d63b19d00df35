// One end of a connection, fed any octets at any moment. Whole messages, signals most of all, are
// among them; what it says itself is read back. And however a stream is cut, the same comes of it.
#include "base/hex.hpp"
#include "coap/stream.hpp"

#include <array>

using namespace causeway;
using namespace causeway::coap;

namespace {

constexpr Instant start{std::chrono::seconds(1000)};

StreamConfig config_of(unsigned choice) {
    StreamConfig config;
    config.client = (choice & 1) != 0;
    config.framing = (choice & 2) != 0 ? Framing::websocket : Framing::tcp;
    config.message_octets_max = 200;
    config.blocks = (choice & 4) != 0;
    if ((choice & 8) != 0) config.ping_after = std::chrono::seconds(30);
    if ((choice & 16) != 0) config.idle_after = std::chrono::seconds(40);
    config.exchanges_tracked_max = 4;
    config.custodies_max = 2;
    return config;
}

class Session {
public:
    Session(unsigned choice, Bytes script)
        : script_(script), config_(config_of(choice)), connection_(config_, now_) {}

    void run() {
        drain();
        for (int steps = 0; script_.more() && steps < 500; ++steps) {
            step();
            drain();
            CAUSEWAY_ASSERT(connection_.stats().balanced());
            CAUSEWAY_ASSERT(connection_.buffered() <= config_.message_octets_max);
            CAUSEWAY_ASSERT(connection_.asked_of_us().unanswered() <= 4);
            CAUSEWAY_ASSERT(connection_.asked_by_us().observations() <= 4);
        }
        // A peer that is silent from now on is given up, unless nobody asks whether it is there.
        for (int steps = 0; steps < 20; ++steps) tick();
        CAUSEWAY_ASSERT(closed_ == connection_.over());
    }

private:
    void step() {
        switch (script_.u8() % 8) {
            case 0:
                return connection_.received(now_, some());
            case 1:
            case 2:
                return connection_.received(now_, framed(message(), config_.framing));
            case 3:
                connection_.send(now_, message());
                return;
            case 4:
                return tick();
            case 5:
                now_ += std::chrono::milliseconds(script_.be16());
                return connection_.handle_timeout(now_);
            case 6:
                connection_.ping(now_, script_.u8() % 2 == 0);
                return;
            default:
                break;
        }
        const unsigned which = script_.u8() % 32;
        if (which == 0) connection_.abort(now_, "enough");
        if (which == 1) connection_.release(now_, {.alternative_address = "a", .hold_off = {}});
        if (which > 1) connection_.received(now_, framed(csm(), config_.framing));
    }
    void tick() {
        const Instant due = connection_.next_deadline();
        if (due == never) return;
        now_ = std::max(now_, due);
        connection_.handle_timeout(now_);
        const bool said = drain();
        CAUSEWAY_ASSERT(said || connection_.next_deadline() > due);
    }
    Bytes some() { return script_.take(std::min<std::size_t>(script_.u8(), script_.remaining())); }
    Message message() {
        constexpr std::array codes{Code::get,  Code::content, Code::ping,  Code::pong,
                                   Code::csm,  Code::release, Code::abort, Code::empty,
                                   Code::post, Code::changed};
        Message made;
        const unsigned choice = script_.u8();
        made.code = choice < 200 ? codes[choice % codes.size()] : Code{script_.u8()};
        if (made.code == Code::empty) return made;
        const std::byte token{script_.u8()};
        made.token = Token(Bytes(&token, std::to_integer<unsigned>(token) % 2));
        const unsigned options = script_.u8();
        if ((options & 1) != 0)
            made.options.add_uint(OptionNumber{static_cast<std::uint16_t>(options >> 1 & 7)},
                                  script_.u8());
        if ((options & 16) != 0) made.options.add(OptionNumber::observe, {});
        if ((options & 32) != 0) made.payload = to_octets(some());
        return made;
    }
    static Message csm() {
        Message made;
        made.code = Code::csm;
        return made;
    }
    bool drain() {
        bool any = false;
        while (const auto out = connection_.poll_output()) {
            any = true;
            CAUSEWAY_ASSERT(!closed_);  // the last of all
            if (const auto* sent = std::get_if<SendOctets>(&*out)) {
                const auto header = FrameHeader::parse(sent->octets, config_.framing);
                CAUSEWAY_ASSERT(header.has_value());
                CAUSEWAY_ASSERT(parse_frame(*header, sent->octets).has_value());
                CAUSEWAY_ASSERT(first_said_ || header->code == Code::csm);
                first_said_ = true;
            }
            if (std::holds_alternative<Close>(*out)) closed_ = true;
        }
        return any;
    }

    ByteReader script_;
    Instant now_ = start;
    StreamConfig config_;
    StreamConnection connection_;
    bool first_said_ = false;
    bool closed_ = false;
};

std::vector<StreamOutput> outputs(Bytes stream, std::size_t step) {
    StreamConnection connection(config_of(0), start);
    connection.received(start, "00 e1"_hex);
    for (std::size_t at = 0; at < stream.size(); at += step)
        connection.received(start, stream.subspan(at, std::min(step, stream.size() - at)));
    std::vector<StreamOutput> all;
    while (auto out = connection.poll_output()) all.push_back(std::move(*out));
    return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const Bytes octets = std::as_bytes(std::span(data, size));
    Session(data[0], octets.subspan(1)).run();
    const Bytes stream = octets.subspan(1);
    const auto whole = outputs(stream, stream.size());
    CAUSEWAY_ASSERT(whole == outputs(stream, 1u + data[0] % 16u));
    return 0;
}
