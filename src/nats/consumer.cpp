// SPDX-License-Identifier: MIT
//
// Consuming: the server pushes what a named position has not acknowledged yet, as much as may be
// unacknowledged at once.
#include "nats/connection.hpp"

#include <counterflow/event.hpp>

#include <cstdlib>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

namespace cf::nats {
namespace {

constexpr std::int64_t flush_ms = 2000;

std::uint64_t number_in(natsMsg* message, const char* header)
{
    const char* text = nullptr;
    return natsMsgHeader_Get(message, header, &text) == NATS_OK && text != nullptr
               ? std::strtoull(text, nullptr, 10)
               : 0;
}

} // namespace

struct message::state {
    /// Open as long as the consumer is.
    std::shared_ptr<bool> open;
    message_ptr owned;
    std::uint64_t position = 0;
    bool again = false;
    bool acknowledged = false;

    ~state()
    {
        // To be given out again now, and not after the time for an answer is over.
        if (owned != nullptr && !acknowledged && *open) natsMsg_Nak(owned.get(), nullptr);
    }
};

message::message(std::unique_ptr<state> taken) noexcept : state_(std::move(taken)) {}
message::message(message&&) noexcept = default;
message& message::operator=(message&&) noexcept = default;
message::~message() = default;

std::span<const std::byte> message::bytes() const noexcept
{
    return {reinterpret_cast<const std::byte*>(natsMsg_GetData(state_->owned.get())),
            static_cast<std::size_t>(natsMsg_GetDataLength(state_->owned.get()))};
}
std::uint64_t message::sequence() const noexcept { return number_in(state_->owned.get(), sequence_header); }
std::uint64_t message::time_ns() const noexcept { return number_in(state_->owned.get(), time_header); }
std::uint64_t message::position() const noexcept { return state_->position; }
bool message::again() const noexcept { return state_->again; }

void message::ack() noexcept
{
    if (state_->acknowledged || !*state_->open) return;
    state_->acknowledged = natsMsg_Ack(state_->owned.get(), nullptr) == NATS_OK;
}

struct consumer::state {
    explicit state(runtime& r) : loop(r) {}
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    ~state();

    /// On a thread of libnats.
    static void arrived(natsConnection*, natsSubscription*, natsMsg* message, void* closure);
    void take_all();
    void take(message_ptr message);

    runtime& loop;
    std::shared_ptr<bool> open = std::make_shared<bool>(true);
    std::mutex mutex;
    std::vector<message_ptr> inbox; ///< from libnats' threads, under the mutex
    std::deque<nats::message> ready;
    event some;
    connection_ptr connection;
    context_ptr context;
    subscription_ptr subscription;
    directory<state>::entry entry{*this}; // the first to go
};

consumer::state::~state()
{
    // Nothing new first: what goes back before that would come here again. Then everything that has come,
    // wherever it is.
    if (subscription != nullptr && natsSubscription_Drain(subscription.get()) == NATS_OK)
        natsSubscription_WaitForDrainCompletion(subscription.get(), flush_ms);
    take_all();
    ready.clear();
    *open = false;
    if (connection != nullptr) natsConnection_FlushTimeout(connection.get(), flush_ms);
}

void consumer::state::arrived(natsConnection*, natsSubscription*, natsMsg* message, void* closure)
{
    message_ptr owned(message);
    directory<state>::with(closure, [&](state& s) {
        const std::lock_guard lock(s.mutex);
        s.inbox.push_back(std::move(owned));
        if (s.inbox.size() > 1) return; // told already
        directory<state>::post(s, [](state& there) { there.take_all(); });
    });
}

void consumer::state::take_all()
{
    std::vector<message_ptr> come;
    {
        const std::lock_guard lock(mutex);
        come.swap(inbox);
    }
    for (message_ptr& one : come) take(std::move(one));
}

void consumer::state::take(message_ptr message)
{
    auto taken = std::make_unique<nats::message::state>();
    jsMsgMetaData* facts = nullptr;
    if (natsMsg_GetMetaData(&facts, message.get()) == NATS_OK) {
        taken->position = facts->Sequence.Stream;
        taken->again = facts->NumDelivered > 1;
        jsMsgMetaData_Destroy(facts);
    }
    taken->open = open;
    taken->owned = std::move(message);
    ready.push_back(nats::message(std::move(taken)));
    some.set();
}

consumer::consumer(runtime& loop, const place& where, const std::string& name, consumer_options options)
    : state_(std::make_unique<state>(loop))
{
    state& s = *state_;
    if (name.empty() || name.find_first_of(" \t.*>") != std::string::npos)
        throw error(errc::bad_argument,
                    "consumer \"" + name + "\": a name without blanks, dots, * or > is needed");
    if (options.unacknowledged < 1 || options.unacknowledged > 65'536 || options.redelivery.count() < 1)
        throw error(errc::bad_argument,
                    "consumer " + name + ": unacknowledged is 1 to 65536, redelivery at least 1 ms");
    const std::string what = where.url + ": consumer " + name + " of stream " + where.stream;
    s.connection = connect(where.url);
    jsCtx* context = nullptr;
    expect(natsConnection_JetStream(&context, s.connection.get(), nullptr), jsErrCode{}, where.url);
    s.context.reset(context);
    ensure_stream(*context, where);

    const std::string deliver =
        "_counterflow." + where.stream + '.' + name; // the same each time, as the server wants it
    jsConsumerConfig config;
    jsConsumerConfig_Init(&config);
    config.Durable = name.c_str();
    config.DeliverSubject = deliver.c_str();
    config.DeliverPolicy = js_DeliverAll;
    config.AckPolicy = js_AckExplicit;
    config.AckWait = std::chrono::nanoseconds(options.redelivery).count();
    config.MaxAckPending = options.unacknowledged;
    config.FilterSubject = where.subject.c_str();
    jsConsumerInfo* info = nullptr;
    jsErrCode reason{};
    expect(js_AddConsumer(&info, context, where.stream.c_str(), &config, nullptr, &reason), reason, what);
    const bool taken = info->PushBound;
    jsConsumerInfo_Destroy(info);
    if (taken)
        throw error(errc::busy,
                    what + ": another process consumes under that name; end it, or take another name");

    jsSubOptions bind;
    jsSubOptions_Init(&bind);
    bind.Stream = where.stream.c_str();
    bind.Consumer = name.c_str();
    bind.ManualAck = true;
    natsSubscription* subscription = nullptr;
    expect(js_Subscribe(&subscription, context, where.subject.c_str(), state::arrived, s.entry.closure(),
                        nullptr, &bind, &reason),
           reason, what);
    s.subscription.reset(subscription);
    // What may be unacknowledged is the limit.
    natsSubscription_SetPendingLimits(subscription, -1, -1);
}

consumer::~consumer() = default;

task<message> consumer::next()
{
    state& s = *state_;
    while (s.ready.empty()) {
        s.some.reset();
        co_await s.some;
    }
    message first = std::move(s.ready.front());
    s.ready.pop_front();
    co_return first;
}

} // namespace cf::nats
