#include "net/dtls.hpp"

#include "base/hex.hpp"
#include "net/dtls_record.hpp"
#include "net/dtls_testing.hpp"

#include <gtest/gtest.h>

namespace causeway::net::dtls_test {
namespace {

using namespace std::chrono_literals;
using testing::Authority;
using testing::DtlsSide;
using testing::Pair;
using testing::RawKey;
using testing::Relay;
using testing::turn_until;

const Octets probe_key = "00112233445566778899aabbccddeeff"_hex;

class Dtls : public ::testing::Test {
protected:
    Dtls() : psk_file(folder / "psk") {
        testing::write_file(psk_file,
                            "probe:00112233445566778899aabbccddeeff\nother:0102030405060708\n");
    }
    [[nodiscard]] DtlsServer psk_server() const { return {.psk_file = psk_file}; }
    [[nodiscard]] static DtlsClient probe() { return {.psk_identity = "probe", .psk = probe_key}; }
    /// Connects and says what became of it: "open", or the client's trouble.
    std::string outcome(DtlsSide& client, DtlsSide& server, const DtlsClient& as) {
        const std::size_t troubles = client.troubles.size();
        const auto begun = client.host->connect(server.at(), as);
        if (!begun) return begun.error().line;
        const bool ended = turn_until(io, [&] {
            return server.stats().half_open == 0 &&
                   (client.troubles.size() > troubles || client.open.contains(*begun));
        });
        if (!ended) return "nothing";
        if (client.troubles.size() > troubles) {
            // Without whom, which port 0 chose.
            const std::string& line = client.troubles.back();
            return line.substr(line.find(": ") + 2);
        }
        said.clear();
        server.echo = true;
        const std::size_t heard = client.heard.size();
        client.say(*begun, "hello");
        EXPECT_TRUE(turn_until(io, [&] { return client.heard.size() > heard; }));
        client.host->close(*begun);
        const std::size_t closed = server.closed.size();
        EXPECT_TRUE(turn_until(io, [&] { return server.closed.size() > closed; }));
        return "open";
    }

    testing::Folder folder;
    std::string psk_file;
    std::string said;
    Io io;
};

// ---- who is let in ------------------------------------------------------------------------------

TEST_F(Dtls, PresharedKeysOpenASessionAndRecordsCross) {
    DtlsSide server(io, psk_server());
    DtlsSide client(io);
    server.echo = true;
    const std::uint32_t channel = client.connect(server.at(), probe());
    EXPECT_NE(channel, 0u);
    EXPECT_TRUE(client.say(channel, "sent before it is open"));
    ASSERT_TRUE(turn_until(io, [&] { return client.heard.size() == 1; }));
    EXPECT_EQ(client.heard[0], "sent before it is open");
    EXPECT_EQ(server.facts.psk_identity, "probe");
    EXPECT_EQ(server.facts.peer, client.at());
    EXPECT_TRUE(server.facts.accepted);
    EXPECT_FALSE(client.facts.accepted);
    // [RFC 7252 §9.1.3.1; RFC 7925 §4.2]
    EXPECT_EQ(client.facts.cipher_suite, "TLS_PSK_WITH_AES_128_CCM_8");
    EXPECT_FALSE(client.facts.resumed);
    EXPECT_EQ(server.stats().cookies_sent, 1u);
    EXPECT_GT(client.batches, 0);
    // One datagram is one record, however long the flights' MTU.
    const std::string longer(9'000, 'x');
    EXPECT_TRUE(client.say(channel, longer));
    ASSERT_TRUE(turn_until(io, [&] { return client.heard.size() == 2; }));
    EXPECT_EQ(client.heard[1], longer);
    EXPECT_FALSE(client.say(channel, std::string(16'385, 'x')));
    EXPECT_FALSE(client.say(channel + 1, "nobody"));
    EXPECT_EQ(client.stats().send_refused, 2u);
}

TEST_F(Dtls, OverIpv6AndFromTheAddressThatWasWrittenTo) {
    DtlsSide server(io, psk_server(), {.dual_stack = true}, "[::]:0");
    DtlsSide v6(io, {}, {}, "[::1]:0");
    DtlsSide v4(io);
    Endpoint second = Endpoint::parse("127.0.0.3:0").value();
    second.port = server.at().port;
    Endpoint first = Endpoint::parse("[::1]:0").value();
    first.port = server.at().port;
    v4.connect(second, probe());
    v6.connect(first, probe());
    EXPECT_TRUE(turn_until(io, [&] { return v4.open.size() == 1 && v6.open.size() == 1; }));
    EXPECT_EQ(v4.facts.peer, second);
    EXPECT_FALSE(v4.host->connect(first, probe()));
    // The same one to an IPv4 peer from a socket of both families.
    DtlsSide both(io, {}, {.dual_stack = true}, "[::]:0");
    both.connect(second, probe());
    EXPECT_TRUE(turn_until(io, [&] { return both.open.size() == 1; }));
}

TEST_F(Dtls, AWrongKeyAndAnUnknownIdentityAreRefusedAlikeAndAtOnce) {
    DtlsSide server(io, psk_server());
    DtlsSide client(io);
    DtlsClient wrong = probe();
    wrong.psk[0] ^= std::byte{1};
    // [RFC 7925 §6]: "the TLS server MUST return the decrypt_error error message"
    const std::string refusal =
        "it does not know our pre-shared key or its identity, and says: "
        "Decrypt error";
    EXPECT_EQ(outcome(client, server, wrong), refusal);
    EXPECT_EQ(outcome(client, server, {.psk_identity = "nobody", .psk = probe_key}), refusal);
    EXPECT_EQ(server.stats().wrong_key, 2u);
    EXPECT_EQ(client.stats().wrong_key, 2u);
    ASSERT_EQ(server.refused.size(), 2u);
    EXPECT_NE(server.refused[0].find("its pre-shared key is wrong"), std::string::npos);
    EXPECT_NE(server.refused[1].find("the identity of its key is not known"), std::string::npos);
    EXPECT_EQ(outcome(client, server, probe()), "open");
}

TEST_F(Dtls, RawPublicKeysProveBothSides) {
    const RawKey ours(folder, "server");
    const RawKey theirs(folder, "client");
    const RawKey stranger(folder, "stranger");
    DtlsSide server(io, DtlsServer{.client_certificate_required = true,
                                   .raw_key = ours.key,
                                   .pinned_keys = {theirs.half}});
    DtlsSide client(io);
    DtlsClient as{.raw_key = theirs.key, .pinned_keys = {"sha256:" + ours.sha256}};
    EXPECT_EQ(outcome(client, server, as), "open");
    EXPECT_EQ(server.facts.raw_key_sha256, theirs.sha256);
    EXPECT_EQ(client.facts.raw_key_sha256, ours.sha256);
    // [RFC 7252 §9.1.3.2]
    EXPECT_EQ(client.facts.cipher_suite, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8");
    as.resume = false;
    as.pinned_keys = {"sha256:" + ours.sha256.substr(0, 30)};  // sha-256-120 [RFC 7252 §9.1.3.2.1]
    EXPECT_EQ(outcome(client, server, as), "open");
    as.pinned_keys = {stranger.half};
    EXPECT_EQ(outcome(client, server, as),
              "its raw public key is not pinned (sha256:" + ours.sha256 + ")");
    EXPECT_EQ(client.stats().key_refused, 1u);
    as.pinned_keys = {ours.half};
    as.raw_key = stranger.key;
    EXPECT_EQ(outcome(client, server, as), "it refused, and says: Handshake failed");
    EXPECT_EQ(server.stats().key_refused, 1u);
    as.raw_key = {};  // none at all
    EXPECT_NE(outcome(client, server, as), "open");
    as.raw_key = theirs.key;
    as.pinned_keys = {};
    EXPECT_NE(outcome(client, server, as).find("the server's is not pinned"), std::string::npos);
    as.insecure = true;
    EXPECT_EQ(outcome(client, server, as), "open");
}

TEST_F(Dtls, CertificatesProveTheServerAndItsName) {
    Authority authority(folder, "site");
    const Pair pair = authority.issue("server", "DNS:gateway.example,IP:127.0.0.1");
    DtlsSide server(io, DtlsServer{.certificate = pair.certificate, .key = pair.key});
    DtlsSide client(io);
    DtlsClient as{.ca_file = authority.file(), .resume = false};
    EXPECT_EQ(outcome(client, server, as), "open");  // by its address
    EXPECT_EQ(client.facts.certificate_name, "server");
    EXPECT_FALSE(server.facts.certificate_name);
    EXPECT_EQ(client.facts.cipher_suite, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8");
    as.server_name = "Gateway.example";
    EXPECT_EQ(outcome(client, server, as), "open");
    as.server_name = "other.example";
    EXPECT_EQ(outcome(client, server, as), "its certificate is not for \"other.example\"");
    as.insecure = true;
    EXPECT_EQ(outcome(client, server, as), "open");
    const Authority other(folder, "other");
    as = {.ca_file = other.file()};
    EXPECT_EQ(outcome(client, server, as), "nobody who is trusted vouches for its certificate");
    EXPECT_EQ(client.stats().certificate_refused, 2u);
    EXPECT_EQ(server.stats().certificate_refused, 2u);  // by the peer
    ASSERT_EQ(server.refused.size(), 2u);
    EXPECT_NE(server.refused[1].find("CA is unknown"), std::string::npos) << server.refused[1];
}

TEST_F(Dtls, NamesInCertificatesAreTakenAsTheyStand) {
    // [RFC 7252 §9.1.3.3]: "certificates with wildcards are not allowed"; a CoAP URI will do.
    Authority authority(folder, "site");
    const Pair wild = authority.issue("wild", "DNS:*.example");
    const Pair uri = authority.issue("uri", "URI:coaps://node.example:5684/.well-known/core");
    const Pair eui = authority.issue("02-00-00-ff-fe-00-00-01");
    DtlsSide client(io);
    const auto named = [&](const Pair& pair, const std::string& name) {
        DtlsSide server(io, DtlsServer{.certificate = pair.certificate, .key = pair.key});
        const DtlsClient as{.ca_file = authority.file(), .server_name = name, .resume = false};
        return outcome(client, server, as);
    };
    EXPECT_EQ(named(wild, "a.example"), "its certificate is not for \"a.example\"");
    EXPECT_EQ(named(uri, "node.example"), "open");
    EXPECT_EQ(named(uri, "nod.example"), "its certificate is not for \"nod.example\"");
    EXPECT_EQ(named(eui, "02-00-00-ff-fe-00-00-01"), "open");
}

TEST_F(Dtls, ClientsShowCertificatesThatOneAuthorityIssued) {
    Authority authority(folder, "site");
    Authority other(folder, "other");
    const Pair pair = authority.issue("server", "IP:127.0.0.1");
    const Pair sensor = authority.issue("sensor-7");
    const Pair stranger = other.issue("stranger");
    const Pair expired = authority.issue("old", {}, -60);
    DtlsSide server(io, DtlsServer{.certificate = pair.certificate,
                                   .key = pair.key,
                                   .client_ca = authority.file(),
                                   .client_certificate_required = true});
    DtlsSide client(io);
    const auto with = [&](const Pair& own) {
        return outcome(client, server,
                       {.ca_file = authority.file(),
                        .certificate = own.certificate,
                        .key = own.key,
                        .resume = false});
    };
    EXPECT_EQ(with(sensor), "open");
    EXPECT_EQ(server.facts.certificate_name, "sensor-7");
    EXPECT_EQ(with(expired), "it refused, and says: Certificate is expired");
    // GnuTLS knows better than to show what the server would not take. [RFC 5246 §7.4.6]
    EXPECT_EQ(with(stranger), "it refused, and says: Handshake failed");
    EXPECT_NE(outcome(client, server, {.ca_file = authority.file()}), "open");
    EXPECT_EQ(server.stats().certificate_refused, 3u);
    EXPECT_EQ(server.refused.size(), 3u);
}

TEST_F(Dtls, AnExpiredCertificateOfAServerIsRefused) {
    Authority authority(folder, "site");
    const Pair pair = authority.issue("server", "IP:127.0.0.1", -60);
    DtlsSide server(io, DtlsServer{.certificate = pair.certificate, .key = pair.key});
    DtlsSide client(io);
    EXPECT_EQ(outcome(client, server, {.ca_file = authority.file()}),
              "its certificate has expired");
    ASSERT_EQ(server.refused.size(), 1u);
    EXPECT_NE(server.refused[0].find("Certificate is expired"), std::string::npos);
}

TEST_F(Dtls, OneServerTakesAllModesAtOnce) {
    Authority authority(folder, "site");
    const Pair pair = authority.issue("server", "IP:127.0.0.1");
    const RawKey ours(folder, "ours");
    const RawKey theirs(folder, "theirs");
    DtlsSide server(io, DtlsServer{.certificate = pair.certificate,
                                   .key = pair.key,
                                   .client_ca = authority.file(),
                                   .psk_file = psk_file,
                                   .psk_hint = "which one?",
                                   .raw_key = ours.key,
                                   .pinned_keys = {theirs.half}});
    DtlsSide client(io);
    EXPECT_EQ(outcome(client, server, probe()), "open");
    EXPECT_EQ(server.facts.psk_identity, "probe");
    EXPECT_EQ(outcome(client, server, {.ca_file = authority.file()}), "open");
    EXPECT_EQ(outcome(client, server, {.raw_key = theirs.key, .pinned_keys = {ours.half}}), "open");
    EXPECT_EQ(server.facts.raw_key_sha256, theirs.sha256);
    EXPECT_FALSE(server.facts.psk_identity);
}

TEST_F(Dtls, WhatIsWrongWithCredentialsIsOneLine) {
    const auto line = [&](const DtlsServer& server) {
        const auto host =
            DtlsHost::open(io, Endpoint::parse("127.0.0.1:0").value(), server, {}, {});
        return host ? "opened" : host.error().line;
    };
    EXPECT_EQ(line({}), "DTLS takes a certificate, a raw key or a PSK file");
    const std::string none = folder / "none";
    EXPECT_EQ(line({.psk_file = none}),
              "cannot read the PSK file " + none + ": no such file or directory");
    EXPECT_EQ(line({.raw_key = none}), "cannot read key " + none + ": no such file or directory");
    EXPECT_EQ(line({.psk_file = psk_file, .pinned_keys = {"sha256:00"}}),
              "bad pin \"sha256:00\": want sha256: and 64 hex digits, or the first 30 of them");
    EXPECT_EQ(line({.psk_file = psk_file, .pinned_keys = {none}}),
              "cannot read the public key " + none + ": no such file or directory");
    EXPECT_NE(line({.certificate = psk_file}).find("cannot read certificate " + psk_file),
              std::string::npos);
    EXPECT_NE(line({.client_certificate_required = true, .psk_file = psk_file}), "opened");
}

// ---- what strangers can do ----------------------------------------------------------------------

TEST_F(Dtls, WithoutACookieNothingIsRememberedOrMultiplied) {
    DtlsSide server(io, psk_server());
    // The first flight of a client, seen on a wire that loses all.
    Relay relay(io, server.at());
    DtlsSide client(io);
    relay.lose = [](bool, Bytes) { return true; };
    client.connect(relay.at(), probe());
    ASSERT_TRUE(turn_until(io, [&] { return relay.to_server.size() == 1; }));
    const Octets hello = relay.to_server[0];
    // A thousand sources, none of which answers. [RFC 6347 §4.2.1]
    std::size_t answered = 0;
    for (int i = 0; i < 100; ++i) {
        UdpSocket spoofed = UdpSocket::open(io, "127.0.0.1:0").value();
        spoofed.receive([&](const Endpoint&, Bytes octets) {
            EXPECT_LT(octets.size(), hello.size());
            ++answered;
        });
        for (int n = 0; n < 10; ++n) spoofed.send(server.at(), hello);
        ASSERT_TRUE(
            turn_until(io, [&] { return answered == 10u * (static_cast<unsigned>(i) + 1); }));
    }
    EXPECT_EQ(server.stats().cookies_sent, 1'000u);
    EXPECT_EQ(server.stats().half_open, 0u);
    EXPECT_EQ(server.stats().handshakes_started, 0u);
}

TEST_F(Dtls, ACookieIsGoodForOneAddressAndOneClientHello) {
    DtlsSide server(io, psk_server());
    Relay relay(io, server.at());
    DtlsSide client(io);
    const std::uint32_t channel = client.connect(relay.at(), probe());
    ASSERT_TRUE(turn_until(io, [&] { return client.open.contains(channel); }));
    Octets second;
    for (const Octets& octets : relay.to_server)
        if (const auto hello = as_client_hello(octets); hello && hello->has_cookie) second = octets;
    ASSERT_FALSE(second.empty());
    UdpSocket other = UdpSocket::open(io, "127.0.0.1:0").value();
    other.send(server.at(), second);
    ASSERT_TRUE(turn_until(io, [&] { return server.stats().cookie_bad == 1; }));
    second[40] ^= std::byte{1};  // the client's random
    relay.send_to_server(second);
    ASSERT_TRUE(turn_until(io, [&] { return server.stats().cookie_bad == 2; }));
    EXPECT_EQ(server.stats().accepted, 1u);
    EXPECT_EQ(server.open.size(), 1u);
}

TEST_F(Dtls, HandshakesUnderWayAreBounded) {
    DtlsSide server(io, psk_server(), {.half_open_max = 3, .handshake_within = 400ms});
    // Each proves its address and then falls silent.
    std::vector<std::unique_ptr<DtlsSide>> clients;
    std::vector<std::unique_ptr<Relay>> relays;
    for (int i = 0; i < 5; ++i) {
        auto& relay = *relays.emplace_back(std::make_unique<Relay>(io, server.at()));
        relay.lose = [n = 0](bool to_server, Bytes) mutable { return to_server && ++n > 2; };
        clients.push_back(std::make_unique<DtlsSide>(io));
        clients.back()->connect(relay.at(), probe());
    }
    ASSERT_TRUE(turn_until(
        io, [&] { return server.stats().half_open == 3 && server.stats().refused_full == 2; }));
    ASSERT_TRUE(turn_until(io, [&] { return server.stats().half_open == 0; }));
    EXPECT_EQ(server.stats().handshake_late, 3u);
    EXPECT_EQ(server.refused.size(), 3u);
    DtlsSide late(io);
    EXPECT_EQ(outcome(late, server, probe()), "open");  // there is room again
}

TEST_F(Dtls, NoiseIsCountedAndAnsweredBySilence) {
    DtlsSide server(io, psk_server());
    UdpSocket noise = UdpSocket::open(io, "127.0.0.1:0").value();
    bool answered = false;
    noise.receive([&](const Endpoint&, Bytes) { answered = true; });
    noise.send(server.at(), {});
    noise.send(server.at(), "40 01 00 01"_hex);                             // CoAP, not DTLS
    noise.send(server.at(), "16 03 03 00 00 00 00 00 00 00 00 00 00"_hex);  // TLS
    noise.send(server.at(), "17 fe fd 00 01 00 00 00 00 00 00 00 01 ff"_hex);
    noise.send(server.at(), "16 fe fd 00 00 00 00 00 00 00 00 00 05 01 00 00 00 00"_hex);
    noise.send(server.at(), "15 fe fd 00 00 00 00 00 00 00 00 00 02 02 28"_hex);
    ASSERT_TRUE(turn_until(io, [&] { return server.stats().datagrams_received == 6; }));
    EXPECT_EQ(server.stats().malformed, 3u);
    EXPECT_EQ(server.stats().unknown, 3u);
    EXPECT_FALSE(answered);
}

TEST_F(Dtls, AClientOnlyHostAcceptsNobody) {
    DtlsSide one(io);
    DtlsSide other(io, {}, {.handshake_within = 100ms});
    const std::uint32_t channel = other.connect(one.at(), probe());
    ASSERT_TRUE(turn_until(io, [&] { return other.closed.size() == 1; }));
    EXPECT_EQ(other.closed[0], channel);
    EXPECT_EQ(one.stats().hello_unwanted, one.stats().datagrams_received);
    EXPECT_EQ(other.stats().handshake_late, 1u);
    EXPECT_EQ(other.troubles.at(0), "cannot open a DTLS session with " + one.at().text() +
                                        ": it did not finish the handshake within 100 ms");
}

// ---- sessions -----------------------------------------------------------------------------------

class DtlsOpen : public Dtls {
protected:
    void begin(DtlsHost::Options options = {}) {
        server.emplace(io, psk_server(), options);
        relay.emplace(io, server->at());
        client.emplace(io);
        channel = client->connect(relay->at(), probe());
        ASSERT_TRUE(turn_until(
            io, [&] { return client->open.contains(channel) && server->open.size() == 1; }));
    }
    std::optional<DtlsSide> server;
    std::optional<DtlsSide> client;
    std::optional<Relay> relay;
    std::uint32_t channel = 0;
};

TEST_F(DtlsOpen, AReplayedRecordIsDroppedAndCounted) {
    begin();
    client->say(channel, "once");
    ASSERT_TRUE(turn_until(io, [&] { return server->heard.size() == 1; }));
    const Octets record = relay->to_server.back();
    relay->send_to_server(record);  // [RFC 6347 §4.1.2.6]
    relay->send_to_server(record);
    client->say(channel, "again");
    ASSERT_TRUE(turn_until(io, [&] { return server->heard.size() == 2; }));
    EXPECT_EQ(server->heard, (std::vector<std::string>{"once", "again"}));
    EXPECT_EQ(server->stats().records_replayed, 2u);
    EXPECT_EQ(server->stats().records, 2u);
}

TEST_F(DtlsOpen, AForgedRecordHarmsNothing) {
    begin();
    client->say(channel, "true");
    ASSERT_TRUE(turn_until(io, [&] { return server->heard.size() == 1; }));
    Octets forged = relay->to_server.back();
    forged.back() ^= std::byte{1};
    forged[10] = std::byte{9};  // a number that was not there yet
    relay->send_to_server(forged);
    // In the clear anybody may say it: a fatal alert, a goodbye, data, somebody else's Finished.
    relay->send_to_server("15 fe fd 00 00 00 00 00 00 00 07 00 02 02 28"_hex);
    relay->send_to_server("15 fe fd 00 00 00 00 00 00 00 08 00 02 01 00"_hex);
    relay->send_to_server("17 fe fd 00 00 00 00 00 00 00 09 00 02 68 69"_hex);
    relay->send_to_server("14 fe fd 00 00 00 00 00 00 00 0a 00 01 01"_hex);
    relay->send_to_client("15 fe fd 00 00 00 00 00 00 00 07 00 02 02 28"_hex);
    ASSERT_TRUE(turn_until(
        io, [&] { return server->stats().records_bad == 5 && client->stats().records_bad == 1; }));
    client->say(channel, "still");
    ASSERT_TRUE(turn_until(io, [&] { return server->heard.size() == 2; }));
    EXPECT_EQ(server->heard.back(), "still");
    EXPECT_TRUE(server->closed.empty());
}

TEST_F(DtlsOpen, SeveralRecordsMayShareADatagram) {
    begin();
    relay->lose = [](bool to_server, Bytes) { return to_server; };
    client->say(channel, "one");
    client->say(channel, "two");
    const std::size_t before = relay->to_server.size();
    ASSERT_TRUE(turn_until(io, [&] { return relay->to_server.size() == before + 2; }));
    Octets both = relay->to_server[before + 1];  // out of order, too
    both.insert(both.end(), relay->to_server[before].begin(), relay->to_server[before].end());
    relay->send_to_server(both);
    ASSERT_TRUE(turn_until(io, [&] { return server->heard.size() == 2; }));
    EXPECT_EQ(server->heard, (std::vector<std::string>{"two", "one"}));
}

TEST_F(DtlsOpen, GoodbyeClosesTheOtherSideWithoutTrouble) {
    begin();
    client->host->close(channel);
    ASSERT_TRUE(turn_until(io, [&] { return server->closed.size() == 1; }));
    EXPECT_TRUE(server->troubles.empty());
    EXPECT_TRUE(client->closed.empty());  // who closes is not told
    EXPECT_FALSE(client->say(channel, "gone"));
    EXPECT_EQ(server->stats().sessions, 0u);
    const std::uint32_t next = client->connect(relay->at(), probe());
    EXPECT_NE(next, channel);
}

TEST_F(DtlsOpen, AHostThatGoesSaysGoodbye) {
    begin();
    server.reset();
    ASSERT_TRUE(turn_until(io, [&] { return client->closed.size() == 1; }));
    EXPECT_TRUE(client->troubles.empty());
}

TEST_F(DtlsOpen, ASessionWithoutTrafficIsDropped) {
    begin({.idle_after = 200ms});
    const auto until = std::chrono::steady_clock::now() + 300ms;
    while (std::chrono::steady_clock::now() < until) {
        client->say(channel, "awake");
        io.restart();
        io.run_for(20ms);
    }
    EXPECT_TRUE(server->closed.empty());
    ASSERT_TRUE(turn_until(io, [&] { return client->closed.size() == 1; }));
    EXPECT_EQ(server->stats().idle, 1u);
    EXPECT_EQ(server->closed.size(), 1u);
    EXPECT_TRUE(server->troubles.empty());
}

TEST_F(Dtls, BeyondTheMostSessionsTheLongestSilentMakesRoom) {
    DtlsSide server(io, psk_server(), {.sessions_max = 2});
    DtlsSide a(io);
    DtlsSide b(io);
    DtlsSide c(io);
    const std::uint32_t from_a = a.connect(server.at(), probe());
    ASSERT_TRUE(turn_until(io, [&] { return server.open.size() == 1; }));
    b.connect(server.at(), probe());
    ASSERT_TRUE(turn_until(io, [&] { return server.open.size() == 2; }));
    a.say(from_a, "here");
    ASSERT_TRUE(turn_until(io, [&] { return server.heard.size() == 1; }));
    c.connect(server.at(), probe());
    ASSERT_TRUE(turn_until(io, [&] { return b.closed.size() == 1 && c.open.size() == 1; }));
    EXPECT_EQ(server.stats().evicted, 1u);
    EXPECT_EQ(server.stats().sessions, 2u);
    EXPECT_EQ(server.troubles.at(0),
              "the DTLS session with " + b.at().text() + " made room for another");
    EXPECT_TRUE(a.closed.empty());
}

TEST_F(Dtls, APeerThatLostItsMemoryBeginsAnew) {
    DtlsSide server(io, psk_server());
    Endpoint address;
    {
        // It goes before the server's last flight arrives: no goodbye leaves it.
        DtlsSide client(io);
        address = client.at();
        client.connect(server.at(), probe());
        ASSERT_TRUE(turn_until(io, [&] { return server.open.size() == 1; }));
    }
    const std::uint32_t first = server.last;
    DtlsSide again(io, {}, {}, address.text().c_str());
    again.connect(server.at(), probe());
    ASSERT_TRUE(turn_until(io, [&] { return again.open.size() == 1; }));
    EXPECT_EQ(server.closed, std::vector{first});
    EXPECT_EQ(server.troubles.at(0), "the DTLS session with " + address.text() + " began anew");
    EXPECT_EQ(server.open.size(), 1u);
    EXPECT_NE(server.last, first);
}

TEST_F(DtlsOpen, ANewClientHelloFromAKnownAddressReplacesTheSessionAfterTheCookie) {
    begin();
    const std::uint32_t old = server->last;
    // From the relay's address: first without a cookie, as a stranger might forge it.
    Octets hello = relay->to_server[0];
    hello[40] ^= std::byte{1};
    relay->send_to_server(hello);
    ASSERT_TRUE(turn_until(io, [&] { return server->stats().cookies_sent == 2; }));
    EXPECT_TRUE(server->closed.empty());  // [RFC 6347 §4.2.8]
    client->say(channel, "still there");
    ASSERT_TRUE(turn_until(io, [&] { return server->heard.size() == 1; }));
    // Then for real.
    DtlsSide restarted(io);
    restarted.connect(relay->at(), probe());
    ASSERT_TRUE(turn_until(io, [&] { return server->closed.size() == 1; }));
    EXPECT_EQ(server->closed[0], old);
    ASSERT_TRUE(turn_until(io, [&] { return restarted.open.size() == 1; }));
    EXPECT_EQ(server->stats().replaced, 1u);
    EXPECT_EQ(server->stats().sessions, 1u);
}

TEST_F(DtlsOpen, ARepeatedClientHelloDoesNotBeginAnew) {
    begin();
    for (const Octets& octets : relay->to_server)
        if (const auto hello = as_client_hello(octets); hello && hello->has_cookie)
            relay->send_to_server(octets);
    client->say(channel, "still there");
    ASSERT_TRUE(turn_until(io, [&] { return server->heard.size() == 1; }));
    EXPECT_EQ(server->stats().replaced, 0u);
}

TEST_F(Dtls, LostFlightsAreSentAgain) {
    Authority authority(folder, "site");
    const Pair pair = authority.issue("server", "IP:127.0.0.1");
    const Pair own = authority.issue("sensor");
    // Flights of many datagrams, each of which is lost once.
    const DtlsHost::Options options{.retransmit_after = 30ms, .mtu = 300};
    DtlsSide server(io,
                    DtlsServer{.certificate = pair.certificate,
                               .key = pair.key,
                               .client_ca = authority.file(),
                               .client_certificate_required = true},
                    options);
    const DtlsClient as{.ca_file = authority.file(),
                        .certificate = own.certificate,
                        .key = own.key,
                        .resume = false};
    for (int lost = 0; lost < 24; lost += 3) {
        Relay relay(io, server.at());
        relay.lose = [lost, n = 0](bool, Bytes) mutable { return n++ / 2 == lost / 2; };
        DtlsSide client(io, {}, options);
        const std::size_t heard = server.heard.size();
        const std::uint32_t channel = client.connect(relay.at(), as);
        client.say(channel, "through");
        ASSERT_TRUE(turn_until(io, [&] { return server.heard.size() > heard; })) << lost;
    }
    Relay relay(io, server.at());
    relay.lose = [n = 0](bool, Bytes) mutable { return n++ < 3; };  // the first of all
    DtlsSide client(io, {}, options);
    client.connect(relay.at(), as);
    ASSERT_TRUE(turn_until(io, [&] { return client.open.size() == 1; }));
    for (const Octets& octets : relay.to_client) EXPECT_LE(octets.size(), 300u - 48u);
}

TEST_F(Dtls, ASessionIsResumedWithATicket) {
    Authority authority(folder, "site");
    const Pair pair = authority.issue("server", "IP:127.0.0.1");
    const Pair own = authority.issue("sensor");
    const RawKey ours(folder, "ours");
    const RawKey theirs(folder, "theirs");
    const DtlsServer settings{.certificate = pair.certificate,
                              .key = pair.key,
                              .client_ca = authority.file(),
                              .psk_file = psk_file,
                              .raw_key = ours.key,
                              .pinned_keys = {theirs.half}};
    DtlsSide server(io, settings);
    DtlsSide client(io);
    const DtlsClient certified{
        .ca_file = authority.file(), .certificate = own.certificate, .key = own.key};
    const DtlsClient raw{.raw_key = theirs.key, .pinned_keys = {ours.half}};
    for (const DtlsClient& as : {probe(), certified, raw}) {
        ASSERT_EQ(outcome(client, server, as), "open");
        EXPECT_FALSE(client.facts.resumed);
        const DtlsHost::Facts full = server.facts;
        ASSERT_EQ(outcome(client, server, as), "open");
        EXPECT_TRUE(client.facts.resumed);
        EXPECT_TRUE(server.facts.resumed);
        // And it is known whose it was.
        EXPECT_EQ(server.facts.psk_identity, full.psk_identity);
        EXPECT_EQ(server.facts.certificate_name, full.certificate_name);
        EXPECT_EQ(server.facts.raw_key_sha256, full.raw_key_sha256);
    }
    EXPECT_EQ(server.stats().resumed, 3u);
    // New credentials, and the old tickets are worth nothing.
    EXPECT_FALSE(server.host->reload(settings));
    ASSERT_EQ(outcome(client, server, probe()), "open");
    EXPECT_FALSE(client.facts.resumed);
    DtlsClient once = probe();
    once.resume = false;
    ASSERT_EQ(outcome(client, server, once), "open");
    ASSERT_EQ(outcome(client, server, once), "open");
    EXPECT_FALSE(client.facts.resumed);
}

TEST_F(Dtls, AServerThatRefusesATicketGetsAFullHandshake) {
    DtlsSide server(io, psk_server());
    DtlsSide client(io);
    Relay relay(io, server.at());
    const std::uint32_t first = client.connect(relay.at(), probe());
    ASSERT_TRUE(turn_until(io, [&] { return client.open.contains(first); }));
    client.host->close(first);
    ASSERT_TRUE(turn_until(io, [&] { return server.closed.size() == 1; }));
    // As some do: an alert, where they should go on without it. [RFC 5077 §3.1]
    relay.lose = [&, refused = false](bool to_server, Bytes octets) mutable {
        if (to_server || refused || octets.size() < 60) return false;
        relay.send_to_client("15 fe fd 00 00 00 00 00 00 00 01 00 02 02 50"_hex);
        return refused = true;
    };
    const std::uint32_t second = client.connect(relay.at(), probe());
    EXPECT_TRUE(client.say(second, "still queued"));
    ASSERT_TRUE(turn_until(io, [&] { return server.heard.size() == 1; }));
    EXPECT_TRUE(client.open.contains(second));
    EXPECT_FALSE(client.facts.resumed);
    EXPECT_TRUE(client.troubles.empty());
}

TEST_F(Dtls, AServerThatIsSilentAboutAWrongKeyIsNamedSo) {
    DtlsSide server(io, psk_server());
    DtlsSide client(io, {}, {.handshake_within = 300ms});
    Relay relay(io, server.at());
    relay.lose = [](bool to_server, Bytes octets) {
        return !to_server && octets[0] == std::byte{21};
    };
    DtlsClient wrong = probe();
    wrong.psk[0] ^= std::byte{1};
    client.connect(relay.at(), wrong);
    ASSERT_TRUE(turn_until(io, [&] { return client.troubles.size() == 1; }));
    EXPECT_EQ(client.troubles[0], "cannot open a DTLS session with " + relay.at().text() +
                                      ": it did not finish the handshake within 300 ms (is the "
                                      "pre-shared key right?)");
}

TEST_F(Dtls, WhatIsRememberedForResumptionIsBounded) {
    DtlsSide server(io, psk_server());
    DtlsSide client(io, {}, {.resumable_max = 1});
    const DtlsClient other{.psk_identity = "other", .psk = "0102030405060708"_hex};
    ASSERT_EQ(outcome(client, server, probe()), "open");
    ASSERT_EQ(outcome(client, server, other), "open");
    EXPECT_EQ(server.facts.psk_identity, "other");
    ASSERT_EQ(outcome(client, server, probe()), "open");
    EXPECT_FALSE(client.facts.resumed);
    ASSERT_EQ(outcome(client, server, probe()), "open");
    EXPECT_TRUE(client.facts.resumed);
}

TEST_F(Dtls, ReloadTakesEffectForTheNextHandshake) {
    DtlsSide server(io, psk_server());
    DtlsSide client(io);
    DtlsSide other(io);
    const std::uint32_t channel = client.connect(server.at(), probe());
    ASSERT_TRUE(turn_until(io, [&] { return server.open.size() == 1; }));
    const std::string none = folder / "none";
    EXPECT_TRUE(server.host->reload({.psk_file = none}));
    testing::write_file(psk_file, "probe:ffffffffffffffffffffffffffffffff\n");
    EXPECT_FALSE(server.host->reload(psk_server()));
    EXPECT_NE(outcome(other, server, probe()), "open");
    EXPECT_EQ(outcome(other, server, {.psk_identity = "probe", .psk = Octets(16, std::byte{0xff})}),
              "open");
    client.say(channel, "as before");
    ASSERT_TRUE(turn_until(io, [&] { return !server.heard.empty(); }));
}

TEST_F(Dtls, AClosedPortIsKnownAtOnce) {
    Endpoint nobody;
    {
        const UdpSocket gone = UdpSocket::open(io, "127.0.0.1:0").value();
        nobody = gone.local();
    }
    DtlsSide client(io);
    client.connect(nobody, probe());
    ASSERT_TRUE(turn_until(io, [&] { return client.closed.size() == 1; }));
    EXPECT_EQ(client.troubles.at(0),
              "cannot open a DTLS session with " + nobody.text() + ": nobody listens there");
    EXPECT_EQ(client.stats().unreachable, 1u);
}

TEST_F(Dtls, WhatWaitsForAHandshakeIsBounded) {
    DtlsSide server(io, psk_server());
    DtlsSide client(io, {}, {.records_queued_max = 2});
    const std::uint32_t channel = client.connect(server.at(), probe());
    EXPECT_TRUE(client.say(channel, "1"));
    EXPECT_TRUE(client.say(channel, "2"));
    EXPECT_FALSE(client.say(channel, "3"));
    EXPECT_EQ(client.stats().send_refused, 1u);
    ASSERT_TRUE(turn_until(io, [&] { return server.heard.size() == 2; }));
    EXPECT_FALSE(client.host->connect(server.at(), probe()));  // there is one already
}

TEST_F(Dtls, TwoThatConnectToEachOtherAtOnceEndUpWithOneSession) {
    DtlsSide a(io, psk_server(), {.retransmit_after = 100ms});
    DtlsSide b(io, psk_server(), {.retransmit_after = 100ms});
    a.connect(b.at(), probe());
    b.connect(a.at(), probe());
    ASSERT_TRUE(turn_until(io, [&] { return a.open.size() == 1 && b.open.size() == 1; }));
    EXPECT_NE(a.facts.accepted, b.facts.accepted);
    EXPECT_EQ(a.closed.size() + b.closed.size(), 1u);
    a.say(a.last, "hello");
    ASSERT_TRUE(turn_until(io, [&] { return b.heard.size() == 1; }));
}

// ---- records without keys -----------------------------------------------------------------------

TEST(DtlsRecord, IsTakenOffOneAtATime) {
    const Octets two =
        "17 fe fd 00 01 00 00 00 00 00 05 00 02 aa bb 15 fe ff 00 00 01 02 03 04 05 06 "
        "00 01 cc 17"_hex;
    Bytes rest = two;
    const auto first = next_record(rest);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->content, DtlsContent::application_data);
    EXPECT_EQ(first->epoch, 1u);
    EXPECT_EQ(first->sequence, 5u);
    EXPECT_TRUE(same(first->fragment, "aa bb"_hex));
    EXPECT_EQ(first->whole.size(), 15u);
    const auto second = next_record(rest);
    ASSERT_TRUE(second);
    EXPECT_EQ(second->sequence, 0x010203040506u);
    EXPECT_FALSE(next_record(rest));
}

TEST(DtlsRecord, AWindowKnowsWhatArrived) {  // [RFC 6347 §4.1.2.6]
    DtlsReplayWindow window;
    EXPECT_FALSE(window.seen(0));
    window.mark(0);
    EXPECT_TRUE(window.seen(0));
    EXPECT_FALSE(window.seen(1));
    window.mark(70);
    EXPECT_TRUE(window.seen(0));  // too old to tell
    EXPECT_TRUE(window.seen(6));
    EXPECT_FALSE(window.seen(7));
    window.mark(7);
    EXPECT_TRUE(window.seen(7));
    EXPECT_TRUE(window.seen(70));
    window.mark(134);
    EXPECT_FALSE(window.seen(71));
    EXPECT_TRUE(window.seen(70));
    window.mark(0xffffffffffff);
    EXPECT_TRUE(window.seen(134));
}

TEST(DtlsRecord, ACookieOutlivesOneChangeOfTheSecretButNotTwo) {  // [RFC 6347 §4.2.1]
    DtlsCookies cookies;
    const Endpoint from = Endpoint::parse("192.0.2.1:1").value();
    // A ClientHello of one cipher suite, with room for the cookie.
    const Octets start =
        "16 fe fd 00 00 00 00 00 00 00 00 00 46 01 00 00 3a 00 00 00 00 00 00 00 3a fe fd"_hex;
    Octets hello = start;
    hello.resize(hello.size() + 32);
    const Octets tail =
        "00 10 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 02 c0 a8 01 00"_hex;
    hello.insert(hello.end(), tail.begin(), tail.end());
    hello[12] = std::byte(hello.size() - 13);
    hello[16] = hello[24] = std::byte(hello.size() - 25);
    const auto parsed = as_client_hello(hello);
    ASSERT_TRUE(parsed);
    EXPECT_TRUE(parsed->has_cookie);
    const auto start_of_time = std::chrono::steady_clock::now();
    const Octets request = cookies.request(start_of_time, from, *parsed, hello);
    ASSERT_EQ(request.size(), 44u);
    std::copy(request.end() - 16, request.end(), hello.begin() + 61);
    EXPECT_TRUE(cookies.verify(start_of_time, from, *parsed, hello));
    EXPECT_FALSE(
        cookies.verify(start_of_time, Endpoint::parse("192.0.2.1:2").value(), *parsed, hello));
    EXPECT_TRUE(cookies.verify(start_of_time + 130s, from, *parsed, hello));
    EXPECT_FALSE(cookies.verify(start_of_time + 260s, from, *parsed, hello));
}

}  // namespace
}  // namespace causeway::net::dtls_test
