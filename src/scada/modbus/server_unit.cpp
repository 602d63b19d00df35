#include "scada/modbus/server_unit.hpp"

#include <algorithm>

namespace causeway::scada::modbus {
namespace {

// What the bits of an event say. [MODBUS AP §6.10]
constexpr std::uint8_t event_received = 0x80;
constexpr std::uint8_t event_received_broadcast = 0x40;
constexpr std::uint8_t event_listen_only = 0x20;
constexpr std::uint8_t event_sent = 0x40;
constexpr std::uint8_t event_entered_listen_only = 0x04;
constexpr std::uint8_t event_restarted = 0x00;

constexpr std::size_t identification_header_octets = 7;

ServerImage::Stretch registers_at(std::uint16_t address, std::size_t octets) {
    return {address, static_cast<std::uint32_t>(octets / 2)};
}

std::uint16_t low_half(std::uint64_t count) {
    return static_cast<std::uint16_t>(count);
}

}  // namespace

ServerUnit::ServerUnit(UnitPlan plan) : plan_(std::move(plan)), image_(plan_.extents) {}

std::optional<Exception> ServerUnit::execute(const RequestPdu& request, bool granted,
                                             const LineCounts& line, ByteWriter& out,
                                             Effects& effects) {
    Done done{granted, line, out, effects};
    return std::visit([&](const auto& body) { return run(body, done); }, request.body);
}

void ServerUnit::set_fifo(std::uint16_t address, std::vector<std::uint16_t> values) {
    if (values.size() > fifo_registers_max)
        values.erase(values.begin(), values.end() - fifo_registers_max);
    fifos_[address] = std::move(values);
}

// ---- bits and registers -------------------------------------------------------------------------

ServerUnit::Refusal ServerUnit::run(const ReadRequest& request, Done& done) {
    const ServerImage::Stretch stretch{request.address, request.count};
    if (const auto why = image_.refuses(request.area, stretch)) return why;
    done.out.u8(static_cast<std::uint8_t>(read_function_of(request.area)));
    const bool bits = has_bits(request.area);
    done.out.u8(static_cast<std::uint8_t>(bits ? (request.count + 7) / 8 : 2 * request.count));
    image_.read(request.area, stretch, done.out);
    return std::nullopt;
}

bool ServerUnit::change_registers(std::uint16_t address, Bytes values, bool asked, Done& done) {
    const bool hand_out = asked && !done.granted;
    if (!done.granted) {
        Change change{.address = address};
        change.values.reserve(values.size() / 2);
        for (ByteReader in(values); in.more();) change.values.push_back(in.be16());
        done.effects.change = std::move(change);
        done.effects.handed_out = hand_out;
    }
    if (!hand_out) image_.write_registers(address, values);
    return !hand_out;
}

bool ServerUnit::change_bits(std::uint16_t address, std::uint16_t count, Bytes bits, bool asked,
                             Done& done) {
    const bool hand_out = asked && !done.granted;
    if (!done.granted) {
        Change change{.area = Area::coil, .address = address};
        change.values.reserve(count);
        for (unsigned i = 0; i < count; ++i)
            change.values.push_back(std::to_integer<unsigned>(bits[i / 8]) >> i % 8 & 1);
        done.effects.change = std::move(change);
        done.effects.handed_out = hand_out;
    }
    if (!hand_out) image_.write_bits(address, count, bits);
    return !hand_out;
}

ServerUnit::Refusal ServerUnit::run(const WriteCoil& request, Done& done) {
    const auto how = image_.writes(Area::coil, {request.address, 1});
    if (how == ServerImage::Write::refused) return Exception::illegal_data_address;
    const std::array bits{static_cast<std::byte>(request.on)};
    if (change_bits(request.address, 1, bits, how == ServerImage::Write::asked, done))
        ResponsePdu{request}.emit(done.out);
    return std::nullopt;
}

ServerUnit::Refusal ServerUnit::run(const WriteRegister& request, Done& done) {
    const auto how = image_.writes(Area::holding_register, {request.address, 1});
    if (how == ServerImage::Write::refused) return Exception::illegal_data_address;
    const std::array value{static_cast<std::byte>(request.value >> 8),
                           static_cast<std::byte>(request.value)};
    if (change_registers(request.address, value, how == ServerImage::Write::asked, done))
        ResponsePdu{request}.emit(done.out);
    return std::nullopt;
}

ServerUnit::Refusal ServerUnit::run(const WriteCoils& request, Done& done) {
    const auto how = image_.writes(Area::coil, {request.address, request.count});
    if (how == ServerImage::Write::refused) return Exception::illegal_data_address;
    if (change_bits(request.address, request.count, request.bits.octets,
                    how == ServerImage::Write::asked, done))
        ResponsePdu{WrittenMany{Function::write_multiple_coils, request.address, request.count}}
            .emit(done.out);
    return std::nullopt;
}

ServerUnit::Refusal ServerUnit::run(const WriteRegisters& request, Done& done) {
    const Bytes values = request.values.octets;
    const auto stretch = registers_at(request.address, values.size());
    const auto how = image_.writes(Area::holding_register, stretch);
    if (how == ServerImage::Write::refused) return Exception::illegal_data_address;
    if (change_registers(request.address, values, how == ServerImage::Write::asked, done))
        ResponsePdu{WrittenMany{Function::write_multiple_registers, request.address,
                                low_half(stretch.count)}}
            .emit(done.out);
    return std::nullopt;
}

ServerUnit::Refusal ServerUnit::run(const MaskWrite& request, Done& done) {
    const auto how = image_.writes(Area::holding_register, {request.address, 1});
    if (how == ServerImage::Write::refused) return Exception::illegal_data_address;
    // "Result = (Current Contents AND And_Mask) OR (Or_Mask AND (NOT And_Mask))" [MODBUS AP §6.16]
    const unsigned before = image_.at(Area::holding_register, request.address).value_or(0);
    const unsigned value =
        (before & request.and_mask) | (request.or_mask & ~unsigned{request.and_mask});
    const std::array octets{static_cast<std::byte>(value >> 8), static_cast<std::byte>(value)};
    if (change_registers(request.address, octets, how == ServerImage::Write::asked, done))
        ResponsePdu{request}.emit(done.out);
    return std::nullopt;
}

ServerUnit::Refusal ServerUnit::run(const ReadWrite& request, Done& done) {
    const ServerImage::Stretch read{request.read_address, request.read_count};
    const Bytes values = request.values.octets;
    const auto how =
        image_.writes(Area::holding_register, registers_at(request.write_address, values.size()));
    if (how == ServerImage::Write::refused) return Exception::illegal_data_address;
    if (const auto why = image_.refuses(Area::holding_register, read)) return why;
    // "The write operation is performed before the read." [MODBUS AP §6.17]
    if (!change_registers(request.write_address, values, how == ServerImage::Write::asked, done))
        return std::nullopt;
    done.out.u8(static_cast<std::uint8_t>(Function::read_write_multiple_registers));
    done.out.u8(static_cast<std::uint8_t>(2 * request.read_count));
    image_.read(Area::holding_register, read, done.out);
    return std::nullopt;
}

ServerUnit::Refusal ServerUnit::run(const ReadFifo& request, Done& done) {
    const auto fifo = fifos_.find(request.address);
    if (fifo == fifos_.end()) return Exception::illegal_data_address;
    const std::size_t count = fifo->second.size();
    done.out.u8(static_cast<std::uint8_t>(Function::read_fifo_queue));
    done.out.be16(static_cast<std::uint16_t>(2 * count + 2));
    done.out.be16(static_cast<std::uint16_t>(count));
    for (const std::uint16_t value : fifo->second) done.out.be16(value);
    return std::nullopt;
}

ServerUnit::Refusal ServerUnit::run(const Other&, Done&) {
    return Exception::illegal_function;
}

// ---- files --------------------------------------------------------------------------------------

ServerUnit::Refusal ServerUnit::run(const ReadFiles& request, Done& done) {
    if (plan_.files_max == 0) return Exception::illegal_function;
    std::size_t octets = 0;
    for (ByteReader in(request.records.octets); in.more();) {
        const FileRecord record = next_record(in, false);
        if (record.reference != record_reference_type || record.file == 0 ||
            record.file > plan_.files_max || record.record + record.count > records_max)
            return Exception::illegal_data_address;
        octets += 2 + std::size_t{2} * record.count;
        // It must fit into one answer. [MODBUS AP §6.14]
        if (record.count == 0 || octets > 0xf5) return Exception::illegal_data_value;
    }
    done.out.u8(static_cast<std::uint8_t>(Function::read_file_record));
    done.out.u8(static_cast<std::uint8_t>(octets));
    for (ByteReader in(request.records.octets); in.more();) {
        const FileRecord record = next_record(in, false);
        done.out.u8(static_cast<std::uint8_t>(1 + 2 * record.count));
        done.out.u8(record_reference_type);
        const auto file = files_.find(record.file);
        if (file == files_.end())
            done.out.zeros(std::size_t{2} * record.count);
        else
            done.out.put(
                Bytes(file->second)
                    .subspan(std::size_t{2} * record.record, std::size_t{2} * record.count));
    }
    return std::nullopt;
}

ServerUnit::Refusal ServerUnit::run(const WriteFiles& request, Done& done) {
    if (plan_.files_max == 0) return Exception::illegal_function;
    for (ByteReader in(request.records.octets); in.more();) {
        const FileRecord record = next_record(in, true);
        if (record.reference != record_reference_type || record.file == 0 ||
            record.file > plan_.files_max || record.record + record.count > records_max)
            return Exception::illegal_data_address;
    }
    for (ByteReader in(request.records.octets); in.more();) {
        const FileRecord record = next_record(in, true);
        Octets& file = files_[record.file];
        file.resize(std::size_t{2} * records_max);
        std::ranges::copy(record.values, file.begin() + 2 * std::ptrdiff_t{record.record});
    }
    ResponsePdu{request}.emit(done.out);
    return std::nullopt;
}

// ---- who it is ----------------------------------------------------------------------------------

ServerUnit::Refusal ServerUnit::run(const ReadIdentification& request, Done& done) {
    constexpr std::uint8_t basic_objects = 3;
    const Identification& all = plan_.identification;
    const auto there = [&](std::size_t object) {
        return object < all.size() && !all[object].empty();
    };
    std::size_t last = all.size();
    while (last > 0 && !there(last - 1)) --last;
    if (last == 0) return Exception::illegal_function;
    if (request.code < 1 || request.code > 4) return Exception::illegal_data_value;
    // One object that is not there is an error; a stream begins anew instead. [MODBUS AP §6.21]
    const bool one = request.code == 4;
    if (one && !there(request.object)) return Exception::illegal_data_address;
    const std::size_t end = one                 ? request.object + std::size_t{1}
                            : request.code == 1 ? std::min<std::size_t>(last, basic_objects)
                                                : last;
    const std::size_t begin = there(request.object) && request.object < end ? request.object : 0;
    IdentificationRead answer;
    answer.code = request.code;
    answer.conformity = last > basic_objects ? 0x82 : 0x81;  // and one by one
    const std::size_t at_most = done.out.room() - identification_header_octets;
    Octets objects;
    for (std::size_t object = begin; object < end; ++object) {
        if (!there(object)) continue;
        const Bytes text = as_octets(all[object]).first(std::min(all[object].size(), at_most - 2));
        if (objects.size() + 2 + text.size() > at_most) {
            answer.more = true;
            answer.next = static_cast<std::uint8_t>(object);
            break;
        }
        objects.push_back(static_cast<std::byte>(object));
        objects.push_back(static_cast<std::byte>(text.size()));
        objects.insert(objects.end(), text.begin(), text.end());
        ++answer.count;
    }
    answer.objects.octets = objects;
    ResponsePdu{answer}.emit(done.out);
    return std::nullopt;
}

ServerUnit::Refusal ServerUnit::run(const Bare& request, Done& done) {
    switch (request.function) {
        case Function::read_exception_status:
            ResponsePdu{ExceptionStatus{exception_status_}}.emit(done.out);
            return std::nullopt;
        case Function::get_comm_event_counter:
            ResponsePdu{EventCounter{0, low_half(counters_.events)}}.emit(done.out);
            return std::nullopt;
        case Function::get_comm_event_log: {
            std::array<std::byte, event_log_max> newest_first;
            for (std::size_t i = 0; i < log_size_; ++i)
                newest_first[i] = static_cast<std::byte>(
                    log_[(log_next_ + event_log_max - 1 - i) % event_log_max]);
            const std::uint64_t messages = done.line.messages - cleared_at_.messages;
            ResponsePdu{EventLog{.status = 0,
                                 .events = low_half(counters_.events),
                                 .messages = low_half(messages),
                                 .log = {Bytes(newest_first).first(log_size_)}}}
                .emit(done.out);
            return std::nullopt;
        }
        default:
            break;
    }
    if (plan_.server_id.empty()) return Exception::illegal_function;
    const Bytes id = std::as_bytes(std::span(plan_.server_id));
    ResponsePdu{ServerId{{id.first(std::min(id.size(), done.out.room() - 2))}}}.emit(done.out);
    return std::nullopt;
}

// ---- diagnostics --------------------------------------------------------------------------------

void ServerUnit::note(std::uint8_t event) {
    log_[log_next_] = event;
    log_next_ = (log_next_ + 1) % event_log_max;
    log_size_ = std::min(log_size_ + 1, event_log_max);
}

void ServerUnit::clear_counters(const LineCounts& line) {
    counters_ = {};
    cleared_at_ = line;
}

void ServerUnit::heard(const Heard& how) {
    ++counters_.messages;
    note(static_cast<std::uint8_t>(event_received | (how.broadcast ? event_received_broadcast : 0) |
                                   (how.listen_only ? event_listen_only : 0)));
}

void ServerUnit::ended(std::uint8_t function, std::optional<Exception> exception, bool silent,
                       bool listen_only) {
    std::uint8_t event = event_sent;
    if (exception) {
        ++counters_.exceptions;
        switch (*exception) {
            case Exception::illegal_function:
            case Exception::illegal_data_address:
            case Exception::illegal_data_value:
                event |= 0x01;
                break;
            case Exception::server_device_failure:
                event |= 0x02;
                break;
            case Exception::acknowledge:
            case Exception::server_device_busy:
                event |= 0x04;
                break;
            case Exception::negative_acknowledge:
                event |= 0x08;
                break;
            default:
                break;
        }
        if (*exception == Exception::server_device_busy) ++counters_.busy;
        if (*exception == Exception::negative_acknowledge) ++counters_.refusals;
    } else if (function != static_cast<std::uint8_t>(Function::get_comm_event_counter)) {
        // "It is not incremented for exception responses ... or fetch event counter commands."
        // [MODBUS AP §6.9]
        if (!listen_only) ++counters_.events;
    }
    if (silent) ++counters_.unanswered;
    if (listen_only) event |= event_listen_only;
    note(event);
}

ServerUnit::Refusal ServerUnit::run(const Diagnostics& request, Done& done) {
    const Bytes data = request.data.octets;
    if (request.what == Diagnostic::return_query_data) {
        if (data.empty()) return Exception::illegal_data_value;
        ResponsePdu{request}.emit(done.out);
        return std::nullopt;
    }
    if (data.size() != 2) return Exception::illegal_data_value;
    const std::uint16_t value = ByteReader(data).be16();
    const auto say = [&](std::uint64_t count) -> Refusal {
        if (value != 0) return Exception::illegal_data_value;
        done.out.u8(static_cast<std::uint8_t>(Function::diagnostics));
        done.out.be16(static_cast<std::uint16_t>(request.what));
        done.out.be16(low_half(count));
        return std::nullopt;
    };
    switch (request.what) {
        case Diagnostic::restart_communications:
            if (value != 0 && value != 0xff00) return Exception::illegal_data_value;
            ResponsePdu{request}.emit(done.out);
            if (value != 0) log_size_ = 0;
            clear_counters(done.line);
            note(event_restarted);
            done.effects.restarted = true;
            return std::nullopt;
        case Diagnostic::change_ascii_delimiter:
            if ((value & 0xff) != 0 || value > 0x7fff) return Exception::illegal_data_value;
            ResponsePdu{request}.emit(done.out);
            done.effects.ascii_end = static_cast<char>(value >> 8);
            return std::nullopt;
        case Diagnostic::force_listen_only:
            if (value != 0) return Exception::illegal_data_value;
            note(event_entered_listen_only);
            done.effects.listen_only = true;
            return std::nullopt;
        case Diagnostic::clear_counters:
            if (value != 0) return Exception::illegal_data_value;
            ResponsePdu{request}.emit(done.out);
            clear_counters(done.line);
            return std::nullopt;
        case Diagnostic::return_register:
            return say(0);
        case Diagnostic::bus_message_count:
            return say(done.line.messages - cleared_at_.messages);
        case Diagnostic::bus_communication_error_count:
            return say(done.line.errors - cleared_at_.errors);
        case Diagnostic::bus_exception_error_count:
            return say(counters_.exceptions);
        case Diagnostic::server_message_count:
            return say(counters_.messages);
        case Diagnostic::server_no_response_count:
            return say(counters_.unanswered);
        case Diagnostic::server_nak_count:
            return say(counters_.refusals);
        case Diagnostic::server_busy_count:
            return say(counters_.busy);
        case Diagnostic::bus_character_overrun_count:
            return say(0);
        case Diagnostic::clear_overrun_counter:
            if (value != 0) return Exception::illegal_data_value;
            ResponsePdu{request}.emit(done.out);
            return std::nullopt;
        case Diagnostic::return_query_data:
            break;
    }
    return Exception::illegal_function;  // a sub-function that is none
}

}  // namespace causeway::scada::modbus
