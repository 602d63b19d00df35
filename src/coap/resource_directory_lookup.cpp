// Lookups: which registrations and links a query means, and what is said of them. [RFC 9176 §6]
#include "coap/resource_directory.hpp"

#include <algorithm>
#include <bit>
#include <charconv>

namespace causeway::coap {
namespace {

constexpr std::string_view endpoint_type = "core.rd-ep";

std::optional<std::uint32_t> cardinal(std::string_view text) noexcept {
    std::uint32_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, fault] = std::from_chars(text.data(), end, value);
    return fault == std::errc{} && stop == end ? std::optional(value) : std::nullopt;
}

}  // namespace

struct ResourceDirectory::Query {
    /// More than that would make a search of everything too dear.
    static constexpr std::size_t criteria_max = 16;

    std::vector<LinkFilter> criteria;
    std::optional<std::string_view> endpoint;  // the one value that ep may have
    std::optional<std::string_view> sector;
    std::uint64_t skip = 0;
    std::optional<std::uint32_t> count;
    bool on_link = false;  // asked by a neighbour on a link
    std::uint32_t front = 0;

    [[nodiscard]] unsigned everything() const noexcept { return (1u << criteria.size()) - 1; }
    /// Empty where all is well.
    [[nodiscard]] std::string read(const Options& options);

    // Which of the criteria hold, a bit for each.
    [[nodiscard]] unsigned of_endpoint(const Registration& r,
                                       const std::vector<std::string>& origins) const;
    [[nodiscard]] unsigned of_link(const Registration& r, const Link& link, unsigned but) const;
};

std::string ResourceDirectory::Query::read(const Options& options) {
    std::optional<std::uint32_t> page;
    for (const Option option : options) {
        if (option.number != OptionNumber::uri_query) continue;
        const std::string_view argument = option.as_text();
        if (argument.empty()) continue;
        const LinkFilter criterion(argument);
        const bool is_page = criterion.name() == "page";
        if (is_page || criterion.name() == "count") {
            std::optional<std::uint32_t>& into = is_page ? page : count;
            const auto value = criterion.is_prefix() ? std::nullopt : cardinal(criterion.wanted());
            if (into || !value)
                return std::string(criterion.name()) + " is no number, or given twice";
            into = value;
            continue;
        }
        if (criteria.size() == criteria_max) return "more than 16 criteria";
        criteria.push_back(criterion);
        if (criterion.is_prefix()) continue;
        if (criterion.name() == "ep" && !endpoint) endpoint = criterion.wanted();
        if (criterion.name() == "d" && !sector) sector = criterion.wanted();
    }
    // "This parameter cannot be used without the count parameter" [RFC 9176 §6.2]
    if (page && !count) return "page is of no use without count";
    if (page) skip = std::uint64_t{*page} * *count;
    return {};
}

unsigned ResourceDirectory::Query::of_endpoint(const Registration& r,
                                               const std::vector<std::string>& origins) const {
    unsigned holding = 0;
    for (std::size_t i = 0; i < criteria.size(); ++i) {
        const LinkFilter& criterion = criteria[i];
        const std::string_view name = criterion.name();
        bool holds = false;
        if (name == "ep") {
            holds = criterion.takes(r.endpoint);
        } else if (name == "d") {
            holds = !r.sector.empty() && criterion.takes(r.sector);
        } else if (name == "base") {
            holds = criterion.takes(r.base.text);
        } else if (name == "rt") {
            holds = criterion.takes(endpoint_type);
        } else if (name == "href") {
            // "Queries for endpoints SHOULD be expressed in path-absolute form ... and MUST be
            // expressed in URI form otherwise; the RD SHOULD recognize either" [RFC 9176 §6.2]
            const std::string location = std::string(path) + '/' + std::to_string(r.number);
            holds = criterion.takes(location) ||
                    std::ranges::any_of(origins, [&](const std::string& origin) {
                        return criterion.takes(origin, location);
                    });
        } else {
            holds = std::ranges::any_of(r.attributes, [&](const LinkAttribute& attribute) {
                return criterion.matches(attribute);
            });
        }
        if (holds) holding |= 1u << i;
    }
    return holding;
}

unsigned ResourceDirectory::Query::of_link(const Registration& r, const Link& link,
                                           unsigned but) const {
    // "Queries for resource link targets MUST be in URI form ... and are matched against a resolved
    // link target" [RFC 9176 §6.2]
    const auto takes_resolved = [&](const LinkFilter& criterion, std::string_view reference) {
        const bool relative = reference.empty() || reference.front() == '/';
        return relative ? criterion.takes(r.base.origin(), reference) : criterion.takes(reference);
    };
    unsigned holding = 0;
    for (std::size_t i = 0; i < criteria.size(); ++i) {
        if ((but >> i & 1u) != 0) continue;
        const LinkFilter& criterion = criteria[i];
        const std::string_view name = criterion.name();
        bool holds = false;
        if (name == "href") {
            holds = takes_resolved(criterion, link.target);
        } else if (name == "anchor") {
            const auto anchor = link.find(name);
            holds = anchor && takes_resolved(criterion, *anchor);
        } else if (name != "ep" && name != "d") {
            holds = criterion.matches(link);
        }
        if (holds) holding |= 1u << i;
    }
    return holding;
}

/// Calls `visit(registration)` for each that may answer the query, in order, until one says false.
template <class Visit>
void ResourceDirectory::walk(const Query& query, Visit&& visit) {
    const auto go_on = [&](std::uint32_t at) {
        const Registration& r = all_[at];
        // "such registrations MUST NOT be shown unless the lookup was made from the same link from
        // which the registration was made" [RFC 9176 §6.4]
        const bool shown =
            r.active && (!r.base.link_local || (query.on_link && query.front == r.front));
        return !shown || visit(r);
    };
    const auto along = [&](const Grouped<std::uint64_t>& grouped, const auto* group) {
        for (std::uint32_t n = group == nullptr ? nowhere : group->first; n != nowhere;
             n = grouped.next(n))
            if (!go_on(n)) return;
    };
    if (query.endpoint && query.sector) {
        const std::uint32_t at =
            query.sector->empty() ? nowhere : find(*query.endpoint, *query.sector);
        if (at != nowhere) go_on(at);
    } else if (query.endpoint) {
        const std::uint64_t hash = hash_(*query.endpoint);
        along(by_endpoint_, by_endpoint_.find(hash, hash));
    } else if (query.sector) {
        const std::uint64_t hash = hash_(*query.sector);
        along(by_sector_, by_sector_.find(hash, hash));
    } else {
        for (std::uint32_t n = 0; n < all_.bound(); ++n)
            if (!go_on(n)) return;
    }
}

/// The link to a registration. [RFC 9176 §6.4]
Link ResourceDirectory::link_of(const Registration& r) {
    Link link;
    link.target = std::string(path) + '/' + std::to_string(r.number);
    link.attributes.push_back({"ep", r.endpoint});
    if (!r.sector.empty()) link.attributes.push_back({"d", r.sector});
    link.attributes.push_back({"base", r.base.text});
    link.attributes.insert(link.attributes.end(), r.attributes.begin(), r.attributes.end());
    link.attributes.push_back({"rt", std::string(endpoint_type)});
    return link;
}

/// "the target reference is fully resolved and ... the anchor reference is fully resolved if it is
/// present in the lookup result at all" [RFC 9176 §6.1]
Link ResourceDirectory::resolved(const Registration& r, const Link& link) {
    const auto resolve = [&](std::string& reference) {
        if (reference.empty() || reference.front() == '/') reference.insert(0, r.base.origin());
    };
    Link whole = link;
    resolve(whole.target);
    for (LinkAttribute& attribute : whole.attributes)
        if (attribute.name == "anchor" && attribute.value) resolve(*attribute.value);
    return whole;
}

Response ResourceDirectory::look_up(const RequestArrived& request, std::uint32_t front,
                                    bool endpoints) {
    Query query;
    query.front = front;
    query.on_link = is_link_local(request.peer.address);
    if (const std::string wrong = query.read(request.options); !wrong.empty())
        return refuse(stats_.refused_parameters, Code::bad_request, wrong);
    const unsigned everything = query.everything();
    std::uint64_t seen = 0;
    std::uint64_t left = query.count ? *query.count : UINT64_MAX;
    std::string document;
    const auto take = [&](auto&& make) {
        if (seen++ < query.skip) return true;
        if (left == 0) return false;
        --left;
        append_to(document, make());
        return left != 0 && document.size() <= settings_.lookup_octets_max;
    };
    walk(query, [&](const Registration& r) {
        // "A resource link also matches a search criterion if its endpoint would match the
        // criterion, and vice versa, an endpoint link matches a search criterion if any of its
        // resource links matches it." [RFC 9176 §6.2]
        unsigned holding = query.of_endpoint(r, settings_.origins);
        if (endpoints) {
            for (const Link& link : r.links.links) {
                if (holding == everything) break;
                holding |= query.of_link(r, link, holding);
            }
            return holding != everything || take([&] { return link_of(r); });
        }
        for (const Link& link : r.links.links)
            if ((holding | query.of_link(r, link, holding)) == everything &&
                !take([&] { return resolved(r, link); }))
                return false;
        return true;
    });
    if (document.size() > settings_.lookup_octets_max)
        return refuse(stats_.refused_answer, Code::bad_request,
                      "the answer is too long: ask for pages, with count");
    ++stats_.lookups;
    const std::uint64_t hash = hash_(document);
    const auto tag = std::bit_cast<std::array<std::byte, sizeof hash>>(hash);
    bool known = false;
    for (const Option option : request.options)
        known |= option.number == OptionNumber::etag && same(option.value, tag);
    Response response =
        known ? response_of(Code::valid) : content_of(ContentFormat::link_format, document);
    response.options.add(OptionNumber::etag, tag);
    response.observe = true;
    return response;
}

}  // namespace causeway::coap
