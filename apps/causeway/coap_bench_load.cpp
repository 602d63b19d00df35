#include "coap_bench_load.hpp"

#include "base/repr.hpp"
#include "net/signals.hpp"

#include <algorithm>
#include <chrono>

namespace causeway::cli {
namespace {

using std::chrono::microseconds;

constexpr std::size_t meeting_window = 64;
constexpr std::int64_t second_ns = 1'000'000'000;

class CoapLoad {
public:
    CoapLoad(const CoapBenchPlan& plan, BenchSockets sockets)
        : plan_(plan),
          sockets_(std::move(sockets)),
          slots_(plan.window),
          ids_(plan.endpoints),
          patience_ns_(static_cast<std::int64_t>(plan.patience_seconds * 1e9)) {
        for (std::uint32_t i = plan.window; i > 0; --i) free_.push_back(i - 1);
        for (std::uint32_t i = 0; i < ids_.size(); ++i)
            ids_[i] = static_cast<std::uint16_t>(i * 40503u);
        coap::Message request = plan.request;
        request.token = coap::Token(Octets(bench_token_octets));
        template_.resize(request.wire_size());
        ByteWriter out(template_);
        request.emit(out);
    }

    std::expected<CoapBenchReport, std::string> run() {
        report_.endpoints = plan_.endpoints;
        report_.window = plan_.window;
        report_.server_resident_before = resident();
        meet();
        if (report_.met == 0) return std::unexpected("the server does not answer");
        if (!plan_.echoed && refused_ == plan_.endpoints)
            return std::unexpected("the server refuses the request");
        turn_for(plan_.warmup_seconds);
        measure();
        // What is still under way counts neither as answered nor as lost.
        report_.unsent = sockets_.refused();
        report_.server_resident_after = resident();
        return std::move(report_);
    }

private:
    struct Slot {
        std::int64_t sent_ns = 0;
        std::uint32_t endpoint = 0;
        std::uint16_t generation = 0;
        bool busy = false;
        bool measured = false;  // sent since measuring began
    };

    [[nodiscard]] std::optional<ProcessUse> server() const {
        return plan_.server_pid != 0 ? ProcessUse::of(plan_.server_pid) : std::nullopt;
    }
    [[nodiscard]] std::optional<std::uint64_t> resident() const {
        const auto use = server();
        return use ? std::optional(use->resident_octets) : std::nullopt;
    }

    /// Every endpoint asks once, so that the server has seen them all.
    void meet() {
        const std::int64_t began = bench_now_ns();
        // Not so many at once that the first burst finds no room in a socket's usual buffer.
        std::vector<std::uint32_t> kept;
        while (free_.size() > meeting_window) {
            kept.push_back(free_.back());
            free_.pop_back();
        }
        const std::size_t window = free_.size();
        to_send_ = plan_.endpoints;
        while ((to_send_ > 0 || free_.size() < window) && !bench_interrupted()) turn();
        free_.insert(free_.end(), kept.begin(), kept.end());
        report_.meeting_seconds = static_cast<double>(bench_now_ns() - began) / 1e9;
        report_.met = static_cast<std::uint32_t>(answered_ + refused_);
    }

    void turn_for(double seconds) {
        to_send_ = UINT64_MAX;
        const std::int64_t end = bench_now_ns() + static_cast<std::int64_t>(seconds * 1e9);
        while (bench_now_ns() < end && !bench_interrupted()) turn();
    }

    void measure() {
        const auto server_before = server();
        const double cpu_before = own_cpu_s();
        const std::int64_t began = bench_now_ns();
        answered_ = refused_ = lost_ = 0;
        report_.latency.clear();
        measuring_ = true;
        if (plan_.count > 0) {
            to_send_ = plan_.count;
            while (answered_ + refused_ + lost_ < plan_.count && !bench_interrupted()) turn();
        } else {
            turn_for(plan_.seconds);
        }
        report_.seconds = static_cast<double>(bench_now_ns() - began) / 1e9;
        report_.generator_cpu_s = own_cpu_s() - cpu_before;
        if (const auto after = server(); after && server_before)
            report_.server_cpu_s = after->cpu_s - server_before->cpu_s;
        report_.answered = answered_;
        report_.refused = refused_;
        report_.lost = lost_;
    }

    void turn() {
        fill();
        const auto on_datagram = [this](std::uint32_t endpoint, Bytes datagram) {
            heard(endpoint, datagram);
        };
        now_ns_ = bench_now_ns();
        bool any = false;
        // Several batches before the window is filled up again, where it is wide.
        for (std::size_t i = 0; i <= plan_.window / (2 * BenchSockets::batch_size); ++i) {
            if (!sockets_.receive(on_datagram)) break;
            any = true;
        }
        if (!any) sockets_.wait(microseconds(500));
        if (now_ns_ - looked_ns_ > second_ns / 20) give_up_on_the_lost();
    }

    void fill() {
        const std::int64_t now = bench_now_ns();
        while (to_send_ > 0 && !free_.empty()) {
            const std::uint32_t at = free_.back();
            free_.pop_back();
            if (to_send_ != UINT64_MAX) --to_send_;
            Slot& slot = slots_[at];
            slot.busy = true;
            slot.measured = measuring_;
            slot.sent_ns = now;
            slot.endpoint = next_endpoint_;
            if (++next_endpoint_ == plan_.endpoints) next_endpoint_ = 0;
            const MutableBytes out = sockets_.add(slot.endpoint, template_.size());
            std::memcpy(out.data(), template_.data(), template_.size());
            const std::uint16_t id = ids_[slot.endpoint]++;
            ByteWriter writer(out.subspan(2, 2 + bench_token_octets));
            writer.be16(id);
            writer.be16(static_cast<std::uint16_t>(at));
            writer.be16(slot.generation);
        }
        sockets_.flush();
    }

    void heard(std::uint32_t endpoint, Bytes datagram) {
        const auto header = BenchHeader::of(datagram);
        if (!header) return;
        if (header->type == coap::Type::reset) {
            ++refused_;
            return;
        }
        if (header->code == coap::Code::empty) return;  // the response comes separately
        if (header->type == coap::Type::confirmable && !plan_.echoed)
            bench_acknowledge(*header, sockets_.add(endpoint, coap::Message::header_octets));
        if (header->token.size() != bench_token_octets) return;
        ByteReader in(header->token);
        const std::uint32_t at = in.be16();
        const std::uint16_t generation = in.be16();
        if (at >= slots_.size()) return;
        Slot& slot = slots_[at];
        if (!slot.busy || slot.generation != generation || slot.endpoint != endpoint) return;
        // What was sent before measuring began is no part of it.
        if (slot.measured == measuring_) {
            ++(plan_.echoed || coap::is_success(header->code) ? answered_ : refused_);
            report_.latency.count(now_ns_ - slot.sent_ns);
        }
        release(at);
    }

    void release(std::uint32_t at) {
        slots_[at].busy = false;
        ++slots_[at].generation;
        free_.push_back(at);
    }

    void give_up_on_the_lost() {
        looked_ns_ = now_ns_;
        for (std::uint32_t at = 0; at < slots_.size(); ++at) {
            if (!slots_[at].busy || now_ns_ - slots_[at].sent_ns < patience_ns_) continue;
            lost_ += slots_[at].measured == measuring_ ? 1 : 0;
            release(at);
        }
    }

    const CoapBenchPlan& plan_;
    BenchSockets sockets_;
    Octets template_;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_;
    std::vector<std::uint16_t> ids_;  // the next message id of each endpoint
    std::int64_t patience_ns_;
    std::uint32_t next_endpoint_ = 0;
    std::uint64_t to_send_ = 0;
    bool measuring_ = false;
    std::int64_t now_ns_ = 0;
    std::int64_t looked_ns_ = 0;
    std::uint64_t answered_ = 0;
    std::uint64_t refused_ = 0;
    std::uint64_t lost_ = 0;
    CoapBenchReport report_;
};

}  // namespace

std::int64_t bench_now_ns() {
    return std::chrono::steady_clock::now().time_since_epoch().count();
}

bool bench_interrupted() {
    return net::Signals::raised() != 0;
}

std::optional<BenchHeader> BenchHeader::of(Bytes datagram) noexcept {
    if (datagram.size() < coap::Message::header_octets) return std::nullopt;
    const auto first = std::to_integer<unsigned>(datagram[0]);
    const std::size_t token = first & 15;
    if (first >> 6 != 1 || datagram.size() < coap::Message::header_octets + token)
        return std::nullopt;
    return BenchHeader{static_cast<coap::Type>(first >> 4 & 3),
                       static_cast<coap::Code>(datagram[1]),
                       static_cast<std::uint16_t>(std::to_integer<unsigned>(datagram[2]) << 8 |
                                                  std::to_integer<unsigned>(datagram[3])),
                       datagram.subspan(coap::Message::header_octets, token)};
}

void bench_acknowledge(const BenchHeader& header, MutableBytes out) noexcept {
    out[0] = std::byte{0x60};
    out[1] = std::byte{0};
    out[2] = static_cast<std::byte>(header.id >> 8);
    out[3] = static_cast<std::byte>(header.id);
}

std::expected<CoapBenchReport, std::string> run_coap_load(const CoapBenchPlan& plan) {
    auto sockets = BenchSockets::open(plan.target, plan.endpoints);
    if (!sockets) return std::unexpected(sockets.error());
    const net::Signals signals;
    CoapLoad load(plan, *std::move(sockets));
    return load.run();
}

}  // namespace causeway::cli
