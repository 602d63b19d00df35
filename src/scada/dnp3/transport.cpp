#include "scada/dnp3/transport.hpp"

namespace causeway::scada::dnp3 {

FragmentAssembly::Outcome FragmentAssembly::take(Address source, Address destination,
                                                 Bytes segment) {
    if (segment.size() < 2) return Outcome::out_of_order;  // nothing of a fragment in it
    const SegmentHeader header = SegmentHeader::from_octet(segment[0]);
    const Bytes octets = segment.subspan(1);
    if (header.first) {  // whatever was under way is over, and any number may begin
        octets_.clear();
        under_way_ = true;
        source_ = source;
        destination_ = destination;
    } else {
        if (!under_way_ || source != source_ || destination != destination_)
            return Outcome::out_of_order;
        if (header.sequence != next_) {
            // A frame that the link layer repeated is no harm.
            const bool again = header.sequence == ((next_ + 63) & 0x3f) && !header.final &&
                               same(Bytes(octets_).subspan(last_at_), octets);
            if (!again) clear();
            return Outcome::out_of_order;
        }
    }
    if (octets_.size() + octets.size() > most_) {
        clear();
        return Outcome::too_long;
    }
    last_at_ = octets_.size();
    next_ = (header.sequence + 1) & 0x3f;
    octets_.insert(octets_.end(), octets.begin(), octets.end());
    if (!header.final) return Outcome::more;
    clear();
    return Outcome::whole;
}

}  // namespace causeway::scada::dnp3
