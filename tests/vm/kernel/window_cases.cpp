// SPDX-License-Identifier: MIT
//
// Windows that an administrator declares while the device is there: what is refused and how, who may go
// where, and what becomes of transfers when a window is taken away.
#include "model.hpp"

#include <sys/stat.h>

namespace vm {
namespace {

constexpr std::size_t block = 4096;
constexpr std::uint64_t behind_lists = 8 << 20;

/// A window's folder; gone at the end.
class declaration {
public:
    explicit declaration(const std::string& name) : at_(root() + "/windows/" + name)
    {
        (void)::mkdir(root().c_str(), 0700);
        EXPECT_EQUAL(::mkdir(at_.c_str(), 0700), 0);
    }
    declaration(const declaration&) = delete;
    declaration& operator=(const declaration&) = delete;
    ~declaration()
    {
        EXPECT_EQUAL(::rmdir(at_.c_str()), 0);
        (void)::rmdir(root().c_str()); // with the last of them
    }

    int set(const std::string& file, const std::string& text) const
    {
        return try_tell(at_ + "/" + file, text);
    }
    int enable(const std::string& place, const std::string& size, const std::string& permissions = "rw") const
    {
        EXPECT_EQUAL(set("place", place), 0);
        EXPECT_EQUAL(set("size", size), 0);
        EXPECT_EQUAL(set("permissions", permissions), 0);
        return set("enable", "1");
    }

private:
    static std::string root() { return "/sys/kernel/config/counterflow/" + function_name; }
    std::string at_;
};

/// The index of a window; -1: the session has none of that name.
int index_of(const session& s, const std::string& name)
{
    cf_window_info w{};
    for (w.window = 0; w.window < s.info().windows; ++w.window) {
        const int result = s.call(CF_IOC_WINDOW, &w);
        EXPECT(result == 0 || result == -ENOENT);
        if (result == 0 && name == reinterpret_cast<const char*>(w.name)) return static_cast<int>(w.window);
    }
    return -1;
}

cf_transfer in(int window, cf_transfer t)
{
    EXPECT(window >= 0);
    t.window = static_cast<std::uint32_t>(window);
    return t;
}

void refused()
{
    const session before;
    EXPECT_EQUAL(index_of(before, "ram"), 0);
    const declaration w("w");
    EXPECT_EQUAL(w.set("enable", "1"), -EINVAL); // no place yet
    for (const char* place :
         {"", "bar2", "bar9+0", "bar+0", "bar2+", "bar2+x", "bus+0@0000:01:00.0", "ram+0"})
        EXPECT_EQUAL(w.set("place", place), -EINVAL);
    EXPECT_EQUAL(w.set("place", std::string(100, 'b')), -ENAMETOOLONG);
    EXPECT_EQUAL(w.set("size", "much"), -EINVAL);
    EXPECT_EQUAL(w.set("enable", "perhaps"), -EINVAL);
    for (const char* permissions : {"", "x", "p", "rwxp"})
        EXPECT_EQUAL(w.set("permissions", permissions), -EINVAL);
    EXPECT_EQUAL(w.enable("bar2+0x800000", "0"), -EINVAL);
    // Whoever reaches the registers or the lists has the engine, and with it this machine's memory.
    EXPECT_EQUAL(w.enable("bar0+0", "4096"), -EPERM);
    EXPECT_EQUAL(w.enable("bar0+0x3000", "0x1000"), -EPERM);
    EXPECT_EQUAL(w.enable("bar2+0", "4096"), -EPERM);
    EXPECT_EQUAL(w.enable("bar2+0x7fffff", "2"), -EPERM);
    // Outside of the BAR, and around the end of all addresses.
    EXPECT_EQUAL(w.enable("bar2+0x800000", "0x10000000000"), -ERANGE);
    EXPECT_EQUAL(w.enable("bar2+0x800000", "0xffffffffffffffff"), -ERANGE);
    EXPECT_EQUAL(w.enable("bar2+0xffffffffffffffff", "2"), -ERANGE);
    EXPECT_EQUAL(w.enable("bar5+0", "4096"), -ERANGE);
    EXPECT_EQUAL(w.enable("bar0+0@0000:0f:00.0", "4096"), -ENODEV);
    EXPECT_EQUAL(w.enable("bus+0xfffffffffffff000", "8192"), -ERANGE);
    EXPECT_EQUAL(w.enable("bus+0", "0x2000000000000"), -ERANGE);
    // Nothing of that was taken, and what was there is still.
    const session after;
    EXPECT_EQUAL(after.info().windows, 1);
    EXPECT_EQUAL(index_of(after, "ram"), 0);
    EXPECT_EQUAL(index_of(before, "ram"), 0);

    EXPECT_EQUAL(w.enable("bar2+0x800000", "0x10000"), 0);
    EXPECT_EQUAL(w.set("place", "bar2+0x900000"), -EBUSY);
    EXPECT_EQUAL(w.set("size", "1"), -EBUSY);
    EXPECT_EQUAL(w.set("permissions", "r"), -EBUSY);
    const declaration other("other");
    EXPECT_EQUAL(other.enable("bar2+0x80ffff", "2"), -EADDRINUSE);
    EXPECT_EQUAL(other.enable("bar2+0x800000", "1"), -EADDRINUSE);
    EXPECT_EQUAL(other.enable("bar2+0x810000", "1"), 0);
}

/// Permissions, edges, and that an index means the same to a session for ever.
void declared()
{
    session old;
    const memory m(4 * block);
    fill(m.data(), m.size(), 31);
    const std::uint32_t olds = old.add(m);
    EXPECT_EQUAL(old.transfer(make(CF_WRITE, olds, 0, 0, block)), 0);
    const declaration both("both"), source("source"), sink("sink"), secret("secret");
    EXPECT_EQUAL(both.enable("bar2+0x800000", "0x100000"), 0);
    EXPECT_EQUAL(source.enable("bar2+0x900000", "0x10000", "r"), 0);
    EXPECT_EQUAL(sink.enable("bar2+0x910000", "0x10000", "w"), 0);
    EXPECT_EQUAL(secret.enable("bar2+0x920000", "0x10000", "rwp"), 0);
    // `ram` made room; the first of the new has its index, but not for who knew `ram`.
    EXPECT_EQUAL(old.transfer(make(CF_WRITE, olds, 0, 0, block)), -ENOENT);
    EXPECT_EQUAL(index_of(old, "both"), -1);

    session s;
    const std::uint32_t buffer = s.add(m);
    const int to_both = index_of(s, "both");
    EXPECT_EQUAL(s.transfer(in(to_both, make(CF_WRITE, buffer, 0, 0x100000 - block, block))), 0);
    EXPECT_EQUAL(s.transfer(in(to_both, make(CF_WRITE, buffer, 0, 0x100000 - block + 1, block))), -ERANGE);
    EXPECT_EQUAL(s.transfer(in(to_both, make(CF_READ, buffer, block, 0x100000 - block, block))), 0);
    EXPECT(std::memcmp(m.data(), m.data() + block, block) == 0);
    EXPECT_EQUAL(s.transfer(in(index_of(s, "source"), make(CF_WRITE, buffer, 0, 0, block))), -EACCES);
    EXPECT_EQUAL(s.transfer(in(index_of(s, "source"), make(CF_READ, buffer, 0, 0, block))), 0);
    EXPECT_EQUAL(s.transfer(in(index_of(s, "sink"), make(CF_READ, buffer, 0, 0, block))), -EACCES);
    EXPECT_EQUAL(s.transfer(in(index_of(s, "sink"), make(CF_WRITE, buffer, 0, 0, block))), 0);
    const int to_secret = index_of(s, "secret");
    EXPECT_EQUAL(s.transfer(in(to_secret, make(CF_WRITE, buffer, 0, 0, block))), 0);

    EXPECT_EQUAL(::chmod("/dev/counterflow0", 0666), 0);
    EXPECT_EQUAL(::seteuid(1000), 0);
    {
        session plain;
        const std::uint32_t mine = plain.add(m);
        EXPECT_EQUAL(plain.transfer(in(to_secret, make(CF_WRITE, mine, 0, 0, block))), -EACCES);
        EXPECT_EQUAL(plain.transfer(in(to_secret, make(CF_READ, mine, 0, 0, block))), -EACCES);
        EXPECT_EQUAL(plain.transfer(in(to_both, make(CF_WRITE, mine, 0, 0, block))), 0);
    }
    EXPECT_EQUAL(::seteuid(0), 0);
    EXPECT_EQUAL(::chmod("/dev/counterflow0", 0600), 0);
}

/// Taken away with transfers in it: they end, nothing begins any more, and the place can be given anew at
/// once.
void removal()
{
    const declaration w("frames");
    for (int lap = 0; lap < 6; ++lap) {
        EXPECT_EQUAL(w.enable("bar2+0x800000", "0x100000"), 0);
        session s;
        s.setup(0, 128);
        const memory m(block);
        const std::uint32_t buffer = s.add(m);
        const int window = index_of(s, "frames");
        const bool stops = (s.info().features & CF_FEATURE_STOP) != 0;
        // A provider's running descriptors cannot be stopped, but end.
        model(stops ? "hang" : "late-completion,time=100ms");
        std::vector<cf_transfer> batch;
        for (std::uint64_t tag = 0; tag < 64; ++tag)
            batch.push_back(
                in(window, make(tag % 2 != 0 ? CF_WRITE : CF_READ, buffer, 0, tag * block, block, tag)));
        EXPECT_EQUAL(s.submit(batch), 0);
        EXPECT_EQUAL(w.set("enable", "0"), 0);
        EXPECT_EQUAL(s.transfer(batch[0]), -ENOENT);
        clear_faults();
        std::size_t canceled = 0;
        for (const cf_completion& c : s.gather(64)) {
            EXPECT(c.status == CF_STATUS_CANCELED || (!stops && c.status == CF_STATUS_OK));
            canceled += c.status == CF_STATUS_CANCELED;
        }
        EXPECT(canceled > 0);
        EXPECT_EQUAL(s.drain().size(), 0);
    }
    EXPECT_EQUAL(w.enable("bar2+0x800000", "0x100000"), 0);
    session s;
    const memory m(block);
    EXPECT_EQUAL(s.transfer(in(index_of(s, "frames"), make(CF_WRITE, s.add(m), 0, 0, block))), 0);
}

/// Window 0, whatever it is called.
void first()
{
    session s;
    const memory m(block);
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, s.add(m), 0, 65536 - block, block)), 0);
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, s.add(m), 0, 65536 - block + 1, block)), -ERANGE);
}

/// What the engine moves is where the CPU finds it behind the BAR, and nothing beside it has changed.
void far_bytes()
{
    session s;
    const int bar = ::open((function_path + "/resource2").c_str(), O_RDWR | O_SYNC);
    EXPECT(bar >= 0);
    constexpr std::size_t size = 16 * block, near = 100, far = 3000, length = 9 * block + 17;
    void* const at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, bar, behind_lists);
    EXPECT(at != MAP_FAILED);
    auto* const shown = static_cast<volatile std::uint8_t*>(at);
    const std::size_t step = s.info().alignment; // places and lengths are multiples of it
    const auto aligned = [&](std::size_t x) { return x / step * step; };
    const memory m(size);
    const std::uint32_t buffer = s.add(m);
    for (std::size_t i = 0; i < size; ++i) shown[i] = 0xcc;
    fill(m.data(), size, 41);
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, buffer, aligned(near), aligned(far), aligned(length))), 0);
    for (std::size_t i = 0; i < size; ++i) {
        const bool inside = i >= aligned(far) && i < aligned(far) + aligned(length);
        EXPECT_EQUAL(shown[i], inside ? pattern(i - aligned(far) + aligned(near), 41) : 0xcc);
    }
    for (std::size_t i = 0; i < size; ++i) shown[i] = pattern(i, 43);
    std::memset(m.data(), 0xee, size);
    EXPECT_EQUAL(s.transfer(make(CF_READ, buffer, aligned(near), aligned(far), aligned(length))), 0);
    for (std::size_t i = 0; i < size; ++i) {
        const bool inside = i >= aligned(near) && i < aligned(near) + aligned(length);
        EXPECT_EQUAL(m.data()[i], inside ? pattern(i - aligned(near) + aligned(far), 43) : 0xee);
    }
    ::munmap(at, size);
    ::close(bar);
}

} // namespace

const std::vector<test_case> window_cases{
    {"windows-refused", refused}, {"windows", declared},    {"windows-removal", removal},
    {"windows-first", first},     {"far-bytes", far_bytes},
};

} // namespace vm
