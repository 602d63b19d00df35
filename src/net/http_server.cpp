#include "net/http_server.hpp"

#include "base/tap.hpp"
#include "net/http_server_state.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <exception>

namespace causeway::net {

static_assert(Stats<HttpServer::Stats>);

namespace {

namespace http = boost::beast::http;

constexpr std::string_view bearer = "Bearer ";

std::array<unsigned char, 32> digest_of(std::string_view text) {
    std::array<unsigned char, 32> digest{};
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
    return digest;
}

const std::string* find_in(const std::vector<std::pair<std::string, std::string>>& in,
                           std::string_view name, bool any_case) {
    for (const auto& [key, value] : in)
        if (any_case ? boost::beast::iequals(key, name) : key == name) return &value;
    return nullptr;
}

}  // namespace

const std::string* HttpRequest::header(std::string_view name) const {
    return find_in(headers, name, true);
}
const std::string* HttpRequest::query(std::string_view name) const {
    return find_in(target.query, name, false);
}

struct HttpServer::State::Parser : http::request_parser<http::string_body> {};

HttpServer::State::State(Io& io, Handler asked, LaterHandler asked_later, Options chosen)
    : handler(std::move(asked)),
      later(std::move(asked_later)),
      options(std::move(chosen)),
      timer(io),
      host(io, {.workers = 0, .read_octets = 64 << 10},
           {.opened = [this](StreamId id, const StreamFacts& facts) { opened(id, facts); },
            .received = [this](StreamId id, Bytes octets) { received(id, octets); },
            .drained = [this](StreamId id, std::size_t octets) { drained(id, octets); },
            .closed = [this](StreamId id, const Trouble*) { forget(id); },
            .batch = {},
            .refused = {}}) {
    set_token(options.bearer_token);
}

/// Replies that are kept find nobody any more.
HttpServer::State::~State() {
    for (const auto& [id, connection] : connections) let_go(connection.link);
}

void HttpServer::State::set_token(const std::string& token) {
    token_wanted.reset();
    if (!token.empty()) token_wanted = digest_of(token);
}

// ---- connections -------------------------------------------------------------------------------

HttpServer::State::Connection* HttpServer::State::find(StreamId id) {
    const auto found = connections.find(id);
    return found == connections.end() ? nullptr : &found->second;
}

void HttpServer::State::opened(StreamId id, const StreamFacts& facts) {
    Connection& connection = connections[id];
    connection.peer = facts.peer;
    begin(connection);
    arm();
}

void HttpServer::State::begin(Connection& connection) {
    connection.parser = std::make_shared<Parser>();
    connection.parser->body_limit(options.body_octets_max);
    connection.parser->header_limit(static_cast<std::uint32_t>(options.header_octets_max));
    connection.begun = connection.continued = false;
    connection.due = Steady::now() + options.within;
}

/// It is no more; whoever would have answered is told.
void HttpServer::State::forget(StreamId id) {
    const auto found = connections.find(id);
    if (found == connections.end()) return;
    if (found->second.begun) ++stats.broken_off;
    const auto link = std::move(found->second.link);
    connections.erase(found);
    if (!link) return;
    let_go(link);
    if (const auto told = std::exchange(link->on_gone, nullptr)) told();
}

void HttpServer::State::close(StreamId id, bool at_once) {
    connections.erase(id);
    host.close(id, at_once);
}

/// Looks once a second at most, while there is anybody.
void HttpServer::State::arm() {
    if (armed || connections.empty()) return;
    armed = true;
    const auto shortest = std::min({options.within, options.answer_within, options.stream_idle});
    timer.expires_after(std::min<std::chrono::milliseconds>(
        shortest / 2 + std::chrono::milliseconds(1), std::chrono::seconds(1)));
    timer.async_wait([this, living = std::weak_ptr<const char>(alive)](
                         const boost::system::error_code& superseded) {
        if (superseded || living.expired()) return;
        armed = false;
        expire();
        arm();
    });
}

void HttpServer::State::expire() {
    const auto now = Steady::now();
    std::vector<StreamId> late;
    for (const auto& [id, connection] : connections)
        if (connection.due <= now || (connection.streaming && connection.idle_until <= now))
            late.push_back(id);
    for (const StreamId id : late)
        if (Connection* const connection = find(id)) expire(id, *connection, now);
}

void HttpServer::State::expire(StreamId id, Connection& connection, Steady::time_point now) {
    if (connection.unsent != 0 && connection.due <= now) {
        ++stats.unread;
        if (std::exchange(connection.begun, false)) ++stats.late;
        forget(id);
        host.close(id, true);
    } else if (connection.streaming) {
        if (connection.unsent == 0) connection.due = now + options.within;
        if (connection.idle_until > now) return;
        connection.idle_until = now + options.stream_idle;
        say(id, connection, ":\n\n");
    } else if (connection.awaiting()) {
        ++stats.unanswered;
        const auto link = connection.link;
        finish(id, http_failure(504, "nobody answered in time"));
        if (const auto told = std::exchange(link->on_gone, nullptr)) told();
    } else if (connection.begun) {
        refuse(id, connection, 408, "the request took too long", stats.late);
    } else {
        close(id);
    }
}

void HttpServer::State::received(StreamId id, Bytes octets) {
    Connection* const connection = find(id);
    if (connection == nullptr || connection->streaming) return;
    connection->in += as_text(octets);
    take_requests(id);
}

void HttpServer::State::drained(StreamId id, std::size_t octets) {
    Connection* const connection = find(id);
    if (connection == nullptr) return;
    const bool held = connection->unsent > unsent_octets_max;
    connection->unsent -= std::min(octets, connection->unsent);
    if (!connection->awaiting()) connection->due = Steady::now() + options.within;
    if (held && connection->unsent <= unsent_octets_max) take_requests(id);
}

/// Reads no more than there is use for.
void HttpServer::State::hold_or_go_on(StreamId id, Connection& connection) {
    const bool hold = !connection.streaming &&
                      (connection.unsent > unsent_octets_max ||
                       (connection.awaiting() && connection.in.size() > ahead_octets_max));
    if (hold == std::exchange(connection.paused, hold)) return;
    host.pause(id, hold);
}

// ---- requests ----------------------------------------------------------------------------------

void HttpServer::State::take_requests(StreamId id) {
    taking = true;
    for (;;) {
        Connection* const connection = find(id);
        if (connection == nullptr) break;
        if (connection->in.empty() || connection->link || connection->unsent > unsent_octets_max) {
            hold_or_go_on(id, *connection);
            break;
        }
        if (!connection->begun) {
            connection->begun = true;
            ++stats.requests;
            connection->due = Steady::now() + options.within;
        }
        Parser& parser = *connection->parser;
        boost::system::error_code error;
        const std::size_t n = parser.put(boost::asio::buffer(connection->in), error);
        connection->in.erase(0, n);
        if (error && error != http::error::need_more) {
            refuse_for(id, *connection,
                       error == http::error::body_limit     ? 413
                       : error == http::error::header_limit ? 431
                                                            : 400);
            break;
        }
        if (parser.is_done()) {
            hand_over(id, *connection);
            continue;
        }
        ask_for_body(id, *connection);
        if (n == 0 || error == http::error::need_more) {
            hold_or_go_on(id, *connection);
            break;
        }
    }
    taking = false;
}

void HttpServer::State::ask_for_body(StreamId id, Connection& connection) {
    const Parser& parser = *connection.parser;
    if (connection.continued || !parser.is_header_done()) return;
    connection.continued = true;
    if (boost::beast::iequals(parser.get()[http::field::expect], "100-continue"))
        say(id, connection, "HTTP/1.1 100 Continue\r\n\r\n");
}

void HttpServer::State::refuse_for(StreamId id, Connection& connection, int status) {
    if (status == 413) return refuse(id, connection, 413, "the body is too large", stats.too_large);
    if (status == 431)
        return refuse(id, connection, 431, "the header is too large", stats.too_large);
    refuse(id, connection, 400, "this is no HTTP request", stats.malformed);
}

void HttpServer::State::refuse(StreamId id, Connection& connection, unsigned status,
                               std::string_view why, std::uint64_t& counted) {
    ++counted;
    respond(id, connection, http_failure(status, why), false, false);
    close(id);
}

/// A whole request: to the handler, if it may.
void HttpServer::State::hand_over(StreamId id, Connection& connection) {
    connection.keep = connection.parser->get().keep_alive();
    http::request<http::string_body> got = connection.parser->release();
    connection.head = got.method() == http::verb::head;
    HttpRequest request;
    request.target_text.assign(got.target().data(), got.target().size());
    auto target = HttpTarget::parse(request.target_text);
    if (!target && !options.any_target)
        return refuse(id, connection, 400, "the target cannot be read", stats.malformed);
    if (target) request.target = std::move(*target);
    request.method = connection.head ? "GET" : std::string(got.method_string());
    for (const auto& field : got)
        request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    request.body = std::move(got.body());
    request.peer = connection.peer;
    request.secure = options.tls.has_value();

    if (later && authorised(request)) {
        connection.due = Steady::now() + options.answer_within;
        connection.link = std::make_shared<HttpReply::Link>();
        connection.link->server = this;
        connection.link->stream = id;
        try {
            later(request, HttpReply(connection.link));
        } catch (const std::exception& why) {
            finish(id, http_failure(500, why.what()));
        }
        return;
    }
    HttpResponse response;
    if (authorised(request)) {
        ++stats.answered;
        response = handled(request);
    } else {
        ++stats.unauthorised;
        response = http_failure(401, "a bearer token is wanted");
        response.headers.emplace_back("WWW-Authenticate", "Bearer");
    }
    respond(id, connection, response, connection.keep, connection.head);
    if (connection.keep)
        begin(connection);
    else
        close(id);
}

HttpResponse HttpServer::State::handled(const HttpRequest& request) const {
    try {
        return handler(request);
    } catch (const std::exception& why) {
        return http_failure(500, why.what());
    }
}

/// Digests are compared: neither the length nor the place of a difference shows in time.
bool HttpServer::State::authorised(const HttpRequest& request) const {
    if (!token_wanted) return true;
    const std::string* said = request.header("Authorization");
    if (said == nullptr || said->size() < bearer.size() ||
        !boost::beast::iequals(std::string_view(*said).substr(0, bearer.size()), bearer))
        return false;
    const Digest given = digest_of(std::string_view(*said).substr(bearer.size()));
    return CRYPTO_memcmp(given.data(), token_wanted->data(), given.size()) == 0;
}

// ---- the server --------------------------------------------------------------------------------

HttpServer::HttpServer(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
HttpServer::HttpServer(HttpServer&&) noexcept = default;
HttpServer& HttpServer::operator=(HttpServer&&) noexcept = default;
HttpServer::~HttpServer() = default;

Opened<HttpServer> HttpServer::listen(Io& io, const std::string& address, Handler handler) {
    return listen(io, address, std::move(handler), {});
}

Opened<HttpServer> HttpServer::listen(Io& io, const std::string& address, Handler handler,
                                      Options options) {
    return open(std::make_unique<State>(io, std::move(handler), nullptr, std::move(options)),
                address);
}

Opened<HttpServer> HttpServer::listen_later(Io& io, const std::string& address,
                                            LaterHandler handler, Options options) {
    return open(std::make_unique<State>(io, nullptr, std::move(handler), std::move(options)),
                address);
}

Opened<HttpServer> HttpServer::open(std::unique_ptr<State> state, const std::string& address) {
    ListenSpec spec{.name = "http", .address = address};
    spec.tls = state->options.tls;
    spec.subprotocol = "http/1.1";
    spec.streams_max = state->options.connections_max;
    const auto listener = state->host.listen(spec);
    if (!listener) return std::unexpected(listener.error());
    return HttpServer(std::move(state));
}

std::string HttpServer::listening_on() const {
    return state_->host.listening_on(0);
}
std::optional<Trouble> HttpServer::reload(const TlsServer& tls) {
    return state_->host.reload(0, tls);
}
void HttpServer::set_bearer_token(std::string token) {
    state_->options.bearer_token = std::move(token);
    state_->set_token(state_->options.bearer_token);
}
HttpServer::Stats HttpServer::stats() const {
    Stats stats = state_->stats;
    stats.refused_full = state_->host.stats().refused_full;
    for (const auto& [id, connection] : state_->connections) {
        stats.pending += connection.begun;
        stats.streaming += connection.streaming;
    }
    return stats;
}

}  // namespace causeway::net
