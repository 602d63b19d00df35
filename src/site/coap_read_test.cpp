// [coap] and what stands below it; files of keys; contexts whose numbers cannot be kept.
#include "net/testing.hpp"
#include "site/kept_oscore.hpp"
#include "site/oscore_keys.hpp"
#include "site/read.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace causeway::site::coap_read_test {
namespace {

using coap::Transport;

Site read(std::string_view text) {
    auto site = read_text(text, "dir/site.toml");
    EXPECT_TRUE(site) << to_text(site.error());
    return site ? *std::move(site) : Site{};
}
std::string mistakes(std::string_view text) {
    const auto site = read_text(text, "site.toml");
    return site ? "none" : to_text(site.error());
}

TEST(CoapRead, AMeshAloneHasTheProxysListenerAndNoOther) {
    const Site site = read("[proxy]\nlisten = \"127.0.0.1:0\"\n");
    ASSERT_TRUE(site.coap);
    ASSERT_EQ(site.coap->listeners.size(), 1u);
    EXPECT_EQ(site.coap->listeners[0].transport, Transport::udp);
    EXPECT_EQ(site.coap->listeners[0].listen, "127.0.0.1:0");
    EXPECT_TRUE(site.coap->echo) << "nobody is amplified to, unless the file says otherwise";
    EXPECT_EQ(site.coap->proxy_to, Coap::ProxyTo::mesh);
}

TEST(CoapRead, ATableAloneIsAServerWithoutAMesh) {
    const Site site = read("[coap]\n");
    EXPECT_FALSE(site.has_mesh);
    ASSERT_TRUE(site.coap);
    ASSERT_EQ(site.coap->listeners.size(), 1u);
    EXPECT_EQ(site.coap->listeners[0].listen, "127.0.0.1:5683");
    EXPECT_EQ(site.coap->listeners[0].name, "coap-5683");
    EXPECT_FALSE(read("[proxy]\nenabled = false\n").coap);
}

TEST(CoapRead, EverySchemeIsATransportWithItsCredentials) {
    const Site site = read(
        "[coap]\nlisten = [\"coap+tcp://[::1]:1\", \"coap+ws://127.0.0.1:2\"]\n"
        "[[coap.listener]]\nlisten = \"coaps://127.0.0.1:3\"\npsk_file = \"p\"\nraw_key = \"r\"\n"
        "pinned_keys = [\"a.pub\", \"sha256:00\"]\n"
        "[[coap.listener]]\nlisten = \"coaps+ws://127.0.0.1:4\"\ncertificate = \"c\"\nkey = "
        "\"k\"\n");
    ASSERT_TRUE(site.coap);
    const auto& listeners = site.coap->listeners;
    ASSERT_EQ(listeners.size(), 4u);
    EXPECT_EQ(listeners[0].transport, Transport::tcp);
    EXPECT_EQ(listeners[1].transport, Transport::ws);
    EXPECT_EQ(listeners[2].transport, Transport::dtls);
    EXPECT_EQ(listeners[2].raw_key, "dir/r");
    EXPECT_EQ(listeners[2].pinned_keys, (std::vector<std::string>{"dir/a.pub", "sha256:00"}));
    EXPECT_EQ(listeners[3].transport, Transport::wss);
    EXPECT_EQ(listeners[3].name, "coaps+ws-4");
}

TEST(CoapRead, SaysWhatIsWrongWithAListener) {
    EXPECT_NE(mistakes("[coap]\nlisten = [\"coaps://127.0.0.1:1\"]\n").find("[[coap.listener]]"),
              std::string::npos);
    EXPECT_NE(mistakes("[coap]\n[[coap.listener]]\nlisten = \"http://127.0.0.1:1\"\n")
                  .find("site.toml:3:10: coap.listener.listen: \"http://127.0.0.1:1\" will not do"),
              std::string::npos);
    EXPECT_NE(mistakes("[coap]\n[[coap.listener]]\nlisten = \"coaps://127.0.0.1:1\"\n")
                  .find("who are we?"),
              std::string::npos);
    EXPECT_NE(mistakes("[coap]\n[[coap.listener]]\nlisten = \"coap://127.0.0.1:1\"\n"
                       "psk_file = \"p\"\n")
                  .find("its scheme has no security"),
              std::string::npos);
    EXPECT_NE(mistakes("[coap]\nlisten = [\"coap+tcp://127.0.0.1:1\", \"coap+ws://127.0.0.1:1\"]\n")
                  .find("listened on twice"),
              std::string::npos);
    EXPECT_NE(mistakes("[coap]\n[[coap.listener]]\nlisten = \"coap://127.0.0.1:1\"\n"
                       "groups = [\"127.0.0.1\"]\n")
                  .find("no multicast group"),
              std::string::npos);
    EXPECT_NE(mistakes("[coap]\n[coap.http]\npath = \"hc\"\n").find("begins and ends with a slash"),
              std::string::npos);
    EXPECT_NE(mistakes("[[mesh.nodes]]\ncount = 1\noscore_required = true\n").find("which keys?"),
              std::string::npos);
}

std::string keys_in(const net::testing::Folder& folder, std::string_view text) {
    std::ofstream(folder / "keys.toml") << text;
    return folder / "keys.toml";
}

TEST(KeyFiles, AreReadAndTheirMistakesToldWithoutTheirSecrets) {
    const net::testing::Folder folder;
    const auto good = read_oscore_keys(
        keys_in(folder,
                "master_secret = \"0102030405060708090a0b0c0d0e0f10\"\nrecipient_id = \"01\"\n"
                "aead = \"A128GCM\"\n"));
    ASSERT_TRUE(good) << good.error();
    EXPECT_EQ(good->master_secret.size(), 16u);
    EXPECT_EQ(good->aead, crypto::AeadAlgorithm::a128gcm);
    EXPECT_FALSE(good->id_context);

    const std::string path =
        keys_in(folder, "master_secret = \"c0ffee\"\nsender_id = \"x\"\nfrob = 1\n");
    const auto bad = read_oscore_keys(path);
    ASSERT_FALSE(bad);
    EXPECT_NE(bad.error().find(path + ":1:1: master_secret: has 3 octets"), std::string::npos)
        << bad.error();
    EXPECT_NE(bad.error().find(":2:1: sender_id: is not hexadecimal"), std::string::npos);
    EXPECT_NE(bad.error().find(":3:1: frob: is not a key here"), std::string::npos);
    EXPECT_EQ(bad.error().find("c0ffee"), std::string::npos);
}

TEST(KeptOscore, ProtectsNothingWithANumberThatCouldNotBeKept) {
    // [RFC 8613 §7.5]
    bool works = true;
    std::size_t kept = 0;
    KeptOscore oscore({.reserve_step = 2}, Random(1), [&](const std::string&, Bytes) {
        kept += works ? 1 : 0;
        return works;
    });
    secure::ContextConfig config;
    config.name = "one";
    config.master_secret = Octets(16);
    config.recipient_id = Octets(1);
    const auto context = oscore.add(config, nullptr);
    ASSERT_TRUE(context) << context.error();
    EXPECT_EQ(kept, 1u) << "before the first message";
    const auto protect = [&] {
        coap::Message request;
        request.code = coap::Code::get;
        coap::Binding binding;
        return oscore.protect_request(Instant{}, {.context = *context}, request, binding);
    };
    EXPECT_TRUE(protect());
    works = false;
    bool refused = false;
    for (int i = 0; i < 4 && !refused; ++i) refused = !protect();
    EXPECT_TRUE(refused) << "the reservation was used up";
    works = true;
    EXPECT_FALSE(protect()) << "what went wrong once is not forgotten";
}

}  // namespace
}  // namespace causeway::site::coap_read_test
