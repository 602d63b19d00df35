#pragma once
// One DTLS session without a socket: records of the wire go in one at a time, what the peer has to
// be sent comes out through DtlsWire. A GnuTLS session and the little that GnuTLS does not tell.
// For dtls*.cpp.
#include "net/dtls.hpp"
#include "net/dtls_credentials.hpp"
#include "net/dtls_record.hpp"

#include <gnutls/gnutls.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace causeway::net {

class DtlsSession;

class DtlsWire {
public:
    virtual void send_datagram(const DtlsSession& session, Bytes octets) = 0;

protected:
    ~DtlsWire() = default;
};

class DtlsSession {
public:
    enum class Step : std::uint8_t {
        going,   // wants more from the peer
        open,    // hands are shaken
        ended,   // the peer said goodbye
        failed,  // failure() and reason() say why
    };
    enum class Taken : std::uint8_t { data, other, bad };

    struct Timing {
        std::chrono::milliseconds retransmit_after;
        std::chrono::milliseconds handshake_within;
        std::chrono::seconds tickets_last;
        std::size_t datagram_octets_max;
    };

    /// `name` is a server's that is looked for, of no meaning for a server.
    [[nodiscard]] static Opened<std::unique_ptr<DtlsSession>> begin(
        DtlsCredentials::Shared credentials, DtlsWire& wire, const Endpoint& peer, std::string name,
        const Timing& timing);
    DtlsSession(const DtlsSession&) = delete;
    DtlsSession& operator=(const DtlsSession&) = delete;
    ~DtlsSession();

    /// A server's, of the ClientHello that comes next.
    void set_prestate(const DtlsCookies::Prestate& prestate);
    /// A client's; from resumption_data() of an earlier session with the same server.
    void try_to_resume(Bytes data);
    /// The peer refused, maybe only the ticket: another one without it is worth a try.
    [[nodiscard]] bool may_do_without_ticket() const noexcept {
        return resuming_ && refused_by_peer_;
    }
    [[nodiscard]] Opened<std::unique_ptr<DtlsSession>> without_ticket(const Timing& timing) const;
    /// A client's: all but the peer's last word is there. With a wrong PSK many never say it.
    [[nodiscard]] bool waits_for_finished() const noexcept { return all_but_finished_; }

    /// Nothing in `record`: a timer is due, or it begins. `wrong`: it could not be decrypted.
    [[nodiscard]] Step shake_hands(Bytes record, DtlsContent content, std::uint16_t epoch,
                                   bool& wrong);
    /// Until the flight has to be sent again; zero when there is none.
    [[nodiscard]] std::chrono::milliseconds retransmit_in() const;
    /// A record of the session's own epoch. `octets`: what was in it, in `buffer`.
    [[nodiscard]] Step take(Bytes record, MutableBytes buffer, Taken& taken, Bytes& octets);
    /// One record; false when it is too long, or the session broken.
    [[nodiscard]] bool write(Bytes plain);
    void goodbye();
    /// The handshake is over: what it took can go.
    void settle();

    [[nodiscard]] const DtlsCredentials& credentials() const noexcept { return *credentials_; }
    [[nodiscard]] bool accepted() const noexcept { return credentials_->is_server(); }
    [[nodiscard]] DtlsHost::Facts facts() const;
    [[nodiscard]] Octets resumption_data() const;
    [[nodiscard]] std::array<std::byte, 32> client_random() const;
    [[nodiscard]] DtlsFailure failure() const noexcept { return failure_; }
    [[nodiscard]] const std::string& reason() const noexcept { return reason_; }

    void psk_was_asked_for(bool known) noexcept {
        psk_asked_ = true;
        psk_known_ = known;
    }

    Endpoint peer;
    /// The address of ours that the peer writes to; a client knows it with the first answer.
    std::optional<Endpoint> local;

private:
    friend struct DtlsCallbacks;
    DtlsSession(DtlsCredentials::Shared credentials, DtlsWire& wire, const Endpoint& to);
    Step failed(int error);
    void fail(DtlsFailure failure, std::string reason, gnutls_alert_description_t alert);
    [[nodiscard]] bool judge_again();

    DtlsCredentials::Shared credentials_;
    DtlsWire& wire_;
    gnutls_session_t session_ = nullptr;
    Bytes record_;      // for GnuTLS to pull
    std::string name_;  // a client's, until hands are shaken
    std::string reason_;
    DtlsFailure failure_ = DtlsFailure::other;
    DtlsVerdict verdict_;
    bool resuming_ = false;
    bool refused_by_peer_ = false;
    bool all_but_finished_ = false;
    bool psk_asked_ = false;
    bool psk_known_ = false;
    bool keys_changed_ = false;  // the peer's ChangeCipherSpec came
    bool broken_ = false;
};

}  // namespace causeway::net
