#include "secure/edhoc_client.hpp"

#include <algorithm>
#include <cstdlib>

// The first octet says what the rest is: encodings; message_1 and message_3, or what their
// encryption hides, for a Responder; the same for an Initiator; requests at scripted times for the
// resource; responses for the client.
namespace causeway::secure {
namespace {

using crypto::Curve;
using crypto::Secret;

void require(bool claim) {
    if (!claim) std::abort();
}

Secret secret(int fill) {
    return Secret(Octets(32, static_cast<std::byte>(fill)));
}

EdhocIdentity identity(crypto::KeyType type, int n) {
    const Secret key = secret(n);
    const auto agreement = crypto::AgreementKey::generate(
        type == crypto::KeyType::p256 ? Curve::p256 : Curve::x25519, key.bytes());
    const auto signing =
        crypto::SigningKey::generate(crypto::SignatureScheme::ed25519, key.bytes());
    const Octets kid{static_cast<std::byte>(n)};
    const Octets claims =
        claims_of({.subject = "fuzz",
                   .kid = kid,
                   .type = type,
                   .key = type == crypto::KeyType::ed25519 ? signing.public_octets()
                                                           : agreement.public_octets()});
    auto credential = EdhocCredential::from_claims(claims);
    require(credential.has_value());
    auto own = EdhocIdentity::make(*credential, CredentialId::Kind::kid, key.bytes());
    require(own.has_value());
    return std::move(*own);
}

struct Both {
    EdhocConfig i;
    EdhocConfig r;
    Both() {
        int n = 1;
        for (const auto type :
             {crypto::KeyType::x25519, crypto::KeyType::ed25519, crypto::KeyType::p256}) {
            i.identities.push_back(identity(type, n));
            r.identities.push_back(identity(type, n + 10));
            require(i.peers.add(r.identities.back().credential));
            require(r.peers.add(i.identities.back().credential));
            ++n;
        }
        for (const std::int64_t suite : {0, 2}) {
            i.suites.push_back(suite);
            r.suites.push_back(suite);
        }
        i.message_4 = r.message_4 = true;
        i.ead_labels = r.ead_labels = {5};
    }
};
const Both& both() {
    static const Both configs;
    return configs;
}

std::uint8_t take(Bytes& data) {
    if (data.empty()) return 0;
    const auto octet = std::to_integer<std::uint8_t>(data[0]);
    data = data.subspan(1);
    return octet;
}

Bytes take_piece(Bytes& data) {
    const std::size_t size = std::min<std::size_t>(take(data), data.size());
    const Bytes piece = data.first(size);
    data = data.subspan(size);
    return piece;
}

/// What was understood says itself in the same octets: there is one encoding of everything.
void encodings(Bytes data) {
    if (const auto message = EdhocMessage1::parse(data)) require(same(message->encoded(), data));
    for (const bool with_c_r : {false, true})
        if (const auto plaintext = EdhocPlaintext::parse(data, with_c_r)) {
            require(same(plaintext->encoded(), data));
            (void)both().r.peers.find(plaintext->id_cred);
        }
    if (const auto content = read_edhoc_string(data)) require(same(edhoc_string(*content), data));
    if (const auto error = EdhocErrorMessage::parse(data)) {
        require(error->text.size() <= diagnostic_octets_max);
        require(EdhocErrorMessage::parse(error->encoded()).has_value());
    }
    if (const auto credential = EdhocCredential::from_claims(data)) {
        EdhocPeers peers;
        require(peers.add(*credential));
        require(!peers.find(CredentialId::of_claims(data)).empty());
    }
    (void)EdhocCredential::from_certificate(data);
}

/// Whoever fails says so once, and stays failed.
template <class T>
void check_failure(const std::expected<T, EdhocFailure>& answer) {
    if (answer || answer.error().reply.empty()) return;
    require(EdhocErrorMessage::parse(answer.error().reply).has_value());
}

void responder(Bytes data) {
    const bool own_message_1 = (take(data) & 1u) != 0;
    EdhocResponder r(both().r, {.c_r = ConnectionId(as_octets("r")), .randomness = secret(3)});
    if (!own_message_1) {
        const auto message_2 = r.on_message_1(take_piece(data));
        check_failure(message_2);
        check_failure(r.on_message_3(data));
        require(r.result() == nullptr);
        return;
    }
    // An Initiator that follows the standard up to what it says in message_3.
    const auto method = static_cast<std::int64_t>(take(data) % 4);
    EdhocInitiator i(
        both().i, {.method = method, .c_i = ConnectionId(as_octets("i")), .randomness = secret(4)});
    const Octets message_1 = i.message_1().value();
    const Octets content = read_edhoc_string(r.on_message_1(message_1).value()).value();
    const EdhocSuite& suite = *edhoc_suite(i.selected_suite());
    EdhocTranscript run{.suite = &suite, .method = method};
    run.message_1 = crypto::sha256(message_1);
    const auto x = crypto::AgreementKey::generate(suite.curve, secret(4).bytes());
    run.exchanged(Bytes(content).first(32), x.agree(Bytes(content).first(32)).value());
    const EdhocIdentity& own = *both().r.identity_for(suite, run.responder_signs());
    std::optional<Secret> g_rx;
    if (!run.responder_signs()) g_rx = x.agree(own.credential.key);
    run.prk_3e2m = run.prk_of_responder(g_rx);
    Octets text = to_octets(Bytes(content).subspan(32));
    run.cipher_2(text);
    run.said_2(text, own.credential.cred);
    const auto message_4 = r.on_message_3(edhoc_string(run.seal(3, data)));
    check_failure(message_4);
    if (!message_4) require(message_4.error().fault != EdhocFault::decryption);
    require(r.result() == nullptr);  // for that a MAC would have to be guessed
}

void initiator(Bytes data) {
    const bool hidden = (take(data) & 1u) != 0;
    EdhocInitiator i(
        both().i,
        {.method = take(data) % 4, .c_i = ConnectionId(as_octets("i")), .randomness = secret(4)});
    const Octets message_1 = i.message_1().value();
    if (hidden) {
        const EdhocSuite& suite = *edhoc_suite(i.selected_suite());
        EdhocTranscript run{.suite = &suite};
        run.message_1 = crypto::sha256(message_1);
        const auto y = crypto::AgreementKey::generate(suite.curve, secret(3).bytes());
        run.exchanged(y.coordinate(), y.agree(EdhocMessage1::parse(message_1)->g_x).value());
        Octets content = to_octets(y.coordinate());
        content.insert(content.end(), data.begin(), data.end());
        run.cipher_2(MutableBytes(content).subspan(32));
        check_failure(i.on_message_2(edhoc_string(content)));
    } else {
        check_failure(i.on_message_2(take_piece(data)));
        check_failure(i.on_message_4(data));
    }
    require(i.result() == nullptr);
}

coap::RequestArrived request_of(Octets payload, std::uint8_t host) {
    coap::RequestArrived request{.method = coap::Code::post, .payload = std::move(payload)};
    request.peer.address[15] = static_cast<std::byte>(host % 4);
    return request;
}

void resource(Bytes data) {
    constexpr EdhocResourceSettings settings{.runs_max = 3,
                                             .runs_per_address_max = 2,
                                             .run_lifetime = std::chrono::seconds(20),
                                             .identifiers_max = 5};
    EdhocResource at_r(both().r, settings, secret(9));
    Instant now{std::chrono::seconds(1)};
    int n = 0;
    for (int step = 0; step < 6 && !data.empty(); ++step) {
        const std::uint8_t what = take(data);
        const std::uint8_t host = take(data);
        if (what % 4 == 0) {  // somebody who means it, but for one octet
            EdhocClient client(
                both().i,
                {.method = what / 4 % 4, .c_i = ConnectionId(as_octets("i")), .seed = secret(++n)});
            const std::uint8_t bent = take(data);
            const std::uint8_t at = take(data);
            while (auto out = client.poll_output()) {
                auto* sent = std::get_if<coap::Request>(&*out);
                if (sent == nullptr) break;
                if (!sent->payload.empty())
                    sent->payload[at % sent->payload.size()] ^= static_cast<std::byte>(bent);
                const coap::Response answer =
                    at_r.handle(now, request_of(std::move(sent->payload), host));
                client.handle(now, coap::ResponseArrived{.code = answer.code,
                                                         .options = answer.options,
                                                         .payload = answer.payload});
            }
            require(client.over());
        } else if (what % 4 == 1) {
            now += std::chrono::seconds(host);
            at_r.handle_timeout(now);
            require(at_r.next_deadline() > now);
        } else {
            auto request = request_of(to_octets(take_piece(data)), host);
            if (what % 4 == 2) request.options.set_uint(coap::OptionNumber::content_format, host);
            (void)at_r.handle(now, request);
        }
        while (auto done = at_r.poll_output())
            if ((host & 1u) != 0) at_r.release(done->result.c_r.bytes());
        require(at_r.stats().balanced());
        require(at_r.stats().runs_waiting <= settings.runs_max);
    }
}

void client(Bytes data) {
    EdhocClient at_i(both().i, {.method = take(data) % 4, .seed = secret(5)});
    int requests = 0;
    for (;;) {
        while (auto out = at_i.poll_output())
            if (std::holds_alternative<coap::Request>(*out)) require(++requests < 12);
        if (at_i.over()) break;
        coap::ResponseArrived answer{.code = static_cast<coap::Code>(take(data))};
        if (const Bytes echo = take_piece(data); !echo.empty())
            answer.options.set(coap::OptionNumber::echo, echo);
        answer.payload = to_octets(take_piece(data));
        at_i.handle({}, std::move(answer));
    }
}

}  // namespace
}  // namespace causeway::secure

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
    using namespace causeway;
    Bytes data = std::as_bytes(std::span(octets, size));
    switch (secure::take(data) % 8) {
        case 0:
            secure::responder(data);
            break;
        case 1:
            secure::initiator(data);
            break;
        case 2:
            secure::resource(data);
            break;
        case 3:
            secure::client(data);
            break;
        default:  // half of the runs: by far the quickest
            secure::encodings(data);
            break;
    }
    return 0;
}
