#include "net/websocket_handshake.hpp"

#include "base/assert.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http.hpp>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>

namespace causeway::net {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t key_octets = 16;
constexpr std::size_t key_characters = 24;
constexpr std::string_view key_suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // [RFC 6455 §1.3]
constexpr std::string_view end_of_header = "\r\n\r\n";

std::string base64(std::span<const unsigned char> octets) {
    std::string text((octets.size() + 2) / 3 * 4 + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), octets.data(),
                                     static_cast<int>(octets.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

/// Sixteen octets in base64 [RFC 6455 §4.1].
bool is_key(std::string_view text) {
    if (text.size() != key_characters || !text.ends_with("==")) return false;
    return std::ranges::all_of(text.substr(0, key_characters - 2), [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '+' || c == '/';
    });
}

template <class Header>
bool upgrades(const Header& header) {
    return http::token_list(header[http::field::connection]).exists("upgrade") &&
           http::token_list(header[http::field::upgrade]).exists("websocket");
}

/// Names of subprotocols are told apart by case, other than tokens of HTTP.
template <class Header>
bool offers(const Header& header, std::string_view subprotocol) {
    for (const auto& field : header) {
        if (field.name() != http::field::sec_websocket_protocol) continue;
        const http::token_list names(field.value());
        if (std::ranges::any_of(names, [&](const auto& name) { return name == subprotocol; }))
            return true;
    }
    return false;
}

template <class Parser>
bool parse(Parser& parser, std::string_view text) {
    boost::system::error_code error;
    parser.header_limit(WebSocketOpening::header_octets_max);
    parser.skip(true);
    parser.put(boost::asio::buffer(text), error);
    return !error && parser.is_header_done();
}

void append(Octets& wire, std::string_view text) {
    const Bytes octets = as_octets(text);
    wire.insert(wire.end(), octets.begin(), octets.end());
}

}  // namespace

std::string websocket_accept(std::string_view key) {
    const std::string text = std::string(key).append(key_suffix);
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned size = 0;
    CAUSEWAY_ASSERT(
        EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) == 1);
    return base64(std::span(digest).first(size));
}

std::unique_ptr<WebSocketOpening> WebSocketOpening::server(std::string subprotocol,
                                                           std::string path) {
    std::unique_ptr<WebSocketOpening> made(new WebSocketOpening);
    made->path_ = std::move(path);
    made->subprotocol_ = std::move(subprotocol);
    return made;
}

std::unique_ptr<WebSocketOpening> WebSocketOpening::client(std::string host, std::string path,
                                                           std::string subprotocol) {
    std::unique_ptr<WebSocketOpening> made(new WebSocketOpening);
    made->client_ = true;
    made->host_ = std::move(host);
    made->path_ = path.starts_with('/') ? std::move(path) : "/" + path;
    made->subprotocol_ = std::move(subprotocol);
    return made;
}

void WebSocketOpening::ask(Octets& wire) {
    if (std::exchange(asked_, true)) return;
    std::array<unsigned char, key_octets> nonce;
    CAUSEWAY_ASSERT(RAND_bytes(nonce.data(), static_cast<int>(nonce.size())) == 1);
    key_ = base64(nonce);
    std::string text =
        "GET " + path_ + " HTTP/1.1\r\nHost: " + host_ +
        "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + key_ +
        "\r\nSec-WebSocket-Version: 13\r\n";
    // [MQTT-6.0.0-3]
    if (!subprotocol_.empty()) text += "Sec-WebSocket-Protocol: " + subprotocol_ + "\r\n";
    append(wire, text += "\r\n");
}

WebSocketOpening::Verdict WebSocketOpening::take(Bytes raw, std::size_t& used, Octets& wire) {
    const std::size_t before = header_.size();
    const std::size_t some = std::min(raw.size(), header_octets_max - before);
    header_ += as_text(raw.first(some));
    const std::size_t from = before < end_of_header.size() ? 0 : before - end_of_header.size();
    const std::size_t end = header_.find(end_of_header, from);
    if (end == std::string::npos) {
        used = some;
        if (header_.size() < header_octets_max) return Verdict::more;
        if (!client_)
            return refuse(wire, "431 Request Header Fields Too Large", "the request is too long");
        failure_ = "the answer is too long";
        return Verdict::failed;
    }
    header_.resize(end + end_of_header.size());
    used = header_.size() - before;
    return client_ ? check() : answer(wire);
}

WebSocketOpening::Verdict WebSocketOpening::refuse(Octets& wire, std::string_view status,
                                                   std::string why) {
    failure_ = std::move(why);
    append(wire, "HTTP/1.1 " + std::string(status) +
                     "\r\nConnection: close\r\nSec-WebSocket-Version: 13\r\n"
                     "Content-Type: text/plain\r\nContent-Length: " +
                     std::to_string(failure_.size() + 1) + "\r\n\r\n" + failure_ + "\n");
    return Verdict::failed;
}

WebSocketOpening::Verdict WebSocketOpening::answer(Octets& wire) {
    constexpr std::string_view bad = "400 Bad Request";
    http::request_parser<http::empty_body> parser;
    if (!parse(parser, header_)) return refuse(wire, bad, "this is no HTTP request");
    const auto& request = parser.get();
    if (request.method() != http::verb::get || request.version() != 11 || !upgrades(request))
        return refuse(wire, "426 Upgrade Required\r\nUpgrade: websocket", "a WebSocket is wanted");
    if (request[http::field::sec_websocket_version] != "13")
        return refuse(wire, "426 Upgrade Required\r\nUpgrade: websocket",
                      "version 13 of WebSocket is wanted");
    const std::string_view target(request.target().data(), request.target().size());
    if (!path_.empty() && target.substr(0, target.find('?')) != path_)
        return refuse(wire, "404 Not Found", "there is no WebSocket at this path");
    const std::string key(request[http::field::sec_websocket_key]);
    if (!is_key(key)) return refuse(wire, bad, "the key is not sixteen octets in base64");
    // [MQTT-6.0.0-3]
    if (!subprotocol_.empty() && !offers(request, subprotocol_))
        return refuse(wire, bad, "the subprotocol \"" + subprotocol_ + "\" is not offered");
    std::string text =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: " +
        websocket_accept(key) + "\r\n";
    // [MQTT-6.0.0-4]
    if (!subprotocol_.empty()) text += "Sec-WebSocket-Protocol: " + subprotocol_ + "\r\n";
    append(wire, text += "\r\n");
    return Verdict::done;
}

WebSocketOpening::Verdict WebSocketOpening::check() {
    http::response_parser<http::empty_body> parser;
    const auto wrong = [&](std::string why) {
        failure_ = std::move(why);
        return Verdict::failed;
    };
    if (!parse(parser, header_)) return wrong("the answer is not HTTP");
    const auto& response = parser.get();
    if (response.result() != http::status::switching_protocols)
        return wrong("the server refused with status " + std::to_string(response.result_int()));
    if (!upgrades(response) ||
        response[http::field::sec_websocket_accept] != websocket_accept(key_))
        return wrong("the server's answer is no WebSocket's");
    if (!response[http::field::sec_websocket_extensions].empty())
        return wrong("the server uses an extension that was not offered");
    if (response[http::field::sec_websocket_protocol] != subprotocol_)
        return wrong("the server does not speak \"" + subprotocol_ + "\"");
    return Verdict::done;
}

}  // namespace causeway::net
