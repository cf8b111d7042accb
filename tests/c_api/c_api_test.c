// SPDX-License-Identifier: MIT
//
// counterflow.h, from C: data there and back, errors as numbers and sentences, bounds, cancellation,
// deadlines, structures of other sizes, and the order in which things may be closed.
#include <counterflow/counterflow.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: not so: %s (last error: %s)\n", __FILE__, __LINE__, #condition,          \
                    counterflow_last_error());                                                               \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

enum { block = 65536 };

static counterflow_device* device;
static counterflow_buffer* buffer;
static struct counterflow_window ram;

static void set_up(const char* spec, unsigned transfers_max)
{
    const struct counterflow_options options = {.size = sizeof options, .transfers_max = transfers_max};
    CHECK(counterflow_open(spec, &options, &device) == 0);
    CHECK(counterflow_buffer_allocate(device, block, &buffer) == 0);
    ram.size = sizeof ram;
    CHECK(counterflow_find_window(device, "ram", &ram) == 0);
}

static void tear_down(void)
{
    counterflow_buffer_free(buffer);
    counterflow_close(device);
}

static struct counterflow_transfer transfer(unsigned kind, uint64_t tag)
{
    const struct counterflow_transfer whole = {.size = sizeof whole,
                                               .kind = kind,
                                               .tag = tag,
                                               .buffer = buffer,
                                               .bytes = block,
                                               .window = ram.index};
    return whole;
}

static int submit_one(struct counterflow_transfer t) { return counterflow_submit(device, &t, 1); }

static int readable(int milliseconds)
{
    struct pollfd ready = {.fd = counterflow_fd(device), .events = POLLIN};
    for (;;) {
        const int found = poll(&ready, 1, milliseconds);
        if (found >= 0) return found;
        CHECK(errno == EINTR);
    }
}

static struct counterflow_completion next(void)
{
    struct counterflow_completion done;
    int taken;
    while ((taken = counterflow_poll(device, &done, 1)) == 0) CHECK(readable(30000) == 1);
    CHECK(taken == 1);
    CHECK(done.reserved == 0);
    return done;
}

/// With nothing under way the descriptor gets still, though an interrupt may come behind what it told of.
static void gets_still(void)
{
    struct counterflow_completion none;
    for (int i = 0; i < 1000 && readable(0) != 0; ++i) CHECK(counterflow_poll(device, &none, 1) == 0);
    CHECK(readable(0) == 0);
}

static void data_goes_there_and_back(void)
{
    set_up("model:gen3x4", 0);
    unsigned char* const memory = counterflow_buffer_data(buffer);
    CHECK(counterflow_buffer_size(buffer) == block);
    for (unsigned i = 0; i < block; ++i) memory[i] = (unsigned char)(i * 7);
    CHECK(submit_one(transfer(COUNTERFLOW_WRITE, 11)) == 1);
    struct counterflow_completion done = next();
    CHECK(done.tag == 11 && done.error == COUNTERFLOW_OK && done.bytes == block);
    CHECK(done.kind == COUNTERFLOW_WRITE);

    static unsigned char own[block + 64];
    counterflow_buffer* mine;
    CHECK(counterflow_buffer_add(device, own + 64, block, &mine) == 0);
    struct counterflow_transfer back = transfer(COUNTERFLOW_READ, 12);
    back.buffer = mine;
    back.priority = COUNTERFLOW_HIGH;
    CHECK(submit_one(back) == 1);
    done = next();
    CHECK(done.tag == 12 && done.error == COUNTERFLOW_OK && done.kind == COUNTERFLOW_READ);
    CHECK(memcmp(own + 64, memory, block) == 0);
    counterflow_buffer_free(mine);
    gets_still();
    tear_down();
}

static void many_complete_once_each(void)
{
    enum { count = 500 };
    static char seen[count];
    set_up("model:gen3x4,wr=2,rd=2", count);
    struct counterflow_transfer all[count];
    for (unsigned i = 0; i < count; ++i) {
        all[i] = transfer(i % 2, i);
        all[i].bytes = 4096;
    }
    CHECK(counterflow_submit(device, all, count) == count);
    struct counterflow_completion some[7];
    for (unsigned left = count; left > 0;) {
        CHECK(readable(30000) == 1);
        int taken;
        do {
            taken = counterflow_poll(device, some, 7);
            CHECK(taken >= 0);
            for (int i = 0; i < taken; ++i, --left) {
                CHECK(some[i].error == 0 && some[i].tag < count && seen[some[i].tag]++ == 0);
            }
        } while (taken == 7);
    }
    CHECK(counterflow_poll(device, some, 7) == 0);
    tear_down();
}

static void room_is_bounded(void)
{
    set_up("model:gen1x1", 3);
    struct counterflow_transfer all[5];
    for (unsigned i = 0; i < 5; ++i) all[i] = transfer(COUNTERFLOW_WRITE, i);
    CHECK(counterflow_submit(device, all, 5) == 3);
    CHECK(counterflow_submit(device, all + 3, 2) == 0);
    CHECK(next().error == 0);
    CHECK(counterflow_submit(device, all + 3, 2) == 1);
    for (int i = 0; i < 3; ++i) CHECK(next().error == 0);
    CHECK(counterflow_submit(device, all, 0) == 0);
    tear_down();
}

static void completions_that_were_not_taken_keep_it_readable(void)
{
    set_up("model:null", 0);
    struct counterflow_transfer wrong[2] = {transfer(COUNTERFLOW_WRITE, 1), transfer(COUNTERFLOW_READ, 2)};
    wrong[0].window_offset = ram.bytes;
    wrong[1].bytes = 0;
    CHECK(counterflow_submit(device, wrong, 2) == 2); // both have ended in there
    struct counterflow_completion done;
    CHECK(readable(30000) == 1);
    CHECK(counterflow_poll(device, &done, 1) == 1);
    CHECK(done.tag == 1 && done.error == -COUNTERFLOW_OUT_OF_RANGE && done.bytes == 0);
    CHECK(readable(30000) == 1);
    CHECK(counterflow_poll(device, &done, 1) == 1);
    CHECK(done.tag == 2 && done.error == -COUNTERFLOW_ZERO_LENGTH);
    CHECK(counterflow_poll(device, &done, 1) == 0);
    gets_still();
    tear_down();
}

static void what_is_wrong_with_a_transfer_is_its_completion(void)
{
    set_up("model:null", 0);
    struct counterflow_transfer t = transfer(COUNTERFLOW_WRITE, 0);
    t.window = 99;
    CHECK(submit_one(t) == 1 && next().error == -COUNTERFLOW_NO_SUCH_WINDOW);
    t = transfer(COUNTERFLOW_WRITE, 0);
    t.buffer = NULL;
    CHECK(submit_one(t) == 1 && next().error == -COUNTERFLOW_NOT_REGISTERED);
    t = transfer(COUNTERFLOW_WRITE, 0);
    t.buffer_offset = UINT64_MAX;
    CHECK(submit_one(t) == 1 && next().error == -COUNTERFLOW_OUT_OF_RANGE);
    t = transfer(COUNTERFLOW_WRITE, 0);
    t.priority = 9;
    CHECK(submit_one(t) == 1 && next().error == -COUNTERFLOW_BAD_ARGUMENT);
    tear_down();
}

static void cancellation_and_deadlines(void)
{
    enum { count = 64 };
    set_up("model:gen1x1,wr=1,rd=1", count);
    struct counterflow_transfer all[count];
    for (unsigned i = 0; i < count; ++i) all[i] = transfer(COUNTERFLOW_WRITE, i < count / 2 ? 1 : 2);
    all[count - 1].tag = 3;
    all[count - 1].deadline_ns = 1;
    CHECK(counterflow_submit(device, all, count) == count);
    CHECK(counterflow_cancel(device, 2) == count / 2 - 1);
    CHECK(counterflow_cancel(device, 77) == 0);
    unsigned canceled = 0, timed_out = 0, done = 0;
    for (unsigned i = 0; i < count; ++i) {
        const struct counterflow_completion c = next();
        canceled += c.tag == 2 && c.error == -COUNTERFLOW_CANCELED;
        timed_out += c.tag == 3 && c.error == -COUNTERFLOW_TIMED_OUT;
        done += c.tag == 1 && c.error == COUNTERFLOW_OK;
    }
    CHECK(canceled == count / 2 - 1 && timed_out == 1 && done == count / 2);
    CHECK(counterflow_cancel(device, 2) == 0);
    tear_down();
}

static void simulated_time_passes_in_poll(void)
{
    set_up("sim:gen3x1,seed=5", 0);
    CHECK(submit_one(transfer(COUNTERFLOW_READ, 4)) == 1);
    struct counterflow_completion done;
    CHECK(counterflow_poll(device, &done, 1) == 1 && done.tag == 4 && done.error == 0);
    tear_down();
}

static void errors_have_numbers_and_sentences(void)
{
    counterflow_device* none = NULL;
    CHECK(counterflow_open("model:gen9x1", NULL, &none) == -COUNTERFLOW_BAD_SPEC && none == NULL);
    CHECK(strstr(counterflow_last_error(), "gen9x1") != NULL);
    CHECK(counterflow_open("/dev/counterflow-none", NULL, &none) < 0 && none == NULL);
    CHECK(counterflow_open(NULL, NULL, &none) == -COUNTERFLOW_BAD_ARGUMENT);
    const struct counterflow_options many = {.size = sizeof many, .transfers_max = 1u << 30};
    CHECK(counterflow_open("model:null", &many, &none) == -COUNTERFLOW_BAD_ARGUMENT);
    CHECK(strcmp(counterflow_strerror(-COUNTERFLOW_CANCELED), counterflow_strerror(COUNTERFLOW_CANCELED)) ==
          0);
    CHECK(strstr(counterflow_strerror(-COUNTERFLOW_LINK_DOWN), "link is down") != NULL);
    CHECK(strcmp(counterflow_strerror(-COUNTERFLOW_SYSTEM - ENOENT), strerror(ENOENT)) == 0);
    CHECK(counterflow_strerror(123456789) != NULL && counterflow_strerror(0) != NULL);
    CHECK(counterflow_poll(NULL, NULL, 0) == -COUNTERFLOW_BAD_ARGUMENT);

    set_up("model:null", 0);
    counterflow_buffer* empty;
    CHECK(counterflow_buffer_allocate(device, 0, &empty) == -COUNTERFLOW_ZERO_LENGTH);
    struct counterflow_window w = {.size = sizeof w};
    CHECK(counterflow_find_window(device, "rom", &w) == -COUNTERFLOW_NO_SUCH_WINDOW);
    CHECK(strstr(counterflow_last_error(), "rom") != NULL);
    CHECK(counterflow_get_window(device, 1000, &w) == -COUNTERFLOW_NO_SUCH_WINDOW);
    CHECK(counterflow_get_window(device, ram.index, &w) == 0);
    CHECK(strcmp(w.name, "ram") == 0 && w.bytes == ram.bytes && w.size == sizeof w);
    tear_down();
}

static void structures_may_be_of_another_age(void)
{
    set_up("model:gen3x1,wr=3,rd=2", 0);
    struct {
        struct counterflow_info known;
        uint64_t later;
    } newer = {.known.size = sizeof newer, .later = 42};
    CHECK(counterflow_get_info(device, &newer.known) == 0);
    CHECK(newer.later == 42 && newer.known.size == sizeof newer);
    CHECK(newer.known.windows >= 1 && newer.known.alignment >= 1);
    CHECK(newer.known.write_bytes_per_s > 800000000 && newer.known.read_bytes_per_s > 700000000);

    struct counterflow_info older = {.size = 8, .write_channels = 1234};
    CHECK(counterflow_get_info(device, &older) == 0);
    CHECK(older.windows == newer.known.windows && older.write_channels == 1234);
    older.size = 2;
    CHECK(counterflow_get_info(device, &older) == -COUNTERFLOW_BAD_ARGUMENT);

    struct {
        struct counterflow_transfer known;
        uint64_t later;
    } pair[2] = {{.known = transfer(COUNTERFLOW_WRITE, 1)}, {.known = transfer(COUNTERFLOW_WRITE, 2)}};
    pair[0].known.size = pair[1].known.size = sizeof pair[0];
    CHECK(counterflow_submit(device, &pair[0].known, 2) == 2);
    CHECK(next().error == 0 && next().error == 0);
    pair[1].known.size = 8;
    CHECK(counterflow_submit(device, &pair[0].known, 2) == -COUNTERFLOW_BAD_ARGUMENT);
    pair[1].known.size = sizeof pair[0];
    pair[1].known.kind = 5;
    CHECK(counterflow_submit(device, &pair[0].known, 2) == -COUNTERFLOW_BAD_ARGUMENT);
    tear_down();
}

static void may_be_closed_at_any_moment(void)
{
    set_up("model:gen1x1,wr=1,rd=1", 0);
    struct counterflow_transfer all[16];
    for (unsigned i = 0; i < 16; ++i) all[i] = transfer(i % 2, i);
    CHECK(counterflow_submit(device, all, 16) == 16);
    counterflow_buffer_free(buffer); // under way
    counterflow_close(device);

    set_up("model:gen1x1,wr=1,rd=1", 0);
    for (unsigned i = 0; i < 16; ++i) all[i] = transfer(i % 2, i);
    CHECK(counterflow_submit(device, all, 16) == 16);
    counterflow_close(device);
    memset(counterflow_buffer_data(buffer), 1, block); // still memory
    counterflow_buffer_free(buffer);

    counterflow_close(NULL);
    counterflow_buffer_free(NULL);
    CHECK(counterflow_buffer_data(NULL) == NULL && counterflow_buffer_size(NULL) == 0);
}

int main(void)
{
    data_goes_there_and_back();
    many_complete_once_each();
    room_is_bounded();
    completions_that_were_not_taken_keep_it_readable();
    what_is_wrong_with_a_transfer_is_its_completion();
    cancellation_and_deadlines();
    simulated_time_passes_in_poll();
    errors_have_numbers_and_sentences();
    structures_may_be_of_another_age();
    may_be_closed_at_any_moment();
    return 0;
}
