#include "secure/edhoc_keys.hpp"

#include "secure/cose.hpp"

namespace causeway::secure {
namespace {

using crypto::AeadAlgorithm;
using crypto::Curve;
using crypto::Hash;
using crypto::KeyType;
using crypto::Secret;
using crypto::SignatureScheme;

constexpr auto ccm_8 = AeadAlgorithm::aes_ccm_16_64_128;
constexpr auto ccm_16 = AeadAlgorithm::aes_ccm_16_128_128;
constexpr auto chacha = AeadAlgorithm::chacha20_poly1305;
constexpr auto gcm = AeadAlgorithm::a128gcm;

// [RFC 9528 §10.2]
constexpr std::array suite_table{
    EdhocSuite{0, ccm_8, 8, Curve::x25519, SignatureScheme::ed25519, ccm_8},
    EdhocSuite{1, ccm_16, 16, Curve::x25519, SignatureScheme::ed25519, ccm_8},
    EdhocSuite{2, ccm_8, 8, Curve::p256, SignatureScheme::es256, ccm_8},
    EdhocSuite{3, ccm_16, 16, Curve::p256, SignatureScheme::es256, ccm_8},
    EdhocSuite{4, chacha, 16, Curve::x25519, SignatureScheme::ed25519, chacha},
    EdhocSuite{5, chacha, 16, Curve::p256, SignatureScheme::es256, chacha},
    EdhocSuite{6, gcm, 16, Curve::x25519, SignatureScheme::es256, gcm},
};

constexpr std::size_t edhoc_hash_octets = 32;

// info_label. [RFC 9528 §4.1.2]
constexpr std::int64_t label_keystream_2 = 0;
constexpr std::int64_t label_salt_3e2m = 1;
constexpr std::int64_t label_mac_2 = 2;
constexpr std::int64_t label_k_3 = 3;
constexpr std::int64_t label_iv_3 = 4;
constexpr std::int64_t label_salt_4e3m = 5;
constexpr std::int64_t label_mac_3 = 6;
constexpr std::int64_t label_prk_out = 7;
constexpr std::int64_t label_k_4 = 8;
constexpr std::int64_t label_iv_4 = 9;
constexpr std::int64_t label_prk_exporter = 10;
constexpr std::int64_t label_key_update = 11;

/// Octets that are wiped when they go.
struct Wiped {
    Octets octets;
    explicit Wiped(Octets from) : octets(std::move(from)) {}
    Wiped(const Wiped&) = delete;
    Wiped& operator=(const Wiped&) = delete;
    ~Wiped() { crypto::wipe(octets); }
};

crypto::Sha256 transcript(Bytes hash, Bytes plaintext, Bytes cred) {
    Octets input;
    CborWriter(input).bytes(hash).raw(plaintext).raw(cred);
    const Wiped wiped(std::move(input));
    return crypto::sha256(wiped.octets);
}

}  // namespace

KeyType EdhocSuite::key_type(bool signs) const noexcept {
    if (signs) return scheme == SignatureScheme::ed25519 ? KeyType::ed25519 : KeyType::p256;
    return curve == Curve::x25519 ? KeyType::x25519 : KeyType::p256;
}

std::size_t EdhocSuite::sender_id_octets_max() const noexcept {
    return crypto::sizes_of(application_aead).nonce - 6;
}

const EdhocSuite* edhoc_suite(std::int64_t number) noexcept {
    for (const EdhocSuite& suite : suite_table)
        if (suite.number == number) return &suite;
    return nullptr;
}

Octets edhoc_kdf(Bytes key, std::int64_t label, Bytes context, std::size_t octets) {
    Octets info;
    CborWriter(info).integer(label).bytes(context).uint(octets);
    return crypto::hkdf_expand(Hash::sha256, key, info, octets);
}

Secret edhoc_secret(Bytes key, std::int64_t label, Bytes context) {
    return Secret(Wiped(edhoc_kdf(key, label, context, edhoc_hash_octets)).octets);
}

Secret edhoc_extract(Bytes salt, Bytes secret) {
    return Secret(Wiped(crypto::hkdf_extract(Hash::sha256, salt, secret)).octets);
}

EdhocSession::EdhocSession(const EdhocSuite& suite, Secret prk_out, ConnectionId sender_id,
                           ConnectionId recipient_id)
    : suite_(&suite),
      prk_out_(prk_out),
      prk_exporter_(edhoc_secret(prk_out_.bytes(), label_prk_exporter, {})),
      sender_id_(sender_id),
      recipient_id_(recipient_id) {}

Octets EdhocSession::exporter(std::uint64_t label, Bytes context, std::size_t octets) const {
    return edhoc_kdf(prk_exporter_.bytes(), static_cast<std::int64_t>(label), context, octets);
}

void EdhocSession::key_update(Bytes context) {
    prk_out_ = edhoc_secret(prk_out_.bytes(), label_key_update, context);
    prk_exporter_ = edhoc_secret(prk_out_.bytes(), label_prk_exporter, {});
}

ContextConfig EdhocSession::oscore(std::string name, std::size_t salt_octets) const {
    CAUSEWAY_ASSERT(suite_ != nullptr);
    const AeadAlgorithm aead = suite_->application_aead;
    return {.name = std::move(name),
            .master_secret = exporter(0, {}, crypto::sizes_of(aead).key),
            .master_salt = exporter(1, {}, salt_octets),
            .sender_id = to_octets(sender_id_.bytes()),
            .recipient_id = to_octets(recipient_id_.bytes()),
            .aead = aead,
            .hash = Hash::sha256,
            .evictable = true,
            .saved = false};
}

Octets EdhocProof::mac() const {
    Octets context;
    CborWriter out(context);
    if (message == 2) write_identifier(out, c_r);
    out.raw(id_cred.map).bytes(th).raw(cred).raw(ead);
    return edhoc_kdf(prk, message == 2 ? label_mac_2 : label_mac_3, context,
                     signs ? edhoc_hash_octets : suite.mac_octets);
}

Octets EdhocProof::to_be_signed(Bytes mac) const {
    Octets external;
    CborWriter(external).bytes(th).raw(cred).raw(ead);
    return sig_structure(id_cred.map, external, mac);
}

Octets EdhocProof::make(const EdhocIdentity& identity) const {
    Octets code = mac();
    if (!signs) return code;
    const auto key = crypto::SigningKey::from_private(suite.scheme, identity.private_key.bytes());
    CAUSEWAY_ASSERT(key.has_value());  // EdhocIdentity::make saw to it
    return to_octets(key->sign(to_be_signed(code)));
}

bool EdhocProof::holds(Bytes key, Bytes signature_or_mac) const {
    const Wiped code(mac());
    if (signs)
        return crypto::verify(suite.scheme, key, to_be_signed(code.octets), signature_or_mac);
    return crypto::equal_in_constant_time(code.octets, signature_or_mac);
}

void EdhocTranscript::exchanged(Bytes g_y, const Secret& g_xy) {
    Octets input;
    CborWriter(input).bytes(g_y).bytes(message_1);
    th_2 = crypto::sha256(input);
    prk_2e = edhoc_extract(th_2, g_xy.bytes());
}

Secret EdhocTranscript::prk_of_responder(const std::optional<Secret>& g_rx) const {
    if (!g_rx) return prk_2e;
    return edhoc_extract(edhoc_secret(prk_2e.bytes(), label_salt_3e2m, th_2).bytes(),
                         g_rx->bytes());
}

Secret EdhocTranscript::prk_of_initiator(const std::optional<Secret>& g_iy) const {
    if (!g_iy) return prk_3e2m;
    return edhoc_extract(edhoc_secret(prk_3e2m.bytes(), label_salt_4e3m, th_3).bytes(),
                         g_iy->bytes());
}

void EdhocTranscript::cipher_2(MutableBytes text) const {
    const Wiped stream(edhoc_kdf(prk_2e.bytes(), label_keystream_2, th_2, text.size()));
    for (std::size_t i = 0; i < text.size(); ++i) text[i] ^= stream.octets[i];
}

void EdhocTranscript::said_2(Bytes plaintext, Bytes cred_r) {
    th_3 = transcript(th_2, plaintext, cred_r);
}

void EdhocTranscript::said_3(Bytes plaintext, Bytes cred_i) {
    th_4 = transcript(th_3, plaintext, cred_i);
}

namespace {

struct MessageKeys {
    Wiped key;
    Wiped iv;
    Octets associated;

    MessageKeys(const EdhocTranscript& run, int message)
        : key(edhoc_kdf(prk_of(run, message), message == 3 ? label_k_3 : label_k_4,
                        th_of(run, message), crypto::sizes_of(run.suite->aead).key)),
          iv(edhoc_kdf(prk_of(run, message), message == 3 ? label_iv_3 : label_iv_4,
                       th_of(run, message), crypto::sizes_of(run.suite->aead).nonce)),
          associated(enc_structure({}, th_of(run, message))) {}

    static Bytes prk_of(const EdhocTranscript& run, int message) {
        return message == 3 ? run.prk_3e2m.bytes() : run.prk_4e3m.bytes();
    }
    static Bytes th_of(const EdhocTranscript& run, int message) {
        return message == 3 ? run.th_3 : run.th_4;
    }
};

}  // namespace

Octets EdhocTranscript::seal(int message, Bytes plaintext) const {
    const MessageKeys keys(*this, message);
    auto sealed =
        crypto::Aead(suite->aead, keys.key.octets).seal(keys.iv.octets, keys.associated, plaintext);
    CAUSEWAY_ASSERT(sealed.has_value());  // far below what any of them takes
    return std::move(*sealed);
}

std::optional<Octets> EdhocTranscript::open(int message, Bytes ciphertext) const {
    const crypto::AeadSizes sizes = crypto::sizes_of(suite->aead);
    if (ciphertext.size() < sizes.tag || ciphertext.size() - sizes.tag > sizes.message_max)
        return std::nullopt;
    const MessageKeys keys(*this, message);
    return crypto::Aead(suite->aead, keys.key.octets)
        .open(keys.iv.octets, keys.associated, ciphertext);
}

Secret EdhocTranscript::prk_out() const {
    return edhoc_secret(prk_4e3m.bytes(), label_prk_out, th_4);
}

}  // namespace causeway::secure
