#include "coap_testbed.hpp"

#include "base/cbor.hpp"
#include "crypto/digest.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace causeway::cli {
namespace {

using coap::Code;
using coap::ContentFormat;
using coap::OptionNumber;
using coap::RequestView;
using coap::Response;

/// Resources that others may create; the oldest goes.
constexpr std::size_t created_max = 100;

std::string large_text(std::string_view title) {
    std::string text(title);
    for (int line = 1; text.size() < 1700; ++line)
        text += fmt::format("\n{:02}: a representation that no single block can hold", line);
    return text;
}

Octets short_tag_of(Bytes contents) {
    const crypto::Sha256 digest = crypto::sha256(contents);
    return {digest.begin(), digest.begin() + 4};
}

Response tagged(Response response) {
    response.options.add(OptionNumber::etag, short_tag_of(response.payload));
    return response;
}

/// Title and detail of what went wrong. [RFC 9290 §2]
Response problem() {
    Response response = coap::response_of(Code::bad_request);
    response.options.add_uint(OptionNumber::content_format, 257);
    CborWriter out(response.payload);
    out.map(2).integer(-1).text("a problem").integer(-2).text("asked for, and here it is");
    return response;
}

constexpr std::string_view senml_json =
    R"([{"bn":"urn:dev:mac:0024befffe804ff1:","bt":1276020076,"n":"voltage","u":"V","v":120.1},)"
    R"({"n":"current","u":"A","v":1.2},{"n":"label","vs":"a note"},{"n":"on","vb":true}])";

Octets senml_cbor() {
    Octets octets;
    CborWriter out(octets);
    out.array(2);
    out.map(5).integer(-2).text("urn:dev:mac:0024befffe804ff1:").integer(-3).integer(1276020076);
    out.uint(0).text("voltage").uint(1).text("V").uint(2).floating(120.1);
    out.map(3).uint(0).text("current").uint(1).text("A").uint(2).floating(1.2);
    return octets;
}

Octets sample_cbor() {
    Octets octets;
    CborWriter out(octets);
    out.map(2).text("on").boolean(true).text("levels").array(3).integer(1).integer(-2).floating(
        2.5);
    return octets;
}

}  // namespace

TestBed::TestBed(WhoIs who_is) : who_is_(std::move(who_is)) {
    add_core();
    add_links();
    add_blocks();
    add_observed();
    add_formats();
    for (const coap::Link& link : server_.links().links) paths_.push_back(link.target);
}

bool TestBed::has(const coap::Options& options) const {
    const auto is = [&](const std::string& path) { return options.path_is(path); };
    return std::ranges::any_of(paths_, is) || std::ranges::any_of(created_, is);
}

bool TestBed::is_separate(const coap::Options& options) {
    return options.path_is("separate");
}

std::optional<Response> TestBed::handle(const coap::RequestArrived& request) {
    return server_.handle(request);
}

std::optional<coap::ResourceChanged> TestBed::poll_changed() {
    auto changed = server_.poll_changed();
    // /obs is the confirmable one, /obs-non its opposite.
    if (changed && !changed->path.ends_with("-non")) changed->confirmable = true;
    return changed;
}

void TestBed::tick() {
    ++ticks_;
    for (const char* const path :
         {"/obs", "/obs-non", "/obs-large", "/obs-pumping", "/obs-pumping-non"}) {
        const auto stored = stored_.find(path);
        if (stored == stored_.end()) server_.changed(path);
    }
}

// ---- core --------------------------------------------------------------------------------------

void TestBed::add_plain(std::string path, std::string text, std::string type) {
    server_.add({.path = std::move(path),
                 .handler =
                     [text](const RequestView&) {
                         return tagged(coap::content_of(ContentFormat::text_plain, text));
                     },
                 .type = std::move(type)});
}

Response TestBed::store(Stored& stored, const RequestView& request) {
    switch (request.method) {
        case Code::get:
            if (!stored.there) return coap::response_of(Code::not_found);
            return tagged(coap::content_of(stored.format, stored.contents));
        case Code::delete_:
            stored = {.contents = {}, .there = false};
            return coap::response_of(Code::deleted);
        default: {
            const bool fresh = !std::exchange(stored.there, true);
            stored.format = request.content_format().value_or(ContentFormat::text_plain);
            stored.contents = to_octets(request.payload);
            return coap::response_of(fresh ? Code::created : Code::changed);
        }
    }
}

void TestBed::add_stored(const std::string& path, std::string text, bool observable) {
    stored_[path].contents = to_octets(as_octets(text));
    server_.add(
        {.path = path,
         .methods = {Code::get, Code::put, Code::delete_},
         .handler = [this, path](const RequestView& r) { return store(stored_.at(path), r); },
         .observable = observable});
}

Response TestBed::create_below(const std::string& parent, const RequestView& request) {
    if (created_.size() == created_max) {
        server_.remove(created_.front());
        stored_.erase(created_.front());
        created_.erase(created_.begin());
    }
    const std::string name = std::to_string(++number_);
    const std::string path = parent + "/" + name;
    add_stored(path, {});
    Stored& stored = stored_.at(path);
    stored.format = request.content_format().value_or(ContentFormat::text_plain);
    stored.contents = to_octets(request.payload);
    created_.push_back(path);
    Response response = coap::response_of(Code::created);
    response.options.add_text(OptionNumber::location_path, parent.substr(1));
    response.options.add_text(OptionNumber::location_path, name);
    return response;
}

void TestBed::add_core() {
    // First, because it is what benches ask for.
    server_.add({.path = "/test",
                 .methods = {Code::get, Code::put, Code::post, Code::delete_, Code::fetch,
                             Code::patch, Code::ipatch},
                 .handler =
                     [this](const RequestView& r) {
                         switch (r.method) {
                             case Code::get:
                                 return coap::content_of(ContentFormat::text_plain, "a test");
                             case Code::fetch:
                                 return coap::content_of(ContentFormat::text_plain, r.payload);
                             case Code::delete_:
                                 return coap::response_of(Code::deleted);
                             case Code::post:
                                 return create_below("/test", r);
                             default:
                                 return coap::response_of(Code::changed);
                         }
                     },
                 .type = "test",
                 .title = "GET, POST, PUT, DELETE, FETCH, PATCH and iPATCH"});
    add_plain("/", "A server for tests: see /.well-known/core\n");
    add_plain("/seg1/seg2/seg3", "three segments");
    add_plain("/separate", "this came separately");
    add_stored("/validate", "with an entity-tag");
    add_stored("/create1", "");
    stored_.at("/create1").there = false;
    server_.add({.path = "/query", .handler = [](const RequestView& r) {
                     std::string text;
                     for (const coap::Option option : r.options)
                         if (option.number == OptionNumber::uri_query)
                             text +=
                                 fmt::format("{}{}", text.empty() ? "" : "\n", option.as_text());
                     return coap::content_of(ContentFormat::text_plain, text);
                 }});
    server_.add(
        {.path = "/location-query", .methods = {Code::post}, .handler = [](const RequestView&) {
             Response response = coap::response_of(Code::created);
             response.options.add_text(OptionNumber::location_query, "first=1");
             response.options.add_text(OptionNumber::location_query, "second=2");
             return response;
         }});
    server_.add(
        {.path = "/location-path", .methods = {Code::post}, .handler = [](const RequestView&) {
             Response response = coap::response_of(Code::created);
             for (const char* const segment : {"location1", "location2", "location3"})
                 response.options.add_text(OptionNumber::location_path, segment);
             return response;
         }});
    server_.add({.path = "/secure",
                 .handler =
                     [this](const RequestView& r) {
                         if (!r.peer.is_secure()) return coap::response_of(Code::unauthorized);
                         return coap::content_of(ContentFormat::text_plain, who_is_(r.peer));
                     },
                 .title = "Who asks, as it was proven"});
}

void TestBed::add_links() {
    for (const auto& [path, type, interface] : {std::tuple{"/link1", "Type1 Type2", "If1"},
                                                {"/link2", "Type2 Type3", "If2"},
                                                {"/link3", "Type1 Type3", "foo"}})
        server_.add({.path = path,
                     .handler =
                         [](const RequestView&) {
                             return coap::content_of(ContentFormat::text_plain, "a link");
                         },
                     .type = type,
                     .interface = interface});
    server_.add({.path = "/alternate",
                 .handler =
                     [](const RequestView&) {
                         return coap::content_of(ContentFormat::text_plain, "a test");
                     },
                 .attributes = {{"rel", "alternate"}, {"anchor", "/test"}}});
    constexpr std::string_view below = "</path/sub1>,</path/sub2>,</path/sub3>";
    server_.add({.path = "/path",
                 .handler =
                     [below](const RequestView&) {
                         return coap::content_of(ContentFormat::link_format, below);
                     },
                 .formats = {ContentFormat::link_format}});
    for (const char* const path : {"/path/sub1", "/path/sub2", "/path/sub3"}) add_plain(path, path);
}

// ---- blocks ------------------------------------------------------------------------------------

void TestBed::add_blocks() {
    const std::string large = large_text("large");
    server_.add({.path = "/large",
                 .handler =
                     [large](const RequestView&) {
                         return tagged(coap::content_of(ContentFormat::text_plain, large));
                     },
                 .type = "block",
                 .size = static_cast<std::uint32_t>(large.size())});
    add_stored("/large-update", large_text("to be replaced"));
    server_.add({.path = "/large-create",
                 .methods = {Code::get, Code::post},
                 .handler =
                     [this](const RequestView& r) {
                         if (r.method == Code::post) return create_below("/large-create", r);
                         return coap::content_of(ContentFormat::text_plain,
                                                 std::to_string(created_.size()));
                     },
                 .type = "block"});
    server_.add({.path = "/large-post",
                 .methods = {Code::post},
                 .handler =
                     [](const RequestView& r) {
                         Response response = coap::content_of(ContentFormat::text_plain,
                                                              large_text(as_text(r.payload)));
                         response.code = Code::changed;
                         return response;
                     },
                 .type = "block"});
}

// ---- observation -------------------------------------------------------------------------------

Response TestBed::observed_now(const std::string& path) {
    if (const auto stored = stored_.find(path); stored != stored_.end()) {
        if (!stored->second.there) return coap::response_of(Code::not_found);
        return coap::content_of(stored->second.format, stored->second.contents);
    }
    const std::string text = fmt::format("{} {}", path.substr(1), ticks_);
    return coap::content_of(ContentFormat::text_plain,
                            path == "/obs-large" ? large_text(text) : text);
}

void TestBed::add_observed() {
    for (const std::string path :
         {"/obs", "/obs-non", "/obs-large", "/obs-pumping", "/obs-pumping-non"})
        server_.add({.path = path,
                     .methods = {Code::get, Code::put, Code::delete_},
                     .handler =
                         [this, path](const RequestView& r) {
                             if (r.method != Code::get) return store(stored_[path], r);
                             Response response = observed_now(path);
                             response.options.add_uint(OptionNumber::max_age, 5);
                             return response;
                         },
                     .observable = true,
                     .type = "observe"});
    server_.add({.path = "/obs-reset",
                 .methods = {Code::post},
                 .handler =
                     [this](const RequestView&) {
                         // Whatever was put there is forgotten; they count again.
                         std::erase_if(stored_, [](const auto& entry) {
                             return entry.first.starts_with("/obs");
                         });
                         tick();
                         return coap::response_of(Code::changed);
                     },
                 .title = "/obs and its like begin anew"});
}

// ---- formats -----------------------------------------------------------------------------------

void TestBed::add_formats() {
    server_.add(
        {.path = "/multi-format",
         .handler =
             [](const RequestView& r) {
                 switch (r.accept().value_or(ContentFormat::text_plain)) {
                     case ContentFormat::xml:
                         return coap::content_of(ContentFormat::xml,
                                                 "<text>several formats</text>");
                     case ContentFormat::json:
                         return coap::content_of(ContentFormat::json,
                                                 R"({"text":"several formats","n":[1,2]})");
                     case ContentFormat::cbor:
                         return coap::content_of(ContentFormat::cbor, sample_cbor());
                     case ContentFormat::senml_json:
                         return coap::content_of(ContentFormat::senml_json, senml_json);
                     case ContentFormat::senml_cbor:
                         return coap::content_of(ContentFormat::senml_cbor, senml_cbor());
                     case ContentFormat::octet_stream:
                         return coap::content_of(ContentFormat::octet_stream, sample_cbor());
                     default:
                         return coap::content_of(ContentFormat::text_plain, "several formats");
                 }
             },
         .formats = {ContentFormat::text_plain, ContentFormat::xml, ContentFormat::json,
                     ContentFormat::cbor, ContentFormat::senml_json, ContentFormat::senml_cbor,
                     ContentFormat::octet_stream}});
    server_.add({.path = "/problem",
                 .handler = [](const RequestView&) { return problem(); },
                 .title = "Answers with problem details"});
}

}  // namespace causeway::cli
