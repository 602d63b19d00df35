#pragma once
// The Initiator as a CoAP client, the forward message flow [RFC 9528 §A.2.1]: an engine that puts
// out requests and takes what an Endpoint says of them, until there is a session or none. It begins
// anew when the other end names a cipher suite that both have [RFC 9528 §6.3.1], and says a message
// again with the Echo option that it is asked for [RFC 9175 §2.3]. How long to wait is the
// endpoint's business, so it has no timers.
#include "secure/edhoc_resource.hpp"

namespace causeway::secure {

struct EdhocFailed {
    EdhocFault fault = EdhocFault::peer_error;
    /// What the other end said, if anything. Anybody can say that.
    std::optional<EdhocErrorMessage> said{};
    std::optional<coap::Code> code{};        // of its response
    std::optional<coap::Failure> failure{};  // no response came
};

class EdhocClient {
public:
    struct Start {
        coap::Peer peer{};
        coap::RequestId id{};  // of every request: each is over before the next
        std::int64_t method = 3;
        ConnectionId c_i{};  // our OSCORE Recipient ID to be
        crypto::Secret seed{};
        coap::Options options{};  // of every request; the path is edhoc_path where none is said
    };
    using Input = std::variant<coap::ResponseArrived, coap::RequestFailed>;
    using Output = std::variant<coap::Request, EdhocEstablished, EdhocFailed>;

    /// `config` outlives this. The first request can be polled at once.
    EdhocClient(const EdhocConfig& config, Start start);

    /// What is not of this run's requests is ignored.
    void handle(Instant now, Input input);
    void handle_timeout(Instant) {}
    [[nodiscard]] std::optional<Output> poll_output() { return outbox_.poll(); }
    [[nodiscard]] Instant next_deadline() const noexcept { return never; }
    /// EdhocEstablished or EdhocFailed was put out.
    [[nodiscard]] bool over() const noexcept { return state_ == State::over; }

private:
    enum class State : std::uint8_t { wait_2, wait_4, over };
    static constexpr int runs_max = 3;    // the first, and one for each lesson about suites
    static constexpr int echoes_max = 2;  // of one message

    void begin(const SuiteNumbers& suites_r);
    void request(Octets payload);
    void on_response(const coap::ResponseArrived& response);
    void on_error(const coap::ResponseArrived& response);
    [[nodiscard]] bool is_another_suite(const SuiteNumbers& suites_r) const;
    void refuse(EdhocFailure failure);
    void establish();
    void fail(EdhocFailed why);

    const EdhocConfig* config_;
    Start start_;
    EdhocRandomness randomness_;
    std::optional<EdhocInitiator> initiator_;
    coap::Request request_;
    State state_ = State::wait_2;
    int runs_ = 0;
    int echoes_ = 0;
    Outbox<Output> outbox_;
};

}  // namespace causeway::secure
