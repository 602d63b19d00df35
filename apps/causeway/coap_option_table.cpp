// The options of `causeway coap`: letters as libcoap's coap-client has them.
#include "coap_options.hpp"

#include <CLI/CLI.hpp>

namespace causeway::cli {

void CredentialOptions::add_to(CLI::App& command, bool server) {
    const auto text = [&](const char* names, std::string& into, const char* what,
                          const char* type) {
        command.add_option(names, into, what)->type_name(type)->group("Credentials");
    };
    text("-k,--key", key, "Pre-shared key: text, 0xHEX or @FILE", "KEY");
    if (server) {
        text("-u,--user", user, "The user whose key it is", "USER");
        text("--psk-file", psk_file, "Users and their keys, lines of IDENTITY:HEXKEY", "FILE");
        text("--hint", hint, "Identity hint for clients", "HINT");
    } else {
        text("-u,--user", user, "Identity that goes with the pre-shared key", "USER");
    }
    // ping has another use for the letter.
    const bool free = command.get_option_no_throw("-c") == nullptr;
    text(free ? "-c,--cert" : "--cert", certificate, "Our certificate, a PEM file", "FILE");
    text("-j,--keyfile", key_file, "Its private key; else it is in the same file", "FILE");
    text("-C,--cafile", ca,
         server ? "Ask clients for certificates of this authority, a PEM file"
                : "Trust this authority, a PEM file",
         "FILE");
    text("-R,--roots", roots, "Trust these authorities, a PEM file or a folder", "PATH");
    text("-M,--raw-key", raw_key, "Our raw public key: a PEM file with the private key", "FILE");
    command
        .add_option("--peer-key", raw_peers,
                    "Trust this raw public key, a PEM file or sha256:HEX; may repeat")
        ->type_name("KEY")
        ->allow_extra_args(false)
        ->group("Credentials");
    command
        .add_flag("-n,--insecure", insecure,
                  server ? "Let in clients without a certificate, too"
                         : "Do not check the name in the server's certificate, nor its raw key")
        ->group("Credentials");
}

void add_coap_reach(CLI::App& command, CoapOptions& options) {
    command
        .add_option("-B,--timeout", options.timeout_seconds,
                    "Give up on a peer that is silent for so long; of a group, collect answers "
                    "for so long")
        ->type_name("SECONDS")
        ->default_str("90");
    command.add_option("-P,--proxy", options.proxy, "Ask this proxy, as in coap://127.0.0.1")
        ->type_name("URI");
    command.add_flag("-r,--reliable", options.reliable, "coap+tcp for coap, coaps+tcp for coaps");
    command.add_flag("-v,--verbose", options.verbose, "Show every message on stderr");
    command.add_flag("--json", options.json, "Print one JSON object for each response");
    options.credentials.add_to(command, false);
    command
        .add_option("--oscore", options.oscore,
                    "Protect requests under the OSCORE context of this file (OSCORE: RFC 8613)")
        ->type_name("FILE")
        ->group("Credentials");
}

void CoapOptions::add_to(CLI::App& command, const CoapVerb& verb) {
    method = verb.code;
    if (discover)
        command
            .add_option("URI", words,
                        "SCHEME://HOST[:PORT][/PATH], then filters, as in rt=temperature")
            ->type_name("URI [FILTER...]")
            ->expected(1, -1)
            ->allow_extra_args();
    else
        command
            .add_option("URI", words,
                        "SCHEME://HOST[:PORT]/PATH[?QUERY], of coap, coaps, coap+tcp, coaps+tcp, "
                        "coap+ws or coaps+ws")
            ->type_name("URI")
            ->expected(1, 2);  // libcoap's -v has a number, which is taken for a word
    command.add_option("-m,--method", method_name, "Another method after all")->type_name("METHOD");
    auto* text = command.add_option("-e,--payload", payload, "The payload, as text");
    text->type_name("TEXT");
    auto* body = command.add_option("-f,--file", file, "The payload, from a file; - is stdin");
    body->type_name("FILE")->excludes(text);
    auto* format = command.add_option("-t,--content-format", content_format,
                                      "What the payload is: text/plain, json, senml+cbor, 60 ...");
    format->type_name("FORMAT");
    // Taken for the sake of -m; out of the way where there is no body as a rule.
    if (!verb.body)
        for (CLI::Option* const option : {text, body, format}) option->group("");
    command.add_option("-A,--accept", accept, "What the answer is wanted as")->type_name("FORMAT");
    command.add_option("-o,--output", output, "Write the answer's payload to a file; - is stdout")
        ->type_name("FILE");
    command.add_flag("-w,--newline", newline, "A line feed after each payload");
    command.add_flag("-N,--non", non_confirmable, "Send it non-confirmable");
    command.add_option("-s,--for", span, "Observe for so long; else until Ctrl-C")
        ->type_name("SECONDS");
    command
        .add_option("-b,--block", block,
                    "Block size: 16, 32 ... 1024 octets; NUMBER,SIZE for one block alone")
        ->type_name("[NUMBER,]SIZE");
    command
        .add_option("-O,--option", options,
                    "One more option, as 15,unit=Cel or 65001,0xc0ffee; may repeat")
        ->type_name("NUMBER,VALUE")
        ->allow_extra_args(false);
    command.add_option("-T,--token", token, "The first token, as text or 0xHEX")
        ->type_name("TOKEN");
    command.add_option("-H,--hop-limit", hop_limit, "How many proxies it may pass")
        ->check(CLI::Range(1, 255))
        ->type_name("HOPS");
    command.add_option("-G,--repeat", times, "Ask so often")
        ->check(CLI::Range(1, 1'000'000))
        ->type_name("TIMES");
    command.add_option("--every", pause, "Pause between repetitions")
        ->type_name("SECONDS")
        ->capture_default_str();
    command.add_flag("-U,--no-uri-host", bare, "Leave out Uri-Host and Uri-Port");
    add_coap_reach(command, *this);
}

}  // namespace causeway::cli
