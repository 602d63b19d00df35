// Receiving: what is filtered, acknowledged, recognised as a repetition, delivered.
#include "link/ieee802154/mac.hpp"

#include "base/hex.hpp"
#include "link/ieee802154/beacon.hpp"

#include <gtest/gtest.h>

namespace causeway::link::ieee802154::mac_receive_test {
namespace {

using namespace std::chrono_literals;

constexpr Address us = Address::extended(0xc0ffee0000000001);
constexpr Address us_short = Address::short_address(0x0001);
constexpr Address them = Address::extended(0xc0ffee0000000002);
constexpr PanId pan{0xabcd};
constexpr PanId other_pan{0x1234};
constexpr Instant start{1s};

struct Listener {
    explicit Listener(Mac::Config config = {.address = us, .short_address = us_short, .pan = pan})
        : mac(config, Random(1), {}, start) {}

    void hear(Bytes frame) { mac.handle(now, FrameReceived{Frame(frame), -70, 200}); }
    void hear(const FrameView& frame) { hear(emitted(MacFrame::of(frame))); }
    void hear(const FrameHeader& header) { hear(FrameView{.header = header}); }

    template <class T>
    std::optional<T> next() {
        auto out = mac.poll_output();
        if (!out || !std::holds_alternative<T>(*out)) return std::nullopt;
        return std::get<T>(*std::move(out));
    }
    bool silent() { return !mac.poll_output().has_value(); }
    /// The acknowledgement has left.
    void radio_done() { mac.handle(now, TransmitEnded{}); }

    Mac mac;
    Instant now = start;
};

FrameHeader data_to(Address destination, PanId destination_pan = pan, bool ack = false) {
    return {.ack_request = ack,
            .sequence = std::uint8_t{9},
            .destination_pan = destination_pan,
            .destination = destination,
            .source = them};
}

TEST(MacReceive, DataForUsIsAcknowledgedAtOnceAndDelivered) {
    Listener l;
    const Octets payload = "41 42"_hex;
    l.hear(FrameView{.header = data_to(us, pan, true), .payload = payload});
    const auto ack = l.next<TransmitFrame>();
    ASSERT_TRUE(ack.has_value());
    EXPECT_FALSE(ack->assess_channel);
    EXPECT_EQ(to_hex(ack->frame.bytes()), "020009");
    const auto data = l.next<DataReceived>();
    ASSERT_TRUE(data.has_value());
    EXPECT_EQ(data->source, them);
    EXPECT_EQ(data->destination, us);
    EXPECT_EQ(data->payload, Payload(payload));
    EXPECT_EQ(data->rssi_dbm, -70);
    EXPECT_EQ(data->lqi, 200);
    EXPECT_TRUE(l.silent());
    EXPECT_TRUE(l.mac.stats().balanced());
}

TEST(MacReceive, OurAddressesAndTheBroadcastReachUsAndOthersDoNot) {  // §6.7.2
    const auto reaches = [](const FrameHeader& header) {
        Listener l;
        l.hear(header);
        EXPECT_TRUE(l.mac.stats().balanced());
        return l.next<DataReceived>().has_value();
    };
    EXPECT_TRUE(reaches(data_to(us)));
    EXPECT_TRUE(reaches(data_to(us_short)));
    EXPECT_TRUE(reaches(data_to(Address::broadcast())));
    EXPECT_TRUE(reaches(data_to(us, broadcast_pan)));
    EXPECT_TRUE(reaches(data_to(Address::broadcast(), broadcast_pan)));
    EXPECT_FALSE(reaches(data_to(us, other_pan)));
    EXPECT_FALSE(reaches(data_to(Address::broadcast(), other_pan)));
    EXPECT_FALSE(reaches(data_to(Address::extended(0xc0ffee0000000003))));
    EXPECT_FALSE(reaches(data_to(Address::short_address(2))));
    FrameHeader elided = data_to(us);
    elided.version = FrameVersion::v2015;
    elided.destination_pan.reset();
    EXPECT_TRUE(reaches(elided));  // no PAN id at all: understood to be ours
}

TEST(MacReceive, AShortAddressNotYetAssignedIsNobodys) {
    Listener l({.address = us, .short_address = Address::short_address(0xfffe), .pan = pan});
    l.hear(data_to(Address::short_address(0xfffe)));
    EXPECT_TRUE(l.silent());
    EXPECT_EQ(l.mac.stats().not_for_us, 1u);
}

TEST(MacReceive, ABroadcastIsNeverAcknowledged) {
    Listener l;
    l.hear(data_to(Address::broadcast(), pan, true));
    EXPECT_TRUE(l.next<DataReceived>().has_value());
    EXPECT_TRUE(l.silent());
}

TEST(MacReceive, OurOwnFrameComingBackIsIgnored) {
    Listener l;
    FrameHeader looped = data_to(Address::broadcast());
    looped.source = us;
    l.hear(looped);
    looped.source = us_short;
    l.hear(looped);
    EXPECT_TRUE(l.silent());
    EXPECT_EQ(l.mac.stats().from_ourselves, 2u);
    EXPECT_TRUE(l.mac.stats().balanced());
}

TEST(MacReceive, ARepetitionIsAcknowledgedAgainAndNotDelivered) {
    Listener l;
    for (int i = 0; i < 3; ++i) {
        l.hear(data_to(us, pan, true));
        EXPECT_TRUE(l.next<TransmitFrame>().has_value());
        EXPECT_EQ(l.next<DataReceived>().has_value(), i == 0);
        l.radio_done();
        l.now += 60ms;
    }
    EXPECT_EQ(l.mac.stats().duplicates, 2u);
    EXPECT_EQ(l.mac.stats().acks_sent, 3u);
    EXPECT_TRUE(l.mac.stats().balanced());
}

TEST(MacReceive, TheSameNumberMuchLaterIsANewFrame) {
    Listener l;
    for (int i = 0; i < 2; ++i) {
        l.hear(data_to(us, pan, true));
        EXPECT_TRUE(l.next<TransmitFrame>().has_value());
        EXPECT_TRUE(l.next<DataReceived>().has_value());
        l.radio_done();
        l.now += Duplicates::expiry;
    }
}

TEST(MacReceive, TheSameNumberFromAnotherSourceIsANewFrame) {
    Listener l;
    FrameHeader data = data_to(us, pan, true);
    for (std::uint64_t i = 0; i < 5; ++i) {
        data.source = Address::extended(0xc0ffee0000000100 + i);
        l.hear(data);
        EXPECT_TRUE(l.next<TransmitFrame>().has_value());
        EXPECT_TRUE(l.next<DataReceived>().has_value());
        l.radio_done();
    }
}

TEST(MacReceive, AFrameOf2015IsOwedAnEnhancedAcknowledgement) {
    Listener l;
    FrameHeader data = data_to(us, pan, true);
    data.version = FrameVersion::v2015;
    l.hear(data);
    const auto ack = l.next<TransmitFrame>();
    ASSERT_TRUE(ack.has_value());
    EXPECT_EQ(to_hex(ack->frame.bytes(), " "), "02 2c 09 cd ab 02 00 00 00 00 ee ff c0");
    EXPECT_TRUE(l.next<DataReceived>().has_value());
}

TEST(MacReceive, ASuppressedSequenceNumberIsAcknowledgedWithoutOne) {
    Listener l;
    FrameHeader data = data_to(us, pan, true);
    data.version = FrameVersion::v2015;
    data.sequence.reset();
    l.hear(data);
    const auto ack = l.next<TransmitFrame>();
    ASSERT_TRUE(ack.has_value());
    EXPECT_EQ(to_hex(ack->frame.bytes(), " "), "02 2d cd ab 02 00 00 00 00 ee ff c0");
}

TEST(MacReceive, APromiscuousMacDeliversWhatIsNotForItAndLeavesItUnacknowledged) {
    Listener l({.address = us, .pan = pan, .promiscuous = true});
    l.hear(data_to(Address::extended(0xc0ffee0000000003), other_pan, true));
    const auto data = l.next<DataReceived>();
    ASSERT_TRUE(data.has_value());
    EXPECT_EQ(data->destination, Address::extended(0xc0ffee0000000003));
    EXPECT_TRUE(l.silent());
}

TEST(MacReceive, SecuredFramesAreDroppedUnacknowledged) {
    Listener l;
    FrameHeader data = data_to(us, pan, true);
    data.version = FrameVersion::v2006;
    data.security_enabled = true;
    data.security.level = 5;
    l.hear(data);
    EXPECT_TRUE(l.silent());
    EXPECT_EQ(l.mac.stats().secured, 1u);
    EXPECT_TRUE(l.mac.stats().balanced());
}

TEST(MacReceive, DataWithoutASourceIsDropped) {  // [RFC 4944 §3]
    Listener l;
    FrameHeader data = data_to(us);
    data.source = {};
    l.hear(data);
    EXPECT_TRUE(l.silent());
    EXPECT_EQ(l.mac.stats().address_missing, 1u);
    EXPECT_TRUE(l.mac.stats().balanced());
}

TEST(MacReceive, DataForThePanCoordinatorNeedsNoDestination) {
    FrameHeader data{.sequence = std::uint8_t{9}, .source_pan = pan, .source = them};
    Listener device;
    device.hear(data);
    EXPECT_TRUE(device.silent());
    Listener coordinator({.address = us, .pan = pan, .pan_coordinator = true});
    coordinator.hear(data);
    EXPECT_TRUE(coordinator.next<DataReceived>().has_value());
    data.source_pan = other_pan;
    coordinator.hear(data);
    EXPECT_TRUE(coordinator.silent());
}

TEST(MacReceive, MoreThanAPayloadHoldsIsDroppedUnacknowledged) {
    Listener l;
    FrameHeader data = data_to(us_short, pan, true);
    data.version = FrameVersion::v2015;
    data.sequence.reset();  // short addresses and no sequence number leave 117 octets
    data.source = Address::short_address(2);
    const Octets payload(117);
    l.hear(FrameView{.header = data, .payload = payload});
    EXPECT_TRUE(l.silent());
    EXPECT_EQ(l.mac.stats().too_large, 1u);
    EXPECT_TRUE(l.mac.stats().balanced());
}

TEST(MacReceive, UnknownAndBrokenFramesAreCountedApart) {
    Listener l;
    l.hear("05 00 01"_hex);                    // multipurpose
    l.hear("41 b8 2a cd ab 01 00 02 00"_hex);  // frame version 3
    l.hear("61"_hex);                          // cut
    l.hear(Bytes{});                           // empty
    l.hear("41 84 2a cd ab 01 02 00"_hex);     // reserved address mode
    l.hear("00 80 05 cd ab 34 12 ff"_hex);     // beacon, cut
    l.hear("03 08 99 ff ff ff ff"_hex);        // command without an identifier
    EXPECT_TRUE(l.silent());
    EXPECT_EQ(l.mac.stats().unsupported, 2u);
    EXPECT_EQ(l.mac.stats().malformed, 5u);
    EXPECT_TRUE(l.mac.stats().balanced());
}

TEST(MacReceive, TheSourceTableForgetsTheQuietestWhenItIsFull) {
    Duplicates duplicates(3);
    const auto source = [](std::uint64_t i) { return Address::extended(i); };
    for (std::uint64_t i = 0; i < 3; ++i)
        EXPECT_FALSE(duplicates.seen_before(start + i * 1ms, source(i), 7));
    EXPECT_FALSE(duplicates.seen_before(start + 10ms, source(3), 7));  // in place of source 0
    EXPECT_EQ(duplicates.size(), 3u);
    EXPECT_TRUE(duplicates.seen_before(start + 11ms, source(1), 7));
    EXPECT_TRUE(duplicates.seen_before(start + 11ms, source(3), 7));
    EXPECT_FALSE(duplicates.seen_before(start + 12ms, source(0), 7));
}

TEST(MacReceive, ATableOfNoSourcesRecognisesNothing) {
    Duplicates duplicates(0);
    EXPECT_FALSE(duplicates.seen_before(start, us, 7));
    EXPECT_FALSE(duplicates.seen_before(start, us, 7));
}

// ---- beacons and commands ----------------------------------------------------------------------

TEST(MacReceive, BeaconsOfOurPanAreHeardAndOthersOnlyWhileWeHaveNone) {
    const Octets ours = "00 80 05 cd ab 34 12 ff cf 00 00"_hex;
    const Octets others = "00 80 05 34 12 34 12 ff 0f 00 00"_hex;
    Listener l;
    l.hear(ours);
    const auto heard = l.next<BeaconHeard>();
    ASSERT_TRUE(heard.has_value());
    EXPECT_EQ(heard->source, Address::short_address(0x1234));
    EXPECT_EQ(heard->pan, pan);
    EXPECT_TRUE(heard->pan_coordinator);
    EXPECT_TRUE(heard->association_permit);
    l.hear(others);
    EXPECT_TRUE(l.silent());

    Listener seeking({.address = us});
    seeking.hear(others);
    const auto found = seeking.next<BeaconHeard>();
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->pan, other_pan);
    EXPECT_FALSE(found->pan_coordinator);
}

const Octets beacon_request = "03 08 99 ff ff ff ff 07"_hex;

TEST(MacReceive, ABeaconRequestIsAnsweredWithOneBeacon) {
    Listener l({.address = us, .pan = pan, .pan_coordinator = true});
    l.hear(beacon_request);
    EXPECT_TRUE(l.next<BeaconRequestHeard>().has_value());
    l.mac.handle_timeout(l.now = l.mac.next_deadline());
    const auto beacon = l.next<TransmitFrame>();
    ASSERT_TRUE(beacon.has_value());
    EXPECT_TRUE(beacon->assess_channel);
    Octets wire = "00 c0 00 cd ab 01 00 00 00 00 ee ff c0 ff 4f 00 00"_hex;
    wire[2] = beacon->frame[2];
    EXPECT_EQ(to_hex(beacon->frame.bytes()), to_hex(wire));
    l.mac.handle(l.now += 1ms, TransmitEnded{});
    EXPECT_TRUE(l.silent());  // nobody asked to be told
    EXPECT_TRUE(l.mac.stats().balanced());
}

TEST(MacReceive, AFloodOfBeaconRequestsGetsFewBeacons) {
    Listener l;
    for (int i = 0; i < 1000; ++i) {  // one a millisecond
        l.hear(beacon_request);
        l.mac.handle_timeout(l.now);
        while (auto out = l.mac.poll_output())
            if (std::holds_alternative<TransmitFrame>(*out)) l.mac.handle(l.now, TransmitEnded{});
        l.now += 1ms;
    }
    EXPECT_EQ(l.mac.stats().beacon_requests_heard, 1000u);
    EXPECT_EQ(l.mac.stats().beacons_sent, 10u);
    EXPECT_EQ(l.mac.stats().beacons_withheld, 990u);
    EXPECT_TRUE(l.mac.stats().balanced());
}

TEST(MacReceive, AMacToldToKeepQuietAnswersNoBeaconRequest) {
    Listener l({.address = us, .pan = pan, .answers_beacon_requests = false});
    l.hear(beacon_request);
    EXPECT_TRUE(l.next<BeaconRequestHeard>().has_value());
    EXPECT_EQ(l.mac.next_deadline(), never);
}

TEST(MacReceive, ACommandWeDoNotActOnIsAcknowledgedAndCounted) {
    Listener l;
    FrameHeader header = data_to(us, pan, true);
    header.type = FrameType::command;
    const Octets data_request = "04"_hex;
    l.hear(FrameView{.header = header, .payload = data_request});
    EXPECT_TRUE(l.next<TransmitFrame>().has_value());
    EXPECT_TRUE(l.silent());
    EXPECT_EQ(l.mac.stats().commands_unhandled, 1u);
    EXPECT_TRUE(l.mac.stats().balanced());
}

}  // namespace
}  // namespace causeway::link::ieee802154::mac_receive_test
