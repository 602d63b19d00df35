#include "scada/tunnel/rfc2217.hpp"
#include "base/hex.hpp"
#include "base/repr.hpp"
#include "scada/tunnel/telnet.hpp"
#include "scada/tunnel/tunnel.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace causeway::scada::tunnel::rfc2217_test {
namespace {

using namespace std::chrono_literals;

constexpr PeerId peer{0};
constexpr Instant start{100s};

/// A port's side of a tunnel, and the other end of its connection in hex.
struct Side {
    explicit Side(TunnelProtocol protocol, PortFormat format = {}) : Side(with(protocol, format)) {}
    explicit Side(const TunnelSettings& settings) : tunnel(settings) {
        tunnel.handle(now, PortOpened{});
        tunnel.handle(now, LineOpened{peer});
        drain();
    }
    static TunnelSettings with(TunnelProtocol protocol, PortFormat format) {
        TunnelSettings settings;
        settings.protocol = protocol;
        settings.format = format;
        return settings;
    }
    void hear(std::string_view hex, PeerId from = peer) {
        const Octets octets = *from_hex(hex);
        tunnel.handle(now, OctetsReceived{from, octets});
        drain();
    }
    void input(Tunnel::Input in) {
        tunnel.handle(now, std::move(in));
        drain();
    }
    void drain() {
        while (auto out = tunnel.poll_output()) {
            std::visit(
                Overloaded{[&](const ToPort& what) {
                               port += to_hex(what.octets);
                               drained += what.octets.size();
                           },
                           [&](const Transmit& what) { said[what.peer] += to_hex(what.octets); },
                           [&](const CloseLine&) { ++closed; }, [&](const PausePort&) {},
                           [&](const PausePeer&) {},
                           [&](const ApplyFormat& what) {
                               applied.push_back(what.format);
                               if (answers) {
                                   PortFormat real = what.format;
                                   if (baud_most != 0) real.baud = std::min(real.baud, baud_most);
                                   tunnel.handle(now, FormatApplied{real});
                               }
                           },
                           [&](const ApplySignal& what) {
                               signals += "bdr"[static_cast<int>(what.signal)];
                               signals += what.on ? '+' : '-';
                           },
                           [&](const PurgePort& what) {
                               signals += what.in ? "I" : "";
                               signals += what.out ? "O" : "";
                           },
                           [&](const AskLines&) { ++asked; },
                           [&](const FarLines& what) { far_lines = what.lines; }},
                *out);
        }
    }
    /// And what it was is forgotten.
    std::string take(PeerId from = peer) { return std::exchange(said[from], {}); }

    Instant now = start;
    Tunnel tunnel;
    bool answers = true;
    std::uint32_t baud_most = 0;
    std::map<PeerId, std::string> said;
    std::string port;
    std::string signals;
    std::vector<PortFormat> applied;
    std::size_t drained = 0;
    int closed = 0;
    int asked = 0;
    std::optional<std::uint8_t> far_lines;
};

// ---- messages ----------------------------------------------------------------------------------

TEST(ComPortMessages, ComeBackAsTheyWereSaid) {
    const std::array<ComPortMessage, 6> messages{
        ComPortMessage::of(false, ComPort::set_baud, 19'200),
        ComPortMessage::of(true, ComPort::set_parity, 3),
        ComPortMessage::of(true, ComPort::notify_modem_state, 0xff),
        ComPortMessage::bare(false, ComPort::flow_suspend),
        ComPortMessage::signature(true, "a port"),
        ComPortMessage::signature(false, "")};
    for (const ComPortMessage& message : messages) {
        const auto back = parse_as<ComPortMessage>(emitted(message));
        ASSERT_TRUE(back);
        EXPECT_EQ(*back, message);
    }
}

TEST(ComPortMessages, CodesAreThoseOfTheTable) {
    // [RFC 2217 "Command Names and Codes"]
    EXPECT_EQ(to_hex(emitted(ComPortMessage::of(false, ComPort::set_baud, 19'200))), "0100004b00");
    EXPECT_EQ(to_hex(emitted(ComPortMessage::of(true, ComPort::set_control, 1))), "6901");
    EXPECT_EQ(to_hex(emitted(ComPortMessage::bare(true, ComPort::flow_resume))), "6d");
    EXPECT_EQ(to_hex(emitted(ComPortMessage::of(true, ComPort::purge_data, 3))), "7003");
}

TEST(ComPortMessages, WrongLengthsAndUnknownCodesAreRefused) {
    const auto fault_of = [](std::string_view hex) {
        return parse_as<ComPortMessage>(*from_hex(hex)).error().fault;
    };
    EXPECT_EQ(fault_of(""), Fault::truncated);
    EXPECT_EQ(fault_of("01 00 00 4b"), Fault::bad_length);
    EXPECT_EQ(fault_of("02"), Fault::bad_length);
    EXPECT_EQ(fault_of("08 00"), Fault::bad_length);
    EXPECT_EQ(fault_of("0d 00"), Fault::unsupported);
    EXPECT_EQ(fault_of("63"), Fault::unsupported);
    EXPECT_EQ(fault_of("71 00"), Fault::unsupported);
}

TEST(ComPortMessages, AFormatIsChangedOneValueAtATime) {
    PortFormat format;
    format = *with(format, ComPort::set_baud, 1'200);
    format = *with(format, ComPort::set_data_size, 7);
    format = *with(format, ComPort::set_parity, 2);
    format = *with(format, ComPort::set_stop_size, 3);  // one and a half
    format = *with(format, ComPort::set_control, 3);
    EXPECT_EQ(format, (PortFormat{.baud = 1'200,
                                  .data_bits = 7,
                                  .parity = PortParity::odd,
                                  .stop_bits = 2,
                                  .flow = PortFlow::hardware}));
    for (const auto& [what, value] : {std::pair{ComPort::set_baud, 0u},
                                      {ComPort::set_data_size, 4u},
                                      {ComPort::set_data_size, 9u},
                                      {ComPort::set_parity, 0u},
                                      {ComPort::set_parity, 6u},
                                      {ComPort::set_stop_size, 4u},
                                      {ComPort::set_control, 4u},
                                      {ComPort::purge_data, 1u}})
        EXPECT_FALSE(with(format, what, value)) << static_cast<int>(what) << ' ' << value;
}

// ---- Telnet ------------------------------------------------------------------------------------

std::string texts_of(Telnet& telnet, Bytes octets, std::string* reply = nullptr) {
    Octets answer;
    std::string all;
    for (const TelnetItem& item : telnet.feed(octets, answer)) {
        if (const auto* data = std::get_if<Bytes>(&item))
            all += to_hex(*data);
        else
            all += '<' + to_hex(emitted(std::get<ComPortMessage>(item))) + '>';
    }
    if (reply != nullptr) *reply += to_hex(answer);
    return all;
}

TEST(TelnetStreams, AnOctet255IsDoubledAndOneOfTheTwoIsTheOctet) {
    Telnet telnet(Telnet::Role::server);
    Octets wire;
    telnet.encode("01 ff ff 02 0d 00"_hex, wire);
    EXPECT_EQ(to_hex(wire), "01ffffffff020d00");
    EXPECT_EQ(texts_of(telnet, wire), "01ffff020d00");
}

TEST(TelnetStreams, AreReadAlikeHoweverTheyAreCut) {
    const Octets stream =
        "ff fb 00 ff fd 03 61 ffff 62 ff fa 2c 01 00 00 ffff 00 ff f0 63 ff f1 0d 00 64 ffff"_hex;
    const std::string expected = "61ff62<010000ff00>630d0064ff";
    for (std::size_t step = 1; step <= stream.size(); ++step) {
        Telnet telnet(Telnet::Role::server);
        [[maybe_unused]] const Octets hello = telnet.hello();
        std::string all;
        for (std::size_t at = 0; at < stream.size(); at += step)
            all += texts_of(telnet, Bytes(stream).subspan(at, std::min(step, stream.size() - at)));
        EXPECT_EQ(all, expected) << step;
        EXPECT_EQ(telnet.stats().ignored, 1u);  // a NOP
    }
}

TEST(TelnetStreams, OptionsWeHaveAreAgreedOnceAndOthersAreRefused) {
    Telnet telnet(Telnet::Role::server);
    EXPECT_EQ(to_hex(telnet.hello()), "fffd2cfffb00fffd00fffb03fffd03");
    std::string reply;
    // "Do not acknowledge a request to enter a mode already in." [RFC 854]
    texts_of(telnet, "ff fd 00 ff fb 00 ff fd 00 ff fb 2c ff fb 2c"_hex, &reply);
    EXPECT_EQ(reply, "");
    EXPECT_TRUE(telnet.com_port_agreed());
    texts_of(telnet, "ff fd 01 ff fb 18 ff fc 22 ff fe 23"_hex, &reply);
    EXPECT_EQ(reply, "fffc01fffe18") << "ECHO and TERMINAL-TYPE; a refusal needs no answer";
    reply.clear();
    // What was agreed may be taken back, and is answered once.
    texts_of(telnet, "ff fc 00 ff fc 00"_hex, &reply);
    EXPECT_EQ(reply, "fffe00");
}

TEST(TelnetStreams, WithoutBinaryANulStandsBehindCr) {
    Telnet telnet(Telnet::Role::client);
    [[maybe_unused]] const Octets hello = telnet.hello();
    texts_of(telnet, "ff fe 00 ff fc 00"_hex);
    Octets wire;
    telnet.encode("0d 41"_hex, wire);
    EXPECT_EQ(to_hex(wire), "0d0041");
    EXPECT_EQ(texts_of(telnet, "0d 00 41 00"_hex), "0d4100");
    EXPECT_EQ(texts_of(telnet, "0d"_hex), "0d");
    EXPECT_EQ(texts_of(telnet, "00 42"_hex), "42");
}

TEST(TelnetStreams, LongUnendedAndForeignParametersAreDroppedAndCounted) {
    Telnet telnet(Telnet::Role::server);
    Octets flood = "ff fa 2c 00"_hex;
    flood.resize(100'000, std::byte{0x41});
    EXPECT_EQ(texts_of(telnet, flood), "");
    EXPECT_EQ(texts_of(telnet, "ff f0 61"_hex), "61");
    EXPECT_EQ(telnet.stats().commands_bad, 1u);
    EXPECT_EQ(texts_of(telnet, "ff fa 18 00 ff f0 62"_hex), "62");
    EXPECT_EQ(telnet.stats().ignored, 1u);
    // Its end was forgotten: what follows is a command of its own.
    EXPECT_EQ(texts_of(telnet, "ff fa 2c 02 ff fd 03 63"_hex), "63");
    EXPECT_EQ(telnet.stats().commands_bad, 2u);
}

// ---- recorded conversations --------------------------------------------------------------------

TEST(Rfc2217Server, HoldsARecordedClientsConversation) {
    Side side(TunnelProtocol::rfc2217_server);
    EXPECT_EQ(side.take(), "fffd2cfffb00fffd00fffb03fffd03");
    for (const char* words : {"fffd01", "fffd03", "fffd03", "fffd2c", "fffb2c", "fffb00", "fffd00"})
        side.hear(words);
    EXPECT_EQ(side.take(), "fffc01fffb2c");
    EXPECT_EQ(side.asked, 1);
    side.input(PortLines{});
    EXPECT_EQ(side.take(), "fffa2c6b00fff0");
    side.hear("fffa2c0100004b00fff0");
    side.hear("fffa2c0207fff0");
    side.hear("fffa2c0303fff0");
    side.hear("fffa2c0401fff0");
    EXPECT_EQ(side.take(), "fffa2c6500004b00fff0fffa2c6607fff0fffa2c6703fff0fffa2c6801fff0");
    EXPECT_EQ(side.tunnel.format(),
              (PortFormat{.baud = 19'200, .data_bits = 7, .parity = PortParity::even}));
    side.hear("fffa2c0501fff0");
    EXPECT_EQ(side.take(), "fffa2c6901fff0");
    // The recorded server left these two unanswered: its port has no such lines.
    side.hear("fffa2c0508fff0");
    side.hear("fffa2c050bfff0");
    EXPECT_EQ(side.take(), "fffa2c6908fff0fffa2c690bfff0");
    side.hear("fffa2c0c01fff0");
    side.hear("fffa2c0c02fff0");
    EXPECT_EQ(side.take(), "fffa2c7001fff0fffa2c7002fff0");
    side.hear("ffff0068656c6c6fffff");
    EXPECT_EQ(side.port, "ff0068656c6c6fff");
    side.input(PortReceived{"62 61 63 6b ff"_hex});
    EXPECT_EQ(side.take(), "6261636bffff");
    side.hear("fffa2c0505fff0");
    side.hear("fffa2c0506fff0");
    side.hear("fffa2c050cfff0");
    EXPECT_EQ(side.take(), "fffa2c6905fff0fffa2c6906fff0fffa2c690cfff0");
    EXPECT_EQ(side.signals, "d+r+IOb+b-r-");
    EXPECT_EQ(side.tunnel.stats().commands_bad + side.tunnel.stats().commands_refused, 0u);
    EXPECT_TRUE(side.tunnel.stats().balanced());
}

TEST(Rfc2217Client, HoldsARecordedServersConversation) {
    Side side(TunnelProtocol::rfc2217_client,
              {.baud = 19'200, .data_bits = 7, .parity = PortParity::even});
    EXPECT_EQ(side.take(), "fffb2cfffb00fffd00fffb03fffd03");
    side.input(PortReceived{"ff 00 68 65 6c 6c 6f ff"_hex});
    EXPECT_EQ(side.take(), "") << "octets wait until the far port is set";
    side.hear("fffb03fffd03fffb01fffe01fffd00fffb00fffd2c");
    EXPECT_EQ(side.take(),
              "fffe01"
              "fffa2c0100004b00fff0fffa2c0207fff0fffa2c0303fff0fffa2c0401fff0fffa2c0501fff0"
              "fffa2c0bfffffff0fffa2c0508fff0fffa2c050bfff0");
    side.hear("fffd03");
    side.hear("fffc2c");
    side.hear("fffa2c6b00fff0");
    EXPECT_EQ(side.far_lines, std::uint8_t{0});
    side.hear("fffa2c6500004b00fff0fffa2c6607fff0fffa2c6703fff0fffa2c6801fff0");
    EXPECT_EQ(side.take(), "");
    side.hear("fffa2c6901fff0");
    EXPECT_EQ(side.take(), "ffff0068656c6c6fffff");
    side.hear("6261636bffff");
    EXPECT_EQ(side.port, "6261636bff");
    side.input(ProgramPresent{false});
    EXPECT_EQ(side.take(), "fffa2c0509fff0fffa2c050cfff0");
    EXPECT_EQ(side.tunnel.stats().settings_differ, 0u);
    EXPECT_EQ(side.tunnel.next_deadline(), never);
}

// ---- the access server -------------------------------------------------------------------------

struct Server : Side {
    Server() : Side(TunnelProtocol::rfc2217_server) {
        hear("fffb2cfffb00fffd00");
        input(PortLines{.lines = modem::cts | modem::dsr});
        take();
    }
};

TEST(Rfc2217Server, TellsTheLinesToClientsThatNeverSayWill) {
    Side says_do(TunnelProtocol::rfc2217_server);
    says_do.hear("fffd2c");
    EXPECT_EQ(says_do.asked, 1);
    Side says_nothing(TunnelProtocol::rfc2217_server);
    says_nothing.hear("fffa2c0500fff0");
    EXPECT_EQ(says_nothing.asked, 1);
    says_nothing.take();
    says_nothing.input(PortLines{.lines = modem::cts});
    EXPECT_EQ(says_nothing.take(), "fffa2c6b10fff0");
}

TEST(Rfc2217Server, AcknowledgesWhatIsTrueAndNotWhatWasAsked) {
    Server side;
    side.baud_most = 115'200;
    side.hear("fffa2c01000f4240fff0");  // a million
    EXPECT_EQ(side.take(), "fffa2c650001c200fff0");
    // Zero asks. [RFC 2217 §2]
    side.hear("fffa2c0100000000fff0fffa2c0200fff0fffa2c0300fff0fffa2c0400fff0");
    EXPECT_EQ(side.take(), "fffa2c650001c200fff0fffa2c6608fff0fffa2c6701fff0fffa2c6801fff0");
    // What cannot be is not done.
    side.hear("fffa2c0209fff0fffa2c0309fff0");
    EXPECT_EQ(side.take(), "fffa2c6608fff0fffa2c6701fff0");
    EXPECT_EQ(side.applied.size(), 1u);
}

TEST(Rfc2217Server, CommandsInOneSegmentAreAcknowledgedInTheirOrder) {
    Server side;
    side.answers = false;
    side.hear("fffa2c0100002580fff0fffa2c01000004b0fff0fffa2c0200fff0fffa2c0302fff0");
    ASSERT_EQ(side.applied.size(), 2u);
    EXPECT_EQ(side.applied[1], (PortFormat{.baud = 1'200, .parity = PortParity::odd}));
    EXPECT_EQ(side.take(), "fffa2c6500002580fff0") << "that is set already";
    side.input(FormatApplied{side.applied[0]});
    EXPECT_EQ(side.take(), "fffa2c65000004b0fff0fffa2c6608fff0");
    side.input(FormatApplied{side.applied[1]});
    EXPECT_EQ(side.take(), "fffa2c6702fff0");
}

TEST(Rfc2217Server, ASettingStandsBetweenTheOctetsAroundIt) {
    Server side;
    side.hear("61 fffa2c01000004b0fff0 62");
    EXPECT_EQ(side.port, "6162");
    EXPECT_EQ(side.applied.size(), 1u);
}

TEST(Rfc2217Server, TellsModemLinesAsTheMaskSays) {
    Server side;
    side.input(PortLines{.lines = modem::cts | modem::dsr});
    EXPECT_EQ(side.take(), "") << "nothing changed";
    side.input(PortLines{.lines = modem::dsr | modem::carrier});
    EXPECT_EQ(side.take(), "fffa2c6ba9fff0");
    side.hear("fffa2c0b80fff0");
    EXPECT_EQ(side.take(), "fffa2c6f80fff0");
    side.input(PortLines{.lines = modem::dsr | modem::carrier | modem::cts});
    EXPECT_EQ(side.take(), "fffa2c6b80fff0")
        << "\"AND\" of the new state and the mask, not zero [RFC 2217 §3]";
    side.hear("fffa2c0b00fff0");
    side.take();
    side.input(PortLines{});
    EXPECT_EQ(side.take(), "");
    side.hear("fffa2c0bfffffff0");
    side.take();
    side.input(PortLines{.lines = modem::ring});
    EXPECT_EQ(side.take(), "fffa2c6b40fff0");
    side.input(PortLines{});
    EXPECT_EQ(side.take(), "fffa2c6b04fff0");
}

TEST(Rfc2217Server, TellsLineErrorsOnlyToWhoAsksForThem) {
    Server side;
    side.input(PortLines{.lines = modem::cts | modem::dsr, .errors = line_error::framing});
    EXPECT_EQ(side.take(), "") << "the initial mask is 0 [RFC 2217 §3]";
    side.hear("fffa2c0a0cfff0");
    EXPECT_EQ(side.take(), "fffa2c6e0cfff0");
    side.input(PortLines{.lines = modem::cts | modem::dsr,
                         .errors = line_error::framing | line_error::overrun});
    EXPECT_EQ(side.take(), "fffa2c6a08fff0");
}

TEST(Rfc2217Server, LooksAtTheLinesAgainAndAgainWhileSomebodyIsThere) {
    Server side;
    const int asked = side.asked;
    side.now = side.tunnel.next_deadline();
    side.tunnel.handle_timeout(side.now);
    side.drain();
    EXPECT_EQ(side.asked, asked + 1);
    EXPECT_GT(side.tunnel.next_deadline(), side.now);
    side.input(LineClosed{peer});
    EXPECT_EQ(side.tunnel.next_deadline(), never);
}

TEST(Rfc2217Server, SaysItsSignatureWhenItIsAsked) {
    Server side;
    side.hear("fffa2c00fff0");
    EXPECT_EQ(side.take(), "fffa2c64" + to_hex(as_octets("Causeway")) + "fff0");
    side.hear("fffa2c00415cfff0");
    EXPECT_EQ(side.take(), "") << "that was the client's own";
}

TEST(Rfc2217Server, SaysNothingOfThePortWhileItIsSuspendedAndAllOfItThen) {
    Server side;
    side.hear("fffa2c08fff0");
    side.input(PortReceived{"61"_hex});
    side.input(PortReceived{"62"_hex});
    EXPECT_EQ(side.take(), "");
    side.hear("fffa2c09fff0");
    EXPECT_EQ(side.take(), "6162");
}

TEST(Rfc2217Server, InboundFlowControlFollowsOutbound) {
    Server side;
    side.hear("fffa2c0503fff0");
    EXPECT_EQ(side.take(), "fffa2c6903fff0");
    side.hear("fffa2c050efff0fffa2c050dfff0");
    EXPECT_EQ(side.take(), "fffa2c6910fff0fffa2c6910fff0");
    side.hear("fffa2c0513fff0fffa2c0500fff0fffa2c0504fff0fffa2c0507fff0fffa2c050afff0");
    EXPECT_EQ(side.take(),
              "fffa2c6903fff0fffa2c6903fff0fffa2c6906fff0fffa2c6908fff0fffa2c690bfff0");
    side.hear("fffa2c0514fff0");
    EXPECT_EQ(side.take(), "") << "available for future use";
    EXPECT_EQ(side.tunnel.stats().commands_refused, 1u);
}

TEST(Rfc2217Server, PurgesWhatWaits) {
    Server side;
    side.hear("fffa2c08fff0");
    side.input(PortReceived{"61 62 63"_hex});
    side.hear("fffa2c0c01fff0");
    EXPECT_EQ(side.take(), "fffa2c7001fff0");
    side.hear("fffa2c09fff0");
    EXPECT_EQ(side.take(), "");
    EXPECT_EQ(side.tunnel.stats().lost_network, 3u);
    EXPECT_TRUE(side.tunnel.stats().balanced());
    side.hear("fffa2c0c09fff0");
    EXPECT_EQ(side.signals, "I");
}

TEST(Rfc2217Server, PutsThePortBackWhenTheLastOneLeaves) {
    Server side;
    side.hear("fffa2c01000004b0fff0fffa2c0505fff0fffa2c0509fff0");
    side.signals.clear();
    side.input(LineClosed{peer});
    EXPECT_EQ(side.signals, "b-d+");
    EXPECT_EQ(side.tunnel.format(), PortFormat{});
    EXPECT_EQ(side.applied.size(), 2u);
}

TEST(Rfc2217Server, WhoMayNotWriteMayNotSetAndIsToldTheTruth) {
    TunnelSettings settings = Side::with(TunnelProtocol::rfc2217_server, {});
    settings.policy = TunnelPolicy::one_writes;
    Side side(settings);
    side.hear("fffb2c 61");
    side.input(LineOpened{PeerId{1}});
    side.hear("fffb2c fffa2c01000004b0fff0 fffa2c0505fff0 62 fffa2c0c03fff0", PeerId{1});
    EXPECT_TRUE(side.take(PeerId{1}).ends_with("fffa2c6500002580fff0fffa2c6906fff0fffa2c7003fff0"));
    EXPECT_EQ(side.port, "61");
    EXPECT_TRUE(side.applied.empty());
    EXPECT_EQ(side.signals, "");
    EXPECT_EQ(side.tunnel.stats().unwelcome, 1u);
    EXPECT_EQ(side.tunnel.stats().commands_refused, 3u);
}

TEST(Rfc2217Server, AFloodOfSettingsThatThePortDoesNotAnswerIsBounded) {
    Server side;
    side.answers = false;
    std::string flood;
    for (int i = 0; i < 2'000; ++i)
        flood += i % 2 == 0 ? "fffa2c01000004b0fff0" : "fffa2c0100002580fff0";
    side.hear(flood);
    EXPECT_EQ(side.applied.size(), Tunnel::pending_max);
    EXPECT_EQ(side.tunnel.stats().commands_refused, 2'000u - Tunnel::pending_max);
}

TEST(Rfc2217Server, ServersWordsFromAClientAreRefused) {
    Server side;
    side.hear("fffa2c65000004b0fff0fffa2c0600fff0");
    EXPECT_EQ(side.take(), "");
    EXPECT_TRUE(side.applied.empty());
    EXPECT_EQ(side.tunnel.stats().commands_refused, 2u);
}

// ---- the client --------------------------------------------------------------------------------

TEST(Rfc2217Client, GoesOnWithOctetsAloneWhereTheServerRefusesOrSaysNothing) {
    Side refused(TunnelProtocol::rfc2217_client);
    refused.input(PortReceived{"61"_hex});
    refused.take();
    refused.hear("fffe2c");
    EXPECT_EQ(refused.take(), "61");
    Side silent(TunnelProtocol::rfc2217_client);
    silent.input(PortReceived{"61"_hex});
    silent.take();
    EXPECT_EQ(silent.tunnel.next_deadline(), start + 3s);
    silent.now = start + 3s;
    silent.tunnel.handle_timeout(silent.now);
    silent.drain();
    EXPECT_EQ(silent.take(), "61");
    EXPECT_EQ(silent.tunnel.stats().unsettled, 1u);
    // Better late than never.
    silent.hear("fffd2c");
    EXPECT_TRUE(silent.take().starts_with("fffa2c01"));
}

TEST(Rfc2217Client, SaysWhatItsProgramChangesAndNothingElse) {
    Side side(TunnelProtocol::rfc2217_client);
    side.hear("fffd2c");
    side.take();
    side.input(FormatAsked{{.baud = 1'200, .parity = PortParity::even}});
    EXPECT_EQ(side.take(), "fffa2c01000004b0fff0fffa2c0303fff0");
    side.input(FormatAsked{{.baud = 1'200, .parity = PortParity::even}});
    EXPECT_EQ(side.take(), "");
    side.hear("fffa2c6500002580fff0");
    EXPECT_EQ(side.tunnel.stats().settings_differ, 1u);
    // The next connection is told at once.
    side.input(LineClosed{peer});
    side.input(LineOpened{peer});
    side.take();
    side.hear("fffd2c");
    EXPECT_TRUE(side.take().starts_with("fffa2c01000004b0fff0fffa2c0208fff0fffa2c0303fff0"));
}

TEST(Rfc2217Client, WhatThePortSaidBeforeTheCutWaitsForTheNextConnectionInWholeOctets) {
    Side side(TunnelProtocol::rfc2217_client);
    side.hear("fffe2c");
    const std::size_t said_before = side.take().size() / 2;
    side.input(PeerDrained{peer, said_before});
    side.input(PortReceived{"61 ff 62 ff 63"_hex});
    EXPECT_EQ(side.take(), "61ffff62ffff63");
    // Four octets left, the last of them half of one of ours.
    side.input(PeerDrained{peer, 5});
    side.input(LineClosed{peer});
    side.input(LineOpened{peer});
    side.take();
    side.hear("fffe2c");
    EXPECT_EQ(side.take(), "ffff63");
    EXPECT_TRUE(side.tunnel.stats().balanced());
}

TEST(Rfc2217Client, AndItsServerUnderstandEachOther) {
    Side client(TunnelProtocol::rfc2217_client, {.baud = 4'800,
                                                 .data_bits = 7,
                                                 .parity = PortParity::mark,
                                                 .stop_bits = 2,
                                                 .flow = PortFlow::xon_xoff});
    Side server(TunnelProtocol::rfc2217_server);
    client.input(PortReceived{"01 ff 02 0d 00"_hex});
    server.input(PortReceived{"ff fe fd"_hex});
    for (int round = 0; round < 8; ++round) {
        server.hear(client.take());
        client.hear(server.take());
        server.input(PortLines{.lines = modem::carrier});
    }
    EXPECT_EQ(server.port, "01ff020d00");
    EXPECT_EQ(client.port, "fffefd");
    EXPECT_EQ(server.tunnel.format(), client.tunnel.format());
    EXPECT_EQ(server.tunnel.format().parity, PortParity::mark);
    EXPECT_EQ(client.far_lines, modem::carrier);
    EXPECT_EQ(client.tunnel.stats().settings_differ, 0u);
    EXPECT_EQ(client.tunnel.stats().unsettled, 0u);
}

}  // namespace
}  // namespace causeway::scada::tunnel::rfc2217_test
