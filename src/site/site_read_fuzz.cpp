// Whatever stands in a site file, the answer is a site or a list of mistakes, each with a place and
// words; and a mistake never asserts. The text up to the first NUL is the file; what follows it is
// a --set.
#include "base/assert.hpp"
#include "site/read.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace causeway;
    const std::string_view all(reinterpret_cast<const char*>(data), size);
    const std::size_t end = std::min(all.find('\0'), all.size());
    std::vector<std::string> sets;
    if (end != all.size()) sets.emplace_back(all.substr(end + 1));

    const auto site = site::read_text(all.substr(0, end), "fuzz.toml", sets);
    if (site) {
        CAUSEWAY_ASSERT(!site->mesh.nodes.empty());
        CAUSEWAY_ASSERT(site->mesh.nodes.size() == site->classes.size());
        CAUSEWAY_ASSERT(!site->name.empty());
        return 0;
    }
    CAUSEWAY_ASSERT(!site.error().empty());
    for (const site::Mistake& mistake : site.error()) {
        CAUSEWAY_ASSERT(!mistake.what.empty());
        CAUSEWAY_ASSERT(to_text(mistake).find('\n') == std::string::npos);
    }
    return 0;
}
