// SPDX-License-Identifier: MIT
//
// What kernel/conftest.sh would find out about the stand-in: its interfaces are spelled as in recent kernels.
#define CF_HAVE_URING_CMD 1
#define CF_HAVE_URING_CMD_H 1
#define CF_HAVE_SQE_CMD 1
#define CF_HAVE_CMD_DONE_RES2 1
#define CF_HAVE_CMD_LAZY 1
#define CF_HAVE_CMD_CANCEL 1
#define CF_HAVE_KI_COMPLETE_2 1
#define CF_HAVE_ITER_UBUF 1
#define CF_HAVE_ITER_IOV_ADDR 1
#define CF_HAVE_EVENTFD_SIGNAL_1 1
#define CF_HAVE_VM_FLAGS_SET 1
#define CF_HAVE_DMABUF_UNLOCKED 1
#define CF_HAVE_SG_SEGMENT 1
#define CF_HAVE_PLUG 1
#define CF_HAVE_TIMER_DELETE 1
#define CF_HAVE_TIMER_CONTAINER_OF 1
#define CF_HAVE_HRTIMER_SETUP 1
#define CONFIG_BLOCK 1
#define CONFIG_IO_URING 1
