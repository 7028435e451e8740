import Glibc
public import WorkerProtocol

/// What this machine has, or as much of it as this process may have.
public enum MachineCapacity {
    /// Thousandths of cores: of those that this process may run on, or the quota of its control groups where that is less.
    public static var millicores: Int {
        let allowed = lines(of: "/proc/self/status").lazy.compactMap(allowedCores).first
        let all = max(1, allowed ?? sysconf(Int32(_SC_NPROCESSORS_ONLN))) * 1000
        return min(all, bound("cpu.max", quota) ?? all)
    }

    /// Whole cores, at least one: what is sensible to keep busy.
    public static var cores: Int { max(1, (millicores + 999) / 1000) }

    /// Parts of the machine for workers that run on it together, so that they do not promise more than there is: an eighth
    /// for the data worker, whose steps mostly wait for others, and the rest in equal parts for the media workers.
    ///
    /// - Parameters:
    ///   - mediaWorkers: at least one.
    ///   - scratch: where the media workers keep their files; the data worker keeps next to none.
    public static func shares(
        mediaWorkers: Int, scratch: String
    ) -> (mediaWorker: WorkerCapacity, dataWorker: WorkerCapacity) {
        precondition(mediaWorkers >= 1, "a share is one of several or the only one")
        let (millicores, memory, disk) = (Self.millicores, memoryBytes, freeBytes(at: scratch))
        return (
            WorkerCapacity(
                millicores: millicores / 8 * 7 / mediaWorkers, memoryBytes: memory / 8 * 7 / mediaWorkers,
                scratchBytes: disk / 8 * 7 / mediaWorkers),
            WorkerCapacity(millicores: millicores / 8, memoryBytes: memory / 8, scratchBytes: disk / 8)
        )
    }

    /// The machine's memory, or the bound of the control groups where that is less.
    static var memoryBytes: Int {
        let machine = max(0, sysconf(Int32(_SC_PHYS_PAGES))) * max(0, sysconf(Int32(_SC_PAGESIZE)))
        // `max` where there is no bound.
        return min(machine, bound("memory.max") { Int($0) } ?? machine)
    }

    /// What is free at a place, or at the nearest folder above it that exists; 0 where that can't be told.
    static func freeBytes(at path: String) -> Int {
        var path = path
        while true {
            var state = statvfs()
            if statvfs(path, &state) == 0 { return Int(state.f_bavail) * Int(state.f_frsize) }
            guard let slash = path.lastIndex(of: "/"), path != "/" else { return 0 }
            path = slash == path.startIndex ? "/" : String(path[..<slash])
        }
    }

    /// How many bits a line `Cpus_allowed: ff,ffffffff` of /proc/PID/status (proc(5)) has; nil for another line.
    static func allowedCores(_ line: String) -> Int? {
        let name = "Cpus_allowed:"
        guard line.hasPrefix(name) else { return nil }
        return line.dropFirst(name.count).reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) }
    }

    /// What `cpu.max` says (Linux's cgroup-v2.rst): microseconds of processor time in a period of microseconds, in
    /// thousandths of cores; nil without a bound.
    static func quota(_ text: String) -> Int? {
        let words = text.split(separator: " ").map { Int($0) }
        guard words.count == 2, let time = words[0], let period = words[1], time > 0, period > 0 else { return nil }
        let (thousands, overflow) = time.multipliedReportingOverflow(by: 1000)
        return overflow ? nil : max(1, thousands / period)
    }

    /// The least that a file says of this process's control group and of those around it; nil without a bound.
    private static func bound(_ file: String, _ read: (String) -> Int?) -> Int? {
        groups(lines(of: "/proc/self/cgroup")).compactMap { lines(of: "\($0)/\(file)").first.flatMap(read) }.min()
    }

    /// The folders of a control group and of those around it, which bound it too, from what /proc/PID/cgroup (cgroups(7))
    /// says. A container sees its own as the root.
    static func groups(_ lines: [String]) -> [String] {
        let names = lines.first { $0.hasPrefix("0::/") }?.dropFirst(4).split(separator: "/") ?? []
        return names.reduce(into: ["/sys/fs/cgroup"]) { folders, name in
            folders.append(folders[folders.count - 1] + "/" + name)
        }
    }

    /// The lines of a small file of the kernel's; none where there is no such file.
    private static func lines(of path: String) -> [String] {
        guard let file = fopen(path, "re") else { return [] }
        defer { fclose(file) }
        var lines: [String] = []
        var buffer = [CChar](repeating: 0, count: 8192)
        while lines.count < 256, fgets(&buffer, Int32(buffer.count), file) != nil {
            let bytes = buffer.map { UInt8(bitPattern: $0) }.prefix { $0 != 0 && $0 != 0x0A }
            lines.append(String(decoding: bytes, as: UTF8.self))
        }
        return lines
    }
}
