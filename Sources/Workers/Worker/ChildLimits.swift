import CShims
import Glibc
import JSON

/// What a child process may use. The kernel enforces them (setrlimit(2)); the child sets them on itself before it
/// opens a file it was not born with.
public struct ChildLimits: Sendable, Hashable {
    /// Address space of the child, in bytes. Encoders map far more than they touch: leave room.
    public var addressSpaceBytes: Int
    /// Largest file the child may write, in bytes.
    public var fileBytes: Int
    public var openFiles: Int
    /// Longest a step may take by the wall clock, in seconds, where the task names no shorter time.
    public var wallSeconds: Int

    public init(
        addressSpaceBytes: Int = 8 << 30, fileBytes: Int = 64 << 30, openFiles: Int = 1024, wallSeconds: Int = 86_400
    ) {
        self.addressSpaceBytes = addressSpaceBytes
        self.fileBytes = fileBytes
        self.openFiles = openFiles
        self.wallSeconds = wallSeconds
    }
}

/// The limits of one child, as it is told them.
struct AppliedLimits: Sendable, Hashable {
    let addressSpaceBytes: Int
    let fileBytes: Int
    let openFiles: Int
    let cpuSeconds: Int

    /// CPU time follows from wall time and threads; the few spare seconds let the wall clock strike first.
    init(_ limits: ChildLimits, wallSeconds: Int, threads: Int) {
        addressSpaceBytes = limits.addressSpaceBytes
        fileBytes = limits.fileBytes
        openFiles = limits.openFiles
        // Decoders and filters bring threads of their own beside the ones asked for.
        cpuSeconds = wallSeconds.multipliedReportingOverflow(by: max(4, threads * 4)).partialValue + 10
    }

    var json: JSON {
        [
            "addressSpaceBytes": .integer(addressSpaceBytes), "fileBytes": .integer(fileBytes),
            "openFiles": .integer(openFiles), "cpuSeconds": .integer(cpuSeconds),
        ]
    }

    init?(json: JSON) {
        guard let addressSpaceBytes = json["addressSpaceBytes"]?.integerValue, addressSpaceBytes > 0,
            let fileBytes = json["fileBytes"]?.integerValue, fileBytes > 0,
            let openFiles = json["openFiles"]?.integerValue, openFiles > 0,
            let cpuSeconds = json["cpuSeconds"]?.integerValue, cpuSeconds > 0
        else { return nil }
        self.addressSpaceBytes = addressSpaceBytes
        self.fileBytes = fileBytes
        self.openFiles = openFiles
        self.cpuSeconds = cpuSeconds
    }

    /// Puts the limits on this process, for good. Returns a sentence when the kernel refuses one.
    func apply() -> String? {
        let wanted: [(shim_limit, Int, String)] = [
            (shim_limit_core_bytes, 0, "core file size"),
            (shim_limit_address_space_bytes, addressSpaceBytes, "address space"),
            (shim_limit_file_bytes, fileBytes, "file size"),
            (shim_limit_open_files, openFiles, "open files"),
            (shim_limit_cpu_seconds, cpuSeconds, "CPU time"),
        ]
        for (limit, value, name) in wanted {
            var soft: UInt64 = 0
            var hard: UInt64 = 0
            let read = shim_get_limit(limit, &soft, &hard)
            guard read == 0 else { return "the \(name) limit cannot be read: \(systemReason(read))" }
            // A host may allow less than we ask for; its word holds.
            let effective = min(UInt64(value), hard)
            let written = shim_set_limit(limit, effective, effective)
            guard written == 0 else { return "the \(name) limit cannot be set: \(systemReason(written))" }
        }
        return nil
    }
}
