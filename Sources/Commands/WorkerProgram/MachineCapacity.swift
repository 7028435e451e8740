import Glibc
public import WorkerProtocol

/// What this machine has, or the container that this process is in.
public enum MachineCapacity {
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
        let (millicores, memory, disk) = (cores * 1000, memoryBytes, freeBytes(at: scratch))
        return (
            WorkerCapacity(
                millicores: millicores / 8 * 7 / mediaWorkers, memoryBytes: memory / 8 * 7 / mediaWorkers,
                scratchBytes: disk / 8 * 7 / mediaWorkers),
            WorkerCapacity(millicores: millicores / 8, memoryBytes: memory / 8, scratchBytes: disk / 8)
        )
    }

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
