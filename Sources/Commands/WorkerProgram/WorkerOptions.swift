public import ArgumentParser
import Glibc
public import SignatureV4

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
        if let name, name.isEmpty { throw ValidationError("--name must not be empty.") }
    }

    /// The name given, or one that no other process has: two of one name would be taken for one that was started again.
    public var effectiveName: String { name ?? "\(Self.hostName)-\(getpid())" }

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
