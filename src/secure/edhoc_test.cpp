// EDHOC between two of ours, and against whoever means harm; the runs of others are in
// edhoc_trace_test.cpp.
#include "base/hex.hpp"
#include "secure/edhoc_client.hpp"
#include "secure/oscore.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace causeway::secure::edhoc_test {

using namespace std::chrono_literals;
using crypto::KeyType;
using crypto::Secret;
using Kind = CredentialId::Kind;

constexpr Instant start{std::chrono::seconds(1000)};

Secret secret(std::uint8_t fill) {
    return Secret(Octets(32, std::byte{fill}));
}
ConnectionId id_of(Bytes octets) {
    return ConnectionId(octets);
}
Octets text(std::string_view words) {
    return to_octets(as_octets(words));
}

/// A raw public key of `type` with a kid of one octet.
EdhocIdentity identity(KeyType type, std::uint8_t kid, std::uint8_t fill,
                       Kind named_by = Kind::kid) {
    const Secret key = secret(fill);
    Octets octets;
    if (type == KeyType::ed25519)
        octets =
            to_octets(crypto::SigningKey::generate(crypto::SignatureScheme::ed25519, key.bytes())
                          .public_octets());
    else
        octets = to_octets(
            crypto::AgreementKey::generate(
                type == KeyType::x25519 ? crypto::Curve::x25519 : crypto::Curve::p256, key.bytes())
                .public_octets());
    const Octets id{std::byte{kid}};
    const Octets claims = claims_of({.subject = "node", .kid = id, .type = type, .key = octets});
    return EdhocIdentity::make(EdhocCredential::from_claims(claims).value(), named_by, key.bytes())
        .value();
}

constexpr std::array key_types{KeyType::x25519, KeyType::ed25519, KeyType::p256};

/// Every type of key on both sides, all suites.
struct Pair {
    EdhocConfig i{};
    EdhocConfig r{};
    std::int64_t method = 3;

    explicit Pair(std::int64_t of_method = 3, bool message_4 = false) : method(of_method) {
        std::uint8_t n = 1;
        for (const KeyType type : key_types) {
            i.identities.push_back(identity(type, n, static_cast<std::uint8_t>(0x10 + n)));
            r.identities.push_back(identity(type, n, static_cast<std::uint8_t>(0x20 + n)));
            ++n;
        }
        introduce();
        i.message_4 = r.message_4 = message_4;
        suites({2, 0, 3, 1});
    }
    void introduce() {
        i.peers = r.peers = {};
        for (const EdhocIdentity& own : r.identities) EXPECT_TRUE(i.peers.add(own.credential));
        for (const EdhocIdentity& own : i.identities) EXPECT_TRUE(r.peers.add(own.credential));
    }
    void suites(std::initializer_list<std::int64_t> numbers) {
        i.suites.clear();
        for (const std::int64_t number : numbers) i.suites.push_back(number);
        r.suites = i.suites;
    }
    [[nodiscard]] EdhocInitiator initiator(std::vector<EadItem> ead_1 = {},
                                           std::vector<EadItem> ead_3 = {}) const {
        return EdhocInitiator(i, {.method = method,
                                  .c_i = id_of("0a"_hex),
                                  .randomness = secret(0x31),
                                  .ead_1 = std::move(ead_1),
                                  .ead_3 = std::move(ead_3)});
    }
    [[nodiscard]] EdhocResponder responder(std::vector<EadItem> ead_2 = {},
                                           std::vector<EadItem> ead_4 = {}) const {
        return EdhocResponder(r, {.c_r = id_of("c0ffee"_hex),
                                  .randomness = secret(0x32),
                                  .ead_2 = std::move(ead_2),
                                  .ead_4 = std::move(ead_4)});
    }
};

/// What one side made of what it was sent.
template <class T>
EdhocFault fault_of(const std::expected<T, EdhocFailure>& answer) {
    return answer ? EdhocFault::count : answer.error().fault;
}
template <class T>
std::int64_t code_of(const std::expected<T, EdhocFailure>& answer) {
    if (answer || answer.error().reply.empty()) return 0;
    return EdhocErrorMessage::parse(answer.error().reply).value().code;
}

// ---- two of ours ------------------------------------------------------------------------------

TEST(Edhoc, TwoOfOursAgreeInEveryMethodAndSuite) {
    for (std::int64_t method = 0; method < 4; ++method)
        for (std::int64_t suite = 0; suite <= 6; ++suite)
            for (const bool message_4 : {false, true}) {
                Pair pair(method, message_4);
                pair.suites({suite});
                EdhocInitiator i = pair.initiator();
                EdhocResponder r = pair.responder();
                const auto message_2 = r.on_message_1(i.message_1().value());
                ASSERT_TRUE(message_2) << method << ' ' << suite;
                const auto message_3 = i.on_message_2(*message_2);
                ASSERT_TRUE(message_3) << method << ' ' << suite;
                const auto last = r.on_message_3(*message_3);
                ASSERT_TRUE(last) << method << ' ' << suite;
                EXPECT_EQ(last->empty(), !message_4);
                if (message_4) {
                    EXPECT_TRUE(i.on_message_4(*last));
                }
                ASSERT_TRUE(i.result() != nullptr && r.result() != nullptr);
                EXPECT_EQ(i.result()->confirmed, message_4);
                const ContextConfig ours = i.result()->session.oscore();
                const ContextConfig theirs = r.result()->session.oscore();
                EXPECT_EQ(ours.master_secret, theirs.master_secret);
                EXPECT_EQ(ours.master_salt, theirs.master_salt);
                EXPECT_EQ(ours.sender_id, "c0ffee"_hex);
                EXPECT_EQ(ours.recipient_id, "0a"_hex);
                EXPECT_EQ(theirs.sender_id, ours.recipient_id);
                EXPECT_EQ(theirs.recipient_id, ours.sender_id);
                EXPECT_EQ(ours.master_secret.size(), crypto::sizes_of(ours.aead).key);
                EXPECT_EQ(i.result()->session.exporter(32768, text("x"), 40),
                          r.result()->session.exporter(32768, text("x"), 40));
            }
}

TEST(Edhoc, AMessageThatNobodyAskedForConfirms) {
    const Pair with(3, true);
    Pair without(3, false);
    EdhocInitiator i = without.initiator();
    EdhocResponder r = with.responder();
    const auto message_3 = i.on_message_2(r.on_message_1(i.message_1().value()).value());
    const Octets message_4 = r.on_message_3(message_3.value()).value();
    ASSERT_NE(i.result(), nullptr);
    EXPECT_FALSE(i.result()->confirmed);
    EXPECT_TRUE(i.on_message_4(message_4));
    EXPECT_TRUE(i.result()->confirmed);
    EXPECT_EQ(fault_of(i.on_message_4(message_4)), EdhocFault::out_of_turn);
    EXPECT_NE(i.result(), nullptr);
}

TEST(Edhoc, EveryOctetOfEveryMessageCounts) {
    // [RFC 9528 §9.1]
    for (const auto& [method, suite] :
         {std::pair{0, 0}, std::pair{0, 2}, std::pair{3, 2}, std::pair{1, 1}}) {
        Pair pair(method, true);
        pair.suites({suite});
        for (int which = 1; which <= 4; ++which) {
            std::size_t size = 1;
            for (std::size_t at = 0; at < size; ++at) {
                const auto bent = [&](Octets message, int number) {
                    if (number != which) return message;
                    size = message.size();
                    message[at] ^= std::byte{static_cast<unsigned char>(1u << (at % 8))};
                    return message;
                };
                EdhocInitiator i = pair.initiator();
                EdhocResponder r = pair.responder();
                const auto message_2 = r.on_message_1(bent(i.message_1().value(), 1));
                if (!message_2) {
                    EXPECT_EQ(which, 1);
                    EXPECT_FALSE(message_2.error().reply.empty());
                    continue;
                }
                const auto message_3 = i.on_message_2(bent(*message_2, 2));
                if (!message_3) {
                    EXPECT_LE(which, 2);
                    EXPECT_EQ(i.result(), nullptr);
                    continue;
                }
                const auto message_4 = r.on_message_3(bent(*message_3, 3));
                if (!message_4) {
                    EXPECT_EQ(which, 3);
                    EXPECT_EQ(r.result(), nullptr);
                    continue;
                }
                EXPECT_FALSE(i.on_message_4(bent(*message_4, 4)));
                EXPECT_EQ(which, 4) << method << ' ' << suite << ' ' << at;
                EXPECT_EQ(i.result(), nullptr);
            }
        }
    }
}

TEST(Edhoc, CutMessagesAreRefused) {
    const Pair pair(3, true);
    EdhocInitiator whole_i = pair.initiator();
    EdhocResponder whole_r = pair.responder();
    const Octets message_1 = whole_i.message_1().value();
    const Octets message_2 = whole_r.on_message_1(message_1).value();
    const Octets message_3 = whole_i.on_message_2(message_2).value();
    const Octets message_4 = whole_r.on_message_3(message_3).value();
    for (std::size_t size = 0; size < message_1.size(); ++size)
        EXPECT_FALSE(pair.responder().on_message_1(Bytes(message_1).first(size)));
    for (std::size_t size = 0; size < message_2.size(); ++size) {
        EdhocInitiator i = pair.initiator();
        (void)i.message_1();
        EXPECT_FALSE(i.on_message_2(Bytes(message_2).first(size)));
    }
    for (std::size_t size = 0; size < message_3.size(); ++size) {
        EdhocResponder r = pair.responder();
        (void)r.on_message_1(message_1);
        EXPECT_FALSE(r.on_message_3(Bytes(message_3).first(size)));
    }
    for (std::size_t size = 0; size < message_4.size(); ++size) {
        EdhocInitiator i = pair.initiator();
        (void)i.message_1();
        (void)i.on_message_2(message_2);
        EXPECT_FALSE(i.on_message_4(Bytes(message_4).first(size)));
    }
}

TEST(Edhoc, WhatIsTooLargeIsNotRead) {
    const Pair pair;
    const Octets large(edhoc_message_octets_max + 1);
    EXPECT_EQ(fault_of(pair.responder().on_message_1(large)), EdhocFault::too_large);
    EdhocInitiator i = pair.initiator();
    EdhocResponder r = pair.responder();
    (void)r.on_message_1(i.message_1().value());
    EXPECT_EQ(fault_of(r.on_message_3(edhoc_string(large))), EdhocFault::too_large);
    EXPECT_EQ(fault_of(i.on_message_2(edhoc_string(large))), EdhocFault::too_large);
}

TEST(Edhoc, AMessageOutOfTurnEndsNothingAndIsNotAnswered) {
    // [RFC 9528 §5.1]
    const Pair pair(3, true);
    EdhocInitiator i = pair.initiator();
    EdhocResponder r = pair.responder();
    const auto silent = [](const auto& answer) {
        return fault_of(answer) == EdhocFault::out_of_turn && answer.error().reply.empty();
    };
    EXPECT_TRUE(silent(i.on_message_2({})));
    EXPECT_TRUE(silent(r.on_message_3({})));
    const Octets message_1 = i.message_1().value();
    EXPECT_TRUE(silent(i.message_1()));
    EXPECT_TRUE(silent(i.on_message_4({})));
    const Octets message_2 = r.on_message_1(message_1).value();
    EXPECT_TRUE(silent(r.on_message_1(message_1)));  // replayed within the run
    const Octets message_3 = i.on_message_2(message_2).value();
    EXPECT_TRUE(silent(i.on_message_2(message_2)));
    const Octets message_4 = r.on_message_3(message_3).value();
    EXPECT_TRUE(silent(r.on_message_3(message_3)));
    EXPECT_TRUE(i.on_message_4(message_4));
    EXPECT_TRUE(silent(i.on_message_4(message_4)));
    EXPECT_TRUE(i.result() != nullptr && r.result() != nullptr);
}

TEST(Edhoc, AReplayedMessage1GivesNobodyASession) {
    const Pair pair;
    EdhocInitiator i = pair.initiator();
    EdhocResponder r = pair.responder();
    const Octets message_1 = i.message_1().value();
    const Octets message_2 = r.on_message_1(message_1).value();
    const Octets message_3 = i.on_message_2(message_2).value();
    EdhocResponder other(pair.r, {.c_r = id_of("c1"_hex), .randomness = secret(0x77)});
    EXPECT_NE(other.on_message_1(message_1).value(), message_2);
    EXPECT_EQ(fault_of(other.on_message_3(message_3)), EdhocFault::decryption);
}

// ---- methods, suites, identifiers ---------------------------------------------------------------

TEST(Edhoc, AMethodThatIsNotOursIsRefused) {
    Pair pair(0);
    pair.r.methods = {false, true, true, true};
    const auto answer = pair.responder().on_message_1(pair.initiator().message_1().value());
    EXPECT_EQ(fault_of(answer), EdhocFault::method);
    EXPECT_EQ(EdhocErrorMessage::parse(answer.error().reply)->text, "Method not supported");
    for (const std::int64_t method : {-1, 4, 100}) {
        EdhocMessage1 message{.method = method, .g_x = Octets(32)};
        message.suites.push_back(0);
        EXPECT_EQ(fault_of(pair.responder().on_message_1(message.encoded())), EdhocFault::method);
        pair.method = method;
        EXPECT_EQ(fault_of(pair.initiator().message_1()), EdhocFault::method);
    }
}

TEST(Edhoc, ASuiteHasToBeTheMostPreferredInCommon) {
    // [RFC 9528 §5.2.3, §6.3]
    Pair pair;
    const auto answer_to = [&](std::initializer_list<std::int64_t> suites_i) {
        EdhocMessage1 message{.method = 3, .g_x = Octets(32, std::byte{9})};
        for (const std::int64_t suite : suites_i) message.suites.push_back(suite);
        return pair.responder().on_message_1(message.encoded());
    };
    pair.suites({0, 2});
    EXPECT_TRUE(answer_to({0}));
    EXPECT_TRUE(answer_to({24, 0}));
    for (const auto& suites_i : std::vector<std::initializer_list<std::int64_t>>{
             {24}, {0, 24}, {2, 0}, {0, 2, 24}, {-24}, {24, 25, 26}}) {
        const auto answer = answer_to(suites_i);
        EXPECT_EQ(fault_of(answer), EdhocFault::suite);
        EXPECT_EQ(to_hex(answer.error().reply), "02820002");
    }
}

TEST(Edhoc, TheInitiatorTellsAllThatItPrefersToWhatItSelects) {
    // [RFC 9528 §5.2.2, §6.3.2]
    Pair pair;
    pair.suites({3, 0, 2});
    EdhocInitiator::Start how{.method = 3, .c_i = id_of("0a"_hex), .randomness = secret(1)};
    how.suites_r.push_back(2);
    how.suites_r.push_back(24);
    EdhocInitiator i(pair.i, how);
    EXPECT_EQ(to_hex(Bytes(i.message_1().value()).first(5)), "0383030002");
    how.suites_r.clear();
    how.suites_r.push_back(24);
    EdhocInitiator none(pair.i, how);
    EXPECT_EQ(fault_of(none.message_1()), EdhocFault::suite);
    pair.i.identities.clear();
    EXPECT_EQ(fault_of(pair.initiator().message_1()), EdhocFault::no_identity);
}

TEST(Edhoc, SuitesWithoutAnIdentityDoNotCount) {
    Pair pair;
    std::erase_if(pair.r.identities,
                  [](const EdhocIdentity& own) { return own.credential.type != KeyType::p256; });
    pair.suites({0, 2});
    const auto answer = pair.responder().on_message_1(pair.initiator().message_1().value());
    EXPECT_EQ(fault_of(answer), EdhocFault::suite);
    EXPECT_EQ(to_hex(answer.error().reply), "0202");
    pair.r.identities.clear();
    EXPECT_EQ(fault_of(pair.responder().on_message_1(pair.initiator().message_1().value())),
              EdhocFault::no_identity);
}

TEST(Edhoc, IdentifiersAreIntegersWhereTheyCanBe) {
    // [RFC 9528 §3.3.2]
    const std::vector<std::pair<std::string_view, std::string_view>> cases{
        {"21", "21"},   {"0d", "0d"},   {"18", "4118"},     {"38", "4138"}, {"", "40"},
        {"37", "37"},   {"17", "17"},   {"abcd", "42abcd"}, {"ff", "41ff"}, {"20", "20"},
        {"1f", "411f"}, {"40", "4140"}, {"00", "00"}};
    for (const auto& [identifier, wire] : cases) {
        Octets out;
        CborWriter writer(out);
        write_identifier(writer, *from_hex(identifier));
        EXPECT_EQ(to_hex(out), wire);
        CborReader in(out);
        EXPECT_EQ(to_hex(read_identifier(in)), identifier);
        EXPECT_TRUE(in.done());
    }
    for (const std::string_view wrong : {"4121", "410d", "1818", "3818", "f5", "6121", "80", ""}) {
        const Octets octets = *from_hex(wrong);
        CborReader in(octets);
        (void)read_identifier(in);
        EXPECT_FALSE(in.ok()) << wrong;
    }
}

TEST(Edhoc, IdentifiersHaveToSuitOscore) {
    // [RFC 9528 §3.3.3; RFC 8613 §3.3]
    const Pair pair;
    const Octets message_1 = pair.initiator().message_1().value();
    EdhocResponder same_id(pair.r, {.c_r = id_of("0a"_hex), .randomness = secret(1)});
    EXPECT_EQ(fault_of(same_id.on_message_1(message_1)), EdhocFault::connection_id);

    EdhocMessage1 long_id = EdhocMessage1::parse(message_1).value();
    Octets octets = long_id.encoded();
    octets.pop_back();  // C_I, one octet
    CborWriter(octets).bytes(Octets(8));
    EXPECT_EQ(EdhocMessage1::parse(octets).error().fault, Fault::unsupported);
    EXPECT_EQ(fault_of(pair.responder().on_message_1(octets)), EdhocFault::malformed);

    // The nonce of ChaCha20-Poly1305 leaves one octet less.
    Pair chacha;
    chacha.suites({4});
    for (const std::size_t size : {6u, 7u}) {
        EdhocMessage1 message{.method = 3, .g_x = Octets(32, std::byte{9})};
        message.suites.push_back(4);
        message.c_i.resize(size);
        std::ranges::fill(message.c_i.mutable_bytes(), std::byte{1});
        EXPECT_EQ(chacha.responder().on_message_1(message.encoded()).has_value(), size == 6);
        EdhocInitiator i(chacha.i, {.c_i = message.c_i, .randomness = secret(1)});
        EXPECT_EQ(i.message_1().has_value(), size == 6);
    }
}

TEST(Edhoc, TheInitiatorRefusesItsOwnIdentifier) {
    const Pair pair;
    EdhocInitiator i(pair.i, {.c_i = id_of("0a"_hex), .randomness = secret(0x31)});
    const Octets message_1 = i.message_1().value();
    // A Responder that does not care: message_2 as it would be, with C_I for C_R.
    const auto y = crypto::AgreementKey::generate(crypto::Curve::p256, secret(5).bytes());
    EdhocTranscript run{.suite = edhoc_suite(2), .method = 3};
    run.message_1 = crypto::sha256(message_1);
    run.exchanged(y.coordinate(), y.agree(EdhocMessage1::parse(message_1)->g_x).value());
    EdhocPlaintext plaintext{.c_r = id_of("0a"_hex),
                             .id_cred = CredentialId::of_kid("03"_hex),
                             .signature_or_mac = Octets(8)};
    Octets said = plaintext.encoded();
    run.cipher_2(said);
    Octets content = to_octets(y.coordinate());
    content.insert(content.end(), said.begin(), said.end());
    const auto answer = i.on_message_2(edhoc_string(content));
    EXPECT_EQ(fault_of(answer), EdhocFault::connection_id);
    EXPECT_EQ(code_of(answer), 1);
}

// ---- credentials --------------------------------------------------------------------------------

TEST(Edhoc, WhoIsNotInTheListIsUnknown) {
    // [RFC 9528 §6.4]
    for (const std::int64_t method : {0, 3}) {
        Pair pair(method);
        pair.i.peers = {};
        EdhocInitiator i = pair.initiator();
        const auto at_i =
            i.on_message_2(pair.responder().on_message_1(i.message_1().value()).value());
        EXPECT_EQ(fault_of(at_i), EdhocFault::unknown_credential);
        EXPECT_EQ(to_hex(at_i.error().reply), "03f5");

        pair.introduce();
        pair.r.peers = {};
        EdhocInitiator again = pair.initiator();
        EdhocResponder r = pair.responder();
        const auto message_3 =
            again.on_message_2(r.on_message_1(again.message_1().value()).value());
        const auto at_r = r.on_message_3(message_3.value());
        EXPECT_EQ(fault_of(at_r), EdhocFault::unknown_credential);
        EXPECT_EQ(to_hex(at_r.error().reply), "03f5");
        EXPECT_EQ(r.result(), nullptr);
    }
}

TEST(Edhoc, WhoHasAnotherKeyIsNotWhoTheyClaimToBe) {
    for (std::int64_t method = 0; method < 4; ++method) {
        Pair pair(method);
        Pair impostor(method);
        for (std::size_t n = 0; n < 3; ++n) {  // same kids, other keys
            const auto kid = static_cast<std::uint8_t>(n + 1);
            impostor.i.identities[n] =
                identity(key_types[n], kid, static_cast<std::uint8_t>(0x50 + n));
            impostor.r.identities[n] =
                identity(key_types[n], kid, static_cast<std::uint8_t>(0x60 + n));
        }
        EdhocInitiator i = pair.initiator();
        const auto at_i =
            i.on_message_2(impostor.responder().on_message_1(i.message_1().value()).value());
        EXPECT_EQ(fault_of(at_i), EdhocFault::authentication);
        EXPECT_EQ(code_of(at_i), 1);

        EdhocInitiator false_i = impostor.initiator();
        EdhocResponder r = pair.responder();
        const auto message_3 =
            false_i.on_message_2(r.on_message_1(false_i.message_1().value()).value());
        const auto at_r = r.on_message_3(message_3.value());
        EXPECT_EQ(fault_of(at_r), EdhocFault::authentication);
        EXPECT_EQ(r.result(), nullptr);
    }
}

TEST(Edhoc, NobodySpeaksToUsWithOurOwnCredential) {
    // [RFC 9528 §9.2]
    Pair pair;
    pair.r.identities = pair.i.identities;
    for (const EdhocIdentity& own : pair.i.identities)
        EXPECT_TRUE(pair.i.peers.add(own.credential));
    pair.i.peers = pair.r.peers;
    EdhocInitiator i = pair.initiator();
    const auto answer =
        i.on_message_2(pair.responder().on_message_1(i.message_1().value()).value());
    EXPECT_EQ(fault_of(answer), EdhocFault::unknown_credential);
}

TEST(Edhoc, SeveralCredentialsOfOneKidAreTriedWithinABound) {
    // [RFC 9052 §3.1]
    for (const std::size_t others : {EdhocPeers::candidates_max - 1, EdhocPeers::candidates_max}) {
        Pair pair;
        pair.i.peers = {};
        for (std::size_t n = 0; n < others; ++n)
            EXPECT_TRUE(pair.i.peers.add(
                identity(KeyType::p256, 3, static_cast<std::uint8_t>(0x70 + n)).credential));
        EXPECT_TRUE(pair.i.peers.add(pair.r.identities[2].credential));
        EdhocInitiator i = pair.initiator();
        const auto answer =
            i.on_message_2(pair.responder().on_message_1(i.message_1().value()).value());
        EXPECT_EQ(fault_of(answer), others < EdhocPeers::candidates_max
                                        ? EdhocFault::count
                                        : EdhocFault::authentication);
    }
}

// [RFC 9529 §2.8.1]
const Octets certificate =
    "30 81 ee 30 81 a1 a0 03 02 01 02 02 04 62 31 9e c4 30 05 06 03 2b 65 70 30 1d 31 1b "
    "30 19 06 03 55 04 03 0c 12 45 44 48 4f 43 20 52 6f 6f 74 20 45 64 32 35 35 31 39 30 "
    "1e 17 0d 32 32 30 33 31 36 30 38 32 34 33 36 5a 17 0d 32 39 31 32 33 31 32 33 30 30 "
    "30 30 5a 30 22 31 20 30 1e 06 03 55 04 03 0c 17 45 44 48 4f 43 20 52 65 73 70 6f 6e "
    "64 65 72 20 45 64 32 35 35 31 39 30 2a 30 05 06 03 2b 65 70 03 21 00 a1 db 47 b9 51 "
    "84 85 4a d1 2a 0c 1a 35 4e 41 8a ac e3 3a a0 f2 c6 62 c0 0b 3a c5 5d e9 2f 93 59 30 "
    "05 06 03 2b 65 70 03 41 00 b7 23 bc 01 ea b0 92 8e 8b 2b 6c 98 de 19 cc 38 23 d4 6e "
    "7d 69 87 b0 32 47 8f ec fa f1 45 37 a1 af 14 cc 8b e8 29 c6 b7 30 44 10 18 37 eb 4a "
    "bc 94 95 65 d8 6d ce 51 cf ae 52 ab 82 c1 52 cb 02"_hex;
const Octets certificate_key =
    "ef 14 0f f9 00 b0 ab 03 f0 c0 8d 87 9c bb d4 b3 1e a7 1e 6e 7e e7 ff cb 7e 79 55 77 7a 33 "
    "27 99"_hex;

TEST(Edhoc, CredentialsAreNamedInFourWays) {
    for (const Kind named_by : {Kind::kid, Kind::x5t, Kind::x5chain, Kind::kccs}) {
        Pair pair(0);
        pair.suites({0});
        if (named_by == Kind::kccs)
            pair.r.identities = {identity(KeyType::ed25519, 9, 0x44, Kind::kccs)};
        else
            pair.r.identities = {
                EdhocIdentity::make(
                    EdhocCredential::from_certificate(certificate, "gate", "07"_hex).value(),
                    named_by, certificate_key)
                    .value()};
        pair.introduce();
        EdhocInitiator i = pair.initiator();
        EdhocResponder r = pair.responder();
        const auto message_3 = i.on_message_2(r.on_message_1(i.message_1().value()).value());
        ASSERT_TRUE(message_3) << static_cast<int>(named_by);
        EXPECT_TRUE(r.on_message_3(*message_3));
        EXPECT_EQ(i.result()->peer, named_by == Kind::kccs ? "node" : "gate");
        EXPECT_EQ(i.result()->id_cred.kind, named_by);
        EXPECT_EQ(i.result()->id_cred.map, pair.r.identities[0].id_cred.map);

        // By value or not, it counts only when it is in the list.
        pair.i.peers = {};
        EdhocInitiator stranger = pair.initiator();
        const auto answer = stranger.on_message_2(
            pair.responder().on_message_1(stranger.message_1().value()).value());
        EXPECT_EQ(fault_of(answer), EdhocFault::unknown_credential);
    }
}

TEST(Edhoc, ACredentialIdIsReadAsOthersWriteIt) {
    const auto credential = EdhocCredential::from_certificate(certificate, "gate").value();
    const auto ccs = identity(KeyType::p256, 9, 0x44).credential;
    EdhocPeers peers;
    ASSERT_TRUE(peers.add(credential));
    ASSERT_TRUE(peers.add(ccs));
    const auto find = [&](auto write) {
        Octets map;
        CborWriter out(map);
        write(out);
        CborReader in(map);
        const CredentialId id = CredentialId::read(in);
        EXPECT_TRUE(in.done());
        EXPECT_EQ(id.map, map);
        const auto found = peers.find(id);
        return found.empty() ? nullptr : found[0];
    };
    const Octets hash = to_octets(crypto::sha256(certificate));
    const auto* gate = find([&](CborWriter& out) {  // the whole hash
        out.map(1).integer(34).array(2).integer(-16).bytes(hash);
    });
    ASSERT_NE(gate, nullptr);
    EXPECT_EQ(gate->name, "gate");
    EXPECT_EQ(find([&](CborWriter& out) {  // a chain, and a parameter that says nothing to us
                  out.map(2).integer(35).text("coap://x").integer(33).array(2);
                  out.bytes(certificate).bytes(hash);
              }),
              gate);
    EXPECT_EQ(find([&](CborWriter& out) {  // a hash cut to another length
                  out.map(1).integer(34).array(2).integer(-15).bytes(Bytes(hash).first(7));
              }),
              nullptr);
    EXPECT_EQ(find([&](CborWriter& out) {  // another hash
                  out.map(1).integer(34).array(2).integer(-43).bytes(hash);
              }),
              nullptr);
    EXPECT_EQ(
        find([&](CborWriter& out) { out.map(1).integer(34).array(2).text("sha-256").bytes(hash); }),
        nullptr);
    ASSERT_NE(find([&](CborWriter& out) { out.map(1).integer(14).raw(ccs.content); }), nullptr);
    EXPECT_EQ(find([&](CborWriter& out) {
                  out.map(2).integer(4).bytes("09"_hex).integer(10).bytes("01"_hex);
              })->name,
              "node");  // a kid with its context is no lone kid
    for (const std::string_view wrong :
         {"a0", "a1044109", "a10440", "80", "f6", "a104", "a1f6f6"}) {
        const Octets octets = *from_hex(wrong);
        CborReader in(octets);
        (void)CredentialId::read(in);
        EXPECT_FALSE(in.ok()) << wrong;
    }
}

TEST(Edhoc, AnUnsupportedKindOfReferenceIsNotAnUnknownCredential) {
    // [RFC 9528 §6.4]
    Pair pair;
    EdhocIdentity& own = pair.r.identities[2];
    own.id_cred = {.kind = Kind::other};
    CborWriter(own.id_cred.map).map(1).integer(35).text("coap://[2001:db8::1]/cert");
    EdhocInitiator i = pair.initiator();
    const auto answer =
        i.on_message_2(pair.responder().on_message_1(i.message_1().value()).value());
    EXPECT_EQ(fault_of(answer), EdhocFault::credential_kind);
    EXPECT_EQ(code_of(answer), 1);
}

TEST(Edhoc, ClaimsAreReadWithEveryFormOfPoint) {
    const auto key = crypto::AgreementKey::generate(crypto::Curve::p256, secret(8).bytes());
    const Bytes point = key.public_octets();
    const bool odd = (std::to_integer<unsigned>(point[64]) & 1u) != 0;
    const auto claims = [&](int form) {
        Octets octets;
        CborWriter out(octets);
        out.map(1).integer(8).map(1).integer(1).map(form == 0 ? 3 : 4);
        out.integer(1).integer(2).integer(-1).integer(1).integer(-2).bytes(key.coordinate());
        if (form == 1) out.integer(-3).boolean(odd);
        if (form == 2) out.integer(-3).bytes(point.last(32));
        if (form == 3) out.integer(-3).bytes(point.last(31));
        return octets;
    };
    for (const int form : {0, 1, 2}) {
        const auto credential = EdhocCredential::from_claims(claims(form));
        ASSERT_TRUE(credential) << form;
        EXPECT_EQ(crypto::public_coordinate(crypto::Curve::p256, credential->key),
                  key.coordinate());
        EXPECT_FALSE(credential->kid);
        EXPECT_EQ(credential->name, "");
    }
    EXPECT_FALSE(EdhocCredential::from_claims(claims(3)));
    const Octets whole = claims(2);
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_FALSE(EdhocCredential::from_claims(Bytes(whole).first(size)));
}

TEST(Edhoc, AnIdentityNeedsItsOwnPrivateKey) {
    for (const KeyType type : key_types) {
        const EdhocIdentity own = identity(type, 1, 0x11);
        EXPECT_FALSE(EdhocIdentity::make(own.credential, Kind::kid, secret(0x12).bytes()));
        EXPECT_FALSE(EdhocIdentity::make(own.credential, Kind::kid, {}));
        EXPECT_FALSE(EdhocIdentity::make(own.credential, Kind::x5t, secret(0x11).bytes()));
        EXPECT_FALSE(EdhocIdentity::make(own.credential, Kind::other, secret(0x11).bytes()));
        EXPECT_TRUE(EdhocIdentity::make(own.credential, Kind::kccs, secret(0x11).bytes()));
    }
    EXPECT_FALSE(EdhocIdentity::make(EdhocCredential::from_certificate(certificate).value(),
                                     Kind::kid, certificate_key));
    // What would not go into a message is refused before there is one.
    for (const std::size_t size : {100u, 5000u}) {
        const auto key =
            crypto::AgreementKey::generate(crypto::Curve::x25519, secret(0x11).bytes());
        const Octets claims = claims_of({.subject = std::string(size, 'x'),
                                         .type = KeyType::x25519,
                                         .key = key.public_octets()});
        EXPECT_EQ(EdhocIdentity::make(EdhocCredential::from_claims(claims).value(), Kind::kccs,
                                      secret(0x11).bytes())
                      .has_value(),
                  size == 100);
    }
}

// ---- external authorization data ----------------------------------------------------------------

TEST(Edhoc, ExternalDataIsCarriedInAllFourMessages) {
    // [RFC 9528 §3.8]
    Pair pair(3, true);
    pair.i.ead_labels = pair.r.ead_labels = {7};
    const std::vector<EadItem> items{{.label = 0, .value = "aabb"_hex},  // padding
                                     {.label = -7, .value = "01"_hex},
                                     {.label = 9},
                                     {.label = 0},
                                     {.label = 1000, .value = Octets{}}};
    const std::vector<EadItem> seen{items[1], items[2], items[4]};
    EdhocInitiator i = pair.initiator(items, items);
    EdhocResponder r = pair.responder(items, items);
    const auto message_2 = r.on_message_1(i.message_1().value());
    const auto message_3 = i.on_message_2(message_2.value());
    const auto message_4 = r.on_message_3(message_3.value());
    ASSERT_TRUE(i.on_message_4(message_4.value()));
    EXPECT_EQ(r.ead_1(), seen);
    EXPECT_EQ(i.ead_2(), seen);
    EXPECT_EQ(r.ead_3(), seen);
    EXPECT_EQ(i.ead_4(), seen);
}

TEST(Edhoc, ACriticalItemThatIsNotKnownEndsTheRun) {
    // [RFC 9528 §3.8]
    const std::vector<EadItem> critical{{.label = -8, .value = "01"_hex}};
    for (int which = 1; which <= 4; ++which) {
        const Pair pair(3, true);
        const auto at = [&](int n) { return n == which ? critical : std::vector<EadItem>{}; };
        EdhocInitiator i = pair.initiator(at(1), at(3));
        EdhocResponder r = pair.responder(at(2), at(4));
        const auto check = [&](const auto& answer, int n) {
            if (n != which) return answer.has_value();
            EXPECT_EQ(fault_of(answer), EdhocFault::critical_ead) << n;
            EXPECT_EQ(code_of(answer), 1) << n;
            return false;
        };
        const auto message_2 = r.on_message_1(i.message_1().value());
        if (!check(message_2, 1)) continue;
        const auto message_3 = i.on_message_2(*message_2);
        if (!check(message_3, 2)) continue;
        const auto message_4 = r.on_message_3(*message_3);
        if (!check(message_4, 3)) continue;
        EXPECT_FALSE(check(i.on_message_4(*message_4), 4));
        EXPECT_EQ(i.result(), nullptr);
    }
}

TEST(Edhoc, ExternalDataIsBounded) {
    const Pair pair;
    for (const std::size_t count : {ead_items_max, ead_items_max + 1}) {
        EdhocInitiator i = pair.initiator(std::vector<EadItem>(count, EadItem{.label = 0}));
        EXPECT_EQ(pair.responder().on_message_1(i.message_1().value()).has_value(),
                  count == ead_items_max);
    }
}

// ---- errors -------------------------------------------------------------------------------------

TEST(Edhoc, AnErrorEndsTheRunAndIsNotAnswered) {
    // [RFC 9528 §6, §6.1]
    for (const std::string_view error :
         {"01634e6f70", "0202", "028206", "03f5", "00f5", "20f6", "1863a0", "01", "0101"}) {
        const Pair pair(3, true);
        const Octets octets = *from_hex(error);
        EdhocInitiator i = pair.initiator();
        EdhocResponder r = pair.responder();
        const Octets message_2 = r.on_message_1(i.message_1().value()).value();
        const auto at_r = r.on_message_3(octets);
        EXPECT_EQ(fault_of(at_r), EdhocFault::peer_error) << error;
        EXPECT_TRUE(at_r.error().reply.empty());
        EdhocInitiator late = pair.initiator();
        (void)late.message_1();
        (void)late.on_message_2(message_2);
        EXPECT_EQ(fault_of(late.on_message_4(octets)), EdhocFault::peer_error);
        const auto at_i = i.on_message_2(octets);
        EXPECT_EQ(fault_of(at_i), EdhocFault::peer_error);
        EXPECT_TRUE(at_i.error().reply.empty());
        EXPECT_EQ(fault_of(i.on_message_2(message_2)), EdhocFault::out_of_turn);
    }
    const auto said = EdhocErrorMessage::parse("0165 4e6f 0a07 70"_hex);
    ASSERT_TRUE(said);
    EXPECT_EQ(said->text, "No??p");
    Octets lengthy;
    CborWriter(lengthy).integer(1).text(std::string(1000, 'x'));
    EXPECT_EQ(EdhocErrorMessage::parse(lengthy)->text.size(), diagnostic_octets_max);
    EXPECT_FALSE(EdhocErrorMessage::parse("0281 02"_hex));
    EXPECT_FALSE(EdhocErrorMessage::parse("03f5f5"_hex));
}

// ---- over CoAP ----------------------------------------------------------------------------------

coap::Peer peer_at(std::uint8_t host, std::uint16_t port = 5683) {
    coap::Peer peer;
    peer.address[15] = std::byte{host};
    peer.port = port;
    return peer;
}

coap::RequestArrived arrived(const coap::Request& request, coap::Peer from = peer_at(9)) {
    return {.peer = from,
            .method = request.code,
            .options = request.options,
            .payload = request.payload};
}

coap::RequestArrived post(Octets payload, coap::Peer from = peer_at(9)) {
    coap::Request request{.code = coap::Code::post, .payload = std::move(payload)};
    request.options.add_path(edhoc_path);
    request.options.set_uint(coap::OptionNumber::content_format, format_cid_edhoc);
    return arrived(request, from);
}

coap::ResponseArrived answer_of(const coap::Response& response) {
    return {.id = coap::RequestId{5},
            .code = response.code,
            .options = response.options,
            .payload = response.payload};
}

/// message_1 with `true` in front, of a key of its own.
Octets first_message(const Pair& pair, std::uint8_t fill, Bytes c_i = "0a"_hex) {
    EdhocInitiator i(pair.i,
                     {.method = pair.method, .c_i = id_of(c_i), .randomness = secret(fill)});
    Octets payload;
    CborWriter(payload).boolean(true).raw(i.message_1().value());
    return payload;
}

EdhocClient client_of(const Pair& pair, std::uint8_t fill = 1) {
    return EdhocClient(pair.i, {.peer = peer_at(1),
                                .id = coap::RequestId{5},
                                .method = pair.method,
                                .c_i = id_of("0a"_hex),
                                .seed = secret(fill)});
}

struct Ending {
    std::optional<EdhocEstablished> established{};
    std::optional<EdhocFailed> failed{};
    int requests = 0;
};

/// Lets them speak until the client is done.
Ending drive(EdhocClient& client, EdhocResource& resource, coap::Peer from = peer_at(9)) {
    Ending ending;
    for (int turn = 0; turn < 20; ++turn) {
        auto out = client.poll_output();
        if (!out) break;
        if (const auto* request = std::get_if<coap::Request>(&*out)) {
            ++ending.requests;
            EXPECT_EQ(request->options.path(), edhoc_path);
            EXPECT_EQ(request->options.uint(coap::OptionNumber::content_format), format_cid_edhoc);
            client.handle(start, answer_of(resource.handle(start, arrived(*request, from))));
        } else if (auto* established = std::get_if<EdhocEstablished>(&*out)) {
            ending.established = std::move(*established);
        } else {
            ending.failed = std::get<EdhocFailed>(std::move(*out));
        }
    }
    EXPECT_TRUE(client.over());
    EXPECT_TRUE(resource.stats().balanced());
    return ending;
}

TEST(EdhocOverCoap, ClientAndResourceComeToOneSession) {
    // [RFC 9528 §A.2.1]
    for (const bool message_4 : {false, true}) {
        const Pair pair(3, message_4);
        EdhocResource resource(pair.r, {}, secret(2));
        EdhocClient client = client_of(pair);
        const Ending ending = drive(client, resource);
        EXPECT_EQ(ending.requests, 2);
        ASSERT_TRUE(ending.established);
        const auto other = resource.poll_output();
        ASSERT_TRUE(other);
        EXPECT_FALSE(resource.poll_output());
        EXPECT_EQ(other->peer, peer_at(9));
        EXPECT_EQ(ending.established->peer, peer_at(1));
        EXPECT_EQ(ending.established->result.confirmed, message_4);
        EXPECT_EQ(other->result.session.oscore().master_secret,
                  ending.established->result.session.oscore().master_secret);
        EXPECT_EQ(other->result.session.oscore().sender_id, "0a"_hex);
        EXPECT_EQ(resource.stats().established, 1u);
        EXPECT_EQ(resource.stats().runs_waiting, 0u);
        EXPECT_EQ(resource.next_deadline(), never);
    }
}

TEST(EdhocOverCoap, TheSessionKeysOscore) {
    // [RFC 9528 §A.1]
    const Pair pair;
    EdhocResource resource(pair.r, {}, secret(2));
    EdhocClient client = client_of(pair);
    const Ending ending = drive(client, resource);
    ASSERT_TRUE(ending.established);
    const EdhocEstablished other = resource.poll_output().value();
    Oscore at_i({}, Random(1));
    Oscore at_r({}, Random(2));
    const auto to_r = at_i.add(ending.established->result.session.oscore("r"));
    const auto to_i = at_r.add(other.result.session.oscore("i"));
    ASSERT_TRUE(to_r && to_i);
    for (const bool from_i : {true, false}) {  // whoever was what may be the client
        Oscore& sender = from_i ? at_i : at_r;
        Oscore& recipient = from_i ? at_r : at_i;
        coap::Peer peer = peer_at(1);
        peer.context = from_i ? *to_r : *to_i;
        coap::Message request{.code = coap::Code::get};
        request.options.add_path("/temperature");
        coap::Binding binding;
        auto sealed = sender.protect_request(start, peer, request, binding);
        ASSERT_TRUE(sealed);
        EXPECT_FALSE(sealed->options.has(coap::OptionNumber::uri_path));
        const coap::Opened opened = recipient.open_request(start, peer_at(9), *sealed);
        EXPECT_EQ(opened.verdict, coap::Opened::Verdict::opened);
        EXPECT_EQ(opened.context, from_i ? *to_i : *to_r);
        EXPECT_EQ(sealed->options.path(), "/temperature");
    }
}

TEST(EdhocOverCoap, ResponsesSayWhatTheyAre) {
    // [RFC 9528 §A.2, §A.2.3]
    const Pair pair;
    EdhocResource resource(pair.r, {}, secret(2));
    const coap::Response good = resource.handle(start, post(first_message(pair, 1)));
    EXPECT_EQ(good.code, coap::Code::changed);
    EXPECT_EQ(good.options.uint(coap::OptionNumber::content_format), format_edhoc);
    const coap::Response bad = resource.handle(start, post("f5 03 02"_hex));
    EXPECT_EQ(bad.code, coap::Code::bad_request);
    EXPECT_EQ(bad.options.uint(coap::OptionNumber::content_format), format_edhoc);
    EXPECT_EQ(EdhocErrorMessage::parse(bad.payload)->code, 1);
    Pair nobody;
    nobody.r.identities.clear();
    EdhocResource empty(nobody.r, {}, secret(2));
    EXPECT_EQ(empty.handle(start, post(first_message(pair, 1))).code,
              coap::Code::internal_server_error);
}

TEST(EdhocOverCoap, WhatIsNoEdhocRequestIsRefused) {
    const Pair pair;
    EdhocResource resource(pair.r, {}, secret(2));
    coap::RequestArrived request = post(first_message(pair, 1));
    request.method = coap::Code::get;
    EXPECT_EQ(resource.handle(start, request).code, coap::Code::method_not_allowed);
    request.method = coap::Code::post;
    request.multicast = true;
    EXPECT_EQ(resource.handle(start, request).code, coap::Code::method_not_allowed);
    request.multicast = false;
    request.options.set_uint(coap::OptionNumber::content_format, 60);
    EXPECT_EQ(resource.handle(start, request).code, coap::Code::unsupported_content_format);
    request.options.remove(coap::OptionNumber::content_format);
    request.options.set_uint(coap::OptionNumber::accept, 60);
    EXPECT_EQ(resource.handle(start, request).code, coap::Code::not_acceptable);
    for (const std::string_view payload :
         {"", "f4", "f40a", "a0", "411b", "1818", "4101", "60", "f6", "44aa"}) {
        request = post(*from_hex(payload));
        EXPECT_EQ(resource.handle(start, request).code, coap::Code::bad_request) << payload;
    }
    EXPECT_EQ(resource.stats().runs_started, 0u);
    EXPECT_TRUE(resource.stats().balanced());
    request = post(first_message(pair, 1));
    request.options.remove(coap::OptionNumber::content_format);  // forgotten by some
    EXPECT_EQ(resource.handle(start, request).code, coap::Code::changed);
}

TEST(EdhocOverCoap, TheSuiteIsNegotiated) {
    // [RFC 9528 §6.3.1]
    Pair pair;
    pair.suites({2});
    pair.i.suites = {};
    for (const std::int64_t suite : {0, 1, 2}) pair.i.suites.push_back(suite);
    EdhocResource resource(pair.r, {}, secret(2));
    EdhocClient client = client_of(pair);
    const Ending ending = drive(client, resource);
    ASSERT_TRUE(ending.established);
    EXPECT_EQ(ending.requests, 3);
    EXPECT_EQ(ending.established->result.suite, 2);

    pair.i.suites = {};
    pair.i.suites.push_back(1);
    EdhocClient other = client_of(pair);
    const Ending none = drive(other, resource);
    EXPECT_EQ(none.requests, 1);
    ASSERT_TRUE(none.failed);
    EXPECT_EQ(none.failed->fault, EdhocFault::suite);
    EXPECT_EQ(none.failed->said->suites.size(), 1u);
}

TEST(EdhocOverCoap, ForgedWordsAboutSuitesComeToAnEnd) {
    // Whatever is claimed, a bounded number of requests. [RFC 9528 §6.3.1]
    Pair pair;
    pair.suites({0, 1, 2, 3});
    EdhocClient client = client_of(pair);
    int requests = 0;
    while (auto out = client.poll_output()) {
        if (!std::holds_alternative<coap::Request>(*out)) break;
        const std::int64_t other = ++requests % 2 == 0 ? 2 : 3;
        coap::ResponseArrived answer{.id = coap::RequestId{5}, .code = coap::Code::bad_request};
        CborWriter(answer.payload).integer(2).integer(other);
        client.handle(start, answer);
    }
    EXPECT_TRUE(client.over());
    EXPECT_LE(requests, 3);
}

TEST(EdhocOverCoap, TheClientShowsThatItIsReachable) {
    // [RFC 9175 §2.3]
    const Pair pair;
    EdhocClient client = client_of(pair);
    coap::ResponseArrived ask{.id = coap::RequestId{5}, .code = coap::Code::unauthorized};
    ask.options.set(coap::OptionNumber::echo, "e0e0"_hex);
    const auto first = std::get<coap::Request>(client.poll_output().value());
    client.handle(start, ask);
    const auto second = std::get<coap::Request>(client.poll_output().value());
    EXPECT_EQ(second.payload, first.payload);
    EXPECT_TRUE(same(*second.options.find(coap::OptionNumber::echo), "e0e0"_hex));
    client.handle(start, ask);
    EXPECT_TRUE(std::holds_alternative<coap::Request>(client.poll_output().value()));
    client.handle(start, ask);
    const auto failed = std::get<EdhocFailed>(client.poll_output().value());
    EXPECT_EQ(failed.code, coap::Code::unauthorized);
    EXPECT_TRUE(client.over());
}

TEST(EdhocOverCoap, TheClientTellsWhyItGaveUp) {
    Pair pair;
    EdhocClient silence = client_of(pair);
    (void)silence.poll_output();
    silence.handle(start, coap::RequestFailed{.id = coap::RequestId{6}});  // not ours
    EXPECT_FALSE(silence.over());
    silence.handle(start, coap::RequestFailed{.id = coap::RequestId{5}});
    EXPECT_EQ(std::get<EdhocFailed>(silence.poll_output().value()).failure, coap::Failure::timeout);
    silence.handle(start, coap::RequestFailed{.id = coap::RequestId{5}});
    EXPECT_FALSE(silence.poll_output());

    // Who does not trust the Responder says so, and the run there ends. [RFC 9528 §A.2.1]
    pair.i.peers = {};
    EdhocResource resource(pair.r, {}, secret(2));
    EdhocClient client = client_of(pair);
    const Ending ending = drive(client, resource);
    ASSERT_TRUE(ending.failed);
    EXPECT_EQ(ending.failed->fault, EdhocFault::unknown_credential);
    EXPECT_EQ(ending.requests, 2);
    EXPECT_EQ(resource.stats().errors_received, 1u);
    EXPECT_EQ(resource.stats().runs_waiting, 0u);

    // Whom the Responder does not trust is told.
    pair.introduce();
    pair.r.peers = {};
    EdhocClient stranger = client_of(pair);
    const Ending refused = drive(stranger, resource);
    ASSERT_TRUE(refused.failed && refused.failed->said);
    EXPECT_EQ(refused.failed->said->code, 3);
    EXPECT_EQ(resource.stats().message_3_refused, 1u);
    EXPECT_FALSE(resource.poll_output());

    pair.i.identities.clear();
    EdhocClient nobody = client_of(pair);
    EXPECT_EQ(std::get<EdhocFailed>(nobody.poll_output().value()).fault, EdhocFault::no_identity);
}

TEST(EdhocOverCoap, ARepeatedMessage1IsAnsweredAsBefore) {
    // [RFC 9528 §7]
    const Pair pair;
    EdhocResource resource(pair.r, {}, secret(2));
    const Octets message_1 = first_message(pair, 1);
    const coap::Response first = resource.handle(start, post(message_1));
    EXPECT_EQ(resource.handle(start + 1s, post(message_1)), first);
    EXPECT_EQ(resource.stats().runs_started, 1u);
    EXPECT_EQ(resource.stats().message_1_repeated, 1u);
    // From elsewhere it is a run of its own, with keys of its own.
    EXPECT_NE(resource.handle(start, post(message_1, peer_at(10))).payload, first.payload);
    EXPECT_EQ(resource.stats().runs_started, 2u);
    EXPECT_TRUE(resource.stats().balanced());
}

TEST(EdhocOverCoap, ARepeatedMessage3EstablishesNothing) {
    const Pair pair;
    EdhocResource resource(pair.r, {}, secret(2));
    EdhocClient client = client_of(pair);
    const auto first = std::get<coap::Request>(client.poll_output().value());
    client.handle(start, answer_of(resource.handle(start, arrived(first))));
    const auto third = std::get<coap::Request>(client.poll_output().value());
    EXPECT_EQ(resource.handle(start, arrived(third)).code, coap::Code::changed);
    EXPECT_TRUE(resource.poll_output());
    const coap::Response again = resource.handle(start, arrived(third));
    EXPECT_EQ(again.code, coap::Code::bad_request);
    EXPECT_TRUE(again.payload.empty());
    EXPECT_FALSE(resource.poll_output());
    EXPECT_EQ(resource.stats().run_unknown, 1u);
    EXPECT_TRUE(resource.stats().balanced());
}

TEST(EdhocOverCoap, HalfDoneRunsAreBounded) {
    const Pair pair;
    EdhocResource resource(pair.r, {.runs_max = 4, .runs_per_address_max = 2}, secret(2));
    EdhocClient client = client_of(pair);
    const auto first = std::get<coap::Request>(client.poll_output().value());
    const coap::Response second = resource.handle(start, arrived(first, peer_at(9)));
    // One address, whatever its port, only takes its own room.
    for (std::uint8_t n = 0; n < 10; ++n)
        (void)resource.handle(start, post(first_message(pair, static_cast<std::uint8_t>(0x80 + n)),
                                          peer_at(66, static_cast<std::uint16_t>(1000 + n))));
    EXPECT_EQ(resource.stats().runs_waiting, 3u);
    EXPECT_EQ(resource.stats().runs_evicted, 8u);
    client.handle(start, answer_of(second));
    const auto third = std::get<coap::Request>(client.poll_output().value());
    EXPECT_EQ(resource.handle(start, arrived(third)).code, coap::Code::changed);
    EXPECT_TRUE(resource.poll_output());
    // Of many addresses the oldest run makes room.
    for (std::uint8_t n = 0; n < 20; ++n)
        (void)resource.handle(start, post(first_message(pair, static_cast<std::uint8_t>(0xa0 + n)),
                                          peer_at(static_cast<std::uint8_t>(100 + n))));
    EXPECT_EQ(resource.stats().runs_waiting, 4u);
    EXPECT_EQ(resource.stats().runs_evicted, 26u);
    EXPECT_TRUE(resource.stats().balanced());
}

TEST(EdhocOverCoap, HalfDoneRunsExpire) {
    const Pair pair;
    EdhocResource resource(pair.r, {.run_lifetime = 10s}, secret(2));
    EdhocClient client = client_of(pair);
    const auto first = std::get<coap::Request>(client.poll_output().value());
    client.handle(start, answer_of(resource.handle(start, arrived(first))));
    const auto third = std::get<coap::Request>(client.poll_output().value());
    EXPECT_EQ(resource.next_deadline(), start + 10s);
    resource.handle_timeout(start + 9s);
    EXPECT_EQ(resource.stats().runs_waiting, 1u);
    resource.handle_timeout(start + 10s);
    resource.handle_timeout(start + 10s);
    EXPECT_EQ(resource.stats().runs_expired, 1u);
    EXPECT_EQ(resource.next_deadline(), never);
    EXPECT_EQ(resource.handle(start + 10s, arrived(third)).code, coap::Code::bad_request);
    EXPECT_FALSE(resource.poll_output());
    EXPECT_TRUE(resource.stats().balanced());
}

TEST(EdhocOverCoap, IdentifiersAreNeverShared) {
    // Our Recipient IDs: those of runs, of contexts and of others. [RFC 9528 §3.3.3]
    const Pair pair;
    EdhocResource resource(
        pair.r, {.runs_max = 400, .runs_per_address_max = 400, .identifiers_max = 303}, secret(2));
    std::set<Octets> seen{"00"_hex, "17"_hex, "37"_hex};
    for (const Octets& taken : seen) EXPECT_TRUE(resource.reserve(taken));
    for (std::uint16_t n = 0; n < 300; ++n) {
        EdhocInitiator i(pair.i, {.c_i = id_of("05"_hex), .randomness = [n] {
                                      Octets octets(32, std::byte{1});
                                      octets[0] = static_cast<std::byte>(n);
                                      octets[1] = static_cast<std::byte>(n >> 8u);
                                      return Secret(octets);
                                  }()});
        Octets payload;
        CborWriter(payload).boolean(true).raw(i.message_1().value());
        const auto response = resource.handle(start, post(payload));
        ASSERT_TRUE(i.on_message_2(response.payload));
        const Octets c_r = to_octets(i.c_r()->bytes());
        EXPECT_TRUE(seen.insert(c_r).second) << to_hex(c_r);
        EXPECT_NE(c_r, "05"_hex);
        EXPECT_EQ(c_r.size(), n < 255 - 3 ? 1u : 2u) << n;
    }
    EXPECT_FALSE(resource.reserve("ffff"_hex));
    EXPECT_EQ(resource.handle(start, post(first_message(pair, 0xee))).code,
              coap::Code::service_unavailable);
    EXPECT_EQ(resource.stats().identifiers_used_up, 1u);
    resource.release("17"_hex);
    EXPECT_EQ(resource.handle(start, post(first_message(pair, 0xee))).code, coap::Code::changed);
    EXPECT_TRUE(resource.stats().balanced());
}

TEST(EdhocOverCoap, AnEstablishedIdentifierStaysTakenUntilReleased) {
    const Pair pair;
    EdhocResource resource(pair.r, {.identifiers_max = 1}, secret(2));
    EdhocClient client = client_of(pair);
    ASSERT_TRUE(drive(client, resource).established);
    const auto done = resource.poll_output();
    EXPECT_EQ(resource.handle(start, post(first_message(pair, 0x99))).code,
              coap::Code::service_unavailable);
    resource.release(done->result.c_r.bytes());
    EXPECT_EQ(resource.handle(start, post(first_message(pair, 0x99))).code, coap::Code::changed);
}

TEST(EdhocOverCoap, RandomnessIsDrawnOnceAndNeverAgain) {
    EdhocRandomness one(secret(1));
    EdhocRandomness same_seed(secret(1));
    EdhocRandomness other(secret(2));
    std::set<Octets> drawn;
    for (int n = 0; n < 100; ++n) {
        const Octets octets = to_octets(one.draw().bytes());
        EXPECT_TRUE(drawn.insert(octets).second);
        EXPECT_EQ(octets, to_octets(same_seed.draw().bytes()));
        EXPECT_TRUE(drawn.insert(to_octets(other.draw().bytes())).second);
    }
}

}  // namespace causeway::secure::edhoc_test
