// CBOR: what is well-formed has a notation; what was written in the preferred form is written the
// same again; and nothing reads beyond its octets.
#include "base/cbor.hpp"

using namespace causeway;

namespace {

/// Copies one item, and what is in it.
void copy(CborReader& in, CborWriter& out) {
    switch (in.kind()) {
        case CborKind::uint:
            out.uint(in.uint());
            return;
        case CborKind::negative:
            out.negative(in.negative());
            return;
        case CborKind::bytes:
            out.bytes(in.bytes());
            return;
        case CborKind::text:
            out.text(in.text());
            return;
        case CborKind::array:
        case CborKind::map: {
            const bool is_map = in.kind() == CborKind::map;
            const auto count = is_map ? in.enter_map() : in.enter_array();
            Octets items;
            CborWriter inner(items);
            std::uint64_t copied = 0;
            for (; in.more(); ++copied) copy(in, inner);
            in.leave();
            if (!in.ok()) return;
            if (is_map) copied /= 2;
            CAUSEWAY_ASSERT(!count || *count == copied);
            is_map ? out.map(copied) : out.array(copied);
            out.raw(items);
            return;
        }
        case CborKind::tag:
            out.tag(in.tag());
            copy(in, out);
            return;
        case CborKind::boolean:
            out.boolean(in.boolean());
            return;
        case CborKind::null:
            in.null();
            out.null();
            return;
        case CborKind::undefined:
            in.undefined();
            out.undefined();
            return;
        case CborKind::simple: {
            const std::uint8_t number = in.simple();
            if (in.ok()) out.simple(number);
            return;
        }
        case CborKind::floating:
            out.floating(in.floating());
            return;
        case CborKind::end:
            in.fail(Fault::truncated);
            return;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes octets = std::as_bytes(std::span(data, size));
    CborReader whole(octets);
    while (whole.more()) whole.skip();
    const auto line = cbor_diagnostic(octets);
    if (whole.ok()) (void)cbor_diagnostic(octets, CborLayout::indent);
    if (line) CAUSEWAY_ASSERT(whole.ok());

    CborReader in(octets);
    Octets copied;
    CborWriter out(copied);
    while (in.more()) copy(in, out);
    if (!in.ok()) return 0;
    CAUSEWAY_ASSERT(whole.ok() && in.done());
    // NaNs lose their payloads; all else that was preferred comes out as it went in.
    CborReader again(copied);
    while (again.more()) again.skip();
    CAUSEWAY_ASSERT(again.done() && again.was_preferred());
    if (in.was_preferred() && line && line->find("NaN") == std::string::npos)
        CAUSEWAY_ASSERT(same(copied, octets));
    return 0;
}
