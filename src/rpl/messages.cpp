#include "rpl/messages.hpp"

namespace causeway::rpl {

namespace {

/// The end of every message: its options, and whatever failed on the way.
template <class Message>
Result<Message> with_options(ByteReader& in, Message message) {
    if (!in.ok()) return std::unexpected(in.error());
    Result<Options> options = Options::parse(in);
    if (!options) return std::unexpected(options.error());
    message.options = std::move(*options);
    return message;
}

}  // namespace

Result<Dis> Dis::parse(ByteReader& in) {
    (void)in.be16();  // flags, reserved
    return with_options(in, Dis{});
}

void Dis::emit(ByteWriter& out) const {
    out.be16(0);
    options.emit(out);
}

Result<Dio> Dio::parse(ByteReader& in) {
    Dio dio;
    dio.instance = in.u8();
    dio.version = in.u8();
    dio.rank = in.be16();
    const std::uint8_t flags = in.u8();  // G, 0, MOP, Prf
    dio.grounded = (flags & 0x80) != 0;
    dio.mode = ModeOfOperation(flags >> 3 & 7);
    dio.preference = flags & 7;
    dio.dtsn = in.u8();
    (void)in.be16();  // flags, reserved
    dio.dodag = ip::Address::read(in);
    return with_options(in, std::move(dio));
}

void Dio::emit(ByteWriter& out) const {
    out.u8(instance);
    out.u8(version);
    out.be16(rank);
    out.u8(static_cast<std::uint8_t>((grounded ? 0x80 : 0) | (std::to_underlying(mode) & 7) << 3 |
                                     (preference & 7)));
    out.u8(dtsn);
    out.be16(0);
    out.put(dodag.bytes());
    options.emit(out);
}

Result<Dao> Dao::parse(ByteReader& in) {
    Dao dao;
    dao.instance = in.u8();
    const std::uint8_t flags = in.u8();  // K, D
    dao.ack_wanted = (flags & 0x80) != 0;
    (void)in.u8();  // reserved
    dao.sequence = in.u8();
    if ((flags & 0x40) != 0) dao.dodag = ip::Address::read(in);
    return with_options(in, std::move(dao));
}

void Dao::emit(ByteWriter& out) const {
    out.u8(instance);
    out.u8(static_cast<std::uint8_t>((ack_wanted ? 0x80 : 0) | (dodag ? 0x40 : 0)));
    out.u8(0);
    out.u8(sequence);
    if (dodag) out.put(dodag->bytes());
    options.emit(out);
}

Result<DaoAck> DaoAck::parse(ByteReader& in) {
    DaoAck ack;
    ack.instance = in.u8();
    const std::uint8_t flags = in.u8();  // D
    ack.sequence = in.u8();
    ack.status = in.u8();
    if ((flags & 0x80) != 0) ack.dodag = ip::Address::read(in);
    return with_options(in, std::move(ack));
}

void DaoAck::emit(ByteWriter& out) const {
    out.u8(instance);
    out.u8(dodag ? 0x80 : 0);
    out.u8(sequence);
    out.u8(status);
    if (dodag) out.put(dodag->bytes());
    options.emit(out);
}

Result<ConsistencyCheck> ConsistencyCheck::parse(ByteReader& in) {
    ConsistencyCheck check;
    check.instance = in.u8();
    check.response = (in.u8() & 0x80) != 0;
    check.nonce = in.be16();
    check.dodag = ip::Address::read(in);
    check.destination_counter = in.be32();
    return with_options(in, std::move(check));
}

void ConsistencyCheck::emit(ByteWriter& out) const {
    out.u8(instance);
    out.u8(response ? 0x80 : 0);
    out.be16(nonce);
    out.put(dodag.bytes());
    out.be32(destination_counter);
    options.emit(out);
}

}  // namespace causeway::rpl
