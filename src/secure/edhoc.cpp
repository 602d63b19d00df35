#include "secure/edhoc.hpp"

#include <algorithm>

namespace causeway::secure {
namespace {

using crypto::AgreementKey;
using crypto::Secret;
using Failed = std::unexpected<EdhocFailure>;

/// With the error message that goes with it. [RFC 9528 §6]
Failed failed(EdhocFault fault) {
    EdhocErrorMessage error;
    if (fault == EdhocFault::unknown_credential)
        error.code = EdhocErrorMessage::unknown_credential;
    else
        error.text = name_of(fault);
    return Failed(EdhocFailure{.fault = fault, .reply = error.encoded()});
}

Failed failed_silently(EdhocFault fault) {
    return Failed(EdhocFailure{.fault = fault});
}

/// An error is never answered with one. [RFC 9528 §6]
Failed failed_by_peer(Bytes message) {
    EdhocFailure failure{.fault = EdhocFault::peer_error};
    if (auto said = EdhocErrorMessage::parse(message)) failure.said = std::move(*said);
    return Failed(std::move(failure));
}

bool takes(const EdhocConfig& config, const Ead& ead) {
    return std::ranges::all_of(ead.items, [&](const EadItem& item) {
        return item.label >= 0 || std::ranges::any_of(config.ead_labels, [&](std::int64_t known) {
                   return item.label == -known;
               });
    });
}

/// The connection identifiers become OSCORE's, which differ. [RFC 9528 §3.3.3]
bool fit(const EdhocSuite& suite, const ConnectionId& c_i, const ConnectionId& c_r) {
    return std::max(c_i.size(), c_r.size()) <= suite.sender_id_octets_max() && !(c_i == c_r);
}

/// The static-ephemeral secret of a party that does not sign.
std::optional<Secret> agreed(const EdhocSuite& suite, const Secret& key, Bytes ephemeral) {
    const auto own = AgreementKey::from_private(suite.curve, key.bytes());
    CAUSEWAY_ASSERT(own.has_value());  // EdhocIdentity::make saw to it
    return own->agree(ephemeral);
}

/// Whose Signature_or_MAC it is, or why it is nobody's. `verify` tells whether it is that of one
/// credential.
template <class Verify>
std::expected<const EdhocCredential*, EdhocFailure> authenticate(const EdhocConfig& config,
                                                                 const CredentialId& id,
                                                                 crypto::KeyType type,
                                                                 Verify verify) {
    // Error code 3 is not for kinds that are not supported. [RFC 9528 §6.4]
    if (id.kind == CredentialId::Kind::other) return failed(EdhocFault::credential_kind);
    const auto candidates = config.peers.find(id);
    bool any = false;
    for (const EdhocCredential* candidate : candidates) {
        // Nobody proves to us that somebody else is there with our own key. [RFC 9528 §9.2]
        if (std::ranges::any_of(config.identities, [&](const EdhocIdentity& own) {
                return own.credential.key == candidate->key;
            }))
            continue;
        any = true;
        if (candidate->type == type && verify(*candidate)) return candidate;
    }
    return failed(any ? EdhocFault::authentication : EdhocFault::unknown_credential);
}

}  // namespace

std::string_view name_of(EdhocFault fault) noexcept {
    switch (fault) {
        case EdhocFault::malformed:
            return "Malformed message";
        case EdhocFault::too_large:
            return "Message too large";
        case EdhocFault::out_of_turn:
            return "Message out of turn";
        case EdhocFault::method:
            return "Method not supported";
        case EdhocFault::suite:
            return "Wrong selected cipher suite";
        case EdhocFault::ephemeral_key:
            return "Ephemeral key not valid";
        case EdhocFault::connection_id:
            return "Connection identifier not usable";
        case EdhocFault::critical_ead:
            return "Critical EAD item not supported";
        case EdhocFault::decryption:
            return "Decryption failed";
        case EdhocFault::credential_kind:
            return "Type of ID_CRED not supported";
        case EdhocFault::unknown_credential:
            return "Unknown credential referenced";
        case EdhocFault::authentication:
            return "Authentication failed";
        case EdhocFault::no_identity:
            return "No credential for that method and suite";
        case EdhocFault::peer_error:
            return "Error message received";
        case EdhocFault::count:
            break;
    }
    return "";
}

const EdhocIdentity* EdhocConfig::identity_for(const EdhocSuite& suite, bool signs) const {
    for (const EdhocIdentity& identity : identities)
        if (identity.credential.type == suite.key_type(signs)) return &identity;
    return nullptr;
}

SuiteNumbers EdhocConfig::usable_suites(bool signs) const {
    SuiteNumbers usable;
    for (const std::int64_t number : suites)
        if (const EdhocSuite* suite = edhoc_suite(number);
            suite != nullptr && identity_for(*suite, signs) != nullptr)
            usable.push_back(number);
    return usable;
}

// ---- Initiator ---------------------------------------------------------------------------------

EdhocInitiator::EdhocInitiator(const EdhocConfig& config, Start start)
    : config_(&config), start_(std::move(start)) {}

EdhocInitiator::Step EdhocInitiator::message_1() {
    if (state_ != State::start) return failed_silently(EdhocFault::out_of_turn);
    state_ = State::failed;
    if (start_.method < 0 || start_.method > 3) return failed_silently(EdhocFault::method);
    run_.method = start_.method;
    run_.c_i = start_.c_i;
    EdhocMessage1 message{.method = run_.method, .c_i = run_.c_i};
    // Up to the first that the Responder supports, as far as it told; all that are preferred to it
    // are there, whatever was told. [RFC 9528 §5.2.2]
    for (const std::int64_t number : config_->usable_suites(run_.initiator_signs())) {
        message.suites.push_back(number);
        if (start_.suites_r.empty() ||
            std::ranges::find(start_.suites_r, number) != start_.suites_r.end()) {
            run_.suite = edhoc_suite(number);
            break;
        }
    }
    if (message.suites.empty()) return failed_silently(EdhocFault::no_identity);
    if (run_.suite == nullptr) return failed_silently(EdhocFault::suite);
    if (run_.c_i.size() > run_.suite->sender_id_octets_max())
        return failed_silently(EdhocFault::connection_id);
    x_ = AgreementKey::generate(run_.suite->curve, start_.randomness.bytes());
    message.g_x = to_octets(x_->coordinate());
    message.ead = Ead::of(std::move(start_.ead_1));
    Octets octets = message.encoded();
    run_.message_1 = crypto::sha256(octets);
    state_ = State::wait_2;
    return octets;
}

EdhocInitiator::Step EdhocInitiator::on_message_2(Bytes message) {
    if (state_ != State::wait_2) return failed_silently(EdhocFault::out_of_turn);
    state_ = State::failed;
    if (EdhocErrorMessage::is_one(message)) return failed_by_peer(message);
    auto answer = process_2(message);
    if (answer) state_ = config_->message_4 ? State::wait_4 : State::done;
    x_.reset();  // [RFC 9528 §9.8]
    return answer;
}

EdhocInitiator::Step EdhocInitiator::process_2(Bytes message) {
    if (message.size() > edhoc_message_octets_max) return failed(EdhocFault::too_large);
    auto content = read_edhoc_string(message);
    constexpr std::size_t g_y_octets = sizeof(crypto::Coordinate);
    if (!content || content->size() <= g_y_octets) return failed(EdhocFault::malformed);
    g_y_.assign(content->begin(), content->begin() + g_y_octets);
    const auto g_xy = x_->agree(g_y_);
    if (!g_xy) return failed(EdhocFault::ephemeral_key);
    run_.exchanged(g_y_, *g_xy);

    const MutableBytes text = MutableBytes(*content).subspan(g_y_octets);
    run_.cipher_2(text);
    const auto plaintext = EdhocPlaintext::parse(text, true);
    if (!plaintext) return failed(EdhocFault::malformed);
    run_.c_r = *plaintext->c_r;
    c_r_known_ = true;
    ead_2_ = plaintext->ead.items;
    if (!fit(*run_.suite, run_.c_i, run_.c_r)) return failed(EdhocFault::connection_id);
    if (!takes(*config_, plaintext->ead)) return failed(EdhocFault::critical_ead);

    const bool signs = run_.responder_signs();
    const auto peer = authenticate(*config_, plaintext->id_cred, run_.suite->key_type(signs),
                                   [&](const auto& candidate) {
                                       std::optional<Secret> g_rx;
                                       if (!signs && !(g_rx = x_->agree(candidate.key)))
                                           return false;
                                       run_.prk_3e2m = run_.prk_of_responder(g_rx);
                                       return EdhocProof{.message = 2,
                                                         .suite = *run_.suite,
                                                         .signs = signs,
                                                         .prk = run_.prk_3e2m.bytes(),
                                                         .th = run_.th_2,
                                                         .c_r = run_.c_r.bytes(),
                                                         .id_cred = plaintext->id_cred,
                                                         .cred = candidate.cred,
                                                         .ead = plaintext->ead.encoded}
                                           .holds(candidate.key, plaintext->signature_or_mac);
                                   });
    if (!peer) return Failed(peer.error());
    run_.said_2(text, (*peer)->cred);
    result_ = {.peer = (*peer)->name, .id_cred = plaintext->id_cred};
    return compose_3();
}

Octets EdhocInitiator::compose_3() {
    const bool signs = run_.initiator_signs();
    const EdhocIdentity& own = *config_->identity_for(*run_.suite, signs);
    std::optional<Secret> g_iy;
    if (!signs) g_iy = agreed(*run_.suite, own.private_key, g_y_);
    run_.prk_4e3m = run_.prk_of_initiator(g_iy);
    EdhocPlaintext plaintext{.id_cred = own.id_cred, .ead = Ead::of(std::move(start_.ead_3))};
    plaintext.signature_or_mac = EdhocProof{.message = 3,
                                            .suite = *run_.suite,
                                            .signs = signs,
                                            .prk = run_.prk_4e3m.bytes(),
                                            .th = run_.th_3,
                                            .c_r = {},
                                            .id_cred = own.id_cred,
                                            .cred = own.credential.cred,
                                            .ead = plaintext.ead.encoded}
                                     .make(own);
    const Octets text = plaintext.encoded();
    Octets message = edhoc_string(run_.seal(3, text));
    run_.said_3(text, own.credential.cred);
    result_.method = run_.method;
    result_.suite = run_.suite->number;
    result_.c_i = run_.c_i;
    result_.c_r = run_.c_r;
    result_.session = EdhocSession(*run_.suite, run_.prk_out(), run_.c_r, run_.c_i);
    return message;
}

std::expected<void, EdhocFailure> EdhocInitiator::on_message_4(Bytes message) {
    const bool may = state_ == State::wait_4 || (state_ == State::done && !result_.confirmed);
    if (!may) return failed_silently(EdhocFault::out_of_turn);
    state_ = State::failed;
    if (EdhocErrorMessage::is_one(message)) return failed_by_peer(message);
    auto answer = process_4(message);
    if (answer) state_ = State::done;
    return answer;
}

std::expected<void, EdhocFailure> EdhocInitiator::process_4(Bytes message) {
    if (message.size() > edhoc_message_octets_max) return failed(EdhocFault::too_large);
    const auto content = read_edhoc_string(message);
    if (!content) return failed(EdhocFault::malformed);
    const auto text = run_.open(4, *content);
    if (!text) return failed(EdhocFault::decryption);
    CborReader in(*text);
    const Ead ead = Ead::read(in, *text);
    if (!in.done() || !in.was_preferred()) return failed(EdhocFault::malformed);
    ead_4_ = ead.items;
    if (!takes(*config_, ead)) return failed(EdhocFault::critical_ead);
    result_.confirmed = true;
    return {};
}

// ---- Responder ---------------------------------------------------------------------------------

EdhocResponder::EdhocResponder(const EdhocConfig& config, Start start)
    : config_(&config), start_(std::move(start)) {}

EdhocResponder::Step EdhocResponder::on_message_1(Bytes message) {
    if (state_ != State::start) return failed_silently(EdhocFault::out_of_turn);
    state_ = State::failed;
    auto answer = process_1(message);
    if (answer) state_ = State::wait_3;
    return answer;
}

EdhocResponder::Step EdhocResponder::process_1(Bytes octets) {
    if (octets.size() > edhoc_message_octets_max) return failed(EdhocFault::too_large);
    auto message = EdhocMessage1::parse(octets);
    if (!message) return failed(EdhocFault::malformed);
    run_.method = message->method;
    if (run_.method < 0 || run_.method > 3 ||
        !config_->methods[static_cast<std::size_t>(run_.method)])
        return failed(EdhocFault::method);

    // The selected suite is ours, and none that the Initiator prefers to it is. [RFC 9528 §5.2.3]
    const SuiteNumbers ours = config_->usable_suites(run_.responder_signs());
    if (ours.empty()) return failed(EdhocFault::no_identity);
    const auto first = std::ranges::find_if(message->suites, [&](std::int64_t number) {
        return std::ranges::find(ours, number) != ours.end();
    });
    if (first == message->suites.end() || *first != message->suites.back()) {
        // SUITES_R says all of ours, whatever may be left out. [RFC 9528 §6.3]
        const EdhocErrorMessage error{.code = EdhocErrorMessage::wrong_suite, .suites = ours};
        return Failed(EdhocFailure{.fault = EdhocFault::suite, .reply = error.encoded()});
    }
    run_.suite = edhoc_suite(*first);
    run_.c_i = message->c_i;
    run_.c_r = start_.c_r;
    ead_1_ = message->ead.items;
    if (!fit(*run_.suite, run_.c_i, run_.c_r)) return failed(EdhocFault::connection_id);
    if (!takes(*config_, message->ead)) return failed(EdhocFault::critical_ead);

    y_ = AgreementKey::generate(run_.suite->curve, start_.randomness.bytes());
    // G_X has the length of a coordinate, and no other form. [RFC 9528 §3.7]
    if (message->g_x.size() != sizeof(crypto::Coordinate)) return failed(EdhocFault::ephemeral_key);
    const auto g_xy = y_->agree(message->g_x);
    if (!g_xy) return failed(EdhocFault::ephemeral_key);
    g_x_ = std::move(message->g_x);
    run_.message_1 = crypto::sha256(octets);
    run_.exchanged(y_->coordinate(), *g_xy);
    return compose_2();
}

Octets EdhocResponder::compose_2() {
    const bool signs = run_.responder_signs();
    const EdhocIdentity& own = *config_->identity_for(*run_.suite, signs);
    std::optional<Secret> g_rx;
    if (!signs) g_rx = agreed(*run_.suite, own.private_key, g_x_);
    run_.prk_3e2m = run_.prk_of_responder(g_rx);
    EdhocPlaintext plaintext{
        .c_r = run_.c_r, .id_cred = own.id_cred, .ead = Ead::of(std::move(start_.ead_2))};
    plaintext.signature_or_mac = EdhocProof{.message = 2,
                                            .suite = *run_.suite,
                                            .signs = signs,
                                            .prk = run_.prk_3e2m.bytes(),
                                            .th = run_.th_2,
                                            .c_r = run_.c_r.bytes(),
                                            .id_cred = own.id_cred,
                                            .cred = own.credential.cred,
                                            .ead = plaintext.ead.encoded}
                                     .make(own);
    Octets text = plaintext.encoded();
    run_.said_2(text, own.credential.cred);
    run_.cipher_2(text);
    Octets content = to_octets(y_->coordinate());
    content.insert(content.end(), text.begin(), text.end());
    return edhoc_string(content);
}

EdhocResponder::Step EdhocResponder::on_message_3(Bytes message) {
    if (state_ != State::wait_3) return failed_silently(EdhocFault::out_of_turn);
    state_ = State::failed;
    if (EdhocErrorMessage::is_one(message)) return failed_by_peer(message);
    auto answer = process_3(message);
    if (answer) state_ = State::done;
    y_.reset();  // [RFC 9528 §9.8]
    return answer;
}

EdhocResponder::Step EdhocResponder::process_3(Bytes message) {
    if (message.size() > edhoc_message_octets_max) return failed(EdhocFault::too_large);
    const auto content = read_edhoc_string(message);
    if (!content) return failed(EdhocFault::malformed);
    const auto text = run_.open(3, *content);
    if (!text) return failed(EdhocFault::decryption);
    const auto plaintext = EdhocPlaintext::parse(*text, false);
    if (!plaintext) return failed(EdhocFault::malformed);
    ead_3_ = plaintext->ead.items;
    if (!takes(*config_, plaintext->ead)) return failed(EdhocFault::critical_ead);

    const bool signs = run_.initiator_signs();
    const auto peer = authenticate(*config_, plaintext->id_cred, run_.suite->key_type(signs),
                                   [&](const auto& candidate) {
                                       std::optional<Secret> g_iy;
                                       if (!signs && !(g_iy = y_->agree(candidate.key)))
                                           return false;
                                       run_.prk_4e3m = run_.prk_of_initiator(g_iy);
                                       return EdhocProof{.message = 3,
                                                         .suite = *run_.suite,
                                                         .signs = signs,
                                                         .prk = run_.prk_4e3m.bytes(),
                                                         .th = run_.th_3,
                                                         .c_r = {},
                                                         .id_cred = plaintext->id_cred,
                                                         .cred = candidate.cred,
                                                         .ead = plaintext->ead.encoded}
                                           .holds(candidate.key, plaintext->signature_or_mac);
                                   });
    if (!peer) return Failed(peer.error());
    run_.said_3(*text, (*peer)->cred);
    result_ = {.peer = (*peer)->name,
               .id_cred = plaintext->id_cred,
               .method = run_.method,
               .suite = run_.suite->number,
               .c_i = run_.c_i,
               .c_r = run_.c_r,
               .confirmed = true,
               .session = EdhocSession(*run_.suite, run_.prk_out(), run_.c_i, run_.c_r)};
    if (!config_->message_4) return Octets{};
    return edhoc_string(run_.seal(4, Ead::of(std::move(start_.ead_4)).encoded));
}

}  // namespace causeway::secure
