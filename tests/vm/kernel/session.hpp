// SPDX-License-Identifier: MIT
//
// /dev/counterflow0 for the tests that run in the guest: one open session, its calls, its rings. Written
// against the ABI alone, so that it tests the module and not the library. A failed expectation ends the
// program.
#pragma once

#include <counterflow/uapi.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace vm {

#define EXPECT(condition)                                                                                    \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            std::printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);                                      \
            std::exit(1);                                                                                    \
        }                                                                                                    \
    } while (0)

#define EXPECT_EQUAL(left, right)                                                                            \
    do {                                                                                                     \
        const long long l_ = static_cast<long long>(left), r_ = static_cast<long long>(right);               \
        if (l_ != r_) {                                                                                      \
            std::printf("%s:%d: %s is %lld, expected %s, %lld\n", __FILE__, __LINE__, #left, l_, #right,     \
                        r_);                                                                                 \
            std::exit(1);                                                                                    \
        }                                                                                                    \
    } while (0)

inline constexpr std::uint64_t ms = 1'000'000;

/// Nothing was tested, and the result says so.
[[noreturn]] inline void skip(const char* reason)
{
    std::printf("%s\n", reason);
    std::exit(77);
}

/// A line that the run shows whether the case passes or not.
template <class... Values>
void note(const char* format, Values... values)
{
    std::FILE* const out = std::fopen("/tmp/notes", "a");
    EXPECT(out != nullptr);
    std::fprintf(out, format, values...);
    std::fclose(out);
}

/// Page-aligned memory with a pattern in it.
class memory {
public:
    explicit memory(std::size_t size) : size_(size)
    {
        void* const at =
            ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        EXPECT(at != MAP_FAILED);
        data_ = static_cast<std::uint8_t*>(at);
    }
    memory(const memory&) = delete;
    memory& operator=(const memory&) = delete;
    ~memory() { ::munmap(data_, size_); }

    std::uint8_t* data() const { return data_; }
    std::size_t size() const { return size_; }
    std::uint64_t address() const { return reinterpret_cast<std::uintptr_t>(data_); }

private:
    std::size_t size_;
    std::uint8_t* data_;
};

inline std::uint8_t pattern(std::size_t at, unsigned seed)
{
    const std::uint64_t x = (at + 1) * 0x9e3779b97f4a7c15u + seed * 0xd1b54a32d192ed03u;
    return static_cast<std::uint8_t>(x >> 56);
}

inline void fill(std::uint8_t* to, std::size_t size, unsigned seed)
{
    for (std::size_t i = 0; i < size; ++i) to[i] = pattern(i, seed);
}

inline bool holds(const std::uint8_t* at, std::size_t size, unsigned seed)
{
    for (std::size_t i = 0; i < size; ++i)
        if (at[i] != pattern(i, seed)) {
            std::printf("byte %zu of %zu is %u, expected %u\n", i, size, at[i], pattern(i, seed));
            return false;
        }
    return true;
}

class session {
public:
    session() : fd_(::open("/dev/counterflow0", O_RDWR | O_CLOEXEC))
    {
        if (fd_ < 0) {
            std::printf("/dev/counterflow0: %s\n", std::strerror(errno));
            std::exit(1);
        }
    }
    session(const session&) = delete;
    session& operator=(const session&) = delete;
    ~session() { close(); }

    void close()
    {
        // A mapping holds the file, and so the session.
        for (const auto& [at, size] : mapped_) ::munmap(at, size);
        mapped_.clear();
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }
    int fd() const { return fd_; }

    /// 0 or a negative errno.
    template <class T>
    int call(unsigned long request, T* argument) const
    {
        return ::ioctl(fd_, request, argument) < 0 ? -errno : 0;
    }

    cf_info info() const
    {
        cf_info result{};
        EXPECT_EQUAL(call(CF_IOC_INFO, &result), 0);
        return result;
    }

    int try_add(cf_buffer_add& add) const { return call(CF_IOC_BUFFER_ADD, &add); }
    std::uint32_t add(const memory& of, std::uint32_t access = CF_ACCESS_READ | CF_ACCESS_WRITE) const
    {
        cf_buffer_add add{};
        add.kind = CF_BUFFER_USER;
        add.access = access;
        add.address = of.address();
        add.length = of.size();
        EXPECT_EQUAL(try_add(add), 0);
        EXPECT(add.buffer != 0 && add.pieces >= 1);
        return add.buffer;
    }
    int remove(std::uint32_t buffer) const
    {
        cf_handle handle{buffer, 0};
        return call(CF_IOC_BUFFER_REMOVE, &handle);
    }

    /// Both rings, mapped.
    void setup(std::uint32_t slots, std::uint32_t completions)
    {
        cf_setup setup{};
        setup.slots = slots;
        setup.completions = completions;
        EXPECT_EQUAL(call(CF_IOC_SETUP, &setup), 0);
        if (slots != 0) {
            slots_ = static_cast<cf_transfer*>(map(setup.slots_offset, setup.slots_bytes));
            mapped_.emplace_back(slots_, setup.slots_bytes);
        }
        if (completions == 0) return;
        ring_ = static_cast<cf_ring*>(map(setup.ring_offset, setup.ring_bytes));
        mapped_.emplace_back(ring_, setup.ring_bytes);
        EXPECT_EQUAL(ring_->entries, completions);
    }
    void* map(std::uint64_t offset, std::uint64_t size) const
    {
        void* const at =
            ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, static_cast<off_t>(offset));
        EXPECT(at != MAP_FAILED);
        return at;
    }
    cf_transfer* slots() const { return slots_; }
    cf_ring* ring() const { return ring_; }

    int submit(const std::vector<cf_transfer>& transfers, std::uint32_t* submitted = nullptr) const
    {
        cf_submit submit{};
        submit.transfers = reinterpret_cast<std::uintptr_t>(transfers.data());
        submit.count = static_cast<std::uint32_t>(transfers.size());
        submit.stride = sizeof(cf_transfer);
        const int result = call(CF_IOC_SUBMIT, &submit);
        if (submitted) *submitted = submit.submitted;
        return result;
    }

    /// What is in the ring now; head is moved on.
    std::vector<cf_completion> drain() const
    {
        std::vector<cf_completion> result;
        std::uint32_t head = ring_->head;
        const std::uint32_t tail = __atomic_load_n(&ring_->tail, __ATOMIC_ACQUIRE);
        const auto* first = reinterpret_cast<const cf_completion*>(reinterpret_cast<const std::byte*>(ring_) +
                                                                   CF_RING_HEADER_BYTES);
        for (; head != tail; ++head) result.push_back(first[head & (ring_->entries - 1)]);
        __atomic_store_n(&ring_->head, head, __ATOMIC_RELEASE);
        return result;
    }
    /// Waits with poll() until `count` have come.
    std::vector<cf_completion> gather(std::size_t count, int patience_ms = 20'000) const
    {
        std::vector<cf_completion> result;
        while (result.size() < count) {
            pollfd wait{fd_, POLLIN, 0};
            EXPECT_EQUAL(::poll(&wait, 1, patience_ms), 1);
            for (const cf_completion& c : drain()) result.push_back(c);
            if ((wait.revents & POLLHUP) != 0 && result.size() < count) {
                for (const cf_completion& c : drain()) result.push_back(c);
                EXPECT_EQUAL(result.size(), count);
            }
        }
        return result;
    }

    /// One transfer, waited for.
    int transfer(cf_transfer t, cf_completion* completion = nullptr) const
    {
        cf_transfer_wait wait{};
        wait.transfer = t;
        const int result = call(CF_IOC_TRANSFER, &wait);
        if (completion) *completion = wait.completion;
        return result;
    }

    int cancel(std::uint64_t tag, std::uint32_t flags = 0, std::uint32_t* matched = nullptr) const
    {
        cf_cancel cancel{tag, flags, 0};
        const int result = call(CF_IOC_CANCEL, &cancel);
        if (matched) *matched = cancel.matched;
        return result;
    }

private:
    int fd_;
    cf_transfer* slots_ = nullptr;
    cf_ring* ring_ = nullptr;
    std::vector<std::pair<void*, std::size_t>> mapped_;
};

inline cf_transfer make(std::uint16_t direction, std::uint32_t buffer, std::uint64_t buffer_offset,
                        std::uint64_t window_offset, std::uint64_t length, std::uint64_t tag = 0)
{
    cf_transfer result{};
    result.direction = direction;
    result.buffer = buffer;
    result.buffer_offset = buffer_offset;
    result.window_offset = window_offset;
    result.length = length;
    result.tag = tag;
    return result;
}

/// A number of the module's, from sysfs.
inline long long counter(const std::string& name)
{
    const std::string path = "/sys/class/counterflow/counterflow0/counters/" + name;
    std::FILE* const file = std::fopen(path.c_str(), "r");
    EXPECT(file != nullptr);
    long long value = -1;
    EXPECT_EQUAL(std::fscanf(file, "%lld", &value), 1);
    std::fclose(file);
    return value;
}

/// Waits until a counter has the value; what the module frees, it frees in the background.
inline void expect_counter(const std::string& name, long long value)
{
    for (int tries = 0; tries < 2000 && counter(name) != value; ++tries) ::usleep(5'000);
    EXPECT_EQUAL(counter(name), value);
}

struct test_case {
    const char* name;
    void (*run)();
};

/// Everything kernel_test knows; each file adds its own to the table in main.cpp.
extern const std::vector<test_case> basic_cases;
extern const std::vector<test_case> uring_cases;
extern const std::vector<test_case> ending_cases;
extern const std::vector<test_case> hostile_cases;
extern const std::vector<test_case> speed_cases;
extern const std::vector<test_case> window_cases;
extern const std::vector<test_case> memory_cases;
extern const std::vector<test_case> leaving_cases;
extern const std::vector<test_case> random_cases;

} // namespace vm
