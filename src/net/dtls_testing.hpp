#pragma once
// For tests of DTLS: hosts that remember what they were told, and a wire between them that loses,
// repeats and shows what passes.
#include "net/dtls.hpp"
#include "net/tls_testing.hpp"
#include "net/udp_socket.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace causeway::net::testing {

/// A DtlsHost and what it said.
class DtlsSide {
public:
    explicit DtlsSide(Io& io, std::optional<DtlsServer> server = {}, DtlsHost::Options options = {},
                      const char* local = "127.0.0.1:0") {
        auto opened = DtlsHost::open(io, Endpoint::parse(local).value(), std::move(server), options,
                                     events());
        if (!opened) {
            ADD_FAILURE() << opened.error().line;
            std::abort();
        }
        host.emplace(std::move(*opened));
    }
    DtlsSide(const DtlsSide&) = delete;
    DtlsSide& operator=(const DtlsSide&) = delete;
    ~DtlsSide() { EXPECT_TRUE(host->stats().balanced()); }

    [[nodiscard]] const DtlsHost::Stats& stats() const { return host->stats(); }
    [[nodiscard]] const Endpoint& at() const { return host->local(); }
    std::uint32_t connect(const Endpoint& to, const DtlsClient& as) {
        const auto channel = host->connect(to, as);
        EXPECT_TRUE(channel) << channel.error().line;
        return channel.value_or(0);
    }
    bool say(std::uint32_t channel, std::string_view text) {
        return host->send(channel, as_octets(text));
    }

    std::optional<DtlsHost> host;
    std::map<std::uint32_t, DtlsHost::Facts> open;
    DtlsHost::Facts facts;  // of the last that opened
    std::uint32_t last = 0;
    std::vector<std::string> heard;
    std::vector<std::uint32_t> closed;
    std::vector<std::string> troubles;  // of those that closed with one
    std::vector<std::string> refused;
    int batches = 0;
    bool echo = false;

private:
    DtlsHost::Events events() {
        return {.opened =
                    [this](std::uint32_t channel, const DtlsHost::Facts& what) {
                        open[channel] = facts = what;
                        last = channel;
                    },
                .received =
                    [this](std::uint32_t channel, Bytes octets) {
                        heard.emplace_back(as_text(octets));
                        if (echo) host->send(channel, octets);
                    },
                .closed =
                    [this](std::uint32_t channel, const Trouble* trouble) {
                        open.erase(channel);
                        closed.push_back(channel);
                        if (trouble != nullptr) troubles.push_back(trouble->line);
                    },
                .batch = [this] { ++batches; },
                .refused = [this](const Endpoint&,
                                  const Trouble& trouble) { refused.push_back(trouble.line); }};
    }
};

/// Passes datagrams between one client and a server, and keeps them all.
class Relay {
public:
    Relay(Io& io, const Endpoint& to)
        : front(UdpSocket::open(io, "127.0.0.1:0").value()),
          back(UdpSocket::open(io, "127.0.0.1:0").value()),
          server(to) {
        front.receive([this](const Endpoint& from, Bytes octets) {
            client = from;
            to_server.push_back(to_octets(octets));
            if (!lose || !lose(true, octets)) back.send(server, octets);
        });
        back.receive([this](const Endpoint&, Bytes octets) {
            to_client.push_back(to_octets(octets));
            if (!lose || !lose(false, octets)) front.send(client, octets);
        });
    }
    [[nodiscard]] const Endpoint& at() const { return front.local(); }
    void send_to_server(Bytes octets) { back.send(server, octets); }
    void send_to_client(Bytes octets) { front.send(client, octets); }

    UdpSocket front;
    UdpSocket back;
    Endpoint server;
    Endpoint client;
    std::vector<Octets> to_server;
    std::vector<Octets> to_client;
    std::function<bool(bool to_server, Bytes)> lose;
};

/// A private key, its public half, and how to pin it.
struct RawKey {
    RawKey(const Folder& folder, const std::string& name)
        : key(folder / (name + ".raw")), half(folder / (name + ".pub")) {
        EVP_PKEY* const made = EVP_EC_gen("P-256");
        std::FILE* out = std::fopen(key.c_str(), "w");
        PEM_write_PrivateKey(out, made, nullptr, nullptr, 0, nullptr, nullptr);
        std::fclose(out);
        out = std::fopen(half.c_str(), "w");
        PEM_write_PUBKEY(out, made);
        std::fclose(out);
        EVP_PKEY_free(made);
        // By another library than the one that is tested.
        const std::string said = output_of("openssl pkey -pubin -in " + half +
                                           " -outform DER | openssl dgst -sha256 -r");
        sha256 = said.substr(0, 64);
    }
    std::string key;
    std::string half;
    std::string sha256;
};

}  // namespace causeway::net::testing
