// SPDX-License-Identifier: MIT
//
// Connecting, the stream, and libnats' errors in our words.
#include "nats/connection.hpp"

#include <algorithm>

namespace cf::nats {
namespace {

constexpr std::int64_t reconnect_wait_ms = 200;

std::error_code code_of(natsStatus status, jsErrCode reason)
{
    switch (reason) {
    case JSNotEnabledErr:
    case JSNotEnabledForAccountErr: return make_error_code(errc::not_supported);
    case JSConsumerNameExistErr:
    case JSConsumerCreateErr:
    case JSStreamNameExistErr:
    case JSStreamSubjectOverlapErr: return make_error_code(errc::bad_argument);
    default: break;
    }
    switch (status) {
    case NATS_NO_SERVER: return std::make_error_code(std::errc::connection_refused);
    case NATS_TIMEOUT: return make_error_code(errc::timed_out);
    case NATS_NO_MEMORY: return make_error_code(errc::no_memory);
    case NATS_INVALID_ARG:
    case NATS_INVALID_SUBJECT: return make_error_code(errc::bad_argument);
    case NATS_NO_RESPONDERS: return make_error_code(errc::not_supported);
    case NATS_CONNECTION_AUTH_FAILED:
    case NATS_NOT_PERMITTED: return std::make_error_code(std::errc::permission_denied);
    default: return std::make_error_code(std::errc::protocol_error);
    }
}

} // namespace

failure nats_failure(natsStatus status, jsErrCode reason, const std::string& what)
{
    std::string detail = what + ": " + natsStatus_GetText(status);
    natsStatus last = NATS_OK;
    if (const char* const more = nats_GetLastError(&last); more != nullptr && last == status && *more != '\0')
        detail += std::string(", ") + more;
    if (status == NATS_NO_SERVER) detail += "; is nats-server running there?";
    if (status == NATS_NO_RESPONDERS || reason == JSNotEnabledErr || reason == JSNotEnabledForAccountErr)
        detail += "; start nats-server with -js";
    return {code_of(status, reason), detail};
}

connection_ptr connect(const std::string& url)
{
    natsOptions* made = nullptr;
    natsStatus status = natsOptions_Create(&made);
    const options_ptr options(made);
    const auto also = [&status](natsStatus next) {
        if (status == NATS_OK) status = next;
    };
    also(natsOptions_SetURL(made, url.c_str()));
    also(natsOptions_SetName(made, "counterflow"));
    also(natsOptions_SetMaxReconnect(made, -1));
    also(natsOptions_SetReconnectWait(made, reconnect_wait_ms));
    natsConnection* connection = nullptr;
    also(natsConnection_Connect(&connection, made));
    expect(status, jsErrCode{}, url);
    return connection_ptr(connection);
}

void ensure_stream(jsCtx& context, const place& where)
{
    const std::string what = where.url + ": stream " + where.stream;
    jsStreamInfo* info = nullptr;
    jsErrCode reason{};
    natsStatus status = js_GetStreamInfo(&info, &context, where.stream.c_str(), nullptr, &reason);
    if (status == NATS_NOT_FOUND) {
        const char* subjects[] = {where.subject.c_str()};
        jsStreamConfig config;
        jsStreamConfig_Init(&config);
        config.Name = where.stream.c_str();
        config.Subjects = subjects;
        config.SubjectsLen = 1;
        status = js_AddStream(&info, &context, &config, nullptr, &reason);
    }
    expect(status, reason, what);
    const owner<jsStreamInfo, jsStreamInfo_Destroy> owned(info);
    const jsStreamConfig& config = *info->Config;
    if (!std::any_of(config.Subjects, config.Subjects + config.SubjectsLen,
                     [&](const char* subject) { return where.subject == subject; }))
        throw error(errc::bad_argument, what + " is there without the subject " + where.subject +
                                            "; name one of its subjects, or another stream");
}

} // namespace cf::nats
