#pragma once
// Object security as a toy, for this room's tests: the inner message XORed with a stream that a
// counter and a context start, and a sum over it and the request it belongs to. It keeps no secret;
// it notices what an endpoint might do wrong with the real one.
#include "coap/protection.hpp"
#include "coap/testing.hpp"

#include <set>

namespace causeway::coap::testing {

class ToyProtection : public Protection {
public:
    /// The context of both ends is 1 and more; what is not in the set is gone.
    std::set<std::uint32_t> contexts{1, 2};
    std::size_t requests_protected = 0;
    std::size_t responses_protected = 0;
    std::size_t notifications_protected = 0;
    std::size_t replays = 0;
    std::optional<Message> refuse_with{};

    std::optional<Message> protect_request(Instant /*now*/, const Peer& peer, Message message,
                                           Binding& binding) override {
        if (!contexts.contains(peer.context)) return std::nullopt;
        ++requests_protected;
        const Octets counter = counter_octets(++counter_);
        binding.assign(counter);
        return sealed(peer.context, std::move(message), counter, binding, Code::post,
                      counter_octets(peer.context, counter));
    }
    bool open_response(Instant /*now*/, const Peer& peer, Message& message,
                       const Binding& binding) override {
        const auto value = message.options.find(OptionNumber::oscore);
        if (!value) return true;
        const Octets counter = value->empty() ? to_octets(binding.bytes()) : to_octets(*value);
        return opened(peer.context, message, counter, binding);
    }
    Opened open_request(Instant /*now*/, const Peer& /*outer*/, Message& message) override {
        Opened result;
        const auto value = message.options.find(OptionNumber::oscore);
        if (!value) return result;
        result.verdict = Opened::Verdict::refused;
        result.error = Code::unauthorized;
        result.reply = refuse_with;
        if (value->size() != 8) return result;
        ByteReader in(*value);
        result.context = in.be32();
        const std::uint32_t number = in.be32();
        result.binding.assign(value->subspan(4));
        if (!contexts.contains(result.context)) return result;
        if (!seen_.emplace(result.context, number).second) {
            ++replays;
            return result;
        }
        const Octets counter = to_octets(result.binding.bytes());
        if (!opened(result.context, message, counter, result.binding)) {
            result.error = Code::bad_request;
            return result;
        }
        result.verdict = Opened::Verdict::opened;
        return result;
    }
    std::optional<Message> protect_response(Instant /*now*/, const Peer& peer, Message message,
                                            const Binding& binding, bool notification) override {
        if (!contexts.contains(peer.context)) return std::nullopt;
        ++(notification ? notifications_protected : responses_protected);
        if (!notification)
            return sealed(peer.context, std::move(message), to_octets(binding.bytes()), binding,
                          Code::changed, {});
        // Numbers of this side must not meet those of the other.
        const Octets counter = counter_octets(++counter_ | 0x80000000u);
        return sealed(peer.context, std::move(message), counter, binding, Code::changed, counter);
    }

private:
    static Octets counter_octets(std::uint32_t number) {
        Octets octets(4);
        ByteWriter(octets).be32(number);
        return octets;
    }
    static Octets counter_octets(std::uint32_t context, Bytes counter) {
        Octets octets = counter_octets(context);
        octets.insert(octets.end(), counter.begin(), counter.end());
        return octets;
    }
    static std::uint64_t seed_of(std::uint32_t context, Bytes counter) {
        ByteReader in(counter);
        return std::uint64_t{context} << 32 | in.be32();
    }
    static void scramble(std::uint32_t context, Bytes counter, Octets& octets) {
        Random stream(seed_of(context, counter));
        for (std::byte& b : octets) b ^= std::byte(stream.next() & 0xff);
    }
    static std::uint32_t sum_of(Bytes octets, const Binding& binding) {
        std::uint32_t sum = 17;
        for (const std::byte b : octets) sum = sum * 31 + std::to_integer<std::uint32_t>(b);
        for (const std::byte b : binding.bytes())
            sum = sum * 31 + std::to_integer<std::uint32_t>(b);
        return sum;
    }
    static std::optional<Message> sealed(std::uint32_t context, Message message, Bytes counter,
                                         const Binding& binding, Code outer_code, Bytes option) {
        Message outer;
        outer.type = message.type;
        outer.id = message.id;
        outer.token = message.token;
        outer.code = outer_code;
        if (const auto observe = message.options.uint(OptionNumber::observe))
            outer.options.add_uint(OptionNumber::observe, *observe);
        outer.options.add(OptionNumber::oscore, option);
        message.token = Token{};
        message.type = Type::confirmable;
        message.id = 0;
        Octets inner = emitted(message);
        const std::uint32_t sum = sum_of(inner, binding);
        inner.resize(inner.size() + 4);
        ByteWriter(MutableBytes(inner).last(4)).be32(sum);
        scramble(context, counter, inner);
        outer.payload = std::move(inner);
        return outer;
    }
    static bool opened(std::uint32_t context, Message& message, Bytes counter,
                       const Binding& binding) {
        Octets inner = message.payload;
        if (inner.size() < 8 || counter.size() != 4) return false;
        scramble(context, counter, inner);
        ByteReader tail(Bytes(inner).last(4));
        const std::uint32_t sum = tail.be32();
        inner.resize(inner.size() - 4);
        if (sum != sum_of(inner, binding)) return false;
        auto parsed = parse_as<Message>(inner);
        if (!parsed) return false;
        message.code = parsed->code;
        message.options = std::move(parsed->options);
        message.payload = std::move(parsed->payload);
        return true;
    }

    std::uint32_t counter_ = 0;
    std::set<std::pair<std::uint32_t, std::uint32_t>> seen_;
};

}  // namespace causeway::coap::testing
