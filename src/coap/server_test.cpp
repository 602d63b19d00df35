#include "coap/server.hpp"

#include "coap/testing.hpp"

#include <gtest/gtest.h>

namespace causeway::coap::server_test {
namespace {

using namespace testing;

RequestArrived request_for(Code method, std::string_view path, std::string_view payload = {}) {
    RequestArrived request;
    request.exchange = ExchangeId{1};
    request.peer = peer_at(1);
    request.method = method;
    request.options.add_path(path);
    request.payload = testing::text(payload);
    request.confirmable = true;
    return request;
}

/// A lamp that can be switched, a sensor in two formats, and something hidden.
struct House {
    House() {
        server.add({.path = "/lamp",
                    .methods = {Code::get, Code::put},
                    .handler =
                        [this](const RequestView& request) {
                            if (request.method == Code::put) {
                                lamp = as_text(request.payload);
                                return response_of(Code::changed);
                            }
                            Response response = content_of(ContentFormat::text_plain, lamp);
                            response.options.add(OptionNumber::etag, testing::text(lamp));
                            return response;
                        },
                    .observable = true,
                    .type = "light",
                    .interface = "actuator"});
        server.add({.path = "sensors/temp",
                    .handler =
                        [](const RequestView& request) {
                            return content_of(request.accept().value_or(ContentFormat::text_plain),
                                              request.query("unit").value_or("Cel"));
                        },
                    .observable = true,
                    .type = "temperature-c",
                    .title = "Roof",
                    .formats = {ContentFormat::text_plain, ContentFormat::senml_json},
                    .size = 20});
        server.add({.path = "/secret",
                    .handler = [](const RequestView&) { return response_of(Code::content); },
                    .hidden = true});
    }
    Response ask(const RequestArrived& request) {
        auto response = server.handle(request);
        CAUSEWAY_ASSERT(response.has_value());
        return std::move(*response);
    }
    Server server;
    std::string lamp = "off";
};

TEST(Server, FindsResourcesByTheirWholePath) {
    House house;
    EXPECT_EQ(house.ask(request_for(Code::get, "/lamp")).payload, testing::text("off"));
    EXPECT_EQ(house.ask(request_for(Code::get, "/sensors/temp")).payload, testing::text("Cel"));
    EXPECT_EQ(house.ask(request_for(Code::get, "/sensors")).code, Code::not_found);
    EXPECT_EQ(house.ask(request_for(Code::get, "/")).code, Code::not_found);
    EXPECT_EQ(house.ask(request_for(Code::get, "/lamp/x")).code, Code::not_found);
    EXPECT_TRUE(house.server.remove("lamp"));
    EXPECT_FALSE(house.server.remove("lamp"));
    EXPECT_EQ(house.ask(request_for(Code::get, "/lamp")).code, Code::not_found);
}

TEST(Server, AllowsWhatAResourceAllows) {
    House house;
    EXPECT_EQ(house.ask(request_for(Code::delete_, "/lamp")).code, Code::method_not_allowed);
    EXPECT_EQ(house.ask(request_for(Code{0x1f}, "/lamp")).code, Code::method_not_allowed);
    EXPECT_EQ(house.ask(request_for(Code::post, "/.well-known/core")).code,
              Code::method_not_allowed);
}

TEST(Server, NegotiatesContent) {  // [RFC 7252 §5.10.4]
    House house;
    RequestArrived request = request_for(Code::get, "/sensors/temp");
    request.options.add_uint(OptionNumber::accept, 110);
    request.options.add_text(OptionNumber::uri_query, "unit=K");
    const Response response = house.ask(request);
    EXPECT_EQ(response.options.uint(OptionNumber::content_format), 110u);
    EXPECT_EQ(response.payload, testing::text("K"));
    request.options.set_uint(OptionNumber::accept, 60);
    EXPECT_EQ(house.ask(request).code, Code::not_acceptable);
}

TEST(Server, PreconditionsHoldForPatchesToo) {  // [RFC 8132 §3.4]
    for (const Code method : {Code::patch, Code::ipatch}) {
        Server server;
        int patched = 0;
        server.add({.path = "/a",
                    .methods = {Code::get, Code::patch, Code::ipatch},
                    .handler = [&](const RequestView& request) {
                        if (request.method != Code::get) {
                            ++patched;
                            return response_of(Code::changed);
                        }
                        Response response = content_of(ContentFormat::text_plain, "x");
                        response.options.add(OptionNumber::etag, "01"_hex);
                        return response;
                    }});
        RequestArrived request = request_for(method, "/a");
        request.options.add(OptionNumber::if_none_match, {});
        EXPECT_EQ(server.handle(request)->code, Code::precondition_failed);
        request = request_for(method, "/a");
        request.options.add(OptionNumber::if_match, "02"_hex);
        EXPECT_EQ(server.handle(request)->code, Code::precondition_failed);
        EXPECT_EQ(patched, 0);
        request.options.add(OptionNumber::if_match, "01"_hex);
        EXPECT_EQ(server.handle(request)->code, Code::changed);
        EXPECT_EQ(patched, 1);
    }
}

TEST(Server, ValidatesWhatTheClientHas) {  // [RFC 7252 §5.10.6.2]
    House house;
    RequestArrived request = request_for(Code::get, "/lamp");
    request.options.add(OptionNumber::etag, testing::text("on"));
    EXPECT_EQ(house.ask(request).code, Code::content);
    request.options.add(OptionNumber::etag, testing::text("off"));
    const Response valid = house.ask(request);
    EXPECT_EQ(valid.code, Code::valid);
    EXPECT_TRUE(valid.payload.empty());
    EXPECT_EQ(valid.options.text(OptionNumber::etag), "off");
}

TEST(Server, HoldsToPreconditions) {  // [RFC 7252 §5.10.8]
    House house;
    RequestArrived request = request_for(Code::put, "/lamp", "on");
    request.options.add(OptionNumber::if_none_match, {});
    EXPECT_EQ(house.ask(request).code, Code::precondition_failed);
    EXPECT_EQ(house.lamp, "off");
    request = request_for(Code::put, "/lamp", "on");
    request.options.add(OptionNumber::if_match, testing::text("blue"));
    EXPECT_EQ(house.ask(request).code, Code::precondition_failed);
    request.options.add(OptionNumber::if_match, testing::text("off"));
    EXPECT_EQ(house.ask(request).code, Code::changed);
    EXPECT_EQ(house.lamp, "on");
    request = request_for(Code::put, "/lamp", "dim");
    request.options.add(OptionNumber::if_match, {});
    EXPECT_EQ(house.ask(request).code, Code::changed);
}

TEST(Server, IsNoProxy) {
    House house;
    RequestArrived request = request_for(Code::get, "/lamp");
    request.options.add_text(OptionNumber::proxy_scheme, "coap");
    EXPECT_EQ(house.ask(request).code, Code::proxying_not_supported);
}

TEST(Server, DescribesItself) {  // [RFC 6690 §4]
    House house;
    const Response all = house.ask(request_for(Code::get, "/.well-known/core"));
    EXPECT_EQ(all.options.uint(OptionNumber::content_format), 40u);
    EXPECT_EQ(as_text(all.payload),
              "</lamp>;rt=\"light\";if=\"actuator\";obs,"
              "</sensors/temp>;rt=\"temperature-c\";title=\"Roof\";ct=\"0 110\";sz=20;obs");
    RequestArrived filtered = request_for(Code::get, "/.well-known/core");
    filtered.options.add_text(OptionNumber::uri_query, "rt=light*");
    EXPECT_EQ(as_text(house.ask(filtered).payload), "</lamp>;rt=\"light\";if=\"actuator\";obs");
    EXPECT_TRUE(house.ask(request_for(Code::get, "/.well-known/core"))
                    .options.has(OptionNumber::content_format));
}

TEST(Server, SaysNothingToAGroupThatDoesNotConcernIt) {
    House house;
    RequestArrived request = request_for(Code::get, "/nothing");
    request.multicast = true;
    EXPECT_EQ(house.server.handle(request), std::nullopt);
    request = request_for(Code::get, "/.well-known/core");
    request.multicast = true;
    request.options.add_text(OptionNumber::uri_query, "rt=pump");
    EXPECT_EQ(house.server.handle(request), std::nullopt);
    request.options.set(OptionNumber::uri_query, testing::text("rt=light"));
    EXPECT_TRUE(house.server.handle(request).has_value());
}

TEST(Server, TellsWhatChanged) {
    House house;
    EXPECT_EQ(house.server.poll_changed(), std::nullopt);
    house.ask(request_for(Code::put, "/lamp", "on"));
    house.server.changed("/sensors/temp", false);
    house.server.changed("/sensors/temp", true);
    EXPECT_EQ(house.server.poll_changed()->path, "/lamp");
    const auto second = house.server.poll_changed();
    EXPECT_EQ(second->path, "/sensors/temp");
    EXPECT_TRUE(second->confirmable);
    EXPECT_EQ(house.server.poll_changed(), std::nullopt);
}

TEST(Server, AnObserverHearsOfAPut) {
    Network network({}, {}, {}, 1);
    std::string lamp = "off";
    network.server.add({.path = "/lamp",
                        .methods = {Code::get, Code::put},
                        .handler =
                            [&](const RequestView& request) {
                                if (request.method == Code::put) {
                                    lamp = as_text(request.payload);
                                    return response_of(Code::changed);
                                }
                                return content_of(ContentFormat::text_plain, lamp);
                            },
                        .observable = true});
    Request observe;
    observe.id = RequestId{1};
    observe.options = path_options("lamp");
    observe.observe = true;
    network.request(std::move(observe));
    network.run(1s);
    Request put;
    put.id = RequestId{2};
    put.code = Code::put;
    put.options = path_options("lamp");
    put.payload = testing::text("on");
    network.request(std::move(put));
    network.run(10s);
    ASSERT_EQ(network.responses.size(), 3u);
    EXPECT_EQ(network.responses[0].payload, testing::text("off"));
    EXPECT_EQ(network.responses[1].code, Code::changed);
    EXPECT_EQ(network.responses[2].payload, testing::text("on"));
}

}  // namespace
}  // namespace causeway::coap::server_test
