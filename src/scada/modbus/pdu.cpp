#include "scada/modbus/pdu.hpp"

#include <array>

namespace causeway::scada::modbus {
namespace {

constexpr std::uint16_t coil_on = 0xff00;

constexpr std::size_t octets_of_bits(std::size_t bits) {
    return (bits + 7) / 8;
}

/// The octets that a length in front of them announces, which are all that is left.
Lent counted(ByteReader& in) {
    const std::size_t octets = in.u8();
    if (in.ok() && octets != in.remaining()) in.fail(Fault::bad_length);
    return {in.rest()};
}

void want(ByteReader& in, bool claim) {
    if (!claim) in.fail(Fault::bad_value);
}

/// Sub-requests of 7 octets each, as many as their length says. [MODBUS AP §6.14]
Lent read_records(ByteReader& in) {
    const Lent records = counted(in);
    want(in, !records.octets.empty() && records.octets.size() % 7 == 0 &&
                 records.octets.size() <= 0xf5);
    return records;
}

/// [MODBUS AP §6.15]
Lent write_records(ByteReader& in) {
    const Lent records = counted(in);
    want(in, records.octets.size() >= 9 && records.octets.size() <= 0xfb);
    ByteReader each(records.octets);
    while (in.ok() && each.more()) static_cast<void>(next_record(each, true));
    want(in, each.ok());
    return records;
}

/// Of each record its length and what it holds. [MODBUS AP §6.14]
Lent read_answers(ByteReader& in) {
    const Lent records = counted(in);
    ByteReader each(records.octets);
    while (each.more()) {
        const std::uint8_t octets = each.u8();
        if (octets % 2 == 0) each.fail(Fault::bad_length);  // the reference type and registers
        each.take(octets);
    }
    want(in, each.ok());
    return records;
}

WriteCoil write_coil(ByteReader& in) {
    const std::uint16_t address = in.be16();
    const std::uint16_t value = in.be16();
    // "All other values are illegal and will not affect the output." [MODBUS AP §6.5]
    if (in.ok()) want(in, value == coil_on || value == 0);
    return {address, value == coil_on};
}

WriteRegister write_register(ByteReader& in) {
    const std::uint16_t address = in.be16();
    return {address, in.be16()};
}

MaskWrite mask_write(ByteReader& in) {
    const std::uint16_t address = in.be16();
    const std::uint16_t and_mask = in.be16();
    return {address, and_mask, in.be16()};
}

Diagnostics diagnostics(ByteReader& in) {
    const auto what = static_cast<Diagnostic>(in.be16());
    return {what, {in.rest()}};
}

ReadRequest read_request_of(ByteReader& in, std::uint8_t function) {
    constexpr std::array areas{Area::coil, Area::discrete_input, Area::holding_register,
                               Area::input_register};
    const Area area = areas[function - 1u];
    const std::uint16_t address = in.be16();
    const std::uint16_t count = in.be16();
    const std::uint16_t most = has_bits(area) ? read_bits_max : read_registers_max;
    if (in.ok()) want(in, count >= 1 && count <= most);
    return {area, address, count};
}

WriteCoils write_coils(ByteReader& in) {
    const std::uint16_t address = in.be16();
    const std::uint16_t count = in.be16();
    if (in.ok()) want(in, count >= 1 && count <= write_bits_max);
    const Lent bits = counted(in);
    if (in.ok()) want(in, bits.octets.size() == octets_of_bits(count));
    return {address, count, bits};
}

WriteRegisters write_registers(ByteReader& in) {
    const std::uint16_t address = in.be16();
    const std::uint16_t count = in.be16();
    if (in.ok()) want(in, count >= 1 && count <= write_registers_max);
    const Lent values = counted(in);
    if (in.ok()) want(in, values.octets.size() == std::size_t{2} * count);
    return {address, values};
}

ReadWrite read_write(ByteReader& in) {
    ReadWrite body;
    body.read_address = in.be16();
    body.read_count = in.be16();
    body.write_address = in.be16();
    const std::uint16_t count = in.be16();
    if (in.ok())
        want(in, body.read_count >= 1 && body.read_count <= read_registers_max && count >= 1 &&
                     count <= read_write_registers_max);
    body.values = counted(in);
    if (in.ok()) want(in, body.values.octets.size() == std::size_t{2} * count);
    return body;
}

RequestPdu::Body request_body(ByteReader& in) {
    const std::uint8_t function = in.u8();
    if (!in.ok()) return Other{};
    switch (static_cast<Function>(function)) {
        case Function::read_coils:
        case Function::read_discrete_inputs:
        case Function::read_holding_registers:
        case Function::read_input_registers:
            return read_request_of(in, function);
        case Function::write_single_coil:
            return write_coil(in);
        case Function::write_single_register:
            return write_register(in);
        case Function::read_exception_status:
        case Function::get_comm_event_counter:
        case Function::get_comm_event_log:
        case Function::report_server_id:
            return Bare{static_cast<Function>(function)};
        case Function::diagnostics:
            return diagnostics(in);
        case Function::write_multiple_coils:
            return write_coils(in);
        case Function::write_multiple_registers:
            return write_registers(in);
        case Function::read_file_record:
            return ReadFiles{read_records(in)};
        case Function::write_file_record:
            return WriteFiles{write_records(in)};
        case Function::mask_write_register:
            return mask_write(in);
        case Function::read_write_multiple_registers:
            return read_write(in);
        case Function::read_fifo_queue:
            return ReadFifo{in.be16()};
        case Function::encapsulated_interface: {
            if (!in.more()) in.fail(Fault::truncated);  // not even which interface
            if (in.peek() != read_identification_type) break;
            in.u8();
            const std::uint8_t code = in.u8();
            return ReadIdentification{code, in.u8()};
        }
    }
    return Other{function, {in.rest()}};
}

FifoRead fifo_read(ByteReader& in) {
    const std::uint16_t octets = in.be16();
    const std::uint16_t count = in.be16();
    if (in.ok())
        want(in, octets == 2 * count + 2 && in.remaining() == std::size_t{2} * count &&
                     count <= fifo_registers_max);
    return {{in.rest()}};
}

IdentificationRead identification_read(ByteReader& in) {
    IdentificationRead body;
    in.u8();
    body.code = in.u8();
    body.conformity = in.u8();
    const std::uint8_t more = in.u8();
    if (in.ok()) want(in, more == 0 || more == 0xff);
    body.more = more != 0;
    body.next = in.u8();
    body.count = in.u8();
    body.objects = {in.rest()};
    ByteReader each(body.objects.octets);
    for (unsigned i = 0; i < body.count && each.ok(); ++i) {
        each.u8();
        each.take(each.u8());
    }
    if (in.ok()) want(in, each.ok() && !each.more());
    return body;
}

EventLog event_log(ByteReader& in) {
    const Lent all = counted(in);
    ByteReader each(all.octets);
    EventLog body;
    body.status = each.be16();
    body.events = each.be16();
    body.messages = each.be16();
    body.log = {each.rest()};
    want(in, each.ok() && body.log.octets.size() <= event_log_max);
    return body;
}

WrittenMany written_many(ByteReader& in, Function function) {
    const std::uint16_t address = in.be16();
    return {function, address, in.be16()};
}

RegistersRead registers_read(ByteReader& in, Function function) {
    const Lent values = counted(in);
    want(in, values.octets.size() % 2 == 0);
    return {function, values};
}

ResponsePdu::Body response_body(ByteReader& in) {
    const std::uint8_t function = in.u8();
    if (!in.ok()) return Other{};
    if ((function & exception_bit) != 0)
        return Refused{static_cast<std::uint8_t>(function & ~exception_bit),
                       static_cast<Exception>(in.u8())};
    const auto known = static_cast<Function>(function);
    switch (known) {
        case Function::read_coils:
            return BitsRead{Area::coil, counted(in)};
        case Function::read_discrete_inputs:
            return BitsRead{Area::discrete_input, counted(in)};
        case Function::read_holding_registers:
        case Function::read_input_registers:
        case Function::read_write_multiple_registers:
            return registers_read(in, known);
        case Function::write_single_coil:
            return write_coil(in);
        case Function::write_single_register:
            return write_register(in);
        case Function::read_exception_status:
            return ExceptionStatus{in.u8()};
        case Function::diagnostics:
            return diagnostics(in);
        case Function::get_comm_event_counter: {
            const std::uint16_t status = in.be16();
            return EventCounter{status, in.be16()};
        }
        case Function::get_comm_event_log:
            return event_log(in);
        case Function::write_multiple_coils:
        case Function::write_multiple_registers:
            return written_many(in, known);
        case Function::report_server_id:
            return ServerId{counted(in)};
        case Function::read_file_record:
            return FilesRead{read_answers(in)};
        case Function::write_file_record:
            return WriteFiles{write_records(in)};
        case Function::mask_write_register:
            return mask_write(in);
        case Function::read_fifo_queue:
            return fifo_read(in);
        case Function::encapsulated_interface:
            if (!in.more()) in.fail(Fault::truncated);  // not even which interface
            if (in.peek() != read_identification_type) break;
            return identification_read(in);
    }
    return Other{function, {in.rest()}};
}

}  // namespace

Result<RequestPdu> RequestPdu::parse(ByteReader& in) {
    RequestPdu pdu{request_body(in)};
    if (in.more()) in.fail(Fault::bad_length);
    if (!in.ok()) return std::unexpected(in.error());
    return pdu;
}

Result<ResponsePdu> ResponsePdu::parse(ByteReader& in) {
    ResponsePdu pdu{response_body(in)};
    if (in.more()) in.fail(Fault::bad_length);
    if (!in.ok()) return std::unexpected(in.error());
    return pdu;
}

FileRecord next_record(ByteReader& records, bool with_values) {
    FileRecord record;
    record.reference = records.u8();
    record.file = records.be16();
    record.record = records.be16();
    record.count = records.be16();
    if (with_values) record.values = records.take(std::size_t{2} * record.count);
    return record;
}

}  // namespace causeway::scada::modbus
