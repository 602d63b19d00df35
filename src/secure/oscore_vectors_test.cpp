// The test vectors of RFC 8613 Appendix C, to the octet.
#include "base/hex.hpp"
#include "secure/cose.hpp"
#include "secure/oscore.hpp"
#include "secure/oscore_message.hpp"

#include <gtest/gtest.h>

namespace causeway::secure::oscore_vectors_test::oscore_vectors_test {
namespace {

const Octets secret = "0102030405060708090a0b0c0d0e0f10"_hex;
const Octets salt = "9e7ca92223786340"_hex;
const Octets id_context = "37cbf3210017a2d3"_hex;

struct Derivation {
    ContextConfig config;
    std::string sender_info, recipient_info, iv_info;
    std::string sender_key, recipient_key, common_iv;
    std::string sender_nonce, recipient_nonce;  // of Partial IV 0
};

ContextConfig config_of(std::string_view sender, std::string_view recipient, bool salted,
                        bool with_context = false) {
    ContextConfig config{.master_secret = secret,
                         .sender_id = from_hex(sender).value(),
                         .recipient_id = from_hex(recipient).value()};
    if (salted) config.master_salt = salt;
    if (with_context) config.id_context = id_context;
    return config;
}

const ContextConfig c1_client = config_of("", "01", true);
const ContextConfig c1_server = config_of("01", "", true);
const ContextConfig c2_client = config_of("00", "01", false);
const ContextConfig c2_server = config_of("01", "00", false);
const ContextConfig c3_client = config_of("", "01", true, true);
const ContextConfig c3_server = config_of("01", "", true, true);

std::vector<Derivation> derivations() {
    return {
        {c1_client, "8540f60a634b657910", "854101f60a634b657910", "8540f60a6249560d",
         "f0910ed7295e6ad4b54fc793154302ff", "ffb14e093c94c9cac9471648b4f98710",
         "4622d4dd6d944168eefb54987c", "4622d4dd6d944168eefb54987c", "4722d4dd6d944169eefb54987c"},
        {c1_server, "854101f60a634b657910", "8540f60a634b657910", "8540f60a6249560d",
         "ffb14e093c94c9cac9471648b4f98710", "f0910ed7295e6ad4b54fc793154302ff",
         "4622d4dd6d944168eefb54987c", "4722d4dd6d944169eefb54987c", "4622d4dd6d944168eefb54987c"},
        {c2_client, "854100f60a634b657910", "854101f60a634b657910", "8540f60a6249560d",
         "321b26943253c7ffb6003b0b64d74041", "e57b5635815177cd679ab4bcec9d7dda",
         "be35ae297d2dace910c52e99f9", "bf35ae297d2dace910c52e99f9", "bf35ae297d2dace810c52e99f9"},
        {c2_server, "854101f60a634b657910", "854100f60a634b657910", "8540f60a6249560d",
         "e57b5635815177cd679ab4bcec9d7dda", "321b26943253c7ffb6003b0b64d74041",
         "be35ae297d2dace910c52e99f9", "bf35ae297d2dace810c52e99f9", "bf35ae297d2dace910c52e99f9"},
        {c3_client, "85404837cbf3210017a2d30a634b657910", "8541014837cbf3210017a2d30a634b657910",
         "85404837cbf3210017a2d30a6249560d", "af2a1300a5e95788b356336eeecd2b92",
         "e39a0c7c77b43f03b4b39ab9a268699f", "2ca58fb85ff1b81c0b7181b85e",
         "2ca58fb85ff1b81c0b7181b85e", "2da58fb85ff1b81d0b7181b85e"},
        {c3_server, "8541014837cbf3210017a2d30a634b657910", "85404837cbf3210017a2d30a634b657910",
         "85404837cbf3210017a2d30a6249560d", "e39a0c7c77b43f03b4b39ab9a268699f",
         "af2a1300a5e95788b356336eeecd2b92", "2ca58fb85ff1b81c0b7181b85e",
         "2da58fb85ff1b81d0b7181b85e", "2ca58fb85ff1b81c0b7181b85e"},
    };
}

TEST(OscoreVectors, KeysAndNoncesAreDerivedAsPublished) {  // [RFC 8613 §3.2.1, §5.2, C.1 to C.3]
    for (const Derivation& d : derivations()) {
        EXPECT_EQ(to_hex(oscore_info(d.config, d.config.sender_id, "Key", 16)), d.sender_info);
        EXPECT_EQ(to_hex(oscore_info(d.config, d.config.recipient_id, "Key", 16)),
                  d.recipient_info);
        EXPECT_EQ(to_hex(oscore_info(d.config, {}, "IV", 13)), d.iv_info);
        const OscoreKeys keys = OscoreKeys::derive(d.config);
        EXPECT_EQ(to_hex(keys.sender_key), d.sender_key);
        EXPECT_EQ(to_hex(keys.recipient_key), d.recipient_key);
        EXPECT_EQ(to_hex(keys.common_iv), d.common_iv);
        const PartialIv zero = partial_iv_of(0);
        EXPECT_EQ(to_hex(oscore_nonce(keys.common_iv, d.config.sender_id, zero.bytes()).bytes()),
                  d.sender_nonce);
        EXPECT_EQ(to_hex(oscore_nonce(keys.common_iv, d.config.recipient_id, zero.bytes()).bytes()),
                  d.recipient_nonce);
    }
}

struct End {
    explicit End(ContextConfig config, std::uint64_t sequence = 0) : oscore({}, Random(1)) {
        config.sender_sequence = sequence;
        peer.context = oscore.add(std::move(config)).value();
    }
    Oscore oscore;
    coap::Peer peer;
};

coap::Message message_of(std::string_view hex) {
    return parse_as<coap::Message>(from_hex(hex).value()).value();
}

struct RequestVector {
    ContextConfig client, server;
    std::string plain, sealed, option;
};

std::vector<RequestVector> requests() {
    return {
        {c1_client, c1_server, "44015d1f00003974396c6f63616c686f737483747631",
         "44025d1f00003974396c6f63616c686f7374620914ff612f1092f1776f1c1668b3825e", "0914"},
        {c2_client, c2_server, "440171c30000b932396c6f63616c686f737483747631",
         "440271c30000b932396c6f63616c686f737463091400ff4ed339a5a379b0b8bc731fffb0", "091400"},
        {c3_client, c3_server, "44012f8eef9bbf7a396c6f63616c686f737483747631",
         "44022f8eef9bbf7a396c6f63616c686f73746b19140837cbf3210017a2d3ff72cd7273fd331ac45cffbe55c3",
         "19140837cbf3210017a2d3"},
    };
}

TEST(OscoreVectors, RequestsAreProtectedAsPublished) {  // [RFC 8613 §8.1, C.4 to C.6]
    for (const RequestVector& v : requests()) {
        End client(v.client, 20);
        coap::Binding binding;
        const auto sealed =
            client.oscore.protect_request({}, client.peer, message_of(v.plain), binding);
        ASSERT_TRUE(sealed);
        EXPECT_EQ(to_hex(emitted(*sealed)), v.sealed);
        EXPECT_EQ(to_hex(sealed->options.find(coap::OptionNumber::oscore).value()), v.option);
        EXPECT_EQ(to_hex(binding.bytes()), "14");
    }
}

TEST(OscoreVectors, RequestsAreOpenedAsPublished) {  // [RFC 8613 §8.2, C.4 to C.6]
    for (const RequestVector& v : requests()) {
        End server(v.server);
        coap::Message message = message_of(v.sealed);
        const coap::Opened opened = server.oscore.open_request({}, {}, message);
        EXPECT_EQ(opened.verdict, coap::Opened::Verdict::opened);
        EXPECT_EQ(opened.context, server.peer.context);
        EXPECT_EQ(to_hex(emitted(message)), v.plain);
    }
}

TEST(OscoreVectors, AssociatedDataIsComposedAsPublished) {  // [RFC 8613 §5.4, C.4, C.5]
    const auto associated = [](const ContextConfig& config, Bytes piv) {
        const OscoreContext context(config, OscoreKeys::derive(config), 64);
        Octets out, scratch;
        context.associated(out, scratch, config.sender_id, piv);
        return to_hex(scratch) + " " + to_hex(out);
    };
    EXPECT_EQ(associated(c1_client, "14"_hex),
              "8501810a40411440 8368456e63727970743040488501810a40411440");
    EXPECT_EQ(associated(c2_client, "14"_hex),
              "8501810a4100411440 8368456e63727970743040498501810a4100411440");
    EXPECT_EQ(associated(c2_client, "25"_hex),
              "8501810a4100412540 8368456e63727970743040498501810a4100412540");
}

const std::string response_plain = "64455d1f00003974ff48656c6c6f20576f726c6421";

struct ResponseVector {
    std::string sealed;
    bool own_number;
};
const ResponseVector responses[] = {
    {"64445d1f0000397490ffdbaad1e9a7e7b2a813d3c31524378303cdafae119106", false},
    {"64445d1f00003974920100ff4d4c13669384b67354b2b6175ff4b8658c666a6cf88e", true},
};

TEST(OscoreVectors, ResponsesAreProtectedAsPublished) {  // [RFC 8613 §8.3, C.7, C.8]
    for (const ResponseVector& v : responses) {
        End server(c1_server);
        coap::Message request = message_of(requests()[0].sealed);
        const coap::Opened opened = server.oscore.open_request({}, {}, request);
        const auto sealed = server.oscore.protect_response(
            {}, server.peer, message_of(response_plain), opened.binding, v.own_number);
        ASSERT_TRUE(sealed);
        EXPECT_EQ(to_hex(emitted(*sealed)), v.sealed);
    }
}

TEST(OscoreVectors, ResponsesAreOpenedAsPublished) {  // [RFC 8613 §8.4, C.7, C.8]
    for (const ResponseVector& v : responses) {
        End client(c1_client, 20);
        coap::Binding binding;
        ASSERT_TRUE(client.oscore.protect_request({}, client.peer, message_of(requests()[0].plain),
                                                  binding));
        coap::Message message = message_of(v.sealed);
        EXPECT_TRUE(client.oscore.open_response({}, client.peer, message, binding));
        EXPECT_EQ(to_hex(emitted(message)), response_plain);
    }
}

TEST(OscoreVectors, OptionsAreCompressedAsPublished) {  // [RFC 8613 §6.1, §6.3]
    struct Compressed {
        OscoreOption option;
        std::string hex;
    };
    const Compressed all[] = {
        {{.partial_iv = PartialIv("05"_hex), .kid = "25"_hex}, "090525"},
        {{.partial_iv = PartialIv("00"_hex), .kid = Octets{}}, "0900"},
        {{.partial_iv = PartialIv("05"_hex), .kid_context = "44616c656b"_hex, .kid = Octets{}},
         "19050544616c656b"},
        {{}, ""},
        {{.partial_iv = PartialIv("07"_hex)}, "0107"},
    };
    for (const auto& [option, hex] : all) {
        EXPECT_EQ(to_hex(emitted(option)), hex);
        EXPECT_EQ(parse_as<OscoreOption>(from_hex(hex).value()), option);
    }
}

TEST(OscoreVectors, MalformedOptionsAreRefused) {  // [RFC 8613 §6.1]
    for (const std::string_view hex : {"29", "49", "89", "0e010203040506", "0f01020304050607",
                                       "0205", "10", "1005", "000102", "0107ff"})
        EXPECT_FALSE(parse_as<OscoreOption>(from_hex(hex).value())) << hex;
    EXPECT_FALSE(parse_as<OscoreOption>(Octets(256, std::byte{0x08})));
    EXPECT_TRUE(parse_as<OscoreOption>(Octets(255, std::byte{0x08})));
}

TEST(OscoreVectors, PartialIvsHaveNoLeadingZeros) {  // [RFC 8613 §5]
    EXPECT_EQ(to_hex(partial_iv_of(0).bytes()), "00");
    EXPECT_EQ(to_hex(partial_iv_of(255).bytes()), "ff");
    EXPECT_EQ(to_hex(partial_iv_of(256).bytes()), "0100");
    EXPECT_EQ(to_hex(partial_iv_of(sequence_max).bytes()), "ffffffffff");
    EXPECT_EQ(sequence_of("0000010000"_hex), 0x10000u);
}

TEST(Cose, StructuresAreLaidOutAsPublished) {  // [RFC 9052 §4.4, §5.3]
    EXPECT_EQ(to_hex(enc_structure("a10101"_hex, {})), "8368456e63727970743043a1010140");
    EXPECT_EQ(to_hex(sig_structure("a10126"_hex, "11"_hex, "aabb"_hex)),
              "846a5369676e61747572653143a10126411142aabb");
}

}  // namespace
}  // namespace causeway::secure::oscore_vectors_test::oscore_vectors_test
