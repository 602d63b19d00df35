#include "scada/dnp3/types.hpp"

namespace causeway::scada::dnp3 {

std::string_view name_of(Function function) noexcept {
    switch (function) {
        case Function::confirm:
            return "confirm";
        case Function::read:
            return "read";
        case Function::write:
            return "write";
        case Function::select:
            return "select";
        case Function::operate:
            return "operate";
        case Function::direct_operate:
            return "direct operate";
        case Function::direct_operate_no_ack:
            return "direct operate without acknowledgement";
        case Function::immediate_freeze:
            return "immediate freeze";
        case Function::immediate_freeze_no_ack:
            return "immediate freeze without acknowledgement";
        case Function::freeze_and_clear:
            return "freeze and clear";
        case Function::freeze_and_clear_no_ack:
            return "freeze and clear without acknowledgement";
        case Function::freeze_at_time:
            return "freeze at time";
        case Function::freeze_at_time_no_ack:
            return "freeze at time without acknowledgement";
        case Function::cold_restart:
            return "cold restart";
        case Function::warm_restart:
            return "warm restart";
        case Function::initialize_data:
            return "initialize data";
        case Function::initialize_application:
            return "initialize application";
        case Function::start_application:
            return "start application";
        case Function::stop_application:
            return "stop application";
        case Function::save_configuration:
            return "save configuration";
        case Function::enable_unsolicited:
            return "enable unsolicited";
        case Function::disable_unsolicited:
            return "disable unsolicited";
        case Function::assign_class:
            return "assign class";
        case Function::delay_measurement:
            return "delay measurement";
        case Function::record_current_time:
            return "record current time";
        case Function::response:
            return "response";
        case Function::unsolicited_response:
            return "unsolicited response";
    }
    return "unknown function";
}

std::string_view name_of(CommandStatus status) noexcept {
    switch (status) {
        case CommandStatus::success:
            return "success";
        case CommandStatus::timeout:
            return "timeout";
        case CommandStatus::no_select:
            return "no select";
        case CommandStatus::format_error:
            return "format error";
        case CommandStatus::not_supported:
            return "not supported";
        case CommandStatus::already_active:
            return "already active";
        case CommandStatus::hardware_error:
            return "hardware error";
        case CommandStatus::local:
            return "local";
        case CommandStatus::too_many_ops:
            return "too many operations";
        case CommandStatus::not_authorized:
            return "not authorized";
        case CommandStatus::automation_inhibit:
            return "automation inhibit";
        case CommandStatus::processing_limited:
            return "processing limited";
        case CommandStatus::out_of_range:
            return "out of range";
        case CommandStatus::not_participating:
            return "not participating";
        case CommandStatus::undefined:
            return "undefined";
    }
    return "reserved";
}

std::string_view name_of(PointType type) noexcept {
    switch (type) {
        case PointType::binary:
            return "binary";
        case PointType::double_bit:
            return "double-bit";
        case PointType::binary_output:
            return "binary output";
        case PointType::counter:
            return "counter";
        case PointType::frozen_counter:
            return "frozen counter";
        case PointType::analog:
            return "analog";
        case PointType::analog_output:
            return "analog output";
        case PointType::octet_string:
            return "octet string";
    }
    return "unknown type";
}

}  // namespace causeway::scada::dnp3
