import Glibc

/// How the kernel's scheduler treats the threads of this process (sched(7)).
enum ThreadPriority {
    /// Gives every thread of this process the ordinary policy, which any process may.
    static func makeOrdinary() {
        for thread in threads() {
            var parameters = sched_param()
            // One that has ended meanwhile needs none.
            sched_setscheduler(thread, SCHED_OTHER, &parameters)
        }
    }

    /// Whether every thread of this process has the ordinary policy.
    static var isOrdinary: Bool { threads().allSatisfy { sched_getscheduler($0) <= SCHED_OTHER } }

    /// The threads' ids; without /proc the caller's alone, which is 0.
    private static func threads() -> [pid_t] {
        guard let folder = opendir("/proc/self/task") else { return [0] }
        defer { closedir(folder) }
        var found: [pid_t] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let thread = pid_t(name) { found.append(thread) }
        }
        return found
    }
}
