#pragma once
// The air of one node that runs in another program: its radio is a UDP socket that speaks ZEP, and
// here is the other end.
//
// An emulated node waits for an acknowledgement as long as a radio would, some 860 us of real time.
// So nothing here waits: a frame goes to its callback in the very turn of the event loop that read
// it, and send() is one system call on a socket that never blocks, made before send() returns. Who
// must be quick calls send() from the callback.
#include "net/endpoint.hpp"
#include "net/io.hpp"
#include "net/trouble.hpp"
#include "net/zep.hpp"

#include <functional>
#include <memory>

namespace causeway::net {

class RadioPort {
public:
    struct Options {
        Endpoint local;
        Endpoint remote;  // the only one that is listened to
        std::uint16_t device = 1;
    };

    struct Received {
        Bytes frame;  // with its FCS, which nobody has checked; borrowed for the length of the call
        std::uint8_t lqi = 0;
        std::uint8_t channel = 0;
        /// False when the sender's radio had put its status where the FCS was: `frame` then ends
        /// before it, and that radio vouches for it.
        bool has_fcs = true;
    };

    struct Stats {
        std::uint64_t received = 0;
        std::uint64_t delivered = 0;
        std::uint64_t foreign = 0;      // not from `remote`
        std::uint64_t malformed = 0;    // not ZEP, or no room for a frame in it
        std::uint64_t unsupported = 0;  // a type or version that means nothing to us
        std::uint64_t unsound = 0;      // the sender's radio says that its FCS was wrong
        std::uint64_t acks = 0;         // ZEP's own, which we never ask for
        std::uint64_t sent = 0;
        std::uint64_t send_refused = 0;

        template <class Named>
        void visit(Named&& named) const {
            named("received", received);
            named("delivered", delivered);
            named("foreign", foreign);
            named("malformed", malformed);
            named("unsupported", unsupported);
            named("unsound", unsound);
            named("acks", acks);
            named("sent", sent);
            named("send_refused", send_refused);
        }
        [[nodiscard]] bool balanced() const noexcept {
            return received == delivered + foreign + malformed + unsupported + unsound + acks;
        }
    };

    using OnFrame = std::function<void(const Received&)>;

    [[nodiscard]] static Opened<RadioPort> open(Io& io, const Options& options);

    RadioPort(RadioPort&&) noexcept;
    RadioPort& operator=(RadioPort&&) noexcept;
    ~RadioPort();

    void receive(OnFrame on_frame);
    /// `frame_with_fcs` has 3 to 127 octets. Away before this returns, or dropped: false.
    bool send(Bytes frame_with_fcs, std::uint8_t lqi, std::uint8_t channel);

    [[nodiscard]] const Endpoint& local() const noexcept;
    [[nodiscard]] const Stats& stats() const noexcept;

private:
    struct State;
    explicit RadioPort(std::shared_ptr<State> state) noexcept;
    std::shared_ptr<State> state_;  // a callback under way holds it too
};

}  // namespace causeway::net
