// Data in registers, PDUs of every function, and frames on every kind of line.
#include "base/hex.hpp"
#include "scada/modbus/data.hpp"
#include "scada/modbus/framing.hpp"
#include "scada/modbus/pdu.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace causeway::scada::modbus::codec_test {
namespace {

using Registers = std::vector<std::uint16_t>;

// ---- data ---------------------------------------------------------------------------------------

TEST(ModbusData, OrdersPlaceTheOctetsOfNumbersAsTheirLettersSay) {
    const Number number = std::int64_t{0x0a0b0c0d};
    EXPECT_EQ(encode(number, Type::u32, Order::abcd), (Registers{0x0a0b, 0x0c0d}));
    EXPECT_EQ(encode(number, Type::u32, Order::cdab), (Registers{0x0c0d, 0x0a0b}));
    EXPECT_EQ(encode(number, Type::u32, Order::badc), (Registers{0x0b0a, 0x0d0c}));
    EXPECT_EQ(encode(number, Type::u32, Order::dcba), (Registers{0x0d0c, 0x0b0a}));
    const Number wide = std::int64_t{0x0102030405060708};
    EXPECT_EQ(encode(wide, Type::u64, Order::abcd), (Registers{0x0102, 0x0304, 0x0506, 0x0708}));
    EXPECT_EQ(encode(wide, Type::u64, Order::cdab), (Registers{0x0708, 0x0506, 0x0304, 0x0102}));
    EXPECT_EQ(encode(wide, Type::i64, Order::badc), (Registers{0x0201, 0x0403, 0x0605, 0x0807}));
    EXPECT_EQ(encode(wide, Type::i64, Order::dcba), (Registers{0x0807, 0x0605, 0x0403, 0x0201}));
    EXPECT_EQ(encode(std::int64_t{0x1234}, Type::u16, Order::badc), (Registers{0x3412}));
}

TEST(ModbusData, EveryTypeReadsBackInEveryOrder) {
    const std::vector<std::pair<Type, Number>> numbers{{Type::bit, std::int64_t{1}},
                                                       {Type::u16, std::int64_t{65'535}},
                                                       {Type::i16, std::int64_t{-2}},
                                                       {Type::u32, std::int64_t{4'000'000'000}},
                                                       {Type::i32, std::int64_t{-70'000}},
                                                       {Type::u64, std::int64_t{1} << 62},
                                                       {Type::i64, std::int64_t{-5'000'000'000}},
                                                       {Type::f32, 20.5},
                                                       {Type::f64, -1e300},
                                                       {Type::bcd16, std::int64_t{9'876}},
                                                       {Type::bcd32, std::int64_t{12'345'678}},
                                                       {Type::text, std::string("pump 7")}};
    for (const auto& [type, number] : numbers)
        for (const Order order : {Order::abcd, Order::cdab, Order::badc, Order::dcba}) {
            const auto registers = encode(number, type, order, 4);
            ASSERT_TRUE(registers.has_value()) << name_of(type);
            EXPECT_EQ(registers->size(), registers_of(type, 4));
            EXPECT_EQ(decode(*registers, type, order), number)
                << name_of(type) << ' ' << name_of(order);
        }
}

TEST(ModbusData, WhatATypeDoesNotHoldIsRefused) {
    const auto refused = [](const Number& number, Type type) {
        return !encode(number, type, Order::abcd, 2).has_value();
    };
    EXPECT_TRUE(refused(std::int64_t{65'536}, Type::u16));
    EXPECT_TRUE(refused(std::int64_t{-1}, Type::u16));
    EXPECT_TRUE(refused(std::int64_t{40'000}, Type::i16));
    EXPECT_TRUE(refused(std::int64_t{1} << 32, Type::u32));
    EXPECT_TRUE(refused(std::int64_t{-1}, Type::u64));
    EXPECT_TRUE(refused(0x1p64, Type::u64));
    EXPECT_TRUE(refused(std::int64_t{10'000}, Type::bcd16));
    EXPECT_TRUE(refused(1e39, Type::f32));
    EXPECT_TRUE(refused(std::nan(""), Type::u16));
    EXPECT_TRUE(refused(std::string("12345"), Type::text));
    EXPECT_TRUE(refused(std::string("1"), Type::u16));
    EXPECT_EQ(encode(20.6, Type::i16, Order::abcd), (Registers{21}));  // rounded
    EXPECT_EQ(decode(Registers{0x12a4}, Type::bcd16, Order::abcd), std::nullopt);
    EXPECT_EQ(decode(Registers{1}, Type::u32, Order::abcd), std::nullopt);
    // Beyond int64 a u64 is a real number, both ways.
    EXPECT_EQ(decode(Registers{0x8000, 0, 0, 0}, Type::u64, Order::abcd), Number(0x1p63));
    EXPECT_EQ(encode(0x1p63, Type::u64, Order::abcd), (Registers{0x8000, 0, 0, 0}));
}

TEST(ModbusData, NamesReadBack) {
    for (int i = 0; i <= static_cast<int>(Type::text); ++i)
        EXPECT_EQ(type_from(name_of(static_cast<Type>(i))), static_cast<Type>(i));
    for (int i = 0; i <= static_cast<int>(Order::dcba); ++i)
        EXPECT_EQ(order_from(name_of(static_cast<Order>(i))), static_cast<Order>(i));
    EXPECT_EQ(type_from("float"), std::nullopt);
    EXPECT_EQ(order_from("abba"), std::nullopt);
}

// ---- PDUs ---------------------------------------------------------------------------------------

template <class Pdu>
void reads_back(std::string_view hex, std::uint8_t function) {
    const Octets octets = *from_hex(hex);
    const auto pdu = parse_as<Pdu>(octets);
    ASSERT_TRUE(pdu.has_value()) << hex;
    EXPECT_EQ(pdu->function(), function) << hex;
    EXPECT_EQ(to_hex(emitted(*pdu)), to_hex(octets));
    const auto length =
        std::is_same_v<Pdu, RequestPdu> ? request_octets(octets) : response_octets(octets);
    EXPECT_EQ(length.value_or(octets.size()), octets.size()) << hex;
    // Whatever is cut off, the length is not yet told, or more than there is.
    for (std::size_t n = 0; n < octets.size(); ++n) {
        const auto less = std::is_same_v<Pdu, RequestPdu> ? request_octets(Bytes(octets).first(n))
                                                          : response_octets(Bytes(octets).first(n));
        EXPECT_GT(less.value_or(n + 1), n) << hex;
    }
}

TEST(ModbusPdu, RequestsOfEveryFunctionReadBack) {  // [MODBUS AP §6]
    for (const std::string_view hex : {"01 0013 0013",
                                       "02 00c4 0016",
                                       "03 006b 0003",
                                       "04 0008 0001",
                                       "05 00ac ff00",
                                       "05 00ac 0000",
                                       "06 0001 0003",
                                       "07",
                                       "08 0000 a537",
                                       "08 000b 0000",
                                       "0b",
                                       "0c",
                                       "0f 0013 000a 02 cd01",
                                       "10 0001 0002 04 000a 0102",
                                       "11",
                                       "14 0e 06 0004 0001 0002 06 0003 0009 0002",
                                       "15 0d 06 0004 0007 0003 06af 04be 100d",
                                       "16 0004 00f2 0025",
                                       "17 0003 0006 000e 0003 06 00ff 00ff 00ff",
                                       "18 04de",
                                       "2b 0e 01 00",
                                       "2b 0d 00 00",
                                       "41 0102"})
        reads_back<RequestPdu>(hex, std::to_integer<std::uint8_t>((*from_hex(hex))[0]));
}

TEST(ModbusPdu, ResponsesOfEveryFunctionReadBack) {
    for (const std::string_view hex : {"01 03 cd6b05",
                                       "02 03 acdb35",
                                       "03 06 022b 0000 0064",
                                       "04 02 000a",
                                       "05 00ac ff00",
                                       "06 0001 0003",
                                       "07 6d",
                                       "08 0000 a537",
                                       "0b ffff 0108",
                                       "0c 08 0000 0108 0121 2000",
                                       "0f 0013 000a",
                                       "10 0001 0002",
                                       "11 03 01 ff 41",
                                       "14 0c 05 06 0dfe 0020 05 06 33cd 0040",
                                       "15 0d 06 0004 0007 0003 06af 04be 100d",
                                       "16 0004 00f2 0025",
                                       "17 0c 00fe 0acd 0001 0003 000d 00ff",
                                       "18 0006 0002 01b8 1284",
                                       "2b 0e 01 81 00 00 02 00 02 4142 01 01 43",
                                       "2b 0e 03 83 ff 05 01 02 00",
                                       "81 02",
                                       "ab 03",
                                       "41 0102"})
        reads_back<ResponsePdu>(hex, std::to_integer<std::uint8_t>((*from_hex(hex))[0]));
}

template <class Pdu>
Fault fault_of(std::string_view hex) {
    const auto pdu = parse_as<Pdu>(*from_hex(hex));
    return pdu ? Fault::none : pdu.error().fault;
}

TEST(ModbusPdu, ImpossibleQuantitiesAreRefused) {
    for (const std::string_view hex :
         {"01 0000 0000", "01 0000 07d1", "02 0000 07d1", "03 0000 0000", "03 0000 007e",
          "05 0000 0001", "0f 0000 0000 00", "0f 0000 000a 01 00", "10 0000 0001 04 0000 0000",
          "17 0000 0000 0000 0001 02 0000", "17 0000 0001 0000 0000 00", "14 06 06 0001 0000 00",
          "15 02 0600"})
        EXPECT_NE(fault_of<RequestPdu>(hex), Fault::none) << hex;
    EXPECT_EQ(fault_of<RequestPdu>("03 0000 00"), Fault::truncated);
    EXPECT_EQ(fault_of<RequestPdu>("03 0000 0001 00"), Fault::bad_length);
    EXPECT_EQ(fault_of<RequestPdu>(""), Fault::truncated);
    for (const std::string_view hex :
         {"03 03 000000", "03 04 0000", "18 0006 0003 0000 0000", "0c 05 0000000000", "81",
          "2b 0e 01 81 00 00 02 00 02 4142", "2b 0e 01 81 07 00 00", "14 03 02 0600"})
        EXPECT_NE(fault_of<ResponsePdu>(hex), Fault::none) << hex;
}

// ---- frames -------------------------------------------------------------------------------------

Octets framed(Framing framing, Unit unit, std::string_view pdu, std::uint16_t transaction = 0) {
    Octets octets;
    append_adu(octets, framing, {transaction, unit, *from_hex(pdu)});
    return octets;
}

TEST(ModbusFrame, ChecksumsAreTheStandards) {
    EXPECT_EQ(to_hex(framed(Framing::rtu, 2, "07")), "02074112");  // [MODBUS SL §6.2.2]
    EXPECT_EQ(as_text(framed(Framing::ascii, 17, "03 006b 0003")), ":1103006B00037E\r\n");
    EXPECT_EQ(to_hex(framed(Framing::tcp, 1, "03 0000 0004", 0x0102)), "010200000006010300000004");
    EXPECT_EQ(framed(Framing::ascii, 1, "07").size(), adu_octets(Framing::ascii, 1));
}

Octets joined(std::initializer_list<Octets> parts) {
    Octets all;
    for (const Octets& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}

/// Everything that a reader finds, when octets come in pieces of this size.
template <class Next>
std::vector<std::string> found_in(Bytes octets, std::size_t piece, Next&& next) {
    std::vector<std::string> found;
    while (!octets.empty()) {
        Bytes some = octets.first(std::min(piece, octets.size()));
        octets = octets.subspan(some.size());
        while (const auto frame = next(some)) found.push_back(*frame);
    }
    return found;
}

std::string said(const Adu& adu) {
    return std::to_string(adu.transaction) + "/" + std::to_string(adu.unit) + ":" + to_hex(adu.pdu);
}

TEST(ModbusFrame, TcpFramesAreFoundHoweverTheyAreCut) {
    const Octets stream =
        joined({framed(Framing::tcp, 1, "03 0000 0004", 7), framed(Framing::tcp, 255, "07", 8),
                framed(Framing::tcp, 2, "01 0000 0008", 9)});
    for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
        TcpFrames frames;
        const auto found = found_in(stream, piece, [&](Bytes& in) -> std::optional<std::string> {
            const auto adu = frames.next(in);
            return adu ? std::optional(said(*adu)) : std::nullopt;
        });
        EXPECT_EQ(found, (std::vector<std::string>{"7/1:0300000004", "8/255:07", "9/2:0100000008"}))
            << piece;
        EXPECT_FALSE(frames.broken());
    }
}

TEST(ModbusFrame, ATcpHeaderThatIsNoneBreaksTheStream) {  // [MODBUS TCP §3.1.3]
    for (const std::string_view hex : {"0001 0001 0002 01 07", "0001 0000 0001 01 07",
                                       "0001 0000 00ff 01 07", "4745 5420 2f20 48"}) {
        for (const std::size_t piece : {1u, 99u}) {
            TcpFrames frames;
            EXPECT_TRUE(
                found_in(*from_hex(hex), piece, [&](Bytes& in) -> std::optional<std::string> {
                    const auto adu = frames.next(in);
                    return adu ? std::optional(said(*adu)) : std::nullopt;
                }).empty());
            EXPECT_TRUE(frames.broken()) << hex;
        }
    }
}

TEST(ModbusFrame, AsciiBeginsAnewAtEveryColonAndDropsWhatIsWrong) {  // [MODBUS SL §2.5.2]
    const std::string line =
        "noise:1103006B00037E\r\n"  // right
        ":1103:1103006B00037E\r\n"  // cut short by the next
        ":1103006B00037F\r\n"       // a wrong LRC
        ":11030\r\n"                // half an octet
        ":1103x06B00037E\r\n"       // no digit
        ":1103006b00037e\n";        // small letters, no CR
    for (const std::size_t piece : {1u, 3u, 500u}) {
        AsciiFrames frames;
        FrameFaults faults;
        const auto found =
            found_in(as_octets(line), piece, [&](Bytes& in) -> std::optional<std::string> {
                const auto adu = frames.next(in, faults);
                return adu ? std::optional(said(*adu)) : std::nullopt;
            });
        EXPECT_EQ(found, std::vector<std::string>(3, "0/17:03006b0003")) << piece;
        EXPECT_EQ(faults.bad_checksums, 1u);
        EXPECT_EQ(faults.bad_frames, 1u);
        EXPECT_GT(faults.noise_octets, 5u);
    }
}

RtuRequests::Units units(std::initializer_list<Unit> which) {
    RtuRequests::Units set;
    for (const Unit unit : which) set.set(unit);
    return set;
}

std::vector<std::string> requests_in(Bytes octets, std::size_t piece,
                                     const RtuRequests::Units& ours, FrameFaults& faults) {
    RtuRequests reader;
    auto found = found_in(octets, piece, [&](Bytes& in) -> std::optional<std::string> {
        const auto frame = reader.next(in, ours, faults);
        if (!frame) return std::nullopt;
        return (frame->ours ? "" : "other ") + said(frame->adu);
    });
    while (const auto late = reader.after_silence(ours, faults))
        found.push_back("silence " + said(late->adu));
    return found;
}

TEST(ModbusFrame, AServersRequestsStandOutFromOthersTraffic) {
    // Requests and answers of unit 2, some of whose answers look like requests, and ours to 1.
    const Octets line = joined(
        {framed(Framing::rtu, 2, "03 0000 0003"), framed(Framing::rtu, 2, "03 06 0103 0000 0001"),
         framed(Framing::rtu, 1, "03 0000 0001"), framed(Framing::rtu, 2, "10 0000 0001 02 0103"),
         framed(Framing::rtu, 2, "10 0000 0001"), framed(Framing::rtu, 2, "05 0001 ff00"),
         framed(Framing::rtu, 2, "05 0001 ff00"), framed(Framing::rtu, 1, "06 0000 0001"),
         framed(Framing::rtu, 2, "01 0000 0018"), framed(Framing::rtu, 2, "01 03 000000"),
         framed(Framing::rtu, 2, "41 010203"), framed(Framing::rtu, 2, "c1 01"),
         framed(Framing::rtu, 0, "06 0000 0002"), framed(Framing::rtu, 2, "83 02")});
    for (std::size_t piece = 1; piece <= line.size(); ++piece) {
        FrameFaults faults;
        std::vector<std::string> ours;
        for (const std::string& frame : requests_in(line, piece, units({1}), faults))
            if (!frame.starts_with("other")) ours.push_back(frame);
        EXPECT_EQ(ours,
                  (std::vector<std::string>{"0/1:0300000001", "0/1:0600000001", "0/0:0600000002"}))
            << piece;
        EXPECT_EQ(faults.bad_checksums, 0u) << piece;
        EXPECT_EQ(faults.noise_octets, 0u) << piece;
    }
}

TEST(ModbusFrame, WhatAnotherAnswersIsNoRequestThoughItHoldsOne) {
    // Unit 2's registers hold, octet for octet, a request to unit 1.
    const Octets request = framed(Framing::rtu, 1, "05 0001 ff00");
    Octets pdu = "03 08"_hex;
    pdu.insert(pdu.end(), request.begin(), request.end());
    const Octets line =
        joined({framed(Framing::rtu, 2, "03 0000 0004"), framed(Framing::rtu, 2, to_hex(pdu))});
    for (std::size_t piece = 1; piece <= line.size(); ++piece) {
        FrameFaults faults;
        for (const std::string& frame : requests_in(line, piece, units({1}), faults))
            EXPECT_TRUE(frame.starts_with("other")) << piece << ' ' << frame;
    }
}

TEST(ModbusFrame, ARequestIsFoundBehindNoise) {
    const Octets request = framed(Framing::rtu, 1, "03 0000 0001");
    for (const std::string_view noise :
         {"ff", "00", "01", "01 03", "01 10 00 00 00", "02 03 00", "01 03 00 00 00 01 84 0b",
          "55 aa 55 aa 55 aa 55 aa 55 aa 55", "02 10 00 00 00 7b f6"}) {
        const Octets line = joined({*from_hex(noise), request});
        for (const std::size_t piece : {1u, 7u, 300u}) {
            FrameFaults faults;
            const auto found = requests_in(line, piece, units({1}), faults);
            ASSERT_FALSE(found.empty()) << noise << ' ' << piece;
            EXPECT_TRUE(found.back().ends_with("0/1:0300000001")) << found.back();
            EXPECT_EQ(faults.noise_octets, from_hex(noise)->size()) << noise;
        }
    }
}

TEST(ModbusFrame, ABrokenRequestIsCountedOnce) {
    Octets broken = framed(Framing::rtu, 1, "03 0000 0001");
    broken[7] ^= std::byte{1};
    FrameFaults faults;
    const auto found =
        requests_in(joined({broken, framed(Framing::rtu, 1, "07")}), 300, units({1}), faults);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_TRUE(found[0].ends_with("0/1:07"));
    EXPECT_EQ(faults.bad_checksums, 1u);
}

TEST(ModbusFrame, QueryDataOfAnyLengthIsOneFrame) {  // [MODBUS AP §6.8.1]
    FrameFaults faults;
    const Octets line = joined({framed(Framing::rtu, 1, "08 0000 0102030405060708"),
                                framed(Framing::rtu, 1, "08 0000 a537")});
    EXPECT_EQ(requests_in(line, 300, units({1}), faults),
              (std::vector<std::string>{"0/1:0800000102030405060708", "0/1:080000a537"}));
}

TEST(ModbusFrame, AClientTakesTheAnswerThatItWaitsForAndNoOther) {
    const Octets wanted = framed(Framing::rtu, 1, "03 04 0001 0002");
    const std::vector<std::string_view> before{
        "", "ff", "01", "01 03", "01 03 04 00", "00 01 03 02 00", "55 aa 55 aa 55 aa 55 aa 55"};
    const std::vector<Octets> strangers{
        framed(Framing::rtu, 2, "03 04 0001 0002"), framed(Framing::rtu, 1, "03 02 0001"),
        framed(Framing::rtu, 1, "04 04 0001 0002"), framed(Framing::rtu, 3, "83 02"), Octets{}};
    for (const std::string_view noise : before)
        for (const Octets& stranger : strangers)
            for (const std::size_t piece : {1u, 4u, 500u}) {
                RtuAnswers reader;
                reader.want(RtuAnswers::Wanted{1, 3, 6});
                FrameFaults faults;
                std::vector<std::string> taken;
                const auto take = [&](const std::optional<RtuAnswers::Found>& frame) {
                    if (frame && frame->wanted) taken.push_back(said(frame->adu));
                    return frame.has_value();
                };
                const Octets line = joined({*from_hex(noise), stranger, wanted});
                Bytes rest = line;
                while (!rest.empty()) {
                    Bytes some = rest.first(std::min<std::size_t>(piece, rest.size()));
                    rest = rest.subspan(some.size());
                    while (take(reader.next(some, faults))) {
                    }
                }
                while (take(reader.after_silence(faults))) {
                }
                EXPECT_EQ(taken, (std::vector<std::string>{"0/1:030400010002"}))
                    << '"' << noise << "\" " << to_hex(stranger) << ' ' << piece;
            }
}

TEST(ModbusFrame, EndlessNoiseIsNotKept) {
    RtuRequests requests;
    RtuAnswers answers;
    answers.want(RtuAnswers::Wanted{1, 3, 6});
    FrameFaults of_server;
    FrameFaults of_client;
    Octets noise;
    for (int i = 0; i < 10'000; ++i) noise.push_back(static_cast<std::byte>(i * i >> 3));
    Bytes in = noise;
    while (requests.next(in, units({1}), of_server)) {
    }
    EXPECT_TRUE(in.empty());
    in = noise;
    while (answers.next(in, of_client)) {
    }
    EXPECT_TRUE(in.empty());
    requests.give_up(of_server);
    answers.give_up(of_client);
    EXPECT_GT(of_server.noise_octets, 9'000u);
    EXPECT_GT(of_client.noise_octets, 9'000u);
}

}  // namespace
}  // namespace causeway::scada::modbus::codec_test
