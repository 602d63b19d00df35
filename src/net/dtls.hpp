#pragma once
// DTLS 1.2 for CoAP: many sessions on one UDP socket, as server and as client at once, over GnuTLS.
// [RFC 6347; RFC 7252 §9; RFC 7925]
//
// Pre-shared keys, raw public keys with pinning [RFC 7250] and certificates; CCM_8 suites first,
// CCM and GCM for peers that have no CCM_8, nothing but AEAD (so no encrypt-then-mac, which this
// profile forbids) [RFC 7925 §13]; a cookie before any state [RFC 6347 §4.2.1]; replayed records
// dropped [RFC 6347 §4.1.2.6]; the extended master secret [RFC 7627], resumption by tickets
// [RFC 5077], server names, no renegotiation [RFC 7925 §17]. One datagram sent is one record.
//
// Leaves out: connection ids [RFC 9146] (GnuTLS 3.7 has none: a peer whose address changes has to
// shake hands again), DTLS 1.0 and 1.3, cached_info, revocation [RFC 7925 §4.4.3], session ids
// without tickets, ClientHellos in fragments.
#include "base/bytes.hpp"
#include "net/endpoint.hpp"
#include "net/io.hpp"
#include "net/trouble.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace causeway::net {

/// At least one of certificate, psk_file and raw_key.
struct DtlsServer {
    std::string certificate;  // PEM files; chain
    std::string key;
    std::string client_ca;                     // empty: client certificates are not asked for
    bool client_certificate_required = false;  // or a raw public key
    std::string psk_file;                      // lines "identity:hexkey"; empty: no PSK
    std::string psk_hint;
    std::string raw_key;  // PEM private key whose public half is offered as it is
    /// Raw public keys of clients that are let in: PEM files of public keys, or "sha256:" and the
    /// digest of the SubjectPublicKeyInfo in hex, whole or its first 120 bits
    /// [RFC 7252 §9.1.3.2.1]. Clients whose key is not here are refused; those without a key, if
    /// one is required.
    std::vector<std::string> pinned_keys;
};

/// Either a PSK, or what the server is known by: pinned keys, or certificates of authorities.
struct DtlsClient {
    std::string psk_identity;
    Octets psk;
    std::string ca_file;  // empty: the system's
    std::string ca_folder;
    std::string certificate;  // of ours
    std::string key;
    std::string raw_key;                   // PEM private key of ours
    std::vector<std::string> pinned_keys;  // of servers, as DtlsServer has them
    /// The name of a server's certificate is not checked; without pinned_keys, nor its raw key.
    bool insecure = false;
    std::string server_name;  // SNI and the name to check; empty: the address
    bool resume = true;
};

class DtlsHost {
public:
    /// Of channels, which begin at 1.
    static constexpr std::uint32_t channel_max = (1u << 27) - 1;

    struct Options {
        /// Beyond it, the session that was silent longest makes room.
        std::uint32_t sessions_max = 20'000;
        /// Handshakes of clients under way; more are refused and counted.
        std::uint32_t half_open_max = 1'000;
        std::chrono::milliseconds handshake_within{60'000};
        /// Until a flight is sent again, doubled each time. [RFC 7925 §11] wants 9 s where the
        /// network is slow, [RFC 6347 §4.2.4.1] 1 s.
        std::chrono::milliseconds retransmit_after{1'000};
        /// A session without authentic traffic goes; zero: never.
        std::chrono::milliseconds idle_after{24 * 3'600'000};
        /// Octets of an IP packet that a flight's datagrams have to fit in.
        std::size_t mtu = 1'280;
        /// That wait for a handshake to end, a session; more are dropped and counted.
        std::size_t records_queued_max = 16;
        /// Sessions of ours that are remembered for resumption; the oldest goes.
        std::size_t resumable_max = 256;
        /// How long a client of ours may resume without proving itself anew.
        std::chrono::seconds tickets_last{3'600};
        /// [::]:port takes IPv4 too.
        bool dual_stack = false;
        std::size_t kernel_buffer_octets = 0;
    };
    /// What the handshake proved.
    struct Facts {
        Endpoint peer;
        bool accepted = false;  // we are the server
        std::optional<std::string> psk_identity;
        std::optional<std::string> certificate_name;  // common name of the verified certificate
        std::optional<std::string> raw_key_sha256;    // hex, of the SubjectPublicKeyInfo
        std::string cipher_suite;                     // "TLS_PSK_WITH_AES_128_CCM_8"
        bool resumed = false;
    };
    /// All on the Io's thread. They may call the host, but must not destroy it.
    struct Events {
        std::function<void(std::uint32_t channel, const Facts&)> opened;
        std::function<void(std::uint32_t channel, Bytes)> received;  // borrowed for the call
        /// A session that had opened, or that connect() began. Null: the peer said goodbye, or it
        /// was idle.
        std::function<void(std::uint32_t channel, const Trouble*)> closed;
        /// After a batch of the above.
        std::function<void()> batch;
        /// A client whose handshake, cookie proven, came to nothing. May be empty.
        std::function<void(const Endpoint& peer, const Trouble&)> refused;
    };
    struct Stats {
        // Where every datagram went:
        std::uint64_t datagrams_received = 0;
        std::uint64_t malformed = 0;       // no DTLS 1.x record
        std::uint64_t unknown = 0;         // no session with its source, and not a ClientHello
        std::uint64_t hello_unwanted = 0;  // a ClientHello, and we are no server, or busy with it
        std::uint64_t cookies_sent = 0;    // a ClientHello without a cookie
        std::uint64_t cookie_bad = 0;      // one whose cookie is not ours; answered with a new one
        std::uint64_t refused_full = 0;    // half_open_max; its cookie was good
        std::uint64_t accepted = 0;        // a handshake began
        std::uint64_t for_sessions = 0;
        // Where every handshake went:
        std::uint64_t handshakes_started = 0;  // accepted, and those that connect() began
        std::uint64_t opened = 0;
        std::uint64_t wrong_key = 0;            // PSK or its identity
        std::uint64_t certificate_refused = 0;  // by us or by the peer
        std::uint64_t key_refused = 0;          // a raw public key that is not pinned, by either
        std::uint64_t handshake_failed = 0;     // anything else
        std::uint64_t handshake_late = 0;       // handshake_within
        std::uint64_t unreachable = 0;          // ICMP said so
        std::uint64_t abandoned = 0;            // closed by us, replaced by a new ClientHello
        std::uint64_t half_open = 0;            // under way now
        // Where every record of a session went:
        std::uint64_t records_received = 0;
        std::uint64_t records = 0;            // application data, handed on
        std::uint64_t records_handshake = 0;  // handshake messages and ChangeCipherSpec
        std::uint64_t records_bad = 0;        // not to be decrypted, of another epoch, too early
        std::uint64_t records_replayed = 0;
        std::uint64_t alerts = 0;
        // Besides:
        std::uint64_t resumed = 0;       // of opened
        std::uint64_t replaced = 0;      // sessions whose peer began anew
        std::uint64_t idle = 0;          // sessions dropped for idle_after
        std::uint64_t evicted = 0;       // sessions dropped for sessions_max
        std::uint64_t sent = 0;          // records of application data
        std::uint64_t send_refused = 0;  // no such session, queue full, too long
        std::uint64_t sessions = 0;      // now, open ones

        template <class Named>
        void visit(Named&& named) const {
            named("datagrams_received", datagrams_received);
            named("malformed", malformed);
            named("unknown", unknown);
            named("hello_unwanted", hello_unwanted);
            named("cookies_sent", cookies_sent);
            named("cookie_bad", cookie_bad);
            named("refused_full", refused_full);
            named("accepted", accepted);
            named("for_sessions", for_sessions);
            named("handshakes_started", handshakes_started);
            named("opened", opened);
            named("wrong_key", wrong_key);
            named("certificate_refused", certificate_refused);
            named("key_refused", key_refused);
            named("handshake_failed", handshake_failed);
            named("handshake_late", handshake_late);
            named("unreachable", unreachable);
            named("abandoned", abandoned);
            named("half_open", half_open);
            named("records_received", records_received);
            named("records", records);
            named("records_handshake", records_handshake);
            named("records_bad", records_bad);
            named("records_replayed", records_replayed);
            named("alerts", alerts);
            named("resumed", resumed);
            named("replaced", replaced);
            named("idle", idle);
            named("evicted", evicted);
            named("sent", sent);
            named("send_refused", send_refused);
            named("sessions", sessions);
        }
        [[nodiscard]] bool balanced() const noexcept {
            return datagrams_received == malformed + unknown + hello_unwanted + cookies_sent +
                                             cookie_bad + refused_full + accepted + for_sessions &&
                   handshakes_started == opened + wrong_key + certificate_refused + key_refused +
                                             handshake_failed + handshake_late + unreachable +
                                             abandoned + half_open &&
                   records_received ==
                       records + records_handshake + records_bad + records_replayed + alerts;
        }
        Stats& operator+=(const Stats& other) noexcept;
    };

    /// Without a server, it is a client only. Port 0 takes any that is free.
    [[nodiscard]] static Opened<DtlsHost> open(Io& io, const Endpoint& local,
                                               std::optional<DtlsServer> server, Options options,
                                               Events events);
    DtlsHost(DtlsHost&&) noexcept;
    DtlsHost& operator=(DtlsHost&&) noexcept;
    /// Says goodbye to every peer. No event follows.
    ~DtlsHost();

    /// Begins a session; its channel, never 0, nor given again soon. Ends in opened, or in closed
    /// with a trouble, never before this returns. There is one session with an address at a time.
    [[nodiscard]] std::expected<std::uint32_t, Trouble> connect(const Endpoint& to,
                                                                const DtlsClient& as);
    /// One record; waits for the handshake to end, if it has to. False when it was dropped.
    bool send(std::uint32_t channel, Bytes octets);
    /// With close_notify. No event follows.
    void close(std::uint32_t channel);
    /// Credentials for the next handshakes, which all are full ones; on trouble the old ones stay.
    [[nodiscard]] std::optional<Trouble> reload(const DtlsServer& server);

    [[nodiscard]] const Endpoint& local() const noexcept;
    [[nodiscard]] const Stats& stats() const noexcept;

private:
    struct State;
    explicit DtlsHost(std::unique_ptr<State> state) noexcept;
    std::unique_ptr<State> state_;
};

}  // namespace causeway::net
