#include "secure/edhoc_message.hpp"

#include "crypto/digest.hpp"

#include <algorithm>

namespace causeway::secure {
namespace {

// COSE header parameters. [RFC 9052 §3.1; RFC 9360 §2; RFC 9528 §10.6]
constexpr std::int64_t label_kid = 4;
constexpr std::int64_t label_kccs = 14;
constexpr std::int64_t label_x5chain = 33;
constexpr std::int64_t label_x5t = 34;

/// The octet that is the encoding of an integer -24 .. 23.
bool is_one_octet_integer(Bytes identifier) noexcept {
    return identifier.size() == 1 && (std::to_integer<unsigned>(identifier[0]) & 0xdfu) < 24;
}

void write_suites(CborWriter& out, const SuiteNumbers& suites) {
    if (suites.size() != 1) out.array(suites.size());
    for (const std::int64_t suite : suites) out.integer(suite);
}

/// [ 2* int ] / int
SuiteNumbers read_suites(CborReader& in) {
    SuiteNumbers suites;
    if (in.kind() != CborKind::array) {
        suites.push_back(in.integer());
        return suites;
    }
    const auto count = in.enter_array();
    if (!count || *count < 2) in.fail(Fault::bad_length);
    if (count && *count > suites_max) in.fail(Fault::unsupported);
    while (in.more()) suites.push_back(in.integer());
    in.leave();
    return suites;
}

ConnectionId read_connection_id(CborReader& in) {
    const Octets octets = read_identifier(in);
    if (octets.size() <= connection_id_octets_max) return ConnectionId(octets);
    in.fail(Fault::unsupported);
    return {};
}

/// Deterministic, and nothing left over.
bool is_whole(CborReader& in) {
    if (in.ok() && (!in.done() || !in.was_preferred())) in.fail(Fault::bad_value);
    return in.ok();
}

CredentialId named(CredentialId::Kind kind, std::int64_t label, Bytes value) {
    CredentialId id{.kind = kind, .value = to_octets(value)};
    CborWriter out(id.map);
    out.map(1).integer(label);
    if (kind == CredentialId::Kind::kccs)
        out.raw(value);
    else if (kind == CredentialId::Kind::x5t)
        out.array(2).integer(id.hash_algorithm = CredentialId::sha256_64).bytes(value);
    else
        out.bytes(value);
    return id;
}

/// The value of a header parameter, if it is one that is looked for; skips it otherwise.
void read_parameter(CborReader& in, std::int64_t label, CredentialId& id) {
    using Kind = CredentialId::Kind;
    const bool taken = id.kind != Kind::other;  // the first that is known decides
    if (!taken && label == label_kid && in.kind() == CborKind::bytes) {
        id.kind = Kind::kid;
        id.value = to_octets(in.bytes());
    } else if (!taken && label == label_kccs && in.kind() == CborKind::map) {
        id.kind = Kind::kccs;
        id.value = to_octets(in.item());
    } else if (!taken && label == label_x5chain && in.kind() == CborKind::bytes) {
        id.kind = Kind::x5chain;
        id.value = to_octets(in.bytes());
    } else if (!taken && label == label_x5chain && in.kind() == CborKind::array) {
        id.kind = Kind::x5chain;  // the end entity's comes first [RFC 9360 §2]
        in.enter_array();
        id.value = to_octets(in.bytes());
        in.leave();
    } else if (!taken && label == label_x5t && in.kind() == CborKind::array) {
        in.expect_array(2);
        if (in.kind() == CborKind::text) {
            in.skip();
            in.skip();
        } else {
            id.kind = Kind::x5t;
            id.hash_algorithm = in.integer();
            id.value = to_octets(in.bytes());
        }
        in.leave();
    } else {
        in.skip();
    }
}

}  // namespace

void write_identifier(CborWriter& out, Bytes identifier) {
    if (is_one_octet_integer(identifier))
        out.raw(identifier);
    else
        out.bytes(identifier);
}

Octets read_identifier(CborReader& in) {
    if (in.kind() == CborKind::uint || in.kind() == CborKind::negative) {
        Octets octets = to_octets(in.item());
        if (octets.size() != 1) in.fail(Fault::bad_value);
        return octets;
    }
    Octets octets = to_octets(in.bytes());
    if (is_one_octet_integer(octets)) in.fail(Fault::bad_value);
    return octets;
}

Ead Ead::of(std::vector<EadItem> items) {
    Ead ead;
    CborWriter out(ead.encoded);
    for (const EadItem& item : items) {
        out.integer(item.label);
        if (item.value) out.bytes(*item.value);
    }
    CAUSEWAY_ASSERT(ead.encoded.size() <= ead_octets_max);
    ead.items = std::move(items);
    return ead;
}

Ead Ead::read(CborReader& in, Bytes whole) {
    Ead ead;
    const std::size_t start = in.consumed();
    for (std::size_t count = 0; in.more(); ++count) {
        if (count == ead_items_max) {
            in.fail(Fault::unsupported);
            break;
        }
        EadItem item{.label = in.integer()};
        if (in.kind() == CborKind::bytes) item.value = to_octets(in.bytes());
        if (item.label != 0) ead.items.push_back(std::move(item));  // [RFC 9528 §3.8.1]
    }
    if (in.ok()) ead.encoded = to_octets(whole.subspan(start));
    return ead;
}

CredentialId CredentialId::of_kid(Bytes kid) {
    return named(Kind::kid, label_kid, kid);
}
CredentialId CredentialId::of_certificate_hash(Bytes der) {
    return named(Kind::x5t, label_x5t, Bytes(crypto::sha256(der)).first(8));
}
CredentialId CredentialId::of_certificate(Bytes der) {
    return named(Kind::x5chain, label_x5chain, der);
}
CredentialId CredentialId::of_claims(Bytes ccs) {
    return named(Kind::kccs, label_kccs, ccs);
}

void CredentialId::write(CborWriter& out) const {
    if (kind == Kind::kid)
        write_identifier(out, value);
    else
        out.raw(map);
}

CredentialId CredentialId::read(CborReader& in) {
    if (in.kind() != CborKind::map) return of_kid(read_identifier(in));
    CredentialId id;
    const Bytes map = in.item();
    CborReader inside(map);
    const auto pairs = inside.enter_map();
    while (inside.more()) {
        if (inside.kind() == CborKind::text) {
            inside.skip();
            inside.skip();
        } else {
            const std::int64_t label = inside.integer();
            read_parameter(inside, label, id);
        }
    }
    inside.leave();
    // A lone kid had to be compact. [RFC 9528 §3.5.3.2]
    if (!inside.done() || pairs == 0u || (pairs == 1u && id.kind == Kind::kid))
        in.fail(Fault::bad_value);
    id.map = to_octets(map);
    return id;
}

Result<EdhocMessage1> EdhocMessage1::parse(Bytes octets) {
    CborReader in(octets);
    EdhocMessage1 message;
    message.method = in.integer();
    message.suites = read_suites(in);
    message.g_x = to_octets(in.bytes());
    message.c_i = read_connection_id(in);
    message.ead = Ead::read(in, octets);
    if (!is_whole(in)) return std::unexpected(in.error());
    return message;
}

Octets EdhocMessage1::encoded() const {
    Octets octets;
    CborWriter out(octets);
    out.integer(method);
    write_suites(out, suites);
    out.bytes(g_x);
    write_identifier(out, c_i.bytes());
    out.raw(ead.encoded);
    return octets;
}

Result<EdhocPlaintext> EdhocPlaintext::parse(Bytes octets, bool with_c_r) {
    CborReader in(octets);
    EdhocPlaintext plaintext;
    if (with_c_r) plaintext.c_r = read_connection_id(in);
    plaintext.id_cred = CredentialId::read(in);
    plaintext.signature_or_mac = to_octets(in.bytes());
    plaintext.ead = Ead::read(in, octets);
    if (!is_whole(in)) return std::unexpected(in.error());
    return plaintext;
}

Octets EdhocPlaintext::encoded() const {
    Octets octets;
    CborWriter out(octets);
    if (c_r) write_identifier(out, c_r->bytes());
    id_cred.write(out);
    out.bytes(signature_or_mac).raw(ead.encoded);
    return octets;
}

Result<Octets> read_edhoc_string(Bytes message) {
    CborReader in(message);
    Octets content = to_octets(in.bytes());
    if (!is_whole(in)) return std::unexpected(in.error());
    return content;
}

Octets edhoc_string(Bytes content) {
    Octets octets;
    CborWriter(octets).bytes(content);
    return octets;
}

bool EdhocErrorMessage::is_one(Bytes message) noexcept {
    const CborKind first = CborReader(message).kind();
    return first == CborKind::uint || first == CborKind::negative;
}

Result<EdhocErrorMessage> EdhocErrorMessage::parse(Bytes octets) {
    CborReader in(octets);
    EdhocErrorMessage error{.code = in.integer()};
    if (error.code == unspecified) {
        const std::string_view text = in.text();
        for (const char c : text.substr(0, diagnostic_octets_max))
            error.text += c >= ' ' && c <= '~' ? c : '?';
    } else if (error.code == wrong_suite) {
        error.suites = read_suites(in);
    } else {
        in.skip();  // whatever goes with a code that is not known
    }
    if (in.ok() && !in.done()) in.fail(Fault::bad_length);
    if (!in.ok()) return std::unexpected(in.error());
    return error;
}

Octets EdhocErrorMessage::encoded() const {
    Octets octets;
    CborWriter out(octets);
    out.integer(code);
    if (code == wrong_suite)
        write_suites(out, suites);
    else if (code == unspecified)
        out.text(text);
    else
        out.boolean(true);
    return octets;
}

}  // namespace causeway::secure
