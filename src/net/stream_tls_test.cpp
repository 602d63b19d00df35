#include "net/stream_host.hpp"
#include "net/stream_testing.hpp"
#include "net/tls_testing.hpp"

#include <gtest/gtest.h>

#include <openssl/ssl.h>

namespace causeway::net::stream_tls_test {
namespace {

using namespace std::chrono_literals;
using testing::Authority;
using testing::Pair;
using testing::Peer;
using testing::Side;
using testing::turn_until;
using testing::write_file;

constexpr auto key_of_probe = "00112233445566778899aabbccddeeff";

class StreamTls : public ::testing::TestWithParam<unsigned> {
protected:
    StreamTls()
        : authority(folder, "site"),
          localhost(authority.issue("server", "DNS:localhost,IP:127.0.0.1")),
          server(io, options()),
          client(io, options()) {}

    [[nodiscard]] StreamHost::Options options() const { return {.workers = GetParam()}; }
    std::size_t listen(const TlsServer& tls, bool websocket = false) {
        ListenSpec spec{.name = "tls", .address = "127.0.0.1:0"};
        spec.tls = tls;
        spec.websocket = websocket;
        const auto listener = server.host.listen(spec);
        EXPECT_TRUE(listener) << listener.error().line;
        return listener.value_or(0);
    }
    [[nodiscard]] TlsServer certified() const {
        return {.certificate = localhost.certificate, .key = localhost.key};
    }
    [[nodiscard]] TlsClient trusting() const { return {.ca_file = authority.file()}; }
    StreamId connect(std::size_t listener, const TlsClient& tls, bool websocket = false) {
        ConnectSpec spec = testing::to(server.host.listening_on(listener));
        spec.tls = tls;
        spec.websocket = websocket;
        return client.host.connect(spec);
    }
    /// Connects, and says what a client's trouble is, or that it is open on both sides.
    std::string outcome(std::size_t listener, const TlsClient& tls) {
        const std::size_t opened = server.opened;
        const std::size_t closed = client.closed;
        const std::size_t connected = client.opened;
        client.trouble.reset();
        const StreamId id = connect(listener, tls);
        EXPECT_TRUE(turn_until(io, [&] {
            return client.closed > closed || (client.opened > connected && server.opened > opened);
        }));
        if (client.closed > closed) return client.trouble ? client.trouble->line : "closed";
        client.host.close(id);
        return "open";
    }
    /// With OpenSSL's own client.
    std::string openssl(std::size_t listener, const std::string& more) {
        const std::string address = server.host.listening_on(listener);
        std::string text;
        std::atomic<bool> done = false;
        std::thread run([&] {
            text = testing::output_of("echo hello | timeout 5 openssl s_client -connect " +
                                      address + " " + more + " 2>&1");
            done = true;
        });
        EXPECT_TRUE(turn_until(io, [&] { return done.load(); }));
        run.join();
        return text;
    }

    testing::Folder folder;
    Authority authority;
    Pair localhost;
    Io io;
    Side server;
    Side client;
};

INSTANTIATE_TEST_SUITE_P(Workers, StreamTls, ::testing::Values(0u, 2u));

TEST_P(StreamTls, CarriesMegabytesBothWays) {
    const std::size_t listener = listen(certified());
    const StreamId id = connect(listener, trusting());
    ASSERT_TRUE(turn_until(io, [&] { return client.open(id) && server.opened == 1; }));
    EXPECT_FALSE(server.facts.certificate_name);
    const auto body = std::make_shared<std::string>(testing::noise(4 << 20));
    client.host.send(id, {to_octets(as_octets("head")), as_octets(*body), body});
    server.host.send(server.last, {{}, as_octets(*body), body});
    ASSERT_TRUE(turn_until(io, [&] {
        return server.heard.size() == body->size() + 4 && client.heard.size() == body->size();
    }));
    EXPECT_TRUE(server.heard == "head" + *body);
    EXPECT_TRUE(client.heard == *body);
    ASSERT_TRUE(turn_until(
        io, [&] { return client.drained == body->size() + 4 && server.drained == body->size(); }));
    EXPECT_TRUE(server.host.stats().balanced());
}

TEST_P(StreamTls, AClosedStreamSaysGoodbyeAfterItsLastOctet) {
    const std::size_t listener = listen(certified());
    server.on_received = [&](StreamId id) {
        server.say(id, std::string(300'000, 'l') + "last");
        server.host.close(id);
    };
    const StreamId id = connect(listener, trusting());
    client.say(id, "sent before it is open");
    ASSERT_TRUE(turn_until(io, [&] { return client.closed == 1; }));
    EXPECT_FALSE(client.trouble) << client.trouble->line;
    EXPECT_EQ(client.heard.size(), 300'004u);
    EXPECT_EQ(server.closed, 0u);
}

TEST_P(StreamTls, AServerNobodyVouchesForIsNotTalkedTo) {
    const std::size_t listener = listen(certified());
    const Authority other(folder, "other");
    const std::string address = server.host.listening_on(listener);
    EXPECT_EQ(outcome(listener, {.ca_file = other.file()}),
              "cannot connect to " + address +
                  ": TLS: certificate verify failed (self-signed certificate in certificate "
                  "chain)");
    ASSERT_TRUE(turn_until(io, [&] { return server.host.stats().handshake_failed == 1; }));
    EXPECT_EQ(server.refusals.size(), 1u);
    EXPECT_TRUE(server.host.stats().balanced());
}

TEST_P(StreamTls, TheNameIsCheckedUnlessToldOtherwise) {
    const std::size_t listener = listen(certified());
    TlsClient tls = trusting();
    EXPECT_EQ(outcome(listener, tls), "open");  // by its address
    tls.server_name = "localhost";
    EXPECT_EQ(outcome(listener, tls), "open");
    tls.server_name = "broker.example";
    EXPECT_EQ(outcome(listener, tls), "cannot connect to " + server.host.listening_on(listener) +
                                          ": TLS: certificate verify failed (hostname mismatch)");
    tls.insecure = true;
    EXPECT_EQ(outcome(listener, tls), "open");
}

TEST_P(StreamTls, AClientsCertificateGivesItsName) {
    TlsServer settings = certified();
    settings.client_ca = authority.file();
    settings.client_certificate_required = true;
    const std::size_t listener = listen(settings);
    const Pair sensor = authority.issue("sensor-7");
    TlsClient tls = trusting();
    tls.certificate = sensor.certificate;
    tls.key = sensor.key;
    EXPECT_EQ(outcome(listener, tls), "open");
    EXPECT_EQ(server.facts.certificate_name, "sensor-7");

    // Without one there is no stream; the client of TLS 1.3 learns it after its own handshake.
    connect(listener, trusting());
    ASSERT_TRUE(turn_until(io, [&] { return server.host.stats().handshake_failed == 1; }));
    EXPECT_EQ(server.refusals.at(0), "TLS: peer did not return a certificate");
    EXPECT_EQ(server.opened, 1u);

    Authority other(folder, "other");
    const Pair stranger = other.issue("sensor-7");
    tls.certificate = stranger.certificate;
    tls.key = stranger.key;
    connect(listener, tls);
    ASSERT_TRUE(turn_until(io, [&] { return server.host.stats().handshake_failed == 2; }));
    EXPECT_TRUE(server.refusals.at(1).starts_with("TLS: certificate verify failed"))
        << server.refusals.at(1);
    EXPECT_EQ(server.opened, 1u);
}

TEST_P(StreamTls, AClientsCertificateMayBeLeftToTheClient) {
    TlsServer settings = certified();
    settings.client_ca = authority.file();
    const std::size_t listener = listen(settings);
    EXPECT_EQ(outcome(listener, trusting()), "open");
    EXPECT_FALSE(server.facts.certificate_name);
    const Pair sensor = authority.issue("sensor-8");
    TlsClient tls = trusting();
    tls.certificate = sensor.certificate;
    tls.key = sensor.key;
    EXPECT_EQ(outcome(listener, tls), "open");
    EXPECT_EQ(server.facts.certificate_name, "sensor-8");
}

TEST_P(StreamTls, ASharedKeyOpensWithoutCertificates) {
    write_file(folder / "psk", "# keys\nprobe:" + std::string(key_of_probe) + "\n");
    const std::size_t listener = listen({.psk_file = folder / "psk"});
    TlsClient tls;
    tls.psk_identity = "probe";
    tls.psk = Octets(16);
    for (std::size_t i = 0; i < 16; ++i) tls.psk[i] = std::byte(i * 0x11);
    EXPECT_EQ(outcome(listener, tls), "open");
    EXPECT_EQ(server.facts.psk_identity, "probe");
    EXPECT_FALSE(server.facts.certificate_name);

    TlsClient wrong = tls;
    wrong.psk[0] = std::byte{1};
    EXPECT_TRUE(outcome(listener, wrong).starts_with("cannot connect to"));
    wrong = tls;
    wrong.psk_identity = "nobody";
    EXPECT_TRUE(outcome(listener, wrong).starts_with("cannot connect to"));
    EXPECT_EQ(server.opened, 1u);
}

TEST_P(StreamTls, ASharedKeyDoesNotExcuseACertificateThatNobodyVouchesFor) {
    const std::size_t listener = listen(certified());
    const Authority other(folder, "other");
    TlsClient tls{.ca_file = other.file()};
    tls.psk_identity = "probe";
    tls.psk = Octets(16);
    EXPECT_TRUE(outcome(listener, tls).find("certificate verify failed") != std::string::npos);
}

TEST_P(StreamTls, AnotherProgramsClientsAreServed) {
    TlsServer settings = certified();
    write_file(folder / "psk", "probe:" + std::string(key_of_probe) + "\n");
    settings.psk_file = folder / "psk";
    const std::size_t listener = listen(settings);
    server.echo = true;
    const auto served = [&](const std::string& more) {
        server.heard.clear();
        const std::string text = openssl(listener, more + " -CAfile " + authority.file());
        EXPECT_EQ(server.heard, "hello\n") << text;
        return text;
    };
    const std::string psk = " -psk_identity probe -psk " + std::string(key_of_probe);
    EXPECT_NE(served("-tls1_3 -alpn x,mqtt").find("ALPN protocol: mqtt"), std::string::npos);
    EXPECT_FALSE(server.facts.psk_identity);
    EXPECT_NE(served("-tls1_2 -alpn http/1.1").find("No ALPN"), std::string::npos);
    served("-tls1_3" + psk);
    EXPECT_EQ(server.facts.psk_identity, "probe");
    served("-tls1_2 -cipher PSK" + psk);
    EXPECT_EQ(server.facts.psk_identity, "probe");
    // Offered and not used, it proves nothing.
    served("-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256" + psk);
    EXPECT_FALSE(server.facts.psk_identity);
    const std::string old = openssl(listener, "-tls1_1 -cipher ALL:@SECLEVEL=0");
    EXPECT_NE(old.find("alert protocol version"), std::string::npos) << old;
}

TEST_P(StreamTls, TheProtocolIsSettledWhereItIsAskedFor) {  // [RFC 8323 §8.2]
    TlsServer settings = certified();
    settings.alpn = {"coap"};
    const std::size_t listener = listen(settings);
    TlsClient tls = trusting();
    EXPECT_EQ(outcome(listener, tls), "open");  // "coaps+tcp is implicitly selected"
    EXPECT_EQ(server.facts.alpn, "");
    tls.alpn = {"coap"};
    tls.alpn_required = true;
    EXPECT_EQ(outcome(listener, tls), "open");
    EXPECT_EQ(server.facts.alpn, "coap");
    EXPECT_EQ(client.facts.alpn, "coap");
    tls.alpn = {"http/1.1"};
    EXPECT_NE(outcome(listener, tls).find("no application protocol"), std::string::npos);
    // A server that chooses nothing is no server of CoAP's, at other ports than its own.
    const std::size_t other = listen(certified());
    tls.alpn = {"coap"};
    EXPECT_NE(outcome(other, tls).find("the server chose none of the protocols asked for"),
              std::string::npos);
    tls.alpn_required = false;
    EXPECT_EQ(outcome(other, tls), "open");
}

TEST_P(StreamTls, WholeMessagesPassThroughTlsToo) {  // [RFC 8323 §8.4]
    ListenSpec spec{.name = "coaps+ws", .address = "127.0.0.1:0"};
    spec.tls = certified();
    spec.websocket = spec.whole_messages = true;
    spec.subprotocol = "coap";
    const auto listener = server.host.listen(spec);
    ConnectSpec to = testing::to(server.host.listening_on(listener.value()));
    to.tls = trusting();
    to.websocket = to.whole_messages = true;
    to.subprotocol = "coap";
    const StreamId id = client.host.connect(to);
    std::vector<std::size_t> sizes;
    server.on_received = [&](StreamId) {
        sizes.push_back(server.heard.size());
        server.heard.clear();
    };
    for (const std::size_t size : std::vector<std::size_t>{10, 70'000, 20})
        client.say(id, std::string(size, 'm'));
    ASSERT_TRUE(turn_until(io, [&] { return sizes.size() == 3; }));
    EXPECT_EQ(sizes, (std::vector<std::size_t>{10, 70'000, 20}));
}

TEST_P(StreamTls, ReloadedCertificatesHoldForTheNextHandshakes) {
    const std::size_t listener = listen(certified());
    const StreamId old = connect(listener, trusting());
    ASSERT_TRUE(turn_until(io, [&] { return client.open(old); }));
    Authority other(folder, "other");
    const Pair fresh = other.issue("fresh", "IP:127.0.0.1");
    EXPECT_FALSE(
        server.host.reload(listener, {.certificate = fresh.certificate, .key = fresh.key}));
    EXPECT_NE(outcome(listener, trusting()), "open");
    EXPECT_EQ(outcome(listener, {.ca_file = other.file()}), "open");
    // A bad one leaves what there is.
    const auto wrong =
        server.host.reload(listener, {.certificate = fresh.certificate, .key = localhost.key});
    ASSERT_TRUE(wrong);
    EXPECT_EQ(wrong->line, "cannot read key " + localhost.key + ": key values mismatch");
    EXPECT_EQ(outcome(listener, {.ca_file = other.file()}), "open");
    client.say(old, "still here");
    ASSERT_TRUE(turn_until(io, [&] { return server.heard == "still here"; }));
}

TEST_P(StreamTls, WhatIsWrongWithFilesIsSaidInOneLine) {
    const auto refused = [&](const TlsServer& tls) {
        ListenSpec spec{.name = "tls", .address = "127.0.0.1:0"};
        spec.tls = tls;
        const auto listener = server.host.listen(spec);
        return listener ? "listens" : listener.error().line;
    };
    EXPECT_EQ(refused({.certificate = "/nowhere.pem", .key = localhost.key}),
              "cannot read certificate /nowhere.pem: no such file or directory");
    write_file(folder / "empty", "");
    EXPECT_EQ(refused({.certificate = folder / "empty", .key = localhost.key}),
              "cannot read certificate " + (folder / "empty") + ": no start line");
    EXPECT_EQ(refused({}), "TLS takes a certificate or a PSK file");
    TlsServer blind = certified();
    blind.client_certificate_required = true;
    EXPECT_EQ(refused(blind),
              "client certificates are required: a client CA is needed to check them");
    blind.client_ca = "/nowhere.pem";
    EXPECT_EQ(refused(blind), "cannot read client CA /nowhere.pem: no such file or directory");

    const std::string psk = folder / "psk";
    const auto refused_psk = [&](const std::string& text) {
        write_file(psk, text);
        const std::string line = refused({.psk_file = psk});
        EXPECT_TRUE(line.starts_with(psk + ":") || line.ends_with("no identities")) << line;
        return line.substr(line.find(": ") + 2);
    };
    EXPECT_EQ(refused_psk("probe\n"), "want IDENTITY:HEXKEY");
    EXPECT_EQ(refused_psk("probe:xyz\n"), "the key is not hexadecimal");
    EXPECT_EQ(refused_psk("probe:0011\n"), "the key has 2 octets, 8 to 64 will do");
    const std::string good = "probe:" + std::string(key_of_probe) + "\n";
    EXPECT_EQ(refused_psk(good + good), "the identity is there twice");
    EXPECT_EQ(refused_psk("# nothing\n"), "it has no identities");
    EXPECT_EQ(refused({.psk_file = "/nowhere"}),
              "cannot read the PSK file /nowhere: no such file or directory");
    EXPECT_EQ(server.host.stats().accepted, 0u);
}

TEST_P(StreamTls, ABadFileOfAClientEndsItsStream) {
    const std::size_t listener = listen(certified());
    EXPECT_EQ(outcome(listener, {.ca_file = "/nowhere.pem"}),
              "cannot connect to " + server.host.listening_on(listener) +
                  ": cannot read CA /nowhere.pem: no such file or directory");
}

TEST_P(StreamTls, WhatIsNoTlsIsRefused) {
    const std::size_t listener = listen(certified());
    Peer peer(server.host.listening_on(listener));
    peer.say("GET / HTTP/1.1\r\n\r\n");
    ASSERT_TRUE(turn_until(io, [&] { return peer.hear().empty() && peer.ended(); }));
    EXPECT_EQ(server.refusals.at(0), "TLS: http request");
    Peer silent(server.host.listening_on(listener));
    silent.close();
    ASSERT_TRUE(turn_until(io, [&] { return server.host.stats().handshake_failed == 2; }));
    EXPECT_EQ(server.refusals.at(1), "the peer closed it before it was open");
    EXPECT_TRUE(server.host.stats().balanced());
}

TEST_P(StreamTls, HandshakesAreBoundedInTimeAndNumber) {
    StreamHost::Options tight = options();
    tight.handshake_within = 100ms;
    tight.handshakes_max = 3;
    Side busy(io, tight);
    ListenSpec spec{.name = "tls", .address = "127.0.0.1:0"};
    spec.tls = certified();
    const auto listener = busy.host.listen(spec);
    ASSERT_TRUE(listener);
    const std::string address = busy.host.listening_on(*listener);
    Peer a(address), b(address), c(address), d(address);
    ASSERT_TRUE(turn_until(io, [&] { return busy.host.stats().refused_full == 1; }));
    EXPECT_EQ(busy.host.stats().pending, 3u);
    ASSERT_TRUE(turn_until(io, [&] { return busy.host.stats().handshake_late == 3; }));
    ASSERT_TRUE(turn_until(io, [&] { return a.hear().empty() && a.ended(); }));
    EXPECT_EQ(busy.refusals.at(0), "the handshake took too long");
    EXPECT_EQ(busy.host.stats().pending, 0u);
    EXPECT_TRUE(busy.host.stats().balanced());
    EXPECT_EQ(busy.opened, 0u);
}

TEST_P(StreamTls, SecureWebSocketCarriesTheStream) {
    const std::size_t listener = listen(certified(), true);
    const StreamId id = connect(listener, trusting(), true);
    ASSERT_TRUE(turn_until(io, [&] { return client.open(id) && server.opened == 1; }));
    const auto body = std::make_shared<std::string>(testing::noise(1 << 20));
    client.host.send(id, {{}, as_octets(*body), body});
    server.host.send(server.last, {{}, as_octets(*body), body});
    ASSERT_TRUE(turn_until(io, [&] {
        return server.heard.size() == body->size() && client.heard.size() == body->size();
    }));
    EXPECT_TRUE(server.heard == *body);
    EXPECT_TRUE(client.heard == *body);
    server.host.close(server.last);
    ASSERT_TRUE(turn_until(io, [&] { return client.closed == 1; }));
    EXPECT_FALSE(client.trouble) << client.trouble->line;
}

}  // namespace
}  // namespace causeway::net::stream_tls_test
