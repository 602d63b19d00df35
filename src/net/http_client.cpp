#include "net/http_client.hpp"

#include "base/tap.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <deque>
#include <map>

namespace causeway::net {

static_assert(Stats<HttpClient::Stats>);

namespace {

namespace http = boost::beast::http;
using Steady = std::chrono::steady_clock;
using Parser = http::response_parser<http::string_body>;

bool is_plain(std::string_view text, bool blanks) {
    return std::ranges::all_of(text, [&](char c) {
        return static_cast<unsigned char>(c) > 0x20 && c != 0x7f
                   ? true
                   : blanks && (c == ' ' || c == '\t');
    });
}

/// What would end a line, or a word of the first one, would be a request of somebody else's.
bool can_be_said(const HttpClientRequest& request) {
    const bool words = !request.method.empty() && is_plain(request.method, false) &&
                       !request.host.empty() && is_plain(request.host, false) &&
                       request.target.starts_with('/') && is_plain(request.target, false);
    return words && std::ranges::all_of(request.headers, [](const auto& field) {
               return !field.first.empty() && is_plain(field.first, false) &&
                      !field.first.contains(':') && is_plain(field.second, true);
           });
}

std::string request_text(const HttpClientRequest& request) {
    const std::string host = request.host.contains(':') ? '[' + request.host + ']' : request.host;
    std::string text = request.method + ' ' + request.target + " HTTP/1.1\r\nHost: " + host;
    if (request.port != (request.secure ? 443 : 80)) text += ':' + std::to_string(request.port);
    text += "\r\nConnection: close";
    for (const auto& [name, value] : request.headers)
        text.append("\r\n").append(name).append(": ").append(value);
    const bool has_body = !request.body.empty() || request.method == "POST" ||
                          request.method == "PUT" || request.method == "PATCH";
    if (has_body) text += "\r\nContent-Length: " + std::to_string(request.body.size());
    return text + "\r\n\r\n" + request.body;
}

}  // namespace

struct HttpClient::State {
    struct Fetch {
        HttpClientRequest request;
        Done done;
        Steady::time_point due;
        std::optional<StreamId> stream;  // none: it waits its turn
        std::string in;                  // what the parser has not taken
        std::unique_ptr<Parser> parser;
    };
    using Fetches = std::map<HttpFetchId, Fetch>;

    State(Io& loop, Options chosen)
        : io(loop),
          options(std::move(chosen)),
          timer(loop),
          host(loop, {.workers = 0, .read_octets = 64 << 10},
               {.opened = [this](StreamId id, const StreamFacts&) { opened(id); },
                .received = [this](StreamId id, Bytes octets) { received(id, octets); },
                .drained = [](StreamId, std::size_t) {},
                .closed = [this](StreamId id, const Trouble* why) { closed(id, why); },
                .batch = {},
                .refused = {}}) {}

    // ---- requests ------------------------------------------------------------------------------

    HttpFetchId fetch(HttpClientRequest&& request, Done&& done) {
        const HttpFetchId id{++last_id};
        ++stats.requests;
        const bool good = can_be_said(request);
        if (!good || fetches.size() >= options.requests_max) {
            ++stats.refused;
            HttpClientTrouble trouble{
                good ? HttpFault::full : HttpFault::invalid,
                good ? "too many requests are under way" : "the request cannot be written down"};
            refused[id] = std::move(done);
            boost::asio::post(io, [this, id, trouble = std::move(trouble),
                                   living = std::weak_ptr<const char>(alive)]() mutable {
                if (living.expired()) return;
                const auto told = refused.extract(id);
                if (told) told.mapped()(std::unexpected(std::move(trouble)));
            });
            return id;
        }
        Fetch& fetch = fetches[id];
        fetch.request = std::move(request);
        fetch.done = std::move(done);
        fetch.due = Steady::now() + options.within;
        waiting.push_back(id);
        start_next();
        arm();
        return id;
    }

    void start_next() {
        while (!waiting.empty() && streams.size() < options.connections_max) {
            const auto at = fetches.find(waiting.front());
            waiting.pop_front();
            if (at == fetches.end()) continue;
            const HttpClientRequest& request = at->second.request;
            ConnectSpec spec{.host = request.host, .port = request.port};
            if (request.secure) {
                spec.tls = options.tls;
                spec.tls->alpn = {"http/1.1"};
            }
            at->second.stream = host.connect(spec);
            streams[*at->second.stream] = at->first;
        }
    }

    void cancel(HttpFetchId id) {
        refused.erase(id);
        const auto at = fetches.find(id);
        if (at == fetches.end()) return;
        ++stats.cancelled;
        let_go(at);
        start_next();
    }

    /// The connection, and the entry.
    Done let_go(Fetches::iterator at) {
        Done done = std::move(at->second.done);
        if (at->second.stream) {
            streams.erase(*at->second.stream);
            host.close(*at->second.stream, true);
        }
        std::erase(waiting, at->first);
        fetches.erase(at);
        return done;
    }

    void fail(Fetches::iterator at, HttpFault fault, std::string line) {
        ++(fault == HttpFault::late        ? stats.late
           : fault == HttpFault::malformed ? stats.malformed
           : fault == HttpFault::too_large ? stats.too_large
                                           : stats.unreachable);
        const Done done = let_go(at);
        start_next();
        done(std::unexpected(HttpClientTrouble{fault, std::move(line)}));
    }

    // ---- time ----------------------------------------------------------------------------------

    /// All have the same time: the first is the first to be late.
    void arm() {
        if (armed || fetches.empty()) return;
        armed = true;
        timer.expires_at(fetches.begin()->second.due);
        timer.async_wait([this, living = std::weak_ptr<const char>(alive)](
                             const boost::system::error_code& superseded) {
            if (superseded || living.expired()) return;
            armed = false;
            const auto now = Steady::now();
            while (!fetches.empty() && fetches.begin()->second.due <= now)
                fail(fetches.begin(), HttpFault::late,
                     "no answer of " + fetches.begin()->second.request.host + " in time");
            arm();
        });
    }

    // ---- responses -----------------------------------------------------------------------------

    [[nodiscard]] Fetches::iterator find(StreamId stream) {
        const auto known = streams.find(stream);
        return known == streams.end() ? fetches.end() : fetches.find(known->second);
    }

    void begin(Fetch& fetch) const {
        fetch.parser = std::make_unique<Parser>();
        fetch.parser->body_limit(options.body_octets_max);
        fetch.parser->header_limit(static_cast<std::uint32_t>(options.header_octets_max));
        if (fetch.request.method == "HEAD") fetch.parser->skip(true);
    }

    void opened(StreamId stream) {
        const auto at = find(stream);
        if (at == fetches.end()) return;
        begin(at->second);
        host.send(stream, {to_octets(as_octets(request_text(at->second.request))), {}, {}});
    }

    void received(StreamId stream, Bytes octets) {
        const auto at = find(stream);
        if (at == fetches.end()) return;
        Fetch& fetch = at->second;
        fetch.in += as_text(octets);
        while (!fetch.in.empty()) {
            boost::system::error_code error;
            const std::size_t n = fetch.parser->put(boost::asio::buffer(fetch.in), error);
            fetch.in.erase(0, n);
            if (error && error != http::error::need_more) return fail_for(at, error);
            if (fetch.parser->is_done()) {
                if (fetch.parser->get().result_int() >= 200) return complete(at);
                begin(fetch);  // 100 and its like: the answer is still to come
                continue;
            }
            if (n == 0 || error == http::error::need_more) return;
        }
    }

    void closed(StreamId stream, const Trouble* why) {
        const auto at = find(stream);
        if (at == fetches.end()) return;
        Fetch& fetch = at->second;
        const std::string to = fetch.request.host;
        if (!fetch.parser || why != nullptr)
            return fail(at, HttpFault::unreachable,
                        why != nullptr ? why->line : to + " closed the connection");
        boost::system::error_code error;
        if (fetch.parser->got_some()) fetch.parser->put_eof(error);
        if (!error && fetch.parser->is_done()) return complete(at);
        fail(at, HttpFault::malformed, "the answer of " + to + " was cut off");
    }

    void fail_for(Fetches::iterator at, const boost::system::error_code& error) {
        const std::string from = at->second.request.host;
        if (error == http::error::body_limit || error == http::error::header_limit)
            return fail(at, HttpFault::too_large, "the answer of " + from + " is too large");
        fail(at, HttpFault::malformed, "what " + from + " says is no HTTP: " + error.message());
    }

    void complete(Fetches::iterator at) {
        ++stats.answered;
        http::response<http::string_body> got = at->second.parser->release();
        HttpClientResponse response;
        response.status = got.result_int();
        for (const auto& field : got)
            response.headers.emplace_back(std::string(field.name_string()),
                                          std::string(field.value()));
        response.body = std::move(got.body());
        const Done done = let_go(at);
        start_next();
        done(std::move(response));
    }

    Io& io;
    Options options;
    Stats stats;
    Fetches fetches;
    std::map<StreamId, HttpFetchId> streams;
    std::deque<HttpFetchId> waiting;
    std::map<HttpFetchId, Done> refused;  // to be told so
    std::uint64_t last_id = 0;
    boost::asio::steady_timer timer;
    bool armed = false;
    std::shared_ptr<const char> alive = std::make_shared<const char>();
    StreamHost host;
};

HttpClient::HttpClient(Io& io, Options options)
    : state_(std::make_unique<State>(io, std::move(options))) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

HttpFetchId HttpClient::fetch(HttpClientRequest request, Done done) {
    return state_->fetch(std::move(request), std::move(done));
}
void HttpClient::cancel(HttpFetchId id) {
    state_->cancel(id);
}
HttpClient::Stats HttpClient::stats() const {
    Stats stats = state_->stats;
    stats.pending = state_->fetches.size();
    return stats;
}

}  // namespace causeway::net
