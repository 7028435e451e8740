// What Swift cannot import of the C library: variadic functions, function-like macros and what Glibc's module leaves out
// (sys/eventfd.h), for no library but libc.
#ifndef SHOWRUNNER_SHIMS_H
#define SHOWRUNNER_SHIMS_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

/// Asks the kernel to send `signal` to this process when the thread that started it ends. The caller compares
/// getppid() afterwards: the parent may have gone before. Returns 0 or errno.
static inline int shim_set_parent_death_signal(int signal) {
    return prctl(PR_SET_PDEATHSIG, (unsigned long)signal, 0UL, 0UL, 0UL) == 0 ? 0 : errno;
}

/// No execve from here on gives more rights than the process has (setuid bits are ignored); needed before seccomp
/// and Landlock without root. Returns 0 or errno.
static inline int shim_set_no_new_privileges(void) {
    return prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) == 0 ? 0 : errno;
}

/// Whether the process may be dumped and traced by others of its user. Returns 0 or errno.
static inline int shim_set_dumpable(int dumpable) {
    return prctl(PR_SET_DUMPABLE, (unsigned long)dumpable, 0UL, 0UL, 0UL) == 0 ? 0 : errno;
}

/// The calling thread's name, as ps and top show it; the kernel keeps 15 bytes. Returns 0 or errno.
static inline int shim_set_thread_name(const char *_Nonnull name) {
    return prctl(PR_SET_NAME, (unsigned long)name, 0UL, 0UL, 0UL) == 0 ? 0 : errno;
}

/// Orphaned descendants become children of this process (so that a supervisor can reap them). Returns 0 or errno.
static inline int shim_set_child_subreaper(int enabled) {
    return prctl(PR_SET_CHILD_SUBREAPER, (unsigned long)enabled, 0UL, 0UL, 0UL) == 0 ? 0 : errno;
}

/// The resources of setrlimit(2); glibc types them as an enum in C and as int elsewhere.
enum shim_limit {
    shim_limit_address_space_bytes,
    shim_limit_cpu_seconds,
    shim_limit_file_bytes,
    shim_limit_open_files,
    shim_limit_core_bytes,
    shim_limit_stack_bytes,
    shim_limit_processes,
};

static inline int shim_limit_resource(enum shim_limit limit) {
    switch (limit) {
    case shim_limit_address_space_bytes: return RLIMIT_AS;
    case shim_limit_cpu_seconds: return RLIMIT_CPU;
    case shim_limit_file_bytes: return RLIMIT_FSIZE;
    case shim_limit_open_files: return RLIMIT_NOFILE;
    case shim_limit_core_bytes: return RLIMIT_CORE;
    case shim_limit_stack_bytes: return RLIMIT_STACK;
    case shim_limit_processes: return RLIMIT_NPROC;
    }
    return -1;
}

/// What this process has taken since it began, or the children that it has waited for; glibc types whom getrusage(2) is
/// asked about as an enum in C and as int elsewhere. It fails for no such question.
static inline struct rusage shim_resource_usage(int of_children) {
    struct rusage usage = { 0 };
    getrusage(of_children ? RUSAGE_CHILDREN : RUSAGE_SELF, &usage);
    return usage;
}

/// Lowers or raises one limit of this process. The hard limit may only go down without root. Returns 0 or errno.
static inline int shim_set_limit(enum shim_limit limit, uint64_t soft, uint64_t hard) {
    struct rlimit value = { .rlim_cur = soft, .rlim_max = hard };
    return setrlimit(shim_limit_resource(limit), &value) == 0 ? 0 : errno;
}

/// Reads one limit of this process. Returns 0 or errno.
static inline int shim_get_limit(enum shim_limit limit, uint64_t *_Nonnull soft, uint64_t *_Nonnull hard) {
    struct rlimit value;
    if (getrlimit(shim_limit_resource(limit), &value) != 0) return errno;
    *soft = value.rlim_cur;
    *hard = value.rlim_max;
    return 0;
}

/// fcntl's file status flags. Return -1 with errno set on failure.
static inline int shim_get_file_flags(int descriptor) { return fcntl(descriptor, F_GETFL); }
static inline int shim_set_file_flags(int descriptor, int flags) { return fcntl(descriptor, F_SETFL, flags); }
/// Sets or clears close-on-exec. Returns -1 with errno set on failure.
static inline int shim_set_close_on_exec(int descriptor, int enabled) {
    return fcntl(descriptor, F_SETFD, enabled ? FD_CLOEXEC : 0);
}

/// waitpid's status macros.
static inline int shim_wait_exited(int status) { return WIFEXITED(status); }
static inline int shim_wait_exit_code(int status) { return WEXITSTATUS(status); }
static inline int shim_wait_signaled(int status) { return WIFSIGNALED(status); }
static inline int shim_wait_signal(int status) { return WTERMSIG(status); }

#endif
