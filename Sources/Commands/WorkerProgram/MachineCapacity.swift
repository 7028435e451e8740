import Glibc

/// What this machine has, or the container that this process is in.
enum MachineCapacity {
    static var cores: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    /// The machine's memory, or the bound of the control group where that is less.
    static var memoryBytes: Int {
        let machine = max(0, sysconf(Int32(_SC_PHYS_PAGES))) * max(0, sysconf(Int32(_SC_PAGESIZE)))
        guard let file = fopen("/sys/fs/cgroup/memory.max", "r") else { return machine }
        defer { fclose(file) }
        var buffer = [CChar](repeating: 0, count: 32)
        guard fgets(&buffer, Int32(buffer.count), file) != nil else { return machine }
        // `max` where there is no bound.
        let digits = buffer.map { UInt8(bitPattern: $0) }.prefix { (0x30...0x39).contains($0) }
        guard let bound = Int(String(decoding: digits, as: UTF8.self)) else { return machine }
        return min(machine, bound)
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
}
