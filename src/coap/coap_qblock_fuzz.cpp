// The four roles of a body in Q-Blocks, fed messages that could be theirs at any moment; and what
// any octets say is missing.
#include "coap/qblock.hpp"

#include <array>

using namespace causeway;
using namespace causeway::coap;

namespace {

constexpr std::size_t limit = 400;
constexpr Instant start{std::chrono::seconds(1000)};

QBlockSettings settings() {
    QBlockSettings small;
    small.max_payloads = 3;
    small.body_octets_max = limit;
    return small;
}

Message head(Code code) {
    Message message;
    message.code = code;
    message.options.add(OptionNumber::etag, Octets{std::byte{1}});
    return message;
}

class Session {
public:
    explicit Session(Bytes script)
        : script_(script),
          up_client_(settings(), head(Code::put), Octets(script_.u8(), std::byte{1}), 0,
                     as_octets("t"), random_, start, stats_),
          up_server_(settings(), start, stats_),
          down_server_(settings(), head(Code::content), Octets(script_.u8(), std::byte{2}), 0,
                       random_, start, stats_),
          down_client_(settings(), head(Code::get), random_, stats_) {}

    void run() {
        for (int steps = 0; script_.more() && steps < 400; ++steps) {
            const unsigned which = script_.u8();
            if (which % 8 == 7) now_ += std::chrono::milliseconds(script_.be16());
            const bool in_time = which % 8 >= 6;
            each([&, n = 0u](auto& machine) mutable {
                if (in_time)
                    tick(machine);
                else if (n++ == which % 4)
                    machine.handle(now_, message());
                drain(machine);
            });
            CAUSEWAY_ASSERT(stats_.balanced());
        }
        // Time alone brings each to its end.
        each([&](auto& machine) {
            now_ = start + std::chrono::hours(1);
            for (int steps = 0; machine.next_deadline() != never; ++steps) {
                CAUSEWAY_ASSERT(steps < 100);
                now_ = std::max(now_, machine.next_deadline());
                tick(machine);
            }
        });
    }

private:
    void each(auto&& what) {
        what(up_client_);
        what(up_server_);
        what(down_server_);
        what(down_client_);
    }
    void tick(auto& machine) {
        const Instant due = machine.next_deadline();
        machine.handle_timeout(now_);
        const bool said = drain(machine);
        CAUSEWAY_ASSERT(due > now_ || said || machine.next_deadline() > due);
    }
    bool drain(auto& machine) {
        bool any = false;
        for (std::size_t n = 0; auto out = machine.poll_output(); ++n) {
            any = true;
            CAUSEWAY_ASSERT(n < 8);  // a set, what is missing of one, and a word
            if (auto* send = std::get_if<QBlockSend>(&*out)) {
                CAUSEWAY_ASSERT(send->message.payload.size() <= 64);
                last_ = send->message.token;
                CAUSEWAY_ASSERT(parse_as<Message>(emitted(send->message)).has_value());
            }
            if (auto* body = std::get_if<QBlockBody>(&*out))
                CAUSEWAY_ASSERT(body->body.size() <= limit);
        }
        return any;
    }
    Message message() {
        constexpr std::array codes{Code::put, Code::continue_, Code::request_entity_incomplete,
                                   Code::content, Code::changed};
        Message made;
        made.code = codes[script_.u8() % codes.size()];
        made.token = script_.u8() % 8 == 0 ? Token(as_octets("x")) : last_;
        const unsigned options = script_.u8();
        using enum OptionNumber;
        if ((options & 1) != 0) made.options.add_uint(q_block1, number());
        for (unsigned n = 0; n < (options >> 1 & 3); ++n) made.options.add_uint(q_block2, number());
        if ((options & 8) != 0) {
            made.options.add_uint(size1, script_.u8());
            made.options.add_uint(size2, script_.u8());
        }
        if ((options & 16) != 0) made.options.add(request_tag, as_octets("t"));
        if ((options & 32) != 0) made.options.add_uint(content_format, missing_blocks_format);
        if ((options & 64) != 0) made.options.add(etag, Octets{std::byte(options >> 7)});
        const std::size_t size = script_.u8();
        made.payload = size < 200
                           ? Octets(16, std::byte{3})
                           : to_octets(script_.take(std::min(size % 20, script_.remaining())));
        return made;
    }
    std::uint32_t number() {
        const std::uint32_t octet = script_.u8();
        return octet < 128 ? octet << 3 : octet << 12 | script_.u8();
    }

    ByteReader script_;
    Instant now_ = start;
    Random random_{1};
    QBlockStats stats_;
    QBlock1Client up_client_;
    QBlock1Server up_server_;
    QBlock2Server down_server_;
    QBlock2Client down_client_;
    Token last_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes octets = std::as_bytes(std::span(data, size));
    if (const auto numbers = parse_missing_blocks(octets))
        CAUSEWAY_ASSERT(parse_missing_blocks(missing_blocks(*numbers)) == numbers);
    Session(octets).run();
    return 0;
}
