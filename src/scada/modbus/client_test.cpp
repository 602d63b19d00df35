// The client: what it asks whom and when, and what it makes of answers, silence and noise.
#include "scada/modbus/client.hpp"
#include "base/hex.hpp"
#include "scada/modbus/framing.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace causeway::scada::modbus::client_test {
namespace {

using namespace std::chrono_literals;
using Registers = std::vector<std::uint16_t>;
using Fate = Client::Answered::Fate;

PollItem holding(std::uint16_t address, std::uint16_t count, Duration every = 1s) {
    return {.area = Area::holding_register, .address = address, .count = count, .every = every};
}

DevicePlan device(Unit unit, std::vector<PollItem> items) {
    return {.name = "d" + std::to_string(unit),
            .unit = unit,
            .items = std::move(items),
            .timeout = 100ms,
            .retries = 0};
}

constexpr ClientSettings tcp{.framing = Framing::tcp};
constexpr ClientSettings rtu{.framing = Framing::rtu, .character_time = {}};

class Bench {
public:
    struct Asked {
        Instant at{};
        std::uint16_t transaction = 0;
        Unit unit = 0;
        std::string pdu{};
    };

    Bench(ClientSettings settings, std::vector<DevicePlan> devices, bool open = true)
        : framing_(settings.framing), client_(settings, std::move(devices)) {
        if (open) handle(LineOpened{});
    }

    void handle(Client::Input input) {
        client_.handle(now_, std::move(input));
        drain();
    }
    void pass(Duration time) {
        const Instant end = now_ + time;
        int turns = 0;
        while (client_.next_deadline() <= end) {
            ASSERT_LT(++turns, 100'000) << "never rests";
            now_ = std::max(now_, client_.next_deadline());
            client_.handle_timeout(now_);
            drain();
        }
        now_ = end;
    }
    /// The oldest request that was not looked at yet.
    Asked next() {
        if (asked_.empty()) return {.pdu = "none"};
        Asked asked = asked_.front();
        asked_.erase(asked_.begin());
        return asked;
    }
    std::string next_pdu() { return next().pdu; }
    void answer(const Asked& to, std::string_view pdu) { answer(to, pdu, to.unit); }
    void answer(const Asked& to, std::string_view pdu, Unit unit) {
        Octets octets;
        append_adu(octets, framing_, {to.transaction, unit, *from_hex(pdu)});
        handle(OctetsReceived{{}, octets});
    }
    void send(std::uint64_t tag, Octets pdu, bool write, std::size_t index = 0) {
        handle(Client::Request{.tag = tag, .device = index, .pdu = std::move(pdu), .write = write});
    }
    void drain() {
        while (auto output = client_.poll_output())
            std::visit(Overloaded{[&](const Transmit& sent) { note(sent.octets); },
                                  [&](const CloseLine&) { ++closed_; },
                                  [&](const Client::ItemRead& read) { reads_.push_back(read); },
                                  [&](const Client::ItemFailed& item) { fails_.push_back(item); },
                                  [&](const Client::Answered& got) { answers_.push_back(got); },
                                  [&](const Client::DeviceState& state) {
                                      states_.push_back((state.up ? "+" : "-") +
                                                        std::to_string(state.device));
                                  }},
                       *output);
        EXPECT_TRUE(client_.stats().balanced());
    }
    void note(Bytes octets) {
        if (framing_ == Framing::tcp) {
            TcpFrames frames;
            while (const auto adu = frames.next(octets))
                asked_.push_back({now_, adu->transaction, adu->unit, to_hex(adu->pdu)});
            return;
        }
        if (framing_ == Framing::ascii) {
            AsciiFrames frames;
            FrameFaults faults;
            while (const auto adu = frames.next(octets, faults))
                asked_.push_back({now_, 0, adu->unit, to_hex(adu->pdu)});
            return;
        }
        asked_.push_back({now_, 0, std::to_integer<Unit>(octets[0]),
                          to_hex(octets.subspan(1, octets.size() - 3))});
    }
    std::size_t count_of(Unit unit) const {
        return static_cast<std::size_t>(
            std::ranges::count(asked_, unit, [](const Asked& asked) { return asked.unit; }));
    }

    Framing framing_;
    Instant now_{};
    Client client_;
    std::vector<Asked> asked_;
    std::vector<Client::ItemRead> reads_;
    std::vector<Client::ItemFailed> fails_;
    std::vector<Client::Answered> answers_;
    std::vector<std::string> states_;
    int closed_ = 0;
};

// ---- what is read together ----------------------------------------------------------------------

TEST(ModbusClient, NeighboursAreReadByOneRequest) {
    Bench bench(tcp, {device(1, {holding(10, 2), holding(12, 1), holding(16, 1), holding(40, 1)})});
    const auto asked = bench.next();
    EXPECT_EQ(asked.pdu, "03000a0007");
    EXPECT_EQ(bench.next_pdu(), "none") << "one at a time";
    bench.answer(asked, "03 0e 000a000b 000c 000000000000 0010");
    ASSERT_EQ(bench.reads_.size(), 3u);
    EXPECT_EQ(bench.reads_[0].registers, (Registers{10, 11}));
    EXPECT_EQ(bench.reads_[1].registers, Registers{12});
    EXPECT_EQ(bench.reads_[2].registers, Registers{16});
    EXPECT_EQ(bench.reads_[2].item, 2u);
    EXPECT_EQ(bench.next_pdu(), "0300280001");
}

TEST(ModbusClient, DifferentPacesAndAreasAreReadApart) {
    auto plan = device(1, {holding(0, 1),
                           holding(1, 1, 5s),
                           {.area = Area::input_register, .address = 2},
                           {.area = Area::coil, .address = 0, .count = 3},
                           {.area = Area::coil, .address = 19, .count = 2}});
    Bench bench(tcp, {plan});
    std::vector<std::string> asked;
    for (int i = 0; i < 4; ++i) {
        const auto request = bench.next();
        asked.push_back(request.pdu);
        if (request.pdu == "0100000015") bench.answer(request, "01 03 050018");
        if (request.pdu == "0400020001") bench.answer(request, "04 02 0007");
        if (request.pdu.starts_with("03")) bench.answer(request, "03 02 0001");
    }
    std::ranges::sort(asked);
    EXPECT_EQ(asked,
              (std::vector<std::string>{"0100000015", "0300000001", "0300010001", "0400020001"}));
    EXPECT_EQ(bench.reads_.size(), 5u);
    const auto bits = std::ranges::find(bench.reads_, 4u, &Client::ItemRead::item);
    EXPECT_EQ(bits->registers, (Registers{1, 1}));
}

TEST(ModbusClient, OneRegisterARequestWhereTheDeviceWantsThat) {
    auto plan = device(1, {holding(0, 2)});
    plan.registers_max = 1;
    Bench bench(tcp, {plan});
    auto asked = bench.next();
    EXPECT_EQ(asked.pdu, "0300000001");
    bench.answer(asked, "03 02 0001");
    EXPECT_TRUE(bench.reads_.empty()) << "half of it";
    asked = bench.next();
    EXPECT_EQ(asked.pdu, "0300010001");
    bench.answer(asked, "03 02 0002");
    ASSERT_EQ(bench.reads_.size(), 1u);
    EXPECT_EQ(bench.reads_[0].registers, (Registers{1, 2}));
    // And the next time, when the second half fails.
    bench.pass(1s);
    bench.answer(bench.next(), "03 02 0003");
    bench.answer(bench.next(), "83 04");
    ASSERT_EQ(bench.fails_.size(), 1u);
    EXPECT_EQ(bench.fails_[0].exception, Exception::server_device_failure);
    EXPECT_EQ(bench.reads_.size(), 1u);
}

TEST(ModbusClient, HolesThatADeviceRefusesAreLeftOutFromThenOn) {
    Bench bench(tcp, {device(1, {holding(0, 1), holding(1, 1), holding(5, 1)})});
    bench.answer(bench.next(), "83 02");
    EXPECT_TRUE(bench.fails_.empty());
    auto asked = bench.next();
    EXPECT_EQ(asked.pdu, "0300000002");
    bench.answer(asked, "03 04 0001 0002");
    asked = bench.next();
    EXPECT_EQ(asked.pdu, "0300050001");
    bench.answer(asked, "83 02");
    EXPECT_EQ(bench.reads_.size(), 2u);
    ASSERT_EQ(bench.fails_.size(), 1u);
    EXPECT_EQ(bench.fails_[0].item, 2u);
    EXPECT_EQ(bench.client_.stats().split, 1u);
}

TEST(ModbusClient, WhatIsReadOnceIsReadWhenTheDeviceIsFound) {
    Bench bench(tcp, {device(1, {holding(0, 1, 0s)})});
    bench.pass(150ms);
    EXPECT_EQ(bench.asked_.size(), 1u);
    bench.pass(1s);
    bench.asked_.erase(bench.asked_.begin());
    bench.answer(bench.next(), "03 02 0001");
    EXPECT_EQ(bench.states_, (std::vector<std::string>{"+0"}));
    bench.pass(1h);
    EXPECT_EQ(bench.next_pdu(), "none");
    bench.handle(LineClosed{});
    bench.handle(LineOpened{});
    EXPECT_EQ(bench.next_pdu(), "0300000001");
}

TEST(ModbusClient, PollsKeepToTheirGridAndMissedOnesAreNotCaughtUpWith) {
    Bench bench(tcp, {device(1, {holding(0, 1)})});
    bench.pass(30ms);
    bench.answer(bench.next(), "03 02 0001");
    bench.pass(970ms);
    auto asked = bench.next();
    EXPECT_EQ(asked.at, Instant(1s)) << "no drift";
    bench.answer(asked, "03 02 0001");
    bench.handle(Client::SetPolling{0, false});
    bench.pass(5s);
    EXPECT_EQ(bench.next_pdu(), "none");
    bench.handle(Client::SetPolling{0, true});
    EXPECT_EQ(bench.asked_.size(), 1u);
}

// ---- devices that are slow, dead, busy ----------------------------------------------------------

TEST(ModbusClient, ADeadDeviceIsSuspendedAndProbedWithABackOff) {
    auto plan = device(1, {holding(0, 1, 200ms)});
    plan.probe_first = 1s;
    plan.probe_most = 4s;
    ClientSettings serial = rtu;
    serial.character_time = 100us;
    Bench bench(serial, {plan});
    bench.pass(2s);
    EXPECT_EQ(bench.states_, (std::vector<std::string>{"-0"}));
    EXPECT_EQ(bench.client_.stats().suspended, 1u);
    EXPECT_EQ(bench.fails_.size(), 4u) << "three, and the first probe";
    bench.asked_.clear();
    bench.pass(60s);
    EXPECT_GE(bench.asked_.size(), 14u);
    EXPECT_LE(bench.asked_.size(), 16u) << "every four seconds and a timeout";
    for (std::size_t i = 3; i < bench.asked_.size(); ++i)
        EXPECT_GE(bench.asked_[i].at - bench.asked_[i - 1].at, 4s);
    // It returns.
    bench.asked_.clear();
    bench.pass(5s);
    ASSERT_FALSE(bench.asked_.empty());
    bench.pass(bench.asked_.back().at + 4200ms - bench.now_);
    bench.answer(bench.asked_.back(), "03 02 0001");
    EXPECT_EQ(bench.states_, (std::vector<std::string>{"-0", "+0"}));
    bench.asked_.clear();
    bench.pass(1s);
    EXPECT_GE(bench.asked_.size(), 1u);
}

TEST(ModbusClient, ADeadDeviceNeverDelaysTheOthersByMoreThanOneRequest) {
    std::vector<DevicePlan> plans;
    for (Unit unit = 1; unit <= 4; ++unit) plans.push_back(device(unit, {holding(0, 1, 500ms)}));
    ClientSettings serial = rtu;
    serial.character_time = 100us;
    Bench bench(serial, plans);
    std::vector<Instant> reads_of_2;
    for (const Instant end = bench.now_ + 20s; bench.now_ < end;) {
        const auto asked = bench.next();
        if (asked.pdu != "none" && asked.unit != 1) {
            bench.pass(5ms);
            if (asked.unit == 2) reads_of_2.push_back(bench.now_);
            bench.answer(asked, "03 02 0001");
            continue;
        }
        bench.pass(1ms);
    }
    ASSERT_GE(reads_of_2.size(), 38u);
    for (std::size_t i = 1; i < reads_of_2.size(); ++i)
        EXPECT_LE(reads_of_2[i] - reads_of_2[i - 1], 500ms + 130ms);
    EXPECT_EQ(std::ranges::count(bench.states_, "-0"), 1);
}

TEST(ModbusClient, DevicesHaveTurnsWhateverOneOfThemIsAsked) {
    Bench bench(tcp, {device(1, {}), device(2, {}), device(3, {})});
    for (std::uint64_t tag = 0; tag < 50; ++tag)
        bench.send(tag, read_request(Area::coil, 0, 1), false, 0);
    bench.send(100, read_request(Area::coil, 0, 1), false, 1);
    bench.send(101, read_request(Area::coil, 0, 1), false, 2);
    std::string order;
    for (int i = 0; i < 6; ++i) {
        const auto asked = bench.next();
        order += std::to_string(asked.unit);
        bench.answer(asked, "01 01 00");
    }
    EXPECT_EQ(order, "123111");
}

TEST(ModbusClient, CommandsGoBeforePollsButNotForEver) {
    Bench bench(tcp, {device(1, {holding(0, 1), holding(100, 1)})});
    bench.answer(bench.next(), "03 02 0001");
    for (std::uint64_t tag = 0; tag < 3; ++tag) bench.send(tag, write_register_request(5, 1), true);
    std::vector<std::string> order;
    for (int i = 0; i < 4; ++i) {
        const auto asked = bench.next();
        order.push_back(asked.pdu);
        bench.answer(asked, asked.pdu.starts_with("06") ? "0600050001" : "03020001");
    }
    EXPECT_EQ(order,
              (std::vector<std::string>{"0300640001", "0600050001", "0600050001", "0600050001"}));
    bench.pass(1s);
    bench.send(9, write_register_request(5, 1), true);
    bench.send(9, write_register_request(5, 1), true);
    order.clear();
    for (int i = 0; i < 4; ++i) {
        const auto asked = bench.next();
        order.push_back(asked.pdu.substr(0, 2));
        bench.answer(asked, asked.pdu.starts_with("06") ? "0600050001" : "03020001");
    }
    EXPECT_EQ(order, (std::vector<std::string>{"03", "06", "03", "06"}));
}

TEST(ModbusClient, ABusyDeviceIsAskedAgainEvenToWrite) {  // [MODBUS AP §7]
    auto plan = device(1, {});
    plan.busy_retries = 2;
    plan.busy_pause = 50ms;
    Bench bench(tcp, {plan});
    bench.send(1, write_register_request(5, 1), true);
    bench.answer(bench.next(), "86 06");
    EXPECT_EQ(bench.next_pdu(), "none");
    bench.pass(50ms);
    bench.answer(bench.next(), "86 06");
    bench.pass(50ms);
    bench.answer(bench.next(), "86 06");
    bench.pass(1s);
    EXPECT_EQ(bench.next_pdu(), "none");
    ASSERT_EQ(bench.answers_.size(), 1u);
    EXPECT_EQ(exception_of(bench.answers_[0].pdu), Exception::server_device_busy);
    // "Acknowledge" says that the write has arrived: it is an answer.
    bench.send(2, write_register_request(5, 1), true);
    bench.answer(bench.next(), "86 05");
    ASSERT_EQ(bench.answers_.size(), 2u);
    EXPECT_EQ(exception_of(bench.answers_[1].pdu), Exception::acknowledge);
}

TEST(ModbusClient, ThePauseOfOneDeviceIsNotTheOthers) {
    auto slow = device(1, {holding(0, 1, 10ms)});
    slow.pause = 300ms;
    Bench bench(tcp, {slow, device(2, {holding(0, 1, 10ms)})});
    Instant last{};
    std::size_t others = 0;
    for (int i = 0; i < 500; ++i) {
        const auto asked = bench.next();
        if (asked.unit == 1) {
            EXPECT_TRUE(last == Instant{} || asked.at - last >= 300ms);
            last = asked.at;
        }
        if (asked.unit == 2) ++others;
        if (asked.unit != 0) bench.answer(asked, "03 02 0001");
        bench.pass(2ms);
    }
    EXPECT_GT(others, 90u);
}

TEST(ModbusClient, AGatewaysTargetThatDoesNotAnswerIsDeadAndItsNeighbourIsNot) {
    Bench bench(tcp, {device(1, {holding(0, 1, 100ms)}), device(2, {holding(0, 1, 100ms)})});
    for (int i = 0; i < 40; ++i) {
        const auto asked = bench.next();
        if (asked.unit == 1) bench.answer(asked, "83 0b");
        if (asked.unit == 2) bench.answer(asked, "03 02 0001");
        bench.pass(20ms);
    }
    EXPECT_EQ(bench.states_, (std::vector<std::string>{"+1", "-0"}));
    ASSERT_GE(bench.fails_.size(), 3u);
    EXPECT_EQ(bench.fails_[0].exception, Exception::gateway_target_failed);
    EXPECT_EQ(bench.closed_, 0);
}

// ---- writes -------------------------------------------------------------------------------------

TEST(ModbusClient, AWriteThatIsNotAnsweredIsNotRepeated) {
    auto plan = device(1, {});
    plan.retries = 3;
    Bench bench(tcp, {plan});
    bench.send(1, write_coil_request(5, true), true);
    bench.send(2, "41 01"_hex, false);  // nobody knows what that does
    bench.pass(5s);
    EXPECT_EQ(bench.asked_.size(), 2u);
    ASSERT_EQ(bench.answers_.size(), 2u);
    EXPECT_EQ(bench.answers_[0].fate, Fate::unanswered);
    EXPECT_EQ(bench.answers_[1].fate, Fate::unanswered);
    Bench reading(tcp, {plan});
    reading.send(1, read_request(Area::coil, 5, 1), false);
    reading.pass(250ms);
    EXPECT_EQ(reading.asked_.size(), 3u) << "a read is";
    EXPECT_EQ(reading.client_.stats().retried, 2u);
}

TEST(ModbusClient, AWriteOnALineThatClosesIsNotRepeatedAndThoseBehindItWereNeverSent) {
    Bench bench(tcp, {device(1, {})});
    bench.send(1, write_coil_request(5, true), true);
    bench.send(2, write_coil_request(6, true), true);
    bench.handle(LineClosed{});
    ASSERT_EQ(bench.answers_.size(), 2u);
    EXPECT_EQ(bench.answers_[0].fate, Fate::unanswered);
    EXPECT_EQ(bench.answers_[1].fate, Fate::unreachable);
    EXPECT_EQ(bench.client_.stats().broken, 1u);
    bench.handle(LineOpened{});
    bench.pass(10s);
    EXPECT_EQ(bench.asked_.size(), 1u);
    bench.handle(LineClosed{});
    bench.send(3, write_coil_request(5, true), true);
    EXPECT_EQ(bench.answers_.back().fate, Fate::unreachable);
}

TEST(ModbusClient, AWriteThatAGatewayCouldNotPassOnIsRepeated) {
    auto plan = device(1, {});
    plan.retries = 1;
    Bench bench(tcp, {plan});
    bench.send(1, write_coil_request(5, true), true);
    bench.answer(bench.next(), "85 0a");
    bench.answer(bench.next(), "050005ff00");
    ASSERT_EQ(bench.answers_.size(), 1u);
    EXPECT_EQ(to_hex(bench.answers_[0].pdu), "050005ff00");
}

TEST(ModbusClient, RequestsToASuspendedDeviceAndBeyondTheQueueAreRefusedAtOnce) {
    ClientSettings settings = tcp;
    settings.queue_max = 2;
    auto plan = device(1, {holding(0, 1, 100ms)});
    plan.failures_max = 1;
    Bench bench(settings, {plan});
    for (std::uint64_t tag = 1; tag <= 3; ++tag) bench.send(tag, write_coil_request(5, true), true);
    ASSERT_EQ(bench.answers_.size(), 1u);
    EXPECT_EQ(bench.answers_[0].tag, 3u);
    EXPECT_EQ(bench.answers_[0].fate, Fate::unreachable);
    bench.pass(100ms);  // the poll has failed; what waited behind it was never sent
    EXPECT_EQ(bench.answers_.size(), 3u);
    bench.send(4, write_coil_request(5, true), true);
    EXPECT_EQ(bench.answers_.back().fate, Fate::unreachable);
    EXPECT_EQ(bench.client_.stats().refused, 4u);
    EXPECT_EQ(bench.asked_.size(), 1u);
}

TEST(ModbusClient, ABroadcastIsAnsweredByTheTurnaroundDelay) {  // [MODBUS SL §2.4.1]
    Bench bench(rtu, {device(7, {})});
    bench.handle(Client::Request{
        .tag = 1, .pdu = write_coil_request(5, true), .write = true, .broadcast = true});
    bench.send(2, read_request(Area::coil, 5, 1), false);
    EXPECT_EQ(bench.next().unit, 0);
    EXPECT_EQ(bench.next_pdu(), "none");
    bench.pass(100ms);
    ASSERT_EQ(bench.answers_.size(), 1u);
    EXPECT_EQ(bench.answers_[0].fate, Fate::answered);
    EXPECT_TRUE(bench.answers_[0].pdu.empty());
    EXPECT_EQ(bench.next().unit, 7);
    EXPECT_EQ(bench.client_.stats().broadcasts, 1u);
}

// ---- TCP ----------------------------------------------------------------------------------------

TEST(ModbusClient, ALateAnswerNeverPassesForTheNextOnes) {
    Bench bench(tcp, {device(1, {})});
    bench.send(1, read_request(Area::holding_register, 0, 1), false);
    bench.send(2, read_request(Area::holding_register, 1, 1), false);
    const auto first = bench.next();
    bench.pass(100ms);
    const auto second = bench.next();
    ASSERT_NE(first.transaction, second.transaction);
    bench.answer(first, "03 02 1111");
    EXPECT_EQ(bench.client_.stats().late, 1u);
    bench.answer(second, "03 02 2222");
    ASSERT_EQ(bench.answers_.size(), 2u);
    EXPECT_EQ(bench.answers_[0].fate, Fate::unanswered);
    EXPECT_EQ(to_hex(bench.answers_[1].pdu), "03022222");
}

TEST(ModbusClient, AnswersOfAnotherUnitFunctionOrLengthAreNotTaken) {
    Bench bench(tcp, {device(1, {})});
    bench.send(1, read_request(Area::holding_register, 0, 1), false);
    const auto asked = bench.next();
    bench.answer(asked, "03 02 0001", 2);
    bench.answer(asked, "04 02 0001");
    bench.answer(asked, "03 04 0001 0002");
    bench.answer(asked, "83");
    EXPECT_EQ(bench.client_.stats().unexpected, 4u);
    EXPECT_TRUE(bench.answers_.empty());
    bench.answer(asked, "03 02 0001");
    EXPECT_EQ(bench.answers_.size(), 1u);
    // A device on its own may call itself 0 or 255. [MODBUS TCP §4.4]
    bench.send(2, write_register_request(7, 5), true);
    bench.answer(bench.next(), "06 0007 0005", 255);
    EXPECT_EQ(bench.answers_.size(), 2u);
}

TEST(ModbusClient, RequestsInFlightMayBeAnsweredInAnyOrder) {
    ClientSettings settings = tcp;
    settings.in_flight_max = 4;
    settings.in_flight_per_device_max = 2;
    Bench bench(settings, {device(1, {}), device(2, {})});
    for (std::uint64_t tag = 0; tag < 3; ++tag)
        for (std::size_t index = 0; index < 2; ++index)
            bench.send(10 * index + tag,
                       read_request(Area::holding_register, static_cast<std::uint16_t>(tag), 1),
                       false, index);
    ASSERT_EQ(bench.asked_.size(), 4u);
    EXPECT_EQ(bench.count_of(1), 2u);
    const auto asked = std::exchange(bench.asked_, {});
    for (auto it = asked.rbegin(); it != asked.rend(); ++it) bench.answer(*it, "03 02 0001");
    EXPECT_EQ(bench.answers_.size(), 4u);
    EXPECT_EQ(bench.asked_.size(), 2u);
}

TEST(ModbusClient, OneRequestAConnectionWhereTheDeviceWantsThat) {
    auto plan = device(1, {holding(0, 1), holding(100, 1)});
    plan.close_after_poll = true;
    Bench bench(tcp, {plan});
    bench.answer(bench.next(), "03 02 0001");
    EXPECT_EQ(bench.closed_, 1);
    EXPECT_EQ(bench.next_pdu(), "none");
    bench.send(1, write_register_request(5, 1), true);
    EXPECT_TRUE(bench.answers_.empty()) << "it waits for the connection";
    bench.handle(LineOpened{});
    bench.answer(bench.next(), "06 0005 0001");
    EXPECT_EQ(bench.answers_.size(), 1u);
    EXPECT_EQ(bench.closed_, 2);
    EXPECT_EQ(bench.states_, (std::vector<std::string>{"+0"})) << "no trouble in that";
    bench.pass(11s);
    EXPECT_EQ(bench.states_.back(), "-0") << "but when it does not come back";
}

TEST(ModbusClient, AConnectionThatLeadsNowhereIsClosed) {
    Bench bench(tcp, {device(1, {holding(0, 1, 10ms)})});
    bench.pass(301ms);
    EXPECT_EQ(bench.closed_, 1);
    EXPECT_EQ(bench.client_.next_deadline(), never);
    bench.handle(LineOpened{});
    EXPECT_EQ(bench.states_.back(), "-0");
    bench.answer(bench.asked_.back(), "03 02 0001");
    EXPECT_EQ(bench.states_.back(), "+0");
}

TEST(ModbusClient, AConnectionOfSilentUnitsIsKeptWhereThatIsWanted) {
    auto plan = device(1, {});
    plan.retries = 5;
    auto settings = tcp;
    settings.silent_timeouts_max = 0;
    Bench bench(settings, {plan});
    bench.send(1, read_request(Area::holding_register, 0, 1), false);
    bench.pass(1s);
    EXPECT_EQ(bench.closed_, 0);
    EXPECT_EQ(bench.asked_.size(), 6u);
}

TEST(ModbusClient, RubbishOnAConnectionClosesIt) {
    Bench bench(tcp, {device(1, {holding(0, 1)})});
    bench.handle(OctetsReceived{{}, as_octets("HTTP/1.1 400 Bad Request")});
    EXPECT_EQ(bench.closed_, 1);
    EXPECT_EQ(bench.client_.stats().broken, 1u);
    EXPECT_EQ(bench.fails_.size(), 1u);
}

// ---- serial lines -------------------------------------------------------------------------------

TEST(ModbusClient, FramesAreApartByTheSilence) {  // [MODBUS SL §2.5.1.1]
    ClientSettings settings{.framing = Framing::rtu, .character_time = 1146us};
    auto plan = device(1, {});
    Bench bench(settings, {plan});
    bench.send(1, read_request(Area::coil, 0, 1), false);
    bench.send(2, read_request(Area::coil, 1, 1), false);
    EXPECT_EQ(bench.next_pdu(), "none");
    bench.pass(4011us);
    const auto first = bench.next();
    EXPECT_EQ(first.pdu, "0100000001");
    bench.pass(30ms);
    const Instant answered = bench.now_;
    bench.answer(first, "01 01 00");
    bench.pass(50ms);
    EXPECT_EQ(bench.next().at, answered + 4011us);
}

TEST(ModbusClient, TheTimeoutIsTheDevicesAndNotTheLines) {
    ClientSettings settings{.framing = Framing::rtu, .character_time = 10ms};
    Bench bench(settings, {device(1, {})});
    bench.send(1, read_request(Area::holding_register, 0, 10), false);
    bench.pass(10ms * 35 / 10);
    ASSERT_EQ(bench.asked_.size(), 1u);
    bench.pass(8 * 10ms + 100ms + 25 * 10ms - 1ms);  // request, timeout, answer
    EXPECT_TRUE(bench.answers_.empty());
    bench.pass(1ms);
    EXPECT_EQ(bench.answers_.size(), 1u);
}

TEST(ModbusClient, NoiseBeforeAnAnswerDoesNotHideIt) {
    Bench bench(rtu, {device(1, {})});
    bench.send(1, read_request(Area::holding_register, 0, 2), false);
    bench.handle(OctetsReceived{{}, "ff 00 55 01 03"_hex});
    bench.answer(bench.next(), "03 04 0001 0002");
    bench.pass(50ms);
    ASSERT_EQ(bench.answers_.size(), 1u);
    EXPECT_EQ(bench.client_.stats().noise_octets, 5u);
}

TEST(ModbusClient, ABrokenAnswerIsCountedAndAskedForAgain) {
    auto plan = device(1, {holding(0, 1)});
    plan.retries = 1;
    Bench bench(rtu, {plan});
    bench.handle(OctetsReceived{{}, "01 03 02 00 01 00 00"_hex});
    bench.pass(100ms);
    EXPECT_EQ(bench.client_.stats().bad_checksums, 1u);
    ASSERT_EQ(bench.asked_.size(), 2u);
    bench.answer(bench.asked_[1], "03 02 0001");
    EXPECT_EQ(bench.reads_.size(), 1u);
    EXPECT_EQ(bench.client_.stats().timeouts, 1u);
}

TEST(ModbusClient, WithoutIdsALateAnswerFindsNobodyWaiting) {
    // 130 ms to answer, 100 ms patience: the answer to the first attempt comes during the second,
    // and the second's must not pass for another register's.
    auto plan = device(1, {});
    plan.retries = 1;
    Bench bench(rtu, {plan});
    bench.send(1, read_request(Area::holding_register, 0, 1), false);
    bench.send(2, read_request(Area::holding_register, 1, 1), false);
    bench.pass(130ms);
    bench.answer(bench.asked_[0], "03 02 1111");
    bench.pass(100ms);
    ASSERT_EQ(bench.asked_.size(), 2u) << "it is left alone";
    bench.answer(bench.asked_[1], "03 02 1111");
    EXPECT_EQ(bench.client_.stats().late, 1u);
    bench.pass(50ms);
    ASSERT_EQ(bench.asked_.size(), 3u);
    bench.answer(bench.asked_[2], "03 02 2222");
    ASSERT_EQ(bench.answers_.size(), 2u);
    EXPECT_EQ(to_hex(bench.answers_[1].pdu), "03022222");
}

TEST(ModbusClient, ALateAnswerOfOneUnitDoesNotDisturbAnother) {
    Bench bench(rtu, {device(1, {}), device(2, {})});
    bench.send(1, read_request(Area::holding_register, 0, 1), false, 0);
    bench.send(2, read_request(Area::holding_register, 0, 1), false, 1);
    const auto first = bench.next();
    bench.pass(100ms);
    const auto second = bench.next();
    EXPECT_EQ(second.unit, 2);
    bench.answer(first, "03 02 1111");
    bench.answer(second, "03 02 2222");
    ASSERT_EQ(bench.answers_.size(), 2u);
    EXPECT_EQ(to_hex(bench.answers_[1].pdu), "03022222");
    EXPECT_EQ(bench.client_.stats().late, 1u);
}

TEST(ModbusClient, ABabblingDeviceDoesNotSilenceTheLineForEver) {
    ClientSettings settings{.framing = Framing::rtu, .character_time = 1ms};
    Bench bench(settings, {device(1, {holding(0, 1, 200ms)})});
    std::size_t noise = 0;
    for (int i = 0; i < 2'000; ++i) {
        bench.handle(OctetsReceived{{}, "a5"_hex});
        ++noise;
        bench.pass(1ms);
    }
    EXPECT_GE(bench.asked_.size(), 2u) << "it goes on asking";
    EXPECT_GE(bench.client_.stats().noise_octets + 256, noise);
    bench.pass(200ms);
    bench.asked_.clear();
    for (int i = 0; i < 5'000 && bench.asked_.empty(); ++i) bench.pass(1ms);
    ASSERT_FALSE(bench.asked_.empty());
    bench.answer(bench.asked_.back(), "03 02 0001");
    EXPECT_FALSE(bench.reads_.empty());
}

TEST(ModbusClient, ItHearsItselfWhereTheLineEchoes) {
    ClientSettings settings = rtu;
    settings.echo = true;
    Bench bench(settings, {device(1, {})});
    bench.send(1, write_register_request(5, 1), true);
    const auto asked = bench.next();
    bench.answer(asked, asked.pdu);
    EXPECT_TRUE(bench.answers_.empty()) << "that was its own voice";
    bench.answer(asked, asked.pdu);
    EXPECT_EQ(bench.answers_.size(), 1u);
}

TEST(ModbusClient, AsciiLinesCarryTheSame) {
    ClientSettings settings{.framing = Framing::ascii, .character_time = 1ms};
    Bench bench(settings, {device(1, {holding(0, 1)})});
    bench.pass(10ms);
    bench.handle(OctetsReceived{{}, as_octets("x:01030200")});
    bench.handle(OctetsReceived{{}, as_octets(":010302002AD0\r\n")});
    ASSERT_EQ(bench.reads_.size(), 1u);
    EXPECT_EQ(bench.reads_[0].registers, Registers{42});
}

TEST(ModbusClient, AnythingMayBeAsked) {
    Bench bench(rtu, {device(1, {})});
    const std::vector<std::pair<Octets, std::string_view>> dialogue{
        {"2b 0e 01 00"_hex, "2b 0e 01 81 00 00 01 00 01 41"},
        {"11"_hex, "11 02 01 ff"},
        {"18 04de"_hex, "18 0004 0001 01b8"},
        {"08 0000 01020304"_hex, "08 0000 01020304"},
        {"0c"_hex, "0c 07 0000 0000 0001 80"},
        {"14 07 06 0001 0000 0001"_hex, "14 04 03 06 0001"},
        {"16 0004 00f2 0025"_hex, "16 0004 00f2 0025"},
        {"17 0000 0001 0000 0001 02 0001"_hex, "17 02 0001"},
        {"41 01"_hex, "41 02 03"},
        {write_coils_request(1, std::array{true, false, true}), "0f 0001 0003"},
        {write_registers_request(1, Registers{1, 2}), "90 03"}};
    for (const auto& [request, answer] : dialogue) {
        bench.send(1, request, true);
        const auto asked = bench.next();
        EXPECT_EQ(asked.pdu, to_hex(request));
        bench.answer(asked, answer);
        ASSERT_EQ(bench.answers_.size(), 1u) << asked.pdu;
        EXPECT_EQ(to_hex(bench.answers_[0].pdu), to_hex(*from_hex(answer)));
        bench.answers_.clear();
    }
    bench.send(1, Octets{}, false);
    EXPECT_EQ(bench.answers_.back().fate, Fate::unreachable);
}

TEST(ModbusClient, AWriteThatNobodyWaitsForAnyMoreNeverLeaves) {
    DevicePlan plan{.name = "slow", .timeout = 500ms, .retries = 0};
    Client client({.character_time = Duration::zero()}, {plan});
    client.handle({}, LineOpened{});
    const auto write = [&](std::uint64_t tag, Instant until) {
        client.handle(
            {},
            Client::Request{
                .tag = tag, .pdu = write_register_request(1, 2), .write = true, .until = until});
    };
    write(1, never);
    write(2, Instant(200ms));  // waits behind the first, which is never answered
    std::size_t sent = 0;
    std::vector<std::uint64_t> unreachable;
    for (int i = 0; i < 20; ++i) {
        while (const auto out = client.poll_output()) {
            sent += std::holds_alternative<Transmit>(*out) ? 1 : 0;
            const auto* answered = std::get_if<Client::Answered>(&*out);
            if (answered != nullptr && answered->fate == Client::Answered::Fate::unreachable)
                unreachable.push_back(answered->tag);
        }
        if (client.next_deadline() == never) break;
        client.handle_timeout(client.next_deadline());
    }
    EXPECT_EQ(sent, 1u);
    EXPECT_EQ(unreachable, std::vector<std::uint64_t>{2});
}

}  // namespace
}  // namespace causeway::scada::modbus::client_test
