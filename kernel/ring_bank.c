// SPDX-License-Identifier: GPL-2.0
/*
 * The ring back end, a direction of the engine as a whole: what its registers are, switching it on, and switching it
 * off so that it is proven. Decoding why a channel aborted.
 */
#include "ring.h"

#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/msi.h>

static const struct ring_registers ring_wr = {
	.engine_enable = 0x00c,
	.doorbell = 0x010,
	.int_status = 0x04c,
	.int_mask = 0x054,
	.int_clear = 0x058,
	.err_low = 0x05c,
	.err_high = 0,
	.done_imwr = 0x060,
	.abort_imwr = 0x068,
	.imwr_data = 0x070,
	.list_err_enable = 0x090,
	.context = 0x200,
};

static const struct ring_registers ring_rd = {
	.engine_enable = 0x02c,
	.doorbell = 0x030,
	.int_status = 0x0a0,
	.int_mask = 0x0a8,
	.int_clear = 0x0ac,
	.err_low = 0x0b4,
	.err_high = 0x0b8,
	.done_imwr = 0x0cc,
	.abort_imwr = 0x0d4,
	.imwr_data = 0x0dc,
	.list_err_enable = 0x0c4,
	.context = 0x300,
};

/* `control`: what RING_CONTROL reads. The counts are checked. */
void ring_banks_init(struct ring_device *ring, u32 control)
{
	ring->banks[0].at = &ring_wr;
	ring->banks[0].count = control & 0xf;
	ring->banks[1].at = &ring_rd;
	ring->banks[1].count = control >> 16 & 0xf;
	ring->banks[0].ring = ring;
	ring->banks[1].ring = ring;
}

static u32 ring_present(const struct ring_bank *bank)
{
	return GENMASK(bank->count, 0) >> 1;
}

/* Where the interrupt's message goes. It may move with the interrupt's CPU: read anew each time. */
static void ring_program_messages(struct ring_bank *bank)
{
	struct ring_device *ring = bank->ring;
	struct msi_msg message = {};
	unsigned int pair;
	u32 data;

	get_cached_msi_msg(ring->irq, &message);
	data = message.data & 0xffff;
	ring_store(ring, bank->at->done_imwr, message.address_lo);
	ring_store(ring, bank->at->done_imwr + 4, message.address_hi);
	ring_store(ring, bank->at->abort_imwr, message.address_lo);
	ring_store(ring, bank->at->abort_imwr + 4, message.address_hi);
	for (pair = 0; pair < CF_MAX_CHANNELS / 2; pair++)
		ring_store(ring, bank->at->imwr_data + 4 * pair, data | data << 16);
}

/*
 * Everything that a reset of the engine loses but the channels' own. The local abort interrupt is always enabled:
 * without it an abort inside a list raises nothing on a local engine.
 */
void ring_bank_start(struct ring_bank *bank)
{
	struct ring_device *ring = bank->ring;
	u32 present = ring_present(bank);

	if (!bank->count)
		return;
	/*
	 * With messages the interrupt line stays quiet: it is the far CPU's. The status bits are set all the same.
	 */
	ring_store(ring, bank->at->int_mask,
		   ring->messages ? RING_ALL_INTS :
				    RING_ALL_INTS & ~(present | present << 16));
	ring_store(ring, bank->at->int_clear, RING_ALL_INTS);
	ring_store(ring, bank->at->list_err_enable,
		   present << 16 | (ring->messages ? present : 0));
	if (ring->messages)
		ring_program_messages(bank);
	ring_store(ring, bank->at->engine_enable, RING_ENGINE_ON);
}

/* No interrupts any more. */
void ring_bank_quiet(struct ring_bank *bank)
{
	ring_store(bank->ring, bank->at->int_mask, RING_ALL_INTS);
	ring_store(bank->ring, bank->at->list_err_enable, 0);
	ring_store(bank->ring, bank->at->int_clear, RING_ALL_INTS);
}

static bool ring_bank_stopped(struct ring_bank *bank)
{
	struct ring_device *ring = bank->ring;
	u32 enable = ring_load(ring, bank->at->engine_enable);
	unsigned int number;

	if (enable == RING_ALL_ONES || enable & RING_ENGINE_ON)
		return false;
	/* By number: before the channels are set up this is asked as well. */
	for (number = 0; number < bank->count; number++) {
		u32 control1 = ring_load(ring, bank->at->context + number * RING_CONTEXT_STRIDE +
						       RING_CH_CONTROL1);

		if (control1 == RING_ALL_ONES || RING_STATUS(control1) == RING_RUNNING)
			return false;
	}
	return true;
}

/* Disables the direction. True: proven, it touches no memory. Sleeps up to RING_STOP_MS. */
bool ring_bank_prove_stopped(struct ring_bank *bank)
{
	unsigned long end = jiffies + msecs_to_jiffies(RING_STOP_MS) + 1;

	if (!bank->count)
		return true;
	ring_store(bank->ring, bank->at->engine_enable, 0);
	while (!ring_bank_stopped(bank)) {
		if (time_after(jiffies, end))
			return false;
		usleep_range(20, 100);
	}
	return true;
}

/*
 * Why a channel aborted; to be asked before its abort bit is cleared, which clears this too. Causes that need
 * more care come first.
 */
u32 ring_cause(struct ring_bank *bank, unsigned int number, u8 *errors)
{
	static const struct {
		u8 error, status;
	} causes[] = {
		{ CF_ERROR_LIST_FETCH, CF_STATUS_LIST_FETCH_ERROR },
		{ CF_ERROR_LOCAL_BUS, CF_STATUS_LOCAL_BUS_ERROR },
		{ CF_ERROR_DATA_POISONED, CF_STATUS_DATA_POISONED },
		{ CF_ERROR_UNSUPPORTED_REQUEST, CF_STATUS_UNSUPPORTED_REQUEST },
		{ CF_ERROR_COMPLETER_ABORT, CF_STATUS_COMPLETER_ABORT },
		{ CF_ERROR_COMPLETION_TIMEOUT, CF_STATUS_COMPLETION_TIMEOUT },
	};
	u32 low = ring_load(bank->ring, bank->at->err_low) >> number;
	u32 high = bank->at->err_high ? ring_load(bank->ring, bank->at->err_high) >> number : 0;
	unsigned int i;

	*errors = (low & BIT(0) ? CF_ERROR_LOCAL_BUS : 0) |
		  (low & BIT(16) ? CF_ERROR_LIST_FETCH : 0) |
		  (high & BIT(0) ? CF_ERROR_UNSUPPORTED_REQUEST : 0) |
		  (high & BIT(8) ? CF_ERROR_COMPLETER_ABORT : 0) |
		  (high & BIT(16) ? CF_ERROR_COMPLETION_TIMEOUT : 0) |
		  (high & BIT(24) ? CF_ERROR_DATA_POISONED : 0);
	for (i = 0; i < ARRAY_SIZE(causes); i++)
		if (*errors & causes[i].error)
			return causes[i].status;
	return CF_STATUS_ABORTED;
}
