// A server between peers that send what they like, sound requests among it, and a host that answers
// writes whenever it likes, on every kind of line. Time moves as the script says. Every request is
// answered once or counted, nothing is written that was refused, and nothing grows.
#include "base/assert.hpp"
#include "scada/modbus/framing.hpp"
#include "scada/modbus/server.hpp"

#include <algorithm>

namespace causeway::scada::modbus::server_fuzz {
namespace {

constexpr std::size_t writes_max = 4;

class Host {
public:
    explicit Host(std::uint8_t mode)
        : framing_(static_cast<Framing>(mode % 3)),
          server_({.framing = framing_,
                   .character_time = (mode & 4) != 0 ? std::chrono::microseconds(1'146)
                                                     : std::chrono::microseconds(0),
                   .echo = (mode & 8) != 0,
                   .answer_for_missing_units = (mode & 16) != 0,
                   .any_unit = (mode & 32) != 0,
                   .peers_max = 3,
                   .writes_max = writes_max},
                  {unit(1), unit(2)}) {}

    void run(ByteReader& in) {
        while (in.more()) {
            const std::uint8_t what = in.u8();
            const auto peer = static_cast<PeerId>(what >> 6);
            switch (what & 7) {
                case 0:
                    server_.handle(now_, LineOpened{peer});
                    break;
                case 1:
                    server_.handle(now_, LineClosed{peer});
                    break;
                case 2:
                    server_.handle(now_, OctetsReceived{peer, in.take(some(in))});
                    break;
                case 3:
                case 4:
                    framed(peer, in);
                    break;
                case 5:
                    pass(std::chrono::milliseconds(1 << (in.u8() & 15)));
                    break;
                case 6:
                    answer(in.u8());
                    break;
                default:
                    change(in);
                    break;
            }
            drain();
        }
        pass(std::chrono::hours(1));
        CAUSEWAY_ASSERT(server_.stats().waiting == 0);
        CAUSEWAY_ASSERT(server_.next_deadline() == never);
    }

private:
    static UnitPlan unit(Unit number) {
        return {.unit = number,
                .extents =
                    {{.area = Area::coil, .address = 3, .count = 30, .writable = true},
                     {.area = Area::coil, .address = 33, .count = 8, .asked = true},
                     {.area = Area::discrete_input, .address = 0, .count = 9},
                     {.area = Area::input_register, .address = 65'530, .count = 6},
                     {.area = Area::holding_register, .address = 0, .count = 99, .writable = true},
                     {.area = Area::holding_register, .address = 99, .count = 9, .asked = true}},
                .identification = {"a", "b", "c", std::string(250, 'd'), "", "f"},
                .server_id = {1, 0xff},
                .files_max = 2};
    }
    static std::size_t some(ByteReader& in) {
        return std::min<std::size_t>(in.u8(), in.remaining());
    }

    void framed(PeerId peer, ByteReader& in) {
        const std::uint8_t unit_of = in.u8();
        const Bytes pdu = in.take(std::min<std::size_t>(some(in), pdu_octets_max));
        if (pdu.empty()) return;
        Octets octets;
        append_adu(octets, framing_, {in.peek(), static_cast<Unit>(unit_of & 3), pdu});
        server_.handle(now_, OctetsReceived{peer, octets});
    }

    void pass(Duration time) {
        const Instant end = now_ + time;
        for (int turns = 0; server_.next_deadline() <= end; ++turns) {
            CAUSEWAY_ASSERT(turns < 10'000);
            now_ = std::max(now_, server_.next_deadline());
            server_.handle_timeout(now_);
            drain();
        }
        now_ = end;
    }

    void answer(std::uint8_t how) {
        if (asked_.empty()) return;
        const std::size_t at = how % asked_.size();
        const auto id = asked_[at];
        asked_.erase(asked_.begin() + static_cast<std::ptrdiff_t>(at));
        std::optional<Exception> exception;
        if ((how & 0x80) != 0) exception = Exception::server_device_failure;
        server_.handle(now_, Server::WriteAnswered{id, exception});
    }

    void change(ByteReader& in) {
        const auto area = static_cast<Area>(in.u8() & 3);
        const std::uint16_t address = in.be16();
        std::optional<Exception> exception;
        if ((address & 1) != 0) exception = Exception::gateway_target_failed;
        server_.fail(1, area, address, in.u8(), exception);
        const std::uint16_t value = in.u8();
        server_.set(2, area, address, std::span(&value, 1));
        server_.set_fifo(1, address, std::vector<std::uint16_t>(value, value));
    }

    void drain() {
        std::size_t outputs = 0;
        while (auto output = server_.poll_output()) {
            CAUSEWAY_ASSERT(++outputs < 100'000);
            if (const auto* sent = std::get_if<Transmit>(&*output))
                CAUSEWAY_ASSERT(!sent->octets.empty());
            if (const auto* wanted = std::get_if<Server::WriteRequested>(&*output)) {
                CAUSEWAY_ASSERT(!wanted->values.empty());
                asked_.push_back(wanted->id);
                if (asked_.size() > 100) asked_.erase(asked_.begin());
            }
            if (const auto* done = std::get_if<Server::Written>(&*output))
                CAUSEWAY_ASSERT(server_.at(done->unit, done->area, done->address).has_value());
        }
        CAUSEWAY_ASSERT(server_.stats().balanced());
        CAUSEWAY_ASSERT(server_.stats().waiting <= writes_max);
    }

    Framing framing_;
    Instant now_{};
    Server server_;
    std::vector<Server::WriteId> asked_;
};

}  // namespace
}  // namespace causeway::scada::modbus::server_fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace causeway;
    if (size == 0) return 0;
    ByteReader in(std::as_bytes(std::span(data + 1, size - 1)));
    scada::modbus::server_fuzz::Host(data[0]).run(in);
    return 0;
}
