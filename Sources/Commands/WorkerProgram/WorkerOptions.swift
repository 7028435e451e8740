public import ArgumentParser
import Glibc
public import SignatureV4
import StepContracts
public import WorkerProtocol

/// What every worker program is told: which engine, under which name, how much at a time, and where it answers.
public struct WorkerOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The engine's address.", valueName: "url"))
    public var engine: String

    @Option(help: ArgumentHelp("Where media lies: a directory, file:///DIR or s3://BUCKET/PREFIX.", valueName: "url"))
    public var store: String

    @Option(help: "The worker's name, the same over restarts. (default: the host's name and the process id)")
    public var name: String?

    @Option(help: "Steps at a time.")
    public var slots = 1

    @Option(help: "Port on 127.0.0.1 for /livez, /readyz and /metrics; 0 takes a free one, which the log tells.")
    public var port = 0

    @Option(help: ArgumentHelp("File to write that port to; removed at the end.", valueName: "file"))
    public var portFile: String?

    @Option(help: "How long running steps may go on after SIGTERM, in seconds.")
    public var drainSeconds = 30

    @Option(
        name: .customLong("label"),
        help: ArgumentHelp(
            "What tells this worker from others: tasks may ask for it. May be given again.", valueName: "name=value"))
    public var labelTexts: [String] = []

    @Option(help: "Cores that tasks may book here. (default: the machine's)")
    public var offerCores: Double?

    @Option(help: "Memory that tasks may book here, such as 12GiB. (default: the machine's)")
    public var offerMemory: String?

    @Option(help: "Disk that tasks may book here, such as 200GiB. (default: what is free where their files go)")
    public var offerScratch: String?

    public init() {}

    public mutating func validate() throws {
        guard engine.hasPrefix("http://") || engine.hasPrefix("https://") else {
            throw ValidationError("--engine is '\(engine)'; it has to be http://HOST[:PORT] or https://HOST[:PORT].")
        }
        guard (1...256).contains(slots) else { throw ValidationError("--slots has to be from 1 to 256.") }
        guard (0...65_535).contains(port) else { throw ValidationError("--port has to be from 0 to 65535.") }
        guard (0...86_400).contains(drainSeconds) else {
            throw ValidationError("--drain-seconds has to be from 0 to 86400.")
        }
        if let offerCores, !(0.001...4096).contains(offerCores) {
            throw ValidationError("--offer-cores has to be from 0.001 to 4096.")
        }
        for (option, text) in [("--offer-memory", offerMemory), ("--offer-scratch", offerScratch)] {
            if let text, ByteCount.read(text) == nil {
                throw ValidationError("\(option) is '\(text)'; it has to be a number of bytes, or one like 12GiB.")
            }
        }
        for text in labelTexts {
            guard let split = text.firstIndex(of: "="), split != text.startIndex, text.utf8.count <= 256 else {
                throw ValidationError("--label is '\(text)'; it has to be NAME=VALUE, of at most 256 bytes.")
            }
        }
        guard labelTexts.count <= WorkerProtocolLimits.labels else {
            throw ValidationError("A worker has at most \(WorkerProtocolLimits.labels) labels.")
        }
        if let name, name.isEmpty { throw ValidationError("--name must not be empty.") }
    }

    /// The name given, or one that no other process has: two of one name would be taken for one that was started again.
    public var effectiveName: String { name ?? "\(Self.hostName)-\(getpid())" }

    /// By name; of one that is given twice the last counts.
    public var labels: [String: String] {
        Dictionary(
            labelTexts.map { text in
                let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                return (String(parts[0]), String(parts[1]))
            }, uniquingKeysWith: { $1 })
    }

    /// What tasks may book here: as told, else what the machine has.
    ///
    /// - Parameter scratch: where tasks keep their files.
    public func capacity(scratch: String) -> WorkerCapacity {
        WorkerCapacity(
            millicores: offerCores.map { Int($0 * 1000) } ?? MachineCapacity.millicores,
            memoryBytes: offerMemory.flatMap(ByteCount.read) ?? MachineCapacity.memoryBytes,
            scratchBytes: offerScratch.flatMap(ByteCount.read) ?? MachineCapacity.freeBytes(at: scratch))
    }

    /// The access key of the environment, `SHOWRUNNER_ACCESS_KEY_ID` and `SHOWRUNNER_SECRET_ACCESS_KEY`, to sign messages
    /// with; nil without one. (`AWS_ACCESS_KEY_ID` is the object store's.) Throws where only one of the two is set.
    public static func signer(environment: [String: String]) throws -> RequestSigner? {
        let id = environment["SHOWRUNNER_ACCESS_KEY_ID"] ?? ""
        let secret = environment["SHOWRUNNER_SECRET_ACCESS_KEY"] ?? ""
        if id.isEmpty && secret.isEmpty { return nil }
        guard !id.isEmpty, !secret.isEmpty else {
            throw ValidationError(
                "SHOWRUNNER_ACCESS_KEY_ID and SHOWRUNNER_SECRET_ACCESS_KEY are set together or not at all.")
        }
        return RequestSigner(accessKeyID: id, secretAccessKey: secret, region: "us-east-1", service: "states")
    }

    private static var hostName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        gethostname(&buffer, buffer.count - 1)
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
