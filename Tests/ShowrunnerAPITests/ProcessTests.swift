import CatalogStore
import CatalogTestSupport
import Foundation
import HTTP
import Postgres
import PostgresTestSupport
import TemporaryFolder
import Testing

/// The program as it is run: exit codes, messages and signals.
@Suite("showrunner-api", .serialized)
struct ProcessTests {
    /// Beside the test program.
    private static let program = URL(fileURLWithPath: ProcessInfo.processInfo.arguments[0])
        .deletingLastPathComponent().appendingPathComponent("showrunner-api")

    private struct Ended {
        let status: Int32
        let errors: String
    }

    private static func run(_ arguments: [String]) async throws -> Ended {
        let process = Process()
        let errors = Pipe()
        process.executableURL = program
        process.arguments = arguments
        process.standardError = errors
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        let output = try errors.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Ended(status: process.terminationStatus, errors: String(decoding: output, as: UTF8.self))
    }

    private static let sound = [
        "--database", "postgresql:///x?host=/nonexistent", "--store", "/tmp", "--port", "0",
    ]

    @Test(arguments: [
        ("nothing given", [], "Missing expected argument '--database <url>'"),
        ("unknown flag", sound + ["--colour"], "Unknown option '--colour'"),
        ("port is no number", Array(sound.dropLast()) + ["http"], "'http' is invalid for '--port"),
        (
            "port out of range", Array(sound.dropLast()) + ["65536"],
            "--port is 65536; a port is a number from 0 to 65535."
        ),
        (
            "database is no URL", ["--database", "db"] + sound.dropFirst(2),
            "--database is 'db'; it has to be a postgresql://"
        ),
        (
            "engine with a path", sound + ["--engine", "http://a/b"],
            "--engine is 'http://a/b'; it has to be"
        ),
        (
            "public URL with a path", sound + ["--public-url", "http://a/b"],
            "--public-url is 'http://a/b'; it has to be"
        ),
        ("unknown store", Array(sound.prefix(2)) + ["--store", "ftp://x", "--port", "0"], "neither a path nor"),
    ])
    func wrongUse(_ name: String, _ arguments: [String], _ message: String) async throws {
        let ended = try await Self.run(arguments)
        #expect(ended.status == 2, "\(name): \(ended.errors)")
        #expect(ended.errors.contains(message), "\(name): \(ended.errors)")
    }

    @Test func helpSaysHowToStartItAndExitsWith0() throws {
        let process = Process()
        let output = Pipe()
        process.executableURL = Self.program
        process.arguments = ["--help"]
        process.standardOutput = output
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(text.contains("Example:"))
    }

    /// Starts the program on a real catalogue, waits for its line that it listens, and gives its address.
    private static func withServer(
        _ body: (_ address: String, _ arguments: [String], _ process: Process) async throws -> Void
    ) async throws {
        let url = try await TestDatabase.empty()
        let catalogue = try await Catalogue.connect(url)
        try await CatalogStore.migrate(catalogue.connection)
        let directory = try TemporaryFolder()
        let arguments = ["--database", url, "--engine", "http://127.0.0.1:1", "--store", directory.path, "--port"]
        let process = Process()
        let errors = Pipe()
        process.executableURL = program
        process.arguments = arguments + ["0"]
        process.standardError = errors
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        defer {
            if process.isRunning { process.terminate() }
            process.waitUntilExit()
        }
        var log = ""
        var address: String?
        while address == nil {
            let data = errors.fileHandleForReading.availableData
            if data.isEmpty { break }
            log += String(decoding: data, as: UTF8.self)
            address = log.firstMatch(of: /"url":"(http:[^"]+)"/).map { String($0.1) }
        }
        let found = try #require(address, "\(log)")
        try await body(found, arguments, process)
    }

    @Test func itServesUntilItIsTerminatedAndThenExitsWith0() async throws {
        try await Self.withServer { address, _, process in
            let client = HTTPClient()
            #expect(try await client.send(HTTPRequest("GET", "\(address)/readyz")).status == 200)
            let list = try await client.send(HTTPRequest("GET", "\(address)/v1/titles"))
            #expect(String(decoding: list.body, as: UTF8.self) == "{\"items\":[],\"next\":null}")
            let metrics = try await client.send(HTTPRequest("GET", "\(address)/metrics"))
            #expect(
                String(decoding: metrics.body, as: UTF8.self)
                    .contains("http_requests_total{method=\"GET\",route=\"/v1/titles\",status=\"200\"} 1"))
            process.terminate()
            process.waitUntilExit()
            #expect(process.terminationReason == .exit)
            #expect(process.terminationStatus == 0)
        }
    }

    @Test func aTakenPortIsExit1AndOneSentence() async throws {
        try await Self.withServer { address, arguments, _ in
            let port = try #require(address.split(separator: ":").last.map(String.init))
            let ended = try await Self.run(arguments + [port])
            #expect(ended.status == 1)
            #expect(ended.errors.contains("port \(port) on 127.0.0.1 is taken by another process"), "\(ended.errors)")
        }
    }

    @Test func aNewerCatalogueIsExit1AtOnce() async throws {
        let url = try await TestDatabase.empty()
        let catalogue = try await Catalogue.connect(url)
        try await CatalogStore.migrate(catalogue.connection)
        try await catalogue.connection.script(
            "INSERT INTO catalogue.migration VALUES (99, 'later', 'SELECT 1', now())", deadline: Catalogue.deadline)
        let ended = try await Self.run([
            "--database", url, "--store", "/tmp", "--port", "0",
        ])
        #expect(ended.status == 1)
        #expect(ended.errors.contains("use a newer showrunner-api"), "\(ended.errors)")
    }
}
