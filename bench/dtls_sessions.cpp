// What a DTLS session costs: one process serves, another opens sessions with a pre-shared key, each
// from a socket of its own, and leaves them open. Prints handshakes a second, resident memory a
// session and records echoed a second. Both share the machine, so the rates are of both ends.
//
//     bench_dtls_sessions [SESSIONS]
#include "net/descriptor_limit.hpp"
#include "net/dtls.hpp"

#include <boost/asio/io_context.hpp>

#include <fmt/format.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace causeway;
using Steady = std::chrono::steady_clock;

namespace {

constexpr std::uint32_t under_way_max = 32;
constexpr std::size_t echoes = 50'000;

double seconds_since(Steady::time_point start) {
    return std::chrono::duration<double>(Steady::now() - start).count();
}

double resident_octets() {
    std::ifstream statm("/proc/self/statm");
    std::size_t total = 0;
    std::size_t resident = 0;
    statm >> total >> resident;
    return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

[[noreturn]] void die(const std::string& line) {
    fmt::print(stderr, "{}\n", line);
    std::exit(1);
}

net::DtlsHost opened(net::Io& io, std::optional<net::DtlsServer> server,
                     net::DtlsHost::Options options, net::DtlsHost::Events events) {
    auto host = net::DtlsHost::open(io, net::Endpoint::parse("127.0.0.1:0").value(),
                                    std::move(server), options, std::move(events));
    if (!host) die(host.error().line);
    return std::move(*host);
}

/// Opens sessions until there are enough, then has records echoed on some of them.
void be_the_clients(const net::Endpoint& server, std::uint32_t sessions) {
    net::Io io;
    const net::DtlsClient as{
        .psk_identity = "probe", .psk = Octets(16, std::byte{7}), .resume = false};
    std::vector<net::DtlsHost> hosts;
    std::vector<std::uint32_t> channels;
    hosts.reserve(sessions);
    std::uint32_t open = 0;
    std::size_t echoed = 0;
    const auto begin_one = [&] {
        if (hosts.size() >= sessions) return;
        const std::size_t i = hosts.size();
        hosts.push_back(
            opened(io, {}, {},
                   {.opened = [&](std::uint32_t, const net::DtlsHost::Facts&) { ++open; },
                    .received =
                        [&, i](std::uint32_t channel, Bytes octets) {
                            if (++echoed < echoes) hosts[i].send(channel, octets);
                        },
                    .closed =
                        [](std::uint32_t, const net::Trouble* trouble) {
                            die(trouble != nullptr ? trouble->line : "closed");
                        },
                    .batch = {},
                    .refused = {}}));
        auto channel = hosts.back().connect(server, as);
        if (!channel) die(channel.error().line);
        channels.push_back(*channel);
    };
    const auto start = Steady::now();
    while (open < sessions) {
        while (hosts.size() < sessions && hosts.size() - open < under_way_max) begin_one();
        io.run_one();
    }
    const double handshaking = seconds_since(start);
    fmt::print("{:>10} sessions in {:.1f} s: {:.0f} handshakes/s (TLS_PSK_WITH_AES_128_CCM_8)\n",
               sessions, handshaking, sessions / handshaking);
    const auto speaking = Steady::now();
    const Octets message(64, std::byte{1});
    for (std::size_t i = 0; i < std::min<std::size_t>(hosts.size(), 64); ++i)
        hosts[i].send(channels[i], message);
    while (echoed < echoes) io.run_one();
    fmt::print("{:>10.0f} records of 64 octets echoed a second\n",
               static_cast<double>(echoes) / seconds_since(speaking));
    std::fflush(stdout);
    ::kill(::getppid(), SIGUSR1);
    ::pause();
}

}  // namespace

int main(int argc, char** argv) {
    const auto sessions =
        argc > 1 ? static_cast<std::uint32_t>(std::strtoul(argv[1], nullptr, 10)) : 10'000u;
    net::raise_descriptor_limit();
    const std::string psk =
        (std::filesystem::temp_directory_path() / fmt::format("dtls-bench-{}.psk", ::getpid()))
            .string();
    std::ofstream(psk) << "probe:07070707070707070707070707070707\n";
    net::Io io;
    net::DtlsHost* server = nullptr;
    net::DtlsHost host = opened(
        io, net::DtlsServer{.psk_file = psk}, {.sessions_max = sessions + 1},
        {.opened = [](std::uint32_t, const net::DtlsHost::Facts&) {},
         .received = [&](std::uint32_t channel, Bytes octets) { server->send(channel, octets); },
         .closed = [](std::uint32_t, const net::Trouble*) {},
         .batch = {},
         .refused = {}});
    server = &host;
    std::filesystem::remove(psk);
    static bool done = false;
    ::signal(SIGUSR1, [](int) { done = true; });
    const net::Endpoint at = host.local();
    const double before = resident_octets();
    const pid_t clients = ::fork();
    if (clients == 0) {
        io.notify_fork(net::Io::fork_child);
        be_the_clients(at, sessions);
        std::_Exit(0);
    }
    while (!done && ::waitpid(clients, nullptr, WNOHANG) == 0)
        io.run_for(std::chrono::milliseconds(100));
    const double after = resident_octets();
    const auto& stats = host.stats();
    fmt::print(
        "{:>10.1f} MB resident for {} sessions, {:.1f} kB each; {:.1f} MB before them\n",
        (after - before) / 1e6, stats.sessions,
        (after - before) / 1e3 / static_cast<double>(std::max<std::uint64_t>(stats.sessions, 1)),
        before / 1e6);
    ::kill(clients, SIGTERM);
    ::waitpid(clients, nullptr, 0);
    return stats.sessions == sessions ? 0 : 1;
}
