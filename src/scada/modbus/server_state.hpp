#pragma once
// What a server remembers, for its files only: peers, writes that wait, the answers at hand.
#include "base/deadlines.hpp"
#include "scada/modbus/framing.hpp"
#include "scada/modbus/pdu.hpp"
#include "scada/modbus/server.hpp"
#include "scada/modbus/server_unit.hpp"

#include <array>
#include <bitset>
#include <deque>
#include <map>
#include <variant>

namespace causeway::scada::modbus {

struct Server::State {
    static constexpr std::uint8_t no_unit = 0xff;

    struct Peer {
        PeerId id{};
        std::variant<TcpFrames, RtuRequests, AsciiFrames> frames{};
        std::bitset<256> listens_only{};  // units that may not answer it
        Octets echoed{};                  // what it will hear of itself
        bool silent_once = false;         // the silence was looked at
    };
    struct Pending {
        PeerId peer{};
        std::uint16_t transaction = 0;
        Unit unit = 0;  // as it was addressed
        std::uint8_t at = 0;
        bool waits = false;  // somebody wants the answer
        Instant deadline{};
        InplaceBytes<pdu_octets_max> pdu{};
    };
    struct Held {
        Instant due{};
        PeerId peer{};
        Octets octets{};
    };

    State(ServerSettings given, std::vector<UnitPlan> plans);

    // ---- peers: server.cpp
    [[nodiscard]] std::uint32_t find(PeerId id);
    std::uint32_t open(PeerId id);
    void close(PeerId id);
    void octets(Instant now, PeerId id, Bytes in);
    void tell_faults();
    void silent(Instant now, std::uint32_t slot);
    void timeout(Instant now);
    [[nodiscard]] Instant next_deadline() const;

    // ---- requests: server_serve.cpp
    /// On a shared line: for us, for everybody, or for others.
    void heard(Instant now, Peer& peer, const Adu& adu);
    void serve(Instant now, Peer& peer, const Adu& adu);
    void broadcast(Instant now, Peer& peer, const Adu& adu);
    /// A request on a line without transaction ids while a write waits; true: it is the same.
    bool supersedes(PeerId peer, const Adu& adu);
    /// The change that was done, or is to be done. False: too many wait.
    bool tell(Instant now, PeerId peer, const Adu& adu, std::uint8_t at,
              ServerUnit::Effects& effects, bool broadcast);
    [[nodiscard]] std::uint8_t unit_of(Unit unit) const;

    // ---- writes that waited
    void abandon(Pending& pending);
    void finish(Instant now, Pending& pending, std::optional<Exception> exception);
    void answered(Instant now, const WriteAnswered& answer);

    // ---- answers
    /// Room for an answer's PDU; end_answer() puts the frame around it.
    [[nodiscard]] ByteWriter begin_answer();
    void end_answer(Instant now, PeerId peer, std::uint16_t transaction, Unit unit,
                    std::size_t octets);
    void refuse(Instant now, PeerId peer, const Adu& asked, Exception exception);
    /// TCP: all that one input asked for leaves at once.
    void flush(PeerId peer);

    ServerSettings settings;
    std::vector<ServerUnit> units;
    std::array<std::uint8_t, 256> unit_at{};
    RtuRequests::Units ours;
    Duration hold{};  // an answer, so that the line is silent before it
    Duration gap{};
    char ascii_end = '\n';

    Pool<Peer> peers;
    FlatIndex index;
    std::uint32_t last = 0;
    bool known_last = false;
    Deadlines silences;                       // by slot
    std::map<std::uint64_t, Pending> writes;  // in the order of their deadlines, too
    std::uint64_t write_number = 0;
    std::deque<Held> held;

    Octets scratch;  // answers of the input at hand
    std::size_t used = 0;
    FrameFaults faults;
    LineCounts line;
    Stats stats;
    Outbox<Output> outbox;
};

}  // namespace causeway::scada::modbus
