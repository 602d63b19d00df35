// What an HTTP server says: answers at once and later, and streams of events.
#include "net/http_server_state.hpp"

#include <boost/beast/http/status.hpp>

namespace causeway::net {
namespace {

namespace http = boost::beast::http;

bool one_line(std::string_view text) {
    return text.find_first_of("\r\n") == std::string_view::npos;
}

/// The status line and the fields of the handler's own.
std::string head_of(const HttpResponse& response) {
    const auto reason = http::obsolete_reason(http::int_to_status(response.status));
    std::string text = "HTTP/1.1 " + std::to_string(response.status) + " ";
    if (response.reason.empty() || !one_line(response.reason))
        text.append(reason.data(), reason.size());
    else
        text += response.reason;
    return text;
}

void add_field(std::string& text, std::string_view name, std::string_view value) {
    // What a handler took from a request must not become a header of its own.
    if (!one_line(name) || !one_line(value)) return;
    text.append("\r\n").append(name).append(": ").append(value);
}

}  // namespace

HttpResponse http_failure(unsigned status, std::string_view why) {
    return {.status = status,
            .body = std::string(why) + "\n",
            .type = "text/plain; charset=utf-8",
            .headers = {}};
}

// ---- answers -----------------------------------------------------------------------------------

void HttpServer::State::respond(StreamId id, Connection& connection, const HttpResponse& response,
                                bool keep, bool head) {
    std::string text = head_of(response);
    const bool bodiless = response.status == 204 || response.status == 304;
    if (!response.type.empty()) add_field(text, "Content-Type", response.type);
    if (!bodiless) add_field(text, "Content-Length", std::to_string(response.body.size()));
    add_field(text, "Connection", keep ? "keep-alive" : "close");
    for (const auto& [name, value] : response.headers) add_field(text, name, value);
    text += "\r\n\r\n";
    if (!head && !bodiless) text += response.body;
    say(id, connection, text);
}

void HttpServer::State::say(StreamId id, Connection& connection, std::string_view text) {
    connection.unsent += text.size();
    host.send(id, {to_octets(as_octets(text)), {}, {}});
}

void HttpServer::State::let_go(const std::shared_ptr<HttpReply::Link>& link) {
    if (link) link->server = nullptr;
}

/// The answer to the request that was handed over.
void HttpServer::State::finish(StreamId id, const HttpResponse& response) {
    Connection* const connection = find(id);
    if (connection == nullptr || !connection->awaiting()) return;
    ++stats.answered;
    let_go(connection->link);
    connection->link.reset();
    respond(id, *connection, response, connection->keep, connection->head);
    if (!connection->keep) {
        connection->begun = false;
        return close(id);
    }
    begin(*connection);
    if (!taking) take_requests(id);
}

// ---- streams -----------------------------------------------------------------------------------

void HttpServer::State::begin_stream(StreamId id, const HttpResponse& head) {
    Connection* const connection = find(id);
    if (connection == nullptr || !connection->awaiting()) return;
    ++stats.answered;
    ++stats.streams;
    connection->begun = false;
    connection->streaming = true;
    connection->in.clear();
    connection->due = Steady::now() + options.within;
    connection->idle_until = Steady::now() + options.stream_idle;
    std::string text = head_of(head);
    // A handler's head that says nothing has JSON's type.
    const bool said = head.type != HttpResponse{}.type;
    add_field(text, "Content-Type", said ? head.type : "text/event-stream");
    add_field(text, "Connection", "close");  // which is where the stream ends
    for (const auto& [name, value] : head.headers) add_field(text, name, value);
    text += "\r\n\r\n";
    if (connection->head) {
        say(id, *connection, text);
        let_go(connection->link);
        connection->link.reset();
        return close(id);
    }
    say(id, *connection, text + head.body);
    hold_or_go_on(id, *connection);
}

bool HttpServer::State::push(StreamId id, std::string_view octets) {
    Connection* const connection = find(id);
    if (connection == nullptr || !connection->streaming) return false;
    if (connection->unsent + octets.size() > options.stream_octets_max) {
        ++stats.events_dropped;
        return false;
    }
    ++stats.events;
    const auto now = Steady::now();
    if (connection->unsent == 0) connection->due = now + options.within;
    connection->idle_until = now + options.stream_idle;
    say(id, *connection, octets);
    return true;
}

// ---- the handle --------------------------------------------------------------------------------

bool HttpReply::gone() const {
    return link_ == nullptr || link_->server == nullptr;
}

bool HttpReply::answer(const HttpResponse& response) const {
    if (gone()) return false;
    const StreamId id = link_->stream;
    HttpServer::State* const server = link_->server;
    const auto* const connection = server->find(id);
    if (connection == nullptr || !connection->awaiting()) return false;
    server->finish(id, response);
    return true;
}

bool HttpReply::begin(const HttpResponse& head) const {
    if (gone()) return false;
    HttpServer::State* const server = link_->server;
    const auto* const connection = server->find(link_->stream);
    if (connection == nullptr || !connection->awaiting()) return false;
    server->begin_stream(link_->stream, head);
    return true;
}

bool HttpReply::push(std::string_view octets) const {
    return !gone() && link_->server->push(link_->stream, octets);
}

void HttpReply::end() const {
    if (gone()) return;
    HttpServer::State* const server = link_->server;
    const StreamId id = link_->stream;
    const auto* const connection = server->find(id);
    if (connection == nullptr || !connection->streaming) return;
    link_->server = nullptr;
    link_->on_gone = nullptr;
    server->close(id);
}

void HttpReply::on_gone(std::function<void()> told) const {
    if (!gone()) link_->on_gone = std::move(told);
}

}  // namespace causeway::net
