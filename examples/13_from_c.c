// SPDX-License-Identifier: MIT
//
// The C API: four blocks to the far end and four back, both at once, told apart by their tags.
//
//     13_from_c [DEVICE]
#include <counterflow/counterflow.h>

#include <poll.h>
#include <stdio.h>

enum { block = 65536, blocks = 4 };

static int give_up(const char* what)
{
    fprintf(stderr, "%s: %s\n", what, counterflow_last_error());
    return 1;
}

int main(int argc, char** argv)
{
    counterflow_device* device;
    counterflow_buffer* memory;
    struct counterflow_window ram = {.size = sizeof ram};
    if (counterflow_open(argc > 1 ? argv[1] : "model:gen3x1", NULL, &device) < 0) return give_up("open");
    if (counterflow_find_window(device, "ram", &ram) < 0) return give_up("window");
    if (counterflow_buffer_allocate(device, 2 * blocks * block, &memory) < 0) return give_up("buffer");

    struct counterflow_transfer all[2 * blocks];
    for (unsigned i = 0; i < 2 * blocks; ++i) {
        const struct counterflow_transfer one = {.size = sizeof one,
                                                 .kind = i < blocks ? COUNTERFLOW_WRITE : COUNTERFLOW_READ,
                                                 .tag = i,
                                                 .buffer = memory,
                                                 .buffer_offset = i * block,
                                                 .bytes = block,
                                                 .window = ram.index,
                                                 .window_offset = i * block};
        all[i] = one;
    }
    if (counterflow_submit(device, all, 2 * blocks) != 2 * blocks) return give_up("submit");

    for (unsigned left = 2 * blocks; left > 0;) {
        struct counterflow_completion done[blocks];
        const int count = counterflow_poll(device, done, blocks); /* never waits */
        if (count < 0) return give_up("poll");
        for (int i = 0; i < count; ++i)
            printf("transfer %u: %s\n", (unsigned)done[i].tag, counterflow_strerror(done[i].error));
        left -= (unsigned)count;
        if (count == blocks || left == 0) continue;
        struct pollfd ready = {.fd = counterflow_fd(device), .events = POLLIN};
        poll(&ready, 1, -1);
    }
    counterflow_buffer_free(memory);
    counterflow_close(device);
    return 0;
}
