// SPDX-License-Identifier: GPL-2.0
/*
 * Listening to taskstats: see taskstats.h, and Documentation/accounting/taskstats.rst of the kernel.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/taskstats.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "taskstats.h"

/* For thousands of tasks, of less than 2 KiB each. */
#define ROOM (32 << 20)

/* A request of one attribute, or an answer. */
struct message {
	struct nlmsghdr head;
	struct genlmsghdr generic;
	char attributes[8192];
};

/* The next attribute of @type in [@at, @end), or NULL. */
static const struct nlattr *find(const char *at, const char *end, int type)
{
	const struct nlattr *attribute = (const void *)at;

	while (at + NLA_HDRLEN <= end && attribute->nla_len >= NLA_HDRLEN &&
	       at + attribute->nla_len <= end) {
		if ((attribute->nla_type & NLA_TYPE_MASK) == type)
			return attribute;
		at += NLA_ALIGN(attribute->nla_len);
		attribute = (const void *)at;
	}
	return NULL;
}

static const char *begin_of(const struct nlattr *attribute)
{
	return (const char *)attribute + NLA_HDRLEN;
}

static const char *end_of(const struct nlattr *attribute)
{
	return (const char *)attribute + attribute->nla_len;
}

/* Return: the length of what @message has received, or -errno; that of an answer that is an error. */
static long receive(int fd, struct message *message, int flags)
{
	long len = recv(fd, message, sizeof(*message), flags);

	if (len < 0)
		return -errno;
	if (len < NLMSG_HDRLEN || message->head.nlmsg_len > len)
		return -EBADMSG;
	if (message->head.nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)NLMSG_DATA(&message->head))->error;
	return message->head.nlmsg_len;
}

/* Sends a command with one attribute, and receives into @message. Return: as receive(). */
static long ask(int fd, struct message *message, int family, int command, int type,
		const char *text)
{
	struct nlattr *attribute = (void *)message->attributes;
	size_t len = strlen(text) + 1;

	memset(message, 0, sizeof(*message));
	attribute->nla_type = type;
	attribute->nla_len = NLA_HDRLEN + len;
	memcpy(message->attributes + NLA_HDRLEN, text, len);
	message->generic.cmd = command;
	message->generic.version = 1;
	message->head.nlmsg_type = family;
	message->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	message->head.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN + NLA_ALIGN(attribute->nla_len);
	if (send(fd, message, message->head.nlmsg_len, 0) < 0)
		return -errno;
	return receive(fd, message, 0);
}

/* The number that generic netlink has given to taskstats, or -errno. */
static int family_of(int fd, struct message *message)
{
	long len = ask(fd, message, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME,
		       TASKSTATS_GENL_NAME);
	const struct nlattr *id;
	int family;

	if (len < 0)
		return len;
	id = find(message->attributes, (char *)message + len, CTRL_ATTR_FAMILY_ID);
	if (!id)
		return -EBADMSG;
	family = *(const __u16 *)begin_of(id);
	/* The acknowledgement. */
	len = receive(fd, message, 0);
	return len ? len : family;
}

static int listen_to_all(int fd)
{
	static struct message message;
	char *cpus = proc_read_file("/sys/devices/system/cpu/possible", NULL);
	int family = cpus ? family_of(fd, &message) : -errno;

	if (family >= 0)
		family = ask(fd, &message, family, TASKSTATS_CMD_GET,
			     TASKSTATS_CMD_ATTR_REGISTER_CPUMASK, strtok(cpus, "\n"));
	free(cpus);
	return family;
}

int taskstats_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC), room = ROOM, err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	err = listen_to_all(fd);
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* A message has the statistics of a task, and may have those of its thread group after them. */
static bool read_task(const struct message *message, long len, struct task_faults *task)
{
	const struct nlattr *both =
		find(message->attributes, (const char *)message + len, TASKSTATS_TYPE_AGGR_PID);
	const struct nlattr *stats =
		both ? find(begin_of(both), end_of(both), TASKSTATS_TYPE_STATS) : NULL;
	struct taskstats of = {};
	size_t size;

	if (!stats)
		return false;
	/* Newer kernels have more; aligned here, perhaps not there. */
	size = end_of(stats) - begin_of(stats);
	memcpy(&of, begin_of(stats), size < sizeof(of) ? size : sizeof(of));
	*task = (struct task_faults){ of.ac_tgid, of.ac_minflt, of.ac_majflt };
	return true;
}

long taskstats_read(int fd, struct task_faults *tasks, size_t max)
{
	static struct message message;
	struct task_faults task;
	long len, nr = 0;

	while ((len = receive(fd, &message, MSG_DONTWAIT)) > 0) {
		if (!read_task(&message, len, &task))
			return -EBADMSG;
		if ((size_t)nr < max)
			tasks[nr] = task;
		nr++;
	}
	return len == -EAGAIN ? nr : len;
}
