// A client whose devices say what they like: sound answers to what they were asked, answers to what
// they were not, noise; on every kind of line, while requests come and the line goes. Every request
// has one outcome, a write is on the line once unless its answer said that it had not arrived, and
// the client never stops.
#include "base/assert.hpp"
#include "scada/modbus/client.hpp"
#include "scada/modbus/framing.hpp"

#include <algorithm>
#include <map>

namespace causeway::scada::modbus::client_fuzz {
namespace {

using std::chrono::milliseconds;

class Host {
public:
    explicit Host(std::uint8_t mode)
        : framing_(static_cast<Framing>(mode % 3)),
          client_({.framing = framing_,
                   .character_time = (mode & 4) != 0 ? std::chrono::microseconds(573)
                                                     : std::chrono::microseconds(0),
                   .echo = (mode & 8) != 0,
                   .in_flight_max = 1u + (mode >> 6),
                   .in_flight_per_device_max = 1u + (mode >> 7),
                   .queue_max = 4},
                  plans(mode)) {}

    void run(ByteReader& in) {
        while (in.more()) {
            const std::uint8_t what = in.u8();
            switch (what & 7) {
                case 0:
                    client_.handle(now_, LineOpened{});
                    break;
                case 1:
                    if ((what & 0x30) == 0) client_.handle(now_, LineClosed{});
                    break;
                case 2:
                    client_.handle(now_, OctetsReceived{{}, in.take(some(in))});
                    break;
                case 3:
                case 4:
                    answer(what, in);
                    break;
                case 5:
                    pass(milliseconds(1 << (in.u8() & 11)));
                    break;
                case 6:
                    ask(what, in);
                    break;
                default:
                    client_.handle(now_, Client::SetPolling{what >> 3u & 1u, (what & 0x80) != 0});
                    break;
            }
            drain();
        }
        client_.handle(now_, LineClosed{});
        drain();
        pass(milliseconds(11'000));  // should it have closed the line between polls
        for (const auto& [tag, times] : outcomes_) CAUSEWAY_ASSERT(times == 1);
        CAUSEWAY_ASSERT(client_.stats().under_way == 0);
        CAUSEWAY_ASSERT(client_.next_deadline() == never);
    }

private:
    static std::vector<DevicePlan> plans(std::uint8_t mode) {
        std::vector<DevicePlan> all{
            {.name = "a",
             .unit = 1,
             .items = {{.address = 0, .count = 4, .every = milliseconds(50)},
                       {.address = 6, .count = 2, .every = milliseconds(50)},
                       {.area = Area::coil, .address = 9, .count = 19, .every = milliseconds(70)},
                       {.address = 100, .count = 1, .every = {}}},
             .timeout = milliseconds(30),
             .registers_max = 3},
            {.name = "b",
             .unit = 2,
             .items = {{.area = Area::input_register, .address = 65'535, .count = 9}},
             .timeout = milliseconds(20),
             .retries = 0,
             .pause = milliseconds(7),
             .close_after_poll = (mode & 16) != 0,
             .failures_max = 1,
             .busy_retries = 1}};
        return all;
    }
    static std::size_t some(ByteReader& in) {
        return std::min<std::size_t>(in.u8(), in.remaining());
    }

    void ask(std::uint8_t what, ByteReader& in) {
        const Bytes pdu = in.take(some(in));
        Octets own = to_octets(pdu);
        const bool write = (what & 0x20) != 0;
        if (write) {  // one that can be told apart
            own = write_register_request(7, static_cast<std::uint16_t>(++tag_));
        } else {
            ++tag_;
        }
        outcomes_[tag_] = 0;
        client_.handle(now_, Client::Request{.tag = tag_,
                                             .device = what >> 3u & 1u,
                                             .pdu = std::move(own),
                                             .write = write,
                                             .broadcast = (what & 0xc0) == 0xc0});
    }

    /// Soundly framed; to the last request, or to none.
    void answer(std::uint8_t what, ByteReader& in) {
        const Unit unit = (what & 0x40) != 0 ? static_cast<Unit>(in.u8() & 3) : unit_;
        const std::uint16_t transaction = (what & 0x80) != 0 ? in.u8() : transaction_;
        Octets pdu;
        if ((what & 0x30) == 0) {
            pdu = to_octets(in.take(std::min<std::size_t>(some(in), pdu_octets_max)));
        } else if ((what & 0x30) == 0x10 || asked_.size() < 5) {
            pdu = {asked_.empty() ? std::byte{0x83} : asked_[0] | std::byte{0x80},
                   static_cast<std::byte>(in.u8() & 15)};
        } else if (asked_[0] <= std::byte{4}) {
            const bool bits = asked_[0] <= std::byte{2};
            const std::size_t count = std::to_integer<std::size_t>(asked_[4]);
            const std::size_t octets = bits ? (count + 7) / 8 : 2 * count;
            pdu = {asked_[0], static_cast<std::byte>(octets)};
            pdu.resize(2 + std::min<std::size_t>(octets, 250));
        } else {
            pdu = to_octets(Bytes(asked_).first(5));
        }
        if (pdu.empty()) return;
        Octets octets;
        append_adu(octets, framing_, {transaction, unit, pdu});
        refused_ = exception_of(pdu).has_value();
        client_.handle(now_, OctetsReceived{{}, octets});
    }

    void pass(Duration time) {
        const Instant end = now_ + time;
        for (int turns = 0; client_.next_deadline() <= end; ++turns) {
            CAUSEWAY_ASSERT(turns < 100'000);
            const Instant due = client_.next_deadline();
            now_ = std::max(now_, due);
            client_.handle_timeout(now_);
            drain();
        }
        now_ = end;
    }

    void sent(Bytes octets) {
        FrameFaults faults;
        Adu adu;
        if (framing_ == Framing::tcp) {
            TcpFrames frames;
            adu = *frames.next(octets);
            note(adu);
        } else if (framing_ == Framing::ascii) {
            AsciiFrames frames;
            adu = *frames.next(octets, faults);
            note(adu);
        } else {
            CAUSEWAY_ASSERT(crc_of(octets) == 0);
            note({0, std::to_integer<Unit>(octets[0]), octets.subspan(1, octets.size() - 3)});
        }
    }
    void note(const Adu& adu) {
        unit_ = adu.unit;
        transaction_ = adu.transaction;
        asked_ = to_octets(adu.pdu);
        if (asked_.size() != 5 || asked_[0] != std::byte{6}) return;
        ByteReader in(Bytes(asked_).subspan(3));
        const std::uint16_t tag = in.be16();
        if (tag == 0) return;
        CAUSEWAY_ASSERT(++written_[tag] == 1 || refused_before_ || refused_);
        refused_before_ = refused_before_ || refused_;
    }

    void drain() {
        std::size_t outputs = 0;
        while (auto output = client_.poll_output()) {
            CAUSEWAY_ASSERT(++outputs < 10'000);
            if (const auto* out = std::get_if<Transmit>(&*output)) sent(out->octets);
            if (const auto* got = std::get_if<Client::Answered>(&*output))
                CAUSEWAY_ASSERT(++outcomes_[got->tag] == 1);
            if (const auto* read = std::get_if<Client::ItemRead>(&*output))
                CAUSEWAY_ASSERT(!read->registers.empty());
        }
        refused_before_ = refused_before_ || refused_;
        CAUSEWAY_ASSERT(client_.stats().balanced());
    }

    Framing framing_;
    Instant now_{};
    Client client_;
    Unit unit_ = 1;
    std::uint16_t transaction_ = 0;
    Octets asked_;
    std::uint64_t tag_ = 0;
    std::map<std::uint64_t, int> outcomes_;
    std::map<std::uint16_t, int> written_;
    bool refused_ = false;         // by the answer at hand
    bool refused_before_ = false;  // by any: busy may be asked again later
};

}  // namespace
}  // namespace causeway::scada::modbus::client_fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace causeway;
    if (size == 0) return 0;
    ByteReader in(std::as_bytes(std::span(data + 1, size - 1)));
    scada::modbus::client_fuzz::Host(data[0]).run(in);
    return 0;
}
