#include "net/dtls_host.hpp"

#include <boost/asio/io_context.hpp>

#include <gnutls/crypto.h>

#include <algorithm>

namespace causeway::net {
namespace {

constexpr std::size_t ip_and_udp_octets = 48;  // IPv6
constexpr std::size_t flight_octets_min = 200;

/// One spelling of an address, whichever family of socket it came by: a session is found by it.
Endpoint plain(const Endpoint& endpoint) {
    const bool zoned = endpoint.v6 && endpoint.address[0] == std::byte{0xfe} &&
                       (endpoint.address[1] & std::byte{0xc0}) == std::byte{0x80};
    return Endpoint::from_octets16(endpoint.octets16(), endpoint.port, zoned ? endpoint.scope : 0);
}

/// SHA-256 of all that a client would prove or check: sessions of other credentials are not
/// resumed, and secrets are no keys of a table.
std::string digest_of(const DtlsClient& client) {
    gnutls_hash_hd_t hash = nullptr;
    if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) != 0) return {};
    const auto add = [&](Bytes octets) {
        const std::uint64_t size = octets.size();
        gnutls_hash(hash, &size, sizeof size);
        if (size != 0) gnutls_hash(hash, octets.data(), octets.size());
    };
    for (const std::string* text :
         {&client.psk_identity, &client.ca_file, &client.ca_folder, &client.certificate,
          &client.key, &client.raw_key, &client.server_name})
        add(as_octets(*text));
    add(client.psk);
    for (const std::string& pin : client.pinned_keys) add(as_octets(pin));
    const std::byte flags{static_cast<unsigned char>(client.insecure + 2 * client.resume)};
    add(Bytes(&flags, 1));
    std::string digest(32, '\0');
    gnutls_hash_deinit(hash, digest.data());
    return digest;
}

std::string name_of(const DtlsClient& client, const Endpoint& to) {
    if (!client.server_name.empty()) {
        const std::string& name = client.server_name;
        const bool bracketed = name.starts_with('[') && name.ends_with(']');
        return bracketed ? name.substr(1, name.size() - 2) : name;
    }
    Endpoint bare = to;
    bare.scope = 0;
    const std::string text = bare.text();
    const std::string address = text.substr(0, text.rfind(':'));
    return to.v6 ? address.substr(1, address.size() - 2) : address;
}

}  // namespace

DtlsHost::State::State(Io& on, UdpSocket bound, Options chosen, Events told_to)
    : io(on),
      socket(std::move(bound)),
      options(chosen),
      events(std::move(told_to)),
      buffer(record_octets_max + 1'024),
      timer(on) {}

DtlsHost::State::~State() {
    socket.hold();
    for (auto& [channel, session] : sessions)
        if (!session.handshake) session.dtls->goodbye();
    socket.release();
}

void DtlsHost::State::start() {
    socket.on_batch_end([this] {
        tell();
        arm();
    });
    socket.on_unreachable([this](const Endpoint& to) { unreachable(plain(to)); });
    socket.receive([this](const UdpSocket::Arrival& arrival) { datagram(arrival); });
}

std::optional<Trouble> DtlsHost::State::reload(const DtlsServer& settings) {
    auto made = DtlsCredentials::server(settings);
    if (!made) return std::move(made.error());
    // Tickets of the old ones are sealed with a key that goes with them.
    server = std::move(*made);
    return {};
}

void DtlsHost::State::send_datagram(const DtlsSession& session, Bytes octets) {
    socket.send(session.peer, octets, session.local ? &*session.local : nullptr);
}

void DtlsHost::State::datagram(const UdpSocket::Arrival& arrival) {
    ++stats.datagrams_received;
    const Endpoint from = plain(arrival.from);
    Bytes rest = arrival.octets;
    if (arrival.multicast || !next_record(rest)) {
        ++stats.malformed;
        return;
    }
    Session* const known = find(from);
    if (const auto hello = as_client_hello(arrival.octets)) {
        // The same ClientHello again is a flight that was repeated, not a new beginning.
        if (known == nullptr || !known->dtls->accepted() || known->hello_random != hello->random)
            return client_hello(from, plain(arrival.local), *hello, arrival.octets, known);
    }
    if (known == nullptr) {
        ++stats.unknown;
        return;
    }
    ++stats.for_sessions;
    if (!known->dtls->local) known->dtls->local = plain(arrival.local);
    feed(known->channel, arrival.octets);
}

void DtlsHost::State::client_hello(const Endpoint& from, const Endpoint& local,
                                   const DtlsHello& hello, Bytes octets, Session* known) {
    if (!server) {
        ++stats.hello_unwanted;
        return;
    }
    const Time now = Clock::Steady::now();
    const auto prestate = cookies.verify(now, from, hello, octets);
    if (!prestate) {
        // Nothing is remembered of who cannot be reached at the address it claims, and what is
        // sent there is shorter than what came. [RFC 6347 §4.2.1]
        ++(hello.has_cookie ? stats.cookie_bad : stats.cookies_sent);
        const Octets request = cookies.request(now, from, hello, octets);
        socket.send(from, request, &local);
        return;
    }
    // Both began at once: one ClientHello stands, and both sides know which.
    if (known != nullptr && known->handshake && !known->dtls->accepted() &&
        known->dtls->client_random() > hello.random) {
        ++stats.hello_unwanted;
        return;
    }
    if (accepting >= options.half_open_max || (known == nullptr && !make_room())) {
        ++stats.refused_full;
        return;
    }
    if (known != nullptr) {
        // [RFC 6347 §4.2.8]: "MUST NOT destroy the existing association until the client has
        // demonstrated reachability": it has.
        ++stats.replaced;
        if (known->handshake) ++stats.abandoned;
        if (!known->handshake || !known->dtls->accepted())
            tell_closed(known->channel,
                        Trouble{"the DTLS session with " + from.text() + " began anew", {}});
        remove(*known);
        tell();
        if (find(from) != nullptr) {  // somebody who was told connected at once
            ++stats.hello_unwanted;
            return;
        }
    }
    Session* const session = accept(from, local, hello, *prestate);
    if (session == nullptr) {
        ++stats.refused_full;
        return;
    }
    ++stats.accepted;
    feed(session->channel, octets);
}

auto DtlsHost::State::accept(const Endpoint& from, const Endpoint& local, const DtlsHello& hello,
                             const DtlsCookies::Prestate& prestate) -> Session* {
    auto dtls = DtlsSession::begin(server, *this, from, {}, timing());
    if (!dtls) return nullptr;
    (*dtls)->set_prestate(prestate);
    (*dtls)->local = local;
    Session& session = insert(std::move(*dtls));
    session.hello_random = hello.random;
    return &session;
}

DtlsSession::Timing DtlsHost::State::timing() const {
    return {.retransmit_after = options.retransmit_after,
            .handshake_within = options.handshake_within,
            .tickets_last = options.tickets_last,
            .datagram_octets_max =
                std::max(options.mtu, flight_octets_min + ip_and_udp_octets) - ip_and_udp_octets};
}

std::expected<std::uint32_t, Trouble> DtlsHost::State::connect(const Endpoint& where,
                                                               const DtlsClient& as) {
    const Endpoint to = plain(where);
    const auto cannot = [&](const std::string& why) {
        return std::unexpected(
            Trouble{"cannot open a DTLS session with " + to.text() + ": " + why, {}});
    };
    if (find(to) != nullptr) return cannot("there is one already");
    if (to.v6 != socket.local().v6 && !options.dual_stack)
        return cannot("our socket is of the other family");
    const std::string digest = digest_of(as);
    DtlsCredentials::Shared& credentials = clients[digest];
    if (!credentials) {
        auto made = DtlsCredentials::client(as);
        if (!made) {
            clients.erase(digest);
            return cannot(made.error().line);
        }
        // A few sets of credentials are the rule. Sessions hold on to theirs.
        const DtlsCredentials::Shared kept = std::move(*made);
        if (clients.size() > client_credentials_max) clients.clear();
        clients[digest] = kept;
        return begin(to, as, kept, digest);
    }
    return begin(to, as, credentials, digest);
}

std::expected<std::uint32_t, Trouble> DtlsHost::State::begin(const Endpoint& to,
                                                             const DtlsClient& as,
                                                             DtlsCredentials::Shared credentials,
                                                             const std::string& digest) {
    if (!make_room())
        return std::unexpected(
            Trouble{"cannot open a DTLS session with " + to.text() + ": there are too many", {}});
    auto dtls = DtlsSession::begin(std::move(credentials), *this, to, name_of(as, to), timing());
    if (!dtls) return std::unexpected(std::move(dtls.error()));
    Session& session = insert(std::move(*dtls));
    const std::uint32_t channel = session.channel;
    if (as.resume) {
        session.handshake->resumable_as = digest + to.text();
        if (const auto found = resumable.find(session.handshake->resumable_as);
            found != resumable.end())
            session.dtls->try_to_resume(found->second);
    }
    shake(session, nullptr);
    arm();
    return channel;
}

void DtlsHost::State::feed(std::uint32_t channel, Bytes octets) {
    while (const auto record = next_record(octets)) {
        Session* const session = find(channel);
        if (session == nullptr) return;  // by what came before it
        ++stats.records_received;
        if (session->handshake)
            shake(*session, &*record);
        else
            take(*session, *record);
    }
}

void DtlsHost::State::shake(Session& session, const DtlsRecord* record) {
    if (record != nullptr && record->content == DtlsContent::application_data) {
        ++stats.records_bad;  // before the Finished that it came after: the peer will repeat it
        return;
    }
    bool wrong = false;
    const auto step =
        record != nullptr
            ? session.dtls->shake_hands(record->whole, record->content, record->epoch, wrong)
            : session.dtls->shake_hands({}, DtlsContent::handshake, 0, wrong);
    if (record != nullptr) {
        if (wrong)
            ++stats.records_bad;
        else if (record->content == DtlsContent::alert)
            ++stats.alerts;
        else
            ++stats.records_handshake;
        if (!wrong && record->epoch == 1) session.window.mark(record->sequence);
    }
    switch (step) {
        case DtlsSession::Step::open:
            return has_opened(session);
        case DtlsSession::Step::going:
            return set_flight(session);
        case DtlsSession::Step::ended:
        case DtlsSession::Step::failed:
            return has_failed(session);
    }
}

void DtlsHost::State::has_opened(Session& session) {
    const std::deque<Octets> queued = std::move(session.handshake->queued);
    const std::string resumable_as = std::move(session.handshake->resumable_as);
    stop_shaking(session);
    ++stats.opened;
    ++stats.sessions;
    session.last = Clock::Steady::now();
    session.place = quiet.insert(quiet.end(), session.channel);
    const Facts facts = session.dtls->facts();
    if (facts.resumed) ++stats.resumed;
    if (!resumable_as.empty()) remember(resumable_as, session.dtls->resumption_data());
    session.dtls->settle();
    const std::uint32_t channel = session.channel;
    for (const Octets& octets : queued) send(channel, octets);
    told = true;
    events.opened(channel, facts);
}

void DtlsHost::State::remember(const std::string& as, Octets data) {
    if (data.empty() || options.resumable_max == 0) return;
    if (!resumable.contains(as)) {
        resumable_order.push_back(as);
        if (resumable_order.size() > options.resumable_max) {
            resumable.erase(resumable_order.front());
            resumable_order.pop_front();
        }
    }
    resumable[as] = std::move(data);
}

void DtlsHost::State::forget(const std::string& as) {
    if (resumable.erase(as) != 0) std::erase(resumable_order, as);
}

void DtlsHost::State::has_failed(Session& session) {
    if (session.dtls->may_do_without_ticket()) {
        // There are servers that refuse what they cannot resume, instead of going on in full.
        forget(session.handshake->resumable_as);
        if (auto again = session.dtls->without_ticket(timing())) {
            session.dtls = std::move(*again);
            return shake(session, nullptr);
        }
    }
    switch (session.dtls->failure()) {
        case DtlsFailure::wrong_key:
            ++stats.wrong_key;
            break;
        case DtlsFailure::certificate:
            ++stats.certificate_refused;
            break;
        case DtlsFailure::raw_key:
            ++stats.key_refused;
            break;
        case DtlsFailure::other:
            ++stats.handshake_failed;
            break;
    }
    end_handshake(session, session.dtls->reason());
}

void DtlsHost::State::end_handshake(Session& session, const std::string& reason) {
    const Endpoint peer = session.dtls->peer;
    Trouble trouble{"cannot open a DTLS session with " + peer.text() + ": " + reason, {}};
    forget(session.handshake->resumable_as);
    const bool accepted = session.dtls->accepted();
    const std::uint32_t channel = session.channel;
    remove(session);
    if (!accepted)
        tell_closed(channel, std::move(trouble));
    else if (events.refused)
        events.refused(peer, trouble);
}

void DtlsHost::State::unreachable(const Endpoint& to) {
    Session* const session = find(to);
    // Anybody may say so: what is open outlives it, and ends when nothing is heard any more.
    if (session == nullptr || !session->handshake || session->dtls->accepted()) return;
    ++stats.unreachable;
    end_handshake(*session, "nobody listens there");
}

void DtlsHost::State::take(Session& session, const DtlsRecord& record) {
    // There is one epoch without renegotiation; in epoch 0 anybody may say anything.
    if (record.epoch != 1) {
        ++stats.records_bad;
        return;
    }
    if (session.window.seen(record.sequence)) {
        ++stats.records_replayed;
        return;
    }
    auto taken = DtlsSession::Taken::other;
    Bytes octets;
    const auto step = session.dtls->take(record.whole, buffer, taken, octets);
    if (taken == DtlsSession::Taken::bad) {
        ++stats.records_bad;
        return;
    }
    session.window.mark(record.sequence);
    touch(session);
    const std::uint32_t channel = session.channel;
    if (record.content == DtlsContent::application_data) {
        ++stats.records;
        if (taken != DtlsSession::Taken::data) return;
        told = true;
        return events.received(channel, octets);
    }
    ++(record.content == DtlsContent::alert ? stats.alerts : stats.records_handshake);
    if (step == DtlsSession::Step::open || step == DtlsSession::Step::going) return;
    std::optional<Trouble> trouble;
    if (step == DtlsSession::Step::failed)
        trouble = Trouble{"the DTLS session with " + session.dtls->peer.text() +
                              " ended: " + session.dtls->reason(),
                          {}};
    session.dtls->goodbye();  // [RFC 5246 §7.2.1]: a close_notify is answered with one
    remove(session);
    tell_closed(channel, std::move(trouble));
}

bool DtlsHost::State::send(std::uint32_t channel, Bytes octets) {
    Session* const session = find(channel);
    bool good = session != nullptr;
    if (good && session->handshake) {
        auto& queued = session->handshake->queued;
        good = queued.size() < options.records_queued_max && octets.size() <= record_octets_max;
        if (good) {
            queued.push_back(to_octets(octets));
            return true;
        }
    }
    good = good && session->dtls->write(octets);
    ++(good ? stats.sent : stats.send_refused);
    return good;
}

void DtlsHost::State::close(std::uint32_t channel) {
    Session* const session = find(channel);
    if (session == nullptr) return;
    if (session->handshake) ++stats.abandoned;
    session->dtls->goodbye();
    remove(*session);
}

}  // namespace causeway::net
