// causeway serial tunnel, causeway serial redirect: one port tunnelled through IP until it is told
// to stop.
#include "base/hex.hpp"
#include "net/endpoint.hpp"
#include "net/lines.hpp"
#include "net/signals.hpp"
#include "serial.hpp"
#include "site/tunnel.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <array>
#include <charconv>
#include <expected>
#include <memory>
#include <utility>

namespace causeway::cli {
namespace {

namespace asio = boost::asio;

using scada::tunnel::TunnelPolicy;
using scada::tunnel::TunnelProtocol;

struct TunnelOptions {
    std::string target;  // of redirect
    std::string serial;
    std::string pty;
    std::string format = "9600-8N1";
    std::string rts_before = "0";
    std::string rts_hold = "0";

    std::string listen;
    std::string connect;
    std::string udp;
    std::string remote;
    std::vector<std::string> allow;
    std::uint32_t peers_max = 64;
    bool take_over = false;

    bool rfc2217 = false;
    std::string policy = "share";
    std::string writer_idle = "0";
    std::size_t keep = 64 << 10;

    std::size_t packet_octets = 0;
    std::string packet_idle = "0";
    std::string packet_mark;
    std::uint8_t packet_after_mark = 0;
    bool packet_mark_removed = false;
    std::string packet_wait_max = "1s";

    std::string how_long;
    bool json = false;
    bool quiet = false;
};

constexpr std::array tunnel_policies{
    std::pair{"share", TunnelPolicy::share}, std::pair{"one-writes", TunnelPolicy::one_writes},
    std::pair{"first-come", TunnelPolicy::first_come}, std::pair{"newest", TunnelPolicy::newest}};

/// What is wrong with the command line.
using TunnelMistake = std::optional<std::string>;

TunnelMistake read_tunnel_wait(const char* option, const std::string& text, Duration& into) {
    const auto duration = duration_from_text(text);
    if (!duration) return fmt::format("{} {}: not a duration", option, text);
    into = *duration;
    return {};
}

/// "10.0.0.7:4001", "[::1]:4001", "router.example:4001".
TunnelMistake read_tunnel_target(const std::string& text, net::TcpConnectSpec& into) {
    const auto colon = text.rfind(':');
    const auto bad = fmt::format("{}: want HOST:PORT", text);
    if (colon == std::string::npos || colon == 0) return bad;
    std::string host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const char* const end = text.data() + text.size();
    std::uint16_t port = 0;
    const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, port);
    if (error != std::errc{} || rest != end || port == 0 || host.empty()) return bad;
    into.host = std::move(host);
    into.port = port;
    return {};
}

TunnelMistake read_tunnel_port(const TunnelOptions& options, site::TunnelPlan& plan) {
    if (options.serial.empty() == options.pty.empty()) return "want one of --serial and --pty";
    net::SerialSpec port;
    port.device = options.serial.empty() ? options.pty : options.serial;
    port.make_pty = options.serial.empty();
    const auto format = net::serial_format_from(options.format);
    if (!format) return fmt::format("--baud {}: want as in 9600 or 19200-8E1", options.format);
    port.format = *format;
    if (auto wrong = read_tunnel_wait("--rts-before", options.rts_before, port.rts_before))
        return wrong;
    if (auto wrong = read_tunnel_wait("--rts-hold", options.rts_hold, port.rts_hold)) return wrong;
    plan.name = port.device;
    plan.port = std::move(port);
    return {};
}

TunnelMistake read_tunnel_network(const TunnelOptions& options, site::TunnelPlan& plan) {
    const int given = (options.listen.empty() ? 0 : 1) + (options.connect.empty() ? 0 : 1) +
                      (options.udp.empty() ? 0 : 1);
    if (given != 1) return "want one of --listen, --connect and --udp";
    if (options.udp.empty() && !options.remote.empty()) return "--remote goes with --udp";
    if (options.listen.empty() && (!options.allow.empty() || options.take_over))
        return "--allow and --take-over go with --listen";
    for (const std::string* address : {&options.listen, &options.udp, &options.remote})
        if (const auto wrong = net::Endpoint::parse(*address); !address->empty() && !wrong)
            return wrong.error();
    if (!options.connect.empty()) {
        net::TcpConnectSpec spec;
        if (auto wrong = read_tunnel_target(options.connect, spec)) return "--connect " + *wrong;
        plan.network = std::move(spec);
    } else if (!options.listen.empty()) {
        plan.network = net::TcpListenSpec{.address = options.listen,
                                          .peers_max = options.peers_max,
                                          .take_over = options.take_over,
                                          .allow = options.allow};
    } else {
        plan.network = net::UdpSpec{
            .local = options.udp, .remote = options.remote, .peers_max = options.peers_max};
    }
    return {};
}

TunnelMistake read_tunnel_rules(const TunnelOptions& options, site::TunnelPlan& plan) {
    for (const auto& [name, policy] : tunnel_policies)
        if (options.policy == name) plan.policy = policy;
    if (auto wrong = read_tunnel_wait("--writer-idle", options.writer_idle, plan.writer_idle))
        return wrong;
    plan.keep_octets = options.keep;
    scada::tunnel::PacketRules& packets = plan.packets;
    packets.octets_max = options.packet_octets;
    packets.octets_after_mark = options.packet_after_mark;
    packets.mark_sent = !options.packet_mark_removed;
    if (auto wrong = read_tunnel_wait("--packet-idle", options.packet_idle, packets.idle))
        return wrong;
    if (auto wrong =
            read_tunnel_wait("--packet-wait-max", options.packet_wait_max, packets.wait_max))
        return wrong;
    const auto mark = from_hex(options.packet_mark);
    if (!mark || mark->size() > packets.mark_octets_max)
        return fmt::format("--packet-mark {}: want 1 to 4 octets in hex", options.packet_mark);
    packets.mark.assign(*mark);
    return {};
}

void report_tunnel(const scada::tunnel::TunnelStats& stats, bool json) {
    boost::json::object counters;
    stats.visit([&](std::string_view name, std::uint64_t value) { counters[name] = value; });
    if (json) {
        fmt::print("{}\n", boost::json::serialize(counters));
        return;
    }
    fmt::print(
        "from the port {} octets, {} sent on, {} lost; from the network {}, {} sent on, {} lost\n",
        stats.from_port, stats.to_network, stats.lost_network, stats.from_network, stats.to_port,
        stats.lost_port + stats.unwelcome);
}

int run_tunnel(const TunnelOptions& options, site::TunnelPlan plan) {
    Duration how_long{};
    if (!options.how_long.empty()) {
        if (auto wrong = read_tunnel_wait("--for", options.how_long, how_long))
            return say_why(bad_usage, *wrong);
    }
    asio::io_context io{1};
    net::Lines lines(io);
    auto log = [quiet = options.quiet](std::string_view line) {
        if (!quiet) fmt::print(stderr, "{}\n", line);
    };
    auto service = site::TunnelService::open(io, lines, std::move(plan), log);
    if (!service) return say_why(failed, service.error().line);
    fmt::print("{}\n", service->where());
    std::fflush(stdout);
    const net::Signals signals(io, [&io](int) { io.stop(); });
    asio::steady_timer end(io);
    if (how_long != Duration{}) {
        end.expires_after(how_long);
        end.async_wait([&io](const boost::system::error_code&) { io.stop(); });
    }
    io.run();
    report_tunnel(service->stats(), options.json);
    return done;
}

int serial_tunnel(const TunnelOptions& options) {
    site::TunnelPlan plan;
    if (options.rfc2217) plan.protocol = TunnelProtocol::rfc2217_server;
    if (auto wrong = read_tunnel_port(options, plan)) return say_why(bad_usage, *wrong);
    if (auto wrong = read_tunnel_network(options, plan)) return say_why(bad_usage, *wrong);
    if (auto wrong = read_tunnel_rules(options, plan)) return say_why(bad_usage, *wrong);
    if (options.rfc2217 && !options.udp.empty())
        return say_why(bad_usage, "--rfc2217 takes TCP, not --udp");
    return run_tunnel(options, std::move(plan));
}

int serial_redirect(TunnelOptions options) {
    site::TunnelPlan plan;
    std::string target = options.target;
    if (target.starts_with("rfc2217://")) options.rfc2217 = true;
    if (const auto scheme = target.find("://"); scheme != std::string::npos) {
        if (!target.starts_with("tcp://") && !options.rfc2217)
            return say_why(bad_usage, fmt::format("{}: want tcp:// or rfc2217://", target));
        target = target.substr(scheme + 3);
    }
    net::TcpConnectSpec network;
    if (auto wrong = read_tunnel_target(target, network)) return say_why(bad_usage, *wrong);
    plan.network = std::move(network);
    if (options.rfc2217) plan.protocol = TunnelProtocol::rfc2217_client;
    if (auto wrong = read_tunnel_port(options, plan)) return say_why(bad_usage, *wrong);
    if (auto wrong = read_tunnel_rules(options, plan)) return say_why(bad_usage, *wrong);
    return run_tunnel(options, std::move(plan));
}

void add_tunnel_packets(CLI::App& command, TunnelOptions& options) {
    const char* const group = "Packets, from the port to the network";
    command.add_option("--packet-octets", options.packet_octets, "End a packet at this length")
        ->type_name("OCTETS")
        ->check(CLI::Range(std::size_t{0}, scada::tunnel::PacketRules::packet_octets_limit))
        ->group(group);
    command.add_option("--packet-idle", options.packet_idle, "... after such a pause, as in 4ms")
        ->type_name("TIME")
        ->group(group);
    command.add_option("--packet-mark", options.packet_mark, "... behind these, as in 0d0a")
        ->type_name("HEX")
        ->group(group);
    command
        .add_option("--packet-after-mark", options.packet_after_mark,
                    "Octets behind the mark that belong to it, as a checksum")
        ->type_name("COUNT")
        ->check(CLI::Range(0, 16))
        ->group(group);
    command.add_flag("--packet-mark-removed", options.packet_mark_removed, "The mark is not sent")
        ->group(group);
    command
        .add_option("--packet-wait-max", options.packet_wait_max,
                    "No octet waits longer for its packet")
        ->type_name("TIME")
        ->capture_default_str()
        ->group(group);
}

void add_tunnel_options(CLI::App& command, TunnelOptions& options) {
    command
        .add_option("-b,--baud", options.format,
                    "The port's format, as in 9600, 19200-8E1, 115200-8N1/rtscts")
        ->type_name("FORMAT")
        ->capture_default_str();
    command
        .add_option("--keep", options.keep,
                    "Octets that wait while the other side is away, before this one is paused; 0: "
                    "they are dropped")
        ->type_name("OCTETS")
        ->capture_default_str();
    command.add_option("--for", options.how_long, "Stop after this long")->type_name("TIME");
    command.add_flag("--json", options.json, "All counters at the end, as JSON");
    command.add_flag("-q,--quiet", options.quiet, "Say nothing of connections on stderr");
    add_tunnel_packets(command, options);
}

void add_tunnel_tool(CLI::App& serial, Work& work) {
    auto* command = serial.add_subcommand("tunnel", "Tunnel a serial port through IP");
    command->footer(
        "Examples:\n"
        "  causeway serial tunnel --serial /dev/ttyUSB0 --listen 0.0.0.0:4001 --policy newest\n"
        "  causeway serial tunnel --serial /dev/ttyUSB0 --connect 10.0.0.7:4001\n"
        "  causeway serial tunnel --serial /dev/ttyUSB0 --udp 0.0.0.0:4001 \\\n"
        "      --remote 10.0.0.7:4001 --packet-idle 4ms\n\n"
        "Runs until SIGINT, SIGTERM or --for.");
    auto options = std::make_shared<TunnelOptions>();
    command->add_option("--serial", options->serial, "A serial port, best by its stable name")
        ->type_name("DEVICE");
    command->add_option("--pty", options->pty, "Or make a port for a program, under this name")
        ->type_name("LINK");
    command->add_option("--rts-before", options->rts_before, "Raise RTS so long before octets")
        ->type_name("TIME");
    command->add_option("--rts-hold", options->rts_hold, "And drop it so long after them")
        ->type_name("TIME");
    command->add_option("--listen", options->listen, "Others connect to us here")
        ->type_name("ADDRESS:PORT");
    command->add_option("--connect", options->connect, "We connect to this")
        ->type_name("HOST:PORT");
    command->add_option("--udp", options->udp, "Our end of UDP")->type_name("ADDRESS:PORT");
    command->add_option("--remote", options->remote, "With --udp: the other end")
        ->type_name("ADDRESS:PORT");
    command->add_option("--allow", options->allow, "With --listen: who may connect; may repeat")
        ->type_name("PREFIX")
        ->allow_extra_args(false);
    command->add_option("--peers-max", options->peers_max, "How many at once")
        ->type_name("COUNT")
        ->check(CLI::Range(1, 10'000))
        ->capture_default_str();
    command->add_flag("--take-over", options->take_over,
                      "One more takes the place of whoever was silent longest");
    command->add_flag("--rfc2217", options->rfc2217, "Over Telnet; peers may set the port");
    command
        ->add_option("--policy", options->policy,
                     "Who may write: share, one-writes; or one peer only: first-come, newest")
        ->check(CLI::IsMember({"share", "one-writes", "first-come", "newest"}))
        ->type_name("POLICY")
        ->capture_default_str();
    command
        ->add_option("--writer-idle", options->writer_idle,
                     "With one-writes: who is silent so long may be followed by another")
        ->type_name("TIME");
    add_tunnel_options(*command, *options);
    command->callback([options, &work] { work = [options] { return serial_tunnel(*options); }; });
}

void add_redirect_tool(CLI::App& serial, Work& work) {
    auto* command = serial.add_subcommand(
        "redirect", "Make a virtual serial port that leads to a device server");
    command->footer(
        "Examples:\n"
        "  causeway serial redirect tcp://10.0.0.7:4001 --pty /dev/ttyRTU1\n"
        "  causeway serial redirect tcp://10.0.0.7:4001 --pty /dev/ttyRTU1 --rfc2217\n\n"
        "A program opens the name as if it were a serial port. With --rfc2217 the far port is\n"
        "set as the program sets this one. Runs until SIGINT, SIGTERM or --for.");
    auto options = std::make_shared<TunnelOptions>();
    command
        ->add_option("TARGET", options->target, "The device server: tcp:// or rfc2217://HOST:PORT")
        ->type_name("URI")
        ->required();
    command->add_option("--pty", options->pty, "The port's name")->type_name("LINK")->required();
    command->add_flag("--rfc2217", options->rfc2217, "The device server speaks RFC 2217");
    add_tunnel_options(*command, *options);
    command->callback([options, &work] { work = [options] { return serial_redirect(*options); }; });
}

}  // namespace

void add_serial_tunnel(CLI::App& serial, Work& work) {
    add_tunnel_tool(serial, work);
    add_redirect_tool(serial, work);
}

}  // namespace causeway::cli
