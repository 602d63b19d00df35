#include "link/ieee802154/mac.hpp"

using namespace causeway;
using namespace causeway::link::ieee802154;

namespace {

constexpr Address us = Address::extended(0xc0ffee0000000001);
constexpr Address them = Address::extended(0xc0ffee0000000002);

/// The host of one MAC: moves time, plays the radio, holds the MAC to the protocol between them.
class Host {
public:
    explicit Host(std::uint8_t options)
        : mac_({.address = us,
                .short_address = Address::short_address(1),
                .pan = PanId{0xabcd},
                .settings = {.queue_frames_max = options % 5u, .neighbours_max = options % 3u},
                .promiscuous = (options & 0x80) != 0,
                .pan_coordinator = (options & 0x40) != 0},
               Random(options), {}, now_) {}

    void run(ByteReader& in) {
        while (in.more()) {
            step(in);
            CAUSEWAY_ASSERT(mac_.stats().balanced());
        }
        settle();
    }

private:
    void step(ByteReader& in) {
        switch (in.u8() % 8) {
            case 0:
                now_ += Duration(in.u8() * 10'000);
                break;
            case 1:
                now_ += std::chrono::milliseconds(in.u8());
                break;
            case 2:
                wake();
                break;
            case 3:
                mac_.handle_timeout(now_);
                break;  // early, late or twice
            case 4: {
                SendData data{.destination = destination(in.u8()), .handle = asked_++};
                data.payload.assign(in.take(std::min<std::size_t>(in.u8() % 117, in.remaining())));
                data.acknowledged = data.payload.size() % 4 != 0;
                mac_.handle(now_, std::move(data));
                break;
            }
            case 5: {
                FrameReceived received;
                received.frame.assign(
                    in.take(std::min<std::size_t>(in.u8() % 126, in.remaining())));
                mac_.handle(now_, std::move(received));
                break;
            }
            case 6:
                mac_.handle(now_, TransmitEnded{.channel_was_clear = in.u8() % 4 != 0});
                transmitting_ = false;
                break;
            case 7:
                acknowledge();
                break;
        }
        drain();
    }

    static Address destination(std::uint8_t choice) {
        switch (choice % 4) {
            case 0:
                return Address::broadcast();
            case 1:
                return {};
            case 2:
                return Address::short_address(choice);
            default:
                return them;
        }
    }

    void acknowledge() {
        FrameReceived ack;
        ack.frame.assign(Bytes(ack_));
        mac_.handle(now_, std::move(ack));
    }

    // Law 3: a timeout at the deadline makes an output or a later deadline.
    void wake() {
        const Instant due = mac_.next_deadline();
        if (due == never) return;
        now_ = std::max(now_, due);
        const std::uint64_t outputs = outputs_;
        // A radio that was silent for so long has given up on what it was told.
        if (now_ >= transmit_until_) transmitting_ = false;
        mac_.handle_timeout(now_);
        drain();
        CAUSEWAY_ASSERT(outputs_ != outputs || mac_.next_deadline() > due ||
                        mac_.next_deadline() == never);
    }

    void drain() {
        if (now_ >= transmit_until_) transmitting_ = false;
        while (const auto out = mac_.poll_output()) {
            ++outputs_;
            CAUSEWAY_ASSERT(outputs_ < 100'000'000);
            if (const auto* transmit = std::get_if<TransmitFrame>(&*out)) {
                CAUSEWAY_ASSERT(!transmitting_);
                CAUSEWAY_ASSERT(FrameView::parse(transmit->frame.bytes()).has_value());
                transmitting_ = true;
                transmit_until_ = now_ + Mac::radio_answer_max;
                if (transmit->assess_channel) ack_[2] = transmit->frame[2];
            } else if (const auto* sent = std::get_if<DataSent>(&*out)) {
                CAUSEWAY_ASSERT(sent->attempts <= 8);
                ++answered_;
            }
        }
    }

    // With nothing more coming in, the MAC comes to rest, and every request has had its answer.
    void settle() {
        for (int i = 0; mac_.next_deadline() != never; ++i) {
            CAUSEWAY_ASSERT(i < 5000);
            wake();
        }
        CAUSEWAY_ASSERT(answered_ == asked_);
        CAUSEWAY_ASSERT(mac_.stats().sends_waiting == 0);
        CAUSEWAY_ASSERT(mac_.stats().balanced());
    }

    Instant now_{std::chrono::seconds(1)};
    Mac mac_;
    bool transmitting_ = false;
    Instant transmit_until_ = never;
    std::array<std::byte, 3> ack_{std::byte{2}};
    std::uint32_t asked_ = 0;
    std::uint32_t answered_ = 0;
    std::uint64_t outputs_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ByteReader in(std::as_bytes(std::span(data, size)));
    Host(in.u8()).run(in);
    return 0;
}
