// DTLS sessions of many endpoints, all held at once: what a session costs a server, and what
// requests over them do. GnuTLS as it is, with nothing of ours above it.
#include "base/repr.hpp"
#include "coap_bench_load.hpp"
#include "net/signals.hpp"

#include <fmt/format.h>
#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <memory>

namespace causeway::cli {
namespace {

constexpr const char* priorities =
    "NORMAL:-VERS-ALL:+VERS-DTLS1.2:-KX-ALL:+PSK:+ECDHE-PSK:-CIPHER-ALL:+AES-128-CCM-8:"
    "+AES-128-CCM:+AES-128-GCM";
constexpr std::int64_t look_every_ns = 100'000'000;

struct FreeSession {
    void operator()(gnutls_session_t session) const { gnutls_deinit(session); }
};
struct FreeCredentials {
    void operator()(gnutls_psk_client_credentials_t c) const {
        gnutls_psk_free_client_credentials(c);
    }
};

struct Session {
    enum class Step : std::uint8_t { absent, shaking, asking, ready, failed };

    std::unique_ptr<gnutls_session_int, FreeSession> tls;
    BenchSockets* sockets = nullptr;
    std::uint32_t endpoint = 0;
    Step step = Step::absent;
    std::deque<Octets> arrived;
    std::int64_t asked_ns = 0;
    std::uint16_t id = 0;
    bool waiting = false;  // for a response

    static ssize_t push(gnutls_transport_ptr_t at, const void* octets, std::size_t size) {
        auto& session = *static_cast<Session*>(at);
        if (size > BenchSockets::datagram_octets_max) {
            errno = EMSGSIZE;
            return -1;
        }
        std::memcpy(session.sockets->add(session.endpoint, size).data(), octets, size);
        return static_cast<ssize_t>(size);
    }
    static ssize_t pull(gnutls_transport_ptr_t at, void* octets, std::size_t size) {
        auto& session = *static_cast<Session*>(at);
        if (session.arrived.empty()) {
            gnutls_transport_set_errno(session.tls.get(), EAGAIN);
            return -1;
        }
        const Octets datagram = std::move(session.arrived.front());
        session.arrived.pop_front();
        const std::size_t taken = std::min(size, datagram.size());
        std::memcpy(octets, datagram.data(), taken);
        return static_cast<ssize_t>(taken);
    }
    static int pull_timeout(gnutls_transport_ptr_t at, unsigned) {
        return static_cast<Session*>(at)->arrived.empty() ? 0 : 1;
    }
};

class Sessions {
public:
    Sessions(const CoapBenchPlan& plan, BenchSockets sockets)
        : plan_(plan), sockets_(std::move(sockets)), sessions_(plan.sessions) {
        gnutls_psk_client_credentials_t credentials = nullptr;
        gnutls_psk_allocate_client_credentials(&credentials);
        credentials_.reset(credentials);
        const gnutls_datum_t key{
            reinterpret_cast<unsigned char*>(const_cast<std::byte*>(plan.psk.data())),
            static_cast<unsigned>(plan.psk.size())};
        gnutls_psk_set_client_credentials(credentials, plan.psk_identity.c_str(), &key,
                                          GNUTLS_PSK_KEY_RAW);
    }

    std::expected<CoapBenchReport, std::string> run() {
        report_.endpoints = plan_.sessions;
        report_.window = plan_.window;
        const auto before = server();
        if (before) report_.server_resident_before = before->resident_octets;
        const std::int64_t began = bench_now_ns();
        open_all();
        report_.meeting_seconds = static_cast<double>(bench_now_ns() - began) / 1e9;
        report_.met = open_;
        if (open_ == 0)
            return std::unexpected(why_.empty() ? std::string("no session came about") : why_);
        if (const auto use = server()) report_.server_resident_after = use->resident_octets;
        measure();
        report_.unsent = sockets_.refused();
        return std::move(report_);
    }

private:
    [[nodiscard]] std::optional<ProcessUse> server() const {
        return plan_.server_pid != 0 ? ProcessUse::of(plan_.server_pid) : std::nullopt;
    }

    void open_all() {
        std::uint32_t next = 0;
        std::int64_t looked = bench_now_ns();
        while (over_ < plan_.sessions && !bench_interrupted()) {
            for (; next < plan_.sessions && next - over_ < plan_.window; ++next) begin(next);
            listen();
            if (bench_now_ns() - looked < look_every_ns) continue;
            looked = bench_now_ns();
            for (std::uint32_t i = 0; i < next; ++i)
                if (sessions_[i].step == Session::Step::shaking ||
                    sessions_[i].step == Session::Step::asking)
                    go_on(sessions_[i]);
        }
    }

    void begin(std::uint32_t endpoint) {
        Session& session = sessions_[endpoint];
        session.sockets = &sockets_;
        session.endpoint = endpoint;
        gnutls_session_t tls = nullptr;
        gnutls_init(&tls, GNUTLS_CLIENT | GNUTLS_DATAGRAM | GNUTLS_NONBLOCK | GNUTLS_NO_TICKETS);
        session.tls.reset(tls);
        gnutls_priority_set_direct(tls, priorities, nullptr);
        gnutls_credentials_set(tls, GNUTLS_CRD_PSK, credentials_.get());
        gnutls_transport_set_ptr(tls, &session);
        gnutls_transport_set_push_function(tls, &Session::push);
        gnutls_transport_set_pull_function(tls, &Session::pull);
        gnutls_transport_set_pull_timeout_function(tls, &Session::pull_timeout);
        gnutls_dtls_set_timeouts(tls, 1'000, 30'000);
        gnutls_dtls_set_mtu(tls, 1'280);
        session.step = Session::Step::shaking;
        go_on(session);
    }

    void go_on(Session& session) {
        switch (session.step) {
            case Session::Step::shaking: {
                const int came = gnutls_handshake(session.tls.get());
                if (came == GNUTLS_E_SUCCESS) {
                    session.step = Session::Step::asking;
                    return ask(session);
                }
                if (gnutls_error_is_fatal(came) == 0) return;
                why_ = fmt::format("a handshake failed: {}", gnutls_strerror(came));
                session.step = Session::Step::failed;
                ++over_;
                return;
            }
            case Session::Step::asking:
                if (bench_now_ns() - session.asked_ns > 1'000'000'000) ask(session);
                [[fallthrough]];
            case Session::Step::ready:
                return hear(session);
            case Session::Step::absent:
            case Session::Step::failed:
                return;
        }
    }

    void ask(Session& session) {
        coap::Message request = plan_.request;
        request.id = ++session.id;
        Octets token(bench_token_octets);
        ByteWriter(token).be32(session.endpoint);
        request.token = coap::Token(token);
        Octets octets(request.wire_size());
        ByteWriter out(octets);
        request.emit(out);
        session.asked_ns = bench_now_ns();
        session.waiting = true;
        gnutls_record_send(session.tls.get(), octets.data(), octets.size());
    }

    void hear(Session& session) {
        std::array<std::byte, BenchSockets::datagram_octets_max> buffer;
        for (;;) {
            const ssize_t n = gnutls_record_recv(session.tls.get(), buffer.data(), buffer.size());
            if (n <= 0) {
                // Goodbye, or trouble: either way the server does not hold it.
                if (n == 0 || gnutls_error_is_fatal(static_cast<int>(n)) != 0) lose(session);
                return;
            }
            const auto header = BenchHeader::of(Bytes(buffer).first(static_cast<std::size_t>(n)));
            if (header && header->code != coap::Code::empty) answered(session, *header);
        }
    }

    void answered(Session& session, const BenchHeader& header) {
        if (header.type == coap::Type::confirmable) {
            std::array<std::byte, coap::Message::header_octets> ack;
            bench_acknowledge(header, ack);
            gnutls_record_send(session.tls.get(), ack.data(), ack.size());
        }
        if (!std::exchange(session.waiting, false)) return;
        if (session.step == Session::Step::asking) {
            session.step = Session::Step::ready;
            ++open_;
            ++over_;
            return;
        }
        --under_way_;
        ++(coap::is_success(header.code) ? report_.answered : report_.refused);
        report_.latency.count(bench_now_ns() - session.asked_ns);
    }

    void lose(Session& session) {
        if (session.step == Session::Step::asking) ++over_;
        if (session.step == Session::Step::ready) --open_;
        if (std::exchange(session.waiting, false) && under_way_ > 0) --under_way_;
        session.step = Session::Step::failed;
    }

    /// Requests over all of them in turn, at most one at a time each.
    void measure() {
        const auto before = server();
        const double cpu_before = own_cpu_s();
        const std::int64_t began = bench_now_ns();
        const std::int64_t end = began + static_cast<std::int64_t>(plan_.seconds * 1e9);
        std::uint32_t next = 0;
        while (bench_now_ns() < end && !bench_interrupted()) {
            for (std::uint32_t tried = 0; tried < sessions_.size() && under_way_ < plan_.window;
                 ++tried) {
                Session& session = sessions_[next];
                next = next + 1 == sessions_.size() ? 0 : next + 1;
                if (session.step != Session::Step::ready || session.waiting) continue;
                ask(session);
                ++under_way_;
            }
            listen();
        }
        report_.seconds = static_cast<double>(bench_now_ns() - began) / 1e9;
        report_.generator_cpu_s = own_cpu_s() - cpu_before;
        if (const auto after = server(); after && before)
            report_.server_cpu_s = after->cpu_s - before->cpu_s;
        const std::int64_t patience = static_cast<std::int64_t>(plan_.patience_seconds * 1e9);
        while (under_way_ > 0 && bench_now_ns() < end + patience && !bench_interrupted()) listen();
        report_.lost = under_way_;
        report_.missed = plan_.sessions - open_;
    }

    void listen() {
        sockets_.flush();
        const bool any = sockets_.receive([this](std::uint32_t endpoint, Bytes datagram) {
            if (endpoint >= sessions_.size() || sessions_[endpoint].step == Session::Step::absent ||
                sessions_[endpoint].step == Session::Step::failed)
                return;
            sessions_[endpoint].arrived.push_back(to_octets(datagram));
            go_on(sessions_[endpoint]);
        });
        if (!any) sockets_.wait(std::chrono::microseconds(500));
    }

    const CoapBenchPlan& plan_;
    BenchSockets sockets_;
    std::unique_ptr<gnutls_psk_client_credentials_st, FreeCredentials> credentials_;
    std::vector<Session> sessions_;
    std::uint32_t open_ = 0;
    std::uint32_t over_ = 0;  // open or failed
    std::uint32_t under_way_ = 0;
    std::string why_;
    CoapBenchReport report_;
};

}  // namespace

std::expected<CoapBenchReport, std::string> run_coap_sessions(const CoapBenchPlan& plan) {
    auto sockets = BenchSockets::open(plan.target, plan.sessions);
    if (!sockets) return std::unexpected(sockets.error());
    const net::Signals signals;
    Sessions sessions(plan, *std::move(sockets));
    return sessions.run();
}

}  // namespace causeway::cli
