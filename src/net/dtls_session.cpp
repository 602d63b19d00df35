#include "net/dtls_session.hpp"

#include "base/hex.hpp"

#include <gnutls/crypto.h>
#include <gnutls/dtls.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace causeway::net {
namespace {

constexpr std::size_t message_type_at = 13;  // behind the record's header
constexpr std::byte server_hello_done{14};

std::string alert_name(gnutls_session_t session) {
    const char* const name = gnutls_alert_get_name(gnutls_alert_get(session));
    return name != nullptr ? name : "unknown";
}

}  // namespace

struct DtlsCallbacks {
    static ssize_t push(gnutls_transport_ptr_t ptr, const void* data, std::size_t size) {
        auto& session = *static_cast<DtlsSession*>(ptr);
        session.wire_.send_datagram(session, {static_cast<const std::byte*>(data), size});
        return static_cast<ssize_t>(size);
    }
    static ssize_t pull(gnutls_transport_ptr_t ptr, void* data, std::size_t size) {
        auto& session = *static_cast<DtlsSession*>(ptr);
        if (session.record_.empty()) {
            gnutls_transport_set_errno(session.session_, EAGAIN);
            return -1;
        }
        const std::size_t n = std::min(size, session.record_.size());
        std::memcpy(data, session.record_.data(), n);
        session.record_ = {};
        return static_cast<ssize_t>(n);
    }
    static int pull_timeout(gnutls_transport_ptr_t ptr, unsigned) {
        return static_cast<DtlsSession*>(ptr)->record_.empty() ? 0 : 1;
    }
    static int verify(gnutls_session_t gnutls) {
        auto& session = *static_cast<DtlsSession*>(gnutls_session_get_ptr(gnutls));
        session.verdict_ = session.credentials_->judge(gnutls, session.name_);
        return session.verdict_.why.empty() ? 0 : -1;
    }
};

DtlsSession::DtlsSession(DtlsCredentials::Shared credentials, DtlsWire& wire, const Endpoint& to)
    : peer(to), credentials_(std::move(credentials)), wire_(wire) {}

DtlsSession::~DtlsSession() {
    if (session_ != nullptr) gnutls_deinit(session_);
}

Opened<std::unique_ptr<DtlsSession>> DtlsSession::begin(DtlsCredentials::Shared credentials,
                                                        DtlsWire& wire, const Endpoint& peer,
                                                        std::string name, const Timing& timing) {
    std::unique_ptr<DtlsSession> made(new DtlsSession(std::move(credentials), wire, peer));
    int error = gnutls_init(&made->session_, made->credentials_->flags());
    if (error == 0) error = made->credentials_->equip(made->session_, name);
    if (error != 0)
        return std::unexpected(Trouble{
            "cannot open a DTLS session with " + peer.text() + ": " + gnutls_strerror(error), {}});
    made->name_ = std::move(name);
    gnutls_session_t session = made->session_;
    gnutls_session_set_ptr(session, made.get());
    gnutls_transport_set_ptr(session, made.get());
    gnutls_transport_set_push_function(session, DtlsCallbacks::push);
    gnutls_transport_set_pull_function(session, DtlsCallbacks::pull);
    gnutls_transport_set_pull_timeout_function(session, DtlsCallbacks::pull_timeout);
    gnutls_session_set_verify_function(session, DtlsCallbacks::verify);
    gnutls_db_set_cache_expiration(session, static_cast<int>(timing.tickets_last.count()));
    gnutls_dtls_set_mtu(session, static_cast<unsigned>(timing.datagram_octets_max));
    // The end of it all is the host's business, which counts it.
    gnutls_dtls_set_timeouts(session, static_cast<unsigned>(timing.retransmit_after.count()),
                             static_cast<unsigned>(2 * timing.handshake_within.count()) + 60'000);
    return made;
}

void DtlsSession::set_prestate(const DtlsCookies::Prestate& prestate) {
    gnutls_dtls_prestate_st state{prestate.record_sequence, prestate.read_sequence,
                                  prestate.write_sequence};
    gnutls_dtls_prestate_set(session_, &state);
}

void DtlsSession::try_to_resume(Bytes data) {
    resuming_ = gnutls_session_set_data(session_, data.data(), data.size()) == 0;
}

Opened<std::unique_ptr<DtlsSession>> DtlsSession::without_ticket(const Timing& timing) const {
    return begin(credentials_, wire_, peer, name_, timing);
}

void DtlsSession::fail(DtlsFailure failure, std::string reason, gnutls_alert_description_t alert) {
    broken_ = true;
    failure_ = failure;
    reason_ = std::move(reason);
    gnutls_alert_send(session_, GNUTLS_AL_FATAL, alert);
}

DtlsSession::Step DtlsSession::failed(int error) {
    if (!verdict_.why.empty()) {
        fail(verdict_.failure, verdict_.why, verdict_.alert);
        return Step::failed;
    }
    broken_ = true;
    reason_ = gnutls_strerror(error);
    switch (error) {
        case GNUTLS_E_FATAL_ALERT_RECEIVED: {
            refused_by_peer_ = true;
            reason_ = "it refused, and says: " + alert_name(session_);
            const auto alert = gnutls_alert_get(session_);
            const bool psk = credentials_->has_psk() && !credentials_->is_server();
            if (psk && (alert == GNUTLS_A_DECRYPT_ERROR || alert == GNUTLS_A_BAD_RECORD_MAC ||
                        alert == GNUTLS_A_UNKNOWN_PSK_IDENTITY)) {
                failure_ = DtlsFailure::wrong_key;
                reason_ = "it does not know our pre-shared key or its identity, and says: " +
                          alert_name(session_);
            } else if (alert == GNUTLS_A_BAD_CERTIFICATE || alert == GNUTLS_A_UNKNOWN_CA ||
                       (alert >= GNUTLS_A_UNSUPPORTED_CERTIFICATE &&
                        alert <= GNUTLS_A_CERTIFICATE_UNKNOWN)) {
                failure_ = DtlsFailure::certificate;
            }
            return Step::failed;  // it needs no telling
        }
        case GNUTLS_E_NO_CERTIFICATE_FOUND:
        case GNUTLS_E_CERTIFICATE_REQUIRED:
            fail(DtlsFailure::certificate, "it showed no certificate", GNUTLS_A_HANDSHAKE_FAILURE);
            return Step::failed;  // [RFC 5246 §7.4.6]
        case GNUTLS_E_NO_CIPHER_SUITES:
            reason_ = "it has no cipher suite that our credentials allow";
            break;
        default:
            break;
    }
    gnutls_alert_send_appropriate(session_, error);
    return Step::failed;
}

DtlsSession::Step DtlsSession::shake_hands(Bytes record, DtlsContent content, std::uint16_t epoch,
                                           bool& wrong) {
    wrong = false;
    if (broken_) return Step::failed;
    record_ = record;
    const unsigned dropped = gnutls_record_get_discarded(session_);
    int result = 0;
    // GnuTLS may have to be called again before it looks at what arrived; a few times will do.
    for (int n = 0; n < 8; ++n) {
        result = gnutls_handshake(session_);
        if (result == 0 || (result < 0 && gnutls_error_is_fatal(result) != 0)) break;
        if (record_.empty()) break;
    }
    record_ = {};
    if (result == 0) {
        if (gnutls_session_is_resumed(session_) != 0 && !judge_again()) return Step::failed;
        return Step::open;
    }
    if (gnutls_error_is_fatal(result) != 0) return failed(result);
    wrong = gnutls_record_get_discarded(session_) != dropped;
    if (content == DtlsContent::handshake && epoch == 0 && record.size() > message_type_at &&
        record[message_type_at] == server_hello_done)
        all_but_finished_ = true;
    if (content == DtlsContent::change_cipher_spec && psk_asked_) keys_changed_ = true;
    if (wrong && epoch == 1 && keys_changed_ && content == DtlsContent::handshake) {
        // Their Finished, under another key than ours. To wait for a better one would only make
        // the peer wait. [RFC 4279 §2; RFC 7925 §6]
        fail(DtlsFailure::wrong_key,
             psk_known_ ? "its pre-shared key is wrong" : "the identity of its key is not known",
             GNUTLS_A_DECRYPT_ERROR);
        return Step::failed;
    }
    return Step::going;
}

/// A ticket may outlive what it vouches for.
bool DtlsSession::judge_again() {
    if (gnutls_auth_get_type(session_) != GNUTLS_CRD_CERTIFICATE) return true;
    const DtlsVerdict verdict = credentials_->judge(session_, name_);
    if (verdict.why.empty()) return true;
    fail(verdict.failure, verdict.why, verdict.alert);
    return false;
}

std::chrono::milliseconds DtlsSession::retransmit_in() const {
    return std::chrono::milliseconds(gnutls_dtls_get_timeout(session_));
}

DtlsSession::Step DtlsSession::take(Bytes record, MutableBytes buffer, Taken& taken,
                                    Bytes& octets) {
    record_ = record;
    const unsigned dropped = gnutls_record_get_discarded(session_);
    ssize_t n;
    do {
        n = gnutls_record_recv(session_, buffer.data(), buffer.size());
    } while (n == GNUTLS_E_INTERRUPTED);
    record_ = {};
    const bool lost = gnutls_record_get_discarded(session_) != dropped;
    taken = n > 0 ? Taken::data : lost ? Taken::bad : Taken::other;
    if (n > 0) {
        octets = buffer.first(static_cast<std::size_t>(n));
        return Step::open;
    }
    if (n == 0) return Step::ended;
    const int error = static_cast<int>(n);
    if (error == GNUTLS_E_REHANDSHAKE) {
        // [RFC 7925 §17]
        gnutls_alert_send(session_, GNUTLS_AL_WARNING, GNUTLS_A_NO_RENEGOTIATION);
        return Step::open;
    }
    if (gnutls_error_is_fatal(error) == 0) return Step::open;
    if (lost && error != GNUTLS_E_FATAL_ALERT_RECEIVED) return Step::open;
    return failed(error);
}

bool DtlsSession::write(Bytes plain) {
    if (broken_) return false;
    // An empty record would be no message; nobody expects one.
    if (plain.empty() || plain.size() > record_octets_max) return false;
    return gnutls_record_send(session_, plain.data(), plain.size()) ==
           static_cast<ssize_t>(plain.size());
}

void DtlsSession::goodbye() {
    if (!broken_) gnutls_alert_send(session_, GNUTLS_AL_WARNING, GNUTLS_A_CLOSE_NOTIFY);
    broken_ = true;
}

void DtlsSession::settle() {
    name_ = {};
    gnutls_dtls_set_mtu(session_, record_octets_max + 64);
}

DtlsHost::Facts DtlsSession::facts() const {
    DtlsHost::Facts facts;
    facts.peer = peer;
    facts.accepted = accepted();
    facts.resumed = gnutls_session_is_resumed(session_) != 0;
    if (const char* const suite = gnutls_ciphersuite_get(session_)) facts.cipher_suite = suite;
    if (gnutls_auth_get_type(session_) == GNUTLS_CRD_PSK) {
        gnutls_datum_t identity{};
        if (accepted() && gnutls_psk_server_get_username2(session_, &identity) == 0)
            facts.psk_identity.emplace(reinterpret_cast<const char*>(identity.data), identity.size);
        return facts;
    }
    unsigned count = 0;
    const gnutls_datum_t* const shown = gnutls_certificate_get_peers(session_, &count);
    if (shown == nullptr || count == 0) return facts;
    if (gnutls_certificate_type_get2(session_, GNUTLS_CTYPE_PEERS) == GNUTLS_CRT_RAWPK)
        facts.raw_key_sha256 = to_hex(sha256_of(shown[0]));
    else
        facts.certificate_name = common_name_of(shown[0]);
    return facts;
}

Octets DtlsSession::resumption_data() const {
    gnutls_datum_t data{};
    if (gnutls_session_get_data2(session_, &data) != 0) return {};
    const Bytes octets(reinterpret_cast<const std::byte*>(data.data), data.size);
    Octets copy = to_octets(octets);
    gnutls_memset(data.data, 0, data.size);
    gnutls_free(data.data);
    return copy;
}

std::array<std::byte, 32> DtlsSession::client_random() const {
    gnutls_datum_t client{};
    gnutls_datum_t server{};
    gnutls_session_get_random(session_, &client, &server);
    std::array<std::byte, 32> random{};
    if (client.data != nullptr && client.size == random.size())
        std::memcpy(random.data(), client.data, random.size());
    return random;
}

}  // namespace causeway::net
