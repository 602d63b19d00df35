#include "base/result.hpp"

namespace causeway {

std::string_view name_of(Fault fault) noexcept {
    switch (fault) {
        case Fault::none:
            return "no fault";
        case Fault::truncated:
            return "truncated";
        case Fault::bad_version:
            return "bad version";
        case Fault::bad_length:
            return "bad length";
        case Fault::bad_checksum:
            return "bad checksum";
        case Fault::bad_value:
            return "bad value";
        case Fault::unsupported:
            return "unsupported";
    }
    return "unknown fault";
}

}  // namespace causeway
