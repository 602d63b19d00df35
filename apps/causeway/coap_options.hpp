#pragma once
// The command line of a CoAP request, with the letters of libcoap's coap-client, and what it comes
// to.
#include "coap.hpp"
#include "coap_client.hpp"
#include "coap_credentials.hpp"

#include <optional>
#include <string>
#include <vector>

namespace causeway::cli {

/// What a subcommand is before anybody has said more.
struct CoapVerb {
    const char* name;
    coap::Code code;
    const char* purpose;
    bool body;
    const char* example;
};

struct CoapOptions {
    coap::Code method = coap::Code::get;
    bool observe = false;
    bool discover = false;
    std::vector<std::string> words;  // the URI; of `discover`, filters behind it
    std::string method_name;         // -m
    std::optional<std::string> payload;
    std::string file;
    std::string output;
    std::string content_format;
    std::string accept;
    bool non_confirmable = false;
    std::optional<double> timeout_seconds;
    std::string span;
    std::string block;
    std::string proxy;
    std::vector<std::string> options;
    std::optional<std::string> token;
    std::optional<unsigned> hop_limit;
    unsigned times = 1;
    std::string pause = "1";
    bool reliable = false;
    bool bare = false;  // no Uri-Host, no Uri-Port
    bool newline = false;
    int verbose = 0;
    bool json = false;
    CredentialOptions credentials;
    std::string oscore;

    void add_to(CLI::App& command, const CoapVerb& verb);
};

/// The options that say where and as whom, which `ping` has too.
void add_coap_reach(CLI::App& command, CoapOptions& options);
/// The destination and how to speak to it, without a request.
[[nodiscard]] Understood<Conversation> reached(const CoapOptions& options);
/// All of it.
[[nodiscard]] Understood<Conversation> understood(CoapOptions options);

}  // namespace causeway::cli
