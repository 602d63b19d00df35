#include "net/http_server.hpp"

#include "base/tap.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <exception>
#include <unordered_map>

namespace causeway::net {

static_assert(Stats<HttpServer::Stats>);

namespace {

namespace http = boost::beast::http;
using Steady = std::chrono::steady_clock;
using Digest = std::array<unsigned char, 32>;

// Answers that have not left: requests behind them wait.
constexpr std::size_t unsent_octets_max = 1 << 20;
constexpr std::string_view bearer = "Bearer ";

Digest digest_of(std::string_view text) {
    Digest digest{};
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
    return digest;
}

const std::string* find(const std::vector<std::pair<std::string, std::string>>& in,
                        std::string_view name, bool any_case) {
    for (const auto& [key, value] : in)
        if (any_case ? boost::beast::iequals(key, name) : key == name) return &value;
    return nullptr;
}

bool one_line(std::string_view text) {
    return text.find_first_of("\r\n") == std::string_view::npos;
}

HttpResponse failure(unsigned status, std::string_view why) {
    return {.status = status,
            .body = std::string(why) + "\n",
            .type = "text/plain; charset=utf-8",
            .headers = {}};
}

}  // namespace

const std::string* HttpRequest::header(std::string_view name) const {
    return find(headers, name, true);
}
const std::string* HttpRequest::query(std::string_view name) const {
    return find(target.query, name, false);
}

struct HttpServer::State {
    using Parser = http::request_parser<http::string_body>;

    struct Connection {
        std::string peer;
        std::string in;  // what the parser has not taken
        std::unique_ptr<Parser> parser;
        std::size_t unsent = 0;
        Steady::time_point due;
        bool begun = false;      // a request
        bool continued = false;  // its body was asked for
    };

    State(Io& io, Handler asked, Options chosen)
        : handler(std::move(asked)),
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

    void set_token(const std::string& token) {
        token_wanted.reset();
        if (!token.empty()) token_wanted = digest_of(token);
    }

    // ---- connections ---------------------------------------------------------------------------

    void opened(StreamId id, const StreamFacts& facts) {
        Connection& connection = connections[id];
        connection.peer = facts.peer;
        begin(connection);
        arm();
    }

    void begin(Connection& connection) {
        connection.parser = std::make_unique<Parser>();
        connection.parser->body_limit(options.body_octets_max);
        connection.parser->header_limit(static_cast<std::uint32_t>(options.header_octets_max));
        connection.begun = connection.continued = false;
        connection.due = Steady::now() + options.within;
    }

    void forget(StreamId id) {
        const auto found = connections.find(id);
        if (found == connections.end()) return;
        if (found->second.begun) ++stats.broken_off;
        connections.erase(found);
    }

    void close(StreamId id) {
        connections.erase(id);
        host.close(id);
    }

    /// Looks once a second at most, while there is anybody.
    void arm() {
        if (armed || connections.empty()) return;
        armed = true;
        timer.expires_after(std::min<std::chrono::milliseconds>(
            options.within / 2 + std::chrono::milliseconds(1), std::chrono::seconds(1)));
        timer.async_wait([this, living = std::weak_ptr<const char>(alive)](
                             const boost::system::error_code& superseded) {
            if (superseded || living.expired()) return;
            armed = false;
            expire();
            arm();
        });
    }

    void expire() {
        const auto now = Steady::now();
        std::vector<StreamId> late;
        for (const auto& [id, connection] : connections)
            if (connection.due <= now) late.push_back(id);
        for (const StreamId id : late) {
            Connection& connection = connections.at(id);
            if (connection.unsent != 0) {
                ++stats.unread;
                if (connection.begun) ++stats.late;
                connections.erase(id);
                host.close(id, true);
            } else if (connection.begun) {
                refuse(id, connection, 408, "the request took too long", stats.late);
            } else {
                close(id);
            }
        }
    }

    // ---- requests ------------------------------------------------------------------------------

    void received(StreamId id, Bytes octets) {
        const auto found = connections.find(id);
        if (found == connections.end()) return;
        found->second.in += as_text(octets);
        take_requests(id, found->second);
    }

    void drained(StreamId id, std::size_t octets) {
        const auto found = connections.find(id);
        if (found == connections.end()) return;
        Connection& connection = found->second;
        const bool held = connection.unsent > unsent_octets_max;
        connection.unsent -= std::min(octets, connection.unsent);
        connection.due = Steady::now() + options.within;
        if (!held || connection.unsent > unsent_octets_max) return;
        host.pause(id, false);
        take_requests(id, connection);
    }

    void take_requests(StreamId id, Connection& connection) {
        while (!connection.in.empty() && connection.unsent <= unsent_octets_max) {
            if (!connection.begun) {
                connection.begun = true;
                ++stats.requests;
                connection.due = Steady::now() + options.within;
            }
            Parser& parser = *connection.parser;
            boost::system::error_code error;
            const std::size_t n = parser.put(boost::asio::buffer(connection.in), error);
            connection.in.erase(0, n);
            if (error && error != http::error::need_more) return refuse_for(id, connection, error);
            if (parser.is_done()) {
                if (!answer(id, connection)) return;
                begin(connection);
                continue;
            }
            ask_for_body(id, connection);
            if (n == 0 || error == http::error::need_more) break;
        }
        if (connection.unsent > unsent_octets_max) host.pause(id, true);
    }

    void ask_for_body(StreamId id, Connection& connection) {
        const Parser& parser = *connection.parser;
        if (connection.continued || !parser.is_header_done()) return;
        connection.continued = true;
        if (boost::beast::iequals(parser.get()[http::field::expect], "100-continue"))
            say(id, connection, "HTTP/1.1 100 Continue\r\n\r\n");
    }

    void refuse_for(StreamId id, Connection& connection, const boost::system::error_code& error) {
        if (error == http::error::body_limit)
            return refuse(id, connection, 413, "the body is too large", stats.too_large);
        if (error == http::error::header_limit)
            return refuse(id, connection, 431, "the header is too large", stats.too_large);
        refuse(id, connection, 400, "this is no HTTP request", stats.malformed);
    }

    void refuse(StreamId id, Connection& connection, unsigned status, std::string_view why,
                std::uint64_t& counted) {
        ++counted;
        respond(id, connection, failure(status, why), false, false);
        close(id);
    }

    /// False: the connection is gone with it.
    bool answer(StreamId id, Connection& connection) {
        const bool keep = connection.parser->get().keep_alive();
        http::request<http::string_body> got = connection.parser->release();
        const bool head = got.method() == http::verb::head;
        auto target = HttpTarget::parse(std::string_view(got.target().data(), got.target().size()));
        if (!target) {
            refuse(id, connection, 400, "the target cannot be read", stats.malformed);
            return false;
        }
        HttpRequest request;
        request.method = head ? "GET" : std::string(got.method_string());
        request.target = std::move(*target);
        for (const auto& field : got)
            request.headers.emplace_back(std::string(field.name_string()),
                                         std::string(field.value()));
        request.body = std::move(got.body());
        request.peer = connection.peer;

        HttpResponse response;
        if (authorised(request)) {
            ++stats.answered;
            response = handled(request);
        } else {
            ++stats.unauthorised;
            response = failure(401, "a bearer token is wanted");
            response.headers.emplace_back("WWW-Authenticate", "Bearer");
        }
        respond(id, connection, response, keep, head);
        if (!keep) close(id);
        return keep;
    }

    [[nodiscard]] HttpResponse handled(const HttpRequest& request) const {
        try {
            return handler(request);
        } catch (const std::exception& why) {
            return failure(500, why.what());
        }
    }

    /// Digests are compared: neither the length nor the place of a difference shows in time.
    [[nodiscard]] bool authorised(const HttpRequest& request) const {
        if (!token_wanted) return true;
        const std::string* said = request.header("Authorization");
        if (said == nullptr || said->size() < bearer.size() ||
            !boost::beast::iequals(std::string_view(*said).substr(0, bearer.size()), bearer))
            return false;
        const Digest given = digest_of(std::string_view(*said).substr(bearer.size()));
        return CRYPTO_memcmp(given.data(), token_wanted->data(), given.size()) == 0;
    }

    // ---- answers -------------------------------------------------------------------------------

    void respond(StreamId id, Connection& connection, const HttpResponse& response, bool keep,
                 bool head) {
        const auto reason = http::obsolete_reason(http::int_to_status(response.status));
        std::string text = "HTTP/1.1 " + std::to_string(response.status) + " ";
        text.append(reason.data(), reason.size());
        const auto add = [&](std::string_view name, std::string_view value) {
            // What a handler took from a request must not become a header of its own.
            if (!one_line(name) || !one_line(value)) return;
            text.append("\r\n").append(name).append(": ").append(value);
        };
        add("Content-Type", response.type);
        if (response.status != 204 && response.status != 304)
            add("Content-Length", std::to_string(response.body.size()));
        add("Connection", keep ? "keep-alive" : "close");
        for (const auto& [name, value] : response.headers) add(name, value);
        text += "\r\n\r\n";
        if (!head && response.status != 204 && response.status != 304) text += response.body;
        say(id, connection, text);
    }

    void say(StreamId id, Connection& connection, std::string_view text) {
        connection.unsent += text.size();
        host.send(id, {to_octets(as_octets(text)), {}, {}});
    }

    Handler handler;
    Options options;
    Stats stats;
    std::optional<Digest> token_wanted;
    std::unordered_map<StreamId, Connection> connections;
    boost::asio::steady_timer timer;
    bool armed = false;
    std::shared_ptr<const char> alive = std::make_shared<const char>();
    StreamHost host;
};

HttpServer::HttpServer(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
HttpServer::HttpServer(HttpServer&&) noexcept = default;
HttpServer& HttpServer::operator=(HttpServer&&) noexcept = default;
HttpServer::~HttpServer() = default;

Opened<HttpServer> HttpServer::listen(Io& io, const std::string& address, Handler handler) {
    return listen(io, address, std::move(handler), {});
}

Opened<HttpServer> HttpServer::listen(Io& io, const std::string& address, Handler handler,
                                      Options options) {
    auto state = std::make_unique<State>(io, std::move(handler), std::move(options));
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
    for (const auto& [id, connection] : state_->connections) stats.pending += connection.begun;
    return stats;
}

}  // namespace causeway::net
