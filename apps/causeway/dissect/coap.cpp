// CoAP over UDP.
#include "base/hex.hpp"
#include "coap/text.hpp"
#include "dissect/words.hpp"
#include "printable.hpp"

namespace causeway::dissect {

void add_coap_layer(Bytes octets, Dissection& out) {
    const auto message = parse_as<coap::Message>(octets);
    out.says("CoAP", "");
    if (!message) return out.wrong("CoAP", message.error());
    Layer layer("CoAP");
    layer.value = cli::printable(coap::to_text(*message));
    out.says("CoAP", layer.value);
    layer.add("Type", std::string(coap::name_of(message->type)));
    layer.add("Code", coap::to_text(message->code));
    layer.add("Message id", hex16(message->id));
    layer.add_hex("Token", message->token.bytes());
    for (const coap::Option& option : message->options) {
        const std::string text = cli::printable(coap::to_text(option));
        const std::size_t colon = text.find(": ");
        if (colon == std::string::npos)
            layer.add(text);
        else
            layer.add(text.substr(0, colon), text.substr(colon + 2));
    }
    if (!message->payload.empty()) {
        Field& payload = layer.add("Payload", plural(message->payload.size(), "octet"));
        if (!cli::is_plain_text(message->payload))
            payload.add("Hex", hex_of(message->payload));
        else
            payload.add("Text", cli::printable(as_text(message->payload)));
    }
    out.layers.push_back(std::move(layer));
}

}  // namespace causeway::dissect
