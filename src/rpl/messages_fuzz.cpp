// Whatever octets come: parsing ends, and what was understood survives being written and read.
#include "rpl/data_plane.hpp"
#include "rpl/messages.hpp"

#include <cstdlib>

namespace {

using namespace causeway;

template <Repr T>
void round_trip(Bytes octets) {
    const Result<T> first = parse_as<T>(octets);
    if (!first) return;
    const Result<T> second = parse_as<T>(emitted(*first));
    if (!second || !(*second == *first)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const Bytes octets = std::as_bytes(std::span(data + 1, size - 1));
    switch (data[0] % 8) {
        case 0:
            round_trip<rpl::Dis>(octets);
            break;
        case 1:
            round_trip<rpl::Dio>(octets);
            break;
        case 2:
            round_trip<rpl::Dao>(octets);
            break;
        case 3:
            round_trip<rpl::DaoAck>(octets);
            break;
        case 4:
            round_trip<rpl::ConsistencyCheck>(octets);
            break;
        case 5:
            round_trip<rpl::Options>(octets);
            break;
        case 6:
            round_trip<rpl::SourceRoutingHeader>(octets);
            break;
        default:
            round_trip<rpl::RplOption>(octets);
            break;
    }
    return 0;
}
