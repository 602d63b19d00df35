// Unsolicited responses. [IEEE 1815 §4.6, §5.1.1]
#include "scada/dnp3/master_state.hpp"

namespace causeway::scada::dnp3 {

void Master::State::unsolicited(Instant now, const FragmentView& fragment, Bytes octets) {
    // They are of one fragment each.
    if (!fragment.control.first || !fragment.control.final) {
        ++stats.bad_fragments;
        return;
    }
    ObjectReader reader(fragment.objects, ObjectReader::carry_of(fragment));
    while (reader.next()) {
    }
    if (reader.trouble() != ObjectReader::Trouble::none) ++stats.bad_objects;
    if (reader.trouble() == ObjectReader::Trouble::truncated) return;

    heard();
    ++stats.unsolicited;
    note(now, fragment.iin, true);
    // Before the integrity poll a change would be put upon a state that nobody knows: it is neither
    // taken nor confirmed, and the outstation keeps it. The empty one, which says that it has
    // started, is confirmed: it would hold back the answer to our poll until its timer runs out.
    // [IEEE 1815 §5.1.1.1.2]
    if (!fragment.objects.empty() && !integrity_done) {
        ++stats.unexpected;
        return;
    }
    if (fragment.control.confirm) confirm(fragment.control.sequence, true);
    // Our confirmation was lost on its way: the same is confirmed again, and not delivered.
    if (same(last_unsolicited, octets)) {
        ++stats.unsolicited_repeats;
        return;
    }
    last_unsolicited.assign(octets.begin(), octets.end());
    (void)deliver(fragment, true);
    out.push(ResponseDone{.iin = fragment.iin, .unsolicited = true});
}

}  // namespace causeway::scada::dnp3
