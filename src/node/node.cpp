#include "node/node.hpp"

#include "node/stack.hpp"

namespace causeway::node {

std::string_view name_of(LossReason reason) noexcept {
    switch (reason) {
        case LossReason::no_route:
            return "no_route";
        case LossReason::link_no_ack:
            return "link_no_ack";
        case LossReason::link_channel_busy:
            return "link_channel_busy";
        case LossReason::queue_full:
            return "queue_full";
        case LossReason::hop_limit:
            return "hop_limit";
        case LossReason::loop:
            return "loop";
        case LossReason::source_route:
            return "source_route";
        case LossReason::reassembly:
            return "reassembly";
        case LossReason::malformed:
            return "malformed";
        case LossReason::not_wanted:
            return "not_wanted";
        case LossReason::too_big:
            return "too_big";
        case LossReason::node_down:
            return "node_down";
        case LossReason::count:
            break;
    }
    return "unknown";
}

Node::Node(Config config, Random random, Teller teller, Instant now, Flash* flash)
    : stack_(std::make_unique<Stack>(std::move(config), random, teller, now, flash)) {}
Node::Node(Node&&) noexcept = default;
Node& Node::operator=(Node&&) noexcept = default;
Node::~Node() = default;

void Node::handle(Instant now, Input in) {
    stack_->handle(now, std::move(in));
}
void Node::handle_timeout(Instant now) {
    stack_->handle_timeout(now);
}
std::optional<Node::Output> Node::poll_output() {
    return stack_->out.poll();
}
Instant Node::next_deadline() const {
    return stack_->next_deadline();
}
void Node::power_off(Instant now) {
    stack_->power_off(now);
}
Status Node::status() const {
    return stack_->status();
}
Counters Node::counters() const {
    return stack_->counters();
}

}  // namespace causeway::node
