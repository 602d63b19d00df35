#include "secure/edhoc_credentials.hpp"

#include <algorithm>

namespace causeway::secure {
namespace {

using crypto::Curve;
using crypto::KeyType;

// Claims and COSE_Key parameters. [RFC 8392 §3.1; RFC 8747 §3.1; RFC 9052 §7.1; RFC 9053 §7]
constexpr std::int64_t claim_sub = 2;
constexpr std::int64_t claim_cnf = 8;
constexpr std::int64_t cnf_cose_key = 1;
constexpr std::int64_t key_kty = 1;
constexpr std::int64_t key_kid = 2;
constexpr std::int64_t key_crv = -1;
constexpr std::int64_t key_x = -2;
constexpr std::int64_t key_y = -3;
constexpr std::int64_t kty_okp = 1;
constexpr std::int64_t kty_ec2 = 2;
constexpr std::int64_t crv_p256 = 1;
constexpr std::int64_t crv_x25519 = 4;
constexpr std::int64_t crv_ed25519 = 6;

/// Calls `value_of(label)` for every pair, which reads or skips the value.
template <class F>
void each_pair(CborReader& in, F value_of) {
    in.enter_map();
    while (in.more()) {
        if (in.kind() == CborKind::uint || in.kind() == CborKind::negative) {
            value_of(in.integer());
        } else {
            in.skip();
            in.skip();
        }
    }
    in.leave();
}

struct CoseKey {
    std::int64_t kty = 0;
    std::int64_t crv = 0;
    std::optional<Octets> kid{};
    Octets x{};
    Octets y{};
    std::optional<bool> y_is_odd{};
};

CoseKey read_key(CborReader& in) {
    CoseKey key;
    each_pair(in, [&](std::int64_t label) {
        const CborKind kind = in.kind();
        const bool integer = kind == CborKind::uint || kind == CborKind::negative;
        if (label == key_kty && integer)
            key.kty = in.integer();
        else if (label == key_crv && integer)
            key.crv = in.integer();
        else if (label == key_kid && kind == CborKind::bytes)
            key.kid = to_octets(in.bytes());
        else if (label == key_x && kind == CborKind::bytes)
            key.x = to_octets(in.bytes());
        else if (label == key_y && kind == CborKind::bytes)
            key.y = to_octets(in.bytes());
        else if (label == key_y && kind == CborKind::boolean)
            key.y_is_odd = in.boolean();
        else
            in.skip();
    });
    return key;
}

/// A point of 65 or 33 octets, or the x-coordinate alone where there is no y.
Octets point_of(const CoseKey& key) {
    Octets point;
    if (key.x.size() != 32) return point;
    if (!key.y.empty())
        point.push_back(std::byte{4});
    else if (key.y_is_odd)
        point.push_back(*key.y_is_odd ? std::byte{3} : std::byte{2});
    point.insert(point.end(), key.x.begin(), key.x.end());
    point.insert(point.end(), key.y.begin(), key.y.end());
    return point;
}

bool take_key(const CoseKey& key, EdhocCredential& credential) {
    if (key.kty == kty_ec2 && key.crv == crv_p256) {
        credential.type = KeyType::p256;
        credential.key = point_of(key);
        return crypto::public_coordinate(Curve::p256, credential.key).has_value();
    }
    if (key.kty != kty_okp || key.x.size() != 32) return false;
    if (key.crv != crv_x25519 && key.crv != crv_ed25519) return false;
    credential.type = key.crv == crv_x25519 ? KeyType::x25519 : KeyType::ed25519;
    credential.key = key.x;
    return true;
}

/// Whether the private key is that of the public one.
bool belong_together(const EdhocCredential& credential, Bytes private_key) {
    if (credential.type == KeyType::ed25519) {
        const auto key =
            crypto::SigningKey::from_private(crypto::SignatureScheme::ed25519, private_key);
        return key && same(key->public_octets(), credential.key);
    }
    const Curve curve = credential.type == KeyType::x25519 ? Curve::x25519 : Curve::p256;
    const auto key = crypto::AgreementKey::from_private(curve, private_key);
    // The sign of y is told where y is, and a wrong one is somebody's mistake that signatures tell.
    return key && crypto::public_coordinate(curve, credential.key) == key->coordinate() &&
           (credential.key.size() != 65 || same(credential.key, key->public_octets()));
}

/// Of a hash that x5t may have here, and has; else 0.
std::size_t x5t_octets(const CredentialId& id) noexcept {
    const std::size_t octets = id.hash_algorithm == CredentialId::sha256      ? 32
                               : id.hash_algorithm == CredentialId::sha256_64 ? 8
                                                                              : 0;
    return id.value.size() == octets ? octets : 0;
}

}  // namespace

std::optional<EdhocCredential> EdhocCredential::from_claims(Bytes ccs, std::string name) {
    EdhocCredential credential{
        .cred = to_octets(ccs), .content = to_octets(ccs), .name = std::move(name)};
    std::optional<CoseKey> key;
    CborReader in(ccs);
    each_pair(in, [&](std::int64_t claim) {
        if (claim == claim_sub && in.kind() == CborKind::text) {
            const std::string_view subject = in.text();
            if (credential.name.empty()) credential.name = subject;
        } else if (claim == claim_cnf && in.kind() == CborKind::map) {
            each_pair(in, [&](std::int64_t method) {
                if (method == cnf_cose_key && in.kind() == CborKind::map)
                    key = read_key(in);
                else
                    in.skip();
            });
        } else {
            in.skip();
        }
    });
    if (!in.done() || !key || !take_key(*key, credential)) return std::nullopt;
    credential.kid = std::move(key->kid);
    return credential;
}

std::optional<EdhocCredential> EdhocCredential::from_certificate(Bytes der, std::string name,
                                                                 std::optional<Octets> kid) {
    auto key = crypto::key_of_certificate(der);
    if (!key) return std::nullopt;
    EdhocCredential credential{.content = to_octets(der),
                               .certificate = true,
                               .type = key->type,
                               .key = std::move(key->octets),
                               .kid = std::move(kid),
                               .name = std::move(name)};
    CborWriter(credential.cred).bytes(der);  // [RFC 9528 §3.5.2]
    return credential;
}

bool EdhocCredential::matches(const CredentialId& id) const {
    switch (id.kind) {
        case CredentialId::Kind::kid:
            return kid && same(*kid, id.value);
        case CredentialId::Kind::kccs:
            return !certificate && same(content, id.value);
        case CredentialId::Kind::x5chain:
            return certificate && same(content, id.value);
        case CredentialId::Kind::x5t:
            return certificate && x5t_octets(id) != 0 &&
                   same(Bytes(crypto::sha256(content)).first(x5t_octets(id)), id.value);
        case CredentialId::Kind::other:
            break;
    }
    return false;
}

Octets claims_of(const RawPublicKey& key) {
    const bool point = key.type == KeyType::p256;
    Octets octets;
    CborWriter out(octets);
    out.map(key.subject.empty() ? 1 : 2);
    if (!key.subject.empty()) out.integer(claim_sub).text(key.subject);
    out.integer(claim_cnf).map(1).integer(cnf_cose_key).map(point ? 5 : 4);
    out.integer(key_kty).integer(point ? kty_ec2 : kty_okp);
    out.integer(key_kid).bytes(key.kid);
    out.integer(key_crv).integer(point                         ? crv_p256
                                 : key.type == KeyType::x25519 ? crv_x25519
                                                               : crv_ed25519);
    if (point) {
        CAUSEWAY_ASSERT(key.key.size() == 65);
        out.integer(key_x).bytes(key.key.subspan(1, 32));
        out.integer(key_y).bytes(key.key.subspan(33));
    } else {
        out.integer(key_x).bytes(key.key);
    }
    return octets;
}

std::optional<EdhocIdentity> EdhocIdentity::make(EdhocCredential credential,
                                                 CredentialId::Kind named_by, Bytes private_key) {
    using Kind = CredentialId::Kind;
    if (private_key.size() != 32 || !belong_together(credential, private_key)) return std::nullopt;
    EdhocIdentity identity;
    identity.private_key = crypto::Secret(private_key);
    if (named_by == Kind::kid && credential.kid)
        identity.id_cred = CredentialId::of_kid(*credential.kid);
    else if (named_by == Kind::kccs && !credential.certificate)
        identity.id_cred = CredentialId::of_claims(credential.content);
    else if (named_by == Kind::x5t && credential.certificate)
        identity.id_cred = CredentialId::of_certificate_hash(credential.content);
    else if (named_by == Kind::x5chain && credential.certificate)
        identity.id_cred = CredentialId::of_certificate(credential.content);
    else
        return std::nullopt;
    if (identity.id_cred.map.size() > id_cred_octets_max) return std::nullopt;
    identity.credential = std::move(credential);
    return identity;
}

bool EdhocPeers::add(EdhocCredential credential) {
    if (credentials_.size() == peers_max) return false;
    const std::size_t at = credentials_.size();
    if (credential.kid) by_kid_.emplace(*credential.kid, at);
    by_digest_.emplace(to_octets(crypto::sha256(credential.content)), at);
    credentials_.push_back(std::move(credential));
    return true;
}

EdhocPeers::Candidates EdhocPeers::find(const CredentialId& id) const {
    using Kind = CredentialId::Kind;
    Candidates found;
    if (id.kind == Kind::other || (id.kind == Kind::x5t && x5t_octets(id) == 0)) return found;
    const auto& index = id.kind == Kind::kid ? by_kid_ : by_digest_;
    const bool whole = id.kind == Kind::x5chain || id.kind == Kind::kccs;
    const Octets key = whole ? to_octets(crypto::sha256(id.value)) : id.value;
    for (auto at = index.lower_bound(key); at != index.end() && !found.full(); ++at) {
        if (id.kind == Kind::kid && at->first != key) break;
        if (!same(Bytes(at->first).first(std::min(at->first.size(), key.size())), key)) break;
        const EdhocCredential& credential = credentials_[at->second];
        if (credential.matches(id)) found.push_back(&credential);
    }
    return found;
}

}  // namespace causeway::secure
