// The server: every function, every exception, and who is answered on which kind of line.
#include "scada/modbus/server.hpp"
#include "base/hex.hpp"
#include "scada/modbus/framing.hpp"

#include <gtest/gtest.h>

namespace causeway::scada::modbus::server_test {
namespace {

using namespace std::chrono_literals;

constexpr PeerId one{1}, other{2};

UnitPlan meter(Unit unit = 1) {
    return {
        .unit = unit,
        .extents = {{.area = Area::coil, .address = 0, .count = 40, .writable = true},
                    {.area = Area::discrete_input, .address = 100, .count = 20},
                    {.area = Area::input_register, .address = 0, .count = 10},
                    {.area = Area::holding_register, .address = 0, .count = 16, .writable = true},
                    {.area = Area::holding_register, .address = 16, .count = 4},
                    {.area = Area::holding_register, .address = 30, .count = 8, .asked = true},
                    {.area = Area::coil, .address = 50, .count = 4, .asked = true}},
        .identification = {"Causeway", "meter", "1.0"},
        .server_id = {0x11, 0xff},
        .files_max = 3};
}

class Bench {
public:
    explicit Bench(ServerSettings settings = {.framing = Framing::tcp},
                   std::vector<UnitPlan> units = {meter()})
        : framing_(settings.framing), server_(settings, std::move(units)) {
        if (framing_ == Framing::tcp) {
            server_.handle(now_, LineOpened{one});
            server_.handle(now_, LineOpened{other});
        } else {
            server_.handle(now_, LineOpened{one});
        }
    }

    Octets frame(Unit unit, std::string_view pdu, std::uint16_t transaction = 1) const {
        Octets octets;
        append_adu(octets, framing_, {transaction, unit, *from_hex(pdu)});
        return octets;
    }
    void receive(Bytes octets, PeerId peer = one) {
        server_.handle(now_, OctetsReceived{peer, octets});
        drain();
    }
    void pass(Duration time) {
        const Instant end = now_ + time;
        while (server_.next_deadline() <= end) {
            now_ = std::max(now_, server_.next_deadline());
            server_.handle_timeout(now_);
            drain();
        }
        now_ = end;
    }
    /// What a request gets, without its frame: the PDUs in hex.
    std::string ask(std::string_view pdu, Unit unit = 1) {
        receive(frame(unit, pdu));
        pass(5ms);
        return taken();
    }
    std::string taken() {
        std::string all;
        for (const Transmit& sent : std::exchange(sent_, {})) {
            const Bytes octets = sent.octets;
            all += (all.empty() ? "" : " ") + to_hex(framing_ == Framing::tcp
                                                         ? octets.subspan(7)
                                                         : octets.subspan(1, octets.size() - 3));
        }
        return all;
    }
    void answer(Server::WriteId id, std::optional<Exception> exception = std::nullopt) {
        server_.handle(now_, Server::WriteAnswered{id, exception});
        drain();
    }
    void drain() {
        while (auto output = server_.poll_output()) {
            if (auto* sent = std::get_if<Transmit>(&*output)) sent_.push_back(std::move(*sent));
            if (auto* wanted = std::get_if<Server::WriteRequested>(&*output))
                wanted_.push_back(std::move(*wanted));
            if (auto* done = std::get_if<Server::Written>(&*output))
                written_.push_back(std::move(*done));
            if (auto* closed = std::get_if<CloseLine>(&*output)) closed_.push_back(closed->peer);
        }
        EXPECT_TRUE(server_.stats().balanced());
    }

    Framing framing_;
    Instant now_{};
    Server server_;
    std::vector<Transmit> sent_;
    std::vector<Server::WriteRequested> wanted_;
    std::vector<Server::Written> written_;
    std::vector<PeerId> closed_;
};

using Registers = std::vector<std::uint16_t>;

// ---- functions ----------------------------------------------------------------------------------

TEST(ModbusServer, BitsAreReadFromAnyAddressAndPaddedWithZeros) {  // [MODBUS AP §6.1]
    Bench bench;
    bench.server_.set(1, Area::coil, 3, Registers{1, 0, 1, 1, 0, 0, 1, 1, 1});
    EXPECT_EQ(bench.ask("01 0000 000c"), "0102680e");
    EXPECT_EQ(bench.ask("01 0003 0009"), "0102cd01");
    EXPECT_EQ(bench.ask("01 0004 0002"), "010102");
    EXPECT_EQ(bench.ask("02 0064 0014"), "0203000000");
    EXPECT_EQ(bench.ask("02 0063 0002"), "8202");
    EXPECT_EQ(bench.ask("01 0027 0002"), "8102");
}

TEST(ModbusServer, RegistersAreReadAcrossExtentsThatTouch) {
    Bench bench;
    EXPECT_TRUE(bench.server_.set(1, Area::holding_register, 15, Registers{0x1234, 0x5678}));
    EXPECT_EQ(bench.ask("03 000f 0002"), "030412345678");
    EXPECT_EQ(bench.ask("03 0013 0002"), "8302");
    EXPECT_EQ(bench.ask("04 0009 0001"), "04020000");
    EXPECT_EQ(bench.ask("03 0000 007e"), "8303");
    EXPECT_EQ(bench.ask("03 0000"), "8303");
    EXPECT_FALSE(bench.server_.set(1, Area::holding_register, 19, Registers{1, 2}));
    EXPECT_FALSE(bench.server_.set(9, Area::holding_register, 0, Registers{1}));
    EXPECT_EQ(bench.server_.at(1, Area::holding_register, 16), 0x5678);
    EXPECT_EQ(bench.server_.at(1, Area::holding_register, 25), std::nullopt);
}

TEST(ModbusServer, WritesAreDoneAtOnceAndTold) {
    Bench bench;
    EXPECT_EQ(bench.ask("05 0002 ff00"), "050002ff00");
    EXPECT_EQ(bench.ask("06 0001 0309"), "0600010309");
    EXPECT_EQ(bench.ask("0f 0008 000a 02 cd01"), "0f0008000a");
    EXPECT_EQ(bench.ask("10 0002 0002 04 000a 0102"), "1000020002");
    EXPECT_EQ(bench.ask("16 0001 00f2 0025"), "16000100f20025");
    ASSERT_EQ(bench.written_.size(), 5u);
    EXPECT_EQ(bench.written_[0].values, Registers{1});
    EXPECT_EQ(bench.written_[2].values, (Registers{1, 0, 1, 1, 0, 0, 1, 1, 1, 0}));
    EXPECT_EQ(bench.written_[3].values, (Registers{10, 0x102}));
    EXPECT_EQ(bench.written_[4].values, Registers{(0x309 & 0xf2) | (0x25 & ~0xf2)});
    EXPECT_EQ(bench.ask("03 0001 0003"),
              "0306"
              "0005"
              "000a"
              "0102");
    EXPECT_EQ(bench.ask("01 0000 0014"), "010304cd01");
}

TEST(ModbusServer, WhatIsNotWritableIsNotWritten) {
    Bench bench;
    EXPECT_EQ(bench.ask("06 0010 0001"), "8602");
    EXPECT_EQ(bench.ask("10 000f 0002 04 0001 0002"), "9002");  // half of it is
    EXPECT_EQ(bench.ask("05 0063 ff00"), "8502");
    EXPECT_EQ(bench.ask("05 0000 0100"), "8503");
    EXPECT_EQ(bench.ask("0f 0000 0009 01 ff"), "8f03");
    EXPECT_TRUE(bench.written_.empty());
    EXPECT_EQ(bench.server_.at(1, Area::holding_register, 15), 0);
}

TEST(ModbusServer, ReadWriteWritesFirst) {  // [MODBUS AP §6.17]
    Bench bench;
    EXPECT_EQ(bench.ask("17 0000 0003 0001 0002 04 0007 0008"), "1706000000070008");
    EXPECT_EQ(bench.ask("17 0100 0003 0001 0001 02 0009"), "9702");
    EXPECT_EQ(bench.server_.at(1, Area::holding_register, 1), 7) << "a refused one writes nothing";
}

TEST(ModbusServer, FilesKeepWhatIsWrittenToThem) {  // [MODBUS AP §6.14, §6.15]
    Bench bench;
    const std::string_view write = "15 0d 06 0002 0007 0003 06af 04be 100d";
    EXPECT_EQ(bench.ask(write), to_hex(*from_hex(write)));
    EXPECT_EQ(bench.ask("14 0e 06 0002 0008 0002 06 0003 270f 0001"),
              "140a"
              "050604be100d"
              "03060000");
    EXPECT_EQ(bench.ask("14 07 06 0004 0000 0001"), "9402");
    EXPECT_EQ(bench.ask("14 07 06 0001 270f 0002"), "9402");
    EXPECT_EQ(bench.ask("14 07 05 0001 0000 0001"), "9402");
    EXPECT_EQ(bench.ask("14 07 06 0001 0000 007f"), "9403");
    EXPECT_EQ(bench.ask("14 07 06 0000 0000 0001"), "9402");
}

TEST(ModbusServer, AFifoIsReadAndNotEmptied) {  // [MODBUS AP §6.18]
    Bench bench;
    EXPECT_EQ(bench.ask("18 04de"), "9802");
    bench.server_.set_fifo(1, 0x4de, {0x1b8, 0x1284});
    EXPECT_EQ(bench.ask("18 04de"), "180006000201b81284");
    EXPECT_EQ(bench.ask("18 04de"), "180006000201b81284");
    bench.server_.set_fifo(1, 0x4de, Registers(40, 7));
    EXPECT_EQ(bench.ask("18 04de").size(), 2 * (5 + 2 * 31));
}

TEST(ModbusServer, ItSaysWhoItIs) {  // [MODBUS AP §6.21]
    Bench bench;
    EXPECT_EQ(bench.ask("2b 0e 01 00"),
              "2b0e0181000003"
              "0008" +
                  to_hex(as_octets("Causeway")) + "0105" + to_hex(as_octets("meter")) + "0203" +
                  to_hex(as_octets("1.0")));
    EXPECT_EQ(bench.ask("2b 0e 04 01"),
              "2b0e0481000001"
              "0105" +
                  to_hex(as_octets("meter")));
    EXPECT_EQ(bench.ask("2b 0e 04 05"), "ab02");
    EXPECT_EQ(bench.ask("2b 0e 01 05").substr(0, 16), "2b0e018100000300") << "begins anew";
    EXPECT_EQ(bench.ask("2b 0e 07 00"), "ab03");
    EXPECT_EQ(bench.ask("2b 0d 00 00"), "ab01");
    EXPECT_EQ(bench.ask("11"), "110211ff");
    EXPECT_EQ(bench.ask("41 00"), "c101");
    EXPECT_EQ(bench.ask("07"), "0700");
    bench.server_.set_exception_status(1, 0x6d);
    EXPECT_EQ(bench.ask("07"), "076d");
}

TEST(ModbusServer, IdentificationThatIsTooLongGoesOnInTheNextAnswer) {
    UnitPlan plan = meter();
    plan.identification = {std::string(200, 'v'), std::string(100, 'p'), "1", "u", "", "m", "a"};
    Bench bench({.framing = Framing::tcp}, {plan});
    const std::string first = bench.ask("2b 0e 02 00");
    EXPECT_EQ(first.substr(0, 14), "2b0e0282ff0101");
    const std::string next = bench.ask("2b 0e 02 01");
    EXPECT_EQ(next.substr(0, 14), "2b0e0282000005");
    EXPECT_TRUE(
        next.ends_with("030175"
                       "05016d"
                       "060161"));
}

// ---- diagnostics --------------------------------------------------------------------------------

TEST(ModbusServer, DiagnosticsCountWhatHappened) {  // [MODBUS AP §6.8.1]
    Bench bench({.framing = Framing::rtu}, {meter(), meter(2)});
    EXPECT_EQ(bench.ask("08 0000 a537"), "080000a537");
    EXPECT_EQ(bench.ask("06 0000 0001"), "0600000001");
    EXPECT_EQ(bench.ask("06 0063 0001"), "8602");
    EXPECT_EQ(bench.ask("06 0000 0001", 2), "0600000001");
    EXPECT_EQ(bench.ask("03 0000 0001", 9), "");
    Octets broken = bench.frame(1, "07");
    broken[2] ^= std::byte{1};
    bench.receive(broken);
    bench.pass(200ms);
    EXPECT_EQ(bench.ask("06 0000 0002", 0), "");  // for everybody
    EXPECT_EQ(bench.ask("08 000b 0000"), "08000b0007");
    EXPECT_EQ(bench.ask("08 000c 0000"), "08000c0001");
    EXPECT_EQ(bench.ask("08 000d 0000"), "08000d0001");
    EXPECT_EQ(bench.ask("08 000e 0000"), "08000e0008");
    EXPECT_EQ(bench.ask("08 000f 0000"), "08000f0001");
    EXPECT_EQ(bench.ask("08 0010 0000"), "0800100000");
    EXPECT_EQ(bench.ask("08 0002 0000"), "0800020000");
    EXPECT_EQ(bench.ask("08 000a 0000"), "08000a0000");
    EXPECT_EQ(bench.ask("08 000b 0000"), "08000b0001");
    EXPECT_EQ(bench.ask("08 0015 0000"), "8801");
    EXPECT_EQ(bench.ask("08 000b 0001"), "8803");
}

TEST(ModbusServer, EventsAreCountedAndLogged) {  // [MODBUS AP §6.9, §6.10]
    Bench bench({.framing = Framing::rtu});
    bench.ask("06 0000 0001");
    bench.ask("06 0063 0001");
    EXPECT_EQ(bench.ask("0b"), "0b00000001") << "an exception is no event, nor is asking";
    EXPECT_EQ(bench.ask("0b"), "0b00000001");
    // The newest first: this one heard; three answers and their requests; the exception's bit.
    EXPECT_EQ(bench.ask("0c"),
              "0c0f"
              "0000"
              "0001"
              "0005"
              "80"
              "4080"
              "4080"
              "4180"
              "4080");
    EXPECT_EQ(bench.ask("08 0001 ff00"), "080001ff00");
    EXPECT_EQ(bench.ask("0b"), "0b00000001") << "the restart itself";
    EXPECT_EQ(bench.ask("0c"),
              "0c0b"
              "0000"
              "0001"
              "0002"
              "80"
              "4080"
              "40"
              "00");
}

TEST(ModbusServer, TheEventLogHoldsTheNewestSixtyFour) {
    Bench bench;
    for (int i = 0; i < 100; ++i) bench.ask("03 0000 0001");
    EXPECT_EQ(bench.ask("0c").size(), 2 * (2 + 6 + 64));
}

TEST(ModbusServer, ListenOnlyIsSilentUntilCommunicationsRestart) {  // [MODBUS AP §6.8.1]
    Bench bench({.framing = Framing::rtu}, {meter(), meter(2)});
    EXPECT_EQ(bench.ask("08 0004 0000"), "");
    EXPECT_EQ(bench.ask("06 0000 0007"), "");
    EXPECT_EQ(bench.ask("06 0000 0007", 0), "");
    EXPECT_EQ(bench.server_.at(1, Area::holding_register, 0), 0) << "nothing is done";
    EXPECT_EQ(bench.server_.at(2, Area::holding_register, 0), 7)
        << "the other unit listens and acts";
    EXPECT_EQ(bench.ask("03 0000 0001", 2), "03020007");
    EXPECT_EQ(bench.ask("08 0001 0000"), "") << "nor is this answered";
    EXPECT_EQ(bench.ask("03 0000 0001"), "03020000");
    EXPECT_EQ(bench.server_.stats().listen_only, 3u);
}

TEST(ModbusServer, ListenOnlyOfOneConnectionHarmsNoOther) {
    Bench bench;
    EXPECT_EQ(bench.ask("08 0004 0000"), "");
    EXPECT_EQ(bench.ask("03 0000 0001"), "");
    bench.receive(bench.frame(1, "03 0000 0001"), other);
    EXPECT_EQ(bench.taken(), "03020000");
}

// ---- writes that are handed out -----------------------------------------------------------------

TEST(ModbusServer, AnAskedWriteIsAnsweredWhenItsOutcomeIsKnown) {
    Bench bench;
    EXPECT_EQ(bench.ask("10 001e 0002 04 0001 0002"), "");
    ASSERT_EQ(bench.wanted_.size(), 1u);
    EXPECT_EQ(bench.wanted_[0].values, (Registers{1, 2}));
    EXPECT_EQ(bench.wanted_[0].address, 30);
    EXPECT_EQ(bench.server_.stats().waiting, 1u);
    EXPECT_EQ(bench.ask("03 001e 0002"), "030400000000") << "not yet; and reads go on";
    bench.answer(bench.wanted_[0].id);
    EXPECT_EQ(bench.taken(), "10001e0002");
    EXPECT_EQ(bench.ask("03 001e 0002"), "030400010002");
    EXPECT_TRUE(bench.written_.empty());
    bench.answer(bench.wanted_[0].id);
    EXPECT_EQ(bench.taken(), "") << "once";
}

TEST(ModbusServer, TheOutcomeMayBeAnException) {
    Bench bench;
    bench.ask("05 0032 ff00");
    ASSERT_EQ(bench.wanted_.size(), 1u);
    EXPECT_EQ(bench.wanted_[0].values, Registers{1});
    bench.answer(bench.wanted_[0].id, Exception::server_device_busy);
    EXPECT_EQ(bench.taken(), "8506");
    EXPECT_EQ(bench.server_.at(1, Area::coil, 50), 0);
}

TEST(ModbusServer, MaskAndReadWriteAreHandedOutAsWhatTheyAmountTo) {
    Bench bench;
    bench.server_.set(1, Area::holding_register, 30, Registers{0x12});
    bench.ask("16 001e 00f2 0025");
    bench.ask("17 001e 0002 001f 0001 02 0009");
    ASSERT_EQ(bench.wanted_.size(), 2u);
    EXPECT_EQ(bench.wanted_[0].values, Registers{0x17});
    EXPECT_EQ(bench.wanted_[1].values, Registers{9});
    bench.answer(bench.wanted_[1].id);
    EXPECT_EQ(bench.taken(), "170400120009");
    bench.answer(bench.wanted_[0].id);
    EXPECT_EQ(bench.taken(), "16001e00f20025");
    EXPECT_EQ(bench.server_.at(1, Area::holding_register, 30), 0x17);
}

TEST(ModbusServer, AWriteThatNobodyAnswersFails) {
    Bench bench({.framing = Framing::tcp, .write_within = 2s});
    bench.ask("06 001e 0001");
    bench.pass(2s);
    EXPECT_EQ(bench.taken(), "8604");
    bench.answer(bench.wanted_[0].id);
    EXPECT_EQ(bench.taken(), "");
}

TEST(ModbusServer, MoreWritesThanMayWaitAreAnsweredBusy) {
    Bench bench({.framing = Framing::tcp, .writes_max = 2});
    EXPECT_EQ(bench.ask("06 001e 0001") + bench.ask("06 001f 0001"), "");
    EXPECT_EQ(bench.ask("06 0020 0001"), "8606");
    EXPECT_EQ(bench.wanted_.size(), 2u);
    EXPECT_EQ(bench.server_.stats().writes_busy, 1u);
}

TEST(ModbusServer, ALineThatClosesBetweenWriteAndAnswerOperatesNothingTwice) {
    Bench bench;
    bench.ask("06 001e 0001");
    bench.server_.handle(bench.now_, LineClosed{one});
    bench.server_.handle(bench.now_, LineOpened{one});
    bench.drain();
    EXPECT_EQ(bench.server_.stats().abandoned, 1u);
    bench.answer(bench.wanted_[0].id);
    EXPECT_EQ(bench.taken(), "") << "the new connection never asked";
    EXPECT_EQ(bench.wanted_.size(), 1u);
    EXPECT_EQ(bench.ask("03 001e 0001"), "03020001") << "but it was done";
}

TEST(ModbusServer, ARepeatedWriteOnASerialLineIsOneWrite) {
    Bench bench({.framing = Framing::rtu});
    EXPECT_EQ(bench.ask("06 001e 0001"), "");
    bench.pass(1s);  // the client has given up and tries again
    EXPECT_EQ(bench.ask("06 001e 0001"), "");
    ASSERT_EQ(bench.wanted_.size(), 1u);
    bench.answer(bench.wanted_[0].id);
    bench.pass(10ms);
    EXPECT_EQ(bench.taken(), "06001e0001");
}

TEST(ModbusServer, AnAnswerThatComesAfterTheNextRequestIsKept) {
    Bench bench({.framing = Framing::rtu});
    EXPECT_EQ(bench.ask("06 001e 0001"), "");
    EXPECT_EQ(bench.ask("06 0001 0002"), "0600010002");
    bench.answer(bench.wanted_[0].id);
    bench.pass(10ms);
    EXPECT_EQ(bench.taken(), "") << "it would pass for the next one's";
    EXPECT_EQ(bench.server_.stats().abandoned, 1u);
}

TEST(ModbusServer, ABroadcastWritesEveryUnitAndNobodyAnswers) {  // [MODBUS SL §2.1]
    Bench bench({.framing = Framing::rtu}, {meter(), meter(2)});
    EXPECT_EQ(bench.ask("06 0003 0009", 0), "");
    EXPECT_EQ(bench.ask("03 0000 0001", 0), "") << "a read for everybody is for nobody";
    EXPECT_EQ(bench.ask("06 001e 0001", 0), "");
    EXPECT_EQ(bench.server_.at(1, Area::holding_register, 3), 9);
    EXPECT_EQ(bench.server_.at(2, Area::holding_register, 3), 9);
    ASSERT_EQ(bench.wanted_.size(), 2u);
    EXPECT_TRUE(bench.wanted_[0].broadcast);
    bench.answer(bench.wanted_[1].id);
    EXPECT_EQ(bench.taken(), "");
    EXPECT_EQ(bench.server_.at(2, Area::holding_register, 30), 1);
    EXPECT_EQ(bench.server_.stats().broadcasts, 3u);
}

// ---- devices that are away ----------------------------------------------------------------------

TEST(ModbusServer, AStretchThatFailsAnswersWithItsException) {
    Bench bench;
    bench.server_.fail(1, Area::input_register, 2, 4, Exception::gateway_target_failed);
    EXPECT_EQ(bench.ask("04 0000 0002"), "040400000000");
    EXPECT_EQ(bench.ask("04 0000 0003"), "840b");
    EXPECT_EQ(bench.ask("04 0005 0001"), "840b");
    bench.server_.fail(1, Area::input_register, 3, 1, std::nullopt);
    EXPECT_EQ(bench.ask("04 0003 0001"), "04020000");
    EXPECT_EQ(bench.ask("04 0002 0001"), "840b");
    EXPECT_EQ(bench.ask("04 0004 0002"), "840b");
    bench.server_.fail(1, Area::input_register, 0, 10, std::nullopt);
    EXPECT_EQ(bench.ask("04 0000 000a").substr(0, 4), "0414");
}

// ---- units and peers ----------------------------------------------------------------------------

TEST(ModbusServer, UnitsThatAreNotThereAreSaidSoOverTcpOnly) {
    Bench gateway({.framing = Framing::tcp}, {meter(), meter(2)});
    EXPECT_EQ(gateway.ask("03 0000 0001", 3), "830b");
    EXPECT_EQ(gateway.ask("03 0000 0001", 255), "830b");
    Bench quiet({.framing = Framing::tcp, .answer_for_missing_units = false}, {meter(), meter(2)});
    EXPECT_EQ(quiet.ask("03 0000 0001", 3), "");
    EXPECT_EQ(quiet.server_.stats().for_others, 1u);
    Bench device;
    EXPECT_EQ(device.ask("03 0000 0001", 255), "03020000") << "the device itself";
    EXPECT_EQ(device.ask("03 0000 0001", 0), "03020000");
    EXPECT_EQ(device.ask("03 0000 0001", 3), "830b");
    Bench any({.framing = Framing::tcp, .any_unit = true});
    EXPECT_EQ(any.ask("03 0000 0001", 77), "03020000");
    Bench serial({.framing = Framing::rtu});
    EXPECT_EQ(serial.ask("03 0000 0001", 3), "");
}

TEST(ModbusServer, PipelinedRequestsAreAnsweredInOnePiece) {
    Bench bench;
    Octets all;
    for (std::uint16_t i = 1; i <= 50; ++i) {
        const Octets frame = bench.frame(1, "03 0000 000a", i);
        all.insert(all.end(), frame.begin(), frame.end());
    }
    bench.receive(Bytes(all).first(7));
    bench.receive(Bytes(all).subspan(7));
    ASSERT_EQ(bench.sent_.size(), 1u);
    EXPECT_EQ(bench.sent_[0].octets.size(), 50u * (7 + 2 + 20));
    EXPECT_EQ(bench.server_.stats().answers, 50u);
}

TEST(ModbusServer, APeerThatSendsRubbishIsClosedAndTheOtherIsNot) {
    Bench bench;
    bench.receive("47 45 54 20 2f 20 48 54 54 50"_hex);
    EXPECT_EQ(bench.closed_, std::vector<PeerId>{one});
    bench.receive(bench.frame(1, "03 0000 0001"), other);
    EXPECT_EQ(bench.taken(), "03020000");
    EXPECT_EQ(bench.server_.stats().bad_frames, 1u);
}

TEST(ModbusServer, PeersBeyondTheLimitAreRefused) {
    Bench bench({.framing = Framing::tcp, .peers_max = 2});
    bench.server_.handle(bench.now_, LineOpened{PeerId{3}});
    bench.drain();
    EXPECT_EQ(bench.closed_, std::vector<PeerId>{PeerId{3}});
    EXPECT_EQ(bench.server_.stats().peers_refused, 1u);
    bench.server_.handle(bench.now_, LineClosed{one});
    bench.server_.handle(bench.now_, LineOpened{PeerId{3}});
    bench.receive(bench.frame(1, "07"), PeerId{3});
    EXPECT_EQ(bench.taken(), "0700");
}

// ---- serial lines -------------------------------------------------------------------------------

TEST(ModbusServer, AnswersWaitForTheSilenceBetweenFrames) {  // [MODBUS SL §2.5.1.1]
    Bench bench({.framing = Framing::rtu, .character_time = 1146us});
    bench.receive(bench.frame(1, "07"));
    EXPECT_TRUE(bench.sent_.empty());
    EXPECT_EQ(bench.server_.next_deadline(), bench.now_ + 4011us);
    bench.pass(4011us);
    EXPECT_EQ(bench.taken(), "0700");
    Bench fast({.framing = Framing::rtu, .character_time = 96us});
    fast.receive(fast.frame(1, "07"));
    EXPECT_EQ(fast.server_.next_deadline(), fast.now_ + 1750us);
    Bench over_tcp({.framing = Framing::rtu, .character_time = {}});
    over_tcp.receive(over_tcp.frame(1, "07"));
    EXPECT_EQ(over_tcp.taken(), "0700");
}

TEST(ModbusServer, ABrokenFrameIsNotAnsweredAndTheNextOneIs) {
    Bench bench({.framing = Framing::rtu});
    for (const Octets& bad :
         {*from_hex("01"), *from_hex("0103000000"), *from_hex("01100000007bf6")}) {
        bench.receive(bad);
        bench.pass(300ms);
        EXPECT_EQ(bench.taken(), "");
        EXPECT_EQ(bench.ask("07"), "0700");
        bench.receive(bad);  // and at once behind it
        bench.receive(bench.frame(1, "07"));
        bench.pass(300ms);
        EXPECT_EQ(bench.taken(), "0700");
    }
    EXPECT_EQ(bench.server_.next_deadline(), never);
}

TEST(ModbusServer, ItHearsItselfWhereTheLineEchoes) {
    Bench bench({.framing = Framing::rtu, .echo = true});
    EXPECT_EQ(bench.ask("06 0001 0309"), "0600010309");
    const Octets echo = bench.frame(1, "06 0001 0309");
    bench.receive(Bytes(echo).first(3));
    bench.receive(Bytes(echo).subspan(3));
    bench.pass(100ms);
    EXPECT_EQ(bench.taken(), "");
    EXPECT_EQ(bench.written_.size(), 1u);
    EXPECT_EQ(bench.ask("03 0001 0001"), "03020309");
}

TEST(ModbusServer, AsciiAnswersAndItsDelimiterChanges) {  // [MODBUS AP §6.8.1, 03]
    Bench bench({.framing = Framing::ascii});
    bench.receive(as_octets(":010300000001FB\r\n"));
    ASSERT_EQ(bench.sent_.size(), 1u);
    EXPECT_EQ(as_text(bench.sent_[0].octets), ":0103020000FA\r\n");
    bench.receive(as_octets(":010800032a00ca\r\n"));
    bench.receive(as_octets(":010300000001FB\r*"));
    ASSERT_EQ(bench.sent_.size(), 3u);
    EXPECT_EQ(as_text(bench.sent_[2].octets), ":0103020000FA\r*");
    bench.receive(as_octets(":0103"));
    bench.pass(2s);
    EXPECT_GT(bench.server_.stats().noise_octets, 0u);
}

}  // namespace
}  // namespace causeway::scada::modbus::server_test
