// SPDX-License-Identifier: GPL-2.0
/*
 * Load and unload, as ordered pairs; module parameters; the version view.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt
#include <linux/init.h>
#include <linux/module.h>
#include <linux/utsname.h>

#include "compat.h"
#include "debugfs.h"
#include "events.h"
#include "faults.h"
#include "target.h"
#include "view.h"
#include "walk.h"

module_param_named(max_targets, mms_max_targets, uint, 0600);
MODULE_PARM_DESC(max_targets, "Most processes attached at once");
module_param_named(hold_budget, mms_hold_budget, uint, 0400);
MODULE_PARM_DESC(hold_budget, "Instructions one hold of mmap_lock may spend, estimated");
#ifdef MMS_FAULTS
unsigned int mms_fail_nth;
module_param_named(fail_nth, mms_fail_nth, uint, 0600);
MODULE_PARM_DESC(fail_nth, "Allocation that fails, counted from now");
#endif

static void version_head(struct seq_file *m, struct mms_read *read)
{
	seq_printf(m, "version %s\n", MMS_VERSION);
	seq_printf(m, "abi %d\n", MMS_ABI_VERSION);
	seq_printf(m, "kernel %s\n", init_utsname()->release);
	seq_printf(m, "architecture %s\n", init_utsname()->machine);
	seq_printf(m, "paging_levels %u\n", mms_paging_levels());
	seq_printf(m, "page_size %lu\n", PAGE_SIZE);
	seq_printf(m, "page_table_isolation %s\n", boot_cpu_has(X86_FEATURE_PTI) ? "yes" : "no");
	seq_printf(m, "soft_dirty %s\n", mms_layout.soft_dirty ? "yes" : "no");
	seq_printf(m, "uffd_wp %s\n", mms_layout.uffd_wp ? "yes" : "no");
	seq_printf(m, "protection_keys %s\n", boot_cpu_has(X86_FEATURE_OSPKE) ? "yes" : "no");
	seq_printf(m, "pcid %s\n", boot_cpu_has(X86_FEATURE_PCID) ? "yes" : "no");
	seq_printf(m, "tlb_flushes %s\n", mms_events_available() ? "yes" : "no");
	seq_printf(m, "tracer_maps %s\n", MMS_TAKES_MAPS ? "yes" : "no");
}

const struct mms_view mms_view_version = {
	.fops = MMS_VIEW_FOPS,
	.name = "version",
	.mode = 0400,
	.head = version_head,
};

static int __init mms_init(void)
{
	if (mms_entries_are_virtualised()) {
		pr_err("a Xen PV guest's page tables hold machine addresses: not supported\n");
		return -EOPNOTSUPP;
	}
	if (mms_hold_budget < MMS_HOLD_BUDGET_MIN || !mms_max_targets) {
		pr_err("hold_budget must be at least %d, max_targets at least 1\n",
		       MMS_HOLD_BUDGET_MIN);
		return -EINVAL;
	}
	mms_layout = mms_kernel_layout();
	mms_events_init();
	return mms_debugfs_init();
}

static void __exit mms_exit(void)
{
	mms_targets_destroy();
	mms_debugfs_exit();
	mms_events_exit();
}

module_init(mms_init);
module_exit(mms_exit);
MODULE_LICENSE("GPL");
MMS_IMPORT_BPF;
MODULE_DESCRIPTION("Shows a process's virtual memory as the hardware and the kernel hold it");
MODULE_VERSION(MMS_VERSION);
