#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage: conftest.sh RESULT
# Finds out how the kernel in $KDIR spells what differs between kernels, by compiling a line or two of each
# spelling; writes RESULT, which compat.h reads. Version numbers would be wrong: stable kernels and vendors
# carry interfaces back. All probes are compiled in one run of kbuild, each as an object that may fail.
set -eu

result=$1
folder=$(dirname "$result")/conftest
names=

# Asked already, of the same kernel, by the same script?
release=$(cat "$KDIR/include/config/kernel.release" 2>/dev/null || echo unknown)
question="$release $(cksum "$KDIR/.config" "$0" 2>/dev/null | tr '\n' ' ')${CC:-}"
if [ "$release" != unknown ] && grep -qxF "/* $question */" "$result" 2>/dev/null; then
    exit 0
fi

rm -rf "$folder"
mkdir -p "$folder"

# probe NAME HEADERS BODY: CF_HAVE_NAME when a function with this body compiles.
probe() {
    {
        for header in $2; do
            echo "#include <$header>"
        done
        echo "#pragma GCC diagnostic error \"-Wincompatible-pointer-types\""
        echo "#pragma GCC diagnostic error \"-Wint-conversion\""
        echo "void cf_probe(void);"
        echo "void cf_probe(void)"
        echo "{"
        echo "$3"
        echo "}"
    } >"$folder/$1.c"
    names="$names $1"
}

# --- io_uring --------------------------------------------------------------------------------

probe URING_CMD_H 'linux/io_uring/cmd.h' ''
uring='linux/fs.h linux/io_uring.h'
if [ -f "$KDIR/include/linux/io_uring/cmd.h" ] || {
    source=$(sed -n 's/^include \(.*\)\/Makefile$/\1/p' "$KDIR/Makefile" 2>/dev/null)
    [ -n "$source" ] && [ -f "$source/include/linux/io_uring/cmd.h" ]
}; then
    uring='linux/fs.h linux/io_uring/cmd.h'
fi
probe URING_CMD "$uring" 'struct file_operations f = { .uring_cmd = NULL }; struct io_uring_cmd c;
    (void)f; (void)c;'
probe SQE_CMD_TYPED "$uring" 'struct io_uring_sqe *s = NULL; const u64 *p = io_uring_sqe_cmd(s, u64); (void)p;'
probe SQE128_CMD_TYPED "$uring" 'struct io_uring_sqe *s = NULL; const u64 *p = io_uring_sqe128_cmd(s, u64); (void)p;'
probe SQE_CMD "$uring" 'struct io_uring_sqe *s = NULL; const void *p = io_uring_sqe_cmd(s); (void)p;'
probe CMD_DONE_RES2 "$uring" 'struct io_uring_cmd *c = NULL; io_uring_cmd_done(c, 0, 0, 0u);'
probe CMD_DONE32 "$uring" 'struct io_uring_cmd *c = NULL; io_uring_cmd_done32(c, 0, (u64)0, 0u);'
probe CMD_DONE_OLD "$uring" 'void (*f)(struct io_uring_cmd *, ssize_t, ssize_t) = io_uring_cmd_done; (void)f;'
probe CMD_LAZY "$uring" 'struct io_uring_cmd *c = NULL; io_uring_cmd_do_in_task_lazy(c, NULL);'
probe CMD_TW_REQ "$uring" 'struct io_tw_req r; struct io_uring_cmd *c = io_uring_cmd_from_tw(r); (void)c;'
probe CMD_CANCEL "$uring" 'struct io_uring_cmd *c = NULL; io_uring_cmd_mark_cancelable(c, IO_URING_F_CANCEL);'

# --- files and memory ------------------------------------------------------------------------

probe KI_COMPLETE_2 'linux/fs.h' 'struct kiocb *k = NULL; k->ki_complete(k, 0L);'
probe ITER_UBUF 'linux/uio.h' 'struct iov_iter *i = NULL; void __user *p = iter_is_ubuf(i) ? i->ubuf : NULL; (void)p;'
probe ITER_IOV_ADDR 'linux/uio.h' 'struct iov_iter *i = NULL; void __user *p = iter_iov_addr(i); (void)p;'
probe EVENTFD_SIGNAL_1 'linux/eventfd.h' 'struct eventfd_ctx *c = NULL; eventfd_signal(c);'
probe VM_FLAGS_SET 'linux/mm.h' 'struct vm_area_struct *v = NULL; vm_flags_set(v, VM_DONTCOPY);'
probe SG_SEGMENT 'linux/scatterlist.h' '(void)sg_alloc_table_from_pages_segment(NULL, NULL, 0, 0, 0, 0, GFP_KERNEL);'
probe DMABUF_UNLOCKED 'linux/dma-buf.h' 'struct dma_buf_attachment *a = NULL; struct sg_table *t = NULL;
    dma_buf_unmap_attachment_unlocked(a, t, DMA_BIDIRECTIONAL);'
probe IMPORT_NS_BARE 'linux/module.h' '} MODULE_IMPORT_NS(DMA_BUF); void cf_probe_2(void); void cf_probe_2(void) {'

probe PLUG 'linux/blkdev.h' 'struct blk_plug_cb *c = blk_check_plugged(NULL, NULL, sizeof(*c)); (void)c->data;'

# --- timers and devices ----------------------------------------------------------------------

probe TIMER_DELETE 'linux/timer.h' 'struct timer_list *t = NULL; (void)timer_delete(t); (void)timer_delete_sync(t);'
probe TIMER_CONTAINER_OF 'linux/timer.h' 'struct cf_t { struct timer_list t; } *o; struct timer_list *t = NULL;
    o = timer_container_of(o, t, t); (void)o;'
probe HRTIMER_SETUP 'linux/hrtimer.h' 'struct hrtimer *t = NULL; hrtimer_setup(t, NULL, CLOCK_MONOTONIC, HRTIMER_MODE_REL);'
probe CLASS_CREATE_1 'linux/device.h' 'struct class *c = class_create("x"); (void)c;'
probe PLATFORM_REMOVE_VOID 'linux/platform_device.h' 'struct platform_driver d; void (*f)(struct platform_device *) = d.remove; (void)f;'
probe DMA_DEVICE_OF 'linux/dmaengine.h' 'struct dma_chan *c = NULL; (void)dmaengine_get_dma_device(c);'
probe EDMA_CHIP_LL 'linux/dma/edma.h' 'struct dw_edma_chip *c = NULL; (void)c->ll_wr_cnt;'

# --- all in one run --------------------------------------------------------------------------

{
    echo 'ccflags-y := -Wno-missing-prototypes -Wno-unused-variable -Wno-uninitialized -Wno-maybe-uninitialized'
    echo 'ccflags-y += -Wno-sometimes-uninitialized -DCONFIG_DW_EDMA_MODULE=1'
    for name in $names; do
        echo "obj-m += $name.o"
    done
} >"$folder/Kbuild"
# On past those that fail: an answer is whether the object is there. CC, ARCH and the like come through MAKEFLAGS.
${MAKE:-make} -k -C "$KDIR" M="$folder" W= C= modules >"$folder/log" 2>&1 || :

{
    echo '/* SPDX-License-Identifier: GPL-2.0 */'
    echo '/* Written by conftest.sh for one kernel: */'
    echo "/* $question */"
    for name in $names; do
        if [ -f "$folder/$name.o" ]; then
            echo "#define CF_HAVE_$name 1"
        fi
    done
} >"$folder/probed.h"
# A kernel whose every probe fails is a folder without headers, or without a compiler.
if ! grep -q CF_HAVE_ "$folder/probed.h"; then
    tail -n 20 "$folder/log" >&2
    echo "conftest.sh: nothing compiles against $KDIR; is it a kernel's build folder?" >&2
    exit 1
fi
cp "$folder/probed.h" "$result"
rm -rf "$folder"
