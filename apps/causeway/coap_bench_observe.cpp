// Observers of one resource, and how long it takes until all of them know that it has changed.
#include "base/repr.hpp"
#include "coap_bench_load.hpp"
#include "net/signals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace causeway::cli {
namespace {

constexpr unsigned attempts_max = 5;
constexpr std::int64_t again_after_ns = 500'000'000;

class Observers {
public:
    Observers(const CoapBenchPlan& plan, BenchSockets sockets)
        : plan_(plan), sockets_(std::move(sockets)), observers_(plan.observers) {}

    std::expected<CoapBenchReport, std::string> run() {
        report_.endpoints = plan_.observers;
        report_.window = plan_.window;
        const double cpu_before = own_cpu_s();
        const std::int64_t began = bench_now_ns();
        if (auto trouble = register_all()) return std::unexpected(*std::move(trouble));
        report_.meeting_seconds = static_cast<double>(bench_now_ns() - began) / 1e9;
        report_.met = registered_;
        for (std::uint32_t round = 1; round <= plan_.rounds && !bench_interrupted(); ++round) {
            listen_for(plan_.pause_seconds);
            change(round);
        }
        report_.seconds = static_cast<double>(bench_now_ns() - began) / 1e9;
        report_.generator_cpu_s = own_cpu_s() - cpu_before;
        report_.unsent = sockets_.refused();
        if (plan_.server_pid != 0)
            if (const auto use = ProcessUse::of(plan_.server_pid))
                report_.server_resident_after = use->resident_octets;
        return std::move(report_);
    }

private:
    struct Observer {
        std::int64_t asked_ns = 0;
        unsigned attempts = 0;
        bool registered = false;
        std::uint32_t round = 0;  // of the last notification
    };

    /// The endpoint behind the observers' makes the changes.
    [[nodiscard]] std::uint32_t changer() const { return plan_.observers; }

    void send(std::uint32_t endpoint, coap::Message message) {
        Octets token(bench_token_octets);
        ByteWriter(token).be32(endpoint);
        message.token = coap::Token(token);
        message.id = ++id_;
        ByteWriter out(sockets_.add(endpoint, message.wire_size()));
        message.emit(out);
    }

    std::optional<std::string> register_all() {
        coap::Message request = plan_.request;
        request.code = coap::Code::get;
        request.payload.clear();
        request.options.add_uint(coap::OptionNumber::observe, 0);
        request.type = coap::Type::confirmable;
        std::uint32_t next = 0;
        while (registered_ < plan_.observers && !bench_interrupted()) {
            const std::int64_t now = bench_now_ns();
            for (; next < plan_.observers && next - registered_ < plan_.window; ++next)
                ask(next, request, now);
            sockets_.flush();
            listen();
            if (refusal_) return refusal_;
            for (std::uint32_t i = 0; i < next; ++i) {
                Observer& observer = observers_[i];
                if (observer.registered || now - observer.asked_ns < again_after_ns) continue;
                if (observer.attempts == attempts_max)
                    return "the server does not answer every observer";
                ask(i, request, now);
            }
        }
        return std::nullopt;
    }

    void ask(std::uint32_t endpoint, const coap::Message& request, std::int64_t now) {
        observers_[endpoint].asked_ns = now;
        ++observers_[endpoint].attempts;
        send(endpoint, request);
    }

    /// One change, and all of its notifications.
    void change(std::uint32_t round) {
        round_ = round;
        told_ = 0;
        coap::Message request = plan_.request;
        request.code = coap::Code::put;
        request.type = coap::Type::confirmable;
        request.payload = to_octets(as_octets(fmt::format("change {}", round)));
        request.options.set_uint(coap::OptionNumber::content_format, 0);
        const std::int64_t began = bench_now_ns();
        const auto deadline = began + static_cast<std::int64_t>(plan_.patience_seconds * 1e9);
        send(changer(), std::move(request));
        sockets_.flush();
        while (told_ < plan_.observers && bench_now_ns() < deadline && !bench_interrupted())
            listen();
        report_.missed += plan_.observers - told_;
        if (told_ == plan_.observers)
            report_.rounds_ms.push_back(static_cast<double>(last_ns_ - began) / 1e6);
    }

    void listen_for(double seconds) {
        const auto end = bench_now_ns() + static_cast<std::int64_t>(seconds * 1e9);
        while (bench_now_ns() < end && !bench_interrupted()) listen();
    }

    void listen() {
        const bool any = sockets_.receive(
            [this](std::uint32_t endpoint, Bytes datagram) { heard(endpoint, datagram); });
        if (any)
            sockets_.flush();  // acknowledgements
        else
            sockets_.wait(std::chrono::microseconds(500));
    }

    void heard(std::uint32_t endpoint, Bytes datagram) {
        const auto header = BenchHeader::of(datagram);
        if (!header || header->code == coap::Code::empty) return;
        if (header->type == coap::Type::confirmable)
            bench_acknowledge(*header, sockets_.add(endpoint, coap::Message::header_octets));
        if (endpoint == changer() && !coap::is_success(header->code)) {
            refusal_ = "the server refuses a PUT: " + coap::to_text(header->code);
            return;
        }
        if (endpoint >= plan_.observers) return;
        Observer& observer = observers_[endpoint];
        if (!observer.registered) return registration(observer, datagram);
        if (round_ == 0 || observer.round == round_) return;
        observer.round = round_;
        ++told_;
        last_ns_ = bench_now_ns();
    }

    void registration(Observer& observer, Bytes datagram) {
        const auto message = parse_as<coap::Message>(datagram);
        if (!message) return;
        if (!coap::is_success(message->code) ||
            !message->options.has(coap::OptionNumber::observe)) {
            refusal_ = fmt::format("observer {} was refused: {}{}", registered_ + 1,
                                   coap::to_text(message->code),
                                   coap::is_success(message->code) ? ", not observed" : "");
            return;
        }
        observer.registered = true;
        ++registered_;
    }

    const CoapBenchPlan& plan_;
    BenchSockets sockets_;
    std::vector<Observer> observers_;
    std::uint32_t registered_ = 0;
    std::uint32_t round_ = 0;
    std::uint32_t told_ = 0;
    std::int64_t last_ns_ = 0;
    std::uint16_t id_ = 0;
    std::optional<std::string> refusal_;
    CoapBenchReport report_;
};

}  // namespace

std::expected<CoapBenchReport, std::string> run_coap_observers(const CoapBenchPlan& plan) {
    auto sockets = BenchSockets::open(plan.target, plan.observers + 1);
    if (!sockets) return std::unexpected(sockets.error());
    const net::Signals signals;
    Observers observers(plan, *std::move(sockets));
    return observers.run();
}

}  // namespace causeway::cli
