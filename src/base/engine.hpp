#pragma once
#include "base/time.hpp"

#include <concepts>
#include <optional>
#include <utility>

namespace causeway {

/// A protocol machine with no socket, no thread and no clock. Laws, held to by tests/laws:
///   1. handle() and handle_timeout() call nothing outside; what they want done waits to be polled.
///   2. After either call the host polls outputs until none is left, then waits until
///      next_deadline() or the next input, whichever is first.
///   3. handle_timeout(next_deadline()) makes progress: an output, or a later deadline.
///   4. A handle_timeout() that comes early, late or twice does no harm.
///   5. Same seed, same inputs at the same instants: same outputs, octet for octet.
template <class E>
concept Engine = requires(E& e, const E& idle, Instant now, typename E::Input in) {
    { e.handle(now, std::move(in)) } -> std::same_as<void>;
    { e.handle_timeout(now) } -> std::same_as<void>;
    { e.poll_output() } -> std::same_as<std::optional<typename E::Output>>;
    { idle.next_deadline() } -> std::same_as<Instant>;  // never, when nothing is armed
};

/// Lets one std::visit read as a list of cases.
template <class... Cases>
struct Overloaded : Cases... {
    using Cases::operator()...;
};

}  // namespace causeway
