// SPDX-License-Identifier: MIT
//
// Publishing: a message a block, sent again under the same id until the server has said that it stored it.
#include "nats/connection.hpp"

#include <counterflow/event.hpp>
#include <counterflow/time.hpp>

#include <algorithm>
#include <optional>
#include <random>
#include <unordered_map>
#include <utility>

namespace cf::nats {
namespace {

std::string random_name()
{
    std::random_device entropy;
    std::string name;
    for (int i = 0; i < 16; ++i) name += "0123456789abcdef"[entropy() % 16];
    return name;
}

/// What the server, or libnats in its place, said of one try.
struct answer {
    natsStatus status = NATS_OK;
    std::string reason;
    std::uint64_t position = 0;
    bool duplicate = false;
};

/// A publication that is awaited.
struct waiting {
    event answered;
    answer said;
};

} // namespace

struct publisher::state {
    state(runtime& r, place p, publisher_options o) : loop(r), where(std::move(p)), options(std::move(o)) {}

    /// On a thread of libnats.
    static void answered(jsCtx*, natsMsg* sent, jsPubAck* stored, jsPubAckErr* refused, void* closure);
    void hear(std::uint64_t sequence, answer said);
    natsStatus send(std::span<const std::byte> bytes, std::uint64_t sequence, std::uint64_t time_ns) const;

    runtime& loop;
    const place where;
    publisher_options options;
    publisher_statistics statistics;
    std::unordered_map<std::uint64_t, waiting*> awaited; ///< by sequence
    connection_ptr connection;
    context_ptr context;
    directory<state>::entry entry{*this}; // the first to go
};

void publisher::state::answered(jsCtx*, natsMsg* sent, jsPubAck* stored, jsPubAckErr* refused, void* closure)
{
    // By number and not by message: an answer to an earlier try of a block is as good.
    const char* number = nullptr;
    if (natsMsgHeader_Get(sent, sequence_header, &number) == NATS_OK && number != nullptr) {
        answer said;
        if (refused != nullptr) {
            said.status = refused->Err;
            if (refused->ErrText != nullptr) said.reason = refused->ErrText;
        } else {
            said.position = stored->Sequence;
            said.duplicate = stored->Duplicate;
        }
        directory<state>::with(closure, [&](state& s) {
            directory<state>::post(s, [sequence = std::stoull(number), said = std::move(said)](
                                          state& there) mutable { there.hear(sequence, std::move(said)); });
        });
    }
    natsMsg_Destroy(sent);
}

void publisher::state::hear(std::uint64_t sequence, answer said)
{
    const auto found = awaited.find(sequence);
    if (found == awaited.end()) return;
    found->second->said = std::move(said);
    found->second->answered.set();
}

natsStatus publisher::state::send(std::span<const std::byte> bytes, std::uint64_t sequence,
                                  std::uint64_t time_ns) const
{
    natsMsg* message = nullptr;
    natsStatus status =
        natsMsg_Create(&message, where.subject.c_str(), nullptr, reinterpret_cast<const char*>(bytes.data()),
                       static_cast<int>(bytes.size()));
    if (status == NATS_OK)
        status = natsMsgHeader_Set(message, sequence_header, std::to_string(sequence).c_str());
    if (status == NATS_OK) status = natsMsgHeader_Set(message, time_header, std::to_string(time_ns).c_str());
    const std::string id = options.source + '-' + std::to_string(sequence);
    jsPubOptions more;
    jsPubOptions_Init(&more);
    more.MsgId = id.c_str();
    more.MaxWait = options.resend.count();
    if (status == NATS_OK) status = js_PublishMsgAsync(context.get(), &message, &more);
    natsMsg_Destroy(message); // none when it was taken
    return status;
}

publisher::publisher(runtime& loop, place where, publisher_options options)
    : state_(std::make_unique<state>(loop, std::move(where), std::move(options)))
{
    state& s = *state_;
    if (s.options.patience.count() < 1 || s.options.resend.count() < 1)
        throw error(errc::bad_argument, "publisher: patience and resend are at least 1 ms");
    if (s.options.source.empty()) s.options.source = random_name();
    s.connection = connect(s.where.url);
    jsOptions more;
    jsOptions_Init(&more);
    more.PublishAsync.AckHandler = state::answered;
    more.PublishAsync.AckHandlerClosure = s.entry.closure();
    jsCtx* context = nullptr;
    expect(natsConnection_JetStream(&context, s.connection.get(), &more), jsErrCode{}, s.where.url);
    s.context.reset(context);
    ensure_stream(*context, s.where);
}

publisher::~publisher() = default;

const publisher_statistics& publisher::statistics() const noexcept { return state_->statistics; }

task<std::uint64_t> publisher::publish(std::span<const std::byte> bytes, std::uint64_t sequence,
                                       std::uint64_t time_ns)
{
    state& s = *state_;
    const std::string what = s.where.url + ": block " + std::to_string(sequence) + " of " +
                             std::to_string(bytes.size()) + " bytes";
    const std::int64_t most = natsConnection_GetMaxPayload(s.connection.get());
    // Headers count, ours are below 200 bytes.
    if (std::cmp_greater(bytes.size() + 200 + s.options.source.size(), most))
        throw error(errc::bad_argument,
                    what + ": the server takes " + std::to_string(most) +
                        " bytes a message; smaller blocks, or max_payload in its configuration");
    waiting mine;
    if (!s.awaited.emplace(sequence, &mine).second)
        throw error(errc::busy, what + " is being published already");
    struct leave {
        state& s;
        std::uint64_t sequence;
        ~leave() { s.awaited.erase(sequence); }
    } const at_end{s, sequence};

    const clock::time_point deadline = clock::now() + s.options.patience;
    for (;;) {
        mine.answered.reset();
        const natsStatus sent = s.send(bytes, sequence, time_ns);
        if (sent == NATS_OK) {
            co_await mine.answered; // libnats answers in the server's place when that does not
        } else {
            mine.said = {sent, {}, 0, false};
            co_await sleep_for(s.options.resend);
        }
        if (mine.said.status == NATS_OK) break;
        if (clock::now() >= deadline) {
            failure why = nats_failure(mine.said.status, jsErrCode{}, what);
            if (!mine.said.reason.empty()) why.detail += ": " + mine.said.reason;
            throw error(make_error_code(errc::timed_out) == why.code
                            ? failure{why.code, what + ": no answer from the server, " +
                                                    std::to_string(s.options.patience.count()) + " ms long"}
                            : why);
        }
        ++s.statistics.resent;
    }
    ++s.statistics.published;
    s.statistics.duplicates += mine.said.duplicate;
    co_return mine.said.position;
}

} // namespace cf::nats
