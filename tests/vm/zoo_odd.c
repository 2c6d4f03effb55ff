// SPDX-License-Identifier: GPL-2.0
/*
 * Animals that map what is not memory of their own: devices, kernel memory, secrets; and the
 * smallest one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "zoo.h"

#define RW (PROT_READ | PROT_WRITE)
#define BIOS 0xf0000	/* below 1 MiB: /dev/mem gives it out, whatever is there */

static void make_dev_mem(void)
{
	int fd = open("/dev/mem", O_RDWR | O_CLOEXEC);
	char *at;

	if (fd < 0)
		zoo_missing("/dev/mem");
	at = zoo_map(4 * PAGE, PROT_READ, MAP_SHARED, fd, BIOS, 0);
	zoo_add("/dev/mem", at, 4 * PAGE, MMS_KIND_DEVICE);
	zoo_want(MMS_CLASS_PFNMAP, MMS_PTE, 4);
	zoo_column("pfnmap", 16);
	zoo_column("rss", 0);
	zoo_area->pfn = BIOS / PAGE;

	/* A private one: what is written becomes an anonymous page in the middle of a PFN map. */
	at = zoo_map(4 * PAGE, RW, MAP_PRIVATE, fd, BIOS, 0);
	zoo_write(at + PAGE, 1);
	zoo_add("/dev/mem, private, written", at, 4 * PAGE, MMS_KIND_DEVICE);
	zoo_want(MMS_CLASS_PFNMAP, MMS_PTE, 3);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 1);
	zoo_column("rss", 4);
	zoo_area->pfn = BIOS / PAGE;
}

/* First address and length of the region that a resource file maps. */
static bool region_of(const char *resource, u64 *start, u64 *len)
{
	char path[256], *text, *line;
	unsigned long long first, last, flags;
	int nr = atoi(strrchr(resource, '/') + strlen("/resource"));

	snprintf(path, sizeof(path), "%.*s/resource", (int)(strrchr(resource, '/') - resource),
		 resource);
	text = proc_read_file(path, NULL);
	for (line = text; line && nr; nr--)
		line = strchr(line, '\n') + 1;
	if (!line || sscanf(line, "%llx %llx %llx", &first, &last, &flags) != 3)
		return false;
	free(text);
	*start = first;
	*len = last - first + 1;
	return flags & 0x200;	/* IORESOURCE_MEM */
}

/* Registers of a device that no driver has claimed; they are not touched. */
static void make_pci_bar(void)
{
	u64 start, len;
	glob_t files;
	size_t i;
	char *at;
	int fd;

	glob("/sys/bus/pci/devices/*/resource[0-9]", 0, NULL, &files);
	for (i = 0; i < files.gl_pathc; i++) {
		if (!region_of(files.gl_pathv[i], &start, &len) || len < PAGE)
			continue;
		fd = open(files.gl_pathv[i], O_RDWR | O_CLOEXEC);
		at = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);
		if (fd < 0 || at == MAP_FAILED)
			continue;
		zoo_add("registers of a PCI device", at, PAGE, MMS_KIND_DEVICE);
		zoo_want(MMS_CLASS_PFNMAP, MMS_PTE, 1);
		zoo_area->pfn = start / PAGE;
		return;
	}
	zoo_missing("a PCI device that no driver has claimed");
}

/* Kernel memory, page by page with reference counting: VM_MIXEDMAP. */
static void make_bpf_map(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4096, .max_entries = 4,
		.map_flags = BPF_F_MMAPABLE,
	};
	int fd = syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
	char *at;

	if (fd < 0)
		zoo_missing("BPF maps");
	at = zoo_map(4 * PAGE, RW, MAP_SHARED, fd, 0, 0);
	zoo_write(at, 4);
	zoo_add("BPF map", at, 4 * PAGE, MMS_KIND_FILE);
	zoo_want(MMS_CLASS_FILE, MMS_PTE, 4);
}

static void make_perf_ring(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_DUMMY,
	};
	int fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	char *at;

	if (fd < 0)
		zoo_missing("perf events");
	at = zoo_map(9 * PAGE, RW, MAP_SHARED, fd, 0, 0);
	zoo_write(at, 1);
	zoo_read(at, 4);
	zoo_add("perf ring buffer", at, 9 * PAGE, ZOO_ANY_KIND);
}

/* Memory that even the kernel does not map. */
static void make_secret(void)
{
	int fd = syscall(SYS_memfd_secret, O_CLOEXEC);
	char *at;

	if (fd < 0 || ftruncate(fd, 8 * PAGE))
		zoo_missing("memfd_secret (boot with secretmem.enable=1)");
	at = zoo_map(8 * PAGE, RW, MAP_SHARED, fd, 0, 0);
	zoo_write(at, 4);
	zoo_add("secret memory", at, 8 * PAGE, MMS_KIND_FILE);
	zoo_want(MMS_CLASS_FILE, MMS_PTE, 4);
}

/*
 * The first page of the copy of a program that unmaps all but itself. What it is going to be is
 * reported before: it has nothing left to report with.
 */
extern const char zoo_one_page[], zoo_one_page_end[];

asm(".pushsection .rodata\n"
    "zoo_one_page:\n\t"
    "mov %rdi, %r12\n\t"		/* rdi: this page */
    "mov $11, %eax\n\t"			/* munmap(0, this page) */
    "mov %r12, %rsi\n\t"
    "xor %edi, %edi\n\t"
    "syscall\n\t"
    "mov $11, %eax\n\t"			/* munmap(next page, the rest of 47 bits) */
    "lea 4096(%r12), %rdi\n\t"
    "movabs $0x7ffffffff000, %rsi\n\t"
    "sub %rdi, %rsi\n\t"
    "syscall\n\t"
    "1: mov $34, %eax\n\t"		/* pause() */
    "syscall\n\t"
    "jmp 1b\n"
    "zoo_one_page_end:\n"
    ".popsection");

/* The kernel writes to a thread's rseq area when it is preempted, and kills who has none left. */
static void become_one_page(void *arg)
{
	void *area = (char *)__builtin_thread_pointer() + __rseq_offset;
	void (*code)(void *page) = arg;

	syscall(SYS_rseq, area, sizeof(struct rseq), RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
	code(arg);
}

static void make_one_page(void)
{
	char *at = zoo_map(PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, 0);
	pid_t pid;
	int i;

	memcpy(at, zoo_one_page, zoo_one_page_end - zoo_one_page);
	if (mprotect(at, PAGE, PROT_READ | PROT_EXEC))
		zoo_fail("mprotect");
	pid = fork();
	if (pid < 0)
		zoo_fail("fork");
	if (!pid)
		become_one_page(at);
	zoo_partner(pid);
	for (i = 0; i < 3000 && proc_status(pid, "VmSize") != 4; i++)
		usleep(10000);
	if (!proc_wait_idle(pid, 30) || proc_status(pid, "VmSize") != 4)
		zoo_fail("it has %ld kB", proc_status(pid, "VmSize"));
	zoo_add("all there is", at, PAGE, ZOO_ANY_KIND);
	zoo_area->of_partner = true;
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 1);
	zoo_column("size", 4);
	zoo_column("rss", 4);
}

const struct zoo_maker zoo_odd_makers[] = {
	{ "dev-mem", make_dev_mem },
	{ "pci-bar", make_pci_bar },
	{ "bpf-map", make_bpf_map },
	{ "perf-ring", make_perf_ring },
	{ "secret", make_secret },
	{ "one-page", make_one_page },
	{}
};
