#include "scada/modbus/pdu.hpp"

namespace causeway::scada::modbus {
namespace {

constexpr std::uint16_t coil_on_value = 0xff00;

/// What is emitted, or only counted: every shape stands here once.
struct Counter {
    std::size_t octets = 0;
    void u8(std::size_t) { octets += 1; }
    void be16(std::size_t) { octets += 2; }
    void put(Bytes more) { octets += more.size(); }
};
struct Emitter {
    ByteWriter& out;
    void u8(std::size_t value) { out.u8(static_cast<std::uint8_t>(value)); }
    void be16(std::size_t value) { out.be16(static_cast<std::uint16_t>(value)); }
    void put(Bytes more) { out.put(more); }
};

template <class To>
struct Shapes {
    To to;

    void begin(Function function) { to.u8(static_cast<std::uint8_t>(function)); }
    void counted(const Lent& lent) {
        to.u8(lent.octets.size());
        to.put(lent.octets);
    }
    void operator()(const ReadRequest& body) {
        begin(read_function_of(body.area));
        to.be16(body.address);
        to.be16(body.count);
    }
    void operator()(const WriteCoil& body) {
        begin(Function::write_single_coil);
        to.be16(body.address);
        to.be16(body.on ? coil_on_value : 0);
    }
    void operator()(const WriteRegister& body) {
        begin(Function::write_single_register);
        to.be16(body.address);
        to.be16(body.value);
    }
    void operator()(const Bare& body) { begin(body.function); }
    void operator()(const Diagnostics& body) {
        begin(Function::diagnostics);
        to.be16(static_cast<std::uint16_t>(body.what));
        to.put(body.data.octets);
    }
    void operator()(const WriteCoils& body) {
        begin(Function::write_multiple_coils);
        to.be16(body.address);
        to.be16(body.count);
        counted(body.bits);
    }
    void operator()(const WriteRegisters& body) {
        begin(Function::write_multiple_registers);
        to.be16(body.address);
        to.be16(body.values.octets.size() / 2);
        counted(body.values);
    }
    void operator()(const ReadFiles& body) {
        begin(Function::read_file_record);
        counted(body.records);
    }
    void operator()(const WriteFiles& body) {
        begin(Function::write_file_record);
        counted(body.records);
    }
    void operator()(const MaskWrite& body) {
        begin(Function::mask_write_register);
        to.be16(body.address);
        to.be16(body.and_mask);
        to.be16(body.or_mask);
    }
    void operator()(const ReadWrite& body) {
        begin(Function::read_write_multiple_registers);
        to.be16(body.read_address);
        to.be16(body.read_count);
        to.be16(body.write_address);
        to.be16(body.values.octets.size() / 2);
        counted(body.values);
    }
    void operator()(const ReadFifo& body) {
        begin(Function::read_fifo_queue);
        to.be16(body.address);
    }
    void operator()(const ReadIdentification& body) {
        begin(Function::encapsulated_interface);
        to.u8(read_identification_type);
        to.u8(body.code);
        to.u8(body.object);
    }
    void operator()(const Other& body) {
        to.u8(body.function);
        to.put(body.data.octets);
    }
    void operator()(const BitsRead& body) {
        begin(read_function_of(body.area));
        counted(body.bits);
    }
    void operator()(const RegistersRead& body) {
        begin(body.function);
        counted(body.values);
    }
    void operator()(const ExceptionStatus& body) {
        begin(Function::read_exception_status);
        to.u8(body.status);
    }
    void operator()(const EventCounter& body) {
        begin(Function::get_comm_event_counter);
        to.be16(body.status);
        to.be16(body.events);
    }
    void operator()(const EventLog& body) {
        begin(Function::get_comm_event_log);
        to.u8(body.log.octets.size() + 6);
        to.be16(body.status);
        to.be16(body.events);
        to.be16(body.messages);
        to.put(body.log.octets);
    }
    void operator()(const WrittenMany& body) {
        begin(body.function);
        to.be16(body.address);
        to.be16(body.count);
    }
    void operator()(const ServerId& body) {
        begin(Function::report_server_id);
        counted(body.data);
    }
    void operator()(const FilesRead& body) {
        begin(Function::read_file_record);
        counted(body.records);
    }
    void operator()(const FifoRead& body) {
        begin(Function::read_fifo_queue);
        to.be16(body.values.octets.size() + 2);
        to.be16(body.values.octets.size() / 2);
        to.put(body.values.octets);
    }
    void operator()(const IdentificationRead& body) {
        begin(Function::encapsulated_interface);
        to.u8(read_identification_type);
        to.u8(body.code);
        to.u8(body.conformity);
        to.u8(body.more ? 0xff : 0);
        to.u8(body.next);
        to.u8(body.count);
        to.put(body.objects.octets);
    }
    void operator()(const Refused& body) {
        to.u8(body.function | exception_bit);
        to.u8(static_cast<std::uint8_t>(body.exception));
    }
};

template <class Body>
std::size_t counted_octets(const Body& body) {
    Shapes<Counter> count{};
    std::visit(count, body);
    return count.to.octets;
}

template <class Body>
std::uint8_t function_in(const Body& body) {
    struct First {
        std::uint8_t value = 0;
        bool have = false;
        void u8(std::size_t v) {
            if (!have) value = static_cast<std::uint8_t>(v);
            have = true;
        }
        void be16(std::size_t) {}
        void put(Bytes) {}
    };
    Shapes<First> first{};
    std::visit(first, body);
    return first.to.value;
}

/// A PDU's fixed part, and the octets that the octet at `counted_at` announces after it.
constexpr std::size_t announced(Bytes begun, std::size_t fixed, std::size_t counted_at) {
    if (begun.size() <= counted_at) return counted_at + 1;
    return fixed + std::to_integer<std::size_t>(begun[counted_at]);
}

std::size_t identification_octets(Bytes begun) {
    if (begun.size() < 7) return 7;
    std::size_t at = 7;
    for (auto left = std::to_integer<unsigned>(begun[6]); left > 0; --left) {
        if (begun.size() < at + 2) return at + 2;
        at += 2 + std::to_integer<std::size_t>(begun[at + 1]);
    }
    return at;
}

}  // namespace

std::size_t RequestPdu::wire_size() const {
    return counted_octets(body);
}

void RequestPdu::emit(ByteWriter& out) const {
    std::visit(Shapes<Emitter>{{out}}, body);
}

std::uint8_t RequestPdu::function() const noexcept {
    return function_in(body);
}

std::size_t ResponsePdu::wire_size() const {
    return counted_octets(body);
}

void ResponsePdu::emit(ByteWriter& out) const {
    std::visit(Shapes<Emitter>{{out}}, body);
}

std::uint8_t ResponsePdu::function() const noexcept {
    return function_in(body);
}

std::optional<std::size_t> request_octets(Bytes begun) noexcept {
    if (begun.empty()) return 1;
    switch (static_cast<Function>(begun[0])) {
        case Function::read_coils:
        case Function::read_discrete_inputs:
        case Function::read_holding_registers:
        case Function::read_input_registers:
        case Function::write_single_coil:
        case Function::write_single_register:
            return 5;
        case Function::read_exception_status:
        case Function::get_comm_event_counter:
        case Function::get_comm_event_log:
        case Function::report_server_id:
            return 1;
        case Function::diagnostics:
            if (begun.size() < 3) return 3;
            // Query data may be of any length. [MODBUS AP §6.8.1]
            if (begun[1] == std::byte{0} && begun[2] == std::byte{0}) return std::nullopt;
            return 5;
        case Function::write_multiple_coils:
        case Function::write_multiple_registers:
            return announced(begun, 6, 5);
        case Function::read_file_record:
        case Function::write_file_record:
            return announced(begun, 2, 1);
        case Function::mask_write_register:
            return 7;
        case Function::read_write_multiple_registers:
            return announced(begun, 10, 9);
        case Function::read_fifo_queue:
            return 3;
        case Function::encapsulated_interface:
            if (begun.size() < 2) return 2;
            if (begun[1] != std::byte{read_identification_type}) return std::nullopt;
            return 4;
    }
    return std::nullopt;
}

std::optional<std::size_t> response_octets(Bytes begun) noexcept {
    if (begun.empty()) return 1;
    if ((begun[0] & std::byte{exception_bit}) != std::byte{0}) return 2;
    switch (static_cast<Function>(begun[0])) {
        case Function::read_coils:
        case Function::read_discrete_inputs:
        case Function::read_holding_registers:
        case Function::read_input_registers:
        case Function::get_comm_event_log:
        case Function::report_server_id:
        case Function::read_file_record:
        case Function::write_file_record:
        case Function::read_write_multiple_registers:
            return announced(begun, 2, 1);
        case Function::write_single_coil:
        case Function::write_single_register:
        case Function::write_multiple_coils:
        case Function::write_multiple_registers:
        case Function::get_comm_event_counter:
            return 5;
        case Function::read_exception_status:
            return 2;
        case Function::diagnostics:
            return request_octets(begun);
        case Function::mask_write_register:
            return 7;
        case Function::read_fifo_queue:
            if (begun.size() < 3) return 3;
            return 3 + (std::to_integer<std::size_t>(begun[1]) << 8) +
                   std::to_integer<std::size_t>(begun[2]);
        case Function::encapsulated_interface:
            if (begun.size() < 2) return 2;
            if (begun[1] != std::byte{read_identification_type}) return std::nullopt;
            return identification_octets(begun);
    }
    return std::nullopt;
}

Function read_function_of(Area area) noexcept {
    switch (area) {
        case Area::coil:
            return Function::read_coils;
        case Area::discrete_input:
            return Function::read_discrete_inputs;
        case Area::input_register:
            return Function::read_input_registers;
        case Area::holding_register:
            break;
    }
    return Function::read_holding_registers;
}

}  // namespace causeway::scada::modbus
