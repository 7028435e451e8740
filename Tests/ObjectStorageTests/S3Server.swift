import Foundation
import HTTP
import ObjectStorage
import Synchronization

/// An S3 server for this test run, started when the first test wants it: Ceph's gateway where it is installed, which
/// checks signatures; else moto, which does not. It ends with the test process, by the closing of its input.
final class S3Server: Sendable {
    enum Kind: String, Sendable {
        case ceph = "Ceph radosgw"
        case moto
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Which server can be started here; nil when none can. `SHOWRUNNER_TEST_S3` (`ceph`, `moto` or `none`) chooses.
    static let kind: Kind? = {
        switch ProcessInfo.processInfo.environment["SHOWRUNNER_TEST_S3"] {
        case "ceph": return .ceph
        case "moto": return .moto
        case "none": return nil
        default: break
        }
        if ["ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph"].allSatisfy({ program($0) != nil }) {
            return .ceph
        }
        return program("moto_server") == nil ? nil : .moto
    }()

    static let shared = Task { try await start() }

    static let bucket = "showrunner-tests"

    let endpoint: String
    /// Holds the server: when this pipe closes, it ends.
    private let lifeline: Pipe

    var environment: [String: String] {
        [
            "AWS_ENDPOINT_URL_S3": endpoint, "AWS_ACCESS_KEY_ID": "showrunner",
            "AWS_SECRET_ACCESS_KEY": "showrunner-secret", "AWS_REGION": "us-east-1",
        ]
    }

    private init(endpoint: String, lifeline: Pipe) {
        self.endpoint = endpoint
        self.lifeline = lifeline
    }

    private static func start() async throws -> S3Server {
        guard let kind else { throw Failure(description: "No S3 server is installed.") }
        let port = try freePort()
        let folder = "\(FileManager.default.temporaryDirectory.path)/showrunner-s3-\(UUID().uuidString)"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        switch kind {
        case .ceph:
            let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appendingPathComponent("../Support/ceph-s3.sh").standardized.path
            process.arguments = [script, folder, String(try freePort()), String(port)]
        case .moto:
            process.arguments = [
                "-c",
                """
                set -m # a process group of its own: pyenv's moto_server is a script that starts another process
                moto_server -H 127.0.0.1 -p \(port) > /dev/null 2>&1 < /dev/null & server=$!
                trap 'kill -KILL -- -$server' EXIT
                until (exec 3<> /dev/tcp/127.0.0.1/\(port)) 2> /dev/null; do kill -0 $server; sleep 0.1; done
                echo ready
                cat > /dev/null
                """,
            ]
        }
        let lifeline = Pipe()
        let output = Pipe()
        process.standardInput = lifeline
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        let line: String = try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                do {
                    try process.run()
                    let data = output.fileHandleForReading.availableData
                    continuation.resume(returning: String(decoding: data, as: UTF8.self))
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
        guard line.hasPrefix("ready") else {
            throw Failure(description: "\(kind.rawValue) did not start on port \(port).")
        }
        print("S3 tests run against \(kind.rawValue) on port \(port).")
        let server = S3Server(endpoint: "http://127.0.0.1:\(port)", lifeline: lifeline)
        let store = try S3Store(S3Store.Location(url: "s3://\(bucket)", environment: server.environment))
        try await store.createBucket()
        return server
    }

    private static func program(_ name: String) -> String? {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// A port of loopback that nobody uses at the moment, with room for Ceph's daemons behind it.
    static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(description: "No socket.") }
        defer { close(descriptor) }
        for _ in 0..<100 {
            let port = UInt16.random(in: 20_000..<32_000)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let bound = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            if bound == 0 { return Int(port) }
        }
        throw Failure(description: "No free port between 20000 and 32000.")
    }
}
