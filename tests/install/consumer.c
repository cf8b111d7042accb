// SPDX-License-Identifier: MIT
//
// A program in C, built against the installed library: writes a block to a modelled device and reads it back.
#include <counterflow/counterflow.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>

static int wait_for_one(counterflow_device* device)
{
    struct counterflow_completion done;
    while (counterflow_poll(device, &done, 1) == 0) {
        struct pollfd ready = {.fd = counterflow_fd(device), .events = POLLIN};
        poll(&ready, 1, -1);
    }
    return done.error;
}

int main(void)
{
    counterflow_device* device;
    counterflow_buffer* buffer;
    struct counterflow_window ram = {.size = sizeof ram};
    if (counterflow_open("model:gen3x1", NULL, &device) ||
        counterflow_buffer_allocate(device, 8192, &buffer) || counterflow_find_window(device, "ram", &ram)) {
        fprintf(stderr, "%s\n", counterflow_last_error());
        return 1;
    }
    char* const memory = counterflow_buffer_data(buffer);
    memset(memory, 'c', 4096);
    struct counterflow_transfer move = {
        .size = sizeof move, .kind = COUNTERFLOW_WRITE, .buffer = buffer, .bytes = 4096, .window = ram.index};
    int failed = counterflow_submit(device, &move, 1) != 1 || wait_for_one(device);
    move.kind = COUNTERFLOW_READ;
    move.buffer_offset = 4096;
    failed |= counterflow_submit(device, &move, 1) != 1 || wait_for_one(device);
    failed |= memcmp(memory, memory + 4096, 4096) != 0;
    counterflow_buffer_free(buffer);
    counterflow_close(device);
    return failed;
}
