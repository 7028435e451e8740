import Glibc

/// The process's own figures, under the names that Prometheus' client libraries use.
enum ProcessMetrics {
    struct Metric {
        let name: String
        let kind: MetricsRegistry.Kind
        let help: String
        let value: Double
    }

    /// Those that /proc answers; hidden ones are left out.
    static func read() -> [Metric] {
        var metrics: [Metric] = []
        func add(_ name: String, _ kind: MetricsRegistry.Kind, _ help: String, _ value: Double?) {
            if let value { metrics.append(Metric(name: name, kind: kind, help: help, value: value)) }
        }
        // proc_pid_stat(5); counted from behind the command's name, which may hold spaces: field 3 is the first.
        let fields = file("/proc/self/stat").flatMap { text in
            text.lastIndex(of: ")").map { text[text.index(after: $0)...].split(separator: " ") }
        }
        func field(_ number: Int) -> Double? {
            guard let fields, fields.count > number - 3 else { return nil }
            return Double(fields[number - 3])
        }
        let ticks = Double(sysconf(CInt(_SC_CLK_TCK)))
        let pageBytes = Double(sysconf(CInt(_SC_PAGESIZE)))
        if let user = field(14), let system = field(15) {
            add("process_cpu_seconds_total", .counter, "CPU time used, in seconds.", (user + system) / ticks)
        }
        add("process_threads", .gauge, "Threads.", field(20))
        if let start = field(22), let boot = bootTime() {
            add(
                "process_start_time_seconds", .gauge, "Start of the process since 1970, in seconds.",
                boot + start / ticks)
        }
        add("process_virtual_memory_bytes", .gauge, "Virtual memory, in bytes.", field(23))
        add("process_resident_memory_bytes", .gauge, "Resident memory, in bytes.", field(24).map { $0 * pageBytes })
        add("process_open_fds", .gauge, "Open file descriptors.", openFiles())
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            add("process_max_fds", .gauge, "Most open file descriptors allowed.", Double(limit.rlim_cur))
        }
        return metrics
    }

    private static func bootTime() -> Double? {
        file("/proc/stat")?.split(separator: "\n").first { $0.hasPrefix("btime ") }
            .flatMap { Double($0.dropFirst(6)) }
    }

    private static func openFiles() -> Double? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        // Without ".", ".." and the directory itself.
        return Double(count - 3)
    }

    /// Up to 1 MiB of a file of /proc.
    private static func file(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while bytes.count < 1 << 20 {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count <= 0 { break }
            bytes += buffer[..<count]
        }
        return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }
}
