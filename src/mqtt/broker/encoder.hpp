#pragma once
// One message on its way to many: a PUBLISH is put together once for each shape it is sent in, and
// copied from there, with its packet identifier put in. Its storage stays from one message to the
// next.
#include "base/text_hash.hpp"
#include "mqtt/message.hpp"

#include <array>
#include <span>

namespace causeway::mqtt {

class PublishEncoder {
public:
    struct Shape {
        Version version = Version::v3_1_1;
        Qos qos = Qos::at_most_once;
        bool retain = false;
        bool dup = false;
        std::uint16_t packet_id = 0;
        std::uint16_t alias = 0;
        bool alias_known = false;  // the topic is not said
        std::span<const std::uint32_t> identifiers = {};
    };

    explicit PublishEncoder(std::uint64_t seed) noexcept : hash_(seed) {}

    /// What `publish` borrows outlives its use here.
    void begin(const Publish& publish, Instant expires_at, Instant now);

    [[nodiscard]] std::size_t size_of(const Shape& shape);
    /// The packet; without its payload if that is sent by reference.
    void append(const Shape& shape, bool with_payload, Octets& out);
    /// For alias tables; equal topics have equal ones.
    [[nodiscard]] std::uint64_t topic_hash();

private:
    struct Sizes {
        std::size_t properties;
        std::size_t remaining;
        std::size_t whole;
    };
    struct Cached {
        std::size_t at = 0;
        std::size_t octets = 0;  // 0: not made yet
    };

    void make_own_properties();
    [[nodiscard]] Sizes sizes_of(const Shape& shape);
    void compose(const Shape& shape, const Sizes& sizes, bool with_payload, Octets& out);

    TextHash hash_;
    const Publish* publish_ = nullptr;
    std::uint32_t expiry_seconds_ = 0;
    bool expires_ = false;
    bool own_made_ = false;
    std::uint64_t topic_hash_ = 0;
    Octets own_;  // encoded properties that the message itself has
    Octets cache_;
    std::array<Cached, 12> cached_{};
};

}  // namespace causeway::mqtt
